"""`joint-ie evaluate` and `predict`, as they are typed."""

import json
import random
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from joint_ie.cli.main import main
from joint_ie.corpora import load_corpus, read_jsonl, training_facts, write_jsonl
from joint_ie.document import Document, Relation
from joint_ie.evaluation import end_to_end, gold_entities, gold_mentions
from joint_ie.extraction import load

write_checkpoint = runpy.run_path(str(Path(__file__).parents[1] / "tiny_checkpoint.py"))["write_checkpoint"]

TEXTS = [
    "Ann Lee was born in Oslo. She left for Rome in 1901.",
    "Eve wrote about Rome, Oslo and Paris; Bob did not. The end.",
    "Bob met Eve.",
    "Ann Lee and Bob left Oslo and Rome for Paris. Eve was born there.",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(write_checkpoint(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def gold(model, tmp_path_factory) -> str:
    """What the model says itself, with some of it changed; one document without relation annotation."""
    draw = random.Random(1)
    documents: list[Document] = []
    for said in load(model).pipe((f"doc-{i}", text) for i, text in enumerate(TEXTS)):
        entities = [replace(e, score=None) for e in said.entities]
        pairs = [(i, j) for i in range(len(entities)) for j in range(len(entities)) if i != j]
        invented = [
            Relation(*pair, draw.choice(["P19", "P27", "P50"])) for pair in draw.sample(pairs, min(2, len(pairs)))
        ]
        kept = [replace(r, score=None, evidence=()) for r in said.relations if draw.random() < 0.7]
        entities[:1] = [replace(e, mentions=(said.mention(0, 2),)) for e in entities[:1]]  # not what it says
        documents.append(said.with_annotations(entities, [*kept, *invented]))
    documents[2] = replace(documents[2], relations=None)
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    write_jsonl(documents, path)
    return str(path)


def scores(capsys, *words: str) -> dict:
    assert main([*words, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def row(label: str, score: dict) -> list[str]:
    counts = [str(score[part]) for part in ("true_positives", "predicted", "gold")]
    return [label, *(f"{100 * score[part]:.2f}" for part in ("precision", "recall", "f1")), *counts]


@pytest.mark.parametrize("mode", ["end-to-end", "gold-mentions", "gold-entities"])
def test_evaluate_is_predict_and_score(model, gold, tmp_path, capsys, mode):
    output = tmp_path / "predicted.jsonl"
    found = scores(capsys, "evaluate", model, gold, "--mode", mode, "--output", str(output))
    documents, predicted = load_corpus(gold), list(read_jsonl(output))
    extract = load(model)
    assert found["mode"] == mode
    if mode == "end-to-end":
        assert [d.to_dict() for d in predicted] == [d.to_dict() for d in extract.pipe(documents)]
        assert found == json.loads(json.dumps(end_to_end(documents, predicted).to_dict()))
        assert 0 < found["mentions"]["f1"] < 1 and 0 < found["relations_strict"]["f1"] < 1
    elif mode == "gold-mentions":
        assert [d.to_dict() for d in predicted] == [d.to_dict() for d in extract.gold_mentions(documents)]
        assert found == gold_mentions(documents, predicted).to_dict()
        assert found["mentions"]["f1"] == 1 > found["relations_strict"]["f1"] > 0
    else:
        assert [d.entities for d in predicted] == [d.entities for d in documents]
        assert [d.to_dict() for d in predicted] == [d.to_dict() for d in extract.gold_entities(documents)]
        assert found == gold_entities(documents, predicted).to_dict()
        assert 0 < found["relations"]["f1"] < 1
    assert (found["documents"], found["without_relations"]) == (4, 1)
    assert scores(capsys, "score", gold, str(output), "--mode", mode) == found


@pytest.mark.parametrize("mode", ["end-to-end", "gold-mentions", "gold-entities"])
def test_relations_from_another_model(model, gold, tmp_path, capsys, mode):
    relater = str(write_checkpoint(tmp_path / "relater", input="markers"))
    output = tmp_path / "predicted.jsonl"
    words = ["evaluate", model, gold, "--relations-from", relater, "--mode", mode, "--output", str(output)]
    assert main(words) == 0
    # Without any space: a folder's name that is longer than a line is cut, and how long it is differs between workers.
    title = "".join(capsys.readouterr().out.split())
    assert title.startswith(f"{model} with relations from {relater} on {gold}, {mode} ".replace(" ", ""))
    documents = load_corpus(gold)
    expected = [d.to_dict() for d in load(model, relations=relater).by_mode(mode, documents)]
    assert [d.to_dict() for d in read_jsonl(output)] == expected
    assert expected != [d.to_dict() for d in load(model).by_mode(mode, documents)]


def test_protocols_with_gold_mentions(model, gold, tmp_path, capsys):
    words = ["evaluate", model, gold, "--mode", "gold-mentions"]
    assert main([*words, "--protocol", "list"]) == 0
    listed = capsys.readouterr().out
    assert "gold-mentions" in listed and "mentions given; " in listed and "tagging" in listed
    found = scores(capsys, *words, "--protocol", "all", "--errors", str(tmp_path / "errors.json"))["protocols"]
    assert {data["mode"] for data in found.values()} == {"gold-mentions"}
    assert found["jerex"]["mentions"]["f1"] == 1
    errors = json.loads((tmp_path / "errors.json").read_text())
    assert errors["mode"] == "gold-mentions" and errors["gold"]["no_mention"]["count"] == 0
    output = tmp_path / "predicted.jsonl"
    assert main(["evaluate", model, gold, "--output", str(output)]) == 0
    assert main(["score", gold, str(output), "--mode", "gold-mentions"]) == 1
    assert "predict with gold mentions, or score it end-to-end" in capsys.readouterr().err


def test_the_table_has_the_numbers_of_the_json(model, gold, tmp_path, capsys):
    path = tmp_path / "scores.json"
    assert main(["evaluate", model, gold, "--json", str(path)]) == 0
    found = json.loads(path.read_text())
    lines = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
    assert row("mentions", found["mentions"]) in lines
    assert row("clusters", found["clusters"]) in lines
    assert main(["evaluate", model, gold, "--json", "-"]) == 0
    output, error = capsys.readouterr()
    assert json.loads(output) == found
    assert "mentions" in error


def test_training_facts_give_ign(model, gold, capsys):
    words = ["evaluate", model, gold, "--mode", "gold-entities", "--training-facts", gold]
    found = scores(capsys, *words)
    documents = load_corpus(gold)
    predicted = list(load(model).gold_entities(documents))
    assert found == gold_entities(documents, predicted, training_facts(documents)).to_dict()
    # all that is right is known
    assert found["known"] == found["relations"]["true_positives"] > 0
    assert found["relations_ign"]["f1"] == 0


def test_labels_that_the_model_does_not_know_are_named_once(model, gold, tmp_path, capsys, caplog):
    documents = load_corpus(gold)
    odd = documents[0].with_annotations(
        [replace(entity, type="GOODS") for entity in documents[0].entities], [Relation(0, 1, "carries")]
    )
    path = tmp_path / "odd.jsonl"
    write_jsonl([odd, *documents[1:]], path)
    assert main(["evaluate", model, str(path)]) == 0
    (line,) = [message for message in caplog.messages if "does not know" in message]
    types = {entity.type for document in (odd, *documents[1:]) for entity in document.entities}
    assert line.startswith(f"{path}: the model does not know 1 of {len(types)} entity types (GOODS) and 1 of ")
    assert "relation types (carries), and cannot get them right" in line
    caplog.clear()
    assert main(["evaluate", model, gold]) == 0
    assert "does not know" not in caplog.text


def test_limit(model, gold, tmp_path, capsys):
    output = tmp_path / "predicted.jsonl"
    found = scores(capsys, "evaluate", model, gold, "--limit", "2", "--output", str(output))
    assert found["documents"] == 2
    assert [d.id for d in read_jsonl(output)] == ["doc-0", "doc-1"]


def test_a_submission_holds_what_evaluate_counts(model, gold, tmp_path, capsys):
    path = tmp_path / "result.json"
    assert main(["predict", model, gold, "--output", str(path)]) == 0
    facts = json.loads(path.read_text())
    assert f"{len(facts)} relations in 4 documents" in capsys.readouterr().out
    assert {tuple(fact) for fact in facts} == {("title", "h_idx", "t_idx", "r", "evidence")}
    documents = load_corpus(gold)
    predicted = [
        replace(d, relations=tuple(Relation(f["h_idx"], f["t_idx"], f["r"]) for f in facts if f["title"] == d.id))
        for d in documents
    ]
    for document in predicted:
        document.validate()
    found = scores(capsys, "evaluate", model, gold, "--mode", "gold-entities")
    assert gold_entities(documents, predicted).to_dict() == found
    # relations of the corpus do not matter
    bare = tmp_path / "bare.jsonl"
    write_jsonl([replace(d, relations=None) for d in documents], bare)
    assert main(["predict", model, str(bare), "-o", str(tmp_path / "again.json")]) == 0
    assert json.loads((tmp_path / "again.json").read_text()) == facts


def test_docreds_own_files(model, tmp_path, capsys):
    """A submission names entities by their places in the file, which are not in the order of the text."""
    data = [
        {
            "title": "T",
            "sents": [["Bob", "met", "Eve", "in", "Oslo", "."]],
            "vertexSet": [
                [{"name": name, "pos": [at, at + 1], "sent_id": 0, "type": kind}]
                for name, at, kind in (("Oslo", 4, "LOC"), ("Eve", 2, "PER"), ("Bob", 0, "PER"))
            ],
        }
    ]
    path = tmp_path / "test.json"
    path.write_text(json.dumps(data))
    assert main(["predict", model, str(path), "-o", str(tmp_path / "result.json")]) == 0
    facts = {(f["h_idx"], f["t_idx"], f["r"]) for f in json.loads((tmp_path / "result.json").read_text())}
    (document,) = load_corpus(path)
    assert [entity.name for entity in document.entities] == ["Bob", "Eve", "Oslo"]
    (said,) = load(model).gold_entities([document])
    place = {0: 2, 1: 1, 2: 0}
    assert facts == {(place[r.head], place[r.tail], r.type) for r in said.relations}


def test_wrong_use_is_one_sentence(model, gold, tmp_path, capsys):
    def refused(*words: str) -> str:
        assert main(["-q", *map(str, words)]) == 1
        output, error = capsys.readouterr()
        assert output == ""
        assert error.startswith("joint-ie: ") and error.count("\n") == 1, error
        return error

    assert "add --mode gold-entities" in refused("evaluate", model, gold, "--training-facts", gold)
    assert "no such folder" in refused("evaluate", tmp_path / "gone", gold)
    assert "has no config.json" in refused("evaluate", tmp_path, gold)
    assert "no such file" in refused("evaluate", model, tmp_path / "gone.json")
    assert "neither registered nor a file" in refused("predict", model, "redocred-dev", "-o", tmp_path / "r.json")
    assert "cannot be written" in refused("predict", model, gold, "-o", tmp_path)
    assert "cannot be written" in refused("evaluate", model, gold, "--output", tmp_path)
    path = tmp_path / "odd.jsonl"
    documents = load_corpus(gold)
    odd = [replace(documents[0].entities[0], type="PRE"), *documents[0].entities[1:]]
    write_jsonl([documents[0].with_annotations(odd, None)], path)
    assert "document 'doc-0': entities[0].type" in refused("predict", model, path, "-o", tmp_path / "r.json")
    for words in (["--limit", "0"], ["--threads", "-1"], ["--mode", "golden"], ["--precision", "fp16"]):
        with pytest.raises(SystemExit, match="2"):
            main(["evaluate", model, gold, *words])
        assert words[0] in capsys.readouterr().err
