"""The loop on a model small enough to check by hand."""

import json
import logging
import math

import pytest
import torch

from joint_ie.errors import InputError


def records(folder, kind):
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


def constant_scores(scores):
    remaining = iter(scores)
    return lambda model: {"relations_strict": next(remaining), "mentions": 0.5}


def test_the_loss_falls_and_the_best_checkpoint_is_kept(tiny, tmp_path):
    result = tiny.run(tmp_path / "run", epochs=8, log_every=1, head_learning_rate=1e-2)
    losses = [record["loss"] for record in records(tmp_path / "run", "step")]
    assert len(losses) == result.steps == 2 * (5 + 4 + 6 + 5)
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    scores = [record["metrics"]["relations_strict"] for record in records(tmp_path / "run", "validation")]
    assert result.best_score == max(scores)
    assert result.best_epoch == scores.index(max(scores))


def test_best_and_last_hold_the_weights_of_their_epochs(tiny, tmp_path):
    epoch = iter(range(3))
    weights = {}

    def evaluate(model):
        weights[next(epoch)] = model.head.weight.detach().clone()
        return {"relations_strict": {1: 0.2, 2: 0.9, 3: 0.5}[len(weights)]}

    result = tiny.run(tmp_path / "run", epochs=3, evaluate=evaluate)
    assert (result.best_score, result.best_epoch) == (0.9, 1)
    for name, expected in (("best", weights[1]), ("last", weights[2])):
        saved = tiny.load_file(tmp_path / "run" / name / "model.safetensors")["head.weight"]
        assert torch.equal(saved, expected)


def test_one_seed_gives_one_result_and_another_seed_another(tiny, tmp_path):
    for name, seed in (("first", 1), ("second", 1), ("third", 2)):
        tiny.run(tmp_path / name, epochs=2, seed=seed)
    first, second, third = (tiny.weights(tmp_path / name / "last") for name in ("first", "second", "third"))
    assert first == second
    assert first != third


def test_two_half_batches_are_one_batch(tiny, tmp_path):
    class Halves(tiny.TinyEpoch):
        def __len__(self):
            return 2 * super().__len__()

        def __getitem__(self, index):
            whole = super().__getitem__(index // 2)
            half = slice(4) if index % 2 == 0 else slice(4, 8)
            return tiny.TinyBatch(whole.inputs[half], whole.targets[half])

    whole, halved = tiny.TinyModel(dropout=0.0), tiny.TinyModel(dropout=0.0)
    tiny.run(tmp_path / "whole", model=whole, epochs=2)
    batches = tiny.TinyBatches()
    tiny.run(
        tmp_path / "halved", model=halved, epochs=2, accumulation=2,
        batches=lambda epoch: Halves(8, epoch, len(batches(epoch))),
    )  # fmt: skip
    for name, parameter in whole.named_parameters():
        torch.testing.assert_close(parameter, halved.get_parameter(name), rtol=1e-4, atol=1e-6)


def test_the_last_group_of_an_epoch_may_be_smaller(tiny, tmp_path):
    result = tiny.run(tmp_path / "run", epochs=2, accumulation=3)
    assert result.steps == math.ceil(5 / 3) + math.ceil(4 / 3)


def test_clipping_and_decay_follow_the_formula_of_one_step(tiny, tmp_path):
    """AdamW's first step moves every weight by its learning rate in the gradient's direction."""
    model = tiny.TinyModel(dropout=0.0)
    before = model.head.weight.detach().clone()
    batches = tiny.TinyBatches(lengths=(1,))
    model(batches(0)[0]).loss.backward()
    gradient = model.head.weight.grad.clone()
    model.zero_grad()
    tiny.run(tmp_path / "run", model=model, batches=batches, epochs=1, head_learning_rate=0.01, weight_decay=0.1)
    norm = records(tmp_path / "run", "step")[0]["gradient_norm"]
    clipped = gradient * min(1.0, 1.0 / norm)
    expected = before * (1 - 0.01 * 0.1) - 0.01 * clipped / (clipped.abs() + 1e-8)
    torch.testing.assert_close(model.head.weight.detach(), expected, rtol=1e-4, atol=1e-6)


def test_stops_after_so_many_epochs_of_a_longer_schedule(tiny, tmp_path):
    part = tiny.run(tmp_path / "part", epochs=4, stop_after=2, log_every=1)
    whole = tiny.run(tmp_path / "whole", epochs=4, log_every=1)
    assert (part.steps, whole.steps) == (5 + 4, 5 + 4 + 6 + 5)
    rates = [[r["learning_rate"] for r in records(tmp_path / name, "step")] for name in ("part", "whole")]
    assert rates[0] == rates[1][:9]
    assert len(records(tmp_path / "part", "validation")) == 2


def test_patience_stops_early(tiny, tmp_path):
    scores = constant_scores([0.1, 0.3, 0.2, 0.3, 0.1, 0.9])
    result = tiny.run(tmp_path / "run", epochs=6, patience=3, evaluate=scores)
    assert (result.best_score, result.best_epoch) == (0.3, 1)
    assert len(records(tmp_path / "run", "validation")) == 5


def test_validation_is_skipped_where_settings_say_so(tiny, tmp_path):
    tiny.run(tmp_path / "run", epochs=6, validate_from=1, validate_every=2, evaluate=constant_scores([0.1] * 6))
    assert [record["epoch"] for record in records(tmp_path / "run", "validation")] == [1, 3, 5]
    tiny.run(tmp_path / "other", epochs=4, validate_from=9, evaluate=constant_scores([0.1]))
    assert [record["epoch"] for record in records(tmp_path / "other", "validation")] == [3]


def test_a_loss_that_is_no_number_stops_the_run_by_name(tiny, tmp_path):
    class Broken(tiny.TinyModel):
        calls = 0

        def forward(self, batch):
            Broken.calls += 1
            output = super().forward(batch)
            return tiny.Output(output.loss * (math.nan if Broken.calls == 7 else 1.0), {"relations": output.loss})

    with pytest.raises(InputError, match=r"diverged at step 6 \(epoch 1\): loss nan \(relations .*lower the learning"):
        tiny.run(tmp_path / "run", model=Broken(), epochs=2)
    assert tiny.load_file(tmp_path / "run" / "last" / "model.safetensors")["head.weight"].isfinite().all()


def test_a_gradient_that_overflows_stops_the_run_before_the_weights_are_harmed(tiny, tmp_path):
    model = tiny.TinyModel()
    model.head.weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(InputError, match=r"diverged at step 1 .*gradient norm (nan|inf)"):
        tiny.run(tmp_path / "run", model=model, epochs=1)
    assert model.head.weight.isfinite().all()


def test_an_unknown_monitor_is_named_with_what_there_is(tiny, tmp_path):
    with pytest.raises(InputError, match=r"'relations_strickt' is not a metric .*relations_strict.*mentions"):
        tiny.run(tmp_path / "run", epochs=1, monitor="relations_strickt", evaluate=constant_scores([0.1]))


def test_an_epoch_without_batches_is_refused(tiny, tmp_path):
    with pytest.raises(InputError, match="epoch 1 has no batches"):
        tiny.run(tmp_path / "run", epochs=2, batches=tiny.TinyBatches(lengths=(3, 0)))


def test_validation_is_in_evaluation_mode_without_gradients_and_training_goes_back(tiny, tmp_path):
    modes = []

    class Watched(tiny.TinyModel):
        def forward(self, batch):
            modes.append((self.training, torch.is_grad_enabled()))
            return super().forward(batch)

    def evaluate(model):
        model(tiny.TinyBatches()(0)[0])
        return {"relations_strict": 0.1}

    tiny.run(tmp_path / "run", model=Watched(), batches=tiny.TinyBatches(lengths=(2,)), epochs=2, evaluate=evaluate)
    assert modes == 2 * [(True, True), (True, True), (False, False)]


def test_bf16_computes_in_bf16_and_keeps_weights_in_32_bits(tiny, tmp_path):
    seen = []

    class Watched(tiny.TinyModel):
        def forward(self, batch):
            seen.append(self.head(torch.ones(1, 16)).dtype)
            return super().forward(batch)

    model = Watched()
    tiny.run(tmp_path / "run", model=model, epochs=1, precision="bf16")
    assert set(seen) == {torch.bfloat16}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_log_records_have_their_fields(tiny, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="joint_ie"):
        tiny.run(tmp_path / "run", epochs=2, log_every=4)
    steps = records(tmp_path / "run", "step")
    assert [record["step"] for record in steps] == [1, 4, 8]
    assert [record["epoch"] for record in steps] == [0, 0, 1]
    assert set(steps[0]) == {
        "kind", "step", "epoch", "loss", "losses", "gradient_norm", "learning_rate", "seconds",
    }  # fmt: skip
    assert steps[0]["losses"] == {"main": steps[0]["loss"]}
    validations = records(tmp_path / "run", "validation")
    assert set(validations[0]) == {"kind", "step", "epoch", "metrics", "best", "seconds", "cpu_seconds"}
    assert 0 < validations[0]["cpu_seconds"] < validations[1]["cpu_seconds"]
    assert "epoch 1 done: step 9 of 9" in caplog.text
