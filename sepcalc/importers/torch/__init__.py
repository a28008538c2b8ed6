"""PyTorch importer: the operators that a module's forward runs, as a network. Weights are neither allocated nor read.

Importing a module runs its code. Its forward runs, too, on tensors that have shapes but no data.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sepcalc.errors import bad_input, printable, quoted
from sepcalc.extras import install
from sepcalc.importers import Request

if TYPE_CHECKING:
    from sepcalc.importers.aten.lowering import Lowered, Trace
    from sepcalc.network import Network

__all__ = ["from_torch", "read"]

_HINT = install("torch")


def read(argument: str, request: Request = Request()) -> "Network":
    """The network of ``package.module:name``, which names a module, or a class or function that makes one without
    arguments. Raises InputError if it cannot be imported or made, or does not run on inputs of these shapes."""
    shown = printable(argument)
    _require(shown)
    from sepcalc.importers.torch.factory import at_home, made

    with at_home():
        module = made(argument, shown)
        return _shaped(shown, argument.rpartition(":")[2].rpartition(".")[2], module, request)


def from_torch(module: Any, *inputs: Any, name: str = "", batch: int | None = None, **named: Any) -> "Network":
    """The network that a module runs on these inputs, counted for one example; the module is not changed.

    ``inputs`` are the arguments of the module, ``from_torch(module, x, lengths, mask=mask)``; or all of them in one
    tuple, or in one mapping by the names of forward's parameters. (A list is one input, such as a detector's images;
    if forward fails on it, it is taken as all inputs.) sepcalc reads only the shapes and types of tensors, and the
    values of integer tensors of at most 4,096 elements; a note names the inputs whose values decided what ran. Text in
    the syntax of ``--input`` works, too: ``"224x224x3"``, or ``{"x": "1x3x224x224", "lengths": "[7, 5]", "n": "(3)"}``.
    ``batch`` is the number of examples along their first axis (1: the first axis holds no examples).
    If forward needs values that depend on the data, the network is counted up to that point, and its attribute
    ``stopped`` is not None. Raises InputError if forward fails on the inputs, or if the package torch is missing.

    >>> convolution = torch.nn.Conv2d(3, 8, 3, padding="same")
    >>> sepcalc.from_torch(convolution, torch.ones(1, 3, 32, 32)).cost.macs
    221184
    """
    _require("from_torch")
    import torch

    if isinstance(module, torch.export.ExportedProgram):
        from sepcalc.importers.pt2 import of_program

        return of_program(module, name, Request(inputs=_program_inputs(inputs, named), batch=batch))
    if not isinstance(module, torch.nn.Module):
        raise bad_input(f"from_torch needs a torch.nn.Module, not {quoted(type(module).__name__)}")
    name = name or type(module).__name__
    args, kwargs = _arguments(inputs, named)
    if args is inputs and len(args) == 1 and isinstance(args[0], list) and not _mappings(args[0]):
        return _of_a_list(name, module, args[0], batch)
    if (args and all(isinstance(one, str) for one in args)) or (kwargs and _texts(kwargs)):
        return _shaped(name, name, module, Request(inputs=_by_name(module, args, kwargs), batch=batch))
    return _counted(name, name, module, args, kwargs, batch)


def _program_inputs(inputs: Sequence[Any], named: Mapping[str, Any]) -> Mapping[str, str]:
    """The shapes that were given for a program, as text: its own are known."""
    first = inputs[0] if inputs else {}
    given = {**first, **named} if isinstance(first, Mapping) else {"": first, **named}
    if len(inputs) > 1 or not _texts(given):
        raise bad_input(
            "from_torch takes a program without inputs: its shapes are known", 'or others as text: {"x": "1x3x224x224"}'
        )
    return given


def _require(shown: str) -> None:
    try:
        import torch  # noqa: F401 - tests whether it is installed
    except ImportError as error:
        raise bad_input(f"{shown}: counting PyTorch modules needs the package torch", _HINT) from error


def _arguments(inputs: Sequence[Any], named: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments of the module. A single tuple or mapping holds all of them; a list is one input, unless it holds
    texts."""
    if len(inputs) != 1 or named:
        return inputs, named
    (given,) = inputs
    if isinstance(given, Mapping):
        return (), given
    if isinstance(given, tuple) or (isinstance(given, list) and all(isinstance(one, str) for one in given)):
        return tuple(given), {}
    return inputs, named


def _of_a_list(name: str, module: Any, given: list[Any], batch: int | None) -> "Network":
    """The network for a list: as one input, such as a detector's images; or as all inputs, if forward fails on it."""
    from sepcalc.importers.torch.running import Failed

    try:
        return _counted(name, name, module, (given,), {}, batch)
    except Failed as failure:
        try:
            return _counted(name, name, module, given, {}, batch)
        except Failed:
            raise failure from None


def _mappings(given: Any) -> bool:
    """Whether it is a list of mappings, one per image, as detectron2 uses it."""
    return isinstance(given, list) and bool(given) and all(isinstance(one, Mapping) for one in given)


def _entries(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The examples of a module that takes a list of them: mappings, or images without a batch axis."""
    if len(args) != 1 or kwargs or not isinstance(args[0], list):
        return []
    images = all(getattr(one, "ndim", 0) == 3 for one in args[0])
    return list(args[0]) if images or _mappings(args[0]) else []


def _texts(given: Mapping[str, Any]) -> bool:
    return all(isinstance(one, str) for one in given.values())


def _by_name(module: Any, args: Sequence[str], kwargs: Mapping[str, str]) -> dict[str, str]:
    """The texts by input name; a single text has the empty name."""
    if len(args) == 1 and not kwargs:
        return {"": args[0]}
    from sepcalc.importers.torch.running import positions

    names = positions(module)
    names += [f"input{at}" for at in range(len(names), len(args))]
    return {**dict(zip(names, args)), **kwargs}


def _shaped(shown: str, name: str, module: Any, request: Request) -> "Network":
    """The network for inputs given as text."""
    from sepcalc.importers.torch.texts import shaped

    def count(args: Sequence[Any], kwargs: Mapping[str, Any], guesses: Collection[str]) -> "Network":
        return _counted(shown, name, module, args, kwargs, request.batch, guesses)

    return shaped(shown, module, request, count)


# --- one example ------------------------------------------------------------------------------------------------------


def _counted(
    shown: str,
    name: str,
    module: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    batch: int | None,
    guesses: Collection[str] = (),
) -> "Network":
    """The network for one example of these inputs. The number of examples is ``batch``, or found by comparing two runs.
    ``guesses`` names the inputs whose types are guessed. Raises InputError if the module does not work on each of
    ``batch`` examples separately."""
    from torch.utils._pytree import tree_flatten, tree_map

    from sepcalc.importers.aten.examples import for_one
    from sepcalc.importers.aten.lowering import lowered
    from sepcalc.importers.common.graph_builder import unsuited
    from sepcalc.importers.torch.running import Forward, traced

    entries = _entries(args, kwargs)

    def network(of: Callable[[Any], Any], entries: Sequence[Any] = ()) -> "tuple[Trace, Lowered]":
        given, named = ([entries], {}) if entries else tree_map(of, (list(args), dict(kwargs)))
        trace = traced(Forward(shown, module, given, named, guesses))
        return trace, lowered(printable(name)[:200], trace)

    def first(value: Any) -> Any:
        return value[:1] if hasattr(value, "stride") and value.ndim and value.shape[0] == count else value

    many, all_of_them = network(lambda one: one)
    whole = all_of_them.network
    tensors = [one for one in tree_flatten((args, kwargs))[0] if hasattr(one, "stride")]
    firsts = [len(entries)] if entries else [int(one.shape[0]) for one in tensors if one.ndim]
    count = batch or (len(entries) if entries else _examples(tensors))
    if batch not in (None, 1, *firsts):
        raise unsuited(batch or 1, firsts)
    if count < 2:
        return whole
    return for_one(shown, (many, all_of_them), lambda: network(first, entries[:1]), count, batch, bool(entries))


def _examples(tensors: Sequence[Any]) -> int:
    """The number of examples that the inputs could hold: the first size that all of them share, except that inputs with
    a first axis of one are ignored (1: one example, or no common size)."""
    sizes = {int(one.shape[0]) for one in tensors if one.ndim and one.shape[0] != 1}
    return sizes.pop() if len(sizes) == 1 and max(one.ndim for one in tensors) > 1 else 1
