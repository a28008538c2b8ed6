"""What a project asks of its models: ``[[tool.sepcalc.check]]`` in the pyproject.toml of its root."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, Problem, bad_input, near_miss, printable, quoted
from sepcalc.gate.globs import matches
from sepcalc.gate.limits import (
    Increase,
    Limit,
    Mark,
    Written,
    read_increase,
    read_increases,
    read_layers,
    read_level,
    read_limits,
)
from sepcalc.gate.lines import Path, lines_of
from sepcalc.gate.metrics import spoken
from sepcalc.gate.nearly import WORDS, nearly

FILE = "pyproject.toml"
MAX_PROBLEMS = 100  # that are told
KEYS = (
    *("path", "name", "input", "set", "dim", "batch", "signature"),
    *("max", "layers", "baseline", "max-increase", "level", "message"),
)
ARGUMENT = re.compile(r"zoo:.+|git:.+|[A-Za-z_][\w.]*:[\w.]+", re.DOTALL)


class Asked(NamedTuple):
    """One check: which files (a glob, relative to the project's root), how they are read, what they are held to."""

    name: str
    path: str
    settings: Mapping[str, str]
    inputs: Mapping[str, str]
    dims: Mapping[str, str]
    limits: tuple[Limit, ...]
    increases: tuple[Increase, ...]
    baseline: str
    level: str
    message: str
    mark: Mark
    named: bool  # by its author, not after its path
    batch: int | None = None
    signature: str = ""

    def covers(self, path: str) -> bool:
        """Whether a file, from the project's root, is of this check, also one that is not there."""
        return not ARGUMENT.fullmatch(self.path) and matches(self.path, path)


class Project(NamedTuple):
    """The folder of the pyproject.toml, and the checks in it."""

    root: str
    checks: tuple[Asked, ...]


# --- reading ---------------------------------------------------------------------------------------------------------


def read(text: str, name: str, root: str) -> Project | None:
    """The checks of a pyproject.toml, or None where it says nothing of sepcalc. Raises InputError with all problems."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
        place = f"{name}:{found[2]}:{found[3]}" if found else name
        message = found[1] if found else str(error)
        raise bad_input(f"this is no TOML: {printable(message)}", "", printable(place)) from None
    except (ValueError, RecursionError):  # a number of thousands of digits; nested too deep
        raise bad_input("this is not valid TOML", "", printable(name)) from None
    return _Reader(text, printable(name)).project(data, root)


class _Reader:
    """One pyproject.toml and its problems."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.whole = text
        self.source = text.split("\n")
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    def mark(self, path: Path) -> Mark:
        """Where the key stands, or the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return Mark(self.name, self.lines.get(path, 1))

    def note(self, fact: Invalid, path: Path) -> None:
        """Keeps a fact as a problem of the line where the key stands. Raises InputError when there are too many."""
        mark = self.mark(path)
        if len(self.problems) == MAX_PROBLEMS:
            self.problems.append(Problem(f"there are more than {MAX_PROBLEMS} problems: these were found first"))
            raise InputError(self.problems)
        line = self.source[mark.line - 1].rstrip("\r")
        text = line.strip()
        start = line.index(text) if text else 0
        self.problems.append(Problem(fact.message, fact.hint, str(mark), line, start, start + len(text)))

    def say(self, message: str, path: Path, hint: str = "") -> None:
        """The same, of a message and a hint."""
        self.note(Invalid(message, hint), path)

    def project(self, data: Mapping[str, Any], root: str) -> Project | None:
        """The project that the tables are; None where there is none. Raises InputError with every problem."""
        strays, tools = [*nearly(data)], _tools(data)
        if strays or "sepcalc" in tools:
            self.lines = lines_of(self.whole, WORDS, lambda table: "sepcalc" in _tools(table) or any(nearly(table)))
        for path in strays:
            self.say(f"unknown table {quoted('.'.join(map(str, path)))}", path, "did you mean [[tool.sepcalc.check]]?")
        if "sepcalc" not in tools:
            return self._done(None)
        table = tools["sepcalc"]
        if not isinstance(table, dict):
            self.say("tool.sepcalc needs [[tool.sepcalc.check]]", ("tool", "sepcalc"))
            return self._done(None)
        strange = [key for key in table if key != "check"]
        for key in strange:
            hint = _check_of(table) if key == strange[-1] else ""
            message = f"unknown key {quoted(key)} in tool.sepcalc: expected check"
            self.say(message, ("tool", "sepcalc", key), near_miss(key, ["check"]) or hint)
        entries = table.get("check", [])
        at: Path = ("tool", "sepcalc", "check")
        if not isinstance(entries, list):
            self.say("check needs a table for each check", at, "write [[tool.sepcalc.check]], in two brackets")
            return self._done(None)
        checks = [self.check(entry, (*at, index)) for index, entry in enumerate(entries)]
        self.once([check for check in checks if check is not None])
        return self._done(Project(root, tuple([check for check in checks if check is not None])))

    def _done(self, project: Project | None) -> Project | None:
        if self.problems:
            raise InputError(self.problems)
        return project

    def once(self, checks: list[Asked]) -> None:
        """Notes checks of the same name."""
        seen: dict[str, Asked] = {}
        for check in checks:
            if check.name in seen:
                other = seen[check.name].mark
                message = f"two checks are called {quoted(check.name)}: the other one begins in line {other.line}"
                hint = "" if check.named else "the name is the path, unless name gives another"
                source = self.source[check.mark.line - 1]
                self.problems.append(Problem(message, hint, str(check.mark), source, end=len(source)))
            seen.setdefault(check.name, check)

    def check(self, entry: Any, at: Path) -> Asked | None:
        """One check, or None and a problem."""
        if not isinstance(entry, dict):
            self.say("a check needs keys and values", at, "write [[tool.sepcalc.check]], in two brackets")
            return None
        for key in entry:
            if key not in KEYS:
                message = f"unknown key {quoted(key)} in a check: expected {', '.join(KEYS)}"
                self.say(message, (*at, key), _key_hint(key, entry[key]) or near_miss(key, KEYS))
        path = self.text(entry, "path", at)
        if "path" not in entry:
            self.say("a check needs a path", at, 'for example path = "specs/*.yaml"')
        elif entry["path"] == "":
            self.say("path is empty", (*at, "path"), 'for example path = "specs/*.yaml"')
        name = self.text(entry, "name", at)
        if "name" in entry and not name:
            self.say("name is empty", (*at, "name"))
        level = self.text(entry, "level", at) if "level" in entry else "error"
        try:
            read_level(level)
        except Invalid as fact:
            self.note(fact, (*at, "level"))
        message = self.text(entry, "message", at)
        found = self.limits(entry, at)
        increases = self.increases(entry, at)
        baseline = self.text(entry, "baseline", at)
        if "baseline" in entry and not baseline:
            self.say("baseline is empty", (*at, "baseline"), "sepcalc baseline makes one")
        if "max-increase" in entry and "baseline" not in entry:
            self.say("max-increase needs a baseline to compare with", (*at, "max-increase"))
        if "baseline" in entry and "max-increase" not in entry and not found:
            self.say(
                "a baseline alone limits nothing", (*at, "baseline"), 'say how much, for example max-increase = "2%"'
            )
        return Asked(
            name or path,
            path,
            self.texts(entry, "set", at),
            self.inputs(entry, at),
            self.texts(entry, "dim", at),
            tuple([limit._replace(level=level, message=message) for limit in found]),
            increases,
            baseline,
            level,
            message,
            self.mark(at),
            bool(name),
            self.batch(entry, at),
            self.text(entry, "signature", at),
        )

    def batch(self, entry: Mapping[str, Any], at: Path) -> int | None:
        """The number of examples in a batch, if it is given."""
        value = entry.get("batch")
        if value is None or (type(value) is int and value > 0):
            return value
        self.say(f"batch needs a whole number from 1, not {_sort(value)}", (*at, "batch"), "for example batch = 8")
        return None

    def text(self, entry: Mapping[str, Any], key: str, at: Path) -> str:
        """The text under a key, "" without one."""
        value = entry.get(key, "")
        if isinstance(value, str):
            return value
        first = value[0] if isinstance(value, list) and len(value) == 1 else "specs/*.yaml"
        hint = f"for example {key} = {_toml(first)}" if key == "path" and isinstance(value, list) else "in quotes"
        self.say(f"{key} needs a text, not {_sort(value)}", (*at, key), hint)
        return ""

    def limits(self, entry: Mapping[str, Any], at: Path) -> list[Limit]:
        """The limits under ``max`` and ``layers``."""
        limits = []
        if "max" in entry:
            most = entry["max"]
            if not isinstance(most, dict) or not most:
                hint = f"max = {_toml(_limits(most))}" if _limits(most) else 'for example max = {macs = "570M"}'
                self.say("max needs metrics and limits", (*at, "max"), hint)
            else:
                limits += read_limits(self.written(most, (*at, "max")), self.note)
        if "layers" in entry:
            layers = entry["layers"]
            here: Path = (*at, "layers")
            inside = self.written(layers, here) if isinstance(layers, dict) else None
            limits += read_layers(Written("layers", inside, here, here, self.mark(here)), self.note)
        return limits

    def written(self, table: Mapping[str, Any], at: Path) -> list[Written]:
        """A table as names and texts, at any depth."""
        entries = []
        for key, value in table.items():
            here: Path = (*at, key)
            inside: Any
            if isinstance(value, dict):
                inside = self.written(value, here)
            elif key == "each":  # what is no truth value is told of where it is read
                inside = str(value).lower() if isinstance(value, bool) else str(value)
            else:
                inside = self.amount(key, value, here)
                if inside is None:
                    continue
            entries.append(Written(key, inside, here, here, self.mark(here)))
        return entries

    def amount(self, key: str, value: Any, at: Path) -> str | None:
        """A limit as text: a text, or a whole number of TOML's."""
        if isinstance(value, str):
            return value
        if type(value) is int:
            return str(value)
        whole = isinstance(value, float) and value.is_integer()
        hint = f"{key} = {int(value)}" if whole else 'write a whole number, or a text: "4.3M"'
        self.say(f"{spoken(key)} needs a quantity, not {_sort(value)}", at, hint)
        return None

    def increases(self, entry: Mapping[str, Any], at: Path) -> tuple[Increase, ...]:
        """The largest increases over a baseline."""
        if "max-increase" not in entry:
            return ()
        value, here = entry["max-increase"], (*at, "max-increase")
        if isinstance(value, str):
            try:
                return tuple([one._replace(mark=self.mark(here)) for one in read_increases(value)])
            except Invalid as fact:
                self.note(fact, here)
                return ()
        if not isinstance(value, dict) or not value:
            self.say(f"max-increase needs a percentage, not {_sort(value)}", here, 'for example "2%", or {macs = "2%"}')
            return ()
        found: dict[str, Increase] = {}
        for metric, most in value.items():
            text = self.amount(metric, most, (*here, metric))
            try:
                increase = read_increase(metric, text) if text is not None else None
            except Invalid as fact:
                self.note(fact, (*here, metric))
                continue
            if increase and increase.metric in found:
                self.say(f"{spoken(increase.metric)} is limited twice", (*here, metric))
            if increase:
                found[increase.metric] = increase._replace(mark=self.mark((*here, metric)))
        return tuple(found.values())

    def texts(self, entry: Mapping[str, Any], key: str, at: Path) -> dict[str, str]:
        """Names and values, as texts."""
        table = entry.get(key, {})
        if not isinstance(table, dict):
            pairs = _pairs(table)
            hint = f"{key} = {_toml(pairs)}" if pairs else f"for example {key} = {{width = 0.5}}"
            self.say(f"{key} needs names and values", (*at, key), hint)
            return {}
        texts = {}
        for name, value in table.items():
            if isinstance(value, bool):
                texts[name] = "true" if value else "false"
            elif isinstance(value, str | int) or (isinstance(value, float) and "n" not in str(value)):
                texts[name] = str(value)
            else:
                self.say(f"{quoted(name)} needs a number or a text, not {_sort(value)}", (*at, key, name))
        return texts

    def inputs(self, entry: Mapping[str, Any], at: Path) -> dict[str, str]:
        """The shapes of inputs by name; under "" that of the one input."""
        value = entry.get("input", {})
        if isinstance(value, str):
            return {"": value}
        if isinstance(value, dict) and all(isinstance(shape, str) for shape in value.values()):
            return dict(value)
        sizes = value if isinstance(value, list) and value and all(type(size) is int for size in value) else []
        example = 'for example input = "160x160x3", or {image = "160x160x3"}'
        self.say("input needs a shape", (*at, "input"), f'input = "{"x".join(map(str, sizes))}"' if sizes else example)
        return {}


# --- what was meant --------------------------------------------------------------------------------------------------


def _check_of(table: Mapping[str, Any]) -> str:
    """The checks that keys of ``tool.sepcalc`` were meant as, on one line; an example where they are none."""
    from sepcalc.foreign import CHECK_KEYS

    ours = {word: key for key, words in CHECK_KEYS.items() for word in (key, *words.split())}
    entry = {ours[key.replace("_", "-")]: value for key, value in table.items() if key.replace("_", "-") in ours}
    paths = entry.pop("path", "specs/*.yaml")
    if entry and "max" in entry:
        entry["max"] = _limits(entry["max"])
    listed = paths if isinstance(paths, list) else [paths]
    checks = [{"path": path, **(entry or {"max": {"macs": "570M"}})} for path in listed if isinstance(path, str)]
    own = "path" in map(ours.get, table) and bool(entry)
    return f"{'' if own else 'for example '}check = {_toml(checks)}" if checks and entry.get("max", "-") else ""


def _key_hint(key: str, value: Any) -> str:
    """The key of a check that was meant by another: ``file`` is path, ``macs`` a limit."""
    from sepcalc.foreign import CHECK_KEYS, metric

    ours = next((ours for ours, words in CHECK_KEYS.items() if key.replace("_", "-") in words.split()), "")
    if not ours and metric(key) and isinstance(value, str | int):
        return f"max = {_toml({metric(key): value})}"
    return f"did you mean {ours}?" if ours else ""


def _limits(most: Any) -> dict[str, Any]:
    """Limits by metric, out of ``"macs=1M"`` or a list of such; empty where it is none."""
    from sepcalc.foreign import metric

    pairs = most if isinstance(most, dict) else _pairs(most)
    return {metric(name) or name: value for name, value in pairs.items()}


def _pairs(given: Any) -> dict[str, Any]:
    """Names and values out of ``"a=1, b=2"``, or a list of such; empty where it is none."""
    texts = [part for one in (given if isinstance(given, list) else [given]) for part in str(one).split(",")]
    pairs = [text.partition("=") for text in texts]
    return {name.strip(): value.strip() for name, _, value in pairs} if all(value for *_, value in pairs) else {}


def _toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    from json import dumps

    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_toml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return dumps(printable(value), ensure_ascii=False) if isinstance(value, str) else str(value).lower()


def _tools(data: Mapping[str, Any]) -> Mapping[str, Any]:
    tools = data.get("tool")
    return tools if isinstance(tools, dict) else {}


def _sort(value: Any) -> str:
    """What a value of TOML's is, in words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"the decimal number {value}"
    if isinstance(value, str):
        return quoted(value)
    return {int: f"the number {str(value)[:40]}", list: "a list", dict: "a table"}.get(type(value), "a date or a time")
