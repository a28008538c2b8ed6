"""Tensors without data, and the operators that run on them. User code sees them on a CPU (:class:`Shadow`), so that it
takes the same path as there."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _disable_current_modes,
    _get_current_dispatch_mode_stack,
)
from torch.utils._pytree import tree_flatten, tree_map

from sepcalc.importers.torch.telling import only_shown

SMALL = 65_536  # the most elements of a constant that is computed
LARGE = SMALL**2 >> 6  # an operator is not computed if the product of its inputs' sizes is larger


HERE = threading.local()  # ``followed``: whether the run of this thread is traced
STRAYED: list[Callable[[str, Any], None]] = []  # called for operators in other threads during a trace


def _strayed(name: str, given: Any) -> bool:
    """Whether this runs in an untraced thread during a trace; reports it to :data:`STRAYED`."""
    if not STRAYED or getattr(HERE, "followed", False):
        return False
    for hear in STRAYED:
        hear(name, given)
    return True


class Shadow(torch.Tensor):
    """A tensor on a CPU, as user code sees it. Operators get the tensor ``behind`` it: one without data (``meta``), or
    one with data that depends on the inputs."""

    behind: torch.Tensor

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", str(func))
        with torch._C.DisableTorchFunctionSubclass():
            if name != "__get__" and _strayed(name, (args, kwargs)):  # any thread may read shapes and types
                with torch.inference_mode(), Dataless():  # so that no other thread waits for it forever
                    return func(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    @staticmethod
    def __new__(cls, behind: torch.Tensor, requires_grad: bool = False) -> "Shadow":
        with torch.inference_mode(behind.is_inference()):  # a view of the tensor behind must be a view of its shadow
            made: Shadow = torch.Tensor._make_wrapper_subclass(
                cls,
                behind.size(),
                strides=behind.stride(),
                storage_offset=behind.storage_offset(),
                dtype=behind.dtype,
                layout=behind.layout,
                device="cpu",
                requires_grad=requires_grad,
            )
        torch._C._set_throw_on_mutable_data_ptr(made)
        made.behind = behind
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        _strayed(func.name() if isinstance(func, torch._ops.OpOverload) else str(func), (args, kwargs))
        with Dataless():  # where no run is followed
            return func(*args, **(kwargs or {}))

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return self._text("__repr__")

    def _text(self, how: str, *args: str) -> str:
        """For people, the known facts; for code that may act on it, the data, which is missing."""
        if only_shown() or not (STRAYED or _modes()):
            return f"tensor(..., size={tuple(self.shape)}, dtype={self.dtype})"
        return str(_read(self, how, *args))

    def __deepcopy__(self, memo: dict[int, Any]) -> "Shadow":
        made: Shadow = self.detach().clone().requires_grad_(self.requires_grad)
        made.__dict__.update({name: value for name, value in self.__dict__.items() if name != "behind"})
        memo[id(self)] = made
        return made

    @property
    def data(self) -> torch.Tensor:
        return self.detach()

    @data.setter
    def data(self, value: torch.Tensor) -> None:
        self.follow(value.behind if isinstance(value, Shadow) else value)

    def follow(self, behind: torch.Tensor) -> None:
        """Represents another tensor from now on."""
        self.behind = behind
        other = Shadow(behind)
        if (self.shape, self.stride(), self.dtype) != (other.shape, other.stride(), other.dtype):
            torch.Tensor.data.__set__(self, other)

    def tolist(self) -> Any:
        return _read(self, "tolist")

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        return _read(self, "numpy", *args, **kwargs)

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec) if self.ndim else self._text("__format__", spec)

    def untyped_storage(self) -> Any:
        return _Storage(self)

    storage = _typed_storage = untyped_storage

    def as_subclass(self, cls: Any) -> Any:
        return self  # it represents a tensor already, so it cannot change its class

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return _read(self, "__array__", *args, **kwargs)

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        return _read(self, "__dlpack__", *args, **kwargs)


class _Storage:
    """The storage of a shadow. Reading its contents counts as reading the tensor's data."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow

    def __getattr__(self, name: str) -> Any:
        given: Any = torch.Tensor.untyped_storage(self._shadow)
        return getattr(given if name in _OF_STORAGES else _read(self._shadow, "untyped_storage"), name)

    def __len__(self) -> int:
        size: int = self.nbytes()
        return size

    def __getitem__(self, at: Any) -> Any:
        return _read(self._shadow, "untyped_storage")[at]

    def __iter__(self) -> Any:
        return iter(_read(self._shadow, "untyped_storage"))


# The facts of a storage that need no data.
_OF_STORAGES = {"_cdata", "data_ptr", "nbytes", "size", "device", "element_size", "is_cuda", "is_shared", "resizable"}


def _modes() -> "list[Dataless]":
    """The active :class:`Dataless` modes, the innermost last."""
    return [mode for mode in _get_current_dispatch_mode_stack() if isinstance(mode, Dataless)]


def _read(shadow: Shadow, how: str, *args: Any, **kwargs: Any) -> Any:
    """The result of a method that reads the data; reports it to the active modes."""
    modes = _modes()
    if not _strayed(how, shadow) and modes:
        modes[-1].asked(shadow.behind, how)
    if shadow.behind.is_meta:
        raise TypeError(f"{how} of a tensor without data")
    with _disable_current_modes():
        return getattr(shadow.behind, how)(*args, **kwargs)


def found(values: Any) -> list[torch.Tensor]:
    """All tensors among the values."""
    return [one for one in tree_flatten(values)[0] if isinstance(one, torch.Tensor)]


def each(change: Callable[[torch.Tensor], Any], values: Any) -> Any:
    """The values with every tensor replaced."""
    return tree_map(lambda one: change(one) if isinstance(one, torch.Tensor) else one, values)


def behind(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor that operators get: for a shadow the one behind it."""
    return tensor.behind if isinstance(tensor, Shadow) else tensor


def kind_of(tensor: torch.Tensor) -> str:
    """The kind of a tensor's elements, as ``Tensor.kind`` has it."""
    if tensor.dtype == torch.bool:
        return "b"
    if tensor.dtype.is_complex:
        return "c"
    return "f" if tensor.dtype.is_floating_point else "i"


def number_of(tensor: torch.Tensor, value: int) -> bool | int | float | complex:
    """A number of the tensor's kind."""
    numbers: dict[str, Any] = {"b": bool, "i": int, "f": float, "c": complex}
    return numbers[kind_of(tensor)](value)  # type: ignore[no-any-return]  # a number


def storage_of(tensor: torch.Tensor) -> int:
    """The identity of a tensor's storage."""
    number: int = tensor.untyped_storage()._cdata
    return number


class Dataless(TorchDispatchMode):
    """Runs operators without data, except on small constants: large factories, and operators with an operand without
    data, give no data (``always``: no operator does). Reading an element of such a tensor, as initializers do, gives
    zero."""

    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.always = always
        self.kept: list[Any] = []  # keeps tensors alive, so that an id stays unique
        self.bases: dict[tuple[int, torch.dtype], torch.Tensor] = {}
        self.copies: dict[int, torch.Tensor] = {}

    def meta(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor's twin without data; views of one storage become views of one twin."""
        if tensor.is_meta:
            return tensor
        if tensor.layout != torch.strided:
            return tensor.to("meta")
        key = (storage_of(tensor), tensor.dtype)
        if key not in self.bases:
            size = max(tensor.untyped_storage().nbytes() // tensor.element_size(), 1)
            self.bases[key] = torch.empty(size, dtype=tensor.dtype, device="meta")
            self.kept.append(tensor)
        base = self.bases[key]
        if tensor.is_conj() or tensor.is_neg():
            return torch.empty_like(tensor, device="meta")
        return base.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())

    def mixed(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Whether an operator on these runs without data: one of them has none, or the result could be large."""
        return any(one.is_meta for one in tensors) or math.prod(max(1, one.numel()) for one in tensors) > LARGE

    def run(self, func: Any, args: Any, kwargs: Any, tensors: Sequence[torch.Tensor], dataless: bool = False) -> Any:
        """The result of an operator, without data if ``dataless``. Either all tensors have data, or none."""
        placed = not tensors and any(argument.name == "device" for argument in func._schema.arguments)
        if not tensors or tensors[0].is_meta:
            result = func(*_on(args, "meta"), **_on(kwargs, "meta", placed))
            if tensors or dataless or any(one.numel() > SMALL for one in found(result)):
                return result
        return func(*_on(args, "cpu"), **_on(kwargs, "cpu", placed))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = found((args, kwargs))
        shadows = {id(one.behind): one for one in given if isinstance(one, Shadow)}
        result = self.called(func, args, kwargs)
        return result if self.elsewhere(given, kwargs) else each(lambda one: self._shown(one, shadows), result)

    def _shown(self, tensor: torch.Tensor, shadows: Mapping[int, Shadow]) -> torch.Tensor:
        """A result as user code sees it. If an operator returns an argument, code gets the object that it passed."""
        if isinstance(tensor, Shadow) or tensor.layout != torch.strided or not self.hidden(tensor):
            return tensor
        shadow = shadows.get(id(tensor))
        if shadow is None:
            return Shadow(tensor)
        shadow.follow(tensor)
        return shadow

    def elsewhere(self, given: Sequence[torch.Tensor], kwargs: Mapping[str, Any]) -> bool:
        """Whether code explicitly uses tensors without data (device ``meta``), which it then sees as they are."""
        if given:
            return all(one.is_meta for one in given)
        return bool(getattr(kwargs.get("device"), "type", None) == "meta")

    def hidden(self, tensor: torch.Tensor) -> bool:
        """Whether user code sees a shadow of this tensor."""
        return bool(tensor.is_meta)

    def asked(self, tensor: torch.Tensor, how: str) -> None:
        """Called when code reads the data of this tensor without an operator. May raise."""

    def called(self, func: Any, args: Any, kwargs: Any) -> Any:
        """The result of an operator."""
        args, kwargs, tensors = self.alike(args, kwargs, self.always)
        if func is torch.ops.aten._local_scalar_dense.default and tensors[0].is_meta:
            # an initializer reads the weights that it drew, for example to decide whether to draw again
            return number_of(tensors[0], 0)
        return self.run(func, args, kwargs, tensors, self.always)

    def alike(self, args: Any, kwargs: Any, dataless: bool = False) -> tuple[Any, Any, list[torch.Tensor]]:
        """The arguments, with either all or none of their tensors having data (none if ``dataless``); and these
        tensors."""
        args, kwargs = each(behind, args), each(behind, kwargs)
        tensors = found((args, kwargs))
        if (dataless or self.mixed(tensors)) and not all(one.is_meta for one in tensors):
            args, kwargs = each(self.meta, args), each(self.meta, kwargs)
            tensors = found((args, kwargs))
        return args, kwargs, tensors


def _on(values: Any, device: str, named: bool = False) -> Any:
    """The arguments with every device replaced by this one."""
    place = torch.device(device)
    values = tree_map(lambda one: place if isinstance(one, torch.device) else one, values)
    if isinstance(values, dict):
        values.pop("pin_memory", None)
        if device == "meta" and values.get("generator") is not None:
            values["generator"] = None  # a generator is for a CPU, and draws nothing here
        if named:
            values["device"] = place
    return values
