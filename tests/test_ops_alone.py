"""What an op says of itself, apart from its cost: settings that are left out, what it sees, how it came to its counts.
Each row was worked out by hand from what the op does."""

from collections.abc import Iterator

import pytest
from helpers import chain, ids
from test_ops import HAND, layer_of

from sepcalc.cost import COUNTS, Cost
from sepcalc.errors import InputError, Invalid
from sepcalc.layer import Node
from sepcalc.network import of_spec
from sepcalc.ops import conv, elementwise, move, norm, pool, product, recurrent, rename, repeat
from sepcalc.ops.arguments import Written
from sepcalc.ops.base import Multiple, Op, Ties, Uncounted, Window, broadcast
from sepcalc.options import Value
from sepcalc.shape import Shape
from sepcalc.spec import parse

NONE, ONES = ((0, 0), (0, 0)), (1, 1)

LEFT_OUT = [  # a layer as short as it can be written, and its op with nothing said that may be left out
    ("8x8x4 conv -k3 -o4", conv.Conv((3, 3), 4, ONES, NONE, ONES)),
    ("8x8x4 transposed -k3 -o4", conv.Transposed((3, 3), 4, ONES, NONE, ONES, (0, 0))),
    ("4x4x8 norm batch", norm.BatchNorm()),
    ("4x4x8 norm input", norm.Normalization()),
    ("4x4x8 norm layer", norm.RowNorm("layer")),
    ("4x4x8 norm rms", norm.RowNorm("rms", bias=False)),
    ("4x4x8 norm instance", norm.RowNorm("instance")),
    ("4x8 softmax", norm.Softmax()),
    ("4x8 act prelu", elementwise.Activation("prelu")),
    ("4x8 scale", elementwise.Stored("scale")),
    ("8x8x4 pool max -k2", pool.Pool("max", (2, 2), (2, 2), NONE, ONES)),
    ("4x6x8 reduce mean", pool.Reduce("mean", (0, 1))),
    ("4x8 cumsum", pool.Cumulate(1)),
    ("8x7x3 4x5x2 grid-sample bilinear", pool.GridSample("bilinear")),
    ("4x5 5x6 matmul", product.Matmul()),
    ("7x10 dense -o4", product.Dense(4)),
    ("10x64 attention --heads 8", product.Attention(8, 8)),
    ("5x3 rnn -o4", recurrent.Recurrent("rnn", 4)),
    ("4x4x8 flatten", rename.Rename("flatten")),
    ("4x4x8 shuffle -g2", rename.Rename("shuffle", groups=2)),
    ("4x4x8 pixel-shuffle --scale 2", rename.Rename("pixel-shuffle", scale=2)),
    ("4x8 4x5 concat", move.Concat(1)),
    ("4x4x3 slice --to 2x4x3", move.Slice((2, 4, 3))),
    ("4x4x3 copy --to 5", move.Copy((5,))),
    ("7 embedding --vocab 100 -o16", move.Embedding(100, 16)),
    ("16x8 token", move.Token()),
    ("4x6 uncounted TopK --to 3", Uncounted("TopK", "it is written as uncounted", (3,))),
]


@pytest.mark.parametrize(("text", "op"), LEFT_OUT, ids=ids(LEFT_OUT))
def test_what_is_left_out_is_the_same_in_words_and_in_python(text: str, op: Op) -> None:
    found = layer_of(text).op
    assert (type(found), found) == (type(op), op)


LAST = [  # what runs along the last axis where none is said
    (pool.Cumulate(), pool.Cumulate(2), "cumsum"),
    (norm.Softmax(), norm.Softmax(axis=2), "softmax"),
]


@pytest.mark.parametrize(("op", "said", "kind"), LAST, ids=[case[2] for case in LAST])
def test_the_last_axis_is_meant_where_none_is_said(op: Op, said: Op, kind: str) -> None:
    shapes = ((2, 3, 5),)
    assert op.kind(shapes) == kind
    assert op.cost(shapes, (2, 3, 5)) == said.cost(shapes, (2, 3, 5))


def test_concat_joins_channels_where_no_axis_is_said() -> None:
    assert move.Concat().output(((2, 3, 5), (2, 3, 4))) == (2, 3, 9)
    assert move.Concat().beside(((2, 3, 5), (2, 3, 4))) == 2
    assert (move.Concat(0).output(((2, 3),)), move.Concat(0).beside(((2, 3),))) == ((2, 3), 0)


def test_a_constant_is_no_weight_where_nothing_is_said() -> None:
    table = move.Constant((3, 4))
    assert (table.learned, table.cost((), (3, 4)), table.detail(())) == (False, Cost(), "")


def test_an_rms_norm_with_a_shift_adds_it() -> None:
    """No words say that; a file may. 24 elements in 6 rows: x + R + x mults, x + x additions, 2·4 params."""
    op = norm.RowNorm("rms", bias=True)
    assert op.cost(((6, 4),), (6, 4)) == Cost(0, 54, 48, divs=24, specials=6, params=8, activations=24)


# --- what holds of the classes --------------------------------------------------------------------------------------

APART = {"BatchNorm", "Activation", "Elementwise", "Select", "Stored", "Pad", "Slice", "Copy"}
MOST = {  # how many inputs each takes, if not one
    "Matmul": (2, 2),
    "GridSample": (2, 2),
    "Einsum": (1, 1000),
    "Attention": (1, 3),
    "Select": (1, 3),
    "Elementwise": (2, 1000),
    "Scatter": (1, 1000),
    "Concat": (1, 1000),
    "Copy": (1, 1000),
    "Uncounted": (0, 1000),
    "Random": (0, 0),
    "Constant": (0, 0),
}


def ops(kind: type = Op) -> Iterator[type]:
    for below in kind.__subclasses__():
        if below.__module__.startswith("sepcalc.ops"):
            yield below
            yield from ops(below)


@pytest.mark.parametrize("kind", sorted(set(ops()), key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_what_holds_of_a_class_of_ops(kind: type[Op]) -> None:
    name = kind.__name__
    assert kind.apart is (name in APART)
    assert kind.drawn is (name == "Random")
    assert kind.holds is (name in ("Each", "Scan"))
    if name != "Each":  # it is as the op in it
        assert (kind.least, kind.most) == MOST.get(name, (1, 1))
    if name not in ("Each", "Activation"):  # which may be fused
        assert kind.writes is (name not in ("Rename", "Constant"))


def test_an_activation_writes_unless_it_is_fused() -> None:
    assert elementwise.Activation("relu").writes
    assert not elementwise.Activation("relu", fused=True).writes


def test_each_writes_what_its_op_does() -> None:
    assert repeat.Each(product.Dense(3)).writes
    assert not repeat.Each(rename.Rename("flatten")).writes


def test_each_takes_as_many_inputs_as_its_op() -> None:
    for op, number in ((product.Dense(3), (1, 1)), (product.Matmul(), (2, 2)), (move.Concat(), (1, 1000))):
        each = repeat.Each(op)
        assert (each.least, each.most) == number


# --- what an output position sees -----------------------------------------------------------------------------------


def at(*windows: tuple[int, int, int, int | None]) -> tuple[Window, ...]:
    return tuple([Window(*window) for window in windows])


OWN = ()
SEEN = [  # per axis: span, stride, upscale, where the first begins; OWN: its own position; None: everything
    ("9x8x4 conv -k3x2 -o6 -s2x1 -p1/0x2 -d1x3", at((3, 2, 1, -1), (4, 1, 1, -2))),
    ("9x8x4 conv -k3x2 -o6 -s2x3 -p same -d1x3", at((3, 2, 1, -1), (4, 3, 1, -1))),  # 2 and 2 are missing, halved
    ("9x3 transposed -k4 -o2 -s3 -d2", at((3, 1, 3, None))),  # taps 0 and 3 meet two inputs, 2 apart
    ("9x9x3 transposed -k5x3 -o2 -s2x4 -d4x2", at((9, 1, 2, None), (2, 1, 4, None))),
    ("4x6x8 fold -k2 --to 5x7", at((2, 1, 1, None), (2, 1, 1, None))),
    ("4x6x8 fold -k2 --to 9x12 -s2", at((1, 1, 2, None), (1, 1, 2, None))),
    ("9x9x3 pool max -k3x2 -s2x1 -p1x0/1 -d2x1", at((5, 2, 1, -1), (2, 1, 1, 0))),
    ("9x9x3 pool avg -k3x2 -p same", at((3, 3, 1, 0), (2, 2, 1, 0))),
    ("7x8x3 pool avg --to 5x4", at((3, 7, 5, None), (2, 8, 4, None))),
    ("9x6x3 pool avg --to 4x4", at((3, 9, 4, None), (2, 6, 4, None))),  # 1 and 2 are left over, which divide 4
    ("7x8x3 pool avg --to 7x1", at((1, 7, 7, None), (8, 8, 1, None))),
    ("7x8x3 pool avg --to 1", None),
    ("4x6x3 upsample bilinear --to 7x9", at((2, 4, 7, None), (2, 6, 9, None))),
    ("4x6x3 upsample nearest --to 8x3", at((1, 4, 8, None), (1, 6, 3, None))),
    ("4x6x3 upsample bicubic --to 8x3", at((4, 4, 8, None), (4, 6, 3, None))),
    ("4x6x8 pixel-shuffle --scale 2", at((1, 1, 2, None), (1, 1, 2, None))),
    ("4x6x8 pixel-unshuffle --scale 2", at((2, 2, 1, 0), (2, 2, 1, 0))),
    ("4x6x8 shuffle -g2", OWN),
    ("4x6x8 flatten", None),
    ("4x6x8 reduce mean --over c --keep", OWN),
    ("4x6x8 reduce mean --over c", None),
    ("4x6x8 reduce mean --over wc --keep", None),
    ("4x6x8 reduce mean --over w --keep", None),
    ("4x6x8 softmax", OWN),
    ("4x6x8 softmax --axis w", None),
    ("4x1x8 softmax --axis w", OWN),
    ("4x6x8 norm layer", OWN),
    ("4x6x8 norm layer --axes 2", None),
    ("4x6x8 norm rms", OWN),
    ("4x6x8 norm group -g1", None),
    ("4x6x8 norm instance", None),
    ("4x6x8 norm batch", OWN),
    ("4x6x8 norm lrn", OWN),
    ("4x6x8 pad -p1/2x0/3", at((1, 1, 1, -1), (1, 1, 1, 0))),
    ("4x6x8 slice --to 2x3x8 --start 1x0x0", at((1, 1, 1, 1), (1, 1, 1, 0))),
    ("4x6x8 slice --to 2x3x8", OWN),
    ("4x6x8 slice --to 4x6x2 --start 0x0x3", OWN),
    ("4x6x8 copy --to 2x6x8 -s2x1 --start 1x0", at((1, 2, 1, 1), (1, 1, 1, 0))),
    ("4x6x8 copy --to 2x6x8 -s2x1", at((1, 2, 1, None), (1, 1, 1, None))),
    ("4x6x8 copy --to 2x6x8", None),
    ("4x6x8 cumsum", ()),  # along the channels
    ("4x6x8 cumsum --axis w", None),
    ("4x8 attention", None),
    ("4x8 lstm -o2", None),
    ("4x8 token", None),
    ("4x8 embedding --vocab 4 -o2", None),
    ("4x8 5x8 concat --axis w", OWN),
    ("4x6x8 dense -o3", OWN),
    ("4x6x8 act relu", OWN),
    ("4x6x8 4x6x8 add", OWN),
    ("4x6x8 scatter add --to 4x6x8", None),
    ("4x6x8 uncounted x --to 4x6x8", None),
    ("5x4x6x8 each conv -k3 -o2 -p1", at((1, 1, 1, 0), (3, 1, 1, -1), (3, 1, 1, -1))),
    ("5x4x8 each softmax --axis w", None),
    ("5x4x8 each dense -o2", OWN),
    ("4x6x8 4x6x8 select", OWN),
    ("8x7x3 4x5x2 grid-sample bilinear", None),
    ("4x5 5x6 matmul", None),
    ("4x5 5x6 einsum ij,jk->ik", None),
    ("random --to 4x5", None),
    ("constant --to 4x5", None),
]


@pytest.mark.parametrize(("text", "windows"), SEEN, ids=ids(SEEN))
def test_what_an_output_position_sees(text: str, windows: tuple[Window, ...] | None) -> None:
    layer = layer_of(text)
    assert layer.op.windows(layer.inputs, layer.output) == windows


BESIDE = [("4x8 5x8 concat --axis w", 0), ("4x8 4x5 concat", 1), ("4x6x8 4x6x8 add", None), ("4x8 dense -o3", None)]


@pytest.mark.parametrize(("text", "axis"), BESIDE, ids=ids(BESIDE))
def test_where_inputs_lie_beside_each_other(text: str, axis: int | None) -> None:
    layer = layer_of(text)
    assert layer.op.beside(layer.inputs) == axis


PLACES = [  # where each axis of the input lies in the output
    ("2x3x4 permute --to 4x2x3", (1, 2, 0)),
    ("4x4x3 permute --to 3x4x4", (1, 2, 0)),  # of axes of one size, in their order
    ("12x1x4 reshape --to 12x4", (0, None, 1)),
    ("12x4 reshape --to 1x12x4", (1, 2)),
    ("12x4 reshape --to 3x4x4", (None, 2)),
    ("3x4x5 flatten", (None, None, None)),
    ("3 flatten", (0,)),
    ("4x4x8 shuffle -g2", None),
    ("4x8 act relu", None),
]


@pytest.mark.parametrize(("text", "places"), PLACES, ids=ids(PLACES))
def test_where_axes_lie_afterwards(text: str, places: tuple[int | None, ...] | None) -> None:
    layer = layer_of(text)
    assert layer.op.places(layer.inputs[0], layer.output) == places


LOST: list[tuple[Shape, list[str], tuple[int, ...]]] = [
    # an axis of two positions that is cut or joined is lost as any other; one of one position is not
    ((12, 2, 3), ["reshape --to 12x6", "dense -o6"], (12, 2)),
    ((12, 1, 3), ["reshape --to 12x3", "conv -k3 -o4"], (3, 1)),
    ((2, 6, 3), ["reshape --to 12x3", "conv -k3 -o4"], (2, 6)),
    ((12, 3), ["conv -k3 -o4 -p1", "reshape --to 3x4x4", "dense -o4"], (14,)),
    # 6 positions of 3, two apart, and beside them one that was dropped: 3
    ((12, 1, 3), ["conv -k3 -o3 -s2 -p1", "reshape --to 6x3", "flatten", "dense -o2"], (13, 3)),
    ((1, 12, 3), ["conv -k3 -o3 -s2 -p1", "reshape --to 6x3", "dense -o2", "conv -k3 -o2"], (3, 7)),
    # all of 5 positions, each of which sees 3, two apart
    ((10, 3), ["conv -k3 -o4 -s2 -p1", "flatten", "dense -o4"], (11,)),
]


@pytest.mark.parametrize(("shape", "texts", "field"), LOST)
def test_positions_that_are_lost(shape: Shape, texts: list[str], field: tuple[int, ...]) -> None:
    assert chain(shape, *texts).receptive_fields()[-1] == field


# --- how it came to its counts --------------------------------------------------------------------------------------

EXPLAINED = [
    ("4x8 add", {"adds": "4·8 elements", "activations": "4·8 elements"}),
    ("4x8 4x8 4x8 add", {"adds": "2 steps x 4·8 elements", "activations": "4·8 elements"}),
    ("8 1x8 4x8 add", {"adds": "1·8 elements + 4·8 elements", "activations": "4·8 elements"}),
    ("4x8 softmax", {"adds": "2 x 4·8 elements - 4 rows", "compares": "4·8 elements - 4 rows",
                     **dict.fromkeys(("divs", "specials", "activations"), "4·8 elements")}),
    ("4x5 5x6 einsum ij,jk", {**dict.fromkeys(("macs", "mults"), "4·5·6 index combinations"),
                              "adds": "4·5·6 index combinations - 4·6 results", "activations": "4·6 results"}),
    ("4x5 5x6 6x2 einsum ij,jk,kl", {"macs": "4·5·6·2 index combinations",
                                     "mults": "4·5·6·2 index combinations x 2 factors but the first",
                                     "adds": "4·5·6·2 index combinations - 4·2 results",
                                     "activations": "4·2 results"}),
    ("5x3 rnn -o4 --bidirectional --bias",
     {**dict.fromkeys(("macs", "mults"), "5 steps x 2 directions x 4 hidden x (3 inputs + 4 hidden)"),
      "adds": "5 steps x 2 directions x 4 hidden x (3 inputs + 4 hidden - 1 + 1 bias)",
      "specials": "5 steps x 2 directions x 4 hidden",
      "params": "2 directions x (4 hidden x (3 inputs + 4 hidden) + 4 hidden)", "activations": "5·8 outputs"}),
    ("5x3 rnn -o4", {**dict.fromkeys(("macs", "mults"), "5 steps x 4 hidden x (3 inputs + 4 hidden)"),
                     "adds": "5 steps x 4 hidden x (3 inputs + 4 hidden - 1)", "specials": "5 steps x 4 hidden",
                     "params": "4 hidden x (3 inputs + 4 hidden)", "activations": "5·4 outputs"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), EXPLAINED, ids=ids(EXPLAINED))
def test_every_word_of_an_explanation(text: str, told: dict[str, str]) -> None:
    assert layer_of(text).explain() == told


DETAILS = [
    ("9x9x3 conv -k3 -o4 -d2x1", "3x3 dilation 2x1 3 -> 4"),
    ("9x9x3 conv -k3 -o4 -d1x2", "3x3 dilation 1x2 3 -> 4"),
    ("9x9x3 conv -k3 -o4 -s1x2", "3x3 /1x2 3 -> 4"),
    ("9x9x3 conv -k3 -o4 -s2 -d2", "3x3 /2 dilation 2 3 -> 4"),
    ("4x6x8 fold -k2 --to 5x7", "2x2 8 -> 2"),
    ("4x6x8 copy --to 2x6x8 -s2x1", "stride 2x1"),
    ("4x6x8 copy --to 4x3x8 -s1x2", "stride 1x2"),
    ("4x6x8 copy --to 4x6x8 -s1", ""),
    ("4x6x8 slice --to 2x3x8 --start 1x0x0", "from 1x0x0"),
    ("4x6x8 slice --to 2x3x8", ""),
    ("constant --to 4 --learned", "learned"),
    ("constant --to 4 --buffer", "buffer"),
    ("4x6x8 reduce max", "max global"),
    ("4x6x8 reduce mean", "mean global"),
    ("4x6x8 pool avg global", "avg global"),
    ("5x4x8 each dense -o2", "5 x 8 -> 2"),
]


@pytest.mark.parametrize(("text", "detail"), DETAILS, ids=ids(DETAILS))
def test_settings_in_a_few_words(text: str, detail: str) -> None:
    assert layer_of(text).detail == detail


# --- everything of the table of costs -------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "cost"), HAND, ids=ids(HAND))
def test_only_convolutions_meet_padding(text: str, cost: Cost) -> None:
    for layer in of_spec(parse(text)).layers:
        if not isinstance(layer.op, conv.Conv | conv.Transposed):
            assert layer.effective_macs == layer.cost.macs


MORE = [
    ("9x4 scatter maximum --to 3x4", Cost(compares=36, activations=12)),
    ("4x8 scale constant", Cost(mults=32, activations=32)),
    ("4x8 stored over constant", Cost(divs=32, activations=32)),
    ("4x8 stored over --shape 3x1x8", Cost(divs=96, params=24, activations=96)),
    ("4x6 cumprod --axis w", Cost(mults=6 * 3, activations=24)),
    ("4x6 cummin --axis w", Cost(compares=6 * 3, activations=24)),
    ("5x3 lstm -o4 --last --bidirectional", Cost(1120, 1240, 10 * 112, 0, 120, 200, 224, 0, 8)),
    ("5x3 lstm -o4 --bias --bias-sets 2", Cost(560, 620, 5 * 128, 0, 60, 100, 112 + 32, 0, 20)),
    ("5x3 gru -o4 --bias --bias-sets 2", Cost(420, 480, 5 * 104, 0, 40, 60, 84 + 24, 0, 20)),
    # windows beside each other, of which nothing meets; then places 0, 2, 4 and 2, 4, 6: 4 of 6 are others
    ("2x2x8 fold -k2 --to 4x4 -s2", Cost(activations=32)),
    ("2x6 fold -k3 --to 7 -s2 -d2", Cost(adds=2 * 6 - 2 * 4, activations=14)),
]


@pytest.mark.parametrize(("text", "cost"), MORE, ids=ids(MORE))
def test_more_costs_worked_out_by_hand(text: str, cost: Cost) -> None:
    assert parse(text).cost == cost


def test_what_is_uncounted_in_some_counts_is_known_in_the_others() -> None:
    whole, partly = Uncounted("X", "why", (3,)), Uncounted("X", "why", (3,), False, ("compares",))
    assert (whole.whole, partly.whole, whole.stops, whole.counts) == (True, False, False, COUNTS)
    assert Node("a", whole, (), (3,)) == Node("a", whole, (), (3,), None, 0, (), 0)


@pytest.mark.parametrize(
    ("shapes", "result"),
    [
        (((4, 8), (4, 8)), (4, 8)),
        (((4, 1), (8,)), (4, 8)),
        (((1, 1, 8), (5, 4, 1)), (5, 4, 8)),
        (((1,), (1,)), (1,)),
        (((2, 8), (4, 8)), None),
        (((4, 8), (4, 2)), None),
        (((3, 4, 8), (2, 4, 8)), None),
    ],
)
def test_shapes_stretch_from_the_channels(shapes: tuple[Shape, ...], result: Shape | None) -> None:
    if result:
        assert broadcast(shapes, "add") == result
    else:
        with pytest.raises(Invalid, match="add cannot combine"):
            broadcast(shapes, "add")


# --- ops that words cannot make wrong, but files can -----------------------------------------------------------------

STEP = (repeat.Part(product.Dense(3), (0,)), repeat.Part(elementwise.Elementwise("add"), (1, 2)))
SCAN = repeat.Scan("cell", ((3,),), STEP, (3,))
WRONG: list[tuple[Op, tuple[Shape, ...], str]] = [
    (move.Copy((2, 6, 8), (2, 1)), ((4, 6, 8), (8,)), "copy with a stride keeps the axes: 2x6x8 of 4x6x8 and 8"),
    (move.Copy((2, 6, 8), (2, 1)), ((8,), (4, 6, 8)), "copy with a stride keeps the axes: 2x6x8 of 8 and 4x6x8"),
    (move.Slice((2, 3), (0,)), ((4, 6),), "2x3 is not a part of 4x6"),
    (move.Slice((2, 3), (3, 0)), ((4, 6),), "2x3 from 3x0 is not a part of 4x6"),
    (move.Slice((2, 3), (0, 4)), ((4, 6),), "2x3 from 0x4 is not a part of 4x6"),
    (move.Concat(0), ((4, 8), (4, 8), (4, 7)), "concat cannot join 4x8 and 4x8 and 4x7"),
    (move.Concat(0), ((4, 8), (4, 8, 8)), "concat cannot join 4x8 and 4x8x8"),
    (move.Concat(1), ((4, 8, 3), (4, 8, 2)), "concat cannot join 4x8x3 and 4x8x2"),
    (move.Token(), ((4, 4, 8),), "token needs a sequence (LxC), not 4x4x8"),
    (rename.Rename("pixel-unshuffle", scale=2), ((4, 5, 8),), "pixel-unshuffle by 2 needs sizes in multiples of 2"),
    (rename.Rename("pixel-unshuffle", scale=2), ((5, 4, 8),), "pixel-unshuffle by 2 needs sizes in multiples of 2"),
    (rename.Rename("shuffle", groups=2, blocks=3), ((4, 8),), "groups 2 do not divide the 8 channels"),
    (repeat.Each(product.Dense(3)), ((8,),), "8 have no first axis in common"),
    (repeat.Each(elementwise.Elementwise("add")), ((4, 8), (5, 8)), "4x8 and 5x8 have no first axis in common"),
    (repeat.Each(elementwise.Elementwise("add")), ((4, 8), (4,)), "4x8 and 4 have no first axis in common"),
    (SCAN, ((5,),), "cell needs a sequence, not 5"),
    (SCAN._replace(states=((4,),)), ((5, 2),), "add cannot combine 4 and 3"),
    (SCAN._replace(carried=(0,)), ((5, 2),), "cell makes 2 of a state 3"),
    (recurrent.Recurrent("gru", 4), ((5,),), "gru needs a sequence (LxC), not 5"),
    (norm.RowNorm("group", 3), ((4, 8),), "groups 3 do not divide the 8 channels"),
    (norm.RowNorm("layer", axes=3), ((4, 8),), "3 axes are more than the input has"),
    (product.Matmul(), ((4, 5), (5,)), "matmul needs two matrices, not 4x5 and 5"),
    (product.Matmul(), ((5,), (5, 4)), "matmul needs two matrices, not 5 and 5x4"),
    (pool.AdaptivePool("avg", (2,)), ((8,),), "pool needs a spatial axis, but the input 8 is a vector"),
    (pool.GridSample("linear"), ((8, 7, 3), (5, 2)), "linear is for 1 spatial axes, but 8x7x3 has 2"),
    (pool.GridSample("nearest"), ((2, 2, 2, 2, 3), (5, 4)), "nearest is for 1 or 2 or 3 spatial axes, but"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "inputs", "said"), WRONG, ids=range(len(WRONG)))
def test_what_no_op_takes(op: Op, inputs: tuple[Shape, ...], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        op.output(inputs)
    assert caught.value.message.startswith(said)


def test_a_scan_by_hand() -> None:
    """5 steps of 2 numbers: 3 sums of 2 products, then 3 additions to the state."""
    assert SCAN.tensors(((5, 2),)) == ((2,), (3,), (3,), (3,))
    assert SCAN.output(((5, 2),)) == (5, 3)
    assert SCAN.cost(((5, 2),), (5, 3)) == Cost(30, 30, 30, params=6, activations=15)
    last = SCAN._replace(last=True)
    assert last.output(((5, 2),)) == (3,)
    assert last.cost(((5, 2),), (3,)) == Cost(30, 30, 30, params=6, activations=3)
    assert (SCAN.kind(((5, 2),)), SCAN.detail(((5, 2),)), SCAN.last) == ("cell", "2 -> 3", False)
    assert SCAN.windows(((5, 2),), (5, 3)) is None


def test_what_is_stored_counts_once_for_all_steps() -> None:
    """Scale, shift and two statistics of 3 channels, for 5 steps or slices of 4 x 3."""
    steps = repeat.Scan("cell", ((4, 3),), (repeat.Part(norm.BatchNorm(), (0,)),), (2,))
    assert steps.cost(((5, 4, 3),), (5, 4, 3)) == Cost(0, 60, 60, params=6, buffers=6, activations=60)
    slices = repeat.Each(norm.BatchNorm())
    assert slices.cost(((5, 4, 3),), (5, 4, 3)) == Cost(0, 60, 60, params=6, buffers=6, activations=60)


def test_effective_macs_of_a_scan_whose_parts_have_other_shapes() -> None:
    """5 steps: 3 windows of 3 taps, 2 apart, the first over the edge, of 2 numbers to 4; then 6 x 3 x 3."""
    stride, point = conv.Conv((3,), 4, (2,), ((1, 1),), (1,)), conv.Conv((1,), 3, (1,), ((0, 0),), (1,))
    scan = repeat.Scan("cell", ((6, 3),), (repeat.Part(stride, (0,)), repeat.Part(point, (1,))), (3,))
    inputs, output = ((5, 6, 2),), (5, 6, 3)
    assert scan.output(inputs) == output
    macs = scan.cost(inputs, output).macs
    assert (macs, scan.effective_macs(inputs, output, macs)) == (5 * (72 + 54), 5 * (64 + 54))


def test_a_scan_in_each_knows_nothing_of_its_other_steps() -> None:
    outer = repeat.each(SCAN, (5, 3))
    assert outer == repeat.Scan("cell", ((5, 3),), (repeat.Part(SCAN, (0,)),), (2,))
    assert outer.output(((4, 5, 2),)) == (4, 5, 3)
    assert outer.cost(((4, 5, 2),), (4, 5, 3)) == Cost(120, 120, 120, params=6, activations=60)
    assert repeat.each(product.Dense(3), (5, 3)) == repeat.Each(product.Dense(3))


def test_what_is_cut_and_what_is_added_where_the_padding_is_same() -> None:
    same = conv.Transposed((2, 4), 3, (3, 1), "same", ONES, (0, 0))
    assert same.crops() == (((0, 0), (1, 2)), (1, 0))


def test_what_fits_just_so() -> None:
    assert move.Slice((2, 3), (2, 3)).output(((4, 6),)) == (2, 3)
    assert move.Slice((4, 6)).output(((4, 6),)) == (4, 6)
    assert move.Concat(0).output(((4, 8), (1, 8), (2, 8))) == (7, 8)
    assert rename.Rename("shuffle", groups=2, blocks=2).output(((4, 8),)) == (4, 8)
    assert norm.RowNorm("layer", axes=2).output(((4, 8),)) == (4, 8)
    assert repeat.Each(elementwise.Elementwise("add")).output(((4, 8), (4, 8))) == (4, 8)
    assert product.Matmul().output(((7, 4, 5), (5, 6))) == (7, 4, 6)
    assert product.Matmul(True).output(((1, 4, 5), (7, 6, 5))) == (7, 4, 6)


@pytest.mark.parametrize(
    ("op", "inputs", "output", "ties"),
    [
        (Uncounted("TopK", "why", (4, 8), axis=0), ((6, 8), (1,)), (4, 8), Ties(same=(0,))),
        (Uncounted("TopK", "why", (4, 8)), ((6, 8), (1,)), (4, 8), Ties()),
        (conv.Fold((2, 3), (4, 6), (2, 3), NONE, ONES), ((2, 2, 12),), (4, 6, 2), Ties(multiples=(Multiple(0, 6),))),
        (recurrent.Recurrent("gru", 4), ((5, 3),), (5, 4), Ties(own=True, multiples=(Multiple(-1, 1),))),
        (
            recurrent.Recurrent("gru", 4, bidirectional=True),
            ((5, 3),),
            (5, 8),
            Ties(own=True, multiples=(Multiple(-1, 2),)),
        ),
    ],
)
def test_channels_depend_on_those_of_the_inputs(op: Op, inputs: tuple[Shape, ...], output: Shape, ties: Ties) -> None:
    """Both directions of a recurrent layer stand behind each other; 2x3 positions of a fold in each channel."""
    assert op.ties(inputs, output) == ties


def test_an_uncounted_operator_looks_along_an_axis_whose_neighbours_stay() -> None:
    op = Uncounted("TopK", "why", (4, 8))
    assert op.along(0, ((6, 8), (1,))).axis == 0
    assert op.along(-2, ((6, 8),)).axis == 0
    assert op.along(1, ((6, 8),)).axis is None  # 6 became 4 along the other
    assert op.along(0, ()).axis is None
    assert op.along(0, ((8,),)).axis is None


def test_windows_of_unlike_sizes_are_put_back() -> None:
    """Of 4x6 positions, windows of 2x3 beside each other: 2x2 of them, each with 6 elements of 5 channels."""
    op = conv.Fold((2, 3), (4, 6), (2, 3), NONE, ONES)
    assert op.output(((2, 2, 30),)) == (4, 6, 5)
    assert op.cost(((2, 2, 30),), (4, 6, 5)) == Cost(activations=120)  # nothing overlaps
    assert said(op.written(((2, 2, 30),))) == ("fold", {"kernel": (2, 3), "stride": (2, 3), "to": (4, 6)})


def said(written: Written) -> tuple[str, dict[str, Value]]:
    """The kind and the options that are written."""
    return written.kind, {name: value for name, value in written.options.items() if value is not None}


def test_a_transposed_convolution_writes_its_kernel_and_its_stride() -> None:
    op = conv.Transposed((3, 2), 4, (2, 1), ((1, 0), (0, 1)), ONES, (0, 0))
    options = {"kernel": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1)), "out": 4}
    assert said(op.written(((4, 4, 2),))) == ("transposed", options)


def test_a_transposed_convolution_that_steps_over_positions_crops_nothing() -> None:
    """A kernel of 1 at every third position: 4 of 12, with 2 added at the end of 1 + 3*3."""
    op = conv.Transposed((1,), 1, (3,), "same", (1,), (0,))
    assert op.crops() == (((0, 0),), (2,))
    assert op.output(((4, 1),)) == (12, 1)
    assert conv.Transposed((4,), 1, (1,), "same", (1,), (0,)).crops() == (((1, 2),), (0,))  # 3 to cut, more behind


@pytest.mark.parametrize(
    ("op", "options"),
    [
        (rename.Rename("flatten"), {}),
        (rename.Rename("shuffle", groups=4), {"groups": 4}),
        (rename.Rename("pixel-shuffle", scale=2), {"scale": (2,)}),
        (rename.Rename("pixel-unshuffle", scale=3), {"scale": (3,)}),
    ],
)
def test_what_renames_writes_its_own_settings_alone(op: rename.Rename, options: dict[str, Value]) -> None:
    assert said(op.written(((6, 6, 36),))) == (op.how, options)


@pytest.mark.parametrize(
    ("op", "options"),
    [
        (recurrent.Recurrent("gru", 4), {}),
        (recurrent.Recurrent("lstm", 4, gate="hard-sigmoid"), {"gate": "hard-sigmoid"}),
        (recurrent.Recurrent("rnn", 4, gate="hard-sigmoid"), {}),  # it has no gate
        (recurrent.Recurrent("gru", 4, act="relu"), {"act": "relu"}),
        (recurrent.Recurrent("rnn", 4, bias_sets=2, last=True), {"bias": True, "bias-sets": 2, "last": True}),
    ],
)
def test_a_recurrent_layer_writes_what_is_not_usual(op: recurrent.Recurrent, options: dict[str, Value]) -> None:
    assert said(op.written(((5, 3),))) == (op.cell, {"out": 4, **options})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4x6x8 copy --to 2x6x8 -s2x1 --start 1", "--start 1 is not for 2 strides"),
        ("4x6x8 copy --to 2x6x8 --start 1x0", "--start 1x0 is not for 0 strides"),
    ],
)
def test_a_copy_that_starts_elsewhere_has_a_start_for_each_stride(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert (problem.message, problem.hint) == (message, "one for each spatial axis")


def test_an_uncounted_operator_that_looks_along_one_axis_follows_the_others() -> None:
    """Along its axis a size that was the input's is the new input's; one of its own (the 4 largest) stays."""
    grown = ((12, 10),)
    same, own = Uncounted("Sort", "why", (6, 8), axis=0), Uncounted("TopK", "why", (4, 8), axis=0)
    assert same.resized(((6, 8),), grown, lambda channels: channels) == same._replace(shape=(12, 10))
    assert own.resized(((6, 8),), grown, lambda channels: channels) == own._replace(shape=(4, 10))
