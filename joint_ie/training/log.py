"""The record of a run: one JSON object a line."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TrainingLog:
    """Appends records to a JSON Lines file; every record is on disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        """Bytes written so far: the position to `truncate` to when a run goes on from here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def truncate(self, size: int) -> None:
        """Forget records after the first ``size`` bytes, which a resumed run will write again."""
        if self.size > size:
            with self.path.open("r+b") as file:
                file.truncate(size)

    def write(self, kind: str, record: Mapping[str, Any]) -> None:
        """Append ``record`` with its ``kind`` (``step`` or ``validation``)."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **record}, ensure_ascii=False) + "\n")

    def read(self, kind: str) -> list[dict[str, Any]]:
        """All records of a ``kind``; a last line that is being written is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        return [record for record in map(json.loads, lines) if record["kind"] == kind]
