"""What every op and every kind of layer must say: a kind without a rule fails here by its name. Of each kind, what
another width and another resolution make of it: the line that a reader would have written in its place."""

from fractions import Fraction
from importlib import import_module
from pkgutil import iter_modules

import pytest
from helpers import network
from test_ops import HAND

import sepcalc.ops
from sepcalc.errors import InputError
from sepcalc.kinds import KINDS
from sepcalc.network import Network
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import ELEMENTWISE
from sepcalc.rewriting.resize import resized
from sepcalc.shape import Shape
from sepcalc.spec import parse

RULES = ("cost", "windows", "written", "ties", "resized")
FAMILIES = [f"ops.{module.name}" for module in iter_modules(sepcalc.ops.__path__)]
MODULES = [import_module(f"sepcalc.{name}") for name in ("rewrite", *FAMILIES)]
OPS = {
    name: op
    for module in MODULES
    for name, op in vars(module).items()
    if isinstance(op, type) and issubclass(op, Op) and op.__module__ == module.__name__ and op is not Op
}


def lacking(op: type[Op]) -> list[str]:
    """The rules that an op's own class does not have."""
    return [rule for rule in RULES if rule not in vars(op)]


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_op_has_its_rules(name: str) -> None:
    assert lacking(OPS[name]) == []


def test_an_op_without_rules_is_found_and_does_nothing_in_silence() -> None:
    class Bare(Op):
        def cost(self, *_: object) -> sepcalc.Cost:  # type: ignore[override]
            return sepcalc.Cost()

    class Inherited(OPS["Conv"]):  # type: ignore[misc, name-defined]
        pass

    assert lacking(Bare) == ["windows", "written", "ties", "resized"]
    assert lacking(Inherited) == list(RULES)
    with pytest.raises(TypeError, match=r"^Bare does not say what a position of its output sees$"):
        Bare().windows(((4,),), (4,))
    with pytest.raises(TypeError, match=r"^Bare does not say what a change of width does to it$"):
        Bare().ties(((4,),), (4,))
    with pytest.raises(TypeError, match=r"^Bare does not say what a change of resolution does to it$"):
        Bare().resized(((4,),), ((8,),), lambda channels: channels)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_built_by_its_module(kind: str) -> None:
    assert kind in import_module(f"sepcalc.{KINDS[kind].module}").BUILD


def test_no_module_builds_what_is_no_kind() -> None:
    built = {(module.__name__, kind) for module in MODULES for kind in getattr(module, "BUILD", {})}
    assert built == {(f"sepcalc.{entry.module}", kind) for kind, entry in KINDS.items()}


@pytest.mark.parametrize("text", [text for text, _ in HAND])
def test_a_kind_takes_as_many_inputs_as_its_op(text: str) -> None:
    spec = parse(text)
    kind, ops = KINDS[spec.kind], [link.op for link in spec.links]
    if spec.kind not in CHAINS:
        (op,) = ops
        assert (bool(kind.several), kind.begins) == (op.most > 1, op.most == 0)


# --- width and resolution --------------------------------------------------------------------------------------------

SAME = ""
SEQUENCE = "reshape --to 64x32, "
NARROW = "reshape --to 64x16, "
LARGE = "reshape --to 144x32, "

BOTH, TO = "--bidirectional", "--projection "
NO_FOLD = "6x6x64 are not the windows 2x2 of 8x8"
UNKNOWN = "scatter to 5x8x32 does not say what it is of "

# A layer on 8x8x32; the same on 8x8x16 (half the width); the same on 12x12x32; how many inputs it reads. In place of a
# layer, why it cannot follow.
ROWS = [
    ("conv -k3 -o64 -s2 -p1", "conv -k3 -o32 -s2 -p1", SAME, 1),
    ("conv -k3 -o64 -g4 -p same", "conv -k3 -o32 -g4 -p same", SAME, 1),
    ("depthwise -k3", SAME, SAME, 1),
    ("depthwise -k3 -m2", SAME, SAME, 1),
    ("pointwise -o48 --bias", "pointwise -o24 --bias", SAME, 1),
    ("transposed -k3 -o64 -s2", "transposed -k3 -o32 -s2", SAME, 1),
    ("conv -k2 -o64 -s2, fold -k2 --to 8x8 -s2", "conv -k2 -o32 -s2, fold -k2 --to 8x8 -s2", NO_FOLD, 1),
    ("dense -o64 --bias", "dense -o32 --bias", SAME, 1),
    ("matmul --transpose", SAME, SAME, 2),
    ("einsum hwc,hwd->cd", SAME, SAME, 2),
    (f"{SEQUENCE}attention --heads 4", f"{NARROW}attention --heads 4", f"{LARGE}attention --heads 4", 1),
    ("pool max -k3 -s2", SAME, SAME, 1),
    ("pool avg global", SAME, SAME, 1),
    ("pool avg --to 2x2", SAME, SAME, 1),
    ("reduce mean --over c --keep", SAME, SAME, 1),
    ("reduce max --over hw", SAME, SAME, 1),
    ("cumsum --axis h", SAME, SAME, 1),
    *[(f"cum{how}", SAME, SAME, 1) for how in ("prod", "max", "min")],
    ("upsample nearest --to 16x16", SAME, "upsample nearest --to 24x24", 1),
    ("norm batch", SAME, SAME, 1),
    ("norm input --shape 32", "norm input --shape 16", SAME, 1),
    ("norm layer", SAME, SAME, 1),
    ("norm group -g4", SAME, SAME, 1),
    ("norm instance", SAME, SAME, 1),
    ("norm rms", SAME, SAME, 1),
    ("norm lrn", SAME, SAME, 1),
    ("softmax --axis h", SAME, SAME, 1),
    ("log-softmax", SAME, SAME, 1),
    ("act prelu", SAME, SAME, 1),
    *[(how, SAME, SAME, 2) for how in ELEMENTWISE],
    ("select", SAME, SAME, 3),
    ("scatter add --to 8x8x32", "scatter add --to 8x8x16", "scatter add --to 12x12x32", 1),
    ("scatter add --to 5x8x32", UNKNOWN + "8x8x16", UNKNOWN + "12x12x32", 1),
    ("scale channel", SAME, SAME, 1),
    ("shift element", SAME, SAME, 1),
    ("shift --shape 8x1x32", "shift --shape 8x1x16", "shift --shape 12x1x32", 1),
    ("stored maximum channel", SAME, SAME, 1),
    (f"{SEQUENCE}rnn -o64", f"{NARROW}rnn -o32", f"{LARGE}rnn -o64", 1),
    (f"{SEQUENCE}lstm -o64 {BOTH}", f"{NARROW}lstm -o32 {BOTH}", f"{LARGE}lstm -o64 {BOTH}", 1),
    (f"{SEQUENCE}lstm -o64 {TO}16", f"{NARROW}lstm -o32 {TO}8", f"{LARGE}lstm -o64 {TO}16", 1),
    (f"{SEQUENCE}gru -o64", f"{NARROW}gru -o32", f"{LARGE}gru -o64", 1),
    ("embedding --vocab 100 -o64", "embedding --vocab 100 -o32", SAME, 1),
    (f"{SEQUENCE}token", f"{NARROW}token", f"{LARGE}token", 1),
    ("concat", SAME, SAME, 2),
    ("concat --axis h", SAME, SAME, 2),
    ("pad -p1", SAME, SAME, 1),
    ("slice --size 8", "slice --size 4", SAME, 1),
    ("slice --size 4 --axis h", SAME, "slice --size 6 --axis h", 1),
    ("copy --to 4x4x32 -s2 --start 0x0", "copy --to 4x4x16 -s2 --start 0x0", "copy --to 6x6x32 -s2 --start 0x0", 1),
    ("flatten", SAME, SAME, 1),
    ("reshape --to 8x8x2x16", "reshape --to 8x8x2x8", "reshape --to 12x12x2x16", 1),
    ("permute --to 32x8x8", "permute --to 16x8x8", "permute --to 32x12x12", 1),
    ("shuffle -g4", SAME, SAME, 1),
    ("pixel-shuffle --scale 2", SAME, SAME, 1),
    ("pixel-unshuffle --scale 2", SAME, SAME, 1),
    ("identity", SAME, SAME, 1),
    ("dropout", SAME, SAME, 1),
    ("uncounted Fft --to 8x8x32", "uncounted Fft --to 8x8x16", "uncounted Fft --to 12x12x32", 1),
    ("each dense -o64", "each dense -o32", SAME, 1),
    ("each each act prelu", SAME, SAME, 1),
    ("each slice --size 4", "each slice --size 2", SAME, 1),
    ("each depthwise -k3 -m2", SAME, SAME, 1),
    ("each upsample nearest --to 16", SAME, "each upsample nearest --to 24", 1),
]
CHAINS = {"separable", "spatial", "factorized", "multihead"}  # whose links are other kinds
BELOW = {"constant", "random", "grid-sample"}


def net(size: Shape, width: int, layers: str, inputs: int) -> Network:
    """The layers behind a pointwise convolution, before a head."""
    texts = [f"pointwise -o{width}", *layers.split(", "), "dense -o5"]
    last = len(texts) - 1
    return network([size], [(text, (at,) * (inputs if at == last - 1 else 1)) for at, text in enumerate(texts)])


def facts(of: Network) -> list[object]:
    return [(layer.kind, layer.inputs, layer.output, layer.cost) for layer in of.layers]


def outcome(before: Network, width: Fraction | None, resolution: Shape | None) -> list[object] | str:
    try:
        return facts(resized(before, width, 1, resolution))
    except InputError as error:
        return str(error).partition(" cannot follow: ")[2].splitlines()[0]


def expected(size: Shape, width: int, layers: str, inputs: int) -> list[object] | str:
    return layers if " not " in layers else facts(net(size, width, layers, inputs))


@pytest.mark.parametrize(("layers", "narrow", "large", "inputs"), ROWS, ids=[row[0] for row in ROWS])
def test_what_width_and_resolution_do_to_a_kind(layers: str, narrow: str, large: str, inputs: int) -> None:
    before = net((8, 8, 4), 32, layers, inputs)
    assert outcome(before, Fraction(1, 2), None) == expected((8, 8, 4), 16, narrow or layers, inputs)
    assert outcome(before, None, (12,)) == expected((12, 12, 4), 32, large or layers, inputs)


def test_every_kind_has_a_row() -> None:
    kinds = {text.replace("each ", "").split()[0] for row in ROWS for text in row[0].split(", ")}
    assert kinds | CHAINS | BELOW == KINDS.keys()


@pytest.mark.parametrize("kind", ["constant", "random"])
def test_what_is_stored_or_drawn_keeps_its_channels_and_those_that_meet_them(kind: str) -> None:
    rows = [("pointwise -o32", (0,)), (f"{kind} --to 32", ()), ("multiply", (1, 2)), ("dense -o5", (3,))]
    before = network([(8, 8, 4)], rows)
    assert facts(resized(before, Fraction(1, 2), 1)) == facts(before)


def test_what_a_grid_reads_has_the_channels_of_the_first_input() -> None:
    def read(size: int, width: int) -> Network:
        rows = [(f"pointwise -o{width}", (0,)), ("grid-sample bilinear", (2, 1)), ("dense -o5", (3,))]
        return network([(size, size, 4), (size, size, 2)], rows)

    assert facts(resized(read(8, 32), Fraction(1, 2), 1)) == facts(read(8, 16))
    assert facts(resized(read(8, 32), None, 1, (12,))) == facts(read(12, 32))


TIED = [  # between two convolutions of which the first is added to the input: its channels stay
    "norm input",
    "each act relu",
    "each norm layer",
    "each depthwise -k3 -p1",
    "scatter add --to 8x8x6",
]


@pytest.mark.parametrize("layer", TIED)
def test_channels_are_handed_on_to_a_sum(layer: str) -> None:
    """The input has 6 channels, and so has what is added to it, however it got there."""
    rows = [("pointwise -o6", (0,)), (layer, (1,)), ("add", (0, 2)), ("pointwise -o32", (3,)), ("dense -o5", (4,))]
    after = resized(network([(8, 8, 6)], rows), Fraction(1, 2), 1)
    assert [layer.output[-1] for layer in after.layers] == [6, 6, 6, 16, 5]


def test_windows_that_are_put_back_are_whole() -> None:
    """A fold of 2 x 2 windows reads multiples of 4 channels: of half of 20 it makes 12."""
    rows = [("conv -k2 -o20 -s2", (0,)), ("fold -k2 --to 8x8 -s2", (1,)), ("dense -o5", (2,))]
    after = resized(network([(8, 8, 4)], rows), Fraction(1, 2), 1)
    assert [layer.output for layer in after.layers] == [(4, 4, 12), (8, 8, 3), (8, 8, 5)]
