"""A document through the encoder, with all of its attention."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from joint_ie.document import Document, Span
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.subwords import casing_class
from joint_ie.heads.encoder import encoder_from_config
from joint_ie.models.joint import JointModel


@dataclass(frozen=True)
class Encoded:
    """``hidden`` [tokens, d] and ``attention`` [heads, tokens, tokens] of the last layer.

    ``pieces`` are the tokens [start, end) of every word, ``rows`` the token that stands for a mention starting there.
    """

    hidden: Tensor
    attention: Tensor
    pieces: list[Span]
    rows: list[int]


def eager_copy(model: JointModel) -> JointModel:
    """What everything here takes: the same weights, and an encoder of its own that shows its attention.

    Two encoders that share a configuration would change each other's attention.
    """
    settings = model.settings
    if settings.relations.representation != "localized-context" or settings.relations.loss != "adaptive-threshold":
        raise ValueError("the naive model is ATLOP's: localized-context with adaptive-threshold")
    if (
        settings.relations.pooling != "logsumexp"
        or not settings.relations.context
        or settings.encoder.averaged_layers > 1
    ):
        raise ValueError("the naive model has ATLOP's pooling, its context, and the attention of the last layer")
    encoder = encoder_from_config(model.encoder.model.config.to_dict())
    encoder.set_attn_implementation("eager")
    copied = JointModel(model.config, encoder).to(model.dtype)
    copied.settings = settings
    copied.load_state_dict(model.state_dict())
    return copied.to(model.device).train(model.training)


def encode(model: JointModel, collator: Collator, document: Document, marked: Sequence[Span] = ()) -> Encoded:
    """Word by word into subwords, with ``*`` around ``marked`` spans (golden README 1d), then windows (1c)."""
    prefix, suffix = list(collator.tokeniser.prefix), list(collator.tokeniser.suffix)
    star = _subwords(collator, "*")
    ids, casing, pieces, rows = list(prefix), [0] * len(prefix), [], []
    for number, word in enumerate(document.words):
        rows.append(len(ids))
        if number in [start for start, _ in marked]:
            ids += star
            casing += [0] * len(star)
        found = _subwords(collator, word)
        pieces.append((len(ids), len(ids) + len(found)))
        ids += found
        casing += [casing_class(word)] * len(found)
        if number + 1 in [end for _, end in marked]:
            ids += star
            casing += [0] * len(star)
    ids += suffix
    casing += [0] * len(suffix)
    if len(ids) <= collator.max_length:
        return Encoded(*_window(model, ids, casing), pieces, rows)
    config = model.encoder.model.config
    like = {"device": model.device, "dtype": model.dtype}
    hidden = torch.zeros(len(ids), config.hidden_size, **like)
    attention = torch.zeros(config.num_attention_heads, len(ids), len(ids), **like)
    times = torch.zeros(len(ids), 1, **like)
    for start, end in _cuts(len(ids), collator.max_length, collator.overlap, len(prefix), len(suffix)):
        before = prefix if start > 0 else []
        after = suffix if end < len(ids) else []
        classes = [0] * len(before) + casing[start:end] + [0] * len(after)
        states, maps = _window(model, before + ids[start:end] + after, classes)
        inside = slice(len(before), len(before) + end - start)
        hidden[start:end] += states[inside]
        attention[:, start:end, start:end] += maps[:, inside, inside]
        times[start:end] += 1
    return Encoded(hidden / (times + 1e-10), attention / (attention.sum(2, keepdim=True) + 1e-10), pieces, rows)


def _subwords(collator: Collator, word: str) -> list[int]:
    """Of one word; a word without any becomes the unknown token (golden joint README 5.1)."""
    tokenizer = collator.tokeniser.tokenizer
    found = tokenizer([word], is_split_into_words=True, add_special_tokens=False)["input_ids"]
    return list(found) or [tokenizer.unk_token_id]


def _window(model: JointModel, ids: list[int], casing: list[int]) -> tuple[Tensor, Tensor]:
    """Hidden states [tokens, d] and attention [heads, tokens, tokens] of the last layer, all maps being kept."""
    encoder, vectors = model.encoder.model, model.encoder.casing
    embeddings = encoder.get_input_embeddings()(torch.tensor([ids], device=model.device))
    if vectors is not None:
        embeddings = embeddings + vectors(torch.tensor([casing], device=model.device))
    output = encoder(inputs_embeds=embeddings, output_attentions=True, return_dict=True)
    return output.last_hidden_state[0], output.attentions[-1][0]


def _cuts(length: int, most: int, overlap: int, prefix: int, suffix: int) -> Iterator[Span]:
    """As few windows [start, end) as let neighbours share ``overlap`` tokens, as evenly spread as can be.

    The first begins without ``prefix`` and the last ends without ``suffix``, since the document has its own.
    """
    room = most - prefix - suffix
    windows = 2
    while (windows - 1) * (room - overlap) < length - most:
        windows += 1
    yield 0, prefix + room
    for number in range(1, windows - 1):
        start = prefix + number * (length - most) // (windows - 1)
        yield start, start + room
    yield length - room - suffix, length
