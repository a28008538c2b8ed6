"""How PyTorch's tensors lie in the network: what an element sees, whichever way its neighbours were moved, and which
part of a tensor a part is."""

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install -e '.[torch]'")

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

import sepcalc
from sepcalc.network import Network
from sepcalc.ops.move import Slice

PICTURE = (1, 3, 12, 10)


class Then(nn.Module):
    """A convolution of 3 x 3 on something moved."""

    def __init__(self, move: Callable[[Any], Any], channels: int = 3) -> None:
        super().__init__()
        self.move, self.conv = move, nn.Conv2d(channels, 4, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.conv(self.move(x))


class Code(nn.Module):
    def __init__(self, code: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.code = code
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *given: Any) -> Any:
        return self.code(self, *given)


def fields(net: Network) -> dict[str, tuple[int, ...]]:
    return {layer.name: field for layer, field in zip(net.layers, net.receptive_fields())}


def strides(net: Network) -> tuple[int, ...]:
    found = net.strides()[-1]
    assert found is not None
    assert {one.steps for one in found} == {1}
    return tuple([one.positions for one in found])


# What is done before a 3 x 3 convolution; channels after it; what an output sees, and how far apart two see.
MOVED: dict[str, tuple[Callable[[Any], Any], int, tuple[int, int], tuple[int, int]]] = {
    "nothing": (lambda x: x, 3, (3, 3), (1, 1)),
    "itself": (lambda x: +x, 3, (3, 3), (1, 1)),
    "a view of its own shape": (lambda x: x.view(x.shape), 3, (3, 3), (1, 1)),
    "viewed as it is": (lambda x: x.view_as(x), 3, (3, 3), (1, 1)),
    "reshaped as it is": (lambda x: x.reshape_as(x), 3, (3, 3), (1, 1)),
    "an axis put there and taken away": (lambda x: x.unsqueeze(0).squeeze(0), 3, (3, 3), (1, 1)),
    "an axis put behind and taken away": (lambda x: x[..., None].squeeze(-1), 3, (3, 3), (1, 1)),
    "flattened and back": (lambda x: x.flatten(1).view(x.shape), 3, (3, 3), (1, 1)),
    "flattened in part and back": (lambda x: x.flatten(2).unflatten(2, x.shape[2:]), 3, (3, 3), (1, 1)),
    "itself, several times": (lambda x: torch.positive(+x.view_as(x)).unsqueeze(1).squeeze(1), 3, (3, 3), (1, 1)),
    "zeros": (lambda x: F.pad(x, (1, 1, 1, 1)), 3, (3, 3), (1, 1)),
    "reflected": (lambda x: F.pad(x, (1, 2, 3, 4), mode="reflect"), 3, (3, 3), (1, 1)),
    "replicated": (lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, (3, 3), (1, 1)),
    "circular": (lambda x: F.pad(x, (1, 1, 1, 1), mode="circular"), 3, (3, 3), (1, 1)),
    "reflected by a module": (nn.ReflectionPad2d(1), 3, (3, 3), (1, 1)),
    "replicated by a module": (nn.ReplicationPad2d(1), 3, (3, 3), (1, 1)),
    "circular by a module": (nn.CircularPad2d(1), 3, (3, 3), (1, 1)),
    "cropped by negative padding": (lambda x: F.pad(x, (-1, -1, 0, -2)), 3, (3, 3), (1, 1)),
    "cropped and padded": (lambda x: F.pad(x, (-1, 1, 0, -2)), 3, (3, 3), (1, 1)),
    "cropped": (lambda x: x[:, :, 1:-1, 2:], 3, (3, 3), (1, 1)),
    "rolled": (lambda x: x.roll((1, 1), (2, 3)), 3, (3, 3), (1, 1)),
    "flipped": (lambda x: x.flip(-1), 3, (3, 3), (1, 1)),
    "flipped both ways": (lambda x: x.flip(2, 3), 3, (3, 3), (1, 1)),
    "turned round": (lambda x: x.rot90(2, (2, 3)), 3, (3, 3), (1, 1)),
    "other channels": (lambda x: x[:, [2, 1, 0]], 3, (3, 3), (1, 1)),
    "selected channels": (lambda x: x.index_select(1, torch.tensor([0, 0])), 2, (3, 3), (1, 1)),
    "repeated channels": (lambda x: x.repeat(1, 2, 1, 1), 6, (3, 3), (1, 1)),
    "every second row": (lambda x: x[:, :, ::2], 3, (5, 3), (2, 1)),
    "space to channels": (lambda x: F.pixel_unshuffle(x, 2), 12, (6, 6), (2, 2)),
    "channels behind": (lambda x: x.permute(0, 2, 3, 1).relu().permute(0, 3, 1, 2), 3, (3, 3), (1, 1)),
}


@pytest.mark.parametrize("way", MOVED)
def test_what_an_output_sees_through_moves(way: str) -> None:
    move, channels, field, apart = MOVED[way]
    net = sepcalc.from_torch(Then(move, channels), torch.ones(PICTURE))
    assert (fields(net)["conv"], strides(net)) == (field, apart)
    assert net.inputs == {"x": (12, 10, 3)}
    assert sepcalc.verify(net).ok


UNCOUNTED = ["sinc", "erfinv", "lgamma", "digamma", "nan_to_num", "i0"]


@pytest.mark.parametrize("name", UNCOUNTED)
def test_what_has_no_rule_keeps_the_axes_of_a_picture(name: str) -> None:
    net = sepcalc.from_torch(Then(getattr(torch, name)), torch.ones(PICTURE))
    assert net.inputs == {"x": (12, 10, 3)}
    assert [layer.output for layer in net.layers][-1] == (10, 8, 4)
    assert fields(net)["conv"] == PICTURE[2:]  # it may read anything along them


@pytest.mark.parametrize(
    "way",
    [
        "nothing",
        "zeros",
        "reflected",
        "replicated",
        "circular",
        "reflected by a module",
        "flipped",
        "space to channels",
    ],
)
def test_it_sees_the_same_without_an_axis_of_examples(way: str) -> None:
    move, channels, field, apart = MOVED[way]
    batched, alone = (sepcalc.from_torch(Then(move, channels), torch.ones(shape)) for shape in (PICTURE, PICTURE[1:]))
    assert (fields(alone)["conv"], strides(alone)) == (field, apart)
    assert (alone.inputs, alone.outputs, alone.cost) == (batched.inputs, batched.outputs, batched.cost)
    assert [(layer.name, layer.output) for layer in alone.layers] == [
        (layer.name, layer.output) for layer in batched.layers
    ]


def test_a_recording_without_an_axis_of_examples() -> None:
    """Channels x samples: 5 + 4 samples are seen by the second convolution."""
    module = nn.Sequential(nn.Conv1d(1, 4, 5), nn.ReLU(), nn.Conv1d(4, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool1d(1))
    net = sepcalc.from_torch(module, {"input": "1x100"})
    assert (net.macs, net.params) == (96 * 4 * 5 + 92 * 4 * 20, 24 + 84)
    assert net.inputs == {"input": (100, 1)}
    assert [layer.output for layer in net.layers] == [(96, 4), (96, 4), (92, 4), (92, 4), (1, 4)]
    assert fields(net) == {"0": (5,), "1": (5,), "2": (9,), "3": (9,), "4": (100,)}


INSIDE: dict[str, Callable[[Any, torch.Tensor], Any]] = {
    "squeezed": lambda m, x: m.conv(x.squeeze(0)).unsqueeze(0),
    "viewed": lambda m, x: m.conv(x.view(x.shape[1:]))[None],
    "indexed": lambda m, x: m.conv(x[0].relu())[None],
    "one by one": lambda m, x: torch.stack([m.conv(one) for one in x]),
}


@pytest.mark.parametrize("way", INSIDE)
def test_an_axis_of_one_example_taken_away_and_given_back(way: str) -> None:
    net = sepcalc.from_torch(Code(INSIDE[way], conv=nn.Conv2d(3, 4, 3)), torch.ones(PICTURE))
    assert (net.macs, list(net.inputs.values())) == (10 * 8 * 27 * 4, [(12, 10, 3)])
    assert net.outputs == {"output": (10, 8, 4)}
    assert fields(net)["conv"] == (3, 3)
    assert all(layer.op.writes for layer in net.layers)


def test_unbatched_norms_gates_and_sums_lie_as_their_picture_does() -> None:
    def code(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = F.pixel_shuffle(m.conv(x), 2)
        gate = y.mean((1, 2), keepdim=True).sigmoid()
        return torch.cat([y * gate, y + m.scale.weight.view(2, 1, 1)], 0).amax(0, keepdim=True)

    module = Code(code, conv=nn.Conv2d(3, 8, 3, padding=1), scale=nn.Linear(2, 1, bias=False))
    net = sepcalc.from_torch(module, torch.ones(3, 6, 4))
    assert (net.complete, net.outputs) == (True, {"output": (12, 8, 1)})
    assert fields(net)["add"] == (3, 3)
    assert sepcalc.verify(net).ok


def starts(net: Network) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Where every slice begins, and its sizes."""
    return [(op.start or (0,) * len(op.to), op.to) for op in (node.op for node in net.nodes) if isinstance(op, Slice)]


# Parts of 6 x 4 positions of 8 channels, as the network has them: where each begins, and its sizes.
PARTS: dict[str, tuple[Callable[[torch.Tensor], Any], list[tuple[tuple[int, ...], tuple[int, ...]]]]] = {
    "gates": (lambda x: F.glu(x, 1), [((0, 0, 0), (6, 4, 4)), ((0, 0, 4), (6, 4, 4))]),
    "gates along rows": (lambda x: F.glu(x, 2), [((0, 0, 0), (3, 4, 8)), ((3, 0, 0), (3, 4, 8))]),
    "gates along columns": (lambda x: F.glu(x), [((0, 0, 0), (6, 2, 8)), ((0, 2, 0), (6, 2, 8))]),
    "halves": (lambda x: x.chunk(2, 1), [((0, 0, 0), (6, 4, 4)), ((0, 0, 4), (6, 4, 4))]),
    "sizes": (lambda x: x.split([1, 7], 1), [((0, 0, 0), (6, 4, 1)), ((0, 0, 1), (6, 4, 7))]),
    "a slice": (lambda x: x[:, 2:5], [((0, 0, 2), (6, 4, 3))]),
    "a slice from the end": (lambda x: x[:, :, -2:], [((4, 0, 0), (2, 4, 8))]),
    "narrowed": (lambda x: x.narrow(3, 1, 2), [((0, 1, 0), (6, 2, 8))]),
    "one": (lambda x: x.select(1, -1), [((0, 0, 7), (6, 4, 1))]),
    "each": (lambda x: x.unbind(1)[1:3], [((0, 0, at), (6, 4, 1)) for at in range(8)]),
}  # fmt: skip


@pytest.mark.parametrize("way", PARTS)
def test_a_part_is_the_part_that_was_asked_for(way: str) -> None:
    code, expected = PARTS[way]
    module = Code(lambda m, x: code(m.norm(x)), norm=nn.BatchNorm2d(8))
    net = sepcalc.from_torch(module, torch.ones(1, 8, 6, 4))
    assert starts(net) == expected
    assert sepcalc.verify(net).ok


def test_slices_that_interleave_see_the_image_together() -> None:
    """YOLOv5's Focus: each output sees two neighbours per axis, three of those beside each other six."""

    def focus(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)

    network = sepcalc.from_torch(Then(focus, 12), torch.zeros(PICTURE))
    assert (network.receptive_fields()[-1], network.strides()[-1]) == ((6, 6), ((2, 1), (2, 1)))
    unshuffled = sepcalc.from_torch(Then(lambda x: F.pixel_unshuffle(x, 2), 12), torch.zeros(PICTURE))
    assert unshuffled.receptive_fields()[-1] == (6, 6)


# --- vmap -------------------------------------------------------------------------------------------------------------


class Members(nn.Module):
    """Three kernels of one shape, stored as one tensor, on the same picture."""

    def __init__(self, code: Callable[..., torch.Tensor], *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, *shape))
        self.code = code

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.vmap(lambda weight: self.code(weight, x))(self.weight)


@pytest.mark.parametrize("count", [1, 4])
def test_members_of_an_ensemble_are_counted_each(count: int) -> None:
    """3 members: 3 to 5, and 3x3 of 2 channels to 4 on 8x8, which gives 6x6."""
    dense = sepcalc.from_torch(Members(lambda weight, x: x @ weight.T, 5, 3), torch.ones(count, 3))
    assert (dense.macs, dense.params) == (3 * 15, 45)
    conv = sepcalc.from_torch(Members(lambda weight, x: F.conv2d(x, weight), 4, 2, 3, 3), torch.ones(count, 2, 8, 8))
    assert (conv.macs, conv.params) == (3 * 4 * 18 * 36, 216)
    module = nn.ModuleList(nn.Linear(3, 5, bias=False) for _ in range(3))

    def called(x: torch.Tensor) -> torch.Tensor:
        weights, buffers = torch.func.stack_module_state(list(module))
        one = nn.Linear(3, 5, bias=False, device="meta")
        run = lambda *state: torch.func.functional_call(one, state, (x,))  # noqa: E731
        return torch.vmap(run)(weights, buffers)

    class Stacked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.members = module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return called(x)

    stacked = sepcalc.from_torch(Stacked(), torch.ones(count, 3))
    assert (stacked.macs, stacked.params) == (3 * 15, 45)


MAPPED: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
    "both at once": lambda m, x: torch.vmap(lambda one: m.b(m.a(one)))(x),
    "one after the other": lambda m, x: torch.vmap(m.b)(torch.vmap(m.a)(x)),
    "the first alone": lambda m, x: m.b(torch.vmap(m.a)(x)),
    "with an axis of one example": lambda m, x: torch.vmap(lambda one: m.b(m.a(one[None]))[0])(x),
    "along another axis": lambda m, x: torch.vmap(lambda one: m.b(m.a(one)), in_dims=1)(x.transpose(0, 1)),
    "with a relu between": lambda m, x: torch.vmap(lambda one: m.b(torch.relu(m.a(one))))(x),
    "without its batch": lambda m, x: torch.stack([m.b(m.a(one)) for one in x]),
    "axes of size 1 in another order": lambda m, x: m.b(m.a(x[:, None].movedim(1, 2).squeeze(2))),
}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("way", MAPPED)
def test_a_convolution_that_is_mapped_over_examples_sees_as_much(way: str, count: int) -> None:
    parts = {"a": nn.Conv2d(3, 4, 3, padding=1), "b": nn.Conv2d(4, 4, 3, padding=1)}
    net = sepcalc.from_torch(Code(MAPPED[way], **parts), torch.empty(count, 3, 12, 10))
    seen = {name: field for name, field in fields(net).items() if name.split("[")[0] in ("a", "b")}
    assert set(seen.values()) == {(3, 3), (5, 5)}
    assert net.macs == 12 * 10 * 9 * (3 * 4 + 4 * 4)
