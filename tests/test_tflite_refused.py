"""What a TFLite file is refused for, in whole messages."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tflite_files import G, Op, T, saved, stored

from sepcalc import InputError, load

RELU = G([Op("RELU", "x", "y")], {"x": T((1, 4)), "y": T((1, 4))})
OPEN = G([Op("RELU", "x", "y")], {"x": T((1, 1), signature=(1, -1)), "y": T((1, 1), signature=(1, -1))})
MISFIT = G([Op("RELU", "x", "y")], {"x": T((1, 4)), "y": T((1, 5))})
BIAS = G([Op("FULLY_CONNECTED", "x w b", "y")], {"x": T((1, 4)), "w": stored(3, 4), "b": stored(2), "y": T((1, 3))})
CASES = {
    "an open axis": (OPEN, {}, ": the input 'x': its shape 1x? leaves sizes open"),
    "a signature": (RELU, {"signature": "train"}, ": it has no signature 'train'"),
    "an input": (RELU, {"input": {"z": "1x4"}}, ": it has no input 'z'"),
    "a shape": (MISFIT, {}, ": y: RELU gives 1x4, but the file says 1x5"),
    "a bias": (BIAS, {}, ": y: a bias of 2 does not fit FULLY_CONNECTED: expected 3"),
}


@pytest.mark.parametrize(("graph", "asked", "message"), CASES.values(), ids=list(CASES))
def test_it_is_told_what_is_wrong(graph: G, asked: dict[str, Sequence[str]], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path, graph)
    with pytest.raises(InputError) as caught:
        load(path, **asked)
    assert str(caught.value).partition("\n")[0] == f"{path}{message}"
