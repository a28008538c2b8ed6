"""What is known of an operator by its name: how it is counted, or why it is not."""

from sepcalc.importers.onnx.graph import Handler
from sepcalc.importers.onnx.microsoft import MICROSOFT
from sepcalc.importers.onnx.older import OLDER
from sepcalc.importers.onnx.standard import STANDARD

OPERATORS: dict[str, Handler] = {**STANDARD, **OLDER, **MICROSOFT}
CONTROL = ("If", "Loop", "Scan")
# What reads a sequence along its first axis, and the examples along the second; by the attribute layout the other way.
RECURRENT = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM", "AttnLSTM")
DOMAINS = ("", "ai.onnx", "com.microsoft")

_PLACES = (
    "it samples where the data says: the weights of its taps are computed, by a formula that is the library's choice"
)
_FOURIER = "a fast Fourier transform, whose operations depend on the library that has it"
_LENGTHS = "how long each of its sequences is depends on the data"
_EXPERTS = "which experts it chooses takes a sort, whose cost depends on the data and the library"
_TOKENS = "how many tokens it makes depends on the data"
# What each run makes anew, from stored tensors alone too.
RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")

# Why an operator is not counted, and what it would take.
REASONS = {
    "NonMaxSuppression": "how many boxes are left, and what that takes, depends on the data",
    "NonZero": "how many elements it finds depends on the data",
    "Unique": "how many elements it finds depends on the data",
    "Compress": "how many elements it keeps depends on the data",
    **dict.fromkeys(("STFT", "DFT"), _FOURIER),
    "RoiAlign": f"{_PLACES}; of a region whose samples the file leaves open, how many there are",
    "MaxRoiPool": "how large the windows of its regions are depends on the data",
    "DeformConv": _PLACES,
    "AffineGrid": "whether its grid is a product or sums of coordinates is the library's choice",
    "MaxUnpool": "where it puts what depends on the data",
    "LinearAttention": "its steps are taken one by one or in blocks, by the library's choice",
    **dict.fromkeys(("PackedAttention", "PackedMultiHeadAttention", "PagedAttention"), _LENGTHS),
    "SparseAttention": "which blocks of pairs it leaves out depends on the data",
    **dict.fromkeys(("MoE", "QMoE"), _EXPERTS),
    **dict.fromkeys(("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"), _TOKENS),
    "Multinomial": "how it chooses, and what drawing random numbers takes, is not known",
    "com.microsoft.nchwc": "its channels are padded and blocked for one processor: save the model at ONNX Runtime's "
    "level extended instead",
    "Shape": "the sizes of what it measures depend on the data",
    "Size": "the sizes of what it measures depend on the data",
}

# The stored inputs that say what quantized elements stand for: their scales and zero points. What has one for each
# channel or block, of floating type, is a buffer.
_QUANTIZED = (1, 2, 4, 5, 6, 7)
SCALES: dict[str, tuple[int, ...]] = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "QLinearConv": _QUANTIZED,
    "QLinearMatMul": _QUANTIZED,
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "com.microsoft.QLinearConv": _QUANTIZED,
    "QAttention": (3, 4, 6, 7),
    "QLinearAdd": _QUANTIZED,
    "QLinearMul": _QUANTIZED,
    "QLinearWhere": (2, 3, 5, 6, 7, 8),
    "QGemm": (*_QUANTIZED[:4], 7, 8),
    **dict.fromkeys(
        (
            "QLinearAveragePool",
            "QLinearGlobalAveragePool",
            "QLinearReduceMean",
            "QLinearLeakyRelu",
            "QLinearSigmoid",
            "QLinearSoftmax",
        ),
        (1, 2, 3, 4),
    ),
    "QLinearConcat": tuple([at for at in range(1000) if at % 3 != 2]),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "DynamicQuantizeMatMul": (2, 3),
    "DynamicQuantizeLSTM": (8, 9, 10, 11),
    "MatMulNBits": (2, 3),
    "MatMulBnb4": (2,),
    "GatherBlockQuantized": (2, 3),
    "GroupQueryAttention": (12, 13),
    # not counted
    "QMoE": (3, 6, 9, 11, 12, 13, *range(15, 21)),
    "QEmbedLayerNormalization": tuple(range(8, 18)),
    "QOrderedMatMul": (1, 3, 4, 7),
    "QOrderedAttention": (1, 2, 3, 4, 8, 9, 10, 14, 15, 16),
    "QOrderedLongformerAttention": (1, 3, 5, 6, 9, 11, 13),
    "MatMulNBitsQLoRA": (2, 4, 6),
    "MatMulNBitsQkv": (4, 7, 10),
    "MatMulNBitsMlp": (4, 7),
    "MatMulBlockQuantizedFp8Weight": (2, 3),
    "MatMulBlockQuantizedFp4Weight": (2, 3, 4),
    "MatMulPacked": (2,),
    "GemmFloat8": (3, 4, 5),
    "PagedAttention": (14, 15),
}
# Of an operator's stored inputs those that set how it works, and are no weights, whatever they hold: sizes and factors,
# bounds, fillings, scales and zero points, statistics of a norm, tables of angles.
SETTINGS: dict[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,),
    "EyeLike": (0,),
    "Range": (0, 1, 2),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
    "Clip": (1, 2),
    "Pad": (1, 2, 3),
    "OneHot": (1, 2),
    "NonMaxSuppression": (2, 3, 4),
    "BatchNormalization": (3, 4),
    "STFT": (1, 2, 3),
    "RotaryEmbedding": (1, 2, 3),
    "com.microsoft.RotaryEmbedding": (1, 2, 3),
    **SCALES,
    "QAttention": (*SCALES["QAttention"], 5),
    "MatMulNBits": (*SCALES["MatMulNBits"], 4),
    "GroupQueryAttention": (*SCALES["GroupQueryAttention"], 5, 6, 7, 8, 9),
}
# Which input is added to the scores of attention, if any is: a mask, or a bias that is trained.
MASKS = {
    "Attention": 3,
    "com.microsoft.Attention": 5,
    "MultiHeadAttention": 5,
    "DecoderMaskedMultiHeadAttention": 4,
    "GroupQueryAttention": 10,
}
# Which inputs are what it begins with: states, buffers that are filled, caches.
STATES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("LSTM", "DynamicQuantizeLSTM"), (5, 6)),
    **dict.fromkeys(("GRU", "RNN"), (5,)),
    **dict.fromkeys(("Scatter", "ScatterND", "ScatterElements", "TensorScatter"), (0,)),
    "Attention": (4, 5),
    "com.microsoft.Attention": (4,),
    "QAttention": (8,),
    "MultiHeadAttention": (6, 7),
    "DecoderMaskedMultiHeadAttention": (5, 6),
    "GroupQueryAttention": (3, 4),
    "CausalConvWithState": (3,),
}
# What takes some elements of its first input, and leaves the others.
TAKING = {"Slice", "Split", "Gather", "GatherND", "GatherElements", "CenterCropPad", "Compress", "TopK"}
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
# Of operators that are not counted, or not in every form, those that work on each example by itself; and those that do
# unless their axis is the examples', with what it is where they do not say.
APART = {
    *("DeformConv", "Resize", "Upsample", "AffineGrid", "STFT", "GridSample", "Bernoulli"),
    *("RandomNormalLike", "RandomUniformLike", "Multinomial", "Attention", "MultiHeadAttention", "SparseAttention"),
    *("GroupQueryAttention", "LinearAttention"),
}
APART_BUT_ALONG = {"TopK": -1, "Hardmax": -1}
# What these give is a table of places or angles, no weight, where it has more elements than the weights that it was
# made from (each frequency at each place), or is added to data or multiplied with it; in a product it is a weight.
TABLES = {"Sin", "Cos", "CumSum"}
# What is made for free, of a tensor whose shape depends on the data too.
PLUMBING = {
    "Shape", "Size", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Cast", "Identity", "Slice", "Gather", "Concat",
    "Expand", "Flatten", "Split", "Dropout", "ConstantOfShape", "Range", "Not",
}  # fmt: skip
