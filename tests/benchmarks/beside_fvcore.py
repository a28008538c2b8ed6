"""MobileNet V2 by sepcalc and by fvcore, each as a whole process: ``python tests/benchmarks/beside_fvcore.py``.

Needs sepcalc, torch, fvcore and timm or torchvision in this Python (torch 2.14.1 and torchvision 0.29.1 load together).
Prints seconds and peak memory of both, and fails
below 20 x.
"""

import os
import subprocess
import sys
import time
from importlib.util import find_spec

ROUNDS = 3
LEAST = 20
MODELS = {
    "torchvision": "from torchvision.models import mobilenet_v2 as make",
    "timm": "from timm import create_model; make = lambda: create_model('mobilenetv2_100')",
}
FVCORE = """
import torch
from fvcore.nn import FlopCountAnalysis
{model}
FlopCountAnalysis(make().eval(), torch.zeros(1, 3, 224, 224)).total()
"""
OURS = ["-m", "sepcalc", "network", "zoo:mobilenet_v2"]


def cost(arguments: list[str]) -> tuple[float, float]:
    """Seconds and MiB of one process."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - begun
    if status:
        raise SystemExit(told)
    return taken, usage.ru_maxrss / 1024


def main() -> int:
    """Prints both lines; 1 if sepcalc is less than 20 x faster, or needs more memory."""
    for package, model in MODELS.items():
        if not find_spec(package):
            continue
        theirs = ["-c", FVCORE.format(model=model)]
        if not subprocess.run([sys.executable, *theirs], capture_output=True).returncode:
            break
    else:
        raise SystemExit("neither torchvision nor timm can be loaded")
    best = {name: (float("inf"), float("inf")) for name in ("sepcalc", "fvcore")}
    for _ in range(ROUNDS):
        for name, arguments in (("sepcalc", OURS), ("fvcore", theirs)):
            best[name] = min(best[name], cost(arguments))
    for name, (seconds, memory) in best.items():
        print(f"{name:8} {seconds:7.2f} s {memory:7.0f} MiB")
    ratio = best["fvcore"][0] / best["sepcalc"][0]
    print(f"{ratio:.1f} x faster, {best['fvcore'][1] / best['sepcalc'][1]:.1f} x smaller")
    return int(ratio < LEAST or best["fvcore"][1] < best["sepcalc"][1])


if __name__ == "__main__":
    sys.exit(main())
