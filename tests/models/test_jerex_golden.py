"""The joint model as JEREX: training and inference against golden joint README 5, in float64."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertConfig

from joint_ie.corpora import read_docred
from joint_ie.document import Document
from joint_ie.encoding.batches import Batch, Collator, gold_spans, words_of
from joint_ie.encoding.distances import between, edit_distances, word_distances
from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.encoding.spans import all_spans
from joint_ie.encoding.subwords import SubwordTokeniser
from joint_ie.encoding.training_set import Targets, TrainingBatch
from joint_ie.heads.multi_instance import MultiInstance, mention_pairs
from joint_ie.heads.relation_head import PairScores
from joint_ie.heads.segments import segment_max
from joint_ie.models import coreference
from joint_ie.models.checkpoint import load_tokenizer
from joint_ie.models.config import JointConfig
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor
from joint_ie.models.relation_settings import RelationSettings
from joint_ie.models.settings import EncoderSettings, ModelSettings
from joint_ie.schema import Schema

VARIANTS = {"multi_instance": "multi-instance", "global": "entity-concatenation"}
LOSSES = {"mentions": "mention", "coreference": "coref", "entity_types": "entity", "relations": "rel"}
NUMBERS = (0, 1)


def assert_parity(actual: Tensor, expected: Tensor, atol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "golden" / "joint_and_scoring" / "d_jerex"


@pytest.fixture(scope="module")
def config(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "expected.json").read_text())


@pytest.fixture(scope="module")
def documents(folder: Path) -> list[Document]:
    return list(read_docred(folder / "documents.json"))


@pytest.fixture(scope="module")
def samples(folder: Path) -> list[dict[str, Tensor]]:
    return [load_file(folder / f"train_sample_doc{number}.safetensors") for number in NUMBERS]


@pytest.fixture(scope="module")
def collator(shared: Path) -> Collator:
    tokenizer = load_tokenizer(shared / "encoders" / "gte-small")  # the golden vocabulary, lower-casing
    return Collator(SubwordTokeniser(tokenizer, special_tokens=False), max_length=700, overlap=128)


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(variant: str, folder: Path, config: dict[str, Any]) -> JointModel:
    sizes = {key: value for key, value in config["encoder"].items() if key not in ("hidden_act", "dropout")}
    settings = ModelSettings(
        encoder=EncoderSettings(special_tokens=False),
        relations=RelationSettings(representation=VARIANTS[variant], loss="binary-cross-entropy"),
    )
    schema = Schema.from_names(config["entity_types"], config["relation_types"])
    model = JointModel(JointConfig.build(settings, BertConfig(**sizes, hidden_act="gelu"), schema)).double().eval()
    weights = load_file(folder / f"weights_{variant}.safetensors")
    named = {f"encoder.model.{k}": v for k, v in load_file(folder / "weights_encoder.safetensors").items()}
    named |= {_our_name(k): v for k, v in weights.items()}
    for name in ("relation_scorer.classifier.out.weight", "relation_scorer.classifier.out.bias"):
        unused = torch.full_like(named[name][:1], 9.0)  # column 0 takes no part, so its weights do not matter
        named[name] = torch.cat((unused, named[name]))
    model.load_state_dict(named)
    return model


def _our_name(name: str) -> str:
    part, rest = name.split(".", 1)
    rest += ".weight" if rest.endswith("_embedding") else ""
    room = {"mention": "mention_scorer", "coref": "coreference_scorer", "entity": "entity_typer"}
    if part in room:
        return f"{room[part]}.{rest}"
    own = rest.startswith(("mention_pair", "word_distance", "sentence_distance"))
    return f"relation_scorer.{rest}" if own else f"relation_scorer.classifier.{rest}"


def training_batch(
    documents: Sequence[Document], samples: Sequence[dict[str, Tensor]], collator: Collator, config: dict[str, Any]
) -> TrainingBatch:
    """The golden samples as a batch of this package."""
    words = words_of(documents)
    mentions = MentionIndex.build([gold_spans(d) for d in documents], words.offset[:-1].tolist())
    types = [config["entity_types"].index(entity.type) for d in documents for entity in d.entities]
    assert types == [kind for sample in samples for kind in sample["entity_type"].tolist()]
    spans, coreference, pairs, numbers, labels = [], [], [], [], []
    mention, entity = 0, 0
    for number, (document, sample) in enumerate(zip(documents, samples, strict=True)):
        subwords = collator.tokeniser.plain([document])[0]
        start, end = sample["span_wordpieces"].numpy().T
        words_at = (np.searchsorted(subwords.word_start, start), np.searchsorted(subwords.word_end, end) + 1)
        found = torch.from_numpy(np.stack(words_at, axis=1))
        assert found.diff(dim=1).squeeze(1).tolist() == sample["span_words"].tolist()
        spans.append(found + words.offset[number])
        coreference.append(sample["coref_pairs"] + mention)
        pairs.append(sample["relation_pairs"] + entity)
        numbers.append(torch.full((len(sample["relation_pairs"]),), number))
        relations = sample["relation_labels"].bool()
        labels.append(torch.cat((~relations.any(1, keepdim=True), relations), dim=1))
        mention += sum(len(e.mentions) for e in document.entities)
        entity += len(document.entities)
    head, tail = torch.cat(pairs).unbind(1)
    given = Batch(
        tuple(documents), words, plain=collator.plain(documents), mentions=mentions, entity_type=torch.tensor(types)
    )
    targets = Targets(
        spans=torch.cat(spans),
        is_mention=torch.cat([sample["span_is_mention"].bool() for sample in samples]),
        mention_pairs=torch.cat(coreference),
        same_entity=torch.cat([sample["coref_label"].bool() for sample in samples]),
        edit_distance=torch.cat([sample["coref_edit_distance"] for sample in samples]),
        pairs=PairIndex(head, tail, torch.cat(numbers)),
        labels=torch.cat(labels),
    )
    return TrainingBatch(given, targets)


@contextmanager
def watched(model: JointModel) -> Iterator[dict[str, tuple[tuple[Any, ...], Any]]]:
    """Arguments and output of the parts of a model at their last call."""
    seen: dict[str, tuple[tuple[Any, ...], Any]] = {}
    hooks = [
        module.register_forward_hook(lambda _, arguments, output, name=name: seen.update({name: (arguments, output)}))
        for name, module in model.named_modules()
    ]
    yield seen
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("numbers", [(0,), (1,), (0, 1)])
def test_training(
    numbers: tuple[int, ...],
    variant: str,
    model: JointModel,
    folder: Path,
    config: dict[str, Any],
    expected: dict[str, Any],
    documents: list[Document],
    samples: list[dict[str, Tensor]],
    collator: Collator,
) -> None:
    chosen = [samples[i] for i in numbers]
    batch = training_batch([documents[i] for i in numbers], chosen, collator, config)
    with watched(model) as seen, torch.no_grad():
        output = model(batch)

    losses = expected["train"][variant][
        "both_documents_in_one_padded_batch" if len(numbers) > 1 else f"doc{numbers[0]}"
    ]
    assert output.loss.item() == pytest.approx(losses["loss"], rel=0, abs=1e-10)
    for task, name in LOSSES.items():
        assert output.losses[task].item() == pytest.approx(losses[f"{name}_loss"], rel=0, abs=1e-10), task

    stored = [load_file(folder / f"train_outputs_{variant}_doc{i}.safetensors") for i in numbers]
    golden = {name: torch.cat([values[name] for values in stored]) for name in stored[0]}
    windows = batch.given.plain.windows
    assert windows.input_ids[windows.attention_mask].tolist() == [
        i for s in chosen for i in s["wordpiece_ids"].tolist()
    ]
    assert_parity(seen["encoder"][1].hidden, golden["token_states"])
    assert_parity(seen["mention_scorer"][0][0], golden["span_vectors"])
    assert_parity(seen["mention_scorer"][1], golden["mention_logits"])
    assert_parity(seen["coreference_scorer"][1], golden["coref_logits"])
    assert_parity(seen["entity_typer"][0][0], golden["entity_vectors"])
    assert_parity(seen["entity_typer"][1], golden["entity_logits"])
    (given,), scores = seen["relation_scorer"]
    assert_parity(scores.logits[:, 1:], golden["relation_logits"])
    heads, tails = given.entities[given.pairs.head], given.entities[given.pairs.tail]
    if variant == "global":
        assert_parity(seen["relation_scorer.classifier.out"][0][0], golden["entity_pair_vectors"])
        return
    assert_parity(torch.cat((heads, tails), dim=1), golden["entity_pair_vectors"])

    # the mention pairs, one by one
    scorer = model.relation_scorer
    assert isinstance(scorer, MultiInstance)
    instances, owner = mention_pairs(given.mentions, given.pairs)
    with torch.no_grad():
        vectors = scorer.mention_pair_vectors(scorer.prepare(given), given.pairs, instances, owner)
        pooled = segment_max(vectors, torch.bincount(owner))
        types = [scorer.classifier.type_embedding(given.entity_type[e]) for e in (given.pairs.head, given.pairs.tail)]
        first, second = given.mentions.spans[instances[:, 0]], given.mentions.spans[instances[:, 1]]
        apart = word_distances(first, second)
        sentences = (given.word_sentence[first[:, 0]] - given.word_sentence[second[:, 0]]).abs()
        parts = (
            given.words(between(first, second)),
            *(given.spans[instances[:, 0]], given.spans[instances[:, 1]], heads[owner], tails[owner]),
            scorer.word_distance_embedding(apart),
            scorer.sentence_distance_embedding(sentences),
        )
    assert torch.equal(apart, torch.cat([sample["pair_word_distance"] for sample in chosen]))
    assert torch.equal(sentences, torch.cat([sample["pair_sentence_distance"] for sample in chosen]))
    assert_parity(torch.cat(parts, dim=1), golden["mention_pair_input"])
    assert_parity(vectors, golden["mention_pair_vectors"])
    assert_parity(torch.cat((pooled, *types), dim=1), golden["relation_input"])
    if len(numbers) == 1:
        # golden refers to a mention that is annotated twice by the number of its first annotation (5.3)
        listed = given.mentions.spans.tolist()
        first_equal = torch.tensor([listed.index(span) for span in listed])
        assert torch.equal(first_equal[instances], chosen[0]["pair_mentions"])
        assert torch.equal(owner, chosen[0]["pair_owner"])


@pytest.mark.parametrize("number", NUMBERS)
def test_inference(
    number: int,
    variant: str,
    model: JointModel,
    folder: Path,
    expected: dict[str, Any],
    documents: list[Document],
    collator: Collator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document, wanted = documents[number], expected["inference"][variant][f"doc{number}"]
    golden = load_file(folder / f"inference_{variant}_doc{number}.safetensors")
    # JEREX compares mentions as its tokenizer decodes them at inference; here it is always the document's own text.
    phrase = {
        document.slice(*(int(i) for i in span.strip("()").split(","))): decoded
        for span, decoded in wanted["decoded_phrases"].items()
    }
    assert any(text != decoded for text, decoded in phrase.items())
    asked: list[Tensor] = []

    def decoded_distances(texts: Sequence[str], pairs: Tensor) -> Tensor:
        asked.append(edit_distances([phrase[text] for text in texts], pairs))
        return asked[-1]

    monkeypatch.setattr(coreference, "edit_distances", decoded_distances)
    bare = Document(document.id, document.text, document.tokens, document.sentence_spans)
    calls: list[tuple[tuple[Any, PairIndex], PairScores]] = []
    score = model.relation_scorer.score

    def spied(shared: Any, pairs: PairIndex) -> PairScores:
        calls.append(((shared, pairs), score(shared, pairs)))
        return calls[-1][1]

    monkeypatch.setattr(model.relation_scorer, "score", spied)
    compared: list[tuple[Tensor, Tensor]] = []
    score_mentions = model.coreference_scorer.score

    def spied_mentions(mentions: Any, pairs: Tensor, distance: Tensor) -> Tensor:
        compared.append((pairs, score_mentions(mentions, pairs, distance)))
        return compared[-1][1]

    monkeypatch.setattr(model.coreference_scorer, "score", spied_mentions)
    with watched(model) as seen:
        found = Predictor(model, collator).end_to_end([bare])[0]

    candidates = all_spans(torch.tensor(document.token_sentence), 10)
    assert len(candidates) == wanted["n_candidates"]
    assert torch.equal(candidates, golden["candidate_words"])
    assert_parity(seen["encoder"][1].hidden, golden["token_states"])
    assert_parity(seen["mention_scorer"][1], golden["mention_logits"])

    # golden scores both directions of every pair and clusters with the upper triangle; only that is scored here
    rank = {candidate: i for i, candidate in enumerate(golden["selected"].tolist())}
    theirs_compared = {
        (rank[i], rank[j]): row for row, (i, j) in enumerate(golden["coref_pairs"].tolist()) if rank[i] < rank[j]
    }
    ((ours_compared, logits),) = compared
    rows = [theirs_compared.pop((i, j)) for i, j in ours_compared.tolist()]
    assert not theirs_compared
    assert torch.equal(asked[0], golden["coref_edit_distance"][rows])
    assert_parity(logits, golden["coref_logits"][rows])

    # clusters come in another order; everything about them is compared by their mentions
    ours = [tuple(sorted(mention.span for mention in entity.mentions)) for entity in found.entities]
    theirs = [tuple(sorted(tuple(span) for span in entity["mentions"])) for entity in wanted["entities"]]
    assert sorted(span for entity in ours for span in entity) == sorted(tuple(span) for span in wanted["mentions"])
    assert sorted(ours) == sorted(theirs)
    kinds = {spans: entity["type"] for spans, entity in zip(theirs, wanted["entities"], strict=True)}
    assert {spans: entity.type for spans, entity in zip(ours, found.entities, strict=True)} == kinds
    order = torch.tensor([theirs.index(spans) for spans in ours])
    assert_parity(seen["entity_typer"][0][0], golden["entity_vectors"][order])
    assert_parity(seen["entity_typer"][1], golden["entity_logits"][order])
    ((_, pairs), scored) = calls[0]
    row = {tuple(pair): i for i, pair in enumerate(golden["relation_pairs"].tolist())}
    rows = [row[pair] for pair in zip(order[pairs.head].tolist(), order[pairs.tail].tolist(), strict=True)]
    assert len(rows) == len(row)
    assert_parity(scored.logits[:, 1:], golden["relation_logits"][torch.tensor(rows)])

    scores = {(ours[r.head], ours[r.tail], r.type): r.score for r in found.relations}
    wanted_scores = {(theirs[head], theirs[tail], kind): score for head, tail, kind, score in wanted["relations"]}
    assert len(scores) == len(found.relations)
    # decisions and scores are made in single precision; the margins in golden are 2.5e-4 and more
    assert scores == pytest.approx(wanted_scores, rel=0, abs=1e-6)
