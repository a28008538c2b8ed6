"""``python -m sepcalc``, and the installed command."""

import _signal as signal  # type: ignore[import-not-found]  # without its enumerations: nothing loads before it is heeded
import gc
import os
import sys


def main() -> None:
    """Runs the command line and leaves with its exit code; 128 and its number where a signal ends it: 130 of ^C."""
    gc.set_threshold(50_000)  # a command lives for milliseconds: looking for cycles while it imports takes 7 % of them
    _heed(_leave)
    from sepcalc import cli

    _heed(cli.interrupt)
    try:
        code = cli.run(sys.argv[1:])
    except KeyboardInterrupt:  # while another one was handled
        code = cli.INTERRUPTED
    _heed(_leave)
    sys.exit(128 + cli.interrupts[0] if cli.interrupts else code)


def _heed(handler: object) -> None:
    """Has a signal that would end the process handled so. One that is ignored stays so: of a job in the background."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has not all of them
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(number: int, frame: object) -> None:
    """There is nothing to tidy up: modules load, or the result is out."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
