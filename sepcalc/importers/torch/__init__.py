"""PyTorch: what runs when a module's forward does, as a network. No weight is allocated, none read.

Importing someone's module runs their code. Its forward runs as well, on tensors that have shapes and no data.
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from sepcalc.errors import InputError, Problem, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.shape import read_shape

if TYPE_CHECKING:
    from sepcalc.cost import Cost
    from sepcalc.importers.torch.lowering import Trace
    from sepcalc.network import Network

__all__ = ["from_torch", "read"]

_HINT = "pip install 'sepcalc[torch]'"


def read(argument: str, request: Request = Request()) -> "Network":
    """The network of ``package.module:name``: a module, or a class or function that makes one without arguments.
    Raises InputError: where it cannot be imported or made, where it does not run on inputs of these shapes."""
    shown = printable(argument)
    _require(shown)
    from sepcalc.importers.torch.factory import at_home, made

    with at_home():
        module = made(argument, shown)
        return _shaped(shown, argument.rpartition(":")[2].rpartition(".")[2], module, request)


def from_torch(module: Any, inputs: Any, *, name: str = "", batch: int | None = None) -> "Network":
    """The network that a module runs on these inputs, counted for one example; the module is not changed.

    ``inputs`` are a tensor, several in the order of forward's parameters, or a mapping by their names; only their
    shapes and types are looked at. Shapes as text will do, as ``--input`` has them: ``"224x224x3"``, or
    ``{"x": "1x3x224x224"}``. ``batch`` says how many examples lie along their first axis (1: it is none of examples).
    Where forward asks for values that only the data can tell, the network is counted up to there, and says so: its
    ``stopped`` is not None. Raises InputError where forward fails on the inputs.
    """
    _require("from_torch")
    import torch

    if not isinstance(module, torch.nn.Module):
        raise InputError([Problem(f"from_torch needs a torch.nn.Module, not {quoted(type(module).__name__)}")])
    name = name or type(module).__name__
    if isinstance(inputs, str):
        return _shaped(name, name, module, Request(inputs={"": inputs}, batch=batch))
    if isinstance(inputs, Mapping) and inputs and all(isinstance(one, str) for one in inputs.values()):
        return _shaped(name, name, module, Request(inputs=inputs, batch=batch))
    args, kwargs = _arguments(module, inputs)
    return _counted(name, name, module, args, kwargs, batch)


def _require(shown: str) -> None:
    try:
        import torch  # noqa: F401 - asked for by name
    except ImportError as error:
        raise InputError([Problem(f"{shown}: counting PyTorch modules needs the package torch", _HINT)]) from error


def _arguments(module: Any, inputs: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    if isinstance(inputs, Mapping):
        return (), inputs
    return (tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)), {}


# --- shapes as text ---------------------------------------------------------------------------------------------------


def _shaped(shown: str, name: str, module: Any, request: Request) -> "Network":
    """The network on inputs of which only the shapes are known: decimal numbers of the module's own precision, whole
    ones where they are indices."""
    import torch

    from sepcalc.importers.torch.refusals import NeedsWhole
    from sepcalc.importers.torch.running import signature

    parameters = signature(module)
    shapes = _shapes(shown, parameters, request)
    placed = list(takewhile(shapes.__contains__, _places(parameters, len(shapes))))
    decimal = next((one.dtype for one in module.parameters() if one.is_floating_point()), torch.float32)
    whole = set[str]()
    while True:
        tensors = {
            label: torch.empty(shape, dtype=torch.int64 if label in whole else decimal, device="meta")
            for label, shape in shapes.items()
        }
        args = [tensors.pop(label) for label in placed]  # a wrapper may know no names: torch.compile, torch.export
        try:
            return _counted(shown, name, module, args, tensors, request.batch)
        except NeedsWhole as need:
            if need.origins <= whole:
                raise InputError([Problem(f"{shown}: it takes decimal numbers of its inputs for indices")]) from need
            whole |= need.origins


def _places(parameters: Mapping[str, Any], count: int) -> list[str]:
    """The names of what forward takes by position; of one that says but ``*args``, made up for this many."""
    named = [one.name for one in parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    counted = not named and any(one.kind == one.VAR_POSITIONAL for one in parameters.values())
    return [f"input{at}" for at in range(count)] if counted else named


def _shapes(shown: str, parameters: Mapping[str, Any], request: Request) -> dict[str, tuple[int, ...]]:
    """The shape of every input, batch and channels where PyTorch has them. Raises InputError."""
    for label in request.settings:
        raise InputError([Problem(f"{shown}: a PyTorch module has no parameter {quoted(label)} to set")])
    for label in request.dims:
        raise InputError([Problem(f"{shown}: it has no open dimension {quoted(label)}", "--dim is for model files")])
    places = _places(parameters, max(1, len(request.inputs)))
    taken = [*places, *(one.name for one in parameters.values() if one.kind == one.KEYWORD_ONLY)]
    needed = [label for label in taken if label in parameters and parameters[label].default is Parameter.empty]
    first = (needed or taken or ["input"])[0]
    example = f"--input 224x224x3, or --input {first}=1x3x224x224"
    if not request.inputs:
        several = f"the shapes of its inputs {', '.join(map(quoted, needed))}"
        what = several if len(needed) > 1 else f"the shape of its input {quoted(first)}"
        raise InputError([Problem(f"{shown}: it needs {what}", example)])
    open_ended = any(one.kind == one.VAR_KEYWORD for one in parameters.values())
    problems, shapes = list[Problem](), dict[str, tuple[int, ...]]()
    for label, text in request.inputs.items():
        if label and label not in taken and not open_ended:
            hint = near_miss(label, taken) or (f"it takes {', '.join(taken)}" if taken else "")
            problems.append(Problem(f"{shown}: its forward has no parameter {quoted(label)}", hint))
            continue
        try:
            if label:
                shapes[label] = _layout(text)
            else:
                *sizes, channels = read_shape(text)
                shapes[first] = (1, channels, *sizes)
        except ValueError as error:
            problems.append(
                Problem(f"--input {printable(label) + '=' if label else ''}{printable(text)[:100]}: {error}")
            )
        except Exception as fact:
            message, hint = getattr(fact, "message", str(fact)), getattr(fact, "hint", "")
            problems.append(Problem(f"--input {printable(label)}: {message}" if label else f"--input: {message}", hint))
    if problems:
        raise InputError(problems)
    missing = [label for label in needed if label not in shapes]
    if missing:
        raise InputError(
            [Problem(f"{shown}: it also needs {', '.join(map(quoted, missing))}", f"--input {missing[0]}=…")]
        )
    return shapes


def _layout(text: str) -> tuple[int, ...]:
    """``1x3x224x224``: sizes as PyTorch has them."""
    from sepcalc.errors import Invalid
    from sepcalc.shape import read_size

    try:
        return tuple([read_size(part) for part in text.split("x")])
    except Invalid as fact:
        raise Invalid(
            f"{quoted(text)} is not a shape: {fact.message}", "sizes joined by x, as PyTorch has them"
        ) from fact


# --- one example ------------------------------------------------------------------------------------------------------


def _counted(
    shown: str, name: str, module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], batch: int | None
) -> "Network":
    """The network on these inputs, for one example of them: of ``batch``, or of as many as two runs tell. Raises
    InputError where it does not work on each of ``batch`` by itself."""
    from torch.utils._pytree import tree_flatten, tree_map

    from sepcalc.importers.growing import guessed, unsuited
    from sepcalc.importers.torch.examples import as_images, of_examples
    from sepcalc.importers.torch.lowering import lowered
    from sepcalc.importers.torch.running import traced

    def network(of: Callable[[Any], Any]) -> "tuple[Trace, Network, list[Cost]]":
        given, named = tree_map(of, (list(args), dict(kwargs)))
        trace = traced(shown, module, given, named)
        return trace, *lowered(printable(name)[:200], trace)

    def first(value: Any) -> Any:
        return value[:1] if hasattr(value, "stride") and value.ndim and value.shape[0] == count else value

    many, whole, stored = network(lambda one: one)
    tensors = [one for one in tree_flatten((args, kwargs))[0] if hasattr(one, "stride")]
    firsts = [int(one.shape[0]) for one in tensors if one.ndim]
    count = batch or _examples(tensors)
    if batch not in (None, 1, *firsts):
        raise unsuited(batch or 1, firsts)
    if count < 2:
        return whole
    if many.stop is not None:
        return _with_note(whole, f"the first axis of the inputs, {count}, is counted whole: counting stopped before")
    said = f"the first axis of the inputs, {count}, "
    try:
        single, one, same = network(first)
    except InputError:
        if batch is not None:
            raise
        return _with_note(whole, f"{said}is counted whole: the module does not run on one alone")
    if of_examples(many, single, count) and _proportional(whole, one, (stored, same), count):
        note = f"the inputs hold {count} examples along their first axis: counts are for one of them"
        network_of_one = _with_note(one, note)
        if batch is None and not as_images(many, count):
            names = [label for label, tensor in many.inputs.items() if tensor.shape[:1] == (count,)]
            network_of_one.guesses = (guessed(names, count),)
        return network_of_one
    if batch is not None:
        hint = "--batch 1 counts all that runs on these inputs"
        raise InputError([Problem(f"--batch {batch}: {shown} does not run on each of them by itself", hint)])
    return _with_note(whole, f"{said}is not one of examples: counted whole")


def _proportional(whole: "Network", one: "Network", alone: "Sequence[Sequence[Cost]]", count: int) -> bool:
    """Whether all work is this many times that on one example. What the examples have in common may also stay as it is:
    a table of positions, how many tokens each expert has; what runs on stored tensors ``alone``, where the layers are
    not the same ones."""
    pairs = [[layer.cost for layer in network.layers if layer.op.writes] for network in (whole, one)]
    if len(pairs[0]) != len(pairs[1]):
        pairs = [list(costs) for costs in alone]
        if len(pairs[0]) != len(pairs[1]):
            return False
    for which in ("macs", "mults", "adds", "compares", "divs", "specials"):
        total, single = getattr(whole.cost, which), getattr(one.cost, which)
        common = sum(getattr(a, which) for a, b in zip(*pairs) if getattr(a, which) == getattr(b, which))
        if total - common != count * (single - common):
            return False
    return True


def _with_note(network: "Network", note: str) -> "Network":
    network.notes = (*network.notes, note)
    return network


def _examples(tensors: Sequence[Any]) -> int:
    """How many examples the inputs could hold: the first size that all of them have in common, but those that have
    one number there for all (1: one example, or no such size)."""
    sizes = {int(one.shape[0]) for one in tensors if one.ndim and one.shape[0] != 1}
    return sizes.pop() if len(sizes) == 1 and max(one.ndim for one in tensors) > 1 else 1
