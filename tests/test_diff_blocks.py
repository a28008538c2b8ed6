"""Blocks that are matched by their names, and names with and without indices in one diff."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from gating import Run

BLOCKS = """\
input: 32x32x16
blocks: {{"b(out)": ["conv -k3 -o{{out}} -p same", act relu, "conv -k3 -o{{out}} -p same"]}}
layers: [{}]
"""


def renamed(gate: Run, before: str, after: str) -> list[tuple[str | None, str | None]]:
    """The layers that changed, as they were called before and after."""
    for name, outs in (("old.yaml", before), ("new.yaml", after)):
        Path(name).write_text(BLOCKS.format(", ".join(f"b {out}" for out in outs.split())))
    layers = json.loads(gate("diff", "old.yaml", "new.yaml", "--format", "json")[1])["layers"]
    return [((row["old"] or {}).get("name"), (row["new"] or {}).get("name")) for row in layers]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("16 16 16", "16 32 16", ["b[1]/conv[0]", "b[1]/act", "b[1]/conv[1]", "b[2]/conv[0]"]),
        ("16 32 16", "16 16 16", ["b[1]/conv[0]", "b[1]/act", "b[1]/conv[1]", "b[2]/conv[0]"]),
        ("16 16", "32 16", ["b[0]/conv[0]", "b[0]/act", "b[0]/conv[1]", "b[1]/conv[0]"]),
        ("16 16 16", "16 16 32", ["b[2]/conv[0]", "b[2]/act", "b[2]/conv[1]"]),
    ],
)
def test_as_many_blocks_are_each_itself(before: str, after: str, told: list[str], gate: Run) -> None:
    assert renamed(gate, before, after) == [(name, name) for name in told]


def test_one_more_block_is_added(gate: Run) -> None:
    """Between two that stay what they were: their numbers shift."""
    told = renamed(gate, "16 32", "16 16 32")
    assert told == [(None, f"b[1]/{name}") for name in ("conv[0]", "act", "conv[1]")]


def test_names_with_and_without_indices_are_told_apart(gate: Run) -> None:
    """EfficientNet's last stage has one mbconv without an index, equal to those with one in the stage before it."""
    nets = ["8x8x3, conv -k3 -o4", "zoo:efficientnet_b0", "zoo:resnet50", "zoo:densenet121", "zoo:mobilenet_v2"]
    for old, new in permutations(nets, 2):
        for form in ("table", "markdown"):
            code, out, err = gate("diff", old, new, "--format", form)
            assert (code, err) == (0, ""), (old, new)
            assert form == "table" or len(out) < 60_000
    out = gate("diff", nets[0], nets[1], "--format", "markdown")[1].replace("\\", "")
    assert "| stage[5]/mbconv[1..3]/residual/norm[0..1] | 6 |" in out
    assert "| stage[6]/mbconv/residual/norm[0..1] | 2 |" in out
