"""Every operator of TFLite on its own: its counts, worked out by hand. LiteRT runs the same models in
tests/test_tflite_packages.py."""

from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from tflite_files import G, Op, T, numbers, saved, stored

from sepcalc import InputError, load, verify
from sepcalc.cost import Cost
from sepcalc.importers.tflite.operators import OPERATORS


class Case(NamedTuple):
    """An operator on tensors ``a``, ``b``, … in order, those without data inputs; what it costs; what it gives."""

    name: str
    reads: tuple[T | None, ...]
    gives: tuple[T, ...]
    cost: Cost
    options: Any = MappingProxyType({})
    runs: bool = True  # in LiteRT


def x(*shape: int, **more: Any) -> T:
    return T(shape, **more)


def c(**counts: int) -> Cost:
    return Cost(**counts)


IMAGE = x(1, 8, 8, 3)
WINDOW = {"padding": 0, "stride_w": 1, "stride_h": 1, "dilation_w": 1, "dilation_h": 1}
POOL = {"padding": 1, "stride_w": 2, "stride_h": 2, "filter_w": 2, "filter_h": 2}
SEQUENCE = x(1, 5, 3)
PLAIN = {  # per element: mults, adds, compares, divs, specials
    "RELU": (0, 0, 1, 0, 0),
    "RELU6": (0, 0, 2, 0, 0),
    "RELU_N1_TO_1": (0, 0, 2, 0, 0),
    "RELU_0_TO_1": (0, 0, 2, 0, 0),
    "LOGISTIC": (0, 1, 0, 1, 1),
    "TANH": (0, 0, 0, 0, 1),
    "HARD_SWISH": (2, 1, 2, 0, 0),
    "ELU": (0, 1, 1, 0, 1),
    "GELU": (3, 1, 0, 0, 1),
    "EXP": (0, 0, 0, 0, 1),
    "LOG": (0, 0, 0, 0, 1),
    "SQRT": (0, 0, 0, 0, 1),
    "RSQRT": (0, 0, 0, 1, 1),
    "SQUARE": (1, 0, 0, 0, 0),
    "SIN": (0, 0, 0, 0, 1),
    "COS": (0, 0, 0, 0, 1),
    "ABS": (0, 0, 0, 0, 0),
    "NEG": (0, 0, 0, 0, 0),
    "FLOOR": (0, 0, 0, 0, 0),
    "CEIL": (0, 0, 0, 0, 0),
    "ROUND": (0, 0, 0, 0, 0),
    "SIGN": (0, 0, 0, 0, 0),
}
TWO = {"ADD": "adds", "SUB": "adds", "MUL": "mults", "DIV": "divs", "MAXIMUM": "compares", "MINIMUM": "compares"}
COMPARED = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")


def acted(*each: int, elements: int = 24, **more: int) -> Cost:
    names = ("mults", "adds", "compares", "divs", "specials")
    return Cost(**{name: one * elements for name, one in zip(names, each)}, activations=elements)._replace(**more)


LSTM = (*[stored(4, 3)] * 4, *[stored(4, 4)] * 4)
STATES = (x(1, 4, variable=True), x(1, 4, variable=True))
CASES = [
    Case(
        "CONV_2D",
        (IMAGE, stored(4, 3, 3, 3), stored(4)),
        (x(1, 8, 8, 4),),
        c(macs=6912, mults=6912, adds=6912, params=112, activations=256),
        WINDOW,
    ),
    Case(
        "CONV_2D",
        (IMAGE, stored(4, 3, 3, 3), stored(4)),
        (x(1, 8, 8, 4),),
        c(macs=6912, mults=6912, adds=6912, compares=512, params=112, activations=256),
        {**WINDOW, "activation": 3},
    ),
    Case(
        "CONV_2D",
        (x(1, 8, 8, 4), stored(6, 3, 3, 2), stored(6)),
        (x(1, 3, 3, 6),),
        c(macs=972, mults=972, adds=972, params=114, activations=54),
        {**WINDOW, "padding": 1, "stride_w": 2, "stride_h": 2},
    ),
    Case(
        "DEPTHWISE_CONV_2D",
        (IMAGE, stored(1, 3, 3, 6), stored(6)),
        (x(1, 8, 8, 6),),
        c(macs=3456, mults=3456, adds=3456, params=60, activations=384),
        {**WINDOW, "depth_multiplier": 2},
    ),
    Case(
        "CONV_3D",
        (x(1, 4, 4, 4, 2), stored(3, 3, 3, 2, 5)),
        (x(1, 2, 2, 2, 5),),
        c(macs=2160, mults=2160, adds=2120, params=270, activations=40),
        {"padding": 1, "stride_d": 1, "stride_w": 1, "stride_h": 1, "dilation_d": 1, "dilation_w": 1, "dilation_h": 1},
    ),
    Case(
        "TRANSPOSE_CONV",
        (numbers(1, 8, 8, 3), stored(3, 2, 2, 4), x(1, 4, 4, 4)),
        (x(1, 8, 8, 3),),
        c(macs=768, mults=768, adds=576, params=48, activations=192),
        {"padding": 0, "stride_w": 2, "stride_h": 2},
    ),
    Case(
        "TRANSPOSE_CONV",
        (numbers(1, 9, 9, 3), stored(3, 3, 3, 4), x(1, 4, 4, 4), stored(3)),
        (x(1, 9, 9, 3),),
        c(macs=1728, mults=1728, adds=1728, params=111, activations=243),
        {"padding": 1, "stride_w": 2, "stride_h": 2},
    ),
    Case(
        "CONV_3D_TRANSPOSE",
        (numbers(1, 4, 4, 4, 3), stored(2, 2, 2, 3, 5), x(1, 2, 2, 2, 5)),
        (x(1, 4, 4, 4, 3),),
        c(macs=960, mults=960, adds=768, params=120, activations=192),
        {"padding": 0, "stride_d": 2, "stride_w": 2, "stride_h": 2, "dilation_d": 1, "dilation_w": 1, "dilation_h": 1},
    ),
    Case(
        "FULLY_CONNECTED",
        (x(1, 6), stored(4, 6), stored(4)),
        (x(1, 4),),
        c(macs=24, mults=24, adds=24, params=28, activations=4),
    ),
    Case(
        "FULLY_CONNECTED",
        (x(1, 5, 6), stored(4, 6), None),
        (x(1, 5, 4),),
        c(macs=120, mults=120, adds=100, params=24, activations=20),
        {"keep_num_dims": True},
    ),
    Case(
        "FULLY_CONNECTED",
        (x(1, 5, 6), stored(4, 6), None),
        (x(5, 4),),
        c(macs=120, mults=120, adds=100, params=24, activations=20),
    ),
    Case("FULLY_CONNECTED", (x(2, 6), x(4, 6), None), (x(2, 4),), c(macs=48, mults=48, adds=40, activations=8)),
    Case(
        "BATCH_MATMUL",
        (x(1, 2, 5, 6), x(1, 2, 6, 7)),
        (x(1, 2, 5, 7),),
        c(macs=420, mults=420, adds=350, activations=70),
    ),
    Case(
        "BATCH_MATMUL",
        (x(1, 2, 5, 6), x(1, 2, 7, 6)),
        (x(1, 2, 5, 7),),
        c(macs=420, mults=420, adds=350, activations=70),
        {"adj_y": True},
    ),
    Case(
        "BATCH_MATMUL",
        (x(1, 5, 6), stored(6, 7)),
        (x(1, 5, 7),),
        c(macs=210, mults=210, adds=175, params=42, activations=35),
    ),
    Case(
        "BATCH_MATMUL",
        (x(2, 5, 6), stored(2, 6, 7)),
        (x(2, 5, 7),),
        c(macs=420, mults=420, adds=350, params=84, activations=70),
    ),
    Case("AVERAGE_POOL_2D", (IMAGE,), (x(1, 4, 4, 3),), c(mults=48, adds=144, activations=48), POOL),
    Case("MAX_POOL_2D", (IMAGE,), (x(1, 4, 4, 3),), c(compares=144, activations=48), POOL),
    Case(
        "L2_POOL_2D",
        (IMAGE,),
        (x(1, 4, 4, 3),),
        c(mults=192 + 48, adds=144, specials=48, activations=192 + 48 + 48),
        POOL,
    ),
    Case("RESIZE_BILINEAR", (IMAGE, numbers(16, 16)), (x(1, 16, 16, 3),), c(mults=3072, adds=2304, activations=768)),
    Case("RESIZE_NEAREST_NEIGHBOR", (IMAGE, numbers(16, 16)), (x(1, 16, 16, 3),), c(activations=768)),
    Case("SPACE_TO_DEPTH", (IMAGE,), (x(1, 4, 4, 12),), c(), {"block_size": 2}),
    Case("DEPTH_TO_SPACE", (x(1, 4, 4, 12),), (IMAGE,), c(), {"block_size": 2}),
    *[Case(name, (x(1, 4, 6),), (x(1, 4, 6),), acted(*each)) for name, each in PLAIN.items()],
    Case("LEAKY_RELU", (x(1, 4, 6),), (x(1, 4, 6),), acted(1, 0, 1, 0, 0), {"alpha": 0.1}),
    Case("LOGICAL_NOT", (x(1, 4, 6, kind="bool"),), (x(1, 4, 6, kind="bool"),), acted()),
    Case("PRELU", (x(1, 2, 2, 6), stored(1, 1, 6)), (x(1, 2, 2, 6),), acted(1, 0, 1, 0, 0, params=6)),
    *[
        Case(name, (x(1, 4, 6), x(1, 4, 6)), (x(1, 4, 6),), Cost(**{count: 24}, activations=24))
        for name, count in TWO.items()
    ],
    Case("ADD", (x(1, 4, 6), stored(6)), (x(1, 4, 6),), c(adds=24, params=6, activations=24)),
    Case("MUL", (x(1, 4, 6), numbers(3, shape=(), kind="float32")), (x(1, 4, 6),), c(mults=24, activations=24)),
    Case("SUB", (stored(4, 6), x(1, 4, 6)), (x(1, 4, 6),), c(adds=24, params=24, activations=24)),
    Case("DIV", (x(1, 4, 6), stored(1, 1, 6)), (x(1, 4, 6),), c(mults=24, params=6, activations=24)),
    Case("ADD", (x(1, 4, 1), x(1, 1, 6)), (x(1, 4, 6),), c(adds=24, compares=24, activations=24), {"activation": 1}),
    Case("ADD_N", (x(1, 6), x(1, 6), x(1, 6)), (x(1, 6),), c(adds=12, activations=6)),
    *[Case(name, (x(1, 6), x(1, 6)), (x(1, 6, kind="bool"),), c(compares=6, activations=6)) for name in COMPARED],
    *[
        Case(name, (x(1, 6, kind="bool"),) * 2, (x(1, 6, kind="bool"),), c(activations=6))
        for name in ("LOGICAL_AND", "LOGICAL_OR")
    ],
    *[
        Case(name, (x(1, 6, kind="int32"),) * 2, (x(1, 6, kind="int32"),), c(activations=6))
        for name in ("BITWISE_XOR", "RIGHT_SHIFT")
    ],
    Case("SQUARED_DIFFERENCE", (x(1, 6), x(1, 6)), (x(1, 6),), c(mults=6, adds=6, activations=12)),
    Case("ATAN2", (x(1, 6), x(1, 6)), (x(1, 6),), c(divs=6, specials=6, activations=12)),
    Case("FLOOR_DIV", (x(1, 6), x(1, 6)), (x(1, 6),), c(divs=6, activations=12)),
    Case("FLOOR_MOD", (x(1, 6), x(1, 6)), (x(1, 6),), c(mults=6, adds=6, divs=6, activations=24)),
    Case("POW", (x(1, 6), x(1, 6)), (x(1, 6),), c(specials=6, activations=6)),
    Case("POW", (x(1, 6), numbers(3, shape=(), kind="float32")), (x(1, 6),), c(mults=12, activations=6)),
    Case("SELECT", (x(1, 6, kind="bool"), x(1, 6), x(1, 6)), (x(1, 6),), c(activations=6)),
    Case("SELECT_V2", (x(1, 6, kind="bool"), x(4, 6), x(1, 6)), (x(4, 6),), c(activations=24)),
    Case(
        "QUANTIZE",
        (x(1, 6),),
        (x(1, 6, kind="int8", scales=(0.5,), zero=3),),
        c(mults=6, adds=6, compares=12, activations=12),
    ),
    Case("DEQUANTIZE", (x(1, 6, kind="int8", scales=(0.5,)),), (x(1, 6),), c(mults=6, activations=6)),
    Case("DEQUANTIZE", (x(1, 6, kind="int8", scales=(0.5,), zero=3),), (x(1, 6),), c(mults=6, adds=6, activations=12)),
    Case("FAKE_QUANT", (x(1, 6),), (x(1, 6),), c(mults=12, adds=12, compares=12, activations=30), runs=False),
    Case("CAST", (x(1, 6, kind="uint8"),), (x(1, 6),), c(activations=6)),
    Case("RESHAPE", (x(1, 4, 6), numbers(1, -1)), (x(1, 24),), c()),
    Case("SQUEEZE", (x(1, 1, 6),), (x(1, 6),), c(), {"squeeze_dims": [1]}),
    Case("EXPAND_DIMS", (x(1, 6), numbers(1, shape=())), (x(1, 1, 6),), c()),
    Case("TRANSPOSE", (x(1, 4, 6), numbers(0, 2, 1)), (x(1, 6, 4),), c()),
    Case("CONCATENATION", (x(1, 4, 6), x(1, 4, 2)), (x(1, 4, 8),), c(activations=32), {"axis": 2}),
    Case("CONCATENATION", (x(1, 6), x(2, 6)), (x(3, 6),), c(activations=18), {"axis": 0}),
    Case("CONCATENATION", (x(1, 4, 6), stored(1, 1, 6)), (x(1, 5, 6),), c(params=6, activations=30), {"axis": -2}),
    Case("PACK", (x(1, 6), x(1, 6)), (x(2, 1, 6),), c(activations=12), {"values_count": 2, "axis": 0}),
    Case("UNPACK", (x(2, 6),), (x(6), x(6)), c(activations=12), {"num": 2, "axis": 0}),
    Case("SPLIT", (numbers(2, shape=()), x(1, 4, 6)), (x(1, 4, 3), x(1, 4, 3)), c(activations=24), {"num_splits": 2}),
    Case(
        "SPLIT_V",
        (x(1, 4, 6), numbers(2, 4), numbers(2, shape=())),
        (x(1, 4, 2), x(1, 4, 4)),
        c(activations=24),
        {"num_splits": 2},
    ),
    Case("SLICE", (x(1, 4, 6), numbers(0, 1, 0), numbers(-1, 2, 6)), (x(1, 2, 6),), c(activations=12)),
    Case(
        "STRIDED_SLICE",
        (x(1, 4, 6), numbers(0, 0, 1), numbers(1, 4, 6), numbers(1, 2, 1)),
        (x(1, 2, 5),),
        c(activations=10),
    ),
    Case(
        "STRIDED_SLICE",
        (x(1, 4, 6), numbers(0, -1), numbers(1, 4), numbers(1, 1)),
        (x(1, 6),),
        c(activations=6),
        {"shrink_axis_mask": 2},
    ),
    Case(
        "STRIDED_SLICE",
        (x(1, 4, 6), numbers(0, 2), numbers(0, 6), numbers(1, 1)),
        (x(1, 4, 4),),
        c(activations=16),
        {"ellipsis_mask": 1},
    ),
    Case("PAD", (x(1, 4, 4, 2), numbers(0, 0, 1, 1, 1, 1, 0, 0, shape=(4, 2))), (x(1, 6, 6, 2),), c(activations=72)),
    Case(
        "PADV2",
        (x(1, 4, 4, 2), numbers(0, 0, 0, 1, 0, 1, 0, 0, shape=(4, 2)), numbers(7, shape=(), kind="float32")),
        (x(1, 5, 5, 2),),
        c(activations=50),
    ),
    Case(
        "MIRROR_PAD",
        (x(1, 4, 4, 2), numbers(0, 0, 1, 1, 1, 1, 0, 0, shape=(4, 2))),
        (x(1, 6, 6, 2),),
        c(activations=72),
    ),
    Case("GATHER", (stored(10, 6), x(1, 4, kind="int32")), (x(1, 4, 6),), c(params=60, activations=24)),
    Case("GATHER", (x(1, 4, 6), numbers(0, 2)), (x(1, 2, 6),), c(activations=12), {"axis": 1}),
    Case("GATHER", (x(3, 4, 6), x(3, 2, kind="int32")), (x(3, 2, 6),), c(activations=36), {"axis": 1, "batch_dims": 1}),
    Case("EMBEDDING_LOOKUP", (x(4, kind="int32"), stored(10, 6)), (x(4, 6),), c(params=60, activations=24)),
    Case("GATHER_ND", (x(3, 4, 6), x(5, 2, kind="int32")), (x(5, 6),), c(activations=30)),
    Case("TILE", (x(1, 6), numbers(1, 3)), (x(1, 18),), c(activations=18)),
    Case("BROADCAST_TO", (x(1, 6), numbers(4, 6)), (x(4, 6),), c(activations=24)),
    Case("FILL", (numbers(2, 3), x()), (x(2, 3),), c(activations=6)),
    Case("SCATTER_ND", (x(4, 1, kind="int32"), x(4), numbers(8)), (x(8),), c(activations=8)),
    Case(
        "SPARSE_TO_DENSE",
        (x(4, kind="int32"), numbers(8), x(4), numbers(0, shape=(), kind="float32")),
        (x(8),),
        c(activations=8),
    ),
    Case("REVERSE_V2", (x(1, 4, 6), numbers(1)), (x(1, 4, 6),), c(activations=24)),
    Case(
        "REVERSE_SEQUENCE",
        (x(1, 4, 6), x(1, kind="int32")),
        (x(1, 4, 6),),
        c(activations=24),
        {"seq_dim": 1, "batch_dim": 0},
    ),
    Case("DYNAMIC_UPDATE_SLICE", (x(4, 6), x(1, 6), x(2, kind="int32")), (x(4, 6),), c(activations=24)),
    Case("SEGMENT_SUM", (x(4, 6), numbers(0, 0, 1, 1)), (x(2, 6),), c(adds=24, activations=12)),
    Case(
        "UNSORTED_SEGMENT_SUM",
        (x(4, 6), x(4, kind="int32"), numbers(3, shape=())),
        (x(3, 6),),
        c(adds=24, activations=18),
    ),
    Case(
        "UNSORTED_SEGMENT_PROD",
        (x(4, 6), x(4, kind="int32"), numbers(3, shape=())),
        (x(3, 6),),
        c(mults=24, activations=18),
    ),
    Case(
        "UNSORTED_SEGMENT_MAX",
        (x(4, 6), x(4, kind="int32"), numbers(3, shape=())),
        (x(3, 6),),
        c(compares=24, activations=18),
    ),
    Case(
        "UNSORTED_SEGMENT_MIN",
        (x(4, 6), x(4, kind="int32"), numbers(3, shape=())),
        (x(3, 6),),
        c(compares=24, activations=18),
    ),
    Case(
        "ONE_HOT",
        (
            x(1, 4, kind="int32"),
            numbers(5, shape=()),
            numbers(1, shape=(), kind="float32"),
            numbers(0, shape=(), kind="float32"),
        ),
        (x(1, 4, 5),),
        c(activations=20),
        {"axis": -1},
    ),
    Case("SPACE_TO_BATCH_ND", (x(1, 4, 4, 2), numbers(2, 2), numbers(0, 0, 0, 0, shape=(2, 2))), (x(4, 2, 2, 2),), c()),
    Case(
        "BATCH_TO_SPACE_ND",
        (x(4, 2, 2, 2), numbers(2, 2), numbers(0, 1, 0, 1, shape=(2, 2))),
        (x(1, 3, 3, 2),),
        c(activations=18),
    ),
    Case("MATRIX_DIAG", (x(2, 3),), (x(2, 3, 3),), c(activations=18)),
    Case("MATRIX_SET_DIAG", (x(2, 3, 3), x(2, 3)), (x(2, 3, 3),), c(activations=18)),
    Case("MEAN", (IMAGE, numbers(1, 2)), (x(1, 3),), c(mults=3, adds=189, activations=3)),
    Case("SUM", (x(1, 4, 6), numbers(2)), (x(1, 4, 1),), c(adds=20, activations=4), {"keep_dims": True}),
    Case("REDUCE_PROD", (x(1, 4, 6), numbers(1)), (x(1, 6),), c(mults=18, activations=6)),
    Case("REDUCE_MAX", (x(1, 4, 6), numbers(1)), (x(1, 6),), c(compares=18, activations=6)),
    Case("REDUCE_MIN", (x(1, 4, 6), numbers(-1)), (x(1, 4),), c(compares=20, activations=4)),
    Case("REDUCE_ANY", (x(1, 4, 6, kind="bool"), numbers(1)), (x(1, 6, kind="bool"),), c(activations=6)),
    Case("REDUCE_ALL", (x(1, 4, 6, kind="bool"), numbers(1)), (x(1, 6, kind="bool"),), c(activations=6)),
    Case(
        "ARG_MAX",
        (x(1, 4, 6), numbers(2, shape=())),
        (x(1, 4, kind="int32"),),
        c(compares=20, activations=4),
        {"output_type": 2},
    ),
    Case(
        "ARG_MIN",
        (x(1, 4, 6), numbers(2, shape=())),
        (x(1, 4, kind="int32"),),
        c(compares=20, activations=4),
        {"output_type": 2},
    ),
    Case("CUMSUM", (x(1, 4, 6), numbers(2, shape=())), (x(1, 4, 6),), c(adds=20, activations=24)),
    Case(
        "SOFTMAX",
        (x(1, 4, 6),),
        (x(1, 4, 6),),
        c(adds=44, compares=20, divs=24, specials=24, activations=24),
        {"beta": 1.0},
    ),
    Case(
        "SOFTMAX",
        (x(1, 6),),
        (x(1, 6),),
        c(mults=6, adds=11, compares=5, divs=6, specials=6, activations=12),
        {"beta": 2.0},
    ),
    Case("LOG_SOFTMAX", (x(1, 6),), (x(1, 6),), c(adds=17, compares=5, specials=7, activations=6)),
    Case(
        "L2_NORMALIZATION",
        (x(1, 4, 6),),
        (x(1, 4, 6),),
        c(mults=24, adds=20, compares=4, divs=24, specials=4, activations=24 + 4 + 4 + 4 + 24),
    ),
    Case(
        "LOCAL_RESPONSE_NORMALIZATION",
        (IMAGE,),
        (IMAGE,),
        c(mults=384, adds=960, divs=192, specials=192, activations=192),
        {"radius": 2, "bias": 1.0, "alpha": 1.0, "beta": 0.5},
    ),
    Case(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        (SEQUENCE, *LSTM, None, None, None, *[stored(4)] * 4, None, None, *STATES),
        (x(1, 5, 4),),
        c(macs=560, mults=620, adds=640, divs=60, specials=100, params=128, activations=20),
        {"activation": 4},
    ),
    Case(
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        (SEQUENCE, stored(4, 3), stored(4, 4), stored(4), x(1, 4, variable=True)),
        (x(1, 5, 4),),
        c(macs=140, mults=140, adds=140, specials=20, params=32, activations=20),
        {"activation": 4},
    ),
    Case(
        "RNN",
        (x(1, 3), stored(4, 3), stored(4, 4), stored(4), x(1, 4, variable=True)),
        (x(1, 4),),
        c(macs=28, mults=28, adds=28, compares=4, params=32, activations=4),
        {"activation": 1},
    ),
    Case(
        "BIDIRECTIONAL_SEQUENCE_RNN",
        (SEQUENCE, *(stored(4, 3), stored(4, 4), stored(4), x(1, 4, variable=True)) * 2, None, None, None),
        (x(1, 5, 8),),
        c(macs=280, mults=280, adds=280, specials=40, params=64, activations=80),
        {"activation": 4, "merge_outputs": True},
    ),
    Case(
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        (SEQUENCE, *(*LSTM, None, None, None, *[stored(4)] * 4, None, None) * 2, *STATES, *STATES, *[None] * 9),
        (x(1, 5, 8),),
        c(macs=1120, mults=1240, adds=1280, divs=120, specials=200, params=256, activations=80),
        {"activation": 4, "merge_outputs": True, "time_major": False},
    ),
    Case(
        "LSTM",
        (x(1, 3), x(1, 4), stored(16, 7), stored(16), x(1, 4)),
        (x(1, 4), x(1, 4), x(1, 7), x(1, 16)),
        c(macs=112, mults=124, adds=128, divs=12, specials=20, params=128, activations=4),
        {"activation": 4, "kernel_type": 1},
    ),
    Case(  # 12 kernels, gates coupled: 3·4·(3+4) macs a step; 1 - forget is an addition; two sigmoids, two tanh
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        (
            SEQUENCE,
            *(None, *([stored(4, 3)] * 3), None, *([stored(4, 4)] * 3), None, None, None, None),
            *([stored(4)] * 3),
            None,
            None,
            *STATES,
        ),
        (x(1, 5, 4),),
        c(macs=420, mults=480, adds=5 * (3 * 4 * 7 + 4 + 4 + 8), divs=40, specials=80, params=96, activations=23 * 20),
        {"activation": 4},
    ),
    Case(  # in each of four gates a norm of 4 units: 4+2+4 mults, 12-1+4 additions, a division each, a root
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        (SEQUENCE, *LSTM, None, None, None, *[stored(4)] * 4, None, None, *STATES, *[stored(4)] * 4),
        (x(1, 5, 4),),
        c(
            macs=560,
            mults=560 + 60 + 5 * 4 * 10,
            adds=5 * 4 * 4 * 6 + 5 * 4 * 15 + 20 + 60,
            divs=60 + 80,
            specials=100 + 20,
            params=144,
            activations=27 * 20,
        ),
        {"activation": 4},
    ),
    Case(  # a second input of 2, read by kernels of its own: 4·(3+2+4) macs a step and direction
        "BIDIRECTIONAL_SEQUENCE_RNN",
        (
            SEQUENCE,
            *((stored(4, 3), stored(4, 4), stored(4), x(1, 4, variable=True)) * 2),
            x(1, 5, 2),
            stored(4, 2),
            stored(4, 2),
        ),
        (x(1, 5, 8),),
        c(macs=360, mults=360, adds=360, specials=40, params=80, activations=320),
        {"activation": 4, "merge_outputs": True},
    ),
    Case(  # without kernels of its own, the second input is what the backward direction reads
        "BIDIRECTIONAL_SEQUENCE_RNN",
        (SEQUENCE, *(stored(4, 3), stored(4, 4), stored(4), x(1, 4, variable=True)) * 2, SEQUENCE, None, None),
        (x(1, 5, 8),),
        c(macs=280, mults=280, adds=280, specials=40, params=64, activations=80),
        {"activation": 4, "merge_outputs": True},
    ),
    Case(
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        (SEQUENCE, *(*LSTM, None, None, None, *[stored(4)] * 4, None, None) * 2, *STATES, *STATES, x(1, 5, 2))
        + (stored(4, 2),) * 8,
        (x(1, 5, 8),),
        c(
            macs=2 * 5 * 16 * 9,
            mults=2 * (5 * 16 * 9 + 60),
            adds=2 * 5 * (16 * 9 + 4 + 12),
            divs=120,
            specials=200,
            params=2 * (16 * 9 + 16),
            activations=2 * 31 * 20 + 40,
        ),
        {"activation": 4, "merge_outputs": True, "time_major": False},
    ),
    Case(
        "SVDF",
        (x(2, 3), stored(8, 3), stored(8, 10), stored(4), x(2, 80, variable=True)),
        (x(2, 4),),
        c(macs=208, mults=208, adds=192, params=108, activations=208),
        {"rank": 2},
    ),
    Case(
        "SVDF",
        (x(1, 3), stored(8, 3), stored(8, 10), stored(4), x(1, 80, variable=True)),
        (x(1, 4),),
        c(macs=104, mults=104, adds=16 + 72 + 4 + 4, params=108, activations=8 + 80 + 8 + 4 + 4),
        {"rank": 2},
    ),
]


def built(case: Case) -> G:
    tensors: dict[str, T] = {}
    reads = []
    for one in case.reads:
        if one is None:
            reads.append("-")
            continue
        tensors[f"t{len(tensors)}"] = one
        reads.append(f"t{len(tensors) - 1}")
    given = " ".join(name for name, one in tensors.items() if one.data is None and not one.variable)
    gives = [f"y{at}" for at in range(len(case.gives))]
    tensors.update(zip(gives, case.gives))
    outputs = " ".join(gives) if case.name != "LSTM" else "y0 y1"
    return G([Op(case.name, " ".join(reads), " ".join(gives), case.options)], tensors, given, outputs)


IDS = [f"{at} {case.name}" for at, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_operator_has_its_counts(case: Case, tmp_path: Path) -> None:
    network = load(saved(tmp_path, built(case)), batch=1)
    assert network.cost._asdict() == case.cost._asdict()
    assert network.complete
    assert verify(network).ok


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_shapes_that_contradict_it_are_refused(case: Case, tmp_path: Path) -> None:
    graph = built(case)
    if case.name == "LSTM":
        return
    wrong = {**graph.tensors, "y0": case.gives[0]._replace(shape=(*case.gives[0].shape, 3))}
    with pytest.raises(InputError):
        load(saved(tmp_path, graph._replace(tensors=wrong)), batch=1)


def test_every_operator_that_is_counted_has_a_case() -> None:
    """But those that need a graph, a state, or are custom; those of StableHLO are in tests/test_tflite_stablehlo.py."""
    apart = {"IF", "WHILE", "CALL", "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "DENSIFY", "TOPK_V2"}
    apart |= {"SHAPE", "RANK", "RANGE", "ZEROS_LIKE", "BROADCAST_ARGS"}
    apart |= {"Convolution2DTransposeBias", "MaxPoolingWithArgmax2D", "MaxUnpooling2D"}
    counted = {name for name, row in OPERATORS.items() if row.handle and not name.startswith("STABLEHLO_")}
    assert counted - {case.name for case in CASES} - apart == set()
