import pytest
import torch

from joint_ie.heads.antecedents import AntecedentScorer, bucket

BUCKETS = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 7), (8, 15), (16, 31), (32, 63), (64, 10_000)]


def test_buckets() -> None:
    apart = [*range(1, 200), 9_999]
    expected = [next(i for i, (low, high) in enumerate(BUCKETS) if low <= distance <= high) for distance in apart]
    assert bucket(torch.tensor(apart)).tolist() == expected


def test_the_layer_over_the_concatenation() -> None:
    torch.manual_seed(1)
    scorer = AntecedentScorer(8, 3, 5, 0.0).double()
    vectors = torch.randn(6, 8, dtype=torch.float64)
    pairs = torch.tensor([[0, 1], [0, 5], [3, 4], [1, 0]])
    edit, apart = torch.tensor([0, 4, 99, 2]), torch.tensor([1, 6, 70, 2])
    found = scorer(vectors, pairs, edit, apart)
    for row, (antecedent, mention) in enumerate(pairs.tolist()):
        place = min(int(edit[row]), 4)
        far = next(i for i, (low, high) in enumerate(BUCKETS) if low <= apart[row] <= high)
        given = torch.cat(
            [
                vectors[antecedent],
                vectors[mention],
                vectors[antecedent] * vectors[mention],
                scorer.distance_embedding.weight[place],
                scorer.bucket_embedding.weight[far],
            ]
        )
        expected = scorer.out(torch.relu(scorer.hidden(given)))
        assert found[row].item() == pytest.approx(expected.item(), abs=1e-12)


def test_scores_are_compared_in_32_bits() -> None:
    torch.manual_seed(1)
    scorer = AntecedentScorer(8, 3, 5, 0.0)
    vectors, pairs = torch.randn(4, 8), torch.tensor([[0, 1], [1, 2]])
    exact = scorer(vectors, pairs, torch.tensor([0, 1]), torch.tensor([1, 1]))
    with torch.autocast("cpu", torch.bfloat16):
        found = scorer(vectors, pairs, torch.tensor([0, 1]), torch.tensor([1, 1]))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, atol=0.02, rtol=0.05)


def test_no_pairs() -> None:
    none = torch.zeros(0, dtype=torch.long)
    scorer = AntecedentScorer(8, 3, 5, 0.1)
    assert scorer(torch.randn(1, 8), none.view(-1, 2), none, none).shape == (0,)
    assert scorer(torch.zeros(0, 8), none.view(-1, 2), none, none).shape == (0,)
