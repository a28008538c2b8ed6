"""How a row of OpenVINO's table is made from ONNX's: the same operator, with its settings under other names."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sepcalc.importers.onnx.graph import Builder, Handler
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.standard import STANDARD
from sepcalc.importers.onnx.values import Call, Results

Change = Callable[[Builder, Call], Call]


def said(call: Call, *names: str) -> dict[str, tuple[int, ...]]:
    """The settings of these names that are there, each as several numbers."""
    found = {name: call.get(name) for name in names}
    known = {name: one for name, one in found.items() if isinstance(one, int | tuple)}
    return {name: one if isinstance(one, tuple) else (one,) for name, one in known.items()}


def settings(call: Call, **given: Any) -> Call:
    """The call with these settings in place of its own, and with what the file says of its ports."""
    ports = {name: one for name, one in call.attributes.items() if name.startswith(".")}
    return call._replace(attributes=ports | given)


def _changed(operator: str, change: Change, builder: Builder, call: Call) -> Results:
    return STANDARD[operator](builder, change(builder, call))


def as_onnx(operator: str, change: Change | None = None, **more: Any) -> Operator:
    """The row of ONNX's operator; ``change`` turns a call into one of it. Nothing is computed of constants, whose
    elements are not read, but where the settings are the same."""
    row = STANDARD[operator]
    handle: Handler | None = row.handle if change is None else partial(_changed, operator, change)
    row = row._replace(handle=handle, older=None, computed=row.computed if change is None else None)
    return row._replace(**more)


def typed(table: Mapping[str, Operator]) -> dict[str, Operator]:
    """The table, where each operator gives the element types that the file says."""
    return {name: row if row.handle is None else row._replace(handle=_Typed(row.handle)) for name, row in table.items()}


class _Typed:
    """A handler whose results have the element types that the file says."""

    def __init__(self, handle: Handler) -> None:
        self.handle, self.func = handle, getattr(handle, "func", handle)  # what describes it, as of a partial
        self.args, self.keywords = getattr(handle, "args", ()), getattr(handle, "keywords", {})

    def __call__(self, builder: Builder, call: Call) -> Results:
        kinds = call.attributes.get(".kinds", ())
        results = self.handle(builder, call)
        return [value._replace(kind=kinds[at]) if at < len(kinds) else value for at, value in enumerate(results)]
