"""Two models one after the other: the first finds entities, the second says which relations hold between them."""

from collections import Counter
from collections.abc import Sequence

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.models.grounding import UNTYPED
from joint_ie.models.prediction import Predictor
from joint_ie.models.seq2seq_prediction import Seq2SeqPredictor


class Pipeline:
    """Predicts as a single model's `Predictor` does; the second model never sees more of the first than its documents.

    Args:
        finder: finds mentions, entities and their types; what it says about relations is not asked.
        relater: says relations between the entities found. It must know the types that the first one gives.

    Raises `InputError` for models that cannot work together.
    """

    def __init__(self, finder: Predictor | Seq2SeqPredictor, relater: Predictor | Seq2SeqPredictor) -> None:
        _check(finder, relater)
        self.finder = finder
        self.relater = relater

    @property
    def left_out(self) -> Counter[str]:
        """What results lack since both predictors were made, by reason."""
        return self.finder.left_out + self.relater.left_out

    def end_to_end(self, documents: Sequence[Document]) -> list[Document]:
        """Everything from the words alone; annotations of the input are ignored."""
        return self.relater.relations(self.finder.entities(documents))

    def gold_mentions(self, documents: Sequence[Document]) -> list[Document]:
        """Everything but the mentions, which are those of the documents."""
        return self.relater.relations(self.finder.entities(documents, given=True))

    def gold_entities(self, documents: Sequence[Document]) -> list[Document]:
        """Relations between the entities that the documents have: the second model alone."""
        return self.relater.gold_entities(documents)


def _check(finder: Predictor | Seq2SeqPredictor, relater: Predictor | Seq2SeqPredictor) -> None:
    if isinstance(finder, Seq2SeqPredictor) and isinstance(relater, Seq2SeqPredictor):
        raise InputError(
            "both models write facts (REBEL), which find no entities without relations and no relations by pairs; "
            "take a joint model for one of the two"
        )
    if isinstance(finder, Predictor) and not finder.model.settings.task_weights.shared:
        raise InputError(
            "the model that shall find entities was trained for relations between given entities only "
            "(model.task_weights); name one that was trained for mentions, coreference and entity types"
        )
    if isinstance(relater, Predictor) and not relater.model.settings.task_weights.relations:
        raise InputError(
            "the model that shall say relations was not trained for them (model.task_weights.relations is 0); name "
            "another"
        )
    untyped = isinstance(finder, Seq2SeqPredictor) and not finder.model.settings.typed
    found = (UNTYPED,) if untyped else finder.model.schema.entity_index
    known = relater.model.schema.entity_index
    unknown = [name for name in found if name not in known]
    if unknown:
        raise InputError(
            f"the model that shall say relations does not know the entity types {', '.join(unknown)} of the one that "
            f"finds entities, but {', '.join(known)}; name two that were trained with the same entity types"
        )
