"""How Hypothesis runs here: few examples, the same ones every time, no clock. And the project that the gate guards."""

from pathlib import Path

import pytest
from gating import BARE, NET, PROJECT, Outcome, Run
from hypothesis import settings
from report_schemas import held

from sepcalc.cli import run
from sepcalc.renderers import json

settings.register_profile("house", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="Fail where a test is skipped: every extra is here.")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output goes to a pipe that nothing limits, whatever COLUMNS was: pytest loads GNU readline, which sets it for the
    processes that follow, the workers of pytest-xdist among them."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True, scope="session")
def _reports_as_their_schemas_say() -> None:
    """Every report that a test prints as JSON is held against its schema."""
    json.render = held(json.render)


@pytest.fixture
def gate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in a project that passes: (exit code, standard output, standard error)."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "net.yaml").write_text(NET)
    (tmp_path / "specs" / "bare.yaml").write_text(BARE)
    monkeypatch.chdir(tmp_path)

    def outcome(*args: str) -> Outcome:
        code = run(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    assert outcome("baseline", "specs/bare.yaml", "-o", "base.json") == (0, "", "")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return outcome
