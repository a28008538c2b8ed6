"""What a network is held to.

``metrics`` is the table of what can be limited, ``limits`` holds a network to its budget, ``published`` to what was
printed of it; ``snapshots``, ``diffs`` and ``baselines`` compare it with what it was; ``reasons`` says why it is over,
``checks`` gives the verdict on one network, and ``configuration`` reads what a project asks for. A command loads what
it uses: importing this package loads the first three.
"""

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
