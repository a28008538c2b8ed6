"""Names as reports show them, ``conv[0]`` or ``mobile[2]/pointwise``, looked up while a document runs."""

import re
from collections.abc import Sequence

from sepcalc.document.scopes import INDEXED, Emitted, Named, Scope, Tensor
from sepcalc.shape import MAX_SIZE

NAME = re.compile(r"[A-Za-z_][\w. -]*(?:\[[0-9]{1,9}\])?(?:/[A-Za-z_][\w. -]*(?:\[[0-9]{1,9}\])?)*")
ALL = MAX_SIZE  # layers
MAX_NAMES = 1000  # names that a hint looks through


class Shown:
    """The rows of a report so far, by scope, label and index. Filled only when a name is looked for that no entry was
    given."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, str], dict[int, Named]] = {}
        self.seen = 0
        self.most = ALL  # layers from this on are not meant

    def update(self, emitted: Sequence[Emitted], inputs: int) -> None:
        """Takes the layers that were added since the last call. ``inputs`` is the number of the graph's inputs."""
        for at in range(self.seen, len(emitted)):
            scope, label, index, _, _, shape = emitted[at]
            self.rows.setdefault((id(scope), label), {})[index] = Named(Tensor(inputs + at, shape), at, at + 1)
        self.seen = len(emitted)

    def find(self, scope: Scope | None, text: str) -> Named | None:
        """What a report shows under this name, in a scope or one around it; the last of equal names."""
        while scope is not None:
            if found := self._look(scope, text):
                return found
            scope = scope.parent
        return None

    def _look(self, scope: Scope, text: str) -> Named | None:
        if found := self._called(scope, text):
            return found
        end = text.find("/")
        while end > 0:
            for inner in _inners(scope, text[:end])[-1:]:
                if found := inner.look(text[end + 1 :]) or self._look(inner, text[end + 1 :]):
                    return found
            end = text.find("/", end + 1)
        return None

    def _called(self, scope: Scope, text: str) -> Named | None:
        """A layer or a block of this scope."""
        if found := self._equals(scope, text):
            return found[max(found)]
        match = INDEXED.fullmatch(text)
        return self._equals(scope, match[1]).get(int(match[2])) if match else None

    def _equals(self, scope: Scope, label: str) -> dict[int, Named]:
        blocks = {inner.index: inner.done for inner in scope.inners.get(label, ()) if inner.done is not None}
        found = {**self.rows.get((id(scope), label), {}), **blocks}
        return {index: named for index, named in found.items() if named.last <= self.most}

    def known(self, scope: Scope | None) -> list[str]:
        """The names that a report shows, as seen from a scope."""
        names: list[str] = []
        while scope is not None and len(names) < MAX_NAMES:
            labels = [label for at, label in self.rows if at == id(scope)]
            for label in dict.fromkeys((*labels, *scope.inners)):
                found = self._equals(scope, label)
                names += [label] if len(found) < 2 else [f"{label}[{index}]" for index in sorted(found)]
            scope = scope.parent
        return names[:MAX_NAMES]


def _inners(scope: Scope, label: str) -> list[Scope]:
    """The blocks of this label, or the one with this index."""
    if label in scope.inners:
        return scope.inners[label]
    match = INDEXED.fullmatch(label)
    return [inner for inner in scope.inners.get(match[1], ()) if inner.index == int(match[2])] if match else []
