"""Networks in YAML: every document of tests/documents/good has the counts of its first line, worked out by hand, and
every one of tests/documents/bad is refused with the whole message in the ``.txt`` beside it. The folders are the list
of cases."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepcalc.commands.whatif import whatif
from sepcalc.document import Document
from sepcalc.document.compacting import write_compact
from sepcalc.document.loading import load_yaml
from sepcalc.errors import InputError, Invalid
from sepcalc.gate import check, compare_published, read_metric
from sepcalc.nodes import Source

FOLDER = Path(__file__).parent / "documents"
GOOD = sorted(FOLDER.glob("good/*.yaml"))
BAD = sorted(FOLDER.glob("bad/*.yaml"))
NAME = attrgetter("stem")


def load(text: str, given: str | None = None, **settings: str) -> Document:
    return load_yaml(Source("FILE", text), settings, {} if given is None else {"": given})


def refusal(text: str, given: str | None = None, **settings: str) -> str:
    with pytest.raises(InputError) as caught:
        load(text, given, **settings)
    return str(caught.value)


@pytest.mark.parametrize("path", GOOD, ids=NAME)
def test_good(path: Path) -> None:
    text = path.read_text("utf-8")
    first, second, _ = text.split("\n", 2)
    network = load(text).network
    assert first == f"# macs={network.macs} params={network.params}"
    assert second == "# layers=" + ", ".join(layer.name for layer in network.layers)
    also = {
        "# outputs=" + ", ".join(network.outputs),
        "# weights=" + ", ".join(layer.weights or "-" for layer in network.layers),
    }
    assert {line for line in text.split("\n") if line.startswith(("# outputs=", "# weights="))} <= also


@pytest.mark.parametrize("path", BAD, ids=NAME)
def test_bad(path: Path) -> None:
    assert refusal(path.read_bytes().decode("utf-8")) + "\n" == path.with_suffix(".txt").read_text("utf-8")


def test_every_bad_document_has_its_message() -> None:
    assert {path.stem for path in FOLDER.glob("bad/*.txt")} == {path.stem for path in BAD}


@pytest.mark.parametrize(
    "layers",
    [
        "each uncounted Sort --to 3",
        "{scan: sorted, states: {h: 3}, step: [{uncounted Sort --to 3: {}, name: s}], next: s}",
    ],
)
def test_what_is_uncounted_is_seen_wherever_it_stands(layers: str) -> None:
    network = load(f"input: 7x5\nlayers: [{layers}]\n").network
    assert [gap.kind for gap in network.uncounted] == ["Sort"]
    assert network.outputs == {"output": (7, 3)}


# --- what is given besides the document ------------------------------------------------------------------------------

SIZED = """\
input: "{size}x8x3"
parameters:
    width: {value: 1.0, min: 0.25, max: 2}
    classes: 10
    size: 8
    double: width * 2
    ratio: 1 / (size - 3 * 2)
    deep: true
layers:
  - pointwise: {out: int(classes * double) if deep else 1}
"""
ALL = "expected one of width, classes, size, double, ratio, deep"
SHAPE = (
    "expected HxWxC, each a whole number from 1 to 2^63-1\n"
    "  hint: sizes are joined by x, channels last, no batch: 12x12x3"
)
GIVEN = [  # settings, input, macs, whether the network is another than the document's
    ({}, None, 8 * 8 * 3 * 20, False),
    ({"width": "0.25"}, None, 8 * 8 * 3 * 5, True),
    ({"width": "1"}, None, 8 * 8 * 3 * 20, False),
    ({"double": "3"}, None, 8 * 8 * 3 * 30, True),
    ({"deep": "false"}, None, 8 * 8 * 3, True),
    ({"size": "4"}, None, 4 * 8 * 3 * 20, True),
    ({"classes": "2 * 3", "size": "4"}, "2x8x3", 2 * 8 * 3 * 12, True),
    ({}, "8x8x3", 8 * 8 * 3 * 20, False),
    ({}, "9x5", 9 * 5 * 20, True),
]
NOT_GIVEN = [
    ({"widht": "1"}, None, f"there is no parameter 'widht': {ALL}\n  hint: did you mean width?"),
    ({"width": "a"}, None, "width: unknown name 'a': there are none here"),
    ({"width": "true"}, None, "width is 1: expected a number, not true"),
    ({"deep": "1"}, None, "deep is true: expected true or false, not 1"),
    ({"classes": "0.5"}, None, "classes is 10: expected a whole number, not 0.5"),
    ({"size": "3 + 3"}, None, f"FILE:7:16: division by zero\n      ratio: 1 / (size - 3 * 2)\n{' ' * 17}{'^' * 14}"),
    ({"width": "3"}, None, "width is 3: expected a value from 0.25 to 2"),
    ({}, "8x8xx", f"the input '8x8xx' is not a shape: {SHAPE}"),
    ({"width": "", "a\x1b": "2"}, None, f"width: the expression is empty\nthere is no parameter 'a\\x1b': {ALL}"),
]


@pytest.mark.parametrize(("settings", "given", "macs", "altered"), GIVEN)
def test_given(settings: dict[str, str], given: str | None, macs: int, altered: bool) -> None:
    document = load(SIZED, given, **settings)
    assert (document.network.macs, document.altered) == (macs, altered)


@pytest.mark.parametrize(("settings", "given", "message"), NOT_GIVEN)
def test_not_given(settings: dict[str, str], given: str | None, message: str) -> None:
    assert refusal(SIZED, given, **settings) == message


def test_given_input_stands_in_for_one_that_is_missing() -> None:
    document = load("layers: [flatten]", "8x8x3")
    assert (document.network.inputs, document.altered) == ({"input": (8, 8, 3)}, True)


def test_a_network_without_parameters_has_none_to_set() -> None:
    assert refusal("{input: 8x8, layers: [flatten]}", a="1") == "there is no parameter 'a': the network has none"


# --- what it is held to ----------------------------------------------------------------------------------------------

HELD = """\
input: 8x8x3
published: {{source: "a, b", {published}}}
budget: {{{budget}}}
layers: [pointwise -o10 --bias]
"""  # 1920 macs, 1280 elements of 4 B beside, 40 params
LIMITS = [  # the budget, and whether it holds
    ("macs: 1920", True),
    ("macs: 1919", False),
    ("macs: 1.92k", True),
    ("macs: 1.9199k", False),
    ("params: 40", True),
    ("params: 39.9", False),
    ("flops: 3840", True),  # 1920 mults, 1920 - 640 + 640 adds
    ("flops: 3839", False),
    ("peak-memory: 3328", True),  # (8·8·3 + 8·8·10) · 4 B
    ("peak_memory: 3327", False),
]
CLAIMS = [  # what was published, and whether it is so
    ("macs: 1920", True),
    ("macs: 1.9k", True),  # 1850 to 1950
    ("macs: 2k", True),
    ("macs: 1.8k", False),
    ("macs: 1.93k", False),
    ("params: 41", False),
    ("macs: 1900, tolerance: 20", True),
    ("macs: 1900, tolerance: 19.9", False),
    ("tolerance: 10, macs: 1.93k", True),
]


@pytest.mark.parametrize(("budget", "passed"), LIMITS)
def test_budget(budget: str, passed: bool) -> None:
    document = load(HELD.format(published="macs: 1", budget=budget))
    (verdict,) = check(document.network, document.budget)
    metric, most = budget.replace("-", "_").split(": ")
    assert (verdict.metric, verdict.scope, verdict.passed) == (metric, "network", passed)
    assert verdict.limit == {"1.92k": 1920, "1.9199k": 1919, "39.9": 39}.get(most) or int(most)
    assert verdict.actual == {"macs": 1920, "params": 40, "flops": 3840, "peak_memory": 3328}[metric]


@pytest.mark.parametrize(("published", "passed"), CLAIMS)
def test_published(published: str, passed: bool) -> None:
    document = load(HELD.format(published=published, budget="macs: 1"))
    (finding,) = compare_published(document.network, document.published)
    assert (finding.source, finding.passed) == ("a, b", passed)
    assert f"{finding.metric}: {finding.published}" in published
    assert finding.actual == {"macs": 1920, "params": 40}[finding.metric]


def test_metrics_are_named() -> None:
    with pytest.raises(Invalid) as caught:
        read_metric("mac")
    assert caught.value.message == (
        "unknown metric 'mac': expected macs, mults, adds, compares, divs, specials, params, buffers, activations, "
        "flops, effective-macs, traffic, peak-memory, params-bytes"
    )
    assert caught.value.hint == "did you mean macs?"


# --- any text --------------------------------------------------------------------------------------------------------

MOBILENET = (Path(__file__).parent.parent / "specs" / "mobilenet_v1.yaml").read_text("utf-8")
CORPUS = [MOBILENET, *(path.read_text("utf-8") for path in (*GOOD, *BAD))]
WORDS = ["input: ", "layers:", "- ", "\n", "  ", "{", "}", "[", "]", "repeat: ", "when: ", "name: ", "residual: "]
WORDS += ["from: ", "weights: ", "shared-params: ", "stages: b", "columns: [n, repeat]", "rows: [[1, 2]]", "first: [n]"]
WORDS += ["inputs: {a: 8x8x3, b: 4}", "outputs: ", "previous", "include: ", "index", "min: 1", "value: 2", "[1]", "/"]
WORDS += ["conv -k3 -o8", "8x8x3", "concat: ", "act: relu", "blocks:", "b(n=1):", "b {n}", "1e30", "c_in", ", ", ": "]


def survives(text: str) -> None:
    """It is a network, or refused with a message of printable lines."""
    message = ""
    try:
        assert load(text).network.cost
    except InputError as error:
        message = str(error)
    assert all(line.isprintable() for line in message.split("\n"))


@given(st.text() | st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
@settings(max_examples=150)
def test_any_text(text: str) -> None:
    survives(text)
    survives(f"input: 8x8x3\nlayers:\n  - {text}")


@st.composite
def mutations(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 12))
        other = draw(st.sampled_from(CORPUS))
        first = draw(st.integers(0, len(other)))
        part = draw(st.sampled_from(WORDS) | st.text(max_size=3) | st.just(other[first : first + 12]))
        text = text[:start] + part + text[end:]
    return text


@given(mutations())
@settings(max_examples=150)
def test_any_mutation(text: str) -> None:
    survives(text)


def test_problems_are_told_up_to_a_hundred() -> None:
    message = refusal("input: 8x8x3\nlayers:\n" + "  - xyzzy\n" * 101)
    lines = message.split("\n")
    assert lines[:4] == [
        "FILE:3:5: unknown kind 'xyzzy'",
        "    - xyzzy",
        "      ^^^^^",
        "  hint: sepcalc kinds lists them all",
    ]
    assert lines[4 * 99] == "FILE:102:5: unknown kind 'xyzzy'"
    assert lines[4 * 100 :] == ["FILE: there are more than 100 problems: these were found first"]
    assert "more than" not in refusal("input: 8x8x3\nlayers:\n" + "  - xyzzy\n" * 100)


BOMBS = {  # texts that would take years if they were followed
    "flow": "[" * 100_000,
    "braces": "{a: " * 100_000,
    "dashes": "- " * 100_000,
    "keys": "input: 8x8x3\nlayers:\n" + "".join("  " * n + "- layers:\n" for n in range(1, 300)),
    "problems": "input: 8x8x3\nlayers:\n" + "  - xyzzy\n" * 50_000,
    "skipped": "input: 8\nlayers:\n- repeat: 20000\n  layers:\n" + "  - {act: relu, when: false}\n" * 2_000,
    "branches": "input: 8\nlayers:\n- repeat: 20000\n  add: {" + ", ".join(f"b{n}: []" for n in range(2_000)) + "}\n",
    "header": "input: 8\nblocks:\n  ? a" + " " * 100_000 + "b\n  : []\nlayers: [identity]",
    "spec": "input: 8\nlayers:\n- repeat: 20000\n  layers: ['dense -o" + "{1}" * 100_000 + "']",
    "braces in a spec": "input: 8\nlayers: ['dense " + "{" * 100_000 + "']",
    "expression": "input: 8\nlayers:\n- dense: {out: '" + "(" * 100_000 + "'}",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=list(BOMBS))
def test_bombs(text: str) -> None:
    with limited(seconds=20, megabytes=2_000):
        assert refusal(text)


@contextmanager
def limited(seconds: int, megabytes: int) -> Iterator[None]:
    """Ends the whole test run, loudly, when the processor time or the memory is used up."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    before = {which: resource.getrlimit(which) for which in (resource.RLIMIT_CPU, resource.RLIMIT_AS)}
    most = {resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + seconds}
    most[resource.RLIMIT_AS] = used.ru_maxrss * 1024 + megabytes * 2**20
    for which, soft in most.items():
        resource.setrlimit(which, (soft, before[which][1]))
    try:
        yield
    finally:
        for which, limits in before.items():
            resource.setrlimit(which, limits)


def test_params_take_what_the_document_says_at_any_size() -> None:
    """51 bytes for every 14 params: ceil(54 · 51 / 14) = 197; at twice the outputs, ceil(108 · 51 / 14) = 394."""
    text = "param-bytes: 51/14\nparameters: {out: 2}\ninput: 8x8x3\nlayers:\n  - conv -k3 -o{out}\n"
    network = load(text).network
    assert (network.params, network.param_bytes) == (54, 197)
    assert load(text, out="4").network.param_bytes == 394
    assert load(write_compact(network)).network.param_bytes == 197
    assert whatif(network, ["*=depthwise-separable"]).after.param_bytes == 121  # 27 + 6 params


@pytest.mark.parametrize("text", ["0", "2.5", "-1", "1/0", "1e9", "'2 '", "[2]", "9999999999999999999", "½"])
def test_bytes_of_a_param_are_a_whole_number_or_so_many_for_so_many(text: str) -> None:
    assert "FILE:1:14: " in refusal(f"param-bytes: {text}\ninput: 8x8x3\nlayers: [conv -k3 -o2]\n")


WEIGHED = [("norm batch", 64 * 4096 + 8192), ("norm layer", 64 * 4096 + 8192), ("dense -o8", 4096 * 8)]


@pytest.mark.parametrize(("layer", "params"), WEIGHED)
def test_a_product_has_the_weights_behind_layers_with_params_of_their_own(layer: str, params: int) -> None:
    """A norm is not what multiplies a matrix. A dense layer is: what it reads is data."""
    text = f"input: 32x64\nlayers: [{{matmul: {{x: [], table: [constant --to 64x4096, {layer}]}}}}]\n"
    assert load(text).network.params == params
