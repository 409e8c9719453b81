"""ORC and Avro files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from pyarrow import orc

from reelhouse.autoloader.avro import schema_of
from reelhouse.autoloader.columnar import columns_of
from reelhouse.autoloader.infer import columns_of_files, infer
from reelhouse.autoloader.reader import scan
from reelhouse.errors import Unsupported, UserError

Write = Callable[..., Path]
RECORD = {
    "type": "record",
    "name": "row",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "size", "type": {"type": "record", "name": "size", "fields": [{"name": "w", "type": "int"}]}},
        {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["A", "B"]}},
        {"name": "counts", "type": {"type": "map", "values": "long"}},
    ],
}
ROW = {
    "id": 1,
    "name": None,
    "price": Decimal("12.30"),
    "day": dt.date(2026, 1, 2),
    "at": dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
    "tags": ["x", "y"],
    "size": {"w": 3},
    "kind": "B",
    "counts": {"k": 2},
}
DDL = (
    "id bigint, name string, price decimal(10,2), day date, at timestamp, tags array<string>, size struct<w: int>, "
    "kind string, counts map<string, bigint>"
)


def write_orc(path: Path, rows: list[dict[str, Any]]) -> Path:
    orc.write_table(pa.Table.from_pylist(rows), str(path))
    return path


def write_avro(path: Path, rows: list[dict[str, Any]], schema: Any = None) -> Path:
    names = {int: "long", str: "string", float: "double"}
    if schema is None:
        fields = [{"name": key, "type": ["null", names[type(value)]]} for key, value in rows[0].items()]
        schema = {"type": "record", "name": "r", "fields": fields}
    with path.open("wb") as file:
        fastavro.writer(file, schema, rows, codec="deflate")
    return path


@pytest.fixture(params=["orc", "avro"])
def format(request) -> str:
    return str(request.param)


@pytest.fixture
def write(format) -> Write:
    return {"orc": write_orc, "avro": write_avro}[format]


def test_columns_and_rows(tmp_path, entry, table, format, write):
    file = entry(write(tmp_path / "a", [{"id": 1, "name": "x"}, {"id": 2, "name": None}]))
    assert columns_of(format, file.path) == [("id", "bigint"), ("name", "string")]
    rows = table(scan([file], format, {}, "name string, id bigint")).collect()
    assert [tuple(row) for row in rows] == [("x", 1), (None, 2)]


def test_new_columns_are_seen_and_values_of_another_type_rescued(tmp_path, entry, table, format, write):
    old = entry(write(tmp_path / "a", [{"id": 1, "n": 5}]))
    new = entry(write(tmp_path / "b", [{"id": 2, "n": "five", "extra": 1.5}]))
    assert columns_of_files(format, {}, [new], True)[0].columns[-1] == ("extra", "double")
    rows = table(scan([old, new], format, {}, "id bigint, n bigint", rescued="_rescued_data")).collect()
    by_id = {row.id: row for row in rows}
    assert by_id[1].n == 5 and by_id[1]._rescued_data is None
    assert by_id[2].n is None
    assert '"n":"five"' in by_id[2]._rescued_data and '"extra":1.5' in by_id[2]._rescued_data


def test_a_plain_read_takes_the_columns_of_one_file(tmp_path, entry, format, write):
    files = [entry(write(tmp_path / name, [{name: 1}])) for name in ("a", "b")]
    assert infer(format, {}, files) == [("a", "bigint")]


@pytest.mark.parametrize("cut", [0, 40])
def test_a_file_that_is_none_is_an_error_unless_corrupt_files_are_skipped(tmp_path, entry, read, format, write, cut):
    bad = tmp_path / "bad"
    whole = write(tmp_path / "good", [{"id": 1}]).read_bytes()
    bad.write_bytes(whole[:-cut] if cut else b"no such file format")
    with pytest.raises(UserError, match=f"bad cannot be read as {format}"):
        read([entry(bad)], format, {}, "id bigint")
    assert read([entry(bad)], format, {"ignoreCorruptFiles": "true"}, "id bigint") == []


def test_columns_of_a_file_that_is_none_are_an_error_that_names_it(tmp_path, entry, format):
    (tmp_path / "bad").write_bytes(b"no such file format")
    with pytest.raises(UserError, match=f"bad cannot be read as {format}"):
        columns_of_files(format, {}, [entry(tmp_path / "bad")], True)


def test_avro_types_are_those_of_spark(tmp_path, entry, table):
    file = entry(write_avro(tmp_path / "a.avro", [ROW], RECORD))
    rows = table(scan([file], "avro", {}, DDL)).selectExpr("*", "cast(at AS string) AS t").collect()
    row = rows[0]
    assert (row.id, row.name, row.price, row.day, row.kind) == (1, None, Decimal("12.30"), dt.date(2026, 1, 2), "B")
    assert row.t.startswith("2026-01-02 03:04:05.000006")
    assert (row.tags, row["size"].w, row.counts) == (["x", "y"], 3, {"k": 2})


@pytest.mark.parametrize(
    ("kind", "arrow"),
    [
        (["null", "int"], pa.int32()),
        (["int", "long"], pa.int64()),
        (["float", "double"], pa.float64()),
        ({"type": "fixed", "name": "f", "size": 4}, pa.binary()),
        ({"type": "string", "logicalType": "uuid"}, pa.string()),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, pa.timestamp("us")),
    ],
)
def test_unions_and_logical_types(tmp_path, kind, arrow):
    schema = {"type": "record", "name": "r", "fields": [{"name": "c", "type": kind}]}
    path = tmp_path / "a.avro"
    with path.open("wb") as file:
        fastavro.writer(file, schema, [])
    assert schema_of(str(path)).field("c").type == arrow


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (["int", "string"], "union of 2 types"),
        ({"type": "int", "logicalType": "time-millis"}, "time-millis"),
    ],
)
def test_types_without_a_place_are_refused_by_name(tmp_path, kind, message):
    schema = {"type": "record", "name": "r", "fields": [{"name": "c", "type": kind}]}
    path = tmp_path / "a.avro"
    with path.open("wb") as file:
        fastavro.writer(file, schema, [])
    with pytest.raises(Unsupported, match=message):
        schema_of(str(path))


def test_a_named_type_may_be_used_twice_and_may_not_contain_itself(tmp_path):
    point = {"type": "record", "name": "point", "fields": [{"name": "x", "type": "int"}]}
    fields = [{"name": "a", "type": point}, {"name": "b", "type": "point"}]
    path = tmp_path / "a.avro"
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "r", "fields": fields}, [])
    assert schema_of(str(path)).field("b").type == pa.struct([("x", pa.int32())])
    tree = {"type": "record", "name": "tree", "fields": [{"name": "next", "type": ["null", "tree"]}]}
    with path.open("wb") as file:
        fastavro.writer(file, tree, [])
    with pytest.raises(Unsupported, match="contains itself"):
        schema_of(str(path))
