import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rapidfuzz.fuzz import token_sort_ratio

from joint_ie.document import Entity
from joint_ie.errors import InputError
from joint_ie.graph.merging import MergeRule, node_id, normalise
from joint_ie.graph.similar import groups, similar_pairs

WORDS = st.lists(st.text("abcd1é", min_size=1, max_size=7), min_size=1, max_size=3).map(" ".join)
NAMES = st.lists(WORDS, max_size=14, unique=True)


@pytest.mark.parametrize(
    ("names", "same"),
    [
        (("Marie Curie", "marie  CURIE", " Marie\u00a0Curie.", "“Marie Curie”"), "marie curie"),
        (("The Beatles", "the beatles,", "Beatles"), "beatles"),
        (("Washington, D.C.", "Washington , D.C"), "washington, d.c"),
        (("O’Brien", "O'Brien", "O ' Brien"), None),
        (("O’Brien", "O'Brien", "O 'Brien"), "o'brien"),
        (("Straße", "STRASSE"), "strasse"),
        (("ﬁve", "Five"), "five"),
        (("e\u0301cole", "École"), "école"),
    ],
)
def test_what_is_the_same_normalised(names: tuple[str, ...], same: str | None) -> None:
    found = {normalise(name) for name in names}
    assert found == {same} if same else len(found) > 1


@pytest.mark.parametrize(
    ("a", "b"), [("C", "C#"), ("C", "C++"), ("5", "-5"), ("5", "5%"), ("The", ""), ("...", "!"), ("US", "U.S.")]
)
def test_what_stays_different(a: str, b: str) -> None:
    assert normalise(a) != normalise(b)


@given(st.text())
def test_normalising_never_loses_all(name: str) -> None:
    assert bool(normalise(name)) == bool(unicodedata.normalize("NFKC", name).split())


@pytest.mark.parametrize(
    ("type", "key", "id"),
    [("PER", "marie curie", "per-marie-curie"), ("TIME", "1867", "time-1867"), ("PER", "名前", "per-名前")],
)
def test_ids_are_readable(type: str, key: str, id: str) -> None:
    assert node_id(type, key) == id


IDENTITY = st.tuples(
    st.sampled_from(["PER", "per", "Per", "P-ER", "PER-a", "PER-A", ""]),
    st.text("aA -b.1é\ud800", max_size=4),
    st.none() | st.sampled_from(["a", "A", "D1"]),
)


@given(IDENTITY, IDENTITY)
@example(("PER", "jean paul", None), ("PER", "jean-paul", None))
@example(("PER", "a" * 61, None), ("PER", "a" * 62, None))
@example(("PER", "a", "a"), ("PER", "a", None))
@example(("PER", "a b", None), ("PER-a", "b", None))
@example(("PER", "a b", None), ("PER-A", "b", None))
def test_ids_are_of_one_thing(a: tuple[str, str, str | None], b: tuple[str, str, str | None]) -> None:
    same = a[0] == b[0] and a[2] == b[2] and (a[2] is not None or a[1] == b[1])
    assert (node_id(*a) == node_id(*b)) == same
    assert re.fullmatch(r"(?:[^\W_]|-)+", node_id(*a))  # fit for XML, IRIs and every query language
    assert len(node_id(*a)) < 150


def test_positions_in_files_are_no_concepts() -> None:
    def concept(id: str | None, rule: str = "exact") -> str | None:
        return MergeRule(rule).concept(Entity("PER", "a", (), id=id))

    assert [concept(id) for id in (None, "", "3", "T3", "e12", "labels-0", " ", " 3\n")] == [None] * 8
    assert [concept(id) for id in ("D003409", "Q42 ", "MESH:1")] == ["D003409", "Q42", "MESH:1"]
    assert concept("D003409", "none") is None


def test_rules_are_checked() -> None:
    with pytest.raises(InputError, match='"normalised"'):
        MergeRule("normalized")
    for threshold in (74.9, 100.1, float("nan")):
        with pytest.raises(InputError, match="threshold of merging"):
            MergeRule("fuzzy", threshold)
    assert MergeRule("exact", 80) == MergeRule("exact")  # it is of no account there


def brute_force(names: list[str], threshold: float) -> dict[tuple[str, str], float]:
    def numbers(name: str) -> list[str]:
        return sorted(re.findall(r"\d+|\b[ivx]+\b", name))

    return {
        (a, b): token_sort_ratio(a, b)
        for a in names
        for b in names
        if a < b and numbers(a) == numbers(b) and token_sort_ratio(a, b) >= threshold
    }


@given(NAMES, st.sampled_from([75.0, 80.0, 90.0, 95.0, 100.0]))
def test_no_similar_pair_is_lost_by_not_comparing_all(names: list[str], threshold: float) -> None:
    assert dict(similar_pairs(names, threshold)) == pytest.approx(brute_force(names, threshold))


@given(NAMES, st.sampled_from([75.0, 85.0]), st.randoms())
def test_groups_are_complete_and_do_not_depend_on_the_order(names: list[str], threshold: float, random) -> None:
    found = groups(names, threshold)
    random.shuffle(names)
    assert groups(names, threshold) == found
    similar = brute_force(names, threshold)
    by_first: dict[str, list[str]] = {}
    for name in names:
        by_first.setdefault(found.get(name, name), []).append(name)
    for first, group in by_first.items():
        assert first == min(group)
        assert all((a, b) in similar for a in group for b in group if a < b)
    for a in by_first.values():  # nothing that could be joined is left apart
        for b in by_first.values():
            assert a is b or not all((min(x, y), max(x, y)) in similar for x in a for y in b)


def test_numbers_are_never_similar() -> None:
    names = [
        "12 may 1987",
        "13 may 1987",
        "frederick i",
        "frederick ii",
        "university of london",
        "university london of",
    ]
    assert groups(names, 75) == dict.fromkeys(names[4:], "university london of")
