"""Entities that see the sentences of their document, as heads and as tails (PAEE, section 2.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import rank_in_group
from joint_ie.errors import InputError

SENTENCES = 64  # rows of the position table; later sentences share the last


class EntitySentenceEncoder(nn.Module):
    """The representation-enhanced encoder: ``[H_e; H_s] = Transformer(entities; sentences)`` (eq. 6).

    The paper gives no sizes: ``layers`` and ``heads`` are ours, as is the feed-forward layer of four times the width.
    Sentences get a learned position embedding, as the paper says; entities, of which it says nothing, get none, so that
    their order does not matter.
    """

    def __init__(self, size: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        if size % heads:
            raise InputError(
                f"heads = {heads} should divide the width of the encoder's states, {size} (pair_aware.heads)"
            )
        self.position = nn.Embedding(SENTENCES, size)
        layer = nn.TransformerEncoderLayer(size, heads, 4 * size, dropout, activation="gelu", batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(
        self, entities: Tensor, entity_document: Tensor, sentences: Tensor, sentence_document: Tensor
    ) -> Tensor:
        """The entities after the encoder.

        Shape:
            entities - ``[entities, d]``
            entity_document - ``[entities]``, ascending
            sentences - ``[sentences, d]``, in the order of the text
            sentence_document - ``[sentences]``, ascending
            returns - ``[entities, d]``
        """
        # documents without entities would be rows without anything to attend to
        documents, of_entity = torch.unique_consecutive(entity_document, return_inverse=True)
        kept = torch.nonzero(torch.isin(sentence_document, documents)).squeeze(1)
        of_sentence = torch.searchsorted(documents, sentence_document[kept])
        count = of_entity.bincount(minlength=len(documents))
        position = rank_in_group(of_sentence)
        sentences = sentences[kept] + self.position(position.clamp(max=SENTENCES - 1))
        document = torch.cat((of_entity, of_sentence))
        slot = torch.cat((rank_in_group(of_entity), count[of_sentence] + position))
        count = document.bincount(minlength=len(documents))

        items = torch.cat((entities, sentences))
        padded = items.new_zeros(len(documents), int(count.max()), items.shape[1]).index_put((document, slot), items)
        padding = torch.arange(padded.shape[1], device=padded.device) >= count[:, None]
        seen: Tensor = self.transformer(padded, src_key_padding_mask=padding)
        return seen[of_entity, slot[: len(entities)]]


@dataclass(frozen=True)
class MatchedEntities:
    """Entities on either side of a relation.

    Shapes: ``as_head``, ``as_tail`` [entities, relations], logits that an entity is head or tail of a relation;
    ``head``, ``tail`` [entities, d + relations], what the classifier sees (``e_sub`` and ``e_obj``).
    """

    as_head: Tensor
    as_tail: Tensor
    head: Tensor
    tail: Tensor


class CrossMatching(nn.Module):
    """``[F_sub; F_obj] = sigmoid(Linear(H_e))``, ``e_sub = [H_e; F_sub]``, ``e_obj = [H_e; F_obj]`` (eq. 7).

    Read literally the layer maps all entities of a document together; we take one map d -> 2 N_c for every entity,
    which also knows no number of entities. The paper has no activation but takes logarithms of F and of 1 - F (eq. 11),
    so F is a probability, there and, as the same symbol, in what is concatenated. N_c are the relations without "none",
    which no entity is the subject of.
    """

    def __init__(self, size: int, relations: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 2 * relations)

    def forward(self, entities: Tensor) -> MatchedEntities:
        """``entities`` [entities, d]."""
        as_head, as_tail = self.linear(entities).chunk(2, dim=1)
        head, tail = (torch.cat((entities, logits.sigmoid()), 1) for logits in (as_head, as_tail))
        return MatchedEntities(as_head, as_tail, head, tail)
