"""JSON Lines: what is written is read back, and broken lines are named."""

import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus, read_jsonl, write_jsonl
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError

words = st.text(st.characters(exclude_categories=[]), min_size=1, max_size=5)  # lone surrogates too
scores = st.none() | st.floats(0, 1)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    bare = Document.from_words(draw(words), draw(st.lists(st.lists(words, max_size=4), max_size=3)))
    if not bare.tokens:
        return bare
    last = len(bare.tokens) - 1

    def entity() -> Entity:
        mentions = []
        for _ in range(draw(st.integers(1, 3))):
            start = draw(st.integers(0, last))
            end = draw(st.integers(start, last)) + 1
            mentions.append(bare.mention(start, end, draw(st.none() | words), draw(st.none() | words)))
        return Entity(draw(words), draw(words), tuple(mentions), draw(scores))

    entities = [entity() for _ in range(draw(st.integers(1, 3)))]
    position = st.integers(0, len(entities) - 1)
    sentence = st.integers(0, len(bare.sentence_spans) - 1)
    relation = st.builds(
        Relation,
        position,
        position,
        words,
        label=st.none() | words,
        score=scores,
        evidence=st.lists(sentence, max_size=2).map(tuple),
        evidence_kind=st.none() | words,
    )
    return bare.with_annotations(entities, draw(st.none() | st.lists(relation, max_size=3)))


@given(st.lists(documents(), max_size=3))
def test_round_trip(written: list[Document]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "documents.jsonl"
        assert write_jsonl(written, path) == len(written)
        assert list(read_jsonl(path)) == written


def test_round_trip_of_real_documents(shared: Path, tmp_path: Path) -> None:
    documents = load_corpus("docred/extra", root=shared / "data")
    write_jsonl(documents, tmp_path / "extra.jsonl")
    assert load_corpus(tmp_path / "extra.jsonl") == documents


def test_documents_are_written_as_they_come() -> None:
    file = io.StringIO()

    def source():
        for i in range(3):
            assert file.getvalue().count("\n") == i
            yield Document.from_words(str(i), [["a"]])

    assert write_jsonl(source(), file) == 3


GOOD = json.dumps(Document.from_words("good", [["a", "b"]]).to_dict()).encode()
BROKEN = {
    b'{"id": "x", ': "cut off or not valid JSON",
    b"{": 'has "{" alone, not a whole document; write one document a line',
    b"[1]": "should be an object",
    b'{"id": "x"}': 'field "text" is missing',
    b'{"id": "x", "text": "a", "tokens": [[0, 5]], "sentences": [[0, 1]]}': "tokens[0] = [0, 5]",
    b'{"id": "x", "text": "a", "tokens": [0], "sentences": [[0, 1]]}': "tokens[0] should be two",
    GOOD[:-1] + b', "relations": [{"head": 0, "tail": 0, "type": "r"}]}': "head = 0 is outside",
    "é".encode("latin-1"): "not UTF-8",
}


@pytest.mark.parametrize("line", BROKEN)
def test_broken_lines_are_named_and_can_be_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD + b"\r\n\n  \n" + line + b"\n" + GOOD)
    with pytest.raises(InputError, match=f"^{path}: line 4") as caught:
        list(read_jsonl(path))
    assert BROKEN[line] in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).count(" line ") == 1  # that of the file, not of the text inside the line
    errors: list[InputError] = []
    assert [document.id for document in read_jsonl(path, errors.append)] == ["good", "good"]
    assert [str(error) for error in errors] == [str(caught.value)]


def test_a_document_over_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    path.write_text(json.dumps(json.loads(GOOD), indent=1), encoding="utf-8")
    with pytest.raises(InputError, match=f"^{path}: line 1: .*; write one document a line$"):
        load_corpus(path)


def test_missing_file_is_no_broken_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read_jsonl(tmp_path / "none.jsonl", on_error=lambda error: None))


def test_unwritable_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_jsonl([], tmp_path)
