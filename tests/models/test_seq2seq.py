"""Encoder-decoders of three families: built, warm-started, saved and loaded."""

import json
import shutil

import pytest
import torch
from tokenizers import decoders
from tokenizers.pre_tokenizers import ByteLevel
from transformers import BartConfig, BartForConditionalGeneration, BertModel, T5Config, T5ForConditionalGeneration

from joint_ie.encoding.linearisation import TextTriple
from joint_ie.encoding.source_target import IGNORED, SourceTargetSet
from joint_ie.encoding.training_set import Budget
from joint_ie.errors import InputError
from joint_ie.models import networks, seq2seq, seq2seq_prediction
from joint_ie.models.checkpoint import load_checkpoint
from joint_ie.models.grounding import SELF
from joint_ie.models.joint import JointModel
from joint_ie.models.loading import load_model
from joint_ie.models.seq2seq_checkpoint import load_generator, new_generator, save_generator, text_tokeniser
from joint_ie.models.seq2seq_config import Seq2SeqSettings, WarmStart
from joint_ie.models.seq2seq_prediction import CUT, Seq2SeqPredictor
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping

SCHEMA = Schema.from_names(["PER", "LOC", "ORG"], {"P1": "a b", "P2": "ab", "P3": "b", "P4": "a b c"})
WARM = {"warm_start": {"decoder_layers": 1}}


def write_bert(folder, toy):
    tokenizer = toy.tokenizer()
    tokenizer.backend_tokenizer.decoder = decoders.WordPiece()
    tokenizer.save_pretrained(folder)
    config = toy.encoder_config()
    config.vocab_size = len(tokenizer)
    BertModel(config).save_pretrained(folder)


def write_bart(folder, toy):
    tokenizer = toy.byte_level()
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save_pretrained(folder)
    sizes = {f"{side}_{part}": n for side in ("encoder", "decoder") for part, n in (("layers", 2), ("ffn_dim", 24))}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "forced_bos_token_id": 0}
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=16, max_position_embeddings=180, init_std=0.3, **sizes, **heads, **ids
    )
    BartForConditionalGeneration(config).save_pretrained(folder)


def write_t5(folder, toy):
    tokenizer = toy.byte_level()
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save_pretrained(folder)
    config = T5Config(
        vocab_size=len(tokenizer) + 20,
        d_model=16,
        d_kv=8,
        d_ff=24,
        num_layers=2,
        num_heads=2,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)


FAMILIES = {"bert": (write_bert, WARM), "bart": (write_bart, {}), "t5": (write_t5, {})}


@pytest.fixture(scope="module")
def sources(tmp_path_factory, toy):
    torch.manual_seed(0)
    folders = {}
    for name, (write, _) in FAMILIES.items():
        folders[name] = tmp_path_factory.mktemp(name)
        write(folders[name], toy)
    return folders


def build(sources, toy, family="bert", **settings):
    torch.manual_seed(1)
    chosen = {"name": str(sources[family]), "max_target": 40, "beams": 2, **FAMILIES[family][1], **settings}
    model, tokenizer = new_generator(from_mapping(Seq2SeqSettings, chosen), SCHEMA)
    return model.eval(), tokenizer


def batch_of(model, tokenizer, toy, count=3):
    tokeniser = text_tokeniser(model, tokenizer)
    documents = [toy.document(i) for i in range(count)]
    limit = model.settings.max_target
    found = SourceTargetSet(documents, [1.0] * count, tokeniser, "text", limit, Budget(), 0)
    return tokeniser, [source for source, _ in found.examples], [target for _, target in found.examples]


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_and_loaded(sources, toy, family, tmp_path):
    model, tokenizer = build(sources, toy, family)
    tokeniser, texts, targets = batch_of(model, tokenizer, toy)
    batch = tokeniser.batch(texts, targets)
    save_generator(model, tokenizer, tmp_path)
    assert not list(tmp_path.glob("*.bin")) and (tmp_path / "schema.json").is_file()
    loaded, again = load_model(tmp_path)
    assert loaded.settings == model.settings and loaded.schema == SCHEMA
    assert again.get_vocab() == tokenizer.get_vocab()
    assert {n: p.shape for n, p in loaded.named_parameters()} == {n: p.shape for n, p in model.named_parameters()}
    assert torch.equal(loaded(batch).loss, model(batch).loss)
    documents = [toy.document(i) for i in range(4)]
    first, second = (Seq2SeqPredictor(m, t).end_to_end(documents) for m, t in ((model, tokenizer), (loaded, again)))
    assert first == second
    assert [d.words for d in first] == [d.words for d in documents]


@pytest.mark.parametrize("family", FAMILIES)
def test_losses_are_those_of_the_windows_alone(sources, toy, family):
    model, tokenizer = build(sources, toy, family)
    tokeniser, texts, targets = batch_of(model, tokenizer, toy)
    batch = tokeniser.batch(texts, targets)
    chosen = model.log_probabilities(batch)
    assert chosen.shape == batch.labels.shape and bool((chosen[batch.labels == IGNORED] == 0).all())
    for row, (text, target) in enumerate(zip(texts, targets, strict=True)):
        alone = model.log_probabilities(tokeniser.batch([text], [target]))[0]
        torch.testing.assert_close(chosen[row, : len(target)], alone, atol=1e-5, rtol=1e-4)
    output = model(batch)
    torch.testing.assert_close(output.loss, -chosen.sum() / sum(map(len, targets)))
    # a subword does not see those after it
    changed = [[*target[:3], *reversed(target[3:])] for target in targets]
    torch.testing.assert_close(model.log_probabilities(tokeniser.batch(texts, changed))[:, :3], chosen[:, :3])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_learns_and_the_encoder_is_named(sources, toy, family):
    model, tokenizer = build(sources, toy, family)
    tokeniser, texts, targets = batch_of(model, tokenizer, toy)
    model(tokeniser.batch(texts, targets)).loss.backward()
    assert all(p.grad is not None for p in model.parameters())
    names = [name for name, _ in model.named_parameters()]
    assert any(name.startswith("encoder.") for name in names)
    assert not any("network.encoder." in name or "network.model.encoder." in name for name in names)
    assert any(name.startswith("network.") for name in names)


def test_a_warm_start_has_the_weights_of_its_encoder(sources, toy):
    original = BertModel.from_pretrained(sources["bert"], add_pooling_layer=False)
    for layers, weights in ((1, "encoder"), (2, "encoder"), (3, "random")):
        model, tokenizer = build(
            sources, toy, warm_start={"decoder_layers": layers, "decoder_weights": weights}, max_target=250, dropout=0.0
        )
        decoder = model.network.decoder.bert
        assert len(decoder.encoder.layer) == layers
        words = original.embeddings.word_embeddings.weight
        assert torch.equal(model.encoder.embeddings.word_embeddings.weight[: len(words)], words)
        assert len(model.encoder.embeddings.word_embeddings.weight) == len(tokenizer) > len(words)
        assert decoder.embeddings.word_embeddings.weight is model.encoder.embeddings.word_embeddings.weight
        assert model.network.decoder.cls.predictions.decoder.weight is decoder.embeddings.word_embeddings.weight
        positions = original.embeddings.position_embeddings.weight
        assert torch.equal(decoder.embeddings.position_embeddings.weight[:200], positions)
        assert len(decoder.embeddings.position_embeddings.weight) == 250
        same = torch.equal(
            decoder.encoder.layer[0].attention.self.query.weight, original.encoder.layer[0].attention.self.query.weight
        )
        assert same == (weights == "encoder")
        assert {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)} == {0.0}
        for name, value in original.named_parameters():
            if "word_embeddings" not in name:
                assert torch.equal(dict(model.encoder.named_parameters())[name], value), name


@pytest.mark.parametrize("beams", [1, 3])
def test_constrained_output_is_always_grounded(sources, toy, beams):
    model, tokenizer = build(sources, toy, constrained=True, beams=beams)
    predictor = Seq2SeqPredictor(model, tokenizer)
    documents = [toy.document(i) for i in range(8)]
    predicted = predictor.end_to_end(documents)
    assert set(+predictor.left_out) <= {CUT, SELF}
    assert sum(len(d.relations) for d in predicted) > 5
    alone = [predictor.end_to_end([d])[0] for d in documents]
    for a, b in zip(predicted, alone, strict=True):
        assert [(r.head, r.tail, r.type) for r in a.relations] == [(r.head, r.tail, r.type) for r in b.relations]
        assert [r.score for r in a.relations] == pytest.approx([r.score for r in b.relations], rel=1e-3)
    assert all(0 <= r.score <= 1 for d in predicted for r in d.relations)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("constrained", [True, False])
def test_any_number_of_windows_at_a_time_gives_the_same(sources, toy, family, constrained, monkeypatch):
    model, tokenizer = build(sources, toy, family, constrained=constrained)
    predictor = Seq2SeqPredictor(model, tokenizer)
    documents = [toy.document(i, sentences=1 + i % 3) for i in range(7)]
    windows = [source for document in documents for source in predictor.tokeniser.sources(document)]
    calls = {"written": [], "scored": []}
    generate, logits = model.generate, model.logits

    def counted(name, function):
        return lambda batch, *rest: calls[name].append(len(batch.input_ids)) or function(batch, *rest)

    monkeypatch.setattr(model, "generate", counted("written", generate))
    monkeypatch.setattr(model, "logits", counted("scored", logits))
    whole = predictor._generated(windows)
    assert calls == {"written": [7], "scored": [7]}
    longest = 2 * (max(len(source.ids) for source in windows) + 40)
    for states, rows in ((1, 1), (2 * longest, 2)):
        calls |= {"written": [], "scored": []}
        monkeypatch.setattr(seq2seq_prediction, "STATES", states)
        monkeypatch.setattr(seq2seq, "LOGITS", 40 * len(tokenizer) * rows)
        parts = predictor._generated(windows)
        assert sum(calls["written"]) == sum(calls["scored"]) == 7
        assert max(calls["written"]) <= max(rows, 3) and len(calls["written"]) >= 7 / 3
        assert max(calls["scored"]) <= max(calls["written"])
        assert [[fact.triple for fact in facts] for facts in parts] == [[f.triple for f in facts] for facts in whole]
        scores = [[fact.score for facts in found for fact in facts] for found in (parts, whole)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-3, abs=1e-12) and (scores[0] or not constrained)
    assert predictor._generated([]) == []


def test_windows_are_united(sources, toy):
    model, tokenizer = build(sources, toy, constrained=True, max_source=14)
    predictor = Seq2SeqPredictor(model, tokenizer)
    document = toy.document(3)
    sources_ = predictor.tokeniser.sources(document)
    assert len(sources_) > 1
    written = predictor._generated(sources_)
    expected = predictor.grounding.in_text(document, [fact for window in written for fact in window]).document
    assert [r.type for r in predictor.end_to_end([document])[0].relations] == [r.type for r in expected.relations]


def test_scores_are_probabilities_of_the_facts(sources, toy):
    """The product over all facts and the rest of the target is the probability of the target."""
    model, tokenizer = build(sources, toy)
    predictor = Seq2SeqPredictor(model, tokenizer)
    tokeniser, texts, targets = batch_of(model, tokenizer, toy, 1)
    probability = model.log_probabilities(tokeniser.batch(texts, targets)).exp()[0].tolist()
    facts = predictor._facts(targets[0], probability)
    assert [fact.triple for fact in facts] == tokeniser.syntax.read(tokeniser.decode(targets[0]))
    product = 1.0
    for fact in facts:
        product *= fact.score
    assert product == pytest.approx(torch.tensor(probability).prod().item(), rel=1e-4)


def test_markers_are_subwords(sources, toy):
    """A byte-level model can spell a marker letter by letter: that is part of a name."""
    model, tokenizer = build(sources, toy, "bart")
    predictor = Seq2SeqPredictor(model, tokenizer)

    def spelled(text):
        level = ByteLevel(add_prefix_space=False)
        return [tokenizer.convert_tokens_to_ids(c) for piece, _ in level.pre_tokenize_str(text) for c in piece]

    m = predictor.tokeniser.marker_ids
    glued = [m["<triplet>"], *spelled(" a <per>"), m["<per>"], *spelled(" b</s>"), m["<loc>"], *spelled(" ab")]
    written = [*glued, m["<per>"], *spelled(" <triplet>"), m["<org>"], *spelled(" b"), model.end_id]
    probability = [1 - i / 1000 for i in range(len(written))]
    facts = predictor._facts(written, probability)
    assert [fact.triple for fact in facts] == [
        TextTriple("a <per>", "PER", "ab", "b</s>", "LOC"),
        TextTriple("a <per>", "PER", "b", "<triplet>", "ORG"),
    ]
    for fact, own in zip(facts, (probability[: len(glued)], probability[len(glued) :]), strict=True):
        assert fact.score == pytest.approx(torch.tensor(own, dtype=torch.float64).prod().item())
    only_spelled = spelled(" <triplet> a <per> b <loc> ab")
    assert predictor._facts([*only_spelled, model.end_id], [1.0] * (len(only_spelled) + 1)) == []


def test_mistaken_settings_are_not_said_of_the_network(sources, toy, monkeypatch):
    def refused(*_):
        raise InputError("generation.dropout: unknown")

    monkeypatch.setattr(networks, "set_dropout", refused)
    for family in FAMILIES:
        with pytest.raises(InputError, match=r"^generation\.dropout: unknown"):
            build(sources, toy, family, dropout=0.5)


@pytest.mark.parametrize(
    ("family", "settings", "message"),
    [
        ("bart", {"warm_start": {}}, "has a decoder of its own"),
        ("bert", {"warm_start": None}, "is an encoder; make it an encoder-decoder by generation.warm_start"),
        ("bert", {"warm_start": {"decoder_layers": 3}}, "decoder_layers = 3, but the encoder has 2"),
        ("bart", {"max_target": 500}, "max_target = 500, but the decoder has 180 positions"),
        ("bert", {"name": "no/such/place"}, "no/such/place: has no tokenizer that can be loaded"),
    ],
)
def test_what_cannot_be_built(sources, toy, family, settings, message):
    with pytest.raises(InputError, match=message):
        build(sources, toy, family, **settings)


def test_settings_are_checked():
    for wrong in ({"beams": 0}, {"max_target": 0}, {"dropout": 2.0}, {"warm_start": {"decoder_layers": 0}}):
        with pytest.raises(InputError):
            from_mapping(Seq2SeqSettings, wrong)
    assert from_mapping(Seq2SeqSettings, {"warm_start": {}}).warm_start == WarmStart()


@pytest.fixture(scope="module")
def whole(sources, toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    save_generator(*build(sources, toy), folder)
    return folder


def changed(change):
    def damage(folder):
        data = json.loads((folder / "config.json").read_text())
        change(data)
        (folder / "config.json").write_text(json.dumps(data))

    return damage


def without_markers(folder):
    data = json.loads((folder / "tokenizer.json").read_text())
    data["added_tokens"] = data["added_tokens"][:-2]
    (folder / "tokenizer.json").write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (changed(lambda c: c.pop("network")), '/config.json: network: model_type "None" is unknown'),
        (changed(lambda c: c["network"].update(model_type="bertt")), '/config.json: network: model_type "bertt" is'),
        (changed(lambda c: c["network"].update(model_type="bert")), "/config.json: does not describe a model"),
        (changed(lambda c: c["network"]["encoder"].update(hidden_size=15)), "/config.json: does not describe a model"),
        (changed(lambda c: c["network"]["encoder"].update(hidden_size="x")), "/config.json: does not describe a model"),
        (changed(lambda c: c["network"]["decoder"].update(num_attention_heads=0)), "/config.json: does not describe"),
        (changed(lambda c: c["network"].pop("encoder")), "/model.safetensors: does not hold this model's weights"),
        (changed(lambda c: c["network"].pop("decoder")), "/model.safetensors: does not hold this model's weights"),
        (changed(lambda c: c.update(network=[1, 2])), "/config.json: does not describe a model"),
        (changed(lambda c: c.update(network="bert")), "/config.json: does not describe a model"),
        (changed(lambda c: c.update(generation=3)), "/config.json: generation: 3 should be a mapping"),
        (changed(lambda c: c["generation"].update(beams=0)), "/config.json: generation: beams = 0"),
        (changed(lambda c: c["generation"].update(bems=2)), "/config.json: generation: bems = 2 is not a setting"),
        (changed(lambda c: c["generation"].update(max_target=41)), "/config.json: generation.max_target = 41, but"),
        (changed(lambda c: c["generation"].update(max_source=2)), "/config.json: max_source = 2 leaves no room"),
        (changed(lambda c: c.pop("labels")), "/config.json: labels: has no relation types"),
        (changed(lambda c: c["labels"].pop("relation_types")), '/config.json: labels: needs "relation_types"'),
        (changed(lambda c: c.update(labels=[1])), '/config.json: labels: needs "entity_types"'),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "has no tokenizer that can be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("[]"), "has no tokenizer that can be loaded"),
        (without_markers, "/tokenizer.json: does not have the marker <"),
    ],
)
def test_a_sentence_for_every_damage(whole, tmp_path, damage, message):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    damage(folder)
    with pytest.raises(InputError) as error:
        load_generator(folder)
    text = str(error.value)
    assert text.startswith(str(folder)) and message in text and "\n" not in text


def test_damaged_checkpoints_are_named(sources, toy, tmp_path):
    model, tokenizer = build(sources, toy)
    save_generator(model, tokenizer, tmp_path)
    with pytest.raises(InputError, match="writes facts, which has no thresholds"):
        load_checkpoint(tmp_path)
    data = json.loads((tmp_path / "config.json").read_text())
    data["network"]["decoder"]["num_hidden_layers"] = 2
    (tmp_path / "config.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"does not hold this model's weights \(network.decoder"):
        load_generator(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="cannot be read"):
        load_generator(tmp_path)


def test_joint_checkpoints_are_still_joint(tmp_path, toy):
    from joint_ie.models.checkpoint import save_checkpoint

    save_checkpoint(toy.model(), toy.tokenizer(), tmp_path)
    assert isinstance(load_model(tmp_path)[0], JointModel)
