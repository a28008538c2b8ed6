"""Layers that wrap others: applied to each slice, with normalized weights, or in sequence."""

from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.layout import INNER
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.entries import entry
from sepcalc.importers.keras.layers import LAYERS
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.move import Constant


def time_distributed(call: Call) -> Tensor | list[Tensor]:
    """A layer, or a model, on each slice along the first axis."""
    inner = call.settings.nested("layer")
    sources = [call.plain(tensor) for tensor in call.tensors]
    if not sources or any(not tensor.shape or tensor.shape[0] != sources[0].shape[0] for tensor in sources):
        raise Invalid("it needs inputs with a time axis in common")
    steps = sources[0].shape[0]
    outer = call.model.outer
    call.model.outer = (*outer, steps)
    try:
        slices = [tensor._replace(shape=tensor.shape[1:]) for tensor in sources]
        if any(not tensor.shape for tensor in slices):
            raise Unknown("it distributes scalars: use inputs with features")
        made = call.model.run(inner, call.name, call.key, [slices if len(slices) > 1 else slices[0]], {})
        made = [call.plain(tensor, "restored") for tensor in made]
    finally:
        call.model.outer = outer
    return [tensor._replace(shape=(steps, *tensor.shape)) for tensor in made]


def spectral(call: Call) -> list[Tensor]:
    """At inference, the wrapped layer, whose kernel was normalized in training. The state of that, a vector as long as
    the kernel's last axis, is stored beside it and not trained."""
    inner = call.settings.nested("layer")
    held, depth = inner, 0
    while held.get("class_name") == "SpectralNormalization" and depth < 30:
        held, depth = Settings(entry(held).config).nested("layer"), depth + 1
    one = entry(held, "the layer inside it")
    row = LAYERS.get(one.class_name.split(">")[-1])
    if row is None or row.last is None:
        raise Unknown("it wraps a layer without a kernel: use Dense, Embedding or a convolution")
    state = Constant((1, row.last(Settings(one.config), call.x.shape)), buffer=True)
    if f"{call.key}/vector_u" not in call.model.beside:  # nothing reads it, so one node is enough
        call.add(state, link="vector_u")
    below = f"/{entry(inner).name}" if held is not inner else ""
    return call.model.run(inner, call.name + below, call.key + below, list(call.args), {})


def pipeline(call: Call) -> list[Tensor]:
    """Its layers in sequence. Random augmentation does nothing at inference."""
    layers = call.settings.get("layers")
    if not isinstance(layers, list) or not layers:
        raise Invalid("it has no list of layers")
    given: list[Any] = list(call.args)
    made: list[Tensor] = []
    for value in layers:
        one = entry(value, "a layer inside it")
        made = call.model.run(value, f"{call.name}/{one.name}", f"{call.key}/{one.name}", given, {})
        given = [made[0] if len(made) == 1 else made]
    return made


WRAPPERS: dict[str, Operator] = {
    "TimeDistributed": Operator(time_distributed, INNER),
    "SpectralNormalization": Operator(spectral, INNER),
    "Pipeline": Operator(pipeline, INNER),
}
