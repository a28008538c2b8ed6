"""torch.export: the program of a ``.pt2`` file as a network. PyTorch is not needed, and weights are not read.

The file lists ATen operators, with the shape of every tensor. A size that it leaves open has a symbol, and the size
that it had when the program was made.
"""

import os
from io import BytesIO
from typing import IO, Any
from warnings import catch_warnings

from sepcalc.errors import InputError, Invalid, Problem, bad_input, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.aten.dividing import divided
from sepcalc.importers.aten.examples import Counted, for_one, of_examples, proportional
from sepcalc.importers.aten.lowering import Trace, lowered
from sepcalc.importers.pt2.archive import opened
from sepcalc.importers.pt2.inputs import Asked
from sepcalc.importers.pt2.program import Program, reading
from sepcalc.network import Network

__all__ = ["of_program", "read"]


def read(path: str, request: Request = Request()) -> Network:
    """The network of a file that ``torch.export.save`` wrote. Raises InputError: for a file that is none, for sizes
    that do not fit it."""
    shown = printable(path)
    try:
        with open(path, "rb") as file:
            return _of_file(file, shown, request)
    except OSError as error:
        raise bad_input(f"{shown}: cannot be read: {error.strerror or error}") from error


def of_program(program: Any, name: str = "", request: Request = Request()) -> Network:
    """The network of a ``torch.export.ExportedProgram`` in memory: of what ``torch.export.save`` writes. Raises
    InputError."""
    import torch

    held, name = BytesIO(), name or "program"
    try:
        with catch_warnings(action="ignore"):
            torch.export.save(program, held)
    except Exception as error:  # what cannot be saved, PyTorch says in many ways
        said = printable(str(error).strip().partition("\n")[0])[:300]
        raise bad_input(f"{name}: torch.export.save cannot write it: {type(error).__name__}: {said}") from error
    return _of_file(held, name, request)


def _of_file(file: IO[bytes], shown: str, request: Request) -> Network:
    try:
        archive = opened(file, request.signature)
        network = _network(shown, Program(archive.program, archive.payloads), request)
    except Invalid as fact:
        raise InputError([Problem(f"{shown}: {fact.message}", fact.hint)]) from fact
    if len(archive.models) > 1 and not request.signature:
        network = network.noted(f"the file has {len(archive.models)} programs: counted is {quoted(archive.name)}")
    return network


def _network(shown: str, program: Program, request: Request) -> Network:
    name = printable(os.path.splitext(os.path.basename(shown))[0])
    asked = Asked(shown, program, request)

    def counted(trace: Trace) -> Counted:
        with reading():
            return trace, lowered(name, trace)

    whole = counted(program.trace(asked.sizes))
    network = whole[1].network.guessed(*asked.guesses)
    if asked.batch == 1:
        return network
    if not asked.symbol:
        single = lambda: counted(divided(whole[0], asked.batch))  # noqa: E731 - it may fail, and its caller knows why
        return for_one(shown, whole, single, asked.batch, request.batch).guessed(*asked.guesses)
    one = counted(program.trace({**asked.sizes, asked.symbol: 1}))
    if of_examples(whole[0], one[0], asked.batch) and proportional(whole[1], one[1], asked.batch):
        return one[1].network.guessed(*asked.guesses)
    said = f"the first axis of the inputs, {asked.symbol}, does not hold examples: {asked.batch} of it are counted"
    hint = f"--dim {asked.symbol}={asked.batch}, or another"
    return network.noted(said).guessed(Problem(f"{shown}: nothing says how large {asked.symbol} is", hint))
