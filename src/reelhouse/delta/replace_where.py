"""Replacing the rows that a predicate selects. Done by delta-rs, which refuses rows outside the predicate.

https://docs.databricks.com/aws/en/delta/selective-overwrite
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reelhouse.delta.conflicts import ConcurrentModification
from reelhouse.delta.plan import WritePlan
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.delta.write import Target, WriteSpec
from reelhouse.errors import Unsupported, UserError


def replace_where(target: Target, paths: Sequence[str], rows: int, plan: WritePlan, spec: WriteSpec) -> tuple[int, int]:
    """Put the `rows` rows of the staged files in the place of those that meet `spec.replace_where`.

    Returns the version and the number of rows removed. Raises `UserError` when a row does not meet the predicate.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
    from deltalake.exceptions import CommitFailedError, DeltaError

    assert plan.snapshot is not None
    if plan.partition_by:
        raise Unsupported("replaceWhere on a partitioned table is not supported here")
    schema = pa.schema(Schema.from_json(plan.schema).to_arrow())
    source: Any = ds.dataset(list(paths), format="parquet", schema=schema).scanner().to_reader()
    if not paths:
        source = pa.RecordBatchReader.from_batches(schema, [])
    transaction = spec.transaction
    try:
        write_deltalake(
            DeltaTable(target.location, version=plan.snapshot.version),
            source,
            mode="overwrite",
            predicate=spec.replace_where,
            schema_mode="merge" if spec.merge_schema else None,
            commit_properties=CommitProperties(
                custom_metadata={"userMetadata": spec.user_metadata} if spec.user_metadata else None,
                app_transactions=[Transaction(transaction.app_id, transaction.version)] if transaction else None,
            ),
        )
    except CommitFailedError as error:
        raise ConcurrentModification(f"'{target.name or target.location}' changed meanwhile: {error}") from error
    except (DeltaError, ValueError) as error:
        raise UserError(
            f"DELTA_REPLACE_WHERE_MISMATCH: the rows could not replace those WHERE {spec.replace_where}: {error}",
            remedy="Every row written has to meet the predicate of replaceWhere.",
        ) from error
    after = open_snapshot(target.location)
    assert after is not None
    removed = (plan.snapshot.records or 0) + rows - (after.records or 0)
    return after.version, removed
