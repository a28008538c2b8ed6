"""The machine on which it runs: what its processor is called, and how much it has to do. Only ``cli/`` and the public
function ask; nothing else here does."""

import os
from typing import NamedTuple


class Machine(NamedTuple):
    """``processor`` is the name that the system gives, ``cores`` how many there are, ``load`` how many processes waited
    for one in the last minute (None where the system does not say)."""

    processor: str
    cores: int
    load: float | None


def here() -> Machine:
    """The machine that it runs on, now."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Machine(_processor(), cores, load)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    import platform  # which asks programs on some systems

    return platform.processor() or platform.machine() or "unknown"
