"""What a command does not use it does not load: the start-up time of every run depends on it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WATCHED = {
    "rich",
    "yaml",
    "numpy",
    "click",
    "sepcalc.kinds",
    "sepcalc.document",
    "sepcalc.verification",
    "importlib.metadata",
    "tomllib",
    "sepcalc.gate.reasons",
    "sepcalc.gate.configuration",
    "sepcalc.revision",
}
REPORTER = """
import sys
from sepcalc.__main__ import main
sys.argv = ["sepcalc", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
sys.stdout = sys.stderr
print(code, *sys.modules)
"""


def loaded(*args: str, house: Path = ROOT, columns: str = "") -> set[str]:
    """Those of the watched modules that a command line loads, in a process of its own; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", REPORTER, *args],
        cwd=house,  # which comes first on the path
        env={**os.environ, "PYTHONPATH": str(house), "COLUMNS": columns},
        capture_output=True,
        text=True,
        timeout=60,
    )
    code, *modules = done.stderr.split()
    assert code == "0", done.stderr
    return WATCHED.intersection(modules)


CLICK = {"click"}
SPEC = CLICK | {"sepcalc.kinds"}
COMPARE = ("compare", "12x12x3", "-k5", "-o256")
NETWORK = ("network", str(ROOT / "specs" / "mobilenet_v1.yaml"))
FILE = SPEC | {"yaml", "sepcalc.document"}
CHECK = ("check", NETWORK[1])
GATE = FILE | {"tomllib", "sepcalc.gate.reasons", "sepcalc.gate.configuration"}
CASES = [
    (("--help",), CLICK),
    (("--version",), CLICK),
    ((), CLICK),
    (COMPARE, SPEC),
    *[((*COMPARE, "--explain", "--formula", "--format", form), SPEC) for form in ("json", "csv", "markdown")],
    *[(("layer", "8x8x3", "act", "relu", "--format", form), SPEC) for form in ("json", "csv", "markdown")],
    *[(("kinds", "--format", form), SPEC) for form in ("json", "csv", "markdown")],
    (NETWORK, FILE),
    (("zoo", "--format", "json"), FILE),
    *[((*NETWORK, "--format", form), FILE) for form in ("json", "csv", "markdown")],
    (CHECK, GATE),
    *[((*CHECK, "--format", form), GATE) for form in ("json", "csv", "markdown", "github", "junit")],
    *[(("factor", "log", "--format", form), SPEC | {"numpy"}) for form in ("json", "csv", "markdown")],
    (("verify", "4x4x3", "-k3", "-o2"), SPEC | {"numpy", "sepcalc.verification"}),
    (("verify", "4x4x3", "-k3", "-o2", "--format", "json"), SPEC | {"numpy", "sepcalc.verification"}),
]


@pytest.mark.parametrize(("args", "modules"), CASES, ids=[" ".join(args) or "alone" for args, _ in CASES])
def test_a_command_loads_only_what_it_uses(args: tuple[str, ...], modules: set[str]) -> None:
    assert loaded(*args) <= modules


def test_the_modules_that_are_watched_are_seen_where_they_are_used() -> None:
    everything = loaded(*NETWORK, columns="40") | loaded("verify", "4x4x3", "-k3", "-o2")  # 40: words are folded
    everything |= loaded(*CHECK)
    assert everything == WATCHED - {"importlib.metadata", "sepcalc.revision"}


@pytest.mark.parametrize(
    ("module", "planted", "args"),
    [
        ("renderers/json.py", "rich", (*COMPARE, "--format", "json")),
        ("comparison.py", "yaml", COMPARE),
        ("network.py", "numpy", NETWORK),
        ("__init__.py", "importlib.metadata", ("--version",)),
    ],
)
def test_an_import_in_the_wrong_room_is_found(module: str, planted: str, args: tuple[str, ...], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sepcalc", tmp_path / "sepcalc")
    room = tmp_path / "sepcalc" / module
    room.write_text(f"{room.read_text('utf-8')}\nimport {planted}\n", "utf-8")
    assert loaded(*args, house=tmp_path) - loaded(*args) == {planted}


OWNERS = {"numpy": {"verification", "factoring", "importers", "exporters", "spaces", "timing"}, "yaml": {"nodes.py"}}


def importing(package: str, house: Path) -> set[str]:
    """The rooms of a house in whose text this package is imported, at the top or within a function."""
    statement = re.compile(rf"^\s*(import|from) {package}\b", re.MULTILINE)
    rooms = {path.relative_to(house): path.read_text("utf-8") for path in house.rglob("*.py")}
    return {path.parts[0] for path, text in rooms.items() if statement.search(text)}


@pytest.mark.parametrize("package", OWNERS)
def test_only_verification_and_factoring_know_numpy_and_only_one_room_yaml(package: str) -> None:
    assert importing(package, ROOT / "sepcalc") == OWNERS[package]


def test_an_import_within_a_function_is_found(tmp_path: Path) -> None:
    for package in OWNERS:
        room = tmp_path / "importers" / "room.py"
        room.parent.mkdir(exist_ok=True)
        room.write_text(f"def late() -> None:\n    from {package}.linalg import norm\n", "utf-8")
        assert importing(package, tmp_path) == {"importers"}


BY_NAME = {  # modules that import others by a name in a string, which the contracts of import-linter do not see
    "__init__.py": "the public functions: `import sepcalc` costs nothing",
    "cli/__init__.py": "the command that is called, and no other",
    "importers/formats.py": "the importer of a file's format",
    "importers/torch/factory.py": "the user's own module",
    "conventions/__init__.py": "a counter, when its number is asked for",
    "kinds.py": "what a kind of layer builds, from a module of ops/",
    "renderers/__init__.py": "the output format that is asked for",
    "timing/engines/__init__.py": "the engine that runs networks, in a process of its own",
    "shown.py": "a result prints itself as its command does, and says what it lacks: the imports that go up",
}


def test_modules_are_imported_by_name_for_start_up_alone() -> None:
    found = importing_by_name(ROOT / "sepcalc")
    assert found == {*BY_NAME}


def importing_by_name(house: Path) -> set[str]:
    call = re.compile(r"\b(import_module|__import__)\(")
    rooms = {path.relative_to(house).as_posix(): path.read_text("utf-8") for path in house.rglob("*.py")}
    return {name for name, text in rooms.items() if call.search(text)}


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("onnx", "numpy", "google"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from sepcalc.__main__ import main
sys.argv = ["sepcalc", *sys.argv[1:]]
main()
"""


def test_onnx_files_are_read_without_the_package_onnx_and_without_numpy(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "data" / "onnx" / "mobilenet_v2.onnx", tmp_path / "net.onnx")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "network", "net.onnx", "--format", "json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["totals"]["macs"] == 300_774_272
