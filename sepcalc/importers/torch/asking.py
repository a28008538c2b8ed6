"""What an operator needs from data: which values it reads, which types; and results that PyTorch cannot give without
data."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.torch.dataless import behind, found


def is_written(argument: Any) -> bool:
    """Whether an operator writes into this argument of its schema."""
    return argument.alias_info is not None and bool(argument.alias_info.is_write)


def composite(func: Any) -> bool:
    """Whether PyTorch itself can decompose this operator."""
    known: bool = torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")
    return known


def states(name: str, bound: Mapping[str, Any]) -> tuple[torch.Tensor, ...]:
    """The results of a recurrent layer, without running its steps."""
    x, states = bound["data" if "batch_sizes" in bound else "input"], bound["hx"]
    ways = 2 if bound["bidirectional"] else 1
    first = states[0] if isinstance(states, (list, tuple)) else states
    made = [x.new_empty((*x.shape[:-1], ways * first.shape[-1])), first.new_empty(first.shape)]
    if name == "lstm":
        made.append(states[1].new_empty(states[1].shape))
    return tuple(made)


def product(bound: Mapping[str, Any]) -> torch.Tensor | None:
    """The result of grouped rows times one matrix per group; PyTorch gives its shape only for one type."""
    rows, matrices = bound["self"], bound["mat2"]
    fits = rows.ndim == 2 and matrices.ndim == 3 and rows.shape[1] == matrices.shape[1]
    return rows.new_empty((rows.shape[0], matrices.shape[2])) if fits else None


def packed(sequences: torch.Tensor, lengths: torch.Tensor, first: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences without padding, step by step, and the number of sequences at each step. Raises RuntimeError if the
    lengths do not match the sequences."""
    batch, steps = sequences.shape[:2] if first else (sequences.shape[1], sequences.shape[0])
    sizes = lengths.tolist()
    if len(sizes) != batch or sizes != sorted(sizes, reverse=True) or sizes[-1] < 1 or sizes[0] > steps:
        expected = f"of each of {batch} sequences, the longest first, from 1 to {steps}"
        raise RuntimeError(f"the lengths {sizes} do not fit: expected one {expected}")
    sizes = (lengths[None] > torch.arange(int(lengths.max()))[:, None]).sum(1)
    return sequences.new_empty((int(lengths.sum()), *sequences.shape[2:]), device="meta"), sizes


def require_inside(name: str, bound: Mapping[str, Any]) -> None:
    """Raises IndexError for known indices outside a table."""
    given, axis = (bound["weight"], 0) if name == "embedding" else (bound["self"], bound["dim"])
    size = given.size(axis) if given.ndim else 1
    places = bound["indices" if name == "embedding" else "index"]
    if not places.is_meta and places.numel() and not 0 <= int(places.min()) <= int(places.max()) < size:
        raise IndexError(f"index out of range: from {int(places.min())} to {int(places.max())}, of {size} rows")


def asks(func: Any, name: str, args: Sequence[Any]) -> list[torch.Tensor]:
    """The tensors whose data determines the result of an operator, or its size."""
    if name == "index":  # the positions of true elements
        return [one for one in found(args[1]) if one.dtype in (torch.bool, torch.uint8)]
    if name == "where":
        return found(args) if len(args) == 1 else []
    row = row_of(name)
    at = row.cuts.get(func._overloadname)
    if at is not None:
        return found(args[at : at + 1])
    if name == "one_hot":
        return found(args) if len(args) < 2 or args[1] == -1 else []
    return found(args) if row.reads else []


def gives_value(func: Any) -> bool:
    """Whether an operator returns a value of its tensor's data."""
    library, _, name = func.name().partition(".")[0].partition("::")
    return library == "aten" and row_of(name).reads == "value"


def whole(indices: Sequence[torch.Tensor | None]) -> list[torch.Tensor | None]:
    """Indices, with a known mask replaced by the positions of its true elements."""
    places: list[torch.Tensor | None] = []
    for one in indices:
        masks = one is not None and not one.is_meta and one.dtype in (torch.bool, torch.uint8)
        places += one.nonzero().unbind(1) if one is not None and masks else [one]
    return places


def plain(name: str) -> str:
    """An operator's name without the suffix of its in-place form."""
    return name[:-1] if name.endswith("_") and not name.startswith("__") else name


def bound_to(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their names in the operator's schema, with defaults."""
    values = {}
    for at, argument in enumerate(func._schema.arguments):
        if at < len(args):
            values[argument.name] = args[at]
        elif argument.name in kwargs:
            values[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            values[argument.name] = argument.default_value
    return values


def readable(tensor: torch.Tensor) -> torch.Tensor:
    """The argument of a decomposed operator: with its data, if it has any."""
    inner = behind(tensor)
    return tensor if inner.is_meta else inner
