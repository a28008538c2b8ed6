"""A graph in the language of Graphviz: ``dot -Tsvg``.

Source: https://graphviz.org/doc/info/lang.html
"""

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import Report
from sepcalc.reports.figures import graph_of

_SHAPES = {"input": "ellipse", "block": "box", "output": "ellipse"}


def render(report: Report, style: Style) -> str:
    """The graph of the report, from the top down."""
    title, vertices, edges = graph_of(report)
    lines = [f"digraph {_text(title)} {{", "  node [fontname=sans]", "  edge [fontname=sans fontsize=10]"]
    for at, vertex in enumerate(vertices):
        label = r"\n".join(map(_escaped, vertex.lines))
        lines.append(f'  n{at} [label="{label}" shape={_SHAPES[vertex.role]}]')
    lines += [f"  n{source} -> n{to} [label={_text(label)}]" for source, to, label in edges]
    return "\n".join([*lines, "}", ""])


def _text(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
