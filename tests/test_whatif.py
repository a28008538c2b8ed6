"""Networks rewritten by rules, at another width, at another resolution: against published numbers, against the files'
own parameters, and against what was executed."""

import json
import re
import shlex
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from gating import Run
from hypothesis import given, settings
from hypothesis import strategies as st

import sepcalc
from sepcalc.cost import total
from sepcalc.rewriting import Rewritten, read_rules, rewrite
from sepcalc.rewriting.resize import heads_of, resized
from sepcalc.rewriting.speed import load

ROOT = Path(__file__).parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
MOBILENET_MACS = 568_740_352  # Howard et al., arXiv:1704.04861, Table 4: 569 M


@pytest.fixture
def sep(ran: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(ROOT)
    return ran


def rewritten(line: str, *rules: str, exclude: tuple[str, ...] = ()) -> Rewritten:
    return rewrite(sepcalc.load(line), read_rules(rules), exclude)


# --- rules ---


def test_conv_mobilenet_becomes_mobilenet(sep: Run, tmp_path: Path) -> None:
    """Table 4 of the paper, written to a file and read back."""
    new = str(tmp_path / "new.yaml")
    args = ["whatif", "specs/conv_mobilenet.yaml", "--rewrite", "*=depthwise-separable", "--exclude", "conv[0]"]
    code, out, err = sep(*args, "--format", "json", "-o", new)
    document = json.loads(out)
    assert (code, err, document["format"]) == (0, "", "sepcalc-whatif/1")
    assert document["before"]["macs"] == 4_867_293_184
    assert document["after"]["macs"] == MOBILENET_MACS
    for side in ("before", "after"):
        for metric, count in document[side].items():
            assert count == sum(layer[side][metric] for layer in document["layers"])
    assert all(("rule" in layer) != ("reason" in layer) for layer in document["layers"])
    assert document["layers"][0]["reason"] == "excluded"
    assert sepcalc.load(new).cost._asdict() == document["after"]
    assert sep(*args, "-o", new) == (2, "", f"'{new}' exists already\n  hint: --force overwrites it\n")
    assert sep(*args, "-o", new, "--force")[0] == 0


@pytest.mark.parametrize(
    ("rule", "macs", "links"),
    [
        # 12x12x3 conv -k5 -o256: DESIGN section 3, by hand
        ("*=depthwise-separable", 53_952, ["depthwise", "pointwise"]),
        ("*=depthwise-separable -m2", 107_904, ["depthwise", "pointwise"]),
        ("*=depthwise-separable --multiplier=2", 107_904, ["depthwise", "pointwise"]),
        ("*=spatial", 614_400, ["conv 5x1", "shuffle", "conv 1x5"]),
        ("*=depthwise-spatial", 51_552, ["depthwise 5x1", "depthwise 1x5", "pointwise"]),
        ("*=factorized --rank 16", 16 * 1_440 + 16 * 81_920, ["conv 5x1", "conv 1x5"]),
        ("*=factorized --rank 1/2", 128 * 1_440 + 128 * 81_920, ["conv 5x1", "conv 1x5"]),
    ],
)
def test_every_variant(rule: str, macs: int, links: list[str]) -> None:
    after = rewritten("12x12x3, conv -k5 -o256", rule).after
    assert (after.macs, after.outputs) == (macs, {"output": (8, 8, 256)})
    assert [layer.name for layer in after.layers] == [f"conv/{link}" for link in links]


def test_groups() -> None:
    after = rewritten("8x8x16, conv -k3 -o32", "*=conv -g4").after
    assert after.macs == 6 * 6 * 32 * 4 * 9
    assert after.layers[0].name == "conv"


def test_the_first_rule_that_matches_is_a_layers_own() -> None:
    found = rewritten("9x9x4, conv -k3 -o4, conv -k3 -o4", "conv[1]=spatial", "*=depthwise-separable")
    assert [change.rule for change in found.layers] == ["*=depthwise-separable", "conv[1]=spatial"]


def test_what_is_left_alone_says_why() -> None:
    line = "9x9x4, conv -k1 -o4, conv -k3 -o4 -g2, conv -k3 -o6, depthwise -k3, conv -k1x3 -o8, act relu, dense -o2"
    assert [change.reason for change in rewritten(line, "*=conv -g4", exclude=("conv[3]",)).layers] == [
        "",
        "it is grouped already",
        "groups 4 do not divide the 6 outputs",
        "it is grouped already",
        "excluded",
        "not a convolution",
        "not a convolution",
    ]
    reasons = [change.reason for change in rewritten(line, "conv*=spatial", "depthwise=depthwise-separable").layers]
    assert reasons == [
        "the kernel 1x1 extends along no axis",
        "",
        "",
        "it is depthwise already",
        "the kernel 1x3 extends along one axis only",
        "not a convolution",
        "not a convolution",
    ]
    assert rewritten(line, "conv[1]=spatial").layers[2].reason == "no rule matches"


def test_shared_weights_are_rewritten_together_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: 9x9x4\ndefaults: {padding: same}\nlayers:\n"
        "  - {conv: -k3 -o4, name: a}\n  - {conv: -k3 -o4, name: b, weights: a}\n"
    )
    both = rewritten(str(path), "*=depthwise-separable")
    assert both.after.params == 4 * 9 + 4 * 4
    assert both.after.macs == 2 * 81 * (4 * 9 + 4 * 4)
    one = rewritten(str(path), "a=depthwise-separable")
    assert one.after.cost == one.before.cost
    assert (
        one.layers[0].reason
        == f"shares the weights {one.before.layers[0].weights} with a layer that is not rewritten so"
    )


REFUSALS = [
    ("--rewrite x", ("'x' is not a rule: expected GLOB=VARIANT\n"
     "  hint: for example '*=depthwise-separable' or 'stage2/*=factorized --rank 1/2'\n")),
    ("--rewrite *=separable --rewrite *=conv",
     ("unknown variant 'separable': expected conv, depthwise-separable, depthwise-spatial, spatial, factorized\n"
     "  *=separable\n    ^^^^^^^^^\n  hint: did you mean depthwise-separable?\n"
     "conv needs -g (--groups): the groups to cut it into\n  *=conv\n    ^^^^\n  hint: for example -g4\n")),
    ("--rewrite '*=spatial -m2'",
     "unexpected '-m2' after spatial\n  *=spatial -m2\n            ^^^\n  hint: it takes no options\n"),
    ("--rewrite '*=conv -g0'", ("-g (--groups): '0' is out of range: expected a whole number from 1 to 2^63-1\n"
     "  *=conv -g0\n         ^^^\n")),
    ("--rewrite '*=factorized --rank 3/2'",
     ("--rank: '3/2' is no part of the outputs: expected a number, or a fraction up to 1\n"
     "  *=factorized --rank 3/2\n                      ^^^\n  hint: for example --rank 8, or --rank 1/2\n")),
    ("--rewrite '*=factorized --rank 2 --rank 3'",
     "--rank is given twice\n  *=factorized --rank 2 --rank 3\n                               ^\n"),
    ("--rewrite foo=spatial --exclude bar", ("no layer matches 'foo'\n  hint: the first layer is 'conv[0]'\n"
     "no layer matches 'bar'\n  hint: the first layer is 'conv[0]'\n")),
    ("--rewrite dense=spatial", "no convolution matches 'dense'\n  hint: rules are for convolutions\n"),
    ("", ("nothing to change: expected --rewrite, --width or --resolution\n"
     '  hint: for example sepcalc whatif specs/conv_mobilenet.yaml --rewrite "*=depthwise-separable"\n')),
    ("--width 1/0", "--width '1/0': expected a number above 0, up to 100\n"),
    ("--width 2 --exclude x", "--exclude is for --rewrite: it keeps layers from the rules\n"),
    ("--resolution 0", "--resolution: '0' is not a size, nor one per axis: expected for example 3 or 3x5\n"),
    ("--resolution 3x3x3", "the resolution 3x3x3 is not for the input input, 224x224x3\n"),
    ("--width 2 --balance -1", "--balance '-1': expected a number above 0, up to 1,000,000,000\n"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "message"), REFUSALS, ids=[args for args, _ in REFUSALS])
def test_refusals(args: str, message: str, sep: Run) -> None:
    assert sep("whatif", "specs/conv_mobilenet.yaml", *shlex.split(args)) == (2, "", message)


# --- random networks --------------------------------------------------------------------------------------------------


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A small chain of convolutions, some of them grouped, strided, padded, dilated, with bias, and activations."""
    channels, words = 4, ["9x9x4"]
    for _ in range(draw(st.integers(1, 3))):
        out = draw(st.sampled_from([4, 6, 8]))
        groups = draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == out % g == 0]))
        words.append(
            f"conv -k{draw(st.sampled_from(['3', '1', '1x3', '2x3']))} -o{out} -g{groups} -p same"
            f" -s{draw(st.sampled_from(['1', '2', '1x2']))} -d{draw(st.integers(1, 2))}"
            + draw(st.sampled_from(["", " --bias"]))
        )
        channels = out
        if draw(st.booleans()):
            words.append("act relu")
    return ", ".join(words)


RULES = [
    "*=depthwise-separable", "*=depthwise-separable -m2", "*=spatial", "*=depthwise-spatial", "*=factorized --rank 1/2",
    "*=conv -g2",
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(lines(), st.sampled_from(RULES))
def test_rewritten_networks_keep_their_shapes_and_are_verified(line: str, rule: str) -> None:
    found = rewritten(line, rule)
    assert found.after.outputs == found.before.outputs
    for change, old, new in found.pairs():
        assert new[-1].output == old.output
        assert change.after == total(layer.cost for layer in new)
        assert bool(change.rule) != bool(change.reason)
    assert found.after.cost == total(change.after for change in found.layers)
    assert found.before.cost == total(change.before for change in found.layers)
    assert sepcalc.verify(found.after).ok


def test_a_wrong_rewrite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from sepcalc.rewrite import VARIANTS, normal

    wrong = VARIANTS["spatial"]._replace(build=lambda conv, c, s: normal(conv._replace(out=conv.out + 1), c, s))
    monkeypatch.setitem(VARIANTS, "spatial", wrong)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="spatial does not keep 7x7x8"):
        rewritten("9x9x4, conv -k3 -o8", "*=spatial")


def test_residuals_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: 9x9x4\nlayers:\n  - residual: [conv -k3 -o4 -p same, act relu, conv -k3 -o4 -p same]\n")
    found = rewritten(str(path), "*=spatial")
    assert found.after.outputs == {"output": (9, 9, 4)}
    assert sepcalc.verify(found.after).ok


# --- width and resolution ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", ["0.25", "0.5", "0.75"])
@pytest.mark.parametrize("name", ["mobilenet_v1", "conv_mobilenet"])
def test_width_is_the_files_own(name: str, width: str) -> None:
    path = ROOT / "specs" / f"{name}.yaml"
    assert resized(sepcalc.load(path), Fraction(width)).cost == sepcalc.load(path, width=width).cost


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_network_of_the_zoo_follows_a_width(path: Path) -> None:
    network = sepcalc.load(path)
    before = network.macs
    for width in ("0.333", "0.75", "1.4"):
        after = resized(network, Fraction(width))
        assert after.outputs == network.outputs
        assert 0.5 * float(Fraction(width)) ** 2 < after.macs / before < 1.6 * float(Fraction(width)) ** 1
        for at in heads_of(network):
            assert after.nodes[at].output == network.nodes[at].output
    assert resized(network, Fraction(1), 1).cost == network.cost


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_resolution_is_another_input(path: Path) -> None:
    network = sepcalc.load(path)
    ((*_, channels),) = network.inputs.values()
    agreed = 0
    for size in (192, 256, 284, 300, 320):
        try:
            expected = sepcalc.load(path, input=f"{size}x{size}x{channels}").cost
        except sepcalc.InputError:
            with pytest.raises(sepcalc.InputError, match="cannot follow"):
                resized(network, resolution=(size,))
            continue
        assert resized(network, resolution=(size,)).cost == expected
        agreed += 1
    assert agreed


@pytest.mark.parametrize(
    ("layers", "width", "shapes"),
    [
        # a sum with a concat takes its channels from there: 12 -> 16, 4 -> 8, and so 16 -> 24
        (("[{conv: -k1 -o16, name: a}, {concat: {x: [conv -k1 -o12], y: [conv -k1 -o4]}, name: b},"
         " {add: [], from: [a, b]}, conv -k1 -o2]"),
         "0.75", [(4, 4, 24), (4, 4, 16), (4, 4, 8), (4, 4, 24), (4, 4, 24), (4, 4, 2)]),
        # one with the input keeps them
        ("[residual: [conv -k3 -o32 -p same, conv -k3 -o8 -p same], conv -k1 -o2]",
         "0.5", [(4, 4, 16), (4, 4, 8), (4, 4, 8), (4, 4, 2)]),
        # a depth multiplier stays one
        ("[conv -k1 -o16, depthwise -k3 -m2 -p same, conv -k1 -o2]", "0.5", [(4, 4, 8), (4, 4, 16), (4, 4, 2)]),
        # groups and halves divide
        ("[conv -k1 -o48, norm group -g6, slice --start 24, conv -k1 -o2]", "0.6",
         [(4, 4, 48), (4, 4, 48), (4, 4, 24), (4, 4, 2)]),
    ],
)  # fmt: skip
def test_channels_that_must_be_equal_are(
    layers: str, width: str, shapes: list[tuple[int, ...]], tmp_path: Path
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"input: 4x4x8\nlayers: {layers}\n")
    after = resized(sepcalc.load(path), Fraction(width))
    assert [layer.output for layer in after.layers] == shapes


STORED = "it reads a stored tensor, a constant, which keeps its size at any width and resolution"


def test_constants_keep_their_size(sep: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: 8x8x4\nlayers: [constant --to 225x16, dense -o16, flatten, {conv: -k1 -o16, from: input},"
        " {add: {a: [], b: [constant --to 16 --learned]}}, conv -k1 -o32, conv -k1 -o2]\n"
    )
    half = resized(sepcalc.load(path), Fraction(1, 2))
    # the convolution that is added to a constant keeps its channels; the others follow
    assert [layer.output[-1] for layer in half.layers] == [16, 8, 1800, 16, 16, 16, 16, 2]


@pytest.mark.parametrize("change", [("--width", "0.5"), ("--resolution", "16")], ids=str)
def test_a_layer_on_a_constant_that_cannot_follow_says_why(sep: Run, tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: 64x8\nlayers: [dense -o64, matmul: {x: [], w: [constant --to 64x4, matmul: {b: [], a: "
        "[constant --to 4x64]}]}, matmul: {t: [constant --to 9x64], x: []}, dense -o2]\n"
    )
    code, out, err = sep("whatif", str(path), *change)
    assert (code, out) == (2, "")
    assert STORED in err


def test_a_layer_that_cannot_follow_is_named(sep: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: 8x8x4\nlayers: [conv -k1 -o8, reshape --to 16x32, conv -k3 -o4, act relu]\n")
    code, out, err = sep("whatif", str(path), "--resolution", "7")
    assert (code, out) == (2, "")
    assert err == "reshape cannot follow: reshape 16x32 of 8x8x8 does not say what it is of 7x7x8\n"


def test_shapes_that_are_written_down_follow_or_refuse() -> None:
    """What an importer has in numbers: an axis is found again by its size, if that is the size of no other."""
    from sepcalc.layer import Node
    from sepcalc.network import Network
    from sepcalc.ops.base import Op
    from sepcalc.ops.elementwise import Stored
    from sepcalc.ops.move import Copy
    from sepcalc.ops.rename import Rename

    def outcome(op: Op, shape: tuple[int, ...]) -> tuple[int, ...] | str:
        network = Network("", {"input": shape}, [Node("x", op, (0,), op.output((shape,)))])
        try:
            return resized(network, resolution=(6,)).outputs["output"]
        except sepcalc.InputError as error:
            return str(error)

    assert outcome(Rename("permute", (3, 8, 8)), (8, 8, 3)) == (3, 6, 6)
    assert outcome(Copy((8, 1, 3)), (8, 8, 3)) == (6, 1, 3)
    assert outcome(Stored("shift", "shape", (8, 1, 3)), (8, 8, 3)) == (6, 6, 3)
    # every second row from the first on, and every third column from the second on, of 8 and of 6
    assert outcome(Copy((4, 3, 3), (2, 3), (0, 1)), (8, 8, 3)) == (3, 2, 3)
    assert "cannot follow" in str(outcome(Copy((4, 2, 3), (2, 3), (0, 1)), (8, 8, 3)))  # not up to the end
    assert outcome(Copy((16, 8, 3)), (8, 8, 3)) == "x cannot follow: copy to 16x8x3 does not say what it is of 6x6x3"
    assert outcome(Copy((8, 3)), (8, 8)) == "x cannot follow: copy to 8x3 does not say what it is of 6x8"


def test_width_and_rules_together(sep: Run) -> None:
    args = [
        "specs/conv_mobilenet.yaml",
        "--width",
        "0.75",
        "--rewrite",
        "*=depthwise-separable",
        "--exclude",
        "conv[0]",
    ]
    code, out, _ = sep("whatif", *args, "--format", "json")
    document = json.loads(out)
    assert (code, document["after"]["macs"]) == (0, sepcalc.load(ROOT / "specs" / "mobilenet_v1.yaml", width=0.75).macs)
    assert document["layers"][0]["rule"] == "width x 0.75"
    assert document["layers"][-1] == {**document["layers"][-1], "name": "dense", "reason": "head: it keeps its outputs"}


# --- speed ---


def test_speed_by_hand() -> None:
    """4x4x2 conv -k1 -o2: 64 macs; (32 + 4 + 32) x 4 = 272 bytes. conv -k3 -o1: 72 macs; (32 + 18 + 4) x 4 = 216."""
    found = load(sepcalc.load("4x4x2, conv -k1 -o2, conv -k3 -o1").layers, Fraction(3, 10))
    assert (found.macs, found.traffic, found.layers, found.bound) == (136, 488, 2, 1)
    assert found.time == 272 + 72 / Fraction(3, 10)
    assert found.intensity == Fraction(136, 488)


def test_speed_says_less_time(sep: Run) -> None:
    line = "64x64x64, conv -k3 -o64 -p same"
    code, out, _ = sep("whatif", line, "--rewrite", "*=depthwise-separable", "--balance", "10")
    assert code == 0
    assert re.search(
        r"Macs: 7\.9x fewer\. Time, .+: 3\.6x less\. 2 of 2 layers wait for memory \(0 of 1 before\)\.", out
    ), out


# --- reports ---


@pytest.mark.parametrize("form", ["csv", "markdown", "json"])
def test_formats(form: str, sep: Run) -> None:
    code, out, err = sep("whatif", "9x9x4, conv -k3 -o8, act relu", "--rewrite", "*=spatial", "--format", form)
    assert (code, err) == (0, "")
    assert "*=spatial" in out.replace("\\", "")


def test_incomplete_networks_exit_with_3(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from sepcalc.document import Document
    from sepcalc.layer import Node
    from sepcalc.network import Network
    from sepcalc.ops.base import Uncounted

    whole = sepcalc.load("9x9x4, conv -k3 -o8, act relu")
    gap = Network("", whole.inputs, [*whole.nodes, Node("x", Uncounted("Odd", "unknown", (2,)), (2,), (2,))])
    monkeypatch.setattr("sepcalc.cli.whatif.read", lambda *_: Document(gap))
    code, out, _ = sep("whatif", "x", "--rewrite", "*=spatial")
    assert (code, out.splitlines()[-1]) == (3, "  INCOMPLETE: the totals are without what was not counted")


# --- shapes that cut channels, shared params, the Python face ---

# A transformer's block as exporters write it: queries, keys and values in one layer, cut into 12 heads.
FUSED = """
input: 197x768
layers:
  - dense -o2304: {name: qkv}
  - reshape --to 3x197x768: {name: cut}
  - copy --to 197x768: {name: q}
  - copy --to 197x768:
    name: k
    from: cut
  - copy --to 197x768:
    name: v
    from: cut
  - reshape --to 12x197x64:
    name: heads-q
    from: q
  - reshape --to 12x197x64:
    name: heads-k
    from: k
  - matmul --transpose:
    name: scores
    from: [heads-q, heads-k]
  - reshape --to 12x64x197:
    name: heads-v
    from: v
  - matmul --transpose:
    name: mixed
    from: [scores, heads-v]
  - reshape --to 197x768: {name: joined}
  - dense -o768: {name: projection}
  - dense -o1000: {name: head}
"""


def network_of(text: str, folder: Path) -> sepcalc.Network:
    path = folder / "net.yaml"
    path.write_text(re.sub(r": \{name: (.*)\}", r":\n    name: \1", text), "utf-8")
    return sepcalc.load(str(path))


@pytest.mark.parametrize(
    ("width", "divisor", "fused", "size"),
    [("0.75", 8, 1728, 48), ("1/2", 8, 1152, 32), ("0.33", 1, 756, 21)],  # multiples of 3 x 12
)
def test_fused_heads_keep_their_number(width: str, divisor: int, fused: int, size: int, tmp_path: Path) -> None:
    after = sepcalc.whatif(network_of(FUSED, tmp_path), width=width, divisor=divisor).after
    shapes = {layer.name: layer.output for layer in after.layers}
    inner = 12 * size
    assert shapes["qkv"] == (197, fused)
    assert shapes["cut"] == (3, 197, inner)
    assert shapes["heads-q"] == shapes["heads-k"] == shapes["mixed"] == (12, 197, size)
    assert shapes["joined"] == (197, inner)
    outputs = shapes["projection"][-1]
    assert after.macs == 197 * (768 * fused + 2 * 197 * inner + inner * outputs + outputs * 1000)


SHARED = """
input: 8x8x4
layers:
  - conv -k3 -o32 -p same --bias: {name: a}
  - norm batch: {name: n}
    shared-params: {a: 32}
  - conv -k3 -o32 -p same --bias: {name: b}
    shared-params: {a: 32}
  - conv -k3 -o32 -p same: {name: c}
    shared-params: {b: 100}
  - pool avg global: {name: pool}
  - dense -o10: {name: head}
"""


def test_a_shared_bias_stays_and_follows_the_width(tmp_path: Path) -> None:
    """A bias alone that another layer has too keeps no convolution from being separated; it is still counted once."""
    network = network_of(SHARED, tmp_path)
    assert network.params == 4 * 32 * 9 + 32 + 32 + 32 * 32 * 9 + 32 * 32 * 9 - 100 + 320
    result = sepcalc.whatif(network, "*=depthwise-separable")
    reasons = {change.name: change.rule or change.reason for change in result.layers}
    assert reasons["b"] == "*=depthwise-separable"
    assert reasons["c"] == "shares a part of its params with another layer"
    assert {layer.name: layer.cost.params for layer in result.after.layers}["b/pointwise"] == 32 * 32
    with pytest.raises(sepcalc.InputError) as caught:
        sepcalc.whatif(network, width=0.5)
    assert str(caught.value) == ("c cannot follow: which 100 of its 9,216 params layers before it share is not known")
    fitting = network_of(SHARED.replace("    shared-params: {b: 100}\n", ""), tmp_path)
    half = {layer.name: layer.cost.params for layer in sepcalc.whatif(fitting, width=0.5).after.layers}
    assert (half["n"], half["b"]) == (16, 16 * 16 * 9)


def test_nothing_changed_has_no_table(sep: Run) -> None:
    code, out, err = sep("whatif", "8x8x3, dense -o4, conv -k1 -o2", "--rewrite", "conv=spatial")
    assert (code, err) == (0, "")
    assert out.startswith(
        "network: 0 of the 2 layers that multiply and accumulate changed\n\nLeft alone\n"
        "  not a convolution: dense\n  the kernel 1x1 extends along no axis: conv\n\nBefore and after\n"
    )
    out = sep("whatif", "8x8x3, conv -k3 -o4", "--width", "1")[1]
    assert out.startswith(
        "network: 0 of the 1 layer that multiplies and accumulates changed\n\nLeft alone\n"
        "  head: it keeps its outputs: conv\n"
    )


@pytest.mark.parametrize("text", ["1e99999999", "1e-99999999", "", " 1", "1_0", "1/0", "nan", "-1", "101"])
def test_numbers_that_are_none_are_refused_at_once(text: str, sep: Run) -> None:
    expected = f"--width {text!r}: expected a number above 0, up to 100\n"
    assert sep("whatif", "8x8x3, conv -k3 -o4", f"--width={text}") == (2, "", expected)


def test_an_empty_resolution_is_refused(sep: Run) -> None:
    expected = "--resolution: '' is not a size, nor one per axis: expected for example 3 or 3x5\n"
    assert sep("whatif", "8x8x3, conv -k3 -o4", "--resolution=") == (2, "", expected)


def test_the_python_face() -> None:
    path = str(ROOT / "specs" / "conv_mobilenet.yaml")
    network = sepcalc.load(path)
    meant = f"sepcalc.fit(sepcalc.load({path!r}), {{'macs': 1}})"
    result = sepcalc.whatif(network, ["*=depthwise-separable"], "conv[0]")
    assert (result.before.macs, result.after.macs) == (network.macs, MOBILENET_MACS)
    assert (
        sepcalc.whatif(network, resolution=192).after.macs == sepcalc.whatif(network, resolution="192x192").after.macs
    )
    assert sepcalc.whatif(network, width=0.5).after.macs == resized(network, Fraction(1, 2)).macs
    for call, said in (
        (lambda: sepcalc.whatif(network, width=0), "width '0': expected a number above 0, up to 100"),
        (
            lambda: sepcalc.fit(network, {"macs": 1}, "luck"),
            f"unknown way 'luck': expected width, resolution, separate\n  hint: {meant}",
        ),
        (
            lambda: sepcalc.fit(network, {"macs": 1}, variants=["luck"]),
            "unknown variant 'luck': expected spatial, depthwise-separable, depthwise-spatial, factorized",
        ),
    ):
        with pytest.raises(sepcalc.InputError) as caught:
            call()
        assert str(caught.value) == said


def test_the_least_change_in_python() -> None:
    line = sepcalc.load("32x32x3, conv -k3 -o16 -p same, conv -k3 -o32 -p same, pool avg global, dense -o10")
    answer = sepcalc.fit(line, {"macs": line.macs // 2}, by="resolution")
    assert answer.network is not None
    assert answer.network.macs <= line.macs // 2
    assert answer.change == "resolution 32 -> 22"  # 22 x 22 < 32 x 32 / 2 < 23 x 23
    both = sepcalc.fit(line, {"macs": line.macs // 2}, by=["width", "resolution"])
    assert (both.way, both.network.params if both.network else 0) == ("resolution", line.params)
    assert sepcalc.fit(line, {"macs": line.macs}).way == "none"
    none = sepcalc.fit(line, {"macs": 1}, by="width")
    assert (none.network, none.reason) == (None, "width: not even channels x 0.05 fits")


def test_without_scipy_the_other_ways_are_tried(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    code, out, err = sep("fit", "32x32x3, conv -k3 -o16, dense -o10", "--max", "macs=300k", "--format", "json")
    assert (code, err) == (0, "")
    reasons = {way["way"]: way["reason"] for way in json.loads(out)["ways"]}
    assert reasons["separate"] == ("fit --by separate needs SciPy, which is not installed: pip install 'scipy>=1.11'")
    code, out, err = sep("fit", "32x32x3, conv -k3 -o16", "--max", "macs=1", "--by", "separate")
    assert (code, out) == (2, "")
    assert err == "fit --by separate needs SciPy, which is not installed\n  hint: pip install 'scipy>=1.11'\n"


PADDED = """\
input: 8x8x3
layers:
  - conv -k3 -o16 -p1
  - residual: [conv -k3 -o{out} -p1]
    shortcut: [copy -s1 --to 8x8x{out}]
  - pointwise -o10
"""  # as an ONNX file with a Pad on the channel axis is written


def _padded(tmp_path: Path, out: int) -> Path:
    path = tmp_path / f"padded{out}.yaml"
    path.write_text(PADDED.replace("{out}", str(out)), encoding="utf-8")
    return path


def test_channels_that_a_shortcut_pads_follow_the_width_of_the_sum(tmp_path: Path) -> None:
    """16 channels, padded to 32 or to 24, and added to a convolution's: at half of the width 8, and 16 or 16."""
    for out, half in ((32, 16), (24, 16)):
        network = resized(sepcalc.load(_padded(tmp_path, out)), Fraction(1, 2))
        assert [node.output for node in network.nodes] == [(8, 8, n) for n in (8, half, half, half, 10)]
        assert network.cost.macs == 64 * (27 * 8 + 9 * 8 * half + half * 10)
    assert resized(sepcalc.load(_padded(tmp_path, 24)), resolution=(6,)).nodes[2].output == (6, 6, 24)


def test_padded_channels_that_may_be_repeated_ones_are_refused_with_the_reason(sep: Run, tmp_path: Path) -> None:
    status, _, err = sep("whatif", str(_padded(tmp_path, 32)), "--width", "0.6", "--divisor", "1")
    assert status == 2
    assert err == (
        "residual/shortcut/copy cannot follow: its 16 channels become 10, and the 32 that it makes of them 19: "
        "whether it pads or repeats channels is not known\n"
        "  hint: a width or a divisor that keeps the proportion\n"
    )


def test_channels_padded_onto_the_networks_input_stay() -> None:
    network = resized(sepcalc.load("8x8x3, copy -s1 --to 8x8x4, conv -k3 -o16 -p1, pointwise -o10"), Fraction(1, 2))
    assert [node.output for node in network.nodes] == [(8, 8, 4), (8, 8, 8), (8, 8, 10)]
