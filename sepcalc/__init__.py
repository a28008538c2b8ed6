"""What a convolution costs, and what a cheaper one would: exact, instant, verified.

The functions, each with a docstring of its own (``help(sepcalc.load)``); every result prints as its command shows it:

parse(text)                        a layer spec:         parse("12x12x3 conv -k5 -o256").cost.mults
compare(spec)                      its variants:         compare(spec)["depthwise-separable"].cost.mults
load(argument, **parameters)       a network:            load("specs/mobilenet_v1.yaml", width=0.5).cost.macs
from_torch(module, *inputs)        a PyTorch module:     from_torch(model, torch.ones(1, 3, 224, 224)).cost.params
reconcile(network)                 other counters:      reconcile(net)["fvcore"].value
verify(target)                     run in NumPy:         verify(spec).ok
time(target)                       in real engines:      time(spec).rows[0].seconds.median
whatif(network, rules)             a network rewritten:  whatif(net, "*=depthwise-separable").after.cost
fit(network, limits)               the least change:     fit(net, {"macs": 300_000_000}).change
sweep(networks, vary)              side by side:         sweep("zoo:mobilenet_v1", {"width": "0.5,1.0"}).rows
space(network, vary)               a space of networks:  space("zoo:ofa_mobilenet_v3").most("macs").best
factor(kernel)                     what separates:       factor("sobel-x").factors
check(network, max=limits)         held to limits:       check(net, max={"macs": "570M"}).passed
diff(old, new)                     what changed:         diff("zoo:mobilenet_v1", net).new.totals["macs"]
history(file)                      at each commit:       history("specs/mobilenet_v1.yaml").points[-1].cost.macs
baseline(*networks)                kept, to compare:     baseline(net).kept[0].snapshot.totals["macs"]
convert(network)                   as YAML, or ONNX:     convert("8x8x3, conv -k3 -o4").splitlines()
zoo()                              published networks:   zoo()["mobilenet_v1"].network.macs
"""

TYPE_CHECKING = False  # as typing has it, which takes longer to load than all else before the first command

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from sepcalc.commands.baseline import Baseline as Baseline
    from sepcalc.commands.baseline import baseline as baseline
    from sepcalc.commands.check import check as check
    from sepcalc.commands.convert import convert as convert
    from sepcalc.commands.diff import Difference as Difference
    from sepcalc.commands.diff import diff as diff
    from sepcalc.commands.fit import fit as fit
    from sepcalc.commands.history import History as History
    from sepcalc.commands.history import history as history
    from sepcalc.commands.reconcile import Reconciled as Reconciled
    from sepcalc.commands.reconcile import reconcile as reconcile
    from sepcalc.commands.sweep import OpenSpace as OpenSpace
    from sepcalc.commands.sweep import Sweep as Sweep
    from sepcalc.commands.sweep import space as space
    from sepcalc.commands.sweep import sweep as sweep
    from sepcalc.commands.time import time as time
    from sepcalc.commands.verify import verify as verify
    from sepcalc.commands.whatif import whatif as whatif
    from sepcalc.commands.zoo import Zoo as Zoo
    from sepcalc.commands.zoo import zoo as zoo
    from sepcalc.comparison import Comparison as Comparison
    from sepcalc.comparison import compare as compare
    from sepcalc.cost import Cost as Cost
    from sepcalc.errors import InputError as InputError
    from sepcalc.factoring import factor as factor
    from sepcalc.importers.torch import from_torch as from_torch
    from sepcalc.layer import Layer as Layer
    from sepcalc.network import Network as Network
    from sepcalc.source import load as load
    from sepcalc.spec import Spec as Spec
    from sepcalc.spec import parse as parse
    from sepcalc.timing import Timed as Timed

# Where each name lives; it is imported when it is first asked for, so that `import sepcalc` costs nothing.
_HOMES = {
    "Baseline": "commands.baseline",
    "Comparison": "comparison",
    "Cost": "cost",
    "Difference": "commands.diff",
    "History": "commands.history",
    "InputError": "errors",
    "Layer": "network",
    "Network": "network",
    "OpenSpace": "commands.sweep",
    "Spec": "spec",
    "Timed": "timing",
    "Sweep": "commands.sweep",
    "Zoo": "commands.zoo",
    "baseline": "commands.baseline",
    "check": "commands.check",
    "compare": "comparison",
    "convert": "commands.convert",
    "diff": "commands.diff",
    "factor": "factoring",
    "fit": "commands.fit",
    "from_torch": "importers.torch",
    "history": "commands.history",
    "load": "source",
    "parse": "spec",
    "reconcile": "commands.reconcile",
    "time": "commands.time",
    "space": "commands.sweep",
    "sweep": "commands.sweep",
    "verify": "commands.verify",
    "whatif": "commands.whatif",
    "zoo": "commands.zoo",
}
__all__ = [*_HOMES]


class _Unknown(AttributeError):
    """A name that is none of ours. What was meant by it is looked up where the message is read: imports ask for
    names, too."""

    def __str__(self) -> str:
        from importlib import import_module

        ours = import_module("sepcalc.foreign").function(self.name)
        return f"{self.args[0]}; did you mean {ours}?" if ours else str(self.args[0])


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name not in _HOMES:
        raise _Unknown(f"module 'sepcalc' has no attribute {name!r}", name=name)

    value = getattr(import_module(f"sepcalc.{_HOMES[name]}"), name)
    if name.islower():
        value = import_module("sepcalc.calls").guarded(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
