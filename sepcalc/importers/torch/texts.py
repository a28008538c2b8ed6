"""Inputs given as text, as in ``--input``: makes their tensors, and suggests another input if the module does not run
on them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from inspect import Parameter
from itertools import product, takewhile
from typing import Any, NamedTuple

import torch

from sepcalc.errors import InputError, Invalid, Meant, Problem, bad_input, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.input_values import Given, example, pasted, read_given, written
from sepcalc.importers.torch.refusals import NeedsType
from sepcalc.importers.torch.running import Failed, Said, Wanted, signature
from sepcalc.network import Network
from sepcalc.shape import Shape, read_shape, show

# Counts a module on positional and named arguments; the third argument names the inputs with guessed types.
Count = Callable[[Sequence[Any], Mapping[str, Any], Collection[str]], Network]
MAX_TRIED = 32  # the most types of inputs that are tried
Types = Mapping[str, torch.dtype]


class Asked(NamedTuple):
    """One input: its parsed text, whether it was given by name, and its sizes in PyTorch's order."""

    given: Given
    named: bool
    shape: Shape


def shaped(shown: str, module: torch.nn.Module, request: Request, count: Count) -> Network:
    """The network for inputs given as text. An input has the type that was given, or that an operator needs, else the
    module's own floating-point type. Raises InputError."""
    parameters = signature(module)
    asked = _asked(shown, parameters, request)
    placed = list(takewhile(asked.__contains__, _places(parameters, len(asked))))
    decimal = next((one.dtype for one in module.parameters() if one.is_floating_point()), torch.float32)

    def run(inputs: Mapping[str, Asked], types: Types) -> Network:
        """Raises Failed, other InputErrors."""
        types = dict(types)
        while True:
            tensors = {label: _tensor(one, types.get(label), decimal) for label, one in inputs.items()}
            args = [tensors.pop(label) for label in placed]  # torch.compile and torch.export may not accept names
            guesses = {label for label, one in inputs.items() if one.given.plain}
            try:
                return count(args, tensors, guesses)
            except NeedsType as need:
                wanted = need.origins & guesses - types.keys()
                if not wanted:
                    problem = Problem(f"{shown}: it uses floating-point inputs as {need.what}")
                    raise InputError([problem]) from need
                types.update(dict.fromkeys(wanted, need.dtype))

    try:
        return run(asked, {})
    except Failed as failure:
        found, unlike = _typed(run, asked)
        if found is not None:
            return found
        meant = _meant(run, asked, request, next(iter([*_places(parameters, 1), *asked])))
        if meant is None:
            if isinstance(unlike, Wanted):
                raise unlike from None
            if unlike is not None:
                return unlike
            raise
        said = [Problem(f"{one.message}; {one.hint}", meant=meant) for one in failure.problems]
        raise InputError(said) from None


Run = Callable[[Mapping[str, Asked], Types], Network]


def _tensor(asked: Asked, kind: torch.dtype | None, decimal: torch.dtype) -> torch.Tensor:
    """The tensor of an input."""
    said = getattr(torch, asked.given.kind) if asked.given.kind else kind
    if asked.given.values is None:
        return torch.empty(asked.shape, dtype=said or decimal, device="meta")
    values = torch.tensor(asked.given.values)
    values = values.to(said or (decimal if values.is_floating_point() else values.dtype))
    return values.as_subclass(Said)


def _typed(run: Run, asked: Mapping[str, Asked]) -> tuple[Network | None, Network | Wanted | None]:
    """The network with other types of inputs, integers or booleans, if an operator reads these inputs directly. Second,
    if no such network is complete: one that stops early, or the error that values of inputs are needed."""
    guesses = [label for label, one in asked.items() if one.given.plain]
    kinds = (None, torch.int64, torch.bool) if len(guesses) < 4 else (None, torch.int64)
    beside = None
    for chosen in sorted(product(kinds, repeat=len(guesses)), key=lambda one: len(one) - one.count(None))[:MAX_TRIED]:
        types = {label: kind for label, kind in zip(guesses, chosen) if kind is not None}
        found = _tried(run, asked, types) if types else None
        if isinstance(found, Network) and found.stopped is None:
            return found, None
        beside = beside or found
    return None, beside


def _tried(run: Run, asked: Mapping[str, Asked], types: Types) -> Network | Wanted | None:
    """The network, or the error that values of inputs are needed; None if the module does not run on these types."""
    try:
        return run(asked, types)
    except Wanted as want:
        return want
    except InputError:
        return None


def _meant(run: Run, asked: Mapping[str, Asked], request: Request, first: str) -> Meant | None:
    """A corrected option for one input that would run, ready to paste; None if there is none."""
    for label, one in asked.items():
        given = f"--input {label}={request.inputs[label]}" if one.named else f"--input {request.inputs['']}"
        prefix = f"{one.given.kind}:" if one.given.kind else ""
        for shape in _others(one):
            other = Asked(Given(one.given.kind, show(shape)), one.named, shape)
            if isinstance(_tried(run, {**asked, label: other}, {}), Network):
                plain = label == first and not prefix and len(shape) == 4 and shape[0] == 1
                text = show((*shape[2:], shape[1])) if plain else f"{label}={prefix}{show(shape)}"
                return Meant(given, f"--input {text}")
        if one.given.values is None and len(one.given.shape) == 1:  # the text was meant as a value
            alone = Asked(Given(one.given.kind, "", one.given.shape[0]), one.named, ())
            if isinstance(_tried(run, {**asked, label: alone}, {}), Network):
                return Meant(given, f"--input {label}={prefix}{written(one.given.shape[0])}")
    return None


def _others(asked: Asked) -> Iterable[Shape]:
    """Other shapes that the sizes could mean: as written, with a batch axis in front, or channels first; and the sizes
    as a list of values."""
    sizes = asked.given.shape
    if isinstance(values := asked.given.values, list):
        return [tuple(values)] if len(values) > 2 and all(type(one) is int and one > 0 for one in values) else []
    if values is not None:
        return []
    found = [(1, *sizes), sizes]
    if len(sizes) > 1:
        found.append((1, sizes[-1], *sizes[:-1]))
    if len(sizes) > 2 and sizes[0] == 1:
        found.append((1, sizes[-1], *sizes[1:-1]))
    return [shape for shape in dict.fromkeys(found) if shape != asked.shape]


# --- reading ----------------------------------------------------------------------------------------------------------


def _places(parameters: Mapping[str, Parameter], count: int) -> list[str]:
    """The names of forward's positional parameters; made-up names for ``*args``."""
    named = [one.name for one in parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    counted = not named and any(one.kind == one.VAR_POSITIONAL for one in parameters.values())
    return [f"input{at}" for at in range(count)] if counted else named


def _asked(shown: str, parameters: Mapping[str, Parameter], request: Request) -> dict[str, Asked]:
    """The given facts of every input. Raises InputError."""
    places = _places(parameters, max(1, len(request.inputs)))
    taken = [*places, *(one.name for one in parameters.values() if one.kind == one.KEYWORD_ONLY)]
    needed = [label for label in taken if label in parameters and parameters[label].default is Parameter.empty]
    first = (needed or taken or ["input"])[0]
    if not request.inputs:
        every = " ".join([example(label, (1, 3, None, None)) for label in needed or [first]])
        if len(needed) > 1:
            named = ", ".join(map(quoted, needed))
            raise bad_input(f"{shown}: it needs the shapes of its inputs {named}", f"{every}, for example")
        raise bad_input(f"{shown}: it needs the shape of its input {quoted(first)}", f"--input 224x224x3, or {every}")
    open_ended = any(one.kind == one.VAR_KEYWORD for one in parameters.values())
    problems, asked = list[Problem](), dict[str, Asked]()
    for label, text in request.inputs.items():
        if label and label not in taken and not open_ended:
            hint = near_miss(label, taken) or (f"it takes {', '.join(taken)}" if taken else "")
            problems.append(Problem(f"{shown}: its forward has no parameter {quoted(label)}", hint))
            continue
        try:
            given = read_given(text)
            asked[label or first] = Asked(given, bool(label), _shape(given, bool(label)))
        except Invalid as fact:
            where = f"--input {printable(label)}" if label else "--input"
            problems.append(Problem(f"{where}: {fact.message}", fact.hint))
    if problems:
        raise InputError(problems)
    missing = [label for label in needed if label not in asked]
    if missing:
        beside = show(next(iter(asked.values())).shape) or "1"  # what is beside another input often has its shape
        hint = " ".join([f"--input {pasted(label)}={beside}" for label in missing])
        raise bad_input(f"{shown}: it also needs {', '.join(map(quoted, missing))}", f"{hint}, for example")
    return asked


def _shape(given: Given, named: bool) -> Shape:
    """Batch and channels in PyTorch's order; a shape without a name is HxWxC of one example."""
    if named or not given.plain:
        return given.shape
    *sizes, channels = read_shape(given.sizes)
    return (1, channels, *sizes)
