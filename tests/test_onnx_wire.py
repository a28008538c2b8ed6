"""ONNX files whose weights are never loaded: what is left of a file is what protobuf itself makes of it with the large
payloads cleared, a file far larger than memory opens, and damaged ones are answered."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="reading ONNX needs the extra: pip install -e '.[onnx]'")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sepcalc.errors import InputError
from sepcalc.importers.onnx import read, wire
from sepcalc.network import Network

BIG = 70_000  # elements of four bytes: more than is kept


def raw(name: str, elements: int = BIG, kind: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.arange(elements).astype(kind), name)


def listed(name: str, kind: int, elements: int = BIG) -> Any:
    return helper.make_tensor(name, kind, (elements,), [1 << 28] * elements)


def constant(name: str) -> Any:
    return helper.make_node("Constant", [], [name], value=raw(name))


def every_place() -> Any:
    """A model that holds large tensors, and a small one, wherever ONNX lets them stand."""
    none = helper.make_empty_tensor_value_info
    then = helper.make_graph([constant("t")], "then", [], [none("t")], [raw("inner")])
    other = helper.make_graph([constant("e")], "else", [], [none("e")])
    sparse = onnx.SparseTensorProto(values=raw("sv"), indices=raw("si", kind=np.int64), dims=[10**6])
    nodes = [
        constant("w"),
        helper.make_node("If", ["c"], ["b"], "if", then_branch=then, else_branch=other),
        helper.make_node("Relu", ["x"], ["y"], tensors=[raw("one"), raw("few", 3)], doc_string="long" * BIG),
    ]
    stored = [
        raw("small", 100), raw("bytes", 300_000, np.int8), listed("floats", 1), listed("longs", 7), listed("ints", 6),
        listed("doubles", 11), listed("unsigned", 13), helper.make_tensor("texts", 8, (BIG,), [b"four"] * BIG),
    ]  # fmt: skip
    given = [helper.make_tensor_value_info("x", 1, (1, 8)), helper.make_tensor_value_info("c", 9, ())]
    graph = helper.make_graph(nodes, "g", given, [none("y")], stored, sparse_initializer=[sparse])
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("local", "F", [], ["k"], [constant("k")], opsets)
    return helper.make_model(graph, opset_imports=opsets, functions=[function])


PAYLOADS = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data")


def tensors(message: Any) -> Iterator[Any]:
    """Every tensor in a message, as protobuf itself walks it."""
    if isinstance(message, TensorProto):
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if not hasattr(value, "ListFields") else [value]:
                yield from tensors(one)


def test_the_payloads_of_large_tensors_are_left_out_and_nothing_else() -> None:
    model = every_place()
    left = wire.without_weights(memoryview(model.SerializeToString()))
    emptied = 0
    for tensor in tensors(model):
        for name in PAYLOADS:
            if len(getattr(tensor, name)) >= BIG:
                tensor.ClearField(name)
                emptied += 1
    assert emptied == 14
    left = onnx.load_model_from_string(left).SerializeToString(deterministic=True)
    assert left == model.SerializeToString(deterministic=True)
    assert len(left) < 1_000_000  # the texts, each with a length of its own, and the long words


def test_small_files_and_small_tensors_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(every_place().SerializeToString()[: wire.SMALL])
    with path.open("rb") as file:
        assert wire.read_graph(file) == path.read_bytes()
    graph = helper.make_graph([], "g", [], [], [raw(f"t{at}", 16_384, np.complex128) for at in range(20)])
    whole = helper.make_model(graph).SerializeToString()
    assert len(whole) > wire.SMALL
    assert wire.without_weights(memoryview(whole)) == whole


def product(stored: Any) -> Any:
    """x, of 1 x 8, times the stored tensor."""
    x = helper.make_tensor_value_info("x", 1, (1, 8))
    y = helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [stored])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def number(value: int) -> bytes:
    """A varint, in ten bytes whatever it is."""
    return bytes([value >> 7 * at & 127 | 128 for at in range(9)]) + bytes([value >> 63])


def of_size(path: Path, payload: int) -> None:
    """A model whose weights stand in it, with a hole in the file where their bytes would be."""
    stored = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(8, payload // 32))
    model = product(stored)
    graph = model.graph
    model.ClearField("graph")
    graph.ClearField("initializer")
    tensor = stored.SerializeToString() + b"\x4a" + number(payload)
    head = graph.SerializeToString() + b"\x2a" + number(len(tensor) + payload) + tensor
    head = model.SerializeToString() + b"\x3a" + number(len(head) + payload) + head
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + payload)


MEASURED = """
import re, sys
from sepcalc.importers.onnx import read
network = read(sys.argv[1])
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())  # getrusage knows the parent's, too
print(network.params, network.macs, int(peak[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux tells it")
def test_three_gigabytes_of_weights_open_in_the_memory_of_their_graph(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    of_size(path, 3 << 30)
    ran = subprocess.run([sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True)
    params, macs, mebibytes = map(int, ran.stdout.split())
    assert params == macs == 3 << 28
    assert mebibytes < 200


def test_a_table_of_whole_numbers_is_read_with_its_values(tmp_path: Path) -> None:
    table = numpy_helper.from_array(np.full((10_000,), 2, np.int64), "to")  # 80,000 bytes
    x, y = helper.make_tensor_value_info("x", 1, (1, 8)), helper.make_empty_tensor_value_info("y")
    nodes = [helper.make_node("Gather", ["x", "to"], ["y"], axis=1)]
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(helper.make_graph(nodes, "g", [x], [y], [table])).SerializeToString())
    assert read(str(path)).outputs == {"y": (10_000,)}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    data = product(numpy_helper.from_array(np.ones((8, 200_000), np.float32), "w")).SerializeToString()
    assert len(data) > wire.SMALL
    pipe = tmp_path / "m.onnx"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert read(str(pipe)).macs == 1_600_000
    writer.join()


# --- damaged ----------------------------------------------------------------------------------------------------------

DAMAGED = "FILE: this is no ONNX model, or it is damaged"


def answer(path: Path, data: bytes) -> Network | str:
    path.write_bytes(data)
    try:
        return read(str(path))
    except InputError as error:
        return str(error).replace(str(path), "FILE")


def test_large_files_that_are_damaged_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SMALL", 1_000)
    monkeypatch.setattr(wire, "BIG", 2_000)
    data = product(numpy_helper.from_array(np.ones((8, 2_100), np.float32), "w")).SerializeToString()
    path, chance = tmp_path / "m.onnx", random.Random(0)
    assert not isinstance(answer(path, data), str)
    for at in [*range(1_000, len(data), 997), len(data) - 1]:
        assert answer(path, data[:at]) == DAMAGED
    outer = [at for at in range(len(data)) if not 150 < at < len(data) - 60]  # not the numbers themselves
    for _ in range(300):
        broken = bytearray(data)
        broken[chance.choice(outer)] ^= 1 << chance.randrange(8)
        answer(path, bytes(broken))
        answer(path, chance.randbytes(3_000))


def nested(depth: int) -> bytes:
    """Graphs in attributes of nodes of graphs, with a long name in the last."""
    data = b"\x12" + number(wire.BIG + 1) + b"n" * (wire.BIG + 1)
    for _ in range(depth):
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # the graph of an attribute of a node of a graph
            data = tag + number(len(data)) + data
    return b"\x3a" + number(len(data)) + data


NONE = {
    "a field ends behind its message": b"\x3a" + number(1 << 60) + bytes(wire.SMALL),
    "a number does not end": b"\x3a" + b"\xff" * (wire.SMALL + 1),
    "no field has the wire type 3": b"\x3b" * (wire.SMALL + 1),
    "there is no field 0": bytes(wire.SMALL + 1),
    "none after so many": b"\x08\x01" * wire.SMALL,
    "ends behind": b"\x0a" + number(wire.SMALL) + bytes(wire.SMALL) + b"\x09",  # eight bytes that are not there
    "too deep": nested(50) + bytes(wire.SMALL),
}


@pytest.mark.parametrize("why", NONE)
def test_large_files_that_are_no_models(why: str, tmp_path: Path) -> None:
    assert answer(tmp_path / "m.onnx", NONE[why]) == DAMAGED
    with pytest.raises(ValueError, match=why):
        wire.without_weights(memoryview(NONE[why]))
