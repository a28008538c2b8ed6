"""A short run of tests/fuzz.py, and that it finds what it is for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

if not hasattr(os, "fork"):
    pytest.skip("cases run in forked processes", allow_module_level=True)

HERE = Path(__file__).parent
PLANTED = {  # what runs in place of a command, within how many seconds, and what is found wrong
    "return 70": (60, "it ended with 70"),
    "raise ValueError": (60, "it ended with 70"),
    "import os; os.abort()": (60, "it ended with -6"),
    "print('Traceback (most recent call last):', file=sys.stderr); return 2": (60, "it shows a traceback"),
    "while time.process_time() < 0.5: pass\n    return 0": (0.1, r"it took [\d.]+ s"),
    "held = b'x' * (400 << 20); return 0": (60, r"it took [45]\d\d MiB"),
    "return 3": (60, ""),
}
PLANT = """
import sys, time
import fuzz
import sepcalc.cli

fuzz.warmed()
for body, (seconds, _) in {planted}.items():
    made = {{**globals()}}
    exec(f"def run(args):\\n    {{body}}", made)
    sepcalc.cli.run, fuzz.SECONDS = made["run"], seconds
    print(*[f"{{name}} {{wrong}}" for name, wrong in fuzz.failures(fuzz.named(["specs"], "1", 1), 1e12)], flush=True)
"""


def ran(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *args], cwd=HERE, capture_output=True, text=True, check=False)


def test_a_short_run() -> None:
    found = ran("fuzz.py", "--cases", "5", "--seed", "1")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == (
        "seed 1: 5 specs, 5 yaml, 5 onnx, 5 keras, 5 tflite, 5 tf, 5 pt2, 5 openvino, 5 kernels, 5 pyproject,"
        " 5 baselines; 0 went wrong\n"
    )


def test_it_finds_what_it_is_for() -> None:
    """Each case runs in a process of its own, forked from one that has loaded everything."""
    found = ran("-c", PLANT.format(planted=PLANTED))
    assert found.stderr == ""
    lines = found.stdout.split("\n")
    assert lines.pop() == ""
    for (body, (_, wrong)), line in zip(PLANTED.items(), lines, strict=True):
        assert re.fullmatch(f"specs/1/0 {wrong}" if wrong else "", line), body


def test_a_case_is_made_of_its_name_alone() -> None:
    code = "import fuzz; print([fuzz.case(f'{name}/5/{at}') for name in fuzz.SURFACES for at in range(3)])"
    assert ran("-c", code).stdout == ran("-c", code).stdout


def test_one_case_again() -> None:
    found = ran("fuzz.py", "kernels/1/3")
    assert found.returncode == 0
    assert found.stdout.startswith("kernels/1/3: fine, ")
    assert "\n  sepcalc 'factor' " in found.stdout
    assert ran("fuzz.py", "colours").returncode == 2
