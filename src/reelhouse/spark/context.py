"""What one session is to the runtime: the place where names are looked up, plans resolved and writes made."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelhouse.clock import Clock
from reelhouse.delta.write import Commit, Target, WriteSpec
from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.plans.tables import Snapshots, read_snapshot
from reelhouse.runs.record import RunLog
from reelhouse.spark.conf import Conf
from reelhouse.spark.wire import Wire

if TYPE_CHECKING:
    from reelhouse.catalog.catalog import Catalog
    from reelhouse.catalog.names import SchemaName
    from reelhouse.delta.snapshot import Snapshot
    from reelhouse.lineage.event import LineagePort
    from reelhouse.storage.lake import Lake


class SessionContext:
    """One session. `views` are its temporary views, `global_views` those of all sessions, as unresolved plans."""

    def __init__(
        self,
        session_id: str,
        wire: Wire,
        catalog: Catalog,
        lake: Lake,
        *,
        engine: str,
        clock: Clock,
        lineage: LineagePort | None = None,
        runs: RunLog | None = None,
        snapshots: Snapshots | None = None,
        global_views: dict[str, plan.Relation] | None = None,
    ) -> None:
        self.session_id = session_id
        self.wire = wire
        self.catalog = catalog
        self.lake = lake
        self.engine = engine
        self.clock = clock
        self.lineage = lineage
        self.runs = runs
        self.conf = Conf(wire)
        self.current: SchemaName = catalog.default
        self.views: dict[str, plan.Relation] = {}
        self.global_views = global_views if global_views is not None else {}
        self.checkpoints: dict[str, plan.Relation] = {}
        self.data_sources: set[str] = set()
        self._snapshots = snapshots or Snapshots()
        self._own_data_sources: set[str] = set()
        self._lock = threading.Lock()

    # reading

    def resolve(self, relation: plan.Relation) -> plan.Relation:
        """The batch plan as the engine can run it: names and Delta reads as snapshots, addresses as local paths.

        The plan itself is not changed. Raises `UserError` for what does not exist, `Unsupported` for what cannot be
        read here.
        """
        from reelhouse.spark.resolve import resolve

        return resolve(self, relation)

    def inline_views(self, relation: plan.Relation) -> plan.Relation:
        """The plan with every view, in SQL text too, replaced by what it stands for; tables stay names."""
        from reelhouse.spark.resolve import inline_views

        return inline_views(self, relation)

    def lift(self, relation: plan.Relation) -> plan.Relation:
        """The plan with views inlined and the tables of its SQL text as reads of their own, to be looked at."""
        from reelhouse.spark.resolve import lift

        return lift(self, relation)

    def snapshot(self, location: str, version: int | None = None, timestamp: str | None = None) -> Snapshot | None:
        """As `delta.snapshot.open_snapshot`, remembering what was read."""
        return self._snapshots.open(location, version, timestamp)

    def read_delta(self, target: Target, version: int | None = None, timestamp: str | None = None) -> plan.Relation:
        """The rows of a Delta table, as a plan for the engine."""
        snapshot = self._snapshots.open(target.location, version, timestamp)
        if snapshot is None:
            raise UserError(
                f"DELTA_TABLE_NOT_FOUND: there is no Delta table '{target.name or target.location}'",
                remedy=f"It would lie at {target.location}.",
            )
        return read_snapshot(snapshot, engine=self.engine)

    def need_file_reader(self) -> None:
        """Make the runtime's own file reader known to the engine session, once."""
        with self._lock:
            if not self._own_data_sources:
                from reelhouse.autoloader.reader import register

                register(self.wire, by_value=self.engine != "sail")
                self._own_data_sources.add("files")

    # writing

    def write(
        self,
        relation: plan.Relation,
        target: Target,
        spec: WriteSpec,
        *,
        recorded_as: plan.Relation | None = None,
        before: plan.Relation | None = None,
    ) -> Commit:
        """Write the rows of an unresolved plan as one commit, and record it with its lineage.

        `recorded_as` is a plan that the lineage is taken from instead, where `relation` reads bookkeeping of ours.
        `before` gives the rows that are gone or changed, with their `_change_type`, for a table that records its
        changes; `relation` then has a column `write.CHANGE` besides.

        Raises `UserError` for rows that do not fit, `ExpectationViolation` for a broken rule; nothing is committed
        then. A repeated transaction, and an overwrite with equal rows under `skip_if_same`, give a `Commit` without
        version.
        """
        from reelhouse.spark.write import write

        return write(self, relation, target, spec, recorded_as, before)

    # names

    def target(self, name: str) -> Target:
        """The table of that name, as a target of writes. Raises `UserError` when there is none."""
        entry = self.catalog.table(name, self.current)
        return Target(entry.location, str(entry.name))

    def set_view(self, name: str, relation: plan.Relation, *, is_global: bool = False, replace: bool = True) -> None:
        """Make a temporary view. Views that its plan reads are taken as they are now."""
        views = self.global_views if is_global else self.views
        key = name.lower()
        if key in views and not replace:
            raise UserError(
                f"TEMP_TABLE_OR_VIEW_ALREADY_EXISTS: there is a temporary view '{name}' already",
                remedy="Use createOrReplaceTempView.",
            )
        views[key] = self.inline_views(relation)

    def drop_view(self, name: str, *, is_global: bool = False) -> bool:
        """Remove a temporary view; whether there was one."""
        return (self.global_views if is_global else self.views).pop(name.lower(), None) is not None

    @property
    def temporary_views(self) -> Mapping[str, plan.Relation]:
        """The temporary views of this session by name, global ones as `global_temp.name`."""
        return {**self.views, **{f"global_temp.{name}": relation for name, relation in self.global_views.items()}}
