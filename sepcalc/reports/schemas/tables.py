"""The fields of the reports on kernels, and of what sepcalc knows."""

from sepcalc.reports.schemas import field
from sepcalc.reports.schemas.field import Fields


def factor() -> Fields:
    """The fields of ``sepcalc factor``."""
    step: Fields = {
        "variant": field.text("how it is run"),
        "rank": field.or_null(field.count("at which rank; null: the kernel as it is")),
        "error": field.number("the error, relative to the whole (Frobenius norm)"),
        "macs": field.count("macs per output position"),
        "params": field.count("params"),
        "ratio": field.number("macs / those of the full kernel"),
    }
    proof: Fields = {
        "variant": field.text("how it was run"),
        "rank": field.count("at which rank"),
        "predicted": field.number("the error by the singular values"),
        "composed": field.number("the error of the composed kernels"),
        "expected": field.number("the same, of the channels that ran"),
        "measured": field.number("the error of the outputs"),
        "channels": field.count("how many input channels ran"),
        "formula": field.count("mults by the formula"),
        "executed": field.count("mults that were executed"),
        "ok": field.truth("whether these agree"),
    }
    written: Fields = {"path": field.text("the file"), "shape": field.several({"type": "integer"}, "its shape")}
    full: Fields = {"macs": field.count("macs per output position"), "params": field.count("params")}
    integers, numbers = {"type": "integer"}, {"type": "number"}
    return {
        "shape": field.several(integers, "the kernel's shape; of a layer outputs x inputs x kernel"),
        "rank": field.or_null(field.count("its rank; of a layer the largest of any slice; null where it is not known")),
        "separable": field.truth("whether it separates"),
        "factors": field.or_null(
            field.several({"type": "array", "items": integers}, "exact factors, one for each axis")
        ),
        "scale": field.or_null(field.text("a fraction that the factors are multiplied by")),
        "errors": field.several(numbers, "the errors of the best kernels of rank 1, 2, …"),
        "exact": field.truth("whether the rank is exact"),
        "tolerance": field.or_null(field.number("the part of the largest singular value that counts as zero")),
        "unfoldings": field.or_null(field.several(integers, "the ranks of a 3-D kernel's unfoldings")),
        "vectors": field.or_null(
            field.several({"type": "array", "items": numbers}, "real factors, where it separates numerically")
        ),
        "layer": field.truth("whether these are a layer's weights"),
        "full": field.closed("The convolution as it is.", full),
        "asked_rank": field.or_null(field.count("what --rank asked for")),
        "break_even": field.by_name(
            field.whole("a rank"), "for each way, the last rank that is cheaper than the full kernel"
        ),
        "ways": field.objects("A way at a rank.", step, "the ways to run it, at every rank"),
        "not_applicable": field.many("not_applicable", "the ways that do not apply"),
        "proofs": field.or_null(field.objects("A way that ran.", proof, "with --verify: what ran")),
        "exact_output": field.or_null(field.truth("with --verify: whether exact factors gave the exact output")),
        "verified": field.or_null(field.truth("with --verify: whether everything agrees")),
        "written": field.objects("A file.", written, "with --write: the files"),
    }


def kernels() -> Fields:
    """The fields of ``sepcalc factor --list``."""
    kernel = field.closed("A kernel.", {"name": field.text("its name"), "says": field.text("what it is")})
    return {
        "kernels": field.several(kernel, "the kernels that have names"),
        "aliases": field.by_name({"type": "string"}, "other names for them"),
    }


def kinds() -> Fields:
    """The fields of ``sepcalc kinds``."""
    kind: Fields = {
        "name": field.text("the kind"),
        "words": field.several({"type": "array", "items": {"type": "string"}}, "the choices for each word after it"),
        "needs": field.texts("the options that must be given"),
        "takes": field.texts("the options that may be given"),
        "counted": field.text("how it is counted"),
    }
    option: Fields = {
        "name": field.text("the option"),
        "short": field.or_null(field.text("its letter")),
        "value": field.or_null(field.text("what its value looks like; null of a flag")),
        "default": field.or_null(field.text("what holds where it is not given")),
        "help": field.text("what it is"),
    }
    return {
        "kinds": field.objects("A kind.", kind, "every kind of layer, or the one asked for"),
        "options": field.objects("An option.", option, "the options that these have"),
    }


def zoo() -> Fields:
    """The fields of ``sepcalc zoo``."""
    network: Fields = {
        "name": field.text("its name in the zoo"),
        "title": field.text("the network's own name"),
        "inputs": field.INPUTS,
        "outputs": field.by_name(field.shape("one output"), "every output by name"),
        "params": field.COST_FIELDS["params"],
        "macs": field.COST_FIELDS["macs"],
        "published": field.many("finding", "what was published, beside what there is"),
    }
    return {
        "networks": field.objects("A network.", network, "every network of the zoo"),
        "passed": field.truth("whether all agree with what was published"),
    }


def operators() -> Fields:
    """The fields of ``sepcalc operators``."""
    uncounted = field.closed(
        "An operator.", {"name": field.text("the operator"), "reason": field.text("why it is not counted")}
    )
    return {
        "source": field.text("the format"),
        "counted": field.texts("the operators that are counted, or free"),
        "uncounted": field.several(uncounted, "operators that are not, as none is that is not named here"),
        "how": field.by_name(field.text("how it is counted"), "how each of those is counted"),
    }
