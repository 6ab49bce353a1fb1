"""PubTator files: the same entities as in the `.data` rows of CDR, BioRED's published counts, and broken files."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora.concepts import split_concepts
from joint_ie.corpora.eog import cdr_schema, read_eog
from joint_ie.corpora.order import in_text_order
from joint_ie.corpora.pubtator import PUBTATOR, biored_schema, read_pubtator
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document
from joint_ie.errors import InputError


def by_concept(document: Document) -> dict[tuple[str | None, str], list[str]]:
    """The names of every concept in text order, without the white space that tokenisers put in."""
    return {
        (entity.id, entity.type): [m.text.replace(" ", "") for m in sorted(entity.mentions, key=lambda m: m.span)]
        for entity in document.entities
        if entity.id is not None
    }


def facts(document: Document) -> set[tuple[str | None, str, str | None]]:
    ids = [entity.id for entity in document.entities]
    return {(ids[r.head], r.type, ids[r.tail]) for r in document.relations or ()}


@pytest.mark.parametrize(("file", "rows", "alone"), [("Training", "train.data", 76), ("Development", "dev.data", 60)])
def test_cdr_is_what_its_rows_say(shared: Path, file: str, rows: str, alone: int) -> None:
    """Two ways from one corpus: mentions of several concepts count for each, those without one are extra."""
    repairs = Repairs()
    documents = list(read_pubtator(shared / f"data/cdr/CDR_{file}Set.PubTator.txt", repairs))
    expected = {document.id: document for document in read_eog(shared / "data/cdr" / rows)}
    assert [document.id for document in documents] == list(expected)
    for document in documents:
        document.validate(cdr_schema())
        other = expected[document.id]
        # The unfiltered rows end every text with a full stop.
        assert "".join(document.words).removesuffix(".") == "".join(other.words).removesuffix(".")
        assert facts(document) == facts(other)
        if document.id == "227508":  # one mention of clonidine has the misspelt concept D003000f in the rows
            continue
        listed = by_concept(other)
        assert by_concept(document).keys() == listed.keys()
        for key, names in by_concept(document).items():
            # A few mentions are part of a word of the rows ("5-HT" in "5 - HT6"): there the cut is ours.
            assert len(names) == len(listed[key])
            assert all(ours in theirs for ours, theirs in zip(names, listed[key], strict=True))
    assert sum(entity.id is None for document in documents for entity in document.entities) == alone
    assert {repair.kind for repair in repairs.found} == {
        "mentions of several concepts given to each",
        "mentions without a concept read as entities of their own",
    }


@pytest.mark.parametrize(
    ("file", "documents", "mentions", "relations", "several"),
    [("Train", 400, 13351, 4178, 4), ("Dev", 100, 3533, 1162, 0)],
)
def test_biored_is_complete(
    shared: Path, file: str, documents: int, mentions: int, relations: int, several: int
) -> None:
    """The published counts; four relations are of two concepts at once."""
    repairs = Repairs()
    read = list(read_pubtator(shared / f"data/biored/{file}.PubTator", repairs))
    assert len(read) == documents
    for document in read:
        document.validate(biored_schema())
    annotated = {
        (document.id, entity.type, mention.span)
        for document in read
        for entity in document.entities
        for mention in entity.mentions
    }
    assert len(annotated) == mentions
    assert sum(len(document.relations or ()) for document in read) == relations + several
    if file == "Train":
        assert {r.type for document in read for r in document.relations or ()} == set(biored_schema().relation_index)
    kinds = Counter(repair.kind for repair in repairs.found)
    assert kinds["relations of several concepts given to each"] == several
    assert kinds["relations of concepts without a mention left out"] == 0


@pytest.mark.parametrize(
    ("listed", "concepts"),
    [
        ("D014786", ("D014786",)),
        ("D014786|D006311", ("D014786", "D006311")),
        ("3172,3651, 6927", ("3172", "3651", "6927")),
        ("c|SUB|C|643|T", ("c|SUB|C|643|T",)),
        ("|DEL|46|S", ("|DEL|46|S",)),
        ("c|DUP||15,rs12", ("c|DUP||15", "rs12")),
        ("-1", (None,)),
        ("-", (None,)),
        ("", (None,)),
        ("D002544|-1", ("D002544", None)),
    ],
)
def test_concepts_of_a_mention(listed: str, concepts: tuple[str | None, ...]) -> None:
    assert split_concepts(listed) == concepts


TITLE = "Naloxone and visual or auditory toxicity"
ABSTRACT = "preclonidine helps."
LINES = [
    f"7|t|{TITLE}",
    f"7|a|{ABSTRACT}",
    "7\t0\t8\tNaloxone\tChemical\tD1",
    "7\t13\t40\tvisual or auditory toxicity\tDisease\tD2|D3\tvisual toxicity|auditory toxicity",
    "7\t44\t53\tclonidine\tChemical\t-1",
    "7\tCID\tD1\tD3",
]


def write(folder: Path, *lines: str) -> Path:
    path = folder / "corpus.PubTator"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("encode", [lambda t: t.encode(), lambda t: b"\xef\xbb\xbf" + t.replace("\n", "\r\n").encode()])
def test_a_small_document(tmp_path: Path, encode: Any) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(
        encode("\n".join([*LINES, "", "", "8|t|No abstract", "9|t|Another", "9|a|", "9\t0\t7\tAnother\tx"]))
    )
    document, second, third = read_pubtator(path)
    assert document.text == f"{TITLE} {ABSTRACT}"
    assert [sentence.text for sentence in document.sentences] == [TITLE, ABSTRACT]
    assert [(e.id, e.type, e.name, e.mentions[0].text) for e in document.entities] == [
        ("D1", "Chemical", "Naloxone", "Naloxone"),
        ("D2", "Disease", "visual toxicity", "visual or auditory toxicity"),
        ("D3", "Disease", "auditory toxicity", "visual or auditory toxicity"),
        (None, "Chemical", "clonidine", "clonidine"),
    ]
    assert [(r.head, r.tail, r.type, r.label) for r in document.relations or ()] == [
        (0, 2, "CID", "chemical-induced disease")
    ]
    assert document.candidates is None
    assert (second.text, second.entities, second.relations) == ("No abstract", (), ())
    assert [(entity.id, entity.type) for entity in third.entities] == [(None, "x")]
    assert PUBTATOR.recognises(path.read_text(encoding="utf-8-sig"))


def test_relations_without_direction_begin_with_what_is_mentioned_first(tmp_path: Path) -> None:
    repairs = Repairs()
    path = write(
        tmp_path,
        "1|t|ab cd ef",
        "1|a|",
        "1\t6\t8\tef\tChemicalEntity\tE",
        "1\t0\t2\tab\tChemicalEntity\tA",
        "1\t3\t5\tcd\tChemicalEntity\tC",
        "1\tBind\tC\tA\tNovel",
        "1\tAssociation\tA\tE\tNo",
        "1\tAssociation\tE\tA\tNo",
    )
    (document,) = read_pubtator(path, repairs)
    names = [entity.name for entity in document.entities]
    assert names == ["ef", "ab", "cd"]  # the order of the file
    assert [(names[r.head], r.type, names[r.tail]) for r in document.relations or ()] == [
        ("ab", "Bind", "cd"),
        ("ab", "Association", "ef"),
    ]
    asked = {(names[head], names[tail]) for head, tail in document.candidates or ()}
    assert asked == {("ab", "cd"), ("ab", "ef"), ("cd", "ef")}
    assert "1 relations stated in both directions merged" in repairs.summary()
    ordered = in_text_order(document)
    assert all(
        head < tail
        for head, tail in [*(ordered.candidates or ()), *((r.head, r.tail) for r in ordered.relations or ())]
    )
    path.write_text(path.read_text(encoding="utf-8").replace("Bind", "CID"), encoding="utf-8")
    (document,) = read_pubtator(path)  # a direction is somewhere in the file
    assert document.candidates is None and len(document.relations or ()) == 3


def test_a_file_without_relations_says_nothing_about_them(tmp_path: Path) -> None:
    """As the NCBI disease corpus: people marked mentions there and no more."""
    (document,) = read_pubtator(write(tmp_path, *LINES[:-1]))
    assert document.relations is None and len(document.entities) == 4


def test_what_is_repaired_or_left_out_is_noted(tmp_path: Path) -> None:
    lines = [
        "7|t|Dr. Who. He went.",
        "7|a|A failure, b and c failure.",
        "7\t0\t11\tDr. Who. He\tDisease\tD1",
        "7\t0\t11\tDr. Who. He\tDisease\tD1",
        "7\t29\t44\tb and c failure\tDisease\tD2|D3\tb failure",
        "7\t29\t44\tb and c failure\tGene\tD3",
        "7\tAssociation\tD2|D9\tD1\tNovel",
        "7\tAssociation\tD1\tD9\tNo",
        "7\tBind\tD3\tD2",
        "",
        *LINES,
    ]
    repairs = Repairs()
    (document,) = read_pubtator(write(tmp_path, *lines), repairs)
    assert [(e.id, e.type, len(e.mentions)) for e in document.entities] == [
        ("D1", "Disease", 2),
        ("D2", "Disease", 1),
        ("D3", "Disease", 1),
        ("D3", "Gene", 1),
    ]
    assert [entity.name for entity in document.entities[1:]] == ["b and c failure"] * 3
    assert [(r.head, r.tail) for r in document.relations or ()] == [(1, 0), (2, 1), (3, 1)]
    assert len(document.sentences) == 2, "the title is one sentence for the sake of its mention"
    assert [repair.kind for repair in repairs.found] == [
        "sentence ends inside a mention removed",
        "mentions of several concepts given to each",
        "names that do not fit their concepts left out",
        "relations of concepts without a mention left out",
        "relations of several concepts given to each",
        "documents whose labels of novelty are left out",
        "repeated documents left out",
    ]
    assert {repair.document for repair in repairs.found} == {"7"}


BROKEN = {
    "no title": (LINES[1:], 1, "should be the title of a document, such as 227508|t|"),
    "another abstract": ([LINES[0], "8|a|x"], 2, "is the abstract of 8, but follows the title of 7"),
    "another document": ([*LINES, "8\tCID\tD1\tD2"], 7, "starts with '8', but is among the lines of document 7"),
    "abstract after mentions": ([LINES[0], LINES[2], LINES[1]], 3, f"starts with '{LINES[1]}', but is"),
    "fields of a mention": ([*LINES, "7\t0\t8\tNaloxone"], 7, "has 4 fields that are neither a mention"),
    "fields of a relation": ([*LINES, "7\tCID\tD1"], 7, "has 3 fields that are neither"),
    "too many fields": ([*LINES, LINES[2] + "\t\t"], 7, "has 8 fields that are neither"),
    "no number": ([*LINES, LINES[2].replace("\t0", "\tx")], 7, "has 6 fields that are neither"),
    "beyond the text": ([*LINES, "7\t50\t70\thelps\tDisease\tD1"], 7, "[50, 70], which are empty or outside the text"),
    "empty mention": ([*LINES, "7\t5\t5\t\tDisease\tD1"], 7, "[5, 5], which are empty or outside"),
    "shifted": ([*LINES, "7\t1\t9\tNaloxone\tChemical\tD1"], 7, "[1, 9], where the text says 'aloxone '"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_lines_are_named(tmp_path: Path, case: str) -> None:
    lines, number, expected = BROKEN[case]
    path = write(tmp_path, *lines)
    with pytest.raises(InputError) as caught:
        list(read_pubtator(path))
    message = str(caught.value)
    assert expected in message and message.startswith(f"{path}: line {number}: ") and "\n" not in message
    assert message.rpartition("; ")[2].startswith("correct it")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; fetch"),
        (b"\xef\xbb\xbf\r\n", "is empty; fetch"),
        ("\n".join(LINES).encode()[:-3], "line 6: has 3 fields"),
        ("7|t|Zürich\n7|a|x\n".encode("latin-1"), "line 1: is not UTF-8 text (byte 0xfc at position 5)"),
        ("\n".join(LINES).encode("utf-16"), "line 1: is not UTF-8 text"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "corpus.PubTator"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        list(read_pubtator(path))
    assert expected in str(caught.value)


def test_offsets_count_characters_and_not_bytes(tmp_path: Path) -> None:
    """The characters at which Python would cut lines are text like any other."""
    lines = ["7|t|β\u2028blockers\x0bof α", "7|a|\U0001d6fc-tocopherol", "7\t16\t28\t-tocopherol\tChemical\tD1"]
    with pytest.raises(InputError, match=r"where the text says"):
        list(read_pubtator(write(tmp_path, *lines)))
    lines[2] = "7\t17\t28\t-tocopherol\tChemical\tD1"
    (document,) = read_pubtator(write(tmp_path, *lines))
    assert document.entities[0].mentions[0].text == "-tocopherol"
