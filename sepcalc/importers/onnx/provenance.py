"""What a file itself says of its stored tensors. PyTorch's exporter lists which are parameters and which are not, and
its optimizer writes beside each tensor that it made what that was folded from. Sources: torch/onnx/_internal/exporter,
onnxscript/optimizer."""

import re
from collections.abc import Iterator
from typing import Any

_SIGNATURE = "pkg.torch.export.ExportedProgram.graph_signature"
_FOLDED = "pkg.onnxscript.optimizer.folded_from"
_LISTED = re.compile(r"^\S+: ([A-Z_]+) target='([^']+)'", re.M)
_QUOTED = re.compile(r"'([^']+)'")


def trained(model: Any) -> dict[str, bool]:
    """Whether a stored tensor is a parameter or made from one, for all of which the file says so; empty where it lists
    no parameters, as most do."""
    signature = "".join(_values(model.graph, _SIGNATURE))
    said = {target: kind == "PARAMETER" for kind, target in _LISTED.findall(signature)}
    if not any(said.values()):
        return {}
    folded = {
        value.name: any(said.get(source, False) for source in _QUOTED.findall(sources))
        for value in model.graph.value_info
        for sources in _values(value, _FOLDED)
    }
    return said | folded


def _values(holder: Any, key: str) -> Iterator[str]:
    """What stands under a key; a damaged file may have bytes there."""
    return (one.value for one in holder.metadata_props if one.key == key and isinstance(one.value, str))
