"""Dense layers, embeddings, reshapes, normalization, noise, preprocessing."""

from collections.abc import Mapping
from math import prod

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.common.attributes import Settings, whole
from sepcalc.importers.common.elementwise import chain
from sepcalc.importers.common.layout import KEEPS, NONE, RESHAPED, ROWS, TURNED, same_rows
from sepcalc.importers.keras.activation import activate, unit
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Elementwise, Select, Stored
from sepcalc.ops.move import Embedding
from sepcalc.ops.norm import BatchNorm, Normalization, RowNorm
from sepcalc.ops.pool import Reduce
from sepcalc.ops.product import Dense
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape


def dense(call: Call) -> Tensor:
    """A fully connected layer over the last axis, and its activation."""
    x = call.plain(call.x)
    op = Dense(call.settings.size("units", "output_dim"), call.settings.flag("use_bias", True))
    return activate(call, call.add(op, x), call.settings.get("activation"))


def einsum_dense(call: Call) -> Tensor:
    """An einsum of the input and a kernel, as one dense layer (or a grouped one) between free reshapes."""
    settings, x = call.settings, call.plain(call.x)
    equation, source, kernel, target, known = einsum_indices(settings, x.shape)
    summed = "".join([c for c in source if c not in kernel and c not in target])
    if summed:
        x = call.add(Reduce("sum", tuple([source.index(c) for c in summed])), x, link="sum")
        source = "".join([c for c in source if c not in summed])
    inner = "".join([c for c in kernel if c in source and c not in target])
    grouped = "".join([c for c in kernel if c in source and c in target])
    outer = "".join([c for c in kernel if c not in source])
    kept = "".join([c for c in source if c not in kernel])
    if not set(outer) <= set(target):
        raise Invalid(f"equation {quoted(equation)} sums over an index that only the kernel has")

    def size(letters: str) -> int:
        return prod([known[c] for c in letters])

    def shape(letters: str) -> Shape:
        return tuple([known[c] for c in letters])

    bias_axes = settings.get("bias_axes")
    if bias_axes is not None and not (isinstance(bias_axes, str) and set(bias_axes) <= set(target)):
        raise Invalid("bias_axes must name indices of the output")
    own_bias = bool(inner) and bias_axes is not None and set(bias_axes) == set(outer + grouped)
    order = kept + grouped + inner if inner else "".join([c for c in target if c in source])
    if source != order:
        x = call.free("permute", x, shape(order), "order")
    if not inner:  # no index is summed: an elementwise product
        x = call.shaped(x, tuple([known[c] if c in source else 1 for c in target]), "rows")
        x = call.add(Stored("scale", "shape", tuple([known[c] if c in kernel else 1 for c in target])), x)
        return _shifted(call, x, known, target, bias_axes)
    x = call.shaped(x, (*shape(kept), size(grouped + inner)), "rows")
    if grouped:
        ones, none = (1,) * len(kept), ((0, 0),) * len(kept)
        x = call.add(Conv(ones, size(grouped + outer), ones, none, ones, size(grouped), own_bias), x)
    else:
        x = call.add(Dense(size(outer), own_bias), x)
    made = kept + grouped + outer
    x = call.shaped(x, shape(made), "shape")
    if made != target:
        x = call.free("permute", x, shape(target), "reorder")
    return _shifted(call, x, known, target, None if own_bias else bias_axes)


def _shifted(call: Call, x: Tensor, known: Mapping[str, int], target: str, bias_axes: str | None) -> Tensor:
    """The result of a product, plus a bias along some of its indices, and the activation."""
    if bias_axes is not None:
        stored = tuple([known[c] if c in bias_axes else 1 for c in target])
        x = call.add(Stored("shift", "shape", stored), x, link="bias")
    return activate(call, x, call.settings.get("activation"))


def einsum_indices(settings: Settings, shape: Shape) -> tuple[str, str, str, str, dict[str, int]]:
    """The equation of an EinsumDense; the indices of its input, kernel and output without the batch; and the size of
    each index."""
    wanted = settings.get("output_shape")
    given = [None if item is None else whole(item) for item in (wanted if isinstance(wanted, list) else [wanted])]
    equation = settings.get("equation")
    if not isinstance(equation, str) or len(equation) > 100:
        raise Invalid("equation is missing")
    source, kernel, target = _operands(equation, len(shape))
    known = dict(zip(source, shape))
    for letter, wide in zip(target[len(target) - len(given) :], given):
        if wide is not None and known.setdefault(letter, wide) != wide:
            raise Invalid(f"output_shape gives {letter} the size {wide}, but the input has {known[letter]}")
    if not set(kernel) <= set(known) or not set(target) <= set(known):
        raise Invalid(f"equation {quoted(equation)} leaves the size of an index open")
    return equation, source, kernel, target, known


def _operands(equation: str, rank: int) -> tuple[str, str, str]:
    """The indices of the input, the kernel and the output, without the batch."""
    left, arrow, target = equation.replace(" ", "").partition("->")
    source, comma, kernel = left.partition(",")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in equation]
    dots = spare[: rank + 1 - len(source.replace("...", ""))]
    source, target = source.replace("...", "".join(dots)), target.replace("...", "".join(dots))
    if not arrow or not comma or not all(part.isascii() and part.isalpha() for part in (source, kernel, target)):
        raise Invalid(f"equation {quoted(equation)}: expected one such as 'abc,cd->abd'")
    if any(len(set(part)) != len(part) for part in (source, kernel, target)):
        raise Invalid(f"equation {quoted(equation)} repeats an index")
    if len(source) != rank + 1:
        raise Invalid(f"equation {quoted(equation)} is for {len(source)} axes, but the input has {rank + 1}")
    if source[0] != target[0] or source[0] in kernel or not set(target) <= set(source + kernel):
        raise Invalid(f"equation {quoted(equation)} must have the batch as the first index of input and output only")
    return source[1:], kernel, target[1:]


def embedding(call: Call) -> Tensor:
    """A table of vectors, looked up by integers."""
    x = call.plain(call.x)
    made = call.add(Embedding(call.settings.size("input_dim"), call.settings.size("output_dim")), x)
    return call.shaped(made, (*x.shape, made.shape[-1]), "shape")


def reversible_embedding(call: Call) -> Tensor:
    """Token to vector; reversed, vector to logits by the same table transposed."""
    if not call.settings.flag("tie_weights", True):
        raise Unknown("an embedding whose reverse has its own weights: use Embedding and Dense")
    if call.kwargs.get("reverse") is True or True in call.args[1:]:
        made = call.add(Dense(call.settings.size("input_dim")), call.plain(call.x))
        if call.settings.get("logit_soft_cap") is None:
            return made
        scaled = call.add(Stored("scale"), made, link="scale")
        return call.add(Stored("scale"), activate(call, scaled, "tanh"), link="cap")
    return embedding(call)


class Unknown(Exception):
    """A layer of a known class with settings that cannot be counted. The reason also says what to use instead.
    ``shapes`` are those of its outputs, if known."""

    def __init__(self, reason: str, *shapes: Shape) -> None:
        super().__init__(reason)
        self.shapes = shapes


def flatten(call: Call) -> Tensor:
    """All elements as a vector: free."""
    return call.free("flatten", call.x, (prod(call.x.shape),))


def reshape(call: Call) -> Tensor:
    x = call.plain(call.x)
    return call.free("reshape", x, target(call.settings.get("target_shape"), x.shape))


def target(wanted: object, shape: Shape) -> Shape:
    """The target sizes, with a -1 replaced by the size that remains."""
    items = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    sizes = [-1 if item in (-1, None) else whole(item) for item in items]
    rest = prod([size for size in sizes if size > 0])
    if sizes.count(-1) > 1:
        raise Invalid("target_shape has more than one -1")
    if -1 in sizes:
        if prod(shape) % rest:
            raise Invalid(f"target_shape has {rest:,} elements in each part, which do not divide the {prod(shape):,}")
        sizes[sizes.index(-1)] = prod(shape) // rest
    return tuple(sizes)


def permute(call: Call) -> Tensor:
    """The axes in another order: free."""
    x = call.plain(call.x)
    dims = call.settings.sizes("dims")
    if sorted(dims) != list(range(1, len(x.shape) + 1)):
        raise Invalid(f"dims must be the axes 1 to {len(x.shape)} in some order")
    return call.free("permute", x, tuple([x.shape[axis - 1] for axis in dims]))


def free(call: Call) -> Tensor:
    """Costs nothing at inference: dropout, noise, augmentation."""
    return call.add(Rename("identity"), call.x)


def dropout(call: Call) -> Tensor:
    return call.add(Rename("dropout"), call.x)


def masking(call: Call) -> Tensor:
    """x if any feature differs from the mask value, else 0: a compare per element, then a choice."""
    x = call.plain(call.x)
    compared = call.add(Stored("compare"), x, link="compare")
    return call.add(Select(), compared, x)


def _normed(call: Call, op: Op, axes: tuple[int, ...]) -> Tensor:
    """A norm over these axes of Keras' shape; if they are not the network's last axes, they are moved there and
    back."""
    x, rank = call.x, len(call.x.shape)
    if x.channels_first and axes == (0,):
        return call.add(op, x)
    x = call.plain(x)
    if axes == tuple(range(rank - len(axes), rank)):
        return call.add(op, x)
    order = [axis for axis in range(rank) if axis not in axes] + list(axes)
    moved = call.free("permute", x, tuple([x.shape[axis] for axis in order]), "layout")
    return call.free("permute", call.add(op, moved), x.shape, "restored")


def batch_norm(call: Call) -> Tensor:
    """Batch norm with stored statistics, x·s + t."""
    settings = call.settings
    if settings.flag("renorm", False):
        raise Unknown("batch renormalization stores its own statistics: use renorm=False")
    axis = settings.axis("axis", len(call.x.shape) + 1)
    return _normed(call, BatchNorm(settings.flag("scale", True), settings.flag("center", True)), (axis,))


def layer_norm(call: Call) -> Tensor:
    """Layer norm over the given axes."""
    settings = call.settings
    axes = settings.axes("axis", len(call.x.shape) + 1)
    how = "rms" if call.class_name == "RMSNormalization" or settings.flag("rms_scaling", False) else "layer"
    scale, center = settings.flag("scale", True), settings.flag("center", True)
    op = RowNorm(how, axes=len(axes), gain=scale or how == "rms", bias=center and how == "layer")
    return _normed(call, op, axes)


def group_norm(call: Call) -> Tensor:
    """Group norm: statistics per group of channels."""
    settings, x = call.settings, call.x
    axis = settings.axis("axis", len(x.shape) + 1)
    groups = x.shape[axis] if settings.get("groups") == -1 else settings.size("groups", default=32)
    op = RowNorm("group", groups, gain=settings.flag("scale", True), bias=settings.flag("center", True))
    return _normed(call, op, (axis,))


def unit_norm(call: Call) -> Tensor:
    """Divides by the Euclidean norm over the given axes."""
    x = call.plain(call.x)
    return unit(call, x, call.settings.axes("axis", len(x.shape) + 1))


def normalization(call: Call) -> Tensor:
    """x·s + t with stored numbers: constants of the file (not weights), or adapted ones, whose mean, variance and count
    are weights."""
    settings = call.settings
    x, rank = call.plain(call.x), len(call.x.shape) + 1
    axis = settings.config.get("axis", -1)
    axes = () if axis is None or axis == [] else settings.axes("axis", rank)
    adapted = settings.get("mean") is None and settings.get("input_mean") is None
    stored = tuple([size if at in axes else 1 for at, size in enumerate(x.shape)])
    return call.add(Normalization(stored if adapted else ()), x)


def rescaling(call: Call) -> Tensor:
    """x·scale + offset with stored numbers."""
    settings = call.settings
    parts = (("scale", settings.get("scale"), 1), ("shift", settings.get("offset"), 0))
    wanted = [how for how, value, nothing in parts if value is not None and value != nothing]
    ops: list[Op] = [*map(Stored, wanted)] if wanted else [Rename("identity")]
    return chain(call, call.x, *ops, labels=wanted if len(wanted) > 1 else ())


def layer_scale(call: Call) -> Tensor:
    """ConvNeXt's layer scale: one trained number per channel."""
    call.settings.size("projection_dim", default=1)
    return call.add(Stored("scale", "channel"), call.plain(call.x))


def custom_scale(call: Call) -> list[Tensor]:
    """InceptionResNetV2's scale: x₀ + scale·x₁."""
    left, right = call.alike(call.tensors)
    if call.settings.number("scale", default=1.0) != 1:
        right = call.add(Stored("scale"), right, link="scale")
    return [call.add(Elementwise("add"), left, right)]


def _depth(settings: Settings, shape: Shape) -> int:
    return settings.size("output_dim")


def _einsum_last(settings: Settings, shape: Shape) -> int:
    _, _, kernel, _, known = einsum_indices(settings, shape)
    return known[kernel[-1]]


LAYERS: dict[str, Operator] = {
    "Dense": Operator(dense, ROWS, last=lambda settings, shape: settings.size("units")),
    "EinsumDense": Operator(einsum_dense, NONE, last=_einsum_last),
    "Embedding": Operator(embedding, NONE, last=_depth),
    "ReversibleEmbedding": Operator(
        reversible_embedding, NONE, last=lambda settings, shape: settings.size("output_dim")
    ),
    "Flatten": Operator(flatten, RESHAPED),
    "Reshape": Operator(reshape, RESHAPED),
    "Permute": Operator(permute, TURNED),
    "Masking": Operator(masking, KEEPS),
    **same_rows(Operator(batch_norm, KEEPS), "BatchNormalization", "SyncBatchNormalization"),
    "LayerNormalization": Operator(layer_norm, KEEPS),
    "RMSNormalization": Operator(layer_norm, KEEPS),
    "GroupNormalization": Operator(group_norm, KEEPS),
    "UnitNormalization": Operator(unit_norm, KEEPS),
    "Normalization": Operator(normalization, KEEPS),
    "Rescaling": Operator(rescaling, KEEPS),
    **same_rows(
        Operator(free, KEEPS),
        *("Identity", "ActivityRegularization", "Equalization", "Solarization", "GaussianNoise", "RandomFlip"),
        *("RandomRotation", "RandomZoom", "RandomTranslation", "RandomHeight", "RandomWidth", "RandomContrast"),
        *("RandomBrightness", "RandomHue", "RandomSaturation", "RandomSharpness", "RandomShear", "RandAugment"),
        *("RandomPosterization", "RandomColorJitter", "RandomColorDegeneration", "RandomErasing", "AugMix", "CutMix"),
        *("RandomGrayscale", "RandomInvert", "RandomPerspective", "RandomElasticTransform", "RandomGaussianBlur"),
        "MixUp",
    ),
    **same_rows(
        Operator(dropout, KEEPS),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout"),
    ),
}
# Classes that only keras.applications uses.
APPLICATIONS: dict[str, Operator] = {
    "LayerScale": Operator(layer_scale, KEEPS),
    "StochasticDepth": Operator(dropout, KEEPS),
    "CustomScaleLayer": Operator(custom_scale, KEEPS),
}
