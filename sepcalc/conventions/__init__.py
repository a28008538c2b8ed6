"""What other counters print: a module for each, a table from families of layers to terms.

A counter is one row of :data:`COUNTERS`, and a module with a ``COUNTER``. A family without a row in its table is a
KeyError that a test finds: nothing counts zero by omission."""

from importlib import import_module

from sepcalc.conventions.seen import FAMILIES as FAMILIES
from sepcalc.conventions.table import Counted as Counted
from sepcalc.conventions.table import Counter, count
from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.network import Network, matches

COUNTERS = {  # by name: its module
    "fvcore": "fvcore",
    "timm": "timm",
    "ptflops": "ptflops",
    "ptflops-aten": "ptflops_aten",
    "thop": "thop",
    "ultralytics-thop": "ultralytics_thop",
    "torchinfo": "torchinfo",
    "torchprofile": "torchprofile",
    "torch": "torch_flops",
    "calflops": "calflops",
    "tensorflow": "tensorflow",
    "vela": "vela",
    "torchvision": "torchvision",
    "keras": "keras",
    "paper": "paper",
}


READ_AS_MODULES = (
    "a network that was written by hand is read as PyTorch's modules: a norm, an activation or a pool is a module, a"
    " sum and a product are operators"
)


def assumed(network: Network) -> tuple[str, ...]:
    """What a reader of other counters' numbers for this network must know."""
    return (READ_AS_MODULES,) if any(node.origin is None for node in network.nodes) else ()


def counter(name: str) -> Counter:
    """The counter of this name. Raises InputError for any other."""
    if name not in COUNTERS:
        raise bad_input(f"unknown counter {quoted(name)}: expected {', '.join(COUNTERS)}", near_miss(name, COUNTERS))
    found: Counter = import_module(f"sepcalc.conventions.{COUNTERS[name]}").COUNTER
    return found


def counted(network: Network, name: str, layers: str | None = None) -> Counted:
    """What the counter of this name prints for a network, or for the layers whose names match a glob. Raises InputError
    for an unknown counter, and where no layer matches."""
    if layers is None:
        return count(network, counter(name))
    network.select(layers)
    return count(network, counter(name), lambda layer: matches(layer, layers))
