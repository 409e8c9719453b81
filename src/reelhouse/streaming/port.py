"""What streaming needs of a session: to run a plan, and to write one to a table.

`spark.context.SessionContext` is the adapter. Streaming knows no engine.
"""

from __future__ import annotations

from typing import Any, Protocol

from reelhouse.catalog.catalog import Catalog
from reelhouse.catalog.names import SchemaName
from reelhouse.clock import Clock
from reelhouse.delta.write import Commit, Target, WriteSpec
from reelhouse.runs.record import RunLog
from reelhouse.storage.lake import Lake
from reelhouse.streaming.source import Relation


class Session(Protocol):
    """The part of `SessionContext` that is used here."""

    session_id: str
    catalog: Catalog
    current: SchemaName
    lake: Lake
    clock: Clock
    runs: RunLog | None
    wire: Any
    conf: Any

    def resolve(self, relation: Relation) -> Relation:
        """The plan as the engine can run it."""

    def inline_views(self, relation: Relation) -> Relation:
        """The plan with what its views stand for."""

    def set_view(self, name: str, relation: Relation, *, is_global: bool = False, replace: bool = True) -> None:
        """Make a temporary view."""

    def snapshot(self, location: str, version: int | None = None) -> Any:
        """As `delta.snapshot.open_snapshot`, perhaps from memory."""

    def need_file_reader(self) -> None:
        """Make the reader of files known to the engine."""

    def write(self, relation: Relation, target: Target, spec: WriteSpec) -> Commit:
        """Write the rows of a plan as one commit."""
