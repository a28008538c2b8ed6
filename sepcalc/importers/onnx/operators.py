"""What is known of an operator by its name: how it is counted, or why it is not."""

from sepcalc.importers.onnx.graph import Handler
from sepcalc.importers.onnx.microsoft import MICROSOFT
from sepcalc.importers.onnx.older import OLDER
from sepcalc.importers.onnx.standard import STANDARD

OPERATORS: dict[str, Handler] = {**STANDARD, **OLDER, **MICROSOFT}
CONTROL = ("If", "Loop", "Scan")
DOMAINS = ("", "ai.onnx", "com.microsoft")

# Why an operator is not counted, and what it would take.
REASONS = {
    "NonMaxSuppression": "how many boxes are left, and what that takes, depends on the data",
    "NonZero": "how many elements it finds depends on the data",
    "Unique": "how many elements it finds depends on the data",
    "Compress": "how many elements it keeps depends on the data",
    "TopK": "what sorting takes depends on the data and the library",
    "RoiAlign": "its samples per region depend on the data where the file leaves them open",
    "MaxRoiPool": "its windows depend on the data",
    "GridSample": "sampling at computed places has no count here",
    "Mod": "a remainder of computed numbers has no count here",
    "Col2Im": "its windows are added where they overlap: such sums have no count here",
    "LpPool": "a pool of powers has no count here",
    "GlobalLpPool": "a pool of powers has no count here",
    "MaxUnpool": "where it puts what depends on the data",
    "DynamicQuantizeLSTM": "each step finds a range of its own for its state: leave LSTMs out of what is quantized",
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
# What each run makes anew, from stored tensors alone too.
RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")
# What is made for free, of a tensor whose shape depends on the data too.
PLUMBING = {
    "Shape", "Size", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Cast", "Identity", "Slice", "Gather", "Concat",
    "Expand", "Flatten", "Split", "Dropout", "ConstantOfShape", "Range", "Not",
}  # fmt: skip
