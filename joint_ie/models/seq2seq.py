"""REBEL as a model: an encoder-decoder that is trained to write the facts of a text."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, PreTrainedModel

from joint_ie.encoding.source_target import IGNORED, SourceTarget
from joint_ie.models.outputs import JointOutput
from joint_ie.models.seq2seq_config import Seq2SeqConfig, Seq2SeqSettings
from joint_ie.schema import Schema

Allowed = Callable[[int, Sequence[int]], list[int]]

LOGITS = 2**26  # that are made at once when facts are scored: 256 MB; those of one window in any case


class Seq2SeqModel(nn.Module):
    """A Hugging Face encoder-decoder with what it was made for.

    Args:
        config: the configuration that is saved with it.
        network: an encoder-decoder whose embeddings hold the markers.
        start_id, end_id, pad_id: the subword before the first one, the last, and what pads.
    """

    def __init__(
        self, config: Seq2SeqConfig, network: PreTrainedModel, start_id: int, end_id: int, pad_id: int
    ) -> None:
        super().__init__()
        # Registered first, so that its parameters are named encoder.*: learning rates know them by that.
        self.encoder = network.get_encoder()
        self.network = network
        self.config = config
        self.start_id, self.end_id, self.pad_id = start_id, end_id, pad_id
        # whatever a pretrained network came with (BART's forced tokens, say) is for other tasks
        self.network.generation_config = GenerationConfig()

    @property
    def settings(self) -> Seq2SeqSettings:
        """The settings, checked."""
        return self.config.settings

    @property
    def schema(self) -> Schema:
        """The labels the model knows."""
        return self.config.schema

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def forward(self, batch: SourceTarget) -> JointOutput:
        """Token cross-entropy of the targets (REBEL, section 3)."""
        logits = self.logits(batch)
        loss = cross_entropy(logits.flatten(0, 1).float(), batch.labels.flatten(), ignore_index=IGNORED)
        return JointOutput(loss, {"tokens": loss})

    def logits(self, batch: SourceTarget) -> Tensor:
        """Of every target subword, given those before it. Shape: [windows, longest target, vocabulary]."""
        before = batch.labels.roll(1, dims=1)
        before[:, 0] = self.start_id
        before = before.masked_fill(before == IGNORED, self.pad_id)
        return self.network(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            decoder_input_ids=before,
            use_cache=False,
            return_dict=True,
        ).logits

    @torch.no_grad()
    def generate(self, batch: SourceTarget, allowed: Allowed | None = None) -> Tensor:
        """What the model writes for every window, without the start token, padded. Shape: [windows, longest].

        ``allowed`` gives the subwords that may follow those of a window so far (without the start token).
        """
        settings = self.settings
        written = self.network.generate(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            generation_config=GenerationConfig(
                max_new_tokens=settings.max_target,
                num_beams=settings.beams,
                do_sample=False,
                decoder_start_token_id=self.start_id,
                bos_token_id=self.start_id,
                eos_token_id=self.end_id,
                pad_token_id=self.pad_id,
            ),
            prefix_allowed_tokens_fn=None if allowed is None else lambda row, ids: allowed(row, ids[1:].tolist()),
        )
        return written[:, 1:]

    @torch.no_grad()
    def log_probabilities(self, batch: SourceTarget) -> Tensor:
        """Of every target subword, 0 where padded. Shape: [windows, longest target]."""
        vocabulary = self.network.get_output_embeddings().weight.shape[0]
        rows = max(1, LOGITS // (batch.labels.shape[1] * vocabulary))
        parts = zip(
            *(tensor.split(rows) for tensor in (batch.input_ids, batch.attention_mask, batch.labels)), strict=True
        )
        return torch.cat([self._log_probabilities(SourceTarget(*part)) for part in parts])

    def _log_probabilities(self, batch: SourceTarget) -> Tensor:
        """As `log_probabilities`, of as many windows as there is room for."""
        chosen = [
            -cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="none")
            for logits, labels in zip(self.logits(batch), batch.labels, strict=True)  # one by one: copies are made
        ]
        return torch.stack(chosen)
