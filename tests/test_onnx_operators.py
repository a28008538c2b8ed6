"""Every operator of ONNX that is read, alone in a model: its shape is what executing it gives, its layers cost what
running them does, and its counts are those worked out by hand."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from sepcalc import load
from sepcalc.cost import Cost
from sepcalc.document.compacting import write_compact
from sepcalc.importers.onnx import OPERATORS, read
from sepcalc.importers.onnx.older import OLDER
from sepcalc.network import Network
from sepcalc.shape import volume
from sepcalc.verification import verify

# Inputs: a shape is data, with a star it is stored; [..] are stored whole numbers, (..) stored decimal ones; i, j, b and
# q before a shape are whole numbers, truths and bytes; - is none.
_WORD = re.compile(
    r"(?P<kind>[ibuqj]?)(?:(?P<shape>\d[\dx]*)(?P<star>\*?)|\[(?P<ints>[^]]*)\]|\((?P<floats>[^)]*)\))|-"
)
_KINDS = {"": np.float32, "i": np.int64, "b": np.bool_, "u": np.uint8, "q": np.int8, "j": np.int32}


def model(
    operator: str, words: str, opset: int = 21, outputs: int = 1, domain: str = "", only: str = "", **attributes: Any
) -> Any:
    """A model of one operator, and its data by name."""
    operator = operator.removeprefix(f"{domain}.")
    inputs, stored, names, feeds = [], [], [], {}
    random = np.random.default_rng(0)
    for at, word in enumerate(words.split()):
        match = _WORD.fullmatch(word)
        assert match, word
        if word == "-":
            names.append("")
            continue
        name, kind = f"t{at}", _KINDS[match["kind"]]
        names.append(name)
        if match["shape"]:
            shape = tuple(map(int, match["shape"].split("x"))) if match["shape"] != "0" else ()
            values = random.integers(0 if match["kind"] else -3, 3, shape).astype(kind)
            values = np.abs(values) + np.float32(0.5) if match["kind"] == "" and at > 0 else values
        else:
            given = match["ints"] if match["ints"] is not None else match["floats"]
            numbers = [float(one) for one in given.split(",") if one]
            values = np.array(numbers, np.float32 if match["floats"] is not None else kind or np.int64)
            if match["floats"] is None and not match["kind"]:
                values = values.astype(np.int64)
            if len(numbers) == 1 and given.endswith(","):
                values = values.reshape(1)
            elif len(numbers) == 1:
                values = values.reshape(())
        if match["shape"] and not match["star"]:
            inputs.append(
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype), values.shape)
            )
            feeds[name] = values
        else:
            stored.append(numpy_helper.from_array(values, name))
    results = [f"y{at}" for at in range(outputs)]
    node = helper.make_node(operator, names, results, "node", domain=domain, **attributes)
    given = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in results]
    for info in given:
        info.ClearField("type")
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    graph = helper.make_graph([node], "g", inputs, given, stored)
    return helper.make_model(graph, opset_imports=opsets), feeds


def network_of(made: Any, folder: Path) -> Network:
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return read(str(path))


def c(**counts: int) -> Cost:
    return Cost(**counts)


ACT = c(activations=60)
Case = tuple[str, str, dict[str, Any], Cost]
CASES: list[Case] = [
    ("TopK", "1x3x8 [2,]", {"outputs": 2}, c(activations=12)),  # compares are not known
    ("TopK", "1x3x8x6 [5,]", {"axis": -2, "outputs": 2}, c(activations=180)),
    ("RandomNormal", "", {"shape": [1, 3, 8], "seed": 1.0}, c(activations=24)),
    ("RandomUniform", "", {"shape": [1, 3, 8], "seed": 1.0}, c(activations=24)),
    ("RandomNormalLike", "1x3x8", {"seed": 1.0}, c(activations=24)),
    ("RandomUniformLike", "1x3x8", {"seed": 1.0}, c(activations=24)),
    ("Bernoulli", "1x3x8", {"seed": 1.0}, c(compares=24, activations=48)),
    ("Conv", "1x3x8x8 4x3x3x3* 4*", {"pads": [1, 1, 1, 1], "strides": [2, 2]}, c(macs=64 * 27, mults=64 * 27, adds=64 * 27, params=112, activations=64)),
    ("Conv", "1x4x9 6x2x3*", {"group": 2, "auto_pad": "SAME_LOWER", "strides": [2]}, c(macs=30 * 6, mults=30 * 6, adds=30 * 5, params=36, activations=30)),
    ("Conv", "1x2x5x5x5 3x2x2x2x2*", {"dilations": [2, 1, 1]}, c(macs=144 * 16, mults=144 * 16, adds=144 * 15, params=48, activations=144)),
    ("ConvTranspose", "1x8x12x12 8x6x4x4* 6*", {"strides": [2, 2], "pads": [1, 1, 1, 1]}, c(macs=110_592, mults=110_592, adds=109_992, params=774, activations=24 * 24 * 6)),
    ("ConvTranspose", "1x2x5x5 2x3x3x3*", {"strides": [2, 2], "output_shape": [10, 10]}, c(macs=25 * 54, mults=25 * 54, adds=25 * 54 - 3 * 121, params=54, activations=300)),
    ("ConvTranspose", "1x4x7 4x2x3*", {"group": 2, "strides": [2], "output_padding": [1]}, c(macs=7 * 4 * 2 * 3, mults=168, adds=168 - 4 * 15, params=24, activations=64)),
    ("CausalConvWithState", "1x4x7 4x1x3* 4* 1x4x2", {"opset": 27, "activation": "silu", "outputs": 2}, c(macs=84, mults=84 + 28, adds=84 + 28, divs=28, specials=28, params=16, activations=36 + 28 * 2 + 8)),
    ("CausalConvWithState", "1x4x7 4x1x3*", {"opset": 27}, c(macs=84, mults=84, adds=56, params=12, activations=28)),
    ("MaxPool", "1x3x7x7", {"kernel_shape": [3, 3], "strides": [2, 2]}, c(compares=27 * 8, activations=27)),
    ("MaxPool", "1x3x8x8", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "outputs": 2}, c(compares=48 * 8, activations=48)),
    ("AveragePool", "1x3x6x6", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}, c(mults=108, adds=108 * 8, activations=108)),
    ("GlobalAveragePool", "1x4x12x12", {}, c(mults=4, adds=572, activations=4)),
    ("GlobalMaxPool", "1x4x12x12", {}, c(compares=572, activations=4)),
    ("GlobalLpPool", "1x4x12x12", {}, c(mults=576, adds=572, specials=4, activations=576 + 8)),
    ("LpPool", "1x3x7x7", {"kernel_shape": [3, 3], "strides": [2, 2], "p": 3}, c(mults=147 * 2, adds=27 * 8, specials=27, activations=147 * 2 + 27 * 2)),
    ("LpPool", "1x3x9", {"kernel_shape": [3], "strides": [2], "p": 1, "ceil_mode": 1, "dilations": [2], "pads": [1, 1]}, c(adds=12 * 2, activations=27 + 12)),
    ("Col2Im", "1x12x9 [4,4] [2,2]", {}, c(adds=108 - 3 * 16, activations=48)),
    ("Col2Im", "1x12x4 [5,5] [2,2]", {"strides": [3, 3], "pads": [0, 1, 0, 1], "dilations": [1, 2]}, c(adds=0, activations=75)),
    ("Resize", "1x3x4x4 - - [1,3,8,8]", {"mode": "nearest"}, c(activations=192)),
    ("Resize", "1x3x4x4 - (1,1,2,2)", {"mode": "linear"}, c(mults=4 * 192, adds=3 * 192, activations=192)),
    ("Resize", "1x3x4x4 - (1,1,2,2)", {"mode": "cubic"}, c(mults=16 * 192, adds=15 * 192, activations=192)),
    ("Upsample", "1x3x4x4 (1,1,2,2)", {"opset": 9}, c(activations=192)),
    ("GridSample", "1x3x8x7 1x4x5x2", {}, c(mults=4 * 60 + 6 * 20, adds=3 * 60 + 8 * 20, activations=60)),
    ("GridSample", "1x3x8x7 1x4x5x2", {"mode": "cubic"}, c(mults=16 * 60 + 42 * 20, adds=15 * 60 + 32 * 20, activations=60)),
    ("GridSample", "1x3x8x7 1x4x5x2", {"mode": "cubic", "align_corners": 1}, c(mults=16 * 60 + 42 * 20, adds=15 * 60 + 30 * 20, activations=60)),
    ("GridSample", "1x3x8x7x6 1x4x5x2x3", {"mode": "linear"}, c(mults=8 * 120 + 15 * 40, adds=7 * 120 + 12 * 40, activations=120)),
    ("GridSample", "1x3x8x7x6 1x4x5x2x3", {"mode": "nearest"}, c(mults=3 * 40, adds=6 * 40, activations=120)),
    ("GridSample", "1x3x8x7 1x4x5x2", {"opset": 16, "align_corners": 1, "padding_mode": "border"}, c(mults=4 * 60 + 6 * 20, adds=3 * 60 + 6 * 20, activations=60)),
    ("GridSample", "1x3x8x7 1x4x5x2", {"mode": "nearest"}, c(mults=2 * 20, adds=4 * 20, activations=60)),
    ("GridSample", "1x3x8x7 1x4x5x2*", {}, c(mults=4 * 60, adds=3 * 60, params=40, activations=60)),
    ("GridSample", "1x3x8x7* 1x4x5x2", {}, c(mults=4 * 60 + 6 * 20, adds=3 * 60 + 8 * 20, params=168, activations=60)),
    ("GridSample", "1x3x4x8x7 1x2x5x4x3", {}, c(mults=8 * 120 + 15 * 40, adds=7 * 120 + 12 * 40, activations=120)),
    ("Gemm", "1x10 4x10* 4*", {"transB": 1}, c(macs=40, mults=40, adds=40, params=44, activations=4)),
    ("Gemm", "1x10 10x4 4*", {}, c(macs=40, mults=40, adds=40, params=4, activations=8)),
    ("Gemm", "1x10 10x4* 4*", {"beta": 0.0}, c(macs=40, mults=40, adds=36, params=40, activations=4)),
    ("Gemm", "1x10 10x4", {}, c(macs=40, mults=40, adds=36, activations=4)),
    ("MatMul", "1x7x10 10x4*", {}, c(macs=280, mults=280, adds=28 * 9, params=40, activations=28)),
    ("MatMul", "1x3x4x5 1x3x5x6", {}, c(macs=360, mults=360, adds=72 * 4, activations=72)),
    ("MatMul", "4x5* 1x5x6", {}, c(macs=120, mults=120, adds=24 * 4, params=20, activations=24)),
    ("MatMul", "1x3x4x5 3x5x6*", {}, c(macs=360, mults=360, adds=72 * 4, params=90, activations=72)),
    ("Einsum", "1x4x5 1x5x6", {"equation": "bij,bjk->bik"}, c(macs=120, mults=120, adds=96, activations=24)),
    ("Einsum", "1x4x5 6x5*", {"equation": "bij,kj->bki"}, c(macs=120, mults=120, adds=96, params=30, activations=24)),
    ("Einsum", "1x4x5 1x5x6 1x6x3", {"equation": "bij,bjk,bkl->bil"}, c(macs=192, mults=192, adds=156, activations=36)),
    ("Einsum", "1x4x5 5x6* 6x3*", {"equation": "...j,jk,kl->...l"}, c(macs=192, mults=192, adds=156, params=48, activations=36)),
    ("Einsum", "1x4x1 1x1x5 1x3x5 3*", {"equation": "bij,bij,bkj,k"}, c(macs=38, mults=38, adds=29, params=3, activations=9)),
    ("Einsum", "1x4x5", {"equation": "bij->bi"}, c(adds=16, activations=4)),
    ("Einsum", "1x4x5", {"equation": "b...j->jb..."}, c()),
    ("Einsum", "1x4x4x3", {"equation": "biij->bj"}, c(adds=9, activations=3)),
    ("Einsum", "1x4x4x3", {"equation": "biij->bij"}, c(activations=12)),
    ("Einsum", "1x4x5 1x6", {"equation": "bij,bk->bik"}, c(macs=120, mults=120, adds=96, activations=24)),
    ("Einsum", "1x9 1x9", {"equation": "bi,bj->bij"}, c(mults=81, activations=81)),
    ("Einsum", "1x9 4*", {"equation": "bi,j->bji"}, c(mults=36, params=4, activations=36)),
    ("Einsum", "1x9 9*", {"equation": "bi,i->bi"}, c(mults=9, params=9, activations=9)),
    ("Einsum", "1x4 1x5 1x6", {"equation": "bi,bj,bk->bijk"}, c(mults=20 + 120, activations=20 + 120)),
    ("Einsum", "1x4x5 6x5x3*", {"equation": "bij,kjl->bik"}, c(macs=360, mults=360, adds=336, params=90, activations=24)),
    ("Attention", "1x2x6x4 1x2x10x4 1x2x10x4", {"opset": 23}, c(macs=960, mults=1_080, adds=360 + 432 + 228, compares=108, divs=120, specials=120, activations=48)),
    ("Attention", "1x2x6x4 1x2x10x4 1x2x10x4", {"opset": 23, "scale": 1.0}, c(macs=960, mults=960, adds=360 + 432 + 228, compares=108, divs=120, specials=120, activations=120 * 2 + 48)),
    ("Attention", "1x2x6x4 1x2x10x4 1x2x10x4 6x10", {"opset": 23, "softcap": 2.0}, c(macs=960, mults=1_080 + 240, adds=360 + 432 + 228 + 120, compares=108, divs=120, specials=240, activations=120 * 7 + 48)),
    ("Attention", "1x4x6x4 1x2x10x4 1x2x10x3", {"opset": 23, "softcap": 2.0}, c(macs=240 * 7, mults=240 * 10, adds=720 + 72 * 9 + 24 * 19, compares=24 * 9, divs=240, specials=480, activations=240 * 6 + 72)),
    ("Attention", "1x6x16 1x3x8 1x3x8 - 1x2x7x4 1x2x7x4", {"opset": 23, "q_num_heads": 4, "kv_num_heads": 2, "outputs": 3}, c(macs=1_920, mults=2_160, adds=720 + 864 + 456, compares=216, divs=240, specials=240, activations=160 + 96)),
    *[("Attention", "1x6x16 1x10x8 1x10x8 b6x10", {"opset": 24, "q_num_heads": 4, "kv_num_heads": 2, "outputs": 4, "qk_matmul_output_mode": mode}, c(macs=1_920, mults=2_160, adds=720 + 864 + 456, compares=216, divs=240, specials=240, activations=240 * 3 + 96)) for mode in range(4)],
    ("RotaryEmbedding", "1x2x6x8 1x6x4 1x6x4", {"opset": 23}, c(mults=192, adds=96, activations=288)),
    ("RotaryEmbedding", "1x6x16 1x6x2 1x6x2", {"opset": 23, "num_heads": 2, "rotary_embedding_dim": 4, "interleaved": 1}, c(mults=96, adds=48, activations=5 * 48 + 96)),
    ("RotaryEmbedding", "1x2x6x8 16x4* 16x4* i1x6", {"opset": 23}, c(mults=192, adds=96, activations=288)),
    ("RotaryEmbedding", "1x2x6x8 1x6x2* 1x6x2*", {"opset": 23, "rotary_embedding_dim": 4}, c(mults=96, adds=48, activations=5 * 48 + 96)),
    ("com.microsoft.RotaryEmbedding", "1x6x16 i1x6 16x4* 16x4*", {"domain": "com.microsoft"}, c(mults=192, adds=96, activations=288)),
    ("BatchNormalization", "1x8x4x4 8* 8* 8* 8*", {}, c(mults=128, adds=128, params=16, buffers=16, activations=128)),
    ("InstanceNormalization", "1x8x4x4 8* 8*", {}, c(mults=272, adds=504, divs=128, specials=8, params=16, activations=128)),
    ("MeanVarianceNormalization", "1x8x4x4", {}, c(mults=144, adds=376, divs=128, specials=8, activations=128)),
    ("MeanVarianceNormalization", "1x8x4x4", {"axes": [1, 2, 3]}, c(mults=130, adds=383, divs=128, specials=1, activations=128)),
    ("GroupNormalization", "1x8x4x4 8* 8*", {"num_groups": 2}, c(mults=260, adds=510, divs=128, specials=2, params=16, activations=128)),
    ("LayerNormalization", "1x16x8 8* 8*", {}, c(mults=288, adds=496, divs=128, specials=16, params=16, activations=128)),
    ("RMSNormalization", "1x16x8 8*", {"opset": 23}, c(mults=272, adds=128, divs=128, specials=16, params=8, activations=128)),
    ("LRN", "1x8x4x4", {"size": 5}, c(mults=256, adds=5 * 128, divs=128, specials=128, activations=128)),
    ("LpNormalization", "1x4x8", {"p": 2}, c(mults=32, adds=28, divs=32, specials=4, activations=32 + 4 + 4 + 32)),
    ("LSTM", "5x1x3 1x16x3* 1x16x4* 1x32*", {"hidden_size": 4}, c(macs=560, mults=620, adds=5 * (16 * 7 + 16), divs=60, specials=100, params=112 + 32, activations=20)),
    ("GRU", "5x1x3 1x12x3* 1x12x4* 1x24*", {"hidden_size": 4, "linear_before_reset": 1}, c(macs=420, mults=480, adds=5 * (12 * 6 + 16 + 16), divs=40, specials=60, params=84 + 24, activations=20)),
    ("RNN", "5x1x3 2x4x3* 2x4x4*", {"hidden_size": 4, "direction": "bidirectional"}, c(macs=280, mults=280, adds=10 * 4 * 6, specials=40, params=56, activations=40)),
    ("Add", "1x3x4x5 1x3x4x5", {}, c(adds=60, activations=60)),
    ("Add", "1x3x4x5 4x1*", {}, c(adds=60, params=4, activations=60)),
    ("Add", "1x3x4x5 (0.5)", {}, c(adds=60, activations=60)),
    ("Sum", "1x3x4x5 1x3x4x5 1x3x4x5", {}, c(adds=120, activations=60)),
    ("Mean", "1x3x4x5 1x3x4x5", {}, c(adds=60, mults=60, activations=120)),
    ("Mul", "1x3x4x5 1x1x4x5", {}, c(mults=60, activations=60)),
    ("Max", "1x3x4x5 (1)", {}, c(compares=60, activations=60)),
    ("Min", "1x3x4x5 1x3x4x5", {}, c(compares=60, activations=60)),
    ("Sub", "(1) 1x3x4x5", {}, c(adds=60, activations=60)),
    ("Sub", "1x3x4x5 1x3x4x5", {}, c(adds=60, activations=60)),
    ("Div", "1x3x4x5 (3)", {}, c(mults=60, activations=60)),
    ("Div", "(3) 1x3x4x5", {}, c(divs=60, activations=60)),
    ("Div", "1x3x4x5 1x3x1x1", {}, c(divs=60, activations=60)),
    ("Pow", "1x3x4x5 (2)", {}, c(mults=60, activations=60)),
    ("Pow", "1x3x4x5 (4)", {}, c(mults=120, activations=120)),
    ("Pow", "1x3x4x5 (0.3)", {}, c(specials=60, activations=60)),
    ("Mod", "i1x60 [7]", {}, c(mults=120, adds=60, activations=240)),
    ("Mod", "1x60 1x60", {"fmod": 1}, c(mults=60, adds=60, divs=60, activations=240)),
    ("And", "b1x60 b1x60", {}, ACT),
    ("Or", "b1x60 b1x60", {}, ACT),
    ("Xor", "b1x60 b1x60", {}, ACT),
    ("BitwiseAnd", "i1x60 i1x60", {}, ACT),
    ("BitShift", "i1x60 i1x60", {"direction": "LEFT"}, ACT),
    ("BitwiseOr", "i1x60 i1x60", {}, ACT),
    ("BitwiseXor", "i1x60 i1x60", {}, ACT),
    ("Equal", "1x60 (1)", {}, c(compares=60, activations=60)),
    ("Greater", "1x60 1x60", {}, c(compares=60, activations=60)),
    ("GreaterOrEqual", "1x60 (1)", {}, c(compares=60, activations=60)),
    ("Less", "(1) 1x60", {}, c(compares=60, activations=60)),
    ("LessOrEqual", "1x60 (1)", {}, c(compares=60, activations=60)),
    ("Where", "b1x60 1x60 (1)", {}, ACT),
    ("Relu", "1x60", {}, c(compares=60, activations=60)),
    ("LeakyRelu", "1x60", {}, c(mults=60, compares=60, activations=60)),
    ("PRelu", "1x3x4x5 3x1x1*", {}, c(mults=60, compares=60, params=3, activations=60)),
    ("Elu", "1x60", {"alpha": 0.5}, c(mults=60, adds=60, compares=60, specials=60, activations=60)),
    ("Celu", "1x60", {}, c(adds=120, compares=120, specials=60, activations=60)),
    ("Selu", "1x60", {}, c(mults=120, adds=60, compares=60, specials=60, activations=60)),
    ("Sigmoid", "1x60", {}, c(adds=60, divs=60, specials=60, activations=60)),
    ("HardSigmoid", "1x60", {}, c(mults=60, adds=60, compares=120, activations=60)),
    ("HardSwish", "1x60", {}, c(mults=120, adds=60, compares=120, activations=60)),
    ("Tanh", "1x60", {}, c(specials=60, activations=60)),
    ("Softplus", "1x60", {}, c(adds=60, specials=120, activations=60)),
    ("Softsign", "1x60", {}, c(adds=60, divs=60, activations=60)),
    ("Mish", "1x60", {}, c(mults=60, adds=60, specials=180, activations=60)),
    ("Swish", "1x60", {"opset": 24}, c(mults=60, adds=60, divs=60, specials=60, activations=60)),
    ("Gelu", "1x60", {}, c(mults=180, adds=60, specials=60, activations=60)),
    ("Gelu", "1x60", {"approximate": "tanh"}, c(mults=360, adds=120, specials=60, activations=60)),
    ("ThresholdedRelu", "1x60", {}, c(compares=60, activations=60)),
    ("Shrink", "1x60", {"bias": 0.5}, c(adds=120, compares=120, activations=60)),
    ("Clip", "1x60 (0) (6)", {}, c(compares=120, activations=60)),
    ("Clip", "1x60 - (6)", {}, c(compares=60, activations=60)),
    ("Exp", "1x60", {}, c(specials=60, activations=60)),
    ("Log", "1x60", {}, c(specials=60, activations=60)),
    ("Sqrt", "1x60", {}, c(specials=60, activations=60)),
    ("Reciprocal", "1x60", {}, c(divs=60, activations=60)),
    ("Erf", "1x60", {}, c(specials=60, activations=60)),
    ("Sin", "1x60", {}, c(specials=60, activations=60)),
    ("Cos", "1x60", {}, c(specials=60, activations=60)),
    ("Tan", "1x60", {}, c(specials=60, activations=60)),
    ("Asin", "1x60", {}, c(specials=60, activations=60)),
    ("Acos", "1x60", {}, c(specials=60, activations=60)),
    ("Atan", "1x60", {}, c(specials=60, activations=60)),
    ("Sinh", "1x60", {}, c(specials=60, activations=60)),
    ("Cosh", "1x60", {}, c(specials=60, activations=60)),
    ("Asinh", "1x60", {}, c(specials=60, activations=60)),
    ("Acosh", "1x60", {}, c(specials=60, activations=60)),
    ("Atanh", "1x60", {}, c(specials=60, activations=60)),
    *[(name, "1x60", {}, ACT) for name in ("Abs", "Neg", "Sign", "Floor", "Ceil", "Round")],
    ("Not", "b1x60", {}, ACT),
    ("BitwiseNot", "i1x60", {}, ACT),
    ("IsNaN", "1x60", {}, c(compares=60, activations=60)),
    ("IsInf", "1x60", {}, c(compares=60, activations=60)),
    ("SwiGLU", "1x60 1x60", {"opset": 28, "alpha": 1.5}, c(mults=180, adds=60, divs=60, specials=60, activations=120)),
    ("Softmax", "1x16x8", {}, c(adds=256 - 16, compares=112, divs=128, specials=128, activations=128)),
    ("Softmax", "1x8x4x4", {"axis": 1}, c(adds=256 - 16, compares=112, divs=128, specials=128, activations=128)),
    ("Softmax", "1x16x8", {"opset": 11}, c(adds=255, compares=127, divs=128, specials=128, activations=128)),
    ("LogSoftmax", "1x16x8", {}, c(adds=384 - 16, compares=112, specials=144, activations=128)),
    ("QuantizeLinear", "1x60 (0.5) u[3]", {}, c(mults=60, adds=60, compares=120, activations=180)),
    ("DequantizeLinear", "u1x60 (0.5) u[3]", {}, c(mults=60, adds=60, activations=120)),
    ("DynamicQuantizeLinear", "1x60", {"outputs": 3}, c(mults=1, adds=62, compares=59 * 2 + 4 + 120, divs=61, activations=9 + 180)),
    ("QLinearConv", "u1x3x8x8 (0.5) u[3] u4x3x3x3* (0.5) u[0] (0.5) u[0]", {}, c(macs=144 * 27, mults=144 * 28, adds=144 * 27, compares=288, params=108, activations=144 * 4)),
    ("QLinearMatMul", "u1x7x10 (0.5) u[3] u10x4* (0.5) u[0] (0.5) u[0]", {}, c(macs=280, mults=308, adds=280, compares=56, params=40, activations=112)),
    ("ConvInteger", "u1x3x8x8 u4x3x3x3*", {}, c(macs=144 * 27, mults=144 * 27, adds=144 * 26, params=108, activations=144)),
    ("MatMulInteger", "u1x7x10 u10x4*", {}, c(macs=280, mults=280, adds=28 * 9, params=40, activations=28)),
    ("ReduceMean", "1x8x4x6 [2,3]", {"keepdims": 0}, c(mults=8, adds=192 - 8, activations=8)),
    ("ReduceSum", "1x4x6x8 [-1,]", {}, c(adds=192 - 24, activations=24)),
    ("ReduceMax", "1x4x6x8", {}, c(compares=191, activations=1)),
    ("ReduceMin", "1x4x6x8 [1,]", {"keepdims": 0}, c(compares=192 - 48, activations=48)),
    ("ReduceProd", "1x4x6x8 [1,]", {}, c(mults=192 - 48, activations=48)),
    ("ReduceL1", "1x4x6x8 [1,]", {}, c(adds=144, activations=192 + 48)),
    ("ReduceL2", "1x4x6x8 [1,]", {}, c(mults=192, adds=144, specials=48, activations=192 + 96)),
    ("ReduceSumSquare", "1x4x6x8 [1,]", {}, c(mults=192, adds=144, activations=192 + 48)),
    ("ReduceLogSum", "1x4x6x8 [1,]", {}, c(adds=144, specials=48, activations=96)),
    ("ReduceLogSumExp", "1x4x6x8 [1,]", {}, c(adds=144, specials=192 + 48, activations=192 + 96)),
    ("ArgMax", "1x4x6x8", {"axis": -1}, c(compares=192 - 24, activations=24)),
    ("ArgMin", "1x4x6x8", {"axis": 1, "keepdims": 0}, c(compares=192 - 48, activations=48)),
    ("CumSum", "1x4x8 [2]", {}, c(adds=28, activations=32)),
    ("CumProd", "1x4x8 [2]", {}, c(mults=28, activations=32)),
    ("Hardmax", "1x4x8", {}, c(compares=28, activations=36)),  # the place of each row, and the row
    ("Identity", "1x60", {}, c()),
    ("Dropout", "1x60", {}, c()),
    ("Cast", "1x60", {"to": 7}, c()),
    ("BitCast", "1x60", {"to": 6}, c()),
    ("CastLike", "1x60 (1)", {}, c()),
    ("Reshape", "1x3x4x5 [0,-1]", {}, c()),
    ("Flatten", "1x3x4x5", {}, c()),
    ("Squeeze", "1x3x1x5 [2,]", {}, c()),
    ("Unsqueeze", "1x3x5 [-1,1]", {}, c()),
    ("Transpose", "1x3x4x5", {"perm": [0, 2, 3, 1]}, c()),
    ("Slice", "1x3x8x8 [0,6] [2,0] [1,3] [1,-2]", {}, c(activations=48)),
    ("Split", "1x8x4x4", {"axis": 1, "outputs": 2, "num_outputs": 2}, c(activations=128)),
    ("Gather", "100x16* i1x7", {}, c(params=1_600, activations=112)),
    ("Gather", "1x7x16 [0]", {"axis": 1}, c(activations=16)),
    ("GatherND", "3x4x5 i2x1", {}, c(activations=40)),
    ("GatherElements", "3x4 i2x4", {}, c(activations=8)),
    ("ScatterND", "4x5 i2x1 2x5", {}, c(activations=20)),
    ("ScatterElements", "3x4 i2x4 2x4", {}, c(activations=12)),
    ("ScatterElements", "3x4 i2x4 2x4", {"reduction": "add"}, c(adds=8, activations=12)),
    ("ScatterElements", "3x4 i2x4 2x4", {"reduction": "mul"}, c(mults=8, activations=12)),
    ("ScatterElements", "3x4* i2x4 2x4", {"reduction": "max"}, c(compares=8, params=12, activations=12)),
    ("ScatterND", "5x4 i9x1 9x4", {"reduction": "add"}, c(adds=36, activations=20)),
    ("ScatterND", "5x4 i9x1 9x4*", {"reduction": "min"}, c(compares=36, params=36, activations=20)),
    ("Concat", "1x3x4 1x5x4", {"axis": 1}, c(activations=32)),
    ("Concat", "1x1x4* 1x5x4", {"axis": 1}, c(params=4, activations=24)),
    ("Pad", "1x3x4x4 [0,0,1,2,0,0,0,1]", {}, c(activations=3 * 5 * 7)),
    ("Expand", "1x3x1 [1,3,4]", {}, c(activations=12)),
    ("Tile", "1x3x4 [1,2,1]", {}, c(activations=24)),
    ("TensorScatter", "1x2x8x4 1x2x3x4 i1", {"opset": 24}, c(activations=64)),
    ("CenterCropPad", "1x3x8x8 [4,10]", {"axes": [2, 3]}, c(activations=120)),
    ("OneHot", "i1x7 [10] (0,1)", {}, c(activations=70)),
    ("Trilu", "1x4x4", {}, c(activations=16)),
    ("ReverseSequence", "1x4x3 i1", {"batch_axis": 0, "time_axis": 1}, c(activations=12)),
    ("DepthToSpace", "1x8x4x4", {"blocksize": 2}, c()),
    ("SpaceToDepth", "1x8x4x4", {"blocksize": 2}, c()),
    # ONNX Runtime's own, which the reference does not execute
    ("SimplifiedLayerNormalization", "1x16x8 8*", {"domain": "com.microsoft", "only": "in its own domain"}, c(mults=272, adds=128, divs=128, specials=16, params=8, activations=128)),
    ("SkipLayerNormalization", "1x16x8 1x16x8 8* 8*", {"domain": "com.microsoft"}, c(mults=288, adds=496 + 128, divs=128, specials=16, params=16, activations=256)),
    ("SkipSimplifiedLayerNormalization", "1x16x8 1x16x8 8*", {"domain": "com.microsoft"}, c(mults=272, adds=256, divs=128, specials=16, params=8, activations=256)),
    ("FastGelu", "1x60 60*", {"domain": "com.microsoft"}, c(mults=360, adds=180, specials=60, params=60, activations=120)),
    ("BiasGelu", "1x60 60*", {"domain": "com.microsoft"}, c(mults=180, adds=120, specials=60, params=60, activations=120)),
    ("QuickGelu", "1x60", {"domain": "com.microsoft"}, c(mults=120, adds=60, divs=60, specials=60, activations=60)),
    ("FusedConv", "1x3x8x8 4x3x3x3* 4* 1x4x6x6", {"domain": "com.microsoft", "activation": "Relu"}, c(macs=144 * 27, mults=144 * 27, adds=144 * 28, compares=144, params=112, activations=144 * 3)),
    ("NhwcFusedConv", "1x8x8x3 4x3x3x3* 4* 1x6x6x4", {"domain": "com.microsoft", "activation": "Relu", "only": "half"}, c(macs=144 * 27, mults=144 * 27, adds=144 * 28, compares=144, params=112, activations=144 * 3)),
    ("NhwcConv", "1x8x8x3 4x3x3x3* 4*", {"domain": "com.microsoft", "only": "gpu"}, c(macs=144 * 27, mults=144 * 27, adds=144 * 27, params=112, activations=144)),
    ("NhwcMaxPool", "u1x7x7x3", {"domain": "com.microsoft", "kernel_shape": [3, 3], "strides": [2, 2]}, c(compares=27 * 8, activations=27)),
    ("FusedGemm", "1x10 4x10* 4*", {"domain": "com.microsoft", "transB": 1, "activation": "LeakyRelu", "activation_alpha": 0.1}, c(macs=40, mults=44, adds=40, compares=4, params=44, activations=8)),
    ("FusedMatMul", "1x3x4x5 1x3x6x5", {"domain": "com.microsoft", "transB": 1, "alpha": 0.5}, c(macs=360, mults=360 + 72, adds=72 * 4, activations=144)),
    ("FusedMatMul", "4x1x3x5 1x3x5x6", {"domain": "com.microsoft", "transBatchA": 1}, c(macs=360, mults=360, adds=72 * 4, activations=72)),
    ("FusedMatMul", "1x7x10 4x10*", {"domain": "com.microsoft", "transB": 1, "alpha": 0.5}, c(macs=280, mults=280, adds=28 * 9, params=40, activations=28)),
    ("FusedMatMulActivation", "1x7x10 10x4", {"domain": "com.microsoft", "activation": "Relu", "only": "gpu"}, c(macs=280, mults=280, adds=28 * 9, compares=28, activations=56)),
    ("TransposeMatMul", "1x5x4 1x5x6", {"domain": "com.microsoft", "transA": 1}, c(macs=120, mults=120, adds=24 * 4, activations=24)),
    ("BiasAdd", "1x16x8 8* 1x16x8", {"domain": "com.microsoft", "only": "gpu"}, c(adds=256, params=8, activations=256)),
    ("BiasSoftmax", "1x2x4x8 1x1x1x8", {"domain": "com.microsoft", "axis": 3, "is_inner_broadcast": 1, "only": "gpu"}, c(adds=64 + 128 - 8, compares=64 - 8, divs=64, specials=64, activations=128)),
    ("BiasSplitGelu", "1x16x8 8*", {"domain": "com.microsoft", "only": "gpu"}, c(mults=64 * 4, adds=128 + 64, specials=64, params=8, activations=128 + 128 + 64 + 64)),
    ("GemmFastGelu", "1x7x10 10x4* 4*", {"domain": "com.microsoft", "only": "gpu"}, c(macs=280, mults=280 + 28 * 6, adds=280 + 56, specials=28, params=44, activations=56)),
    ("com.microsoft.SwiGLU", "1x7x8", {"domain": "com.microsoft", "limit": 7.0, "activation_alpha": 1.702, "activation_beta": 1.0, "only": "gpu"}, c(mults=84, adds=56, compares=84, divs=28, specials=28, activations=28 * 7)),
    ("GatherBlockQuantized", "u16x16* i1x7 16x1*", {"domain": "com.microsoft", "bits": 4, "block_size": 32, "quantize_axis": 1, "gather_axis": 0}, c(params=512, buffers=16, activations=224)),
    ("GroupNorm", "1x4x4x8 8* 8*", {"domain": "com.microsoft", "groups": 2, "activation": 1, "only": "gpu"}, c(mults=260 + 128, adds=510 + 128, divs=256, specials=2 + 128, params=16, activations=256)),
    ("SkipGroupNorm", "1x4x4x8 8* 8* 1x4x4x8 8*", {"domain": "com.microsoft", "groups": 2, "only": "gpu"}, c(mults=260, adds=510 + 256, divs=128, specials=2, params=24, activations=384)),
    ("EmbedLayerNormalization", "j1x7 j1x7 100x8* 16x8* 3x8* 8* 8*", {"domain": "com.microsoft", "outputs": 2}, c(mults=56 * 2 + 14, adds=112 + 56 * 4 - 7, divs=56, specials=7, params=800 + 56 + 24 + 16, activations=56 * 5)),
    ("com.microsoft.Attention", "1x6x8 8x24* 24*", {"domain": "com.microsoft", "num_heads": 2}, c(macs=6 * 8 * 24 + 2 * 36 * 8, mults=1_152 + 576 + 72, adds=1_152 + 2 * 36 * 3 + 2 * 6 * 4 * 5 + 12 * 11, compares=60, divs=72, specials=72, params=216, activations=144 * 2 + 48)),
    ("com.microsoft.Attention", "1x6x8 8x24* 24* - 2x1x2x9x4", {"domain": "com.microsoft", "num_heads": 2, "outputs": 2}, c(macs=1_152 + 180 * 8, mults=1_152 + 180 * 9, adds=1_152 + 180 * 3 + 48 * 14 + 12 * 29, compares=12 * 14, divs=180, specials=180, params=216, activations=144 * 3 + 120 * 2 + 48 + 240)),
    ("com.microsoft.Attention", "1x6x8 8x24* 24*", {"domain": "com.microsoft", "num_heads": 2, "do_rotary": 1, "only": "gpu"}, c(macs=1_152 + 576, mults=1_152 + 576 + 72 + 192, adds=1_152 + 216 + 240 + 132 + 96, compares=60, divs=72, specials=72, params=216, activations=144 * 2 + 288 + 48)),
    ("MultiHeadAttention", "1x1x8 1x1x8 1x1x8 - - 1x1x1x10 1x2x9x4 1x2x9x4", {"domain": "com.microsoft", "num_heads": 2, "outputs": 3}, c(macs=160, mults=180, adds=60 + 72 + 38 + 20, compares=18, divs=20, specials=20, activations=160 + 8)),
    ("MultiHeadAttention", "1x6x8 1x2x10x4 1x2x10x4", {"domain": "com.microsoft", "num_heads": 2, "outputs": 4}, c(macs=960, mults=1_080, adds=360 + 432 + 228, compares=108, divs=120, specials=120, activations=360 + 48)),
    ("MultiHeadAttention", "1x6x8 1x2x10x4 1x2x10x4 24*", {"domain": "com.microsoft", "num_heads": 2, "only": "gpu"}, c(macs=960, mults=1_080, adds=48 + 360 + 432 + 228, compares=108, divs=120, specials=120, params=8, activations=96)),
    ("MultiHeadAttention", "1x6x2x3x4", {"domain": "com.microsoft", "num_heads": 2, "only": "gpu"}, c(macs=576, mults=648, adds=216 + 240 + 132, compares=60, divs=72, specials=72, activations=144 + 48)),
    ("MultiHeadAttention", "1x6x8 1x10x2x2x4", {"domain": "com.microsoft", "num_heads": 2, "only": "gpu"}, c(macs=960, mults=1_080, adds=360 + 432 + 228, compares=108, divs=120, specials=120, activations=160 + 48)),
    ("DecoderMaskedMultiHeadAttention", "1x1x24 - - - - 1x2x9x4 1x2x9x4 - - - 24*", {"domain": "com.microsoft", "num_heads": 2, "outputs": 3, "only": "with a shared buffer"}, c(macs=160, mults=180, adds=60 + 72 + 38 + 24, compares=18, divs=20, specials=20, params=24, activations=24 * 2 + 160 + 8)),
    ("GroupQueryAttention", "1x6x32 1x6x16 1x6x16 1x1x9x16 1x1x9x16 j[14,] j[15] 16x8* 16x8*", {"domain": "com.microsoft", "num_heads": 2, "kv_num_heads": 1, "do_rotary": 1, "outputs": 3}, c(macs=5_760, mults=5_760 + 180 + 384 + 192, adds=180 * 15 + 192 * 14 + 12 * 29 + 288, compares=12 * 14, divs=180, specials=180, activations=288 * 3 + 480 + 192)),
    ("GroupQueryAttention", "1x6x32 - - 1x1x9x8 1x1x9x8 j[14,] j[15]", {"domain": "com.microsoft", "num_heads": 2, "kv_num_heads": 1, "softcap": 5.0, "outputs": 3}, c(macs=2_880, mults=3_060 + 360, adds=1_260 + 96 * 14 + 12 * 29, compares=12 * 14, divs=180, specials=360, activations=192 + 240 + 180 * 6 + 96)),
    ("GroupQueryAttention", "1x6x16 1x6x8 1x6x8 - - j[5,] j[6] - - - 1x1x6x6 2*", {"domain": "com.microsoft", "num_heads": 2, "kv_num_heads": 1, "outputs": 3}, c(macs=72 * 16, mults=72 * 17, adds=72 * 7 + 96 * 5 + 72 + 84 * 2 - 12, compares=72, divs=84, specials=84, params=2, activations=72 * 3 + 84 * 2 + 72 + 96)),
    ("GroupQueryAttention", "1x6x16 1x6x8 1x6x8 - - j[5,] j[6]", {"domain": "com.microsoft", "num_heads": 2, "kv_num_heads": 1, "smooth_softmax": 1, "outputs": 3}, c(macs=72 * 16, mults=72 * 17, adds=72 * 7 + 96 * 5 + 84 * 2 - 12, compares=72, divs=84, specials=84, activations=72 * 2 + 84 * 2 + 72 + 96)),
    ("GroupQueryAttention", "1x6x16 1x6x8 1x6x8 - - j[5,] j[6] - - - - - - - 4* 4*", {"domain": "com.microsoft", "num_heads": 4, "kv_num_heads": 2, "outputs": 3, "only": "gpu"}, c(macs=144 * 8, mults=144 * 9 + 96 * 2 + 24 + 48 * 2 + 12, adds=144 * 3 + 96 * 5 + 24 * 11 + 144, compares=120, divs=144 * 2, specials=144 + 36, params=8, activations=144 + 96)),
    ("MultiHeadAttention", "1x6x8 1x10x8 1x10x8 24*", {"domain": "com.microsoft", "num_heads": 2}, c(macs=960, mults=1_080, adds=48 + 160 + 360 + 432 + 228, compares=108, divs=120, specials=120, params=24, activations=48 + 160 + 48)),
    ("QAttention", "u1x6x8 u8x24* 24* (0.5) (0.5)", {"domain": "com.microsoft", "num_heads": 2}, c(macs=1_728, mults=1_152 + 144 + 576 + 72, adds=144 * 7 + 144 + 216 + 240 + 132, compares=60, divs=72, specials=72, params=216, activations=144 * 4 + 48)),
    ("com.microsoft.QLinearConv", "u1x8x8x3 (0.5) u[3] u4x3x3x3* (0.5) u[0] (0.5) u[0]", {"domain": "com.microsoft", "channels_last": 1}, c(macs=144 * 27, mults=144 * 28, adds=144 * 27, compares=288, params=108, activations=144 * 4)),
    ("QLinearAdd", "u1x60 (0.5) u[3] u1x60 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft"}, c(mults=120, adds=120, compares=120, activations=300)),
    ("QLinearMul", "u1x60 (0.5) u[3] u1x60 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft"}, c(mults=120, adds=180, compares=120, activations=360)),
    ("QLinearAveragePool", "u1x6x6x3 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft", "kernel_shape": [3, 3], "channels_last": 1}, c(mults=48, adds=48 * 9, compares=96, activations=144)),
    ("QLinearGlobalAveragePool", "u1x4x12x12 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft"}, c(mults=4, adds=576, compares=8, activations=12)),
    ("QLinearReduceMean", "u1x8x4x6 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft", "axes": [2, 3], "keepdims": 0, "only": "gpu"}, c(mults=8, adds=192, compares=16, activations=24)),
    ("QLinearLeakyRelu", "u1x60 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft"}, c(mults=180, adds=120, compares=180, activations=360)),
    ("QLinearSigmoid", "u1x60 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft"}, c(mults=120, adds=180, compares=120, divs=60, specials=60, activations=360)),
    ("QLinearSoftmax", "u1x16x8 (0.5) u[3] (0.004) u[0]", {"domain": "com.microsoft", "axis": -1, "only": "with its attribute opset"}, c(mults=256, adds=256 + 256 - 16, compares=112 + 256, divs=128, specials=128, activations=768)),
    ("QLinearConcat", "(0.5) u[3] u1x3x4 (0.5) u[3] u1x5x4 (0.25) u[3]", {"domain": "com.microsoft", "axis": 1}, c(mults=20, adds=20, compares=40, activations=60 + 32)),
    ("QLinearWhere", "b1x60 u1x60 (0.5) u[3] u1x60 (0.5) u[3] (0.5) u[3]", {"domain": "com.microsoft"}, c(mults=120, adds=120, compares=240, activations=420)),
    ("QGemm", "u1x10 (0.5) u[3] u10x4* (0.5) u[0] - (0.5) u[3]", {"domain": "com.microsoft"}, c(macs=40, mults=44, adds=40, compares=8, params=40, activations=16)),
    ("MatMulIntegerToFloat", "u1x7x10 u10x4* (0.5) (0.5)", {"domain": "com.microsoft"}, c(macs=280, mults=308, adds=28 * 9, params=40, activations=56)),
    ("DynamicQuantizeMatMul", "1x7x10 u10x4* (0.5)", {"domain": "com.microsoft"}, c(macs=280, mults=280 + 1 + 1 + 28, adds=28 * 9 + 72, compares=69 * 2 + 4 + 140, divs=71, params=40, activations=9 + 210 + 28 + 1 + 28)),
    ("DynamicQuantizeLSTM", "5x1x3 q1x3x16* q1x4x16* 1x32* - - - - (0.5,) q[0,] (0.5,) q[0,]", {"domain": "com.microsoft", "hidden_size": 4, "outputs": 3}, c(macs=560, mults=790 + 2, adds=670 + 17, compares=90 + 62, divs=85 + 16, specials=100, params=48 + 64 + 32, activations=54 + 1 + 20 + 8)),
    ("DynamicQuantizeLSTM", "5x1x3 q2x3x16* q2x4x16* - - - - - (0.5,0.5) q[0,0] (0.5,0.5) q[0,0]", {"domain": "com.microsoft", "hidden_size": 4, "direction": "bidirectional"}, c(macs=1_120, mults=1_580 + 2, adds=1_340 - 160 + 17, compares=180 + 62, divs=170 + 16, specials=200, params=2 * 112, buffers=2 + 2, activations=54 + 1 + 40 + 40)),
    ("MatMulNBits", "1x7x32 u4x1x16* 4*", {"domain": "com.microsoft", "K": 32, "N": 4, "bits": 4, "block_size": 32}, c(macs=896, mults=896, adds=28 * 31, params=128, buffers=4, activations=28)),
    ("MatMulBnb4", "1x7x32 u64* 2*", {"domain": "com.microsoft", "K": 32, "N": 4, "block_size": 64, "quant_type": 1}, c(macs=896, mults=896, adds=28 * 31, params=128, buffers=2, activations=28)),
]  # fmt: skip
NAMES = [f"{at}-{case[0]}" for at, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_counts_worked_out_by_hand(case: Case, tmp_path: Path) -> None:
    operator, words, settings, cost = case
    made, _ = model(operator, words, **settings)
    network = network_of(made, tmp_path)
    assert network.complete, network.uncounted
    assert network.cost == cost


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_counts_are_what_runs(case: Case, tmp_path: Path) -> None:
    operator, words, settings, _ = case
    made, _ = model(operator, words, **settings)
    network = network_of(made, tmp_path)
    if network.nodes:
        assert verify(network).ok


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_what_is_converted_reads_back_layer_by_layer(case: Case, tmp_path: Path) -> None:
    operator, words, settings, _ = case
    made, _ = model(operator, words, **settings)
    network = network_of(made, tmp_path)
    if not network.nodes or not network.inputs:
        return
    target = tmp_path / "network.yaml"
    target.write_text(write_compact(network))
    again = load(target)
    assert [(one.kind, one.output, one.cost) for one in again.layers] == [
        (one.kind, one.output, one.cost) for one in network.layers
    ]
    assert again.cost == network.cost


def check_shapes(network: Network, found: list[Any]) -> None:
    """Every output that the network has is as large as what was executed, in some order of its axes."""
    assert "y0" in network.outputs
    for at, value in enumerate(found):
        shape = network.outputs.get(f"y{at}", np.shape(value))
        assert volume(shape) == value.size
        assert sorted(size for size in shape if size > 1) == sorted(size for size in value.shape if size > 1)


@pytest.mark.parametrize("case", [case for case in CASES if "domain" not in case[2]], ids=lambda case: case[0])
def test_shapes_are_what_executing_gives(case: Case, tmp_path: Path) -> None:
    operator, words, settings, _ = case
    made, feeds = model(operator, words, **settings)
    network = network_of(made, tmp_path)
    if case[0] in ("ConvTranspose", "GlobalLpPool"):  # the reference fails on groups and output_shape, or lacks it
        runtime = pytest.importorskip("onnxruntime", reason="executing some operators needs onnxruntime")
        made.ir_version = 10
        made.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
        found = runtime.InferenceSession(made.SerializeToString()).run(None, feeds)
    else:
        feeds = {name: abs(value) / 3 for name, value in feeds.items()} if case[0] == "Bernoulli" else feeds
        try:
            with np.errstate(all="ignore"):
                found = ReferenceEvaluator(made).run(None, feeds)
        except NotImplementedError as lack:  # by an older onnx
            pytest.skip(f"the reference of this onnx lacks it: {lack}")
    check_shapes(network, found)


@pytest.mark.parametrize(
    "case", [case for case in CASES if "domain" in case[2] and "only" not in case[2]], ids=lambda case: case[0]
)
def test_shapes_are_what_onnx_runtime_gives(case: Case, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="executing ONNX Runtime's own operators needs onnxruntime")
    operator, words, settings, _ = case
    made, feeds = model(operator, words, **settings)
    network = network_of(made, tmp_path)
    made.ir_version = 10
    small = operator.startswith(("QL", "QG", "com.microsoft.Q", "Nhwc"))
    made.graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8 if small else TensorProto.FLOAT
    for more in made.graph.output[1:]:
        more.type.tensor_type.elem_type = TensorProto.INT32 if "Embed" in operator else TensorProto.FLOAT
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    check_shapes(network, runtime.InferenceSession(made.SerializeToString(), options).run(None, feeds))


def test_every_operator_was_worked_out() -> None:
    assert {case[0] for case in CASES} == {name for name, row in OPERATORS.items() if row.handle} - {
        "Scatter",
        *OLDER,
    }  # tests/test_onnx_older.py has these


# sizes and factors, and floor(size·factor) in float32; of exact numbers it is one less in half of them
FACTORS = [(224, 706 / 224, 706), (706, 0.31728, 223), (49, 1 / 49, 1), (10, 0.7, 7), (100, 0.29, 29), (299, 1 / 3, 99), (5, 2.0000001, 10), (114, 26 / 114, 26), (340, 1.9, 646), (11, 1.999999, 21)]  # fmt: skip


@pytest.mark.parametrize(("size", "factor", "right"), FACTORS)
@pytest.mark.parametrize("operator", ["Resize", "Upsample"])
def test_factors_of_a_resampling_are_float32(
    operator: str, size: int, factor: float, right: int, tmp_path: Path
) -> None:
    shape, opset = (1, 1, size, 1), 13 if operator == "Resize" else 9
    scales = numpy_helper.from_array(np.array([1, 1, factor, 1], np.float32), "s")
    inputs = ["x", "", "s"] if operator == "Resize" else ["x", "s"]
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, ["y"], mode="nearest")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [scales],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    assert network_of(made, tmp_path).outputs["y"] == (right, 1, 1)
    if operator == "Resize" or factor >= 1:
        runtime = pytest.importorskip("onnxruntime", reason="executing the operator needs onnxruntime")
        session = runtime.InferenceSession(made.SerializeToString())
        assert session.run(None, {"x": np.zeros(shape, np.float32)})[0].shape == (1, 1, right, 1)


def test_there_and_back_is_one_less(tmp_path: Path) -> None:
    """224 -> 706 -> 223."""
    assert read(str(Path(__file__).parent / "data" / "faults" / "o_resize_back.onnx")).outputs == {"y": (223, 223, 1)}


def test_a_cubic_sample_of_old_is_the_one_of_today(tmp_path: Path) -> None:
    """Before opset 20 the modes were called as images have them."""
    found = []
    for opset, mode in ((16, "bicubic"), (20, "cubic")):
        made, _ = model("GridSample", "1x3x8x7 1x4x5x2", opset=opset, mode=mode)
        (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
        found.append(read(str(tmp_path / "m.onnx")).cost)
    assert found[0] == found[1] == Cost(mults=16 * 60 + 42 * 20, adds=15 * 60 + 32 * 20, activations=60)
