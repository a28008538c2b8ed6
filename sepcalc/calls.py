"""Calls of the functions of ``sepcalc`` that do not fit them, and names that a result does not have, answered by what
was meant. What looks for it is loaded only after an error."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, near_miss, printable
from sepcalc.extras import EXTRAS, install


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of ``sepcalc``. Where a call does not fit it, it raises TypeError with the call that was meant, or
    an example; an InputError gets the call that was meant as its hint, where one is known."""

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except InputError as error:
            meant = _meant(Call(function.__name__, args, named), error)
            if meant is None:
                raise
            *before, last = error.problems
            wrong = InputError([*before, last._replace(hint=str(meant), meant=None)])
        except (TypeError, AttributeError) as error:
            call = Call(function.__name__, args, named)
            raise TypeError(_said(function, call, _meant(call, error))) from error
        raise wrong from None

    call.__module__ = "sepcalc"  # where it is found by pickle
    return call


class Call(NamedTuple):
    """A call of a function of ``sepcalc`` by its name."""

    name: str
    args: tuple[Any, ...]
    named: Mapping[str, Any]

    def __str__(self) -> str:
        words = [*map(_written, self.args), *[f"{name}={_written(value)}" for name, value in self.named.items()]]
        return f"sepcalc.{self.name}({', '.join(words)})"

    def run(self) -> Any:
        """What it returns. Raises what it raises."""
        import sepcalc

        return getattr(sepcalc, self.name).__wrapped__(*self.args, **self.named)


def _written(value: Any) -> str:
    """A value as Python writes it; a network as it was loaded."""
    from sepcalc.network import Network

    if isinstance(value, Network):
        return f"sepcalc.load({value.document.argument!r})" if value.document else "network"
    if _is_torch(value, "Module"):
        return "module"
    if _is_torch(value, "Tensor"):
        return f"torch.ones({', '.join(map(str, value.shape))})"
    return repr(value)


def _is_torch(value: Any, kind: str) -> bool:
    """Whether a value is PyTorch's Module or Tensor, without loading PyTorch."""
    return any(one.__name__ == kind and one.__module__.partition(".")[0] == "torch" for one in type(value).__mro__)


def _meant(call: Call, error: Exception) -> Call | None:
    """The call that was meant by one that failed; None where no other runs, the error says what was meant, or a package
    is missing."""
    meant = call
    if isinstance(error, InputError) and any(one.hint in map(install, EXTRAS) for one in error.problems):
        return None
    if isinstance(error, InputError) and (answered := [one.meant for one in error.problems if one.meant]):
        if call.name != "from_torch":
            return None
        text = answered[-1].line.removeprefix("--input ")
        name, _, shape = text.rpartition("=")
        meant = call._replace(args=(*call.args[:1], {name: shape} if name else shape), named={})
    else:
        for step in _STEPS:
            meant = step(meant)
    if str(meant) == str(call):
        return None
    try:
        meant.run()
    except Exception:  # it was not what was meant
        return None
    return meant


def _said(function: Callable[..., Any], call: Call, meant: Call | None) -> str:
    """What to say of a call that does not fit: what is wrong, and the call that was meant, or an example."""
    from inspect import signature

    takes = signature(function)
    shown = f"sepcalc.{call.name}() does not take such arguments"
    try:
        takes.bind(*call.args, **call.named)
    except TypeError as error:
        shown = f"sepcalc.{call.name}(): {error}"
    lines = [line.partition(">>> ")[2] for line in (function.__doc__ or "").split("\n") if ">>> " in line]
    example = next((line for line in lines if f"sepcalc.{call.name}(" in line), "")
    return f"{shown}: it takes {', '.join(takes.parameters) or 'nothing'}\n  hint: {meant or f'for example {example}'}"


# --- what may have been meant: each step mends one kind of mistake, and leaves any other call as it is ----------------


def _renamed(call: Call) -> Call:
    """Keywords of other functions and tools."""
    from sepcalc.foreign import KEYWORDS

    known = {word: ours for ours, words in KEYWORDS.get(call.name, {}).items() for word in words.split()}
    return call._replace(named={known.get(name, name): value for name, value in call.named.items()})


def _spec(call: Call) -> Call:
    """A layer in pieces: ``compare("12x12x3", kernel=5, out=256)``, ``parse((12, 12, 3), "conv")``."""
    from sepcalc.spec import Spec, parse

    own = ("variants", "claimed", "seed", "layers", "sample", "progress", "also", "commands")
    options = {name: value for name, value in call.named.items() if name not in own}
    pieces = all(isinstance(arg, str | int | tuple | list) for arg in call.args)
    if call.name not in ("compare", "parse", "verify") or not call.args or not pieces:
        return call
    if len(call.args) == 1 and not options and not isinstance(call.args[0], tuple | list):
        return call
    sizes = ["x".join(map(str, arg)) if isinstance(arg, tuple | list) else str(arg) for arg in call.args]
    named = [f"-{name}{value}" if len(name) == 1 else f"{name}={value}" for name, value in options.items()]
    text = " ".join([*sizes, *named])
    try:
        spec: Spec | str = parse(text, ("multiplier", "rank"))
    except InputError as error:
        spec = next((problem.meant.line for problem in error.problems if problem.meant), "")
    rest = {name: value for name, value in call.named.items() if name in own}
    return call._replace(args=(str(spec),), named=rest) if str(spec) else call


def _network(call: Call) -> Call:
    """Another thing in the place of a network: its name, a PyTorch module, a network where a name is taken."""
    from sepcalc.source import is_network

    first = call.args[0] if call.args else None
    name = isinstance(first, str) and is_network(first)
    if name and call.name == "compare" and len(call.args) == 1 and not call.named:
        return Call("load", (first,), {})
    if call.name == "zoo" and isinstance(first, str):
        return Call("load", (f"zoo:{first.removeprefix('zoo:')}",), call.named)
    if call.name == "from_torch" and name:
        shape = call.args[1] if len(call.args) == 2 else None
        return Call("load", (first,), {**call.named, **({"input": shape} if isinstance(shape, str) else {})})
    if call.name in ("baseline", "load", "check") and isinstance(first, list | tuple) and len(call.args) == 1:
        return call._replace(args=tuple(first))
    return call


def _module(call: Call) -> Call:
    """A PyTorch module that is to be loaded, and sizes in the place of tensors."""
    if call.name in ("load", "compare", "verify") and call.args and _is_torch(call.args[0], "Module"):
        inputs = [value for value in (*call.args[1:], *call.named.values()) if value is not None]
        call = Call("from_torch", (call.args[0], *(inputs or ["224x224x3"])), {})
    if call.name != "from_torch" or not call.args or not _is_torch(call.args[0], "Module"):
        return call
    given = [*call.args[1:], *call.named.values()] or ["224x224x3"]
    sizes = given[0] if len(given) == 1 else given
    if not isinstance(sizes, tuple | list) or not all(isinstance(size, int) for size in sizes) or not sizes:
        return call._replace(args=(call.args[0], *given)) if not call.args[1:] and not call.named else call
    import torch

    sizes = sizes if len(sizes) != 3 or sizes[-1] > 4 else (sizes[2], *sizes[:2])
    shape = (1, *sizes) if len(sizes) == 3 else tuple(sizes)
    return Call("from_torch", (call.args[0], torch.ones(shape, device="meta")), {})


def _limits(call: Call) -> Call:
    """Limits as text, as the command line has them, or as keywords: ``max="macs=1M"``, ``fit(net, macs=3000)``."""
    from sepcalc.foreign import metric

    if call.name not in ("check", "fit"):
        return call
    named = {name: value for name, value in call.named.items() if name != "max" and not metric(name)}
    limits = [call.named["max"]] if "max" in call.named else list(call.args[1:2])
    given = limits[0] if limits else {}
    texts = [given] if isinstance(given, str) else given
    if not isinstance(given, Mapping):
        if not isinstance(texts, list | tuple):
            texts = [f"macs={given}"]
        pairs = [str(text).partition("=") for one in texts for text in str(one).split(",")]
        given = {name.strip(): most.strip() for name, _, most in pairs}
    given = {metric(name) or name: most for name, most in [*given.items(), *call.named.items()] if name not in named}
    given = {name: most for name, most in given.items() if name != "max"}
    if not given:
        return call
    if call.name == "check":
        return call._replace(args=call.args[:1], named={"max": given, **named})
    with_units = {name: _amount(call, name, most) for name, most in given.items()}
    return call._replace(args=(*call.args[:1], with_units), named=named)


def _amount(call: Call, metric: str, most: Any) -> Any:
    """A limit of fit, a number: of ``"300M"``, and of the share ``"50%"`` of what the network has."""
    from sepcalc.commands.subjects import subject
    from sepcalc.gate.limits import read_limit
    from sepcalc.gate.metrics import measured

    if not isinstance(most, str):
        return most
    try:
        if most.endswith("%"):
            return int(
                measured(subject(call.args[0]).document.network, metric.replace("-", "_")) * float(most[:-1]) / 100
            )
        return read_limit(metric, most).most.floor
    except (Invalid, ValueError, TypeError, KeyError):
        return most


def _rules(call: Call) -> Call:
    """Rules as a mapping or as a variant alone, and variants as one text."""
    from sepcalc.foreign import variant

    if call.name == "whatif" and "rules" in call.named:
        call = call._replace(
            args=(*call.args[:1], call.named["rules"]), named={k: v for k, v in call.named.items() if k != "rules"}
        )
    if call.name == "whatif" and len(call.args) > 1:
        rules = call.args[1]
        if isinstance(rules, Mapping):
            listed = [f"{glob}={variant(str(new)) or new}" for glob, new in rules.items()]
            rules = listed[0] if len(listed) == 1 else listed
        elif isinstance(rules, str) and variant(rules):
            rules = f"*={variant(rules)}"
        return call._replace(args=(call.args[0], rules, *call.args[2:]))
    given = call.named.get("variants")
    if isinstance(given, str | list | tuple):
        names = [given] if isinstance(given, str) else given
        return call._replace(named={**call.named, "variants": [variant(str(name)) or name for name in names]})
    return call


_STEPS: Sequence[Callable[[Call], Call]] = (_renamed, _network, _module, _spec, _limits, _rules)


# --- what a result does not have --------------------------------------------------------------------------------------


def lacking(result: object, name: str) -> Any:
    """Raises AttributeError for an attribute that a result lacks, with the one that was meant."""
    if hasattr(type(result), name):  # a property, which says itself what is wrong
        return object.__getattribute__(result, name)
    from sepcalc.foreign import ATTRIBUTES, metric, plain

    own = sorted(one for one in {*dir(result)} if one[0] != "_" and one not in ("count", "index"))
    count = metric(name).replace("-", "_")
    others = [one for one in own if plain(name) in ATTRIBUTES.get(one, "").split()]
    if "cost" in own and hasattr(result.cost, count or "-"):  # type: ignore[attr-defined]  # as own says
        hint = f"its counts are in cost: .cost.{count}"
    elif near := others[:1] or near_miss(name, own).removeprefix("did you mean ").removesuffix("?").split():
        hint = f"did you mean .{near[0]}?"
    elif name in ("best", "cheapest") and hasattr(result, "__iter__"):
        hint = "min(comparison, key=lambda one: one.cost.mults) is the cheapest"
    elif name in ("report", "show", "table", "print"):
        hint = "print() shows it"
    elif plain(name) in ("tojson", "json", "todict", "dict", "asdict"):
        hint = "the commands write JSON: sepcalc network FILE --format json"
    else:
        hint = f"it has {', '.join(own)}"
    raise AttributeError(f"a {type(result).__name__} has no {printable(name)!r}: {hint}")


def missing(what: str, name: object, known: Iterable[str], meant: str = "") -> KeyError:
    """The error for a name that a result does not have: what is there, or what was ``meant``."""
    names = list(known)
    if not isinstance(name, str):
        return KeyError(f"a {what} goes by its name, not by {name!r}: {', '.join(map(repr, names[:3]))} …")
    hint = f"did you mean {meant}?" if meant in names else near_miss(name, names)
    return KeyError(f"there is no {what} {name!r}: {hint or 'there are ' + ', '.join(names[:20])}")
