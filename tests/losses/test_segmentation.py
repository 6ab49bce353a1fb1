import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.losses import negative_log_likelihood


def test_a_mean_over_words() -> None:
    likelihood = torch.tensor([-3.0, -1.0, -5.0])
    assert negative_log_likelihood(likelihood, 12).item() == pytest.approx(9 / 12)


def test_no_sentence_has_no_loss_but_a_graph() -> None:
    likelihood = torch.zeros(0, requires_grad=True)
    loss = negative_log_likelihood(likelihood, 0)
    loss.backward()
    assert loss.item() == 0 and likelihood.grad is not None


def test_half_precision_is_summed_in_single() -> None:
    loss = negative_log_likelihood(torch.full((4000,), -1.0, dtype=torch.bfloat16), 4000)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(1)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="should be"):
        negative_log_likelihood(torch.zeros(2, 3), 6)
