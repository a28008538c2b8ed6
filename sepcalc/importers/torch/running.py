"""Runs a module on tensors without data, and leaves it and its submodules as they were."""

import inspect
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy, deepcopy
from typing import Any, NamedTuple

import torch
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from torch.utils._pytree import tree_flatten, tree_map

from sepcalc.cost import COUNTS
from sepcalc.errors import InputError, Problem, bad_input, printable, quoted
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.lowering import Stop, Stored, Trace, lowered
from sepcalc.importers.aten.moves import MOVES
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.common.input_values import written
from sepcalc.importers.torch.choosing import WAYS
from sepcalc.importers.torch.dataless import Dataless, Shadow
from sepcalc.importers.torch.keeping import as_it_was
from sepcalc.importers.torch.refusals import DependsOnData, Elsewhere, NeedsType, NoShape, TooMuch
from sepcalc.importers.torch.trace import Tracer

# The hint for an operator that cannot run without data, by library.
_SHAPELESS = {
    "quantized": "count the module before quantization: its products are the same",
    "aten": "count the parts before and after",
}
_FOREIGN = "define its shapes with torch.library.register_fake"
_ELSEWHERE = "it runs in a separate thread, which is not traced: counted up to here"
_UNSHAPED = "PyTorch needs data to compute its shapes: counted up to here"
_ASKS = "what runs next depends on a value of the data: counted up to here"


_CHOSEN = "the data chooses which layers run: one choice is counted, and other choices that were tried cost the same"
_LEARNED = "what runs next depends on values of parameters, which are not read: counted up to here"
_EXPORTED = "its forward depends on values of the data: what runs when PyTorch exports it is counted"


def sizes(tensor: Any) -> str:
    """The sizes of a tensor as text: ``1x3x224x224``."""
    return "x".join(map(str, tensor.shape))


class Failed(InputError):
    """Forward fails on the inputs."""


class Wanted(InputError):
    """What runs depends on values of inputs, which were not given."""


class Forward(NamedTuple):
    """A forward to run: the name of the module in messages, the module and its arguments. ``guesses`` names the inputs
    whose types are guessed."""

    name: str
    module: torch.nn.Module
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    guesses: Collection[str] = ()


def traced(forward: Forward) -> Trace:
    """One run of the module's forward. If it depends on the data, it runs again as in PyTorch's export, since much code
    then skips data checks. If it still does, the trace ends there. Raises Failed if forward fails, and NeedsType if an
    input with a guessed type needs another one."""
    trace = _run(forward)
    if trace.stop is None or trace.stop.reason not in (_ASKS, _LEARNED):
        return trace
    if any(one.origins & set(forward.guesses) for one in trace.stop.call.tensors()):
        with suppress(InputError):  # a later operator may reveal its type
            _run(forward, probing=True)
    with suppress(InputError), _as_exported():
        whole = _run(forward)
        if whole.stop is None:
            return whole._replace(notes=(_EXPORTED, *whole.notes))
    if any(row_of(call.key).chooses for call in trace.calls):
        with suppress(InputError):
            return _whatever_is_chosen(forward) or trace
    return trace


def _whatever_is_chosen(forward: Forward) -> Trace | None:
    """The run with made-up choices of the data, if every kind of choice costs the same."""
    traces, costs = list[Trace](), set[tuple[int, ...]]()
    for way in range(WAYS):
        trace = _run(forward, way)
        if trace.stop is not None:
            return None
        network = lowered(forward.name, trace).network
        unknown = network.incomplete if network.complete else ()  # no other cost is unknown
        known = [which for which in COUNTS if which not in unknown]
        costs.add(tuple([getattr(network.cost, which) for which in known]))
        traces.append(trace)
    return traces[0]._replace(notes=(_CHOSEN, *traces[0].notes)) if len(costs) == 1 else None


class Said(torch.Tensor):
    """Values given as text: they are read, whatever their type."""


def _is_whole(value: torch.Tensor) -> bool:
    return not (value.dtype.is_floating_point or value.dtype.is_complex)


def _behind(value: torch.Tensor) -> torch.Tensor:
    """The stand-in for an input: a tensor without data. Small inputs keep their values if they were given as text, or
    if they are integers."""
    if (_is_whole(value) or isinstance(value, Said)) and not value.is_meta and value.numel() <= VALUES:
        return value.detach().as_subclass(torch.Tensor).to("cpu", copy=True)
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def _like(value: Any, entries: Mapping[Any, Any]) -> Any:
    """A dictionary of the same kind with these entries."""
    made = copy(value)
    for key, entry in entries.items():
        made[key] = entry
    return made


@contextmanager
def _in_place(module: torch.nn.Module, tracer: Tracer) -> Iterator[None]:
    """Replaces the module's tensors by tensors without data, and sets all its submodules to inference mode, during the
    block. The user's tensors are never written, and code sees all tensors on a CPU."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a fused operator for a whole layer: counted as its parts
    try:
        for one in module.modules():
            one.training = False
            if isinstance(one, torch.jit.ScriptModule):
                continue  # a compiled module: its tensors cannot be replaced
            for tensors in (one._parameters, one._buffers):
                for label, tensor in tensors.items():
                    if type(tensor) in _PLAIN:
                        tensors[label] = tracer.twin(tensor)
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


_PLAIN = {torch.Tensor, torch.nn.Parameter, Shadow}
PATIENCE = 0.2  # seconds to wait for threads to end
VALUES = 4096  # the most elements of an integer input whose values are read


@contextmanager
def _as_exported() -> Iterator[None]:
    """Makes ``torch.compiler.is_compiling()`` true during the block."""
    before = torch.compiler._is_compiling_flag
    torch.compiler._is_compiling_flag = True
    try:
        yield
    finally:
        torch.compiler._is_compiling_flag = before


def _run(forward: Forward, way: int | None = None, probing: bool = False) -> Trace:
    """One run of the module's forward, to its end or to the point where it cannot be followed; ``probing`` continues
    past that point with made-up answers. Raises InputError if it fails, and NeedsType as :func:`traced`."""
    name, module, args, kwargs, guesses = forward
    if any(map(is_lazy, (*module.parameters(), *module.buffers()))):
        module = _after_a_run(forward)
    tracer = Tracer(module, guesses)
    tracer.way, tracer.probing = way, probing
    valueless = dict[str, torch.Tensor]()
    inputs: dict[str, Tensor] = {}

    def fed(label: str, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if value.is_nested or value.is_quantized or value.layout != torch.strided:
                kind = "nested" if value.is_nested else "quantized" if value.is_quantized else "sparse"
                raise bad_input(f"{name}: its input {quoted(label)} is {kind}: expected a dense tensor")
            if 0 in value.shape:
                raise bad_input(f"{name}: its input {quoted(label)} is {sizes(value)}: expected sizes from 1")
            twin = _behind(value)
            inputs[label] = tracer.feed(twin, label)
            if value.is_meta and value.numel() <= VALUES and (_is_whole(value) or label in guesses):
                valueless[label] = value  # the user could give these values
            return Shadow(twin)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*[fed(f"{label}.{key}", one) for key, one in zip(value._fields, value)])
        if isinstance(value, (list, tuple)):
            return type(value)([fed(f"{label}.{at}", one) for at, one in enumerate(value)])
        if isinstance(value, dict):
            entries = {key: fed(f"{label}.{key}", one) for key, one in value.items()}
            return entries if type(value) is dict else _like(value, entries)
        return value

    names = positions(module)
    names += [f"input{at}" for at in range(len(names), len(args))]
    given = [fed(label, value) for label, value in zip(names, args)]
    named = {label: fed(label, value) for label, value in kwargs.items()}
    if not inputs:
        raise bad_input(f"{name}: there is no tensor among its inputs")
    with as_it_was(module), _in_place(module, tracer), torch.random.fork_rng(devices=[]), tracer.following():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # user code's warnings do not concern counts
                result = tracer.refusing.whole(lambda: _waited_for(lambda: module(*given, **named)))
        except DependsOnData as fact:
            origins = frozenset[str]().union(*[one.origins for one in fact.call.tensors()])
            read = [valueless[label] for label in origins if label in valueless]
            listed = all(_is_whole(one) or one.ndim < 2 for one in read) or _as_given(fact.call, tracer.ledger.calls)
            listed = listed or len(read) < len(inputs)  # some inputs do not decide it
            weighed = any(one.roots for one in fact.call.tensors())  # values of inputs do not suffice
            if origins and len(read) == len(origins) and listed and not weighed:
                raise Wanted([_wanted(name, fact.call, {label: valueless[label] for label in origins})]) from fact
            learned = weighed and not any(one.live for one in fact.call.tensors())
            return _trace(tracer, inputs, {}, Stop(fact.call, _LEARNED if learned else _ASKS))
        except Elsewhere as fact:
            return _trace(tracer, inputs, {}, Stop(fact.call, _ELSEWHERE))
        except NoShape as fact:
            reason = f"{_UNSHAPED}; {_SHAPELESS.get(fact.call.library, _FOREIGN)}"
            return _trace(tracer, inputs, {}, Stop(fact.call, reason))
        except TooMuch as fact:
            raise bad_input(f"{name}: its forward runs more operators than can be followed") from fact
        except NeedsType:
            raise
        except (Exception, SystemExit) as error:  # it is their code
            where = f" in {tracer.path}" if tracer.path else ""
            shapes = ", ".join(f"{label}={sizes(one)}" for label, one in inputs.items())
            raise Failed(
                [Problem(f"{name}: its forward fails{where}: {error_line(error)}", f"it was given {printable(shapes)}")]
            ) from error
    outputs = {label: tracer.look(tracer.inner(one)) for label, one in _results(result)}
    if not any(one.live for one in outputs.values()):
        raise bad_input(f"{name}: its forward returns no tensor that depends on its inputs")
    return _trace(tracer, inputs, outputs)


def _waited_for(run: Callable[[], Any]) -> Any:
    """The result of ``run``, after the threads that it started have ended or some time has passed: they may read data,
    and only this waits for them."""
    before = set(threading.enumerate())
    result = run()
    end = time.monotonic() + PATIENCE
    for one in set(threading.enumerate()) - before:
        one.join(max(0.0, end - time.monotonic()))
    return result


def _trace(
    tracer: Tracer, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor], stop: Stop | None = None
) -> Trace:
    """The trace of a run, from all that the tracer knows."""
    parameters = [
        Stored(label, 0 if is_lazy(one) else one.numel(), one.dtype.itemsize, at < tracer.trained)
        for at, (label, one) in enumerate(tracer.parameters)
    ]
    notes = _decided(tracer.decided)
    return Trace(tracer.ledger.calls, inputs, outputs, parameters, tracer.leaf_runs, notes, stop, tracer.classes)


def _wanted(name: str, call: Call, inputs: Mapping[str, torch.Tensor]) -> Problem:
    """The problem of inputs whose values decide what runs, and the options that give them."""
    several = "inputs" if len(inputs) > 1 else "input"
    where = f"{call.op} in {call.path}" if call.path else call.op
    message = f"{name}: what runs depends on the values of its {several} {', '.join(map(quoted, inputs))} ({where})"
    lines = [f'--input "{label}={written(_ones(one.shape, one.dtype == torch.bool))}"' for label, one in inputs.items()]
    return Problem(message, f"give them, for example {' '.join(lines)}")


def _ones(shape: Sequence[int], truths: bool = False) -> Any:
    """Example values of this shape, for a hint."""
    return [_ones(shape[1:], truths)] * shape[0] if shape else truths or 1


def _as_given(asked: Call, calls: Sequence[Call]) -> bool:
    """Whether a call reads an input's own elements, at most moved: then they are probably sizes or indices."""
    makers = {output.at: call for call in calls for output in call.outputs}
    stack, seen = list(asked.tensors()), set[int]()
    while stack:
        one = stack.pop()
        if one.at in makers and one.at not in seen:
            if makers[one.at].op not in MOVES:
                return False
            stack += makers[one.at].tensors()
        seen.add(one.at)
    return True


def _decided(labels: Collection[str]) -> tuple[str, ...]:
    """The note on inputs whose values were read."""
    if not labels:
        return ()
    several = "inputs" if len(labels) > 1 else "input"
    return (f"the values of the {several} {', '.join(map(quoted, sorted(labels)))} decided what ran",)


def _after_a_run(forward: Forward) -> torch.nn.Module:
    """A copy of a module with lazy parameters, after a first run that sets their shapes; all its parameters are without
    data. Raises InputError if it cannot be copied or run."""
    name, module, args, kwargs, _ = forward
    twins: dict[int, Any] = {}
    for one in (*module.parameters(), *module.buffers()):
        if isinstance(one, (UninitializedBuffer, UninitializedParameter)):
            make: Any = type(one)  # PyTorch's stubs declare other arguments than it accepts
            twins[id(one)] = make(one.requires_grad, "meta", one.data.dtype)
        elif isinstance(one, torch.nn.Parameter):
            twins[id(one)] = torch.nn.Parameter(torch.empty_like(one, device="meta"), one.requires_grad)
    given, named = tree_map(
        lambda one: Shadow(torch.empty_like(one, device="meta")) if isinstance(one, torch.Tensor) else one,
        (list(args), dict(kwargs)),
    )
    try:
        copied = deepcopy(module, twins).eval()
        with torch.random.fork_rng(devices=[]), torch.no_grad(), Dataless(always=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copied(*given, **named)
    except (Exception, SystemExit) as error:  # it is their code
        message = f"{name}: a first run, which would give all of its parameters a shape, fails: {error_line(error)}"
        raise bad_input(message, "run the module once first") from error
    return copied


def error_line(error: BaseException) -> str:
    """An exception in one line."""
    first = next(iter(str(error).strip().splitlines()), "")
    text = printable(first)
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def positions(module: torch.nn.Module) -> list[str]:
    """The names of forward's positional parameters."""
    return [
        label
        for label, kind in signature(module).items()
        if kind.kind in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)
    ]


def signature(module: torch.nn.Module) -> Mapping[str, inspect.Parameter]:
    """The parameters of forward by name."""
    try:
        return inspect.signature(module.forward).parameters
    except (TypeError, ValueError):
        return {}


def _results(result: Any) -> list[tuple[str, torch.Tensor]]:
    """The output tensors of forward, by name."""
    if isinstance(result, torch.Tensor):
        return [("output", result)]
    if hasattr(result, "__dataclass_fields__") and not isinstance(result, Mapping):
        result = vars(result)
    if isinstance(result, Mapping):
        pairs = [(str(key), value) for key, value in result.items()]
    else:
        pairs = [(f"output{at}", value) for at, value in enumerate(tree_flatten(result)[0])]
    found = []
    for label, value in pairs:
        leaves = [one for one in tree_flatten(value)[0] if isinstance(one, torch.Tensor)]
        found += [(printable(label if len(leaves) == 1 else f"{label}.{at}"), one) for at, one in enumerate(leaves)]
    return found
