"""A network in YAML: the text -> entries -> a graph of ops.

Reading has two stages. The first turns nodes into entries: what a layer, a group, a branching is, and what is wrong
with it whatever the sizes. The second runs the entries on the input, with the values of the parameters, and emits the
ops. Both note every problem and go on; one error at the end holds them all.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sepcalc.errors import Problem
from sepcalc.expression import Value as Number
from sepcalc.gate import Claim, Limit
from sepcalc.network import Network


class Chosen(NamedTuple):
    """An open choice that was made: its name, ``unit[2]/mb[1]/k``, the values that it may have, and which of them
    holds."""

    name: str
    values: tuple[Number, ...]
    number: int


class Document(NamedTuple):
    """A network and what its file says about it: the ``budget`` and the ``published`` numbers to compare it with, and
    the values of its ``parameters``. ``altered`` says whether a parameter or an input was given another value than the
    file's own. ``reshaped`` has a problem for each given input with other channels or another number of axes: no gate
    takes such a network for the file's own. ``argument`` and ``settings`` are what ``load`` was called with.
    ``choices`` are those that the file leaves open, as they were made."""

    network: Network
    budget: tuple[Limit, ...] = ()
    published: tuple[Claim, ...] = ()
    altered: bool = False
    parameters: Mapping[str, Number] = {}
    reshaped: tuple[Problem, ...] = ()
    argument: str = ""
    settings: Mapping[str, str] = {}
    choices: tuple[Chosen, ...] = ()
