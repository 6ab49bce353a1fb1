"""How relations are represented, learned and decided: the ``relations:`` part of the model settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from inspect import signature
from typing import Literal

from joint_ie.errors import InputError, check_range, nearest
from joint_ie.heads.axial_attention import AxialForm
from joint_ie.heads.pair_contexts import Weighting
from joint_ie.heads.segments import Pooling
from joint_ie.heads.sliding_fill import Filling
from joint_ie.losses import RELATION_LOSSES, ContrastiveForm, NegativeSampling

Representation = Literal[
    "multi-instance", "entity-concatenation", "localized-context", "axial-attention", "u-net", "pair-aware"
]
Shift = float | tuple[float, ...]
"""What is added to relation logits: one number, or one for each relation of the schema."""
_TAKEN_BY: Mapping[str, Sequence[Representation]] = {
    "pooling": ("localized-context", "axial-attention", "u-net", "pair-aware"),
    "context": ("localized-context",),
    "pool_spans": ("localized-context",),
    "typed": ("localized-context",),
    "dropout": ("localized-context",),
}
"""Settings that are refused where another representation would ignore them. Blocks named after a representation stay:
files that extend others may change the representation alone."""


@dataclass(frozen=True)
class ContrastiveSettings:
    """A second loss that moves pairs with a relation in common together, all others apart (PEMSCL, section 3.4)."""

    weight: float = 0.0
    """Its factor; 0 leaves it out (PEMSCL: 0.1 on Re-DocRED, 2 on DocRED)."""
    temperature: float = 0.2
    """Small values look at the nearest pairs only (PEMSCL: 0.2 on Re-DocRED, 2 on DocRED)."""
    form: ContrastiveForm = "paper"
    """``paper``: equations 8 to 10; ``released``: what the code computes (`losses.supervised_contrastive`)."""

    def __post_init__(self) -> None:
        check_range("weight", self.weight, 0)
        check_range("temperature", self.temperature, above=0)


@dataclass(frozen=True)
class NegativeLabelSettings:
    """Sampling of the relations that pairs without any do not have, against missing labels (PEMSCL, section 3.5)."""

    ratio: float = 1.0
    """Share of them that counts in a batch; 1 takes all (PEMSCL: 0.1 where many labels are missing)."""
    sampling: NegativeSampling = "paper"
    """``paper`` draws for every pair, ``released`` once for all pairs of a batch."""

    def __post_init__(self) -> None:
        check_range("ratio", self.ratio, above=0, high=1)


@dataclass(frozen=True)
class AxialSettings:
    """Attention over the square of all pairs (representation ``axial-attention``; KD-DocRE, section 3.2)."""

    layers: int = 6
    """0 is KD-DocRE's ablation (released code: 6)."""
    heads: int = 8
    """Of the released form (released code: 8); the encoder's width must be a multiple."""
    form: AxialForm = "released"
    """``paper`` is equation 7 as printed; the published results are those of the ``released`` code's layers."""

    def __post_init__(self) -> None:
        check_range("layers", self.layers, 0)
        check_range("heads", self.heads, 1)


@dataclass(frozen=True)
class UNetSettings:
    """Convolutions over the square of all pairs (representation ``u-net``; DocuNet, section 3.2)."""

    inputs: int = 3
    """Channels that contexts are projected to (DocuNet: 3)."""
    outputs: int = 256
    """Channels that head and tail extractors see (DocuNet: 256)."""
    base: int = 256
    """Channels of the first level (DocuNet: 256)."""

    def __post_init__(self) -> None:
        for size in fields(self):
            check_range(size.name, getattr(self, size.name), 2)


@dataclass(frozen=True)
class PairAwareSettings:
    """PAEE's parts (representation ``pair-aware``); what the paper leaves open is said in `heads.pair_aware`."""

    grid: bool = True
    """The pair-aware representation; False is the ablation w/o PAR."""
    entity_enhanced: bool = True
    """Entities see the sentences, and are matched with relations; False is the ablation w/o EER."""
    filter: bool = True
    """Pairs that seem to have no relation get none; False is the ablation w/o PPP."""
    threshold: float = 0.3
    """Probability above which a pair may have a relation (PAEE: 0.3)."""
    filling: Filling = "sliding"
    """What lies around a document's pairs in the grid; ``zero`` is the ablation w/o SW."""
    weighting: Weighting = "softmax"
    """Of the tokens in a pair's context: ``softmax`` is equation 3, which is nearly uniform; ``mean`` is ATLOP's."""
    channels: int = 64
    """Of the grid (our choice)."""
    layers: int = 1
    """Of the encoder of entities and sentences (our choice)."""
    heads: int = 4
    """Of its attention (our choice); the encoder's width must be a multiple."""

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, 0, 1)
        for name in ("channels", "layers", "heads"):
            check_range(name, getattr(self, name), 1)


@dataclass(frozen=True)
class RelationSettings:
    """Relations between entities: pair representation, loss and decision."""

    input: Literal["one-pass", "markers", "typed-markers"] = "one-pass"
    """``markers``: documents are encoded (again) with markers around the mentions (ATLOP); ``typed-markers``: they
    name the entity's type (DocuNet)."""
    representation: Representation = "localized-context"
    loss: str = "adaptive-threshold"
    """One of `losses.RELATION_LOSSES`."""
    focal_gamma: float = 1.0
    """How much easy positive relations lose weight (adaptive focal losses; KD-DocRE: 1)."""
    contrastive: ContrastiveSettings = field(default_factory=ContrastiveSettings)
    negative_labels: NegativeLabelSettings = field(default_factory=NegativeLabelSettings)
    evidence_weight: float = 0.0
    """Factor of a loss that draws localized contexts to the sentences of annotated evidence (DREEAM: 0.1)."""
    threshold: float = 0.6
    """Probability from which a relation holds, for losses without a learned threshold (JEREX: 0.6)."""
    thresholds: Literal["global", "per-class"] = "global"
    """What tuning chooses: one shift for the best F1, or one for each relation, for the best F1 of that relation."""
    shift: Shift = 0.0
    """Added to the logits of all relations, or of each, before deciding in end-to-end extraction; tuned on dev."""
    gold_shift: Shift = 0.0
    """The same where entities are given."""
    top_k: int | None = None
    """At most about so many relations for a pair (ATLOP: 4); None for no limit. Not with binary cross-entropy."""
    negatives: int | None = None
    """Sampled pairs without a relation per document (JEREX: 200); None takes all pairs (ATLOP)."""
    word_distances: int = 700
    """Rows of the word-distance table (multi-instance)."""
    sentence_distances: int = 50
    """Rows of the sentence-distance table (multi-instance)."""
    embedding_size: int = 768
    """Width of head and tail vectors (not JEREX's representations; ATLOP: 768)."""
    block_size: int = 64
    """Width of a group of the bilinear layer (not JEREX's representations; ATLOP: 64)."""
    pooling: Pooling = "logsumexp"
    """How mentions become an entity (not JEREX's representations; ATLOP: logsumexp)."""
    context: bool = True
    """Whether pairs see the context that both entities attend to (localized context; ATLOP's ablation: no)."""
    pool_spans: bool = False
    """Pool mentions from max-pooled spans instead of their first subword or marker (localized context)."""
    typed: bool = False
    """Let head and tail extractors see both entity types (localized context; not in ATLOP)."""
    dropout: float = 0.0
    """Of entity and context vectors (localized context; ATLOP has none there)."""
    axial: AxialSettings = field(default_factory=AxialSettings)
    unet: UNetSettings = field(default_factory=UNetSettings)
    pair_aware: PairAwareSettings = field(default_factory=PairAwareSettings)
    directed: bool = True
    """Whether (a, b) is another question than (b, a). If not, only pairs whose head is mentioned first are asked about,
    as in corpora without direction (BioRED)."""
    max_word_distance: int = 500
    """Pairs whose nearest mentions are further apart are not scored, but counted and reported; no window of 512
    subwords holds both, and no document of the DocRED family is so long."""

    def __post_init__(self) -> None:
        if self.loss not in RELATION_LOSSES:
            allowed = ", ".join(RELATION_LOSSES)
            raise InputError(
                f"loss = {self.loss!r} is not a loss{nearest(self.loss, RELATION_LOSSES)}; allowed: {allowed}"
            )
        check_range("focal_gamma", self.focal_gamma, 0)
        if self.focal_gamma != 1:
            self._check_loss_takes("gamma", f"focal_gamma = {self.focal_gamma}")
        if self.negative_labels.ratio < 1:
            self._check_loss_takes("negative_mask", f"negative_labels.ratio = {self.negative_labels.ratio}")
        check_range("evidence_weight", self.evidence_weight, 0)
        if self.evidence_weight and not self.contextual:
            raise InputError(
                f"evidence_weight = {self.evidence_weight} guides the localized contexts of pairs, which "
                f"{self.representation} has not as it is set; leave it at 0, or take representation: localized-context"
            )
        check_range("dropout", self.dropout, 0, below=1)
        self._check_representation_takes()
        check_range("threshold", self.threshold, 0, 1)
        for name in ("top_k", "negatives", "word_distances", "sentence_distances", "max_word_distance", "block_size"):
            check_range(name, getattr(self, name), 0 if name == "negatives" else 1)
        if self.embedding_size % self.block_size:
            raise InputError(
                f"embedding_size = {self.embedding_size} should be a multiple of block_size = {self.block_size}"
            )

    @property
    def marked(self) -> bool:
        """Whether relations are read from documents with markers around the mentions."""
        return self.input != "one-pass"

    @property
    def contextual(self) -> bool:
        """Whether pairs have a localized context."""
        contexts = {
            "localized-context": self.context,
            "axial-attention": True,
            "u-net": True,
            "pair-aware": self.pair_aware.grid,
        }
        return contexts.get(self.representation, False)

    def check_shifts(self, relations: int) -> None:
        """Raise `InputError` unless shifts are one number or as many as the schema has ``relations``."""
        for name in ("shift", "gold_shift"):
            shift = getattr(self, name)
            if isinstance(shift, tuple) and len(shift) != relations:
                raise InputError(
                    f"relations.{name} has {len(shift)} numbers, but the schema {relations} relations; give one "
                    f"number, or let `joint-ie tune` choose"
                )

    def _check_representation_takes(self) -> None:
        for setting in fields(self):
            able, value = _TAKEN_BY.get(setting.name), getattr(self, setting.name)
            if able and self.representation not in able and value != setting.default:
                raise InputError(
                    f"{setting.name} = {value!r} has no effect on representation = {self.representation!r}; leave it "
                    f"at {setting.default!r}, or take {', '.join(able)}"
                )

    def _check_loss_takes(self, argument: str, setting: str) -> None:
        able = [name for name, relation in RELATION_LOSSES.items() if argument in signature(relation.loss).parameters]
        if self.loss not in able:
            raise InputError(
                f"{setting} has no effect on loss = {self.loss!r}; leave it at 1, or take {', '.join(able)}"
            )
