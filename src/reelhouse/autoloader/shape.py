"""From the columns of a file to the columns that were asked for: by name or position, typed, with what did not fit.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema#what-is-the-rescued-data-column
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from reelhouse.autoloader.arrow import fit, to_json
from reelhouse.autoloader.ddl import is_nested
from reelhouse.autoloader.dialect import Mode, boolean, parse_mode
from reelhouse.autoloader.nested import conform_column, left_text
from reelhouse.autoloader.request import Column, FileEntry, Request
from reelhouse.autoloader.values import Converter, converter, wire_type
from reelhouse.errors import UserError

METADATA = (
    ("__metadata_file_path", pa.string()),
    ("__metadata_file_name", pa.string()),
    ("__metadata_file_size", pa.int64()),
    ("__metadata_file_modified_us", pa.int64()),
    ("__metadata_block_start", pa.int64()),
    ("__metadata_block_length", pa.int64()),
)
"""The columns that carry `_metadata`; the plan makes them a struct."""


@dataclass(frozen=True)
class Rows:
    """Some rows of a file as text: columns by the file's own names, and malformed records' raw text."""

    names: Sequence[str]
    columns: Sequence[pa.Array]
    size: int
    corrupt: pa.Array | None = None
    raws: Callable[[], Sequence[str]] = tuple
    """Gives the raw text of each row, for rows with values that do not fit their type."""
    json_columns: frozenset[int] = frozenset()
    """The columns whose text is JSON, not a string."""
    typed: bool = False
    """Whether columns have types of their own, and are no text."""


class Shape:
    """Turns rows of a file into record batches of the columns that a request asks for."""

    def __init__(self, request: Request) -> None:
        given = {name.lower(): value for name, value in request.options.items()}
        self._request = request
        self._case_sensitive = boolean(given, "readercasesensitive", True) and request.by_name
        self._mode = parse_mode(given)
        self._with_path = boolean(given, "rescueddatacolumn.filepath.enabled", True)
        self._columns = [column for column in request.columns if not column.partition]
        self._partitions = [column for column in request.columns if column.partition]
        self._converters: Mapping[str, Converter] = {
            column.name: converter(column.type, given, request.session_time_zone) for column in request.columns
        }
        fields = [(column.name, wire_type(column.type)) for column in request.columns]
        fields += [(name, pa.string()) for name in (request.rescued, request.corrupt) if name]
        self.schema = pa.schema(fields + (list(METADATA) if request.metadata else []))

    def positions(self, names: Sequence[str]) -> list[int | None]:
        """Where in a file with these column names each data column of the request stands."""
        if not self._request.by_name:
            return [at if at < len(names) else None for at in range(len(self._columns))]
        if self._case_sensitive:
            places = {name: at for at, name in reversed(list(enumerate(names)))}
            return [places.get(column.name) for column in self._columns]
        places = {name.lower(): at for at, name in reversed(list(enumerate(names)))}
        return [places.get(column.name.lower()) for column in self._columns]

    def batch(self, rows: Rows, file: FileEntry, span: tuple[int, int]) -> pa.RecordBatch:
        """The rows as the request wants them."""
        positions = self.positions(rows.names)
        rescued: dict[int, dict[str, str]] = {}
        self._rescue_unknown(rows, positions, rescued)
        arrays: dict[str, pa.Array] = {}
        unfit: set[int] = set()
        for column, at in zip(self._columns, positions, strict=True):
            if at is None:
                arrays[column.name] = pa.nulls(rows.size, wire_type(column.type))
                continue
            own = rows.columns[at]
            values, bad = fit(own, column.type) if rows.typed else self._converters[column.name](own)
            if at in rows.json_columns and is_nested(column.type) and not column.type.lower().startswith("variant"):
                values, left = conform_column(values, column.type)
                for row, rest in left.items():
                    if self._request.rescued:
                        rescued.setdefault(row, {})[rows.names[at]] = left_text(rest)
                    elif rest.mismatch:
                        unfit.add(row)
            arrays[column.name] = values
            if bad:
                unfit.update(bad)
                for row in bad if self._request.rescued else ():
                    rescued.setdefault(row, {})[rows.names[at]] = _json(rows, at, rows.columns[at][row].as_py())
        for column in self._partitions:
            arrays[column.name] = self._partition(column, file, rows.size)
        corrupt = self._corrupt(rows, unfit)
        if self._request.rescued:
            arrays[self._request.rescued] = self._rescued(rescued, rows.size, file)
        if self._request.corrupt:
            arrays[self._request.corrupt] = corrupt
        if self._request.metadata:
            arrays.update(_metadata(file, span, rows.size))
        batch = pa.RecordBatch.from_arrays([arrays[name] for name in self.schema.names], schema=self.schema)
        if unfit and not self._request.rescued and self._mode is Mode.DROPMALFORMED:
            keep = pa.array([row not in unfit for row in range(rows.size)])
            batch = batch.filter(keep)
        return batch

    def _rescue_unknown(self, rows: Rows, positions: Sequence[int | None], rescued: dict[int, dict[str, str]]) -> None:
        if not self._request.rescued or not self._request.by_name:
            return
        known = set(positions) | {
            at for at, name in enumerate(rows.names) if any(name == p.name for p in self._partitions)
        }
        for at, name in enumerate(rows.names):
            if at not in known and rows.columns[at].null_count < rows.size:
                for row, value in enumerate(rows.columns[at].to_pylist()):
                    if value is not None:
                        rescued.setdefault(row, {})[name] = _json(rows, at, value)

    def _rescued(self, rescued: Mapping[int, dict[str, str]], size: int, file: FileEntry) -> pa.Array:
        if not rescued:
            return pa.nulls(size, pa.string())
        place = [f'"_file_path":{_quoted(file.address)}'] if self._with_path else []
        texts: list[str | None] = [None] * size
        for row, values in rescued.items():
            members = [f"{_quoted(name)}:{value}" for name, value in values.items()]
            texts[row] = "{" + ",".join(members + place) + "}"
        return pa.array(texts, pa.string())

    def _corrupt(self, rows: Rows, unfit: set[int]) -> pa.Array:
        corrupt = rows.corrupt if rows.corrupt is not None else pa.nulls(rows.size, pa.string())
        if not unfit or self._request.rescued:
            return corrupt
        if self._mode is Mode.FAILFAST:
            raise UserError(
                f"[MALFORMED_RECORD_IN_PARSING] A value does not fit its column's type, and mode is FAILFAST: "
                f"{rows.raws()[min(unfit)][:200]!r}",
                remedy="Read it with mode PERMISSIVE or DROPMALFORMED, or with a rescued data column.",
            )
        if not self._request.corrupt:
            return corrupt
        texts, raws = corrupt.to_pylist(), rows.raws()
        for row in unfit:
            texts[row] = raws[row]
        return pa.array(texts, pa.string())

    def _partition(self, column: Column, file: FileEntry, size: int) -> pa.Array:
        values, _ = self._converters[column.name](pa.array([file.partition.get(column.name)], pa.string()))
        return pa.repeat(values[0], size) if values[0].is_valid else pa.nulls(size, values.type)


def _json(rows: Rows, at: int, value: Any) -> str:
    if rows.typed:
        return to_json(value)
    return str(value) if at in rows.json_columns else _quoted(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _metadata(file: FileEntry, span: tuple[int, int], size: int) -> dict[str, pa.Array]:
    values = (
        file.address,
        file.address.rstrip("/").rpartition("/")[2],
        file.size,
        file.modified_ms * 1000,
        span[0],
        span[1] - span[0],
    )
    return {name: pa.repeat(pa.scalar(value, type), size) for (name, type), value in zip(METADATA, values, strict=True)}
