"""Nothing that is scored was seen before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.training.held_out import check_apart, split


def documents(texts: list[str]) -> list[Document]:
    return [Document.from_words(f"doc-{i}", [text.split()]) for i, text in enumerate(texts)]


@given(
    st.lists(st.sampled_from(["a b", "A b", "a  b", "c", "d e", "f", "g", "h", "i"]), min_size=1, max_size=30),
    st.floats(0.01, 0.99),
    st.integers(0, 5),
)
def test_every_document_is_in_one_part_and_copies_are_together(texts: list[str], share: float, seed: int) -> None:
    made = documents(texts)
    different = {" ".join(text.split()).lower() for text in texts}
    if len(different) == 1:
        with pytest.raises(InputError, match="one text only"):
            split(made, share, seed)
        return
    parts = split(made, share, seed)
    assert sorted((*parts.training, *parts.held_out), key=made.index) == made
    sides = [{" ".join(d.words).lower() for d in part} for part in (parts.training, parts.held_out)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == min(max(round(share * len(different)), 1), len(different) - 1)
    assert parts.repeated == len(texts) - len(different)
    for part in (parts.training, parts.held_out):
        assert list(part) == sorted(part, key=made.index)
    assert parts == split(made, share, seed)


def test_seeds_draw_other_parts() -> None:
    made = documents([f"word{i}" for i in range(30)])
    drawn = {split(made, 0.2, seed).held_out for seed in range(5)}
    assert len(drawn) == 5
    assert {len(held) for held in drawn} == {6}


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_leaves_something_on_both_sides(share: float) -> None:
    with pytest.raises(InputError, match="should be above 0 and below 1"):
        split(documents(["a", "b"]), share, 1)


def test_copies_of_held_out_documents_are_refused() -> None:
    held = documents(["One text .", "another"])
    check_apart(documents(["a third"]), held, "more.jsonl")
    with pytest.raises(InputError, match=r"more\.jsonl: 1 of its documents, such as 'doc-1', are held out"):
        check_apart(documents(["a third", "one  TEXT ."]), held, "more.jsonl")
