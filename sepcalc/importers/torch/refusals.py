"""The exceptions that stop a trace: user code needs values of data, or PyTorch cannot continue without data.

User code may catch anything, also these. So the first refusal is recorded where it is raised (:class:`Refusing`), and
whatever runs after it is not counted.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from sepcalc.importers.aten.calls import Call
from sepcalc.importers.torch.dataless import Shadow, behind, each, found

_Result = TypeVar("_Result")
_NO_DATA = re.compile(r"\bmeta\b|data is not allocated|data pointer", re.I)  # PyTorch's messages on missing data
_ELSEWHERE = "same device"  # its message if only some tensors have data
_READERS = {
    "tolist",
    "numpy",
    "__array__",
    "__dlpack__",
    "__format__",
}  # methods that read data, whatever they raise


class Refusal(BaseException):
    """Stops the trace. It is not an Exception, so that code with ``except Exception`` behaves as on real data."""


class Unfollowed(Refusal):
    """A call that cannot be followed."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.op)
        self.call = call


class DependsOnData(Unfollowed):
    """The code needs a value of the data; ``call`` is the call that reads it."""


class NoShape(Unfollowed):
    """PyTorch cannot run the operator of ``call`` without data."""


class Elsewhere(Unfollowed):
    """Another thread works on tensors of the run; ``call`` is its first call."""


class NeedsType(Refusal):
    """An operator needs these inputs in another type."""

    def __init__(self, origins: frozenset[str], dtype: torch.dtype = torch.int64) -> None:
        super().__init__(", ".join(sorted(origins)))
        self.origins = origins
        self.dtype = dtype

    @property
    def what(self) -> str:
        """What the operator uses them as."""
        return "indices" if self.dtype == torch.int64 else str(self.dtype).removeprefix("torch.")


class TooMuch(Refusal):
    """The run has too many operators to follow."""


class Refusing(TorchFunctionMode):  # type: ignore[misc] # PyTorch does not declare its type
    """Records the first refusal, ``first``, even if user code catches it: refusals of traced operators (:meth:`noted`),
    and PyTorch's errors when code reads the data of a tensor without data, for example by ``numpy()``. ``asked`` makes
    a call from a function's name and arguments; ``reads`` is told whose data a function reads."""

    def __init__(self, asked: Callable[[str, Any], Call], reads: Callable[[torch.Tensor, str], None]) -> None:
        super().__init__()
        self.asked = asked
        self.reads = reads
        self.first: BaseException | None = None

    def noted(self, run: Callable[[], _Result]) -> _Result:
        """The result of ``run``; a refusal is recorded and raised again."""
        try:
            return run()
        except Refusal as fact:
            self.first = self.first or fact
            raise

    def strayed(self, name: str, given: Any) -> None:
        """Records that another thread calls this function on tensors of the run."""
        self.first = self.first or Elsewhere(self.asked(name, given))

    def whole(self, run: Callable[[], _Result]) -> _Result:
        """The result of a whole run. Raises the first refusal, even one that was caught."""
        try:
            result = run()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException:
            if self.first is None:
                raise
        else:
            if self.first is None:
                return result
        raise self.first

    def __torch_function__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return func(*args, **(kwargs or {}))
        except Exception as error:
            name = getattr(func, "__name__", str(func))
            wanted = name in _READERS or _NO_DATA.search(str(error))
            given = found((args, kwargs))
            if self.first is not None or not wanted or not any(isinstance(one, Shadow) for one in given):
                raise
            if not any(behind(one).is_meta for one in given):
                for one in given:
                    self.reads(behind(one), name)
                return func(*each(behind, args), **each(behind, kwargs or {}))
            if _ELSEWHERE in str(error):
                self.first = error
                raise
            self.first = DependsOnData(self.asked(name, (args, kwargs)))
            raise self.first from error
