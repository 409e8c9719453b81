"""What does not fit the schema: the rescued data column, the corrupt record column, modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelhouse.errors import UserError

HEADER = {"header": "true"}
RESCUED = {"rescued": "_rescued_data"}


def test_a_clean_row_has_null(tmp_path: Path, entry: Any, read: Any) -> None:
    rows = read([entry(tmp_path / "a.csv", "id,name\n1,x\n")], "csv", HEADER, "id int, name string", **RESCUED)

    assert rows == [{"id": 1, "name": "x", "_rescued_data": None}]


def test_a_column_that_the_schema_lacks_is_rescued_with_the_files_address(
    tmp_path: Path, entry: Any, read: Any
) -> None:
    file = entry(tmp_path / "a.csv", "id,Extra\n1,x\n2,\n", url="abfss://raw@acc.dfs.core.windows.net/a.csv")

    rows = read([file], "csv", HEADER, "id int", **RESCUED)

    assert json.loads(rows[0]["_rescued_data"]) == {
        "Extra": "x",
        "_file_path": "abfss://raw@acc.dfs.core.windows.net/a.csv",
    }
    assert rows[1]["_rescued_data"] is None


def test_two_bad_fields_of_one_row_make_one_object_and_two_nulls(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "price,on\n$100.00,soon\n5,2020-01-02\n")

    rows = read([file], "csv", HEADER, "price double, on date", **RESCUED)

    rescued = json.loads(rows[0]["_rescued_data"])
    assert (rows[0]["price"], rows[0]["on"]) == (None, None)
    assert (rescued["price"], rescued["on"]) == ("$100.00", "soon")
    assert rows[1]["price"] == 5.0
    assert rows[1]["_rescued_data"] is None


def test_the_path_can_be_left_out(tmp_path: Path, entry: Any, read: Any) -> None:
    options = {**HEADER, "rescuedDataColumn.filePath.enabled": "false"}

    rows = read([entry(tmp_path / "a.csv", "id,x\n1,2\n")], "csv", options, "id int", **RESCUED)

    assert rows[0]["_rescued_data"] == '{"x":"2"}'


def test_another_spelling_is_rescued(tmp_path: Path, entry: Any, read: Any) -> None:
    rows = read([entry(tmp_path / "a.csv", "ID\n1\n")], "csv", HEADER, "id string", **RESCUED)

    assert rows[0]["id"] is None
    assert json.loads(rows[0]["_rescued_data"])["ID"] == "1"


def test_another_spelling_is_the_column_when_case_does_not_matter(tmp_path: Path, entry: Any, read: Any) -> None:
    options = {**HEADER, "readerCaseSensitive": "false"}

    rows = read([entry(tmp_path / "a.csv", "ID\n1\n")], "csv", options, "id string", **RESCUED)

    assert rows == [{"id": "1", "_rescued_data": None}]


@pytest.mark.parametrize("mode", ["DROPMALFORMED", "FAILFAST"])
def test_with_rescue_a_type_that_does_not_fit_neither_drops_nor_fails(
    mode: str, tmp_path: Path, entry: Any, read: Any
) -> None:
    rows = read([entry(tmp_path / "a.csv", "id\nx\n")], "csv", {**HEADER, "mode": mode}, "id int", **RESCUED)

    assert rows[0]["id"] is None
    assert json.loads(rows[0]["_rescued_data"])["id"] == "x"


def test_a_row_of_another_length_is_corrupt_and_not_rescued(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "id,name\n1,x,more\n2\n3,z\n")

    rows = read([file], "csv", HEADER, "id int, name string", corrupt="_corrupt_record", **RESCUED)

    assert [(row["id"], row["name"], row["_corrupt_record"]) for row in rows] == [
        (1, "x", "1,x,more"),
        (2, None, "2"),
        (3, "z", None),
    ]
    assert all(row["_rescued_data"] is None for row in rows)


def test_a_row_of_another_length_is_dropped_in_dropmalformed(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "id,name\n1,x,more\n3,z\n")

    assert read([file], "csv", {**HEADER, "mode": "DROPMALFORMED"}, "id int, name string") == [{"id": 3, "name": "z"}]


def test_a_row_of_another_length_fails_in_failfast_naming_file_and_text(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "id,name\n1,x,more\n")

    with pytest.raises(
        UserError,
        match=r"A record has 3 values in place of 2.*1,x,more.*PERMISSIVE.*/a\.csv",
    ):
        read([file], "csv", {**HEADER, "mode": "FAILFAST"}, "id int, name string")


def test_without_rescue_a_value_that_does_not_fit_is_null_and_its_record_is_kept_as_text(
    tmp_path: Path, entry: Any, read: Any
) -> None:
    file = entry(tmp_path / "a.csv", 'id,name\nx,"a, b"\n7,y\n')

    rows = read([file], "csv", HEADER, "id int, name string", corrupt="_corrupt_record")

    assert rows[0] == {"id": None, "name": "a, b", "_corrupt_record": 'x,"a, b"'}
    assert rows[1] == {"id": 7, "name": "y", "_corrupt_record": None}


def test_columns_in_another_order_are_found_by_name(tmp_path: Path, entry: Any, read: Any) -> None:
    one = entry(tmp_path / "1.csv", "id,type\n1,Movie\n")
    two = entry(tmp_path / "2.csv", "type,id\nTV Show,2\n")

    rows = read([one, two], "csv", HEADER, "id string, type string")

    assert sorted((row["id"], row["type"]) for row in rows) == [("1", "Movie"), ("2", "TV Show")]


def test_a_column_that_a_file_lacks_is_null(tmp_path: Path, entry: Any, read: Any) -> None:
    rows = read([entry(tmp_path / "a.csv", "id\n1\n")], "csv", HEADER, "id string, gone int", **RESCUED)

    assert rows == [{"id": "1", "gone": None, "_rescued_data": None}]


def test_without_header_a_given_schema_is_by_position(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "1,x,more\n")

    rows = read([file], "csv", {}, "id int, name string", **RESCUED)

    assert (rows[0]["id"], rows[0]["name"]) == (1, "x")
    assert json.loads(rows[0]["_rescued_data"])["_c2"] == "more"


def test_without_header_an_inferred_schema_numbers_the_columns(tmp_path: Path, entry: Any, read: Any) -> None:
    rows = read([entry(tmp_path / "a.csv", "1,x\n")], "csv", {}, "_c1 string, _c0 int", **RESCUED)

    assert rows == [{"_c1": "x", "_c0": 1, "_rescued_data": None}]


def test_json_values_are_rescued_as_they_stand(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.json", '{"id":"7","tags":[1, 2.50]}\n')

    rows = read([file], "json", {}, "id int", rescued="_rescued_data")

    assert rows[0]["id"] is None
    assert rows[0]["_rescued_data"] == f'{{"tags":[1, 2.50],"id":"7","_file_path":"{tmp_path}/a.json"}}'


def test_parquet_values_of_another_type_are_rescued(tmp_path: Path, entry: Any, read: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": ["x"], "n": pa.array([3], pa.int32()), "new": [1.5]}), tmp_path / "a.parquet")

    rows = read([entry(tmp_path / "a.parquet")], "parquet", {}, "id bigint, n bigint", rescued="_rescued_data")

    assert (rows[0]["id"], rows[0]["n"]) == (None, 3)
    assert json.loads(rows[0]["_rescued_data"]) == {"id": "x", "new": 1.5, "_file_path": f"{tmp_path}/a.parquet"}


def test_a_file_that_is_gone_is_an_error_unless_it_may_be_missing(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "id\n1\n")
    Path(file.path).unlink()

    with pytest.raises(UserError, match=r"a\.csv .* is gone"):
        read([file], "csv", HEADER, "id int")
    assert read([file], "csv", {**HEADER, "ignoreMissingFiles": "true"}, "id int") == []


def test_a_file_that_is_no_parquet_is_an_error_unless_corrupt_files_are_skipped(
    tmp_path: Path, entry: Any, read: Any
) -> None:
    file = entry(tmp_path / "a.parquet", "no parquet")

    with pytest.raises(UserError, match=r"a\.parquet cannot be read as parquet"):
        read([file], "parquet", {}, "id int")
    assert read([file], "parquet", {"ignoreCorruptFiles": "true"}, "id int") == []


def test_binary_files_are_one_row_each(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.bin", b"\x00\x01")

    rows = read([file], "binaryfile", {}, "path string, modificationTime timestamp, length bigint, content binary")

    assert rows == [
        {"path": file.path, "modificationTime": file.modified_ms * 1000, "length": 2, "content": b"\x00\x01"}
    ]
