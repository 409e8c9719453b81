"""Replacing the rows that a predicate selects. Done by delta-rs, which refuses rows outside the predicate.

https://docs.databricks.com/aws/en/delta/selective-overwrite
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reelhouse.delta.conflicts import ConcurrentModification
from reelhouse.delta.plan import WritePlan
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.delta.staging import StagedFile
from reelhouse.delta.write import Target, WriteSpec
from reelhouse.errors import Unsupported, UserError

if TYPE_CHECKING:
    import pyarrow as pa


def replace_where(
    target: Target, files: Sequence[StagedFile], rows: int, plan: WritePlan, spec: WriteSpec
) -> tuple[int, int]:
    """Put the `rows` rows of the staged files in the place of those that meet `spec.replace_where`.

    Returns the version and the number of rows removed. Raises `UserError` when a row does not meet the predicate.
    """
    from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
    from deltalake.exceptions import CommitFailedError, DeltaError

    assert plan.snapshot is not None
    if plan.metadata_changed and not spec.merge_schema:
        raise Unsupported("replaceWhere that also changes properties or comments is not supported here")
    transaction = spec.transaction
    try:
        write_deltalake(
            DeltaTable(target.location, version=plan.snapshot.version),
            _rows(files, plan),
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


def _rows(files: Sequence[StagedFile], plan: WritePlan) -> pa.RecordBatchReader:
    """The rows of the staged files with all columns of the table, the partition columns from the folders."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    from deltalake import Schema

    schema = pa.schema(Schema.from_json(plan.schema).to_arrow())
    in_files = pa.schema([field for field in schema if field.name not in plan.partition_by])

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            for batch in ds.dataset(file.path, format="parquet", schema=in_files).to_batches():
                if batch.num_rows:
                    yield _with_partition(batch, schema, file.partition_values)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _with_partition(batch: pa.RecordBatch, schema: pa.Schema, values: Mapping[str, str | None]) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [
        pa.array([values[field.name]] * batch.num_rows, pa.string()).cast(field.type)
        if field.name in values
        else batch.column(field.name)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
