import itertools
import runpy
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joint_ie import extraction
from joint_ie.document import Document, Entity
from joint_ie.errors import InputError
from joint_ie.extraction import Extractor, find_model, load, usable_device
from joint_ie.models import sources
from joint_ie.models.settings import TaskWeights

write_checkpoint = runpy.run_path(str(Path(__file__).with_name("tiny_checkpoint.py")))["write_checkpoint"]

TEXTS = [
    "Ann Lee was born in Oslo. She left for Rome in 1901.",
    "",
    "Bob met Eve.",
    "A much longer text about Ann Lee and Bob. " * 9,
    " \n\t ",
    "Eve wrote about Rome, Oslo and Paris; Bob did not.\n\nThe end.",
    "Oslo",
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def extract(checkpoint) -> Extractor:
    return load(checkpoint, device="cpu", precision="no")


def close(document: Document):
    """What documents have to share: everything but the last digits of scores, which depend on the batch."""
    data = document.to_dict()
    for item in (*data["entities"], *data["relations"]):
        item["score"] = pytest.approx(item["score"], abs=1e-4)
    return data


def test_a_text_becomes_a_document_with_exact_offsets(extract):
    document = extract(TEXTS[0])
    assert document.text == TEXTS[0]
    assert document.entities and document.relations
    for entity in document.entities:
        assert entity.type in ("PER", "LOC")
        for mention in entity.mentions:
            assert document.text[mention.char_start : mention.char_end] == mention.text
    for triple in document.triples():
        assert triple.evidence
        assert all(sentence.text in document.text for sentence in triple.evidence)
    assert {r.evidence_kind for r in document.relations} <= {"both-entities", "context", "nearest-mentions"}


def test_a_stream_gives_what_single_calls_give_in_order(extract, monkeypatch):
    texts = TEXTS * 2
    single = [extract((f"text-{i}", text)) for i, text in enumerate(texts, start=1)]
    for ahead, batch_words in ((64, 3000), (3, 40), (1, 1)):
        monkeypatch.setattr(extraction, "AHEAD_DOCUMENTS", ahead)
        piped = list(extract.pipe(iter(texts), batch_words=batch_words))
        assert [d.to_dict() for d in piped] == [close(d) for d in single]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_batches_in_parallel_give_what_single_calls_give(extract, monkeypatch, two_threads):
    monkeypatch.setattr(extraction, "AHEAD_DOCUMENTS", 5)
    texts = TEXTS * 3
    single = [extract((f"text-{i}", text)) for i, text in enumerate(texts, start=1)]
    used = set()
    run = extract._predictor.end_to_end

    def end_to_end(documents):
        used.add((threading.current_thread().name, torch.get_num_threads()))
        return run(documents)

    monkeypatch.setattr(extract._predictor, "end_to_end", end_to_end)
    piped = list(extract.pipe(iter(texts), batch_words=40))
    assert [d.to_dict() for d in piped] == [close(d) for d in single]
    assert {count for name, count in used if name.startswith("joint-ie")} == {1}
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2  # also of threads that are started later


def test_errors_in_parallel_leave_the_others(extract, monkeypatch, two_threads):
    run = extract._predictor.end_to_end

    def end_to_end(documents):
        if any("Eve" in document.text for document in documents):
            raise InputError("too long")
        return run(documents)

    monkeypatch.setattr(extract._predictor, "end_to_end", end_to_end)
    errors = []
    found = list(extract.pipe(TEXTS, batch_words=1, on_error=errors.append))
    assert [document.id for document in found] == ["text-1", "text-2", "text-4", "text-5", "text-7"]
    assert [str(error) for error in errors] == ["too long"] * 2
    with pytest.raises(InputError, match="too long"):
        list(extract.pipe(TEXTS, batch_words=1))
    assert torch.get_num_threads() == 2


def test_errors_come_when_it_is_their_turn(extract, monkeypatch):
    def end_to_end(documents):
        raise InputError(documents[0].id)

    monkeypatch.setattr(extract._predictor, "end_to_end", end_to_end)
    seen = []
    for document in extract.pipe(TEXTS, batch_words=1, on_error=lambda error: seen.append(str(error))):
        seen.append(document.id)  # those without words
    assert seen == [f"text-{number}" for number in range(1, len(TEXTS) + 1)]


def test_a_stream_in_parallel_may_be_left(extract, monkeypatch, two_threads):
    monkeypatch.setattr(extraction, "AHEAD_DOCUMENTS", 4)
    documents = extract.pipe((f"Bob met Eve {i}." for i in itertools.count()), batch_words=5)
    assert next(documents).id == "text-1"
    documents.close()
    assert torch.get_num_threads() == 2
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("joint-ie")]


def test_texts_without_words_have_no_relations(extract):
    for text in ("", " \n\t "):
        document = extract(text)
        assert (document.entities, document.relations, document.tokens) == ((), (), ())


def test_a_stream_is_read_no_further_than_needed(extract, monkeypatch):
    monkeypatch.setattr(extraction, "AHEAD_DOCUMENTS", 4)
    read = itertools.count()
    documents = extract.pipe(f"Bob met Eve {next(read)}." for _ in itertools.count())
    assert next(documents).id == "text-1"
    assert next(read) == 4
    assert list(extract.pipe([])) == []


def test_long_documents_run_in_windows(checkpoint, extract, caplog, tmp_path):
    text = "\n".join(f"Ann {i} met Bob in Oslo, and then Eve in Rome." for i in range(40))
    document = extract(text)
    last = max(mention.char_end for entity in document.entities for mention in entity.mentions)
    assert last > 1000  # a window is 64 subwords, here characters
    assert not caplog.records
    short = load(write_checkpoint(tmp_path, max_word_distance=10), device="cpu", precision="no")
    near = short(text)
    assert near.entities == document.entities
    assert 0 < len(near.relations) < len(document.relations)
    [record] = caplog.records
    assert "10 words apart" in record.getMessage() and record.levelname == "WARNING"


def test_mentions_that_are_too_wide_are_reported(caplog, tmp_path):
    wide = load(write_checkpoint(tmp_path, "crf"), device="cpu", precision="no")
    with torch.no_grad():
        wide.model.mention_scorer.out.weight.zero_()
        wide.model.mention_scorer.out.bias.copy_(torch.tensor([0.0, 1.0, 9.0, 1.0, 0.0]))  # the inside of mentions
    assert not wide("Ann met Bob in Oslo.").entities
    [record] = caplog.records
    assert "1 mentions were left out, being wider than 2 words" in record.getMessage()


def test_words_of_documents_are_kept_and_their_annotations_are_not(extract):
    document = Document.from_words("d-1", [["Bob", "met", "Eve", "."], ["Ann", "left", "Oslo", "."]])
    entities = [Entity("ORG", document.words[i], (document.mention(i, i + 1),)) for i in (1, 3)]
    wrong = document.with_annotations(entities, None, candidates=[(0, 1)])
    result = extract(wrong)
    assert (result.id, result.tokens, result.sentence_spans) == ("d-1", document.tokens, document.sentence_spans)
    assert result.to_dict() == close(extract(document))


def test_weak_relations_can_be_left_out(extract):
    everything = extract(TEXTS[0]).relations
    middle = sorted(r.score for r in everything)[len(everything) // 2]
    kept = extract(TEXTS[0], min_score=middle).relations
    assert kept == tuple(r for r in everything if r.score >= middle)
    assert 0 < len(kept) < len(everything)


def test_unusable_texts_are_left_out_or_raised(extract):
    broken = [
        ("half", "Bob \ud800 met Eve."),
        Document("spans", "Bob", ((0, 9),), ((0, 1),)),
        Document("half-2", "Bob\udc00", ((0, 4),), ((0, 1),)),
    ]
    errors: list[InputError] = []
    items = ["Bob met Eve.", broken[0], "Eve met Bob.", *broken[1:]]
    assert [d.id for d in extract.pipe(items, on_error=errors.append)] == ["text-1", "text-3"]
    assert [name in str(error) for error, name in zip(errors, ("half", "spans", "half-2"), strict=True)] == [True] * 3
    for item in broken:
        with pytest.raises(InputError):
            extract(item)


def test_relations_between_given_entities(extract):
    bare = Document.from_words("d", [["Bob", "met", "Eve", "."], ["Bob", "left", "."]])
    entities = [
        Entity("PER", "Bob", (bare.mention(0, 1), bare.mention(4, 5))),
        Entity("PER", "Eve", (bare.mention(2, 3),)),
        Entity("LOC", "left", (bare.mention(5, 6),)),
    ]
    annotated = bare.with_annotations(entities, None)
    results = list(extract.gold_entities([bare, annotated, Document("empty", "", (), ())]))
    assert [d.entities for d in results] == [(), tuple(entities), ()]
    assert results[0].relations == results[2].relations == ()
    assert results[1].relations
    with pytest.raises(InputError, match="ORG"):
        list(extract.gold_entities([bare.with_annotations([Entity("ORG", "Eve", (bare.mention(2, 3),))], None)]))


def test_half_precision_runs(checkpoint):
    document = load(checkpoint, device="cpu", precision="bf16")(TEXTS[0])
    document.validate()
    assert document.entities


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), max_size=4))
def test_any_text_gives_a_valid_document(extract, texts):
    documents = list(extract.pipe(texts))
    assert [d.text for d in documents] == texts
    for document in documents:
        document.validate(extract.model.schema)


def test_models_that_are_not_there(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise LocalEntryNotFoundError("Name or service not known\nmore")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    (tmp_path / "file").touch()
    for name, message in (
        ("./runs/best", "no such folder; name a model folder"),
        ("best", "no such folder; name a model folder"),
        (tmp_path / "gone", "no such folder"),
        (tmp_path / "file", "is a file"),
        ("someone/model", "no such folder, and the hub .* \\(Name or service not known\\)"),
    ):
        with pytest.raises(InputError, match=message):
            find_model(name)
    monkeypatch.setattr(sources, "files", lambda package: tmp_path)
    with pytest.raises(InputError, match="bundled model is not part of this installation"):
        load()
    (tmp_path / "model").mkdir()
    assert find_model() == tmp_path / "model"
    with pytest.raises(InputError, match=r"has no config\.json"):
        load()


def test_models_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, allow_patterns: tmp_path / name)
    assert find_model("someone/model") == tmp_path / "someone" / "model"


def test_a_hub_that_breaks_off(monkeypatch):
    def broken(*args, **kwargs):
        raise HTTPError("the server went away")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(InputError, match="the server went away"):
        find_model("someone/model")


def test_one_text_is_no_stream(extract):
    with pytest.raises(InputError, match="several texts"):
        next(extract.pipe("Bob met Eve."))


def test_a_model_for_given_entities_warns(checkpoint, caplog):
    made = load(checkpoint, device="cpu", precision="no")
    made("Bob met Eve.")
    assert not caplog.records
    weights = TaskWeights(mentions=0, coreference=0, entity_types=0)
    made.model.settings = replace(made.model.settings, task_weights=weights)
    made("Bob met Eve.")
    assert "between given entities only" in caplog.text


def test_wrong_devices_and_threads(checkpoint):
    for device in ("gpu", "cuda:99"):
        with pytest.raises(InputError, match=device):
            usable_device(device)
    with pytest.raises(InputError, match="threads"):
        load(checkpoint, threads=0)
    with pytest.raises(InputError, match="language"):
        load(checkpoint, language="english")


def test_the_package_is_imported_quickly():
    code = (
        "import sys, joint_ie; assert not {'torch', 'spacy'} & set(sys.modules); "
        "assert set(joint_ie.__all__) <= set(dir(joint_ie)); assert joint_ie.__version__; "
        "assert joint_ie.Document.__module__ == 'joint_ie.document'; assert joint_ie.evaluation.end_to_end; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_has_what_it_lists():
    import joint_ie

    assert joint_ie.load is load and joint_ie.Extractor is Extractor
    assert joint_ie.losses.__name__ == "joint_ie.losses"
    with pytest.raises(AttributeError, match="nothing"):
        _ = joint_ie.nothing


def test_mentions_of_very_long_documents_are_not_all_compared(extract, monkeypatch, caplog):
    text = " ".join(TEXTS)
    everything = extract(text)
    assert not caplog.records
    monkeypatch.setattr("joint_ie.models.compared.EXACT", 3)
    assert extract(text).to_dict() == close(everything)  # all mentions are near
    assert not caplog.records
    monkeypatch.setattr("joint_ie.models.compared.NEAR", 1)
    assert len(extract(text).entities) >= len(everything.entities)
    [record] = caplog.records
    assert "mentions of very long documents were not compared" in record.getMessage()
