"""What a network is held to. ``metrics``: the table of what can be limited. ``limits``: a network against its budget.
``published``: against published numbers. ``snapshots``, ``diffs`` and ``baselines``: against its own past. ``pairs``
and ``sequences`` serve to match layers, ``structures`` matches those of networks whose names differ, and
``conversions`` says what one file format made of another's network. ``reasons``: why it is over. ``checks``: the
verdict on one network. ``configuration``: what a project asks for. ``project``: where that stands.

A command loads what it uses: importing this package loads the first three."""

from sepcalc.gate.limits import Limit as Limit
from sepcalc.gate.limits import Mark as Mark
from sepcalc.gate.limits import Verdict as Verdict
from sepcalc.gate.limits import check as check
from sepcalc.gate.limits import read_limit as read_limit
from sepcalc.gate.metrics import METRICS as METRICS
from sepcalc.gate.metrics import measured as measured
from sepcalc.gate.metrics import read_metric as read_metric
from sepcalc.gate.published import Claim as Claim
from sepcalc.gate.published import Finding as Finding
from sepcalc.gate.published import compare_published as compare_published
from sepcalc.gate.published import read_tolerance as read_tolerance
