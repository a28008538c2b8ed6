"""One convolution and its cheaper variants: the numbers of the design's table, and what holds of any of them."""

import re
from fractions import Fraction
from math import prod

import pytest
from helpers import ids
from hypothesis import given
from hypothesis import strategies as st

from sepcalc.comparison import Formula, compare, formulas
from sepcalc.errors import InputError
from sepcalc.network import of_chain
from sepcalc.ops.conv import Conv
from sepcalc.ops.rename import Rename
from sepcalc.rewrite import VARIANTS, Settings
from sepcalc.shape import Shape
from sepcalc.spec import parse

EXAMPLE = "12x12x3 -k5 -o256"

# --- the table of DESIGN.md, section 3: variant, options, links (kind, output, params, mults), params, mults ---------

TABLE = [
    ("normal", "", [("conv", (8, 8, 256), 19_200, 1_228_800)], 19_200, 1_228_800),
    (
        "spatial",
        "",
        [
            ("depthwise", (8, 12, 768), 3_840, 368_640),  # 5x1, 3 -> 768, groups 3
            ("shuffle", (8, 12, 768), 0, 0),
            ("conv", (8, 8, 256), 3_840, 245_760),  # 1x5, 768 -> 256, groups 256
        ],
        7_680,
        614_400,
    ),
    (
        "depthwise-separable",
        "",
        [("depthwise", (8, 8, 3), 75, 4_800), ("pointwise", (8, 8, 256), 768, 49_152)],
        843,
        53_952,
    ),
    (
        "depthwise-separable",
        "-m2",
        [("depthwise", (8, 8, 6), 150, 9_600), ("pointwise", (8, 8, 256), 1_536, 98_304)],
        1_686,
        107_904,
    ),
    (
        "depthwise-spatial",
        "",
        [
            ("depthwise", (8, 12, 3), 15, 1_440),
            ("depthwise", (8, 8, 3), 15, 960),
            ("pointwise", (8, 8, 256), 768, 49_152),
        ],
        798,
        51_552,
    ),
    *(
        (
            "factorized",
            f"--rank {rank}",
            [("conv", (8, 12, rank), 15 * rank, 1_440 * rank), ("conv", (8, 8, 256), 1_280 * rank, 81_920 * rank)],
            15 * rank + 1_280 * rank,
            1_440 * rank + 81_920 * rank,
        )
        for rank in (1, 5, 15)
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1]}")
def test_the_example_every_reader_knows(row: tuple) -> None:
    name, options, links, params, mults = row
    variant = compare(f"{EXAMPLE} {options}", [name])[name]
    steps = [(step.kind, step.output, step.cost.params, step.cost.mults) for step in variant.steps]
    assert steps == links
    assert (variant.output, variant.cost.params, variant.cost.mults) == ((8, 8, 256), params, mults)
    assert variant.ratio == {"mults": round(mults / 1_228_800, 4), "params": round(params / 19_200, 4)}


def test_ratios_have_four_decimals() -> None:
    assert compare(EXAMPLE)["depthwise-separable"].ratio == {"mults": 0.0439, "params": 0.0439}


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (None, ["normal", "spatial", "depthwise-separable"]),
        (["factorized"], ["normal", "factorized"]),
        (["factorized", "spatial", "normal"], ["normal", "spatial", "factorized"]),
        (["all"], ["normal", "spatial", "depthwise-separable", "depthwise-spatial", "factorized"]),
    ],
)
def test_which_variants_are_shown(chosen: list[str] | None, names: list[str]) -> None:
    comparison = compare(EXAMPLE, chosen)
    assert [variant.name for variant in comparison] == names
    assert len(comparison) == len(names)


@pytest.mark.parametrize("kind", ["separable", "spatial", "factorized"])
def test_a_chain_is_compared_as_the_convolution_that_it_stands_for(kind: str) -> None:
    texts = (f"12x12x3 {kind} -k5 -o256", EXAMPLE)
    chain, conv = [[(v.name, v.cost, v.output) for v in compare(text, ["all"])] for text in texts]
    assert chain == conv


@pytest.mark.parametrize(("kind", "variant"), [("separable", "depthwise-separable"), ("spatial", "spatial")])
def test_a_kind_and_the_variant_of_its_name_are_the_same(kind: str, variant: str) -> None:
    assert parse(f"12x12x3 {kind} -k5 -o256 --bias").cost == compare(f"{EXAMPLE} --bias")[variant].cost


# --- any convolution -------------------------------------------------------------------------------------------------

axis = st.tuples(
    st.integers(5, 9),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Shape, Conv]:
    sizes, kernel, stride, dilation, pads = zip(*draw(st.lists(axis, min_size=1, max_size=3)))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    ins, outs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 4))
    padding = draw(st.sampled_from(["same", pads]))
    return (*sizes, ins), Conv(kernel, outs, stride, padding, dilation, groups, draw(st.booleans()))


@given(convolutions(), st.sampled_from(list(VARIANTS)), st.integers(1, 3))
def test_a_variant_sees_and_makes_what_the_convolution_does(
    case: tuple[Shape, Conv], name: str, multiplier: int
) -> None:
    shape, conv = case
    variant = VARIANTS[name]
    if variant.obstacle(conv, shape[-1]):
        return
    settings = Settings(multiplier, multiplier * conv.groups)
    network = of_chain(name, variant.build(conv, shape[-1], settings), (shape,))
    convs = [layer.op for layer in network.layers if isinstance(layer.op, Conv)]
    assert network.layers[-1].output == conv.output((shape,))
    assert network.receptive_fields()[-1] == tuple([d * (k - 1) + 1 for k, d in zip(conv.kernel, conv.dilation)])
    assert [link.bias for link in convs] == [False] * (len(convs) - 1) + [conv.bias]
    for at in range(len(shape) - 1):  # every axis is stridden and padded once, by whichever link
        assert prod(link.stride[at] for link in convs) == conv.stride[at]
        if conv.padding != "same":
            assert tuple(map(sum, zip(*[link.padding[at] for link in convs]))) == conv.padding[at]
        assert sum(link.kernel[at] > 1 for link in convs) == (conv.kernel[at] > 1)


@given(convolutions(), st.sampled_from(["spatial", "depthwise-spatial", "factorized"]))
def test_there_is_one_link_per_axis_of_the_kernel(case: tuple[Shape, Conv], name: str) -> None:
    shape, conv = case
    axes = sum(size > 1 for size in conv.kernel)
    if axes < 2 or VARIANTS[name].obstacle(conv, shape[-1]):
        return
    ops = [link.op for link in VARIANTS[name].build(conv, shape[-1], Settings())]
    convs = [op for op in ops if isinstance(op, Conv)]
    assert len(convs) == axes + (name == "depthwise-spatial")
    assert convs[-1].groups == (conv.out if name == "spatial" else conv.groups)
    shuffled = name == "spatial" and min(conv.out, shape[-1]) > conv.groups  # else they are in order already
    assert len(ops) - len(convs) == shuffled


@pytest.mark.parametrize("name", ["spatial", "depthwise-spatial", "factorized"])
def test_the_first_link_strides_where_the_kernel_is_1(name: str) -> None:
    steps = compare("9x9x9x2 -k1x3x3 -s2 -o4 -p1/0x0x0", [name])[name].steps
    convs = [step.op for step in steps if isinstance(step.op, Conv)]
    pointwise = [(1, 1, 1)] if name == "depthwise-spatial" else []
    assert [op.stride for op in convs] == [(2, 2, 1), (1, 1, 2), *pointwise]
    assert [op.padding[0] for op in convs] == [(1, 0), (0, 0), *[(0, 0) for _ in pointwise]]


@given(convolutions(), st.integers(1, 3))
def test_the_separable_ratio_is_that_of_the_paper(case: tuple[Shape, Conv], multiplier: int) -> None:
    """1/outputs + 1/area (Howard et al.), times the multiplier; with g groups, g/outputs."""
    shape, conv = case
    if VARIANTS["depthwise-separable"].obstacle(conv, shape[-1]):
        return
    chain = VARIANTS["depthwise-separable"].build(conv, shape[-1], Settings(multiplier))
    mults = [
        of_chain("", links, (shape,)).cost.mults for links in (chain, VARIANTS["normal"].build(conv, 0, Settings()))
    ]
    ratio = multiplier * (Fraction(conv.groups, conv.out) + Fraction(1, prod(conv.kernel)))
    assert Fraction(*mults) == ratio


# --- what has no use here --------------------------------------------------------------------------------------------

NO_AXIS = "extends along no axis"
ONE_AXIS = "extends along one axis only"
DONE = "it is depthwise already"

NOT_APPLICABLE = [
    (EXAMPLE, {}),
    (
        "12x12x3 -k1 -o8",
        {
            "spatial": f"the kernel 1x1 {NO_AXIS}",
            "depthwise-separable": "the kernel 1x1 has no spatial part to separate",
            "depthwise-spatial": f"the kernel 1x1 {NO_AXIS}",
            "factorized": f"the kernel 1x1 {NO_AXIS}",
        },
    ),
    (
        "10 pointwise -o8",
        {
            "spatial": f"the kernel 1 {NO_AXIS}",
            "depthwise-separable": "the kernel 1 has no spatial part to separate",
            "depthwise-spatial": f"the kernel 1 {NO_AXIS}",
            "factorized": f"the kernel 1 {NO_AXIS}",
        },
    ),
    ("12x12x1 -k3 -o8", {}),  # one channel is no depthwise layer
    ("12x12x4 -k3 -o8 -g2", {}),
    (
        "12x12x3 -k1x2 -o8",
        dict.fromkeys(("spatial", "depthwise-spatial", "factorized"), f"the kernel 1x2 {ONE_AXIS}"),
    ),
    (
        "12x12x3 -k5x1 -o8",
        {
            "spatial": f"the kernel 5x1 {ONE_AXIS}",
            "depthwise-spatial": f"the kernel 5x1 {ONE_AXIS}",
            "factorized": f"the kernel 5x1 {ONE_AXIS}",
        },
    ),
    ("12x12x3 depthwise -k5", {"depthwise-separable": DONE, "depthwise-spatial": DONE}),
    ("12x12x2 depthwise -k5 -m3", {"depthwise-separable": DONE, "depthwise-spatial": DONE}),
    ("12x12x4 -k3 -o8 -g2 --rank 3", {"factorized": "groups 2 do not divide the rank 3"}),
    (
        "4x4x4611686018427387904 -k3 -o4",  # 2^62 channels: four slices of each are too many
        {"spatial": "the output would be 2x4x18446744073709551616: expected sizes up to 2^63-1"},
    ),
]


@pytest.mark.parametrize(("text", "reasons"), NOT_APPLICABLE, ids=ids(NOT_APPLICABLE))
def test_what_does_not_apply_is_listed_with_the_reason(text: str, reasons: dict[str, str]) -> None:
    comparison = compare(text, ["all"])
    assert comparison.not_applicable == reasons
    assert [variant.name for variant in comparison] == [name for name in VARIANTS if name not in reasons]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("spatial", "spatial: the kernel 1x1 extends along no axis"),
        ("factorized", "there is no variant 'factorized': there are normal"),
    ],
)
def test_a_variant_that_is_not_there_is_a_key_error_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(KeyError) as caught:
        compare("12x12x3 -k1 -o8")[name]
    assert caught.value.args == (reason,)


EXPECTED = "expected normal, spatial, depthwise-separable, depthwise-spatial, factorized or all"
REFUSED = [
    (
        EXAMPLE,
        ["depthwise-seperable"],
        f"""
unknown variant 'depthwise-seperable': {EXPECTED}
  hint: did you mean depthwise-separable?
""",
    ),
    (EXAMPLE, ["normal", "\x1b[0m"], rf"unknown variant '\x1b[0m': {EXPECTED}"),
    (
        "-k5 -o256",
        None,
        """
compare needs an input shape first
  hint: for example 12x12x3 conv -k5 -o256
""",
    ),
    (
        "12x12x3 pool max -k2",
        None,
        """
compare is for convolutions (conv, depthwise, pointwise, separable, spatial, factorized), not for pool
  12x12x3 pool max -k2
  ^
""",
    ),
    (
        "12x12x3 -k5 -o256 --rank 0",
        None,
        """
--rank: '0' is out of range: expected a whole number from 1 to 2^63-1
  12x12x3 -k5 -o256 --rank 0
                           ^
""",
    ),
]


@pytest.mark.parametrize(("text", "variants", "message"), REFUSED, ids=ids(REFUSED))
def test_what_compare_refuses(text: str, variants: list[str] | None, message: str) -> None:
    with pytest.raises(InputError) as caught:
        compare(text, variants)
    assert str(caught.value) == message.strip("\n")


# --- the formulas ----------------------------------------------------------------------------------------------------


def test_formulas_of_the_example() -> None:
    told = {row.variant: (row.here, row.ratio, row.break_even) for row in formulas(compare(f"{EXAMPLE} -m2", ["all"]))}
    assert told == {
        "spatial": ("(5·8·12 + 5·8·8) / (25·8·8)", Fraction(1, 2), "cheaper at any number of outputs"),
        "depthwise-separable": (
            "2 x (1/256 + 1/25)",
            Fraction(107_904, 1_228_800),
            "cheaper from 3 outputs on",  # 2/o + 2/25 < 1: o > 50/23
        ),
        "depthwise-spatial": (
            "(2,880 + 1,920 + 98,304) / 1,228,800",
            Fraction(103_104, 1_228_800),
            "cheaper from 2 outputs on",  # 4,800 + 384·o < 4,800·o
        ),
        "factorized": (
            "(4,320 + 245,760) / 1,228,800",
            Fraction(250_080, 1_228_800),
            "cheaper up to rank 14",  # 83,360·R < 1,228,800
        ),
    }


def test_a_rank_is_at_most_as_large_as_a_size_may_be() -> None:
    huge = compare(f"99x99x{2**63 - 1} -k5 -o{2**63 - 1}", ["factorized"])
    assert formulas(huge)[0].break_even == "cheaper up to rank 9,223,372,036,854,775,807"


LAYERS = [
    EXAMPLE,
    "12x12x3 -k5 -o7 -s2 -psame",
    "12x12x4 -k3 -o8 -g2 -m2",
    "12x12x4 -k3 -o8 -m8",
    "12x12x4 -k3 -o8 -m9",
    "12x12x4 -k2 -o8 -g4 -m3 -s3",
    "6x7x8x2 -k3x2x3 -o4",
    "9x9x2 -k2 -o2",
    "4x4x2 -k3 -o2 -s2 -p1",
    "20x20x6 -k7x3 -o6 -d2 -g3",
    "2x8x2 -k2x3 -o2 -s1x4 -p0x1",
]
FORMULAS = [(layer, row) for layer in LAYERS for row in formulas(compare(layer, ["all"]))]
NAMES = [f"{layer} {row.variant}" for layer, row in FORMULAS]


def cheaper(text: str, variant: str) -> bool:
    comparison = compare(text, [variant])
    return comparison[variant].cost.mults < comparison["normal"].cost.mults


def said_of(sentence: str, numbers: range) -> list[int]:
    """Those numbers of outputs (or ranks) at which the sentence calls the variant cheaper."""
    if sentence.startswith(("never cheaper", "not cheaper")):
        return []
    if sentence == "cheaper at any number of outputs":
        return list(numbers)
    match = re.match(r"cheaper (from|up to rank) ([0-9,]+)", sentence)
    assert match
    edge = int(match[2].replace(",", ""))
    return [number for number in numbers if (number >= edge if match[1] == "from" else number <= edge)]


@pytest.mark.parametrize(("layer", "row"), FORMULAS, ids=NAMES)
def test_break_even_by_trying(layer: str, row: Formula) -> None:
    """The sentence, against every number of outputs (or rank) that the groups divide, up to a hundred of them."""
    groups = int((re.search(r"-g(\d+)", layer) or [0, 1])[1])
    numbers = range(groups, 100 * groups, groups)
    ranked = row.variant == "factorized"
    texts = [f"{layer} --rank {n}" if ranked else re.sub(r"-o\d+", f"-o{n}", layer) for n in numbers]
    tried = [number for number, text in zip(numbers, texts) if cheaper(text, row.variant)]
    assert said_of(row.break_even, numbers) == tried


@pytest.mark.parametrize(("layer", "row"), FORMULAS, ids=NAMES)
def test_what_is_written_out_comes_to_the_ratio(layer: str, row: Formula) -> None:
    comparison = compare(layer, [row.variant])
    exact = Fraction(comparison[row.variant].cost.mults, comparison["normal"].cost.mults)
    written = row.here.replace("·", "*").replace("x", "*").replace(",", "")
    assert eval(re.sub(r"(\d+)", r"Fraction(\1)", written)) == row.ratio == exact


def test_settings_that_are_left_out() -> None:
    """One kernel for each channel, and as many kernels in the basis as the smaller of inputs and outputs."""
    conv = Conv((3, 3), 5, (1, 1), "same", (1, 1))
    assert Settings() == Settings(1, None)
    for build in (VARIANTS["depthwise-separable"].build, VARIANTS["depthwise-spatial"].build):
        first = build(conv, 7, Settings())[0].op
        assert isinstance(first, Conv)
        assert first.out == 7
    for channels, rank in ((7, 5), (4, 4)):
        first = VARIANTS["factorized"].build(conv, channels, Settings())[0].op
        assert isinstance(first, Conv)
        assert first.out == rank


def test_links_are_named_and_read_each_other() -> None:
    conv = Conv((3, 2), 6, (2, 1), ((1, 0), (0, 1)), (1, 3), 2, True)
    links = {name: VARIANTS[name].build(conv, 4, Settings(3, 2)) for name in VARIANTS}
    none, one = ((0, 0), (0, 0)), (1, 1)
    tall = Conv((3, 1), 12, (2, 1), ((1, 0), (0, 0)), (1, 1), 4)
    wide = Conv((1, 2), 12, (1, 1), ((0, 0), (0, 1)), (1, 3), 12)
    last = Conv((1, 1), 6, one, none, one, 2, True)
    assert {name: [(link.name, link.sources) for link in chain] for name, chain in links.items()} == {
        "normal": [("conv", (0,))],
        "spatial": [("conv 3x1", (0,)), ("shuffle", (1,)), ("conv 1x2", (2,))],
        "depthwise-separable": [("depthwise", (0,)), ("pointwise", (1,))],
        "depthwise-spatial": [("depthwise 3x1", (0,)), ("depthwise 1x2", (1,)), ("pointwise", (2,))],
        "factorized": [("conv 3x1", (0,)), ("conv 1x2", (1,))],
    }
    assert [link.op for link in links["normal"]] == [conv]
    assert [link.op for link in links["depthwise-separable"]] == [conv._replace(out=12, groups=4, bias=False), last]
    assert [link.op for link in links["depthwise-spatial"]] == [tall, wide, last]
    assert [link.op for link in links["factorized"]] == [
        tall._replace(out=2, groups=2),
        wide._replace(out=6, groups=2, bias=True),
    ]
    first, shuffle, second = [link.op for link in links["spatial"]]
    # three slices of each of 4 inputs; two of them meet in each of the 6 outputs
    assert (first, second) == (tall, wide._replace(out=6, groups=6, bias=True))
    assert shuffle == Rename("shuffle", groups=2, blocks=2)
