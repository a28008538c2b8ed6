"""Damaged and strange input of every kind, for as long as is asked: no crash, no hang, no heap of memory.

    python tests/fuzz.py                          every surface, 60 seconds
    python tests/fuzz.py yaml onnx --seconds 300  these
    python tests/fuzz.py --seed 7 --cases 200     so many of each
    python tests/fuzz.py onnx/7/123               one case again, as a failure names it; its files stay

A case is made of its name alone: surface, seed and number. Each runs in a process of its own, and must end by itself
with 0, 1, 2 or 3, without a traceback, in 3 seconds of the processor's time, within 300 MiB.
"""

import argparse
import contextlib
import gzip
import importlib
import io
import json
import os
import pkgutil
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

os.environ["OPENBLAS_NUM_THREADS"] = "1"

HERE = Path(__file__).parent
ROOT = HERE.parent
FINE = (0, 1, 2, 3)
SECONDS, MEMORY = 3.0, 300 * 2**20
LOST = 30.0  # seconds after which a case that does nothing is stopped, however busy the machine is

SIZES = ("0", "1", "2", "3", "7", "64", "224", "65536", "1000003", "4294967296", "9223372036854775807",
         "9223372036854775808", "1" * 40, "-1", "1.5", "1e9", "0x10", "010", "")  # fmt: skip
LITTLE = ("1", "2", "3", "4", "5", "8", "16", "32")
WORDS = ("conv", "depthwise", "pool", "norm", "act", "dense", "add", "concat", "residual", "repeat", "when", "from",
         "layers", "blocks", "stages", "input", "inputs", "budget", "params", "macs", "width", "out", "stride", "c_in",
         "same", "valid", "global", "true", "null", "~", "nan", "*", "**", "{}", "[]", "{a: b}", "&a", "*a", "!!int 3",
         "<<: {}", "---", "? x", "|", ">", "'", '"', "#", "\t", "\x00", "\x1b[2J", "\u202e", "é", "\ud83d", "%", "each",
         "int(", "1/0", "2**9999", "(" * 40, "shape", "weights", "scan", "states", "index", "previous")  # fmt: skip
OTHERS = (None, True, -1, 0, 1, 3, 2**31, 2**63, 1e308, 0.5, float("nan"), "", "relu", "x" * 300, [], {}, [[]], [None],
          [3, 3], [0], {"class_name": "Dense"})  # fmt: skip
KINDS_OF_NUMBERS = ("<f4", "<f8", "<f2", "|i1", "<i4", "<i8", ">f4", "<c8", "|O", "|b1", "<U3", "<f4,<f4", "?" * 60)
ENTRIES = (*SIZES, "1/2", "-3", "0.1", "1e-30", "1/0", "1_0", "x", "1e999", "nan")
NAMED = ("", "@1.4", "-5", "@nan", "-99999", "@1e9", "-0", "-4294967297")


class Case(NamedTuple):
    """A command line, and the files that stand in its folder."""

    args: list[str]
    files: Mapping[str, bytes] = MappingProxyType({})


class Ended(NamedTuple):
    """How a case ended: its exit code (less than 0: a signal), seconds of the processor, bytes, what it said."""

    code: int
    seconds: float
    memory: int
    said: str

    @property
    def wrong(self) -> str:
        """What should not be, if anything."""
        if self.code not in FINE:
            return f"it ended with {self.code}"
        if "Traceback (most recent call last)" in self.said:
            return "it shows a traceback"
        if self.seconds > SECONDS:
            return f"it took {self.seconds:.1f} s"
        return f"it took {self.memory / 2**20:,.0f} MiB" if self.memory > MEMORY else ""


# --- damage -----------------------------------------------------------------------------------------------------------


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    """Bytes turned, cut, repeated, moved."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(found) + 1)
        length = chance.choice((1, 2, 8, 100))
        match chance.choice((0, 0, 0, 1, 1, 2, 3, 4, 5, 6)):
            case 0 if at < len(found):
                found[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(found):
                found[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 2:
                del found[at : at + length]
            case 3:
                found[at:at] = found[at : at + length]
            case 4:
                found[at:at] = bytes(chance.randrange(256) for _ in range(length))
            case 5:
                found[at : at + 10] = b"\xff" * chance.randrange(1, 11)
            case _ if chance.random() < 0.2:
                del found[at:]
    return bytes(found)


def damaged_text(text: str, chance: random.Random) -> str:
    """Words, numbers and lines replaced, cut, repeated, moved."""
    for _ in range(chance.choice((1, 1, 1, 1, 2, 4, 10))):
        lines = text.split("\n")
        at = chance.randrange(len(lines))
        if chance.random() < 0.5 and (numbers := list(re.finditer(r"\d+", lines[at]))):  # most of these still fit
            one = chance.choice(numbers)
            lines[at] = lines[at][: one.start()] + chance.choice((*LITTLE, *LITTLE, *SIZES)) + lines[at][one.end() :]
            text = "\n".join(lines)
            continue
        words = lines[at].split(" ")
        one = chance.randrange(len(words))
        match chance.randrange(9):
            case 0:
                words[one] = chance.choice(WORDS)
            case 1:
                words[one] = chance.choice(SIZES)
            case 2:
                digits = [
                    chance.choice((char, chance.choice(SIZES))) if char.isdigit() else char for char in words[one]
                ]
                words[one] = "".join(digits)
            case 3:
                del words[one]
            case 4:
                words.insert(one, chance.choice(words))
            case 5:
                words[one] += chance.choice(("x", ":", ",", "]", "}", "{", "[", "-", "/0", "e9", "\n", " "))
            case 6:
                lines[at : at + 1] = [lines[at]] * chance.choice((0, 2, 3, 50))
            case 7:
                lines.insert(chance.randrange(len(lines) + 1), lines[at])
            case _:
                words = [" " * chance.choice((1, 2, 9)), *words]
        if at < len(lines):
            lines[at : at + 1] = [" ".join(words)]
        text = "\n".join(lines)
    return text


def damaged_tree(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """What JSON holds, with one or a few of its parts replaced, left out or put elsewhere."""
    if chance.random() < 0.04 + 0.3 * (depth > 12):
        return chance.choice((*OTHERS, value, [value], {"config": value}))
    if isinstance(value, dict):
        items = [(key, damaged_tree(item, chance, depth + 1)) for key, item in value.items()]
        if items and chance.random() < 0.02:
            items.pop(chance.randrange(len(items)))
        return dict(items)
    if isinstance(value, list) and len(value) < 2000:
        items = [damaged_tree(item, chance, depth + 1) for item in value]
        return items * chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 2))
    return value


def mildly(value: Any, chance: random.Random) -> Any:
    """A tree of which little is damaged: most of large ones stays as it is."""
    if chance.random() < 0.2:
        return damaged_tree(value, chance)
    node, key = None, None
    inner = value
    for _ in range(chance.randrange(1, 12)):
        if isinstance(inner, dict) and inner:
            node, key = inner, chance.choice(list(inner))
        elif isinstance(inner, list) and inner:
            node, key = inner, chance.randrange(len(inner))
        else:
            break
        inner = node[key]
    if node is not None:
        node[key] = damaged_tree([inner], random.Random(chance.random()), 13)
        node[key] = node[key][0] if isinstance(node[key], list) and node[key] else node[key]
    return value


# --- surfaces ---------------------------------------------------------------------------------------------------------


def a_shape(chance: random.Random, sizes: tuple[str, ...]) -> str:
    return "x".join(chance.choice(sizes) for _ in range(chance.choice((1, 2, 3, 3, 3, 4))))


def specs(chance: random.Random) -> Case:
    """A kind with some of its words and options, whatever their values."""
    from sepcalc.kinds import KINDS
    from sepcalc.options import FUNCTION, NAMES, OPTIONS, PADDING, SHAPE, WORD

    small = chance.random() < 0.8
    sizes = LITTLE if small else SIZES
    name = chance.choice(list(KINDS))
    kind = KINDS[name]
    shape = a_shape(chance, sizes)
    words = [shape] * chance.choice((1, 1, 2, 3) if kind.several or chance.random() < 0.2 else (1,))
    words = [] if kind.begins else words
    words += ["each"] * (chance.random() < 0.1) + [name]
    words += [chance.choice(slot) for slot in kind.words()][: None if chance.random() < 0.7 else -kind.optional or None]
    words += ["ab,bc->ac"] * bool(kind.free_word)
    chosen = chance.sample(kind.options, min(len(kind.options), chance.choice((0, 0, 1, 1, 2, 5))))
    for option in dict.fromkeys([*kind.needs, *chosen]):
        entry = OPTIONS[option]
        if entry.flag:
            words.append(f"--{option}")
            continue
        own = {PADDING: ("same", "valid", "1", "0/1x1/0"), WORD: ("h", "hw", "c"), FUNCTION: ("relu", "tanh", "linear"),
               NAMES: ("compares", "adds+compares")}  # fmt: skip
        values = own.get(entry.type, (a_shape(chance, sizes) if entry.type is SHAPE else chance.choice(sizes),))
        words += [f"--{option}", chance.choice(values) if chance.random() < 0.9 else a_shape(chance, sizes)]
    if chance.random() < 0.2:
        words = damaged_text(" ".join(words), chance).split(" ")
    command = chance.choice(("layer", "compare", "layer", "network"))
    if command == "network":
        return Case(["network", f"{words[0]}, {' '.join(words[1:])}, act relu", "--format", "json"])
    if small and chance.random() < 0.4:
        return Case(["verify", " ".join(words), "--sample", "2"])
    more = {"layer": ["--explain"], "compare": ["--variant", "all", "--formula"]}[command]
    return Case([command, *words, *(more if chance.random() < 0.5 else [])])


ON_NETWORKS = (
    ["network"], ["network", "--expand"], ["network", "--by", "block", "--format", "csv"], ["network", "--explain"],
    ["check", "--max", "macs=1G", "--max", "compares=1M"], ["check", "--max", "peak-memory=8MiB", "--format", "github"],
    ["convert"], ["whatif", "--width", "0.5"], ["whatif", "--rewrite", "*=depthwise-separable"],
    ["whatif", "--resolution", "64"], ["baseline"], ["network", "--fold-norm", "--format", "json"],
)  # fmt: skip


def on_network(chance: random.Random, name: str, data: bytes) -> Case:
    command, *options = chance.choice(ON_NETWORKS)
    return Case([command, name, *options], {name: data})


def yaml(chance: random.Random) -> Case:
    """Networks in the language, damaged by words and lines, or by bytes."""
    good = [*(ROOT / "specs").glob("*.yaml"), *(HERE / "documents" / "good").glob("*.yaml")]
    bad = (HERE / "documents" / "bad").glob("*.yaml")
    data = chance.choice(sorted(good) if chance.random() < 0.8 else sorted(bad)).read_bytes()
    if chance.random() < 0.85:
        text = damaged_text(data.decode("utf-8", "replace"), chance)
        return on_network(chance, "net.yaml", text.encode("utf-8", "surrogatepass"))
    return on_network(chance, "net.yaml", damaged_bytes(data, chance))


def onnx(chance: random.Random) -> Case:
    """Model files with damaged bytes; of the small ones more of them."""
    files = sorted([*(HERE / "data" / "onnx").glob("*.onnx"), *(HERE / "data" / "faults").glob("*.onnx")])
    files = [path for path in files if path.stat().st_size < 200_000]
    return on_network(chance, "net.onnx", damaged_bytes(chance.choice(files).read_bytes(), chance))


def keras(chance: random.Random) -> Case:
    """Configurations with damaged parts, as JSON and in a file of Keras; and the file's bytes."""
    folder = HERE / "data" / "keras"
    if chance.random() < 0.2:
        return on_network(chance, "net.keras", damaged_bytes((folder / "separable.keras").read_bytes(), chance))
    if chance.random() < 0.5:
        models = json.loads(gzip.decompress((folder / "zoo.json.gz").read_bytes()))
        entry = models[chance.choice(sorted(models))]
        model = entry[chance.choice([form for form in ("model", "old") if form in entry])]
    else:
        with zipfile.ZipFile(folder / "applications.zip") as archive:
            names = sorted(name for name in archive.namelist() if not name.endswith("truth.json"))
            model = json.loads(archive.read(chance.choice(names)))
    text = json.dumps(mildly(model, chance))
    if chance.random() < 0.5:
        return on_network(chance, "net.json", text.encode())
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("config.json", text)
        archive.writestr("metadata.json", "{}")
    return on_network(chance, "net.keras", made.getvalue())


def tflite(chance: random.Random) -> Case:
    """Model files with damaged bytes, or with an offset or a length that lies."""
    files = sorted((HERE / "data" / "tflite").glob("*.tflite"))
    data = chance.choice([path for path in files if path.stat().st_size < 30_000]).read_bytes()
    if chance.random() < 0.5:
        return on_network(chance, "net.tflite", damaged_bytes(data, chance))
    at = 4 * chance.randrange(len(data) // 4)
    lie = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(data), at, chance.randrange(2**32)))
    return on_network(chance, "net.tflite", data[:at] + lie.to_bytes(4, "little") + data[at + 4 :])


def tf(chance: random.Random) -> Case:
    """Graphs of TensorFlow with damaged bytes, and as text with damaged lines."""
    folder = HERE / "data" / "tf"
    files = [*folder.glob("*.pb"), *folder.glob("*/saved_model.pb")]
    data = chance.choice(sorted(path for path in files if path.stat().st_size < 100_000)).read_bytes()
    return on_network(chance, "net.pb", damaged_bytes(data, chance))


def pt2(chance: random.Random) -> Case:
    """Programs with damaged parts in a zip, and the zip's bytes."""
    path = chance.choice(sorted((HERE / "data" / "pt2").glob("*.pt2")))
    if chance.random() < 0.3:
        return on_network(chance, "net.pt2", damaged_bytes(path.read_bytes(), chance))
    made = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(made, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith("model.json") or (name.endswith("_config.json") and chance.random() < 0.3):
                data = json.dumps(mildly(json.loads(data), chance)).encode()
            copy.writestr(zipfile.ZipInfo(name), data)
    return on_network(chance, "net.pt2", made.getvalue())


def openvino(chance: random.Random) -> Case:
    """Graphs with damaged bytes, or with attributes and sizes that lie."""
    text = chance.choice(sorted((HERE / "data" / "openvino").glob("*.xml"))).read_text()
    if chance.random() < 0.3:
        return on_network(chance, "net.xml", damaged_bytes(text.encode(), chance))
    lies = ("0", "1", "-1", "3", "7", "99999999999", "-5", "", "x", "1, 2", "Const", "Result", "f16", "&x;")
    for _ in range(chance.randrange(1, 4)):
        places = [*re.finditer(r'="([^"]*)"|<dim>([^<]*)</dim>', text)]
        place = chance.choice(places)
        at = 1 if place[1] is not None else 2
        text = text[: place.start(at)] + chance.choice(lies) + text[place.end(at) :]
    return on_network(chance, "net.xml", text.encode())


def npy(chance: random.Random) -> bytes:
    """An array's file, its header or its end perhaps not what it should be."""
    kind = chance.choice(KINDS_OF_NUMBERS)
    shape: tuple[Any, ...] = tuple(chance.choice((1, 2, 3, 4, 5)) for _ in range(chance.choice((0, 1, 2, 2, 3, 4, 5))))
    if chance.random() < 0.3:
        shape = tuple(chance.choice((0, -1, 2**40, 2**63, 1.5, "x", size)) for size in shape)
    header = f"{{'descr': {kind!r}, 'fortran_order': {chance.choice(('True', 'False', '1'))}, 'shape': {shape!r}, }}"
    if chance.random() < 0.3:
        header = damaged_text(header, chance)
    text = header.encode("latin-1", "replace")
    numbers = struct.pack("<200f", *[chance.choice((0.0, 1.0, -2.0, 0.5, 1e38, float("nan"))) for _ in range(200)])
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) % 65536) + text
    data += numbers[: chance.choice((0, 10, 64, 100, 800))]
    return damaged_bytes(data, chance) if chance.random() < 0.3 else data


def kernels(chance: random.Random) -> Case:
    """Kernels on the command line and in files."""
    from sepcalc.factoring.named import KERNELS

    rank = ["--rank", chance.choice(("1", "2", "9"))]
    options = chance.choice(([], ["--verify"], rank, [*rank, "--verify"], ["--format", "json"], ["--layer"]))
    match chance.randrange(5):
        case 0:
            return Case(["factor", "w.npy", *options], {"w.npy": npy(chance)})
        case 1:
            text = "\n".join(",".join(chance.choice(ENTRIES) for _ in range(3)) for _ in range(3))
            return Case(["factor", "w.csv", *options], {"w.csv": damaged_text(text, chance).encode("utf-8", "replace")})
        case 2:
            entry = {"dtype": "F32", "shape": [4, 3, 3, 3], "data_offsets": [0, 432]}
            header = json.dumps(damaged_tree({"conv1.weight": entry, "__metadata__": {}}, chance)).encode()
            length = chance.choice((len(header), len(header), len(header), 2**62, 0))
            data = struct.pack("<Q", length) + header + bytes(432)
            return Case(["factor", "m.safetensors:conv1.weight", *options], {"m.safetensors": data})
        case 3:
            name = chance.choice(list(KERNELS))
            return Case(["factor", name + chance.choice(NAMED), *options])
    wide = chance.choice((1, 3, 3, 5))
    rows = [" ".join(chance.choice(ENTRIES) for _ in range(wide)) for _ in range(chance.choice((1, 2, 3)))]
    return Case(["factor", chance.choice((" ; ", "; ", " | ")).join(rows), *options])


NET = "input: 8x8x3\nlayers: [conv -k3 -o8, act relu, pool avg global, dense -o4]\nbudget: {params: 1k}\n"
TABLES = """\
[project]
name = "some"

[[tool.sepcalc.check]]
path = "net.yaml"
max = {params = "4.3M", macs = "570M", peak-memory = "8MiB"}
layers = {"conv*" = {macs = "10M"}}
message = "ask"

[[tool.sepcalc.check]]
name = "small input"
path = "*.yaml"
input = "16x16x3"
max = {compares = "1G"}
level = "warn"
"""
HELD = """
[[tool.sepcalc.check]]
path = "net.yaml"
baseline = "base.json"
max-increase = {macs = "2%"}
"""


def _baseline() -> dict[str, Any]:
    from sepcalc import __version__, load
    from sepcalc.gate.baselines import Kept, document
    from sepcalc.gate.snapshots import taken
    from sepcalc.network import Network

    line = load(", ".join(["8x8x3", "conv -k3 -o8", "act relu", "pool avg global", "dense -o4"]))
    network = Network("", line.inputs, line.nodes)
    made: dict[str, Any] = json.loads(json.dumps(document([Kept("net.yaml", {}, taken(network))], __version__)))
    return made


def pyproject(chance: random.Random) -> Case:
    """A project's checks, damaged."""
    text = damaged_text(TABLES + chance.choice(("", HELD)), chance)
    files = {"net.yaml": NET.encode(), "pyproject.toml": text.encode("utf-8", "surrogatepass"), ".git/HEAD": b""}
    if chance.random() < 0.9:
        files["base.json"] = json.dumps(_baseline()).encode()
    return Case(["check", *chance.choice(([], ["net.yaml"], ["--format", "junit"], ["--why"]))], files)


def baselines(chance: random.Random) -> Case:
    """A baseline, damaged as text, as a tree or in its bytes."""
    kept = _baseline()
    data = json.dumps(mildly(kept, chance)).encode()
    if chance.random() < 0.5:
        indented = json.dumps(kept, indent=1)
        data = damaged_text(indented, chance).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        data = damaged_bytes(data, chance)
    growth = chance.choice(("2%", "macs=2%", "compares=1", "x"))
    args = ["check", "net.yaml", "--baseline", "base.json", "--max-increase", growth]
    return Case(args, {"net.yaml": NET.encode(), "base.json": data, ".git/HEAD": b""})


SURFACES: dict[str, Callable[[random.Random], Case]] = {
    made.__name__: made for made in (specs, yaml, onnx, keras, tflite, tf, pt2, openvino, kernels, pyproject, baselines)
}


def case(name: str) -> Case:
    """The case of this name: ``yaml/7/12``, the twelfth of seed 7."""
    return SURFACES[name.partition("/")[0]](random.Random(name))


# --- running ----------------------------------------------------------------------------------------------------------


def ended(one: Case, folder: Path) -> Ended:
    """Runs a case in a process of its own, in this folder."""
    for name, data in one.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    said = folder / ".said"
    child = os.fork()
    if not child:
        _run(one.args, folder, said)
    begun = time.monotonic()
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - begun > LOST:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    text = said.read_text("utf-8", "replace")
    return Ended(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, text)


def _run(args: list[str], folder: Path, said: Path) -> None:
    """In the child, which it ends."""
    code = 70
    try:
        os.chdir(folder)
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
        where = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        os.dup2(where, 2)
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            stream = io.FileIO(number, "w" if number else "r")
            buffered = io.BufferedWriter(stream) if number else io.BufferedReader(stream)
            setattr(sys, name, io.TextIOWrapper(buffered, "utf-8", "backslashreplace"))
        from sepcalc.cli import run

        code = run(args)
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else 70)


def retried(one: Case) -> Ended:
    """Runs a case, a slow one up to three times: a busy machine is slow once, a hang is slow each time."""
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            found = ended(one, Path(folder))
        if found.seconds <= SECONDS:
            break
    return found


def warmed() -> None:
    """What the cases load is loaded once, before: all of sepcalc but what needs PyTorch."""
    import sepcalc

    own = [module.name for module in pkgutil.walk_packages(sepcalc.__path__, "sepcalc.")]
    for name in ("numpy", "yaml", "tomllib", "difflib", "onnx", *own):
        if name != "sepcalc.__main__" and not name.startswith("sepcalc.importers.torch"):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def failures(names: Iterator[str], until: float) -> Iterator[tuple[str, str]]:
    """The names of cases that go wrong, each with what went wrong, until that time; what ran is counted in
    :data:`counted`."""
    for name in names:
        if time.monotonic() > until:
            return
        found = retried(case(name))
        counted[name.partition("/")[0]] = counted.get(name.partition("/")[0], 0) + 1
        if found.wrong:
            yield name, found.wrong


counted: dict[str, int] = {}


def named(surfaces: list[str], seed: str, cases: int | None) -> Iterator[str]:
    """``specs/7/0``, ``yaml/7/0`` … in turn, without end unless so many of each are asked for."""
    number = 0
    while cases is None or number < cases:
        yield from (f"{surface}/{seed}/{number}" for surface in surfaces)
        number += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", nargs="*", help=f"{', '.join(SURFACES)}; or the name of a case")
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10**9)))
    parser.add_argument("--cases", type=int, help="of each surface")
    parser.add_argument("--seconds", type=float, default=None, help="60, unless --cases are given")
    asked = parser.parse_args()
    warmed()
    say = sys.stdout.write
    for name in [name for name in asked.what if "/" in name]:
        one, folder = case(name), Path(tempfile.mkdtemp(prefix="fuzz-"))
        found = ended(one, folder)
        say(f"{name}: {found.wrong or 'fine'}, {found.seconds:.2f} s, {found.memory / 2**20:.0f} MiB\n  in {folder}\n")
        say(f"  sepcalc {' '.join(map(repr, one.args))}\n{found.said[-3000:]}\n")
        if found.wrong:
            return 1
    surfaces = [name for name in asked.what if "/" not in name] or ([] if asked.what else list(SURFACES))
    if wrong := [name for name in surfaces if name not in SURFACES]:
        parser.error(f"there is no surface {wrong[0]!r}: {', '.join(SURFACES)}")
    if not surfaces:
        return 0
    limit = asked.seconds if asked.seconds is not None else 1e9 if asked.cases else 60.0
    bad = 0
    for name, wrong_with in failures(named(surfaces, asked.seed, asked.cases), time.monotonic() + limit):
        bad += 1
        say(f"{name}: {wrong_with}\n")
        sys.stdout.flush()
    say(f"seed {asked.seed}: {', '.join(f'{count} {name}' for name, count in counted.items())}; {bad} went wrong\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
