"""What ``sepcalc check --skip-unbudgeted`` asks of a file without a budget: whether it is a network at all, and whether
it had one in the revision that it comes from."""

import os

from sepcalc.document.foreign import SUFFIXES as FOREIGN
from sepcalc.document.foreign import is_foreign
from sepcalc.errors import Problem, printable
from sepcalc.gate.past import Past
from sepcalc.source import MAX_FILE_BYTES, contents


class Unbudgeted:
    """Files without a budget, told apart by what they were in the last commit; and in the revision that pre-commit
    compares with, where it runs on more than what is staged. ``here`` is the folder that the command runs in."""

    def __init__(self, here: str) -> None:
        revisions = ["HEAD", os.environ.get("PRE_COMMIT_FROM_REF", "")]
        self._past = Past(here, list(filter(None, revisions)), os.environ, MAX_FILE_BYTES)

    def is_no_network(self, argument: str) -> bool:
        """Whether a file is something else than a network, as far as can be seen at its root, and always was."""
        suffix = os.path.splitext(argument)[1].lower()
        if suffix not in FOREIGN or not is_foreign(contents(argument), suffix):
            return False
        return all(is_foreign(was.data, os.path.splitext(was.path)[1].lower()) for was in self._past.files(argument))

    def lost(self, argument: str) -> Problem | None:
        """That a file has lost its budget, if it has."""
        for was in self._past.files(argument):
            if self._past.had_budget(was):
                name = f", as {printable(was.path)}" if was.renamed else ""
                message = f"{printable(argument)}: it had a budget in {printable(was.revision)}{name}, and has none now"
                return Problem(message, "budget: in the file, or [[tool.sepcalc.check]] in pyproject.toml")
        return None
