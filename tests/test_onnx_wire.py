"""ONNX files whose weights are never loaded: what is read of a file is what protobuf itself reads, a file far larger
than memory opens, and damaged ones are answered."""

import os
import random
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sepcalc.errors import InputError
from sepcalc.importers.common import protobuf
from sepcalc.importers.common.protobuf import parse
from sepcalc.importers.onnx import read
from sepcalc.importers.onnx.schema import ONNX
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


ROWS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


def compared(message: Any, found: Any, differ: list[str]) -> None:
    """Compares a message that protobuf read with one that was read here, field by field of those that are read."""
    known = {field.name for field in found.fields.values()}
    for field in message.DESCRIPTOR.fields:
        if field.name not in known:
            continue
        whole, own = getattr(message, field.name), getattr(found, field.name)
        if field.message_type is None:
            own = own.read() if field.name == "raw_data" else own
            if (list(whole) != list(own)) if isinstance(own, list | tuple) else (whole != own):
                differ.append(field.name)
            continue
        repeated = not hasattr(whole, "ListFields")
        if not repeated:
            assert message.HasField(field.name) == found.has(field.name)
        pairs = zip(whole, own, strict=True) if repeated else [(whole, own)] if message.HasField(field.name) else []
        for one, other in pairs:
            compared(one, other, differ)


def test_every_field_is_what_protobuf_reads_but_for_long_rows_of_numbers() -> None:
    model, differ = every_place(), list[str]()
    compared(model, parse(model.SerializeToString(), ONNX, "Model"), differ)
    assert sorted(differ) == sorted(ROWS)
    differ.clear()
    compared(model, parse(model.SerializeToString(), ONNX, "Model", whole=True), differ)
    assert not differ


def test_a_message_that_is_there_twice_has_the_fields_of_both() -> None:
    """As protobuf has it: else a file could hide its graph behind an empty one."""
    first, second = product(raw("w", 8)), onnx.ModelProto(ir_version=9)
    second.graph.node.add(op_type="Relu")
    data = first.SerializeToString() + second.SerializeToString()
    found = parse(data, ONNX, "Model")
    assert [node.op_type for node in found.graph.node] == ["MatMul", "Relu"]
    differ: list[str] = []
    compared(onnx.load_model_from_string(data), found, differ)
    assert not differ


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
    assert mebibytes < 60


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
    assert len(data) > protobuf.SMALL
    pipe = tmp_path / "m.onnx"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert read(str(pipe)).macs == 1_600_000
    writer.join()


# --- damaged ----------------------------------------------------------------------------------------------------------

DAMAGED = "FILE: this is not an ONNX model, or it is damaged"


def answer(path: Path, data: bytes) -> Network | str:
    path.write_bytes(data)
    try:
        return read(str(path))
    except InputError as error:
        return str(error).replace(str(path), "FILE")


def test_large_files_that_are_damaged_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "SMALL", 1_000)
    monkeypatch.setattr(protobuf, "BIG", 2_000)
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
    data = b"\x12" + number(protobuf.BIG + 1) + b"n" * (protobuf.BIG + 1)
    for _ in range(depth):
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # the graph of an attribute of a node of a graph
            data = tag + number(len(data)) + data
    return b"\x3a" + number(len(data)) + data


NONE = {
    "a field ends after the end of its message": b"\x3a" + number(1 << 60) + bytes(protobuf.SMALL),
    "a number does not end": b"\x3a" + b"\xff" * (protobuf.SMALL + 1),
    "no field has the wire type 3": b"\x3b" * (protobuf.SMALL + 1),
    "there is no field 0": bytes(protobuf.SMALL + 1),
    "too many fields": b"\x08\x01" * protobuf.SMALL,
    "ends after": b"\x12" + number(protobuf.SMALL) + bytes(protobuf.SMALL) + b"\x09",  # eight bytes that are not there
    "too deep": nested(50) + bytes(protobuf.SMALL),
}


@pytest.mark.parametrize(
    ("where", "each"),
    [
        ((b"\x3a", b"\x2a", b"\x0a"), 1),
        ((b"\x3a", b"\x0a", b"\x2a", b"\x42"), 1),
        ((b"\x3a", b"\x0a", b"\x2a", b"\x3a"), 4),
    ],
    ids=["the axes of an initializer", "the ints of an attribute", "the floats of an attribute"],
)
def test_more_numbers_than_a_file_has_fields_are_refused_before_they_are_read(
    where: tuple[bytes, ...], each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of 4 MB would be 50 MB of Python's numbers."""
    monkeypatch.setattr(protobuf, "MAX_FIELDS", 100_000)
    data = bytes(each * 1_000_000)
    for tag in reversed(where):
        data = tag + number(len(data)) + data
    tracemalloc.start()
    with pytest.raises(ValueError, match="too many fields"):
        parse(data, ONNX, "Model")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.parametrize("why", NONE)
def test_large_files_that_are_no_models(why: str, tmp_path: Path) -> None:
    assert answer(tmp_path / "m.onnx", NONE[why]) == DAMAGED
    with pytest.raises(ValueError, match=why):
        parse(NONE[why], ONNX, "Model")


def test_more_messages_than_memory_may_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MAX_MESSAGES", 1_000)
    graph = b"\x0a\x02\x22\x00" * 1_000  # nodes of an empty type; the model and its graph are messages, too
    assert answer(tmp_path / "m.onnx", b"\x3a" + number(len(graph)) + graph) == DAMAGED
    with pytest.raises(ValueError, match="too many messages"):
        parse(graph, ONNX, "Graph")
    parse(graph[:-4], ONNX, "Graph")


EMPTY = {  # of a graph's fields, whose last is an empty message: what is said of 200,000 of them
    "nodes": (b"\x0a\x00", 0, ": it has 200,000 nodes\n  hint: expected at most 100,000"),
    "stored tensors": (b"\x2a\x00", 1, ": it has 200,000 stored tensors\n  hint: expected at most 100,000"),
    "shapes": (b"\x6a\x00", 1, ": no output depends on the inputs"),
    "one's attributes": (b"\x2a\x00", 2, ": no output depends on the inputs"),
    "fields that are not read": (b"\x52\x00", 1, ": no output depends on the inputs"),
}


@pytest.mark.parametrize("what", EMPTY)
def test_thousands_of_empty_messages_take_no_memory_of_their_own(what: str, tmp_path: Path) -> None:
    each, depth, says = EMPTY[what]
    many = each * 200_000
    graph = [many, b"\x0a\x00" + many, b"\x0a" + number(len(many)) + many][depth]
    tracemalloc.start()
    assert answer(tmp_path / "m.onnx", b"\x3a" + number(len(graph)) + graph) == f"FILE{says}"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_an_empty_message_is_whole_and_grows_by_itself() -> None:
    """A message that stands twice is merged: an empty one first, then one with fields, and the other way round."""
    graphs = [parse(data, ONNX, "Model").graph for data in (b"\x3a\x00\x3a\x03\x12\x01g", b"\x3a\x03\x12\x01g\x3a\x00")]
    assert [one.name for one in graphs] == ["g", "g"]
    two = parse(b"\x0a\x00\x0a\x03\x22\x01A\x0a\x00", ONNX, "Graph").node
    assert [one.op_type for one in two] == ["", "A", ""]
    assert parse(b"\x3a\x00", ONNX, "Model").has("graph")
    data = b"\x0a\x00\x0a\x00\x12\x01n"  # two nodes and a name; the next file starts anew
    assert [parse(data, ONNX, "Graph").node[0].name for _ in range(2)] == ["", ""]
