"""The encoder run by OpenVINO: on CPUs without bf16 several times as fast as by PyTorch (`docs/speed.md`)."""

import copy
import threading
import warnings
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from joint_ie.errors import InputError
from joint_ie.heads.encoder import SharedEncoder, quiet
from joint_ie.models.joint import JointModel
from joint_ie.models.quantisation import SCALE, quantise

GROUP = 32  # numbers that are rounded to 8 bits with one scale: more are faster and less exact
EXAMPLE = (2, 16)  # windows and their width when the encoder is traced; it takes any


def run_by_openvino(model: PreTrainedModel, precision: Literal["bf16", "no"], int8: bool = False) -> None:
    """Let OpenVINO run the encoder of a `JointModel`; `InputError` for other models, and anywhere but on a CPU."""
    if not isinstance(model, JointModel):
        raise InputError("OpenVINO runs the encoders of joint models only; take engine torch for this model")
    if model.device.type != "cpu":
        raise InputError(f'OpenVINO is for CPUs, the model is on "{model.device}"; take engine torch, or device cpu')
    model.encoder.engine = OpenVinoLayers(model.encoder, precision, int8)


class OpenVinoLayers:
    """What `SharedEncoder.layers` does, compiled for this CPU.

    Args:
        encoder: stays as it is; its weights are copied.
        precision: ``bf16``, or 32 bits (``no``).
        int8: keep the weights of linear layers in 8 bits, with one scale a row, and round what they multiply to 8
            bits, in groups of `GROUP`, whenever it comes.

    Raises `InputError` where OpenVINO is not installed.
    """

    def __init__(self, encoder: SharedEncoder, precision: Literal["bf16", "no"], int8: bool = False) -> None:
        if find_spec("openvino") is None:
            raise InputError("OpenVINO is not installed; install it: pip install 'joint-ie[openvino]'")
        converted = _converted(encoder)
        if int8:
            _round_weights(converted)
        self._model = converted
        self._threads = torch.get_num_threads()
        self._options = {
            "INFERENCE_NUM_THREADS": self._threads,
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP if int8 else 0,
        }
        self._compiling = threading.Lock()
        self._compiled: dict[bool, Any] = {}
        self._own = threading.local()

    def __call__(self, embeddings: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """As `SharedEncoder.layers`, without gradients, in 32 bits; may be called by several threads."""
        found: Any = self._request().infer([embeddings.float().numpy(), attention_mask.numpy()])
        return tuple(torch.from_numpy(states) for states in found.values())

    def _request(self) -> Any:
        """This thread's own: on one core for a thread of `Workers`, of which there are as many, else on all cores."""
        several = self._threads > 1 and torch.get_num_threads() == 1
        requests = vars(self._own).setdefault("requests", {})
        if several not in requests:
            with self._compiling:
                if several not in self._compiled:
                    self._compiled[several] = self._compile(self._threads if several else 1)
            requests[several] = self._compiled[several].create_infer_request()
        return requests[several]

    def _compile(self, streams: int) -> Any:
        from openvino import Core

        return Core().compile_model(self._model, "CPU", self._options | {"NUM_STREAMS": streams})


class _Traced(nn.Module):
    """A copy of the encoder with the attention that OpenVINO knows."""

    def __init__(self, encoder: SharedEncoder) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder).eval()
        self.encoder.model.set_attn_implementation("sdpa")

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        return self.encoder.layers(embeddings, attention_mask)


def _converted(encoder: SharedEncoder) -> Any:
    """The layers as OpenVINO's model. Not by its ``convert_model``, which reports to Intel who converts what."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    width = encoder.model.get_input_embeddings().embedding_dim
    example = (torch.zeros(*EXAMPLE, width), torch.ones(EXAMPLE, dtype=torch.bool))
    with torch.no_grad(), quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what tracing fixes, nothing depends on the shape of the example
        traced = TorchScriptPythonDecoder(_Traced(encoder), example_input=example)
    frontend = FrontEndManager().load_by_framework("pytorch")
    return frontend.convert(frontend.load(traced))


def _round_weights(model: Any) -> None:
    """Replace the weights of all matrix products by 8-bit integers times the scales of their rows."""
    from openvino import opset13 as operations

    for operation in model.get_ops():
        if operation.get_type_name() != "MatMul":
            continue
        source = operation.input_value(1).get_node()
        if source.get_type_name() != "Constant":
            continue
        packed = quantise({"weight": torch.from_numpy(np.array(source.data))})
        if "weight" + SCALE not in packed:
            continue
        weight, scale = packed["weight"].numpy(), packed["weight" + SCALE].numpy()
        whole = operations.convert(operations.constant(weight), "f32")
        operation.input(1).replace_source_output(operations.multiply(whole, scale[:, None]).output(0))
