"""CDR and GDA rows: the counts and documents of the golden files, and that the order of the pairs says nothing."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora.eog import EOG, cdr_schema, gda_schema, read_eog
from joint_ie.corpora.order import in_text_order
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document
from joint_ie.errors import InputError

FILES = ["cdr/train.data", "cdr/train_filter.data", "cdr/dev.data", "cdr/dev_filter.data"]
GOLDEN = "golden/joint_and_scoring/c_cdr_gda"


def golden(shared: Path, name: str) -> Any:
    return json.loads((shared / GOLDEN / name).read_text(encoding="utf-8"))


def pairs_by_concept(document: Document) -> dict[tuple[str | None, str | None], int]:
    """Every candidate by the concepts of head and tail, with 1 for a positive one."""
    positive = {(relation.head, relation.tail) for relation in document.relations or ()}
    ids = [entity.id for entity in document.entities]
    return {(ids[h], ids[t]): int((h, t) in positive) for h, t in document.candidates or ()}


@pytest.mark.parametrize("file", FILES)
def test_counts_are_the_golden_ones(shared: Path, file: str) -> None:
    expected = golden(shared, "corpus_counts.json")[file]
    asked = documents = mentions = positives = pairs = 0
    for document in map(in_text_order, read_eog(shared / "data" / file)):
        document.validate(cdr_schema())
        in_pairs = {i for pair in document.candidates or () for i in pair}
        documents += bool(document.candidates)
        asked += len(in_pairs)
        mentions += sum(len(document.entities[i].mentions) for i in in_pairs)
        pairs += len(document.candidates or ())
        positives += len(document.relations or ())
        for relation in document.relations or ():
            assert (relation.head, relation.tail) in (document.candidates or ())
        for h, t in document.candidates or ():
            assert (document.entities[h].type, document.entities[t].type) == ("Chemical", "Disease")
    assert (documents, asked, mentions) == (expected["documents"], expected["entities"], expected["mentions"])
    assert (pairs, positives) == (expected["pairs"], expected["positive_pairs"])
    assert pairs - positives == expected["negative_pairs"]


def with_markers(document: Document, pieces: list[str]) -> list[int]:
    """The position of every word, and of the end, among the pieces, which have a `*` around every mention."""
    marked = {
        (*mention.span, mention.type or entity.type) for entity in document.entities for mention in entity.mentions
    }
    positions = []
    at = 0
    for i, word in enumerate(document.words):
        positions.append(at)
        opening = sum(start == i for start, _, _ in marked)
        assert pieces[at : at + opening] == ["*"] * opening
        at += opening
        left = len(word)
        while left > 0:
            left -= len(pieces[at].removeprefix("##")) if pieces[at] != "[UNK]" else left
            at += 1
        assert left == 0
        closing = sum(end == i + 1 for _, end, _ in marked)
        assert pieces[at : at + closing] == ["*"] * closing
        at += closing
    assert at == len(pieces)
    return [*positions, at]


@pytest.mark.parametrize("file", ["cdr/train_filter.data", "gda/test.data"])
def test_documents_are_the_golden_ones(shared: Path, tmp_path: Path, file: str) -> None:
    cases = golden(shared, "documents.json")[file]
    path = tmp_path / "rows.data"
    path.write_text("".join(case["line"] + "\n" for case in cases), encoding="utf-8")
    documents = list(read_eog(path))
    assert len(documents) == len(cases) == 5
    for document, case in zip(documents, cases, strict=True):
        assert document.id == case["pmid"]
        document.validate(gda_schema() if file.startswith("gda") else cdr_schema())
        positions = with_markers(document, case["wordpieces"][1:-1])
        place = {
            entity.id: [[positions[m.start], positions[m.end]] for m in entity.mentions] for entity in document.entities
        }
        found = []
        for fields in blocks(case["line"]):
            if fields[0] == "not_include":
                assert (fields[5], fields[11]) not in pairs_by_concept(document)
                continue
            # ATLOP's head is what comes first in the text; ours the chemical or gene.
            head, tail = (fields[5], fields[11]) if fields[1] == "L2R" else (fields[11], fields[5])
            positive = pairs_by_concept(document)[fields[5], fields[11]]
            found.append((place[head], place[tail], [1 - positive, positive]))
        assert found == [
            (case["entity_pos"][h], case["entity_pos"][t], label)
            for (h, t), label in zip(case["hts"], case["labels"], strict=True)
        ]


def test_golden_predictions_are_about_these_pairs(shared: Path) -> None:
    documents = list(read_eog(shared / "data/cdr/dev_filter.data"))
    for case in golden(shared, "predictions_and_scores.json")["cdr/dev_filter.data"].values():
        counts = {"tp": 0, "fp": 0, "fn": 0}
        for document, (id, predictions) in zip(documents, case["predictions"], strict=True):
            pairs = pairs_by_concept(document)
            assert document.id == id and len(predictions) == len(pairs)
            for head, tail, predicted in predictions:
                gold = pairs[head, tail]
                counts["tp"] += predicted and gold
                counts["fp"] += predicted and not gold
                counts["fn"] += gold and not predicted
        assert counts == {key: case[key] for key in counts}


def blocks(line: str) -> list[list[str]]:
    fields = line.rstrip("\n").split("\t")
    return [fields[i : i + 17] for i in range(2, len(fields), 17)]


@pytest.mark.parametrize("file", FILES)
def test_the_order_of_pairs_says_nothing(shared: Path, tmp_path: Path, file: str) -> None:
    chance = random.Random(4)
    path = tmp_path / "permuted.data"
    original = shared / "data" / file
    with path.open("w", encoding="utf-8") as permuted:
        for line in original.read_text(encoding="utf-8").splitlines():
            shuffled = blocks(line)
            chance.shuffle(shuffled)
            print(*line.split("\t")[:2], *(field for block in shuffled for field in block), sep="\t", file=permuted)
    assert path.read_text(encoding="utf-8") != original.read_text(encoding="utf-8")
    assert list(map(in_text_order, read_eog(path))) == list(map(in_text_order, read_eog(original)))


def test_the_filter_changes_candidates_only(shared: Path) -> None:
    """Concepts of pairs that are not included have mentions all the same but for one misspelt concept."""
    whole = {document.id: document for document in read_eog(shared / "data/cdr/train.data")}
    for document in read_eog(shared / "data/cdr/train_filter.data"):
        other = whole[document.id]
        assert "".join(document.words).removesuffix(".") == "".join(other.words).removesuffix(".")
        if document.id != "227508":
            assert (document.entities, document.relations) == (other.entities, other.relations)
        assert set(pairs_by_concept(document)) <= set(pairs_by_concept(other))


CHEMICAL = ["D1", "Naloxone|naloxone", "Chemical", "0:5", "1:6", "0:1"]
DISEASE = ["D2", "heart failure", "Disease", "7", "9", "1"]
TEXT = "Naloxone stops it .|But naloxone causes heart failure ."


def row(*pairs: list[str], id: str = "7", text: str = TEXT) -> str:
    return "\t".join([id, text, *(field for pair in pairs for field in pair)])


def pair(label: str = "1:CID:2", first: list[str] = CHEMICAL, second: list[str] = DISEASE) -> list[str]:
    return [label, "L2R", "NON-CROSS", "5-6", "7-9", *first, *second]


def changed(argument: list[str], **fields: str) -> list[str]:
    names = ["concept", "names", "type", "starts", "ends", "sentences"]
    return [fields.get(name, value) for name, value in zip(names, argument, strict=True)]


def write(folder: Path, *rows: str) -> Path:
    path = folder / "rows.data"
    path.write_text("".join(f"{line}\n" for line in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("encode", [lambda t: t.encode(), lambda t: b"\xef\xbb\xbf" + t.replace("\n", "\r\n").encode()])
def test_a_small_row(tmp_path: Path, encode: Any) -> None:
    path = tmp_path / "rows.data"
    path.write_bytes(encode(row(pair()) + "\n\n" + row(id="8")))
    repairs = Repairs()
    document, bare = read_eog(path, repairs)
    assert document.id == "7" and [list(document.words[a:b]) for a, b in document.sentence_spans] == [
        sentence.split(" ") for sentence in TEXT.split("|")
    ]
    assert [(e.id, e.type, e.name, [m.span for m in e.mentions]) for e in document.entities] == [
        ("D1", "Chemical", "Naloxone", [(0, 1), (5, 6)]),
        ("D2", "Disease", "heart failure", [(7, 9)]),
    ]
    assert [(r.head, r.tail, r.type, r.label) for r in document.relations or ()] == [
        (0, 1, "CID", "chemical-induced disease")
    ]
    assert document.candidates == ((0, 1),)
    assert (bare.entities, bare.relations, bare.candidates) == ((), (), ())
    assert not repairs.found
    assert EOG.recognises(path.read_text(encoding="utf-8-sig"))


def test_what_is_odd_is_noted(tmp_path: Path) -> None:
    shorter = changed(CHEMICAL, names="Naloxone", starts="0", ends="1", sentences="0")
    name = changed(DISEASE, names="heart")
    rows = [
        row(pair("1:NR:2", shorter), pair("1:NR:2")),
        row(pair()),
        row(pair("not_include", second=name), pair("1:GDA:2", second=name), pair("1:NR:2", second=name), id="8"),
    ]
    repairs = Repairs()
    first, second = read_eog(write(tmp_path, *rows), repairs)
    assert [m.span for m in first.entities[0].mentions] == [(0, 1), (5, 6)]
    assert first.relations == () and first.candidates == ((0, 1),)
    assert [relation.type for relation in second.relations or ()] == ["GDA"] and second.candidates == ((0, 1),)
    assert (second.entities[1].mentions[0].name, second.entities[1].mentions[0].text) == ("heart", "heart failure")
    assert [(repair.document, repair.kind) for repair in repairs.found] == [
        ("7", "concepts with other mentions in another pair merged"),
        ("7", "pairs listed again merged"),
        ("7", "repeated documents left out"),
        ("8", "pairs listed again merged"),
        ("8", "mentions in words with more than their name kept whole"),
    ]


def test_a_concept_of_two_types_is_noted(tmp_path: Path) -> None:
    gene = changed(CHEMICAL, type="Gene")
    for pairs in ((pair(), pair("1:NR:2", gene)), (pair("1:NR:2", gene), pair())):
        repairs = Repairs()
        (document,) = read_eog(write(tmp_path, row(*pairs)), repairs)
        assert document.entities[0].type == "Chemical"
        assert "1 concepts of two types given the first in the alphabet" in repairs.summary().split(", ")


BROKEN = {
    "a field too few": (row(pair())[:-2], "line 1: has 18 fields, but should have 2 and 17 for every pair"),
    "only an id": ("7", "line 1: has 1 fields"),
    "label": (row(pair("CID")), "line 1 (document 7): pair 1 has the label 'CID'"),
    "mention beyond the text": (
        row(pair(second=changed(DISEASE, ends="19"))),
        "words [7, 19], outside sentence 1 at [4",
    ),
    "mention across sentences": (row(pair(second=changed(DISEASE, starts="3"))), "[3, 9], outside sentence 1"),
    "empty mention": (row(pair(second=changed(DISEASE, ends="7"))), "pair 1: D2: mention 'heart failure' is at words"),
    "no such sentence": (row(pair(second=changed(DISEASE, sentences="2"))), "in sentence 2, but the document has 2"),
    "not a number": (row(pair(), pair(second=changed(DISEASE, starts="x"))), "pair 2: D2 has 'x' where a number"),
    "no mention": (row(pair(second=changed(DISEASE, starts="", ends="", sentences=""))), "D2 has '' where a number"),
    "numbers differ": (row(pair(first=changed(CHEMICAL, ends="1"))), "D1 has 2 names, 2 starts, 1 ends and 2 sent"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_rows_are_named(tmp_path: Path, case: str) -> None:
    line, expected = BROKEN[case]
    path = write(tmp_path, line)
    with pytest.raises(InputError) as caught:
        list(read_eog(path))
    message = str(caught.value)
    assert expected in message and message.startswith(f"{path}: line 1") and "\n" not in message
    assert message.rpartition("; ")[2].startswith("correct it")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; fetch"),
        (b"\xef\xbb\xbf\r\n \n", "is empty; fetch"),
        (row(pair()).encode()[:-40], "line 1: has 11 fields"),
        (f"{row(pair())}\n{row(pair(), id='8', text='Zürich')}".encode("latin-1"), "line 2: is not UTF-8 text"),
        (row(pair()).encode("utf-16"), "line 1: is not UTF-8 text (byte 0xff at position 0)"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "rows.data"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        list(read_eog(path))
    assert expected in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read_eog(tmp_path / "rows.data"))
