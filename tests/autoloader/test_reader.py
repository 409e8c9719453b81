"""Plans that read files, run on the embedded engine."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.reader import scan
from reelhouse.autoloader.request import FileEntry, Request, decode
from reelhouse.autoloader.source import plan_partitions

HEADER = {"header": "true"}


def test_every_type_arrives_as_itself(tmp_path: Path, entry: Any, table: Any) -> None:
    file = entry(
        tmp_path / "a.csv",
        "s,b,i1,i2,i4,i8,f,d,n,on,at,local\nx,true,1,2,3,4,1.5,2.5,12.345,2020-01-02,"
        "2020-01-02T03:04:05.6Z,2020-01-02 03:04:05\n",
    )
    schema = (
        "s string, b boolean, i1 tinyint, i2 smallint, i4 int, i8 bigint, f float, d double, n decimal(10,2), on date, "
        "at timestamp, local timestamp_ntz"
    )

    frame = table(scan([file], "csv", HEADER, schema))

    assert [kind for _, kind in frame.dtypes] == [
        *("string", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)", "date"),
        *("timestamp", "timestamp_ntz"),
    ]
    row = frame.selectExpr("*", "cast(at as string) t").collect()[0]
    assert (row.s, row.b, row.i1, row.i2, row.i4, row.i8, row.f, row.d) == ("x", True, 1, 2, 3, 4, 1.5, 2.5)
    assert (row.n, row.on) == (Decimal("12.35"), dt.date(2020, 1, 2))
    assert row.t.startswith("2020-01-02 03:04:05.6")
    assert row.local == dt.datetime(2020, 1, 2, 3, 4, 5)


def test_special_columns_keep_the_place_that_the_schema_gives_them(tmp_path: Path, entry: Any, table: Any) -> None:
    file = entry(tmp_path / "a.csv", "id,x\n1,2\n")

    frame = table(
        scan(
            [file],
            "csv",
            HEADER,
            "_corrupt_record string, id string",
            rescued="_rescued_data",
            corrupt="_corrupt_record",
        )
    )

    assert frame.columns == ["_corrupt_record", "id", "_rescued_data"]


def test_metadata_is_there_only_when_asked_for(tmp_path: Path, entry: Any, table: Any) -> None:
    file = entry(tmp_path / "a b.csv", "id\n1\n", url="abfss://raw@acc.dfs.core.windows.net/in/a b.csv")

    plain = table(scan([file], "csv", HEADER, "id string"))
    metadata = table(scan([file], "csv", HEADER, "id string", metadata=True)).select("_metadata.*")

    assert plain.columns == ["id"]
    row = metadata.collect()[0]
    assert row.file_path == "abfss://raw@acc.dfs.core.windows.net/in/a b.csv"
    assert (row.file_name, row.file_size, row.file_block_start, row.file_block_length) == ("a b.csv", 5, 0, 5)
    assert metadata.dtypes[-1] == ("file_modification_time", "timestamp")
    seconds = metadata.selectExpr("cast(file_modification_time as double) s").collect()[0].s
    assert abs(seconds - file.modified_ms / 1000) < 0.001


def test_nested_json_becomes_structs_and_arrays(tmp_path: Path, entry: Any, table: Any) -> None:
    file = entry(tmp_path / "a.json", '{"s":{"x":1,"y":["a","b"]},"m":{"k":2}}\n')

    rows = table(scan([file], "json", {}, "s struct<x: int, y: array<string>>, m map<string, int>")).collect()

    assert rows[0].s.asDict() == {"x": 1, "y": ["a", "b"]}
    assert rows[0].m == {"k": 2}


def test_nested_parquet_becomes_structs_and_arrays(tmp_path: Path, entry: Any, table: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": [1], "s": [{"x": 1, "y": ["a"]}]}), tmp_path / "a.parquet")

    rows = table(
        scan([entry(tmp_path / "a.parquet")], "parquet", {}, "id bigint, s struct<x: bigint, y: array<string>>")
    )

    assert rows.collect()[0].s.asDict() == {"x": 1, "y": ["a"]}


def test_partition_columns_come_from_the_entry(tmp_path: Path, entry: Any, table: Any) -> None:
    one = entry(tmp_path / "1.csv", "id\n1\n", partition={"month": "5"})
    two = entry(tmp_path / "2.csv", "id\n2\n", partition={"month": None})

    rows = table(scan([one, two], "csv", HEADER, "id int, month int", partition_columns=["month"])).collect()

    assert sorted((row.id, row.month) for row in rows) == [(1, 5), (2, None)]


def test_no_files_are_no_rows_of_the_schema(table: Any) -> None:
    frame = table(scan([], "csv", HEADER, "id int, at timestamp", rescued="_rescued_data"))

    assert frame.count() == 0
    assert frame.columns == ["id", "at", "_rescued_data"]


def test_names_with_quotes_dots_and_blanks_pass(tmp_path: Path, entry: Any, table: Any) -> None:
    file = entry(tmp_path / "a.csv", "a.b,c `d`,é\n1,2,3\n")

    row = table(scan([file], "csv", HEADER, "`a.b` int, `c ``d``` int, `é` int")).collect()[0]

    assert row.asDict() == {"a.b": 1, "c `d`": 2, "é": 3}


def test_an_error_of_the_reader_reaches_the_user_with_its_words(tmp_path: Path, entry: Any, table: Any) -> None:
    file = entry(tmp_path / "a.csv", "id,name\n1\n")

    with pytest.raises(Exception, match="MALFORMED_RECORD_IN_PARSING"):
        table(scan([file], "csv", {**HEADER, "mode": "FAILFAST"}, "id int, name string")).collect()


def test_a_large_request_survives_its_way_through_the_plan() -> None:
    files = tuple(FileEntry(f"/data/{'x' * 80}/{at}.csv", at, at, partition={"m": str(at)}) for at in range(3000))
    request = Request(files, "csv", {"header": "true"}, (), rescued="_r")

    text = request.encode()

    assert decode(text) == request
    assert len(text) < 100_000


def test_pieces_cover_every_byte_once_and_partitions_are_of_similar_size(tmp_path: Path, entry: Any) -> None:
    big = entry(tmp_path / "big.csv", "id\n" + "1234567\n" * 2_000_000)
    small = [entry(tmp_path / f"{at}.csv", "id\n1\n") for at in range(5)]

    groups = plan_partitions(Request((big, *small), "csv", HEADER, (), parallel=2))

    pieces = sorted(piece for group in groups for piece in group)
    of_big = [piece for piece in pieces if piece[0] == 0]
    assert of_big[0][1] == 0 and of_big[-1][2] == big.size
    assert all(one[2] == two[1] for one, two in itertools.pairwise(of_big))
    assert [piece[0] for piece in pieces if piece[0]] == [1, 2, 3, 4, 5]
    sizes = [sum(end - start for _, start, end in group) for group in groups]
    assert len(groups) == 2 and min(sizes) > max(sizes) * 0.8


def test_a_file_read_in_parts_gives_each_row_once(tmp_path: Path, entry: Any, table: Any) -> None:
    rows = 1_200_000
    file = entry(tmp_path / "big.csv", "id,t\n" + "".join(f'{at},"x"\n' for at in range(rows)))

    frame = table(scan([file], "csv", {**HEADER, "escape": '"'}, "id bigint, t string", parallel=2))

    assert frame.selectExpr("count(*)", "count(distinct id)", "sum(id)").collect()[0] == (
        rows,
        rows,
        rows * (rows - 1) // 2,
    )
