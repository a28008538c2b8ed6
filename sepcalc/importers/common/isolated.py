"""Libraries in C, in a process of their own: on a damaged file they may loop for ever, crash or fill the memory, and
nothing in the same process can stop them."""

import subprocess
import sys

from sepcalc.leftovers import tidied

_BEFORE = """
import os, sys
sys.argv[1:], sys.path[:] = sys.argv[1:{own} + 1], sys.argv[{own} + 1:]
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread takes addresses
try:
    import resource
    for limit, most in (
        (resource.RLIMIT_AS, {memory}),
        (resource.RLIMIT_CPU, 60),  # where whoever started this is gone and will not end it
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
except (ImportError, OSError, ValueError):
    pass
"""


def run_apart(code: str, given: bytes, arguments: tuple[str, ...] = (), *, seconds: float, memory: int) -> bytes | None:
    """What this Python code writes to its standard output, ``given`` these bytes on its standard input and these
    ``arguments`` as ``sys.argv[1:]``; None where it fails or crashes, or wants more bytes of addresses than ``memory``
    (where the system can limit them). Raises TimeoutError after so many seconds."""
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
