"""The project that the tests of the gate begin with: it passes."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

NET = """\
name: tiny
input: 32x32x3
parameters: {width: 1}
budget: {params: 6k, macs: 6M}
layers:
  - conv -k3 -o{16 * width} -p same
  - conv -k3 -o32 -p same
  - pointwise -o4
"""  # 432 + 4608 + 128 params; 442,368 + 4,718,592 + 131,072 macs
BARE = NET.replace("budget: {params: 6k, macs: 6M}\n", "")
LARGER = BARE.replace("-o32", "-o40")
PROJECT = """\
[[tool.sepcalc.check]]
name = "bare"
path = "specs/bare.yaml"
max = {macs = "6M"}
layers = {"conv*" = {macs = "6M"}}
baseline = "base.json"
max-increase = "2%"
"""
Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


def report(gate: Run, *args: str) -> Any:
    """What a check says as JSON."""
    return json.loads(gate("check", *args, "--format", "json")[1])


def git(*args: str, cwd: Path | None = None) -> None:
    """Runs git in the working folder, or in another one, as somebody."""
    identity = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "init.defaultBranch=main",
    ]
    subprocess.run(["git", *identity, *args], cwd=cwd, check=True, capture_output=True)
