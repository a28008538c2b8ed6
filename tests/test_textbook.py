"""Every row of data/textbook.csv: what tutorials, lectures, papers and documentation print, their errors corrected."""

import csv
import re
from fractions import Fraction
from pathlib import Path

import pytest

from sepcalc.cost import Cost, total
from sepcalc.quantity import read_printed
from sepcalc.shape import show
from sepcalc.spec import parse

Row = dict[str, str]

with (Path(__file__).parent / "data" / "textbook.csv").open(encoding="utf-8", newline="") as file:
    ROWS: list[Row] = list(csv.DictReader(file))
BY_ID = {row["id"]: row for row in ROWS}

# --- rows that are one layer: the spec is made from the columns ------------------------------------------------------

KINDS = {
    "conv": "conv",
    "conv 3x3": "conv",
    "depthwise": "depthwise",
    "pointwise": "pointwise",
    "separable": "separable",
    "transposed conv": "transposed",
    "pool": "pool max",
    "maxpool 2x2/2": "pool max",
    "fc": "dense",
}


def layer(row: Row, above: Row) -> str:
    """The row as a spec. CS231n's VGG16 gives no inputs: there each layer reads the one above."""
    kind = KINDS[row["op"]]
    parts = [row["input_hwc"] or above["out_hwc"], kind]
    if kind not in ("pointwise", "dense"):
        parts.append(f"-k{row['kernel']} -s{row['stride'] or 1} -p{row['padding'] or 0} -d{row['dilation'] or 1}")
    if kind not in ("depthwise", "pool max"):
        parts.append(f"-o{row['out_hwc'].split('x')[-1]}")
    if row["depth_multiplier"]:
        parts.append(f"-m{row['depth_multiplier']}")
    return " ".join([*parts, "--bias"] if row["bias"] == "1" else parts)


# Rows that are several layers, or that their source says more of than the columns hold.
SPELLED_OUT = {
    "versloot-spatial": ["15x15x1 spatial -k3 -o1"],
    "ecom-spatial": ["5x5x1 spatial -k3 -o1"],
    "dlai-std": ["9x9x3 conv -k3 -o128 --bias"],
    "dlai-sep": ["9x9x3 depthwise -k3 --bias", "7x7x3 pointwise -o128 --bias"],
    "dv-padding_strides_odd_transposed": ["3x3x1 transposed -k3 -o1 -s2 -p1 --output-padding 1"],
    "incv3-mixed6b": [
        "17x17x768 pointwise -o128",
        "17x17x128 conv -k1x7 -o128 -psame",
        "17x17x128 conv -k7x1 -o192 -psame",
    ],
    "resnext-eq4": ["7x7x256 pointwise -o128", "7x7x128 conv -k3 -o128 -g32 -p1", "7x7x128 pointwise -o256"],
    "resnet-bneck": ["7x7x256 pointwise -o64", "7x7x64 conv -k3 -o64 -p1", "7x7x64 pointwise -o256"],
    "erfnet-bottleneck": ["7x7x256 pointwise -o64", "7x7x64 conv -k3 -o64 -p1", "7x7x64 pointwise -o256"],
    "erfnet-non-bottleneck": ["7x7x64 conv -k3 -o64 -p1"] * 2,
    "erfnet-non-bottleneck-1D": ["7x7x64 conv -k3x1 -o64 -psame", "7x7x64 conv -k1x3 -o64 -psame"] * 2,
}
LAYERS = {
    row["id"]: SPELLED_OUT.get(row["id"]) or [layer(row, above)]
    for above, row in zip([{}, *ROWS], ROWS)
    if row["id"] in SPELLED_OUT or (row["op"] in KINDS and row["id"] != "cs231n-invalid")
}
LAYERS["cs231n-vgg-total"] = [
    text for name, texts in LAYERS.items() if re.match("cs231n-(vgg|FC)", name) for text in texts
]


def cost_of(texts: list[str]) -> Cost:
    return total(parse(text).cost for text in texts)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    row, cost = BY_ID[name], cost_of(LAYERS[name])
    given = {
        "out_hwc": show(parse(LAYERS[name][-1]).output),
        "params": str(cost.params),
        "mults_or_macs": str(cost.macs),
    }
    told = {column: row[column] for column in given if row[column]}
    assert told
    assert told == {column: given[column] for column in told}


AMOUNT = r"[0-9][0-9.,]*[KM]?"
PRINTED = [name for name in LAYERS if re.fullmatch(f"{AMOUNT}( / {AMOUNT})?", BY_ID[name]["published_value"])]


@pytest.mark.parametrize("name", PRINTED)
def test_published_numbers_are_roundings_of_the_exact_ones(name: str) -> None:
    cost = cost_of(LAYERS[name])
    for amount in BY_ID[name]["published_value"].split(" / "):
        printed = read_printed(amount)
        assert printed.rounds_from(cost.macs) or printed.rounds_from(cost.params)


# --- rows that are a ratio, a rule or a mistake ----------------------------------------------------------------------

THREE_BY_THREE, SEVEN_BY_SEVEN = "9x9x8 conv -k3 -o8 -psame", "9x9x8 conv -k7 -o8 -psame"
RATIOS = {
    "wang-spatial": (
        ["9x9x1 conv -k3x1 -o1 -psame", "9x9x1 conv -k1x3 -o1 -psame"],
        "9x9x1 conv -k3 -o1 -psame",
        "6/9",
    ),
    "cs231n-3x3vs7x7": ([THREE_BY_THREE] * 3, SEVEN_BY_SEVEN, "27/49"),
    "vgg-3x3x3": ([THREE_BY_THREE] * 3, SEVEN_BY_SEVEN, "27/49"),
    "incv3-fact-0": ([THREE_BY_THREE] * 2, "9x9x8 conv -k5 -o8 -psame", "18/25"),
    "incv3-fact-1": (["9x9x8 conv -k3x1 -o8 -psame", "9x9x8 conv -k1x3 -o8 -psame"], THREE_BY_THREE, "6/9"),
    "incv3-fact-2": (["9x9x8 conv -k2 -o8 -psame"] * 2, THREE_BY_THREE, "8/9"),
    "incv3-fact-3": (["9x9x8 conv -k5 -o8 -psame"], THREE_BY_THREE, "25/9"),
    "incv3-fact-4": (["9x9x8 conv -k1x7 -o8 -psame", "9x9x8 conv -k7x1 -o8 -psame"], SEVEN_BY_SEVEN, "14/49"),
}


@pytest.mark.parametrize("name", RATIOS)
def test_ratios(name: str) -> None:
    layers, single, ratio = RATIOS[name]
    these, that = cost_of(layers), cost_of([single])
    assert Fraction(these.macs, that.macs) == Fraction(these.params, that.params) == Fraction(ratio)
    if stated := re.fullmatch(r"cost ratio ([0-9.]+)", BY_ID[name]["note"]):  # its last digits are cut, not rounded
        assert 0 <= Fraction(ratio) - Fraction(stated[1]) < Fraction(1, 10_000)


def test_the_first_row_of_a_network_is_its_input() -> None:
    row = BY_ID["cs231n-vgg-00"]
    assert parse(f"{row['input_hwc']} identity").cost == Cost()
    assert (row["out_hwc"], row["params"], row["mults_or_macs"]) == (row["input_hwc"], "0", "0")


def test_windows_that_do_not_fit_evenly_are_rounded_down() -> None:
    assert BY_ID["cs231n-invalid"]["note"] == "frameworks floor to 4"
    assert parse("10x1 conv -k3 -o1 -s2").output == (4, 1)


def test_the_bottleneck_of_mobilenet_v2() -> None:
    """h·w·d1·t·(d1 + k² + d2)"""
    block = ["56x56x24 pointwise -o144", "56x56x144 depthwise -k3 -psame", "56x56x144 pointwise -o24"]
    assert cost_of(block).macs == 56 * 56 * 24 * 6 * (24 + 3 * 3 + 24)
    assert BY_ID["mbv2-cost"]["note"].endswith(f"= {cost_of(block).macs:,}")


# The calls of Keras' documentation as they read, were their last argument what it was meant for.
BROKEN = {
    "SeparableConv2D(3,4,3,2) on (4,10,10,12)": "10x10x12 separable -o3 -k4 -s3",
    "SeparableConv1D(3,4,3,2) on (4,10,12)": "10x12 separable -o3 -k4 -s3",
    "DepthwiseConv1D(3,3,2) on (4,10,12)": "10x12 depthwise -k3 -s3",
}


@pytest.mark.parametrize("call", BROKEN)
def test_examples_known_as_broken_do_not_give_the_documented_shape(call: str) -> None:
    (row,) = [row for row in ROWS if row["case"] == call]
    assert row["note"].startswith("DOC EXAMPLE IS BROKEN")
    assert row["published_value"] != str((4, *parse(BROKEN[call]).output))


def test_every_row_is_checked() -> None:
    others = {"cs231n-vgg-00", "cs231n-invalid", "mbv2-cost", "keras-bad"}
    assert {row["id"] for row in ROWS} == LAYERS.keys() | RATIOS.keys() | others
    assert {row["case"] for row in ROWS if row["id"] == "keras-bad"} == BROKEN.keys()
