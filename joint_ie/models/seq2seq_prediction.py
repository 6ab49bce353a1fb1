"""Documents in, annotated Documents out, by a model that writes facts."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from transformers import PreTrainedTokenizerBase

from joint_ie.document import Document
from joint_ie.encoding.grouping import by_length
from joint_ie.encoding.source_target import Source, TextTokeniser
from joint_ie.errors import InputError
from joint_ie.models.constraint import Constraint
from joint_ie.models.grounding import Generated, Grounded, Grounding
from joint_ie.models.seq2seq import Seq2SeqModel
from joint_ie.models.seq2seq_checkpoint import text_tokeniser

# Subwords of texts and targets, padding and beams included, for which decoders keep states at once: those of BART-large
# take 3 GB. A window runs in any case.
STATES = 2**15
CUT = "windows of text have more facts than fit (generation.max_target in the model's config.json)"


class Seq2SeqPredictor:
    """Runs a model on batches of documents with at least one word each, and returns them, in order, annotated.

    `Extractor` is the public face; this is what training validates with. ``left_out`` counts, by reason, what was
    written but is not in the documents, since the predictor was made.
    """

    def __init__(self, model: Seq2SeqModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model
        self.tokeniser: TextTokeniser = text_tokeniser(model, tokenizer)
        self.constraint = Constraint(self.tokeniser) if model.settings.constrained else None
        self.grounding = Grounding(model.schema, self.tokeniser.relation_ids, self.tokeniser.keys)
        self.left_out: Counter[str] = Counter()

    def end_to_end(self, documents: Sequence[Document]) -> list[Document]:
        """Entities and relations from the words alone; annotations of the input are ignored."""
        return self._annotated(documents, self.grounding.in_text)

    def gold_mentions(self, documents: Sequence[Document]) -> list[Document]:
        """Refused (`InputError`): what it writes decides what is a mention."""
        raise InputError(
            "a model that writes facts (REBEL) cannot take given mentions; use the mode end-to-end or gold-entities"
        )

    def entities(self, documents: Sequence[Document], given: bool = False) -> list[Document]:
        """The entities of `end_to_end`, which are those of some fact, without relations (None)."""
        found = self.gold_mentions(documents) if given else self.end_to_end(documents)
        return [replace(document, relations=None) for document in found]

    def relations(self, documents: Sequence[Document]) -> list[Document]:
        """Relations between the entities that another model found; nothing is decided by a threshold here."""
        return self.gold_entities(documents)

    def gold_entities(self, documents: Sequence[Document]) -> list[Document]:
        """Relations between the entities that the documents already have; entities stay as they are."""
        return self._annotated(documents, self.grounding.in_entities)

    def _annotated(
        self, documents: Sequence[Document], ground: Callable[[Document, Sequence[Generated]], Grounded]
    ) -> list[Document]:
        sources = [self.tokeniser.sources(document) for document in documents]
        written = iter(self._generated([source for listed in sources for source in listed]))
        annotated = []
        for document, listed in zip(documents, sources, strict=True):
            grounded = ground(document, [fact for _ in listed for fact in next(written)])
            self.left_out += grounded.left_out
            annotated.append(grounded.document)
        return annotated

    def _generated(self, sources: Sequence[Source]) -> list[list[Generated]]:
        """The facts that are written for every window; a bounded number of windows at a time."""
        settings = self.model.settings
        lengths = [settings.beams * (len(source.ids) + settings.max_target) for source in sources]
        facts: dict[int, list[Generated]] = {}
        for group in by_length(lengths, STATES):
            facts |= zip(group, self._written([sources[i] for i in group]), strict=True)
        return [facts[i] for i in range(len(sources))]

    def _written(self, sources: Sequence[Source]) -> list[list[Generated]]:
        """The facts that are written for every window, all windows at once."""
        model = self.model
        batch = self.tokeniser.batch(sources).to(model.device)
        texts = [self.constraint.text(source) for source in sources] if self.constraint else []

        def allowed(row: int, ids: Sequence[int]) -> list[int]:
            return texts[row].allowed(ids)

        written = model.generate(batch, allowed if self.constraint else None)
        targets = [_ended(row, model.end_id) for row in written.tolist()]
        self.left_out[CUT] += sum(model.end_id not in target for target in targets)
        batch = self.tokeniser.batch(sources, targets).to(model.device)
        scores = model.log_probabilities(batch).exp().tolist()
        return [self._facts(*pair) for pair in zip(targets, scores, strict=True)]

    def _facts(self, target: Sequence[int], probability: Sequence[float]) -> list[Generated]:
        """Facts with their probability, given what was written before them: that of their subwords, multiplied."""
        markers = set(self.tokeniser.marker_ids.values())
        ends = [i for i, token in enumerate(target) if token in markers] + [len(target)]
        facts: list[Generated] = []
        start = 0
        for located in self.tokeniser.syntax.locate(self.tokeniser.parts(target)):
            end = ends[located.markers - 1]
            facts.append(Generated(located.triple, math.prod(probability[start:end])))
            start = end
        return facts


def _ended(ids: Sequence[int], end: int) -> list[int]:
    """Up to the end token, that included."""
    listed = list(ids)
    return listed[: listed.index(end) + 1] if end in listed else listed
