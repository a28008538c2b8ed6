"""The table of all layer classes that do not wrap other layers."""

from sepcalc.importers.keras import activation, attention, conv, core, encoding, merge, pool, recurrent, signals
from sepcalc.importers.keras.rows import Operator

LAYERS: dict[str, Operator] = {
    **core.LAYERS,
    **conv.LAYERS,
    **pool.LAYERS,
    **activation.LAYERS,
    **merge.LAYERS,
    **attention.LAYERS,
    **recurrent.LAYERS,
    **encoding.LAYERS,
    **signals.LAYERS,
}
