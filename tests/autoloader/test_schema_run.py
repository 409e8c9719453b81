"""A source's schema over several starts: inferred, logged, grown."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.options import CloudFiles, cloud_files
from reelhouse.autoloader.request import FileEntry
from reelhouse.autoloader.run import check_files, open_schema
from reelhouse.autoloader.schema import UnknownFieldException
from reelhouse.autoloader.schema_log import SchemaLog
from reelhouse.errors import UserError


def options(**more: str) -> CloudFiles:
    return cloud_files({"cloudFiles.format": "csv", **{f"cloudFiles.{name}": value for name, value in more.items()}})


def nothing() -> Sequence[FileEntry]:
    raise AssertionError("the schema was inferred again")


def test_the_first_start_infers_all_columns_as_strings_and_logs_them(tmp_path: Path, entry: Any) -> None:
    files = [entry(tmp_path / "a.csv", "id,year\n1,2020\n"), entry(tmp_path / "b.csv", "year,title\n2,x\n")]
    log = SchemaLog(str(tmp_path / "s"))

    schema = open_schema(options(), None, log, lambda: files)

    assert schema.columns == (
        ("id", "string"),
        ("year", "string"),
        ("title", "string"),
        ("_rescued_data", "string"),
    )
    version, document = (tmp_path / "s/_schemas/0").read_text().split("\n")
    assert version == "v1"
    names = [field["name"] for field in json.loads(json.loads(document)["dataSchemaJson"])["fields"]]
    assert names == ["id", "year", "title"]


def test_later_starts_take_the_logged_schema(tmp_path: Path, entry: Any) -> None:
    log = SchemaLog(str(tmp_path / "s"))
    first = open_schema(options(), None, log, lambda: [entry(tmp_path / "a.csv", "id\n1\n")])

    assert open_schema(options(), None, log, nothing) == first


def test_types_are_inferred_on_demand(tmp_path: Path, entry: Any) -> None:
    file = entry(
        tmp_path / "a.csv", "i,l,d,on,at,b,s\n1,3000000000,1.5,2020-01-02,2020-01-02T03:04:05,true,x\n,,,,,,\n"
    )

    schema = open_schema(options(inferColumnTypes="true"), None, SchemaLog(str(tmp_path / "s")), lambda: [file])

    assert schema.data == (
        ("i", "int"),
        ("l", "bigint"),
        ("d", "double"),
        ("on", "date"),
        ("at", "timestamp"),
        ("b", "boolean"),
        ("s", "string"),
    )


def test_a_new_column_is_logged_before_the_stream_stops_and_the_next_start_has_it_last(
    tmp_path: Path, entry: Any
) -> None:
    log = SchemaLog(str(tmp_path / "s"))
    chosen = options(schemaHints="_corrupt_record string")
    schema = open_schema(chosen, None, log, lambda: [entry(tmp_path / "a.csv", "id\n1\n")])
    grown = [entry(tmp_path / "b.csv", "extra,id\nx,2\n")]

    with pytest.raises(UnknownFieldException, match=r"NEW_FIELDS_IN_FILE.*\[extra\]"):
        check_files(schema, chosen, grown, log)
    again = open_schema(chosen, None, log, nothing)

    assert again.number == 1
    assert [name for name, _ in again.columns] == ["id", "_corrupt_record", "extra", "_rescued_data"]
    assert again.corrupt == "_corrupt_record"
    check_files(again, chosen, grown, log)


def test_two_runs_that_grow_at_once_write_one_schema(tmp_path: Path) -> None:
    log = SchemaLog(str(tmp_path / "s"))
    won: list[bool] = []
    barrier = threading.Barrier(4)

    def put(name: str) -> None:
        barrier.wait()
        won.append(log.put(0, ((name, "string"),), ()))

    threads = [threading.Thread(target=put, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False, False, False, True]
    assert [path.name for path in (tmp_path / "s/_schemas").iterdir()] == ["0"]


def test_fail_on_new_columns_fails_at_every_start_and_logs_nothing(tmp_path: Path, entry: Any) -> None:
    log = SchemaLog(str(tmp_path / "s"))
    chosen = options(schemaEvolutionMode="failOnNewColumns")
    schema = open_schema(chosen, None, log, lambda: [entry(tmp_path / "a.csv", "id\n1\n")])
    grown = [entry(tmp_path / "b.csv", "id,extra\n2,x\n")]

    for _ in range(2):
        with pytest.raises(UnknownFieldException, match="retry: false"):
            check_files(schema, chosen, grown, log)
    latest = log.latest()
    assert latest is not None and latest.number == 0


def test_a_new_column_gets_an_inferred_type_when_types_are_inferred(tmp_path: Path, entry: Any) -> None:
    log = SchemaLog(str(tmp_path / "s"))
    chosen = options(inferColumnTypes="true")
    schema = open_schema(chosen, None, log, lambda: [entry(tmp_path / "a.csv", "id\n1\n")])

    with pytest.raises(UnknownFieldException, match="struct<n:double>"):
        check_files(schema, chosen, [entry(tmp_path / "b.csv", "id,n\n1,2.5\n")], log)


def test_partition_columns_come_from_folders_and_follow_the_data(tmp_path: Path, entry: Any) -> None:
    file = entry(tmp_path / "a.csv", "id\n1\n", partition={"month": "5"})

    schema = open_schema(options(), None, SchemaLog(str(tmp_path / "s")), lambda: [file])
    without = open_schema(options(partitionColumns=""), None, SchemaLog(str(tmp_path / "t")), lambda: [file])

    assert schema.partitions == (("month", "string"),)
    assert [name for name, _ in schema.columns] == ["id", "month", "_rescued_data"]
    assert without.partitions == ()


def test_a_users_schema_needs_no_schema_location_and_has_no_rescued_column(tmp_path: Path) -> None:
    chosen = cloud_files({"cloudFiles.format": "csv"}, has_user_schema=True)

    schema = open_schema(chosen, "id int, name string", None, nothing)

    assert (schema.mode, schema.rescued, schema.columns) == ("none", None, (("id", "int"), ("name", "string")))


def test_inference_without_schema_location_is_refused() -> None:
    with pytest.raises(UserError, match=r"cloudFiles\.schemaLocation"):
        open_schema(options(), None, None, nothing)


def test_inference_on_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE"):
        open_schema(options(), None, SchemaLog(str(tmp_path / "s")), list)


def test_json_without_types_keeps_nested_values_as_strings(tmp_path: Path, entry: Any) -> None:
    chosen = cloud_files({"cloudFiles.format": "json"})
    file = entry(tmp_path / "a.json", '{"b":{"x":1},"a":2}\n')

    schema = open_schema(chosen, None, SchemaLog(str(tmp_path / "s")), lambda: [file])

    assert schema.data == (("b", "string"), ("a", "string"))


def test_json_with_types_makes_structs_and_arrays(tmp_path: Path, entry: Any) -> None:
    chosen = cloud_files({"cloudFiles.format": "json", "cloudFiles.inferColumnTypes": "true"})
    file = entry(tmp_path / "a.json", '{"b":{"x":1,"y":[1.5,2]},"a":2}\n{"a":2.5,"c":null}\n')

    schema = open_schema(chosen, None, SchemaLog(str(tmp_path / "s")), lambda: [file])

    assert schema.data == (("b", "struct<`x`:bigint,`y`:array<double>>"), ("a", "double"), ("c", "string"))


def test_text_has_one_column(tmp_path: Path) -> None:
    assert open_schema(cloud_files({"cloudFiles.format": "text"}), None, None, nothing).columns == (
        ("value", "string"),
    )


@pytest.mark.parametrize("name", ["text", "binaryFile"])
def test_formats_with_a_fixed_schema_rescue_nothing_unless_asked(tmp_path: Path, entry: Any, name: str) -> None:
    file = entry(tmp_path / "day=2" / "a.txt", "x\n", partition={"day": "2"})
    log = SchemaLog(str(tmp_path / "s"))

    schema = open_schema(cloud_files({"cloudFiles.format": name}), None, log, lambda: [file])

    assert schema.rescued is None and schema.mode == "none"
    assert schema.columns[-1] == ("day", "int") and "_rescued_data" not in dict(schema.columns)
    asked = cloud_files({"cloudFiles.format": name, "rescuedDataColumn": "_r"})
    assert open_schema(asked, None, log, nothing).columns[-1] == ("_r", "string")


@pytest.mark.parametrize(
    ("hints", "told"),
    [
        ("a nosuch", "type 'nosuch' of column 'a' in cloudFiles.schemaHints does not exist"),
        ("a strin", "Did you mean 'string'?"),
        ("a array<struct<x: int, y: bigit>>", "type 'bigit' .* Did you mean 'bigint'?"),
        ("a decimal(50,2)", "decimal"),
        ("a map<string>", "map<string>"),
    ],
)
def test_a_hint_of_no_type_is_refused_before_files_are_looked_at(tmp_path: Path, hints: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        open_schema(options(schemaHints=hints), None, SchemaLog(str(tmp_path / "s")), nothing)


def test_a_schema_with_a_column_of_no_type_is_refused() -> None:
    with pytest.raises(UserError, match="'nosuch' of column 'a' in the schema"):
        open_schema(options(), "a nosuch, b int", None, nothing)


@pytest.mark.parametrize(
    "kind", ["DECIMAL(10, 2)", "varchar(20)", "MAP<STRING, ARRAY<STRUCT<a: INT, `b c`: timestamp_ntz>>>", "variant"]
)
def test_types_of_every_kind_are_hints(tmp_path: Path, entry: Any, kind: str) -> None:
    file = entry(tmp_path / "a.csv", "a\n1\n")

    assert open_schema(options(schemaHints=f"a {kind}"), None, SchemaLog(str(tmp_path / "s")), lambda: [file]).data
