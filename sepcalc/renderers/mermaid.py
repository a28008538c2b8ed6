"""A graph as a Mermaid flowchart, which GitHub and GitLab draw in Markdown.

Source: https://mermaid.js.org/syntax/flowchart.html
"""

import re

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import Report
from sepcalc.reports.figures import graph_of

_BRACKETS = {"input": ("([", "])"), "block": ("[", "]"), "output": ("([", "])")}
_MARKUP = re.compile(r"[^\w .,/\[\]-]", re.ASCII)  # Mermaid reads markup, HTML and its own entities in a text


def render(report: Report, style: Style) -> str:
    """The graph of the report, from the top down."""
    _, vertices, edges = graph_of(report)
    lines = ["flowchart TD"]
    for at, vertex in enumerate(vertices):
        left, right = _BRACKETS[vertex.role]
        label = "<br>".join(map(_escaped, vertex.lines))
        lines.append(f'  n{at}{left}"{label}"{right}')
    lines += [f'  n{source} -->|"{_escaped(label)}"| n{to}' for source, to, label in edges]
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda sign: f"#{ord(sign[0])};", printable(text))
