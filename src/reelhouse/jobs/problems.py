"""Where the errors of a bundle go: to whom loads it, at once, or on a list, so that all of them can be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reelhouse.errors import ReelhouseError


@dataclass(frozen=True)
class Problems:
    """Collects errors on `kept`; without it the first one is raised."""

    kept: list[ReelhouseError] | None = None

    def add(self, errors: Iterable[ReelhouseError]) -> bool:
        """Keep these errors, or raise the first. Returns whether there were any."""
        found = False
        for error in errors:
            if self.kept is None:
                raise error
            self.kept.append(error)
            found = True
        return found

    @contextmanager
    def caught(self) -> Iterator[None]:
        """What is raised within is kept, if errors are kept at all."""
        try:
            yield
        except ReelhouseError as error:
            if self.kept is None:
                raise
            self.kept.append(error)


RAISED = Problems()
"""The first error is raised."""
