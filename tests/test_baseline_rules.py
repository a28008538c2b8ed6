"""A baseline in which anything is not as sepcalc wrote it is refused, and said to be so: every rule by itself."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

import sepcalc
from sepcalc.errors import InputError
from sepcalc.gate import baselines
from sepcalc.gate.snapshots import taken
from sepcalc.layer import Node
from sepcalc.network import Network
from sepcalc.ops.base import Uncounted

Change = Callable[[Any], object]
VERSION = "1.2.3"


def kept() -> baselines.Kept:
    """A convolution, an operator of which the compares are not known, a renaming."""
    start = sepcalc.load("8x8x3, conv -k3 -o4 -p1 --bias, act relu, flatten")
    nodes = list(start.nodes)
    nodes[1] = Node("sort", Uncounted("Sort", "it depends on data", (8, 8, 4), False, ("compares",)), (1,), (8, 8, 4))
    return baselines.Kept("net.yaml", {"width": "1"}, taken(Network("net", start.inputs, nodes, notes=["a note"])))


def written() -> Any:
    return json.loads(json.dumps(baselines.document([kept()], VERSION)))


def refused(data: Any) -> str:
    with pytest.raises(InputError) as caught:
        baselines.read(data if isinstance(data, str) else json.dumps(data), "base.json", VERSION)
    return str(caught.value)


def test_what_was_written_reads_back() -> None:
    (found,) = baselines.read(json.dumps(written()), "base.json", VERSION).values()
    assert found == kept()
    data = written()
    network = data["networks"][0]
    assert (network["complete"], network["uncounted"][0]["counts"]) == (True, ["compares"])
    assert [layer["writes"] for layer in network["layers"]] == [True, True, False]
    del network["notes"]
    (found,) = baselines.read(json.dumps(data), "base.json", VERSION).values()
    assert found.snapshot.notes == ()


def test_widths_of_inputs_are_kept_where_the_file_says_them() -> None:
    """An input of 8x8x3 bytes beside 8x8x4 elements of 4: 192 + 1,024 bytes at the peak of the first layer."""
    start = sepcalc.load("8x8x3, conv -k3 -o4 -p1")
    network = Network("net", start.inputs, list(start.nodes), input_bits={"input": 8})
    narrow = baselines.Kept("net.yaml", {}, taken(network))
    data = json.loads(json.dumps(baselines.document([narrow], VERSION)))
    assert data["networks"][0]["input_bits"] == {"input": 8}
    assert data["networks"][0]["totals"]["peak_memory"] == 192 + 1024
    (found,) = baselines.read(json.dumps(data), "base.json", VERSION).values()
    assert found == narrow
    assert "input_bits" not in written()["networks"][0]


def test_an_element_has_128_bits_at_most() -> None:
    """A complex number of two float64. It is 8x8x3 of them that are read."""
    start = sepcalc.load("8x8x3, conv -k3 -o4 -p1")
    wide = taken(Network("net", start.inputs, list(start.nodes), input_bits={"input": 128}))
    data = json.loads(json.dumps(baselines.document([baselines.Kept("net.yaml", {}, wide)], VERSION)))
    assert data["networks"][0]["totals"]["peak_memory"] == 192 * 16 + 1024
    (found,) = baselines.read(json.dumps(data), "base.json", VERSION).values()
    assert found.snapshot.input_bits == {"input": 128}
    data["networks"][0]["input_bits"] = {"input": 129}
    assert refused(data).startswith(f"base.json: {RULE}widths must be bits from 1 to 128, or null\n")


def test_an_operator_of_which_nothing_is_known_makes_it_incomplete() -> None:
    data = written()
    network = data["networks"][0]
    del network["uncounted"][0]["counts"]
    assert refused(data).startswith(f"base.json: {RULE}complete must be true if, and only if")
    network["complete"] = False
    (found,) = baselines.read(json.dumps(data), "base.json", VERSION).values()
    assert (found.snapshot.complete, found.snapshot.uncounted[0].whole) == (False, True)


def test_weights_that_count_elsewhere_are_read_all_the_same() -> None:
    start = sepcalc.load("8, dense -o8 --bias")
    nodes = [start.nodes[0]._replace(name=name, sources=(at,), weights="w") for at, name in enumerate("ab")]
    shared = baselines.Kept("net.yaml", {}, taken(Network("net", start.inputs, nodes)))
    assert [place.elsewhere for place in shared.snapshot.places] == [0, 72]
    (found,) = baselines.read(json.dumps(baselines.document([shared], VERSION)), "base.json", VERSION).values()
    assert found == shared


def net(change: Change) -> Change:
    return lambda data: change(data["networks"][0])


def put(*path: str | int, value: Any) -> Change:
    """Something else in a place of the network."""

    def do(network: Any) -> None:
        for step in path[:-1]:
            network = network[step]
        network[path[-1]] = value

    return net(do)


def more(*names: str, layer: int = 0, by: int = 1) -> Change:
    """More of a count, in a layer and in the total."""

    def do(network: Any) -> None:
        for name in names:
            network["layers"][layer][name] += by
            network["totals"][name] += by

    return net(do)


RULE = "the baseline is not as sepcalc wrote it: "
FIRST = ("layers", 0)
TENSORS = "must be numbers of tensors"
RULES: list[tuple[str, Change, str]] = [
    *[(f"{key} no text", put(key, value=3), "file and name must be texts") for key in ("file", "name")],
    *[("inputs", put("inputs", value=value), "inputs must be shapes by name") for value in ([], {}, [3], "x")],
    ("no shape", put("inputs", "input", value={}), "a shape must be a list of sizes"),
    ("no sizes", put("inputs", "input", value=[]), "a shape must be a list of sizes"),
    ("size 0", put("inputs", "input", value=[8, 0, 3]), "sizes must be 1 or more"),
    ("size 2^63", put("inputs", "input", value=[8, 2**63, 3]), "sizes must be 1 or more"),
    ("size true", put("inputs", "input", value=[8, True, 3]), "counts must be whole numbers from 0"),
    ("size -1", put("inputs", "input", value=[8, -1, 3]), "counts must be whole numbers from 0"),
    ("settings", put("settings", value=["width"]), "settings must be texts by name"),
    ("a setting", put("settings", value={"width": 1}), "settings must be texts by name"),
    ("totals", put("totals", value=[]), "totals has the keys"),
    ("a total", put("totals", "macs", value="9"), "counts must be whole numbers from 0"),
    *[("layers", put("layers", value=value), "layers are a list") for value in ({}, [], "x")],
    ("uncounted", put("uncounted", value={}), "uncounted must be a list"),
    *[("a gap", put("uncounted", value=[value]), "an uncounted layer has the keys")
      for value in ("x", ["a"], {"a": 1})],
    *[(f"gap {key}", put("uncounted", 0, key, value=3), "the fields of an uncounted layer must be texts")
      for key in ("name", "kind", "reason")],
    *[("gap counts", put("uncounted", 0, "counts", value=value), "the counts of an uncounted layer must be a list")
      for value in ({}, [], "compares")],
    *[("gap counts", put("uncounted", 0, "counts", value=value), "an uncounted layer's counts must be names of counts")
      for value in (["x"], ["compares", "compares"], ["divs", "compares"], ["params"])],
    ("gap macs", put("uncounted", 0, "counts", value=["macs", "compares"]), "without macs, all counts must be missing"),
    ("gap nobody's", put("uncounted", 0, "name", value="x"), "an uncounted layer must be one of the layers"),
    ("gap of a kind", put("uncounted", 0, "kind", value="x"), "an uncounted layer must be one of the layers"),
    ("gap with counts", more("compares", layer=1), "an uncounted layer must be 0 in the counts that it lacks"),
    ("complete", put("complete", value=False), "complete must be true if, and only if, no layer lacks all counts"),
    ("complete 1", put("complete", value=1), "complete must be true if, and only if, no layer lacks all counts"),
    *[(f"total of {name}", put("totals", name, value=7), f"the total of {name.replace('_', '-')} must be the sum over")
      for name in (*baselines.COSTS, "flops", "effective_macs", "traffic")],
    *[("outputs", put("outputs", value=value), f"outputs {TENSORS}") for value in ({}, [4], [3, 4])],
    ("outputs below 0", put("outputs", value=[-1]), "counts must be whole numbers from 0"),
    ("no outputs", put("outputs", value=[]), "a network must have outputs"),
    ("outputs before", put("outputs", value=[0, 3]), "peak-memory must be that of the tensors alive"),
    ("peak memory", put("totals", "peak_memory", value=4), "peak-memory must be that of the tensors alive"),
    ("most", put("most", value=[]), "most must be metrics"),
    ("most of what", put("most", value={"x": 1}), "most must be metrics"),
    ("most a text", put("most", value={"macs": "9"}), "counts must be whole numbers from 0"),
    ("most equal", put("most", value={"macs": 8 * 8 * 4 * 27}), "the numbers of most must be larger than the totals"),
    *[("notes", put("notes", value=value), "notes must be texts") for value in ({}, "x", [1], ["x", None])],
    ("reads itself", put(*FIRST, "reads", value=[1]), "a layer can read only what comes before it"),
    ("reads no list", put(*FIRST, "reads", value=0), f"reads {TENSORS}"),
    ("reads beyond", put(*FIRST, "reads", value=[2**63]), f"reads {TENSORS}"),
    ("reads nothing", put(*FIRST, "reads", value=[]), "a layer's traffic must be what it reads, stores and writes"),
    ("elsewhere", put(*FIRST, "elsewhere", value=1), "a layer's traffic must be what it reads, stores and writes"),
    ("traffic", more("traffic", by=4), "a layer's traffic must be what it reads, stores and writes"),
    ("traffic of a name", more("traffic", layer=2, by=4), "a layer's traffic must be what it reads, stores and writes"),
    ("effective", more("effective_macs", by=4000), "effective macs cannot exceed macs"),
    ("stored less", put(*FIRST, "stored", value=111), "stored must be the params of a layer, with buffers of it"),
    ("stored more", put(*FIRST, "stored", value=113), "stored must be the params of a layer, with buffers of it"),
    ("activations", more("activations"), "the activations of a layer must be what it writes"),
    ("activations of a name", more("activations", layer=2), "the activations of a layer must be what it writes"),
    *[(f"layer {key}", put(*FIRST, key, value=3), "name and kind must be texts") for key in ("name", "kind")],
    ("writes", put(*FIRST, "writes", value=1), "writes must be true or false"),
    ("writes not", put(*FIRST, "writes", value=False), "a layer's traffic must be what it reads, stores and writes"),
    *[(f"layer {key}", put(*FIRST, key, value=None), "counts must be whole numbers from 0")
      for key in (*baselines.COSTS, "effective_macs", "traffic", "stored", "elsewhere")],
    ("layer output", put(*FIRST, "output", value=[]), "a shape must be a list of sizes"),
    ("a layer's keys", put(*FIRST, "more", value=1), "a layer has the keys"),
    ("no layer", put("layers", 0, value=[]), "a layer has the keys"),
    ("a network's keys", put("more", value=1), "a network has the keys"),
    ("no network", lambda data: data["networks"].append(3), "a network has the keys"),
    ("more keys", lambda data: data.update(more=1), "the baseline has the keys definitions, format, networks, sepcalc"),
]  # fmt: skip


@pytest.mark.parametrize(("how", "rule"), [case[1:] for case in RULES], ids=[case[0] for case in RULES])
def test_every_rule_by_itself(how: Change, rule: str) -> None:
    data = written()
    how(data)
    assert refused(data).startswith(f"base.json: {RULE}{rule}")


def branches(**counts: int) -> Any:
    """A choice between the convolution and a layer with these counts."""
    names = (*baselines.COSTS, "effective_macs", "traffic")
    layer = {"name": "big", "kind": "conv", "output": [8, 8, 4], **dict.fromkeys(names, 0), **counts}
    return {"name": "if", "taken": ["conv"], "inner": [], "others": [{"layers": [layer], "choices": []}]}


MOST = [  # what the other branch has, the most that is told, and the rule that it breaks
    ({"macs": 6913}, {"macs": 6913}, ""),
    ({"macs": 6912}, {}, ""),
    ({"macs": 6913}, {}, "the most of macs must be that of the larger branches"),
    ({"macs": 6914}, {"macs": 6913}, "the most of macs must be that of the larger branches"),
    ({"macs": 6913}, {"macs": 6913, "adds": 10**6}, "the most of adds must be that of the larger branches"),
    # 192 numbers go in, 256 come of each of three layers and of the branch: 1,216 of 4 bytes
    ({}, {"peak_memory": 4864}, ""),
    ({}, {"peak_memory": 4865}, "the most of peak-memory must be that of all tensors together, or less"),
    ({}, {"params_bytes": 10**6}, "most must be metrics"),
]


@pytest.mark.parametrize(("counts", "most", "rule"), MOST)
def test_the_most_follows_from_the_branches(counts: dict[str, int], most: dict[str, int], rule: str) -> None:
    data = written()
    data["networks"][0].update(most=most, choices=[branches(**counts)])
    if rule:
        assert refused(data).startswith(f"base.json: {RULE}{rule}")
        return
    (found,) = baselines.read(json.dumps(data), "base.json", VERSION).values()
    assert found.snapshot.most == most
    assert found.snapshot.largest == found.snapshot.totals | most


CHOICES: list[tuple[str, Any, str]] = [
    *[("no list", value, "choices are a list") for value in ({}, "x", 3)],
    *[("no choice", [value], "a choice has the keys inner, name, others, taken") for value in ("x", {}, [])],
    ("a name", [{**branches(), "name": 3}], "the name of a choice must be a text"),
    *[("taken", [{**branches(), "taken": value}], "taken are names") for value in ("conv", {}, [3], ["conv", None])],
    *[("others", [{**branches(), "others": value}], "others must be branches") for value in ([], {}, {"a": 1}, "x")],
    *[("a branch", [{**branches(), "others": [value]}], "a branch has the keys") for value in ("x", {}, [])],
    (
        "its layers",
        [{**branches(), "others": [{"layers": {}, "choices": []}]}],
        "the layers of a branch must be a list",
    ),
    ("a layer", [{**branches(), "others": [{"layers": [{}], "choices": []}]}], "a layer has the keys"),
    ("its choices", [{**branches(), "others": [{"layers": [], "choices": {}}]}], "choices are a list"),
    ("inner", [{**branches(), "inner": 3}], "choices are a list"),
    ("a count", [branches(macs=-1)], "counts must be whole numbers from 0"),
]


@pytest.mark.parametrize(("choices", "rule"), [case[1:] for case in CHOICES], ids=[case[0] for case in CHOICES])
def test_every_rule_of_choices(choices: Any, rule: str) -> None:
    data = written()
    data["networks"][0]["choices"] = choices
    assert refused(data).startswith(f"base.json: {RULE}{rule}")


def test_a_branch_may_have_no_layers() -> None:
    data = written()
    data["networks"][0]["choices"] = [{**branches(), "others": [{"layers": [], "choices": []}]}]
    assert len(baselines.read(json.dumps(data), "base.json", VERSION)) == 1


def test_without_branches_there_is_no_more() -> None:
    for metric in ("macs", "params", "peak_memory"):
        data = written()
        data["networks"][0]["most"] = {metric: data["networks"][0]["totals"][metric] + 1}
        assert refused(data).startswith(f"base.json: {RULE}the most of {metric.replace('_', '-')} must be that of ")


AGAIN = "\n  hint: sepcalc baseline makes one"
ANEW = "\n  hint: make it anew with this one: sepcalc baseline … --force"
THIS = "this is version 1.2.3, definitions 3, and cannot be compared"
OTHERS: list[tuple[Any, str]] = [
    ([], f"this is not a baseline: expected the format 'sepcalc-baseline/1', not something else{AGAIN}"),
    ({}, f"this is not a baseline: expected the format 'sepcalc-baseline/1', not something else{AGAIN}"),
    ({"format": "x/1"}, f"this is not a baseline: expected the format 'sepcalc-baseline/1', not 'x/1'{AGAIN}"),
    ({"format": None}, f"this is not a baseline: expected the format 'sepcalc-baseline/1', not 'None'{AGAIN}"),
    ({"format": "sepcalc-baseline/1", "definitions": 3, "sepcalc": "1.2.4"},
     f"the baseline's numbers are those of another sepcalc (version 1.2.4, definitions 3): {THIS}{ANEW}"),
    ({"format": "sepcalc-baseline/1", "definitions": 1, "sepcalc": "1.2.3"},
     f"the baseline's numbers are those of another sepcalc (version 1.2.3, definitions 1): {THIS}{ANEW}"),
    ('{"a": 1, "a": 1}', f"a baseline has every key once, and this one has a key twice{AGAIN}"),
    ('{"a": 1.5}', f"a baseline has whole numbers only, not '1.5'{AGAIN}"),
    ('{"a": NaN}', f"a baseline has whole numbers only, not 'NaN'{AGAIN}"),
    ('{"a": ' + "9" * 5000 + "}", f"this is not a baseline{AGAIN}"),
    ("[" * 100_000, f"this is not a baseline{AGAIN}"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "said"), OTHERS, ids=range(len(OTHERS)))
def test_what_is_no_baseline_of_this_version(data: Any, said: str) -> None:
    assert refused(data) == f"base.json: {said}"


def test_text_that_is_no_json_is_told_with_its_place() -> None:
    assert refused('{\n "a"}') == f"base.json:2:5: this is no JSON: Expecting ':' delimiter{AGAIN}"


@pytest.mark.parametrize("networks", [[], {}, "x"])
def test_no_networks(networks: Any) -> None:
    assert refused({**written(), "networks": networks}) == f"base.json: the baseline has no networks{AGAIN}"


def test_a_network_stands_once_for_each_of_its_settings() -> None:
    data = written()
    data["networks"].append(copy.deepcopy(data["networks"][0]))
    assert refused(data) == f"base.json: the baseline has a network twice{AGAIN}"
    data["networks"][1]["settings"] = {"width": "2"}
    assert len(baselines.read(json.dumps(data), "base.json", VERSION)) == 2


# --- what it is compared with ---------------------------------------------------------------------------------------


def compared(file: str = "net.yaml", settings: dict[str, str] | None = None, **changes: Any) -> str:
    one = kept()
    key = (one.file, tuple(sorted(one.settings.items())))
    now = one.snapshot._replace(**changes)
    try:
        found = baselines.found({key: one}, "base.json", file, settings or {"width": "1"}, now)
    except InputError as error:
        return str(error)
    assert found == one.snapshot
    return ""


def test_a_baseline_is_compared_only_with_what_it_is_about() -> None:
    assert compared() == ""
    of = "base.json: the baseline of 'net.yaml'"
    assert compared("nets.yaml") == (
        "base.json: the baseline has no network 'nets.yaml'\n  hint: did you mean net.yaml?"
    )
    assert compared("other") == f"base.json: the baseline has no network 'other'{AGAIN}"
    assert compared(settings={"width": "2"}) == f"{of} is with 'width=1', not with 'width=2'{AGAIN}"
    assert compared(name="nut") == f"{of} is of another model: 'net', not 'nut'{AGAIN}"
    assert compared(inputs={"input": (8, 8, 4)}) == f"{of} has other inputs: input 8x8x3, not input 8x8x4{AGAIN}"
    assert compared(inputs={"image": (8, 8, 3)}) == f"{of} has other inputs: input 8x8x3, not image 8x8x3{AGAIN}"


def test_bytes_of_params_are_at_most_four_each_or_what_the_file_has_now() -> None:
    """112 numbers: 448 bytes of float32, 896 of float64."""
    one = kept()
    key = (one.file, tuple(sorted(one.settings.items())))

    def found(then: int, now: int, stored: bool = True) -> bool:
        old = one.snapshot._replace(totals={**one.snapshot.totals, "params_bytes": then})
        new = one.snapshot._replace(totals={**one.snapshot.totals, "params_bytes": now})
        new = new if stored else new._replace(places=())
        try:
            return baselines.found({key: one._replace(snapshot=old)}, "b", "net.yaml", one.settings, new) is old
        except InputError as error:
            return "bytes for each number that its layers store" not in str(error)

    assert found(448, 448)
    assert not found(449, 448)
    assert found(448, 112)
    assert found(896, 896)
    assert not found(897, 896)
    assert found(448, 0, stored=False)
    assert not found(449, 0, stored=False)
