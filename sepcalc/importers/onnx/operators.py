"""What is known of an operator by its name: how it is counted, or why it is not."""

from sepcalc.importers.onnx.graph import Handler
from sepcalc.importers.onnx.microsoft import MICROSOFT
from sepcalc.importers.onnx.older import OLDER
from sepcalc.importers.onnx.standard import STANDARD

OPERATORS: dict[str, Handler] = {**STANDARD, **OLDER, **MICROSOFT}
CONTROL = ("If", "Loop", "Scan")
DOMAINS = ("", "ai.onnx", "com.microsoft")

_PLACES = (
    "it samples where the data says: the weights of its taps are computed, by a formula that is the library's choice"
)
_LENGTHS = "how long each of its sequences is depends on the data"
_EXPERTS = "which experts it chooses takes a sort, whose cost depends on the data and the library"
_TOKENS = "how many tokens it makes depends on the data"
_DRAWN = "random numbers: what drawing them costs is not known"
# What each run makes anew, from stored tensors alone too.
RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")

# Why an operator is not counted, and what it would take.
REASONS = {
    "NonMaxSuppression": "how many boxes are left, and what that takes, depends on the data",
    "NonZero": "how many elements it finds depends on the data",
    "Unique": "how many elements it finds depends on the data",
    "Compress": "how many elements it keeps depends on the data",
    "TopK": "what sorting takes depends on the data and the library",
    "RoiAlign": f"{_PLACES}; of a region whose samples the file leaves open, how many there are",
    "MaxRoiPool": "how large the windows of its regions are depends on the data",
    "DeformConv": _PLACES,
    "AffineGrid": "whether its grid is a product or sums of coordinates is the library's choice",
    "MaxUnpool": "where it puts what depends on the data",
    "DynamicQuantizeLSTM": "each step finds a range of its own for its state: leave LSTMs out of what is quantized",
    "LinearAttention": "its steps are taken one by one or in blocks, by the library's choice",
    **dict.fromkeys(("PackedAttention", "PackedMultiHeadAttention", "PagedAttention"), _LENGTHS),
    "SparseAttention": "which blocks of pairs it leaves out depends on the data",
    **dict.fromkeys(("MoE", "QMoE"), _EXPERTS),
    **dict.fromkeys(("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"), _TOKENS),
    **dict.fromkeys(RANDOM, _DRAWN),
    "com.microsoft.nchwc": "its channels are padded and blocked for one processor: save the model at ONNX Runtime's "
    "level extended instead",
    "Shape": "the sizes of what it measures depend on the data",
    "Size": "the sizes of what it measures depend on the data",
}

# Whose stored inputs become what they give; of the others only the first does.
JOINING = {
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Concat",
    "MatMul",
    "Gemm",
    "Where",
    "Sum",
    "Einsum",
    "Pow",
    "Max",
    "Min",
    "Conv",
}
# What counts of stored tensors alone, too.
MULTIPLYING = {
    "Conv",
    "ConvTranspose",
    "Gemm",
    "MatMul",
    "Einsum",
    "Attention",
    "FusedConv",
    "FusedGemm",
    "FusedMatMul",
}
# What these give is a table of places or angles, no weight, whatever it was made from.
TABLES = {"Sin", "Cos", "CumSum"}
# What is made for free, of a tensor whose shape depends on the data too.
PLUMBING = {
    "Shape", "Size", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Cast", "Identity", "Slice", "Gather", "Concat",
    "Expand", "Flatten", "Split", "Dropout", "ConstantOfShape", "Range", "Not",
}  # fmt: skip
