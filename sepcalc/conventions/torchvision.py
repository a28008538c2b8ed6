"""torchvision's published _ops: multiply-accumulates of convolutions, linear layers and matrix products, in attention
too."""

from sepcalc.conventions import paper
from sepcalc.conventions.table import nothing

COUNTER = paper.COUNTER._replace(
    name="torchvision",
    source="torchvision/models: _ops of weights, by FlopCounterMode with attention that is not fused",
    rows={**paper.COUNTER.rows, "recurrent layer": nothing("recurrent layers counted 0")},
)
