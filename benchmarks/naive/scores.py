"""What the heads say about one document."""

from collections.abc import Sequence

import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torch.nn.functional import linear

from joint_ie.document import Span
from joint_ie.heads.localized_context import LocalizedContext
from joint_ie.models.joint import JointModel

from .encoding import Encoded

Pair = tuple[int, int]


def span_vectors(encoded: Encoded, spans: Sequence[Span]) -> Tensor:
    """The maximum over the subwords of every span, by a mask [spans, tokens, d]; returns [spans, d]."""
    hidden = encoded.hidden
    mask = torch.zeros(len(spans), len(hidden), dtype=torch.bool, device=hidden.device)
    for number, (start, end) in enumerate(spans):
        mask[number, [token for word in range(start, end) for token in range(*encoded.pieces[word])]] = True
    return hidden.unsqueeze(0).masked_fill(~mask.unsqueeze(2), torch.finfo(hidden.dtype).min).max(1).values


def mention_logits(model: JointModel, encoded: Encoded, spans: Sequence[Span]) -> Tensor:
    """JEREX, section 3.2; returns [spans]."""
    scorer = model.mention_scorer
    last = scorer.size_embedding.num_embeddings - 1
    sizes = torch.tensor([min(end - start, last) for start, end in spans], device=model.device)
    joined = torch.cat((span_vectors(encoded, spans), scorer.size_embedding(sizes)), 1)
    return scorer.out(scorer.dropout(torch.relu(scorer.hidden(joined))))[:, 0]


def coreference_logits(model: JointModel, vectors: Tensor, texts: Sequence[str], pairs: Sequence[Pair]) -> Tensor:
    """JEREX, section 3.3, of ``pairs`` of mentions with ``vectors`` [mentions, d] and ``texts``; returns [pairs]."""
    scorer = model.coreference_scorer
    last = scorer.distance_embedding.num_embeddings - 1
    apart = torch.tensor([min(Levenshtein.distance(texts[i], texts[j]), last) for i, j in pairs], device=model.device)
    first, second = torch.stack([vectors[i] for i, _ in pairs]), torch.stack([vectors[j] for _, j in pairs])
    parts = [first, second, scorer.distance_embedding(apart)]
    if model.settings.coreference.product:  # not JEREX's
        parts.append(first * second)
    return scorer.out(scorer.dropout(torch.relu(scorer.hidden(torch.cat(parts, 1)))))[:, 0]


def type_logits(model: JointModel, encoded: Encoded, clusters: Sequence[Sequence[Span]]) -> Tensor:
    """JEREX, section 3.4, of the maximum over the mentions of every entity; returns [entities, types]."""
    entities = torch.stack([span_vectors(encoded, cluster).max(0).values for cluster in clusters])
    typer = model.entity_typer
    return typer.out(typer.dropout(torch.relu(typer.hidden(model.dropout(entities)))))


def relation_logits(
    model: JointModel, encoded: Encoded, clusters: Sequence[Sequence[Span]], types: Sequence[int], pairs: Sequence[Pair]
) -> Tensor:
    """ATLOP, sections 3 and 4.2 (golden README 1b), of ``pairs`` of entities; returns [pairs, 1 + relations]."""
    layer = model.relation_scorer
    assert isinstance(layer, LocalizedContext)  # of which only the layers are called
    embeddings, maps = [], []
    for cluster in clusters:
        rows = [encoded.rows[start] for start, _ in cluster]
        if model.settings.relations.pool_spans:
            states = span_vectors(encoded, cluster)
        else:
            states = torch.stack([encoded.hidden[row] for row in rows])
        embeddings.append(torch.logsumexp(states, 0))
        maps.append(torch.stack([encoded.attention[:, row] for row in rows]).mean(0))
    entities = layer.dropout(torch.stack(embeddings))
    heads, tails, contexts = [], [], []
    for head, tail in pairs:
        weights = (maps[head] * maps[tail]).mean(0)  # of the heads of the attention; [tokens]
        contexts.append((weights / (weights.sum() + 1e-5)) @ encoded.hidden)
        heads.append(entities[head])
        tails.append(entities[tail])
    shared = [layer.dropout(torch.stack(contexts))]
    if layer.type_embedding is not None:
        for side in (0, 1):
            shared.append(
                layer.type_embedding(torch.tensor([types[pair[side]] for pair in pairs], device=model.device))
            )
    z_head = torch.tanh(layer.head_extractor(torch.cat([torch.stack(heads), *shared], 1)))
    z_tail = torch.tanh(layer.tail_extractor(torch.cat([torch.stack(tails), *shared], 1)))
    bilinear = layer.bilinear
    outer = z_head.view(len(pairs), -1, bilinear.block_size, 1) * z_tail.view(len(pairs), -1, 1, bilinear.block_size)
    return linear(outer.view(len(pairs), -1), bilinear.weight, bilinear.bias)
