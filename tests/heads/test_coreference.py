import pytest
import torch

from joint_ie.heads.coreference import PairwiseCoreferenceScorer


@pytest.mark.parametrize("product", [False, True])
def test_the_layer_over_the_concatenation(product: bool) -> None:
    torch.manual_seed(1)
    scorer = PairwiseCoreferenceScorer(8, 3, 5, 0.0, product).double()
    vectors = torch.randn(6, 8, dtype=torch.float64)
    pairs, edit = torch.tensor([[0, 1], [0, 5], [3, 4], [1, 0]]), torch.tensor([0, 4, 99, 2])
    found = scorer(vectors, pairs, edit)
    for row, (i, j) in enumerate(pairs.tolist()):
        given = [vectors[i], vectors[j], scorer.distance_embedding.weight[min(int(edit[row]), 4)]]
        given += [vectors[i] * vectors[j]] if product else []
        expected = scorer.out(torch.relu(scorer.hidden(torch.cat(given))))
        assert found[row].item() == pytest.approx(expected.item(), abs=1e-12)


def test_no_pairs() -> None:
    none = torch.zeros(0, dtype=torch.long)
    for product in (False, True):
        scorer = PairwiseCoreferenceScorer(8, 3, 5, 0.1, product)
        assert scorer(torch.randn(1, 8), none.view(-1, 2), none).shape == (0,)
        assert scorer(torch.zeros(0, 8), none.view(-1, 2), none).shape == (0,)
