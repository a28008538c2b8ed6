"""What PyTorch modules store beside their parameters: which numbers are buffers, each counted once, and kept when the
network is written, resized or rewritten."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install -e '.[torch]'")

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn
from torch.nn.utils import prune

import sepcalc
from sepcalc.document.compacting import write_compact
from sepcalc.document.loading import load_yaml
from sepcalc.document.writer import write
from sepcalc.errors import InputError
from sepcalc.network import Network
from sepcalc.nodes import Source


class Stored(nn.Module):
    """A forward in a line; tensors are buffers, whose names end in an underscore if they are not persistent."""

    def __init__(self, code: Callable[[Any, Any], Any], **parts: Any) -> None:
        super().__init__()
        self.code = code
        for name, part in parts.items():
            if isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part, persistent=not name.endswith("_"))
            else:
                setattr(self, name, part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.code(self, x)


class FrozenNorm(nn.Module):
    """A batch norm as detectors have it: all four vectors are buffers, folded each time it runs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name in ("weight", "bias", "mean", "var"):
            self.register_buffer(name, torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.weight * (self.var + 1e-5).rsqrt()
        return x * scale[:, None, None] + (self.bias - self.mean * scale)[:, None, None]


def pruned() -> nn.Module:
    layer = nn.Conv2d(3, 8, 3)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    return layer


def spectral() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nn.utils.spectral_norm(nn.Conv2d(3, 8, 3))


def scratch(m: Any, x: torch.Tensor) -> torch.Tensor:
    m.kept[:] = x.mean((2, 3))
    return x * m.kept[:, :, None, None]


PICTURE, TOKENS = (1, 3, 12, 12), (1, 5, 33)
BLUR, BANK, LARGE = torch.ones(8, 1, 3, 3), torch.ones(33, 10), torch.ones(300, 300)
# A module, its input's shape; params, buffers, macs, by hand; and the bytes of what is read as weights.
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, int, int, int]]] = {
    "a fixed blur": (lambda: Stored(lambda m, x: F.conv2d(m.conv(x), m.blur, stride=2, padding=1, groups=8), conv=nn.Conv2d(3, 8, 3, padding=1, bias=False), blur=BLUR), PICTURE, (216, 72, 144 * 216 + 36 * 72, 4 * 288)),
    "a blur made anew": (lambda: Stored(lambda m, x: F.conv2d(m.conv(x), torch.ones(8, 1, 3, 3), groups=8), conv=nn.Conv2d(3, 8, 3, padding=1, bias=False)), PICTURE, (216, 0, 144 * 216 + 100 * 72, 4 * 216)),
    "a blur that is not kept": (lambda: Stored(lambda m, x: F.conv2d(m.conv(x), m.blur_, groups=8), conv=nn.Conv2d(3, 8, 3, padding=1, bias=False), blur_=BLUR), PICTURE, (216, 0, 144 * 216 + 100 * 72, 4 * 216)),
    "a parameter without a gradient": (lambda: Stored(lambda m, x: F.conv2d(x, m.w), w=nn.Parameter(torch.ones(8, 3, 3, 3), requires_grad=False)), PICTURE, (216, 0, 100 * 216, 4 * 216)),
    "a filter bank": (lambda: Stored(lambda m, x: m.head(x @ m.bank), bank=BANK, head=nn.Linear(10, 2)), TOKENS, (22, 330, 5 * 330 + 5 * 20, 4 * 352)),
    "a large bank": (lambda: Stored(lambda m, x: x @ m.bank, bank=LARGE), (1, 5, 300), (0, 90_000, 5 * 90_000, 360_000)),
    "a bank of half precision": (lambda: Stored(lambda m, x: x @ m.bank.float(), bank=BANK.half()), TOKENS, (0, 330, 5 * 330, 660)),
    "a table of positions": (lambda: Stored(lambda m, x: x + m.table, table=torch.ones(1, 5, 33)), TOKENS, (0, 165, 0, 4 * 165)),
    "a grid for two pictures": (lambda: Stored(lambda m, x: F.grid_sample(torch.cat((x, x * x)), m.grid.expand(2, -1, -1, -1), align_corners=False), grid=torch.zeros(1, 5, 4, 2)), PICTURE, (0, 40, 0, 160)),
    "a scale": (lambda: Stored(lambda m, x: x * m.scale, scale=torch.tensor(2.0)), TOKENS, (0, 1, 0, 4)),
    "a mask of scores": (lambda: Stored(lambda m, x: F.scaled_dot_product_attention(x, x, x, m.mask), mask=torch.zeros(5, 5)), (1, 2, 5, 8), (0, 25, 2 * 25 * 16, 100)),
    "a mask of truth values": (lambda: Stored(lambda m, x: x.masked_fill(m.mask, 0), mask=torch.ones(5, 33) > 0), TOKENS, (0, 0, 0, 0)),
    "an index table": (lambda: Stored(lambda m, x: x[:, m.order] * m.steps, order=torch.arange(5), steps=torch.ones(33).long()), TOKENS, (0, 0, 0, 0)),
    "a state of attention": (lambda: Stored(lambda m, x: F.scaled_dot_product_attention(x, m.k, m.k), k=torch.ones(1, 2, 5, 8)), (1, 2, 5, 8), (0, 80, 2 * 25 * 16, 320)),
    "used twice": (lambda: Stored(lambda m, x: (x @ m.bank, x @ m.bank), bank=BANK), TOKENS, (0, 330, 2 * 5 * 330, 4 * 330)),
    "in two modules": (lambda: Stored(lambda m, x: m.b.code(m.b, m.a(x)), a=(one := Stored(lambda m, x: x @ m.bank, bank=torch.ones(33, 33))), b=one), TOKENS, (0, 33 * 33, 2 * 5 * 33 * 33, 4 * 33 * 33)),
    "pruned": (pruned, PICTURE, (224, 216, 100 * 216, 4 * 440)),
    "spectral norm": (spectral, PICTURE, (224, 8 + 27, 100 * 216 + 8 * 27 + 8, 4 * (224 + 35))),
    "a frozen norm": (lambda: FrozenNorm(3), PICTURE, (0, 12, 0, 48)),
    "a norm": (lambda: nn.BatchNorm2d(3), PICTURE, (6, 6, 0, 24)),
    "a norm without an affine map, twice": (lambda: Stored(lambda m, x: m.norm(m.norm(x)), norm=nn.BatchNorm2d(3, affine=False)), PICTURE, (0, 6, 0, 0)),
    "overwritten by what runs": (lambda: Stored(scratch, kept=torch.ones(1, 3)), PICTURE, (0, 0, 0, 0)),
    "written in part": (lambda: Stored(lambda m, x: x * m.kept.index_copy_(1, torch.tensor([0]), x[:, :1, 0, 0])[:, :, None, None], kept=torch.ones(1, 3)), PICTURE, (0, 3, 0, 12)),
    "counted from": (lambda: Stored(lambda m, x: x * (m.steps + 1).item(), steps=torch.tensor(3.0)), TOKENS, (0, 0, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_stored_beside_parameters_is_counted_once(name: str) -> None:
    make, shape, expected = CASES[name]
    net = sepcalc.from_torch(make().eval(), torch.ones(shape))
    assert (net.params, net.cost.buffers, net.macs, net.param_bytes) == expected
    assert net.complete
    assert sepcalc.verify(net).ok


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", [write, write_compact])
def test_it_is_kept_in_yaml(name: str, form: Callable[[Network], str]) -> None:
    make, shape, _ = CASES[name]
    net = sepcalc.from_torch(make().eval(), torch.ones(shape))
    again = load_yaml(Source("", form(net))).network
    assert (again.cost, again.param_bytes) == (net.cost, net.param_bytes)
    assert [layer.traffic(4) for layer in again.layers] == [
        layer.traffic(4) for layer in net.layers
    ]  # YAML says no widths


def test_what_a_layer_moves_includes_its_buffers() -> None:
    net = sepcalc.from_torch(CASES["a fixed blur"][0](), torch.ones(PICTURE))
    blur = net["conv2d"]
    assert (blur.cost.params, blur.cost.buffers) == (0, 72)
    assert blur.traffic(1) == 144 * 8 + 72 + 36 * 8
    assert blur.explain()["buffers"] == "72 stored, but not trained"
    assert sepcalc.from_torch(pruned(), torch.ones(PICTURE)).layers[0].traffic(1) == 144 * 3 + 224 + 216 + 800


def test_buffers_that_nothing_reads_are_told() -> None:
    module = Stored(lambda m, x: x * m.scale, scale=torch.tensor(2.0), old=torch.ones(7), counter=torch.tensor(3))
    net = sepcalc.from_torch(module, torch.ones(TOKENS))
    assert net.notes == ("7 buffers are not counted: the run on these inputs does not use them (old)",)


def test_buffers_follow_another_width() -> None:
    """Half as many channels: half of the convolution, and of the blur that reads them; the head keeps its outputs."""
    blurred = nn.Sequential(CASES["a fixed blur"][0](), nn.Conv2d(8, 5, 1, bias=False))
    half = sepcalc.whatif(sepcalc.from_torch(blurred, torch.ones(PICTURE)), width=0.5, divisor=4).after
    assert (half.params, half.cost.buffers, half.param_bytes) == (108 + 20, 36, 4 * (128 + 36))


def test_a_fixed_kernel_is_not_rewritten() -> None:
    net = sepcalc.from_torch(CASES["a fixed blur"][0](), torch.ones(PICTURE))
    with pytest.raises(InputError):
        sepcalc.whatif(net, rules=["conv2d=pointwise"])


class Block(nn.Module):
    """A convolution, a norm, a fixed blur, a bank and a table, as a file would hold them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.register_buffer("blur", torch.rand(8, 1, 3, 3))
        self.register_buffer("bank", torch.rand(64, 5))
        self.head = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.conv2d(self.norm(self.conv(x)).relu(), self.blur, groups=8)
        return self.head(y.flatten(2) @ self.bank)


def test_as_onnx_the_same_network_stores_the_same_numbers(tmp_path: Path) -> None:
    module, x = Block().eval(), torch.ones(1, 3, 12, 12)
    net = sepcalc.from_torch(module, x)
    path = tmp_path / "block.onnx"
    options: dict[str, Any] = {"dynamo": False, "training": torch.onnx.TrainingMode.PRESERVE}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), path, do_constant_folding=False, **options)
    file = sepcalc.load(path)
    assert (net.params, net.cost.buffers) == (216 + 16 + 12, 16 + 72 + 320)
    assert file.params + file.cost.buffers == net.params + net.cost.buffers
    assert (file.macs, file.param_bytes) == (net.macs, net.param_bytes)
    assert sum(layer.traffic() for layer in file.layers) >= sum(layer.traffic() for layer in net.layers)


# --- what cannot be counted -------------------------------------------------------------------------------------------

_LIBRARY = torch.library.Library("sepcalc_stored", "DEF")
_LIBRARY.define("deformed(Tensor x, Tensor offsets, Tensor weight, Tensor? bias) -> Tensor")
_LIBRARY.define("shapeless(Tensor x, Tensor weight) -> Tensor")
_LIBRARY.impl("deformed", lambda x, _, w, __: x.new_empty(x.shape[0], w.shape[0], *x.shape[2:]), "Meta")
_LIBRARY.impl("shapeless", lambda x, w: x @ w, "CPU")


def deformed(m: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.ops.sepcalc_stored.deformed(x, m.offsets(x), m.weight, m.bias)  # type: ignore[no-any-return]


OFFSETS, KERNEL = nn.Conv2d(3, 18, 3, padding=1), nn.Parameter(torch.ones(8, 3, 3, 3))
# A module with an operator that cannot be counted: its params, those of that operator, its buffers.
GAPS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "an operator of others": (lambda: Stored(deformed, offsets=OFFSETS, weight=KERNEL, bias=nn.Parameter(torch.ones(8))), (504 + 224, 224, 0)),
    "twice": (lambda: Stored(lambda m, x: m.last(m.last(x)), last=Stored(lambda m, x: torch.ops.sepcalc_stored.deformed(x, x, m.w, None), w=nn.Parameter(torch.ones(3, 3, 3, 3)))), (81, 81, 0)),
    "a form that has no count": (lambda: Stored(lambda m, x: F.batch_norm(x, None, None, m.w, m.b, training=True), w=nn.Parameter(torch.ones(3)), b=nn.Parameter(torch.ones(3))), (6, 6, 0)),
    "a function without a rule": (lambda: Stored(lambda m, x: torch.atan2(x, m.w), w=nn.Parameter(torch.ones(12))), (12, 12, 0)),
    "complex numbers": (lambda: Stored(lambda m, x: torch.fft.fft2(x) * torch.view_as_complex(m.w), w=nn.Parameter(torch.ones(12, 12, 2))), (288, 288, 0)),
    "a buffer": (lambda: Stored(lambda m, x: torch.atan2(x, m.w), w=torch.ones(12)), (0, 0, 12)),
    "where it stops": (lambda: Stored(lambda m, x: m.head(torch.ops.sepcalc_stored.shapeless(x, m.w)), w=nn.Parameter(torch.ones(12, 5)), head=nn.Linear(5, 2)), (60, 60, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", GAPS)
def test_what_an_uncounted_operator_stores_is_counted(name: str) -> None:
    make, (params, own, buffers) = GAPS[name]
    net = sepcalc.from_torch(make(), torch.ones(PICTURE))
    assert not net.complete
    assert (net.params, net.cost.buffers) == (params, buffers)
    gaps = {gap.name for gap in net.uncounted}
    assert sum(layer.cost.params for layer in net.layers if layer.name in gaps) == own
    again = load_yaml(Source("", write_compact(net))).network
    assert (again.params, again.cost.buffers, again.complete) == (params, buffers, False)
