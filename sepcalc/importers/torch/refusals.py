"""What stops the counting of a run: their code wants what only data can tell, or PyTorch cannot go on without data.

Their code may catch anything, this too. So the first refusal is noted where it is raised (:class:`Refusing`), and what
runs after it counts for nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from sepcalc.importers.torch.calls import Call
from sepcalc.importers.torch.dataless import Shadow, behind, each, found

_Result = TypeVar("_Result")
_NO_DATA = re.compile(r"\bmeta\b|data is not allocated|data pointer", re.I)  # where PyTorch says that it has none
_ELSEWHERE = "same device"  # what it says of tensors some of which have none
_READERS = {"tolist", "numpy", "__array__", "__dlpack__", "__format__"}  # of data, whatever they say


class Refusal(BaseException):
    """What stops the counting. No Exception: code that catches all of those goes on as it would on real data."""


class Unfollowed(Refusal):
    """A call that cannot be followed."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.op)
        self.call = call


class DependsOnData(Unfollowed):
    """The code asks for a value that only the data can tell: ``call`` is how."""


class NoShape(Unfollowed):
    """An operator that PyTorch cannot run without data: ``call`` is that operator's."""


class Elsewhere(Unfollowed):
    """A thread of its own works on tensors of the run: ``call`` is the first of what it does."""


class NeedsType(Refusal):
    """An operator needs numbers of another type from these inputs."""

    def __init__(self, origins: frozenset[str], dtype: torch.dtype = torch.int64) -> None:
        super().__init__(", ".join(sorted(origins)))
        self.origins = origins
        self.dtype = dtype

    @property
    def what(self) -> str:
        """What the operator takes them for."""
        return "indices" if self.dtype == torch.int64 else str(self.dtype).removeprefix("torch.")


class TooMuch(Refusal):
    """More operators than will be followed."""


class Refusing(TorchFunctionMode):  # type: ignore[misc] # PyTorch does not tell its type
    """Notes the first refusal, ``first``, whatever their code makes of it: those raised where operators are followed
    (:meth:`noted`), and PyTorch's own where their code wants the data of a tensor without any, as ``numpy()`` does.
    ``asked`` makes a call of a function's name and its arguments, ``reads`` hears whose data a function reads."""

    def __init__(self, asked: Callable[[str, Any], Call], reads: Callable[[torch.Tensor, str], None]) -> None:
        super().__init__()
        self.asked = asked
        self.reads = reads
        self.first: BaseException | None = None

    def noted(self, run: Callable[[], _Result]) -> _Result:
        """What it gives; a refusal is noted, and goes on."""
        try:
            return run()
        except Refusal as fact:
            self.first = self.first or fact
            raise

    def strayed(self, name: str, given: Any) -> None:
        """Another thread calls a function of this name on tensors of the run."""
        self.first = self.first or Elsewhere(self.asked(name, given))

    def whole(self, run: Callable[[], _Result]) -> _Result:
        """What a whole run gives. Raises the first refusal, even one that was caught."""
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
