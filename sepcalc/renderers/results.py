"""What ``print()`` shows of a result in Python: the same as its command into a pipe."""

from collections.abc import Callable
from typing import Any

from sepcalc.layer import Layer, Node
from sepcalc.network import Network
from sepcalc.renderers import Style, render
from sepcalc.reports import Report


def text(result: object) -> str:
    """What the command of any result in :data:`REPORTS` prints, without an end of line: a table; a baseline's JSON."""
    name = type(result).__name__
    return render(REPORTS[name](result), "json" if name == "Baseline" else "table", Style()).removesuffix("\n")


def html(result: object) -> str:
    """What a notebook shows of any result in :data:`REPORTS`: the body of its page, or without Jinja2 its text."""
    from html import escape

    from sepcalc.errors import InputError
    from sepcalc.renderers.html import cell

    try:
        return cell(REPORTS[type(result).__name__](result), f"sepcalc{id(result)}-")
    except InputError:
        return f"<pre>{escape(text(result))}</pre>"


def _network(network: Network) -> Report:
    from sepcalc.reports.network import NetworkReport, held

    findings, verdicts, remark = held(network, network.document)
    return NetworkReport(network, findings, verdicts, remark=remark)


def _layer(layer: Layer) -> Report:
    """The layer as a network of its own."""
    from sepcalc.reports.layer import LayerReport

    inputs = {f"input{at}": shape for at, shape in enumerate(layer.inputs)}
    bits = {name: bits for name, bits in zip(inputs, layer.input_bits) if bits is not None}
    node = Node(layer.name, layer.op, tuple(range(len(inputs))), layer.output, None, layer.shared, origin=layer.origin)
    node = node._replace(element_bits=layer.element_bits, stored_width=layer.stored_width)
    return LayerReport(layer.name, Network(layer.name, inputs, [node], input_bits=bits))


def _comparison(comparison: Any) -> Report:
    from sepcalc.reports.compare import CompareReport

    return CompareReport(comparison)


def _variant(variant: Any) -> Report:
    from sepcalc.reports.layer import LayerReport

    return LayerReport(variant.name, variant.network)


def _verification(verification: Any) -> Report:
    from sepcalc.reports.verify import VerifyReport

    return VerifyReport(verification)


def _factoring(factoring: Any) -> Report:
    from sepcalc.reports.factor import FactorReport

    return FactorReport(factoring)


def _reconciled(found: Any) -> Report:
    from sepcalc.reports.reconcile import ReconcileReport

    return ReconcileReport(found)


def _rewritten(rewritten: Any) -> Report:
    from sepcalc.reports.whatif import WhatifReport

    return WhatifReport(rewritten)


def _answer(answer: Any) -> Report:
    from sepcalc.reports.whatif import FitReport

    return FitReport(answer.before or answer.network, answer.limits, answer.ways or (answer,))


def _sweep(found: Any) -> Report:
    from sepcalc.reports.sweep import SweepReport

    return SweepReport(found)


def _outcome(outcome: Any) -> Report:
    from sepcalc.reports.check import CheckReport

    return CheckReport([outcome])


def _difference(difference: Any) -> Report:
    from sepcalc.reports.diff import DiffReport

    return DiffReport(difference)


def _history(history: Any) -> Report:
    from sepcalc.reports.history import HistoryReport

    return HistoryReport(history)


def _baseline(baseline: Any) -> Report:
    from sepcalc.reports.baseline import BaselineReport

    return BaselineReport(baseline)


def _timed(timed: Any) -> Report:
    from sepcalc.reports.time import TimeReport

    return TimeReport(timed)


def _zoo(zoo: Any) -> Report:
    from sepcalc.reports.zoo import ZooReport

    return ZooReport(zoo)


REPORTS: dict[str, Callable[[Any], Report]] = {  # by the name of the type, so that none is loaded before it is needed
    "Network": _network,
    "Layer": _layer,
    "Comparison": _comparison,
    "Variant": _variant,
    "Verification": _verification,
    "Factoring": _factoring,
    "Reconciled": _reconciled,
    "Rewritten": _rewritten,
    "Answer": _answer,
    "Sweep": _sweep,
    "Outcome": _outcome,
    "Difference": _difference,
    "History": _history,
    "Baseline": _baseline,
    "Timed": _timed,
    "Zoo": _zoo,
}
