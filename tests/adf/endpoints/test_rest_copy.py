"""Copies from and to REST endpoints: mapped, as they are, and broken off."""

from __future__ import annotations

import json

import pytest

from reelhouse.adf.validate import validate
from reelhouse.runs.record import RunStatus

OBJECTS = {
    "dataset": [
        {
            "name": "ds_rest",
            "properties": {
                "type": "RestResource",
                "linkedServiceName": {"referenceName": "ls_rest", "type": "LinkedServiceReference"},
                "parameters": {"path": {"type": "string", "defaultValue": "t"}},
                "typeProperties": {"relativeUrl": "@dataset().path"},
            },
        }
    ],
}
LAKE_READ = {"type": "AzureBlobFSReadSettings"}
LAKE_WRITE = {"type": "AzureBlobFSWriteSettings"}
JSON_SINK = {"type": "JsonSink", "storeSettings": LAKE_WRITE, "formatSettings": {"type": "JsonWriteSettings"}}
TEXT_SINK = {
    "type": "DelimitedTextSink",
    "storeSettings": LAKE_WRITE,
    "formatSettings": {"type": "DelimitedTextWriteSettings", "fileExtension": ".csv"},
}
PAGES = {"AbsoluteUrl": "$.next"}


def objects(url):
    service = {"name": "ls_rest", "properties": {"type": "RestService", "typeProperties": {"url": url}}}
    return {**OBJECTS, "linkedService": [service]}


@pytest.fixture
def copy_rows(run, act, endpoint):
    """Run a Copy of rows; the state of the activity comes back, with the message of the run."""

    def go(source, inputs, sink, outputs, *, policy=None, **properties):
        made = act(
            "copy",
            "Copy",
            source=source,
            sink=sink,
            inputs=[inputs],
            outputs=[outputs],
            policy=policy or {},
            **properties,
        )
        result = run([made], objects=objects(endpoint.url + "/api"))
        return {**result.activities["copy"], "message": result.message}

    return go


def rest_source(**more):
    return {"type": "RestSource", "requestInterval": "00:00:00.010", **more}


@pytest.mark.supports("activity", "Copy")
@pytest.mark.supports("store", "Rest")
def test_answers_are_exported_as_they_are(copy_rows, endpoint, dataset, raw):
    first = {"data": [{"id": 1, "tags": ["a", None]}], "next": "t2", "deep": {"x": {"y": 1.5}}}
    second = {"data": [], "odd": "ä"}
    endpoint.give("/api/t", first)
    endpoint.give("/api/t2", second)
    state = copy_rows(
        rest_source(paginationRules=PAGES),
        dataset("ds_rest"),
        JSON_SINK,
        dataset("ds_json", folder="out", file="all.json"),
    )

    assert state["status"] == "Succeeded", state["message"]
    assert [json.loads(line) for line in (raw / "out/all.json").read_text().splitlines()] == [first, second]
    output = state["output"]
    assert (output["rowsRead"], output["rowsCopied"], output["filesWritten"]) == (2, 2, 1)
    assert output["dataRead"] == len(json.dumps(first)) + len(json.dumps(second))
    assert "filesRead" not in output


def test_a_file_system_may_have_folders_behind_it(run, act, endpoint, dataset, raw):
    endpoint.give("/api/t", {"id": 1})
    location = {"type": "AzureBlobFSLocation", "fileSystem": "raw/deep/er", "folderPath": "down", "fileName": "a.json"}
    reference = {"referenceName": "ls_lake", "type": "LinkedServiceReference"}
    properties = {"type": "Json", "linkedServiceName": reference, "typeProperties": {"location": location}}
    made = act(
        "c", "Copy", source=rest_source(), sink=JSON_SINK, inputs=[dataset("ds_rest")], outputs=[dataset("ds_deep")]
    )
    known = objects(endpoint.url + "/api")
    result = run(
        [made], objects={**known, "dataset": [*known["dataset"], {"name": "ds_deep", "properties": properties}]}
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert (raw / "deep/er/down/a.json").read_text().strip() == '{"id":1}'


def test_a_collection_is_unfolded_to_rows(copy_rows, endpoint, dataset, raw):
    endpoint.give(
        "/api/t", {"page": 1, "data": [{"id": 1, "n": {"v": "a"}}, {"id": 2, "n": {"v": "b,c"}}], "next": "t2"}
    )
    endpoint.give("/api/t2", {"page": 2, "data": [{"id": 3, "n": {"v": "d"}}]})
    mappings = [
        {"source": {"path": "['id']"}, "sink": {"name": "id"}},
        {"source": {"path": "['n']['v']"}, "sink": {"name": "v"}},
        {"source": {"path": "$['page']"}, "sink": {"name": "page"}},
    ]
    state = copy_rows(
        rest_source(paginationRules=PAGES),
        dataset("ds_rest"),
        TEXT_SINK,
        dataset("ds_text", folder="out", file="all.csv"),
        translator={"type": "TabularTranslator", "mappings": mappings, "collectionReference": "$['data']"},
    )

    assert state["status"] == "Succeeded", state["message"]
    lines = (raw / "out/all.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["id,v,page", "1,a,1", '2,"b,c",1', "3,d,2"]
    assert state["output"]["rowsCopied"] == 3


def test_rows_of_a_file_are_sent(copy_rows, endpoint, dataset, raw):
    (raw / "in").mkdir()
    (raw / "in/a.csv").write_text("id,name\n1,a\n2,b\n3,c\n")
    endpoint.give("/api/t", "")
    state = copy_rows(
        {"type": "DelimitedTextSource", "storeSettings": LAKE_READ},
        dataset("ds_text", folder="in", file="a.csv"),
        {"type": "RestSink", "writeBatchSize": 2, "requestMethod": "PUT", "httpCompressionType": "none"},
        dataset("ds_rest"),
    )

    assert state["status"] == "Succeeded", state["message"]
    assert [request.json for request in endpoint.requests] == [
        [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}],
        [{"id": "3", "name": "c"}],
    ]
    assert (state["output"]["rowsCopied"], state["output"]["dataWritten"]) == (
        3,
        sum(len(r.body) for r in endpoint.requests),
    )
    assert "filesWritten" not in state["output"]


def test_documents_go_from_one_endpoint_to_another_as_they_are(copy_rows, endpoint, dataset):
    endpoint.give("/api/t", [{"id": 1, "deep": {"x": [1, {"y": None}]}}, {"other": "ä"}])
    endpoint.give("/api/to", "")
    state = copy_rows(rest_source(), dataset("ds_rest"), {"type": "RestSink"}, dataset("ds_rest", path="to"))

    assert state["status"] == "Succeeded", state["message"]
    assert endpoint.asked("/api/to")[0].json == [{"id": 1, "deep": {"x": [1, {"y": None}]}}, {"other": "ä"}]


def test_pages_that_break_off_leave_nothing_and_a_retry_completes(copy_rows, endpoint, answer, dataset, raw):
    (raw / "out").mkdir()
    (raw / "out/all.json").write_text("before")
    endpoint.give("/api/t", {"id": 1, "next": "t2"})
    endpoint.give("/api/t2", answer(200, {"id": 2}, cut=True), answer(502, "down"), {"id": 2})
    arguments = rest_source(paginationRules=PAGES), dataset("ds_rest"), JSON_SINK
    sink = dataset("ds_json", folder="out", file="all.json")

    state = copy_rows(*arguments, sink)
    assert "broke off" in state["message"] or "peer closed" in state["message"]
    assert [path.name for path in (raw / "out").iterdir()] == ["all.json"]
    assert (raw / "out/all.json").read_text() == "before"

    state = copy_rows(*arguments, sink, policy={"retry": 1})
    assert state["status"] == "Succeeded", state["message"]
    assert [json.loads(line)["id"] for line in (raw / "out/all.json").read_text().splitlines()] == [1, 2]


def test_many_pages_stream(copy_rows, endpoint, answer, dataset, raw):
    endpoint.on(
        "/api/t", lambda request, count: answer(200, [{"page": int(request.query["p"]), "i": i} for i in range(100)])
    )
    state = copy_rows(
        rest_source(paginationRules={"QueryParameters.p": "RANGE:1:50:1"}),
        dataset("ds_rest"),
        TEXT_SINK,
        dataset("ds_text", folder="out", file="all.csv"),
    )

    assert state["status"] == "Succeeded", state["message"]
    assert state["output"]["rowsCopied"] == 5000
    assert len((raw / "out/all.csv").read_text().splitlines()) == 5001


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ({"requestMethod": "DELETE"}, "'DELETE' is no requestMethod of a RestSink"),
        ({"httpCompressionType": "brotli"}, "'brotli' is no httpCompressionType"),
        ({"writeBatchTimeout": "00:01:00"}, "'writeBatchTimeout' of a RestSink is not supported"),
        ({"batch": 1}, "has no property 'batch'"),
    ],
)
def test_what_is_wrong_with_a_sink_is_said_before_the_run(make_factory, act, dataset, sink, message):
    source = {"type": "DelimitedTextSource", "storeSettings": LAKE_READ}
    made = act("c", "Copy", source=source, sink={"type": "RestSink", **sink},
               inputs=[dataset("ds_text", folder="in", file="a.csv")], outputs=[dataset("ds_rest")])  # fmt: skip
    found = [str(finding) for finding in validate(make_factory({"main": [made]}, objects=objects("https://h")))]

    assert any(message in text for text in found), found


def test_a_sink_reports_a_bad_interval(copy_rows, dataset, raw):
    (raw / "in").mkdir()
    (raw / "in/a.csv").write_text("id\n1\n")
    state = copy_rows(
        {"type": "DelimitedTextSource", "storeSettings": LAKE_READ},
        dataset("ds_text", folder="in", file="a.csv"),
        {"type": "RestSink", "requestInterval": 5},
        dataset("ds_rest"),
    )

    assert "requestInterval is 10 to 60000 ms" in state["message"]
    assert state["status"] == RunStatus.FAILED.value
