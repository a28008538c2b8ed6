"""What the README shows is what happens."""

import re
import shlex
from pathlib import Path

import pytest

import sepcalc
from sepcalc.cli import run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ (.+)\n((?:.*\n)*?)```", README)
PYTHON = re.findall(r"```python\n((?:.*\n)*?)```", README)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def _need_extras(text: str) -> None:
    """Skips what shows an extra that is not installed."""
    if "torch" in text:
        pytest.importorskip("torch", reason="this block of the README needs the extra: pip install 'sepcalc[torch]'")


@pytest.mark.parametrize(("command", "shown"), CONSOLE, ids=[command for command, _ in CONSOLE])
def test_commands_print_what_is_shown(command: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    _need_extras(command)
    program, *args = shlex.split(command)
    assert program == "sepcalc"
    assert run(args) == 0
    printed = capsys.readouterr().out
    if shown.endswith("…\n"):
        assert printed.startswith(shown.removesuffix("…\n"))
    else:
        assert printed == shown


@pytest.mark.parametrize("block", PYTHON)
def test_python_gives_what_the_comments_say(block: str) -> None:
    _need_extras(block)
    names: dict[str, object] = {}
    for line in block.splitlines():
        code, _, value = line.partition("#")
        if value:
            assert repr(eval(code, names)) == value.strip(), line  # our own README
        else:
            exec(code, names)
    assert names["sepcalc"] is sepcalc


def test_there_is_something_to_test() -> None:
    assert len(CONSOLE) >= 4
    assert PYTHON


def test_the_setup_commands_are_there_and_ci_runs_the_second() -> None:
    assert ".venv/bin/sepcalc compare 12x12x3 -k5 -o256" in README
    assert re.search(r"<!-- test -->\n```sh\npython3 -m venv .+pytest -n 2\n```", README)
    assert "<!-- test -->" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
