"""References to tensors: ``name:1`` in a graph, ``name:argument:0`` in a function."""

from sepcalc.importers.tf.model import Body

# The outputs of operators that have several, in order; those of others have one name.
_OUTPUTS = {
    "FusedBatchNorm": "y batch_mean batch_variance reserve_space_1 reserve_space_2 reserve_space_3",
    "Switch": "output_false output_true",
    "Merge": "output value_index",
    "TopK": "values indices",
    "MaxPoolWithArgmax": "output argmax",
    "TensorListPopBack": "output_handle tensor",
    "TensorArray": "handle flow",
    "TensorArraySplit": "value lengths",
    "TensorArrayConcat": "value lengths",
    "LSTMBlockCell": "i cs f o ci co h",
    "BlockLSTM": "i cs f o ci co h",
    "GRUBlockCell": "r u c h",
    "CudnnRNN": "output output_h output_c reserve_space host_reserved",
    "Unique": "y idx count",
    "NonMaxSuppression": "selected_indices selected_scores valid_outputs",
    "CombinedNonMaxSuppression": "nmsed_boxes nmsed_scores nmsed_classes valid_detections",
    "QuantizeV": "output output_min output_max",
    "Quantized": "output min_output max_output",
    "Requantize": "output output_min output_max",
    "RequantizationRange": "output_min output_max",
    "SoftmaxCrossEntropyWithLogits": "loss backprop",
    "SparseSoftmaxCrossEntropyWithLogits": "loss backprop",
}


def place_of(body: Body, said: str) -> tuple[str, int]:
    """The node or argument that a reference names, and which of its tensors."""
    name, _, rest = said.partition(":")
    if not rest:
        return name, 0
    argument, _, index = rest.rpartition(":")
    at = int(index) if index.isdecimal() and len(index) < 6 else 0
    argument = argument or ("" if index.isdecimal() else index)
    if argument and name in body.nodes:
        op: str = body.nodes[name].op
        names = (
            _OUTPUTS.get(op)
            or _OUTPUTS.get(op.rstrip("V23450"))
            or (_OUTPUTS["Quantized"] if op.startswith("Quantized") else "")
        )
        order = names.split()
        at += order.index(argument) if argument in order else 0
    return name, at
