"""Typed markers from settings to predictions."""

from dataclasses import replace

import pytest
import torch
from tokenizers import models
from transformers import PreTrainedTokenizerBase

from joint_ie.document import Document
from joint_ie.encoding.batches import gold_spans
from joint_ie.models.checkpoint import collator_for
from joint_ie.models.prediction import Predictor
from joint_ie.models.stages import Stages


@pytest.fixture
def tokenizer(toy, monkeypatch: pytest.MonkeyPatch) -> PreTrainedTokenizerBase:
    """The toy's, with BERT's pieces without a meaning; toy encoders get their embeddings."""
    made = toy.tokenizer()
    vocabulary = made.get_vocab()
    vocabulary |= {f"[unused{i}]": len(vocabulary) + i for i in range(100)}
    made.backend_tokenizer.model = models.WordPiece(vocabulary, unk_token="[UNK]")
    config = toy.encoder_config()
    config.vocab_size = len(vocabulary)
    monkeypatch.setattr(toy, "encoder_config", lambda: config)
    return made


def predictor(toy, tokenizer: PreTrainedTokenizerBase, input: str) -> Predictor:
    """A model that says every relation of every pair, with its probability."""
    relations = {"input": input, "loss": "binary-cross-entropy", "threshold": 0.0}
    model = toy.model(relations=relations, mentions={"threshold": 0.2}, coreference={"threshold": 0.5})
    with torch.no_grad():
        for parameter in model.relation_scorer.parameters():
            parameter *= 3
    return Predictor(model, collator_for(model, tokenizer))


def scores(document: Document) -> dict[tuple[int, int, str], float]:
    return {(r.head, r.tail, r.type): r.score for r in document.relations}


def test_only_typed_markers_see_types(toy, tokenizer: PreTrainedTokenizerBase) -> None:
    document = toy.document(3)
    other = {"PER": "LOC", "LOC": "ORG", "ORG": "PER"}
    renamed = replace(document, entities=tuple(replace(e, type=other[e.type]) for e in document.entities))
    for input, sees in (("markers", False), ("typed-markers", True)):
        first, second = predictor(toy, tokenizer, input).gold_entities([document, renamed])
        same = scores(first) == pytest.approx(scores(second), abs=1e-5)
        assert same == (not sees), input


def test_a_batch_says_what_its_documents_say(toy, tokenizer: PreTrainedTokenizerBase) -> None:
    made = predictor(toy, tokenizer, "typed-markers")
    documents = [toy.document(i, sentences=1 + i % 3, entities=1 + i) for i in range(4)]
    for one, document in zip(made.gold_entities(documents), documents, strict=True):
        assert scores(one) == pytest.approx(scores(*made.gold_entities([document])), abs=1e-5)


def test_the_pipeline_marks_predicted_types(toy, tokenizer: PreTrainedTokenizerBase) -> None:
    made = predictor(toy, tokenizer, "typed-markers")
    made.model.type_entities = lambda spans, mentions: torch.eye(3)[torch.arange(mentions.entities) % 3]
    said = made.end_to_end([toy.document(i) for i in range(6)])
    assert len({entity.type for joint in said for entity in joint.entities}) == 3
    for joint, pipeline in zip(said, made.gold_entities(said), strict=True):
        assert scores(joint) == pytest.approx(scores(pipeline), abs=1e-5)


def test_gold_entities_are_read_once(toy, tokenizer: PreTrainedTokenizerBase) -> None:
    """A batch of given entities needs no view without markers; what is read has the markers of the schema's types."""
    model = predictor(toy, tokenizer, "typed-markers").model
    stages, document = Stages(model, collator_for(model, tokenizer)), toy.document(1)
    batch = stages.batch([document], given=True)
    assert batch.plain is None
    encoded, found = stages.given(batch)
    view = stages.pairs(batch, encoded, found).view
    number = {"PER": 3, "LOC": 1, "ORG": 0}
    expected = stages.collator.marked(
        [document], [gold_spans(document)], [[number[entity.type] for entity in document.entities]]
    )
    assert view.windows.input_ids.tolist() == expected.windows.input_ids.tolist()
