"""Limits, growth and budgets at their edges: what just passes, and what just does not."""

from pathlib import Path

import pytest
from gating import BARE, NET, Run, report

import sepcalc
from sepcalc.branches import Branch, Choice
from sepcalc.document.loading import load_yaml
from sepcalc.errors import InputError, Invalid
from sepcalc.gate import limits
from sepcalc.gate.metrics import METRICS
from sepcalc.nodes import Source
from sepcalc.quantity import read_amount, read_percent

CHECK = '[[tool.sepcalc.check]]\npath = "specs/bare.yaml"\n'

# --- units -----------------------------------------------------------------------------------------------------------

BYTES = [
    *[("1", 1), ("1B", 1), ("1k", 1_000), ("1M", 1_000_000), ("1G", 1_000_000_000), ("1T", 1_000_000_000_000)],
    *[("1KiB", 1024), ("1MiB", 1_048_576), ("1GiB", 1_073_741_824), ("1TiB", 1_099_511_627_776)],
]
COUNTS = [("1", 1), ("1k", 10**3), ("1K", 10**3), ("1M", 10**6), ("1G", 10**9), ("1T", 10**12)]


@pytest.mark.parametrize(("text", "size"), BYTES)
def test_units_of_bytes(text: str, size: int) -> None:
    assert read_amount(text, True).floor == size
    assert read_amount(text.replace("1", "2.5"), True).floor == size * 5 // 2
    for metric in ("traffic", "peak-memory", "params_bytes"):
        assert limits.read_limit(metric, text).most.floor == size


@pytest.mark.parametrize(("text", "size"), COUNTS)
def test_units_of_counts(text: str, size: int) -> None:
    for metric in ("macs", "params", "activations", "flops", "effective-macs"):
        assert limits.read_limit(metric, text).most.floor == size


@pytest.mark.parametrize("metric", ["macs", "params", "buffers", "activations", "flops", "effective_macs"])
def test_counts_have_no_bytes(metric: str) -> None:
    for unit in ("KiB", "MiB", "GiB", "TiB", "B"):
        with pytest.raises(Invalid, match="unknown unit"):
            limits.read_limit(metric, f"1{unit}")


@pytest.mark.parametrize("unit", ["kB", "KB", "MB", "GB", "TB", "K", "m", "g", "t", "mib", "PiB", "P"])
def test_units_of_two_meanings_are_none(unit: str) -> None:
    with pytest.raises(Invalid, match="unknown unit"):
        read_amount(f"1{unit}", True)


# --- growth ----------------------------------------------------------------------------------------------------------

GROWTH = [  # the limit, what was, the most that passes
    ("params", "10k", 5_000, 15_000),
    ("params", "1.5k", 5_000, 6_500),
    ("params", "1", 0, 1),
    ("params", "0", 7, 7),
    ("params", "0.0029k", 7, 9),
    ("peak-memory", "1KiB", 1024, 2048),
    ("traffic", "2M", 1, 2_000_001),
    ("macs", "2%", 100, 102),
    ("macs", "2.5%", 100, 102),
    ("macs", "2.5%", 1000, 1025),
    ("macs", "0%", 100, 100),
    ("macs", "100%", 3, 6),
    ("macs", "50%", 0, 0),
    ("macs", "0.1%", 10**18 + 7, 10**18 + 7 + 10**15),
]


@pytest.mark.parametrize(("metric", "text", "before", "most"), GROWTH)
def test_growth_just_passes(metric: str, text: str, before: int, most: int) -> None:
    increase = limits.read_increase(metric, text)
    name = limits.read_metric(metric)
    assert increase.ceiling(before) == most
    for after, passes in [(0, True), (before, True), (most, True), (most + 1, False), (10 * most + 10, False)]:
        assert increase.allows(before, after) is passes, after
        (held,) = limits.grown(({name: before}, {name: after}), increases=[increase])
        assert (held.verdict.passed, held.verdict.fails, held.verdict.limit) == (passes, not passes, most)
        assert (held.base, held.verdict.actual, held.verdict.scope) == (before, after, "baseline")
        (held,) = limits.grown(({name: before}, {name: after}), increases=[increase], level="warn")
        assert (held.verdict.passed, held.verdict.fails) == (passes, False)


def test_growth_by_an_amount_is_held_by_every_command(gate: Run) -> None:
    """From 32 to 33 channels: 4,608 + 128 params to 4,752 + 132, 148 more."""
    Path("new.yaml").write_text(BARE.replace("-o32", "-o33"))
    for amount, code in (("148", 0), ("147", 1), ("0.148k", 0), ("0.1479k", 1)):
        assert gate("diff", "specs/bare.yaml", "new.yaml", "--max-increase", f"params={amount}")[0] == code
    project = (
        '[[tool.sepcalc.check]]\npath = "specs/bare.yaml"\nbaseline = "base.json"\nmax-increase = {params = AMOUNT}\n'
    )
    Path("specs/bare.yaml").write_text(BARE.replace("-o32", "-o33"))
    for amount, code in (("148", 0), ("147", 1), ('"148"', 0), ('"147"', 1), ('"0.2k"', 0), ('"0.1k"', 1)):
        Path("pyproject.toml").write_text(project.replace("AMOUNT", amount))
        assert gate("check")[0] == code, amount
    Path("pyproject.toml").write_text(project.replace("AMOUNT", '"147"') + 'level = "warn"\nmessage = "ask Ada"\n')
    code, out, _ = gate("check")
    assert code == 0
    assert "params 5,316 > 5,315 (147 over 5,168 before), over by 1" in out
    assert "ask Ada" in out


def test_a_limit_at_its_edge() -> None:
    network = sepcalc.load("8x8x3, conv -k3 -o4")  # 3,888 macs
    for text, passes in [("3888", True), ("3887", False), ("3.888k", True), ("3.8879k", False), ("3888.5", True)]:
        (verdict,) = sepcalc.gate.check(network, [limits.read_limit("macs", text)])
        assert verdict.passed is passes
        assert verdict.actual == 3888


def test_what_is_read_of_a_limit() -> None:
    limit = limits.read_limit("peak-memory", "1KiB")
    assert (limit.metric, limit.most.floor, limit.scope, limit.each) == ("peak_memory", 1024, "network", False)
    assert (limit.level, limit.message, limit.mark) == ("error", "", None)
    one = limits.read_increase("params-bytes", "2.5KiB")
    assert one == limits.Increase("params_bytes", read_amount("2.5KiB", True), False, None, False)
    assert limits.read_increase("macs", "1.5 %") == limits.Increase("macs", read_percent("1.5 %"), True, None, False)
    every = limits.read_increases("2%")
    assert every == tuple([limits.Increase(name, read_percent("2%"), True, None, True) for name in METRICS])


@pytest.mark.parametrize("text", ["0.02", "1.5"])
def test_growth_by_a_part_of_one_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        limits.read_increase("macs", text)
    said = f"'{text}' is not a whole number: a growth limit is a percentage or a whole number"
    assert (caught.value.message, caught.value.hint) == (said, "for example 2%")
    assert limits.read_increase("macs", text + "k").most.unit == 1000


def test_places_in_files() -> None:
    marks = [limits.Mark("a.yaml"), limits.Mark("a.yaml", 3), limits.Mark("a.yaml", 3, 5)]
    assert list(map(str, marks)) == ["a.yaml", "a.yaml:3", "a.yaml:3:5"]


VERDICTS = [  # passed, unknown, level: whether it fails
    (True, False, "error", False),
    (False, False, "error", True),
    (False, True, "error", False),
    (False, False, "warn", False),
    (False, True, "warn", False),
]


@pytest.mark.parametrize(("passed", "unknown", "level", "fails"), VERDICTS)
def test_what_fails(passed: bool, unknown: bool, level: str, fails: bool) -> None:
    verdict = limits.Verdict("effective_macs", "conv*", 5, 7, passed, level, unknown)
    assert verdict.fails is fails
    assert verdict.subject == "effective-macs of conv*"
    assert verdict.record() == {
        "metric": "effective_macs", "scope": "conv*", "limit": 5, "actual": 7, "passed": passed
    }  # fmt: skip
    assert [verdict._replace(scope=scope).subject for scope in ("network", "baseline")] == ["effective-macs"] * 2


def test_growth_of_what_is_not_known() -> None:
    old, new = dict.fromkeys(METRICS, 100), dict.fromkeys(METRICS, 103)
    every = limits.read_increases("2%")
    one = limits.read_increase("compares", "5%")
    held = limits.grown((old, new), increases=[*every, one], incomplete=["compares", "divs"])
    known = [name for name in METRICS if name not in ("compares", "divs", "flops")]
    assert [each.verdict.metric for each in held] == [*known, "compares"]
    assert all(each.verdict.fails for each in held[:-1])
    last = held[-1].verdict  # within its limit as far as it is counted
    assert (last.passed, last.unknown, last.fails, last.limit) == (False, True, False, 105)
    assert limits.left_out([*every, one], ["compares", "divs"]) == (
        "the growth of compares and divs and flops cannot be limited: some layers lack that count",
    )
    assert limits.left_out([*every, one], []) == ()
    assert limits.left_out([one], ["compares"]) == ()


def test_each_of_several_pairs_must_hold() -> None:
    one = limits.read_increase("macs", "10")
    pairs = [({"macs": 100}, {"macs": 105}), ({"macs": 50}, {"macs": 61}), ({"macs": 7}, {"macs": 99})]
    (held,) = limits.grown(*pairs, increases=[one])
    assert (held.base, held.verdict.actual, held.verdict.limit, held.verdict.passed) == (50, 61, 60, False)
    (held,) = limits.grown(*pairs[:1], ({"macs": 50}, {"macs": 60}), increases=[one])
    assert (held.base, held.verdict.actual, held.verdict.limit, held.verdict.passed) == (100, 105, 110, True)


def test_a_limit_of_layers_together_and_of_each() -> None:
    network = sepcalc.load("8x8x3, conv -k3 -o4, act relu, conv -k1 -o2")  # 3,888 and 288 macs
    conv = limits.read_limit("macs", "4176")._replace(scope="*")
    for most, each, passed in [("4176", False, [True]), ("4175", False, [False]), ("3887", True, [False, True, True])]:
        limit = conv._replace(most=read_amount(most), each=each)
        verdicts = limits.check(network, [limit])
        assert [verdict.passed for verdict in verdicts] == passed
        assert [verdict.scope for verdict in verdicts] == ([layer.name for layer in network.layers] if each else ["*"])
        assert [verdict.actual for verdict in verdicts] == ([3888, 0, 288] if each else [4176])


def test_a_limit_of_layers_is_held_against_the_larger_branch() -> None:
    """A convolution of 3,888 macs is laid out, and one of 7,776 may run."""
    one, other = (sepcalc.load(f"8x8x3, conv -k3 -o{out}") for out in (4, 8))
    branch = Branch((other.layers[0]._replace(name="big"),))
    network = sepcalc.Network(
        "if", one.inputs, one.nodes, choices=[Choice("if", frozenset({"conv"}), (), (branch,))], most={"macs": 7776}
    )
    for scope, most in (("*", 7776), ("conv", 3888), ("big", 7776), ("[cb]*", 0), ("?o*", 3888)):
        limit = limits.read_limit("macs", str(most))._replace(scope=scope)
        if not most:
            with pytest.raises(sepcalc.InputError):
                limits.check(network, [limit])
            continue
        (verdict,) = limits.check(network, [limit])
        assert (verdict.actual, verdict.passed) == (most, True), scope
        (verdict,) = limits.check(network, [limit._replace(most=read_amount(str(most - 1)))])
        assert (verdict.actual, verdict.passed) == (most, False), scope
    (verdict,) = limits.check(network, [limits.read_limit("macs", "7775")])
    assert (verdict.actual, verdict.passed) == (7776, False)
    each = limits.check(network, [limits.read_limit("macs", "4000")._replace(scope="*", each=True)])
    assert [(verdict.scope, verdict.passed) for verdict in each] == [("conv", True), ("big", False)]


def test_a_limit_of_what_is_not_counted_is_unknown_only_within_it() -> None:
    network = sepcalc.load("4x4x6, act relu, uncounted TopK --to 3 --counts compares")  # 96 compares, and some
    for text, passed, unknown in [("96", False, True), ("95", False, False)]:
        (verdict,) = limits.check(network, [limits.read_limit("compares", text)])
        assert (verdict.passed, verdict.unknown) == (passed, unknown)
    (verdict,) = limits.check(network, [limits.read_limit("adds", "0")])
    assert (verdict.passed, verdict.unknown) == (True, False)


# --- budgets that are wrong ------------------------------------------------------------------------------------------


def wrong(gate: Run, budget: str) -> str:
    Path("specs/net.yaml").write_text(NET.replace("{params: 6k, macs: 6M}", budget))
    code, out, err = gate("check", "specs/net.yaml")
    assert (code, out.splitlines()[-1]) == (2, "  1 checked: 1 error")
    return err


@pytest.mark.parametrize("value", ["maybe", "yes", "1", "True", "on", '""', "[true]", "{}"])
def test_each_is_true_or_false(value: str, gate: Run) -> None:
    err = wrong(gate, f'{{layers: {{"conv*": {{macs: 6M, each: {value}}}}}}}')
    assert "each needs true or false\n" in err
    assert err.count("specs/net.yaml:4:") == 1


@pytest.mark.parametrize("value", ['"maybe"', "1", "1.0", "[true]", "{a = 1}", "2026-01-01"])
def test_each_is_true_or_false_in_pyproject_too(value: str, gate: Run) -> None:
    text = Path("pyproject.toml").read_text()
    Path("pyproject.toml").write_text(
        text.replace('"conv*" = {macs = "6M"}', f'"conv*" = {{macs = "6M", each = {value}}}')
    )
    code, _, err = gate("check")
    assert code == 2
    assert "pyproject.toml:5: each needs true or false\n" in err


def test_each_holds_every_layer_and_false_all_together(gate: Run) -> None:
    for each, code, scopes in (("true", 0, ["conv[0]", "conv[1]"]), ("false", 1, ["conv*"])):
        budget = f'{{layers: {{"conv*": {{macs: 4718592, each: {each}}}}}}}'
        Path("specs/net.yaml").write_text(NET.replace("{params: 6k, macs: 6M}", budget))
        assert gate("check", "specs/net.yaml")[0] == code
        assert [one["scope"] for one in report(gate, "specs/net.yaml")["checks"][0]["budget"]] == scopes
        Path("pyproject.toml").write_text(f'{CHECK}layers = {{"conv*" = {{macs = 4718592, each = {each}}}}}\n')
        assert gate("check")[0] == code
    text = Path("pyproject.toml").read_text()
    Path("pyproject.toml").write_text(text.replace("4718592, each = false", "4718591, each = true"))
    assert gate("check")[0] == 1


WRONG = [  # a budget, and what is said of it
    ('{layers: {"conv*": {each: true}}}', "'conv*' needs limits"),
    ('{layers: {"": {macs: 1}}}', "an empty glob matches no layer"),
    ('{layers: {"conv*": 6M}}', "'conv*' needs limits"),
    ("{layers: 6M}", "layers needs globs, each with limits"),
    ("{macs: 6M, level: {a: b}}", "level needs a single value"),
    ("{macs: 6M, level: warning}", "unknown level 'warning': expected error or warn"),
    ("{macs: 6M, message: [a]}", "message needs a single value"),
    ("{macs: {a: 1}}", "the budget of macs needs a single value"),
    ("{peak-memory: 1M, peak_memory: 2M}", "peak-memory is limited twice: as peak-memory and as peak_memory"),
    ('{layers: {"conv*": {peak-memory: 1M}}}', "peak-memory applies to a whole network, not to a layer"),
    ('{layers: {"conv*": {params-bytes: 1M}}}', "params-bytes applies to a whole network, not to a layer"),
    ('{layers: {"conv*": {level: warn, macs: 1}}}', "unknown metric 'level'"),
    ("{mac: 1}", "unknown metric 'mac'"),
    ("{__class__: 1}", "unknown metric '__class__'"),
]


@pytest.mark.parametrize(("budget", "said"), WRONG, ids=[case[0] for case in WRONG])
def test_a_wrong_budget_is_told(budget: str, said: str, gate: Run) -> None:
    assert said in wrong(gate, budget)


def test_a_budget_of_what_is_not_there_is_told_with_its_place(gate: Run) -> None:
    assert wrong(gate, '{layers: {"cnov*": {macs: 6M}, "conv*": {macs: 1}}}') == (
        "specs/net.yaml:4:29: no layer matches 'cnov*': its budget is empty\n"
    )


def test_near_misses_are_sought_among_the_first_thousand_layers() -> None:
    spec = sepcalc.load("8x3, act relu")
    for at, hint in ((999, "\n  hint: did you mean conv?"), (1000, "")):
        nodes = [spec.nodes[0]._replace(name="conv" if n == at else f"{n:04}", sources=(n,)) for n in range(1001)]
        network = sepcalc.Network("long", spec.inputs, nodes)
        with pytest.raises(sepcalc.InputError) as caught:
            limits.check(network, [limits.read_limit("macs", "1")._replace(scope="comv")])
        assert str(caught.value) == f"no layer matches 'comv': its budget is empty{hint}"


def test_level_and_message_are_those_of_every_limit_of_a_budget(gate: Run) -> None:
    budget = '{macs: 1, layers: {"conv*": {macs: 1}}, level: warn, message: "ask Ada"}'
    Path("specs/net.yaml").write_text(NET.replace("{params: 6k, macs: 6M}", budget))
    code, out, _ = gate("check", "specs/net.yaml")
    assert code == 0
    assert out.count("over, a warning") == 2
    assert out.count("ask Ada") == 2


def test_a_metric_that_is_none_says_what_else_may_stand_there() -> None:
    """Beside the metrics of a whole budget stand layers, level and message; beside those of --max nothing does."""
    known = (
        "macs, mults, adds, compares, divs, specials, params, buffers, activations, flops, effective-macs, traffic, "
        "peak-memory, params-bytes, file-size"
    )
    with pytest.raises(InputError) as caught:
        sepcalc.check("8x8x3, conv -k3 -o4", max={"maxs": "1M"})
    assert str(caught.value) == (f"max maxs: unknown metric 'maxs': expected {known}\n  hint: did you mean macs?")
    with pytest.raises(InputError) as caught:
        load_yaml(Source("net.yaml", "input: 8x8x3\nlayers: [conv -k3 -o4]\nbudget: {levle: warn}\n"))
    (problem,) = caught.value.problems
    assert problem.message == f"unknown metric 'levle': expected {known}; or layers, level, message"
    assert problem.hint == "did you mean level?"
