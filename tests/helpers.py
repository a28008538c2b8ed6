"""What several test files need: specs made from the tables of kinds and options."""

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from sepcalc.errors import InputError
from sepcalc.kinds import KINDS
from sepcalc.layer import Node
from sepcalc.network import Network
from sepcalc.options import DECIMAL, FLAG, FUNCTION, NAMES, OFFSETS, PADDING, SHAPE, SIZE, SIZES, WORD
from sepcalc.shape import MAX_SIZE, Shape
from sepcalc.spec import Spec, linked, parse

Case = tuple[Any, ...]  # its first part is a text


def ids(cases: Iterable[Case]) -> list[str]:
    """Short names for parametrized cases: the text that each is about."""
    return [re.sub(r"[^ -~]", "?", case[0])[:60] or "empty" for case in cases]


def refusal(text: str) -> str:
    """The whole message with which a spec is refused; nothing when it is accepted."""
    try:
        spec = parse(text)
        if spec.inputs:
            _ = spec.cost
    except InputError as error:
        return str(error)
    return ""


# --- networks and their tables ----------------------------------------------------------------------------------------

Row = tuple[str, tuple[int, ...]]  # a layer spec and the tensors that it reads: the inputs first, then one per row


def network(
    inputs: Sequence[Shape],
    rows: Sequence[Row],
    outputs: Sequence[int] = (),
    weights: dict[int, str] | None = None,
    names: Sequence[str] = (),
) -> Network:
    """A network of layers that are called by their number, or by their names."""
    tensors, nodes = list(inputs), []
    for at, (text, sources) in enumerate(rows):
        spec = parse(text)
        read = tuple([tensors[source] for source in sources])
        (link,) = linked(spec, read)
        tensors.append(link.op.output(read))
        nodes.append(Node(names[at] if names else str(at), link.op, sources, tensors[-1], (weights or {}).get(at)))
    return Network("test", {f"in{n}": shape for n, shape in enumerate(inputs)}, nodes, {str(at): at for at in outputs})


def chain(shape: Shape, *texts: str, names: Sequence[str] = ()) -> Network:
    return network([shape], [(text, (at,)) for at, text in enumerate(texts)], names=names)


PrintedRows = list[tuple[int, str, dict[str, str]]]


def printed_table(text: str) -> PrintedRows:
    """The first table's rows below its headings: how deep, the first cell, and the others that stand to the right of
    their columns, by heading."""
    _, header, *lines = text.partition("\n\n")[0].splitlines()
    ends = {name: header.index(name) + len(name) for name in re.split(r" {2,}", header.strip())}
    rows = []
    for line in lines:
        cells = {
            name: line[:end].rpartition("  ")[2].strip() for name, end in ends.items() if line[end - 1 : end] != " "
        }
        name = line.strip().partition("  ")[0]
        rows.append(((len(line) - len(line.lstrip())) // 2, name, cells))
    return rows


# --- specs of every kind ---------------------------------------------------------------------------------------------

_any_size = st.integers(1, 300) | st.integers(1, MAX_SIZE)
_any_offset = st.integers(0, 9) | st.integers(0, MAX_SIZE)
_ANY = {
    SIZE: _any_size,
    SIZES: st.lists(_any_size, min_size=1, max_size=3).map(tuple),
    OFFSETS: st.lists(_any_offset, min_size=1, max_size=3).map(tuple),
    SHAPE: st.lists(_any_size, min_size=1, max_size=4).map(tuple),
    PADDING: st.sampled_from(["same", "valid"])
    | st.lists(st.tuples(_any_offset, _any_offset), min_size=1, max_size=3).map(tuple),
    DECIMAL: st.floats(-1e29, 1e29),
    WORD: st.text("dhwc", min_size=1, max_size=4),
    NAMES: st.sampled_from([("compares",), ("adds", "compares")]),
    FUNCTION: st.sampled_from(["linear", "tanh", "gelu", "hard-sigmoid"]),
    FLAG: st.booleans(),
}

_few = st.sampled_from([1, 2, 4])
_LITTLE = {
    SIZE: _few,
    SIZES: st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple),
    OFFSETS: st.sampled_from([(0,), (1,)]),
    SHAPE: st.lists(_few, min_size=1, max_size=2).map(tuple),
    PADDING: st.sampled_from(["same", "valid", ((1, 1),), ((0, 1), (2, 0))]),
    DECIMAL: st.sampled_from([1.0, 0.5, -2.0]),
    WORD: st.sampled_from(["c", "w", "h", "hw"]),
    NAMES: st.sampled_from([("compares",), ("adds", "compares")]),
    FUNCTION: st.sampled_from(["linear", "sigmoid", "tanh", "relu", "hard-sigmoid", "softsign"]),
    FLAG: st.booleans(),
}


def _settings(draw, kind, values):
    """Words and options for a kind, each option's value drawn by its type."""
    from sepcalc.options import OPTIONS

    entry = KINDS[kind]
    slots = entry.words()
    words = tuple(draw(st.sampled_from(slot)) for slot in slots)
    if entry.optional and draw(st.booleans()):
        words = words[: -entry.optional]
    if entry.free_word:
        words = (draw(st.sampled_from(["ij,jk->ik", "hwc,hwc->hwc", "ab,ab"])),)
    chosen = set(draw(st.lists(st.sampled_from(entry.options), unique=True))) if entry.options else set()
    own = KINDS[kind]
    form = own.form(words, dict.fromkeys(chosen)) if own.form else own.options
    names = [*entry.needs, *(name for name in form if name in chosen and name not in entry.needs)]
    return words, {name: draw(values[OPTIONS[name].type]) for name in names}


@st.composite
def written_specs(draw):
    """A spec of any kind with any of its options, of any values: it need not fit its inputs, for it has none."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    return Spec(kind, *_settings(draw, kind, _ANY), each=draw(st.sampled_from([0, 0, 1, 2])))


@st.composite
def fitting_specs(draw):
    """A small spec of any kind that fits its inputs."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    words, options = _settings(draw, kind, _LITTLE)
    shape = draw(st.sampled_from([(8,), (4, 8), (4, 4, 4), (8, 4, 8), (6, 5, 4), (4, 4, 4, 8)]))
    if kind in ("reshape", "permute"):
        options["to"] = shape[::-1]
    if kind == "slice":
        whole = {"to": (*shape[:-1], 2), "start": (0,) * (len(shape) - 1) + (1,)}
        options = draw(st.sampled_from([whole, {"start": (1,)}, {"size": 2, "start": (1,)}, {"size": 1, "axis": "c"}]))
    if kind == "matmul":
        options["transpose"] = True
    if kind == "pool" and "global" not in words:
        options = {"to": (2,)} if {"adaptive", "to"} & {*words, *options} else {"kernel": (2,), **options}
    if kind == "upsample":
        options = dict([options.popitem()] if options else [("scale", (2,))])
    if words == ("group",):
        options["groups"] = 2
    if not options.get("bias"):
        options.pop("bias-sets", None)
    if options.get("buffer"):
        options.pop("learned", None)
    each = 0 if KINDS[kind].begins else draw(st.sampled_from([0, 0, 0, 1, 2]))
    spec = Spec(kind, words, options, () if KINDS[kind].begins else ((3, 2)[:each] + shape,), each)
    assume(not refusal(str(spec)))
    return parse(str(spec))


def committed(folder: Path, message: str = "Begin", day: int = 1) -> str:
    """Commit all of a folder to its repository, which is made where there is none. Returns the hash."""
    if not (folder / ".git").exists():
        _git(folder, "init", "--quiet", "--initial-branch", "main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--allow-empty", "--message", message, day=day)
    return _git(folder, "rev-parse", "HEAD").strip()


def _git(folder: Path, *arguments: str, day: int = 1) -> str:
    who = {f"GIT_{one}_{field}": "a@b" for one in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"2026-01-{day:02}T12:00:00+00:00")
    own = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**own, **who, **dates}, check=True, capture_output=True, text=True
    )
    return done.stdout
