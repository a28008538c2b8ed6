"""Verify observes; so it must find every formula false that is, and no other."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import fitting_specs
from hypothesis import given, settings
from hypothesis import strategies as st

import sepcalc
from sepcalc.cli import run
from sepcalc.cost import COSTS, COUNTS, Cost
from sepcalc.kinds import KINDS
from sepcalc.network import Network, of_spec
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import ACTIVATIONS, STORED
from sepcalc.ops.pool import REDUCTIONS
from sepcalc.ops.repeat import Each, Scan
from sepcalc.rewrite import VARIANTS
from sepcalc.spec import Spec, parse
from sepcalc.verification import conv, elementwise, move, norm, pool, product, recurrent, sums, verify
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Tally, counting
from sepcalc.verification.executor import Executor
from sepcalc.verification.executors import EXECUTORS

SPECS = [
    "12x12x3 conv -k5 -o16",
    "14x14x8 conv -k3 -o8 -g4 -s2 -p 0/1x2/1 -d2 --bias",
    "9x30 conv -k3 -o4 -p same",
    "5x6x7x4 conv -k2x3x2 -o6 -g2",
    "12x12x3 depthwise -k3 -m2",
    "8x8x4 pointwise -o6 -s2 --bias",
    "6x6x4 separable -k3 -o8 --bias -m2",
    "6x6x4 spatial -k3 -o8 -s2 -p same",
    "6x6x4 factorized -k3 -o8 --rank 5",
    "12x12x8 transposed -k4 -s2 -p1 -o6 --bias",
    "5x5x2 transposed -k2 -s3 -o3 --bias",
    "7x7x4 transposed -k3 -s2 -d2 -g2 -o4 -p1 --output-padding 1",
    "9x3 transposed -k4 -s3 -d2 -o2",
    "6x5x3 transposed -k2x3 -s2x3 -p same -o4",
    "10 dense -o7 --bias",
    "6x10 dense -o7",
    "3x4x5 3x5x6 matmul",
    "4x5 6x5 matmul --transpose",
    "4x5 5x3 einsum ij,jk->ik",
    "4x5x2 2 einsum ijk,k->i",
    "9x8x3 pool sum -k3 -s2 -p1 -d2 --ceil",
    "4x5 5x6 6x3 3x4 einsum ij,jk,kl,li->jk",
    "5x4x4x4 2x5 einsum jiii,kj->ki",
    "4x4 einsum ii->i",
    "4x5 6 einsum ij,k->kij",
    "9x4 scatter add --to 3x4",
    "9x4 3x4 9 scatter add --to 3x4",
    "7x4 scatter multiply --to 3x2",
    "9x4 scatter maximum --to 3x4",
    "2x4 5x4 scatter minimum --to 5x4",
    "4x4 4 4 einsum ii,i,i->i",
    "40x50 50x60 60x30 einsum ij,jk,kl->il",
    "9x12 attention --heads 3 --mask",
    "9x12 7x6 attention --heads 4 --kv-heads 2",
    "9x12 multihead --heads 3 --bias",
    "9x9x3 pool max -k3 -s2 -p1",
    "9x9x3 pool avg -k3 -s2 --ceil --exclude-pad -p1",
    "9x9x3 pool avg global",
    "9x9x3 pool max global",
    "7x9x3 pool avg --to 5x4",
    "7x9x3 pool max --to 5",
    "5x5x3 reduce mean --over hw",
    "5x5x3 reduce sum --over c",
    "5x5x3 reduce max --over hwc",
    "8 reduce argmax --over c",
    "4x6x8 fold -k2 --to 5x7",
    "2x2x12 fold -k3x2 --to 6x6 -s2x1 -p1x0 -d2x4",
    "8 cumsum",
    "8 cumprod",
    "4x6 cummax --axis w",
    "4x6 cummin",
    "3x4x6 pool avg -k1 -s3x2 -p1x0 --exclude-pad",  # windows in the padding alone
    "5x1x6 softmax --axis c",
    "4 log-softmax --axis c",
    "4x5x3 upsample nearest --scale 2",
    "4x5x3 upsample bilinear --scale 2",
    "4x5x3 upsample bicubic --to 9x7",
    "8x7x3 4x5x2 grid-sample bilinear",
    "8x7x3 4x5x2 grid-sample nearest --align-corners",
    "5x8x7x3 4x5x3 grid-sample trilinear",
    "8x7x3 4x5x2 grid-sample bilinear --stored",
    "8x7x3 4x5x2 grid-sample bicubic",
    "8x7x3 4x5x2 grid-sample bicubic --align-corners",
    "8x7x3 4x5x2 grid-sample bicubic --stored",
    "8x3 5x1 grid-sample linear",
    "6x3 upsample linear --scale 3",
    "3x4x5x2 upsample trilinear --scale 2",
    "4x4x6 norm batch",
    "4x4x6 norm batch --no-gain --no-bias",
    "4x4x6 norm batch --unfolded",
    "4x4x6 norm layer --axes 3 --no-gain",
    "4x4x6 norm group -g3",
    "4x4x6 norm instance --no-bias",
    "4x4x6 norm rms",
    "4x4x6 norm lrn --size 5",
    "4x6 softmax",
    "4x5x6 softmax --axis h",
    "4x6 log-softmax",
    "4x5x6 log-softmax --axis w",
    *[f"4x5x6 reduce {how} --over {over}" for how in REDUCTIONS for over in ("c", "hw")],
    "4x5x6 cumsum",
    "4x5x6 cumsum --axis h",
    *[f"4x4x6 act {name}" for name in ACTIVATIONS],
    "4x4x6 act prelu --shared",
    "4x4x6 act relu6 --fused",
    "4x4x6 act elu --alpha 2",
    "4x4x6 act swish --beta 1.5",
    "4x4x6 act softplus --beta 2",
    "4x4x6 act celu --alpha 2",
    "4x4x6 act celu --alpha -0.5",
    "4x4x3 4x4x3 4x4x3 add",
    "4x4x3 3 subtract",
    "4x4x3 1x1x3 multiply",
    "4x4x3 4x4x1 divide",
    "4x4x3 4x4x3 maximum",
    "4x4x3 minimum",
    "4x4x3 scale",
    "4x4x3 scale channel",
    "4x4x3 shift element",
    "4x4x3 shift --shape 5x1x4x3",
    "4x4x3 scale --shape 4x1",
    "4x4x3 scale constant --shape 2x4x4x3",
    *[f"4x4x3 stored {how}" for how in STORED if how not in ("scale", "shift")],
    *[f"4x4x3 stored {how} channel" for how in STORED if how not in ("scale", "shift")],
    "4x4x3 4x1x3 compare",
    "4x4x3 3 power",
    "4x4x3 4x4x3 4x4x3 logical",
    "4x4x3 1x3 3 select",
    "4x4x3 4x1x3 select",
    "4x4x3 select",
    "5x4 rnn -o3 --bias",
    "5x4 rnn relu -o3 --bias --bias-sets 2 --bidirectional",
    "5x4 lstm -o3 --bias --bias-sets 2",
    "5x4 lstm -o3 --projection 2 --peephole --bias",
    "5x4 gru -o3 --bias",
    "5x4 gru -o3 --bias --reset-before --last --bidirectional",
    "7 embedding --vocab 11 -o4",
    "3x7 embedding bag-sum --vocab 11 -o4",
    "3x7 embedding bag-mean --vocab 11 -o4",
    "9x4 token --count 2",
    "3x4x5 softmax --axis c",
    "constant --to 7",
    "random --to 7x2",
    "constant --to 225x2 --learned",
    "constant --to 1x7 --buffer",
    "4x4x3 4x4x5 concat",
    "4x4x3 pad -p 1/2x0",
    "4x4x3 slice --to 2x3x3",
    "4x4x3 copy --to 5x30",
    "4x3 5x2 copy --to 7",
    "4x4x3 permute --to 4x3x4",
    "2x3x4 permute --to 4x2x3",
    "4x4x3 flatten",
    "4x4x3 reshape --to 16x3",
    "4x4x6 shuffle -g3",
    "4x4x8 pixel-shuffle --scale 2",
    "4x4x8 pixel-unshuffle --scale 2",
    "4x4x8 identity",
    "4x4x8 dropout",
    # every option and word of every kind that nothing above has
    "9x8x4 depthwise -k3x2 -s2x1 -p1/0x2 -d1x3 --bias",
    "8x8x4 pointwise -o6 -g2",
    "9x8x4 separable -k3x2 -o6 -s2x1 -p1/0x2 -d1x3 -g2 --bias",
    "9x8x4 spatial -k3x2 -o6 -s2x1 -p1/0x2 -d1x3 -g2 --bias",
    "9x8x4 factorized -k3x2 -o6 -s2x1 -p1/0x2 -d1x3 -g2 --rank 2 --bias",
    "9x12 multihead --heads 4 --kv-heads 2 --mask",
    "7x9x3 pool max adaptive --to 5",
    "4x5x6 reduce mean --over w --keep",
    "4x6 cumprod --axis w",
    "4x6 cummin --axis w",
    "4x4x3 norm input",
    "4x4x3 norm input --shape 1x4x3",
    "4x4x3 norm batch --unfolded --no-gain",
    "4x4x3 norm batch --unfolded --no-bias",
    "4x4x3 scale element",
    "4x4x3 shift constant",
    "4x4x3 shift channel",
    "4x4x3 stored over constant --shape 2x4x4x3",
    "4x4x3 stored power element",
    "5x4 rnn tanh -o3 --last",
    "5x4 rnn -o3 --act gelu-tanh",
    "5x4 lstm -o3 --act silu --gate hard-sigmoid --bidirectional --last",
    "5x4 lstm -o3 --act linear --gate hard-swish --projection 2",
    "5x4 gru -o3 --act softsign --gate hard-sigmoid --bias --bias-sets 2",
    "5x4 gru -o3 --reset-before --act linear --gate tanh",
    "4x2x3 4x5x3 concat --axis w",
    "4x4x6 slice --start 1 --size 2 --axis h",
    "4x4x3 slice --to 2x3x2 --start 1x0x1",
    "4x4x3 copy --to 2x4x3 -s2x1 --start 1x0",
    "4x4x12 shuffle -g2 --blocks 3",
    "3x5x5x2 each conv -k3 -o2 -p1 --bias",
]


@pytest.mark.parametrize("text", SPECS)
def test_every_kind_is_as_its_formula_says(text: str) -> None:
    verification = verify(text)
    wrong = [(check.name, check.differences, check.output_matches) for check in verification.layers if not check.ok]
    assert wrong == []
    assert verification.ok
    assert all(rewrite.ok for rewrite in verification.rewrites)


def test_no_kind_and_no_op_is_left_out() -> None:
    assert {parse(text).kind for text in SPECS} == set(KINDS) - {"uncounted"}
    options, words = dict[str, set[str]](), dict[str, set[str]]()
    for spec in map(parse, SPECS):
        options.setdefault(spec.kind, set()).update(spec.options)
        words.setdefault(spec.kind, set()).update(spec.words)
    for kind, entry in KINDS.items():
        if kind != "uncounted":
            assert set(entry.options) == options[kind], kind
            assert {word for slot in entry.words() for word in slot} <= words[kind], kind


def test_every_op_is_one_row_of_the_table_of_executors() -> None:
    """It says how it runs, its reference, its tolerance and its sampling: none of them is assumed."""

    def below(kind: type) -> set[type]:
        return {kind, *(deep for sub in kind.__subclasses__() for deep in below(sub))}

    families = (conv, elementwise, move, norm, pool, product, recurrent)
    tables = [value for family in families for name, value in vars(family).items() if name.isupper()]
    rows = [op for table in tables if isinstance(table, dict) for op in table if isinstance(op, type)]
    assert sorted(op.__name__ for op in (*rows, Each, Scan)) == sorted(
        op.__name__ for op in below(Op) - {Op, Uncounted}
    )
    assert {*rows, Each, Scan} == set(EXECUTORS)
    assert Executor._field_defaults == {}


def test_what_cannot_be_counted_is_not_verified_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    verification = verify("4x4x6 uncounted TopK --to 3")
    assert not verification.ok
    assert verification.uncounted == (("uncounted", "TopK", "it is written as uncounted", COUNTS),)
    assert run(["verify", "4x4x6, act relu, uncounted TopK --to 3"]) == 3
    assert run(["network", "4x4x6, act relu, uncounted TopK --to 3"]) == 3
    assert "uncounted (TopK): it is written as uncounted" in capsys.readouterr().out


@given(fitting_specs())
@settings(max_examples=40)
def test_any_layer_is_as_its_formula_says(spec: Spec) -> None:
    if spec.cost.mults + spec.cost.activations < 10**6 and spec.kind != "uncounted":
        assert verify(spec).ok, str(spec)


# Every count of every kind, made wrong by one: executed work is not impressed by the formula.
@pytest.mark.parametrize("count", COSTS)
@pytest.mark.parametrize("text", SPECS[::3])
def test_a_wrong_formula_is_found(text: str, count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = of_spec(parse(text))
    first = type(network.nodes[0].op)
    honest = first.cost

    def wrong(self: Op, *args: object) -> Cost:
        cost = honest(self, *args)  # type: ignore[arg-type]
        return cost._replace(**{count: getattr(cost, count) + 1})

    monkeypatch.setattr(first, "cost", wrong)
    verification = verify(of_spec(parse(text)))
    assert not verification.ok
    assert any(name == count for check in verification.layers for name, *_ in check.differences)


@pytest.mark.parametrize("count", COSTS)
def test_a_wrong_claim_is_found(count: str) -> None:
    spec = parse("6x6x3 conv -k3 -o4 --bias")
    assert verify(spec, claimed=spec.cost).ok
    claimed = spec.cost._replace(**{count: getattr(spec.cost, count) + 1})
    verification = verify(spec, claimed=claimed)
    assert not verification.ok
    assert verification.claim == ((count, getattr(claimed, count), getattr(spec.cost, count)),)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "normal"])
def test_a_wrong_output_is_found(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One element of each convolution's output, one off."""
    honest = EXECUTORS[Conv]

    def run(op: Conv, *args: object) -> object:
        found = np.array(honest.run(op, *args))  # type: ignore[arg-type]
        found.flat[-1] += 1
        return found

    monkeypatch.setitem(EXECUTORS, Conv, honest._replace(run=run))
    verification = verify("6x6x4 conv -k3 -o4", variants=[variant])
    assert not any(rewrite.ok for rewrite in verification.rewrites)
    assert not verification.ok


def test_a_chain_that_mixes_other_channels_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def unshuffled(op: object, inputs: object, output: object, bench: object) -> object:
        return inputs[0]  # type: ignore[index]

    from sepcalc.ops.rename import Rename

    monkeypatch.setitem(EXECUTORS, Rename, EXECUTORS[Rename]._replace(run=unshuffled))
    verification = verify("6x6x4 conv -k3 -o6", variants=["spatial"])
    assert [rewrite.ok for rewrite in verification.rewrites] == [False]


def test_counts_come_from_the_operands() -> None:
    tally = Tally()
    array = np.arange(12.0).reshape(3, 4).view(counting(tally))
    np.add.reduce(np.multiply(array, array[:1]), axis=0)
    np.maximum(array, 0)
    np.exp(array[0])
    assert tally.cost() == Cost(mults=12, adds=8, compares=12, specials=4)
    with tally.products():
        np.multiply(array, 2)
    assert tally.cost().macs == 12


@pytest.mark.parametrize(
    "call",
    [
        lambda a: a @ a,
        lambda a: np.dot(a, a),
        lambda a: np.einsum("ij,jk", a, a),
        lambda a: np.tensordot(a, a),
        lambda a: np.cbrt(a),
        lambda a: np.add.accumulate(a),
        lambda a: np.multiply.outer(a, a),
        lambda a: np.convolve(a[0], a[0]),
        lambda a: np.add.reduce(a, initial=1),
    ],
)
def test_what_is_not_counted_does_not_run(call: object) -> None:
    with pytest.raises(TypeError, match="is not counted, so it may not run here"):
        call(np.ones((3, 3)).view(counting(Tally())))  # type: ignore[operator]


def test_a_seed_gives_the_same_twice_and_another_something_else() -> None:
    drawn = [Bench("layer", seed, lambda: None).data("input", (50,)).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_weights_are_the_same_in_any_pieces() -> None:
    bench = Bench("layer", 0, lambda: None)
    weights = bench.weights("kernel", (3000, 1000))
    whole = weights.look()
    assert np.array_equal(whole[1040:1060], weights.look(1040, 1060))
    assert weights.take(10, 20).size == bench.tally.cost().params == 10_000


def test_progress_rises_to_its_end() -> None:
    seen: list[tuple[int, int]] = []
    verify("16x16x8 conv -k3 -o32", progress=lambda done, whole, name: seen.append((done, whole)))
    assert all(before[0] <= after[0] for before, after in pairwise(seen))
    assert seen[-1][0] == seen[-1][1] > 0


def test_layers_of_a_network_are_chosen_by_glob() -> None:
    network = of_spec(parse("9x12 multihead --heads 3"))
    assert [check.name for check in verify(network, layers=["q*", "output"]).layers] == ["query", "output"]
    with pytest.raises(sepcalc.InputError, match="no layer matches 'nothing'"):
        verify(network, layers=["nothing"])


def test_shared_weights_are_params_once() -> None:
    network = of_spec(parse("6x6x4 conv -k1 -o4"))
    shared = Network(
        "twice", network.inputs, [network.nodes[0]._replace(name=name, weights="one") for name in ("a", "b")]
    )
    assert verify(shared).ok
    assert verify(shared).executed.params == shared.params == 16


@given(st.integers(1, 2**16))
@settings(max_examples=20)
def test_blocks_change_nothing(block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "BLOCK", block)
        assert verify("7x7x6 conv -k3 -o8 -g2", variants=["normal"]).ok


@pytest.mark.parametrize("text", SPECS)
def test_a_sample_of_every_kind_is_as_its_formula_says(text: str) -> None:
    for count in (1, 3, 64):
        verification = verify(text, sample=count)
        assert [check for check in verification.layers if not check.ok] == []
        assert verification.ok
        assert verification.sample == count


@given(fitting_specs(), st.integers(1, 9))
@settings(max_examples=40)
def test_a_sample_of_any_layer_is_as_its_formula_says(spec: Spec, count: int) -> None:
    if spec.kind != "uncounted" and spec.cost.mults + spec.cost.activations < 10**6:
        assert verify(spec, sample=count).ok, str(spec)


def test_a_sample_says_what_ran() -> None:
    (check,) = verify("14x14x8 conv -k3 -o16 -p same --bias", sample=5).layers
    assert check.sampled == "5 of 196 positions"
    # 5 positions x 16 outputs x 72 products; every weight is used
    assert check.executed == Cost(5760, 5760, 5760, params=16 * 72 + 16, activations=80)
    (check,) = verify("9x12 7x6 attention --heads 4 --kv-heads 2", sample=3).layers
    assert check.sampled == "3 of 9 queries"
    (check,) = verify("30x4 gru -o3", sample=4).layers
    assert check.sampled == "the first 4 of 30 steps"
    (check,) = verify("10 dense -o7", sample=4).layers
    assert check.sampled == ""


def test_a_sample_is_that_of_its_seed() -> None:
    from sepcalc.verification.layers import sampled

    (layer,) = of_spec(parse("30x30x1 conv -k3 -o1")).layers
    chosen = [
        sampled(layer, [np.zeros((30, 30, 1))], 9, np.random.default_rng(seed)).positions.tolist() for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    assert all((at[0], at[-1], len(set(at))) == (0, 783, 9) for at in chosen)


@pytest.mark.parametrize("count", ["macs", "mults", "adds", "compares", "divs", "specials", "params", "activations"])
@pytest.mark.parametrize("text", SPECS[::4])
def test_a_wrong_formula_is_found_in_a_sample(text: str, count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = type(of_spec(parse(text)).nodes[0].op)
    honest = first.cost

    def wrong(self: Op, *args: object) -> Cost:
        cost = honest(self, *args)  # type: ignore[arg-type]
        return cost._replace(**{count: getattr(cost, count) + 1})

    monkeypatch.setattr(first, "cost", wrong)
    assert not verify(of_spec(parse(text)), sample=3).ok


@pytest.mark.parametrize("text", ["9x9x4 conv -k3 -o4", "9x9x4 depthwise -k3", "20x6 dense -o4", "9x9x3 pool avg -k3"])
def test_a_wrong_kernel_is_found_in_a_sample(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One output of all, at every position, one off."""
    op = type(of_spec(parse(text)).nodes[0].op)
    honest = EXECUTORS[op]

    def run(*args: object) -> object:
        found = np.array(honest.run(*args))  # type: ignore[arg-type]
        found[..., -1] += 1
        return found

    monkeypatch.setitem(EXECUTORS, op, honest._replace(run=run))
    (check,) = verify(of_spec(parse(text)), sample=2).layers
    assert (check.output_matches, check.differences) == (False, ())


@pytest.mark.parametrize("option", ["stride", "dilation", "padding"])
def test_windows_elsewhere_are_found_in_a_sample(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An execution that looks at other places than the op says."""
    honest = EXECUTORS[Conv]
    wrong = {"stride": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}[option]

    def run(op: Conv, *args: object) -> object:
        return honest.run(op._replace(**{option: wrong}), *args)  # type: ignore[arg-type]

    monkeypatch.setitem(EXECUTORS, Conv, honest._replace(run=run))
    assert not verify("15x15x4 conv -k3 -o4 -s2 -d2 -p1", sample=8).ok


def test_a_wrong_output_size_is_found_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Conv.output
    monkeypatch.setattr(Conv, "output", lambda self, inputs: (honest(self, inputs)[0] + 1, *honest(self, inputs)[1:]))
    assert not verify(of_spec(parse("15x15x4 conv -k3 -o4 -s2")), sample=8).ok


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 0}, "a sample of 0 positions is none\n  hint: take 1 or more, for example 64"),
        (
            {"sample": 9, "claimed": Cost()},
            "a claim is about all positions, a sample runs only some\n  hint: leave out sample",
        ),
        ({"sample": 9, "variants": ["spatial"]}, "variants run in full: a chain's links read each other's outputs"),
    ],
)
def test_samples_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(sepcalc.InputError) as caught:
        verify("6x6x3 conv -k3 -o4", **options)  # type: ignore[arg-type]
    assert str(caught.value) == message


@pytest.mark.parametrize("sample", [None, 4])
def test_what_cannot_run_is_never_verified(sample: int | None) -> None:
    node = of_spec(parse("6x6x3 conv -k3 -o4")).nodes[0]
    strange = node._replace(name="odd", op=Uncounted("NonZero", "its output depends on data", (3,)), output=(3,))
    verification = verify(Network("strange", {"input": (6, 6, 3)}, [node, strange]), sample=sample)
    assert [check.name for check in verification.layers] == ["conv"]
    assert all(check.ok for check in verification.layers)
    assert verification.uncounted == (("odd", "NonZero", "its output depends on data", COUNTS),)
    assert not verification.ok


def test_a_report_says_what_ran_and_what_could_not() -> None:
    from sepcalc.renderers import render
    from sepcalc.reports.verify import VerifyReport

    node = of_spec(parse("6x6x3 conv -k3 -o4")).nodes[0]
    strange = node._replace(name="odd", op=Uncounted("NonZero", "its output depends on data", (3,)), output=(3,))
    report = VerifyReport(verify(Network("strange", {"input": (6, 6, 3)}, [node, strange]), sample=4))
    document = report.document()
    assert document["sample"] == 4
    assert document["layers"][0]["sampled"] == "4 of 16 positions"
    gap = {"name": "odd", "kind": "NonZero", "reason": "its output depends on data", "counts": COUNTS}
    assert document["uncounted"] == [gap]
    assert document["verified"] is False
    table = render(report, "table")
    assert "conv     432   416  as formula  equal   4 of 16 positions" in table
    assert "Could not run\n  odd: NonZero, its output depends on data\n" in table
    assert "NOT VERIFIED" in table


# --- samples of layers that are too large to run whole ----------------------------------------------------------------

LARGE = {
    "100x3x8 transposed -k 100x32 -s2 -p 0/1 -o 65536": "1 of 300 input positions, 655 of 65,536 output channels",
    "100x8x4x512 transposed -o 100 -k16x3x56 --bias": "1 of 3,200 input positions, 12 of 100 output channels",
}


@pytest.mark.parametrize(("text", "what"), LARGE.items(), ids=LARGE)
def test_a_sample_of_a_large_layer_leaves_channels_out(text: str, what: str) -> None:
    """What runs is at most some million products, and memory is that of those: of the reference too."""
    verification = verify(text, sample=2)
    assert (verification.ok, verification.layers[0].sampled) == (True, what)


LARGER = {
    "6x6x8 transposed -k5 -g8 -o16 -s3": "1 of 36 input positions, 4 of 16 output channels",
    "6x6x8 transposed -k5 -g2 -o16 -s2 --bias": "1 of 36 input positions, 1 of 16 output channels",
    "8x8x8 conv -k3 -o64 --bias": "2 of 36 positions, 6 of 64 output channels",
    "8x8x8 conv -k3 -g4 -o64": "2 of 36 positions, 16 of 64 output channels",
    "8x8x8 depthwise -k3 -m8 --bias": "2 of 36 positions, 48 of 64 output channels",
    "16x50 dense -o64 --bias": "2 of 16 positions, 10 of 64 output channels",
    "50 dense -o64": "20 of 64 output channels",
    "8x8x8 conv -k3 -o7": "2 of 36 positions, 6 of 7 output channels",
    "6x6x8 conv -k3 -o6": "2 of 16 positions",
}


@pytest.mark.parametrize(("text", "what"), LARGER.items(), ids=LARGER)
def test_what_is_left_out_of_a_sample(text: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepcalc.verification.conv.MULTIPLIED", 1000)
    monkeypatch.setattr("sepcalc.verification.conv.SCATTERED", 100)
    monkeypatch.setattr("sepcalc.verification.product.MULTIPLIED", 1000)
    verification = verify(text, sample=2)
    assert (verification.ok, verification.layers[0].sampled) == (True, what)
    op = type(of_spec(parse(text)).layers[0].op)
    right = op.cost
    monkeypatch.setattr(op, "cost", lambda *args: (cost := right(*args))._replace(adds=cost.adds + 1))
    assert not verify(of_spec(parse(text)), sample=2).ok
