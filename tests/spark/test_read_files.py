"""`read_files(…)` in SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelhouse.errors import UserError
from reelhouse.spark.read_files import calls


@pytest.fixture
def files(house: Any) -> Path:
    folder = house.path / "in"
    (folder / "day=2026-01-02").mkdir(parents=True)
    (folder / "day=2026-01-02" / "a.csv").write_text("id,name\n1,a\n2,b\n")
    (folder / "b.csv").write_text("id,name\n3,c\nx,d\n")
    return folder


def rows(house: Any, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in house.spark.sql(query).collect()]


def test_files_are_found_below_and_types_inferred(house, files):
    (files / "b.csv").write_text("id,name\n3,c\n")
    found = house.spark.sql(f"SELECT * FROM read_files('{files}', header => true) ORDER BY id")
    assert found.schema.simpleString() == "struct<id:int,name:string,day:date,_rescued_data:string>"
    assert [row.id for row in found.collect()] == [1, 2, 3]


def test_what_does_not_fit_is_rescued(house, files):
    query = (
        f"SELECT id, _rescued_data FROM read_files('{files}', format => 'csv', schemaHints => 'id INT') ORDER BY name"
    )
    found = rows(house, query)
    assert found[:3] == [(1, None), (2, None), (3, None)]
    assert found[3][0] is None and '"id":"x"' in found[3][1]


def test_a_schema_is_taken_as_it_is(house, files):
    query = f"SELECT * FROM read_files('{files}', format => 'csv', schema => 'id STRING, name STRING') ORDER BY name"
    assert rows(house, query) == [("1", "a"), ("2", "b"), ("3", "c"), ("x", "d")]


def test_types_may_be_left_as_text(house, files):
    query = f"SELECT max(id) FROM read_files('{files}', format => 'csv', inferColumnTypes => false)"
    assert rows(house, query) == [("x",)]


def test_two_calls_in_one_query(house, files):
    query = f"""
        SELECT count(*) FROM read_files('{files}/b.csv', format => 'csv') AS a
        CROSS JOIN read_files('{files}/day=2026-01-02', format => 'csv') AS b
    """
    assert rows(house, query) == [(4,)]


def test_json_and_text(house):
    (house.path / "lines.json").write_text('{"a": {"b": 1}}\n{"a": {"b": 2}}\n')
    assert rows(house, f"SELECT sum(a.b) FROM read_files('{house.path}/lines.json')") == [(3,)]
    (house.path / "words.txt").write_text("one\ntwo\n")
    assert rows(house, f"SELECT value FROM read_files('{house.path}/words.txt') ORDER BY 1") == [("one",), ("two",)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'{folder}', format => 'csv', quotes => 'x'", "quotes"),
        ("'{folder}', format => 'avro'", "avro"),
        ("'{folder}', 'csv'", "name => value"),
        ("format => 'csv'", "a path in quotes first"),
        ("'{folder}/none', format => 'csv'", "no files"),
        ("'{folder}', format => 'csv', format => 'json'", "twice"),
    ],
)
def test_what_cannot_be_done_is_said(house, files, arguments, message):
    with pytest.raises(Exception, match=message):
        house.spark.sql(f"SELECT * FROM read_files({arguments.format(folder=files)})")


def test_a_stream_outside_of_a_pipeline_is_refused(house, files):
    with pytest.raises(Exception, match="STREAM read_files"):
        house.spark.sql(f"SELECT * FROM STREAM read_files('{files}', format => 'csv')")


def test_calls_are_read_with_their_place():
    text = "SELECT * FROM STREAM(read_files('/a', `cloudFiles.maxFilesPerTrigger` => 2, header => TRUE)) AS f"
    (call,) = calls(text)
    assert text[call.start : call.end] == text[14:-5]
    assert (call.streaming, call.path) == (True, "/a")
    assert call.cloud_options("csv") == {
        "cloudFiles.inferColumnTypes": "true",
        "cloudFiles.useStrictGlobber": "true",
        "cloudFiles.format": "csv",
        "cloudFiles.maxFilesPerTrigger": "2",
        "header": "true",
    }
    assert calls("SELECT 'read_files(' FROM t") == []
    with pytest.raises(UserError, match="no closing bracket"):
        calls("SELECT * FROM read_files('/a'")


@pytest.mark.parametrize("format", ["orc", "avro"])
def test_orc_and_avro_are_read_by_spark_and_by_read_files(house, format):
    folder = house.path / format
    folder.mkdir()
    if format == "orc":
        import pyarrow as pa
        from pyarrow import orc

        orc.write_table(pa.table({"id": [1, 2], "s": [{"x": 1}, None]}), str(folder / "a.orc"))
    else:
        import fastavro

        size = {"type": "record", "name": "s", "fields": [{"name": "x", "type": "long"}]}
        fields = [{"name": "id", "type": "long"}, {"name": "s", "type": ["null", size]}]
        with (folder / "a.avro").open("wb") as file:
            fastavro.writer(
                file,
                {"type": "record", "name": "r", "fields": fields},
                [{"id": 1, "s": {"x": 1}}, {"id": 2, "s": None}],
            )
    frame = house.spark.read.format(format).load(str(folder))
    assert frame.schema.simpleString() == "struct<id:bigint,s:struct<x:bigint>>"
    assert [tuple(row) for row in frame.selectExpr("id", "s.x").orderBy("id").collect()] == [(1, 1), (2, None)]
    assert rows(house, f"SELECT id, s.x FROM read_files('{folder}') ORDER BY id") == [(1, 1), (2, None)]
    assert rows(house, f"SELECT count(*) FROM {format}.`{folder}`") == [(2,)]
