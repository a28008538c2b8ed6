"""Older opsets: operators that said otherwise what they say today, and those that are no more. What they meant is from
ONNX's change log; the counts are worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sepcalc.errors import InputError
from sepcalc.importers.onnx import read
from sepcalc.importers.onnx.older import OLDER
from sepcalc.network import Network
from sepcalc.shape import Shape
from sepcalc.verification import verify


def stored(**shapes: Shape) -> list[Any]:
    return [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in shapes.items()]


def network(folder: Path, opset: int, nodes: list[Any], weights: list[Any], shape: Shape = (1, 3, 8, 8)) -> Network:
    """Of a file as they were then: what is stored is among the inputs, too."""
    tensors = [("x", shape), *[(one.name, tuple(one.dims)) for one in weights]]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name, sizes in tensors]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    made = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, weights),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=3,
    )
    path = folder / "m.onnx"
    path.write_bytes(made.SerializeToString())
    return read(str(path))


def node(operator: str, inputs: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), ["y"], operator.lower(), **attributes)


CONV = helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1, 1, 1])
KERNELS = {"w": (4, 3, 3, 3)}


@pytest.mark.parametrize("opset", [1, 6])
@pytest.mark.parametrize(("along", "axis"), [((4,), 1), ((4, 8), 1), ((8, 8), 2), ((8, 8), -2), ((4,), -3)])
def test_a_stored_operand_lay_along_an_axis(opset: int, along: Shape, axis: int, tmp_path: Path) -> None:
    nodes = [CONV, node("Add", "c b", broadcast=1, axis=axis)]
    found = network(tmp_path, opset, nodes, stored(**KERNELS, b=along))
    assert found.outputs == {"y": (8, 8, 4)}
    assert (found.macs, found.params, found.cost.adds) == (64 * 108, 108 + int(np.prod(along)), 256 * 26 + 256)
    assert verify(found).ok


def test_channels_were_scaled_by_what_was_computed(tmp_path: Path) -> None:
    """Squeeze and excite: 4 factors for 4 channels."""
    nodes = [
        CONV,
        helper.make_node("GlobalAveragePool", ["c"], ["g"]),
        helper.make_node("Reshape", ["g"], ["f"], shape=[1, 4]),
        helper.make_node("Gemm", ["f", "v", "b"], ["e"], broadcast=1),
        helper.make_node("Sigmoid", ["e"], ["s"]),
        node("Mul", "c s", broadcast=1, axis=0),
    ]
    found = network(tmp_path, 4, nodes, stored(**KERNELS, v=(4, 4), b=(4,)))
    assert (found.outputs, found.macs, found.params) == ({"y": (8, 8, 4)}, 64 * 108 + 16, 108 + 20)
    assert found.layers[-1].cost.mults == 256
    assert verify(found).ok


def test_a_file_from_before_there_were_opsets(tmp_path: Path) -> None:
    network(tmp_path, 1, [helper.make_node("Concat", ["x", "x"], ["y"])], [])
    made = onnx.load(str(tmp_path / "m.onnx"))
    made.ir_version = 2
    del made.opset_import[:]
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    assert read(str(tmp_path / "m.onnx")).outputs == {"y": (6, 8, 8)}


def test_what_does_not_lie_along_is_refused(tmp_path: Path) -> None:
    nodes = [CONV, node("Add", "c b", broadcast=1, axis=3)]
    with pytest.raises(InputError, match=r"'add' \(Add\): 4x8 does not broadcast to 1x4x8x8 from axis 3 on"):
        network(tmp_path, 6, nodes, stored(**KERNELS, b=(4, 8)))


@pytest.mark.parametrize(
    ("opset", "changed", "shape"),
    [
        (3, helper.make_node("Concat", ["x", "x"], ["c"]), (8, 8, 6)),
        (1, helper.make_node("Pad", ["x"], ["c"], paddings=[0, 0, 1, 2, 0, 0, 1, 0]), (10, 10, 3)),
        (6, helper.make_node("Upsample", ["x"], ["c"], height_scale=2.0, width_scale=1.5), (16, 12, 3)),
        (5, helper.make_node("Cast", ["x"], ["c"], to="FLOAT16"), (8, 8, 3)),
        (1, helper.make_node("Crop", ["x"], ["c"], border=[1, 2, 3, 0]), (6, 4, 3)),
        (1, helper.make_node("Crop", ["x"], ["c"], border=[1, 2, 0, 0], scale=[3, 5]), (3, 5, 3)),
    ],
    ids=lambda value: getattr(value, "op_type", ""),
)
def test_what_moves_elements(opset: int, changed: Any, shape: Shape, tmp_path: Path) -> None:
    found = network(tmp_path, opset, [changed, node("Conv", "c w")], stored(w=(4, shape[-1], 1, 1)))
    positions = shape[0] * shape[1]
    assert (found.layers[-1].inputs, found.macs) == ((shape,), positions * shape[-1] * 4)
    assert found.params == shape[-1] * 4
    assert verify(found).ok


@pytest.mark.parametrize(
    ("operator", "attributes", "mults", "adds", "specials"),
    [
        ("ImageScaler", {"scale": 0.5, "bias": [1.0, 2.0, 3.0]}, 192, 192, 0),
        ("ImageScaler", {"scale": 0.5}, 192, 0, 0),
        ("Affine", {"alpha": 2.0, "beta": 1.0}, 192, 192, 0),
        ("Scale", {"scale": 2.0}, 192, 0, 0),
        ("ScaledTanh", {"alpha": 2.0, "beta": 1.0}, 384, 0, 192),
    ],
)
def test_operators_of_the_first_opset(
    operator: str, attributes: dict[str, Any], mults: int, adds: int, specials: int, tmp_path: Path
) -> None:
    found = network(tmp_path, 6, [node(operator, "x", **attributes)], [])
    cost = found.cost
    assert (cost.mults, cost.adds, cost.specials, cost.params) == (mults, adds, specials, 0)
    assert found.complete
    assert verify(found).ok


def test_all_of_them_were_worked_out() -> None:
    assert set(OLDER) == {"ImageScaler", "Affine", "Scale", "ScaledTanh", "Crop"}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (node("Crop", "x", border=[1, 1, 8, 1]), "'crop' (Crop): it crops more than 1x3x8x8 has"),
        (node("Crop", "x"), "'crop' (Crop): it needs images, and four border sizes"),
        (node("ImageScaler", "x", bias=[1.0, 2.0]), "'imagescaler' (ImageScaler): its bias is not one number per"),
        (node("Cast", "x", to="HALF"), "'cast' (Cast): 'HALF' is not an element type"),
    ],
    ids=["crop", "no border", "bias", "cast"],
)
def test_what_they_cannot_mean_is_refused(bad: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        network(tmp_path, 1, [bad], [])
    assert said in str(caught.value)
