"""The fields of the reports on kernels, and of what sepcalc knows."""

from sepcalc.reports.schemas import field
from sepcalc.reports.schemas.field import Fields


def factor() -> Fields:
    """The fields of ``sepcalc factor``."""
    step: Fields = {
        "variant": field.text("the scheme"),
        "rank": field.or_null(field.count("the rank; null: the full kernel")),
        "error": field.number("the error relative to the kernel, in the Frobenius norm"),
        "macs": field.count("macs per output position"),
        "params": field.count("params"),
        "ratio": field.number("macs, divided by the macs of the full kernel"),
    }
    proof: Fields = {
        "variant": field.text("the scheme"),
        "rank": field.count("the rank"),
        "predicted": field.number("the error that the singular values predict"),
        "composed": field.number("the error of the composed kernels"),
        "expected": field.number("the error of the composed kernels, of the channels that ran"),
        "measured": field.number("the error of the outputs"),
        "channels": field.count("the number of input channels that ran"),
        "formula": field.count("mults by the formula"),
        "executed": field.count("mults that were executed"),
        "ok": field.truth("whether the errors are as predicted, and every mult of the formula was executed"),
    }
    written: Fields = {"path": field.text("the file"), "shape": field.several({"type": "integer"}, "its shape")}
    full: Fields = {"macs": field.count("macs per output position"), "params": field.count("params")}
    integers, numbers = {"type": "integer"}, {"type": "number"}
    return {
        "shape": field.several(integers, "the kernel's shape; for a layer: outputs x inputs x kernel"),
        "rank": field.or_null(field.count("its rank; for a layer: the largest rank of a slice; null if it is unknown")),
        "separable": field.truth("whether the kernel is separable"),
        "factors": field.or_null(
            field.several({"type": "array", "items": integers}, "exact factors, one for each axis")
        ),
        "scale": field.or_null(field.text("the fraction by which the product of the factors is multiplied")),
        "errors": field.several(numbers, "the errors of the best kernels of rank 1, 2, …"),
        "exact": field.truth("whether the rank is exact"),
        "tolerance": field.or_null(field.number("singular values up to this part of the largest count as zero")),
        "unfoldings": field.or_null(field.several(integers, "the ranks of a 3-D kernel's unfoldings")),
        "vectors": field.or_null(
            field.several({"type": "array", "items": numbers}, "real factors, if the kernel is separable numerically")
        ),
        "layer": field.truth("whether the kernel is the weights of a layer"),
        "full": field.closed("The convolution as it is.", full),
        "asked_rank": field.or_null(field.count("the rank that --rank gives")),
        "break_even": field.by_name(
            field.whole("a rank"), "for each scheme, the largest rank that is cheaper than the full kernel"
        ),
        "ways": field.objects("A scheme at a rank.", step, "every scheme at every rank"),
        "not_applicable": field.many("not_applicable", "the schemes that do not apply"),
        "proofs": field.or_null(field.objects("A scheme that ran.", proof, "with --verify: the schemes that ran")),
        "exact_output": field.or_null(field.truth("with --verify: whether the exact factors give the exact output")),
        "verified": field.or_null(field.truth("with --verify: whether everything agrees")),
        "written": field.objects("A file.", written, "with --write: the files"),
    }


def kernels() -> Fields:
    """The fields of ``sepcalc factor --list``."""
    kernel = field.closed("A kernel.", {"name": field.text("its name"), "says": field.text("its description")})
    return {
        "kernels": field.several(kernel, "the kernels that have names"),
        "aliases": field.by_name({"type": "string"}, "other names for them"),
    }


def kinds() -> Fields:
    """The fields of ``sepcalc kinds``."""
    kind: Fields = {
        "name": field.text("the kind"),
        "words": field.several(
            {"type": "array", "items": {"type": "string"}}, "the choices for each word after the kind"
        ),
        "needs": field.texts("the options that must be given"),
        "takes": field.texts("the options that may be given"),
        "counted": field.text("how it is counted"),
    }
    option: Fields = {
        "name": field.text("the option"),
        "short": field.or_null(field.text("its letter")),
        "value": field.or_null(field.text("the form of its value; null for a flag")),
        "default": field.or_null(field.text("its default; null if it has none")),
        "help": field.text("its description"),
    }
    return {
        "kinds": field.objects("A kind.", kind, "every kind of layer, or the kind named"),
        "options": field.objects("An option.", option, "the options of these kinds"),
    }


def zoo() -> Fields:
    """The fields of ``sepcalc zoo``."""
    network: Fields = {
        "name": field.text("its name in the zoo"),
        "title": field.text("the network's own name"),
        "inputs": field.INPUTS,
        "outputs": field.by_name(field.shape("one output"), "the shape of every output, by its name"),
        "params": field.COST_FIELDS["params"],
        "macs": field.COST_FIELDS["macs"],
        "published": field.many("finding", "the published numbers, beside those that were counted"),
    }
    return {
        "networks": field.objects("A network.", network, "every network of the zoo"),
        "passed": field.truth("whether all networks agree with their published numbers"),
    }


def operators() -> Fields:
    """The fields of ``sepcalc operators``."""
    uncounted = field.closed(
        "An operator.", {"name": field.text("the operator"), "reason": field.text("why it is not counted")}
    )
    return {
        "source": field.text("the format"),
        "counted": field.texts("the operators that are counted, or cost nothing"),
        "uncounted": field.several(
            uncounted,
            "operators that are not counted, with their reasons; an operator in neither list is not counted either",
        ),
        "how": field.by_name(field.text("how it is counted"), "for each counted operator, how it is counted"),
    }
