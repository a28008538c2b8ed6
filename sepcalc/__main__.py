"""``python -m sepcalc``, and the installed command."""

import sys


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    try:
        from sepcalc.cli import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # also while the imports run
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
