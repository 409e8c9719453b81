"""`spark.read` of files as plain Spark means it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.batch import batch_read, infer_batch_schema, resolve
from reelhouse.errors import Unsupported, UserError
from reelhouse.storage.lake import Lake

HEADER = {"header": "true"}


def test_columns_are_found_by_position_whatever_the_header_says(
    tmp_path: Path, entry: Any, lake: Lake, table: Any
) -> None:
    file = entry(tmp_path / "a.csv", "type,id\nMovie,1\n")

    rows = table(batch_read("csv", HEADER, "id string, type string", [file.path], lake)).collect()

    assert rows[0].asDict() == {"id": "Movie", "type": "1"}


def test_without_schema_columns_are_strings_named_by_the_first_file(
    tmp_path: Path, entry: Any, lake: Lake, table: Any
) -> None:
    entry(tmp_path / "1.csv", "id,,id\n1,2,3\n")
    entry(tmp_path / "2.csv", "x,y,z\n4,5,6\n")

    frame = table(batch_read("csv", HEADER, None, [str(tmp_path)], lake))

    assert frame.columns == ["id0", "_c1", "id2"]
    assert sorted(tuple(row) for row in frame.collect()) == [("1", "2", "3"), ("4", "5", "6")]


def test_without_header_columns_are_numbered(tmp_path: Path, entry: Any, lake: Lake, table: Any) -> None:
    file = entry(tmp_path / "a.csv", "1,2\n")

    assert [row.asDict() for row in table(batch_read("csv", {}, None, [file.path], lake)).collect()] == [
        {"_c0": "1", "_c1": "2"}
    ]


def test_types_are_inferred_on_demand(tmp_path: Path, entry: Any, lake: Lake) -> None:
    file = entry(tmp_path / "a.csv", "i,d,on,s,m\n1,1.5,2020-01-02,x,1\n2,2,2020-01-03,,true\n")

    schema = infer_batch_schema("csv", {**HEADER, "inferSchema": "true"}, [file.path], lake)

    assert schema == "`i` int, `d` double, `on` date, `s` string, `m` string"


def test_json_columns_are_sorted_by_name_and_typed(tmp_path: Path, entry: Any, lake: Lake) -> None:
    file = entry(tmp_path / "a.json", '{"b":1,"a":{"z":true,"y":"s"}}\n{"b":1.5}\n{oops\n')

    schema = infer_batch_schema("json", {}, [file.path], lake)

    assert schema == "`_corrupt_record` string, `a` struct<`y`:string,`z`:boolean>, `b` double"


def test_malformed_rows_are_kept_as_text_when_the_schema_asks(
    tmp_path: Path, entry: Any, lake: Lake, table: Any
) -> None:
    file = entry(tmp_path / "a.csv", "1,x\n2\n")

    rows = table(batch_read("csv", {}, "id int, _corrupt_record string, name string", [file.path], lake)).collect()

    assert sorted(tuple(row) for row in rows) == [(1, None, "x"), (2, "2", None)]


def test_a_folder_gives_its_own_files_without_hidden_ones(tmp_path: Path, entry: Any, lake: Lake) -> None:
    for name in ("a.csv", "_hidden.csv", ".hidden.csv", "deep/b.csv"):
        entry(tmp_path / name, "1\n")

    def names(options: dict[str, str]) -> list[str]:
        source = resolve("csv", options, "id int", [str(tmp_path)], lake)
        return [os.path.relpath(file.path, tmp_path) for file in source.files]

    assert names({}) == ["a.csv"]
    assert names({"recursiveFileLookup": "true"}) == ["a.csv", "deep/b.csv"]


def test_globs_name_filters_and_times_choose_files(tmp_path: Path, entry: Any, lake: Lake) -> None:
    for name, seconds in (("a1.csv", 1_600_000_000), ("a2.csv", 1_700_000_000), ("b.txt", 1_700_000_000)):
        os.utime(entry(tmp_path / name, "1\n").path, (seconds, seconds))

    def names(path: str, **options: str) -> list[str]:
        return [os.path.basename(f.path) for f in resolve("csv", options, "id int", [path], lake).files]

    assert names(f"{tmp_path}/a*.csv") == ["a1.csv", "a2.csv"]
    assert names(f"{tmp_path}/{{a1,b}}.*") == ["a1.csv", "b.txt"]
    assert names(str(tmp_path), pathGlobFilter="*.csv") == ["a1.csv", "a2.csv"]
    assert names(str(tmp_path), modifiedAfter="2022-01-01T00:00:00") == ["a2.csv", "b.txt"]
    assert names(str(tmp_path), modifiedBefore="2022-01-01T00:00:00") == ["a1.csv"]


def test_folders_named_as_partitions_become_typed_columns(tmp_path: Path, entry: Any, lake: Lake, table: Any) -> None:
    entry(tmp_path / "year=2020/a.csv", "1\n")
    entry(tmp_path / "year=2021/a.csv", "2\n")

    frame = table(batch_read("csv", {}, "id int", [str(tmp_path)], lake))

    assert frame.dtypes == [("id", "int"), ("year", "int")]
    assert sorted(tuple(row) for row in frame.collect()) == [(1, 2020), (2, 2021)]


def test_an_address_of_the_lake_is_read_where_it_lies(entry: Any, lake: Lake, table: Any) -> None:
    url = "abfss://raw@acc.dfs.core.windows.net/in"
    entry(Path(lake.local(url)) / "a.csv", "1\n")

    rows = table(batch_read("csv", {}, "id int", [url], lake, metadata=True)).select("_metadata.file_path").collect()

    assert rows[0].file_path == f"{url}/a.csv"


def test_a_path_without_anything_is_refused(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(UserError, match=r"PATH_NOT_FOUND.*nowhere"):
        batch_read("csv", {}, "id int", [f"{tmp_path}/nowhere"], lake)


def test_an_unknown_format_is_refused_by_name(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(Unsupported, match="xml"):
        batch_read("xml", {}, "id int", [str(tmp_path)], lake)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a", "b", "c", "", "d"]),
        ({"wholetext": "true"}, ["a\nb\r\nc\n\nd"]),
        ({"lineSep": "b"}, ["a\n", "\r\nc\n\nd"]),
    ],
)
def test_text_is_lines_or_whole_files(
    options: dict[str, str], expected: list[str], tmp_path: Path, entry: Any, lake: Lake, table: Any
) -> None:
    file = entry(tmp_path / "a.txt", "a\nb\r\nc\n\nd")

    assert [row.value for row in table(batch_read("text", options, None, [file.path], lake)).collect()] == expected


def test_data_that_does_not_fit_is_rescued_on_demand(tmp_path: Path, entry: Any, lake: Lake, table: Any) -> None:
    file = entry(tmp_path / "a.json", '{"a":"x","b":2}\n')

    row = table(batch_read("json", {"rescuedDataColumn": "_r"}, "a int", [file.path], lake)).collect()[0]

    assert row.a is None
    assert row._r == f'{{"b":2,"a":"x","_file_path":"{file.path}"}}'


def test_merging_schemas_is_refused_by_name(tmp_path: Path, entry: Any, lake: Lake) -> None:
    with pytest.raises(Unsupported, match="mergeSchema"):
        batch_read("csv", {"mergeSchema": "true"}, None, [entry(tmp_path / "a.csv", "1\n").path], lake)
