"""What a TFLite file is refused for, in whole messages."""

import struct
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tflite_files import G, Op, T, saved, stored, written

from sepcalc import InputError, load
from sepcalc.importers.common.flatbuffer import Source
from sepcalc.importers.tflite.model import Model

RELU = G([Op("RELU", "x", "y")], {"x": T((1, 4)), "y": T((1, 4))})
OPEN = G([Op("RELU", "x", "y")], {"x": T((1, 1), signature=(1, -1)), "y": T((1, 1), signature=(1, -1))})
MISFIT = G([Op("RELU", "x", "y")], {"x": T((1, 4)), "y": T((1, 5))})
BIAS = G([Op("FULLY_CONNECTED", "x w b", "y")], {"x": T((1, 4)), "w": stored(3, 4), "b": stored(2), "y": T((1, 3))})
CASES = {
    "an open axis": (OPEN, {}, ": the input 'x': its shape 1x? leaves sizes open"),
    "a signature": (RELU, {"signature": "train"}, ": it has no signature 'train'"),
    "an input": (RELU, {"input": {"z": "1x4"}}, ": it has no input 'z'"),
    "a shape": (MISFIT, {}, ": y: RELU gives 1x4, but the file says 1x5"),
    "a bias": (BIAS, {}, ": y: its bias is 2: expected 3"),
}


@pytest.mark.parametrize(("graph", "asked", "message"), CASES.values(), ids=list(CASES))
def test_it_is_told_what_is_wrong(graph: G, asked: dict[str, Sequence[str]], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path, graph)
    with pytest.raises(InputError) as caught:
        load(path, **asked)
    assert str(caught.value).partition("\n")[0] == f"{path}{message}"


# --- what is small in a file, and large when it is read --------------------------------------------------------------


def shared(folder: Path, graphs: Sequence[G], table: str, field: str, run: bytes, steps: int = 0, **more: Any) -> Path:
    """A file whose tables of a kind have one list together, or each one that begins ``steps`` bytes later."""
    data = bytearray(written(*graphs, **more))
    model = Model(bytes(data))
    root = model.graph(0).table if table == "operators" else model.root
    places = [one.place(field) for one in root.items(table, 1000)]
    data += bytes(-len(data) % 4)
    for at, place in enumerate(one for one in places if one):
        struct.pack_into("<I", data, place, len(data) + at * steps - place)
    path = folder / "net.tflite"
    path.write_bytes(data + run)
    return path


def message(path: Path, **asked: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(path, **asked)
    return str(caught.value).removeprefix(f"{path}: ").partition("\n")[0]


def chain(many: int) -> G:
    """Operators one after another."""
    tensors = {f"t{at}": T((1, 4)) for at in range(many + 1)}
    ops = [Op("ADD_N", f"t{at} t{at}", f"t{at + 1}") for at in range(many)]
    return G(ops, tensors, "t0", f"t{many}")


def test_operators_that_share_a_list_of_many_are_refused(tmp_path: Path) -> None:
    """51 operators that read one list of 10,000: 510,000."""
    run = struct.pack("<10001I", 10_000, *[0] * 10_000)
    path = shared(tmp_path, [chain(51)], "operators", "inputs", run)
    told = "this is no TFLite model, or it is damaged: its operators read more than 500,000 tensors"
    assert message(path) == told


def test_signatures_that_share_a_list_of_many_are_refused(tmp_path: Path) -> None:
    """6 signatures that name 10,000 tensors each."""
    empty = struct.pack("<HHi", 4, 4, 4)  # a table without fields, behind the list
    run = struct.pack("<10001I", 10_000, *range(40_004, 4, -4)) + empty
    signatures = [(f"s{at}", 0, {"x": "x"}, {"y": "y"}) for at in range(6)]
    path = shared(tmp_path, [RELU], "signature_defs", "inputs", run, signatures=signatures)
    told = "this is no TFLite model, or it is damaged: its signatures name more than 50,000 tensors"
    assert message(path) == told


def test_stored_tensors_over_each_other_are_refused(tmp_path: Path) -> None:
    """100 biases of 4 kB, each of which begins 4 bytes after the one before."""
    tensors = {"w": T((1024, 1)), "x": T((1, 1))}
    tensors |= {f"b{at}": T((1024,), b"0") for at in range(100)} | {f"y{at}": T((1, 1024)) for at in range(100)}
    graph = G([Op("FULLY_CONNECTED", f"x w b{at}", f"y{at}") for at in range(100)], tensors, outputs="y0")
    path = shared(tmp_path, [graph], "buffers", "data", struct.pack("<1200I", *[4096] * 1200), steps=4)
    told = "this is no TFLite model, or it is damaged: its stored tensors lie over each other"
    assert message(path) == told


def test_choices_between_graphs_that_share_their_branches_are_refused(tmp_path: Path) -> None:
    """11 choices, each with the next one in both of its branches: 2^11 - 1."""
    tensors = {"c": T((1,), kind="bool"), "x": T((1, 4)), "y": T((1, 4))}
    graphs = [G([Op("IF", "c c x", "y", {"then": at, "else": at})], tensors, "c x") for at in range(1, 12)]
    path = saved(tmp_path, *graphs, G([Op("RELU", "x", "y")], tensors, "c x"))
    assert message(path).endswith(": it unfolds to more than 1,000 choices")


def test_what_many_loops_share_is_read_once(tmp_path: Path) -> None:
    """Loops that depend on the data, 60 of them with one body of 1,000 operators."""
    tensors = {"c": T((1, 4), kind="bool"), "zero": stored(1, 4), **chain(1000).tensors}
    condition = G([Op("LESS", "t0 zero", "c")], tensors, "t0", "c")
    loops = [Op("WHILE", f"t{at}", f"t{at + 1}", {"cond": 1, "body": 2}) for at in range(60)]
    network = load(saved(tmp_path, G(loops, tensors, "t0", "t60"), condition, chain(1000)))
    assert [one.kind for one in network.uncounted] == ["WHILE"] * 60


def test_tables_that_say_they_have_many_fields_take_no_memory() -> None:
    """1,000 vtables of 64 kB, each of which begins 64 bytes after the one before: 32 million places of fields."""
    data = struct.pack("<32H", 0xFFFE, *[0] * 31) * 1000 + bytes(0x10000)
    source = Source(data, {})
    tracemalloc.start()
    for at in range(1000):
        assert not any(source.slots(64 * at)[:30])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
