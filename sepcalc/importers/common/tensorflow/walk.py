"""Runs one operator of a file by its row, and compares its results with what the file states."""

from collections.abc import Sequence
from itertools import zip_longest
from math import prod

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.common.layout import INNER, KEEPS
from sepcalc.importers.common.tensorflow.graph import (
    NOTHING,
    SMALL,
    Builder,
    Call,
    Misfit,
    Refused,
    Tensor,
    Unknown,
    Value,
    merged,
    seen,
)
from sepcalc.importers.common.tensorflow.rows import Numbers, Operator
from sepcalc.network import Origin
from sepcalc.ops.move import Copy
from sepcalc.shape import Shape, show

MAX_STEPS = 50_000  # operators that are walked, loops unrolled


class Running:
    """Turns the operators of one file into a network."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.place: str | None = None  # the operator of the main graph that is on its way, by its number there
        self.among: str | None = None  # the name of that graph, where it is not the first of the file

    def within(self, call: Call, row: Operator) -> list[Value]:
        """The stored tensors of the graphs that an operator runs."""
        return []

    def operator(self, call: Call, row: Operator) -> Sequence[Value]:
        """The results of an operator. Raises Misfit."""
        builder = self.builder
        builder.at, builder.origin = call.name, Origin(printable(call.type)[:100], node=self.place, graph=self.among)
        builder.element_bits = call.outputs[0].type.bits or None if call.outputs else None
        mark = len(builder.nodes)
        try:
            if row.handle is None:
                raise Refused(row.reason)
            if row.measures or row.live or any(not value.constant for value in call.given):
                results = self.counted(call, row)
            elif row.multiplies:
                first = builder.standing(call.given[0])
                results = self.counted(call._replace(inputs=(first, *call.inputs[1:])), row)
            else:
                results = self.prepared(call, row)
            return [
                self.held(call, value, out) if out is not None else value
                for value, out in zip_longest(results, call.outputs[: len(results)])
            ]
        except Refused as refused:
            builder.back(mark)
            return self.gap(call, row, str(refused))
        except Unknown as unknown:
            builder.back(mark)
            return self.gap(call, row, f"the shape of what it reads, {quoted(str(unknown))}, is not known")
        except (ValueError, KeyError, IndexError, ZeroDivisionError, OverflowError) as error:
            raise Misfit(printable(call.name), Invalid(f"{call.type} does not fit what it reads")) from error
        except Invalid as fact:
            raise Misfit(printable(call.name), fact) from fact

    def counted(self, call: Call, row: Operator) -> Sequence[Value]:
        builder, mark = self.builder, len(self.builder.nodes)
        assert row.handle is not None
        for value in call.given:
            if value.shape is None:
                raise Unknown(value.name)
        results = row.handle(builder, call)
        if not row.measures and row.layout is not INNER:
            builder.keep(mark, call.given)
        return results

    def prepared(self, call: Call, row: Operator) -> Sequence[Value]:
        """The results on stored tensors alone, which are computed beforehand."""
        builder = self.builder
        assert row.handle is not None
        if (
            row.layout is KEEPS and len(call.given) == 1 and row.computed is None
        ):  # DEQUANTIZE, of many files every other
            own = tuple([one for one in call.given[0].roots if builder.weighs(one[0])])
            return [call.given[0]._replace(roots=own, data=None)]
        scratch = type(builder)(builder.batch, builder.altered)
        scratch.stored, scratch.files = builder.stored, builder.files
        fed = []
        for value in call.inputs:
            if value is not None:
                scratch.tensors.append(seen(value.sizes))
                value = value._replace(number=len(scratch.tensors) - 1, roots=())
            fed.append(value)
        try:
            shapes = [value.shape for value in row.handle(scratch, call._replace(inputs=tuple(fed)))]
        except (Refused, Unknown):
            shapes = [out.shape if not out.open else None for out in call.outputs]
        every: list[Numbers] = []
        if row.computed is not None and call.given and all(value.data is not None for value in call.given):
            computed = row.computed(call)
            every = computed if isinstance(computed, list) else [computed]
        roots = [(root, most) for root, most in merged(call.given) if builder.weighs(root)]
        made = []
        for at, shape in enumerate(shapes):
            count = prod(shape) if shape is not None else 0
            known = every[at] if at < len(every) else None
            if known and (len(known) > SMALL or len(known) != count or any(abs(number) >= 2**63 for number in known)):
                known = None
            kept = tuple([(root, min(most, count) if count else most) for root, most in roots])
            made.append(Value(shape, NOTHING, data=known, roots=kept))
        return made

    def held(self, call: Call, value: Value, out: Tensor) -> Value:
        """A result, after its shape was compared with the one that the file states. Raises Invalid."""
        shape, known = value.shape, out.ranked and not self.builder.altered
        if known and shape is not None and not _fits(shape, out):
            raise Invalid(
                f"{call.type} gives {show(shape) or 'one number'}, but the file says {show(out.shape) or 'one number'}"
            )
        return value._replace(kind=out.type if out.type.name else value.kind, name=out.name, tensor=out)

    def gap(self, call: Call, row: Operator, reason: str) -> Sequence[Value]:
        """Lists an operator that is not counted, and gives its results with the shapes that the file states."""
        builder, made = self.builder, list[Value]()
        for at, out in enumerate(call.outputs or (None,)):
            shape = None
            if out is not None and not out.open and not builder.altered and (out.shape or out.ranked):
                shape = out.shape
            builder.element_bits = out.type.bits or None if out is not None else None
            if at == 0:
                if row.shape is not None and all(value.shape is not None for value in call.given):
                    shape = row.shape(call)
                within = self.within(call, row)
                made.append(builder.uncounted(call._replace(inputs=(*call.inputs, *within)), reason, shape))
            elif shape is not None and min(shape, default=1) > 0:
                number = builder.add(Copy(seen(shape)), [made[0].number], label=str(at))
                made.append(builder.give(number, shape))
            else:
                made.append(Value(None, NOTHING, made[0].number))
        return [value._replace(kind=out.type, name=out.name, tensor=out) for value, out in zip(made, call.outputs)]


def _fits(shape: Shape, out: Tensor) -> bool:
    """Whether a shape is the one that the file states, except along its open axes."""
    same = len(shape) == len(out.shape)
    return same and all(at in out.open or size == said for at, (size, said) in enumerate(zip(shape, out.shape)))
