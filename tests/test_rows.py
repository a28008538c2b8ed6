"""What is known of an operator stands in its row: no module has a second set of names about operators."""

import ast
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import sepcalc.importers

FORMATS = ["keras", *(["onnx"] if find_spec("onnx") else []), *(["torch"] if find_spec("torch") else [])]


def names_of(source: str) -> Collection[str]:
    """The operators of a format: those that have a row."""
    if source == "onnx":
        from sepcalc.importers.onnx import OPERATORS as ONNX

        return ONNX.keys()
    if source == "torch":
        from sepcalc.importers.aten.operators import OPERATORS as ATEN

        return ATEN.keys()
    from sepcalc.importers.keras.table import LAYERS, OPERATIONS

    return {*LAYERS, *OPERATIONS}


# Collections of what only has the names of operators: values of attributes.
VALUES = {"_ACTIVATIONS": "what the attribute `activation` of ONNX Runtime's fused operators may be"}
MOST = 4  # names in a collection that may be steps of a formula, or values of an argument


def named(tree: ast.Module) -> Iterator[tuple[int, list[str]]]:
    """The texts in every collection of a module that is written out, but in tables of rows, and in what these tables
    are made of."""
    tables = [one for one in tree.body if isinstance(one, ast.AnnAssign) and "Operator]" in ast.unparse(one.annotation)]
    rows = {inner.id for table in tables for inner in ast.walk(table) if isinstance(inner, ast.Name)}
    for one in tree.body:
        targets = {inner.id for inner in getattr(one, "targets", []) if isinstance(inner, ast.Name)}
        if one in tables or targets & (rows | VALUES.keys()):
            continue
        for inner in ast.walk(one):
            items = inner.elts if isinstance(inner, (ast.Set, ast.Tuple, ast.List)) else []
            items = list(filter(None, inner.keys)) if isinstance(inner, ast.Dict) else items
            texts = [item.value for item in items if isinstance(item, ast.Constant)]
            yield one.lineno, [text for text in texts if isinstance(text, str)]


@pytest.mark.parametrize("source", FORMATS)
def test_no_module_has_a_set_of_operators_beside_their_rows(source: str) -> None:
    known, found = names_of(source), []
    for path in sorted((Path(sepcalc.importers.__file__).parent / source).glob("*.py")):
        for line, texts in named(ast.parse(path.read_text("utf-8"))):
            if len(of_operators := [text for text in texts if text in known]) > MOST:
                found.append((path.name, line, of_operators))
    assert found == []


def test_a_second_set_is_found() -> None:
    text = """
OF_ROWS = ("Relu", "Exp")
A: dict[str, Operator] = {"Relu": 1, **{name: 2 for name in OF_ROWS}}
B = {"Relu", "Exp"}
def f(x):
    return x in ("Log", *("Tanh", "Sin"))
"""
    assert [texts for _, texts in named(ast.parse(text)) if texts] == [["Relu", "Exp"], ["Log"], ["Tanh", "Sin"]]
