"""An op as the spec that builds it: the way back from a graph to the language."""

from collections.abc import Mapping

from sepcalc.errors import InputError, Invalid
from sepcalc.ops.base import Op
from sepcalc.options import Value
from sepcalc.shape import Shape, Shapes
from sepcalc.spec import Spec, linked, outputs, parse


def spec_of(op: Op, inputs: Shapes, output: Shape) -> Spec:
    """The spec that is this op on these inputs. Raises Invalid where the language has none: what the spec builds is
    held against the op, shape and cost."""
    spec = supposed(op, inputs)
    links = linked(spec, inputs)
    built = links[0].op
    same = len(links) == 1 and outputs(links, inputs)[-1] == output
    if not (same and built.cost(inputs, output) == op.cost(inputs, output) and built.writes == op.writes):
        raise Invalid(f"{op.kind(inputs)} {op.detail(inputs)}".rstrip() + " has no spec")
    return spec


def supposed(op: Op, inputs: Shapes, implied: Mapping[str, Mapping[str, Value]] = {}) -> Spec:
    """The spec that should be this op on these inputs, for those who read it back. Options that are ``implied`` by a
    kind are said, too, but for one that runs along axes. Raises Invalid where the language has no words for such an
    op."""
    kind, words, options, each = op.written(inputs)
    given = {name: value for name, value in options.items() if value is not None}
    return Spec(kind, words, {**implied[kind], **given} if kind in implied and not each else given, (), each)


def line_of(op: Op, inputs: Shapes, output: Shape) -> str | None:
    """The op with its inputs as one line, ``12x12x3 conv -k5 -o256``, that parses back to it; None where there is
    none."""
    try:
        text = str(spec_of(op, inputs, output)._replace(inputs=inputs))
        again = parse(text)  # no name of an operator, no shape of many axes reads back
    except (Invalid, InputError):
        return None
    return text if (again.inputs, str(again)) == (inputs, text) else None
