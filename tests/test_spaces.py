"""Spaces of networks: every number of the tables is that of the network that the same choices make otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sepcalc.document import Document
from sepcalc.document.choosing import in_order
from sepcalc.document.loading import Text
from sepcalc.document.root import read_document
from sepcalc.errors import InputError
from sepcalc.layer import SUMS
from sepcalc.nodes import Source, read
from sepcalc.spaces.documents import of_text
from sepcalc.spaces.space import Space

ROOT = Path(__file__).parent.parent
MAX_SETTINGS = 600  # of a random space that is tried


def space(text: str) -> Space:
    return of_text(Text(Source("", text)), {}, {}, {})


def networks(text: str, picks: tuple[int, ...] = (), given: dict[str, str] | None = None) -> Iterator[Document]:
    """The networks of a document without open parameters, by running it once for every order of picks."""
    document = read_document(Source("", text), read(Source("", text)), given or {}, {}, None, in_order(picks))
    if len(document.choices) == len(picks):
        yield document
        return
    for at in range(len(document.choices[len(picks)].values)):
        yield from networks(text, (*picks, at), given)


def agrees(found: Space, assignment: tuple[int | None, ...]) -> bool:
    """Whether an assignment makes a network; every count of it is compared with the tables."""
    try:
        network = found.network(assignment)
    except InputError:
        assert found.reason(assignment)
        return False
    assert not found.reason(assignment)
    for name, count in SUMS.items():
        assert found.value(name, assignment) == sum(map(count, network.layers)), name
    assert found.value("peak_memory", assignment) == network.peak_memory()
    again = found.assignment(found.settings(assignment))  # of equal values the first
    assert found.settings(again) == found.settings(assignment)
    return True


DOCUMENTS = {
    "when": """
input: 8x8x2
layers:
  - name: a
    choose: {on: [true, false], o: [3, 4]}
    when: on
    layers: ["conv -k3 -o{o} -p same"]
  - {conv: {kernel: k, out: 2 * c_in}, choose: {k: [1, 3]}, name: b, when: c_in > 2}
  - act relu
""",
    "a skip over choices": """
input: 8x8x2
layers:
  - {conv: {kernel: 3, out: o, padding: same}, choose: {o: [2, 4]}, name: stem}
  - {conv: {kernel: 3, out: o, padding: same}, choose: {o: [2, 4]}}
  - {concat: [], from: [previous, stem], name: both}
  - pool max -k2 -s2
  - {conv: {kernel: 1, out: 8}, from: both}
""",
    "shapes that do not fit": """
input: 8x8x2
layers:
  - {conv: {kernel: k, out: o}, choose: {k: [1, 3, 9], o: [2, 3]}, name: a}
  - {residual: ["conv -k3 -o2 -p same"]}
  - conv -k1 -o3
""",
    "a residual with choices within": """
input: 8x8x2
blocks:
  mb(k, e, s=1):
    - residual:
        - pointwise -o{e * c_in}
        - {depthwise: {kernel: k, stride: s, padding: same}}
        - {act: relu, choose: {on: [true, false]}, when: on}
        - pointwise -o{c_in}
        - {conv: {kernel: j, out: 2, padding: same}, choose: {j: [1, 3]}}
      when: s == 1
layers:
  - {mb: {k: k, e: e}, choose: {k: [3, 5], e: [1, 2]}}
  - {mb: {k: 3, e: 2, s: s}, choose: {s: [1, 2]}}
""",
    "shared weights": """
input: 8x8x2
layers:
  - {conv: {kernel: k, out: 2, padding: same}, choose: {k: [1, 3]}, name: a}
  - {act: relu, choose: {on: [true, false]}, when: on}
  - {conv: {kernel: 3, out: 2, padding: same}, name: b}
  - {conv: {kernel: 3, out: 2, padding: same}, weights: b, name: c}
  - {conv: {kernel: k, out: 2, padding: same}, choose: {k: [1, 3]}, name: d}
  - {conv: {kernel: 3, out: 2, padding: same}, weights: d, name: e}
""",
    "repeats that share": """
input: 8x8x2
layers:
  - name: cell
    choose: {d: [1, 2, 3]}
    layers:
      - {conv: {kernel: 3, out: 2, padding: same}, weights: turn, name: turn, repeat: d}
  - {conv: {kernel: 1, out: o}, more-params: 3 * o, choose: {o: [1, 2]}}
""",
    "a table of stages": """
input: 16x16x2
parameters: {width: {min: 1, max: 2, step: 0.5}, last: {choices: [false, true]}, twice: 2 * width}
blocks:
  conv-act(out, stride=1, k=3):
    - conv -k{k} -s{stride} -o{int(out * width)} -p same
    - act relu
layers:
  - choose: {n: [1, 2]}
    layers:
      - stages: conv-act
        columns: [out, repeat, stride, k]
        first: [stride]
        rows:
          - [4, n, 2, 3]
          - [6, 1 + n, 1, n]
  - {dense: {out: int(twice)}, when: last}
""",
    "branches and a scan": """
input: 6x4
layers:
  - add:
      a: [{dense: {out: o}, choose: {o: [3, 4]}}]
      b: ["dense -o3"]
    name: sum
  - scan: cell
    states: {h: "3"}
    step:
      - {concat: [], from: [input, h]}
      - {dense: {out: 3}, name: s}
    next: s
""",
    "names within and a constant": """
input: 4x4x2
layers:
  - name: unit
    choose: {k: [1, 3]}
    layers:
      - {conv: {kernel: k, out: 2, padding: same}, name: inner}
      - act relu
  - {conv: {kernel: 3, out: 4, padding: same}, choose: {on: [true, false]}, when: on}
  - {add: [], from: [previous, unit/inner]}
""",
    "numbers of repetitions and of blocks": """
input: 8x8x1
blocks:
  deep(n):
    - conv -k1 -o{n + index if false else n}
    - deep {n - 1}:
      when: n > 1
layers:
  - {deep: {n: n}, choose: {n: [1, 2, 3]}}
  - layers: ["conv -k1 -o{index + w}"]
    choose: {w: [1, 2], r: [1, 2]}
    repeat: r
""",
    "inputs by parameters": """
inputs: {image: "{size}x{size}x3", mask: "{size}x{size}x{1 + more}"}
parameters: {size: {choices: [8, 12]}, more: {choices: [0, 1]}}
outputs: [b, a]
layers:
  - {conv: {kernel: 3, out: 4, padding: same}, name: a}
  - {concat: [], from: [a, mask]}
  - {conv: {kernel: k, stride: 2, out: 4}, choose: {k: [2, 4]}, name: b}
""",
}


BROKEN = {  # some settings make no network
    "shapes that do not fit",
    "shared weights",
    "branches and a scan",
    "names within and a constant",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_network_of_a_space_has_the_numbers_of_the_tables(name: str) -> None:
    found = space(DOCUMENTS[name])
    assignments = [*found]
    assert len(assignments) == len(set(assignments)) > 1
    made = [agrees(found, assignment) for assignment in assignments]
    assert all(made) == (name not in BROKEN)
    assert any(made)


@st.composite
def _texts(draw: st.DrawFn) -> str:
    """Documents with choices, conditions, repeats, blocks, residuals, shared weights and skips."""
    numbers = st.sampled_from(["2", "3", "4", "c_in", "2 * c_in", "w", "w + 1"])
    names: list[str] = []
    lines = ["input: 8x8x2", "parameters: {w: {choices: [2, 3]}}", "blocks:", "  mb(o, k=1):", "    - residual:"]
    lines += ["        - {conv: {kernel: k, out: 2 * o, padding: same}}", "        - pointwise -o{o}"]
    lines += ["      when: o == c_in", "layers:"]
    for at in range(draw(st.integers(1, 4))):
        choose, parts = [], []
        open_ = draw(st.sampled_from(["", "o", "k", "on", "d", "od", "ko"]))
        if "o" in open_.replace("on", ""):
            values = draw(st.lists(numbers, min_size=2, max_size=2, unique=True))
            choose.append(f"o: [{', '.join(values)}]")
        if "k" in open_:
            choose.append(f"k: [{draw(st.sampled_from(['1, 3', '3, 11', '2, 3']))}]")
        if "on" in open_:
            choose.append("on: [true, false]")
            parts.append("when: on")
        elif draw(st.integers(0, 3)) == 0:
            parts.append(f"when: {draw(st.sampled_from(['w == 2', 'c_in > 3', 'true']))}")
        if "d" in open_:
            choose.append(f"d: [{draw(st.sampled_from(['1, 2', '3, 1']))}]")
            parts.append("repeat: d")
        out = "o" if "o" in open_.replace("on", "") else draw(numbers)
        kernel = "k" if "k" in open_ else draw(st.sampled_from(["1", "3"]))
        padding = draw(st.sampled_from(["same", "0"]))
        body = draw(st.sampled_from(["conv", "mb", "group", "weights"]))
        if body == "conv" or (body == "weights" and not names):
            parts.insert(0, f"conv: {{kernel: {kernel}, out: {out}, padding: {padding}}}")
        elif body == "mb":
            parts.insert(0, f"mb: {{o: {out}, k: {kernel}}}")
        elif body == "weights":
            parts.insert(0, f"conv: {{kernel: {kernel}, out: 3, padding: same}}")
            parts.append(f"weights: {draw(st.sampled_from(names))}")
        else:
            inner = f"{{conv: {{kernel: {kernel}, out: {out}, padding: same}}, choose: {{j: [1, 2]}}, repeat: j}}"
            parts.insert(0, f"layers: [{inner}, act relu]")
        if names and draw(st.integers(0, 4)) == 0:
            parts.append(f"from: {draw(st.sampled_from(names))}")
        if choose:
            parts.append(f"choose: {{{', '.join(choose)}}}")
        if draw(st.booleans()):
            names.append(f"n{at}")
            parts.append(f"name: n{at}")
        lines.append(f"  - {{{', '.join(parts)}}}")
    return "\n".join(lines) + "\n"


@given(_texts())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_random_spaces_equal_enumeration(text: str) -> None:
    found = space(text)
    tried = []
    for assignment in found:
        tried.append(assignment)
        if len(tried) > MAX_SETTINGS:
            return
    made = [agrees(found, assignment) for assignment in tried]
    if all(made):  # else the ordinary way does not say which choices there are
        every = [document for w in ("2", "3") for document in networks(text, (), {"w": w})]
        assert len(every) == len(tried)
