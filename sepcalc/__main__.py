"""``python -m sepcalc``, and the installed command."""

import _signal as signal  # type: ignore[import-not-found]  # without its enumerations: nothing loads before it is heeded
import gc
import os
import sys


def main() -> None:
    """Runs the command line and leaves with its exit code; 128 and its number where a signal ends it: 130 of ^C."""
    gc.set_threshold(2_000_000)  # few cycles and many tuples are made: looking for cycles takes a tenth of the time
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has not all of them
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as of a job in the background
            signal.signal(number, _leave)
    from sepcalc.cli import run

    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the result is out; Python would set its own handler before it ends
    sys.exit(code)


def _leave(number: int, frame: object) -> None:
    """Ends the process where it stands. An exception would be raised in the middle of whatever runs: a library in C
    that loads crashes of it, others swallow it, or print it."""
    leftovers = sys.modules.get("sepcalc.leftovers")
    try:
        if leftovers is not None:
            leftovers.tidy()
    finally:
        os._exit(128 + number)


if __name__ == "__main__":
    main()
