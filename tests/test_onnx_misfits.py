"""Stored tensors whose shapes contradict their operator: refused, as ONNX Runtime refuses them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto
from test_onnx_operators import model

from sepcalc.errors import InputError
from sepcalc.importers.onnx import read

# operators and what they read, as tests/test_onnx_operators.py writes it: one stored tensor of each does not fit
MISFITS: list[tuple[str, str, dict[str, Any]]] = [
 ("Conv","1x3x8x8 4x2x3x3*",{}),
 ("Conv","1x3x8x8 4x3x3x3* 5*",{}),
 ("Conv","1x3x8x8 4x3x3x3* 4x1*",{}),
 ("Conv","1x4x8x8 3x2x3x3*",{"group":2}),
 ("Conv","1x3x8x8 4x3x3*",{}),
 ("Conv","1x3x8x8 4x3x3x3*",{"kernel_shape":[3,5]}),
 ("ConvTranspose","1x3x8x8 4x2x3x3*",{}),
 ("ConvTranspose","1x3x8x8 3x2x3x3* 3*",{}),
 ("ConvTranspose","1x3x8x8 3x2x3x3*",{"kernel_shape":[5,5]}),
 ("ConvTranspose","1x3x8x8 3x2x3x3*",{"group":2}),
 ("Gemm","1x10 9x4*",{}),
 ("Gemm","1x10 10x4* 5*",{}),
 ("Gemm","1x10 10x4* 3x4*",{}),
 ("MatMul","1x7x10 9x4*",{}),
 ("MatMul","1x3x4x5 2x5x6*",{}),
 ("BatchNormalization","1x8x4x4 8* 8* 8* 7*",{}),
 ("BatchNormalization","1x8x4x4 4* 4* 4* 4*",{}),
 ("InstanceNormalization","1x8x4x4 7* 7*",{}),
 ("InstanceNormalization","1x8x4x4 8* 7*",{}),
 ("GroupNormalization","1x8x4x4 7* 7*",{"num_groups":2}),
 ("GroupNormalization","1x8x4x4 8* 8*",{"num_groups":3}),
 ("LayerNormalization","1x16x8 7* 7*",{}),
 ("LayerNormalization","1x16x8 8* 7*",{}),
 ("LayerNormalization","1x16x8 16*",{}),
 ("RMSNormalization","1x16x8 7*",{"opset":23}),
 ("PRelu","1x3x4x5 2x1x1*",{}),
 ("PRelu","1x3x4x5 4*",{}),
 ("LSTM","5x1x3 1x16x4* 1x16x4*",{"hidden_size":4}),
 ("LSTM","5x1x3 1x12x3* 1x16x4*",{"hidden_size":4}),
 ("LSTM","5x1x3 1x16x3* 1x16x3*",{"hidden_size":4}),
 ("LSTM","5x1x3 1x16x3* 1x16x4* 1x16*",{"hidden_size":4}),
 ("LSTM","5x1x3 1x16x3* 1x16x4*",{"hidden_size":5}),
 ("LSTM","5x1x3 1x16x3* 1x16x4* 1x32* - - - 1x8*",{"hidden_size":4}),
 ("GRU","5x1x3 1x16x3* 1x16x4*",{"hidden_size":4}),
 ("GRU","5x1x3 1x12x3* 1x12x4* 1x12*",{"hidden_size":4}),
 ("RNN","5x1x3 1x4x2* 1x4x4*",{"hidden_size":4}),
 ("RNN","5x1x3 2x4x3* 1x4x4*",{"hidden_size":4}),
 ("Add","1x3x4x5 3*",{}),
 ("Mul","1x3x4x5 2x1x1*",{}),
 ("Where","b1x60 1x60 59*",{}),
 ("Concat","1x3x4* 1x5x3",{"axis":1}),
 ("QLinearConv","u1x3x8x8 (0.5) u[3] u4x2x3x3* (0.5) u[0] (0.5) u[0]",{}),
 ("ConvInteger","u1x3x8x8 u4x2x3x3*",{}),
 ("MatMulInteger","u1x7x10 u9x4*",{}),
 ("Einsum","1x4x5 6x4*",{"equation":"bij,kj->bki"}),
 ("GridSample","1x3x8x7 1x4x5x3*",{}),
 ("FusedConv","1x3x8x8 4x2x3x3*",{"domain":"com.microsoft"}),
 ("SkipLayerNormalization","1x16x8 1x16x8 7*",{"domain":"com.microsoft"}),
 ("BiasGelu","1x60 59*",{"domain":"com.microsoft"}),
 ("com.microsoft.Attention","1x6x8 7x24* 24*",{"domain":"com.microsoft","num_heads":2}),
 ("com.microsoft.Attention","1x6x8 8x24* 23*",{"domain":"com.microsoft","num_heads":2}),
 ("MatMulNBits","1x7x32 u4x1x8*",{"domain":"com.microsoft","K":32,"N":4,"bits":4,"block_size":32}),
 ("MatMulNBits","1x7x31 u4x1x16* 4*",{"domain":"com.microsoft","K":32,"N":4,"bits":4,"block_size":32}),
 ("DynamicQuantizeLSTM","5x1x3 q1x4x16* q1x4x16* 1x32* - - - - (0.5,) q[0,] (0.5,) q[0,]",{"domain":"com.microsoft","hidden_size":4}),
 ("EmbedLayerNormalization","j1x7 j1x7 100x8* 16x7* 3x8* 8* 8*",{"domain":"com.microsoft","outputs":2}),
 ("CausalConvWithState","1x4x7 3x1x3*",{"opset":27}),
 ("Col2Im","1x12x9 [4,4] [3,2]",{}),
 ("RotaryEmbedding","1x2x6x8 5x4* 5x4*",{"opset":23}),
 ("MultiHeadAttention","1x6x8 1x10x8 1x10x8 23*",{"domain":"com.microsoft","num_heads":2}),
]  # fmt: skip


NAMES = [f"{at}-{operator} {words}" for at, (operator, words, _) in enumerate(MISFITS)]


@pytest.mark.parametrize("case", MISFITS, ids=NAMES)
def test_what_does_not_fit_is_refused(case: tuple[str, str, dict[str, Any]], tmp_path: Path) -> None:
    operator, words, settings = case
    made, _ = model(operator, words, **settings)
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(InputError) as caught:
        read(str(path))
    message = str(caught.value).replace(str(path), "FILE")
    assert message.startswith(f"FILE: 'node' ({operator.removeprefix('com.microsoft.')}): ")
    assert "attributes do not fit each other" not in message


@pytest.mark.parametrize("case", MISFITS, ids=NAMES)
def test_onnx_runtime_refuses_it_too(case: tuple[str, str, dict[str, Any]]) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the oracle is onnxruntime")
    operator, words, settings = case
    made, feeds = model(operator, words, **settings)
    made.ir_version = 10
    for output in made.graph.output:
        output.type.tensor_type.elem_type = TensorProto.FLOAT
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    with pytest.raises(Exception, match=r"ONNXRuntimeError"), np.errstate(all="ignore"):
        runtime.InferenceSession(made.SerializeToString(), options).run(None, feeds)


TOLD = [
    ("Conv", "1x3x8x8 4x3x3x3* 5*", {}, "a bias of 5 does not fit Conv: expected 4"),
    ("LSTM", "5x1x3 1x16x4* 1x16x4*", {"hidden_size": 4}, "a kernel of 1x16x4 does not fit LSTM: expected 1x16x3"),
    ("Gemm", "1x10 10x4* 3x4*", {}, "a bias of 3x4 does not fit Gemm: expected a shape that broadcasts to 1x4"),
    ("GroupNormalization", "1x8x4x4 7* 7*", {"num_groups": 2}, "a scale of 7 does not fit GroupNormalization: expected 8"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "words", "settings", "told"), TOLD)
def test_the_sentence(operator: str, words: str, settings: dict[str, Any], told: str, tmp_path: Path) -> None:
    made, _ = model(operator, words, **settings)
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(InputError) as caught:
        read(str(path))
    assert str(caught.value) == f"{path}: 'node' ({operator}): {told}"
