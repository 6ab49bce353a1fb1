"""A finished training's predictions, scored by every protocol that the study asks for."""

import time
from dataclasses import dataclass
from pathlib import Path

from joint_ie.corpora import load_corpus, read_jsonl, training_facts, write_jsonl
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation import Protocol, count_documents, error_report
from joint_ie.evaluation.fingerprints import corpus_fingerprint
from joint_ie.evaluation.protocol import Mode
from joint_ie.evaluation.protocols import named, protocols
from joint_ie.evaluation.relation_groups import relation_counts
from joint_ie.extraction import Extractor
from joint_ie.study.cells import Scoring
from joint_ie.study.records import ModeResult, ScoredCorpus
from joint_ie.training.data import DataSettings, dev_documents, load_documents, schema_for


@dataclass(frozen=True)
class _Asked:
    """What one mode compares by what."""

    gold: tuple[Document, ...]
    protocols: tuple[Protocol, ...]


class Scorer:
    """Reads everything when it is made, so that a corpus that is missing shows before a training, not after it.

    Args:
        scoring: which protocols, on what.
        data: the data settings of the training, whose dev documents are scored on unless ``scoring`` says otherwise.
    """

    def __init__(self, scoring: Scoring, data: DataSettings) -> None:
        schema = schema_for(data)
        if scoring.corpus is None:
            name, reader, gold = data.dev, data.dev_reader, dev_documents(data, schema)
        else:
            name, reader, gold = scoring.corpus, None, load_documents(scoring.corpus, schema)
        self.corpus = ScoredCorpus(name, len(gold), corpus_fingerprint(gold))
        self.relation_names = schema.relation_names
        facts = counts = None
        if scoring.training_facts is not None:
            training = load_corpus(scoring.training_facts)
            facts, counts = training_facts(training), relation_counts(training)
        relations = list(schema.relation_index)
        # End to end, some published scorers depend on the order of a file: it is kept, as by `joint-ie evaluate`.
        listed = {document.id: document for document in load_corpus(name, reader=reader, text_order=False)}
        self._asked: dict[Mode, _Asked] = {}
        for mode, names in scoring.protocols.items():
            if mode == "gold-entities":
                documents = [document for document in gold if document.relations is not None]
            else:
                documents = [listed[document.id] for document in gold]
            known = protocols(mode, facts, counts, relations)
            self._asked[mode] = _Asked(tuple(documents), tuple(named(names, known)))

    @property
    def modes(self) -> tuple[Mode, ...]:
        """In which predictions are asked for."""
        return tuple(self._asked)

    def score(self, extractor: Extractor, mode: Mode, keep: Path | None) -> tuple[ModeResult, float]:
        """The result of a mode, and the seconds that predicting took; the predictions are written to ``keep``."""
        asked = self._asked[mode]
        started = time.perf_counter()
        predicted = list(extractor.by_mode(mode, asked.gold))
        seconds = time.perf_counter() - started
        if keep:
            write_jsonl(predicted, keep)
        return self._result(predicted, mode), seconds

    def score_file(self, file: Path, mode: Mode) -> ModeResult:
        """The result of a mode, from predictions that `score` kept; `InputError` if they are of other documents."""
        predicted = list(read_jsonl(file))
        if [document.id for document in predicted] != [document.id for document in self._asked[mode].gold]:
            raise InputError(f"{file}: has other documents than {self.corpus.name}; train this cell anew")
        return self._result(predicted, mode)

    def _result(self, predicted: list[Document], mode: Mode) -> ModeResult:
        asked = self._asked[mode]
        counts = {protocol.name: count_documents(protocol, asked.gold, predicted) for protocol in asked.protocols}
        return ModeResult.of(counts, error_report(asked.gold, predicted, mode))
