"""What a module does when it runs, as a list of calls of ATen operators on tensors without data.

In inference mode PyTorch hands an operator to a dispatch mode before it takes it apart, so that an LSTM, an attention
or a convolution with ``padding='same'`` arrives as what it is; what the table of handlers does not know is taken apart
by PyTorch itself. Tensors that depend on the inputs, parameters and large constants have no data (``meta``); small
constants are computed for real, so that code that asks for their values goes on.
"""

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from sepcalc.importers.torch.calls import RANDOM, Call, Tensor, every
from sepcalc.importers.torch.refusals import DependsOnData, NeedsWhole, NoShape, Refusing, TooMuch

SMALL = 65_536  # elements of a constant that is computed for real
LARGE = SMALL**2 >> 6  # elements of its inputs, multiplied, from which an operator is not computed for real
MOST_CALLS = 200_000

_WHOLE = {"embedding": "indices", "embedding_bag": "indices", "one_hot": "self", "gather": "index"}
_STEPS = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
_DATA = {"_local_scalar_dense", "equal", "is_nonzero", "item", "nonzero", "masked_select", "unique_dim", "bincount"}
_DATA |= {"_unique2", "unique_consecutive", "nonzero_numpy", "argwhere", "allclose", "unique_dim_consecutive"}
_ASKING = {"aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal", "aten::allclose"}
_UNRELATED = {  # of their tensor they read the sizes alone
    *("zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"),
    *("new_empty_strided", "sym_size", "size", "is_same_size"),
}
_LIKE = {
    "to",
    "type_as",
    "view_as",
    "reshape_as",
    "expand_as",
}  # of the other tensor they read the type or the sizes alone


def _kind(tensor: torch.Tensor) -> str:
    if tensor.dtype == torch.bool:
        return "b"
    if tensor.dtype.is_complex:
        return "c"
    return "f" if tensor.dtype.is_floating_point else "i"


def _number(tensor: torch.Tensor, value: int) -> bool | int | float | complex:
    """A number of the kind that the tensor has."""
    numbers: dict[str, Any] = {"b": bool, "i": int, "f": float, "c": complex}
    return numbers[_kind(tensor)](value)  # type: ignore[no-any-return]


def _storage(tensor: torch.Tensor) -> int:
    number: int = tensor.untyped_storage()._cdata
    return number


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and bool(argument.alias_info.is_write)


def composite(func: Any) -> bool:
    """Whether PyTorch itself can take this operator apart."""
    found: bool = torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")
    return found


def _states(name: str, bound: Mapping[str, Any]) -> tuple[torch.Tensor, ...]:
    """What a recurrent layer gives, without running step after step."""
    x, states = bound["data" if "batch_sizes" in bound else "input"], bound["hx"]
    ways = 2 if bound["bidirectional"] else 1
    first = states[0] if isinstance(states, (list, tuple)) else states
    made = [x.new_empty((*x.shape[:-1], ways * first.shape[-1])), first.new_empty(first.shape)]
    if name == "lstm":
        made.append(states[1].new_empty(states[1].shape))
    return tuple(made)


def _product(bound: Mapping[str, Any]) -> torch.Tensor | None:
    """What rows in groups give by a matrix for each group, whose shape PyTorch tells of one type alone."""
    rows, matrices = bound["self"], bound["mat2"]
    fits = rows.ndim == 2 and matrices.ndim == 3 and rows.shape[1] == matrices.shape[1]
    return rows.new_empty((rows.shape[0], matrices.shape[2])) if fits else None


def _packed(sequences: torch.Tensor, lengths: torch.Tensor, first: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences without their padding, step after step, and how many sequences have each step."""
    sizes = (lengths[None] > torch.arange(int(lengths.max()))[:, None]).sum(1)
    return sequences.new_empty((int(lengths.sum()), *sequences.shape[2:])), sizes


class Dataless(TorchDispatchMode):
    """Runs everything on tensors without data but small constants: large factories and whatever meets a tensor without
    data have none (``always``: nor has any other). Who asks for an element of one, as initializers do, gets zero."""

    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.always = always
        self.kept: list[Any] = []  # so that an id means one tensor
        self.bases: dict[tuple[int, torch.dtype], torch.Tensor] = {}
        self.copies: dict[int, torch.Tensor] = {}

    def meta(self, tensor: torch.Tensor) -> torch.Tensor:
        """The twin without data: views of one storage are views of one twin."""
        if tensor.is_meta:
            return tensor
        if tensor.layout != torch.strided:
            return tensor.to("meta")
        key = (_storage(tensor), tensor.dtype)
        if key not in self.bases:
            size = max(tensor.untyped_storage().nbytes() // tensor.element_size(), 1)
            self.bases[key] = torch.empty(size, dtype=tensor.dtype, device="meta")
            self.kept.append(tensor)
        base = self.bases[key]
        if tensor.is_conj() or tensor.is_neg():
            return torch.empty_like(tensor, device="meta")
        return base.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())

    def mixed(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Whether an operator on these runs without data: one of them has none, or its result could be large."""
        return any(one.is_meta for one in tensors) or math.prod(max(1, one.numel()) for one in tensors) > LARGE

    def run(self, func: Any, args: Any, kwargs: Any, tensors: Sequence[torch.Tensor], dataless: bool = False) -> Any:
        """The operator's result, without data if that is asked for; the tensors have data all or none of them."""
        placed = not tensors and any(argument.name == "device" for argument in func._schema.arguments)
        if not tensors or tensors[0].is_meta:
            result = func(*_on(args, "meta"), **_on(kwargs, "meta", placed))
            made = [one for one in tree_flatten(result)[0] if isinstance(one, torch.Tensor)]
            if tensors or dataless or any(one.numel() > SMALL for one in made):
                return result
        return func(*_on(args, "cpu"), **_on(kwargs, "cpu", placed))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs, tensors = self.alike(args, kwargs or {}, self.always)
        if func is torch.ops.aten._local_scalar_dense.default and tensors[0].is_meta:
            # an initializer looks at the weights that it drew: whether any must be drawn again, say
            return _number(tensors[0], 0)
        return self.run(func, args, kwargs, tensors, self.always)

    def alike(self, args: Any, kwargs: Any, dataless: bool = False) -> tuple[Any, Any, list[torch.Tensor]]:
        """The arguments, their tensors with data all or none of them (none: ``dataless``); and these tensors."""
        tensors = _found((args, kwargs))
        if (dataless or self.mixed(tensors)) and not all(one.is_meta for one in tensors):
            change = lambda one: self.meta(one) if isinstance(one, torch.Tensor) else one  # noqa: E731
            args, kwargs = tree_map(change, args), tree_map(change, kwargs)
            tensors = _found((args, kwargs))
        return args, kwargs, tensors


def _found(values: Any) -> list[torch.Tensor]:
    return [one for one in tree_flatten(values)[0] if isinstance(one, torch.Tensor)]


def _asks(name: str, args: Sequence[Any]) -> bool:
    """Whether the result's size is for the data to tell: where something is true."""
    if name == "index":
        return any(one.is_meta and one.dtype in (torch.bool, torch.uint8) for one in _found(args[1]))
    return name == "where" and len(args) == 1


def _whole(indices: Sequence[torch.Tensor | None]) -> list[torch.Tensor | None]:
    """Indices with the places where a mask that has data is true."""
    places: list[torch.Tensor | None] = []
    for one in indices:
        masks = one is not None and not one.is_meta and one.dtype in (torch.bool, torch.uint8)
        places += one.nonzero().unbind(1) if one is not None and masks else [one]
    return places


def _plain(name: str) -> str:
    """An operator's name without what tells its in-place form."""
    return name[:-1] if name.endswith("_") and not name.startswith("__") else name


def _bound(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by the names of the operator's schema, defaults filled in."""
    values = {}
    for at, argument in enumerate(func._schema.arguments):
        if at < len(args):
            values[argument.name] = args[at]
        elif argument.name in kwargs:
            values[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            values[argument.name] = argument.default_value
    return values


def _on(values: Any, device: str, named: bool = False) -> Any:
    """Arguments that name a device, naming this one."""
    place = torch.device(device)
    values = tree_map(lambda one: place if isinstance(one, torch.device) else one, values)
    if isinstance(values, dict):
        values.pop("pin_memory", None)
        if named:
            values["device"] = place
    return values


class Tracer(Dataless):
    """Follows one run of a module's forward."""

    supports_higher_order_operators = True

    def __init__(self, handled: Container[str], noted: Container[str], module: torch.nn.Module) -> None:
        super().__init__()
        self.handled = handled
        self.noted = noted  # operators that count even on tensors without parameters in them
        self.calls: list[Call] = []
        self.parameters: list[tuple[str, torch.Tensor]] = []
        self.numbers: dict[int, int] = {}
        for name, parameter in module.named_parameters():
            self.numbers[id(parameter)] = len(self.parameters)
            self.parameters.append((name, parameter))
        self.paths = {id(one): name.replace(".", "/") for name, one in module.named_modules()}
        self.leaves = {id(one) for one in module.modules() if not any(True for _ in one.children())}
        self.runs = 0
        self.stack: list[tuple[int, int, str]] = []
        self.leaf_runs = set[int]()
        self.known: dict[int, Tensor] = {}
        self.made = 0
        self.writes: dict[int, list[Tensor]] = {}
        self.spans: dict[int, tuple[int, int]] = {}
        self.seen: dict[int, int] = {}
        self.tainted = set[int]()
        self.owners: dict[int, torch.Tensor] = {}  # by storage, a tensor in it that depends on the inputs
        self.refusing = Refusing(self._asked)
        self.answers = 0  # to what was asked after a refusal

    # --- modules --------------------------------------------------------------------------------------------------

    @contextmanager
    def following(self) -> Iterator[None]:
        """Every module's run is noted while this lasts; nothing is left on the modules."""
        hooks = [register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave)]
        try:
            with torch.inference_mode(), self, self.refusing:
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, module: torch.nn.Module, _: Any) -> None:
        self.runs += 1
        path = self.paths.get(id(module))
        if path is None:
            path = "/".join(filter(None, [self.path, type(module).__name__.lower()]))
        if id(module) in self.leaves:
            self.leaf_runs.add(self.runs)
        self.stack.append((id(module), self.runs, path))

    def _leave(self, module: torch.nn.Module, _: Any, __: Any) -> None:
        while self.stack and self.stack.pop()[0] != id(module):
            pass

    @property
    def path(self) -> str:
        return self.stack[-1][2] if self.stack else ""

    # --- tensors --------------------------------------------------------------------------------------------------

    def feed(self, tensor: torch.Tensor, name: str) -> Tensor:
        """An input of the network."""
        return self._new(tensor, True, (), frozenset([name]))

    def _new(
        self, tensor: torch.Tensor, live: bool, roots: tuple[int, ...], origins: frozenset[str] = frozenset()
    ) -> Tensor:
        made = Tensor(self.made, tuple(map(int, tensor.shape)), _kind(tensor), live, roots, origins)
        self.made += 1
        self.known[id(tensor)] = made
        self.kept.append(tensor)
        if tensor.layout == torch.strided:
            self.seen[made.at] = len(self.writes.get(_storage(tensor), ()))
            if live:
                self.owners[_storage(tensor)] = tensor
            start = tensor.storage_offset()
            reach = sum((size - 1) * abs(step) for size, step in zip(tensor.shape, tensor.stride()) if size)
            self.spans[made.at] = (start, start + reach + 1)
        return made

    def inner(self, tensor: torch.Tensor) -> torch.Tensor:
        """What stands for a tensor in the trace: nothing of the caller's is ever written; a constant into which
        something that depends on the inputs was written has no data any more."""
        if id(tensor) in self.copies:
            return self.copies[id(tensor)]
        number = self.numbers.get(id(tensor))
        if id(tensor) in self.known:
            if tensor.is_meta or tensor.layout != torch.strided or _storage(tensor) not in self.tainted:
                return tensor
            twin = self.meta(tensor)
            self.seen[self._new(twin, False, ()).at] = 0
        elif number is None and tensor.is_meta and tensor.layout == torch.strided and _storage(tensor) in self.owners:
            owner = self.known[id(self.owners[_storage(tensor)])]  # a view that no operator made
            self._note("aliased", {"self": owner, "written": owner}, (self._new(tensor, *owner[3:]),))
            return tensor
        else:
            with torch.inference_mode(tensor.is_inference()):  # what is a view of theirs must be one of the twin
                if number is not None or tensor.is_meta or tensor.numel() > SMALL or tensor.layout != torch.strided:
                    twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
                else:
                    twin = tensor.detach().to("cpu").clone()
            self._new(twin, False, () if number is None else (number,))
        self.kept.append(tensor)
        self.copies[id(tensor)] = twin
        return twin

    def look(self, tensor: torch.Tensor) -> Tensor:
        """What is known of a tensor, after all that was written into its storage."""
        found = self.known.get(id(tensor))
        if found is None:
            found = self._new(tensor, False, ())
        if tensor.layout != torch.strided:
            return found
        writes = self.writes.get(_storage(tensor), [])
        start, end = self.spans[found.at]
        for written in writes[self.seen[found.at] :]:
            first, last = self.spans[written.at]
            if first >= end or last <= start:
                continue
            joined = self._joined(found, written)
            made = self._new(tensor, joined[0], joined[1], joined[2])
            if made.live:
                self._note("aliased", {"self": found, "written": written}, (made,))
            found = made
        return found

    @staticmethod
    def _joined(*tensors: Tensor) -> tuple[bool, tuple[int, ...], frozenset[str]]:
        roots = tuple(dict.fromkeys(root for one in tensors for root in one.roots))
        return any(one.live for one in tensors), roots, frozenset().union(*[one.origins for one in tensors])

    # --- calls ----------------------------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.refusing.first is not None:
            return self._uncounted(func, args, kwargs or {})
        return self.refusing.noted(lambda: self._followed(func, args, kwargs))

    def _uncounted(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What runs after a refusal that their code caught. Who asks again is told something else, so that no loop of
        theirs waits for ever."""
        args, kwargs, tensors = self.alike(args, kwargs, True)
        if tensors and func.name().partition(".")[0] in _ASKING:
            self.answers += 1
            return _number(tensors[0], self.answers % 2)
        return self.run(func, args, kwargs, tensors, True)

    def _followed(self, func: Any, args: Any, kwargs: Any) -> Any:
        if not isinstance(func, torch._ops.OpOverload):  # cond and its like, which take code
            raise DependsOnData(self._asked(str(func), (args, kwargs), "higher_order"))
        change = lambda one: self.inner(one) if isinstance(one, torch.Tensor) else one  # noqa: E731
        args, kwargs = tree_map(change, args), tree_map(change, kwargs or {})
        library, _, name = func.name().partition(".")[0].partition("::")
        if library in ("prim", "profiler"):
            return func(*args, **kwargs)
        if name.startswith(("_assert", "_functional_assert")):
            return None
        name = _plain(name)
        given = _found((args, kwargs))
        known = library == "aten" and (name in self.handled or name in _DATA or name in _UNRELATED)
        if not known and given and composite(func):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if any(one.is_meta for one in given) and (name in _DATA or _asks(name, args)):
            raise DependsOnData(self._asked(name, (args, kwargs), library))
        if name == "_nested_tensor_from_mask_left_aligned":
            return False  # an encoder that asks whether it may leave out what is masked: it runs the whole
        if name == "_pack_padded_sequence" and not given[1].is_meta:
            data, sizes = _packed(*args)
            self._register(name, library, _bound(func, tree_map(self.look, given), {}), data, ())
            return data, sizes
        if name == "index":
            args = (args[0], _whole(args[1]))
        written = [argument.name for argument in func._schema.arguments if _is_written(argument)]
        if self.mixed(given) or name in RANDOM:
            self._taint([one for name in written for one in _found(_bound(func, args, kwargs).get(name))])
            args, kwargs = tree_map(change, args), tree_map(change, kwargs)
        args, kwargs, given = self.alike(args, kwargs, name in RANDOM)
        bound = _bound(func, args, kwargs)
        arguments = tree_map(lambda one: self.look(one) if isinstance(one, torch.Tensor) else one, bound)
        self._check(name, arguments)
        steps = name in _STEPS and given[0].is_meta
        known = _states(name, bound) if steps else _product(bound) if name == "_grouped_mm" else None
        try:
            result = self.run(func, args, kwargs, given, name in RANDOM) if known is None else known
        except NotImplementedError as error:
            raise NoShape(self._asked(name, (args, kwargs), library)) from error
        self._register(name, library, arguments, result, [one for name in written for one in _found(bound.get(name))])
        return result

    def _asked(self, name: str, given: Any, library: str = "torch") -> Call:
        """The call of what cannot be followed, of tensors among these."""
        tensors = tuple([self.look(self.inner(one)) for one in _found(given)])
        _, run, path = self._place()
        return Call(name, {"given": tensors}, (), path, run, library)

    def _place(self) -> tuple[int, int, str]:
        """The module that runs, which run of it that is, and its path."""
        return self.stack[-1] if self.stack else (0, 0, "")

    def _taint(self, written: Sequence[torch.Tensor]) -> None:
        self.tainted.update(_storage(one) for one in written if not one.is_meta and one.layout == torch.strided)

    def _check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Raises NeedsWhole where indices are an input that was taken for decimal numbers."""
        found = arguments.get(_WHOLE.get(name, ""))
        several = arguments.get("indices") if name in ("index", "index_put") else None
        for one in (found, *(several or ())):
            if isinstance(one, Tensor) and one.kind == "f" and one.origins:
                raise NeedsWhole(one.origins)

    def _register(
        self, name: str, library: str, arguments: Mapping[str, Any], result: Any, written: Sequence[torch.Tensor]
    ) -> None:
        live, roots, origins = self._joined(*every([arguments["self"]] if name in _LIKE else arguments.values()))
        if name in _UNRELATED:
            live, roots, origins = False, (), frozenset()
        live = live or name in RANDOM
        targets = _found(result) or written
        if not targets and library == "aten":
            return  # it asks, and computes nothing
        made = [self._new(one, live and one.numel() > 0, roots, origins) for one in targets]
        if (live or roots or name in self.noted) and (not targets or any(one.numel() for one in targets)):
            self._note(name, arguments, tuple(made), library)
        for one, item in zip(targets, made):
            if any(one is other for other in written) and one.layout == torch.strided:
                self.writes.setdefault(_storage(one), []).append(item)
                self.seen[item.at] = len(self.writes[_storage(one)])

    def _note(self, op: str, arguments: Mapping[str, Any], outputs: tuple[Tensor, ...], library: str = "aten") -> None:
        if len(self.calls) >= MOST_CALLS:
            raise TooMuch
        _, run, path = self._place()
        self.calls.append(Call(op, arguments, outputs, path, run, library))
