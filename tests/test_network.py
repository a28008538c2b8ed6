"""Networks as graphs: what they cost in all, what is alive at once, what an output sees, and how layers are chosen."""

from itertools import product
from math import prod

import pytest
from helpers import Row, chain, ids, network
from hypothesis import given
from hypothesis import strategies as st

from sepcalc.analysis.receptive_field import MAX_STEPS, Stride
from sepcalc.cost import COSTS, Cost, total
from sepcalc.errors import InputError
from sepcalc.layer import Node
from sepcalc.network import Network, matches, of_chain, of_spec
from sepcalc.ops.base import Uncounted
from sepcalc.reports.groups import by_kind
from sepcalc.reports.layers import records, whole
from sepcalc.shape import MAX_SIZE, Shape
from sepcalc.spec import parse
from sepcalc.verification import verify

# --- the report ------------------------------------------------------------------------------------------------------


def test_a_layer_is_a_network_of_its_links() -> None:
    net = of_spec(parse("12x12x3 separable -k5 -o256"))
    assert (net.name, net.inputs, net.outputs) == ("separable", {"input": (12, 12, 3)}, {"output": (8, 8, 256)})
    assert [(layer.name, layer.kind, layer.output) for layer in net.layers] == [
        ("depthwise", "depthwise", (8, 8, 3)),
        ("pointwise", "pointwise", (8, 8, 256)),
    ]
    assert (net.params, net.macs, net.flops) == (843, 53_952, 53_952 + 37_376)
    assert net["depthwise"].cost.params == 75
    with pytest.raises(KeyError):
        net["conv"]


def test_several_inputs_are_numbered() -> None:
    net = of_spec(parse("4x8 4x5 concat"))
    assert net.inputs == {"input0": (4, 8), "input1": (4, 5)}
    assert net.layers[0].inputs == ((4, 8), (4, 5))


def test_a_layer_that_does_not_fit_is_refused_as_text_would_be() -> None:
    with pytest.raises(InputError) as caught:
        of_spec(parse("conv -k5 -o8")._replace(inputs=((4, 4, 3),)))
    assert str(caught.value) == (
        "the output would be empty: a kernel spanning 5 does not fit into the height 4\n"
        "  4x4x3 conv -k5 -o8\n"
        "             ^^^\n"
        "  hint: take a smaller kernel or dilation, or --padding same"
    )


def test_a_network_of_nothing_costs_nothing() -> None:
    net = of_chain("empty", (), ((4, 8),))
    assert (net.cost, net.layers, net.outputs) == (Cost(), (), {"output": (4, 8)})
    assert (net.peak_memory(), net.peak_memory(2)) == (128, 64)


HEADS = [("conv -k3 -o8 -psame", (0,)), ("norm batch", (1,)), ("conv -k3 -o8 -psame", (2,)), ("norm batch", (3,))]


def test_shared_weights_count_where_they_are_used_first() -> None:
    shared = network([(4, 4, 8)], HEADS, weights={0: "head", 2: "head", 1: "norm", 3: "norm"})
    apart = network([(4, 4, 8)], HEADS)
    assert [(layer.cost.params, layer.cost.buffers) for layer in shared.layers] == [(576, 0), (16, 16), (0, 0), (0, 0)]
    assert [layer.weights for layer in shared.layers] == ["head", "norm", "head", "norm"]
    assert shared.cost == apart.cost._replace(params=576 + 16, buffers=16)  # what is computed is computed twice
    assert "params" not in shared["2"].explain()


MIXED = chain(
    (12, 12, 4),
    "conv -k3 -o8 -s2 -p1",
    "act relu",
    "depthwise -k3 -psame",
    "act relu",
    "pointwise -o6",
    "pool avg global",
    "dense -o10 --bias",
)


def test_groups_by_kind_add_up() -> None:
    groups = by_kind(MIXED.layers)
    assert [(group.name, group.layers) for group in groups] == [
        ("conv", 1),
        ("act", 2),
        ("depthwise", 1),
        ("pointwise", 1),
        ("pool", 1),
        ("dense", 1),
    ]
    assert total(group.cost for group in groups) == MIXED.cost == total(layer.cost for layer in MIXED.layers)


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("12x12x3 conv -k5 -o256 --bias", 432 + 19_456 + 16_384),
        ("4x8 4x8 add", 32 + 32 + 32),
        ("4x8 4x5 concat", 32 + 20 + 52),
        ("4x8 flatten", 0),
        ("4x4x8 norm batch", 128 + 16 + 128),
    ],
)
def test_traffic_is_inputs_params_and_outputs_once(text: str, elements: int) -> None:
    (layer,) = of_spec(parse(text)).layers
    assert (layer.traffic(), layer.traffic(2), layer.traffic(element_bytes=1)) == (4 * elements, 2 * elements, elements)


LAYER_FIELDS = (
    *("name", "kind", "inputs", "output", *COSTS, "effective_macs", "traffic", "receptive_field", "weights"),
    *("spec", "sources", "origin", "element_bits"),
)


def test_machines_read_the_fields_of_a_layer_in_their_order() -> None:
    rows = list(records(MIXED))
    assert [tuple(row) for row in rows] == [LAYER_FIELDS] * len(MIXED.layers)
    assert rows[0] == {
        "name": "0",
        "kind": "conv",
        "inputs": ((12, 12, 4),),
        "output": (6, 6, 8),
        "macs": 36 * 8 * 36,
        "mults": 36 * 8 * 36,
        "adds": 36 * 8 * 35,
        "compares": 0,
        "divs": 0,
        "specials": 0,
        "params": 288,
        "buffers": 0,
        "activations": 288,
        "effective_macs": 8 * 4 * 17 * 17,  # 6 windows of 3 taps, the first over the edge
        "traffic": 4 * (576 + 288 + 288),
        "receptive_field": (3, 3),
        "weights": None,
        "spec": "12x12x4 conv -k3 -o8 -s2 -p1",
        "sources": ("in0",),
        "origin": None,
        "element_bits": None,
    }


def test_a_whole_network_has_the_fields_of_a_layer() -> None:
    fields = whole(MIXED, element_bytes=1)
    assert tuple(fields) == LAYER_FIELDS
    assert {name: fields[name] for name in COSTS} == MIXED.cost._asdict()
    assert fields["inputs"] == ((12, 12, 4),)
    assert (fields["output"], fields["kind"], fields["receptive_field"]) == ((10,), "test", (17, 17))
    for name in ("traffic", "effective_macs"):
        assert fields[name] == sum(row[name] for row in records(MIXED, element_bytes=1))


def test_a_whole_network_of_one_layer_is_of_its_kind() -> None:
    assert whole(of_spec(parse("12x12x3 conv -k1 -o8")))["kind"] == "pointwise"


# --- peak memory -----------------------------------------------------------------------------------------------------

# Inputs, rows, tensors put out (empty: the last), elements alive at the most.
ALIVE = {
    "one after another": ([(10,)], [("dense -o20", (0,)), ("dense -o5", (1,))], (), 10 + 20),
    "the last step is the largest": ([(10,)], [("dense -o4", (0,)), ("dense -o50", (1,))], (), 4 + 50),
    "a residual holds its input": ([(8,)], [("dense -o8", (0,)), ("dense -o8", (1,)), ("add", (0, 2))], (), 24),
    "branches wait for each other": (
        [(4,)],
        [("dense -o30", (0,)), ("dense -o20", (0,)), ("dense -o1", (2,)), ("concat", (1, 3))],
        (),
        30 + 1 + 31,
    ),
    "a renamed tensor is the same one": ([(2, 4)], [("flatten", (0,)), ("dense -o3", (1,))], (), 8 + 3),
    "and lives until its last name is read": (
        [(8,)],
        [("act relu", (0,)), ("identity", (1,)), ("dense -o20", (1,)), ("dense -o1", (3,)), ("concat", (2, 4))],
        (),
        8 + 20 + 1,
    ),
    "outputs live to the end": (
        [(1,)],
        [("dense -o40", (0,)), ("dense -o6", (1,)), ("dense -o2", (2,))],
        (1, 3),
        40 + 6 + 2,
    ),
    "an output by another name lives to the end": (
        [(40,)],
        [("identity", (0,)), ("dense -o6", (1,)), ("dense -o2", (2,))],
        (1, 3),
        40 + 6 + 2,
    ),
    "a later input waits from the start": ([(3,), (50,)], [("dense -o5", (0,)), ("concat", (1, 2))], (), 5 + 50 + 55),
    "one of two inputs is put out too": ([(3,), (50,)], [("dense -o5", (0,)), ("dense -o9", (2,))], (1, 3), 50 + 5 + 9),
    "nothing but an input": ([(7,)], [("identity", (0,))], (), 7),
    "a constant lies with the weights, whatever it is called": (
        [(7,)],
        [("constant --to 9x90", ()), ("flatten", (1,)), ("dense -o30", (2,)), ("concat", (0, 3))],
        (),
        7 + 30 + 37,
    ),
    "what nobody reads dies at once": ([(7,)], [("dense -o30", (0,)), ("dense -o9", (0,))], (), 7 + 30),
}


@pytest.mark.parametrize("case", ALIVE)
def test_peak_memory_by_hand(case: str) -> None:
    inputs, rows, outputs, elements = ALIVE[case]
    net = network(inputs, rows, outputs)
    assert (net.peak_memory(), net.peak_memory(2)) == (4 * elements, 2 * elements)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Shape], list[Row], list[int]]:
    """A graph of vectors in which every layer reads one or two tensors from before it; both inputs are read."""
    inputs: list[Shape] = [(draw(st.integers(1, 9)),), (draw(st.integers(1, 9)),)]
    rows: list[Row] = [("concat", (0, 1))]
    for at in range(3, 3 + draw(st.integers(1, 7))):
        source = st.integers(0, at - 1)
        kind = draw(st.sampled_from(["dense", "identity", "concat"]))
        text = f"dense -o{draw(st.integers(1, 9))}" if kind == "dense" else kind
        rows.append((text, (draw(source), draw(source)) if kind == "concat" else (draw(source),)))
    count = 2 + len(rows)
    return inputs, rows, draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True))


@given(graphs())
def test_peak_memory_against_asking_at_every_step_who_is_alive(
    graph: tuple[list[Shape], list[Row], list[int]],
) -> None:
    inputs, rows, outputs = graph
    net = network(inputs, rows, outputs)
    stored = [0, 1]  # for each tensor, the one whose elements it names
    for at, (text, sources) in enumerate(rows, 2):
        stored.append(stored[sources[0]] if text == "identity" else at)
    peaks = []
    for now in range(2, len(stored)):
        read_from_now_on = {stored[source] for _, sources in rows[now - 2 :] for source in sources}
        wanted = {stored[now]} | read_from_now_on | {stored[tensor] for tensor in outputs}
        peaks.append(sum(prod(net.tensors[tensor]) for tensor in wanted if tensor <= now))
    assert net.peak_memory(1) == max(peaks)


def test_a_network_on_a_constant_by_hand() -> None:
    """Swin V2's position network (torchvision's swin_v2_t, a window of 8): arXiv:2111.09883, section 3.3."""
    rows: list[Row] = [
        ("constant --to 225x2", ()),
        ("dense -o512 --bias", (1,)),
        ("act relu", (2,)),
        ("dense -o3", (3,)),
    ]
    net = network([(8, 8, 4)], [*rows, ("pointwise -o4", (0,)), ("concat", (4, 4))], outputs=(5, 6))
    assert [layer.cost.macs for layer in net.layers] == [0, 225 * 2 * 512, 0, 225 * 512 * 3, 8 * 8 * 16, 0]
    assert [layer.traffic(1) for layer in net.layers[:2]] == [0, 225 * 2 + 512 * 3 + 225 * 512]
    assert net.receptive_fields() == [(), (), (), (), (1, 1), ()]
    assert net.strides()[:2] == [None, None]
    assert net.params == 512 * 3 + 512 * 3 + 16
    assert verify(net).ok


# --- receptive fields ------------------------------------------------------------------------------------------------

FIELDS = [
    ("32x32x3", ["conv -k3 -o4", "conv -k3 -o4", "pool max -k2", "conv -k3 -o4"], [(3, 3), (5, 5), (6, 6), (10, 10)]),
    ("32x32x3", ["conv -k3x1 -o4 -s2x1", "conv -k3x1 -o4 -d1x3", "conv -k1x3 -o4 -d3"], [(3, 1), (7, 1), (7, 7)]),
    ("32x3", ["conv -k3 -o4 -s2 -p1", "pool avg global", "dense -o5"], [(3,), (33,), (33,)]),  # 16 of them, 2 apart
    ("32x3", ["conv -k3 -o4 -s2 -p1", "flatten", "dense -o5"], [(3,), (33,), (33,)]),
    ("9x9x8", ["conv -k3 -o4", "reduce mean --over c --keep", "conv -k3 -o4"], [(3, 3), (3, 3), (5, 5)]),
    ("9x9x8", ["conv -k3 -o4", "reduce mean --over c", "softmax"], [(3, 3), (9, 9), (9, 9)]),  # positions are lost
    ("32x3", ["conv -k3 -o4", "norm batch", "act relu", "norm layer", "softmax"], [(3,)] * 5),
    ("32x3", ["conv -k3 -o4", "upsample nearest --scale 2", "conv -k3 -o4"], [(3,), (3,), (4,)]),
    # three positions of an image four times as large lie over two of the original at the most, those four apart
    ("32x3", ["conv -k3 -o4 -s4 -p1", "upsample nearest --scale 4", "conv -k3 -o4"], [(3,), (3,), (7,)]),
    # of an image twice as large two neighbours may lie over two positions, each of which sees 3: an estimate, at most
    (
        "32x3",
        ["conv -k3 -o4", "upsample nearest --scale 2", "conv -k2 -o4 -s2", "conv -k2 -o4"],
        [(3,), (3,), (4,), (5,)],
    ),
    ("32x3", ["upsample nearest --scale 4", "pool max -k3 -s2", "conv -k3 -o4"], [(1,), (2,), (3,)]),
    ("32x3", ["upsample nearest --scale 3", "conv -k5 -o4 -s6", "conv -k3 -o4"], [(1,), (3,), (7,)]),
    ("32x3", ["transposed -k3 -o4 -s2"], [(2,)]),  # an even position meets two inputs, an odd one one
    ("32x3", ["transposed -k2 -o4 -s2", "conv -k3 -o4"], [(1,), (2,)]),
    ("8x8x8", ["pixel-unshuffle --scale 2", "conv -k3 -o4"], [(2, 2), (6, 6)]),
    ("8x8x8", ["pixel-shuffle --scale 2", "conv -k3 -o4"], [(1, 1), (2, 2)]),
    ("8x8x8", ["copy --to 4x8x8 -s2x1", "conv -k3 -o4"], [(1, 1), (5, 3)]),  # every second row
    ("8x8x8", ["copy --to 8x8x8 -s1", "conv -k3 -o4"], [(1, 1), (3, 3)]),  # a roll
    ("8x8x8", ["copy --to 8x8x8", "conv -k3 -o4"], [(8, 8), (8, 8)]),
    ("9x9x8", ["pool avg --to 3", "conv -k3 -o4"], [(3, 3), (9, 9)]),
    ("10x8", ["attention"], [(10,)]),
    ("10x8", ["lstm -o4", "conv -k3 -o4"], [(10,), (10,)]),
    ("4x6x7x2", ["conv -k1x2x3 -o4 -s2", "conv -k2 -o4"], [(1, 2, 3), (3, 4, 5)]),
    ("8", ["dense -o5"], [()]),
]


@pytest.mark.parametrize(("shape", "texts", "fields"), FIELDS, ids=ids(FIELDS))
def test_receptive_fields_by_hand(shape: str, texts: list[str], fields: list[tuple[int, ...]]) -> None:
    net = chain(parse(f"{shape} identity").output, *texts)
    assert net.receptive_fields() == fields


STRIDES = [
    ("32x32x3", ["conv -k3 -o4", "conv -k3 -o4 -s2", "pool max -k2", "conv -k3 -o4"], ["1 1", "2 2", "4 4", "4 4"]),
    ("32x32x3", ["conv -k3 -o4 -s2x1", "conv -k3 -o4 -s3x2"], ["2 1", "6 2"]),
    ("32x3", ["upsample nearest --scale 4", "conv -k3 -o4 -s2", "conv -k3 -o4 -s6"], ["1/4", "1/2", "3"]),
    ("32x3", ["conv -k3 -o4 -s3 -p1", "upsample nearest --scale 2", "transposed -k3 -o4 -s3"], ["3", "3/2", "1/2"]),
    ("8x8x8", ["pixel-unshuffle --scale 2", "pixel-shuffle --scale 4"], ["2 2", "1/2 1/2"]),
    ("10x10x8", ["pool avg --to 4x5", "upsample bilinear --scale 2"], ["5/2 2", "5/4 1"]),
    ("32x3", ["conv -k3 -o4 -s2", "pool avg global", "dense -o5"], ["2", None, None]),
    ("8", ["dense -o5"], [""]),
]


@pytest.mark.parametrize(("shape", "texts", "strides"), STRIDES, ids=ids(STRIDES))
def test_strides_by_hand(shape: str, texts: list[str], strides: list[str | None]) -> None:
    net = chain(parse(f"{shape} identity").output, *texts)
    assert [None if axes is None else " ".join(map(str, axes)) for axes in net.strides()] == strides


def test_a_gate_does_not_take_the_stride_away() -> None:
    rows: list[Row] = [("conv -k3 -o8 -s2 -p1", (0,)), ("pool avg global", (1,)), ("multiply", (1, 2))]
    assert [axes and str(axes[0]) for axes in network([(9, 9, 8)], rows).strides()] == ["2", None, "2"]


def test_a_constant_sees_nothing() -> None:
    node = Node("table", Uncounted("Table", "a table", (4, 8)), (), (4, 8))
    net = Network("test", {"in": (4, 8)}, [node, chain((4, 8), "act relu").nodes[0]._replace(sources=(0,))])
    assert (net.receptive_fields(), net.strides()[1]) == ([(), (1,)], (Stride(1),))


ENDLESS = {
    "up and down": ["upsample nearest --scale 2", "pool max -k2"],
    "down and up": ["pool max -k2", "upsample nearest --scale 2"],
    "two thirds": ["upsample nearest --scale 2", "conv -k3 -s3 -p1 -o1"],
    "three halves": ["upsample nearest --scale 3", "conv -k2 -s2 -o1"],
    "windows at the edge": ["pool max -k2 -s2 -p1"],
    "scaled up and cut": ["upsample nearest --scale 2", "slice --to 1x1"],
    "half as far each time": ["upsample linear --scale 2", "conv -k5 -s2 -p2 -o1", "conv -k3 -p1 -o1"],
}


@pytest.mark.parametrize("case", ENDLESS)
def test_a_way_back_of_any_length_stays_short(case: str) -> None:
    """What is kept for a tensor must not grow with the layers before it, nor numbers without end."""
    texts, sizes = ENDLESS[case], {}
    rows: list[Row] = []
    size = 1 if case in ("windows at the edge", "scaled up and cut") else 2**10
    while len(rows) < 2_000:
        text = "pool max -k4 -s4" if size > 2**20 else texts[len(rows) % len(texts)]
        if (size, text) not in sizes:
            sizes[size, text] = parse(f"{size}x1 {text}").output[0]
        size = sizes[size, text]
        rows.append((text, (len(rows),)))
    first = 1 if case in ("windows at the edge", "scaled up and cut") else 2**10
    net = network([(first, 1)], rows)
    for reach in net.reaches:
        for steps in reach.steps or ():
            assert len(steps) <= MAX_STEPS
            assert max(map(max, steps)) <= MAX_SIZE
    assert all(0 < extent <= MAX_SIZE for (extent,) in net.receptive_fields())


def test_where_branches_join_the_widest_counts() -> None:
    rows: list[Row] = [
        ("conv -k5 -o8 -psame", (0,)),
        ("conv -k3x1 -o8 -psame", (0,)),
        ("add", (1, 2)),
        ("add", (0, 2)),
        ("conv -k3 -o8", (3,)),
    ]
    assert network([(9, 9, 8)], rows).receptive_fields() == [(5, 5), (3, 1), (5, 5), (3, 1), (7, 7)]


def test_an_input_without_positions_does_not_count() -> None:
    rows: list[Row] = [("conv -k3 -o8 -psame", (0,)), ("multiply", (2, 1)), ("dense -o8", (1,)), ("add", (4, 3))]
    assert network([(9, 9, 8), (8,)], rows).receptive_fields() == [(3, 3), (3, 3), (), (3, 3)]


def test_a_gate_sees_everything_and_what_follows_no_more() -> None:
    rows: list[Row] = [
        ("conv -k3 -o8 -psame", (0,)),
        ("pool avg global", (1,)),
        ("multiply", (1, 2)),
        ("conv -k3 -o8", (3,)),
        ("conv -k4 -o8 -d3 -psame", (4,)),
    ]
    assert network([(9, 9, 8)], rows).receptive_fields() == [(3, 3), (11, 11), (11, 11), (11, 11), (14, 14)]


def looking_back(text: str) -> tuple[str, int, int, int]:
    """The kind of a layer in the chains below, its kernel (or scale), stride and dilation."""
    spec = parse(text)
    (kernel,) = spec.options.get("kernel") or spec.options["scale"]
    (stride,), (dilation,) = (spec.options.get(name, (1,)) for name in ("stride", "dilation"))
    return spec.kind, kernel, stride, dilation


def traced(texts: list[str]) -> int:
    """The most input positions from the first to the last that one output depends on, on an endless axis."""
    widths = []
    for output in range(10_000, 10_000 + 36):  # every phase of what is scaled up
        seen = {output}
        for kind, kernel, stride, dilation in map(looking_back, reversed(texts)):
            if kind == "upsample":
                seen = {at // kernel for at in seen}
            elif kind == "transposed":
                taps = [at - tap for at, tap in product(seen, range(kernel))]
                seen = {at // stride for at in taps if at % stride == 0}
            else:
                seen = {at * stride + tap * dilation for at, tap in product(seen, range(kernel))}
        widths.append(max(seen, default=0) - min(seen, default=0) + 1)
    return max(widths)


def layers(text: str, **numbers: tuple[int, int]) -> st.SearchStrategy[str]:
    """Layers of this kind, each number of them between two bounds."""
    return st.builds(text.format, **{name: st.integers(*bounds) for name, bounds in numbers.items()})


convs = layers("conv -k{k} -s{s} -d{d} -p1 -o1", k=(1, 4), s=(1, 3), d=(1, 3))
pools = layers("pool max -k{k} -s{s} -d{d}", k=(1, 3), s=(1, 3), d=(1, 2))
unstridden = layers("conv -k{k} -s1 -d{d} -o1", k=(1, 4), d=(1, 3))
upsamplings = layers("upsample nearest --scale {f}", f=(1, 4))
transposed = layers("transposed -k{k} -s{s} -o1", k=(2, 5), s=(1, 2))


def field(texts: list[str]) -> int:
    (extent,) = chain((10**6, 1), *texts).receptive_fields()[-1]
    return extent


@given(st.lists(convs | pools, max_size=3), st.lists(upsamplings, max_size=1), st.lists(unstridden, max_size=2))
def test_receptive_fields_against_tracing_every_dependency(down: list[str], up: list[str], after: list[str]) -> None:
    texts = ["conv -k1 -o1", *down, *up, *after]
    assert field(texts) == traced(texts)


@given(st.lists(convs | pools | upsamplings | transposed, min_size=1, max_size=4))
def test_receptive_fields_leave_nothing_out(texts: list[str]) -> None:
    assert field(texts) >= traced(texts)


def branch(draw: st.DrawFn, stride: int) -> tuple[list[str], set[int], int]:
    """A window with a border, of 60 positions, and what is cut off its front; the positions that its first output
    sees, and how many outputs it has."""
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    before, after, cut = draw(st.integers(0, 4)), draw(st.integers(0, 4)), draw(st.integers(0, 3))
    border = draw(st.sampled_from(["conv", "pool", "pad"]))
    size = (60 + before + after - dilation * (kernel - 1) - 1) // stride + 1
    texts = {
        "conv": [f"conv -k{kernel} -o1 -s{stride} -d{dilation} -p{before}/{after}"],
        "pool": [f"pool max -k{kernel} -s{stride} -d{dilation} -p{before}/{after}"],
        "pad": [f"pad -p{before}/{after}", f"conv -k{kernel} -o1 -s{stride} -d{dilation}"],
    }[border]
    first = {cut * stride - before + tap * dilation for tap in range(kernel)}
    return [*texts, f"slice --to {size - cut}x1 --start {cut}x0"], first, size - cut


@st.composite
def branches(draw: st.DrawFn) -> tuple[list[Row], int]:
    """Up to three of them, cut to one length and joined, then two more layers; and the field of the last."""
    stride = draw(st.integers(1, 3))
    made = [branch(draw, stride) for _ in range(draw(st.integers(1, 3)))]
    length = min(size for _, _, size in made)
    rows: list[Row] = []
    ends = []
    for texts, _, _ in made:
        source = 0
        for text in (*texts, f"slice --to {length}x1"):
            rows.append((text, (source,)))
            source = len(rows)
        ends.append(source)
    how = draw(st.sampled_from(["add", "concat", "maximum"])) if len(ends) > 1 else "act relu"
    rows.append((how, tuple(ends)))
    rows.append((f"conv -k{draw(st.integers(1, 3))} -o1", (len(rows),)))
    seen = set().union(*[first for _, first, _ in made])
    taps = parse(f"9x1 {rows[-1][0]}").options["kernel"][0]
    return rows, max(seen) - min(seen) + 1 + (taps - 1) * stride


@given(branches())
def test_branches_see_from_the_first_position_to_the_last(case: tuple[list[Row], int]) -> None:
    rows, field = case
    net = network([(60, 1)], rows)
    assert net.receptive_fields()[-1] == (field,)


# --- choosing layers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pattern", "found"),
    [
        ("mobile[2]/depthwise", "mobile[2]/depthwise", True),
        ("mobile[2]/depthwise", "mobile[2]/*", True),
        ("mobile[2]/depthwise", "mobile*/depthwise", True),
        ("mobile[2]/depthwise", "mobile[?]/depthwise", True),
        ("mobile[2]/depthwise", "*", True),  # a path is one text: a star runs over slashes too
        ("mobile[12]/depthwise", "mobile[2]/*", False),
        ("mobile2/depthwise", "mobile[2]/depthwise", False),  # [2] is an index, not a set of characters
        ("mobile[2]/depthwise", "mobile[0-9]/depthwise", False),
        ("mobile[!2]", "mobile[!2]", True),
        ("mobile[2]/depthwise", "Mobile*", False),
        ("mobile[2]/depthwise", "depthwise", False),
    ],
)
def test_brackets_in_a_glob_are_an_index(name: str, pattern: str, found: bool) -> None:
    assert matches(name, pattern) is found


def test_layers_are_selected_in_their_order() -> None:
    net = of_spec(parse("12x12x3 separable -k5 -o256"))
    assert [layer.name for layer in net.select("*wise")] == ["depthwise", "pointwise"]
    assert net.select("point*") == (net["pointwise"],)


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("pointwse", "did you mean pointwise?"),
        ("zz*", "the first layer is 'depthwise'"),
        ("\x1b[2J", "the first layer is 'depthwise'"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(pattern: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        of_spec(parse("12x12x3 separable -k5 -o256")).select(pattern)
    shown = pattern.replace("\x1b", r"\x1b")
    assert str(caught.value) == f"no layer matches '{shown}'\n  hint: {hint}"
