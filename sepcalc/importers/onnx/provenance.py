"""What a file itself says of its stored tensors. PyTorch's exporter lists which are parameters and which are not, and
its optimizer writes beside each tensor that it made what that was folded from. Sources: torch/onnx/_internal/exporter,
onnxscript/optimizer."""

import re
from collections.abc import Iterator
from typing import Any

_SIGNATURE = "pkg.torch.export.ExportedProgram.graph_signature"
_FOLDED = "pkg.onnxscript.optimizer.folded_from"
_LISTED = re.compile(r"^\S+: (PARAMETER|BUFFER|CONSTANT_TENSOR) target='([^']+)'", re.M)
_QUOTED = re.compile(r"'([^']+)'")


def trained(model: Any) -> dict[str, bool]:
    """Whether a stored tensor is a parameter or made from one, for all of which the file says so; empty where it lists
    no parameters, as most do."""
    signature = "".join(_values(model.graph, _SIGNATURE))
    said = {target: kind == "PARAMETER" for kind, target in _LISTED.findall(signature)}
    if not any(said.values()):
        return {}
    for value in model.graph.value_info:
        for text in _values(value, _FOLDED):
            sources = _QUOTED.findall(text)
            if not any("." in source and source not in said for source in sources):  # else the list may be damaged
                said[value.name] = any(said.get(source, False) for source in sources)
    return said


def _values(holder: Any, key: str) -> Iterator[str]:
    """What stands under a key; a damaged file may have bytes there."""
    return (one.value for one in holder.metadata_props if one.key == key and isinstance(one.value, str))
