"""Finds out where the text of a tensor goes: only to people, or to code that may act on it.

A statement that only prints, logs, warns or raises is for people; so are the frames of ``logging``. Anywhere else
(compared, searched, kept, joined to a longer text) the text counts as a read of the tensor's data.
"""

import ast
import builtins
import io
import linecache
import logging
import sys
import warnings
from functools import lru_cache
from types import FrameType, ModuleType
from typing import Any

import torch

_TELLERS = {print, warnings.warn, torch._assert, torch._check}
_BETWEEN = ("sepcalc.importers.torch.", "torch._tensor", "torch.overrides")  # modules that only forward a text
_TEXTS = {"str", "repr", "ascii", "format"}
_METHODS = {"format", "join"}
_READING = (
    *(ast.Compare, ast.IfExp, ast.BoolOp, ast.NamedExpr, ast.Lambda, ast.comprehension, ast.Yield, ast.YieldFrom),
    ast.Subscript,
)
Place = tuple[int, int]  # a line, and the bytes before it there


def only_shown() -> bool:
    """Whether the user code that makes the text of a tensor only shows it to people."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_BETWEEN):
        frame = frame.f_back
    if frame is None:
        return False
    if frame.f_globals.get("__name__") == "logging":
        return True
    positions = list(frame.f_code.co_positions())
    line, _, column, _ = positions[frame.f_lasti // 2] if frame.f_lasti >= 0 else (None, None, None, None)
    lines = tuple(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    if line is None or not lines:
        return False
    return _tells(_statement(lines, line, column or 0), frame)


@lru_cache(maxsize=16)
def _statements(lines: tuple[str, ...]) -> tuple[ast.stmt, ...]:
    try:
        return tuple([node for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.stmt)])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


@lru_cache(maxsize=256)
def _statement(lines: tuple[str, ...], line: int, column: int) -> ast.stmt | None:
    """The innermost statement at this position."""
    around = [node for node in _statements(lines) if _within(node, (line, column))]
    return max(around, key=lambda node: (node.lineno, node.col_offset), default=None)


def _within(node: Any, place: Place) -> bool:
    return bool((node.lineno, node.col_offset) <= place <= (node.end_lineno, node.end_col_offset))


def _tells(statement: ast.stmt | None, frame: FrameType) -> bool:
    if isinstance(statement, ast.Raise):
        return True
    if isinstance(statement, ast.Assert):
        return statement.msg is not None and not any(map(_is_text, ast.walk(statement.test)))
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    call = statement.value
    return _is_teller(call, frame) and all(map(_goes_on, (*call.args, *[one.value for one in call.keywords])))


def _is_teller(call: ast.Call, frame: FrameType) -> bool:
    """Whether the called function only shows text to people; decided by the object, not by its name."""
    if isinstance(call.func, ast.Attribute) and isinstance(
        _bound(call.func.value, frame), (logging.Logger, logging.LoggerAdapter)
    ):
        return True
    called = _bound(call.func, frame)
    if called is print:
        to = next((_bound(one.value, frame) for one in call.keywords if one.arg == "file"), sys.stdout)
        return to in (sys.stdout, sys.stderr) and not isinstance(to, io.StringIO)
    if getattr(called, "__module__", "") == "logging":
        return True
    return any(called is one for one in _TELLERS)


def _bound(node: ast.AST, frame: FrameType) -> Any:
    """The object that a name or a dotted name refers to; None if that needs running code."""
    if isinstance(node, ast.Name):
        found = frame.f_locals.get(node.id, frame.f_globals.get(node.id))
        return getattr(builtins, node.id, None) if found is None else found
    if isinstance(node, ast.Attribute):
        owner = _bound(node.value, frame)
        entries = owner.__dict__ if isinstance(owner, (ModuleType, torch.nn.Module)) else {}
        return entries.get(node.attr)
    return None


def _goes_on(argument: ast.expr) -> bool:
    """Whether all texts made here reach the called function, without a decision by them."""
    for node in ast.walk(argument):
        reads = isinstance(node, _READING) or (isinstance(node, ast.Call) and not _makes_text(node.func))
        if reads and any(map(_is_text, ast.walk(node))):
            return False
    return True


def _makes_text(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr in _METHODS
    return isinstance(function, ast.Name) and function.id in _TEXTS


def _is_text(node: ast.AST) -> bool:
    """Whether this makes, or could make, a text."""
    modulo = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)
    return modulo or isinstance(node, ast.JoinedStr) or (isinstance(node, ast.expr) and _makes_text(node))
