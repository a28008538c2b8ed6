"""The fields of the reports on kernels, and of what sepcalc knows."""

from sepcalc.reports.schemas.parts import (
    COST_FIELDS,
    INPUTS,
    Fields,
    by_name,
    closed,
    count,
    many,
    number,
    or_null,
    several,
    shape,
    text,
    texts,
    truth,
    whole,
)


def factor() -> Fields:
    step: Fields = {
        "variant": text("how it is run"),
        "rank": or_null(count("at which rank; null: the kernel as it is")),
        "error": number("the error, relative to the whole (Frobenius norm)"),
        "macs": count("macs per output position"),
        "params": count("params"),
        "ratio": number("macs / those of the full kernel"),
    }
    proof: Fields = {
        "variant": text("how it was run"),
        "rank": count("at which rank"),
        "predicted": number("the error by the singular values"),
        "composed": number("the error of the composed kernels"),
        "expected": number("the same, of the channels that ran"),
        "measured": number("the error of the outputs"),
        "channels": count("how many input channels ran"),
        "formula": count("mults by the formula"),
        "executed": count("mults that were executed"),
        "ok": truth("whether these agree"),
    }
    written: Fields = {"path": text("the file"), "shape": several({"type": "integer"}, "its shape")}
    full: Fields = {"macs": count("macs per output position"), "params": count("params")}
    integers, numbers = {"type": "integer"}, {"type": "number"}
    return {
        "shape": several(integers, "the kernel's shape; of a layer outputs x inputs x kernel"),
        "rank": or_null(count("its rank; of a layer the largest of any slice; null where it is not known")),
        "separable": truth("whether it separates"),
        "factors": or_null(several({"type": "array", "items": integers}, "exact factors, one for each axis")),
        "scale": or_null(text("a fraction that the factors are multiplied by")),
        "errors": several(numbers, "the errors of the best kernels of rank 1, 2, …"),
        "exact": truth("whether the rank is exact"),
        "tolerance": or_null(number("the part of the largest singular value that counts as zero")),
        "unfoldings": or_null(several(integers, "the ranks of a 3-D kernel's unfoldings")),
        "vectors": or_null(
            several({"type": "array", "items": numbers}, "real factors, where it separates numerically")
        ),
        "layer": truth("whether these are a layer's weights"),
        "full": closed("The convolution as it is.", full),
        "asked_rank": or_null(count("what --rank asked for")),
        "break_even": by_name(whole("a rank"), "for each way, the last rank that is cheaper than the full kernel"),
        "ways": several(closed("A way at a rank.", step), "the ways to run it, at every rank"),
        "not_applicable": many("not_applicable", "the ways that do not apply"),
        "proofs": or_null(several(closed("A way that ran.", proof), "with --verify: what ran")),
        "exact_output": or_null(truth("with --verify: whether exact factors gave the exact output")),
        "verified": or_null(truth("with --verify: whether everything agrees")),
        "written": several(closed("A file.", written), "with --write: the files"),
    }


def kernels() -> Fields:
    kernel = closed("A kernel.", {"name": text("its name"), "says": text("what it is")})
    return {
        "kernels": several(kernel, "the kernels that have names"),
        "aliases": by_name({"type": "string"}, "other names for them"),
    }


def kinds() -> Fields:
    kind: Fields = {
        "name": text("the kind"),
        "words": several({"type": "array", "items": {"type": "string"}}, "the choices for each word after it"),
        "needs": texts("the options that must be given"),
        "takes": texts("the options that may be given"),
        "counted": text("how it is counted"),
    }
    option: Fields = {
        "name": text("the option"),
        "short": or_null(text("its letter")),
        "value": or_null(text("what its value looks like; null of a flag")),
        "default": or_null(text("what holds where it is not given")),
        "help": text("what it is"),
    }
    return {
        "kinds": several(closed("A kind.", kind), "every kind of layer, or the one asked for"),
        "options": several(closed("An option.", option), "the options that these have"),
    }


def zoo() -> Fields:
    network: Fields = {
        "name": text("its name in the zoo"),
        "title": text("the network's own name"),
        "inputs": INPUTS,
        "outputs": by_name(shape("one output"), "every output by name"),
        "params": COST_FIELDS["params"],
        "macs": COST_FIELDS["macs"],
        "published": many("finding", "what was published, beside what there is"),
    }
    return {
        "networks": several(closed("A network.", network), "every network of the zoo"),
        "passed": truth("whether all agree with what was published"),
    }


def operators() -> Fields:
    uncounted = closed("An operator.", {"name": text("the operator"), "reason": text("why it is not counted")})
    return {
        "source": text("the format"),
        "counted": texts("the operators that are counted, or free"),
        "uncounted": several(uncounted, "operators that are not, as none is that is not named here"),
    }
