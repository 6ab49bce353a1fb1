"""The spaCy component: the same as the `Extractor`, in spaCy's containers, and saved with the pipeline."""

import itertools
import json
import logging
import os
import pickle
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab
from tokenizers import decoders
from transformers import BartConfig, BartForConditionalGeneration

import joint_ie
from joint_ie.corpora import read_corpus, read_jsonl
from joint_ie.corpora.docbin import read_docbin, write_docbin
from joint_ie.corpora.spacy_docs import new_doc
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.extraction import Extractor
from joint_ie.integrations import spacy as factory
from joint_ie.integrations.spacy_component import JointIE, add_extensions, document_of, relations_of
from joint_ie.models.prediction import Predictor
from joint_ie.models.seq2seq_checkpoint import new_generator, save_generator
from joint_ie.models.seq2seq_config import Seq2SeqSettings
from joint_ie.text import blank_pipeline

ROOT = Path(__file__).parents[2]
write_checkpoint = runpy.run_path(str(ROOT / "tests" / "tiny_checkpoint.py"))["write_checkpoint"]
TEXT = "Ann Lee was born in Oslo. She left for Rome in 1901."
TEXTS = [
    TEXT,
    "",
    "Bob met Eve.",
    " \n\t ",
    "Dr. Eve wrote  about\n\nRome, Oslo and Paris; Bob did not.",
    "Oslo",
    "Bob met Eve.",
]
ENTRY_POINT = "joint_ie.integrations.spacy:make_joint_ie"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def extract(checkpoint) -> Extractor:
    return joint_ie.load(checkpoint, device="cpu", precision="no")


@pytest.fixture(scope="module")
def nlp(checkpoint) -> Language:
    return pipeline(checkpoint)


def pipeline(model: Path | str, made: Language | None = None, **config: Any) -> Language:
    """An English pipeline with our tokens (or the one given) and the component."""
    made = made or blank_pipeline("en")
    made.add_pipe("joint_ie", config={"model": str(model), "precision": "no", **config})
    return made


def close(document: Document) -> dict[str, Any]:
    """All but the id and the last digits of scores, which depend on the batch."""
    data = document.to_dict()
    for item in (*data["entities"], *data["relations"]):
        item["score"] = pytest.approx(item["score"], abs=1e-4)
    del data["id"]
    return data


def plain(document: Document) -> dict[str, Any]:
    data = document.to_dict()
    del data["id"]
    return data


def test_fifty_texts_are_annotated_as_by_the_extractor(nlp, extract) -> None:
    texts = [document.text[:400] for document in read_jsonl(ROOT / "data" / "fictional" / "chronicle.jsonl")]
    texts += [f"{one}\n\n{other[:50]}" for one, other in itertools.pairwise(texts)][: 50 - len(texts)]
    found = [doc._.joint_ie for doc in nlp.pipe(texts)]
    expected = list(extract.pipe(texts))
    assert len(found) == 50
    assert [plain(document) for document in found] == [close(document) for document in expected]
    assert sum(len(document.entities) for document in found) > 50
    assert sum(len(document.relations) for document in found) > 50


def test_fifty_tokenised_documents_are_annotated_as_by_the_extractor(nlp, extract, shared) -> None:
    path = shared / "data" / "redocred" / "dev_revised.json"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    documents = []
    for document in itertools.islice(read_corpus(str(path)), 50):
        # some words of DocRED are white space, which is no word of a Doc
        sentences = [[w for w in document.words[start:end] if w.strip()] for start, end in document.sentence_spans[:2]]
        documents.append(Document.from_words(document.id, sentences))
    docs = []
    for document in documents:
        starts = {start for start, end in document.sentence_spans if start < end}
        spaces = [True] * (len(document.tokens) - 1) + [False]
        begins = [i in starts for i in range(len(document.tokens))]
        docs.append(Doc(nlp.vocab, words=list(document.words), spaces=spaces, sent_starts=begins))
    found = [doc._.joint_ie for doc in nlp.pipe(docs)]
    expected = list(extract.pipe(documents))
    assert len(found) == 50
    assert [plain(document) for document in found] == [close(document) for document in expected]


def test_what_is_written(nlp, extract) -> None:
    doc = nlp(TEXT)
    expected = extract(TEXT)
    assert expected.entities and expected.relations
    mentions = [(m.char_start, m.char_end, e.type, i) for i, e in enumerate(expected.entities) for m in e.mentions]
    group = doc.spans["joint_ie"]
    assert [
        (s.start_char, s.end_char, s.label_, int(s.id_.removeprefix("coref_clusters_")) - 1) for s in group
    ] == mentions
    for i, entity in enumerate(expected.entities):
        assert [span.text for span in doc.spans[f"coref_clusters_{i + 1}"]] == [m.text for m in entity.mentions]
    assert doc.ents and {(ent.start, ent.end, ent.label) for ent in doc.ents} <= {
        (s.start, s.end, s.label) for s in group
    }
    covered = {i for ent in doc.ents for i in range(ent.start, ent.end)}
    assert all(covered & set(range(span.start, span.end)) for span in group), "a mention beside all entities is missing"
    assert all(doc.spans[ent.id_] for ent in doc.ents)
    assert plain(doc._.joint_ie) == close(expected)
    assert doc._.relations == json.loads(json.dumps(doc._.relations)) == plain(doc._.joint_ie)["relations"]
    assert not doc.has_annotation("SENT_START"), "components behind it may want to find sentences themselves"


def test_a_doc_that_was_not_processed(nlp) -> None:
    doc = nlp.make_doc(TEXT)
    assert doc._.joint_ie is None and doc._.relations == []


def whitespace_words(vocab: Vocab) -> Doc:
    return Doc(vocab, words=TEXT.split(), spaces=[True] * 11 + [False])


def one_word_each(vocab: Vocab) -> Doc:
    return Doc(vocab, words=list(TEXT), spaces=[False] * len(TEXT))


def odd_spaces(vocab: Vocab) -> Doc:
    words = ["\n", "Ann", " ", "Lee", "left", ".", "\n\n", "Bob", "stayed", ".", " "]
    return Doc(vocab, words=words, spaces=[False] * 3 + [True] + [False] * 3 + [True] + [False] * 3)


@pytest.mark.parametrize("make", [whitespace_words, one_word_each, odd_spaces])
@pytest.mark.parametrize("vocab", ["own", "bare"])
def test_the_words_of_any_tokenizer(nlp, extract, tmp_path, make, vocab) -> None:
    doc = make(nlp.vocab if vocab == "own" else Vocab())
    before = [token.text for token in doc]
    annotated = nlp(doc)
    assert annotated is doc and [token.text for token in doc] == before
    document = doc._.joint_ie
    assert document.text == doc.text
    assert list(document.words) == [word for word in before if word.strip()]
    document.validate(extract.model.schema)
    assert plain(document) == close(extract(document))
    assert stored_and_read(tmp_path, doc) == [document]


def test_docs_without_words(nlp) -> None:
    for doc in (nlp(""), nlp(" \n "), nlp(Doc(nlp.vocab)), nlp(Doc(nlp.vocab, words=["\n", " "]))):
        assert (doc._.joint_ie.tokens, doc._.joint_ie.sentence_spans, doc._.relations) == ((), (), [])
        assert len(doc.ents) == len(doc.spans["joint_ie"]) == 0


def test_sentences_of_the_doc_are_used(nlp) -> None:
    words = ["Ann", "left", "\n", "Oslo", ".", "Bob", "stayed", "."]
    doc = Doc(nlp.vocab, words=words, sent_starts=[True, False, True, False, False, False, True, False])
    assert [sentence.text for sentence in nlp(doc)._.joint_ie.sentences] == ["Ann left", "Oslo . Bob", "stayed ."]
    made = pipeline(nlp.get_pipe("joint_ie").source)
    made.add_pipe("sentencizer", first=True)
    assert [s.text for s in made("Dr. Eve left. He stayed.")._.joint_ie.sentences] == ["Dr. Eve left.", "He stayed."]


def test_sentences_that_a_hook_finds(nlp) -> None:
    doc = nlp.make_doc("Ann left . Bob stayed .")
    doc.user_hooks["sents"] = lambda doc: [doc[3:5]]
    assert [sentence.text for sentence in nlp(doc)._.joint_ie.sentences] == ["Ann left .", "Bob stayed ."]


def test_without_sentences_ours_are_used(nlp) -> None:
    text = "Ann Lee of the U.S. left. He stayed."
    doc = Doc(nlp.vocab, words=text.split(), spaces=[True] * 7 + [False])
    assert [sentence.text for sentence in nlp(doc)._.joint_ie.sentences] == ["Ann Lee of the U.S. left.", "He stayed."]
    spaced = Doc(nlp.vocab, words=[" Ann", " left.", "  Bob", " stayed."], spaces=[False] * 4)
    assert [sentence.text for sentence in nlp(spaced)._.joint_ie.sentences] == [" Ann left.", "  Bob stayed."]
    glued = Doc(nlp.vocab, words=["Ann", "left.", "Bob. stayed", "."], spaces=[True, True, False, False])
    assert [sentence.text for sentence in nlp(glued)._.joint_ie.sentences] == ["Ann left.", "Bob. stayed."]


def test_a_language_of_ones_own(checkpoint) -> None:
    class Ours(spacy.util.get_lang_class("xx")):
        lang = "ours"

    doc = pipeline(checkpoint, Ours())("Ann left. Bob stayed.")
    assert [sentence.text for sentence in doc._.joint_ie.sentences] == ["Ann left.", "Bob stayed."]


def test_a_long_doc_runs_in_windows(nlp, extract) -> None:
    text = "\n".join(f"Ann {i} met Bob in Oslo, and then Eve in Rome." for i in range(40))
    assert plain(nlp(text)._.joint_ie) == close(extract(text))


def contents(doc: Doc) -> dict[str, Any]:
    groups = {"ents": doc.ents, **doc.spans}
    return {name: [(s.start, s.end, s.label_, s.id_) for s in spans] for name, spans in groups.items()}


def stored_and_read(tmp_path: Path, *docs: Doc) -> list[Document]:
    path = tmp_path / "out.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return list(read_docbin(path))


def test_annotations_survive_storing(nlp, tmp_path) -> None:
    docs = list(nlp.pipe(TEXTS))
    documents = [doc._.joint_ie for doc in docs]
    assert documents[0].relations and all(isinstance(document, Document) for document in documents)
    for doc in docs:
        again = Doc(Vocab()).from_bytes(doc.to_bytes())
        assert again._.joint_ie == doc._.joint_ie and again._.relations == doc._.relations
        assert doc.copy()._.joint_ie == doc._.joint_ie
    assert stored_and_read(tmp_path, *docs) == documents
    stored = DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("en").vocab)
    for doc, again in zip(docs, stored, strict=True):
        assert again._.relations == doc._.relations
        assert contents(again) == contents(doc)
    # our own DocBins have the same layout
    write_docbin(documents, tmp_path / "ours.spacy")
    ours = DocBin().from_disk(tmp_path / "ours.spacy").get_docs(spacy.blank("en").vocab)
    assert [doc._.joint_ie for doc in ours] == documents


def test_docbins_without_user_data_keep_the_entities(nlp, tmp_path) -> None:
    doc = nlp(TEXT)
    DocBin(docs=[doc]).to_disk(tmp_path / "out.spacy")
    [document] = read_docbin(tmp_path / "out.spacy")
    spans = [[(m.start, m.end) for m in entity.mentions] for entity in document.entities]
    assert spans == [[(m.start, m.end) for m in entity.mentions] for entity in doc._.joint_ie.entities]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=4))
def test_any_text_is_annotated(nlp, extract, texts) -> None:
    for doc, text in zip(nlp.pipe(texts), texts, strict=True):
        assert doc.text == text
        doc._.joint_ie.validate(extract.model.schema)
        assert Doc(Vocab()).from_bytes(doc.to_bytes())._.joint_ie == doc._.joint_ie


def others(nlp: Language) -> Doc:
    doc = nlp.make_doc(TEXT)
    doc.ents = [Span(doc, 3, 5, label="VERB", kb_id="Q7"), Span(doc, 12, 13, label="DATE")]
    return doc


def test_entities_of_other_components_stay(nlp, tmp_path) -> None:
    bare = nlp(TEXT)
    doc = nlp(others(nlp))
    assert [ent.kb_id_ for ent in doc.ents if ent.label_ == "VERB"] == ["Q7"]
    assert {"VERB", "DATE"} <= {ent.label_ for ent in doc.ents} & {"VERB", "DATE", "PER", "LOC"}
    assert len(doc.ents) > 2
    assert doc._.joint_ie.entities == bare._.joint_ie.entities
    assert len(doc.spans["joint_ie"]) == len(bare.spans["joint_ie"])
    [read] = stored_and_read(tmp_path, doc)
    extra = {(3, 5), (12, 13)} - {m.span for entity in bare._.joint_ie.entities for m in entity.mentions}
    assert {m.span for entity in read.entities[len(bare._.joint_ie.entities) :] for m in entity.mentions} == extra


def test_entities_of_other_components_can_be_overwritten(checkpoint) -> None:
    nlp = pipeline(checkpoint, overwrite_ents=True)
    bare = nlp(TEXT)
    doc = nlp(others(nlp))
    ours = [(ent.start, ent.end, ent.label_) for ent in bare.ents]
    covered = {i for start, end, _ in ours for i in range(start, end)}
    theirs = [
        (start, end, label)
        for start, end, label in ((3, 5, "VERB"), (12, 13, "DATE"))
        if not covered & {*range(start, end)}
    ]
    assert [(ent.start, ent.end, ent.label_) for ent in doc.ents] == sorted(ours + theirs)


@pytest.mark.parametrize(("overwrite", "expected"), [(False, ["New York", "Times"]), (True, ["New York Times"])])
def test_overlapping_mentions(monkeypatch, overwrite, expected) -> None:
    """What is nested in a mention that another component's entity keeps out takes its place."""

    def annotated(document: Document, min_score: float) -> Document:
        mentions = [Entity("ORG", "x", (document.mention(*span),)) for span in ((0, 3), (0, 2), (1, 2))]
        return document.with_annotations(mentions, [])

    monkeypatch.setattr(JointIE, "extractor", property(lambda component: annotated))
    nlp = pipeline("/not/there", overwrite_ents=overwrite)
    doc = nlp.make_doc("New York Times")
    doc.ents = [Span(doc, 2, 3, label="WORD")]
    assert [ent.text for ent in nlp(doc).ents] == expected
    assert [span.text for span in doc.spans["joint_ie"]] == ["New York Times", "New York", "York"]


def test_earlier_annotations_are_replaced(nlp) -> None:
    once = nlp(TEXT)
    first = Doc(nlp.vocab).from_bytes(once.to_bytes())
    twice = nlp(once)
    assert twice._.joint_ie == first._.joint_ie
    assert contents(twice) == contents(first)
    # of a reader's gold document, too: its mentions do not stay as entities
    gold = Document.from_words("gold", [TEXT.split()])
    gold = gold.with_annotations([Entity("ORG", "x", (gold.mention(i, i + 2),)) for i in (0, 2, 5)], [])
    doc = nlp(new_doc(gold, nlp.vocab))
    assert "ORG" not in {span.label_ for spans in (doc.ents, *doc.spans.values()) for span in spans}
    assert doc._.joint_ie.id == "gold"


def test_ids_are_made_of_the_text(nlp) -> None:
    ids = [doc._.joint_ie.id for doc in nlp.pipe(TEXTS)]
    assert ids[2] == ids[6] and len(set(ids)) == len(TEXTS) - 1
    assert ids[0] == nlp(TEXT)._.joint_ie.id and ids[0].startswith("text-")


def test_a_stream_is_in_order_whatever_the_batches(checkpoint, nlp) -> None:
    single = [plain(nlp(text)._.joint_ie) for text in TEXTS * 3]
    for batch_size, batch_words in ((1, 3000), (2, 1), (1000, 10)):
        made = pipeline(checkpoint, batch_words=batch_words)
        docs = made.pipe(((text, i) for i, text in enumerate(TEXTS * 3)), as_tuples=True, batch_size=batch_size)
        found = [(doc._.joint_ie, i) for doc, i in docs]
        assert [i for _, i in found] == list(range(len(TEXTS) * 3))
        assert single == [close(document) for document, _ in found]


def test_a_stream_is_read_no_further_than_needed(nlp) -> None:
    read: list[int] = []

    def texts() -> Iterator[str]:
        for i in itertools.count():
            read.append(i)
            yield f"Bob met Eve {i}."

    docs = nlp.pipe(texts(), batch_size=3)
    assert next(docs).text == "Bob met Eve 0." and len(read) == 3
    assert next(docs).text == "Bob met Eve 1." and len(read) == 3
    assert list(nlp.pipe([])) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_several_processes() -> None:
    """Each on one thread: a fork has none of the threads that torch would wait for."""
    run = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    alone, forked = json.loads(run.stdout)
    assert any(alone) and forked == [[facts, i, 1] for i, facts in enumerate(alone)]


def test_processes_that_are_not_forked(nlp) -> None:
    made = nlp.get_pipe("joint_ie")
    assert made.extractor(TEXT).relations
    threads = torch.get_num_threads()
    again = pickle.loads(pickle.dumps(nlp))
    assert [plain(doc._.joint_ie) for doc in again.pipe(TEXTS)] == [plain(doc._.joint_ie) for doc in nlp.pipe(TEXTS)]
    assert torch.get_num_threads() == threads  # in the same process
    idle = pickle.loads(pickle.dumps(pipeline("/not/there", min_score=0.5).get_pipe("joint_ie")))
    assert (idle.name, idle.source, idle.min_score) == ("joint_ie", "/not/there", 0.5)


def test_weak_relations_can_be_left_out(checkpoint, nlp) -> None:
    everything = nlp(TEXT)._.relations
    middle = sorted(relation["score"] for relation in everything)[len(everything) // 2]
    strict = pipeline(checkpoint, min_score=middle)
    kept = strict(TEXT)._.relations
    assert [doc._.relations for doc in strict.pipe([TEXT])] == [kept]
    assert kept == [relation for relation in everything if relation["score"] >= middle]
    assert 0 < len(kept) < len(everything)


def test_refused_docs_go_to_the_error_handler(checkpoint, monkeypatch) -> None:
    run = Predictor.end_to_end

    def end_to_end(self: Predictor, documents: Sequence[Document]) -> list[Document]:
        for document in documents:
            if len(document.tokens) > 3:
                raise InputError(f"document {document.id!r}: is too long; cut it into parts")
        return run(self, documents)

    monkeypatch.setattr(Predictor, "end_to_end", end_to_end)
    nlp = pipeline(checkpoint, batch_words=1)
    texts = ["Oslo", TEXT, "", TEXT, "Rome", TEXT]
    with pytest.raises(InputError, match=r"document '2 \(text-.*cut it into parts"):
        list(nlp.pipe(texts))
    with pytest.raises(InputError, match=r"document 'text-.*cut it into parts"):
        nlp(TEXT)
    seen: list[tuple[str, str, str]] = []
    nlp.set_error_handler(lambda name, component, docs, error: seen.append((name, docs[0].text, str(error))))
    texts[3] += " And more."  # longer ones run first
    assert [doc.text for doc in nlp.pipe(texts)] == ["Oslo", "", "Rome"]
    for (name, text, error), place in zip(seen, (1, 3, 5), strict=True):
        assert (name, text) == ("joint_ie", texts[place])
        assert error.startswith(f"document '{place + 1} (text-")
    doc = nlp(TEXT)
    assert len(seen) == 4 and doc._.joint_ie is None


def test_the_model_is_loaded_when_it_is_needed(tmp_path, checkpoint) -> None:
    nlp = pipeline(tmp_path / "model")
    assert nlp.pipe_labels["joint_ie"] == []
    for use in (
        lambda: nlp(TEXT),
        lambda: list(nlp.pipe([TEXT])),
        nlp.initialize,
        lambda: nlp.to_disk(tmp_path / "nlp"),
    ):
        with pytest.raises(InputError, match="model: no such folder; name a model folder"):
            use()
    shutil.copytree(checkpoint, tmp_path / "model")
    nlp.initialize()
    shutil.rmtree(tmp_path / "model")
    assert nlp(TEXT).ents
    assert nlp.pipe_labels["joint_ie"] == ["PER", "LOC"]


def test_wrong_settings_are_named() -> None:
    for config, message in (
        ({"min_score": 1.5}, "min_score = 1.5 should be"),
        ({"batch_words": 0}, "batch_words = 0 should be"),
        ({"precision": "half"}, "precision"),
        ({"modell": "x"}, "modell"),
    ):
        with pytest.raises(ValueError, match=message):
            spacy.blank("en").add_pipe("joint_ie", config=config)


def test_an_extension_of_somebody_else_stays(checkpoint, caplog) -> None:
    Doc.set_extension("relations", default="theirs", force=True)
    try:
        nlp = pipeline(checkpoint)
        assert "doc._.relations belongs to somebody else" in caplog.text
        doc = nlp(TEXT)
        assert doc._.relations == "theirs"
        assert relations_of(doc) == document_of(doc).to_dict()["relations"] != []
    finally:
        Doc.remove_extension("relations")
        add_extensions()


FORKED = """
import json, multiprocessing
import spacy, torch
from spacy.language import Language
import joint_ie.integrations.spacy

@Language.component("threads")
def threads(doc):
    doc.user_data["threads"] = torch.get_num_threads()
    return doc

multiprocessing.set_start_method("fork")
torch.set_num_threads(2)
nlp = spacy.blank("en")
nlp.add_pipe("joint_ie", config={"min_score": 0.5})
nlp.add_pipe("threads")
facts = lambda doc: [[r["head"], r["tail"], r["type"]] for r in doc._.relations]
long = "Marie Curie was born in Warsaw. " + "The streets were full of people that day. " * 19
texts = [long, "", "Curie met Bob Lee in Paris."]
alone = [facts(nlp(text)) for text in texts]
docs = nlp.pipe(zip(texts, range(3)), as_tuples=True, n_process=2, batch_size=1)
print(json.dumps([alone, [[facts(doc), i, doc.user_data["threads"]] for doc, i in docs]]))
"""


LOADED = """
import json, sys
import spacy
nlp = spacy.load(sys.argv[1])
print(json.dumps([doc._.joint_ie.to_dict() for doc in nlp.pipe(json.loads(sys.argv[2]))]))
"""


def test_a_saved_pipeline_gives_the_same_in_a_new_process(checkpoint, tmp_path) -> None:
    model = tmp_path / "model"
    shutil.copytree(checkpoint, model)
    nlp = pipeline(model, min_score=0.2)
    nlp.to_disk(tmp_path / "saved")
    shutil.rmtree(model)
    # the last digits of scores depend on the number of threads, which other tests may have changed in this process
    expected = [close(doc._.joint_ie) | {"id": doc._.joint_ie.id} for doc in nlp.pipe(TEXTS)]
    moved = (tmp_path / "saved").rename(tmp_path / "moved")
    # an installation with the entry point: spaCy finds the component without any import of ours
    installed = tmp_path / "site" / "entry-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: entry\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(f"[spacy_factories]\njoint_ie = {ENTRY_POINT}\n")
    path = os.pathsep.join([str(installed.parent), str(Path(joint_ie.__file__).parents[1])])
    run = subprocess.run(
        [sys.executable, "-c", LOADED, str(moved), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == expected
    assert any(document["relations"] for document in expected)


def test_the_entry_point_names_the_factory() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, name = project["entry-points"]["spacy_factories"]["joint_ie"].split(":")
    assert f"{module}:{name}" == ENTRY_POINT
    assert getattr(import_module(module), name) is factory.make_joint_ie


def test_the_entry_point_takes_no_time() -> None:
    """spaCy imports it for every pipeline."""
    module = ENTRY_POINT.split(":")[0]
    code = f"import sys, spacy; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == {"joint_ie", "joint_ie.integrations", "joint_ie.integrations.spacy"}


def test_what_is_saved(tmp_path, nlp) -> None:
    nlp.to_disk(tmp_path / "saved")
    folder = tmp_path / "saved" / "joint_ie"
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    assert plain(joint_ie.load(folder, device="cpu", precision="no")(TEXT)) == plain(nlp(TEXT)._.joint_ie)
    loaded = spacy.load(tmp_path / "saved")
    loaded.to_disk(tmp_path / "saved")  # over itself
    assert spacy.load(tmp_path / "saved")(TEXT)._.joint_ie == nlp(TEXT)._.joint_ie
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"joint_ie: has no model\.safetensors"):
        spacy.load(tmp_path / "saved")
    assert loaded(TEXT)._.joint_ie == nlp(TEXT)._.joint_ie


def test_a_model_that_writes_facts_is_saved(toy, tmp_path) -> None:
    torch.manual_seed(0)
    tokenizer = toy.byte_level()
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save_pretrained(tmp_path / "bart")
    sizes = {f"{side}_{part}": n for side in ("encoder", "decoder") for part, n in (("layers", 1), ("ffn_dim", 8))}
    heads = {"encoder_attention_heads": 1, "decoder_attention_heads": 1, "forced_bos_token_id": 0}
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    config = BartConfig(vocab_size=len(tokenizer), d_model=8, max_position_embeddings=180, **sizes, **heads, **ids)
    BartForConditionalGeneration(config).save_pretrained(tmp_path / "bart")
    (tmp_path / "model").mkdir()
    chosen = Seq2SeqSettings(name=str(tmp_path / "bart"), max_target=20, beams=1)
    save_generator(*new_generator(chosen, toy.SCHEMA), tmp_path / "model")
    nlp = pipeline(tmp_path / "model")
    expected = joint_ie.load(tmp_path / "model", device="cpu", precision="no")
    assert plain(nlp("a b")._.joint_ie) == plain(expected("a b"))
    nlp.to_disk(tmp_path / "saved")
    loaded = spacy.load(tmp_path / "saved").get_pipe("joint_ie").extractor.model.state_dict()
    weights = expected.model.state_dict()
    assert weights.keys() == loaded.keys() and all(torch.equal(weights[name], loaded[name]) for name in weights)


def test_pipelines_as_bytes(nlp) -> None:
    data = nlp.to_bytes()
    assert nlp.get_pipe("joint_ie").to_bytes() == nlp.get_pipe("joint_ie").to_bytes()
    again = pipeline("/not/there").from_bytes(data)
    assert again(TEXT)._.joint_ie == nlp(TEXT)._.joint_ie
    with pytest.raises(InputError, match="bytes of the component 'joint_ie' are damaged"):
        again.get_pipe("joint_ie").from_bytes(b"no archive")


def gold_of(nlp: Language) -> Doc:
    """A reference with the pipeline's own predictions."""
    return new_doc(nlp(TEXT)._.joint_ie, nlp.vocab)


MEASURES = ("mentions", "clusters", "entities", "relations", "relations_strict")


def test_evaluation_of_what_is_right(nlp) -> None:
    reference = gold_of(nlp)
    scores = nlp.evaluate([Example(nlp.make_doc(TEXT), reference), Example(nlp.make_doc(""), nlp(""))])
    assert scores["ents_f"] == scores["ents_p"] == scores["ents_r"] == 1.0
    assert {scores[f"joint_ie_{measure}_{letter}"] for measure in MEASURES for letter in "prf"} == {1.0}
    assert set(scores["ents_per_type"]) <= {"PER", "LOC"}
    flat = {name: value for name, value in scores.items() if name.startswith("joint_ie_")}
    assert len(flat) == 15 and all(type(value) is float for value in flat.values())


def test_evaluation_of_what_is_wrong(nlp) -> None:
    document = nlp(TEXT)._.joint_ie
    kept = [replace(entity, type="ORG") for entity in document.entities]
    gold = document.with_annotations(kept, [*document.relations[:1], Relation(0, 1, "P000")])
    scores = nlp.evaluate([Example(nlp.make_doc(TEXT), new_doc(gold, nlp.vocab))])
    assert scores["ents_f"] == scores["joint_ie_entities_f"] == scores["joint_ie_relations_strict_f"] == 0.0
    assert scores["joint_ie_clusters_f"] == scores["joint_ie_mentions_f"] == 1.0
    assert scores["joint_ie_relations_p"] == 1 / len({(r.head, r.tail, r.type) for r in document.relations})
    assert scores["joint_ie_relations_r"] == 0.5


def test_evaluation_on_other_words(nlp) -> None:
    """The reference may be cut and spaced otherwise, as long as its mentions are the same text."""
    predicted = nlp.make_doc("Ann Lee left.  She's in Oslo-City.")
    predicted.spans["coref_clusters_1"] = [Span(predicted, 0, 2, label="PER"), Span(predicted, 5, 6, label="PER")]
    predicted.spans["coref_clusters_2"] = [Span(predicted, 8, 9, label="LOC")]
    reference = Doc(nlp.vocab, words=["Ann", "Lee", "left.", "She", "'s", "in", "Oslo-City."])
    reference.spans["coref_clusters_1"] = [Span(reference, 0, 2, label="PER"), Span(reference, 3, 4, label="PER")]
    reference.spans["coref_clusters_2"] = [Span(reference, 6, 7, label="LOC")]
    assert [[span.text for span in group] for group in predicted.spans.values()] == [["Ann Lee", "She"], ["Oslo"]]
    assert predicted.text != reference.text
    scores = nlp.get_pipe("joint_ie").score([Example(predicted, reference)])
    assert scores["joint_ie_mentions_p"] == scores["joint_ie_mentions_r"] == pytest.approx(2 / 3)
    assert scores["joint_ie_clusters_f"] == scores["joint_ie_entities_f"] == 0.5
    assert scores["joint_ie_relations_f"] is None


def test_evaluation_against_references_of_others(nlp) -> None:
    doc = nlp.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 2, label="PER"), Span(doc, 5, 6, label="LOC")]
    scores = nlp.evaluate([Example(nlp.make_doc(TEXT), doc)])
    assert 0.0 <= scores["ents_f"] <= 1.0
    assert {scores[f"joint_ie_{measure}_f"] for measure in MEASURES} == {None}
    assert nlp.evaluate([Example(nlp.make_doc(TEXT), nlp.make_doc(TEXT))])["ents_f"] is None
    doc.spans["coref_clusters_1"] = [doc[0:2], doc[7:8]]
    scores = nlp.evaluate([Example(nlp.make_doc(TEXT), doc)])
    assert scores["joint_ie_relations_f"] is None and 0.0 <= scores["joint_ie_clusters_r"] <= 1.0


def test_evaluation_leaves_out_what_other_components_found(nlp) -> None:
    reference = gold_of(nlp)
    scores = nlp.evaluate([Example(others(nlp), reference)])
    assert scores["joint_ie_entities_f"] == scores["joint_ie_relations_strict_f"] == 1.0
    assert scores["ents_f"] < 1.0


def test_evaluation_of_other_texts(nlp) -> None:
    predicted, reference, shouted = (nlp.make_doc(text) for text in ("Bob met Eve.", "Eve met Bob.", "BOB met Eve."))
    for doc in (predicted, reference, shouted):
        doc.spans["coref_clusters_1"] = [Span(doc, 0, 1, label="PER")]
    component = nlp.get_pipe("joint_ie")
    with pytest.raises(InputError, match="example 1: reference and prediction are different texts"):
        component.score([Example(predicted, reference)])
    assert component.score([Example(predicted, shouted)])["joint_ie_clusters_f"] == 1.0


def test_refused_docs_count_as_empty(nlp) -> None:
    reference, predicted = gold_of(nlp), nlp.make_doc(TEXT)
    predicted.ents = [Span(predicted, ent.start, ent.end, label=ent.label_) for ent in reference.ents]  # others'
    scores = nlp.get_pipe("joint_ie").score([Example(predicted, reference)])
    assert scores["ents_f"] == 1.0
    assert {scores[f"joint_ie_{measure}_r"] for measure in MEASURES} == {0.0}


def test_the_component_is_known_to_spacy(nlp, caplog) -> None:
    component = nlp.get_pipe("joint_ie")
    assert isinstance(component, JointIE) and component.name == "joint_ie" and not component.is_trainable
    assert nlp.get_pipe_meta("joint_ie").assigns[0] == "doc.ents"
    assert nlp.analyze_pipes()["problems"] == {"joint_ie": []}
    second = spacy.blank("en")
    second.add_pipe("joint_ie", source=nlp, name="facts")
    assert second("Bob met Eve.")._.joint_ie
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
