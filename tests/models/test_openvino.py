"""The encoder by OpenVINO says what PyTorch's does."""

import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.extraction import load
from joint_ie.heads.encoder import SharedEncoder, encoder_from_config
from joint_ie.models import openvino
from joint_ie.models.quantisation import dequantise, quantise

pytest.importorskip("openvino", reason="OpenVINO is not installed (pip install joint-ie[openvino])")

write_checkpoint = runpy.run_path(str(Path(__file__).parents[1] / "tiny_checkpoint.py"))["write_checkpoint"]

SIZES = {"vocab_size": 60, "max_position_embeddings": 80, "initializer_range": 0.2}
BERT = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 96}
DISTILBERT = {"dim": 64, "n_layers": 3, "n_heads": 4, "hidden_dim": 96}
KINDS = ["bert", "roberta", "xlm-roberta", "electra", "distilbert", "mpnet"]
SHAPES = [(1, 1), (2, 16), (5, 33), (1, 70)]


def made(kind: str = "bert", averaged_layers: int = 1) -> SharedEncoder:
    torch.manual_seed(0)
    parts = DISTILBERT if kind == "distilbert" else BERT
    return SharedEncoder(encoder_from_config({"model_type": kind, **SIZES, **parts}), 0, averaged_layers).eval()


def inputs(encoder: SharedEncoder, windows: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings of windows of several lengths."""
    size = encoder.model.get_input_embeddings().embedding_dim
    embeddings = torch.randn(windows, width, size, generator=torch.Generator().manual_seed(width))
    length = (width - torch.arange(windows)).clamp(min=1)
    return embeddings, torch.arange(width) < length[:, None]


def assert_close(found: tuple, right: tuple, mask: torch.Tensor) -> None:
    assert len(found) == len(right)
    for ours, theirs in zip(found, right, strict=True):
        torch.testing.assert_close(ours[mask], theirs[mask], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_those_of_torch(kind: str) -> None:
    encoder = made(kind, averaged_layers=2)
    compiled = openvino.OpenVinoLayers(encoder, "no")
    for shape in SHAPES:
        embeddings, mask = inputs(encoder, *shape)
        with torch.no_grad():
            right = encoder.layers(embeddings, mask)
        assert_close(compiled(embeddings, mask), right, mask)


def test_weights_in_8_bits_are_those_of_packed_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly those where only weights are rounded, and near them where inputs are rounded, too."""
    encoder = made()
    rounded = openvino.OpenVinoLayers(encoder, "no", int8=True)
    monkeypatch.setattr(openvino, "GROUP", 0)  # inputs stay in 32 bits
    weights_only = openvino.OpenVinoLayers(encoder, "no", int8=True)
    embeddings, mask = inputs(encoder, 4, 50)
    with torch.no_grad():
        exact = encoder.layers(embeddings, mask)
        matrices = {name: value for name, value in encoder.state_dict().items() if "layer." in name and value.ndim == 2}
        encoder.load_state_dict(encoder.state_dict() | dequantise(quantise(matrices)))
        right = encoder.layers(embeddings, mask)
    assert_close(weights_only(embeddings, mask), right, mask)
    found, one, other = rounded(embeddings, mask)[1][mask], right[1][mask], exact[1][mask]
    assert 1e-4 < (one - other).norm() / other.norm() < 0.03
    assert (found - other).norm() / other.norm() < 0.05


def test_several_threads_do_not_mix_their_windows() -> None:
    encoder = made()
    compiled = openvino.OpenVinoLayers(encoder, "no")
    asked = [inputs(encoder, 2, 10 + number) for number in range(40)]
    with torch.no_grad():
        right = [encoder.layers(*one) for one in asked]
    with ThreadPoolExecutor(4) as pool:
        for found, expected, (_, mask) in zip(pool.map(lambda one: compiled(*one), asked), right, asked, strict=True):
            assert_close(found, expected, mask)


TEXTS = ["Ann Lee was born in Oslo. She left for Rome in 1901.", "Bob met Eve.", "A text about Ann Lee and Bob. " * 30]


@pytest.mark.parametrize(
    ("method", "detector"),
    [("pairwise", "span"), ("antecedent", "span"), ("pairwise", "crf"), ("pairwise", "semi-markov")],
)
def test_extraction_is_the_same(tmp_path: Path, method: str, detector: str) -> None:
    folder = write_checkpoint(tmp_path, method, detector)
    plain, engine = (load(folder, device="cpu", precision="no", engine=name) for name in ("torch", "openvino"))
    assert engine.model.encoder.engine is not None
    found = False
    for one, other in zip(plain.pipe(TEXTS), engine.pipe(TEXTS), strict=True):
        assert [entity.mentions for entity in one.entities] == [entity.mentions for entity in other.entities]
        facts = [
            [(r.head, r.tail, r.type, pytest.approx(r.score, abs=1e-3)) for r in d.relations] for d in (one, other)
        ]
        assert facts[0] == facts[1]
        found = found or bool(one.relations)
    assert found


def test_what_it_cannot_do_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_checkpoint(tmp_path)
    with pytest.raises(InputError, match="int8 is OpenVINO's; take engine openvino"):
        load(folder, device="cpu", precision="int8")
    model = load(folder, device="cpu").model
    with pytest.raises(InputError, match="for CPUs"):
        openvino.run_by_openvino(model.to("meta"), "no")
    with pytest.raises(InputError, match="joint models only"):
        openvino.run_by_openvino(model.encoder.model, "no")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match=r"pip install 'joint-ie\[openvino\]'"):
        load(folder, device="cpu", engine="openvino")
