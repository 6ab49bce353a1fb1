"""What a model that writes facts is made of (``generation:`` in a training configuration), and its ``config.json``."""

from dataclasses import dataclass
from typing import Any, Literal

from transformers import PretrainedConfig

from joint_ie.encoding.linearisation import Order, Syntax
from joint_ie.errors import InputError, check_range
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping, to_mapping


@dataclass(frozen=True)
class WarmStart:
    """How an encoder becomes an encoder-decoder (Rothe et al. 2020, arXiv 1907.12461, BERT2RND and BERTSHARE).

    The decoder has the encoder's kind of layers with cross attention, which always starts from random weights, and
    shares its word embeddings, for output too.
    """

    decoder_layers: int | None = None
    """As many as the encoder has if None."""
    decoder_weights: Literal["encoder", "random"] = "encoder"
    """What the decoder's layers start from: the encoder's first layers, or random weights."""

    def __post_init__(self) -> None:
        check_range("decoder_layers", self.decoder_layers, 1)


@dataclass(frozen=True)
class Seq2SeqSettings:
    """A model that writes the triples of a text (REBEL, Huguet Cabot and Navigli 2021)."""

    name: str = "facebook/bart-large"
    """A hub name, a folder, or ``package:folder``; an encoder-decoder (BART, T5), or an encoder with ``warm_start``."""
    warm_start: WarmStart | None = None
    """Make an encoder-decoder of an encoder."""
    dropout: float | None = None
    """Replaces all of the network's own; 0 trains faster on a CPU."""
    typed: bool = True
    """Whether entity types are written (REBEL on DocRED); without, all entities have one type."""
    order: Order = "text"
    """Facts by the place of head and tail in the text (the paper), or as ``listed`` (its DocRED script)."""
    max_source: int | None = None
    """Subwords of text at once; the encoder's own limit if None. Longer texts are cut between sentences."""
    max_target: int = 1024
    """Longest output in subwords."""
    beams: int = 3
    """Width of the beam search; 1 is greedy."""
    constrained: bool = False
    """Write only well-formed triples of names that stand in the text and of known relations."""

    def __post_init__(self) -> None:
        check_range("dropout", self.dropout, 0, 1)
        check_range("max_source", self.max_source, 1)
        check_range("max_target", self.max_target, 1)
        check_range("beams", self.beams, 1)


class Seq2SeqConfig(PretrainedConfig):
    """``config.json``: settings, the network's own configuration, and the schema, as plain mappings."""

    model_type = "joint-ie-seq2seq"

    def __init__(
        self,
        generation: dict[str, Any] | None = None,
        network: dict[str, Any] | None = None,
        labels: dict[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        self.generation = generation or {}
        self.network = network or {}
        self.labels = labels or {"entity_types": [], "relation_types": []}
        super().__init__(**rest)

    @classmethod
    def build(cls, settings: Seq2SeqSettings, network: PretrainedConfig, schema: Schema) -> "Seq2SeqConfig":
        """From checked parts."""
        described = network.to_dict()
        described.pop("_name_or_path", None)  # a folder of this machine, perhaps
        return cls(generation=to_mapping(settings), network=described, labels=schema.to_dict())

    @property
    def settings(self) -> Seq2SeqSettings:
        """The settings, checked."""
        return from_mapping(Seq2SeqSettings, self.generation, where="config.json: generation")

    @property
    def schema(self) -> Schema:
        """The labels the model knows."""
        return Schema.from_dict(self.labels, where="config.json: labels")

    @property
    def syntax(self) -> Syntax:
        """How the model writes facts."""
        return Syntax.build(self.schema, self.settings.typed)


def set_dropout(config: PretrainedConfig, dropout: float) -> None:
    """Set every dropout that the configuration of a BERT, BART or T5 has."""
    keys = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "activation_dropout")
    known = [key for key in (*keys, "dropout_rate", "classifier_dropout") if getattr(config, key, None) is not None]
    if not known:
        raise InputError(f"generation.dropout: a {config.model_type} has no dropout that is known here; leave it out")
    for key in known:
        setattr(config, key, dropout)
