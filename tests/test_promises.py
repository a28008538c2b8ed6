"""What pyproject.toml promises to run with is what ``.ci/run`` runs the tests with."""

import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
if not (ROOT / ".ci" / "versions").exists():
    pytest.skip("this is no checkout: .ci is not here", allow_module_level=True)


@pytest.fixture(scope="module")
def versions() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / ".ci" / "versions"))


def test_the_lowest_versions_are_the_declared_ones(versions: dict[str, Any]) -> None:
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["fit"]]
    assert versions["lowest"](["fit"]) == [text.replace(">=", "==") for text in declared]
    assert {text.partition("==")[0] for text in versions["lowest"]([])} == {"click", "rich", "PyYAML", "numpy"}


def test_every_requirement_has_a_lowest_version(versions: dict[str, Any]) -> None:
    assert versions["lowest"](["test", "onnx", "h5", "torch", "fit"])
    with pytest.raises(ValueError, match="declares no lowest version: 'sepcalc"):
        versions["lowest"](["dev"])


def test_the_pythons_are_the_declared_ones(versions: dict[str, Any]) -> None:
    names = [f"Programming Language :: Python :: {version}" for version in versions["declared"]()]
    assert names == [name for name in PROJECT["classifiers"] if name.startswith("Programming Language :: Python :: 3.")]
    assert PROJECT["requires-python"] == ">=" + versions["declared"]()[0]
    found = versions["pythons"]()
    assert "{}.{}".format(*sys.version_info) in found
    for version, path in found.items():
        said = subprocess.run([path, "-V"], capture_output=True, text=True, check=True).stdout
        assert said.startswith(f"Python {version}.")


def test_a_python_that_does_not_start_is_not_there(
    versions: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyenv's shims for versions that are not chosen; its folder is looked into all the same."""
    shim = tmp_path / "python3.11"
    shim.write_text("#!/bin/sh\necho pyenv: python3.11: command not found >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    here = "{}.{}".format(*sys.version_info)
    assert versions["pythons"]().get("3.11") == (sys.executable if here == "3.11" else None)
    place = tmp_path / "versions" / "3.12.10" / "bin" / "python"
    place.parent.mkdir(parents=True)
    place.write_text("#!/bin/sh\necho 3.12\n")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (older := tmp_path / "versions" / "3.12.9" / "bin").mkdir(parents=True)
    (older / "python").symlink_to(place)
    assert versions["pythons"]()["3.12"] == str(place)
