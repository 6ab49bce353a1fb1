import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.heads.entity_sentence_encoder import CrossMatching, EntitySentenceEncoder

SIZE = 8
ENTITY_DOCUMENT = torch.tensor([0, 0, 0, 2, 4, 4])
SENTENCE_DOCUMENT = torch.tensor([0, 0, 1, 2, 2, 2, 3, 3, 4, 5])


def encoder(layers: int = 2) -> EntitySentenceEncoder:
    torch.manual_seed(0)
    return EntitySentenceEncoder(SIZE, layers, heads=2, dropout=0.1).double().eval()


def test_every_document_by_itself() -> None:
    made = encoder()
    entities, sentences = torch.randn(6, SIZE).double(), torch.randn(10, SIZE).double()
    together = made(entities, ENTITY_DOCUMENT, sentences, SENTENCE_DOCUMENT)
    for document in (0, 2, 4):
        own, said = entities[document == ENTITY_DOCUMENT], sentences[document == SENTENCE_DOCUMENT]
        placed = said + made.position.weight[: len(said)]
        alone = made.transformer(torch.cat((own, placed)).unsqueeze(0))[0, : len(own)]
        torch.testing.assert_close(together[document == ENTITY_DOCUMENT], alone, rtol=0, atol=1e-12)


def test_entities_have_no_order_and_sentences_have_one() -> None:
    made = encoder()
    entities, sentences = torch.randn(5, SIZE).double(), torch.randn(4, SIZE).double()
    documents = torch.zeros(5, dtype=torch.long), torch.zeros(4, dtype=torch.long)
    seen = made(entities, documents[0], sentences, documents[1])
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(made(entities[order], documents[0], sentences, documents[1]), seen[order])
    assert not torch.allclose(made(entities, documents[0], sentences.flip(0), documents[1]), seen)


def test_more_sentences_than_positions() -> None:
    made = encoder(1)
    sentences = torch.randn(70, SIZE).double()
    one = torch.zeros(1, dtype=torch.long)
    entity = torch.randn(1, SIZE).double()
    seen = made(entity, one, sentences, one.expand(70))
    position = made.position.weight[[*range(64), *[63] * 6]]
    alone = made.transformer(torch.cat((entity, sentences + position)).unsqueeze(0))[0, :1]
    torch.testing.assert_close(seen, alone, rtol=0, atol=1e-12)


def test_gradients_do_not_come_from_padding() -> None:
    made = encoder().train()
    entities, sentences = (
        torch.randn(6, SIZE).double().requires_grad_(),
        torch.randn(10, SIZE).double().requires_grad_(),
    )
    made(entities, ENTITY_DOCUMENT, sentences, SENTENCE_DOCUMENT).square().sum().backward()
    assert entities.grad.isfinite().all() and sentences.grad.isfinite().all()
    without = torch.tensor([2, 6, 7, 9])  # sentences of documents without entities
    assert not sentences.grad[without].any()
    assert all(parameter.grad.isfinite().all() for parameter in made.parameters())


def test_heads_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="heads = 3 should divide"):
        EntitySentenceEncoder(SIZE, 1, 3, 0.0)


def test_cross_matching_entity_by_entity() -> None:
    matching = CrossMatching(SIZE, 3)
    entities = torch.randn(4, SIZE)
    matched = matching(entities)
    for j, entity in enumerate(entities):
        logits = matching.linear.weight @ entity + matching.linear.bias
        torch.testing.assert_close(matched.as_head[j], logits[:3])
        torch.testing.assert_close(matched.as_tail[j], logits[3:])
        torch.testing.assert_close(matched.head[j], torch.cat((entity, torch.sigmoid(logits[:3]))))
        torch.testing.assert_close(matched.tail[j], torch.cat((entity, torch.sigmoid(logits[3:]))))
