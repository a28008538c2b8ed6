"""Arguments that are not networks, and what was meant by them. Loaded only when such an argument is given."""

import ast
import os
import re

from sepcalc.errors import Meant, bad_input, printable
from sepcalc.foreign import EXPORT, FILES
from sepcalc.importers.formats import Format, suffix_of

EXAMPLE = "--input 224x224x3"
ONNX = "export the model to ONNX: torch.onnx.export, tf2onnx and the like write model.onnx, which is read"
MODULE = (
    f"export the module that it was saved from: {EXPORT}; or name it, for example sepcalc network package.module:Net "
    f"{EXAMPLE}"
)
BASELINE = b"sepcalc-baseline/"  # what a baseline begins with
BEGINS = {  # what files of others begin with
    ".pt": rb"PK\x03\x04.{26}[^/]+/(data\.pkl|\.data|\.format_version|byteorder|version|constants\.pkl)",
    ".pkl": rb"\x80[\x02-\x05]",
    ".gguf": rb"GGUF",
    ".safetensors": rb'.{4}\x00{4}\{"',
}
_BASE = re.compile(r"Module\w*$|\bnn\.\w+$")  # of a class that is a PyTorch module
MAX_BYTES = 2**20  # bytes of Python that are looked through


def refuse(path: str, head: bytes = b"", promised: Format | None = None) -> None:
    """Raises InputError for a file of a known kind that sepcalc does not read. Its first bytes tell the kind, or its
    suffix, where that promises no format. Returns for any other file."""
    shown, suffix = printable(path)[:500], suffix_of(path)
    if suffix == ".py":
        meant = Meant(path, module_in(path), True, tuple(EXAMPLE.split()))
        raise bad_input(f"{shown}: a Python file is not read: name a module in it", meant=meant)
    kind = next((kind for kind, begins in BEGINS.items() if re.match(begins, head, re.DOTALL)), "")
    if kind == ".pt" and suffix == ".pt2":
        return  # a zip: its reader looks into it
    kind = kind if promised or suffix not in FILES else suffix
    if kind and not os.path.isdir(path):
        torch = kind in (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".pkl", ".pickle")
        renamed = "" if kind == suffix else f"this is a {kind} file by its first bytes: "
        raise bad_input(f"{shown}: {renamed}{FILES[kind]}", MODULE if torch else ONNX)


def module_in(path: str, name: str = "") -> str:
    """``package.module:name`` of a file of Python, with its last module where no name is given."""
    parts = [part for part in os.path.splitext(os.path.normpath(path))[0].split(os.sep) if part not in ("", ".", "..")]
    return f"{'.'.join(parts)}:{name or _last_module(path) or 'Net'}"


def _last_module(path: str) -> str:
    """The last class in a file that looks like a PyTorch module; of images, if there is one. The file is not run."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(MAX_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(_BASE.search(ast.unparse(base)) for base in node.bases)
    ]
    images = [node for node in classes if "Conv2d" in ast.unparse(node)]
    return next((node.name for node in (images or classes)[::-1]), "")


def is_baseline(argument: str) -> bool:
    """Whether an argument is a file that ``sepcalc baseline`` wrote."""
    if not argument.lower().endswith(".json") or not os.path.isfile(argument):
        return False
    try:
        with open(argument, "rb") as file:
            return BASELINE in file.read(200)
    except OSError:
        return False
