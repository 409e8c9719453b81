"""What a micro-batch query asks of the place its rows go to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reelhouse.delta.write import Commit
from reelhouse.streaming.source import Batch


class Sink(Protocol):
    """Takes batches. A batch that comes again, by query id and number, changes nothing where `exactly_once` is true."""

    description: str
    exactly_once: bool

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit | None:
        """Run the query's plan over one batch of each source and keep the rows, in one step.

        Returns what was committed, None for a sink that does not say.
        """

    def idle(self, nothing: Sequence[Batch]) -> None:
        """A look for news found none. `nothing` is a batch without rows for each source."""
