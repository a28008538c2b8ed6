"""Scales of quantized weights are numbers that a file stores: where they are one for each channel or block, of floating
type, they are buffers, and the params are the weights alone; zero points, whole numbers, are neither."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import graph, node, saved, weight
from onnx import helper, numpy_helper

from sepcalc import load
from sepcalc.document.compacting import write_compact
from sepcalc.importers.onnx import read
from sepcalc.network import Network

BYTE = np.int8
W, S, Z = weight("w", 8, 16, kind=BYTE), weight("s", 16), weight("z", 16, kind=BYTE)
KERNEL, OF_EACH, ZEROS = weight("w", 16, 3, 3, 3, kind=BYTE), weight("s", 16), weight("z", 16, kind=BYTE)
ONE, ZERO = weight("one"), weight("zero", kind=BYTE)
RANGE = node("DynamicQuantizeLinear", "x", "a as az")
ROUNDED = node("QuantizeLinear", "x one zero", "a")


def microsoft(operator: str, inputs: str, outputs: str = "y", **settings: Any) -> Any:
    return node(operator, inputs, outputs, domain="com.microsoft", **settings)


# what stores what, and its params and buffers: nodes, the input x, what is stored
CASES: dict[str, tuple[list[Any], tuple[int, ...], tuple[Any, ...], tuple[int, int]]] = {
    "a product": ([node("DequantizeLinear", "w s z", "f", axis=1), node("MatMul", "x f", "y")], (1, 8), (W, S, Z), (128, 16)),
    "one scale": ([node("DequantizeLinear", "w one zero", "f"), node("MatMul", "x f", "y")], (1, 8), (W, ONE, ZERO), (128, 0)),
    "a scale for each block": ([node("DequantizeLinear", "w s", "f", axis=0, block_size=4), node("MatMul", "x f", "y")], (1, 8), (W, weight("s", 2, 16)), (128, 32)),
    "turned before it is read": ([node("DequantizeLinear", "w s z", "f", axis=0), node("Transpose", "f", "t"), node("MatMul", "x t", "y")], (1, 16), (W, weight("s", 8), weight("z", 8, kind=BYTE)), (128, 8)),
    "read by two": ([node("DequantizeLinear", "w s", "f", axis=1), node("DequantizeLinear", "w s", "g", axis=1), node("MatMul", "x f", "h"), node("MatMul", "x g", "i"), node("Add", "h i", "y")], (1, 8), (W, S), (128, 16)),
    "a convolution and its bias": ([node("DequantizeLinear", "w s z", "f", axis=0), node("DequantizeLinear", "b bs", "g", axis=0), node("Conv", "x f g", "y")], (1, 3, 8, 8), (KERNEL, OF_EACH, ZEROS, weight("b", 16, kind=np.int32), weight("bs", 16)), (432 + 16, 32)),
    "a bias that is added": ([node("DequantizeLinear", "w s", "f", axis=1), node("DequantizeLinear", "b bs", "g", axis=0), node("MatMul", "x f", "h"), node("Add", "h g", "y")], (1, 8), (W, S, weight("b", 16, kind=np.int32), weight("bs", 16)), (128 + 16, 32)),
    "gains of a norm, beside its statistics": ([node("DequantizeLinear", "g gs", "f", axis=0), node("BatchNormalization", "x f b m v", "y")], (1, 16, 4, 4), (weight("g", 16, kind=BYTE), weight("gs", 16), *(weight(name, 16) for name in "bmv")), (32, 32 + 16)),
    "a table that is read twice": ([node("DequantizeLinear", "w s", "f", axis=1), node("DequantizeLinear", "w s", "g", axis=1), node("Concat", "f x", "a", axis=0), node("Concat", "g a", "y", axis=0)], (1, 16), (W, S), (128, 16)),
    "weights of a recurrent layer": ([node("DequantizeLinear", "u us", "f", axis=1), node("DequantizeLinear", "r rs", "g", axis=1), node("LSTM", "x f g", "y", hidden_size=4)], (6, 1, 8), (weight("u", 1, 16, 8, kind=BYTE), weight("us", 16), weight("r", 1, 16, 4, kind=BYTE), weight("rs", 16)), (192, 32)),
    "scales with scales": ([node("DequantizeLinear", "s t", "u", axis=0, block_size=4), node("DequantizeLinear", "w u", "f", axis=1), node("MatMul", "x f", "y")], (1, 8), (W, weight("s", 16, kind=BYTE), weight("t", 4)), (128, 4)),
    "a table": ([node("DequantizeLinear", "w s", "f", axis=0), node("ArgMax", "x", "i"), node("Gather", "f i", "y")], (1, 9), (W, weight("s", 8)), (128, 8)),
    "data": ([node("QuantizeLinear", "x s z", "a", axis=1), node("DequantizeLinear", "a s z", "y", axis=1)], (1, 16), (S, Z), (0, 16)),
    "QLinearConv": ([ROUNDED, node("QLinearConv", "a one zero w s z one zero", "y")], (1, 3, 8, 8), (KERNEL, OF_EACH, ZEROS, ONE, ZERO), (432, 16)),
    "QLinearMatMul": ([ROUNDED, node("QLinearMatMul", "a one zero w s z one zero", "y")], (1, 8), (W, S, Z, ONE, ZERO), (128, 16)),
    "sums times a scale": ([RANGE, node("ConvInteger", "a w az", "b"), node("Cast", "b", "c", to=1), node("Mul", "c s", "d"), node("Mul", "d as", "y")], (1, 3, 8, 8), (KERNEL, weight("s", 16, 1, 1)), (432, 16)),
    "sums times both scales": ([RANGE, node("MatMulInteger", "a w az z", "b"), node("Cast", "b", "c", to=1), node("Mul", "as s", "both"), node("Mul", "c both", "y")], (1, 8), (W, S, Z), (128, 16)),
    "sums times one scale, then the other": ([RANGE, node("MatMulInteger", "a w az z", "b"), node("Cast", "b", "c", to=1), node("Mul", "c as", "d"), node("Mul", "d s", "y")], (1, 8), (W, S, Z), (128, 16)),
    "a layer scale behind": ([RANGE, node("MatMulInteger", "a w az z", "b"), node("Cast", "b", "c", to=1), node("Mul", "as s", "both"), node("Mul", "c both", "d"), node("Mul", "d gain", "y")], (1, 8), (W, S, Z, weight("gain", 16)), (128 + 16, 16)),
    "names of ONNX Runtime's": ([RANGE, node("MatMulInteger", "a v_quantized az", "b"), node("Cast", "b", "c", to=1), node("Mul", "v_scale as", "both"), node("Mul", "c both", "y")], (1, 8), (weight("v_quantized", 8, 16, kind=BYTE), weight("v_scale", 16)), (128, 16)),
    "DynamicQuantizeMatMul": ([microsoft("DynamicQuantizeMatMul", "x w s z")], (1, 8), (W, S, Z), (128, 16)),
    "MatMulIntegerToFloat": ([RANGE, microsoft("MatMulIntegerToFloat", "a w as s az z")], (1, 8), (W, S, Z), (128, 16)),
    "MatMulNBits": ([microsoft("MatMulNBits", "x w s z", K=64, N=32, bits=4, block_size=32)], (1, 64), (weight("w", 32, 2, 16, kind=np.uint8), weight("s", 64), weight("z", 32, kind=np.uint8)), (2_048, 64)),
    "zero points that are no whole numbers": ([microsoft("MatMulNBits", "x w s z", K=64, N=32, bits=4, block_size=32)], (1, 64), (weight("w", 32, 2, 16, kind=np.uint8), weight("s", 64), weight("z", 64)), (2_048, 128)),
    "what is not counted": ([microsoft("MatMulNBitsQLoRA", "x w s a as b bs")], (1, 64), (weight("w", 32, 2, 16, kind=np.uint8), weight("s", 64), weight("a", 64, 4), weight("as", 4), weight("b", 4, 32), weight("bs", 32)), (1_024 + 256 + 128, 100)),
}  # fmt: skip


def read_case(what: str, folder: Path) -> Network:
    nodes, shape, stored, _ = CASES[what]
    made = graph(nodes, {"x": shape}, "y", stored)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    (folder / "m.onnx").write_bytes(helper.make_model(made, opset_imports=opsets).SerializeToString())
    return read(str(folder / "m.onnx"))


@pytest.mark.parametrize("what", CASES)
def test_scales_are_buffers(what: str, tmp_path: Path) -> None:
    network = read_case(what, tmp_path)
    assert (network.params, network.cost.buffers) == CASES[what][-1]


@pytest.mark.parametrize("what", [what for what in CASES if what != "what is not counted"])
def test_scales_are_written_and_read_back(what: str, tmp_path: Path) -> None:
    network = read_case(what, tmp_path)
    path = tmp_path / "n.yaml"
    path.write_text(write_compact(network))
    assert load(path).cost == network.cost


def test_a_scale_that_nothing_uses_is_told_as_a_buffer(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "y"), node("DequantizeLinear", "w s z", "f", axis=1)]
    network = read(saved(tmp_path, nodes, {"x": (1, 8)}, "y", (W, S, Z)))
    told = "128 params and 16 buffers are stored and never used: they are not counted (w, s)"
    assert network.notes == (told,)


# --- what ONNX Runtime's quantizer makes of one network ---------------------------------------------------------------


def plain_network(path: Path) -> None:
    """Two convolutions, a Gemm and a product, which ends in an addition: 18,624 macs, 516 params."""
    random = np.random.default_rng(0)
    shapes = {"w0": (8, 3, 3, 3), "b0": (8,), "w1": (8, 1, 3, 3), "b1": (8,), "w2": (16, 8), "b2": (16,)}
    shapes |= {"w3": (16, 4), "b3": (4,)}
    nodes = [
        node("Conv", "x w0 b0", "c", pads=[1, 1, 1, 1]),
        node("Relu", "c", "r"),
        node("Conv", "r w1 b1", "e", group=8, pads=[1, 1, 1, 1]),
        node("Add", "e r", "a"),
        node("GlobalAveragePool", "a", "p"),
        node("Flatten", "p", "f"),
        node("Gemm", "f w2 b2", "g", transB=1),
        node("Relu", "g", "h"),
        node("MatMul", "h w3", "m"),
        node("Add", "m b3", "y"),
    ]
    made = [numpy_helper.from_array(random.standard_normal(size).astype(np.float32), at) for at, size in shapes.items()]
    whole = graph(nodes, {"x": (1, 3, 8, 8)}, "y", tuple(made))
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)


# scales of the weights (8 + 8 + 16 + 4), with those of the biases (8 + 8 + 16), or of the products alone (16 + 4)
FORMS = [("QDQ", False, 0), ("QDQ", True, 36 + 32), ("QOperator", False, 0), ("QOperator", True, 36)]
FORMS += [("dynamic", False, 0), ("dynamic", True, 16 + 4)]


@pytest.mark.parametrize(("how", "channels", "buffers"), FORMS)
def test_a_quantized_network_has_the_macs_and_params_that_it_was_made_from(
    how: str, channels: bool, buffers: int, tmp_path: Path
) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization", reason="the quantizer is ONNX Runtime's")
    plain, small = tmp_path / "plain.onnx", tmp_path / "small.onnx"
    plain_network(plain)
    if how == "dynamic":
        quantization.quantize_dynamic(str(plain), str(small), per_channel=channels)
    else:
        images = iter([{"x": np.random.default_rng(at).random((1, 3, 8, 8), np.float32)} for at in range(2)])
        reader = type("Images", (quantization.CalibrationDataReader,), {"get_next": lambda self: next(images, None)})
        form = quantization.QuantFormat[how]
        quantization.quantize_static(str(plain), str(small), reader(), quant_format=form, per_channel=channels)
    one, other = read(str(plain)), read(str(small))
    assert (one.macs, one.params, one.cost.buffers) == (18_624, 516, 0)
    assert (other.macs, other.params, other.cost.buffers, other.complete) == (18_624, 516, buffers, True)


def test_scales_that_are_an_output_count_once(tmp_path: Path) -> None:
    nodes = [node("DequantizeLinear", "w s", "f", axis=1), node("MatMul", "x f", "y")]
    network = read(saved(tmp_path, nodes, {"x": (1, 8)}, "y s", (W, S)))
    assert (network.params, network.cost.buffers) == (128, 16)
