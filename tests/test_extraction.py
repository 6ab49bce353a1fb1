import itertools
import re
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

from joint_ie import annotating
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
        monkeypatch.setattr(annotating, "AHEAD_DOCUMENTS", ahead)
        piped = list(extract.pipe(iter(texts), batch_words=batch_words))
        assert [d.to_dict() for d in piped] == [close(d) for d in single]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_batches_in_parallel_give_what_single_calls_give(extract, monkeypatch, two_threads):
    monkeypatch.setattr(annotating, "AHEAD_DOCUMENTS", 5)
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


def test_of_a_refused_batch_only_what_is_refused_alone_is_lost(extract, monkeypatch, two_threads):
    texts = TEXTS * 2
    single = [extract((f"text-{i}", text)) for i, text in enumerate(texts, start=1)]
    run = extract._predictor.end_to_end
    sizes = []

    def end_to_end(documents):
        sizes.append(len(documents))
        if any("wrote" in document.text for document in documents):
            raise InputError(f"too many entities among {len(documents)}")
        return run(documents)

    monkeypatch.setattr(extract._predictor, "end_to_end", end_to_end)
    for batch_words in (30, 3000):  # several batches in parallel, and one
        errors = []
        sizes.clear()
        found = list(extract.pipe(texts, batch_words=batch_words, on_error=errors.append))
        assert [d.to_dict() for d in found] == [close(d) for d in single if "wrote" not in d.text]
        assert [str(error) for error in errors] == ["too many entities among 1"] * 2
        assert max(sizes) > 1
        with pytest.raises(InputError, match="too many"):
            list(extract.pipe(texts, batch_words=batch_words))


def test_errors_come_when_it_is_their_turn(extract, monkeypatch):
    def end_to_end(documents):
        raise InputError(documents[0].id)

    monkeypatch.setattr(extract._predictor, "end_to_end", end_to_end)
    seen = []
    for document in extract.pipe(TEXTS, batch_words=1, on_error=lambda error: seen.append(str(error))):
        seen.append(document.id)  # those without words
    assert seen == [f"text-{number}" for number in range(1, len(TEXTS) + 1)]


def test_a_stream_in_parallel_may_be_left(extract, monkeypatch, two_threads):
    monkeypatch.setattr(annotating, "AHEAD_DOCUMENTS", 4)
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
    monkeypatch.setattr(annotating, "AHEAD_DOCUMENTS", 4)
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
    wide = load(write_checkpoint(tmp_path, detector="crf"), device="cpu", precision="no")
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


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (["Bob met Eve.", "Eve left."], "a value of type list"),
        (b"Bob met Eve.", "a value of type bytes"),
        (5, "a value of type int"),
        (None, "a value of type NoneType"),
        (("a", "b", "c"), "a tuple of (str, str, str)"),
        (("a", 5), "a tuple of (str, int)"),
    ],
)
def test_what_is_no_text(extract, item, kind):
    """A list of two texts is no text with its id."""
    with pytest.raises(InputError, match=f"not {re.escape(kind)}; give several of them to pipe"):
        extract(item)
    errors: list[InputError] = []
    found = extract.pipe(["Bob met Eve.", item, "Eve left."], on_error=errors.append)
    assert [d.id for d in found] == ["text-1", "text-3"]
    assert [str(error) for error in errors] == [
        f"item 2 should be a text, (id, text) or a Document, not {kind}; correct it"
    ]
    if not isinstance(item, list | tuple):
        with pytest.raises(InputError, match=f"pipe takes several texts, not {kind}"):
            list(extract.pipe(item))


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


@pytest.fixture(scope="module")
def relater(tmp_path_factory) -> Path:
    """Another model, which reads documents with markers, and says other relations between gold entities."""
    return write_checkpoint(tmp_path_factory.mktemp("relater"), input="markers", gold_shift=1.0)


@pytest.fixture(scope="module")
def pipeline(checkpoint, relater) -> Extractor:
    return load(checkpoint, device="cpu", precision="no", relations=relater)


def test_relations_of_another_model(extract, relater, pipeline, monkeypatch, two_threads):
    """In batches, in parallel, of long and empty texts: as entities found and related text by text."""
    texts = [*TEXTS, "\n".join(f"Ann {i} met Bob in Oslo, and then Eve in Rome." for i in range(30))]
    second = load(relater, device="cpu", precision="no")
    settings = second.model.settings
    second.model.settings = replace(settings, relations=replace(settings.relations, gold_shift=0.0))  # its shift
    found = [extract((f"text-{i}", text)) for i, text in enumerate(texts, start=1)]
    expected = [next(second.gold_entities([replace(document, relations=None)])) for document in found]
    assert any(document.relations for document in expected)
    assert any(a.relations != b.relations for a, b in zip(found, expected, strict=True))
    for ahead, batch_words in ((64, 3000), (3, 40)):
        monkeypatch.setattr(annotating, "AHEAD_DOCUMENTS", ahead)
        piped = list(pipeline.pipe(iter(texts), batch_words=batch_words))
        assert [d.to_dict() for d in piped] == [close(d) for d in expected]
    middle = sorted(r.score for r in expected[0].relations)[len(expected[0].relations) // 2]
    strong = tuple(r for r in expected[0].relations if r.score >= middle)
    assert pipeline(("text-1", texts[0]), min_score=middle - 1e-5).to_dict() == close(
        replace(expected[0], relations=strong)
    )
    errors = []
    assert len(list(pipeline.pipe(["Bob met Eve.", "Bob \ud800."], on_error=errors.append))) == len(errors) == 1
    assert pipeline.schema == extract.schema


def test_the_far_pairs_of_the_second_model_are_reported(checkpoint, tmp_path, caplog):
    near = write_checkpoint(tmp_path, max_word_distance=10)
    text = "\n".join(f"Ann {i} met Bob in Oslo." for i in range(20))
    load(near, device="cpu", precision="no", relations=checkpoint)(text)
    assert not caplog.records
    load(checkpoint, device="cpu", precision="no", relations=near)(text)
    [record] = caplog.records
    assert "10 words apart" in record.getMessage()


def test_a_model_for_other_entities_is_refused(checkpoint, tmp_path):
    other = write_checkpoint(tmp_path)
    text = (other / "config.json").read_text()
    (other / "config.json").write_text(text.replace('"LOC"', '"PLACE"'))
    with pytest.raises(InputError, match="does not know the entity types LOC"):
        load(checkpoint, relations=other)
    with pytest.raises(InputError, match="no such folder"):
        load(checkpoint, relations=tmp_path / "gone")


def test_given_mentions(extract, pipeline, caplog):
    bare = [Document.from_words(f"d-{i}", [["Bob", "met", "Eve", "."], ["Bob", "left", "Oslo", "."]]) for i in (1, 2)]
    entities = [Entity("LOC", "x", tuple(bare[0].mention(i, i + 1) for i in places)) for places in ((0, 2), (4,), (6,))]
    annotated = bare[0].with_annotations(entities, None)
    shared = bare[1].with_annotations([*entities, Entity("PER", "Bob", (bare[1].mention(0, 1),))], None)
    for model in (extract, pipeline):
        without = (bare[0], Document("empty", "", (), ()))
        assert list(model.gold_mentions(without)) == [replace(document, relations=()) for document in without]
        caplog.clear()
        (found,) = model.gold_mentions([annotated])
        assert not caplog.records
        assert {m.span for e in found.entities for m in e.mentions} == {(0, 1), (2, 3), (4, 5), (6, 7)}
        again, other = model.gold_mentions([annotated, shared])
        assert again.to_dict() == close(found) and other.to_dict() == close(replace(found, id="d-2"))
        [record] = caplog.records
        assert record.getMessage() == "1 mentions are listed in several entities, and were given once"
    (one,), (two,) = extract.gold_mentions([annotated]), pipeline.gold_mentions([annotated])
    assert one.entities == two.entities and one.relations != two.relations


def test_modes_by_name(extract):
    documents = [extract(TEXTS[0])]
    for mode in ("gold-mentions", "gold-entities"):
        assert list(extract.by_mode(mode, documents)) == list(getattr(extract, mode.replace("-", "_"))(documents))
    assert list(extract.by_mode("end-to-end", documents)) == list(extract.pipe(documents))


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
    assert "not trained for relations" not in caplog.text
    made.model.settings = replace(made.model.settings, task_weights=TaskWeights(relations=0))
    caplog.clear()
    made("Bob met Eve.")
    assert "not trained for relations" in caplog.text and "given entities only" not in caplog.text


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
