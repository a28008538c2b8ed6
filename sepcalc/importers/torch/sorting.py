"""What puts elements in order, and what draws numbers: no arithmetic but compares, and how many of these depends on the
data; or none that is known."""

from sepcalc.importers.torch.calls import RANDOM, Call, Tensor
from sepcalc.importers.torch.graph import Builder, Refused, Value, seen
from sepcalc.importers.torch.layers import Handler, Results
from sepcalc.ops.elementwise import Elementwise, Stored
from sepcalc.ops.move import Random

SORTED = "how often it compares depends on the data and the method"
DRAWN = "random numbers of a distribution that is computed: what drawing them takes is not known"
_BY_DATA = {"multinomial", "poisson"}  # whose numbers are drawn as the data say, by a method of their own


def _drawn(builder: Builder, call: Call) -> Results:
    """Random numbers in place of an input, of a distribution that is set beforehand."""
    if any(call.maybe(name) is not None for name in ("mean", "std")):
        raise Refused(DRAWN)
    return (_random(builder, call.outputs[0]),)


def _random(builder: Builder, output: Tensor) -> Value:
    first = builder.wants(output)
    return builder.give(builder.add(Random(seen(output.shape, first)), []), output.shape, first)


def _chosen(builder: Builder, call: Call) -> Results:
    """Ones with the probabilities given: a number is drawn for each, and compared with it."""
    given = call.maybe("p") or (None if "p" in call.arguments else call.given)
    drawn = _random(builder, call.outputs[0])
    if given is not None and given.live:
        value = builder.laid(builder.value(given), drawn.first)
        return (drawn._replace(number=builder.add(Elementwise("compare"), [value.node, drawn.node])),)
    roots = [] if given is None else [Value(given.shape, roots=given.roots)]
    return (drawn._replace(number=builder.add(Stored("compare"), [drawn.node], roots)),)


def _sorted(builder: Builder, call: Call) -> Results:
    builder.uncounted(call, SORTED, ("compares",))
    return tuple(map(builder.value, call.outputs))


SORTING: dict[str, Handler] = {
    **dict.fromkeys(("sort", "topk", "argsort", "msort", "kthvalue", "median", "nanmedian", "mode"), _sorted),
    **dict.fromkeys(("histc", "bincount", "searchsorted", "bucketize"), _sorted),
    **dict.fromkeys(RANDOM - _BY_DATA, _drawn),
    "bernoulli": _chosen,
}
