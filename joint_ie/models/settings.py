"""What a joint model is made of: the ``model:`` part of a training configuration."""

from dataclasses import dataclass, field, fields
from typing import Literal

from joint_ie.errors import InputError, check_range
from joint_ie.models.relation_settings import RelationSettings

Linkage = Literal["complete", "average"]
_OF_PAIRS = ("product", "linkage", "typical_mentions")  # settings of coreference that antecedents have no use for

Detector = Literal["span", "crf", "semi-markov"]


@dataclass(frozen=True)
class EncoderSettings:
    """Which encoder, and how documents are fed to it."""

    name: str = "bert-base-cased"
    """A hub name, a folder, or ``package:folder`` for weights inside an installed Python package."""
    layers: int | None = None
    """Keep only the first layers; sentence encoders have drifted from token tasks at the top."""
    reinitialise: int = 0
    """Start so many of the kept top layers from random weights."""
    casing: bool = False
    """Add an embedding of each word's casing to the input: uncased encoders see capitals again."""
    attention_dropout: float | None = None
    """Replaces the encoder's own; 0 trains faster on a CPU."""
    special_tokens: bool = True
    """Whether documents begin and end with the tokenizer's special tokens (JEREX: no)."""
    max_length: int | None = None
    """Subwords in a window; the encoder's own limit if None."""
    overlap: int = 128
    """Subwords that neighbouring windows of a long document share at least."""
    averaged_layers: int = 1
    """Hidden states and attention are the mean of so many last layers (DREEAM: 3)."""

    def __post_init__(self) -> None:
        check_range("averaged_layers", self.averaged_layers, 1)


@dataclass(frozen=True)
class MentionSettings:
    """Mention detection: every span of up to ``max_width`` words is scored (JEREX, section 3.2), or sentences are cut
    into mentions and other words as a whole (``crf``, ``semi-markov``).
    """

    detector: Detector = "span"
    """``span``: every span on its own. ``crf``: the best tags of a sentence's words. ``semi-markov``: the spans of a
    sentence with the highest sum of scores. Mentions of the last two never overlap."""
    max_width: int = 10
    """Longest mention in words that can be predicted (JEREX: 10)."""
    sizes: int = 30
    """Rows of the width table; wider spans share the last."""
    threshold: float = 0.85
    """Spans are mentions from this probability on (JEREX: 0.85; tuned on dev). With ``crf`` and ``semi-markov`` it
    comes after the best segmentation, which 0 keeps whole."""
    overlap: bool = True
    """``span``: keep mentions that overlap or lie inside others (JEREX); otherwise the most probable of them wins."""
    negatives: int | None = 200
    """``span``: sampled non-mentions per document (JEREX: 200); None takes all."""
    inside_share: float = 0.5
    """``span``: share of the negatives that lie inside gold mentions, as far as there are so many (JEREX: 0.5)."""

    def __post_init__(self) -> None:
        check_range("max_width", self.max_width, 1)
        check_range("sizes", self.sizes, 1)
        check_range("threshold", self.threshold, 0, 1)
        check_range("negatives", self.negatives, 0)
        check_range("inside_share", self.inside_share, 0, 1)

    @property
    def segmenting(self) -> bool:
        """Whether sentences are decided on as a whole, from segments that share no word."""
        return self.detector != "span"


@dataclass(frozen=True)
class CoreferenceSettings:
    """Coreference: which mentions name one entity."""

    method: Literal["pairwise", "antecedent"] = "pairwise"
    """``pairwise``: a classifier of mention pairs, and ``linkage`` (JEREX, section 3.3). ``antecedent``: every mention
    chooses one of those before it, or none (Lee et al. 2017, section 4); linked mentions are an entity."""
    distances: int = 300
    """Rows of the edit-distance table."""
    linkage: Linkage = "complete"
    """``pairwise``: clusters join while all mention pairs between them are above the threshold (JEREX), or while their
    ``average`` is, which in long texts tears fewer entities."""
    threshold: float = 0.85
    """``pairwise``: the probability above which clusters join (JEREX: 0.85; tuned on dev).
    ``antecedent``: a mention is linked to its best antecedent above this probability of it rather than of none; 0.5
    takes whichever of the two is better, as Lee et al. do."""
    typical_mentions: int | None = None
    """``pairwise``: the threshold is that of a text with so many mentions, and its odds grow with their number
    (`clustering.threshold_in`); None has one for all texts (JEREX)."""
    negatives: int | None = 200
    """``pairwise``: sampled pairs of mentions of different entities per document (JEREX: 200); None takes all."""
    product: bool = False
    """``pairwise``: score pairs from the product of their vectors, too (not in JEREX; ``antecedent`` always does)."""
    max_antecedents: int = 250
    """``antecedent``: in training, mentions choose from so many nearest ones before them (Lee et al.: 250)."""

    def __post_init__(self) -> None:
        check_range("distances", self.distances, 1)
        check_range("threshold", self.threshold, 0, 1)
        check_range("typical_mentions", self.typical_mentions, 1)
        check_range("negatives", self.negatives, 0)
        check_range("max_antecedents", self.max_antecedents, 1)
        for setting in fields(self):
            value = getattr(self, setting.name)
            if self.method == "antecedent" and setting.name in _OF_PAIRS and value != setting.default:
                raise InputError(
                    f"{setting.name} = {value!r} has no effect on method = 'antecedent'; leave it at "
                    f"{setting.default!r}, or take pairwise"
                )

    @property
    def antecedents(self) -> int | None:
        """``max_antecedents`` of the method that has them."""
        return self.max_antecedents if self.method == "antecedent" else None


@dataclass(frozen=True)
class TaskWeights:
    """Factors of the four losses (JEREX: 1, 1, 0.25, 1); 0 leaves a task out of training."""

    mentions: float = 1.0
    coreference: float = 1.0
    entity_types: float = 0.25
    relations: float = 1.0

    def __post_init__(self) -> None:
        for task in fields(self):
            if getattr(self, task.name) < 0:
                raise InputError(f"{task.name} = {getattr(self, task.name)} should be at least 0")
        if not any(getattr(self, task.name) for task in fields(self)):
            raise InputError(f"all are 0; give at least one of {', '.join(t.name for t in fields(self))} a weight")

    @property
    def shared(self) -> bool:
        """Whether any task is trained that works on documents without markers."""
        return bool(self.mentions or self.coreference or self.entity_types)

    @property
    def entities(self) -> bool:
        """Whether everything is trained that finds entities in a text."""
        return bool(self.mentions and self.coreference and self.entity_types)


@dataclass(frozen=True)
class ModelSettings:
    """The whole model."""

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    mentions: MentionSettings = field(default_factory=MentionSettings)
    coreference: CoreferenceSettings = field(default_factory=CoreferenceSettings)
    relations: RelationSettings = field(default_factory=RelationSettings)
    embedding_size: int = 25
    """Width of size, distance and type embeddings (JEREX: 25)."""
    dropout: float = 0.1
    """In all heads (JEREX: 0.1)."""
    task_weights: TaskWeights = field(default_factory=TaskWeights)
