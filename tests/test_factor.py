"""Which kernels separate: factors by hand, NumPy's own singular values, and every refusal, whole."""

import json
import os
import re
import struct
from collections.abc import Callable
from fractions import Fraction
from math import gcd, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sepcalc
from sepcalc.cli import run
from sepcalc.errors import InputError
from sepcalc.factoring import Factoring, chains, exact, proof, schemes, spectra
from sepcalc.factoring.named import KERNELS
from sepcalc.verification.counting import Tally, counting

ONE = [1, 1, 1]
BINOMIAL = {3: [1, 2, 1], 5: [1, 4, 6, 4, 1], 7: [1, 6, 15, 20, 15, 6, 1]}
SEPARABLE: list[tuple[str, list[list[int]], str]] = [
    ("sobel-x", [[1, 2, 1], [-1, 0, 1]], "1"),
    ("sobel", [[1, 2, 1], [-1, 0, 1]], "1"),
    ("sobel-y", [[1, 0, -1], [-1, -2, -1]], "1"),
    ("scharr-x", [[3, 10, 3], [-1, 0, 1]], "1"),
    ("scharr-y", [[1, 0, -1], [-3, -10, -3]], "1"),
    ("prewitt-x", [ONE, [-1, 0, 1]], "1"),
    ("prewitt-y", [[1, 0, -1], [-1, -1, -1]], "1"),
    ("gaussian", [BINOMIAL[3]] * 2, "1/16"),
    ("gaussian-3", [BINOMIAL[3]] * 2, "1/16"),
    ("gaussian-5", [BINOMIAL[5]] * 2, "1/256"),
    ("gaussian-7", [BINOMIAL[7]] * 2, "1/4096"),
    ("binomial-7", [BINOMIAL[7]] * 2, "1/4096"),
    ("box-3", [ONE] * 2, "1/9"),
    ("box-5", [[1] * 5] * 2, "1/25"),
    ("tent-5", [[1, 2, 3, 2, 1]] * 2, "1/81"),
    ("identity", [[0, 1, 0]] * 2, "1"),
    ("-1 0 1; -2 0 2; -1 0 1", [[1, 2, 1], [-1, 0, 1]], "1"),
    ("3 6 9; 4 8 12; 5 10 15", [[3, 4, 5], [1, 2, 3]], "1"),
    ("0.25, 0.5; 0.5, 1", [[1, 2], [1, 2]], "1/4"),
    ("2 2; 2 2", [[1, 1], [1, 1]], "2"),
    ("-2 -4", [[1], [-1, -2]], "2"),
    ("1; 2; 1", [[1, 2, 1], [1]], "1"),
    ("5", [[1], [1]], "5"),
    ("0 0; 0 0", [[0, 0], [0, 0]], "0"),
    ("1 2; 2 4 | 3 6; 6 12", [[1, 3], [1, 2], [1, 2]], "1"),
    ("-1 0 1 | -2 0 2", [[1, 2], [1], [-1, 0, 1]], "1"),
]
RANKS = {
    "roberts-x": 2, "roberts-y": 2, "kirsch": 2, "laplacian": 2, "laplacian-4": 2, "laplacian-8": 2, "log": 3,
    "gabor": 2, "gabor-0": 1, "gabor-45": 2, "gabor-90": 1, "motion-5": 5, "sharpen": 2, "unsharp": 2, "emboss": 3,
    "outline": 2, "gaussian-5@1.4": 1,
}  # fmt: skip


def counter() -> Any:
    tally = Tally()
    kind = counting(tally)
    return tally, lambda array: array.view(kind)


def refusal(kernel: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        sepcalc.factor(kernel, **options)
    return str(caught.value)


# --- exactly ---


@pytest.mark.parametrize(("text", "factors", "scale"), SEPARABLE, ids=[case[0] for case in SEPARABLE])
def test_exact_factors_by_hand(text: str, factors: list[list[int]], scale: str) -> None:
    found = sepcalc.factor(text)
    assert [list(factor) for factor in found.factors or ()] == factors
    assert (str(found.scale), found.separable, found.tolerance) == (scale, True, None)
    assert found.rank == (0 if scale == "0" else 1)
    assert set(found.errors) == {0.0}
    assert found.separated
    assert proof.exactly(found.kernel, found.separated, counter)


@pytest.mark.parametrize("name", RANKS)
def test_ranks_of_named_kernels(name: str) -> None:
    found = sepcalc.factor(name)
    assert (found.rank, found.separable) == (RANKS[name], RANKS[name] == 1)
    assert found.factors is None
    assert np.linalg.matrix_rank(found.kernel.values) == RANKS[name]


def test_every_name_is_tried() -> None:
    tried = {case[0] for case in SEPARABLE} | set(RANKS)
    assert all(any(word == name or word.startswith(f"{name}-") for word in tried) for name in KERNELS)


integers = st.lists(st.integers(-50, 50), min_size=1, max_size=6).filter(any)


@given(st.lists(integers, min_size=2, max_size=3), st.fractions(max_denominator=40).filter(bool))
def test_factors_multiply_back(vectors: list[list[int]], scale: Fraction) -> None:
    shape = tuple(map(len, vectors))
    entries = [scale * prod(v[at] for v, at in zip(vectors, index, strict=True)) for index in np.ndindex(shape)]
    found = exact.separate(shape, entries)
    assert found
    for factor in found.factors:
        assert gcd(*factor) == 1
    for factor in found.factors[:-1]:
        assert next(filter(None, factor)) > 0
    assert found.scale > 0
    back = [
        found.scale * prod(f[at] for f, at in zip(found.factors, index, strict=True)) for index in np.ndindex(shape)
    ]
    assert back == entries


@given(st.lists(integers, min_size=4, max_size=4))
def test_rank_two_is_never_separable(vectors: list[list[int]]) -> None:
    a, c = (np.array((v * 3)[:3], object) for v in vectors[:2])
    b, d = (np.array((v * 3)[:3], object) for v in vectors[2:])
    matrix = np.outer(a, b) + np.outer(c, d)
    minors = [
        matrix[i, j] * matrix[k, m] - matrix[i, m] * matrix[k, j]
        for i in range(3) for k in range(i) for j in range(3) for m in range(j)
    ]  # fmt: skip
    found = sepcalc.factor(matrix)
    assert found.separable == (not any(minors))
    assert found.rank == (2 if any(minors) else int(bool(matrix.any())))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.randoms())
def test_rank_of_a_product(high: int, wide: int, inner: int, random: Any) -> None:
    draw = lambda rows, columns: np.array([[random.randint(-4, 4) for _ in range(columns)] for _ in range(rows)])  # noqa: E731
    matrix = draw(high, inner) @ draw(inner, wide)
    assert exact.rank(matrix.tolist()) == np.linalg.matrix_rank(matrix)


@pytest.mark.parametrize(
    ("rows", "columns", "largest", "is_feasible"),
    [  # rows² x columns x words of 512 bits, at most 2^22 of them
        (161, 161, 1, True),
        (162, 162, 1, False),
        (1, 2**22, 0, True),
        (2**22, 1, 0, True),
        (1, 2**22 + 1, 0, False),
        (2, 2**20, 1, True),
        (2, 2**20 + 1, 1, False),
        (128, 128, 2**11 - 1, True),  # minors of 128 entries of 11 bits: 2 words; of 12 bits: 3
        (128, 128, 2**11, False),
        (64, 64, 2**128 - 1, True),  # 16 words
        (64, 64, 2**136 - 1, False),  # 17
    ],
)
def test_a_rank_is_sought_where_that_takes_a_second(rows: int, columns: int, largest: int, is_feasible: bool) -> None:
    assert exact.feasible(rows, columns, largest) is is_feasible


def test_entries_over_their_common_denominator() -> None:
    assert exact.whole([Fraction(1, 6), Fraction(-3, 4), Fraction(2)]) == ([2, -9, 24], 12)
    assert exact.unfolded((2, 3), [1, 2, 3, 4, 5, 6], 0) == [[1, 2, 3], [4, 5, 6]]
    assert exact.unfolded((2, 3), [1, 2, 3, 4, 5, 6], 1) == [[1, 4], [2, 5], [3, 6]]
    assert exact.unfolded((2, 1, 2), [1, 2, 3, 4], 2) == [[1, 3], [2, 4]]


RANKED = [
    ([[0, 0], [0, 0]], 0),
    ([[0, 0, 0], [0, 0, 5]], 1),
    ([[1, 2], [2, 4], [3, 6]], 1),
    ([[0, 1], [1, 0]], 2),
    ([[1, 2, 3], [4, 5, 6], [7, 8, 9]], 2),
    ([[1, 2, 3], [4, 5, 6], [7, 8, 10]], 3),
    ([[0, 2, 0, 1], [0, 4, 0, 3], [0, 6, 0, 5]], 2),
    ([[7]], 1),
    ([[2, 3, 5, 7]], 1),
]


@pytest.mark.parametrize(("matrix", "found"), RANKED)
def test_ranks_by_hand(matrix: list[list[int]], found: int) -> None:
    assert exact.rank(matrix) == found
    assert exact.rank([list(column) for column in zip(*matrix)]) == found


def test_a_difference_that_floats_do_not_see() -> None:
    big = 10**25
    assert sepcalc.factor(f"{big} {big}; {big} {big}").separable
    found = sepcalc.factor(f"{big} {big}; {big} {big + 1}")
    assert (found.separable, found.rank, found.tolerance) == (False, 2, None)


def test_64_x_64_is_quick_and_exact() -> None:
    matrix = np.random.default_rng(0).integers(-9, 10, (64, 63)) @ np.random.default_rng(1).integers(-1, 2, (63, 64))
    assert sepcalc.factor(matrix).rank == 63


def test_three_axes() -> None:
    found = sepcalc.factor("1 0; 0 1 | 0 1; 1 0")
    assert (found.rank, found.separable, found.unfoldings, found.tolerance) == (None, False, (2, 2, 2), None)
    assert found.errors == pytest.approx([0.5**0.5])  # the best: 1/2 everywhere, of a norm of 2
    flat = sepcalc.factor("1 0; 0 1 | 1 0; 0 1")
    assert (flat.separable, flat.unfoldings) == (False, (1, 2, 2))
    assert sepcalc.factor("1 0 | 0 1").rank == 2  # a matrix that has an axis of one more


def test_floats_are_exact_where_nothing_was_rounded() -> None:
    assert sepcalc.factor(np.array([[0.25, 0.5], [0.5, 1]])).factors == ((1, 2), (1, 2))
    third = sepcalc.factor(np.full((3, 3), 1 / 3, np.float32))
    assert (third.factors, third.separable, third.rank) == (None, True, 1)
    assert third.tolerance == 3 * np.finfo(np.float32).eps
    assert third.vectors
    assert np.allclose(np.outer(*third.vectors), 1 / 3)


# --- errors and costs -------------------------------------------------------------------------------------------------


def tails(values: Any) -> Any:
    return [np.sqrt((values[..., rank:] ** 2).sum() / (values**2).sum()) for rank in range(1, values.shape[-1] + 1)]


@pytest.mark.parametrize("shape", [(3, 3), (5, 7), (1, 4), (9, 2)])
def test_errors_are_those_of_numpy(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(3).standard_normal(shape)
    assert sepcalc.factor(matrix).errors == pytest.approx(tails(np.linalg.svd(matrix)[1]), abs=1e-12)


def layer(*shape: int) -> Factoring:
    return sepcalc.factor(np.random.default_rng(5).standard_normal(shape), layer=True)


def test_a_layer_by_hand() -> None:
    found = layer(8, 5, 3, 4)
    weights = found.kernel.values
    by_name = {way.variant: way for way in found.ways}
    assert found.full.macs == 8 * 5 * 12
    spatial = tails(np.linalg.svd(weights, compute_uv=False))
    basis = tails(np.linalg.svd(weights.transpose(1, 2, 0, 3).reshape(15, 32), compute_uv=False))
    depthwise = tails(np.linalg.svd(weights.swapaxes(0, 1).reshape(5, 8, 12), compute_uv=False))
    for name, errors, macs in (
        ("spatial", spatial, 8 * 5 * (3 + 4)),
        ("factorized", basis, 5 * 3 + 8 * 4),
        ("depthwise-separable", depthwise, 5 * 12 + 5 * 8),
    ):
        steps = by_name[name].steps
        assert [step.error for step in steps] == pytest.approx(errors, abs=1e-12)
        assert [step.cost.macs for step in steps] == [macs * rank for rank in range(1, len(errors) + 1)]
        assert by_name[name].cheapest == (480 - 1) // macs
    assert found.errors == pytest.approx(spatial, abs=1e-12)


def test_a_large_batch_is_known_as_well_as_by_its_own_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectra, "CHUNK", 2**18)
    draw = np.random.default_rng(7)
    matrices = draw.standard_normal((2**13, 4, 9)) * 10.0 ** draw.integers(-30, 30, (2**13, 1, 1))
    matrices[5::7] = matrices[5::7, :, :1] * matrices[5::7, :1]  # of rank 1 but for the rounding
    matrices[6::7, 3] = matrices[6::7, 2] * (1 + 1e-9 * draw.standard_normal((len(matrices[6::7]), 9)))
    matrices[9] = 0
    assert matrices.size >= spectra.CHUNK
    for batch in (matrices, matrices.swapaxes(-1, -2)):
        values, known = spectra.slice_values(batch), np.linalg.svd(batch, compute_uv=False)
        largest = np.where(known[:, :1], known[:, :1], 1)
        assert np.allclose(values / largest, known / largest, rtol=1e-9, atol=1e-14)
        tolerance = 9 * np.finfo(np.float64).eps
        for one, other in ((values[5::7], 1), (values[6::7], 4), (values[9:10], 0)):
            assert spectra.numerical_rank(one, tolerance) == other
    for deficient in (False, True):
        part = draw.standard_normal((2**13, 4, 9))
        if deficient:
            part[:, 3] = part[:, 2]
        known = tails(np.linalg.svd(part, compute_uv=False))
        assert spectra.tails(spectra.slice_values(part) ** 2) == pytest.approx(known, abs=1e-11)


def test_a_large_matrix_is_known_to_half_the_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(8)
    for high, wide, rank in ((1040, 1024, 9), (272, 256, 256), (272, 256, 9)):
        matrix = draw.standard_normal((high, wide))
        if rank < wide:
            matrix = matrix[:, :rank] @ draw.standard_normal((rank, wide))
        assert wide >= spectra.LARGE
        monkeypatch.setattr(spectra, "LARGE", 256)
        values, known = spectra.singular_values(matrix), np.linalg.svd(matrix, compute_uv=False)
        assert values == pytest.approx(known, abs=1e-7 * known[0])
        assert spectra.tails(values**2) == pytest.approx(tails(known), abs=proof.TOLERANCE)


@pytest.mark.parametrize("shape", [(6, 5, 4, 5), (6, 5, 7), (6, 5, 2, 3, 4), (1, 5, 4, 4)])
def test_costs_by_their_line_are_those_of_each_rank(shape: tuple[int, ...]) -> None:
    found = layer(*shape)
    for step in [step for way in found.ways for step in way.steps]:
        assert step.cost == schemes.cost(found.kernel, step.variant, step.rank)


@pytest.mark.parametrize(
    "shape", [(8, 5, 3, 3), (4, 3, 3, 5), (1, 3, 3, 3), (4, 1, 3, 3), (4, 3, 2, 3, 4), (4, 3, 1, 3, 4), (4, 3, 5)]
)
def test_what_runs_differs_by_what_was_predicted(shape: tuple[int, ...]) -> None:
    found = layer(*shape)
    steps = [step for way in found.ways for step in way.steps]
    proofs = list(proof.prove(found.kernel, steps, counter))
    assert len(proofs) == len(steps) > 0
    assert all(each.ok for each in proofs)


def test_a_wrong_prediction_and_a_wrong_kernel_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = layer(4, 3, 3, 3)
    step = found.ways[0].steps[0]
    (wrong,) = proof.prove(found.kernel, [step._replace(error=step.error + 1e-3)], counter)
    assert not wrong.ok
    right = chains.links

    def swapped(*args: Any) -> list[chains.Link]:
        return [link._replace(array=link.array[..., ::-1]) for link in right(*args)]

    monkeypatch.setattr(proof, "links", swapped)
    (wrong,) = proof.prove(found.kernel, [step], counter)
    assert not wrong.ok


def test_three_axes_of_a_layer_are_near_the_best() -> None:
    found = layer(4, 3, 2, 3, 4)
    (basis,) = [way for way in found.ways if way.variant == "factorized"]
    weights = found.kernel.values
    first = tails(np.linalg.svd(np.moveaxis(weights, 0, -1).reshape(6, 48), compute_uv=False))
    for step in basis.steps:
        if step.rank <= len(first):
            assert first[step.rank - 1] - 1e-12 <= step.error <= 1
    assert schemes.step_at(found.kernel, basis, 3).rank == 3


# --- files ---

Save = Callable[[str, bytes], str]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    monkeypatch.chdir(tmp_path)

    def saved(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return name

    return saved


def npy(header: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    text = header.encode("latin-1")
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def safetensors(index: Any, data: bytes = b"") -> bytes:
    text = json.dumps(index).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_npy_and_csv(save: Save, tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.array([[1, 2], [2, 4]], order="F"))
    np.save(tmp_path / "v.npy", np.array([-2, 4, 6]))
    np.save(tmp_path / "w.npy", np.ones((4, 3, 5), np.float16))
    assert sepcalc.factor("i.npy").factors == ((1, 2), (1, 2))
    assert sepcalc.factor(tmp_path / "v.npy").factors == ((-1, 2, 3),)
    assert sepcalc.factor("w.npy").separable
    assert sepcalc.factor("w.npy", layer=True).shape == (4, 3, 5)
    assert sepcalc.factor(save("k.csv", b"\xef\xbb\xbf1,2\n\n1/2;1\n")).factors == ((2, 1), (1, 2))


def test_safetensors(save: Save) -> None:
    halves = np.arange(12, dtype=np.float32).view(np.uint32) >> 16
    data = halves.astype("<u2").tobytes() + np.arange(12, dtype="<f4").tobytes()
    entries = {
        "__metadata__": {"a": "b"},
        "b": {"dtype": "BF16", "shape": [2, 2, 3], "data_offsets": [0, 24]},
        "f": {"dtype": "F32", "shape": [3, 2, 2], "data_offsets": [24, 72]},
    }
    path = save("m.safetensors", safetensors(entries, data))
    assert sepcalc.factor(f"{path}:b").kernel.values.ravel().tolist() == list(range(12))
    found = sepcalc.factor(f"{path}:f")
    assert (found.shape, found.kernel.layer) == ((3, 2, 2), True)
    assert refusal(path) == (
        "m.safetensors: which weight? write it after a colon: ….safetensors:conv1.weight\n"
        "  hint: it holds b (2x2x3), f (3x2x2)"
    )
    assert refusal(f"{path}:x") == ("m.safetensors: there is no weight 'x'\n  hint: it holds b (2x2x3), f (3x2x2)")


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "link.bin", "folder"])
def test_numbers_outside_of_the_models_folder_are_not_read(location: str, tmp_path: Path) -> None:
    """An ONNX file may name any file for its numbers: only those beside it are read."""
    import onnx

    folder = tmp_path / "models"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "w.bin").write_bytes(bytes(144))
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    (folder / "near.bin").write_bytes(np.arange(38, dtype=np.float32).tobytes())
    tensors = []
    for name, place in (("far", location), ("near", "near.bin")):
        tensor = onnx.numpy_helper.from_array(np.zeros((4, 3, 3), np.float32), name)
        onnx.external_data_helper.set_external_data(tensor, place, 8, 144)
        tensor.ClearField("raw_data")
        tensors.append(tensor)
    path = folder / "m.onnx"
    path.write_bytes(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], tensors)).SerializeToString())
    assert sepcalc.factor(f"{path}:near").kernel.values.reshape(-1).tolist() == [*range(2, 38)]
    assert "which cannot be read" in refusal(f"{path}:far")


def test_onnx(tmp_path: Path) -> None:
    import onnx

    weights = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    tensors = [onnx.numpy_helper.from_array(weights, "conv1.weight")]
    outside = onnx.numpy_helper.from_array(weights, "far")
    onnx.external_data_helper.set_external_data(outside, "absent.bin", 0, weights.nbytes)
    outside.ClearField("raw_data")
    graph = onnx.helper.make_graph([], "g", [], [], [*tensors, outside])
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    assert np.array_equal(sepcalc.factor(f"{path}:conv1.weight").kernel.values, weights)
    assert refusal(f"{path}:far") == (
        f"{path}: the numbers of 'far' stand in 'absent.bin', which cannot be read\n"
        "  hint: put that file beside the model"
    )


HEADER = "{{'descr': {!r}, 'fortran_order': False, 'shape': {}, }}\n"
BAD_FILES: list[tuple[str, bytes, str]] = [
    ("a.npy", b"", "a.npy: is not a .npy file: it begins with something else"),
    ("a.npy", npy("{", version=b"\7\0"), "a.npy: is of version 7.0: expected 1.0, 2.0 or 3.0"),
    ("a.npy", npy("rubbish"), "a.npy: has a damaged header"),
    ("a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 3"), "a.npy: has a damaged header"),
    ("a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': ((((("), "a.npy: has a damaged header"),
    ("a.npy", npy("{'descr': ('<f8', (3,)), 'fortran_order': False, 'shape': ('"), "a.npy: has a damaged header"),
    ("a.npy", npy(HEADER.format("<f8", f"({2**63}, 0)")), f"a.npy: is empty: its shape is {2**63}x0"),
    ("a.npy", npy(HEADER.format("<f8", f"(0, {2**80})")), f"a.npy: is empty: its shape is 0x{2**80}"),
    (
        "a.npy",
        npy(HEADER.format("<f8", f"({'1, ' * 65})"), bytes(8)),
        "a.npy: has 65 axes by its header: expected at most 5",
    ),
    (
        "a.npy",
        b"\x93NUMPY\2\0\xff\xff\xff\xff",
        "a.npy: has a header of 4,294,967,295 bytes: expected at most 65,536",
    ),
    (
        "a.npy",
        npy(HEADER.format("|O", "(2, 2)"), b"cos\nsystem\n"),
        "a.npy: holds Python objects, which are code: expected integers or real numbers",
    ),
    (
        "a.npy",
        npy(HEADER.format("<c16", "(2, 2)")),
        "a.npy: holds complex128 values: expected integers or real numbers of at most 64 bits",
    ),
    (
        "a.npy",
        npy(HEADER.format("<f4", "(1024, 1024, 1024)")),
        "a.npy: has 1,073,741,824 elements by its header: expected at most 134,217,728",
    ),
    (
        "a.npy",
        npy(HEADER.format("<f8", "(1000, 1000)"), b"12345678"),
        "a.npy: ends too soon: its header announces 8,000,000 bytes, 8 are there",
    ),
    ("a.npy", npy(HEADER.format("<f8", "(0, 0)")), "a.npy: is empty: its shape is 0x0"),
    (
        "a.npy",
        npy(HEADER.format("<f8", "(1, 2)"), struct.pack("<dd", 1, float("nan"))),
        "a.npy: is not finite: nan at [0, 1]",
    ),
    (
        "a.npy",
        npy(HEADER.format("|u1", "(1, 1, 1, 1, 1, 1)"), b"1"),
        "a.npy: has 6 axes: expected a convolution's weights, O x I and then 1 to 3 more",
    ),
    ("a.csv", b"", "a.csv: is empty: expected rows of numbers"),
    ("a.csv", b"\xff\xfe", "a.csv: is not UTF-8 text"),
    (
        "a.csv",
        b"1,2\n1\n3,x\n",
        (
            "a.csv:2:1: a row of 1 number, the first has 2\n  1\n  ^\n"
            "a.csv:3:3: 'x' is not a number: expected -12, 0.25, 1e-3 or 1/9\n  3,x\n    ^"
        ),
    ),
    ("a.safetensors:w", b"123", "a.safetensors: is not a safetensors file: its header would be longer than it is"),
    ("a.safetensors:w", safetensors([1]), "a.safetensors: is not a safetensors file: its header is damaged"),
    (
        "a.safetensors:w",
        safetensors({"w": {"dtype": "F8_E4M3", "shape": [1, 1, 1], "data_offsets": [0, 1]}}, b"1"),
        (
            "a.safetensors: 'w' holds F8_E4M3 values: expected F64, F32, F16, BF16, BOOL, I64, I32, I16, I8, U64, U32, "
            "U16, U8"
        ),
    ),
    (
        "a.safetensors:w",
        safetensors({"w": {"dtype": "F32", "shape": [9, 9, 9], "data_offsets": [0, 4]}}, b"1234"),
        "a.safetensors: 'w' does not fit its header: 9x9x9 of F32 in 4 bytes",
    ),
    (
        "a.safetensors:w",
        safetensors({"w": {"dtype": "F32", "shape": [9, 9, 9], "data_offsets": [0, 2916]}}, b"1234"),
        "a.safetensors: ends too soon: the header announces 2,916 bytes, 4 are there",
    ),
    (
        "a.safetensors:w",
        safetensors({"w": {"dtype": "U8", "shape": [1, 1], "data_offsets": [0, 1]}}, b"1"),
        "a.safetensors: 'w' has 2 axes: expected a convolution's weights, O x I and then 1 to 3 more",
    ),
]


@pytest.mark.parametrize(("argument", "data", "message"), BAD_FILES)
def test_bad_files(argument: str, data: bytes, message: str, save: Save) -> None:
    save(argument.partition(":")[0], data)
    assert refusal(argument) == message


TYPED = "expected -12, 0.25, 1e-3 or 1/9"
BAD_TEXTS = [
    ("1 2; 3 x", f"'x' is not a number: {TYPED}\n  1 2; 3 x\n         ^"),
    ("1 2; 3", "a row of 1 number, the first has 2\n  1 2; 3\n       ^"),
    ("1 2;; 3 4", "an empty row: expected numbers\n  1 2;; 3 4\n      ^"),
    ("", "an empty row: expected numbers"),
    ("1,,2", "expected a number before the comma\n  1,,2\n    ^"),
    ("1,", "expected a number after the comma\n  1,\n   ^"),
    ("1/0 2", "'1/0' divides by zero\n  1/0 2\n  ^^^"),
    ("1 / 9", f"'/' is not a number: {TYPED}\n  1 / 9\n    ^\n  hint: a fraction has no spaces: 1/9"),
    ("1 2 | 1 2; 3 4", "a slice of 2 rows, the first has 1\n  1 2 | 1 2; 3 4\n        ^^^^^^^^"),
    ("1 nan", f"'nan' is not a number: {TYPED}\n  1 nan\n    ^^^"),
    ("1e400", f"'1e400' is not a number: {TYPED}\n  1e400\n  ^^^^^"),
    ("1" * 41, f"'{'1' * 41}' is too long: expected at most 40 characters a number\n  {'1' * 41}\n  {'^' * 41}"),
    ("1 " * 2**17, "the matrix has 131,072 numbers: expected at most 65,536; larger ones as .npy"),
    ("1 " * 2**20, "the matrix has 2,097,152 characters: expected at most 1,048,576"),
    ("sobl", "unknown kernel 'sobl': expected a matrix, a name or a file\n  hint: did you mean sobel?"),
    (
        "nun",
        (
            "unknown kernel 'nun': expected a matrix, a name or a file\n"
            "  hint: sepcalc factor --list shows the names; a file ends in .npy or .csv"
        ),
    ),
    ("SOBL", "unknown kernel 'SOBL': expected a matrix, a name or a file\n  hint: did you mean sobel?"),
    ("nan", f"'nan' is not a number: {TYPED}\n  nan\n  ^^^"),
    ("nan 1; 1 1", f"'nan' is not a number: {TYPED}\n  nan 1; 1 1\n  ^^^"),
    ("Inf 1", f"'Inf' is not a number: {TYPED}\n  Inf 1\n  ^^^"),
    ("-inf 1; 1 1", f"'-inf' is not a number: {TYPED}\n  -inf 1; 1 1\n  ^^^^"),
    ("a 1; 1 1", f"'a' is not a number: {TYPED}\n  a 1; 1 1\n  ^"),
    ("box-0", "'box-0' has no size: expected taps from 1 to 63 after the name\n  hint: for example box-5"),
    ("gabor-400", "'gabor-400' has no angle: expected whole degrees from 0 to 359\n  hint: for example gabor-45"),
    (
        "gaussian-5@0",
        (
            "'gaussian-5@0' has no deviation: expected a decimal number from 0.05 to 1000 after @\n"
            "  hint: for example gaussian-5@1.4"
        ),
    ),
    ("no.npy", "no.npy: there is no such file"),
]


def test_a_number_that_is_none_is_told_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["factor", "-inf 1; 1 1"]) == 2
    assert capsys.readouterr().err == f"'-inf' is not a number: {TYPED}\n  -inf 1; 1 1\n  ^^^^\n"


@pytest.mark.parametrize("name", ["Sobel-X", "SOBEL", "Gaussian-5", "GAUSSIAN-5@1.4", "Gabor-45"])
def test_names_are_known_in_letters_of_either_case(name: str) -> None:
    found, known = sepcalc.factor(name).kernel, sepcalc.factor(name.lower()).kernel
    assert (found.title, found.values.tolist()) == (known.title, known.values.tolist())


def test_a_link_that_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.symlink("gone.npy", "w.npy")
    assert refusal("w.npy") == "w.npy: it is a link that leads nowhere: to 'gone.npy'"


@pytest.mark.parametrize(("text", "message"), BAD_TEXTS, ids=[text[:20] or "empty" for text, _ in BAD_TEXTS])
def test_bad_texts(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ([[1, 2], [3]], "the kernel is ragged: expected rows of the same length"),
        ([], "the kernel is empty: its shape is 0"),
        ([[1, float("inf")]], "the kernel is not finite: inf at [0, 1]"),
        (np.array([[object()]]), "the kernel holds Python objects: expected numbers, Fractions for 1 to 3 axes"),
        (np.array([["a"]]), "the kernel holds str32 values: expected integers or real numbers"),
        (3, "the kernel has 0 axes: expected 1 to 3 for a kernel, 3 to 5 for a layer's weights"),
    ],
)
def test_bad_values(kernel: Any, message: str) -> None:
    assert refusal(kernel) == message


# --- the command ---


def test_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["factor", "box-3", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    expected = {"format": "sepcalc-factor/1", "shape": [3, 3], "rank": 1, "separable": True, "scale": "1/9"}
    assert {name: document[name] for name in expected} == expected
    assert (document["factors"], document["errors"]) == ([[1, 1, 1], [1, 1, 1]], [0.0, 0.0, 0.0])
    assert run(["factor", "laplacian", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rank"], document["factors"], document["scale"]) == (2, None, None)


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
@pytest.mark.parametrize("more", [[], ["--verify"], ["--rank", "2", "--verify"]])
def test_a_layer_in_every_format(form: str, more: list[str], save: Save, tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.random.default_rng(0).standard_normal((6, 4, 3, 3)))
    assert run(["factor", "w.npy", "--format", form, *more]) == 0


def test_a_kernel_may_begin_with_a_minus(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["factor", "-1 0 1; -2 0 2; -1 0 1"]) == run(["factor", "-.5 1"]) == run(["factor", "-1/9", "1"]) == 0
    assert "[1, 2, 1]ᵀ x [-1, 0, 1]" in capsys.readouterr().out
    for word in ("--bogus", "-x", "-x 1", "--"):
        assert run(["factor", word]) == 2
    assert re.match("No such option:? '?--bogus'?", capsys.readouterr().err)  # click's words, which change


def test_writing(save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = np.random.default_rng(0).standard_normal((6, 4, 3, 3))
    np.save(tmp_path / "w.npy", weights)
    assert run(["factor", "w.npy", "--write", "out"]) == 2
    assert capsys.readouterr().err == ("--write needs --rank for a layer's weights\n  hint: for example --rank 16\n")
    assert run(["factor", "w.npy", "--rank", "2", "--write", "out"]) == 0
    parts = {path.stem: np.load(path) for path in (tmp_path / "out").iterdir()}
    assert {name: part.shape for name, part in parts.items()} == {
        "spatial-rank2-1": (2, 24, 1, 3, 1),
        "spatial-rank2-2": (2, 6, 4, 1, 3),
        "factorized-rank2-1": (2, 4, 3, 1),
        "factorized-rank2-2": (6, 2, 1, 3),
        "depthwise-separable-rank2-1": (8, 1, 3, 3),
        "depthwise-separable-rank2-2": (6, 8, 1, 1),
    }
    basis = np.einsum("rik,orl->oikl", parts["factorized-rank2-1"][..., 0], parts["factorized-rank2-2"][:, :, 0])
    values = np.linalg.svd(weights.transpose(1, 2, 0, 3).reshape(12, 18), compute_uv=False)
    error = np.linalg.norm(weights - basis) / np.linalg.norm(weights)
    assert error == pytest.approx(tails(values)[1])
    assert run(["factor", "w.npy", "--rank", "2", "--write", "out"]) == 2
    assert "'out/spatial-rank2-1.npy' exists already\n  hint: --force overwrites it\n" in capsys.readouterr().err
    assert run(["factor", "w.npy", "--rank", "2", "--write", "out", "--force"]) == 0


def test_writing_exact_factors(save: Save, tmp_path: Path) -> None:
    assert run(["factor", "gaussian-3", "--write", "out"]) == 0
    parts = {path.stem: np.load(path).tolist() for path in (tmp_path / "out").iterdir()}
    assert parts == {"factor-1": [1, 2, 1], "factor-2": [1, 2, 1], "scale": [1, 16]}


# --- zeros, ranks that are not there, a large spectrum ---


def test_zeros_need_nothing_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["factor", "0 0; 0 0"]) == 0
    assert capsys.readouterr().out == (
        "0 0; 0 0\n"
        "  2x2 of rank 0: separable (exactly)\n"
        "  0 x [0, 0]ᵀ x [0, 0]\n"
        "\n"
        "run as           rank  error  macs  of full\n"
        "the full kernel                  4\n"
        "\n"
        "Not applicable\n"
        "  spatial: every number is zero: nothing needs to run\n"
    )
    found = sepcalc.factor(np.zeros((4, 3, 3, 3)))
    assert (found.rank, found.ways, found.errors) == (0, (), (0.0, 0.0, 0.0))
    reasons = set(found.not_applicable.values())
    assert reasons == {"every number is zero: nothing needs to run"}
    assert [*found.not_applicable] == ["spatial", "factorized", "depthwise-separable"]


def test_a_rank_that_a_way_has_not_is_said_to_be_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("w.npy", np.random.default_rng(0).standard_normal((8, 5, 3, 4)))
    said = "  there is no rank 10: spatial ends at rank 3, depthwise-separable ends at rank 8, which is shown\n"
    assert run(["factor", "w.npy", "--rank", "10"]) == 0
    assert said in capsys.readouterr().out
    assert run(["factor", "w.npy", "--rank", "3"]) == 0
    assert "there is no rank" not in capsys.readouterr().out
    assert run(["factor", "sobel-x", "--rank", "99", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["asked_rank"], document["ways"][0]["rank"]) == (99, 3)


def test_nothing_to_save_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("w.npy", np.ones((4, 3, 1, 1)))
    assert run(["factor", "w.npy", "--rank", "2", "--write", "out"]) == 2
    assert capsys.readouterr().err == (
        "--write has nothing to save: no scheme applies to this kernel\n"
        "  hint: spatial: the kernel 1x1 extends along no axis; factorized: the kernel 1x1 extends along no axis; "
        "depthwise-separable: the kernel 1x1 has no spatial part to separate\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "kernel",
    [
        "12345678901234567890 1",
        "12345678901234567890 1; 24691357802469135780 2",
        "9e30 1 | 9e30 1",
        "1/12345678901234567890 1",
    ],
)
def test_entries_of_any_size_are_verified_exactly(kernel: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Python's integers all the way: none of NumPy's stands among them, whose products would overflow."""
    assert run(["factor", kernel, "--verify"]) == 0
    assert capsys.readouterr().out.endswith("on random integers the exact factors' outputs equal the kernel's\n")
