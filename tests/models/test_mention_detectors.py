"""What detectors make mentions, and what they learn from."""

import json
import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.document import Document, Entity
from joint_ie.errors import InputError
from joint_ie.heads.semi_markov import log_partition
from joint_ie.models import mention_detectors
from joint_ie.models.checkpoint import continued_model, load_checkpoint, save_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.mention_detectors import PROBABLE, most_probable
from joint_ie.models.prediction import Predictor
from joint_ie.models.quantisation import dequantise, quantise
from joint_ie.models.relabelling import relabelled_model
from joint_ie.models.settings import MentionSettings
from joint_ie.models.stages import Stages
from joint_ie.models.tuning import Tuner
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping

SEGMENTING = ["crf", "semi-markov"]
every_detector = pytest.mark.parametrize("detector", ["span", *SEGMENTING])
every_segmenting = pytest.mark.parametrize("detector", SEGMENTING)

SPANS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 4), st.floats(0.0, 1.0, width=32)),
    max_size=12,
    unique_by=lambda s: s[2],
)


@settings(deadline=None)
@given(SPANS, st.floats(0.015625, 1.0, width=32))
def test_most_probable_spans(found: list[tuple[int, int, float]], threshold: float) -> None:
    """Against one by one, from the most probable on; and the threshold may be applied before or after."""
    spans = torch.tensor([(start, start + width) for start, width, _ in found], dtype=torch.long).view(-1, 2)
    probability = torch.tensor([p for _, _, p in found], dtype=torch.float32)
    kept: list[tuple[int, int]] = []
    expected = [False] * len(found)
    for i in sorted(range(len(found)), key=lambda i: -found[i][2]):
        start, end = spans[i].tolist()
        if found[i][2] >= PROBABLE and all(end <= s or e <= start for s, e in kept):
            kept.append((start, end))
            expected[i] = True
    result = most_probable(spans, probability)
    assert result.tolist() == expected
    above = probability >= threshold
    assert torch.equal(most_probable(spans[above], probability[above]), result[above])


def make(toy, detector: str, **mentions) -> JointModel:
    return toy.model(mentions={"detector": detector, "max_width": 4, "threshold": 0.0, **mentions})


def found(toy, model: JointModel, documents: list[Document]) -> list[dict[tuple[int, int], float]]:
    """The mentions of every document with their probabilities."""
    stages = Stages(model, toy.collator(model))
    with torch.no_grad():
        _, mentions = stages.mentions(stages.batch(documents))
    return [dict(zip(here.spans, here.probability, strict=True)) for here in mentions]


def overlaps(spans: list[tuple[int, int]]) -> bool:
    spans = sorted(spans)
    return any(start < end for (_, end), (start, _) in pairwise(spans))


@every_segmenting
def test_mentions_neither_overlap_nor_leave_their_sentence(toy, detector: str) -> None:
    documents = [toy.document(i, sentences=4) for i in range(4)]
    model = make(toy, detector)
    for document, mentions in zip(documents, found(toy, model, documents), strict=True):
        assert mentions and not overlaps(list(mentions))
        assert all(0 < probability <= 1 for probability in mentions.values())
        for start, end in mentions:
            assert any(first <= start and end <= last for first, last in document.sentence_spans)
            assert end - start <= 4


@every_segmenting
def test_documents_do_not_depend_on_their_batch(toy, detector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [toy.document(i, sentences=1 + i) for i in range(4)]
    model = make(toy, detector)
    alone = [mentions for document in documents for mentions in found(toy, model, [document])]
    assert sum(map(len, alone)) > 4
    for most in (1 << 14, 1, 30):
        monkeypatch.setattr(mention_detectors, "SENTENCE_WORDS", most)
        for together, here in zip(found(toy, model, documents), alone, strict=True):
            assert together == pytest.approx(here, abs=1e-5)


@every_segmenting
def test_a_threshold_takes_the_less_probable_of_the_best_segmentation_away(toy, detector: str) -> None:
    documents = [toy.document(i) for i in range(3)]
    model = make(toy, detector)
    every = found(toy, model, documents)
    threshold = sorted(p for mentions in every for p in mentions.values())[3]
    model.settings = replace(model.settings, mentions=replace(model.settings.mentions, threshold=threshold))
    expected = [{span: p for span, p in mentions.items() if p >= threshold} for mentions in every]
    assert found(toy, model, documents) == expected != every


@every_segmenting
def test_a_mention_of_the_best_segmentation_is_kept_however_improbable(
    toy, detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one whose marginal probability is rounded to 0."""
    documents, model = [toy.document(1)], make(toy, detector)
    expected = found(toy, model, documents)[0].keys()
    name = "semi_markov" if detector == "semi-markov" else "tag_chain"
    programme = getattr(mention_detectors, name)
    original = programme.segmentation

    def rounded(*arguments):
        whole = original(*arguments)
        return replace(whole, marginal=torch.zeros_like(whole.marginal))

    monkeypatch.setattr(programme, "segmentation", rounded)
    assert found(toy, model, documents)[0].keys() == expected


def test_semi_markov_segments_have_the_scores_of_spans(toy) -> None:
    """In a sentence of one word there is nothing else to decide, and both say the same."""
    model, spans = make(toy, "semi-markov"), make(toy, "span")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), spans.parameters(), strict=True))
    document = Document.from_words("words", [["a"], ["bc"], ["de"], ["b"], ["ab"], ["dea"], ["c"], ["ee"]])
    middle = torch.tensor(list(found(toy, spans, [document])[0].values())).logit().median()
    with torch.no_grad():
        for made in (model, spans):
            made.mention_scorer.out.bias -= middle
    expected = found(toy, spans, [document])[0]
    likely = {span: p for span, p in expected.items() if p > 0.5}
    assert 0 < len(likely) < len(expected)
    assert found(toy, model, [document])[0] == pytest.approx(likely, abs=1e-6)


def test_the_loss_of_semi_markov_is_that_of_its_programme(toy) -> None:
    """A sentence at a time, from the scores of `span`."""
    model = make(toy, "semi-markov")
    batch = toy.training_set(model, [toy.document(1), toy.document(2)]).batch([(0,), (1,)], 0)
    segments, sentence = batch.targets.segments, batch.given.words.sentence
    detector = model.mention_detector
    with torch.no_grad():
        encoded = model.encode(batch.given.plain, batch.given.words, detector.widths(batch.targets))
        total = 0.0
        for number in sentence.unique():
            words = torch.nonzero(sentence == number).squeeze(1).tolist()
            scores = torch.full((1, len(words), 4), -torch.inf)
            for i in range(len(words)):
                for w in range(1, min(4, i + 1) + 1):
                    span = torch.tensor([[words[i] + 1 - w, words[i] + 1]])
                    scores[0, i, w - 1] = model.mention_scorer(encoded.words(span), torch.tensor([w]))
            inside = [(s - words[0], e - words[0]) for s, e in segments.tolist() if words[0] <= s <= words[-1]]
            total += log_partition(scores).item() - sum(scores[0, e - 1, e - s - 1].item() for s, e in inside)
        loss = model(batch).losses["mentions"].item()
    assert loss == pytest.approx(total / len(sentence), rel=1e-4)


@every_segmenting
def test_losses_are_means_over_all_words_of_the_batch(toy, detector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make(toy, detector).double()
    documents = [toy.document(i, sentences=1 + i, entities=2 + i) for i in range(3)]
    training = toy.training_set(model, documents)

    def loss(batch) -> float:
        return model(batch).losses["mentions"].item()

    alone = [training.batch([(i,)], 0) for i in range(3)]
    words = [len(batch.given.words.sentence) for batch in alone]
    expected = sum(n * loss(batch) for n, batch in zip(words, alone, strict=True)) / sum(words)
    assert loss(training.batch([(0,), (1,), (2,)], 0)) == pytest.approx(expected)
    monkeypatch.setattr(mention_detectors, "SENTENCE_WORDS", 1)
    assert loss(training.batch([(0,), (1,), (2,)], 0)) == pytest.approx(expected)


@every_segmenting
def test_bfloat16(toy, detector: str) -> None:
    model = make(toy, detector)
    batch = toy.training_set(model, [toy.document(1)]).batch([(0,)], 0)
    exact = model(batch).losses["mentions"].item()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(batch)
        assert any(found(toy, model, [toy.document(1)]))
    assert output.losses["mentions"].dtype == torch.float32
    assert output.losses["mentions"].item() == pytest.approx(exact, rel=0.1)
    output.loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@every_segmenting
def test_a_document_without_mentions_teaches_words_outside(toy, detector: str) -> None:
    model = make(toy, detector).train()
    bare = replace(toy.document(1), entities=(), relations=None)
    batch = toy.training_set(model, [bare]).batch([(0,)], 0)
    loss = model(batch).losses["mentions"]
    loss.backward()
    assert loss.item() > 0
    assert any(p.grad is not None and p.grad.any() for p in model.mention_scorer.parameters())


def nested() -> Document:
    """Words 0-7, two sentences; of six mentions three are learned."""
    bare = Document.from_words("nested", [["a", "b", "c", "d", "e", "a"], ["b", "c"]])
    spans = [(0, 2), (1, 2), (0, 1), (2, 4), (6, 8), (0, 6)]
    return bare.with_annotations([Entity("PER", "x", (bare.mention(*span),)) for span in spans], ())


@every_detector
def test_mentions_that_cannot_be_learned_are_reported(toy, detector: str, caplog: pytest.LogCaptureFixture) -> None:
    model = make(toy, detector)
    with caplog.at_level(logging.WARNING):
        training = toy.training_set(model, [nested(), toy.document(1, entities=1, most_mentions=1)])
        training.batch([(0,), (1,)], 0)
    if detector == "span":
        assert not caplog.records
    else:
        (record,) = caplog.records
        assert "3 of 7 mentions" in record.getMessage()
        assert "2 overlap another, 1 are wider than 4 words" in record.getMessage()
        segments = training.batch([(0,)], 0).targets.segments
        assert segments.tolist() == [[0, 2], [2, 4], [6, 8]]


def test_mentions_of_a_chain_that_are_too_wide_are_counted(toy) -> None:
    model = make(toy, "crf")
    with torch.no_grad():
        model.mention_scorer.out.weight.zero_()
        model.mention_scorer.out.bias.copy_(torch.tensor([0.0, 5.0, 9.0, 5.0, 0.0]))  # inside is best
    documents = [toy.document(1, sentences=2, words=9), toy.document(2, sentences=3, words=9)]
    assert all(end - start > 4 for document in documents for start, end in document.sentence_spans)
    predictor = Predictor(model, toy.collator(model))
    said = predictor.end_to_end(documents)
    assert predictor.wide_mentions == 5 and not any(document.entities for document in said)
    stages = Stages(model, toy.collator(model))
    with torch.no_grad():
        _, mentions = stages.mentions(stages.batch(documents))
    assert [here.too_wide for here in mentions] == [2, 3]


@every_segmenting
def test_a_toy_is_learned_by_heart(toy, detector: str) -> None:
    documents = [toy.document(i) for i in range(2)]
    model = make(toy, detector).train()
    batch = toy.training_set(model, documents).batch([(0,), (1,)], 0)
    model.eval()  # without dropout
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        model(batch).losses["mentions"].backward()
        optimiser.step()
    offset = batch.given.words.offset.tolist()
    wanted = {tuple(span) for span in batch.targets.segments.tolist()}
    said = {
        (start + first, end + first)
        for first, mentions in zip(offset, found(toy, model, documents), strict=False)
        for start, end in mentions
    }
    assert said == wanted


@every_detector
def test_checkpoints(toy, detector: str, tmp_path: Path) -> None:
    documents = [toy.document(1), toy.document(2)]
    model = make(toy, detector, threshold=0.05)
    save_checkpoint(model, toy.tokenizer(), tmp_path)
    loaded, _ = load_checkpoint(tmp_path)
    theirs = JointModel.from_pretrained(tmp_path).eval()
    expected = found(toy, model, documents)
    assert all(expected)
    continued, _ = continued_model(model.settings, toy.SCHEMA, tmp_path)
    for again in (loaded, theirs, continued.eval()):
        assert again.settings == model.settings
        for after, before in zip(found(toy, again, documents), expected, strict=True):
            assert after == pytest.approx(before, abs=1e-6)
    other = Schema.from_names(["LOC", "SHIP"], ["P2", "P9"])
    moved, _ = relabelled_model(model.settings, other, tmp_path)
    for after, before in zip(found(toy, moved.eval(), documents), expected, strict=True):
        assert after == pytest.approx(before, abs=1e-6)
    packed = dequantise(quantise(model.state_dict()))
    assert packed.keys() == model.state_dict().keys()
    model.load_state_dict(packed)
    for after, before in zip(found(toy, model, documents), expected, strict=True):
        shared = after.keys() & before.keys()
        assert len(shared) >= 0.8 * len(before)
        assert [after[span] for span in shared] == pytest.approx([before[span] for span in shared], abs=0.2)


def test_a_span_model_may_become_semi_markov_and_no_crf(toy, tmp_path: Path) -> None:
    start = make(toy, "span")
    save_checkpoint(start, toy.tokenizer(), tmp_path)
    model, _ = continued_model(make(toy, "semi-markov").settings, toy.SCHEMA, tmp_path)
    assert torch.equal(model.mention_scorer.out.weight, start.mention_scorer.out.weight)
    with pytest.raises(InputError, match="has other parts"):
        continued_model(make(toy, "crf").settings, toy.SCHEMA, tmp_path)


@every_segmenting
def test_tuning(toy, detector: str) -> None:
    """The threshold that is found has the F1 that is promised, and keeps to the best segmentation."""
    model = make(toy, detector)
    documents = [toy.document(i) for i in range(4)]
    best = found(toy, model, documents)
    draw = torch.Generator().manual_seed(1)
    annotated = []
    for document, mentions in zip(documents, best, strict=True):
        likely = [span for span, p in mentions.items() if torch.rand((), generator=draw) < p**2] or [(0, 1)]
        entities = [Entity("PER", "x", (document.mention(*span),)) for span in likely]
        annotated.append(document.with_annotations(entities, ()))
    tuned = Tuner(model, toy.collator(model), [annotated[:2], annotated[2:]]).tune()
    model.settings = tuned.settings
    after = found(toy, model, annotated)
    wanted = [{m.span for entity in d.entities for m in entity.mentions} for d in annotated]
    right = sum(len(w & here.keys()) for w, here in zip(wanted, after, strict=True))
    f1 = 2 * right / (sum(map(len, after)) + sum(map(len, wanted)))
    assert tuned.mentions == pytest.approx(f1)
    assert all(here.keys() <= before.keys() for here, before in zip(after, best, strict=True))


def test_checkpoints_that_know_no_other_detector_have_spans(toy, tmp_path: Path) -> None:
    save_checkpoint(make(toy, "span"), toy.tokenizer(), tmp_path)
    file = tmp_path / "config.json"
    data = json.loads(file.read_text())
    del data["model"]["mentions"]["detector"]
    file.write_text(json.dumps(data))
    assert load_checkpoint(tmp_path)[0].settings.mentions.detector == "span"
    with pytest.raises(InputError, match=r"detector = 'semimarkov'.*did you mean \"semi-markov\""):
        from_mapping(MentionSettings, {"detector": "semimarkov"})
