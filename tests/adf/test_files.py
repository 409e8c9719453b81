"""Activities on files of the lake: Lookup, GetMetadata, Validation, Delete, Copy."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reelhouse.adf.delimited import Dialect, read_rows
from reelhouse.adf.files import wildcard
from reelhouse.lineage.event import Dataset
from reelhouse.runs.record import RunStatus


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# Lookup


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('{"a": 1}{"a": 2}\n{"a": 3}', [{"a": 1}, {"a": 2}, {"a": 3}]),
        ('\ufeff{"a": "é"}\n', [{"a": "é"}]),
        ("", []),
    ],
)
@pytest.mark.supports("activity", "Lookup")
@pytest.mark.supports("dataset", "Json")
@pytest.mark.supports("format", "Json")
def test_lookup_reads_json_objects_in_every_arrangement(run, raw, act, dataset, text, rows):
    put(raw, "a/b.json", text)
    reference = dataset("ds_json", folder="a", file="b.json")
    result = run(
        [
            act("all", "Lookup", source={"type": "JsonSource"}, dataset=reference, firstRowOnly=False),
            act("one", "Lookup", source={"type": "JsonSource"}, dataset=reference),
        ]
    )

    assert result.activities["all"]["output"] == {"count": len(rows), "value": rows}
    assert result.activities["one"]["output"] == ({"firstRow": rows[0]} if rows else {})


@pytest.mark.supports("activity", "Lookup")
@pytest.mark.supports("dataset", "DelimitedText")
@pytest.mark.supports("format", "DelimitedText")
def test_lookup_reads_delimited_text_with_and_without_header(run, raw, act, dataset):
    put(raw, "a/b.csv", 'x,y\n1,"a ""b""\nc"\n2,\n')
    source = {
        "type": "DelimitedTextSource",
        "storeSettings": {"type": "AzureBlobFSReadSettings"},
        "formatSettings": {"type": "DelimitedTextReadSettings"},
    }
    result = run(
        [
            act(
                "named",
                "Lookup",
                source=source,
                dataset=dataset("ds_rfc", folder="a", file="b.csv"),
                firstRowOnly=False,
            ),
            act(
                "bare", "Lookup", source=source, dataset=dataset("ds_rows", folder="a", file="b.csv"), firstRowOnly=True
            ),
        ]
    )

    assert result.activities["named"]["output"]["value"] == [{"x": "1", "y": 'a "b"\nc'}, {"x": "2", "y": None}]
    assert result.activities["bare"]["output"]["firstRow"] == {"Prop_0": "x", "Prop_1": "y"}


def test_lookup_stops_at_5000_rows_and_refuses_more_than_4_mb(run, raw, act, dataset):
    put(raw, "a/many.csv", "x\n" + "1\n" * 6000)
    put(raw, "a/big.csv", "x\n" + "y" * 5_000_000 + "\n")
    source = {"type": "DelimitedTextSource"}
    result = run(
        [
            act(
                "many",
                "Lookup",
                source=source,
                dataset=dataset("ds_text", folder="a", file="many.csv"),
                firstRowOnly=False,
            ),
            act("big", "Lookup", source=source, dataset=dataset("ds_text", folder="a", file="big.csv")),
        ]
    )

    assert result.activities["many"]["output"]["count"] == 5000
    assert "4 MB" in result.message


def test_lookup_names_a_missing_file(run, raw, act, dataset):
    result = run(
        [act("l", "Lookup", source={"type": "JsonSource"}, dataset=dataset("ds_json", folder="a", file="no.json"))]
    )

    assert "abfss://raw@acct.dfs.core.windows.net/a/no.json does not exist" in result.message


# GetMetadata


@pytest.mark.supports("activity", "GetMetadata")
def test_metadata_of_a_file(run, raw, act, dataset):
    path = put(raw, "a/b.csv", "x,y\n1,2\n")
    os.utime(path, (0, 1_500_000_000))
    fields = ["itemName", "itemType", "size", "lastModified", "contentMD5", "structure", "columnCount", "exists"]
    result = run([act("m", "GetMetadata", dataset=dataset("ds_text", folder="a", file="b.csv"), fieldList=fields)])

    assert result.activities["m"]["output"] == {
        "itemName": "b.csv",
        "itemType": "File",
        "size": 8,
        "lastModified": "2017-07-14T02:40:00Z",
        "contentMD5": base64.b64encode(hashlib.md5(b"x,y\n1,2\n").digest()).decode(),
        "structure": [{"name": "x", "type": "String"}, {"name": "y", "type": "String"}],
        "columnCount": 2,
        "exists": True,
    }


def test_metadata_of_a_folder_lists_one_level_and_no_file_that_is_being_written(run, raw, act, dataset):
    put(raw, "a/b.csv", "")
    put(raw, "a/c/d.csv", "")
    put(raw, "a/.e.csv.0123456789abcdef0123456789abcdef.part", "")
    result = run(
        [act("m", "GetMetadata", dataset=dataset("ds_folder", folder="a"), fieldList=["childItems", "itemType"])]
    )

    assert result.activities["m"]["output"] == {
        "childItems": [{"name": "b.csv", "type": "File"}, {"name": "c", "type": "Folder"}],
        "itemType": "Folder",
    }


def test_a_time_filter_keeps_files_only(run, raw, act, dataset):
    os.utime(put(raw, "a/old.csv", ""), (0, 1_000_000_000))
    put(raw, "a/new.csv", "")
    put(raw, "a/c/d.csv", "")
    store = {"type": "AzureBlobFSReadSettings", "modifiedDatetimeStart": "2020-01-01T00:00:00Z"}
    result = run(
        [
            act(
                "m",
                "GetMetadata",
                dataset=dataset("ds_folder", folder="a"),
                fieldList=["childItems"],
                storeSettings=store,
            )
        ]
    )

    assert result.activities["m"]["output"]["childItems"] == [{"name": "new.csv", "type": "File"}]


def test_a_missing_object_fails_unless_exists_is_asked_for(run, raw, act, dataset):
    reference = dataset("ds_file", folder="a", file="no")
    result = run(
        [
            act("asked", "GetMetadata", dataset=reference, fieldList=["exists", "size"]),
            act("not_asked", "GetMetadata", dataset=reference, fieldList=["size"]),
        ]
    )

    assert result.activities["asked"]["output"] == {"exists": False}
    assert "a/no does not exist" in result.message


def test_a_field_that_does_not_apply_is_refused(run, raw, act, dataset):
    put(raw, "a/b.csv", "")
    result = run([act("m", "GetMetadata", dataset=dataset("ds_folder", folder="a"), fieldList=["size"])])

    assert "'size' does not apply to a folder" in result.message


HEADERS = [
    ("ds_text", b"a,b\n", ["a", "b"]),
    ("ds_text", b"\xef\xbb\xbfa,b\r\n1,2", ["a", "b"]),
    ("ds_text", b'"a,1","b\\"c"\r1,2', ["a,1", 'b"c']),
    ("ds_rfc", b'"a ""x""","b\nc"\n', ['a "x"', "b\nc"]),
    ("ds_rfc", "é,日".encode(), ["é", "日"]),
    ("ds_rows", b"a,b,c\n", ["Prop_0", "Prop_1", "Prop_2"]),
    ("ds_text", b"<!DOCTYPE html>\n<html>\n", ["<!DOCTYPE html>"]),
    ("ds_text", b"", []),
    ("ds_text", b"\n\na\n", ["a"]),
]


@pytest.mark.parametrize(("name", "data", "expected"), HEADERS)
def test_the_header_of_delimited_text_is_read_by_its_dialect(run, raw, act, dataset, name, data, expected):
    put(raw, "a/b.csv", data)
    result = run([act("m", "GetMetadata", dataset=dataset(name, folder="a", file="b.csv"), fieldList=["structure"])])

    assert [column["name"] for column in result.activities["m"]["output"]["structure"]] == expected


ROWS = [
    ('a,"b,c",d\n', Dialect(), [["a", "b,c", "d"]]),
    ('a,"b\\"c"\n', Dialect(), [["a", 'b"c']]),
    ('"a\\\\",b\n', Dialect(), [["a\\", "b"]]),
    ('"a\\n"\n', Dialect(), [["a\\n"]]),
    ('"a""b"\n', Dialect(escape='"'), [['a"b']]),
    ("a,,\n", Dialect(), [["a", None, None]]),
    ('a,"",b\n', Dialect(), [["a", "", "b"]]),
    ("NA,x\n", Dialect(null_value="NA"), [[None, "x"]]),
    ('"a",b\n', Dialect(quote="", escape=""), [['"a"', "b"]]),
    ("a;b|c;d", Dialect(delimiter=";", row_delimiter="|"), [["a", "b"], ["c", "d"]]),
    ("a\r\nb\rc\nd", Dialect(), [["a"], ["b"], ["c"], ["d"]]),
    ("skip me\nx\n1\n", Dialect(skip_lines=1), [["x"], ["1"]]),
    ('a"b,c\n', Dialect(), [['a"b', "c"]]),
]


@pytest.mark.parametrize(("text", "dialect", "rows"), ROWS)
def test_rows_are_read_by_the_dialect(text, dialect, rows):
    assert list(read_rows(io.BytesIO(text.encode()), dialect)) == rows


# Validation


@pytest.mark.supports("activity", "Validation")
def test_validation_waits_until_the_file_is_large_enough(run, raw, act, dataset, clock):
    path = put(raw, "a/b.csv", "1234")
    original = clock.sleep

    def grow(seconds, wake=None):
        path.write_text("12345678")
        original(seconds, wake)

    clock.sleep = grow
    result = run(
        [act("v", "Validation", dataset=dataset("ds_file", folder="a", file="b.csv"), minimumSize=8, sleep=20)]
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert result.activities["v"]["output"]["size"] == 8
    assert clock.monotonic() == 20


@pytest.mark.parametrize(
    ("reference", "more", "message"),
    [
        (("ds_file", {"folder": "a", "file": "b.csv"}), {"minimumSize": 5}, "has 4 bytes, less than 5"),
        (("ds_file", {"folder": "a", "file": "no"}), {}, "does not exist"),
        (("ds_folder", {"folder": "e"}), {"childItems": True}, "is an empty folder"),
        (("ds_folder", {"folder": "a"}), {"childItems": False}, "is not an empty folder"),
    ],
)
def test_validation_times_out_and_says_what_is_lacking(run, raw, act, dataset, clock, reference, more, message):
    put(raw, "a/b.csv", "1234")
    (raw / "e").mkdir()
    result = run([act("v", "Validation", dataset=dataset(reference[0], **reference[1]), timeout="0.00:00:25", **more)])

    assert message in result.message
    assert clock.monotonic() == 25


# Delete


@pytest.mark.supports("activity", "Delete")
def test_delete_removes_a_file_and_gives_its_documented_output(run, raw, act, dataset):
    path = put(raw, "a/b.csv", "x")
    result = run([act("d", "Delete", dataset=dataset("ds_file", folder="a", file="b.csv"), enableLogging=False)])

    output = result.activities["d"]["output"]
    assert not path.exists() and path.parent.exists()
    assert (output["datasetName"], output["filesDeleted"], output["recursive"], output["isWildcardUsed"]) == (
        "ds_file",
        1,
        False,
        False,
    )


def test_deleting_nothing_succeeds(run, raw, act, dataset):
    result = run([act("d", "Delete", dataset=dataset("ds_file", folder="a", file="no.csv"))])

    assert result.activities["d"]["output"]["filesDeleted"] == 0


@pytest.mark.parametrize(
    ("store", "left", "deleted"),
    [
        ({}, ["a/c/d.csv"], 2),
        ({"recursive": True}, [], 3),
        ({"recursive": True, "wildcardFileName": "*.csv"}, ["a/e.txt"], 2),
        ({"wildcardFileName": "?.csv"}, ["a/c/d.csv", "a/e.txt"], 1),
    ],
)
def test_delete_of_a_folder_goes_as_deep_as_it_is_told(run, raw, act, dataset, store, left, deleted):
    for name in ("a/b.csv", "a/c/d.csv", "a/e.txt"):
        put(raw, name, "")
    settings = {"type": "AzureBlobFSReadSettings", **store}
    result = run([act("d", "Delete", dataset=dataset("ds_folder", folder="a"), storeSettings=settings)])

    assert sorted(p.relative_to(raw).as_posix() for p in raw.rglob("*") if p.is_file()) == left
    assert result.activities["d"]["output"]["filesDeleted"] == deleted
    if store == {"recursive": True}:
        assert not (raw / "a").exists()


# Copy within the lake


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.supports("activity", "Copy")
@pytest.mark.supports("dataset", "Binary")
@pytest.mark.supports("format", "Binary")
@pytest.mark.supports("store", "AzureBlobFS")
@pytest.mark.supports("linked_service", "AzureBlobFS")
def test_a_file_is_copied_as_bytes_with_output_and_lineage(run, runs, raw, copy, dataset, lineage):
    put(raw, "a/b.csv", b"\x00\xff12")
    result = run([copy("c", dataset("ds_file", folder="a", file="b.csv"), dataset("ds_file", folder="x/y", file="z"))])

    output = result.activities["c"]["output"]
    assert (raw / "x/y/z").read_bytes() == b"\x00\xff12"
    assert {key: output[key] for key in ("dataRead", "dataWritten", "filesRead", "filesWritten", "errors")} == {
        "dataRead": 4, "dataWritten": 4, "filesRead": 1, "filesWritten": 1, "errors": [],
    }  # fmt: skip
    assert {"copyDuration", "throughput", "usedParallelCopies", "effectiveIntegrationRuntime"} <= set(output)
    event, run_id = lineage.events[0]
    assert event.sources == (Dataset("PATH", "abfss://raw@acct.dfs.core.windows.net/a/b.csv"),)
    assert event.target == Dataset("PATH", "abfss://raw@acct.dfs.core.windows.net/x/y/z")
    assert run_id == runs.named("c")[0].id


COPIES = [
    ({}, {}, ["1.csv", "k=1/2.csv", "k=1/3.txt"]),
    ({"recursive": False}, {}, ["1.csv"]),
    ({"wildcardFileName": "*.csv"}, {}, ["1.csv", "k=1/2.csv"]),
    ({"wildcardFolderPath": "a/k=*", "wildcardFileName": "*"}, {}, ["k=1/2.csv", "k=1/3.txt"]),
    ({"wildcardFileName": "nothing"}, {}, []),
    ({"modifiedDatetimeEnd": "2000-01-01"}, {}, ["1.csv"]),
]


@pytest.mark.parametrize(("read", "write", "expected"), COPIES)
def test_a_folder_is_copied_with_its_hierarchy(run, raw, copy, dataset, read, write, expected):
    for name in ("a/1.csv", "a/k=1/2.csv", "a/k=1/3.txt"):
        put(raw, name, name)
    os.utime(raw / "a/1.csv", (0, 0))
    result = run(
        [copy("c", dataset("ds_folder", folder="a"), dataset("ds_folder", folder="out"), read=read, write=write)]
    )

    assert files(raw / "out") == expected
    assert result.activities["c"]["output"]["filesWritten"] == len(expected)


def test_files_are_flattened_or_merged(run, raw, copy, dataset):
    put(raw, "a/1.csv", "1\n")
    put(raw, "a/b/2.csv", "2\n")
    source = dataset("ds_folder", folder="a")
    run(
        [
            copy("flat", source, dataset("ds_folder", folder="flat"), write={"copyBehavior": "FlattenHierarchy"}),
            copy(
                "one", source, dataset("ds_file", folder="merged", file="all.csv"), write={"copyBehavior": "MergeFiles"}
            ),
        ]
    )

    assert len(files(raw / "flat")) == 2 and all("/" not in name for name in files(raw / "flat"))
    assert (raw / "merged/all.csv").read_text() == "1\n2\n"


def test_a_list_of_files_and_removal_after_the_copy(run, raw, copy, dataset):
    for name in ("a/1.csv", "a/b/2.csv", "a/3.csv"):
        put(raw, name, name)
    put(raw, "list.txt", "1.csv\nb/2.csv\n")
    read = {"fileListPath": "raw/list.txt", "deleteFilesAfterCompletion": True}
    run([copy("c", dataset("ds_folder", folder="a"), dataset("ds_folder", folder="out"), read=read)])

    assert files(raw) == ["a/3.csv", "list.txt", "out/1.csv", "out/b/2.csv"]


def test_a_named_file_that_is_missing_fails(run, raw, copy, dataset):
    result = run([copy("c", dataset("ds_file", folder="a", file="no"), dataset("ds_folder", folder="out"))])

    assert "UserErrorSourceBlobNotExist" in result.message
    assert files(raw) == []


def test_consistency_is_verified_when_asked_for(run, raw, copy, dataset):
    put(raw, "a/b", "x")
    result = run(
        [
            copy(
                "c",
                dataset("ds_file", folder="a", file="b"),
                dataset("ds_folder", folder="out"),
                validateDataConsistency=True,
            )
        ]
    )

    assert result.activities["c"]["output"]["dataConsistencyVerification"] == {
        "VerificationResult": "Verified",
        "InconsistentData": "None",
    }


def test_a_full_disk_fails_the_copy_and_leaves_nothing(run, raw, copy, dataset, monkeypatch):
    put(raw, "a/b", "x")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reelhouse.adf.files.shutil.copyfileobj", full)
    result = run([copy("c", dataset("ds_file", folder="a", file="b"), dataset("ds_folder", folder="out"))])

    assert "No space left on device" in result.message
    assert files(raw) == ["a/b"]


def test_what_a_killed_process_left_is_removed_after_a_day_and_never_copied(run, raw, copy, dataset, clock):
    left = put(raw, "out/.b.0123456789abcdef0123456789abcdef.part", "half")
    put(raw, "a/b", "x")
    for moment, there in ((clock.now(), True), (datetime(2020, 1, 1, tzinfo=UTC), False)):
        os.utime(left, (moment.timestamp(), moment.timestamp()))
        run([copy("c", dataset("ds_file", folder="a", file="b"), dataset("ds_folder", folder="out"))])
        assert left.exists() is there


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [("*.csv", "a.csv", True), ("*.csv", "a.txt", False), ("a?.csv", "a.csv", True), ("a?.csv", "abc.csv", False),
     ("^*.csv", "*.csv", True), ("^*.csv", "a.csv", False), ("a.csv", "abcsv", False)],
)  # fmt: skip
def test_wildcards_match_as_documented(pattern, name, matches):
    import re

    assert bool(re.fullmatch(wildcard(pattern), name)) is matches


def test_a_retried_copy_goes_on_with_the_files_that_are_missing(run, runs, raw, copy, dataset, monkeypatch):
    for name in ("1", "2", "3"):
        put(raw, f"a/{name}", name)
    from reelhouse.adf.activity import copy as module

    original, copied = module.copy_whole, []

    def fails_once(source, target):
        copied.append(source.name)
        if copied == ["1", "2"]:
            raise OSError("connection lost")
        return original(source, target)

    monkeypatch.setattr(module, "copy_whole", fails_once)
    result = run([copy("c", dataset("ds_folder", folder="a"), dataset("ds_folder", folder="b"), policy={"retry": 1})])

    assert copied == ["1", "2", "2", "3"]
    assert result.activities["c"]["output"]["filesWritten"] == 3
    assert files(raw / "b") == ["1", "2", "3"]
