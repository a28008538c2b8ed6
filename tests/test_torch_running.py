"""How a PyTorch module is run: what its code sees of its tensors, what is left of it afterwards, inputs whose values
decide what runs."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install 'sepcalc[torch]'")

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

import sepcalc
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
    "a text of it": lambda m, x: m.conv(x) if "8, 8" in f"{x} {x!r}" else x,
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
