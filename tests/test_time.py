"""Measured times. The loop runs with engines of known delays, and a clock that only they move."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import sepcalc
from sepcalc.cli import run
from sepcalc.comparison import COMPARED
from sepcalc.errors import InputError
from sepcalc.timing.loop import FEW, LEAST, Run, Subject, measured
from sepcalc.timing.parts import Part, parts

runtime = pytest.importorskip("onnxruntime")


class Machine:
    """A machine whose time passes only while something runs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []

    def clock(self) -> float:
        return self.now

    def engine(self, name: str, delay: Callable[[], float]) -> Run:
        def run(times: int) -> list[float]:
            self.ran.append(name)
            took = [delay() for _ in range(times)]
            self.now += sum(took)
            return took

        return run


def test_the_loop_finds_known_delays() -> None:
    machine = Machine()
    runs = [machine.engine("a", lambda: 0.004), machine.engine("b", lambda: 0.001)]
    a, b = measured(runs, [Subject(0), Subject(1)], machine.clock, 20)
    assert (a.median, a.p10, a.p90, a.spread) == pytest.approx((0.004, 0.004, 0.004, 0))
    assert b.median == pytest.approx(0.001)
    assert (a.runs, b.runs) == (LEAST * 2, LEAST * 5)  # as often as fill a turn of 5 ms
    assert machine.now < 1  # it ends when the medians stand still


def test_the_first_run_of_a_turn_does_not_count() -> None:
    """It finds the caches full of another's data."""
    machine = Machine()
    plain = machine.engine("a", lambda: 0.001)

    def cold(times: int) -> list[float]:
        return [0.05, *plain(times)[1:]] if times > 1 else plain(1)

    (found,) = measured([cold], [Subject(0)], machine.clock, 20)
    assert found.p90 == pytest.approx(0.001)


def test_subjects_run_in_turn_there_and_back() -> None:
    machine = Machine()
    runs = [machine.engine(name, lambda: 0.01) for name in "abc"]
    measured(runs, [Subject(0), Subject(1), Subject(2)], machine.clock, 20)
    assert "".join(machine.ran).endswith("abccba" * (LEAST // 2))


def test_a_slow_moment_of_the_machine_meets_all() -> None:
    """Everything takes twice as long for a while: the ratio stays, and so do the medians."""
    machine = Machine()

    def delay(seconds: float) -> Callable[[], float]:
        return lambda: seconds * (2 if 0.3 < machine.now < 0.5 else 1)

    runs = [machine.engine("a", delay(0.008)), machine.engine("b", delay(0.002))]
    a, b = measured(runs, [Subject(0), Subject(1)], machine.clock, 20)
    assert (a.median, b.median) == pytest.approx((0.008, 0.002))


def test_a_stack_is_timed_by_its_slope() -> None:
    """What happens once at the borders is in both, and so in neither."""
    machine = Machine()
    borders, layer = 0.003, 0.002
    runs = [machine.engine("1", lambda: borders + layer), machine.engine("5", lambda: borders + 5 * layer)]
    (found,) = measured(runs, [Subject(0, 1, 5)], machine.clock, 20)
    assert (found.median, found.p10, found.p90) == pytest.approx((layer, layer, layer))


def test_it_measures_until_the_spread_is_small_or_the_time_is_spent() -> None:
    source, machine = random.Random(0), Machine()
    noisy = machine.engine("a", lambda: source.uniform(0.005, 0.015))
    (found,) = measured([noisy], [Subject(0)], machine.clock, 60)
    assert found.spread < 0.03
    assert found.runs > LEAST
    assert found.median == pytest.approx(0.01, rel=0.06)
    begin = machine.now
    (short,) = measured([noisy], [Subject(0)], machine.clock, 0.5)
    assert 0.5 <= machine.now - begin < 0.7
    assert short.spread > 0.03


def test_what_takes_longer_than_there_is_time_runs_three_times() -> None:
    machine = Machine()
    (found,) = measured([machine.engine("a", lambda: 30)], [Subject(0)], machine.clock, 1)
    assert (found.median, found.runs) == (30, FEW)


def test_repeated_measurements_agree_in_the_ratio() -> None:
    """Within 5 %, although every run is off by up to 5 %, and the machine by a third from one time to another."""
    ratios = []
    for seed in range(20):
        source, machine = random.Random(seed), Machine()
        speed = source.uniform(1, 1.3)

        def delay(seconds: float, source: random.Random = source, speed: float = speed) -> Callable[[], float]:
            return lambda: speed * seconds * source.uniform(0.95, 1.05)

        runs = [machine.engine("a", delay(0.009)), machine.engine("b", delay(0.003))]
        a, b = measured(runs, [Subject(0), Subject(1)], machine.clock, 20)
        ratios.append(a.median / b.median)
    assert ratios == pytest.approx([3] * 20, rel=0.05)


# --- whose time it is ---------------------------------------------------------------------------------------------


def test_fused_layers_are_one_part() -> None:
    net = sepcalc.load("8x8x4, conv -k3 -o8, norm batch, act relu, pool avg global, dense -o3")
    told = [
        ("ReorderInput", "ReorderInput", 0.1),
        ("act/relu_nchwc", "Conv", 1.0),
        ("pool", "Pool", 0.5),
        ("dense", "Gemm", 0.25),
    ]
    found, between = parts(net, told)
    assert between == 0.1
    assert found == (
        Part("conv", "conv", 10368, 1.0, ("norm", "act")),
        Part("pool", "pool", 0, 0.5),
        Part("dense", "dense", 24, 0.25),
    )


def test_a_layer_of_several_operators_has_their_sum() -> None:
    net = sepcalc.load("8x4, norm rms, dense -o3")
    found, _ = parts(net, [("norm/mul", "Mul", 1.0), ("norm/sqrt", "Sqrt", 0.5), ("dense", "MatMul", 2.0)])
    assert [(part.name, part.seconds) for part in found] == [("norm", 1.5), ("dense", 2.0)]


def test_what_is_fused_with_the_last_layer_has_the_name_of_the_output() -> None:
    net = sepcalc.load("8x8x4, conv -k1 -o4, act relu")
    found, _ = parts(net, [("output_nchwc", "Conv", 1.0)])
    assert [(part.name, part.fused) for part in found] == [("conv", ("act",))]


def test_two_paths_keep_their_layers() -> None:
    net = sepcalc.load("8x8x4, conv -k1 -o4, act relu, conv -k1 -o4, act relu")
    found, _ = parts(net, [("act[0]/relu_nchwc", "Conv", 1.0), ("act[1]/relu_nchwc", "Conv", 2.0)])
    assert [(part.name, part.fused) for part in found] == [("conv[0]", ("act[0]",)), ("conv[1]", ("act[1]",))]


# --- engines that run ---------------------------------------------------------------------------------------------


def test_a_spec_is_timed_variant_by_variant() -> None:
    found = sepcalc.time("12x12x16 -k3 -o16 -p same", seconds=0.2)
    assert [(row.name, row.macs, row.copies) for row in found.rows] == [
        ("normal", 331776, 5),
        ("spatial", 221184, 5),
        ("depthwise-separable", 57600, 5),
    ]
    assert found.rows[0].ratio == {"macs": 1.0, "seconds": 1.0}
    assert found.rows[1].ratio["macs"] == 0.6667
    assert found.engines == {"onnxruntime": runtime.__version__}
    for row in found.rows:
        assert row.macs_per_second == pytest.approx(row.macs / row.seconds.median)


def test_a_variant_of_another_shape_is_timed_alone() -> None:
    found = sepcalc.time("12x12x3 -k5 -o8", seconds=0.1)
    assert [row.copies for row in found.rows] == [1, 1, 1]
    assert "timed alone" in str(found)


def test_any_layer_is_timed() -> None:
    (row,) = sepcalc.time("8x8x4 pool max -k2", seconds=0.1).rows
    assert (row.name, row.macs) == ("pool", 0)


def test_a_network_is_timed_whole_and_by_layer() -> None:
    found = sepcalc.time("32x32x8, conv -k3 -o32, act relu, pool avg global, dense -o10", seconds=0.3)
    (profile,) = found.profiles
    assert [(part.name, part.fused) for part in profile.parts] == [("conv", ("act",)), ("pool", ()), ("dense", ())]
    assert profile.seconds == pytest.approx(sum(part.seconds for part in profile.parts) + profile.between)
    assert "its layers add up to" in str(found)


def test_a_network_is_timed_before_and_after() -> None:
    found = sepcalc.time("32x32x8, conv -k3 -o32, pool avg global, dense -o10", rules="conv=spatial", seconds=0.1)
    assert [row.name for row in found.rows] == ["before", "after"]
    assert [profile.name for profile in found.profiles] == ["before", "after"]


def test_tables_are_looked_up_within_their_rows() -> None:
    (row,) = sepcalc.time("7, embedding --vocab 10 --out 6, dense -o3", batch=3, seconds=0.1).rows
    assert row.seconds.median > 0


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(["time", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["8x8x4 -k3 -o4", "--for", "1h"],
            """--for: '1h' is no time: expected digits, perhaps a point, and ns, us, ms, s or min
  hint: for example 5ms or 20s
""",
        ),
        (["8x8x4 -k3 -o4", "--for", "0s"], "the time to measure is 0 s: expected more than 0, at most a day\n"),
        (["8x8x4 -k3 -o4", "--width", "2"], "--width is for a network, not for a layer spec\n"),
        (["8x8x4, conv -k3 -o4", "--variant", "all"], "--variant is for a layer spec, not for a network\n"),
        (
            ["8x8x4 -k3 -o4", "--engine", "litert"],
            """litert cannot time this: it runs TFLite files alone, which sepcalc does not write
  hint: --engine onnxruntime
""",
        ),
        (["8x8x4 cumprod"], "cumprod (cumprod): ONNX has no running prod\n"),
        (
            ["8x8x4 pool max -k2", "--variant", "all"],
            f"variants are for convolutions ({', '.join(COMPARED)}), not for pool\n",
        ),
    ],
)
def test_wrong_arguments_are_told(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *words) == (2, "", message)


def test_an_engine_that_is_not_installed_says_how(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert told(capsys, "8x8x4 -k3 -o4") == (
        2,
        "",
        "the engine onnxruntime is not installed\n  hint: pip install 'onnxruntime>=1.20'\n",
    )


CRASH = """
import os, signal, sys
from sepcalc.timing.engines import onnxruntime
def load(*given):
    print("the engine is out of order", file=sys.stderr, flush=True)
    {how}
onnxruntime.load = load
"""


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "onnxruntime crashed (signal 11): the engine is out of order\n"),
        ("os._exit(3)", "onnxruntime crashed (exit code 3): the engine is out of order\n"),
        ("raise RuntimeError('no such kernel')", "onnxruntime: RuntimeError: no such kernel\n"),
    ],
)
def test_an_engine_that_crashes_is_named_with_its_message(
    how: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sepcalc.timing import apart

    load = f"exec({CRASH.format(how=how)!r}); from sepcalc.timing.worker"
    monkeypatch.setattr(apart, "_CODE", apart._CODE.replace("from sepcalc.timing.worker", load))
    assert told(capsys, "8x8x4 -k3 -o4") == (2, "", message)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_interrupting_leaves_no_file_and_no_process(name: str, tmp_path: Any) -> None:
    import signal
    import time

    command = [
        sys.executable,
        "-m",
        "sepcalc",
        "time",
        "112x112x64 -k3 -o64 -p same",
        "--for",
        "60s",
    ]  # seconds at least
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    children: list[int] = []
    while not children:
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            children = [int(one) for one in file.read().split()]
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(getattr(signal, name))
    assert process.wait(10) != 0
    assert list(tmp_path.iterdir()) == []
    until = time.monotonic() + 10
    while any(map(runs, children)):
        assert time.monotonic() < until
        time.sleep(0.05)


def runs(process: int) -> bool:
    """Whether a process is there, and is more than an entry that nobody has asked about since it ended."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_document_names_what_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "8x8x4 -k3 -o4", "--format", "json", "--for", "0.1s", "--floor")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["engine"], document["version"]) == ("onnxruntime", runtime.__version__)
    assert (document["threads"], document["batch"], document["on"]) == (1, 1, "cpu")
    assert document["processor"]
    assert document["floors"]["onnxruntime"] > 0
    first = document["rows"][0]
    assert first["seconds"]["p10"] <= first["seconds"]["median"] <= first["seconds"]["p90"]


def test_a_page_draws_saving_against_saving(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "8x8x16 -k3 -o16 -p same", "--for", "0.2s", "--format", "html")
    assert (code, err) == (0, "")
    picture = out[out.index("Saving against saving") :]
    assert "all of the saving" in picture
    assert "depthwise-separable: " in picture
    assert "times faster" in picture


def test_engines_are_timed_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    words = (
        "--engine",
        "torch",
        "--engine",
        "onnxruntime",
        "--variant",
        "spatial",
        "--for",
        "0.2s",
        "--format",
        "json",
    )
    code, out, err = told(capsys, "8x8x4 -k3 -o4 -p same", *words)
    assert (code, err) == (0, "")
    rows = json.loads(out)["rows"]
    names = ["normal", "spatial"]
    assert [(row["engine"], row["name"]) for row in rows] == [
        (engine, name) for engine in ("torch", "onnxruntime") for name in names
    ]
    assert [row["ratio"]["seconds"] == 1 for row in rows] == [True, False, True, False]


def has_gpu() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu(), reason="needs a GPU that PyTorch sees")
def test_a_gpu_takes_less_time_than_the_processor() -> None:
    """Of a layer with many macs, where there is a GPU."""
    spec = "112x112x128 -k3 -o128 -p same"
    rows = [
        sepcalc.time(spec, engines="torch", variants=["normal"], on=on, seconds=5).rows[0] for on in ("cuda", "cpu")
    ]
    assert rows[0].seconds.median < rows[1].seconds.median


def test_settings_that_are_not_possible_are_refused() -> None:
    for given, message in (
        ({"engines": "onnx"}, "unknown engine 'onnx': expected onnxruntime, torch, openvino, litert"),
        ({"threads": 0}, "threads is 0: expected a whole number from 1"),
        ({"batch": 0}, "batch is 0: expected a whole number from 1"),
        ({"width": 2}, "rules, exclude, width and resolution are for a network, not for a layer spec"),
    ):
        with pytest.raises(InputError) as refused:
            sepcalc.time("8x8x4 -k3 -o4", **given)  # type: ignore[arg-type]
        assert str(refused.value).startswith(message)
