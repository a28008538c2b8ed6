"""What a file states about the origin of its stored tensors. PyTorch's exporter lists which are parameters, and its
optimizer records for each folded tensor the tensors that it came from. Sources: torch/onnx/_internal/exporter,
onnxscript/optimizer."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from sepcalc.errors import printable
from sepcalc.network import Origin

_SIGNATURE = "pkg.torch.export.ExportedProgram.graph_signature"
_FOLDED = "pkg.onnxscript.optimizer.folded_from"
_LISTED = re.compile(r"^\S+: (PARAMETER|BUFFER|CONSTANT_TENSOR) target='([^']+)'(?: persistent=(\w+))?", re.M)
_QUOTED = re.compile(r"'([^']+)'")


class Role(Enum):
    """The role of a stored tensor in its PyTorch module: a parameter, a persistent buffer, or a constant."""

    PARAMETER = 2
    BUFFER = 1
    CONSTANT = 0


def roles(model: Any) -> dict[str, Role]:
    """The roles of stored tensors that the file states; a folded tensor has the role of the first of its sources that
    has one. Empty if the file lists no parameters, as most do."""
    signature = "".join(_values(model.graph, _SIGNATURE))
    kept = {"PARAMETER": Role.PARAMETER, "BUFFER": Role.BUFFER}
    said = {
        target: Role.CONSTANT if persistent == "False" else kept.get(kind, Role.CONSTANT)
        for kind, target, persistent in _LISTED.findall(signature)
    }
    if Role.PARAMETER not in said.values():
        return {}
    for value in model.graph.value_info:
        for text in _values(value, _FOLDED):
            sources = _QUOTED.findall(text)
            if not any("." in source and source not in said for source in sources):  # else the list may be truncated
                found = [said.get(source, Role.CONSTANT) for source in sources]
                said[value.name] = max(found, key=lambda role: role.value, default=Role.CONSTANT)
    return said


def _values(holder: Any, key: str) -> Iterator[str]:
    """The values of all properties with this key."""
    return (one.value for one in holder.metadata_props if one.key == key)


_HIERARCHY = "pkg.torch.onnx.class_hierarchy"  # the classes of the modules around an operator, and the operator itself
SCOPES = "pkg.torch.onnx.name_scopes"  # their paths
_ITEMS = re.compile(r"'([^']*)'")
MAX_TEXT = 10_000  # the most characters of a property that are read


def origin(node: Any, place: str | None) -> Origin:
    """The origin of a node: its operator, and the module that PyTorch's exporter states. ``place`` is the node of the
    main graph that it stands in."""
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
    operator = printable(f"{domain}{node.op_type}")[:200]
    if not node.metadata_props:
        return Origin(operator, node=place)
    classes, scopes = (_ITEMS.findall("".join(_values(node, key))[:MAX_TEXT])[:-1] for key in (_HIERARCHY, SCOPES))
    return Origin(
        operator,
        printable(scopes[-1])[:200] if scopes else None,
        printable(classes[-1])[:200] if classes else None,
        place,
    )
