"""Column names and types from the files themselves.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from reelhouse.autoloader import csv
from reelhouse.autoloader.dialect import Dialect, boolean, dialect
from reelhouse.autoloader.formats import unknown_format
from reelhouse.autoloader.request import FileEntry
from reelhouse.autoloader.values import converter
from reelhouse.errors import UserError

Columns = list[tuple[str, str]]

_LADDER = ("int", "bigint", "double", "date", "timestamp", "boolean")


def infer(format: str, options: Mapping[str, str], files: Sequence[FileEntry], *, time_zone: str = "UTC") -> Columns:
    """The columns that a plain Spark read infers: names from the first file, types when `inferSchema` is on."""
    given = {name.lower(): value for name, value in options.items()}
    if format == "text":
        return [("value", "string")]
    if format == "csv":
        how = dialect(options)
        names = next((found for file in files if (found := csv.read_header(file.path, how))), [])
        if not names:
            raise UserError(
                "[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for CSV: no file has a record",
                remedy="Give a schema with .schema(…).",
            )
        if not boolean(given, "inferschema", False):
            return [(name, "string") for name in names]
        return list(zip(names, csv_types(files, how, len(names), given, time_zone), strict=True))
    raise unknown_format(format)


def csv_types(
    files: Sequence[FileEntry], how: Dialect, width: int, given: Mapping[str, str], time_zone: str
) -> list[str]:
    """For each column by position the first type of Spark's ladder that fits all its values; string if none does."""
    steps: list[int | None] = [None] * width
    for file in files:
        for block in csv.read_blocks(file.path, how, width):
            for at, column in enumerate(block.columns):
                steps[at] = _step(column, steps[at], given, time_zone)
    return ["string" if step is None or step >= len(_LADDER) else _LADDER[step] for step in steps]


def _step(column: pa.Array, step: int | None, given: Mapping[str, str], time_zone: str) -> int | None:
    values = pc.unique(column.drop_null())
    if not len(values) or step == len(_LADDER):
        return step
    for candidate in range(step or 0, len(_LADDER)):
        if not converter(_LADDER[candidate], given, time_zone)(values)[1]:
            # A number is no date: what began as one can only become another number, or text.
            if step is not None and candidate > step and (step <= 2 < candidate or candidate == 5):
                return len(_LADDER)
            return candidate
    return len(_LADDER)
