import pytest
import torch

from joint_ie.losses import RELATION_LOSSES


def test_names() -> None:
    assert {"adaptive-threshold", "binary-cross-entropy"} <= set(RELATION_LOSSES)


@pytest.mark.parametrize("name", RELATION_LOSSES)
def test_one_signature(name: str) -> None:
    """Any representation goes with any loss: the same call, the same shapes, and a loss that teaches."""
    relation = RELATION_LOSSES[name]
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.rand(12, 6, generator=generator) < 0.3
    labels[:, 0] = ~labels[:, 1:].any(1)
    assert relation.loss(logits, labels, reduction="none").shape == (12,)
    assert relation.loss(logits, labels).shape == ()
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        relation.loss(logits, labels).backward()
        optimizer.step()
    learned = logits.detach()
    assert torch.equal(relation.decide(learned, 0.5, None), labels[:, 1:])
    assert torch.equal(relation.decide(learned, threshold=0.5, top_k=5), labels[:, 1:])
    confidence = relation.confidence(learned)
    assert confidence.shape == (12, 5)
    assert torch.equal(confidence > 0.5, labels[:, 1:])
