"""``verify``: a layer spec or a network, run in NumPy."""

from collections.abc import Sequence

from sepcalc import verification
from sepcalc.commands.subjects import Given, network_of
from sepcalc.cost import Cost
from sepcalc.network import Network
from sepcalc.source import is_network
from sepcalc.spec import Spec
from sepcalc.verification import Verification
from sepcalc.verification.layers import Progress


def verify(
    target: Spec | Given,
    claimed: Cost | None = None,
    *,
    seed: int = 0,
    variants: Sequence[str] | None = None,
    layers: Sequence[str] = (),
    sample: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Runs a layer spec with every variant (or those named), or a network's layers (or those that match a glob), in
    NumPy, and holds the operations that NumPy executed against the formulas. ``.ok`` is the answer.
    ``target`` is a spec, a network, the text of a spec, or an argument as :func:`sepcalc.load` takes it.

    ``sample`` runs about so many output positions of each layer, chosen by the seed, and checks their counts and
    outputs just as exactly (:mod:`sepcalc.verification.sampling` says how). A sampled spec runs alone, without its
    variants. ``claimed`` is a Cost (exact counts for one example) that the spec, or all those layers together, are said
    to have; anything else makes the verification fail. ``progress`` is called with the operations that are done, those
    that there are in all, and the layer's name. Raises InputError for a spec that is wrong, an unknown variant, a glob
    that matches nothing, a claim about a sample.

    >>> spec = sepcalc.parse("6x6x2 conv -k3 -o4")
    >>> sepcalc.verify(spec).ok
    True
    >>> sepcalc.verify(spec, claimed=spec.cost._replace(mults=1)).ok
    False
    """
    subject: Spec | Network | str
    if isinstance(target, Spec) or (isinstance(target, str) and not is_network(target)):
        subject = target
    else:
        subject = network_of(target)
    return verification.verify(
        subject,
        claimed,
        seed=seed,
        variants=variants,
        layers=layers,
        sample=sample,
        progress=progress,
    )
