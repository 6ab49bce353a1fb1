import pytest
import torch

from joint_ie.models.precision import autocast, resolve_precision


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512_bf16", "bf16"), ("fpu amx_bf16", "bf16"), ("fpu avx2 avx512f", "no"), (None, "no")],
)
def test_auto_asks_the_processor(tmp_path, flags, expected):
    path = tmp_path / "cpuinfo"
    if flags is not None:
        path.write_text(f"processor : 0\nflags : {flags}\n")
    assert resolve_precision("auto", torch.device("cpu"), path) == expected


@pytest.mark.parametrize("precision", ["bf16", "no"])
def test_a_choice_is_a_choice(precision):
    assert resolve_precision(precision, torch.device("cpu")) == precision
    with autocast(torch.device("cpu"), precision):
        assert torch.is_autocast_enabled("cpu") == (precision == "bf16")
