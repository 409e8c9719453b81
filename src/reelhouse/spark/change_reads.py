"""Batch reads of a table's change data feed: the reader's options, and `table_changes` in SQL.

https://docs.databricks.com/aws/en/delta/delta-change-data-feed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelhouse.delta import change_feed
from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.plans import plan

if TYPE_CHECKING:
    from reelhouse.catalog.names import SchemaName
    from reelhouse.spark.context import SessionContext

_SWITCHES = ("readchangefeed", "readchangedata")
_RANGE = {
    "startingversion": "startingVersion",
    "startingtimestamp": "startingTimestamp",
    "endingversion": "endingVersion",
    "endingtimestamp": "endingTimestamp",
}


@dataclass(frozen=True)
class Range:
    """From where to where: each end by version or by timestamp, the end open when neither is given."""

    start: tuple[int | None, str | None]
    end: tuple[int | None, str | None] = (None, None)


def asked(options: Mapping[str, str]) -> Range | None:
    """The range that reader options (names in lower case) ask the changes of; None when they ask for the table."""
    if not any(options.get(name, "false").strip().lower() == "true" for name in _SWITCHES):
        return None
    rest = {key: value for key, value in options.items() if key not in _SWITCHES}
    for key in rest:
        if key not in _RANGE:
            raise Unsupported(
                f"A read of changes has no option '{key}'", remedy=did_you_mean(key, list(_RANGE.values()))
            )
    if "startingversion" not in rest and "startingtimestamp" not in rest:
        raise UserError("DELTA_NO_START_FOR_CDC_READ: a read of changes needs startingVersion or startingTimestamp")
    return Range(_end(rest, "starting"), _end(rest, "ending"))


def _end(options: Mapping[str, str], side: str) -> tuple[int | None, str | None]:
    version, timestamp = options.get(f"{side}version"), options.get(f"{side}timestamp")
    if version is not None and timestamp is not None:
        raise UserError(f"{side}Version and {side}Timestamp exclude each other", remedy="Give one of them.")
    if version is not None and not version.strip().isdigit():
        raise UserError(f"'{version}' is not a {side}Version", remedy="Give a version number.")
    return (int(version) if version is not None else None), timestamp


def of_table(context: SessionContext, parts: Sequence[str], current: SchemaName, asked: Range) -> plan.Relation:
    """The changes of a table by its name."""
    entry = context.catalog.table(list(parts), current)
    if entry.is_view:
        raise Unsupported(f"Changes of the view '{entry.name}' are not supported", remedy="Read its tables.")
    return _rows(entry.location, str(entry.name), asked)


def of_path(context: SessionContext, path: str, asked: Range) -> plan.Relation:
    """The changes of a table by its address."""
    local = context.lake.local(path)
    entry = context.catalog.at_location(local)
    return _rows(local, str(entry.name) if entry else path, asked)


def _rows(location: str, name: str, asked: Range) -> plan.Relation:
    from reelhouse.plans.change_feed import rows

    first, last, snapshot = change_feed.range_of(location, name, asked.start, asked.end)
    files = change_feed.changes(location, first, last, name)
    return rows(files, snapshot.schema, snapshot.partition_columns)
