"""What a report's JSON is: its schema, the page that is printed from it, and the reports themselves.

SEPCALC_GOLDEN=1 writes the tables of docs/json.md anew.
"""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from helpers import committed
from jsonschema import Draft7Validator
from pages import ROOT, blocks
from report_schemas import faults

from sepcalc.cli import commands as cli
from sepcalc.cli import run
from sepcalc.cost import COSTS
from sepcalc.gate.metrics import METRICS
from sepcalc.layer import SUMS
from sepcalc.reports.schemas import REPORTS, schema
from sepcalc.reports.schemas.field import DEFINITIONS, Schema

PAGE = ROOT / "docs" / "json.md"
# Every report, with the options that add fields to it; the exit code first.
EVERY = " ".join(f"--show {metric}" for metric in (*SUMS, "peak_memory"))
COMMANDS = [
    (0, "compare 12x12x3 -k5 -o256 -m2 --variant all --explain --formula"),
    (0, "compare 1x1x3 -k1 -o4 --variant all"),
    (0, "layer 12x12x3 separable -k5 -o256 --explain"),
    (0, "layer 12x12x3 conv -k5 -o256 --explain"),
    (0, "layer constant --to 49x96 --learned"),
    (0, "network specs/mobilenet_v1.yaml --by kind --explain"),
    (0, "network specs/unet.yaml --top 3 --convention thop"),
    (0, "reconcile net.yaml --layer conv* --number 194.4k"),
    (0, "reconcile half.json"),
    (0, f"sweep net.yaml --vary input=2x2x3,16x16x3,32x32x3 {EVERY}"),
    (0, "sweep open.yaml --count --max macs=1G"),
    (0, "sweep open.yaml --most macs --top 2"),
    (0, f"sweep open.yaml --front 'least macs, most params' {EVERY}"),
    (0, "sweep open.yaml --histogram macs --bins 2"),
    (1, "sweep open.yaml --least params --max macs=1"),
    (1, "network held.yaml"),
    (3, "network uncounted.yaml"),
    (3, "network stopped.yaml"),
    (0, "network partly.yaml"),
    (0, "verify 12x12x3 -k5 -o8 --variant all"),
    (0, "verify specs/conv_mobilenet.yaml --sample 4 --layers dense --layers conv[9]"),
    (3, "verify uncounted.yaml"),
    (0, "check specs/mobilenet_v1.yaml --why"),
    (1, "check specs/conv_mobilenet.yaml specs/mobilenet_v1.yaml --max macs=300M"),
    (2, "check wrong.yaml specs/unet.yaml --max macs=1G"),
    (3, "check uncounted.yaml --max macs=1G"),
    (0, "check specs/unet.yaml --skip-unbudgeted"),
    (1, "check grown.yaml --baseline base.json --max-increase 2%"),
    (0, "diff specs/conv_mobilenet.yaml specs/mobilenet_v1.yaml"),
    (1, "diff net.yaml grown.yaml --max-increase macs=1%"),
    (3, "diff uncounted.yaml partly.yaml"),
    (0, "diff net.yaml net.yaml"),
    (0, "diff '16x16x1, slice --to 8x8x1' '32x32x1, slice --to 8x8x1'"),
    (3, "history moved.yaml"),
    (0, "diff '8, dense -o4, act relu' half.json"),
    (0, "time 8x8x16 -k1 -o16 --variant all --floor --for 0.1s"),
    (0, "time 'net.yaml' --width 2 --for 0.1s"),
    (0, "whatif specs/conv_mobilenet.yaml --rewrite *=spatial --balance 100"),
    (0, "network specs/mobilenet_v1.yaml --balance 100"),
    (0, "fit specs/mobilenet_v1.yaml --max macs=300M --max params=3M --by width --by resolution"),
    (1, "fit net.yaml --max macs=1 --by width"),
    (0, "factor sobel-x --verify"),
    (0, "factor gabor-45 --rank 2 --verify --write factors"),
    (0, "factor 1/9,1/9 --verify"),
    (0, "factor '1 2; 2 4 | 3 6; 6 12'"),
    (0, "factor '1 2; 2 4 | 3 6; 6 11'"),
    (0, "factor --list"),
    (0, "kinds"),
    (0, "kinds conv"),
    (0, "zoo"),
    (0, "network half.json"),
    (0, "operators keras"),
]
KERAS = {  # a file with widths of its own
    "class_name": "Sequential",
    "config": {
        "name": "half",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8], "dtype": "float16"}},
            {"class_name": "Dense", "config": {"name": "dense", "units": 4, "dtype": "float16"}},
        ],
    },
}
FILES = {
    "half.json": json.dumps(KERAS),
    "net.yaml": "input: 32x32x3\nlayers: [conv -k3 -o8, act relu]\n",
    "grown.yaml": "input: 32x32x3\nlayers: [conv -k3 -o16, act relu, conv -k1 -o4]\n",
    "held.yaml": "input: 32x32x3\npublished: {params: 1k}\nbudget: {macs: 1k}\nlayers: [conv -k3 -o8]\n",
    "uncounted.yaml": "input: 12x64\nlayers: [dense -o32, uncounted Wizard --to 12x32]\n",
    "stopped.yaml": "input: 12x64\nlayers: [dense -o32, uncounted Wizard --to 12x32 --stops]\n",
    "partly.yaml": "input: 12x64\nlayers: [dense -o32, uncounted TopK --to 12x8 --counts compares]\n",
    "open.yaml": "input: 32x32x3\nlayers: [{conv: {kernel: k, out: o}, choose: {k: [1, 3], o: [4, 8]}}]\n",
    "wrong.yaml": "input: 12x64\nlayers: [desne -o32]\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(["baseline", "net.yaml", "-o", "base.json"]) == 0
    (tmp_path / "base.json").write_text((tmp_path / "base.json").read_text().replace("net.yaml", "grown.yaml"))
    capsys.readouterr()
    return tmp_path


def words(command: str) -> list[str]:
    if command.startswith("history"):  # of a file that cannot be read in one of its commits
        for text in (FILES["net.yaml"], FILES["wrong.yaml"]):
            Path("moved.yaml").write_text(text)
            committed(Path())
    return shlex.split(command)


@pytest.mark.parametrize(("code", "command"), COMMANDS, ids=[command for _, command in COMMANDS])
def test_reports_are_as_their_schemas_say(
    code: int, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if command.startswith("time"):
        pytest.importorskip("onnxruntime", reason="sepcalc time needs ONNX Runtime")
    done = run([*words(command), "--format", "json"])
    captured = capsys.readouterr()
    assert done == code, captured.err
    assert faults(json.loads(captured.out)) == []


@pytest.mark.parametrize("network", ["net.yaml", "half.json", "uncounted.yaml", "specs/mobilenet_v2.yaml"])
def test_a_baseline_is_as_its_schema_says(network: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["baseline", network, "--allow-uncounted"]) == 0
    assert faults(json.loads(capsys.readouterr().out)) == []


def test_every_field_of_every_schema_is_seen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands above print each field at least once: what no report has is no field."""
    pytest.importorskip("onnxruntime", reason="sepcalc time needs ONNX Runtime")
    seen = set[str]()

    def look(name: str, value: object, of: Schema) -> None:
        of = next((part for part in of.get("anyOf", ()) if part != {"type": "null"}), of)
        of = of["allOf"][0] if "allOf" in of else of
        if "$ref" in of:
            name = of["$ref"].rpartition("/")[2]
            of = DEFINITIONS[name]
        if isinstance(value, list):
            for one in value:
                look(name, one, of["items"])
        elif isinstance(value, dict) and "properties" in of:
            for key, inner in value.items():
                seen.add(f"{name}.{key}")
                look(f"{name}.{key}", inner, of["properties"][key])
        elif isinstance(value, dict):
            for inner in value.values():
                look(name, inner, of["additionalProperties"])

    for _, command in COMMANDS:
        run([*words(command), *([] if "factors" not in command else ["--force"]), "--format", "json"])
        printed = capsys.readouterr().out
        assert printed, command
        document = json.loads(printed)
        name = document["format"].removeprefix("sepcalc-").removesuffix("/1")
        look(name, document, schema(name))
    run(["baseline", "net.yaml", "half.json", "uncounted.yaml", "--allow-uncounted"])
    document = json.loads(capsys.readouterr().out)
    look("baseline", document, schema("baseline"))
    of_choices = {"baseline.networks.choices", "baseline.networks.most", "compared.most", "fit.most", "fit.ways.most"}
    files = {"network.totals.params_bytes"}  # of ONNX: tests/test_onnx*.py print these
    missing = {
        field for name in [*REPORTS, *DEFINITIONS] for field in _fields(name, DEFINITIONS.get(name) or schema(name))
    }
    assert {field for field in missing - seen if not re.match("row|choice|gap", field)} <= of_choices | files


def _fields(name: str, of: Schema) -> Iterator[str]:
    for field, inner in of["properties"].items():
        yield f"{name}.{field}"
        inner = next((part for part in inner.get("anyOf", ()) if part != {"type": "null"}), inner)
        while inner.get("type") == "array" or ("additionalProperties" in inner and "properties" not in inner):
            inner = inner.get("items") or inner["additionalProperties"]
        if "properties" in inner:
            yield from _fields(f"{name}.{field}", inner)


# --- the schemas ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_the_command_prints_a_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--report", name]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == schema(name)
    assert printed["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(printed)
    assert "x-optional" not in json.dumps(printed)


def test_every_command_that_reports_has_a_schema() -> None:
    names = cli.list_commands(click.Context(cli))
    reporting = [name for name in names if any(option.name == "form" for option in _command(name).params)]
    assert [name for name in reporting if name not in REPORTS] == []


def _command(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def test_a_schema_refuses_what_it_does_not_know() -> None:
    document = {"format": "sepcalc-kernels/1", "kernels": [{"name": "a", "says": "b"}], "aliases": {}}
    assert faults(document) == []
    assert faults({**document, "more": 1}) != []
    assert faults({**document, "kernels": [{"name": "a"}]}) != []
    assert faults({**document, "aliases": {"a": 1}}) != []


def test_another_name_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--report", "netwrok"]) == 2
    assert capsys.readouterr().err == (
        "unknown report 'netwrok': expected compare, layer, network, reconcile, verify, check, diff, baseline, "
        "history, time, whatif, fit, sweep, factor, kernels, kinds, zoo, operators\n  hint: did you mean network?\n"
    )


def test_counts_and_metrics_come_from_their_tables() -> None:
    assert [*DEFINITIONS["costs"]["properties"]] == [*COSTS]
    assert schema("diff")["properties"]["totals"]["items"]["properties"]["metric"]["enum"] == [*METRICS]


# --- the page ---------------------------------------------------------------------------------------------------------


def table(of: Schema) -> str:
    rows = [f"| `{path}` | {kind} | {says} |" for path, kind, says in _rows("", of)]
    return "\n".join(["| field | | what it is |", "| --- | --- | --- |", *rows]) + "\n"


def _rows(path: str, of: Schema) -> Iterator[tuple[str, str, str]]:
    for name, field in of["properties"].items():
        kind, inner = _kind(field)
        often = "" if name in of["required"] else "; may be absent"
        yield f"{path}{name}", f"{kind}{often}", field["description"].replace("|", "\\|")
        if inner is not None:
            yield from _rows(f"{path}{name}[]." if kind.startswith("list") else f"{path}{name}.", inner)


def _kind(field: Schema) -> tuple[str, Schema | None]:
    """What a field is, in words, and the object that it holds if that has no name."""
    for key in ("anyOf", "allOf"):
        if key in field:
            kind, inner = _kind(field[key][0])
            return f"{kind} or null" if key == "anyOf" else kind, inner
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#object-{name})", None
    if "const" in field:
        return f"`{field['const']}`", None
    if "enum" in field:
        return "one of " + ", ".join(f"`{value}`" for value in field["enum"]), None
    if field["type"] == "array":
        kind, inner = _kind(field["items"])
        return f"list of {kind}", inner
    if "properties" in field:
        return "object", field
    if field["type"] == "object":
        kind, inner = _kind(field["additionalProperties"])
        return f"{kind}, by name", inner
    kinds = [field["type"]] if isinstance(field["type"], str) else field["type"]
    return ", ".join({"string": "text", "boolean": "true or false"}.get(kind, kind) for kind in kinds), None


def sections() -> str:
    """The part of the page that is printed from the schemas."""
    reports = [f"### {name}\n\nOf `{command} …`\n\n{table(schema(name))}" for name, (command, _) in REPORTS.items()]
    shared = [f"### object: {name}\n\n{of['description']}\n\n{table(of)}" for name, of in DEFINITIONS.items()]
    return "\n".join(["## Reports\n", *reports, "## What several reports have\n", *shared])


def test_the_page_has_every_field() -> None:
    text = PAGE.read_text("utf-8")
    before, _, _ = text.partition("## Reports\n")
    if os.environ.get("SEPCALC_GOLDEN"):
        PAGE.write_text(before + sections(), "utf-8")
        text = PAGE.read_text("utf-8")
    assert text == before + sections()


def test_the_page_s_examples_are_reports() -> None:
    examples = [block for block in blocks(PAGE, "console") if "--format json" in block.text]
    assert examples
