"""Old labels keep what was learned about them, wherever they stand in the new schema."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import models
from transformers import PreTrainedTokenizerBase

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.models.checkpoint import collator_for, load_checkpoint, save_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor
from joint_ie.models.relabelling import label_axes, relabelled_model, relabelled_shift
from joint_ie.schema import Schema

OTHER_ORDER = Schema.from_names(["ORG", "PER", "LOC"], ["P3", "P1", "P4", "P2"])
WIDER = Schema.from_names(["SHIP", "ORG", "PER", "LOC", "PORT"], ["owns", "P3", "P1", "P4", "carries", "P2"])
OTHERS = Schema.from_names(["SHIP", "PORT"], ["owns"])


def checkpoint(toy, folder: Path, **settings) -> Path:
    model = toy.model(mentions={"threshold": 0.5}, **settings)
    save_checkpoint(model, toy.tokenizer(), folder)
    return folder


def said(model: JointModel, tokenizer: PreTrainedTokenizerBase, documents: list[Document]) -> list[Document]:
    predictor = Predictor(model.eval(), collator_for(model, tokenizer))
    return [*predictor.gold_entities(documents), *predictor.end_to_end(documents)]


def facts(documents: list[Document]) -> list[dict[tuple[int, int, str], float]]:
    """Their order is that of the schema."""
    return [{(r.head, r.tail, r.type): r.score for r in document.relations or ()} for document in documents]


def entities(documents: list[Document]) -> list[list[tuple[str, list[tuple[int, int]], float | None]]]:
    return [[(e.type, [m.span for m in e.mentions], e.score) for e in document.entities] for document in documents]


@pytest.mark.parametrize("loss", ["adaptive-threshold", "binary-cross-entropy"])
def test_the_same_labels_in_another_order_say_the_same(toy, tmp_path: Path, loss: str) -> None:
    documents = [toy.document(1), toy.document(2)]
    for representation in toy.REPRESENTATIONS:
        typed = {"typed": True} if representation == "localized-context" else {}
        relations = {"representation": representation, "loss": loss, "threshold": 0.5, **typed}
        start = checkpoint(toy, tmp_path / representation, relations=relations)
        loaded, tokenizer = load_checkpoint(start)
        moved, _ = relabelled_model(loaded.settings, OTHER_ORDER, start)
        before, after = said(loaded, tokenizer, documents), said(moved, tokenizer, documents)
        assert any(facts(before)), representation
        for old, new in zip(facts(before), facts(after), strict=True):
            assert new == pytest.approx(old, abs=1e-6), representation
        for old, new in zip(entities(before), entities(after), strict=True):
            assert [e[:2] for e in new] == [e[:2] for e in old], representation


def test_new_labels_take_nothing_from_old_ones(toy, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Logits of known relations are what they were; the heads that say so are logged."""
    start = checkpoint(toy, tmp_path / "start", relations={"typed": True})
    loaded, _ = load_checkpoint(start)
    with caplog.at_level(logging.INFO, "joint_ie"):
        wider, _ = relabelled_model(loaded.settings, WIDER, start)
    assert "knows 3 of 5 entity types and 4 of 6 relation types" in caplog.text
    assert "new rows in: entity_typer.out.weight, entity_typer.out.bias, relation_scorer.type_embedding" in caplog.text
    old, new = loaded.relation_scorer.bilinear, wider.relation_scorer.bilinear
    for label in loaded.schema.relation_types:
        rows = (1 + s.relation_index[label.id] for s in (WIDER, loaded.schema))
        assert torch.equal(new.weight[next(rows)], old.weight[next(rows)])
    assert torch.equal(new.weight[0], old.weight[0])
    for row in (WIDER.relation_index["owns"], WIDER.relation_index["carries"]):
        assert not (new.weight[1 + row] == old.weight).all(1).any()
    narrow, _ = relabelled_model(wider.settings, OTHERS, start)
    assert narrow.schema == OTHERS
    assert len(narrow.relation_scorer.bilinear.bias) == 2


def test_whatever_does_not_depend_on_labels_is_kept(toy, tmp_path: Path) -> None:
    for representation in toy.REPRESENTATIONS:
        start = checkpoint(toy, tmp_path / representation, relations={"representation": representation})
        loaded, _ = load_checkpoint(start)
        made, _ = relabelled_model(loaded.settings, OTHERS, start)
        before, axes = loaded.state_dict(), label_axes(made)
        assert {name.split(".")[0] for name in axes} == {"entity_typer", "relation_scorer"}
        for name, value in made.state_dict().items():
            assert (name in axes) or torch.equal(value, before[name]), name


def test_new_rows_come_from_the_seed(toy, tmp_path: Path) -> None:
    start = checkpoint(toy, tmp_path / "start")
    settings = load_checkpoint(start)[0].settings
    rows = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        rows.append(relabelled_model(settings, OTHERS, start)[0].relation_scorer.bilinear.weight)
    assert torch.equal(rows[0], rows[1]) and not torch.equal(rows[0][1], rows[2][1])


def test_another_network_is_refused(toy, tmp_path: Path) -> None:
    start = checkpoint(toy, tmp_path / "start")
    settings = load_checkpoint(start)[0].settings
    for change in ({"representation": "multi-instance"}, {"embedding_size": 8}):
        other = replace(settings, relations=replace(settings.relations, **change))
        with pytest.raises(InputError, match=r"start: has other parts than the model settings describe"):
            relabelled_model(other, WIDER, start)


def test_typed_markers_follow_their_types(toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ORG has a published number; SHIP is the first after them in one schema, the second in the other."""
    tokenizer = toy.tokenizer()
    vocabulary = tokenizer.get_vocab()
    vocabulary |= {f"[unused{i}]": len(vocabulary) + i for i in range(100)}
    tokenizer.backend_tokenizer.model = models.WordPiece(vocabulary, unk_token="[UNK]")
    config = toy.encoder_config()
    config.vocab_size = len(vocabulary)
    monkeypatch.setattr(toy, "encoder_config", lambda: config)
    monkeypatch.setattr(toy, "SCHEMA", Schema.from_names(["SHIP", "ORG"], ["P1"]))
    start = tmp_path / "start"
    save_checkpoint(toy.model(relations={"input": "typed-markers"}), tokenizer, start)
    loaded, _ = load_checkpoint(start)
    made, _ = relabelled_model(loaded.settings, Schema.from_names(["PORT", "ORG", "SHIP"], ["P1"]), start)
    old, new = (model.encoder.model.get_input_embeddings().weight for model in (loaded, made))

    def rows(table: torch.Tensor, number: int) -> torch.Tensor:
        return table[[vocabulary[f"[unused{2 * number + 1}]"], vocabulary[f"[unused{2 * number + 51}]"]]]

    assert torch.equal(rows(new, 0), rows(old, 0))  # ORG
    assert torch.equal(rows(new, 7), rows(old, 6))  # SHIP
    assert torch.allclose(rows(new, 6), (rows(old, 0) + rows(old, 6)) / 2)  # PORT
    untouched = [i for token, i in vocabulary.items() if "unused" not in token]
    assert torch.equal(new[untouched], old[untouched])


def test_shifts_of_relations_follow_them() -> None:
    old = Schema.from_names(["PER"], ["P1", "P2", "P3"])
    assert relabelled_shift(0.5, old, WIDER) == 0.5
    assert relabelled_shift((0.1, 0.2, 0.3), old, WIDER) == (0.0, 0.3, 0.1, 0.0, 0.0, 0.2)
