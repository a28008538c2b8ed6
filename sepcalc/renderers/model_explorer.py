"""Data of nodes for Google's Model Explorer, which then colours them.

Source: https://github.com/google-ai-edge/model-explorer/wiki/2.-User-Guide#custom-node-data
"""

import json
from typing import Any

from sepcalc.renderers import Style
from sepcalc.reports import Report
from sepcalc.reports.figures import marked_of

GRADIENT = [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#56b4e9"}]  # black text can be read on both
UNCOUNTED = {"value": "not counted", "bgColor": "#e69f00"}


def render(report: Report, style: Style) -> str:
    """The amount of each node, for the graph that Model Explorer opens first, or for another one by its name."""
    metric, nodes, graph = marked_of(report)
    results: dict[str, Any] = {
        node: UNCOUNTED if amount is None else {"value": amount} for node, amount in nodes.items()
    }
    data = {"name": f"sepcalc: {metric}", "results": results, "gradient": GRADIENT}
    return json.dumps({graph: data} if graph else data, indent=2) + "\n"
