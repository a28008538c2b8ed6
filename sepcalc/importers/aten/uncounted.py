"""Operators of ATen that are not counted because their results depend on the data or because they read no elements, and
operators with a more specific reason than being unknown."""

from sepcalc.importers.aten.graph import COMPLEX
from sepcalc.importers.aten.rows import Operator
from sepcalc.importers.aten.sorting import DRAWN
from sepcalc.importers.common.layout import IMAGES, NONE, WINDOWED, same_rows

_SMOOTHED = "with antialiasing the number of taps depends on the sizes; only plain resampling is supported"

UNCOUNTED: dict[str, Operator] = {
    **same_rows(
        Operator(None, IMAGES, _SMOOTHED, axes=2),
        *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "_upsample_lanczos2d_aa"),
    ),
    **same_rows(Operator(None, NONE, DRAWN, random=True), "multinomial", "poisson"),
    **same_rows(Operator(None, NONE, COMPLEX), "stft", "istft"),
    "embedding_renorm": Operator(None, NONE, "the data decides which rows exceed max_norm"),
    "fractional_max_pool2d": Operator(None, WINDOWED, axes=2),
    "fractional_max_pool3d": Operator(None, WINDOWED, axes=3),
    "ctc_loss": Operator(None, NONE, cuts={"Tensor": 2}),
    **same_rows(Operator(None, NONE, whole=("indices",)), "_index_put_impl", "unsafe_index"),
    **same_rows(Operator(None, NONE, reads="value"), "_local_scalar_dense", "item", "is_nonzero", "equal", "allclose"),
    **same_rows(
        Operator(None, NONE, reads="sizes"), "_unique2", "unique_consecutive", "unique_dim", "unique_dim_consecutive"
    ),
    **same_rows(
        Operator(None, NONE, measures=True),
        *("zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"),
        *("new_empty_strided", "sym_size", "size", "is_same_size"),
    ),
}
