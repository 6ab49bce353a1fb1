"""What is read, and under which ids."""

import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from joint_ie.cli.inputs import read_inputs
from joint_ie.document import Document, text_id


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(*inputs: object, texts: tuple[str, ...] = ()) -> tuple[list[tuple[str, str]], list[str]]:
    """Ids and texts, and what is said of others."""
    errors: list[str] = []
    items = read_inputs([str(given) for given in inputs], lambda error: errors.append(str(error)), texts=texts)
    found = [(item.id, item.text) if isinstance(item, Document) else item for item in items]
    assert all("\n" not in error for error in errors)
    return found, errors


def write(path: str, content: str | bytes) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def use_stdin(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_the_id_of_a_file_is_its_path(here):
    write("A/x.txt", "a")
    write("B/x.txt", "b")
    write("B/c/y.jsonl", '{"text": "y"}\n')
    expected = [("A/x.txt", "a"), ("B/c/y.jsonl:1", "y"), ("B/x.txt", "b")]
    assert read("A/x.txt", "B/c/y.jsonl", "./B/x.txt") == (expected, [])
    assert read("A/", "B") == (expected, [])
    assert read(".") == (expected, [])
    assert read(here / "A", here / "B") == (expected, [])
    os.chdir("A")
    assert read("x.txt", "../B/x.txt") == ([("x.txt", "a"), ("../B/x.txt", "b")], [])
    assert read(here / "B" / "x.txt") == ([(f"{here.as_posix()}/B/x.txt", "b")], [])


def test_the_id_of_a_text_is_made_of_it(monkeypatch):
    use_stdin(monkeypatch, b"Bob met Eve.")
    one, other = text_id("Bob met Eve."), text_id("Eve left.")
    assert one != other
    expected = [(other, "Eve left."), (one, "Bob met Eve.")]
    assert read("Eve left.", "-") == (expected, [])
    assert read("Eve left.", texts=("Bob met Eve.",)) == (expected, [])
    use_stdin(monkeypatch, b"")
    assert read("-") == ([(text_id(""), "")], [])


def test_json_lines_on_standard_input(monkeypatch):
    lines = [{"id": 7, "text": "Bob met Eve."}, {"text": "Eve left."}]
    data = "\n".join(map(json.dumps, lines)).encode()
    for start in (b"", b"\n  ", b"\xef\xbb\xbf"):
        use_stdin(monkeypatch, start + data)
        assert read("-") == ([("7", "Bob met Eve."), (text_id("Eve left."), "Eve left.")], [])
    use_stdin(monkeypatch, data + b"\n[1]\n")
    assert len(read("-")[0]) == 2
    for text in ("{braces} of Eve", "{", "[1]", "{\n}", "Bob:\n" + data.decode()):
        use_stdin(monkeypatch, text.encode())
        assert read("-") == ([(text_id(text), text)], [])
    use_stdin(monkeypatch, b"Zo\xeb")
    assert read("-")[1][0].startswith("standard input: is not UTF-8")
    use_stdin(monkeypatch, data + b"\n{}")
    assert read("-")[1] == ['standard input: line 3: field "text" is missing; add it, or check the format']


def test_a_pipe_is_read_once(here):
    os.mkfifo("pipe")
    for content, expected in (("Bob.", [(text_id("Bob."), "Bob.")]), ('{"id": 1, "text": "Eve."}', [("1", "Eve.")])):
        writer = threading.Thread(target=Path("pipe").write_text, args=(content,))
        writer.start()
        assert read("pipe") == (expected, [])
        writer.join()


def test_a_pipe_is_opened_once(here, monkeypatch):
    """A writer that sees its first reader leave has nothing to say to the next one, which then waits for ever."""
    os.mkfifo("pipe")
    opened = []

    def once(path: Path, *args: object) -> io.BytesIO:
        opened.append(str(path))
        return io.BytesIO(b"Bob.")

    monkeypatch.setattr(Path, "open", once)
    assert read("pipe") == ([(text_id("Bob."), "Bob.")], [])
    assert opened == ["pipe"]


def test_empty_tokens_are_no_tokens(here):
    """A document that was never tokenised is a text; one of other words stays as it is."""
    write("a.jsonl", '{"id": "a", "text": "Paris is in France.", "tokens": [], "sentences": []}')
    [item] = read_inputs(["a.jsonl"], pytest.fail)
    assert item == ("a", "Paris is in France.")
    document = Document.from_words("b", [["Paris", "is"]])
    write("b.jsonl", json.dumps({**document.to_dict(), "candidates": [[0, 1]]}))
    [item] = read_inputs(["b.jsonl"], pytest.fail)
    assert item == document


@pytest.mark.parametrize(
    "given",
    [
        "my missing file.txt",
        "two words.JSONL",
        "is it there.md",
        "a corpus.json",
        "gone",
        "gone/x",
        "gone.xyz",
        "a\n.txt",
    ],
)
def test_missing_files(here, given):
    found, errors = read(given)
    if given in ("gone", "a\n.txt"):  # a word, two lines
        assert (found, errors) == ([(text_id(given), given)], [])
        return
    assert (found, errors) == (
        [],
        [f"{given}: no such file; check the path, or give a text that looks like one with --text"],
    )
    assert read(texts=(given,)) == ([(text_id(given), given)], [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "notext"}', 'field "text" is missing; add it'),
        ('{"id": "txtnum", "text": 5}', 'field "text" should not be a number; correct it'),
        ('{"id": true, "text": "a"}', "id should be a string or a whole number, but is true or false; correct it"),
        ('{"id": {"a": 1}, "text": "a"}', "id should be a string or a whole number, but is an object; correct it"),
        ('{"id": 1.5, "text": "a"}', "id should be a string or a whole number, but is a number; correct it"),
        ('{"id": "s", "text": "a \\ud800"}', "document 's': character 2 is half of a surrogate pair"),
        ("[1]", "should be an object"),
        ("Bob", "is cut off or not valid JSON"),
    ],
)
def test_broken_lines_are_named(here, line, message):
    write("a.jsonl", f'{{"id": 0, "text": "Bob."}}\n{line}\n{{"id": null, "text": "Eve."}}\n')
    found, [error] = read("a.jsonl")
    assert found == [("0", "Bob."), ("a.jsonl:3", "Eve.")]
    assert error.startswith("a.jsonl: line 2: ") and message in error


def test_what_is_no_json_lines_is_said_once(here):
    for content, message in (
        (json.dumps([{"text": "a"}, {"text": "b"}], indent=1), 'line 1: has "[" alone, not a whole document'),
        (json.dumps({"text": "a"}, indent=1), 'line 1: has "{" alone'),
        ("Bob\nmet\nEve.", "line 1: is cut off or not valid JSON"),
        ("[1]\n[2]", "line 1: should be an object"),
        (b"\x89PNG\r\n\0\0\n\0", "is not a text file"),
    ):
        write("a.jsonl", content)
        found, [error] = read("a.jsonl")
        assert found == [] and error.startswith("a.jsonl: ") and message in error
    write("cut.jsonl", '{"text": "Ev\n{"text": "Eve."}\n')  # damaged, but meant so
    assert read("cut.jsonl")[0] == [("cut.jsonl:2", "Eve.")]


def test_what_is_no_text(here):
    write("picture.txt", b"\x89PNG\r\n\0\0")
    write("zeros.txt", b"Bob\0met")
    for name in ("picture.txt", "zeros.txt"):
        assert read(name) == ([], [f"{name}: is not a text file; name one that holds text in UTF-8"])
    write("windows.txt", "Zoë".encode("utf-16"))
    assert "iconv" in read("windows.txt")[1][0]
    write("a.json", '{"id": 1}')
    [error] = read("a.json")[1]
    assert 'a.json: is JSON; give JSON Lines, one {"id": ..., "text": ...} a line in a .jsonl file' in error
    assert "joint-ie data convert a.json OUT.jsonl" in error


def test_hidden_and_other_files_of_a_folder(here, caplog):
    caplog.set_level("INFO", logger="joint_ie")
    write("texts/c.txt", "Bob.")
    write("texts/._c.txt", b"\0\xff")
    write("texts/.git/d.txt", "no")
    assert read("texts") == ([("texts/c.txt", "Bob.")], [])
    assert caplog.messages == []
    write("texts/e.md", "no")
    write("texts/f/g.pdf", "no")
    assert read("texts") == ([("texts/c.txt", "Bob.")], [])
    assert caplog.messages == ["texts: 2 files with other endings than .txt and .jsonl are passed over"]
