"""How a PyTorch module is run: what its code sees of its tensors, what is left of it afterwards, inputs whose values
decide what runs."""

import json
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install -e '.[torch]'")

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

import sepcalc
from sepcalc.cli import run
from sepcalc.errors import InputError

# --- where tensors are ------------------------------------------------------------------------------------------------


class Asking(nn.Module):
    """A convolution, and code before it."""

    def __init__(self, code: Callable[[Any, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.code = code

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.code(self, x)


def printed(m: Any, x: torch.Tensor) -> torch.Tensor:
    print(f"{x} {x!r}")  # noqa: T201
    return m.conv(x)


def asserted(m: Any, x: torch.Tensor) -> torch.Tensor:
    assert x.device.type in ("cpu", "cuda")
    assert x.device == m.conv.weight.device
    return m.conv(x)


def branching(m: Any, x: torch.Tensor) -> torch.Tensor:
    if x.is_cuda or x.is_meta or not x.is_cpu or x.get_device() != -1:
        raise NotImplementedError
    return m.conv(x) if next(m.parameters()).device.type == "cpu" else x


def switched_off(m: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast(device_type=x.device.type, enabled=False):
        return m.conv(x.float())


def mixed(m: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = m.conv(x)
        assert y.dtype == torch.bfloat16
        return y


def half(m: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast(m.conv.weight.device.type, dtype=torch.bfloat16):
        return m.conv(x.bfloat16())


def seeded(m: Any, x: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator(device=x.device).manual_seed(0)
    order = torch.randperm(3, generator=generator, device=x.device)
    return m.conv(x[:, order])


def reshaped(m: Any, x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y.unsqueeze_(0).transpose_(1, 2)
    assert y.shape == (1, 3, 1, 8, 8)
    return m.conv(y.squeeze_(0).transpose_(0, 1))


def binary(m: Any, x: torch.Tensor) -> torch.Tensor:
    m.conv.weight.data = m.conv.weight.data.sign()
    return m.conv(x)


SEES: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
    "asserts": asserted,
    "branches": branching,
    "autocast off": switched_off,
    "autocast": mixed,
    "autocast of halves": half,
    "a generator": seeded,
    "moved": lambda m, x: m.conv(x.cpu().to("cpu").to(x.device)),
    "made there": lambda m, x: m.conv(x + torch.ones(1, 3, 1, 1, device=x.device)),
    "a text of it": printed,
    "sizes changed in place": reshaped,
    "weights changed": binary,
}


@pytest.mark.parametrize("way", SEES)
@pytest.mark.parametrize("place", ["cpu", "meta"])
def test_code_sees_its_tensors_on_a_cpu(way: str, place: str) -> None:
    with torch.device(place):
        module = Asking(SEES[way])
    net = sepcalc.from_torch(module, torch.ones(1, 3, 8, 8))
    assert (net.macs, net.params, net.stopped) == (6 * 6 * 4 * 27, 112, None)


def test_flash_attention_written_for_export_counts_as_attention() -> None:
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    class Flex(nn.Module):
        def __init__(self, **more: Any) -> None:
            super().__init__()
            self.more = more

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return flex_attention(x, x, x, **self.more)

    class Dot(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.scaled_dot_product_attention(x, x, x)

    x = torch.ones(1, 4, 5, 8)
    mask = create_block_mask(lambda b, h, q, k: q >= k, 1, 1, 5, 5, device="cpu")
    dot = sepcalc.from_torch(Dot(), x)
    assert sepcalc.from_torch(Flex(), x).cost == dot.cost
    assert sepcalc.from_torch(Flex(block_mask=mask), x).cost == dot.cost
    soft = sepcalc.from_torch(Flex(score_mod=lambda s, b, h, q, k: torch.tanh(s / 2) * 2), x)
    assert (soft.complete, soft.macs, soft.cost.adds) == (True, dot.macs, dot.cost.adds)
    assert soft.cost.mults == dot.cost.mults + 2 * 100
    assert soft.cost.specials == dot.cost.specials + 100


# --- what is left of a module ----------------------------------------------------------------------------------------


class Frozen(OrderedDict[str, Any]):
    """A dictionary that refuses changes, as configurations are."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.frozen = True

    def __setitem__(self, key: str, value: Any) -> None:
        if hasattr(self, "frozen"):
            raise TypeError("it is frozen")
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        raise TypeError("it is frozen")

    def update(self, *args: Any, **more: Any) -> None:
        raise TypeError("it is frozen")


class State:
    def __init__(self) -> None:
        self.steps, self.seen = 0, [[1], {2: deque([3])}]


class Holding(nn.Module):
    """A module whose forward changes all that it holds, then does as it is told."""

    def __init__(self, end: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()
        self.register_buffer("count", torch.zeros(1))
        self.config = Frozen({"a": 1, "b": [2]})
        self.state, self.names, self.rows = State(), {"x", "y"}, OrderedDict(a=1, b=2)
        self.array, self.generator = np.zeros(3), torch.Generator().manual_seed(3)
        self.end = end
        self.norm.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        self.conv.weight.data.mul_(0)
        self.conv.bias.data = torch.zeros(4)
        self.conv.weight.requires_grad_(False)
        self.state.steps += 1
        self.state.seen[1][2].append(4)
        self.state.new = x
        self.names.add("z")
        self.rows.move_to_end("a")
        self.rows["c"] = x
        self.config["b"].append(3)
        self.array += 1
        torch.rand(1, generator=self.generator)
        self.generator.manual_seed(9)
        self.more = nn.Linear(2, 2)
        del self.drop
        self.train()
        return self.end(self.norm(self.conv(x)))


def flat(value: Any, path: str = "", seen: frozenset[int] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Everything that a value holds, with its place and what it is."""
    yield f"{path} is", (id(value), type(value))
    if id(value) in seen:
        return
    seen = seen | {id(value)}
    if isinstance(value, torch.Tensor):
        yield path, (value.detach().tolist(), value.requires_grad, value.dtype, value.device, value.data_ptr())
    elif isinstance(value, torch.Generator):
        yield path, value.get_state().tolist()
    elif isinstance(value, np.ndarray):
        yield path, value.tolist()
    elif isinstance(value, dict):
        yield path, list(value)
        for key, entry in value.items():
            yield from flat(entry, f"{path}[{key}]", seen)
    elif isinstance(value, (list, tuple, deque)):
        for at, entry in enumerate(value):
            yield from flat(entry, f"{path}[{at}]", seen)
    elif isinstance(value, (set, str, int, float)):
        yield path, deepcopy(value)
    if (hasattr(value, "__dict__") and not callable(value)) or isinstance(value, nn.Module):
        yield from flat(vars(value), f"{path}.", seen)


def fails(x: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("never mind")


ENDS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "success": lambda x: x,
    "a stop": lambda x: x[x > 0],
    "an exception": fails,
}


@pytest.mark.parametrize("end", ENDS)
def test_a_module_is_as_it_was_however_its_run_ends(end: str) -> None:
    module = Holding(ENDS[end])
    before = list(flat(module))
    try:
        net = sepcalc.from_torch(module, torch.ones(1, 3, 6, 6))
        assert (net.stopped is None) == (end == "success")
    except InputError as error:
        assert (end, "never mind" in str(error)) == ("an exception", True)  # noqa: PT017
    assert list(flat(module)) == before
    assert not torch.is_inference_mode_enabled()
    assert torch.backends.mha.get_fastpath_enabled()


# --- inputs -----------------------------------------------------------------------------------------------------------


class Named(nn.Module):
    """Code on inputs of any names, with a dense layer of 4 to 2."""

    def __init__(self, code: Callable[..., Any]) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 2)
        self.code = code

    def forward(self, x: Any, other: Any = None, *, mask: Any = None) -> Any:
        return self.code(self.dense, x, *[one for one in (other, mask) if one is not None])


def by_lengths(dense: Any, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return torch.cat([dense(row[:length]) for row, length in zip(x, lengths.tolist())])


def by_grid(dense: Any, x: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    return torch.cat([dense(x[0, : int(height * width)]) for height, width in grid])


def by_array(dense: Any, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return dense(x[:, : int(np.sum(lengths.numpy()))])


def packed(dense: Any, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return dense(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True).data)


def split(dense: Any, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return dense(x.tensor_split(lengths, 1)[0])


def repeated(dense: Any, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return dense(x[0].repeat_interleave(lengths, 0))


VALUED: dict[str, tuple[Callable[..., Any], tuple[int, ...], list[Any], int]] = {  # rows that the dense layer has
    "a list": (by_lengths, (2, 7, 4), [7, 5], 12),
    "pairs": (by_grid, (1, 7, 4), [[1, 2], [2, 2]], 6),
    "an array": (by_array, (1, 7, 4), [2, 3], 5),
    "packed": (packed, (2, 7, 4), [7, 5], 12),
    "split": (split, (1, 7, 4), [3], 3),
    "repeated": (repeated, (1, 3, 4), [1, 0, 4], 5),
    "places": (lambda dense, x, where: dense(x[0][torch.argwhere(where)[:, 0]]), (1, 3, 4), [True, False, True], 2),
    "nonzero": (lambda dense, x, where: dense(x[0][where.nonzero()[:, 0]]), (1, 3, 4), [True, False, True], 2),
    "masked": (
        lambda dense, x, where: dense(x[0][torch.arange(3).masked_select(where)]),
        (1, 3, 4),
        [True, False, True],
        2,
    ),
    "true places": (lambda dense, x, where: dense(x[0][where]), (1, 3, 4), [True, False, True], 2),
}


@pytest.mark.parametrize("way", VALUED)
def test_the_values_of_whole_numbers_decide_what_runs(way: str) -> None:
    code, shape, values, rows = VALUED[way]
    note = "the values of the input 'other' decided what ran"
    net = sepcalc.from_torch(Named(code), torch.ones(shape), torch.tensor(values), batch=1)
    assert (net.macs, net.complete, net.notes) == (rows * 8, True, (note,))
    said = sepcalc.from_torch(Named(code), {"x": "x".join(map(str, shape)), "other": json.dumps(values)}, batch=1)
    assert (said.macs, said.notes) == (rows * 8, (note,))


@pytest.mark.parametrize(("values", "runs"), [("[0.7]", 1), ("[0.3]", 2), ("[[0.7]]", 1)])
def test_decimal_values_given_as_text_decide_what_runs(values: str, runs: int) -> None:
    def steps(dense: nn.Module, x: torch.Tensor, other: torch.Tensor) -> Any:
        return x * dense(x).sum() if other > 0.5 else x * dense(x).sum() * dense(x).sum()

    net = sepcalc.from_torch(Named(steps), {"x": "1x4", "other": values})
    assert (net.complete, net.macs) == (True, runs * 8)
    assert "the values of the input 'other' decided what ran" in net.notes


def test_decimal_values_of_a_tensor_are_not_looked_at() -> None:
    def code(dense: nn.Module, x: torch.Tensor, other: torch.Tensor) -> Any:
        return dense(x) if other > 0.5 else x

    net = sepcalc.from_torch(Named(code), torch.ones(1, 4), torch.ones(1, 1))
    assert net.stopped is not None


@pytest.mark.parametrize("code", [lambda w: w.abs().sum() > 0, lambda w: w.tolist(), lambda w: w[0, 0].item() > 0])
def test_parameters_have_no_values_to_ask_for(code: Callable[[torch.Tensor], Any]) -> None:
    net = sepcalc.from_torch(Asking(lambda m, x: m.conv(x) if code(m.conv.weight[0, 0]) else x), torch.ones(1, 3, 8, 8))
    assert net.stopped is not None
    assert net.stopped.reason == (
        "what runs next depends on values of parameters, which are not read: counted up to here"
    )


@pytest.mark.parametrize("way", VALUED)
def test_values_that_nobody_gave_are_asked_for(way: str) -> None:
    code, shape, values, _ = VALUED[way]
    other = torch.tensor(values)
    kind = "bool" if other.dtype == torch.bool else "int64"
    text = {"x": "x".join(map(str, shape)), "other": f"{kind}:{'x'.join(map(str, other.shape))}"}
    with pytest.raises(InputError) as caught:
        sepcalc.from_torch(Named(code), text)
    message, hint = str(caught.value).split("\n")
    assert message.startswith("Named: what runs depends on the values of its input 'other' (")
    ones = json.dumps(torch.ones_like(other).tolist())
    assert hint == f'  hint: give them, for example --input "other={ones}"'


# Inputs of no type whose values matter; what a first guess says of them, and what is meant.
WORTH: dict[str, tuple[Callable[..., Any], str, str]] = {
    "a product of them": (lambda dense, x, other: dense(x[: int(other.prod(-1).sum())]), "1x3", "[[1, 1, 1]]"),
    "quotients": (lambda dense, x, other: dense(x[: int((other * 2)[0, 0])]), "1x2", "[[1, 1]]"),
    "a list": (lambda dense, x, other: dense(x[: (other.prod(-1) * 2).tolist()[0]]), "1x2", "[[1, 1]]"),
    "by one": (lambda dense, x, other: dense(x) * int(other), "1", "[1]"),
    "a number": (lambda dense, x, other: dense(x) * int(other), "()", "(1)"),
    "a whole number": (lambda dense, x, other: dense(x[:other]), "int32:()", "(1)"),
    "a truth": (lambda dense, x, other: dense(x) if other else x, "bool:()", "(true)"),
    "a mask": (lambda dense, x, other: dense(x[other]), "bool:2", "[true, true]"),
}


@pytest.mark.parametrize("way", WORTH)
def test_inputs_whose_values_matter_are_told_how_these_are_written(way: str) -> None:
    code, guess, values = WORTH[way]
    with pytest.raises(InputError) as caught:
        sepcalc.from_torch(Named(code), {"x": "2x4", "other": guess})
    message, hint = str(caught.value).split("\n")
    assert message.startswith("Named: what runs depends on the values of its input 'other' (")
    assert hint == f'  hint: give them, for example --input "other={values}"'
    net = sepcalc.from_torch(Named(code), {"x": "2x4", "other": values}, batch=1)
    assert net.stopped is None
    assert "the values of the input 'other' decided what ran" in net.notes


def test_a_type_is_found_behind_a_question() -> None:
    def ended(dense: Any, x: torch.Tensor) -> torch.Tensor:
        if (x == 2).any():
            return dense(F.embedding(x, torch.ones(9, 4)))
        return x

    with pytest.raises(InputError) as caught:
        sepcalc.from_torch(Named(ended), {"x": "1x3"})
    assert str(caught.value) == (
        "Named: what runs depends on the values of its input 'x' (is_nonzero)\n"
        '  hint: give them, for example --input "x=[[1, 1, 1]]"'
    )


def test_one_number_is_written_in_parentheses() -> None:
    def often(dense: Any, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return torch.stack([dense(x) for _ in range(int(other))])

    module = Named(often)
    assert sepcalc.from_torch(module, {"x": "1x4", "other": "(3)"}).macs == 3 * 8
    assert sepcalc.from_torch(module, {"x": "1x4", "other": "int32: ( 2 )"}).macs == 2 * 8
    assert sepcalc.from_torch(module, {"x": "1x4", "other": "(2.5)"}).macs == 2 * 8
    with pytest.raises(InputError) as caught:
        sepcalc.from_torch(module, {"x": "1x4", "other": "3"})
    (problem,) = caught.value.problems
    assert problem.message.endswith("; it was given x=1x4, other=3")
    assert problem.meant == ("--input other=3", "--input other=(3)", False, (), "")


def test_a_list_of_images_is_one_input() -> None:
    def detect(dense: Any, x: list[torch.Tensor]) -> torch.Tensor:
        if not isinstance(x, list):
            raise TypeError("expected a list of images")
        return dense(torch.stack([one.mean((1, 2)) for one in x]))

    module = Named(detect)
    assert sepcalc.from_torch(module, [torch.ones(4, 6, 6)]).macs == 8
    assert sepcalc.from_torch(module, [torch.ones(4, 6, 6), torch.ones(4, 3, 6)]).macs in (8, 16)
    both = Named(lambda dense, x, other: dense(x + other))
    assert sepcalc.from_torch(both, [torch.ones(1, 4), torch.ones(1, 4)]).macs == 8
    with pytest.raises(InputError, match="expected a list of images"):
        sepcalc.from_torch(module, torch.ones(4, 6, 6))


def test_many_values_are_not_looked_at() -> None:
    net = sepcalc.from_torch(Named(by_lengths), torch.ones(4097, 1, 4), torch.ones(4097, dtype=torch.int64))
    assert net.stopped is not None
    assert net.stopped.kind == "tolist"


def test_values_that_are_not_asked_for_are_no_matter() -> None:
    net = sepcalc.from_torch(Named(lambda dense, x, other: dense(x) * other), torch.ones(1, 4), torch.tensor([3]))
    assert (net.macs, net.cost.mults, net.notes) == (8, 10, ())


def test_a_module_is_given_its_inputs_as_one_calls_it() -> None:
    module, x, y = Named(lambda dense, x, y, mask: dense(x + y) * mask), torch.ones(1, 4), torch.ones(1, 4)
    mask = torch.ones(2)
    wanted = sepcalc.from_torch(module, {"x": x, "other": y, "mask": mask}).cost
    assert wanted.macs == 8
    assert sepcalc.from_torch(module, x, y, mask=mask).cost == wanted
    assert sepcalc.from_torch(module, x, other=y, mask=mask).cost == wanted
    assert sepcalc.from_torch(module, "1x4", "1x4", mask="2").cost == wanted
    assert sepcalc.from_torch(Named(lambda dense, x, y: dense(x + y)), (x, y)).macs == 8


def test_a_list_of_mappings_is_one_input() -> None:
    def detect(dense: Any, images: list[dict[str, Any]]) -> torch.Tensor:
        return dense(torch.stack([one["image"].mean((1, 2)) for one in images]))

    module, image = Named(detect), {"image": torch.ones(4, 6, 6), "height": 6}
    one = sepcalc.from_torch(module, [image])
    assert (one.macs, one.inputs, one.notes) == (8, {"x.0.image": (4, 6, 6)}, ())
    two = sepcalc.from_torch(module, [image, image])
    assert (two.cost, two.notes) == (
        one.cost,
        ("the inputs hold 2 examples in their list: counts are for one of them",),
    )


TYPED: dict[str, tuple[Callable[..., Any], str, str]] = {
    "scatter": (lambda dense, x, at: dense(x.scatter_add(1, at, x)), "1x4", "1x4"),
    "gather": (lambda dense, x, at: dense(x.gather(1, at)), "1x4", "1x4"),
    "select": (lambda dense, x, at: dense(x.index_select(0, at)), "1x4", "1"),
    "along": (lambda dense, x, at: dense(torch.take_along_dim(x, at, 1)), "1x4", "1x4"),
    "indexed": (lambda dense, x, at: dense(x[at]), "1x4", "1"),
    "written": (lambda dense, x, at: dense(torch.zeros(1, 4).index_put((at,), x)), "1x4", "1"),
    "one hot": (lambda dense, x, at: dense(x + F.one_hot(at, 4)), "1x4", "1"),
    "a bag": (lambda dense, x, at: dense(x + F.embedding_bag(at, torch.ones(3, 4))), "1x4", "1x2"),
    "a mask": (lambda dense, x, at: dense(x.masked_fill(at, 0.0)), "1x4", "1x4"),
    "a choice": (lambda dense, x, at: dense(torch.where(at, x, -x)), "1x4", "1x4"),
    "not": (lambda dense, x, at: dense(x * ~at), "1x4", "1x4"),
    "and": (lambda dense, x, at: dense(x * (at & 3)), "1x4", "1x4"),
    "an assertion": (lambda dense, x, at: dense(x) if at.dtype == torch.int64 else at.long_ago, "1x4", "1x4"),
    "complex": (lambda dense, x, at: (dense(x), torch.view_as_real(at)), "1x4", "1x4"),
}


@pytest.mark.parametrize("way", TYPED)
def test_the_type_that_a_reader_needs_is_found(way: str) -> None:
    code, x, at = TYPED[way]
    net = sepcalc.from_torch(Named(code), x=f"{x}", other=at)
    assert (net.macs, net.stopped) == (8, None)


SAID = {
    "other=0.5": "--input other: '0.5' is not a shape: '0.5' is not a size: expected a whole number from 1 to 2^63-1\n"
    "  hint: a scalar: (0.5)",
    "other=(3": "--input other: '(3' is not a scalar\n  hint: one number in parentheses: (3), or () for any",
    "other=(1, 2)": "--input other: '(1, 2)' is not a scalar\n  hint: one number in parentheses: (3), or () for any",
    f"other=({2**63})": "--input other: '(9223372036854775808)' is not a scalar\n"
    "  hint: one number in parentheses: (3), or () for any",
    "other=int:1x4": "--input other: 'int' is not an element type\n  hint: did you mean int32?",
    "other=int64:": "--input other: '' is not a shape: '' is not a size: expected a whole number from 1 to 2^63-1\n"
    "  hint: sizes joined by x, as PyTorch has them",
    "other=[7, 5": "--input other: '[7, 5' are not values\n"
    "  hint: numbers separated by commas, with one pair of brackets per axis: [7, 5] or [[1, 2], [3, 4]]",
    "other=[[7], 5]": "--input other: '[[7], 5]' do not form an array of one shape\n"
    "  hint: numbers separated by commas, with one pair of brackets per axis: [7, 5] or [[1, 2], [3, 4]]",
    'other=["7"]': "--input other: '[\"7\"]' do not form an array of one shape\n"
    "  hint: numbers separated by commas, with one pair of brackets per axis: [7, 5] or [[1, 2], [3, 4]]",
    f"other=[{', '.join(['1'] * 4097)}]": "--input other: these are more than 4,096 values\n"
    "  hint: a type and a shape will do: int64:1x5000",
    f"other={'[' * 100_000}": f"--input other: '{'[' * 99}…' are not values\n"
    "  hint: numbers separated by commas, with one pair of brackets per axis: [7, 5] or [[1, 2], [3, 4]]",
}


@pytest.mark.parametrize("words", SAID, ids=range(len(SAID)))
def test_what_cannot_be_read_of_an_input_is_told(words: str) -> None:
    name, _, text = words.partition("=")
    with pytest.raises(InputError) as caught:
        sepcalc.from_torch(Named(lambda dense, x, other: dense(x)), {"x": "1x4", name: text})
    assert str(caught.value) == SAID[words]


@pytest.mark.parametrize("network", ["zoo:mobilenet_v1", "8x8x3, conv -k3 -o4"])
@pytest.mark.parametrize("command", ["network", "check", "diff", "whatif", "fit", "convert", "verify", "baseline"])
def test_a_type_is_for_modules_whatever_the_command(
    command: str, network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"check": ["--max", "macs=1"], "diff": [network], "whatif": ["--width", "0.5"], "fit": ["--max", "macs=1"]}
    assert run([command, network, *more.get(command, []), "--input", "int64:8x8x3"]) == 2
    said = capsys.readouterr().err
    assert "--input int64:8x8x3: only a PyTorch module takes a type or values; " in said


# --- the line that was meant ------------------------------------------------------------------------------------------

MEANT = {
    "sequence --input 10x4": "input=1x4x10; --input input=1x10x4",
    "sequence --input input=4x10": "input=4x10; --input input=1x10x4",
    "image --input 3x16x18": "input=1x18x3x16; --input 16x18x3",
    "image --input input=3x16x18": "input=3x16x18; --input 16x18x3",
    "image --input input=16x18x3": "input=16x18x3; --input 16x18x3",
    "image --input 1x3x16x18": "input=1x18x1x3x16; --input 16x18x3",
    "image --input 1x16x18x3": "input=1x3x1x16x18; --input 16x18x3",
    "image --input 5x5x5": "input=1x5x5x5",
    "image --input input=[1,3,16,18]": "input=4; --input 16x18x3",
    "rows --input input=[1,99]": "input=2",
    "sound --input 2x100": "input=1x100x2; --input input=1x2x100",
}
MODULES = """
from torch import nn
def sequence():
    return nn.LSTM(4, 8, batch_first=True)
def image():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
def rows():
    return nn.Embedding(10, 4)
def sound():
    return nn.Sequential(nn.Conv1d(2, 8, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 2))
"""


@pytest.mark.parametrize("words", MEANT)
def test_a_shape_in_another_layout_is_told_the_line_that_was_meant(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "their_layouts.py").write_text(MODULES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("their_layouts", None)
    name, *rest = words.split()
    assert run(["network", f"their_layouts:{name}", *rest]) == 2
    said = capsys.readouterr().err
    given, _, line = MEANT[words].partition("; ")
    command = f"network their_layouts:{name} {line}"
    assert said.endswith(f"it was given {given}\n" + f"  hint: sepcalc {command}\n" * bool(line))
    assert not line or run(command.split()) == 0


@pytest.mark.parametrize("lengths", [[7, 8], [8, 7], [7, 0], [5, 7], [7, 5, 3], [7]])
def test_lengths_that_do_not_fit_fail_as_they_do_when_it_runs(lengths: list[int]) -> None:
    class Packed(nn.LSTM):
        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
            return super().forward(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[1]

    module, given = Packed(4, 8, batch_first=True), (torch.ones(2, 7, 4), torch.tensor(lengths))
    with pytest.raises(RuntimeError):
        module(*given)
    with pytest.raises(sepcalc.InputError, match="its forward fails: RuntimeError: the lengths "):
        sepcalc.from_torch(module, *given)


@pytest.mark.parametrize("places", [[0, 2], [-1, 0]])
def test_rows_that_there_are_none_of_fail_as_they_do_when_it_runs(places: list[int]) -> None:
    class Looking(nn.Module):
        def forward(self, x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
            return x.index_select(0, at) * 2

    given = torch.ones(2, 4), torch.tensor(places)
    with pytest.raises((IndexError, RuntimeError)):
        Looking()(*given)
    with pytest.raises(sepcalc.InputError, match="IndexError: index out of range"):
        sepcalc.from_torch(Looking(), *given)


# --- layers that the data chooses -------------------------------------------------------------------------------------


class Mixture(nn.Module):
    """Experts, the best few of them for each token: as Mixtral has it."""

    def __init__(self, sizes: list[int], best: int = 2) -> None:
        super().__init__()
        self.gate, self.best = nn.Linear(4, len(sizes), bias=False), best
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(4, n, bias=False), nn.Linear(n, 4, bias=False)) for n in sizes
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(0, 1)
        out = torch.zeros_like(x)
        chosen = self.gate(x).topk(self.best, -1).indices
        hits = F.one_hot(chosen, len(self.experts)).permute(2, 1, 0)
        for at in torch.greater(hits.sum((-1, -2)), 0).nonzero():
            _, token = torch.where(hits[at].squeeze(0))
            out[token] = self.experts[at](x[token])
        return out


def test_experts_that_the_data_chooses_are_counted_where_any_choice_costs_the_same() -> None:
    net = sepcalc.from_torch(Mixture([8, 8, 8, 8]), torch.ones(1, 6, 4))
    assert (net.macs, net.params, net.stopped) == (6 * 16 + 6 * 2 * 64, 16 + 4 * 64, None)
    note = "the data chooses which layers run: one choice is counted, and other choices that were tried cost the same"
    assert note in net.notes


class Greatest(Mixture):
    """Experts, chosen one after the other by the greatest score, as Phi's mixture has them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(0, 1)
        out = torch.zeros_like(x)
        scores = self.gate(x)
        first = scores.max(-1, keepdim=True).indices
        second = scores.scatter(-1, first, -torch.inf).max(-1, keepdim=True).indices
        hits = F.one_hot(torch.cat([first, second], -1), len(self.experts)).permute(2, 1, 0)
        for at, expert in enumerate(self.experts):
            _, token = torch.where(hits[at])
            out[token] = expert(x[token])
        return out


def test_experts_with_the_greatest_score_are_counted() -> None:
    net = sepcalc.from_torch(Greatest([8, 8, 8, 8]), torch.ones(1, 6, 4))
    assert (net.macs, net.params, net.stopped) == (6 * 16 + 6 * 2 * 64, 16 + 4 * 64, None)


class Adding(Mixture):
    """Every expert runs, also on no token at all, and what it gives is added, as OLMoE has it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(0, 1)
        out = torch.zeros_like(x)
        hits = F.one_hot(self.gate(x).topk(self.best, -1).indices, len(self.experts)).permute(2, 1, 0)
        for at, expert in enumerate(self.experts):
            _, token = torch.where(hits[at])
            out.index_add_(0, token, expert(x[token]))
        return out


class Slicing(Mixture):
    """Tokens in the order of their experts, cut where one expert's end, as Aria has it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(0, 1)
        chosen = self.gate(x).topk(self.best, -1).indices
        order = chosen.view(-1).argsort()
        ends = F.one_hot(chosen.view(-1), len(self.experts)).sum(0).cumsum(0)
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        rows, out = x[order // self.best], x.new_zeros(len(order), 4)
        for expert, start, end in zip(self.experts, starts, ends):
            out[start:end] = expert(rows[start:end])
        return torch.empty_like(out).index_copy(0, order, out)


@pytest.mark.parametrize("kind", [Adding, Slicing])
def test_experts_are_counted_that_no_token_chose(kind: type[Mixture]) -> None:
    net = sepcalc.from_torch(kind([8, 8, 8, 8]), torch.ones(1, 6, 4))
    assert (net.macs, net.params, net.stopped, net.complete) == (6 * 16 + 6 * 2 * 64, 16 + 4 * 64, None, True)


def test_elements_are_added_that_are_none() -> None:
    class Nowhere(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            none = torch.empty(0, dtype=torch.int64)
            return x.index_add(0, none, x[none]).index_put((none,), x[none], accumulate=True) + 1

    net = sepcalc.from_torch(Nowhere(), torch.ones(6, 4), batch=1)
    assert (net.cost.adds, net.complete) == (24, True)


class Turning(Mixture):
    """What is not supported stands before the experts."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (2, 2))) * 1j).flatten(-2))


@pytest.mark.parametrize(("sizes", "macs"), [([8, 8, 8, 8], 6 * 16 + 6 * 2 * 64), ([8, 8, 8, 9], 6 * 16)])
def test_choices_are_compared_also_beside_what_is_not_counted(sizes: list[int], macs: int) -> None:
    net = sepcalc.from_torch(Turning(sizes), torch.ones(1, 6, 4))
    assert (net.macs, net.complete, net.stopped is None) == (macs, False, len({*sizes}) == 1)


class Comparing(Mixture):
    """Each expert that is chosen is compared with the one that stands for none, as GPT-OSS has it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(0, 1)
        out = torch.zeros_like(x)
        hits = F.one_hot(self.gate(x).topk(self.best, -1).indices, len(self.experts) + 1).permute(2, 1, 0)
        for (at,) in torch.greater(hits.sum((-1, -2)), 0).nonzero():
            if at != len(self.experts):
                _, token = torch.where(hits[at])
                out[token] = self.experts[at](x[token])
        return out


def test_experts_that_differ_in_compares_alone_are_counted_since_those_are_not_known_anyway() -> None:
    net = sepcalc.from_torch(Comparing([8, 8, 8, 8]), torch.ones(1, 6, 4))
    assert (net.macs, net.stopped, net.complete) == (6 * 16 + 6 * 2 * 64, None, True)
    assert net.incomplete == ("compares",)


@pytest.mark.parametrize("sizes", [[8, 8, 8, 9], [8, 9, 9, 8], [9, 8, 8, 9]])
def test_experts_of_which_some_cost_more_stop_the_count(sizes: list[int]) -> None:
    net = sepcalc.from_torch(Mixture(sizes), torch.ones(1, 6, 4))
    assert net.stopped is not None
    assert (net.macs, net.stopped.kind) == (6 * 16, "nonzero")
