import argparse
import io
import json
import runpy
import sys
from pathlib import Path

import pytest

from joint_ie.cli import extract
from joint_ie.cli.extract import add_parser
from joint_ie.cli.triples import print_documents, shortened
from joint_ie.corpora import read_jsonl
from joint_ie.document import Document, Entity, Relation, text_id
from joint_ie.errors import InputError
from joint_ie.extraction import load

write_checkpoint = runpy.run_path(str(Path(__file__).parents[1] / "tiny_checkpoint.py"))["write_checkpoint"]

TEXT = "Ann Lee was born in Oslo. She left for Rome in 1901."


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture
def run(checkpoint, capsys):
    """Run the command as `main` does: status, standard output and the lines of standard error."""

    def run(*words: object) -> tuple[int, str, list[str]]:
        parser = argparse.ArgumentParser()
        add_parser(parser.add_subparsers())
        args = parser.parse_args(["extract", "--model", str(checkpoint), "--precision", "no", *map(str, words)])
        try:
            status = args.run(args)
        except InputError as error:
            print(f"joint-ie: {error}", file=sys.stderr)
            status = 1
        captured = capsys.readouterr()
        return status, captured.out, captured.err.splitlines()

    return run


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """In the current folder, to which ids are relative."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "texts"
    (folder / "inner").mkdir(parents=True)
    (folder / "b.txt").write_text(TEXT, encoding="utf-8")
    (folder / "inner" / "c.txt").write_text("", encoding="utf-8")
    (folder / "ignored.md").write_text("no", encoding="utf-8")
    lines = [{"id": 7, "text": "Bob met Eve."}, {"text": "Eve left."}]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    return folder


IDS = ["7", "texts/a.jsonl:2", "texts/b.txt", "texts/inner/c.txt"]  # of the folder


def ids(output: str) -> list[str]:
    return [json.loads(line)["id"] for line in output.splitlines()]


def use_stdin(monkeypatch, data: bytes, terminal: bool = False) -> None:
    stream = io.TextIOWrapper(io.BytesIO(data))
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stdin", stream)


def test_texts_files_folders_and_standard_input_in_order(run, folder, monkeypatch):
    use_stdin(monkeypatch, "Zoë met Eve.".encode())
    document = Document.from_words("doc", [["Bob", "met", "Eve", "."]])
    documents = folder / "documents.JSONL"
    # annotations do not matter, whatever they are
    documents.write_text(json.dumps({**document.to_dict(), "relations": [{"head": 9}]}) + "\n", encoding="utf-8")
    status, output, errors = run(TEXT, folder / "b.txt", "-", "Oslo", folder, documents, "")
    assert (status, errors) == (0, [])
    assert ids(output) == [
        text_id(TEXT),
        "texts/b.txt",
        text_id("Zoë met Eve."),
        text_id("Oslo"),
        "7",
        "texts/a.jsonl:2",
        "texts/b.txt",
        "doc",
        "texts/inner/c.txt",
        "doc",
        text_id(""),
    ]
    found = [Document.from_dict(json.loads(line)) for line in output.splitlines()]
    assert found[0].text == TEXT and found[0].relations
    assert found[1].entities == found[0].entities
    assert found[2].text == "Zoë met Eve."
    assert found[7].tokens == found[9].tokens == document.tokens
    assert (found[10].entities, found[10].relations) == ((), ())


def test_standard_input_is_read_without_inputs(run, monkeypatch):
    use_stdin(monkeypatch, TEXT.encode())
    assert ids(run()[1]) == [text_id(TEXT)]
    use_stdin(monkeypatch, b"", terminal=True)
    status, output, errors = run()
    assert (status, output, len(errors)) == (2, "", 1)


def test_results_are_documents(run, folder, tmp_path):
    output = tmp_path / "new" / "out.jsonl"
    assert run(folder, "-o", output) == (0, "", [])
    assert [d.id for d in read_jsonl(output)] == IDS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.txt", None, "no such file"),
        ("inner/gone", None, "no such file"),
        ("latin.txt", b"Zo\xeb", "latin.txt: is not UTF-8 text"),
        ("corpus.json", b"[]", "corpus.json: is JSON; give JSON Lines"),
        ("cut.jsonl", b'{"text": "Bob."}\n{"text": "Ev\n{"text": "Ann."}\n', "cut.jsonl: line 2: is cut off or not"),
        ("list.jsonl", b"[1]\n", "list.jsonl: line 1: should be an object"),
        ("no_text.jsonl", b'{"id": "a", "text": null}\n', 'no_text.jsonl: line 1: field "text" should not be null'),
        (
            "half.jsonl",
            b'{"id": "h", "text": "Bob \\ud800."}\n',
            "half.jsonl: line 1: document 'h': character 4 is half",
        ),
        ("spans.jsonl", b'{"text": "Bob", "tokens": [[0, 9]], "sentences": [[0, 1]]}\n', "spans.jsonl: line 1: "),
        ("latin.jsonl", b'{"text": "Zo\xeb"}\n', "latin.jsonl: line 1: is not UTF-8"),
        ("empty", "folder", "holds no .txt or .jsonl file"),
    ],
)
def test_broken_inputs_are_named_and_the_rest_is_done(run, folder, name, content, message):
    path = folder / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    status, output, errors = run("Bob met Eve.", path, "Eve left.")
    assert status == 1
    found = ids(output)
    assert (found[0], found[-1]) == (text_id("Bob met Eve."), text_id("Eve left."))
    assert found[1:-1] == (["texts/cut.jsonl:1", "texts/cut.jsonl:3"] if name == "cut.jsonl" else [])
    [line] = errors
    assert line.startswith("joint-ie: ") and message in line


def test_a_broken_file_in_a_folder_does_not_stop_the_folder(run, folder):
    (folder / "aa.txt").write_bytes(b"\xff\xfe")
    status, output, errors = run(folder)
    assert (status, len(errors)) == (1, 1)
    assert ids(output) == IDS


def test_resume_after_a_kill(run, folder, tmp_path):
    whole = tmp_path / "whole.jsonl"
    # ids may repeat
    inputs = [folder, folder / "b.txt"]
    run(*inputs, "-o", whole)
    expected = whole.read_bytes()
    ends = [i + 1 for i, byte in enumerate(expected) if byte == ord("\n")]
    for size in (0, 3, ends[0] - 1, ends[0], ends[2] + 50, len(expected) - 1, len(expected)):
        killed = tmp_path / "killed.jsonl"
        killed.write_bytes(expected[:size])
        assert run(*inputs, "-o", killed, "--resume") == (0, "", [])
        documents = list(read_jsonl(killed))
        assert [d.id for d in documents] == [*IDS, "texts/b.txt"]
        kept = max([0, *(end for end in ends if end <= size)])
        assert killed.read_bytes()[:kept] == expected[:kept]
    new = tmp_path / "new.jsonl"
    assert run(*inputs, "-o", new, "--resume")[0] == 0
    assert len(list(read_jsonl(new))) == 5


def test_files_that_are_not_ours_are_left_alone(run, folder, tmp_path):
    notes = tmp_path / "notes.txt"
    for content in (b"my notes", b"my notes\n", b'{"text": "x"}\n', b'{"text": "x"}'):
        notes.write_bytes(content)
        status, _, errors = run(folder / "b.txt", "-o", notes, "--resume")
        assert (status, len(errors)) == (1, 1)
        assert notes.read_bytes() == content
    before = (folder / "b.txt").read_bytes()
    status, _, errors = run(folder / "b.txt", "-o", folder / "b.txt")
    assert (status, len(errors)) == (1, 1) and "is an input" in errors[0]
    assert (folder / "b.txt").read_bytes() == before


def test_resume_knows_typed_texts(run, tmp_path, monkeypatch):
    output = tmp_path / "out.jsonl"
    use_stdin(monkeypatch, b"Bob met Eve.")
    assert run(TEXT, "-", "-o", output, "--resume") == (0, "", [])
    before = output.read_bytes()
    use_stdin(monkeypatch, b"Bob met Eve.")
    assert run("-", TEXT, "-o", output, "--resume") == (0, "", [])
    assert output.read_bytes() == before
    run("Eve left.", "-o", output, "--resume")
    assert [d.text for d in read_jsonl(output)] == [TEXT, "Bob met Eve.", "Eve left."]


def test_resume_does_not_take_a_changed_text_for_done(run, folder, tmp_path):
    output = tmp_path / "out.jsonl"
    run(folder, "-o", output)
    before = output.read_bytes()
    (folder / "b.txt").write_text("Bob met Eve.", encoding="utf-8")
    (folder / "z.txt").write_text("Eve left.", encoding="utf-8")
    status, _, errors = run(folder, "-o", output, "--resume")
    assert (status, errors) == (
        1,
        [f"joint-ie: texts/b.txt: has another text than in {output}; remove its line there, or write to another file"],
    )
    assert output.read_bytes().startswith(before)
    assert [d.id for d in read_jsonl(output)] == [*IDS, "texts/z.txt"]


def test_an_output_stays_when_nothing_can_be_extracted(run, folder, tmp_path):
    for name in ("old.jsonl", "old.html"):
        output = tmp_path / name
        output.write_text("of yesterday", encoding="utf-8")
        assert run("gone.txt", "-o", output)[0] == 1
        assert output.read_text(encoding="utf-8") == "of yesterday"
    assert run(folder / "inner", "-o", tmp_path / "old.html")[0] == 0
    assert "<html" in (tmp_path / "old.html").read_text(encoding="utf-8")
    (folder / "none.jsonl").write_text("", encoding="utf-8")
    assert run(folder / "none.jsonl", "-o", tmp_path / "old.jsonl") == (0, "", [])
    assert (tmp_path / "old.jsonl").read_bytes() == b""


@pytest.mark.parametrize("name", ["out.html", "out.jsonl"])
def test_interrupted(run, tmp_path, monkeypatch, name):
    """A page is there whole or not at all; JSON Lines keep what was done, and that is what --resume goes on with."""
    output = tmp_path / name
    output.write_text("of yesterday", encoding="utf-8")
    monkeypatch.setattr(extract, "_Counts", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(TEXT, "Bob met Eve.", "-o", output)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if name == "out.html":
        assert output.read_text(encoding="utf-8") == "of yesterday"
    else:
        assert [d.text for d in read_jsonl(output)] == [TEXT]


class Interrupted:
    def of(self, documents):
        yield next(documents)
        raise KeyboardInterrupt


def test_what_was_written_is_said(run, folder, tmp_path, caplog):
    caplog.set_level("INFO", logger="joint_ie")
    output = tmp_path / "out.jsonl"
    run(folder, "-o", output)
    relations = sum(len(d.relations) for d in read_jsonl(output))
    assert caplog.messages[-1] == f"{output}: 4 documents, {relations} relations"
    run(folder, "-o", output, "--resume")
    assert caplog.messages[-1] == f"{output}: 0 new documents, 0 relations"


def test_the_ending_says_the_format(run, tmp_path):
    for name in ("page.html", "PAGE.HTM"):
        assert run(TEXT, "-o", tmp_path / name) == (0, "", [])
        assert "<html" in (tmp_path / name).read_text(encoding="utf-8")
    for name in ("out.jsonl", "out.ndjson", "out"):
        assert run(TEXT, "-o", tmp_path / name) == (0, "", [])
        assert len(list(read_jsonl(tmp_path / name))) == 1
    for name, said in (
        ("out.ttl", "joint-ie graph export"),
        ("out.graph", "graph build"),
        ("out.json", "data convert"),
    ):
        status, _, errors = run(TEXT, "-o", tmp_path / name)
        assert (status, len(errors)) == (1, 1) and said in errors[0]
        assert not (tmp_path / name).exists()
    assert run(TEXT, "-o", tmp_path / "out.json", "--format", "jsonl")[0] == 0


def test_a_dash_is_standard_output(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, output, errors = run(TEXT, "-o", "-")
    assert (status, ids(output), errors) == (0, [text_id(TEXT)], [])
    assert not list(tmp_path.iterdir())


def test_texts_that_look_like_files(run):
    status, output, errors = run("--text", "Node.js", "--text", "Bob wrote notes.txt", "--format", "jsonl")
    assert (status, errors) == (0, [])
    assert ids(output) == [text_id("Node.js"), text_id("Bob wrote notes.txt")]


def test_the_output_is_no_input_of_its_own_folder(run, folder):
    output = folder / "out.jsonl"
    run(folder, "-o", output)
    assert run(folder, "-o", output, "--resume")[0] == 0
    assert len(list(read_jsonl(output))) == 4


def test_outputs_that_cannot_be_written(run, folder):
    for output in (folder, folder / "b.txt" / "out.jsonl", Path("/dev/full")):
        status, _, errors = run(TEXT, "-o", output)
        assert (status, len(errors)) == (1, 1)
        assert "cannot be written" in errors[0]


def test_wrong_use(run, capsys):
    for words in (("--resume", TEXT), ("--resume", "-o", "x", "--format", "table", TEXT)):
        status, output, errors = run(*words)
        assert (status, output, len(errors)) == (2, "", 1)
    for words in (("--min-score", "2"), ("--min-score", "x"), ("--threads", "0")):
        with pytest.raises(SystemExit) as exit:
            run(*words, TEXT)
        assert exit.value.code == 2
    capsys.readouterr()
    status, _, errors = run("--language", "english", TEXT)
    assert (status, len(errors)) == (1, 1)


def test_relations_from_another_model(run, checkpoint, tmp_path):
    relater = write_checkpoint(tmp_path / "relater", input="markers")
    _, alone, _ = run(TEXT, "--format", "jsonl")
    status, output, errors = run(TEXT, "--format", "jsonl", "--relations-from", relater)
    assert (status, errors) == (0, [])
    both = load(checkpoint, precision="no", relations=relater)
    assert json.loads(output) == json.loads(json.dumps(both((text_id(TEXT), TEXT)).to_dict()))
    assert json.loads(output)["entities"] == json.loads(alone)["entities"]
    assert json.loads(output)["relations"] != json.loads(alone)["relations"]
    status, output, (error,) = run(TEXT, "--relations-from", tmp_path / "gone")
    assert (status, output) == (1, "") and "no such folder" in error


def test_weak_relations_are_left_out(run):
    scores = [[r["score"] for r in json.loads(run(TEXT, "--min-score", s)[1])["relations"]] for s in (0, 0.9)]
    assert [s for s in scores[0] if s >= 0.9] == scores[1] != scores[0]


def test_a_table(run, folder):
    status, output, errors = run(TEXT, "--format", "table")
    assert (status, errors) == (0, [])
    for word in ("head", "evidence", "entities", "mentions", "Ann"):
        assert word in output
    assert "text-" not in output
    output = run(folder, "--format", "table")[1]
    positions = [output.index(f"{id}\n") for id in IDS]
    assert positions == sorted(positions)
    assert "no relations found (the text is empty)" in output
    assert run("  ", "--format", "table")[1].strip() == "no relations found (the text is empty)"


def annotated() -> Document:
    document = Document.from_words("d", [["Ann", "[bold]", "\x1b[31mOslo", "."], ["Bob", "left", "."]])
    entities = [
        Entity("PER", "Ann", (document.mention(0, 1), document.mention(0, 1))),
        Entity("LOC", "\x1b[31mOslo", (document.mention(2, 3),)),
        Entity("PER", "[bold]", (document.mention(1, 2),)),
    ]
    relations = [
        Relation(0, 1, "P19", "place [red] of birth", 0.876, (0,), "both-entities"),
        Relation(0, 2, "P27", None, None, (0, 1), "nearest-mentions"),
    ]
    return document.with_annotations(entities, relations)


def test_markup_and_control_characters_are_shown_literally():
    file = io.StringIO()
    print_documents([annotated()], file)
    output = file.getvalue()
    for text in (
        "[bold]",
        "place [red] of birth",
        "0.88",
        "P27",
        "Ann ×2",
        "● Ann [bold]",
        "| Bob left .",
        "● head and",
    ):
        assert text in output
    assert "◐" not in output and "○ sentences of the two nearest mentions" in output
    assert "\x1b" not in output


def test_long_sentences_are_shortened_around_the_mentions():
    words = [f"w{i}" for i in range(100)]
    document = Document.from_words("d", [words])
    first, second = (Entity("X", words[i], (document.mention(i, i + 1),)) for i in (10, 70))
    sentence = document.sentences[0]
    text = shortened(document, sentence, (second, first))
    assert text == f"… {' '.join(words[4:17])} … {' '.join(words[64:77])} …"
    assert shortened(document, sentence, ()) == " ".join(words[:30]) + " …"
    near = Entity("X", "w12", (document.mention(12, 14),))
    assert shortened(document, sentence, (first, near)) == f"… {' '.join(words[4:20])} …"
    short = Document.from_words("d", [words[:30]])
    assert shortened(short, short.sentences[0], (first,)) == " ".join(words[:30])
