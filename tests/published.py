"""Golden numbers of published heads, and inputs for heads; test modules get this file as the fixture ``published``."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax

GOLDEN = Path(__file__).with_name("golden")


@dataclass(frozen=True)
class Case:
    """One golden file, for a comparison in ``dtype``; ``described`` is the JSON beside the tensors."""

    golden: dict[str, Tensor]
    described: dict[str, Any]
    dtype: torch.dtype

    @property
    def dims(self) -> dict[str, Any]:
        return self.described["dims"]

    @property
    def scalars(self) -> dict[str, float]:
        return self.described["scalars"]

    @cached_property
    def states(self) -> Tensor:
        """The encoder's output [B, L, d], a leaf."""
        return self.golden["sequence_output"].to(self.dtype, copy=True).requires_grad_()

    @cached_property
    def attention(self) -> Tensor:
        """The encoder's attention [B, H, L, L], a leaf."""
        return self.golden["attention"].to(self.dtype, copy=True).requires_grad_()

    def pair_input(self, entities: int = 0) -> PairInput:
        """What `states` and `attention` are to a head (golden README 1b), with golden's pairs.

        Documents end at their own lengths. The published code drops mentions beyond the padded length L and gives an
        entity with none left zeros; here nothing is ever dropped. Such an entity gets one mention, at a token of zeros
        behind all documents, without attention: log-sum-exp and mean of a single row are that row.

        With ``entities`` every document has so many, the last one repeated with its tokens and attention.
        """
        lengths = [document["length"] for document in self.dims["docs"]]
        offset = torch.tensor([0, *lengths]).cumsum(0)
        states = [document[:length] for document, length in zip(self.states, lengths, strict=True)]
        rows: list[int] = []
        values, counts = [], []
        for document, found in enumerate(self.described["ragged"]["entity_pos"]):
            counts.append([])
            for spans in found + found[-1:] * (entities - len(found)):
                tokens = [start + self.described["ragged"]["offset"] for start, _ in spans]
                kept = [token for token in tokens if token < self.dims["L"]]
                rows += [int(offset[document]) + token for token in kept] or [sum(lengths)]
                values += [self.attention[document, :, token] for token in kept]
                if not kept:
                    values.append(torch.zeros_like(self.attention[0, :, 0]))
                counts[-1].append(max(1, len(kept)))
        mentions = mention_index(counts)
        document, head, tail = self.golden["pairs"].unbind(1)
        size = torch.bincount(mentions.entity_document)
        first = (size.cumsum(0) - size)[document]
        return pair_input(
            torch.cat([*states, torch.zeros_like(self.states[0, :1])]),
            offset,
            torch.tensor(rows),
            torch.stack(values),
            mentions,
            PairIndex(first + head, first + tail, document),
        )

    def load_weights(self, head: nn.Module, theirs: Callable[[str], str] = str) -> None:
        """All published weights into a head that has no others; ``theirs`` is the published name of one of ours."""
        ours = {theirs(name): name for name in head.state_dict()}
        weights = [name for name, about in self.described["tensors"].items() if about["role"] == "weight"]
        head.load_state_dict({ours[name]: self.golden[name] for name in weights})

    def assert_parity(self, actual: Tensor, expected: Tensor | float, single: float = 1e-5) -> None:
        """Golden README 8: float64 absolute 1e-10, float32 ``single`` of the largest value."""
        assert actual.dtype == self.dtype
        expected = torch.as_tensor(expected, dtype=torch.float64)
        tolerance = 1e-10 if self.dtype == torch.float64 else single * expected.abs().max().item()
        torch.testing.assert_close(actual.detach().double(), expected, rtol=0, atol=tolerance)

    def assert_input_gradients(self, suffix: str = "", single: float = 1e-5) -> None:
        """Of `states` and `attention`; ``suffix`` is that of golden's names."""
        self.assert_parity(self.states.grad, self.golden[f"grad_sequence_output{suffix}"], single)
        self.assert_parity(self.attention.grad, self.golden[f"grad_attention{suffix}"], single)

    def assert_weight_gradients(
        self, head: nn.Module, suffix: str = "", single: float = 1e-5, theirs: Callable[[str], str] = str
    ) -> None:
        for name, weight in head.named_parameters():
            self.assert_parity(weight.grad, self.golden[f"grad_{theirs(name)}{suffix}"], single)


def case(request: pytest.FixtureRequest, item: str, seed: int, dtype: torch.dtype = torch.float64) -> Case:
    """``case(request, "atlop/pair_module", 0)``; files that are not in the repository are looked for in ``shared``."""
    stem = f"{item}_seed{seed}"
    folder = GOLDEN
    if not (folder / f"{stem}.json").exists():
        folder = request.getfixturevalue("shared") / "golden" / "heads"
    return Case(load_file(folder / f"{stem}.safetensors"), json.loads((folder / f"{stem}.json").read_text()), dtype)


def mention_index(counts: Sequence[Sequence[int]], words: Sequence[Sequence[int]] | None = None) -> MentionIndex:
    """Mentions of one word each; ``counts[document][entity]`` of them.

    ``words[document][mention]`` is where they stand, in the order of the entities where not given.
    """
    spans, offsets, taken = [], [], 0
    for document, entities in enumerate(counts):
        places = iter(words[document] if words else range(sum(entities)))
        spans.append([[(place, place + 1) for place in islice(places, n)] for n in entities])
        offsets.append(taken)
        taken += sum(entities)
    return MentionIndex.build(spans, offsets)


def pair_input(
    hidden: Tensor,
    token_offset: Tensor,
    rows: Tensor,
    attention: Tensor,
    mentions: MentionIndex,
    pairs: PairIndex | None = None,
) -> PairInput:
    """For heads that look at tokens and attention [mentions, heads, tokens] alone; all pairs if None."""
    return PairInput(
        hidden=hidden,
        token_offset=token_offset,
        rows=rows,
        attention=AttentionRows(attention, torch.zeros_like(rows), torch.full_like(rows, attention.shape[2])),
        words=RangeMax(hidden, 1),
        word_offset=torch.zeros(2, dtype=torch.long),
        word_sentence=torch.zeros(1, dtype=torch.long),
        spans=hidden[rows],
        entities=hidden[:0],
        entity_type=torch.zeros(mentions.entities, dtype=torch.long),
        mentions=mentions,
        pairs=PairIndex.all(mentions.entity_document) if pairs is None else pairs,
    )
