"""Staged files as an engine would leave them, and tables to write them to."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelhouse.delta import staging
from reelhouse.delta.commit import commit_files
from reelhouse.delta.write import Commit, Mode, Target, WriteSpec

_SPARK = {
    "int8": "byte",
    "int16": "short",
    "int32": "integer",
    "int64": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "bool": "boolean",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp",
    "timestamp[us]": "timestamp_ntz",
    "null": "void",
}


def spark_schema(schema: pa.Schema) -> str:
    fields = []
    for field in schema:
        name = str(field.type)
        kind = f"decimal({field.type.precision},{field.type.scale})" if name.startswith("decimal") else _SPARK[name]
        fields.append({"name": field.name, "type": kind, "nullable": False, "metadata": {}})
    return json.dumps({"type": "struct", "fields": fields})


class Table:
    """A Delta table under test."""

    def __init__(self, location: Path) -> None:
        self.location = str(location)
        self.target = Target(self.location, "netflix.bronze.t")

    def stage(self, rows: pa.Table, *, mask: Sequence[int] | None = None, by: str | None = None) -> str:
        folder = Path(staging.new_stage(self.location))
        parts = {m: rows.filter(pa.array([v == m for v in mask])) for m in set(mask)} if mask else {None: rows}
        for value, part in parts.items():
            if part.num_rows == 0:
                continue
            inner = folder / f"_rules={value}" if mask else folder
            for key in part[by].unique().to_pylist() if by else [None]:
                kept = part
                where = inner
                if by:
                    kept = part.filter(pa.array([v == key for v in part[by].to_pylist()])).drop_columns([by])
                    where = inner / f"{by}={'' if key is None else key}"
                where.mkdir(parents=True, exist_ok=True)
                pq.write_table(kept, where / f"{uuid.uuid4().hex}.zst.parquet", compression="zstd")
        return str(folder)

    def write(self, rows: dict[str, Any] | pa.Table, mode: Mode = Mode.APPEND, **spec: Any) -> Commit:
        table = rows if isinstance(rows, pa.Table) else pa.table(rows)
        mask = spec.pop("mask", None)
        by = spec.get("partition_by", (None,))[0]
        folder = self.stage(table, mask=mask, by=by)
        return commit_files(
            self.target,
            folder,
            spark_schema(table.schema),
            WriteSpec(mode, **spec),
            mask_column="_rules" if mask is not None else None,
        )

    def rows(self, version: int | None = None) -> list[dict[str, Any]]:
        from deltalake import DeltaTable

        found = DeltaTable(self.location, version=version).to_pyarrow_table().to_pylist()
        return sorted(found, key=lambda row: [str(value) for value in row.values()])

    def entry(self, version: int) -> list[dict[str, Any]]:
        from reelhouse.delta import log

        return log.read_entry(self.location, version)

    def files_on_disk(self) -> set[str]:
        return {str(path) for path in Path(self.location).rglob("*.parquet") if "_delta_log" not in path.parts}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "t")


@pytest.fixture
def make_table(tmp_path: Path) -> Callable[[str], Table]:
    return lambda name: Table(tmp_path / name)
