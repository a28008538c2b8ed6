"""What varies in a sweep: parameters, shapes, the whole of a network, the options of a layer, variants of layers."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from sepcalc.commands.whatif import whatif
from sepcalc.document import Document
from sepcalc.document.loading import Text, load_yaml
from sepcalc.document.parameters import stepped
from sepcalc.errors import Invalid, bad_input, near_miss, quoted
from sepcalc.expression import ExpressionError, as_text, evaluate
from sepcalc.expression import Value as Number
from sepcalc.importers import Request
from sepcalc.network import Network, of_spec
from sepcalc.options import OPTIONS
from sepcalc.rewriting import read_resolution
from sepcalc.shape import Shape, read_shape, show
from sepcalc.source import is_network, opened, read
from sepcalc.spaces.documents import declared, of_text, open_input, tried
from sepcalc.spaces.space import Space
from sepcalc.spaces.stacking import KEPT, stacked
from sepcalc.spec import parse

WORDS = ("input", "resolution", "channels")
Vary = Mapping[str, str]  # names with values as text; empty: those of the file
StandardInput = Callable[[], bytes] | None
_EXAMPLES = {"input": "128x128x3,160x160x3", "resolution": "128,160,192", "channels": "0.5,0.75,1.0"}


def read_values(name: str, text: str) -> list[Number]:
    """``0.25,0.5,1.0``, or ``0.25:1.5:0.05``: from, to and step, both ends included. Raises InputError."""
    found: list[Number] = []
    for part in text.split(","):
        try:
            ends = [evaluate(end, {}) for end in part.split(":")]
        except ExpressionError as fact:
            raise bad_input(
                f"--vary {name}: {fact.message}", fact.hint or "for example 0.25,0.5 or 0.25:1.5:0.05"
            ) from fact
        if len(ends) == 1:
            found.append(ends[0])
            continue
        if len(ends) != 3 or any(isinstance(end, bool) for end in ends) or ends[2] <= 0 or ends[1] < ends[0]:
            raise bad_input(f"--vary {name}: {quoted(part)}: expected from:to:step", "for example 0.25:1.5:0.05")
        if (ends[1] - ends[0]) // ends[2] >= 100_000:
            raise bad_input(f"--vary {name}: {quoted(part)}: at most 100,000 values")
        found += stepped(*ends)
    _require_different(name, [as_text(value) for value in found])
    return found


def _require_different(name: str, texts: Sequence[str]) -> None:
    again = next((text for at, text in enumerate(texts) if text in texts[:at]), None)
    if again is not None:
        raise bad_input(f"--vary {name}: {again} stands there twice")


def opened_space(
    argument: str, vary: Vary, request: Request, together: bool = False, standard_input: StandardInput = None
) -> Space:
    """The space of an argument and of what varies. Raises InputError, Invalid."""
    if not is_network(argument):
        return _of_spec(argument, vary)
    found = opened(argument, request, standard_input)
    own = declared(found) if isinstance(found, Text) else ()
    words = {name: text for name, text in vary.items() if name in WORDS and name not in own}
    globs = {name: text for name, text in vary.items() if name not in own and name not in words}
    parameters = {name: read_values(name, text) if text else [] for name, text in vary.items() if name in own}
    traced = isinstance(found, Text) and not globs and not {"resolution", "channels"} & {*words}
    if isinstance(found, Text) and not traced and (shape := open_input(found, request.settings, request.inputs)):
        if stray := [*globs, *[name for name in words if name == "channels"]]:
            hint = "set them with --set, or vary parameters, input or resolution"
            raise bad_input(f"--vary {stray[0]}: the file has open choices, beside which this cannot vary", hint)
        sizes = [read_resolution("--vary resolution", part) for part in words.pop("resolution").split(",")]
        if words:
            raise bad_input("--vary resolution and --vary input both set the input: vary one of them")
        spread = [size * (len(shape) - 1) if len(size) == 1 else size for size in sizes]
        words, traced = {"input": ",".join([show((*size, shape[-1])) for size in spread])}, True
    if traced and isinstance(found, Text):
        shapes = [_shape(name, part) for name, text in words.items() for part in text.split(",")]
        _require_different("input", [show(shape) for shape in shapes])
        return of_text(found, request.settings, request.inputs, parameters, shapes)
    return _stacked(argument, found, request, parameters, words, _variants(globs, own), together, standard_input)


def _shape(name: str, text: str) -> Shape:
    try:
        return read_shape(text)
    except Invalid as fact:
        raise bad_input(
            f"--vary {name}: {fact.message}", fact.hint or "for example input=128x128x3,160x160x3"
        ) from fact


def _variants(globs: Vary, own: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """The variants that the layers of each glob may become."""
    variants: list[tuple[str, Sequence[str]]] = []
    for name, text in globs.items():
        wanted = [
            KEPT if part.strip() in (KEPT, "normal") else part.strip() for part in text.split(",") if part.strip()
        ]
        if not wanted:
            example = f"for example --vary {quoted(name)}=conv,depthwise-separable"
            hint = near_miss(name, [*WORDS, *own]) or example
            raise bad_input(f"there is no parameter {quoted(name)}: expected values for a glob of layers", hint)
        _require_different(name, wanted)
        variants.append((name, wanted))
    return variants


def _stacked(
    argument: str,
    found: Text | Document,
    request: Request,
    parameters: Mapping[str, Sequence[Number]],
    words: Vary,
    variants: Sequence[tuple[str, Sequence[str]]],
    together: bool,
    standard_input: StandardInput,
) -> Space:
    """A space whose networks are read one by one."""
    names: list[str] = [*parameters]
    values: list[tuple[Hashable, ...]] = []
    for name, some in parameters.items():
        values.append(tuple(some) if some or not isinstance(found, Text) else tuple(tried(found, name)))
    for name, text in words.items():
        if not text:
            raise bad_input(f"--vary {name}: expected values", f"for example --vary {name}={_EXAMPLES[name]}")
        numbers = name == "channels"
        parts = [as_text(one) for one in read_values(name, text)] if numbers else text.split(",")
        _require_different(name, parts)
        names.append(name)
        values.append(tuple(parts))
    if together:
        names += [name for name, _ in variants]
        values += [tuple(wanted) for _, wanted in variants]
    alike, each = (variants, ()) if together else ((), variants)

    def made(chosen: Mapping[str, Any]) -> Network:
        settings = {**request.settings, **{name: as_text(chosen[name]) for name in parameters}}
        inputs = {**request.inputs, **({"": chosen["input"]} if "input" in words else {})}
        asked = request._replace(settings=settings, inputs=inputs)
        if isinstance(found, Text):
            network = load_yaml(found.source, settings, inputs, found.opened).network
        elif inputs == request.inputs and settings == request.settings:
            network = found.network
        else:
            network = read(argument, asked, standard_input).network
        rules = [f"{glob}={chosen[glob]}" for glob, _ in alike if chosen[glob] != KEPT]
        if "resolution" in words or "channels" in words or rules:
            network = whatif(network, rules, width=chosen.get("channels"), resolution=chosen.get("resolution")).after
        return network

    return stacked(names, values, made, each)


def _of_spec(text: str, vary: Vary) -> Space:
    """The space of a layer's spec: its options vary."""
    spec = parse(text)
    values: list[tuple[Any, ...]] = []
    for name, given in vary.items():
        if name == "input":
            values.append(tuple([_shape(name, part) for part in given.split(",")]))
        elif name in OPTIONS:
            try:
                values.append(tuple([OPTIONS[name].type.read(part) for part in given.split(",")]))
            except Invalid as fact:
                raise bad_input(f"--vary {name}: {fact.message}", fact.hint) from fact
        else:
            known = ["input", *OPTIONS]
            raise bad_input(f"a layer has no option {quoted(name)}", near_miss(name, known))
        _require_different(name, given.split(","))

    def made(chosen: Mapping[str, Any]) -> Network:
        options = {name: value for name, value in chosen.items() if name != "input"}
        inputs = (chosen["input"],) if "input" in chosen else spec.inputs
        return of_spec(parse(str(spec._replace(options={**spec.options, **options}, inputs=inputs))))

    return stacked([*vary], values, made)
