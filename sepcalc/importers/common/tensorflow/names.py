"""TensorFlow's names of operators, and the rows that count them: TFLite has most operators under other names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sepcalc.importers.common.tensorflow.control import CONTROL
from sepcalc.importers.common.tensorflow.einsums import EINSUMS
from sepcalc.importers.common.tensorflow.elements import ELEMENTS
from sepcalc.importers.common.tensorflow.layers import LAYERS
from sepcalc.importers.common.tensorflow.lists import LISTS
from sepcalc.importers.common.tensorflow.moves import MOVES
from sepcalc.importers.common.tensorflow.rows import Operator
from sepcalc.importers.common.tensorflow.sums import SUMS

ROWS: Mapping[str, Operator] = {**ELEMENTS, **LAYERS, **MOVES, **SUMS, **EINSUMS, **LISTS, **CONTROL}


class Same(NamedTuple):
    """A row of TFLite's that does what the operator does: its name; the input that says the axis (-1: the last one),
    which is an option there; options under other names; options that are fixed."""

    row: str
    axis: int | None = None
    renamed: Mapping[str, str] = {}
    fixed: Mapping[str, Any] = {}


# Operators with the row that TFLite has for them.
_ALIKE = (
    "Add:ADD AddV2:ADD Sub:SUB Mul:MUL Div:DIV RealDiv:DIV Maximum:MAXIMUM Minimum:MINIMUM AddN:ADD_N "
    "AccumulateNV2:ADD_N Pow:POW SquaredDifference:SQUARED_DIFFERENCE FloorDiv:FLOOR_DIV FloorMod:FLOOR_MOD "
    "Atan2:ATAN2 Equal:EQUAL NotEqual:NOT_EQUAL Less:LESS LessEqual:LESS_EQUAL Greater:GREATER "
    "GreaterEqual:GREATER_EQUAL LogicalAnd:LOGICAL_AND LogicalOr:LOGICAL_OR LogicalNot:LOGICAL_NOT Select:SELECT "
    "SelectV2:SELECT_V2 Cast:CAST Relu:RELU Relu6:RELU6 LeakyRelu:LEAKY_RELU Elu:ELU Sigmoid:LOGISTIC Tanh:TANH "
    "Abs:ABS Neg:NEG Exp:EXP Expm1:EXPM1 Log:LOG Log1p:LOG1P Sqrt:SQRT Rsqrt:RSQRT Reciprocal:RECIPROCAL "
    "Inv:RECIPROCAL Erf:ERF Sin:SIN Cos:COS Square:SQUARE Sign:SIGN Floor:FLOOR Ceil:CEIL Round:ROUND Rint:ROUND "
    "Selu:SELU Softplus:SOFTPLUS Softsign:SOFTSIGN Erfc:ERFC LogicalXor:LOGICAL_XOR Tan:TAN Asin:ASIN Acos:ACOS "
    "Atan:ATAN Sinh:SINH Cosh:COSH Asinh:ASINH Acosh:ACOSH Atanh:ATANH BatchMatMul:BATCH_MATMUL "
    "BatchMatMulV2:BATCH_MATMUL BatchMatMulV3:BATCH_MATMUL Reshape:RESHAPE Squeeze:SQUEEZE ExpandDims:EXPAND_DIMS "
    "Transpose:TRANSPOSE Pack:PACK Unpack:UNPACK Split:SPLIT SplitV:SPLIT_V Slice:SLICE StridedSlice:STRIDED_SLICE "
    "Pad:PAD PadV2:PADV2 MirrorPad:MIRROR_PAD GatherNd:GATHER_ND Tile:TILE BroadcastTo:BROADCAST_TO "
    "BroadcastArgs:BROADCAST_ARGS Fill:FILL ScatterNd:SCATTER_ND Gather:GATHER SparseToDense:SPARSE_TO_DENSE "
    "ReverseV2:REVERSE_V2 ReverseSequence:REVERSE_SEQUENCE OneHot:ONE_HOT MatrixSetDiag:MATRIX_SET_DIAG "
    "SegmentSum:SEGMENT_SUM UnsortedSegmentSum:UNSORTED_SEGMENT_SUM UnsortedSegmentProd:UNSORTED_SEGMENT_PROD "
    "UnsortedSegmentMax:UNSORTED_SEGMENT_MAX UnsortedSegmentMin:UNSORTED_SEGMENT_MIN "
    "SpaceToBatchND:SPACE_TO_BATCH_ND BatchToSpaceND:BATCH_TO_SPACE_ND MatrixDiag:MATRIX_DIAG Range:RANGE "
    "Einsum:EINSUM Shape:SHAPE Rank:RANK ZerosLike:ZEROS_LIKE OnesLike:ZEROS_LIKE Mean:MEAN Sum:SUM "
    "Prod:REDUCE_PROD Max:REDUCE_MAX Min:REDUCE_MIN Any:REDUCE_ANY All:REDUCE_ALL ArgMax:ARG_MAX ArgMin:ARG_MIN "
    "Cumsum:CUMSUM LogSoftmax:LOG_SOFTMAX TopKV2:TOPK_V2 ResizeBilinear:RESIZE_BILINEAR "
    "ResizeNearestNeighbor:RESIZE_NEAREST_NEIGHBOR ResizeBicubic:RESIZE_BICUBIC SpaceToDepth:SPACE_TO_DEPTH "
    "DepthToSpace:DEPTH_TO_SPACE BitwiseAnd:LOGICAL_AND BitwiseOr:LOGICAL_OR BitwiseXor:BITWISE_XOR "
    "RightShift:RIGHT_SHIFT LeftShift:RIGHT_SHIFT TruncateDiv:DIV TruncateMod:FLOOR_MOD Mod:FLOOR_MOD "
    "FakeQuantWithMinMaxArgs:FAKE_QUANT FakeQuantWithMinMaxVars:FAKE_QUANT "
    "FakeQuantWithMinMaxVarsPerChannel:FAKE_QUANT QuantizeAndDequantizeV2:FAKE_QUANT "
    "QuantizeAndDequantizeV3:FAKE_QUANT QuantizeAndDequantizeV4:FAKE_QUANT"
)
SAME: Mapping[str, Same] = {
    **{name: Same(row) for name, row in (one.split(":") for one in _ALIKE.split())},
    "ConcatV2": Same("CONCATENATION", -1),
    "Concat": Same("CONCATENATION", 0),
    "GatherV2": Same("GATHER", 2),
    "ResourceGather": Same("GATHER"),
    **{name: Same(name) for name in LISTS},
    "Softmax": Same("SOFTMAX", fixed={"beta": 1.0}),
    **dict.fromkeys(("If", "StatelessIf"), Same("IF", renamed={"then": "then_branch", "else": "else_branch"})),
    **dict.fromkeys(("Case", "StatelessCase"), Same("CASE")),
    **dict.fromkeys(("While", "StatelessWhile"), Same("WHILE")),
    **dict.fromkeys(
        ("PartitionedCall", "StatefulPartitionedCall", "TPUPartitionedCall", "SymbolicGradient", "RemoteCall"),
        Same("CALL", renamed={"subgraph": "f"}),
    ),
}
