"""brat's standoff format: mentions, links and relations; offsets as tools count them; broken files."""

from pathlib import Path

import pytest

from joint_ie.corpora import Repairs
from joint_ie.corpora.brat import BRAT, read_brat
from joint_ie.document import Document
from joint_ie.errors import InputError

TEXT = "Sony formed a joint venture with Ericsson.\nSony said that it moves to North and South Korea."
ANN = """T1\tORG 0 4\tSony
T2\tORG 33 41\tEricsson
T3\tORG 43 47\tSony
T4\tPRON 58 60\tit
T5\tLOC 70 75;86 91\tNorth Korea
T6\tLOC 80 91\tSouth Korea
T7\tJoin 5 11\tformed
*\tEquiv T1 T3
R1\tCoref Arg1:T4 Arg2:T3\t
R2\tpartner Arg1:T2 Arg2:T1
R3\tpartner Arg1:T2 Arg2:T4
R4\tmoves Arg2:T5 Arg1:T4
R5\tsame Arg1:T1 Arg2:T3
R6\tcauses Arg1:E1 Arg2:T6
E1\tJoin:T7 Who:T1 With:T2
A1\tNegated E1
M1\tSpeculation E1
N1\tReference T1 Wikipedia:26989\tSony
#1\tAnnotatorNotes T4\tor the venture?
"""


def files(folder: Path, text: str | bytes = TEXT, ann: str | bytes = ANN, name: str = "a") -> Path:
    for ending, content in (("txt", text), ("ann", ann)):
        path = folder / f"{name}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / f"{name}.ann"


def read(path: Path, **options: str) -> tuple[list[Document], Repairs]:
    repairs = Repairs()
    return list(read_brat(path, repairs=repairs, **options)), repairs


def kinds(repairs: Repairs) -> set[str]:
    return {repair.kind for repair in repairs.found}


def test_mentions_links_and_relations(tmp_path: Path) -> None:
    (document,), repairs = read(files(tmp_path))
    assert document.id == "a" and document.text == TEXT
    assert [(e.type, e.name, e.id, [m.text for m in e.mentions]) for e in document.entities] == [
        ("ORG", "Sony", "T1", ["Sony", "Sony", "it"]),
        ("Join", "formed", "T7", ["formed"]),
        ("ORG", "Ericsson", "T2", ["Ericsson"]),
        ("LOC", "North and South Korea", "T5", ["North and South Korea"]),
        ("LOC", "South Korea", "T6", ["South Korea"]),
    ]
    assert [m.type for m in document.entities[0].mentions] == [None, None, "PRON"]
    assert [m.char_start for m in document.entities[0].mentions] == [0, 43, 58]
    facts = [(r.head, r.type, r.tail) for r in document.relations or ()]
    assert facts == [(2, "partner", 0), (0, "moves", 3)]
    assert [(repair.kind, repair.message) for repair in repairs.found if "line" not in repair.message] == [
        (
            "mentions in pieces replaced by the span that covers them",
            "T5 ('North Korea') becomes 'North and South Korea'",
        ),
        ("relations of events left out", "causes of E1, T6"),
        ("entities of several types given the most frequent", "T1 ('Sony') is linked as ORG, PRON: ORG is taken"),
        ("relations between the same entities merged", "partner from T2 to T4"),
        ("relations between mentions of one entity left out", "same from T1 to T3"),
    ]
    assert repairs.summary().startswith("2 attributes left out, ")
    assert {"events left out", "normalisations left out", "notes left out"} <= kinds(repairs)


def test_another_name_for_coreference(tmp_path: Path) -> None:
    (document,), _ = read(files(tmp_path), coreference="partner")
    assert [m.text for m in document.entities[0].mentions] == ["Sony", "Ericsson", "Sony", "it"]
    assert "Coref" not in {r.type for r in document.relations or ()}  # between mentions of one entity now
    path = files(tmp_path, ann="T1\tA 0 4\tSony\nT2\tA 33 41\tEricsson\n*\talias T1 T2\nR1\tCoref Arg1:T1 Arg2:T2\n")
    assert len(read(path, coreference="alias")[0][0].entities) == 1
    (document,), repairs = read(path, coreference="other")
    assert len(document.entities) == 2 and [r.type for r in document.relations or ()] == ["Coref"]
    assert repairs.summary() == "1 equivalences of other types left out"


def test_other_names_of_roles_keep_their_order(tmp_path: Path) -> None:
    ann = "T1\tA 0 4\tSony\nT2\tA 33 41\tEricsson\nR1\tr Whole:T2 Part:T1\n"
    (document,), _ = read(files(tmp_path, ann=ann))
    assert [(r.head, r.tail) for r in document.relations or ()] == [(1, 0)]


def test_a_type_is_that_of_most_mentions(tmp_path: Path) -> None:
    text = "a b c"
    ann = "T1\tX 4 5\tc\nT2\tY 2 3\tb\nT3\tX 0 1\ta\n*\tEquiv T1 T2 T3\n"
    (document,), _ = read(files(tmp_path, text, ann))
    assert document.entities[0].type == "X"
    (document,), _ = read(files(tmp_path, text, ann.replace("T3\tX", "T3\tZ")))
    assert document.entities[0].type == "Z"  # one each: the first in the text


def test_folders(tmp_path: Path) -> None:
    files(tmp_path, name="b")
    files(tmp_path, ann="", name="sub/a.x")
    (tmp_path / "annotation.conf").write_text("[entities]\n")
    (tmp_path / ".hidden.ann").write_text("?")
    (tmp_path / "new.txt").write_text("not annotated")
    documents, repairs = read(tmp_path)
    assert [document.id for document in documents] == ["b", "sub/a.x"]
    assert documents[1].relations == () and documents[1].entities == ()
    assert ("new", "texts without annotations left out") in {(r.document, r.kind) for r in repairs.found}


def test_a_corpus_without_relations(tmp_path: Path) -> None:
    documents, _ = read(
        files(tmp_path, ann="T1\tORG 0 4\tSony\nT2\tORG 43 47\tSony\nR1\tCoref Arg1:T1 Arg2:T2\n").parent
    )
    assert documents[0].relations is None and len(documents[0].entities) == 1


def test_a_mention_over_a_line_end_is_whole(tmp_path: Path) -> None:
    text = "He went to New\nYork. Then he slept."
    (document,), repairs = read(files(tmp_path, text, "T1\tLOC 11 14;15 19\tNew York\n"))
    assert document.entities[0].mentions[0].text == "New\nYork" and not repairs.found
    text = "They saw Dr.\n\nWho there."
    (document,), repairs = read(files(tmp_path, text, "T1\tPER 9 17\tDr. Who\n"))
    assert len(document.sentences) == 1
    assert kinds(repairs) == {"documents with sentence ends inside mentions removed"}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("ends", [1, 2])
def test_line_ends_and_byte_order_marks_as_tools_count_them(
    tmp_path: Path, mark: bytes, counted: bool, ends: int
) -> None:
    """brat counts a line end of two characters as one (issue 853), Python without translation as two."""
    shift = int(counted and bool(mark))
    start = 4 + ends + shift
    text = mark + "Zoë.\r\nAnn met 😀 Bo.\r\n".encode()
    ann = f"T1\tPER {start} {start + 3}\tAnn\r\nT2\tPER {start + 10} {start + 12}\tBo\r\n"
    ann += f"T3\tPER {shift} {shift + 3}\tZoë\r\n"
    (document,), repairs = read(files(tmp_path, text, mark + ann.encode()))
    assert [entity.name for entity in document.entities] == ["Zoë", "Ann", "Bo"]
    assert document.text == ("Zoë.\r\nAnn met 😀 Bo.\r\n" if ends == 2 else "Zoë.\nAnn met 😀 Bo.\n")
    assert kinds(repairs) == {
        *(["texts with line ends of two characters read as of one"] if ends == 1 else []),
        *(["offsets that count a byte order mark moved"] if shift else []),
    }


def test_lines_without_their_text(tmp_path: Path) -> None:
    (document,), _ = read(files(tmp_path, ann="T1\tORG 0 4\nT2\tORG 33 41\t"), coreference="x")
    assert [entity.name for entity in document.entities] == ["Sony", "Ericsson"]


BROKEN = {
    "T1\tORG 90 99\tKorea.": "line 1: T1 is at characters 90 to 99, which are empty or outside the text of 92 char",
    "T1\tORG 4 4\t": "line 1: T1 is at characters 4 to 4, which are empty",
    "T1\tORG 4 5\t ": "line 1: T1 is at characters 4 to 5, which are empty",
    "T1\tORG 9 4\t": "line 1: T1 is at characters 9 to 4",
    "T1\tORG 1 5\tSony": "line 1: T1 is 'Sony', but characters 1 to 5 of a.txt are 'ony '",
    "T1\tORG 0 4\tSony\nT1\tORG 43 47\tSony": "line 2: T1 is listed twice",
    "T1\tORG 0 4\tSony\nR1\tr Arg1:T1 Arg2:T9": "line 2: names T9, which the file has not",
    "T1\tORG 0 4\tSony\nR1\tr Arg1:E1 Arg2:T1": "line 2: names E1, which the file has not",
    "T1\tORG 0 4\tSony\n*\tEquiv T1 T9": "line 2: names T9, which the file has not",
    "T1\tORG 0 4\tSony\nT2\tORG 4": "line 2: 'T2\\tORG 4' is no line of brat's",
    "T1\tORG 0 4\tSony\nR1\tr Arg1:T1": "line 2: 'R1\\tr Arg1:T1' is no line of brat's",
    '{"text": "Sony"}': 'line 1: \'{"text": "Sony"}\' is no line of brat\'s',
    "# hand-made": "line 1: '# hand-made' is no line of brat's",
}


@pytest.mark.parametrize("ann", BROKEN)
def test_broken_annotations_are_named(tmp_path: Path, ann: str) -> None:
    path = files(tmp_path, ann=ann)
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {BROKEN[ann]}") and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "add", "give"}


def test_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.ann: is not UTF-8 text \(byte 0xfc at position 12\)"):
        read(files(tmp_path, "Zürich", "T1\tLOC 0 6\tZürich".encode("latin-1")))
    with pytest.raises(InputError, match=r"a\.txt: is not UTF-8 text \(byte 0xfc at position 1\)"):
        read(files(tmp_path, "Zürich".encode("latin-1"), ""))
    with pytest.raises(
        InputError, match=r"a\.ann: line 1: T1 is at characters 0 to 4.*outside the text of 0 characters"
    ):
        read(files(tmp_path, "", ANN))
    assert read(files(tmp_path, "", ""))[0] == [Document("a", "", (), ())]
    (tmp_path / "a.txt").unlink()
    with pytest.raises(InputError, match=r"a\.ann: there is no a\.txt beside it; put"):
        read(tmp_path / "a.ann")
    with pytest.raises(InputError, match=r"b\.ann: no such file"):
        read(tmp_path / "b.ann")
    (tmp_path / "a.ann").unlink()
    with pytest.raises(InputError, match=r"has no \.ann file; name the folder"):
        read(tmp_path)


def test_recognised_by_its_first_line() -> None:
    assert BRAT.folder and BRAT.extensions == (".ann",)
    assert BRAT.recognises(ANN) and BRAT.recognises("T12\tA-b 3 4;6 7\tx y\r\n")
    assert not BRAT.recognises("The T1\tis 3 4\n") and not BRAT.recognises("T1 A 3 4") and not BRAT.recognises("")
