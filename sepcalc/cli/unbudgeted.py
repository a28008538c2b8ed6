"""How ``sepcalc check --skip-unbudgeted`` treats a file without a budget: is it a network at all, and did it have a
budget in the revision before?"""

import os

from sepcalc.document.foreign import SUFFIXES as FOREIGN
from sepcalc.document.foreign import is_foreign
from sepcalc.errors import Problem, printable
from sepcalc.gate.past import Past
from sepcalc.plain_files import MAX_FILE_BYTES, contents


class Unbudgeted:
    """Judges files without a budget by their state in the last commit, and in the revision that pre-commit compares
    with, where it runs on more than staged files. ``here`` is the command's working folder."""

    def __init__(self, here: str) -> None:
        revisions = ["HEAD", os.environ.get("PRE_COMMIT_FROM_REF", "")]
        self._past = Past(here, list(filter(None, revisions)), os.environ, MAX_FILE_BYTES)

    def is_no_network(self, argument: str) -> bool:
        """Whether a file is not a network now, judged by its root, and never was one."""
        suffix = os.path.splitext(argument)[1].lower()
        if suffix not in FOREIGN or not is_foreign(contents(argument), suffix):
            return False
        return all(is_foreign(was.data, os.path.splitext(was.path)[1].lower()) for was in self._past.files(argument))

    def lost(self, argument: str) -> Problem | None:
        """The problem that a file has lost its budget; None where it has not."""
        for was in self._past.files(argument):
            if self._past.had_budget(was):
                name = f", as {printable(was.path)}" if was.renamed else ""
                message = f"{printable(argument)}: it had a budget in {printable(was.revision)}{name}, and has none now"
                return Problem(message, "add budget: to the file, or a [[tool.sepcalc.check]] to pyproject.toml")
        return None
