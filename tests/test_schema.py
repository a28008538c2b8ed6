"""The schema and the reader hold each other: an editor never marks what sepcalc takes, and marks what it refuses
wherever a schema can express the fault. BEYOND lists the documents whose faults are of another kind."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from sepcalc.cli import run
from sepcalc.document.schema import schema
from sepcalc.kinds import KINDS
from sepcalc.options import OPTIONS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "documents"
GOOD = [*sorted(FOLDER.glob("good/*.yaml")), *sorted((ROOT / "specs").glob("*.yaml"))]
BAD = sorted(FOLDER.glob("bad/*.yaml"))
VALIDATOR = Draft7Validator(schema())
# Names of blocks, words of specs, expressions, shapes, what unrolls, keys that stand twice.
BEYOND = {
    "anchor",
    "block_arguments_twice",
    "blocks_double",
    "brace_alone",
    "branch_name",
    "crlf_comment_unicode",
    "deep_groups",
    "defaults_unknown_name",
    "duplicate_block",
    "duplicate_key",
    "each_block",
    "each_misfit",
    "expression_text",
    "flow_style",
    "from_inside",
    "from_misfit",
    "include_without_folder",
    "indented_further",
    "input_expression",
    "join_axis",
    "join_misfit",
    "joins",
    "long_spec",
    "many_arguments",
    "merge_key",
    "misfit",
    "misfit_in_block",
    "misfit_long_form",
    "misfit_vector",
    "missing_argument",
    "missing_option",
    "name_control",
    "no_axis",
    "no_axis_in_block",
    "no_layers",
    "one_input",
    "outputs_unknown",
    "recursive",
    "recursive_without_end",
    "repeat_beyond",
    "repeat_bomb",
    "repeat_negative",
    "repeat_nested",
    "repeat_of_nothing",
    "repeat_of_skipped",
    "residual_in_block",
    "residual_shapes",
    "residual_shortcut_shapes",
    "scan_misfit",
    "shared_params_uncounted",
    "skipped_layers",
    "too_large",
    "unknown_block",
    "unknown_function",
    "unknown_key_beside_a_layer",
    "unknown_kind",
    "unknown_name",
    "unknown_word",
    "shared_params",
    "used_often",
    "word_for_kind",
}


def parsed(path: Path) -> object:
    """The document as an editor has it."""
    return yaml.safe_load(path.read_text("utf-8"))


def stem(path: Path) -> str:
    return path.stem


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(schema())


@pytest.mark.parametrize("path", GOOD, ids=stem)
def test_good(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(parsed(path))] == []


@pytest.mark.parametrize("path", BAD, ids=stem)
def test_bad(path: Path) -> None:
    try:
        document = parsed(path)
    except yaml.YAMLError:
        return  # an editor marks it without a schema
    assert VALIDATOR.is_valid(document) == (path.stem in BEYOND)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("blocks: {a: [act relu]}", True),
        ("{include: a.yaml, defaults: {padding: same}, blocks: {}}", True),
        ("{blocks: {a: [act relu]}, layers: [a]}", False),  # no input
        ("{blocks: {a: [act relu]}, input: 8x8x3}", False),
        ("{blocks: {a: [act relu]}, name: x}", False),
    ],
)
def test_a_file_to_be_included_has_blocks_alone(text: str, valid: bool) -> None:
    assert VALIDATOR.is_valid(yaml.safe_load(text)) is valid


def test_beyond_names_documents() -> None:
    assert {path.stem for path in BAD} >= BEYOND


def test_every_kind_and_option_is_in_it() -> None:
    definitions = schema()["definitions"]
    assert [*definitions["kind"]["properties"]] == [*KINDS]
    assert [*definitions["network"]["properties"]["defaults"]["properties"]] == [*OPTIONS]
    for name, kind in KINDS.items():
        forms = definitions["kind"]["properties"][name]["anyOf"]
        (mapping,) = [form for form in forms if form.get("type") == "object"]
        assert {*mapping["properties"]} - {"weights"} == {*kind.options}


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
