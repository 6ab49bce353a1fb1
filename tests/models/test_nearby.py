import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.encoding.distances import word_distances
from joint_ie.encoding.index import MentionIndex
from joint_ie.models.nearby import nearby_pairs

LENGTHS = (30, 4, 25, 12)


@st.composite
def batches(draw: st.DrawFn) -> list[list[list[tuple[int, int]]]]:
    """``[document][entity]`` spans; documents may have no entity, mentions may nest, overlap and repeat."""

    def span(length: int) -> st.SearchStrategy[tuple[int, int]]:
        return st.integers(0, length - 1).flatmap(
            lambda s: st.tuples(st.just(s), st.integers(s + 1, min(length, s + 5)))
        )

    return [draw(st.lists(st.lists(span(n), min_size=1, max_size=3), max_size=5)) for n in LENGTHS]


@given(batches(), st.integers(0, 35))
@settings(max_examples=150, deadline=None)
def test_all_pairs_with_mentions_near_each_other(batch: list, max_distance: int) -> None:
    """Near: the word distance of the nearest mentions (golden joint README 5.2) is at most ``max_distance``."""
    offset = torch.tensor([0, *LENGTHS]).cumsum(0)
    mentions = MentionIndex.build(batch, offset[:-1].tolist())
    pairs, unscored = nearby_pairs(mentions, offset, max_distance)
    expected, far, first = [], 0, 0
    for number, group in enumerate(batch):
        for head in range(len(group)):
            for tail in range(len(group)):
                if head == tail:
                    continue
                nearest = min(
                    int(word_distances(torch.tensor([a]), torch.tensor([b]))) for a in group[head] for b in group[tail]
                )
                if nearest <= max_distance:
                    expected.append((first + head, first + tail, number))
                else:
                    far += 1
        first += len(group)
    assert list(zip(pairs.head.tolist(), pairs.tail.tolist(), pairs.document.tolist(), strict=True)) == expected
    assert unscored == far


def test_a_short_document_keeps_all_pairs() -> None:
    mentions = MentionIndex.build([[[(0, 1)], [(9, 10)]], []], [0, 10])
    pairs, unscored = nearby_pairs(mentions, torch.tensor([0, 10, 15]), 10)
    assert (len(pairs), unscored) == (2, 0)


def test_a_long_document_has_fewer_pairs_than_its_square() -> None:
    mentions = MentionIndex.build([[[(i, i + 1)] for i in range(1000)]], [0])
    pairs, unscored = nearby_pairs(mentions, torch.tensor([0, 1000]), 5)
    assert len(pairs) == 2 * sum(min(5, 999 - i) for i in range(1000))
    assert len(pairs) + unscored == 1000 * 999
