"""Programs that torch.export makes now: each has the layers of its module, name by name."""

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import nn

import sepcalc
from sepcalc.errors import InputError
from sepcalc.importers.aten.defaults import DEFAULTS
from sepcalc.importers.aten.operators import OPERATORS

Layers = list[tuple[Any, ...]]


def layers(network: sepcalc.Network) -> Layers:
    return [(layer.name, layer.kind, layer.output, layer.cost) for layer in network.layers]


def saved(folder: Path, module: nn.Module, *inputs: Any, **options: Any) -> Path:
    path = folder / "net.pt2"
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(module.eval(), inputs, **options), path)
    return path


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layer = kind(8, 16, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]


class Tied(nn.Module):
    """A weight under two names, a layer that runs twice, one that never runs, a constant, and buffers of both kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.unused = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(3, 3)
        self.last.weight = self.first.weight
        self.register_buffer("kept", torch.ones(4))
        self.register_buffer("made", torch.ones(4), persistent=False)

    def forward(self, x: Any) -> Any:
        return self.last(self.first(self.first(x))) * self.kept + self.made + torch.tensor([1.0, 2.0, 3.0, 4.0])


BLOCK = nn.Sequential(
    nn.Conv2d(8, 16, 3, padding="same"), nn.BatchNorm2d(16), nn.ReLU(inplace=True), nn.MaxPool2d(2),
    nn.Conv2d(16, 16, 3, groups=16), nn.GroupNorm(4, 16), nn.Dropout(), nn.Flatten(), nn.Linear(576, 10),
)  # fmt: skip
MODULES = {
    "block": (BLOCK, (1, 8, 16, 16)),
    "transposed": (nn.ConvTranspose2d(8, 4, 3, 2, output_padding=1), (1, 8, 5, 5)),
    "encoder": (nn.TransformerEncoderLayer(32, 4, batch_first=True), (1, 7, 32)),
    "lstm": (Recurrent(nn.LSTM), (1, 5, 8)),
    "gru": (Recurrent(nn.GRU), (1, 5, 8)),
    "rnn": (Recurrent(nn.RNN), (1, 5, 8)),
    "tied": (Tied(), (1, 4)),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_program_has_the_layers_of_its_module(name: str, tmp_path: Path) -> None:
    module, shape = MODULES[name]
    path, live = saved(tmp_path, module, torch.ones(shape)), sepcalc.from_torch(module.eval(), torch.ones(shape))
    network = sepcalc.load(path)
    assert layers(network) == layers(live)
    assert network.cost == live.cost
    assert [layer.origin[:3] for layer in network.layers] == [layer.origin[:3] for layer in live.layers]
    assert network.peak_memory() == live.peak_memory()


@pytest.mark.parametrize("name", ["block", "encoder", "lstm"])
def test_one_of_several_examples_is_counted(name: str, tmp_path: Path) -> None:
    module, (_, *sizes) = MODULES[name]
    live = sepcalc.from_torch(module.eval(), torch.ones(1, *sizes))
    fixed = sepcalc.load(saved(tmp_path, module, torch.ones(3, *sizes)))
    assert fixed.notes == ("the inputs hold 3 examples along their first axis: counts are for one of them",)
    assert fixed.cost == live.cost
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    opened = sepcalc.load(saved(tmp_path, module, torch.ones(3, *sizes), dynamic_shapes=(batch,)))
    assert layers(opened) == layers(live)
    assert not opened.notes


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_stored_is_told_apart(tmp_path: Path, strict: bool) -> None:
    network = sepcalc.load(saved(tmp_path, Tied(), torch.ones(1, 4), strict=strict))
    assert (network.params, network.cost.buffers) == (16 + 4 + 4, 4)
    assert network.notes == ("12 params are stored and never used: they are not counted (unused.weight, unused.bias)",)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["block", "encoder", "lstm", "gru", "rnn"])
def test_a_decomposed_program_has_the_same_products(name: str, tmp_path: Path) -> None:
    module, shape = MODULES[name]
    program = torch.export.export(module.eval(), (torch.ones(shape),)).run_decompositions()
    live = sepcalc.from_torch(module, torch.ones(shape))
    network = sepcalc.load(program)
    assert (network.macs, network.params, network.cost.buffers) == (live.macs, live.params, live.cost.buffers)
    assert network.complete
    assert network.cost == sepcalc.from_torch(program).cost


X = (1, 8, 16, 16)
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "einsum": lambda x: torch.einsum("bchw,bdhw->bcd", x, x),
    "einsum of three": lambda x: torch.einsum("bchw,bdhw,bd->bc", x, x, x[..., 0, 0]),
    "einsum with dots": lambda x: torch.einsum("...ij,...kj->...ik", x, x),
    "written through a view": lambda x: (y := x.clone(), y.view(-1).add_(1), y.mul_(2))[2],
    "written through a part": lambda x: (y := x * 2, y[:, :4].add_(1), y[:, 2:6].mul_(3), y.sum())[3],
    "shifts": lambda x: F.pad(x.roll(1, 2).flip(3), (1, 1, 1, 1), mode="reflect"),
    "resampling": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear") + F.interpolate(x, size=(32, 32)),
    "pools": lambda x: F.adaptive_avg_pool2d(x, (3, 5)) + F.adaptive_max_pool2d(x, (3, 5)),
    "sums": lambda x: x.var(1) + x.std(1) + x.logsumexp(1) + x.max(1)[0] + x.norm(dim=1) + x.cumsum(1).mean(1),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "activations": lambda x: F.gelu(x) + F.silu(x) + F.mish(x) + F.hardswish(x) + F.elu(x) + F.glu(x, 1)[:, :1],
    "parts": lambda x: torch.cat([*x.chunk(2, 1), *x.split([3, 5], 1), x[:, -1:], x.unbind(1)[0][:, None]], 1),
    "other names": lambda x: torch.multiply(torch.subtract(x, 1), torch.true_divide(x, x)).swapdims(1, 2).mT,
    "stacks": lambda x: torch.vstack([x[0, 0], *torch.atleast_2d(x[0, 1], x[0, 2])]).sum() + torch.dstack([x, x]),
    "similarities": lambda x: F.cosine_similarity(x, x * 2).sum() + F.pairwise_distance(x, x).sum() + torch.cdist(x, x),
    "grids": lambda x: x + torch.stack(torch.meshgrid(x[0, 0, 0], x[0, 0, 1], indexing="xy")).sum(0),
    "products": lambda x: torch.inner(x, x).sum() + torch.kron(*x[0, :2]).sum() + torch.linalg.multi_dot([*x[0, :3]]),
    "losses": lambda x: F.l1_loss(x, x * 2) + F.kl_div(x, x * 2) + F.cross_entropy(x, torch.zeros(1, 16, 16).long()),
    "indices": lambda x: x[:, [0, 2, 1]] + x.index_select(1, torch.tensor([0, 1, 2])) + x.diff(dim=1)[:, :3],
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_the_counts_of_their_run(name: str, tmp_path: Path) -> None:
    module = Apply(FUNCTIONS[name])
    network, live = sepcalc.load(saved(tmp_path, module, torch.ones(X))), sepcalc.from_torch(module, torch.ones(X))
    assert network.complete
    assert network.cost == live.cost
    works = [[layer.kind for layer in one.layers if layer.op.writes] for one in (network, live)]
    assert sorted(works[0]) == sorted(works[1])


def test_a_module_without_gradients_inside_is_unfolded(tmp_path: Path) -> None:
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 6)

        def forward(self, x: Any) -> Any:
            with torch.no_grad():
                x = self.a(x)
            with torch.autocast("cpu", torch.bfloat16):
                return self.b(x)

    with torch.enable_grad():
        program = torch.export.export(Partly().eval(), (torch.ones(1, 4),))
    assert "wrap_with" in str(program.graph)
    network = sepcalc.load(program)
    assert (network.macs, network.params, network.complete) == (50, 61, True)
    assert [layer.name for layer in network.layers if layer.cost.macs] == ["a", "b"]


def test_it_stops_where_a_size_depends_on_the_data() -> None:
    program = torch.export.export(Apply(lambda x: (x * 2)[x > 0].sum()), (torch.ones(4),))
    network = sepcalc.load(program)
    assert not network.complete
    assert [layer.name for layer in network.layers][-1] == "index"


def test_a_program_in_training_mode_is_not_complete(tmp_path: Path) -> None:
    program = torch.export.export(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train(), (torch.ones(2, 3, 8, 8),)
    )
    assert not sepcalc.load(program).complete


def test_from_torch_takes_a_program() -> None:
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(nn.Linear(4, 5), (torch.ones(2, 4),), dynamic_shapes=(batch,))
    assert sepcalc.from_torch(program, "4").macs == sepcalc.from_torch(program, {"input": "8x4"}).macs == 20
    with pytest.raises(InputError, match="from_torch takes a program without inputs: its shapes are known"):
        sepcalc.from_torch(program, torch.ones(2, 4))


# --- schemas ----------------------------------------------------------------------------------------------------------


def schemas() -> Iterator[Any]:
    for schema in torch._C._jit_get_all_schemas():
        library, _, name = schema.name.partition("::")
        name = name.removesuffix("_") if not name.startswith("__") else name
        if library == "aten" and name in OPERATORS and "out" not in schema.overload_name:
            yield name, schema


def plain(value: Any) -> Any:
    """A default as the table has it: one number for a list of equal ones."""
    if isinstance(value, (list, tuple)) and len({*value}) == 1:
        return value[0]
    return value


# Defaults that a row takes for a missing argument, too: none of them changes a count.
SAME = {"None", "False", "0", "0.0", "''", "[]"}


def test_defaults_are_those_of_pytorchs_schemas() -> None:
    theirs: dict[str, dict[str, set[str]]] = {}
    for name, schema in schemas():
        for argument in schema.arguments:
            if argument.has_default_value():
                default = repr(plain(argument.default_value))
                theirs.setdefault(name, {}).setdefault(argument.name, set()).add(default)
    for name, values in DEFAULTS.items():
        for argument, value in values.items():
            assert repr(value) in theirs[name][argument], (name, argument)
    rooms = Path(sepcalc.__file__).parent / "importers" / "aten"
    read = {word for path in rooms.glob("*.py") for word in re.findall(r'"(\w+)"', path.read_text())}
    forgotten = {
        (name, argument)
        for name, row in OPERATORS.items()
        if row.handle
        for argument, defaults in theirs.get(name, {}).items()
        if argument in read and defaults - SAME and argument not in DEFAULTS.get(name, {})
    }
    assert forgotten == NOT_READ


# Arguments that these operators have under a name that the rows of others read.
_UNREAD = {
    "dtype": "randint randperm",
    "end": "index",
    "eps": "group_norm layer_norm",
    "max": "split",
    "mean": "log_normal",
    "std": "log_normal normal normal_functional",
    "threshold": "softplus",
    "to": "uniform",
}
NOT_READ = {(name, argument) for argument, names in _UNREAD.items() for name in names.split()}
