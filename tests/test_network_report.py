"""What a network says of itself where weights are shared, fixed, narrower, or not known: each number by hand."""

import json
from typing import Any

import pytest
from helpers import chain, network

from sepcalc.analysis.live_memory import live_sizes
from sepcalc.cli import run
from sepcalc.cost import COUNTS, Cost
from sepcalc.errors import InputError, Problem
from sepcalc.layer import Gap, Node, lacking
from sepcalc.network import DRAWN, Network, of_chain
from sepcalc.ops.base import Uncounted
from sepcalc.ops.move import Random
from sepcalc.ops.norm import BatchNorm
from sepcalc.ops.product import Dense
from sepcalc.reports.groups import Share, by_block, by_kind
from sepcalc.reports.layers import records, whole, within
from sepcalc.spec import parse


def two(**first: Any) -> Network:
    """8 -> 5 -> 3 with biases: 45 and 18 params."""
    nodes = [
        Node("a/x", Dense(5, True), (0,), (5,))._replace(**first),
        Node("b/y", Dense(3, True), (1,), (3,)),
    ]
    return Network("two", {"in": (8,)}, nodes)


def test_what_a_layer_shares_in_part_counts_elsewhere() -> None:
    layer = two(shared=40).layers[0]
    assert layer.cost == Cost(40, 40, 40, params=5, activations=5)
    assert (layer.stored, layer.elsewhere, layer.traffic(1)) == (5, 40, 8 + 45 + 5)


def test_what_is_fixed_is_a_buffer_and_no_param() -> None:
    net = two(shared=40, buffers=40)
    layer = net.layers[0]
    assert layer.cost == Cost(40, 40, 40, params=5, buffers=40, activations=5)
    assert (layer.stored, layer.elsewhere, layer.traffic(1)) == (45, 40, 8 + 45 + 5)
    assert layer.explain()["buffers"] == "40 stored, but not trained"
    assert (net.weights, net.param_bytes, net.stated_bytes) == (63, 252, None)


def test_what_is_fixed_beside_a_norms_statistics() -> None:
    node = Node("n", BatchNorm(), (0,), (4, 8), shared=3, buffers=3)
    (layer,) = Network("n", {"in": (4, 8)}, [node]).layers
    assert (layer.cost.params, layer.cost.buffers) == (13, 19)
    assert layer.explain()["buffers"] == "2 x 8 channels + 3 stored, but not trained"
    assert (layer.stored, layer.traffic(1)) == (16, 32 + 16 + 32)


def test_a_layer_that_stores_more_than_its_op_says() -> None:
    layer = two(shared=-7).layers[0]
    assert (layer.cost.params, layer.elsewhere, layer.traffic(1)) == (52, 0, 8 + 52 + 5)


def test_shared_weights_are_read_where_they_do_not_count() -> None:
    nodes = [Node(name, Dense(8, True), (at,), (8,), "w") for at, name in enumerate("ab")]
    net = Network("twice", {"in": (8,)}, nodes)
    assert [(layer.cost.params, layer.stored, layer.elsewhere, layer.traffic(1)) for layer in net.layers] == [
        (72, 72, 0, 88),
        (0, 0, 72, 88),
    ]
    assert (net.owners, net.numbers, net.weights) == ({"w": 0}, {"a": 0, "b": 1}, 72)


def test_a_constant_is_stored_where_params_are() -> None:
    (table, norm) = network([(4, 8)], [("constant --to 4x8 --buffer", ()), ("norm batch", (0,))]).layers
    assert (table.stored, table.cost.buffers, table.traffic()) == (32, 32, 0)
    assert (norm.stored, norm.cost.buffers) == (16, 16)


def test_weights_at_the_mean_width_of_their_file() -> None:
    net = two()  # 63 numbers
    assert net.stored_in(10, 0).stated_bytes is None
    assert net.stored_in(126, 63).param_bytes == 126
    assert net.stored_in(5, 2).param_bytes == 158  # 157.5 are 158
    net = net.stored_in(5, 2)
    moved = net.replaced(net.nodes[:1], [0, 1, 1])
    assert (moved.weights, moved.param_bytes, moved.outputs) == (45, -(-158 * 45 // 63), {"output": (5,)})
    assert (moved.inputs, moved.name) == ({"in": (8,)}, "two")
    assert two().replaced(net.nodes, [0, 1, 2], {"other": (8,)}).inputs == {"other": (8,)}
    assert two().replaced(net.nodes, [0, 1, 2]).stated_bytes is None


# --- what is not known -----------------------------------------------------------------------------------------------


def unknown(*gaps: tuple[str, bool, tuple[str, ...]]) -> Network:
    nodes = [Node(name, Uncounted("X", "why", (8,), stops, counts), (0,), (8,)) for name, stops, counts in gaps]
    return Network("unknown", {"in": (8,)}, [*nodes, Node("d", Dense(8), (0,), (8,))])


@pytest.mark.parametrize(
    ("gaps", "complete", "incomplete", "accepted", "allowed"),
    [
        ([], True, (), True, True),
        ([("a", False, ("compares",))], True, ("compares",), True, True),
        ([("a", False, ("divs",)), ("b", False, ("adds", "compares"))], True, ("adds", "compares", "divs"), True, True),
        ([("a", False, COUNTS)], False, COUNTS, False, True),
        ([("a", False, ("adds",)), ("b", False, COUNTS)], False, COUNTS, False, True),
        ([("a", True, COUNTS)], False, COUNTS, False, False),
        ([("a", True, ("adds",))], True, ("adds",), True, True),
    ],
)
def test_what_is_not_known(
    gaps: list[Any], complete: bool, incomplete: tuple[str, ...], accepted: bool, allowed: bool
) -> None:
    net = unknown(*gaps)
    assert (net.complete, net.incomplete) == (complete, incomplete)
    assert (net.accepted(), net.accepted(True)) == (accepted, allowed)
    assert net.uncounted == tuple([Gap(name, "X", "why", counts) for name, _, counts in gaps])
    assert net.stopped == next((Gap(name, "X", "why", counts) for name, stops, counts in gaps if stops), None)
    assert lacking(net.uncounted) == incomplete


def test_a_gap_in_words() -> None:
    assert str(Gap("a", "X", "why")) == "a (X): why"
    assert Gap("a", "X", "why").whole
    assert not Gap("a", "X", "why", ("adds",)).whole


def test_notes_are_told_once_each() -> None:
    noise = Node("noise", Random((8,)), (), (8,))
    net = Network("n", {"in": (8,)}, [noise], notes=["one", "two", "one"], guesses=[Problem("a guess")])
    assert net.notes == ("one", "two", DRAWN)
    more = net.noted("three", "two")
    assert more.notes == ("one", "two", "three", DRAWN)
    assert net.notes == ("one", "two", DRAWN)
    assert net.guesses == (Problem("a guess"),)
    assert two().notes == ()
    kept = net.replaced(net.nodes, [0, 1])
    assert (kept.notes, kept.guesses) == (net.notes, net.guesses)


def test_a_larger_branch_is_told() -> None:
    plain, most = two(), {"macs": 10_000, "effective_macs": 7}
    net = Network(plain.name, plain.inputs, plain.nodes, most=most)
    said = (
        "another branch may run and cost more, in total macs 10,000, effective-macs 7{}: limits apply to these totals"
    )
    assert net.notes == (said.format(""),)
    net = Network(plain.name, plain.inputs, plain.nodes, most=most, rewritten=True)
    assert net.notes == (said.format(", as the file has it"),)
    assert net.larger("macs", lambda name: True) == 0


def test_a_network_does_not_change() -> None:
    with pytest.raises(AttributeError, match="a Network does not change: notes is given when it is made"):
        two().notes = ("three",)  # type: ignore[misc]


# --- groups and rows -------------------------------------------------------------------------------------------------


def test_groups_have_their_members() -> None:
    net = chain((8,), "dense -o5", "act relu", "dense -o3", "dense -o2", names=["a/x", "b", "/a/y", "c/a"])
    costs = [layer.cost for layer in net.layers]
    assert by_kind(net.layers) == [
        Share("dense", 3, costs[0] + costs[2] + costs[3], (0, 2, 3)),
        Share("act", 1, costs[1], (1,)),
    ]
    assert by_block(net.layers) == [
        Share("a", 2, costs[0] + costs[2], (0, 2)),
        Share("b", 1, costs[1], (1,)),
        Share("c", 1, costs[3], (3,)),
    ]


def test_rows_of_a_link_are_called_by_the_layers_name() -> None:
    spec = parse("12x12x3 separable -k5 -o8")
    links = of_chain("separable", spec.links, spec.inputs)
    assert [(row["name"], row["sources"]) for row in within("block", links)] == [
        ("block/depthwise", ("input",)),
        ("block/pointwise", ("block/depthwise",)),
    ]
    one = whole(links)
    assert (one["spec"], one["sources"], one["weights"], one["name"]) == (None, ("input",), None, "separable")
    assert whole(links, spec="12x12x3 separable -k5 -o8")["spec"] == "12x12x3 separable -k5 -o8"
    assert whole(chain((8,), "dense -o5"))["spec"] == "8 dense -o5"
    assert whole(links)["traffic"] == 4 * whole(links, 1)["traffic"]
    assert [row["traffic"] for row in within("b", links, 1)] == [432 + 75 + 192, 192 + 24 + 512]


def test_rows_name_what_they_read() -> None:
    net = network([(4, 8), (4, 8)], [("add", (0, 1)), ("act relu", (2,)), ("add", (2, 3))], names=["a", "b", "c"])
    assert [row["sources"] for row in records(net)] == [("in0", "in1"), ("a",), ("a", "b")]
    assert [row["weights"] for row in records(two(weights="w"))] == ["w", None]


def test_names_and_outputs() -> None:
    net = network([(4, 8)], [("act relu", (0,)), ("flatten", (1,))], outputs=(2, 0))
    assert (net.outputs, net.ends) == ({"2": (32,), "0": (4, 8)}, {"2": 2, "0": 0})
    assert two().ends == {"output": 2}
    assert net.tensors == ((4, 8), (4, 8), (32,))
    assert (two().macs, two().params, two().flops) == (55, 63, 55 + 55)
    with pytest.raises(InputError, match="no layer matches 'x'") as caught:
        Network("none", {"in": (8,)}, []).select("x")
    assert str(caught.value) == "no layer matches 'x'"


def test_what_lives_while_each_layer_runs() -> None:
    """An input of 10 that nobody reads does not live; a renamed tensor is the same one."""
    sizes, graph = [10, 4, 7, 7, 2], [((1,), True), ((2,), False), ((3,), True)]
    assert live_sizes(sizes, graph, [4]) == [4 + 7, 7, 7 + 2]
    assert live_sizes(sizes, graph, [4, 0]) == [10 + 4 + 7, 10 + 7, 10 + 7 + 2]
    assert live_sizes(sizes, graph, [4, 1]) == [4 + 7, 4 + 7, 4 + 7 + 2]
    assert live_sizes([5, 3, 6], [((), False), ((0, 1), True)], [2]) == [5, 5 + 6]
    assert network([(4,)], [("dense -o6", (0,)), ("dense -o2", (1,))]).live(1) == [10, 8]


def test_which_layers_wait_for_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """The convolution has 6·6·4·27 = 3,888 macs for 4·(192 + 144 + 108) = 1,776 bytes, 2.19 for each; the activation
    moves 4·(144 + 144) = 1,152 bytes for none. At 2 macs per byte they take 3,888 / 2 = 1,944 and 1,152, in all
    3,096."""
    net = "8x8x3, conv -k3 -o4, act relu"
    assert run(["network", net, "--balance", "2"]) == 0
    assert capsys.readouterr().out.endswith(
        "\n\n  On a device of 2 macs per byte, 1 of 2 layers wait for memory; the network has 1.33 macs per byte.\n"
        "  Of the least time they take: act 37.21 %.\n"
    )
    assert run(["network", net, "--balance", "2", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["speed"] == {
        "balance": 2.0,
        "all": {"macs": 3888, "traffic": 2928, "intensity": 1.3279, "layers": 2, "memory_bound": 1, "time": 3096.0},
    }


@pytest.mark.parametrize("text", ["0", "x", "-1", "2e9", ""])
def test_a_balance_is_a_number_above_zero(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", "8x8x3, conv -k3 -o4", "--balance", text]) == 2
    assert capsys.readouterr().err == f"--balance '{text}': expected a number above 0, up to 1,000,000,000\n"
