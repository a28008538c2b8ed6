"""Libraries in C, in a process of their own: on a damaged file they may loop for ever or fill the memory, and nothing
in the same process can stop them."""

import subprocess
import sys

SECONDS = 5
MEMORY = 1 << 30  # bytes of addresses, where the system can limit them

_BEFORE = """
import os, sys
sys.path[:] = sys.argv[1:]
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread takes addresses
try:
    import resource
except ImportError:
    pass
else:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = {0} if hard == resource.RLIM_INFINITY else min({0}, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""


def run_apart(code: str, given: bytes) -> bytes | None:
    """What this Python code writes to its standard output, ``given`` these bytes on its standard input; None where it
    fails, or takes more time or memory than a sound file does."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _BEFORE.format(MEMORY) + code, *sys.path],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return done.stdout
