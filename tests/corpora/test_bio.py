"""BIO columns: the format of the docstring, its relatives, what cannot be written, and round trips."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import bio
from joint_ie.corpora.bio import BIO, read_bio, write_bio
from joint_ie.corpora.docred import DOCRED, read_docred
from joint_ie.corpora.jsonl import JSONL
from joint_ie.corpora.order import in_text_order
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.spert import read_spert
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError


def example() -> str:
    """The example of the documentation."""
    lines = (bio.__doc__ or "").split("::\n\n", 1)[1].split("\n\nColumns", 1)[0].split("\n")
    return "\n".join(line.removeprefix("    ").replace("<TAB>", "\t") for line in lines) + "\n"


def read(folder: Path, text: str, name: str = "my.bio") -> tuple[list[Document], Counter[str]]:
    path = folder / name
    path.write_bytes(text.encode())
    repairs = Repairs()
    return list(read_bio(path, repairs)), Counter(repair.kind for repair in repairs.found)


def shown(document: Document) -> list[tuple[str | None, str, list[str]]]:
    return [(e.id, e.type, [m.text for m in e.mentions]) for e in document.entities]


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    ((document,), said) = read(tmp_path, example())
    assert document.id == "Lena Brandt" and document.text == "Lena Brandt sings She founded Nordlicht" and not said
    assert shown(document) == [("1", "PER", ["Lena Brandt", "She"]), ("2", "ORG", ["Nordlicht"])]
    assert document.relations == (Relation(0, 1, "founded", evidence=(0, 1)),)
    assert document.sentence_spans == ((0, 3), (3, 6)) and BIO.recognises(example())


def test_byte_order_mark_line_ends_and_spaces(tmp_path: Path) -> None:
    ((plain,), _) = read(tmp_path, example())
    for text in (example().replace("\n", "\r\n"), "\ufeff" + example(), "\n\n" + example() + "\n\n \n"):
        assert read(tmp_path, text)[0] == [plain]
    spaces = "# newdoc id = Lena Brandt\n" + "".join(
        line.replace("\t", "   ") + "\n" for line in example().split("\n")[1:]
    )
    assert read(tmp_path, spaces)[0] == [plain] and BIO.recognises(spaces)


def test_two_columns_are_enough(tmp_path: Path) -> None:
    text = "# relation = T1 in T3 2\nOslo B-LOC\nLima B-LOC\n\nPeru B-LOC\n. O"
    ((document,), said) = read(tmp_path, text)
    assert (document.id, shown(document)) == ("my", [(None, "LOC", [word]) for word in ("Oslo", "Lima", "Peru")])
    assert document.relations == (Relation(0, 2, "in", evidence=(1,)),) and not said


@pytest.mark.parametrize(
    "text",
    [
        "-DOCSTART- -X- -X- O\n\nOslo NNP B-NP B-LOC\nwon VBD B-VP O\n",
        "# newdoc\n1\tOslo\toslo\tPROPN\tB-LOC\n2\twon\twin\tVERB\tO\n",
        "Oslo\tNNP\tB-LOC\t_\tsaid\nwon\tVBD\tO\t_\tme\n",
        "Oslo S-LOC\nwon O",
        "Oslo U-LOC\nwon O",
    ],
)
def test_relatives(tmp_path: Path, text: str) -> None:
    ((document,), said) = read(tmp_path, text)
    assert document.words == ("Oslo", "won") and shown(document) == [(None, "LOC", ["Oslo"])] and not said
    assert document.relations is None and BIO.recognises(text)


def test_documents_and_what_they_say_of_relations(tmp_path: Path) -> None:
    text = """# global.columns = FORM TAG
# newdoc id = a
# relation = T1 r T1
x B-A

# newdoc id = a
# relations = none
x O
# newdoc
# relations = unknown
x O
# newdoc id = d
x O
"""
    documents, said = read(tmp_path, text)
    assert [document.id for document in documents] == ["a", "a#2", "my-3", "d"]
    assert [document.relations for document in documents[1:]] == [(), None, None] and documents[0].relations
    assert said == {
        "comments that are not understood left out": 1,
        "ids of an earlier document numbered": 1,
        "documents without a word on relations taken as not annotated": 1,
    }


def test_types_of_entities_and_mentions(tmp_path: Path) -> None:
    text = "# entity = 1 FIRM\nOslo\tB-LOC\t1\nwon\tO\nit\tI-FIRM\t1\nLima\tI-LOC\t2\n\nBay\tI-LOC\t2\n"
    ((document,), said) = read(tmp_path, text)
    assert shown(document) == [("1", "FIRM", ["Oslo", "it"]), ("2", "LOC", ["Lima", "Bay"])]
    assert [mention.type for entity in document.entities for mention in entity.mentions] == ["LOC", None, None, None]
    assert said == {"tags that continue no mention taken as its beginning": 3}


def test_empty_sentences_count(tmp_path: Path) -> None:
    text = "# relations = none\n# sent_id = 1\n# sent_id = 2\n# text = x\n\nx\tO\n\n# sent_id = 3\n"
    ((document,), said) = read(tmp_path, text)
    assert document.sentence_spans == ((0, 0), (0, 1), (1, 1)) and not said


BROKEN = {
    "empty": ("", "is empty"),
    "blank": ("\ufeff\r\n \n", "is empty"),
    "cut off": (example()[:-9], "line 11: no column after the word holds a tag"),
    "no tags": ("one word\ntwo words\n", "line 1: no column after the word holds a tag (O, B-TYPE, I-TYPE); correct"),
    "word alone": ("x O\ny\n", "line 2: no column after the word holds a tag (O, B-TYPE, I-TYPE), as one does on"),
    "another column": ("x\ta\tO\ny\tO\tb\n", "line 2: no column after the word holds a tag"),
    "relation cut": ("# relation = T1 r\nx B-A\n", "line 1: a relation should be head, type and tail"),
    "missing entity": ("x B-A\n# relation = T1 r T2\n", "line 2: no mention has the entity id 'T2'"),
    "missing type": ("x B-A 1\n# entity = 1\n", "line 2: should be the id of an entity and its type"),
    "missing typed": ("x B-A 1\n# entity = 2 A\n", "line 2: should be the id of an entity and its type"),
    "evidence beyond": ("x B-A\n# relation = T1 r T1 2\n", "line 2: evidence '2' should be numbers from 1 to 1"),
    "evidence before": ("x B-A\n# relation = T1 r T1 0\n", "line 2: evidence '0' should be numbers from 1 to 1"),
    "evidence is text": ("x B-A\n# relation = T1 r T1 a,1\n", "line 2: evidence 'a,1' should be numbers"),
    "relations": ("x B-A\n# relations = 0\n", 'line 2: relations should be "none" or "unknown", not \'0\''),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(tmp_path: Path, case: str) -> None:
    text, expected = BROKEN[case]
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert expected in message and message.startswith(f"{tmp_path / 'my.bio'}: ") and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "fetch"}


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "my.bio"
    path.write_bytes("Zürich B-LOC\n".encode("latin-1"))
    with pytest.raises(InputError, match=f"^{path}: is not UTF-8 text .byte 0xfc at position 1"):
        list(read_bio(path))


@pytest.mark.parametrize("text", ["", "[", '{"tokens": []}', "a word\nO no\n", "O\n", "# sent_id = 1\n"])
def test_what_is_not_taken_for_bio(text: str) -> None:
    assert not BIO.recognises(text)


def test_others_do_not_take_it(tmp_path: Path) -> None:
    assert not any(reader.recognises(example()) for reader in (JSONL, DOCRED))


def small(**changes: object) -> Document:
    bare = Document.from_words("d", [["a", "b", "c"], ["d"]])
    one = Entity("A", "a b", (bare.mention(0, 2), bare.mention(3, 4)), id="e1")
    two = Entity("B", "c", (bare.mention(2, 3, type="C"),), id="e2")
    document = bare.with_annotations([one, two], [Relation(0, 1, "r s", evidence=(1,))])
    return replace(document, **changes)  # type: ignore[arg-type]


def test_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.bio"
    assert write_bio([small(), small(id="e", entities=(), relations=())], path) == 2
    assert path.read_text(encoding="utf-8").split("\n") == [
        "# newdoc id = d",
        "# entity = e2\tB",
        "# relation = e1\tr s\te2\t2",
        "# sent_id = 1",
        *("a\tB-A\te1", "b\tI-A\te1", "c\tB-C\te2"),
        "",
        "# sent_id = 2",
        "d\tB-A\te1",
        *("", "", "# newdoc id = e", "# relations = none", "# sent_id = 1"),
        *("a\tO\t_", "b\tO\t_", "c\tO\t_", "", "# sent_id = 2", "d\tO\t_", "", ""),
    ]
    assert next(iter(read_bio(path))) == small()


def spanning(*spans: tuple[int, int]) -> Document:
    bare = small()
    return replace(bare, entities=tuple(Entity("A", "x", (bare.mention(*span),)) for span in spans), relations=None)


REFUSED = {
    "nested": (spanning((0, 3), (1, 2)), "'b' overlaps another mention"),
    "repeated": (spanning((0, 1), (0, 1)), "'a' overlaps another mention"),
    "over a sentence end": (spanning((2, 4)), "'c d' crosses the end of a sentence"),
    "candidates": (small(candidates=((0, 1),)), "has candidate pairs"),
    "word with a tab": (Document.from_words("d", [["a\tb"]]), "the word 'a\\tb' cannot stand in BIO columns"),
    "word like a comment": (Document.from_words("d", [["# a"]]), "the word '# a' cannot"),
    "word like a start": (Document.from_words("d", [["-DOCSTART-"]]), "the word '-DOCSTART-' cannot"),
    "id with a line end": (small(id="a\nb"), "'a\\nb' cannot stand in BIO columns"),
    "id of nothing": (small(id=""), "'' cannot stand"),
    "relation": (small(relations=(Relation(0, 1, " r"),)), "' r' cannot stand"),
    "type": (small(entities=(replace(small().entities[0], type="A\tB"),), relations=()), "type 'A\\tB' cannot stand"),
    "half a character": (Document.from_words("d", [["\ud800"]]), "which is no text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused_before_anything_is(tmp_path: Path, case: str) -> None:
    document, expected = REFUSED[case]
    with pytest.raises(InputError, match=r"; (write JSON Lines|decode it with its encoding)$") as caught:
        write_bio([small(), document], tmp_path / "out.bio")
    assert expected in str(caught.value) and not list(tmp_path.iterdir())


def test_losses_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bare = replace(small(), text="a  b c d", tokens=((0, 1), (3, 4), (5, 6), (7, 8)))
    one = Entity("A", "Abe", (bare.mention(3, 4), bare.mention(0, 2, "a b")), 0.5, "e1")
    two = Entity("B", "c", (bare.mention(2, 3),))
    relation = Relation(0, 1, "r", "readable", 0.7, evidence_kind="context")
    document = replace(bare, entities=(one, two), relations=(relation, Relation(1, 0, "r")))
    repairs = Repairs()
    write_bio([document, small()], tmp_path / "out.bio", repairs)
    assert {repair.document for repair in repairs.found} == {"d"}
    assert Counter(repair.kind for repair in repairs.found) == {
        "texts with other white space than single spaces normalised": 1,
        "names of entities replaced by the text of the first mention": 1,
        "names of mentions left out": 1,
        "ids of entities replaced by numbers": 1,
        "scores left out": 2,
        "ways in which evidence was found left out": 1,
        "readable names of relations left out": 1,
    }
    assert not caplog.records
    write_bio([document], tmp_path / "out.bio")
    assert caplog.messages == [f"{tmp_path / 'out.bio'}: {repairs.summary()}"]
    write_bio([small()], tmp_path / "out.bio")
    assert len(caplog.messages) == 1


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written .*; choose another place"):
        write_bio([small()], tmp_path)


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\t\n"), min_size=1, max_size=4)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\t\n"), max_size=4) | st.sampled_from(
    ["#", "O", "B-A", "1", "2", "# newdoc", "\r", " ", "_", "\ufeff"]
)
NAMES = (LINE | st.sampled_from(["A", "B", "O", "B-A", "_", "1", "T1"])).filter(lambda name: name == name.strip())


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """What BIO columns can hold, with entities and mentions in text order."""
    words = WORDS.filter(lambda word: not word.startswith("# "))
    bare = Document.from_words(draw(NAMES), draw(st.lists(st.lists(words, max_size=5), max_size=4)))
    ids = draw(st.lists(NAMES.filter(lambda id: id not in ("_", "O") and id[1:2] != "-"), max_size=3, unique=True))
    types = {id: draw(NAMES) for id in ids}
    mentions: dict[str, list[tuple[int, int, str | None]]] = {}
    for first, end in bare.sentence_spans:
        at = first
        while ids and at < end:
            stop = draw(st.integers(at, end))
            if stop > at:
                id = draw(st.sampled_from(ids))
                type = draw(st.none() | NAMES.filter(lambda name, id=id: name != types[id]))
                mentions.setdefault(id, []).append((at, stop, type))
            at = max(stop, at + 1)
    entities = []
    for id, spans in mentions.items():
        own = tuple(bare.mention(start, stop, type=type) for start, stop, type in spans)
        entities.append(Entity(types[id], own[0].text, own, id=id))
    if not entities:
        return bare.with_annotations(entities, draw(st.sampled_from([None, ()])))
    positions = st.integers(0, len(entities) - 1)
    numbers = st.lists(st.integers(0, len(bare.sentence_spans) - 1), max_size=2, unique=True)
    relation = st.builds(Relation, positions, positions, NAMES, evidence=numbers.map(tuple))
    relations = draw(st.none() | st.lists(relation, max_size=3))
    return bare.with_annotations(entities, relations)


@given(st.lists(documents(), min_size=1, max_size=3, unique_by=lambda document: document.id))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, written: list[Document]) -> None:
    path = tmp_path_factory.mktemp("bio") / "out.bio"
    repairs = Repairs()
    assert write_bio(written, path, repairs) == len(written)
    assert list(read_bio(path, repairs)) == written and not repairs.found


def test_conll04_comes_back(shared: Path, tmp_path: Path) -> None:
    written = list(read_spert(shared / "data/spert_conll04/conll04_dev.json"))
    bare = [
        replace(document, relations=tuple(replace(relation, label=None) for relation in document.relations or ()))
        for document in written
    ]
    write_bio(written, tmp_path / "dev.bio")
    assert list(read_bio(tmp_path / "dev.bio")) == bare


def test_docred_comes_back_where_it_fits(shared: Path, tmp_path: Path) -> None:
    """Documents without overlaps, without names and labels, which BIO does not hold, and with mentions in order."""
    fitting = []
    for document in read_docred(shared / "data/docred_joint/dev_joint_263.json"):
        document = in_text_order(document)
        entities = tuple(
            replace(
                entity,
                name=min(entity.mentions, key=lambda m: m.span).text,
                mentions=tuple(sorted((replace(m, name=None) for m in entity.mentions), key=lambda m: m.span)),
            )
            for entity in document.entities
        )
        relations = tuple(replace(relation, label=None) for relation in document.relations or ())
        document = replace(document, entities=entities, relations=relations)
        try:
            write_bio([document], tmp_path / "one.bio")
        except InputError as error:
            assert re.search("overlaps another mention", str(error))
        else:
            fitting.append(document)
    assert len(fitting) > 200
    write_bio(fitting, tmp_path / "dev.bio")
    assert list(read_bio(tmp_path / "dev.bio")) == fitting
