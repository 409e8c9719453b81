"""Sources and sinks: what is read, what is written, and when it is seen."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CSV = "source(output(id as integer, title as string, at as date), allowSchemaDrift: true) ~> s\n"


def _names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.supports("data_flow", "Source")
def test_declared_columns_are_converted_and_drifted_ones_stay_texts(flows) -> None:
    flows.write("in/a.csv", "more,ID,title,at\n5,1,Dark,2017-12-01\n6,x,Ozark,no date\n")
    flows.output(CSV + "s sink(truncate: true) ~> k", {"s": "df_csv:in/a.csv", "k": "df_json:out"})
    assert flows.rows("out") == [
        {"id": 1, "title": "Dark", "at": "2017-12-01", "more": "5"},
        {"title": "Ozark", "more": "6"},
    ]


@pytest.mark.supports("data_flow", "Source")
def test_without_drift_other_columns_are_left_out(flows) -> None:
    flows.write("in/a.csv", "more,id\n5,1\n")
    script = "source(output(id as integer), allowSchemaDrift: false) ~> s\ns sink(truncate: true) ~> k"
    flows.output(script, {"s": "df_csv:in/a.csv", "k": "df_json:out"})
    assert flows.rows("out") == [{"id": 1}]


def test_without_a_header_columns_are_taken_by_position(flows) -> None:
    flows.write("in/a.csv", "1,Dark,x\n")
    flows.output(
        "source(output(id as integer, title as string), allowSchemaDrift: true) ~> s\ns sink() ~> k",
        {"s": "df_csv_bare:in/a.csv", "k": "df_json:out"},
    )
    assert flows.rows("out") == [{"id": 1, "title": "Dark", "_col2_": "x"}]


def test_a_date_is_read_in_the_format_of_the_projection(flows) -> None:
    flows.write("in/a.csv", 'd,n\n31.12.2020,"$1,234.50"\n')
    flows.output(
        "source(output(d as date 'dd.MM.yyyy', n as decimal(10,2) '$#,##0.00')) ~> s\ns sink() ~> k",
        {"s": "df_csv:in/a.csv", "k": "df_json:out"},
    )
    assert flows.rows("out") == [{"d": "2020-12-31", "n": 1234.5}]


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [("sales/*.csv", ["1"]), ("sales/**/*.csv", ["1", "2", "3"]), ("sales/20{20,21}/[a-b].csv", ["2", "3"]), ("/sales/202?/a.csv", ["2"])],
)  # fmt: skip
def test_wildcard_paths_begin_at_the_container(flows, pattern: str, ids: list[str]) -> None:
    for name, number in (
        ("sales/x.csv", 1),
        ("sales/2020/a.csv", 2),
        ("sales/2021/b.csv", 3),
        ("sales/_hidden.csv", 9),
    ):
        flows.write(name, f"id\n{number}\n")
    flows.output(
        f"source(allowSchemaDrift: true, wildcardPaths: ['{pattern}'], rowUrlColumn: 'file') ~> s\n"
        "s sort(asc(id, true)) ~> o\no sink(truncate: true) ~> k",
        {"s": "df_csv:ignored", "k": "df_json:out"},
    )
    rows = flows.rows("out")
    assert [row["id"] for row in rows] == ids
    assert all(row["file"].startswith("/sales/") for row in rows)


def test_no_file_is_an_error_unless_it_is_allowed(flows) -> None:
    ends = {"s": "df_csv:nowhere", "k": "df_json:out"}
    done = flows(CSV + "s sink() ~> k", ends)
    assert "Source 's': Path /nowhere does not resolve to any file(s)" in done.message
    script = CSV.replace("allowSchemaDrift", "ignoreNoFilesFound: true, allowSchemaDrift")
    output = flows.output(script + "s sink() ~> k", ends)
    assert output["runStatus"]["metrics"] == {}


def test_json_arrays_and_parquet_are_read(flows) -> None:
    flows.write("in/a.json", '[{"id": 1, "tags": ["x"]}, {"id": 2}]')
    pq.write_table(pa.table({"id": [3], "other": ["y"]}), flows.raw / "in" / "b.parquet")
    flows.output(
        """source(documentForm: 'arrayOfDocuments') ~> j
        source() ~> p
        j, p union(byName: true) ~> u
        u sort(asc(id, true)) ~> o
        o sink(truncate: true) ~> k""",
        {"j": "df_json:in/a.json", "p": "df_parquet:in/b.parquet", "k": "df_json:out"},
    )
    assert flows.rows("out") == [{"id": 1, "tags": ["x"]}, {"id": 2}, {"id": 3, "other": "y"}]


@pytest.mark.supports("data_flow", "Sink")
def test_delimited_text_is_quoted_where_it_has_to_be(flows) -> None:
    flows.write(
        "in/a.json", '{"a": "x,y", "b": 1.5, "c": true}\n{"a": "say \\"hi\\"", "b": null, "c": false}\n{"a": ""}\n'
    )
    flows.output(
        "source() ~> s\ns sink(partitionFileNames: ['all.csv'], partitionBy('hash', 1)) ~> k",
        {"s": "df_json:in/a.json", "k": "df_csv:out"},
    )
    assert _names(flows.raw / "out") == ["all.csv"]
    assert (flows.raw / "out/all.csv").read_text() == 'a,b,c\n"x,y",1.5,true\n"say ""hi""",,false\n"",,\n'


def test_a_backslash_escapes_quotes_where_the_dataset_says_so(flows) -> None:
    flows.write("in/a.json", '{"a": "say \\"hi\\""}\n')
    flows.output(
        "source() ~> s\ns sink(partitionFileNames: ['all.csv']) ~> k",
        {"s": "df_json:in/a.json", "k": "df_csv_bare:out"},
    )
    assert (flows.raw / "out/all.csv").read_text() == '"say \\"hi\\""\n'


@pytest.mark.supports("data_flow", "Sink")
def test_the_output_tells_rows_written_and_read(flows) -> None:
    flows.write("in/a.csv", "id,title,at\n1,a,\n2,b,\n3,c,\n")
    output = flows.output(
        CSV + "s filter(id > 1) ~> f\nf sink() ~> k\ns filter(id > 9) ~> none\nnone sink() ~> empty",
        {"s": "df_csv:in/a.csv", "k": "df_parquet:out", "empty": "df_json:other"},
    )
    metrics = output["runStatus"]["metrics"]
    assert list(metrics) == ["k"]
    assert metrics["k"]["rowsWritten"] == 2
    assert metrics["k"]["sources"] == {"s": {"rowsRead": 3}}
    (file,) = (flows.raw / "out").iterdir()
    assert file.name.endswith(".snappy.parquet")
    assert pq.read_table(file).to_pylist() == [{"id": 2, "title": "b", "at": None}, {"id": 3, "title": "c", "at": None}]


def test_truncate_clears_the_folder_and_without_it_files_are_added(flows) -> None:
    flows.write("in/a.csv", "id,title,at\n1,a,\n")
    flows.write("out/deep/old.json", "{}")
    ends = {"s": "df_csv:in/a.csv", "k": "df_json:out"}
    flows.output(CSV + "s sink() ~> k", ends)
    assert len(list((flows.raw / "out").rglob("*.json"))) == 2
    flows.output(CSV + "s sink(truncate: true) ~> k", ends)
    assert flows.rows("out") == [{"id": 1, "title": "a"}]


def test_a_sink_maps_columns_and_leaves_the_others_out(flows) -> None:
    flows.write("in/a.csv", "id,title,at\n1,a,\n")
    flows.output(
        CSV + "s sink(allowSchemaDrift: true, mapColumn(name = title, id), skipDuplicateMapInputs: true) ~> k",
        {"s": "df_csv:in/a.csv", "k": "df_json:out"},
    )
    assert flows.rows("out") == [{"name": "a", "id": 1}]


def test_a_failed_sink_leaves_what_was_there(flows) -> None:
    flows.write("in/a.csv", "id,title,at\n1,a,\n")
    flows.write("out/old.csv", "kept")
    done = flows(
        CSV + "s derive(list = [1, 2]) ~> d\nd sink(truncate: true) ~> k", {"s": "df_csv:in/a.csv", "k": "df_csv:out"}
    )
    assert "The column 'list' of sink 'k' cannot be written as delimited text" in done.message
    assert "scriptLines[2]" in done.message
    assert _names(flows.raw / "out") == ["old.csv"]
    assert not list((flows.services.lake.root / "_dataflow_staging").glob("*"))


DELTA = "fileSystem: 'raw', folderPath: 'tables/t', format: 'delta'"


def _table(flows) -> list[dict]:
    flows.output(
        f"source({DELTA}, allowSchemaDrift: true) ~> s\ns sort(asc(id, true)) ~> o\no sink(truncate: true) ~> k",
        {"s": "inline", "k": "df_json:shown"},
    )
    return flows.rows("shown")


def _load(flows, rows: str, options: str, steps: str = "s select(mapColumn(id, v)) ~> out") -> dict:
    flows.write("in/d.csv", f"id,v\n{rows}\n")
    return flows.output(
        f"source(output(id as integer, v as string)) ~> s\n{steps}\nout sink({DELTA}, {options}) ~> k",
        {"s": "df_csv:in/d.csv", "k": "inline"},
    )


@pytest.mark.supports("data_flow", "Sink")
def test_a_delta_table_is_made_appended_to_truncated_and_overwritten(flows) -> None:
    output = _load(flows, "1,a\n2,b", "insertable: true")
    assert output["runStatus"]["metrics"]["k"]["rowsWritten"] == 2
    _load(flows, "3,c", "insertable: true")
    assert [row["id"] for row in _table(flows)] == [1, 2, 3]
    _load(flows, "4,d", "truncate: true")
    assert _table(flows) == [{"id": 4, "v": "d"}]
    _load(flows, "5,e", "overwrite: true", "s derive(w = 1) ~> out")
    assert _table(flows) == [{"id": 5, "v": "e", "w": 1}]


@pytest.mark.supports("data_flow", "AlterRow")
def test_policies_of_rows_become_one_merge(flows) -> None:
    _load(flows, "1,a\n2,b\n3,c", "insertable: true")
    output = _load(
        flows,
        "1,A\n2,gone\n3,C\n4,D\n5,never",
        "insertable: false, updateable: true, upsertable: true, deletable: true, keys: ['id']",
        """s alterRow(deleteIf(v == 'gone'), upsertIf(in([1, 4], id)), updateIf(id == 5)) ~> a
        a derive(v = concat(v, iif(isUpsert(), '!', ''))) ~> out""",
    )
    assert _table(flows) == [{"id": 1, "v": "A!"}, {"id": 3, "v": "c"}, {"id": 4, "v": "D!"}]
    assert output["runStatus"]["metrics"]["k"]["rowsWritten"] == 3


def test_an_older_version_of_a_delta_table_is_read(flows) -> None:
    _load(flows, "1,a", "insertable: true")
    _load(flows, "2,b", "insertable: true")
    flows.output(
        f"source({DELTA}, versionAsOf: 0) ~> s\ns sink(truncate: true) ~> k", {"s": "inline", "k": "df_json:shown"}
    )
    assert flows.rows("shown") == [{"id": 1, "v": "a"}]


def test_inline_text_has_its_dialect_in_the_script(flows) -> None:
    flows.write("in/a.txt", "id|t\n1|x\n")
    flows.output(
        """source(format: 'delimited', fileSystem: 'raw', folderPath: 'in', fileName: 'a.txt', columnDelimiter: '|',
            columnNamesAsHeader: true) ~> s
        s sink(format: 'delimited', fileSystem: 'raw', folderPath: $to, columnDelimiter: ';', columnNamesAsHeader: true,
            partitionFileNames: [(concat('a', '_', $to, '.csv'))]) ~> k""".replace(
            "source(", "parameters{to as string}\nsource(", 1
        ),
        {"s": "inline", "k": "inline"},
        {"to": "'dest'"},
    )
    assert (flows.raw / "dest/a_dest.csv").read_text() == "id;t\n1;x\n"


def test_what_a_killed_run_left_is_removed_after_a_week(flows) -> None:
    import os

    staging = flows.services.lake.root / "_dataflow_staging"
    now = flows.services.clock.now().timestamp()
    for name, days in (("old", 8), ("young", 1)):
        (staging / name).mkdir(parents=True)
        os.utime(staging / name, (now - days * 86400, now - days * 86400))
    flows.write("in/a.csv", "id,title,at\n1,a,\n")
    flows.output(CSV + "s sink() ~> k", {"s": "df_csv:in/a.csv", "k": "df_json:out"})
    assert [path.name for path in staging.iterdir()] == ["young"]
