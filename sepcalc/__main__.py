"""``python -m sepcalc``, and the installed command."""

import gc
import sys


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    gc.set_threshold(50_000)  # a command lives for milliseconds: looking for cycles while it imports takes 7 % of them
    try:
        from sepcalc.cli import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # also while the imports run
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
