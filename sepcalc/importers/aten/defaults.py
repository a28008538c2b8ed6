"""The default values of arguments that rows read, as PyTorch's schemas have them: a file leaves such arguments out.

A default that is None, False or zero where a row takes a missing argument for that is not listed.
"""

from collections.abc import Mapping
from typing import Any

_DEFAULTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("embedding_bag _embedding_bag _embedding_bag_forward_only", {"mode": 0}),
    ("add sub rsub index_add", {"alpha": 1}),
    ("addmm addmv addr addbmm baddbmm", {"beta": 1, "alpha": 1}),
    ("addcmul addcdiv", {"value": 1}),
    ("argsort sort topk kthvalue mode glu linalg_cross", {"dim": -1}),
    ("max_pool1d max_pool2d max_pool3d", {"padding": 0, "dilation": 1}),
    ("max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices", {"padding": 0, "dilation": 1}),
    ("avg_pool1d avg_pool2d avg_pool3d", {"padding": 0, "count_include_pad": True}),
    ("conv1d conv2d conv3d", {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}),
    (
        "conv_transpose1d conv_transpose2d conv_transpose3d",
        {"stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1},
    ),
    ("cat concat concatenate stack", {"dim": 0}),
    ("chunk split split_with_sizes tensor_split unbind", {"dim": 0}),
    ("unsafe_chunk unsafe_split unsafe_split_with_sizes", {"dim": 0}),
    ("slice slice_copy slice_scatter", {"dim": 0, "step": 1}),
    ("diagonal", {"dim1": 0, "dim2": 1}),
    ("diag_embed", {"dim1": -2, "dim2": -1}),
    ("rot90", {"k": 1, "dims": [0, 1]}),
    ("pad", {"mode": "constant"}),
    ("bernoulli", {"p": 0.5}),
    ("celu", {"alpha": 1.0}),
    ("elu", {"alpha": 1, "scale": 1, "input_scale": 1}),
    ("hardtanh", {"min_val": -1, "max_val": 1}),
    ("softplus", {"beta": 1}),
    ("gelu", {"approximate": "none"}),
    ("dist norm", {"p": 2}),
    ("_pdist_forward", {"p": 2.0}),
    ("linalg_vector_norm", {"ord": 2}),
    ("mse_loss soft_margin_loss binary_cross_entropy binary_cross_entropy_with_logits", {"reduction": 1}),
    ("smooth_l1_loss", {"reduction": 1, "beta": 1.0}),
    ("huber_loss", {"reduction": 1, "delta": 1.0}),
)
DEFAULTS: dict[str, Mapping[str, Any]] = {name: values for names, values in _DEFAULTS for name in names.split()}


def complete(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an operator, with the defaults of those that are left out."""
    return {**DEFAULTS.get(name, {}), **arguments}
