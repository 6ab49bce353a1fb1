from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from joint_ie.encoding.windows import cut
from joint_ie.errors import InputError


@pytest.mark.parametrize("seed", [0, 1])
def test_two_windows_are_the_published_cut(shared, seed):
    golden = load_file(shared / f"golden/heads/atlop/long_doc_seed{seed}.safetensors")
    masks = golden["attention_mask"].bool()
    sequences = [ids[mask].tolist() for ids, mask in zip(golden["input_ids"], masks, strict=True)]
    windows = cut(sequences, 32, 0, [1], [2] if seed == 0 else [2, 2], 0)
    assert torch.equal(windows.input_ids, golden["window_input_ids"])
    assert torch.equal(windows.attention_mask, golden["window_attention_mask"].bool())


def test_a_document_that_two_windows_cannot_cover_gets_a_third():
    assert cut([range(62)], 32, 0, [1], [2], 0).document.tolist() == [0, 0]
    windows = cut([range(66)], 32, 0, [1], [2], 0)
    assert windows.document.tolist() == [0, 0, 0]
    assert windows.flat.unique().tolist() == list(range(-1, 66))


def test_small_case_by_hand():
    windows = cut([[10, 11, 12, 13, 14, 15, 16, 17], [20, 21]], 5, 1, [1], [2], 0)
    assert windows.input_ids.tolist() == [
        [10, 11, 12, 13, 2],
        [1, 12, 13, 14, 2],
        [1, 14, 15, 16, 17],
        [20, 21, 0, 0, 0],
    ]
    assert windows.flat.tolist() == [[0, 1, 2, 3, -1], [-1, 2, 3, 4, -1], [-1, 4, 5, 6, 7], [8, 9, -1, -1, -1]]
    assert windows.document.tolist() == [0, 0, 0, 1]
    assert windows.several.tolist() == [True, True, True, False]
    assert (windows.start.tolist(), windows.end.tolist()) == ([0, 2, 4, 0], [4, 5, 8, 2])
    assert windows.lead.tolist() == [0, 1, 1, 0]
    assert windows.places.tolist()[2:5] == [[2, 6], [3, 7], [8, 11]]
    assert windows.places.tolist()[8] == [15, -1]
    assert not windows.single


@given(
    lengths=st.lists(st.integers(1, 120), min_size=1, max_size=4),
    max_length=st.integers(6, 40),
    overlap=st.integers(0, 20),
    prefix=st.integers(0, 2),
    suffix=st.integers(0, 2),
)
def test_every_token_is_covered_with_the_overlap_and_no_window_too_many(lengths, max_length, overlap, prefix, suffix):
    room = max_length - prefix - suffix
    overlap = min(overlap, room - 1)
    sequences = [[1000 * i + 100 + j for j in range(length)] for i, length in enumerate(lengths)]
    ids = torch.tensor([token for sequence in sequences for token in sequence])
    windows = cut(sequences, max_length, overlap, [1] * prefix, [2] * suffix, 0)
    real = windows.flat >= 0
    assert windows.tokens == len(ids) == len(windows.flat[real].unique())
    assert torch.equal(windows.input_ids[real], ids[windows.flat[real]])
    assert windows.width == windows.attention_mask.sum(1).max() <= max_length
    added = windows.input_ids[windows.attention_mask & ~real]
    assert set(added.tolist()) <= {1, 2}
    for document, length in enumerate(lengths):
        mine = [set(row[row >= 0].tolist()) for row in windows.flat[windows.document == document]]
        assert all(len(left & right) >= overlap for left, right in pairwise(mine))
        # n windows reach over n rooms less the overlaps, and the document's own special tokens
        n = len(mine) - 1
        assert n == 0 or n * room - (n - 1) * overlap + prefix + suffix < length
        assert len(mine) > 1 or length <= max_length
        assert windows.several[windows.document == document].any() == (len(mine) > 1)
    assert windows.single == (len(windows.document) == len(lengths))
    for token, places in enumerate(windows.places):
        assert places[places >= 0].tolist() == (windows.flat.flatten() == token).nonzero().squeeze(1).tolist()


def test_what_cannot_be_cut_is_said():
    with pytest.raises(InputError, match="overlap of 8"):
        cut([[1, 2]], 10, 8, [1], [2], 0)
    with pytest.raises(InputError, match="empty"):
        cut([[1], []], 10, 2, [1], [2], 0)
