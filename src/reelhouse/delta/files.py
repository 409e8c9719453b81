"""The data files of a commit: their footers, what they must not hold, and their final names."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reelhouse import failpoints
from reelhouse.delta.plan import WritePlan
from reelhouse.delta.schema import fields_of
from reelhouse.delta.staging import StagedFile
from reelhouse.delta.statistics import Footer, indexed_columns, read_footer, to_json
from reelhouse.errors import UserError


@dataclass
class Files:
    """The files of a commit at their final places, and what is known of the rows."""

    adds: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    """`cdc` actions of the change data feed; their files are among `paths`."""
    rows: int = 0
    size: int = 0


def read_footers(staged: Sequence[StagedFile], plan: WritePlan) -> list[Footer]:
    """The footer of each file, with statistics of the columns that the table keeps them for."""
    indexed = frozenset(indexed_columns(plan.schema, plan.properties))
    if len(staged) < 4:
        return [read_footer(file.path, plan.schema, indexed) for file in staged]
    with ThreadPoolExecutor(max_workers=min(8, len(staged))) as pool:
        return list(pool.map(lambda file: read_footer(file.path, plan.schema, indexed), staged))


def check_not_null(kept: Sequence[tuple[StagedFile, Footer]], plan: WritePlan, name: str) -> None:
    """NOT NULL columns are checked by the null counts of the footers; a column without count is read."""
    for column in (f["name"] for f in fields_of(plan.schema) if not f["nullable"]):
        for file, footer in kept:
            if column in plan.partition_by:
                nulls = int(file.partition_values[column] is None)
            elif column in footer.null_counts:
                nulls = footer.null_counts[column]
            else:
                nulls = _count_nulls(file.path, column, footer)
            if nulls:
                raise UserError(
                    f"DELTA_NOT_NULL_CONSTRAINT_VIOLATED: column '{column}' of '{name}' is NOT NULL and "
                    f"got {nulls} NULL value{'s' if nulls != 1 else ''}; nothing was written"
                )


def _count_nulls(path: str, column: str, footer: Footer) -> int:
    import pyarrow.parquet as pq

    if column not in footer.columns:
        return footer.rows
    return int(pq.read_table(path, columns=[column]).column(0).null_count)


def move(location: str, kept: Sequence[tuple[StagedFile, Footer]], plan: WritePlan) -> Files:
    """Give the staged files their final names. Nothing refers to them yet."""
    write_id = uuid.uuid4()
    indexed = frozenset(indexed_columns(plan.schema, plan.properties))
    files = Files()
    now = int(time.time() * 1000)
    for number, (staged, footer) in enumerate(kept):
        folders = [f"{quote(k, safe=' ')}={_folder_text(v)}" for k, v in staged.partition_values.items()]
        relative = "/".join([*folders, f"part-{number:05d}-{write_id}-c000.zstd.parquet"])
        final = os.path.join(location, relative)
        os.makedirs(os.path.dirname(final), exist_ok=True)
        os.rename(staged.path, final)
        failpoints.reach("delta.file_moved")
        files.paths.append(final)
        files.rows += footer.rows
        files.size += footer.size
        files.adds.append(
            {
                "path": quote(relative, safe="/=-_.~"),
                "partitionValues": staged.partition_values,
                "size": footer.size,
                "modificationTime": now,
                "dataChange": True,
                "stats": to_json(footer, indexed),
            }
        )
    return files


def _folder_text(value: str | None) -> str:
    return "__HIVE_DEFAULT_PARTITION__" if value is None else quote(value, safe=" ")


def remove(paths: Sequence[str]) -> None:
    """Delete files that nothing will refer to."""
    for path in paths:
        Path(path).unlink(missing_ok=True)
