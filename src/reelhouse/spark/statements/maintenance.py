"""OPTIMIZE, VACUUM, ANALYZE, RESTORE, REFRESH, with the results that Spark gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelhouse.delta import maintenance
from reelhouse.errors import UserError
from reelhouse.spark.statements.lookup import counts, find_own_table, find_table, nothing, texts
from reelhouse.spark.statements.statement import Analyze, Optimize, Refresh, Restore, Vacuum

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext

_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
_MOST_LISTED = 1000


def optimize(context: SessionContext, statement: Optimize) -> pa.Table:
    """OPTIMIZE: the path, and what was done as a struct."""
    import pyarrow as pa

    table = find_own_table(context, statement.table, "OPTIMIZE")
    done = maintenance.optimize(table.target, statement.zorder_by)
    metrics = {
        "numFilesAdded": done.files_added,
        "numFilesRemoved": done.files_removed,
        "filesAdded": {"totalFiles": done.files_added, "totalSize": done.bytes_added},
        "filesRemoved": {"totalFiles": done.files_removed, "totalSize": done.bytes_removed},
        "partitionsOptimized": done.partitions,
        "numBatches": 1 if done.version is not None else 0,
        "totalConsideredFiles": done.files_considered,
        "totalFilesSkipped": done.files_considered - done.files_removed,
    }
    return pa.table({"path": [context.lake.url(table.target.location)], "metrics": [metrics]})


def vacuum(context: SessionContext, statement: Vacuum) -> pa.Table:
    """VACUUM: the table's path, or with DRY RUN the files it would delete."""
    table = find_own_table(context, statement.table, "VACUUM")
    check = (context.conf.read(_CHECK) or "true").lower() == "true"
    found = maintenance.vacuum(table.target, statement.retain_hours, dry_run=statement.dry_run, check_duration=check)
    paths = found[:_MOST_LISTED] if statement.dry_run else [table.target.location]
    return texts(path=[context.lake.url(path) for path in paths])


def analyze(context: SessionContext, statement: Analyze) -> pa.Table:
    """ANALYZE TABLE. Statistics of a Delta table stand in its log, so they are checked to be there, not copied."""
    table = find_table(context, statement.table)
    found = maintenance.analyze(table.target)
    if found.rows is None:
        raise UserError(f"Files of '{table.name}' carry no statistics", remedy="OPTIMIZE the table, which writes them.")
    return nothing()


def restore(context: SessionContext, statement: Restore) -> pa.Table:
    """RESTORE TABLE."""
    table = find_own_table(context, statement.table, "RESTORE")
    done = maintenance.restore(table.target, version=statement.version, timestamp=statement.timestamp)
    return counts(
        table_size_after_restore=done.bytes_after,
        num_of_files_after_restore=done.files_after,
        num_removed_files=done.files_removed,
        num_restored_files=done.files_restored,
        removed_files_size=done.bytes_removed,
        restored_files_size=done.bytes_restored,
    )


def refresh(context: SessionContext, statement: Refresh) -> pa.Table:
    """REFRESH TABLE: the newest version is always read, so there is nothing to do but to know the name."""
    find_table(context, statement.table)
    return nothing()
