"""Traces a module: the ATen operators that run, on tensors without data.

In inference mode PyTorch passes an operator to a dispatch mode before it decomposes it, so that an LSTM, attention or a
convolution with ``padding='same'`` arrives as one operator; PyTorch decomposes operators without a row. Tensors that
depend on the inputs, parameters, and large constants have no data (``meta``); small constants are computed, so that
code that reads their values can continue.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._pytree import tree_map

from sepcalc.importers.aten.calls import CHOSEN, Call, Tensor, every
from sepcalc.importers.aten.ledger import Ledger, place_of
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.common.layout import SEQUENCES
from sepcalc.importers.torch import asking
from sepcalc.importers.torch.choosing import chosen
from sepcalc.importers.torch.dataless import (
    HERE,
    SMALL,
    STRAYED,
    Dataless,
    Shadow,
    behind,
    each,
    found,
    kind_of,
    number_of,
    storage_of,
)
from sepcalc.importers.torch.flex import flex_attention, uncompiled
from sepcalc.importers.torch.keeping import class_of, stored_buffers
from sepcalc.importers.torch.refusals import DependsOnData, NeedsType, NoShape, Refusing, TooMuch

MAX_ANSWERS = 1000  # the most made-up answers after a read of missing data


class Tracer(Dataless):
    """Traces one run of a module's forward."""

    supports_higher_order_operators = True

    def __init__(self, module: torch.nn.Module, guesses: Collection[str] = ()) -> None:
        super().__init__()
        self.guesses = frozenset(guesses)  # the inputs with guessed types
        self.parameters: list[tuple[str, torch.Tensor]] = []
        self.numbers: dict[int, int] = {}
        for name, parameter in module.named_parameters():
            self.numbers[id(parameter)] = len(self.parameters)
            self.parameters.append((name, parameter))
        self.trained = len(self.parameters)  # buffers follow the parameters
        for name, buffer in stored_buffers(module):
            self.numbers.setdefault(id(buffer), len(self.parameters))
            self.parameters.append((name, buffer))
        self.paths = {id(one): name.replace(".", "/") for name, one in module.named_modules()}
        self.classes = {self.paths[id(one)]: class_of(one) for one in module.modules()}  # by path
        self.leaves = {id(one) for one in module.modules() if not any(True for _ in one.children())}
        self.runs = 0
        self.stack: list[tuple[int, int, str]] = []
        self.leaf_runs = set[int]()
        self.known: dict[int, Tensor] = {}
        self.ledger = Ledger(TooMuch())
        self.values: dict[int, tuple[int, ...]] = {}  # id -> the values of a constant index tensor
        self.tainted = set[int]()
        self.owners: dict[int, torch.Tensor] = {}  # storage -> a tensor in it that depends on the inputs
        self.refusing = Refusing(self._asked, self.asked)
        self.answers = 0  # the number of made-up answers after a refusal
        self.probing = False  # whether reads of missing data get made-up answers
        self.decided = set[str]()  # the inputs whose values were read
        self.way: int | None = None  # the kind of made-up choices
        self.chosen = False  # whether a made-up choice decided what ran
        self.twins: dict[int, torch.Tensor] = {}  # the stand-ins for the module's tensors

    # --- modules --------------------------------------------------------------------------------------------------

    @contextmanager
    def following(self) -> Iterator[None]:
        """Records the run of every submodule during the block; removes its hooks at the end."""
        hooks = [register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave)]
        before = getattr(HERE, "followed", False)
        try:
            STRAYED.append(self.refusing.strayed)
            HERE.followed = True
            with uncompiled(), torch.inference_mode(), self, self.refusing:
                yield
        finally:
            HERE.followed = before
            STRAYED.remove(self.refusing.strayed)
            for hook in hooks:
                hook.remove()

    def _enter(self, module: torch.nn.Module, _: Any) -> None:
        self.runs += 1
        path = self.paths.get(id(module))
        if path is None:
            path = "/".join(filter(None, [self.path, type(module).__name__.lower()]))
            self.classes.setdefault(path, class_of(module))
        if id(module) in self.leaves:
            self.leaf_runs.add(self.runs)
        self.stack.append((id(module), self.runs, path))

    def _leave(self, module: torch.nn.Module, _: Any, __: Any) -> None:
        while self.stack and self.stack.pop()[0] != id(module):
            pass

    @property
    def path(self) -> str:
        """The path of the module that runs."""
        return self.stack[-1][2] if self.stack else ""

    # --- tensors --------------------------------------------------------------------------------------------------

    def feed(self, tensor: torch.Tensor, name: str) -> Tensor:
        """An input of the network."""
        return self._new(tensor, True, (), frozenset([name]))

    def _new(
        self, tensor: torch.Tensor, live: bool, roots: tuple[int, ...], origins: frozenset[str] = frozenset()
    ) -> Tensor:
        shape, bits = tuple(map(int, tensor.shape)), 8 * tensor.dtype.itemsize
        place = None
        if tensor.layout == torch.strided:
            place = place_of(storage_of(tensor), shape, tensor.stride(), tensor.storage_offset())
            if live:
                self.owners[storage_of(tensor)] = tensor
        made = self.ledger.new(Tensor(0, shape, kind_of(tensor), live, roots, origins, bits), place)
        self.known[id(tensor)] = made
        self.kept.append(tensor)
        return made

    def meta(self, tensor: torch.Tensor) -> torch.Tensor:
        """The twin without data, with the same dependencies and parameters."""
        twin = super().meta(tensor)
        if twin is not tensor and id(twin) not in self.known and id(tensor) in self.known:
            before = self.look(tensor)
            if before.live:
                self._note("alias", {"self": before}, (self._new(twin, *before[3:6]),))
            else:
                self._new(twin, *before[3:6])
        return twin

    def elsewhere(self, given: Sequence[torch.Tensor], kwargs: Mapping[str, Any]) -> bool:
        return False

    def hidden(self, tensor: torch.Tensor) -> bool:
        return bool(tensor.is_meta) or (id(tensor) in self.known and self.known[id(tensor)].live)

    def twin(self, tensor: torch.Tensor) -> torch.Tensor:
        """The stand-in for a parameter or a buffer of the module while it runs."""
        if id(tensor) not in self.twins:
            inner = self.inner(tensor, own=True)
            if inner.is_meta and inner.layout == torch.strided:
                inner = Shadow(inner, tensor.requires_grad)
                beside = {name: value for name, value in tensor.__dict__.items() if name != "behind"}
                inner.__dict__.update(beside, _is_param=isinstance(tensor, torch.nn.Parameter))
            self.twins[id(tensor)] = inner
        return self.twins[id(tensor)]

    def inner(self, tensor: torch.Tensor, own: bool = False) -> torch.Tensor:
        """The tensor of the trace for a tensor of user code. The user's tensors are never written; a constant loses its
        data when something that depends on the inputs is written into it. With ``own``, user code sees the stand-in
        itself, and may write to views of it."""
        if id(tensor) in self.copies:
            return self.copies[id(tensor)]
        number = self.numbers.get(id(tensor))
        if number is None:
            tensor = behind(tensor)
            if id(tensor) in self.copies:
                return self.copies[id(tensor)]
        if id(tensor) in self.known:
            if tensor.is_meta or tensor.layout != torch.strided or storage_of(tensor) not in self.tainted:
                return tensor
            twin = self.meta(tensor)
            self.ledger.seen[(self.known.get(id(twin)) or self._new(twin, False, ())).at] = 0
        elif number is None and tensor.is_meta and tensor.layout == torch.strided and storage_of(tensor) in self.owners:
            owner = self.known[id(self.owners[storage_of(tensor)])]  # a view made without an operator
            self._note("aliased", {"self": owner, "written": owner}, (self._new(tensor, *owner[3:6]),))
            return tensor
        else:
            with torch.inference_mode(own or tensor.is_inference()):  # views of the user's tensor are views of the twin
                shapes = (number is not None and number < self.trained) or isinstance(tensor, Shadow) or tensor.is_meta
                if shapes or tensor.numel() > SMALL or tensor.layout != torch.strided:
                    twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
                else:
                    twin = tensor.detach().to("cpu").clone()
            self._new(twin, False, () if number is None else (number,))
        self.kept.append(tensor)
        self.copies[id(tensor)] = twin
        return twin

    def look(self, tensor: torch.Tensor) -> Tensor:
        """The facts of a tensor, after all writes to its storage."""
        found = self.known.get(id(tensor))
        if found is None:
            found = self._new(tensor, False, ())
        current = self.ledger.current(found, *self._place()[:0:-1])
        if current is not found:
            self.known[id(tensor)] = current
            if current.live:
                self.owners[storage_of(tensor)] = tensor
        return current

    # --- calls ----------------------------------------------------------------------------------------------------

    def called(self, func: Any, args: Any, kwargs: Any) -> Any:
        asks = asking.gives_value(func) or func.name() == "aten::nonzero"
        if self.refusing.first is not None or (self.probing and asks and self.answers < MAX_ANSWERS):
            return self._uncounted(func, args, kwargs)
        return self.refusing.noted(lambda: self._followed(func, args, kwargs))

    def _uncounted(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Runs an operator after a refusal that user code caught. Repeated reads get changing answers, so that no loop
        waits forever."""
        args, kwargs, tensors = self.alike(args, kwargs, True)
        if tensors and asking.gives_value(func):
            self.answers += 1
            return number_of(tensors[0], self.answers % 2)
        if tensors and func.name() == "aten::nonzero":
            return tensors[0].new_empty((1, tensors[0].ndim), dtype=torch.int64)
        return self.run(func, args, kwargs, tensors, True)

    def asked(self, tensor: torch.Tensor, how: str) -> None:
        if self.refusing.first is None:
            self.refusing.noted(lambda: self._decide(how, [self.inner(tensor)]))

    def _decide(self, name: str, read: Sequence[torch.Tensor], library: str = "aten") -> None:
        """Records that what runs depends on the data of these tensors. Raises DependsOnData if they have none."""
        if row_of(name).cuts:
            self._require(map(self.look, read), torch.int64)
        if any(one.is_meta for one in read):
            raise DependsOnData(self._asked(name, read, library))
        origins = frozenset[str]().union(*[self.look(one).origins for one in read])
        self.decided |= origins - {CHOSEN}
        self.chosen = self.chosen or CHOSEN in origins

    def _followed(self, func: Any, args: Any, kwargs: Any) -> Any:
        if not isinstance(func, torch._ops.OpOverload):  # cond and similar operators, which take functions
            if str(func) == "flex_attention":
                with self:
                    return flex_attention(*args, **kwargs)
            raise DependsOnData(self._asked(str(func), (args, kwargs), "higher_order"))
        shown = each(asking.readable, args), each(asking.readable, kwargs)
        args, kwargs = each(self.inner, args), each(self.inner, kwargs)
        library, _, name = func.name().partition(".")[0].partition("::")
        if library in ("prim", "profiler"):
            return func(*args, **kwargs)
        if name.startswith(("_assert", "_functional_assert")):
            return None
        name = asking.plain(name)
        given = found((args, kwargs))
        read = asking.asks(func, name, args) if library == "aten" else []
        if read:
            self._decide(name, read)
        row = row_of(name)
        known = library == "aten" and bool(row.handle or row.reason or row.reads or row.measures)
        if read and func._overloadname in ("self_Tensor", "tensor_indices_or_sections"):
            known = False  # decomposed, it needs the data of only these
        if not known and given and asking.composite(func):
            with self:
                result = func.decompose(*shown[0], **shown[1])
            if result is not NotImplemented:
                return result
        if name == "_nested_tensor_from_mask_left_aligned":
            return False  # an encoder asks whether to skip masked tokens: it processes all of them
        if name == "_pack_padded_sequence":
            data, sizes = asking.packed(*args)
            self._register(name, library, asking.bound_to(func, tree_map(self.look, given), {}), data, ())
            return data, sizes
        if name in ("embedding", "index_select") and library == "aten":
            asking.require_inside(name, asking.bound_to(func, args, kwargs))
        if name == "index":
            args = (args[0], asking.whole(args[1]))
        if name == "where" and len(args) == 1:
            func, name = torch.ops.aten.nonzero_numpy.default, "nonzero_numpy"  # the equivalent operator
        row = row_of(name)
        written = [argument.name for argument in func._schema.arguments if asking.is_written(argument)]
        if self.mixed(given) or row.random:
            self._taint([one for name in written for one in found(asking.bound_to(func, args, kwargs).get(name))])
            args, kwargs = each(self.inner, args), each(self.inner, kwargs)
        places = asking.bound_to(func, args, kwargs)[row.places] if row.places else None
        args, kwargs, given = self.alike(args, kwargs, row.random)
        bound = asking.bound_to(func, args, kwargs)
        arguments = tree_map(lambda one: self.look(one) if isinstance(one, torch.Tensor) else one, bound)
        if row.places:
            arguments[row.places] = tree_map(self._with_values, bound[row.places], places)
        if "repeats" in arguments and "self" not in arguments:  # it repeats indices by given counts
            name, arguments = "nonzero", {"self": arguments["repeats"]}
        self._check(name, arguments)
        steps = row.layout is SEQUENCES and given[0].is_meta
        known = asking.states(name, bound) if steps else asking.product(bound) if name == "_grouped_mm" else None
        try:
            result = self.run(func, args, kwargs, given, row.random) if known is None else known
        except NotImplementedError as error:
            raise self._other_type(func, args, kwargs, given) or NoShape(
                self._asked(name, (args, kwargs), library)
            ) from error
        except Exception as error:
            need = self._other_type(func, args, kwargs, given)
            if need is None:
                raise
            raise need from error
        places = None
        if self.way is not None and row_of(name).chooses:
            result, places = chosen(self.way, name, bound, result)
        self._register(name, library, arguments, result, [one for name in written for one in found(bound.get(name))])
        if places is not None:
            self.known[id(places)] = self.known[id(places)]._replace(origins=frozenset([CHOSEN]))
        return result

    def _with_values(self, one: Any, before: Any) -> Any:
        """The record of an index tensor, with its values if it is a constant that has data before it runs without."""
        if not isinstance(one, torch.Tensor):
            return one
        record = self.look(one)
        if record.live or before.is_meta or record.kind != "i":
            return record
        if id(before) not in self.values:
            self.values[id(before)] = tuple(before.flatten().tolist())
            self.kept.append(before)
        return record._replace(places=self.values[id(before)])

    def _asked(self, name: str, given: Any, library: str = "torch") -> Call:
        """A call that cannot be followed, with the tensors among these arguments."""
        tensors = tuple([self.look(self.inner(one)) for one in found(given)])
        _, run, path = self._place()
        return Call(name, {"given": tensors}, (), path, run, library)

    def _place(self) -> tuple[int, int, str]:
        """The running module, the number of its run, and its path."""
        return self.stack[-1] if self.stack else (0, 0, "")

    def _taint(self, written: Sequence[torch.Tensor]) -> None:
        self.tainted.update(storage_of(one) for one in written if not one.is_meta and one.layout == torch.strided)

    def _check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Raises NeedsType if an input with a guessed floating-point type is used as indices or as a mask."""
        row = row_of(name)
        for labels, dtype in ((row.whole, torch.int64), (row.truth, torch.bool)):
            self._require(every([arguments.get(label) for label in labels]), dtype)

    def _require(self, read: Iterable[Tensor], dtype: torch.dtype) -> None:
        for one in read:
            if one.kind == "f" and one.origins & self.guesses:
                raise NeedsType(one.origins, dtype)

    def _other_type(self, func: Any, args: Any, kwargs: Any, given: Sequence[torch.Tensor]) -> NeedsType | None:
        """The type that one of the inputs needs for an operator that fails to run."""
        for dtype in (torch.int64, torch.bool, torch.complex64):
            for one in given:
                record = self.look(one)
                if record.kind != "f" or not record.origins or not record.origins <= self.guesses or not one.is_meta:
                    continue
                other = torch.empty_like(one, dtype=dtype)
                put = lambda tensor, one=one, other=other: other if tensor is one else tensor  # noqa: E731
                with suppress(Exception):
                    self.run(func, each(put, args), each(put, kwargs), [other])
                    return NeedsType(record.origins, dtype)
        return None

    def _register(
        self, name: str, library: str, arguments: Mapping[str, Any], result: Any, written: Sequence[torch.Tensor]
    ) -> None:
        live, roots, origins = facts = self.ledger.facts(name, arguments)
        targets = found(result) or written
        if not targets and library == "aten":
            return  # it reads data, and computes nothing
        made = [self._new(one, live and one.numel() > 0, roots, origins) for one in targets]
        if self.ledger.matters(name, facts, made):
            self._note(name, arguments, tuple(made), library)
        for one, item in zip(targets, made):
            if any(one is other for other in written):
                self.ledger.written(item)

    def _note(self, op: str, arguments: Mapping[str, Any], outputs: tuple[Tensor, ...], library: str = "aten") -> None:
        _, run, path = self._place()
        self.ledger.note(Call(op, arguments, outputs, path, run, library))
