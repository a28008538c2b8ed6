"""Runs C libraries in a separate process: on a damaged file they may loop forever, crash or fill the memory, and
nothing in the same process can stop them."""

import subprocess
import sys

from sepcalc.leftovers import tidied

_BEFORE = """
import os, sys
sys.argv[1:], sys.path[:] = sys.argv[1:{own} + 1], sys.argv[{own} + 1:]
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread reserves address space
try:
    import resource
    for limit, most in (
        (resource.RLIMIT_AS, {memory}),
        (resource.RLIMIT_CPU, 60),  # in case the parent has died and cannot stop it
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
except (ImportError, OSError, ValueError):
    pass
"""


def run_apart(code: str, given: bytes, arguments: tuple[str, ...] = (), *, seconds: float, memory: int) -> bytes | None:
    """Runs this Python code in a separate process and returns its standard output. ``given`` is its standard input and
    ``arguments`` is its ``sys.argv[1:]``. Returns None if it fails, crashes, or needs more than ``memory`` bytes of
    address space (where the system can limit that). Raises TimeoutError after ``seconds``."""
    program = _BEFORE.format(own=len(arguments), memory=memory) + code
    command = [sys.executable, "-I", "-c", program, *arguments, *sys.path]
    pipe = subprocess.PIPE
    try:
        with (
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process,
            tidied(process.kill),
        ):
            try:
                said, _ = process.communicate(given, seconds)
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    except (subprocess.SubprocessError, OSError):
        return None
    return None if process.returncode else said
