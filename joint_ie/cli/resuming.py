"""``joint-ie extract --resume``: what an earlier run has left."""

from collections import defaultdict, deque
from pathlib import Path
from typing import TYPE_CHECKING

from joint_ie.corpora.files import decode, parse_json, read_bytes
from joint_ie.document import text_id
from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.cli.inputs import Item

_START = b'{"id": '  # of every line that we write


class Done:
    """The documents of an output, to skip inputs that are there. Ids may repeat: the output holds the first of them."""

    def __init__(self, output: Path) -> None:
        """Read the output, if there is one; a half-written last line, as a killed run leaves it, is cut off."""
        self.output = output
        self._texts: dict[str, deque[str]] = defaultdict(deque)  # by id, in order, each as its `text_id`
        if output.exists():
            read_bytes(output, limit=0)
            self._read()

    def __len__(self) -> int:
        return sum(map(len, self._texts.values()))

    def take(self, item: "Item") -> bool:
        """Whether the input is there, once; `InputError` if what is there under its id is another text."""
        id, text = item if isinstance(item, tuple) else (item.id, item.text)
        if not self._texts.get(id):
            return False
        if self._texts[id].popleft() != text_id(text):
            raise InputError(
                f"{id}: has another text than in {self.output}; remove its line there, or write to another file"
            )
        return True

    def _read(self) -> None:
        whole = 0
        with self.output.open("rb") as file:
            for number, line in enumerate(file, start=1):
                where = f"{self.output}: line {number}"
                ended = line.endswith(b"\n")
                if not ended and (line.startswith(_START) or _START.startswith(line)):
                    break
                data = parse_json(decode(line, where), where)
                ours = isinstance(data, dict) and all(isinstance(data.get(key), str) for key in ("id", "text"))
                if not ended or not ours:
                    raise InputError(f"{where}: was not written by joint-ie extract; name another output")
                self._texts[data["id"]].append(text_id(data["text"]))
                whole += len(line)
        if whole < self.output.stat().st_size:
            with self.output.open("r+b") as file:
                file.truncate(whole)
