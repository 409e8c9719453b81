"""Copies of rows between files: formats, mappings, hierarchies, bad rows, logs."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import bz2
import gzip
import io
import json
import signal
import subprocess
import sys
import zipfile
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelhouse.runs.record import RunStatus

LAKE = {"referenceName": "ls_lake", "type": "LinkedServiceReference"}


def lake_dataset(name: str, kind: str, folder: str, file: str | None = None, **more):
    location = {"type": "AzureBlobFSLocation", "fileSystem": "raw", "folderPath": folder}
    if file:
        location["fileName"] = file
    return {
        "name": name,
        "properties": {"type": kind, "linkedServiceName": LAKE, "typeProperties": {"location": location, **more}},
    }


@pytest.fixture
def move(run, act):
    """A function that copies between two datasets; `read`, `write`, `source`, `sink` add to settings."""

    def go(source, sink, *, read=None, write=None, more_source=None, more_sink=None, objects=None, **more):
        kinds = (source["properties"]["type"], sink["properties"]["type"])
        settings = "HttpReadSettings" if source["properties"].get("http") else "AzureBlobFSReadSettings"
        activity = act(
            "copy",
            "Copy",
            source={
                "type": f"{kinds[0]}Source",
                "storeSettings": {"type": settings, **(read or {})},
                **(more_source or {}),
            },
            sink={
                "type": f"{kinds[1]}Sink",
                "storeSettings": {"type": "AzureBlobFSWriteSettings", **(write or {})},
                **(more_sink or {}),
            },
            inputs=[{"referenceName": source["name"], "type": "DatasetReference"}],
            outputs=[{"referenceName": sink["name"], "type": "DatasetReference"}],
            **more,
        )
        source["properties"].pop("http", None)
        return run([activity], objects={"dataset": [source, sink], **(objects or {})})

    return go


def put(raw, path: str, data: str | bytes) -> None:
    (raw / path).parent.mkdir(parents=True, exist_ok=True)
    (raw / path).write_bytes(data.encode() if isinstance(data, str) else data)


def names(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def output(result) -> dict:
    assert result.status is RunStatus.SUCCEEDED, result.activities["copy"]
    return result.activities["copy"]["output"]


def message(result) -> str:
    assert result.status is RunStatus.FAILED
    return result.activities["copy"]["error"]["message"]


def mapping(*pairs, **more):
    return {"type": "TabularTranslator", "mappings": [{"source": a, "sink": b} for a, b in pairs], **more}


TEXT = 'id,name\r\n1,"x\\"y"\r\n2\r\n3,"q,\nz"\r\n4,\r\n5,""\r\n'
ROWS = [("1", 'x"y'), ("2", None), ("3", "q,\nz"), ("4", None), ("5", "")]


@pytest.mark.supports("activity", "Copy")
@pytest.mark.supports("store", "AzureBlobFS")
@pytest.mark.supports("format", "DelimitedText", "Parquet")
def test_delimited_text_becomes_parquet_with_columns_of_text(move, raw):
    put(raw, "in/a.csv", TEXT)
    result = move(
        lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
        lake_dataset("t", "Parquet", "out"),
    )

    table = pq.read_table(raw / "out/a.parquet")
    assert [tuple(row.values()) for row in table.to_pylist()] == ROWS
    assert table.schema.types == [pa.string(), pa.string()]
    found = output(result)
    assert {key: found[key] for key in ("rowsRead", "rowsCopied", "filesRead", "filesWritten", "dataRead")} == {
        "rowsRead": 5, "rowsCopied": 5, "filesRead": 1, "filesWritten": 1, "dataRead": len(TEXT)}  # fmt: skip
    assert found["dataWritten"] == (raw / "out/a.parquet").stat().st_size
    assert found["executionDetails"][0]["source"] == {"type": "DelimitedText"}
    assert "rowsSkipped" not in found


DIALECTS = [
    ({}, "a,b\n1,2\n", ["Prop_0", "Prop_1"], [("a", "b"), ("1", "2")]),
    ({"firstRowAsHeader": True}, "\ufeffa,b\r1,2\r\r", ["a", "b"], [("1", "2")]),
    (
        {"firstRowAsHeader": True, "columnDelimiter": "|", "quoteChar": "'", "escapeChar": "'"},
        "a|b\n'1|''x'|\\\n",
        ["a", "b"],
        [("1|'x", "\\")],
    ),
    ({"firstRowAsHeader": True, "quoteChar": "", "escapeChar": ""}, 'a,b\n"1,2"\n', ["a", "b"], [('"1', '2"')]),
    ({"firstRowAsHeader": True, "nullValue": "\\N"}, 'a,b\n\\N,""\n,"\\N"\n', ["a", "b"], [(None, ""), ("", "\\N")]),
    ({"firstRowAsHeader": True, "rowDelimiter": ";"}, "a,b;1,2\n;3,4", ["a", "b"], [("1", "2\n"), ("3", "4")]),
    ({"firstRowAsHeader": True, "columnDelimiter": "§"}, "a§b\n1§2\n", ["a", "b"], [("1", "2")]),
    ({"firstRowAsHeader": True}, 'a,b\n"\\\\x\\"","\\n"\n\\,\\"\n', ["a", "b"], [('\\x"', "\\n"), ("\\", '\\"')]),
    ({"firstRowAsHeader": True}, '"a\nb",c\n1,2\n', ["a\nb", "c"], [("1", "2")]),
    ({"firstRowAsHeader": True}, "a,b", ["a", "b"], []),
]


@pytest.mark.parametrize(("dialect", "text", "columns", "rows"), DIALECTS, ids=[str(n) for n in range(len(DIALECTS))])
def test_dialects_are_read(move, raw, dialect, text, columns, rows):
    put(raw, "in/a.csv", text)
    translator = mapping(*[({"ordinal": i + 1}, {"name": f"c{i}"}) for i in range(len(columns))])
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", **dialect),
            lake_dataset("t", "Json", "out", "x.json"),
            translator=translator,
        )
    )
    found = [json.loads(line) for line in (raw / "out/x.json").read_text().splitlines()]

    assert [tuple(row.get(f"c{i}") for i in range(len(columns))) for row in found] == rows


@pytest.mark.parametrize("encoding", ["UTF-16", "ISO-8859-1", "UTF-8"])
def test_encodings_are_read_and_written(move, raw, encoding):
    put(raw, "in/a.csv", "name\nbjörk\n".encode(encoding))
    dialect = {"firstRowAsHeader": True, "encodingName": encoding}
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", **dialect),
            lake_dataset("t", "DelimitedText", "out", "b.csv", **dialect),
        )
    )

    assert (raw / "out/b.csv").read_bytes() == "name\r\nbjörk\r\n".encode(encoding)


def test_lines_to_skip_are_skipped_before_the_header(move, raw):
    put(raw, "in/a.csv", 'junk "line\n\nmore, junk, here\na,b\n1,2\n')
    formats = {"formatSettings": {"type": "DelimitedTextReadSettings", "skipLineCount": 2}}
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
            lake_dataset("t", "Parquet", "out"),
            more_source=formats,
        )
    )

    assert pq.read_table(raw / "out/a.parquet").to_pylist() == [{"a": "1", "b": "2"}]


def test_long_files_with_escapes_in_all_places_are_read_as_they_were_written(move, raw):
    values = [f'{"x" * (n % 97)}{chr(92) * (n % 3)}"{n},{chr(10) if n % 11 == 0 else ""}"' for n in range(40_000)]
    table = pa.table({"n": [str(n) for n in range(len(values))], "v": values})
    (raw / "in").mkdir()
    pq.write_table(table, raw / "in/a.parquet")
    text = {"firstRowAsHeader": True}
    output(
        move(
            lake_dataset("s", "Parquet", "in", "a.parquet"), lake_dataset("t", "DelimitedText", "mid", "b.csv", **text)
        )
    )
    output(
        move(
            lake_dataset("s", "DelimitedText", "mid", "b.csv", **text), lake_dataset("t", "Parquet", "out", "c.parquet")
        )
    )

    assert pq.read_table(raw / "out/c.parquet").equals(table)


def test_text_is_quoted_where_it_has_to_be_or_everywhere(move, raw):
    (raw / "in").mkdir()
    pq.write_table(pa.table({"a": ['x"y', "", None, "p"], "n": [1, 2, None, 4]}), raw / "in/a.parquet")
    source = lake_dataset("s", "Parquet", "in", "a.parquet")
    output(move(source, lake_dataset("t", "DelimitedText", "out", "b.csv", firstRowAsHeader=True)))
    assert (raw / "out/b.csv").read_bytes() == b'a,n\r\n"x\\"y",1\r\n"",2\r\n,\r\np,4\r\n'

    formats = {"formatSettings": {"type": "DelimitedTextWriteSettings", "quoteAllText": True, "fileExtension": ".txt"}}
    output(
        move(source, lake_dataset("t", "DelimitedText", "all", escapeChar='"', rowDelimiter="\n"), more_sink=formats)
    )
    assert (raw / "all/a.txt").read_bytes() == b'"x""y","1"\n"","2"\n,\n"p","4"\n'


@pytest.mark.supports("format", "Json")
@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ('{"a":1}\n{"a":{"b":[2]}}\n', None, '{"a":1}\r\n{"a":{"b":[2]}}\r\n'),
        ('[{"a":1},{"a":null}]', "arrayOfObjects", '[{"a":1},\r\n{"a":null}]'),
        ('{"a":1}{"a":2}', "setOfObjects", '{"a":1}\r\n{"a":2}\r\n'),
    ],
)
def test_json_passes_as_it_is_without_a_mapping(move, raw, text, pattern, expected):
    put(raw, "in/a.json", text)
    sink = {"formatSettings": {"type": "JsonWriteSettings", "filePattern": pattern}} if pattern else {}
    output(move(lake_dataset("s", "Json", "in", "a.json"), lake_dataset("t", "Json", "out", "b.json"), more_sink=sink))

    assert (raw / "out/b.json").read_bytes() == expected.encode()


ORDERS = json.dumps(
    {"day": "2024-01-02", "n": 1, "orders": [{"prod": "p1", "price": 3, "x": {"y": [1]}}, {"prod": "p2", "price": 4.5}]}
)


def test_a_collection_is_unfolded_with_what_is_beside_it(move, raw):
    put(raw, "in/a.json", ORDERS)
    translator = mapping(
        ({"path": "$['day']"}, {"name": "day", "type": "DateTime"}),
        ({"path": "['prod']"}, {"name": "product", "type": "String"}),
        ({"path": "['price']"}, {"name": "price", "type": "Decimal", "precision": 10, "scale": 2}),
        ({"path": "['x']"}, {"name": "x", "type": "String"}),
        collectionReference="$['orders']",
        mapComplexValuesToString=True,
    )
    found = output(
        move(
            lake_dataset("s", "Json", "in", "a.json"),
            lake_dataset("t", "Parquet", "out", "b.parquet"),
            translator=translator,
        )
    )

    rows = pq.read_table(raw / "out/b.parquet").to_pylist()
    assert [(str(row["day"]), row["product"], str(row["price"]), row["x"]) for row in rows] == [
        ("2024-01-02 00:00:00", "p1", "3.00", '{"y":[1]}'), ("2024-01-02 00:00:00", "p2", "4.50", None)]  # fmt: skip
    assert found["rowsRead"] == found["rowsCopied"] == 2


def test_a_nested_value_does_not_go_into_a_column_in_silence(move, raw):
    put(raw, "in/a.json", ORDERS)
    result = move(lake_dataset("s", "Json", "in", "a.json"), lake_dataset("t", "Parquet", "out", "b.parquet"))

    assert "'orders' holds" in message(result) and "mapComplexValuesToString" in message(result)
    assert names(raw / "out") == []


def test_rows_become_nested_documents(move, raw):
    put(raw, "in/a.csv", "id,city,zip\n1,Rom,5\n")
    translator = mapping(
        ({"name": "id"}, {"path": "$['id']", "type": "Int32"}),
        ({"name": "city"}, {"path": "$['address']['city']"}),
        ({"name": "zip"}, {"path": "$.address.zip"}),
    )
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
            lake_dataset("t", "Json", "out", "b.json"),
            translator=translator,
        )
    )

    assert json.loads((raw / "out/b.json").read_text()) == {"id": 1, "address": {"city": "Rom", "zip": "5"}}


TYPED = [
    ("Int32", "7", 7), ("Int64", " 7 ", 7), ("Double", "1,234.5", 1234.5), ("Boolean", "TRUE", True), ("String", "x", "x"),
    ("DateTime", "2024-02-03T04:05:06", "2024-02-03 04:05:06"), ("DateTime", "2024-02-03T04:05:06Z", "2024-02-03 04:05:06"),
    ("DateTime", "2/3/2024 4:05:06 PM", "2024-02-03 16:05:06"), ("DateTimeOffset", "2024-02-03T04:05:06+02:00", "2024-02-03 02:05:06+00:00"),
    ("Date", "2024-02-03", "2024-02-03"), ("Guid", "a-b", "a-b"), ("Byte[]", "aGk=", b"hi"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "expected"), TYPED)
def test_text_converts_to_every_type(move, raw, kind, text, expected):
    put(raw, "in/a.csv", f'v\n"{text}"\n')
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
            lake_dataset("t", "Parquet", "out", "b.parquet"),
            translator=mapping(({"name": "v"}, {"name": "w", "type": kind})),
        )
    )

    found = pq.read_table(raw / "out/b.parquet")["w"][0].as_py()
    assert (found if isinstance(expected, int | float | bytes) else str(found)) == expected


def test_formats_and_culture_of_a_type_conversion_are_used(move, raw):
    put(raw, "in/a.csv", 'd;n\n03.02.2024 16:05;"1.234,5"\n')
    translator = mapping(
        ({"name": "d"}, {"name": "d", "type": "DateTime"}), ({"name": "n"}, {"name": "n", "type": "Double"}),
        typeConversion=True, typeConversionSettings={"dateTimeFormat": "dd.MM.yyyy HH:mm", "culture": "de-DE"},
    )  # fmt: skip
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True, columnDelimiter=";"),
            lake_dataset("t", "Parquet", "out", "b.parquet"),
            translator=translator,
        )
    )

    row = pq.read_table(raw / "out/b.parquet").to_pylist()[0]
    assert (str(row["d"]), row["n"]) == ("2024-02-03 16:05:00", 1234.5)


def test_numbers_are_cut_only_where_that_is_allowed(move, raw):
    (raw / "in").mkdir()
    pq.write_table(pa.table({"v": [1.9]}), raw / "in/a.parquet")
    source, sink = lake_dataset("s", "Parquet", "in", "a.parquet"), lake_dataset("t", "Parquet", "out", "b.parquet")
    column = ({"name": "v"}, {"name": "v", "type": "Int32"})
    output(move(source, sink, translator=mapping(column)))
    assert pq.read_table(raw / "out/b.parquet")["v"].to_pylist() == [1]

    strict = mapping(column, typeConversion=True, typeConversionSettings={"allowDataTruncation": False})
    assert "invalid value '1.9'" in message(move(source, sink, translator=strict))


def test_values_are_written_as_text_the_way_net_does(move, raw):
    import datetime

    (raw / "in").mkdir()
    table = pa.table(
        {
            "t": [datetime.datetime(2024, 1, 2, 3, 4, 5)],
            "b": [True],
            "d": [1e20],
            "e": [1.5],
            "x": [datetime.date(2024, 1, 2)],
        }
    )
    pq.write_table(table, raw / "in/a.parquet")
    output(move(lake_dataset("s", "Parquet", "in", "a.parquet"), lake_dataset("t", "DelimitedText", "out", "b.csv")))

    assert (raw / "out/b.csv").read_text() == "2024-01-02 03:04:05.0000000,True,1E+20,1.5,2024-01-02\n"


@pytest.mark.parametrize("setting", [{"culture": "xx-XX"}, {"timeSpanFormat": "c"}])
def test_a_conversion_that_is_not_done_is_refused_by_name(move, raw, setting):
    put(raw, "in/a.csv", "v\n1\n")
    translator = mapping(({"ordinal": 1}, {"name": "v"}), typeConversion=True, typeConversionSettings=setting)
    result = move(lake_dataset("s", "DelimitedText", "in"), lake_dataset("t", "Parquet", "out"), translator=translator)

    assert "not supported" in message(result)


def test_legacy_mappings_still_map(move, raw):
    put(raw, "in/a.csv", "id,name\n1,x\n")
    source, sink = (
        lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
        lake_dataset("t", "Parquet", "out", "b.parquet"),
    )
    for legacy in (
        {"columnMappings": "id: key, name: title"},
        {"columnMappings": {"id": "key", "name": "title"}},
        {"schemaMapping": {"id": "key", "name": "title"}},
    ):
        output(move(source, sink, translator={"type": "TabularTranslator", **legacy}))
        assert pq.read_table(raw / "out/b.parquet").to_pylist() == [{"key": "1", "title": "x"}]


def test_a_column_that_is_not_there_is_named_with_the_nearest_one(move, raw):
    put(raw, "in/a.csv", "id,name\n1,x\n")
    result = move(
        lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
        lake_dataset("t", "Parquet", "out", "b.parquet"),
        translator=mapping(({"name": "nmae"}, {"name": "n"})),
    )

    assert "no column 'nmae'. Did you mean 'name'?" in message(result)


def test_paths_constants_and_copies_become_columns(move, raw):
    put(raw, "in/year=2024/month=01/a.csv", "id\n1\n")
    put(raw, "in/year=2025/month=02/b.csv", "id\n2\n")
    more = [
        {"name": "path", "value": "$$FILEPATH"},
        {"name": "key", "value": "$$COLUMN:id"},
        {"name": "run", "value": {"value": "@concat('r', '1')", "type": "Expression"}},
    ]
    output(move(
        lake_dataset("s", "DelimitedText", "in", firstRowAsHeader=True), lake_dataset("t", "Parquet", "out", "b.parquet"),
        read={"recursive": True, "enablePartitionDiscovery": True}, write={"copyBehavior": "MergeFiles"}, more_source={"additionalColumns": more},
    ))  # fmt: skip

    assert pq.read_table(raw / "out/b.parquet", partitioning=None).to_pylist() == [
        {"id": "1", "year": "2024", "month": "01", "path": "year=2024/month=01/a.csv", "key": "1", "run": "r1"},
        {"id": "2", "year": "2025", "month": "02", "path": "year=2025/month=02/b.csv", "key": "2", "run": "r1"},
    ]


def test_hierarchies_are_preserved_flattened_or_merged(move, raw):
    put(raw, "in/a.csv", "id\n1\n")
    put(raw, "in/sub/b.csv", "other\n2\n")
    source = lake_dataset("s", "DelimitedText", "in", firstRowAsHeader=True)
    found = output(move(source, lake_dataset("t", "Parquet", "out")))
    assert names(raw / "out") == ["a.parquet", "sub/b.parquet"] and found["filesWritten"] == 2

    output(move(source, lake_dataset("t", "Json", "flat"), write={"copyBehavior": "FlattenHierarchy"}))
    assert len(names(raw / "flat")) == 2 and all(
        "/" not in name and name.startswith("Data_") for name in names(raw / "flat")
    )

    merged = move(source, lake_dataset("t", "Parquet", "one", "m.parquet"), write={"copyBehavior": "MergeFiles"})
    assert "has the columns other" in message(merged) and names(raw / "one") == []

    several = move(source, lake_dataset("t", "Parquet", "one", "m.parquet"))
    assert "NotAllowedWithPreserveOrFlattenHierarchy" in message(several) and names(raw / "one") == []


def test_rows_are_spread_over_files_of_a_number_of_rows(move, raw):
    put(raw, "in/a.csv", "id\n" + "".join(f"{n}\n" for n in range(25)))
    formats = {"formatSettings": {"type": "ParquetWriteSettings", "maxRowsPerFile": 10, "fileNamePrefix": "part"}}
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
            lake_dataset("t", "Parquet", "out"),
            more_sink=formats,
        )
    )

    assert [(name, pq.read_metadata(raw / "out" / name).num_rows) for name in names(raw / "out")] == [
        ("part_00000.parquet", 10), ("part_00001.parquet", 10), ("part_00002.parquet", 5)]  # fmt: skip


def test_no_file_is_no_error_and_a_named_one_that_is_missing_is(move, raw):
    sink = lake_dataset("t", "Parquet", "out")
    found = output(move(lake_dataset("s", "DelimitedText", "in"), sink))
    assert (found["rowsRead"], found["filesWritten"]) == (0, 0)

    assert "UserErrorSourceBlobNotExist" in message(move(lake_dataset("s", "DelimitedText", "in", "no.csv"), sink))


@pytest.mark.supports("format", "Avro")
def test_avro_keeps_types(move, raw):
    put(raw, "in/a.csv", "i,d,t\n1,2.5,2024-01-02T03:04:05\n,,\n")
    translator = mapping(
        ({"name": "i"}, {"name": "i", "type": "Int64"}),
        ({"name": "d"}, {"name": "d", "type": "Decimal", "precision": 10, "scale": 2}),
        ({"name": "t"}, {"name": "t", "type": "DateTime"}),
    )
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
            lake_dataset("t", "Avro", "mid", "a.avro", avroCompressionCodec="deflate"),
            translator=translator,
        )
    )
    output(move(lake_dataset("s", "Avro", "mid", "a.avro"), lake_dataset("t", "Parquet", "out", "b.parquet")))

    table = pq.read_table(raw / "out/b.parquet")
    assert table.schema.types == [pa.int64(), pa.decimal128(10, 2), pa.timestamp("us")]
    assert [str(value) for value in table.to_pylist()[0].values()] == ["1", "2.50", "2024-01-02 03:04:05"]


@pytest.mark.supports("format", "Excel")
@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"sheetName": "two", "firstRowAsHeader": True}, [{"a": "1", "b": "x"}, {"a": "2.5"}]),
        ({"sheetIndex": 1, "firstRowAsHeader": True, "range": "B3:C4"}, [{"a": "1", "b": "x"}]),
        ({"sheetIndex": 1, "range": "B4"}, [{"Prop_0": "1", "Prop_1": "x"}, {"Prop_0": "2.5"}]),
    ],
)
def test_sheets_of_excel_are_read(move, raw, settings, rows):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.create_sheet("two")
    for row, values in ((3, ("a", "b")), (4, (1, "x")), (5, (2.5, None))):
        for column, value in enumerate(values):
            sheet.cell(row, column + 2, value)
    (raw / "in").mkdir()
    book.save(raw / "in/a.xlsx")
    output(move(lake_dataset("s", "Excel", "in", "a.xlsx", **settings), lake_dataset("t", "Json", "out", "b.json")))

    assert [json.loads(line) for line in (raw / "out/b.json").read_text().splitlines()] == rows


@pytest.mark.supports("format", "Xml")
def test_xml_is_read_as_documents(move, raw):
    put(raw, "in/a.xml", '<r xmlns:p="urn:p"><p:o id="1">x</p:o><p:o id="2"><q>true</q></p:o><n>1.5</n></r>')
    source = lake_dataset("s", "Xml", "in", "a.xml")
    output(move(source, lake_dataset("t", "Json", "out", "b.json")))
    assert json.loads((raw / "out/b.json").read_text()) == {
        "r": {"p:o": [{"@id": 1, "_value_": "x"}, {"@id": 2, "q": True}], "n": 1.5}
    }

    translator = mapping(({"path": "['@id']"}, {"name": "id"}), collectionReference="$['r']['p:o']")
    output(move(source, lake_dataset("t", "Parquet", "out", "c.parquet"), translator=translator))
    assert pq.read_table(raw / "out/c.parquet").to_pylist() == [{"id": 1}, {"id": 2}]


def test_broken_files_fail_with_their_name(move, raw):
    for kind, code in (
        ("Json", "JsonInvalidDataFormat"),
        ("Xml", "XmlInvalid"),
        ("Parquet", "ParquetInvalidFile"),
        ("Avro", "AvroInvalidFile"),
        ("Excel", "ExcelInvalidFile"),
    ):
        put(raw, "in/bad.x", "{broken <")
        said = message(move(lake_dataset("s", kind, "in", "bad.x"), lake_dataset("t", "Json", "out", "b.json")))
        assert code in said and "bad.x" in said
        assert not (raw / "out").exists() or names(raw / "out") == []


def packed(codec: str, data: bytes) -> bytes:
    if codec == "gzip":
        return gzip.compress(data)
    if codec == "bzip2":
        return bz2.compress(data)
    if codec == "deflate":
        engine = zlib.compressobj(9, zlib.DEFLATED, -15)
        return engine.compress(data) + engine.flush()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("in/side.csv", data)
    return buffer.getvalue()


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "deflate", "ZipDeflate"])
def test_compressed_text_is_read_and_written(move, raw, codec):
    put(raw, "in/a.csv.x", packed(codec, TEXT.encode()))
    text = {"firstRowAsHeader": True, "compressionCodec": codec, "compressionLevel": "Optimal"}
    output(
        move(
            lake_dataset("s", "DelimitedText", "in", "a.csv.x", **text),
            lake_dataset("t", "DelimitedText", "mid", "b.csv", **text),
        )
    )
    output(
        move(
            lake_dataset("s", "DelimitedText", "mid", "b.csv", **text), lake_dataset("t", "Parquet", "out", "c.parquet")
        )
    )

    assert [tuple(row.values()) for row in pq.read_table(raw / "out/c.parquet").to_pylist()] == ROWS


@pytest.mark.supports("format", "Binary")
def test_binary_files_are_packed_and_unpacked(move, raw):
    put(raw, "in/a.csv", b"data" * 1000)
    output(
        move(
            lake_dataset("s", "Binary", "in"),
            lake_dataset("t", "Binary", "gz", compression={"type": "gzip", "level": "Fastest"}),
        )
    )
    assert names(raw / "gz") == ["a.csv.gz"]

    found = output(
        move(lake_dataset("s", "Binary", "gz", compression={"type": "gzip"}), lake_dataset("t", "Binary", "out"))
    )
    assert (raw / "out/a.csv").read_bytes() == b"data" * 1000 and found["dataWritten"] == 4000

    put(raw, "zip/x.zip", packed("ZipDeflate", b"inside"))
    archive = lake_dataset("s", "Binary", "zip", "x.zip", compression={"type": "ZipDeflate"})
    output(move(archive, lake_dataset("t", "Binary", "kept")))
    assert names(raw / "kept") == ["x.zip/in/side.csv"]

    unpack = {
        "type": "BinaryReadSettings",
        "compressionProperties": {"type": "ZipDeflateReadSettings", "preserveZipFileNameAsFolder": False},
    }
    output(move(archive, lake_dataset("t", "Binary", "flat"), more_source={"formatSettings": unpack}))
    assert names(raw / "flat") == ["in/side.csv"]


def test_an_archive_that_leaves_its_folder_or_is_none_is_refused(move, raw):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil.csv", b"x")
    put(raw, "in/x.zip", buffer.getvalue())
    put(raw, "in/y.zip", b"no archive")
    for file in ("x.zip", "y.zip"):
        source = lake_dataset("s", "Binary", "in", file, compression={"type": "ZipDeflate"})
        assert "UserErrorUnzipInvalidFile" in message(move(source, lake_dataset("t", "Binary", "out")))
    assert not (raw / "out").exists() or names(raw / "out") == []


BAD = "id,name\n1,a\nx,b\n3,c\n4,d,e\n"


def test_a_bad_row_fails_a_copy_and_nothing_is_there(move, raw):
    put(raw, "in/a.csv", BAD)
    source, sink = (
        lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True),
        lake_dataset("t", "Parquet", "out"),
    )
    assert "ErrorCode=DelimitedTextMoreColumnsThanDefined" in message(move(source, sink))

    put(raw, "in/a.csv", "id\n1\nx\n")
    typed = mapping(({"name": "id"}, {"name": "id", "type": "Int32"}))
    said = message(move(source, sink, translator=typed))
    assert "ErrorCode=UserErrorInvalidDataValue,Column 'id' contains an invalid value 'x'" in said
    assert not (raw / "out").exists() or names(raw / "out") == []


def test_bad_rows_are_skipped_counted_and_logged_where_that_is_allowed(move, raw, lake):
    put(raw, "in/a.csv", BAD)
    log = {"enableCopyActivityLog": True, "copyActivityLogSettings": {"logLevel": "Warning", "enableReliableLogging": False},
           "logLocationSettings": {"linkedServiceName": LAKE, "path": "logs/here"}}  # fmt: skip
    result = move(
        lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True), lake_dataset("t", "Parquet", "out"),
        translator=mapping(({"name": "id"}, {"name": "id", "type": "Int32"}), ({"name": "name"}, {"name": "name"})),
        enableSkipIncompatibleRow=True, logSettings=log, validateDataConsistency=True,
        redirectIncompatibleRowSettings={"linkedServiceName": LAKE, "path": "logs/rows"},
    )  # fmt: skip
    found = output(result)

    assert pq.read_table(raw / "out/a.parquet").to_pylist() == [{"id": 1, "name": "a"}, {"id": 3, "name": "c"}]
    assert (found["rowsRead"], found["rowsCopied"], found["rowsSkipped"]) == (4, 2, 2)
    assert found["dataConsistencyVerification"] == {"VerificationResult": "Verified", "InconsistentData": "Skipped"}
    logs = lake.root / "acct" / "logs"
    [file] = list(logs.rglob("*.txt"))
    assert found["logFilePath"] == f"logs/here/copyactivity-logs/copy/{file.parent.name}/"
    lines = file.read_text().splitlines()
    assert lines[0] == "Timestamp,Level,OperationName,OperationItem,Message"
    assert len(lines) == 3 and all(",Warning,TabularRowSkip," in line for line in lines[1:])
    redirected = (lake.root / "acct" / found["redirectRowPath"]).read_text().splitlines()
    assert sorted(line.split(",")[0] for line in redirected) == ["4", "x"]


@pytest.mark.supports("store", "HttpServer")
def test_rows_come_over_http(run, act, web, raw):
    web.give("/a.csv", b"id\n1\n2\n")
    service = {"referenceName": "ls_web", "type": "LinkedServiceReference", "parameters": {"base_url": web.url}}
    source = {"name": "s", "properties": {"type": "DelimitedText", "linkedServiceName": service, "typeProperties": {
        "location": {"type": "HttpServerLocation", "relativeUrl": "a.csv"}, "firstRowAsHeader": True}}}  # fmt: skip
    activity = act(
        "copy", "Copy", inputs=[{"referenceName": "s", "type": "DatasetReference"}], outputs=[{"referenceName": "t", "type": "DatasetReference"}],
        source={"type": "DelimitedTextSource", "storeSettings": {"type": "HttpReadSettings", "requestMethod": "GET"}},
        sink={"type": "ParquetSink", "storeSettings": {"type": "AzureBlobFSWriteSettings"}},
    )  # fmt: skip
    found = output(run([activity], objects={"dataset": [source, lake_dataset("t", "Parquet", "out")]}))

    assert pq.read_table(raw / "out/a.parquet").to_pylist() == [{"id": "1"}, {"id": "2"}] and found["dataRead"] == 7


@pytest.mark.supports("activity", "Lookup")
@pytest.mark.parametrize("kind", ["Parquet", "Avro", "Xml", "Excel"])
def test_lookup_reads_the_formats_of_copy(run, act, move, raw, kind):
    if kind == "Xml":
        put(raw, "in/a", "<r>1</r>")
    elif kind == "Excel":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        book.active.append([1])
        (raw / "in").mkdir()
        book.save(raw / "in/a")
    else:
        put(raw, "csv/a.csv", "r\n1\n")
        output(
            move(
                lake_dataset("s", "DelimitedText", "csv", "a.csv", firstRowAsHeader=True),
                lake_dataset("t", kind, "in", "a"),
            )
        )
    reference = {"referenceName": "d", "type": "DatasetReference"}
    look = act(
        "look",
        "Lookup",
        source={"type": f"{kind}Source", "storeSettings": {"type": "AzureBlobFSReadSettings"}},
        dataset=reference,
        firstRowOnly=False,
    )
    result = run([look], objects={"dataset": [lake_dataset("d", kind, "in", "a")]})

    found = result.activities["look"]["output"]
    assert found["count"] == 1 and str(next(iter(found["value"][0].values()))) == "1"


def test_files_of_a_list_that_are_missing_are_skipped_where_that_is_allowed(move, raw, lake):
    put(raw, "in/a.bin", "x")
    put(raw, "list.txt", "a.bin\nb.bin\n")
    settings = {"read": {"fileListPath": "raw/list.txt"}}
    source, sink = lake_dataset("s", "Binary", "in"), lake_dataset("t", "Binary", "out")
    assert "UserErrorSourceBlobNotExist" in message(move(source, sink, **settings))

    log = {
        "copyActivityLogSettings": {"logLevel": "Info"},
        "logLocationSettings": {"linkedServiceName": LAKE, "path": "logs"},
    }
    found = output(
        move(
            source, sink, **settings, skipErrorFile={"fileMissing": True}, logSettings=log, validateDataConsistency=True
        )
    )
    assert (found["filesRead"], found["filesWritten"], found["filesSkipped"]) == (1, 1, 1)
    assert found["dataConsistencyVerification"] == {"VerificationResult": "Verified", "InconsistentData": "Skipped"}
    [file] = list((lake.root / "acct/logs").rglob("*.txt"))
    operations = [line.split(",")[1:3] for line in file.read_text().splitlines()]
    assert operations == [
        ["Level", "OperationName"],
        ["Info", "FileRead"],
        ["Info", "FileWrite"],
        ["Warning", "FileSkip"],
    ]


def test_rows_with_fewer_columns_stay_where_they_are_in_a_long_file(move, raw):
    rows = [f"{n}" if n % 997 == 0 else f"{n},1,2" if n % 1501 == 0 else f"{n},{'x' * 40}" for n in range(1, 250_000)]
    put(raw, "in/a.csv", "n,v\n" + "\n".join(rows))
    found = output(move(
        lake_dataset("s", "DelimitedText", "in", "a.csv", firstRowAsHeader=True), lake_dataset("t", "Parquet", "out"),
        enableSkipIncompatibleRow=True,
    ))  # fmt: skip

    table = pq.read_table(raw / "out/a.parquet")
    long = [n for n in range(1, 250_000) if n % 1501 == 0 and n % 997]
    assert (found["rowsRead"], found["rowsSkipped"]) == (249_999, len(long))
    assert [int(n) for n in table["n"].to_pylist()] == [n for n in range(1, 250_000) if n % 1501 or n % 997 == 0]
    assert table["v"].null_count == 249_999 // 997


def test_the_columns_of_compressed_text_are_told(run, act, raw):
    put(raw, "in/a.csv.gz", packed("gzip", b"a,b\n1,2\n"))
    data = lake_dataset("d", "DelimitedText", "in", "a.csv.gz", firstRowAsHeader=True, compressionCodec="gzip")
    ask = act("m", "GetMetadata", dataset={"referenceName": "d", "type": "DatasetReference"}, fieldList=["columnCount"])

    assert run([ask], objects={"dataset": [data]}).activities["m"]["output"] == {"columnCount": 2}


CHECKED = [
    (
        {"more_source": {"formatSettings": {"type": "DelimitedTextReadSettings", "skipLines": 1}}},
        "has no property 'skipLines'. Did you mean 'skipLineCount'?",
    ),
    ({"more_source": {"formatSettings": {"type": "JsonReadSettings"}}}, "Use DelimitedTextReadSettings."),
    ({"more_source": {"additionalColumns": [{"name": "a", "value": "$$FILENAME"}]}}, "no reserved value"),
    (
        {"more_sink": {"formatSettings": {"type": "ParquetWriteSettings", "filePattern": "x"}}},
        "has no property 'filePattern'",
    ),
    ({"more_sink": {"preCopyScript": "x"}}, "has no property 'preCopyScript'"),
    (
        {"translator": {"type": "TabularTranslator", "mapping": []}},
        "has no property 'mapping'. Did you mean 'mappings'?",
    ),
    (
        {"translator": mapping(({"name": "a"}, {"name": "b", "type": "Int23"}))},
        "'Int23' is no interim type. Did you mean 'Int32'?",
    ),
    ({"translator": mapping(({}, {"name": "b"}))}, "needs a name, ordinal or path"),
    ({"skipErrorFile": {"fileMissing": True}}, "skipErrorFile is for binary copies"),
    ({"preserve": ["Attributes"]}, "'preserve' of a copy of rows is not supported"),
    ({"logSettings": {"enableCopyActivityLog": True}}, "lack the property 'logLocationSettings'"),
    ({"enableStaging": True}, "'enableStaging' of Copy is not supported"),
    ({"write": {"copyBehaviour": "x"}}, "has no property 'copyBehaviour'"),
]


@pytest.mark.parametrize(("settings", "expected"), CHECKED, ids=[text for _, text in CHECKED])
def test_what_is_not_supported_is_found_before_the_run(move, raw, settings, expected):
    from reelhouse.errors import UserError

    with pytest.raises(UserError) as error:
        move(lake_dataset("s", "DelimitedText", "in"), lake_dataset("t", "Parquet", "out"), **settings)
    assert expected in str(error.value)


def test_a_source_that_does_not_fit_its_dataset_is_found_before_the_run(run, act, raw):
    from reelhouse.errors import UserError

    activity = act(
        "copy",
        "Copy",
        source={"type": "JsonSource"},
        sink={"type": "ParquetSink"},
        inputs=[{"referenceName": "s", "type": "DatasetReference"}],
        outputs=[{"referenceName": "t", "type": "DatasetReference"}],
    )
    with pytest.raises(UserError, match="A JsonSource does not fit a Parquet dataset"):
        run([activity], objects={"dataset": [lake_dataset("s", "Parquet", "in"), lake_dataset("t", "Parquet", "out")]})


KILLED = """
import sys
from pathlib import Path
from reelhouse.adf.factory import load_factory
from reelhouse.adf.run import run_pipeline
from reelhouse.adf.services import AdfServices
from reelhouse.runs.store import RunStore
from reelhouse.storage.lake import Lake

folder = Path(sys.argv[1])
runs = RunStore(f"sqlite:///{folder / 'runs.db'}")
result = run_pipeline(load_factory(folder / "factory"), "main", {}, AdfServices(Lake(folder / "lake"), runs))
print(result.status, flush=True)
"""


def test_a_copy_of_rows_that_is_killed_shows_nothing_and_the_next_completes(
    tmp_path, make_factory, act, raw, eventually
):
    reference = [{"referenceName": name, "type": "DatasetReference"} for name in ("s", "t")]
    activity = act(
        "copy",
        "Copy",
        source={"type": "JsonSource"},
        sink={"type": "JsonSink"},
        inputs=reference[:1],
        outputs=reference[1:],
    )
    make_factory(
        {"main": [activity]}, objects={"dataset": [lake_dataset("s", "Json", "in"), lake_dataset("t", "Json", "out")]}
    )
    put(raw, "in/a.json", "".join(json.dumps({"n": n, "text": "x" * 200}) + "\n" for n in range(400_000)))
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    out = raw / "out"
    eventually(lambda: out.exists() and any(path.stat().st_size for path in out.iterdir()))
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert [name.startswith(".a.json.") for name in names(out)] == [True]
    put(raw, "in/a.json", '{"n": 1}\n')
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "Succeeded", done.stderr
    assert (out / "a.json").read_text() == '{"n":1}\n'


FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
"""


def test_a_copy_for_which_there_is_no_room_fails_and_shows_nothing(tmp_path, make_factory, act, raw):
    put(raw, "in/a.csv", "n\n" + "".join(f"{n:09}\n" for n in range(100_000)))
    reference = [{"referenceName": name, "type": "DatasetReference"} for name in ("s", "t")]
    activity = act(
        "copy",
        "Copy",
        source={"type": "DelimitedTextSource"},
        sink={"type": "DelimitedTextSink"},
        inputs=reference[:1],
        outputs=reference[1:],
    )
    make_factory(
        {"main": [activity]},
        objects={"dataset": [lake_dataset("s", "DelimitedText", "in"), lake_dataset("t", "DelimitedText", "out")]},
    )
    done = subprocess.run(
        [sys.executable, "-c", FULL + KILLED + "print(result.message)", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.startswith("Failed"), done.stderr
    assert "File too large" in done.stdout
    assert names(raw / "out") == []
