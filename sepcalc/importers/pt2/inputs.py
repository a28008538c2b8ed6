"""The sizes of a program's inputs: as the file has them, or as they are asked for."""

from collections.abc import Mapping

from sepcalc.errors import InputError, Invalid, Problem, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.graph_builder import unsuited
from sepcalc.importers.common.input_values import by_input, example
from sepcalc.importers.pt2.program import Program
from sepcalc.importers.pt2.symbols import Open
from sepcalc.importers.pt2.values import alone, computed
from sepcalc.shape import Shape, read_shape, read_size


class Asked:
    """What was asked of a program: ``sizes`` of its symbols; ``batch``, how many examples the first axis of its inputs
    may hold, and the ``symbol`` of that axis, if it has one. ``guesses`` are sizes that only the example says that the
    program was made with."""

    def __init__(self, shown: str, program: Program, request: Request) -> None:
        self.shown, self.program, self.request = shown, program, request
        self.metas = {name: program.metas[name] for name in program.inputs}
        self.said = self._dims()
        self._shapes()
        self.sizes = {**program.hints, **self.said}
        firsts = {name: meta.sizes[0] for name, meta in self.metas.items() if meta.sizes}
        symbols = {symbol for first in firsts.values() if (symbol := alone(first))}
        self.symbol = next(iter(symbols)) if len(symbols) == 1 and not symbols & self.said.keys() else ""
        if self.symbol:
            self.sizes[self.symbol] = request.batch or max(2, self.sizes.get(self.symbol, 2))
            self.batch = self.sizes[self.symbol]
        else:
            self.batch = self._fixed(firsts)
        inputs = {alone(size): name for name, meta in self.metas.items() for size in meta.sizes}
        self.guesses = [
            Problem(
                f"{printable(symbol)} of the input {quoted(name)} is open: it was {self.sizes[symbol]:,} in the export",
                f"--dim {printable(symbol)}={self.sizes[symbol]}, or another",
            )
            for symbol, name in inputs.items()
            if symbol in self.sizes and symbol not in (self.symbol, *self.said)
        ]

    def _dims(self) -> dict[str, int]:
        """The sizes of symbols that were asked for by name."""
        known, said, problems = self.program.symbols, dict[str, int](), list[Problem]()
        for symbol, text in self.request.dims.items():
            try:
                if symbol not in known:
                    every = f"it has {', '.join(known)}" if known else "all sizes of its inputs are fixed"
                    raise Invalid("the file has no such dimension", near_miss(symbol, known) or every)
                said[symbol] = self._within(symbol, read_size(text))
            except Invalid as fact:
                problems.append(Problem(f"--dim {printable(symbol)}={printable(text)}: {fact.message}", fact.hint))
        if problems:
            raise InputError(problems)
        return said

    def _within(self, symbol: str, size: int) -> int:
        """A size that is within the range of its symbol. Raises Invalid."""
        limits = self.program.ranges.get(symbol)
        least, most = (limits.get(name) if isinstance(limits, dict) else None for name in ("min_val", "max_val"))
        if (isinstance(least, int) and size < least and size != 1) or (isinstance(most, int) and size > most):
            raise Invalid(f"{symbol} is {size}, but the program is for {least} to {most if most else 'any'}")
        return size

    def _shapes(self) -> None:
        """Finds the sizes of symbols by the shapes that were asked for."""
        problems = list[Problem]()
        named = "" not in self.request.inputs
        for name, text in by_input(self.shown, list(self.metas), self.request.inputs).items():
            try:
                self._fit(name, text, named)
            except Invalid as fact:
                problems.append(Problem(f"{self.shown}: the input {quoted(name)}: {fact.message}", fact.hint))
        if problems:
            raise InputError(problems)

    def _fit(self, name: str, text: str, named: bool) -> None:
        """Takes a shape for an input: in PyTorch's order, or without a name HxWxC of one example. Raises Invalid."""
        sizes = tuple([read_size(part) for part in text.split("x")]) if named else read_shape(text)
        every: list[tuple[int, ...]] = [sizes]
        if not named:
            first = (self.request.batch or 1,)
            every = [(*first, sizes[-1], *sizes[:-1]), (*first, *sizes), sizes, (sizes[-1], *sizes[:-1])]
        for shape in every:
            if (found := self._solved(name, shape)) is not None:
                self.said |= found
                return
        own, hints = self.metas[name].sizes, self.program.hints
        made = example(name, [size if isinstance(size, int) else hints.get(alone(size)) for size in own])
        fixed = "x".join([str(size) if isinstance(size, int) else alone(size) or "?" for size in own])
        raise Invalid(f"{quoted(text)} does not fit {fixed}, for which it was exported", f"{made}, for example")

    def _solved(self, name: str, shape: Shape) -> dict[str, int] | None:
        """The sizes of symbols with which the input has this shape; None where it cannot have it."""
        sizes, found = self.metas[name].sizes, dict[str, int]()
        if len(sizes) != len(shape):
            return None
        for given, wanted in zip(sizes, shape):
            if symbol := alone(given):
                if found.setdefault(symbol, self.said.get(symbol, wanted)) != wanted:
                    return None
                self._within(symbol, wanted)
        try:
            return found if tuple([computed(one, {**self.said, **found}) for one in sizes]) == shape else None
        except Open:
            return None

    def _fixed(self, firsts: Mapping[str, int | str]) -> int:
        """The number of examples that a first axis of known size may hold."""
        known = [computed(first, self.sizes) for first in firsts.values()]
        if self.request.batch not in (None, 1, *known):
            raise unsuited(self.request.batch or 1, known)
        sizes = {size for size in known if size != 1}
        ranked = max([len(meta.sizes) for meta in self.metas.values()], default=0) > 1
        return self.request.batch or (sizes.pop() if len(sizes) == 1 and ranked else 1)
