"""TFLite graphs that compute sizes for themselves, as a spectrogram does: shapes that the file leaves open follow."""

from pathlib import Path

from tflite_files import G, Op, T, numbers, saved, stored

from sepcalc import load

SPECTROGRAM = G(
    [
        Op("SHAPE", "x", "shape"),
        Op("SPLIT_V", "shape sizes zero", "examples samples none"),
        Op("RESHAPE", "samples none", "many"),
        Op("FLOOR_DIV", "many two", "frames"),
        Op("PACK", "frames two", "framed", {"values_count": 2, "axis": 0}),
        Op("CONCATENATION", "examples framed", "to", {"axis": 0}),
        Op("RESHAPE", "x to", "cut"),
        Op("RFFT2D", "cut length", "spectrum"),
        Op("COMPLEX_ABS", "spectrum", "size"),
        Op("FULLY_CONNECTED", "size w", "y", {"keep_num_dims": True}),
    ],
    {
        "x": T((1, 8), signature=(-1, 8)),
        "shape": T((2,), kind="int32"),
        "sizes": numbers(1, 1, 0),
        "zero": numbers(0, shape=()),
        "two": numbers(2, shape=()),
        "examples": T((1,), kind="int32"),
        "samples": T((1,), kind="int32"),
        "none": T((0,), kind="int32"),
        "many": T((), kind="int32"),
        "frames": T((), kind="int32"),
        "framed": T((2,), kind="int32"),
        "to": T((3,), kind="int32"),
        "cut": T((1, 1, 2), signature=(-1, -1, 2)),
        "length": numbers(4, 2),
        "spectrum": T((1, 1, 2), signature=(-1, -1, 2)),
        "size": T((1, 1, 2), signature=(-1, -1, 2)),
        "w": stored(3, 2),
        "y": T((1, 1, 3), signature=(-1, -1, 3)),
    },
)


def test_it_follows_sizes_that_the_graph_computes(tmp_path: Path) -> None:
    """8 samples are 4 frames of 2, of 2 frequencies each: 4·2·3 macs, though the file's own shapes say 1 frame."""
    network = load(saved(tmp_path, SPECTROGRAM))
    assert network.outputs["y"] == (4, 3)
    assert network.macs == 24
    assert [one.kind for one in network.uncounted] == ["RFFT2D", "COMPLEX_ABS"]
