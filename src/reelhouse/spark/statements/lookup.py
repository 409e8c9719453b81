"""The tables that statements name, and small questions to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelhouse.catalog.entry import TableEntry, TableType
from reelhouse.catalog.names import quote_name
from reelhouse.delta.change_feed import is_enabled
from reelhouse.delta.conflicts import ConcurrentModification
from reelhouse.delta.snapshot import Snapshot, open_snapshot
from reelhouse.delta.write import Target
from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.spark.statements.statement import Name

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext

Relation = Any
_MOST_ATTEMPTS = 5


@dataclass(frozen=True)
class Table:
    """A Delta table that a statement names. `entry` is None for a path that no catalog entry has."""

    target: Target
    entry: TableEntry | None
    sql_name: str

    @property
    def name(self) -> str:
        return self.target.name or self.target.location

    def snapshot(self) -> Snapshot:
        """The table as it is. Raises `UserError` when its log is not there."""
        found = open_snapshot(self.target.location)
        if found is None:
            raise UserError(
                f"DELTA_TABLE_NOT_FOUND: '{self.name}' holds no Delta table",
                remedy=f"Looked at {self.target.location}.",
            )
        return found

    def at(self, snapshot: Snapshot) -> str:
        """How a query reads the table at this version."""
        return f"{self.sql_name} VERSION AS OF {snapshot.version}"


def find_table(context: SessionContext, name: Name) -> Table:
    """The table of that name, or of the path of ``delta.`path` ``. Raises `UserError` for a view or an unknown name."""
    if len(name) == 2 and name[0].lower() == "delta":
        location = context.lake.local(name[1])
        entry = context.catalog.at_location(location)
        return Table(Target(location, str(entry.name) if entry else None), entry, quote_name(("delta", name[1])))
    if len(name) == 1 and name[0].lower() in context.views:
        raise UserError(f"EXPECT_TABLE_NOT_VIEW: '{name[0]}' is a temporary view, not a table")
    entry = context.catalog.table(name, context.current)
    if entry.is_view:
        raise UserError(f"EXPECT_TABLE_NOT_VIEW: '{entry.name}' is a view, not a table")
    return Table(Target(entry.location, str(entry.name)), entry, quote_name(entry.name))


def find_own_table(context: SessionContext, name: Name, what: str, *, rows: bool = False) -> Table:
    """As `find_table`, refusing what a pipeline owns: of its tables only streaming tables take changes of `rows`."""
    table = find_table(context, name)
    kind = table.entry.type if table.entry else TableType.EXTERNAL
    if kind is TableType.MATERIALIZED_VIEW or (kind is TableType.STREAMING_TABLE and not rows):
        raise UserError(
            f"STREAMING_TABLE_OPERATION_NOT_ALLOWED: {what} of '{table.name}', "
            f"a {kind.value.replace('_', ' ').lower()}",
            remedy="Change its definition in the pipeline.",
        )
    return table


def schema_of(context: SessionContext, relation: Relation) -> list[dict[str, Any]]:
    """The columns of a plan, as fields of a schema's JSON."""
    found: list[dict[str, Any]] = context.wire.schema(context.resolve(relation)).jsonValue()["fields"]
    return found


def rows_of(context: SessionContext, query: Relation) -> list[dict[str, Any]]:
    """The rows of a small query."""
    found: list[dict[str, Any]] = context.wire.collect(context.resolve(query)).to_pylist()
    return found


def count_violations(context: SessionContext, table: Table) -> Any:
    """Counts the rows of a version that break a condition, for `delta.constraints`."""

    def count(snapshot: Snapshot, condition: str) -> int:
        query = plan.sql(f"SELECT count(*) AS n FROM {table.at(snapshot)} WHERE ({condition}) IS NOT TRUE")
        return int(rows_of(context, query)[0]["n"])

    return count


def records_changes(snapshot: Snapshot) -> bool:
    """Whether a statement has to say which rows it changes, besides what the table is afterwards."""
    return is_enabled(snapshot.properties)


def repeat_on_conflict(change: Callable[[], pa.Table]) -> pa.Table:
    """Do a change of a table, again from its newest version when another commit came in between.

    A statement is a function of the table as it is, so doing it again is as if it had come second.
    """
    for _ in range(_MOST_ATTEMPTS - 1):
        try:
            return change()
        except ConcurrentModification:
            continue
    return change()


def texts(**columns: list[Any]) -> pa.Table:
    """A result of string columns."""
    import pyarrow as pa

    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def nothing() -> pa.Table:
    """The result of a statement that has none: no columns, no rows."""
    import pyarrow as pa

    return pa.table({})


def counts(**columns: int) -> pa.Table:
    """A result of one row of numbers."""
    import pyarrow as pa

    return pa.table({name: pa.array([value], pa.int64()) for name, value in columns.items()})
