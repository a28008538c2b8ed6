"""How Hypothesis runs here: few examples, the same ones every time, no clock. What is loaded once for all tests. And
the project that the gate guards."""

import gc
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from gating import BARE, NET, PROJECT, Outcome, Run
from hypothesis import given, settings
from hypothesis import strategies as st
from report_schemas import held

from sepcalc import model_zoo
from sepcalc.cli import run
from sepcalc.document import Document, loading
from sepcalc.document.including import Opener
from sepcalc.nodes import Source
from sepcalc.renderers import json

settings.register_profile("house", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="Fail where a test is skipped: every extra is here.")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure() -> None:
    """A shell ignores interrupts for what it runs in the background, and so would the processes of the tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart() -> None:
    """Collecting makes many thousand objects, all of which stay: nothing is searched for garbage meanwhile."""
    gc.disable()


@given(st.none())
def _hypothesis_begins(_: None) -> None:
    """Hypothesis makes its random numbers here: its older releases warn if only what is frozen has them."""


def pytest_collection_finish() -> None:
    """What was collected is searched for garbage never again."""
    _hypothesis_begins()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _no_width() -> Iterator[None]:
    """Output goes to a pipe that nothing limits, whatever COLUMNS was: pytest loads GNU readline, which sets it for the
    processes that follow, the workers of pytest-xdist among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _the_zoo_is_loaded_once() -> None:
    """The networks of the zoo are immutable, as all are: each text of theirs is loaded once with the same settings."""
    texts = {path.read_text("utf-8") for path in model_zoo.folder().glob("*.yaml")}
    loaded: dict[tuple[object, ...], Document] = {}
    load = loading.load_yaml

    def load_once(
        source: Source,
        settings: Mapping[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
        opened: Opener | None = None,
    ) -> Document:
        if source.text not in texts:
            return load(source, settings, inputs, opened)
        key = (source.name, source.text, *(settings or {}).items(), None, *(inputs or {}).items())
        if key not in loaded:
            loaded[key] = load(source, settings, inputs, opened)
            _ = loaded[key].network.cost  # its rows stay with it
        return loaded[key]

    loading.load_yaml = load_once


@pytest.fixture(autouse=True, scope="session")
def _reports_as_their_schemas_say() -> None:
    """Every report that a test prints as JSON is held against its schema."""
    json.render = held(json.render)


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process: (exit code, standard output, standard error)."""

    def outcome(*args: str) -> Outcome:
        code = run(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return outcome


@pytest.fixture
def gate(ran: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in a project that passes: (exit code, standard output, standard error)."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "net.yaml").write_text(NET)
    (tmp_path / "specs" / "bare.yaml").write_text(BARE)
    monkeypatch.chdir(tmp_path)
    assert ran("baseline", "specs/bare.yaml", "-o", "base.json") == (0, "", "")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return ran
