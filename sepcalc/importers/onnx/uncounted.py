"""Operators of ONNX and ONNX Runtime that are not counted: the reason, and the shapes of their results."""

from sepcalc.importers.common.layout import NONE, SEQUENCES
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_all, as_first
from sepcalc.importers.onnx.values import Call
from sepcalc.shape import Shape

_LENGTHS = "the lengths of its sequences depend on the data"
_EXPERTS = "it sorts to choose experts, and the cost of sorting depends on the data and the library"
_TOKENS = "the number of tokens that it makes depends on the data"
_BLOCKED = "its channels are blocked for one processor: save the model at ONNX Runtime's optimization level extended"


def _loss(call: Call) -> Shape | None:
    """A loss per label if the reduction is none; else one number, their sum or mean."""
    return call.input(1).shape if call.text("reduction", "mean") == "none" else ()


def _matrices(call: Call) -> Shape | None:
    """The shape of one number per matrix."""
    shape = call.input(0).shape
    return None if shape is None else shape[:-2]


UNCOUNTED: dict[str, Operator] = {
    "Det": Operator(None, NONE, apart=True, shape=_matrices),
    **dict.fromkeys(("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"), Operator(None, NONE, shape=_loss)),
    "RegexFullMatch": Operator(None, NONE, apart=True, shape=as_first),
    "StringConcat": Operator(None, NONE, shape=as_all),
    **dict.fromkeys(("PackedAttention", "PackedMultiHeadAttention"), Operator(None, NONE, _LENGTHS)),
    "PagedAttention": Operator(None, NONE, _LENGTHS, scales=(14, 15)),
    "SparseAttention": Operator(None, NONE, "the blocks of pairs that it skips depend on the data", apart=True),
    "MoE": Operator(None, NONE, _EXPERTS),
    "QMoE": Operator(None, NONE, _EXPERTS, scales=(3, 6, 9, 11, 12, 13, *range(15, 21))),
    **dict.fromkeys(("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"), Operator(None, NONE, _TOKENS)),
    "com.microsoft.nchwc": Operator(None, NONE, _BLOCKED),  # the row of every operator in this domain
    "AttnLSTM": Operator(None, SEQUENCES),
    "QEmbedLayerNormalization": Operator(None, NONE, scales=tuple(range(8, 18))),
    "QOrderedMatMul": Operator(None, NONE, scales=(1, 3, 4, 7)),
    "QOrderedAttention": Operator(None, NONE, scales=(1, 2, 3, 4, 8, 9, 10, 14, 15, 16)),
    "QOrderedLongformerAttention": Operator(None, NONE, scales=(1, 3, 5, 6, 9, 11, 13)),
    "MatMulNBitsQLoRA": Operator(None, NONE, scales=(2, 4, 6)),
    "MatMulNBitsQkv": Operator(None, NONE, scales=(4, 7, 10)),
    "MatMulNBitsMlp": Operator(None, NONE, scales=(4, 7)),
    "MatMulBlockQuantizedFp8Weight": Operator(None, NONE, scales=(2, 3)),
    "MatMulBlockQuantizedFp4Weight": Operator(None, NONE, scales=(2, 3, 4)),
    "MatMulPacked": Operator(None, NONE, scales=(2,)),
    "GemmFloat8": Operator(None, NONE, scales=(3, 4, 5)),
}
