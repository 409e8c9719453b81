"""`factory.run`: a pipeline for real, with some of its activities played."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelhouse.errors import UserError
from reelhouse.testing import ActivityFailed
from reelhouse.testing.fakes import FakeError

LAKE = {"type": "AzureBlobFS", "typeProperties": {"url": "https://acct.dfs.core.windows.net"}}
FILE = {
    "type": "Json",
    "linkedServiceName": {"referenceName": "lake", "type": "LinkedServiceReference"},
    "parameters": {"name": {"type": "string"}},
    "typeProperties": {"location": {"type": "AzureBlobFSLocation", "fileSystem": "raw", "fileName": "@dataset().name"}},
}


def web(act, name="call", after=(), **more):
    return act(name, "WebActivity", after, url="@concat('https://api.example/', pipeline().parameters.id)", method="GET", **more)  # fmt: skip


@pytest.fixture
def empty(load_factory):
    return load_factory()


@pytest.mark.supports("activity", "SetVariable")
def test_a_fake_output_is_what_later_expressions_read(empty, act) -> None:
    body = {
        "parameters": {"id": {"type": "string"}},
        "variables": {"token": {"type": "String"}},
        "activities": [
            web(act),
            act("keep", "SetVariable", "call", variableName="token", value="@activity('call').output.token"),
        ],
    }

    run = empty.run(body, {"id": "7"}, fakes={"call": {"token": "abc"}})

    assert run.status == "Succeeded"
    assert run.activities["call"].input == {"url": "https://api.example/7", "method": "GET"}
    assert run.activities["call"].output == {"token": "abc"}
    assert run.variables == {"token": "abc"}
    assert run.started == ("call", "keep")


def test_a_fake_error_takes_the_path_of_failure(empty, act) -> None:
    body = {
        "parameters": {"id": {"type": "string"}},
        "variables": {"why": {"type": "String"}},
        "activities": [
            web(act),
            act("well", "Wait", "call", waitTimeInSeconds=1),
            act("tell", "SetVariable", {"call": "Failed"}, variableName="why",
                value="@concat(activity('call').error.errorCode, ': ', activity('call').error.message)"),
        ],
    }  # fmt: skip

    run = empty.run(body, {"id": "7"}, fakes={"call": ActivityFailed("2108", "no route")})

    # `well` is a skipped leaf: what made it skip decides, so the run fails.
    assert (run.status, run.message) == ("Failed", "Operation on target call failed: no route")
    assert run.variables == {"why": "2108: no route"}
    assert run.activities["well"].status == "Skipped"
    assert run.activities["call"].error == {
        "errorCode": "2108", "message": "no route", "failureType": "UserError", "target": "call", "details": [],
    }  # fmt: skip


def test_any_exception_is_a_failure_with_its_class_as_code(empty, act) -> None:
    run = empty.run([act("a", "DatabricksNotebook", notebookPath="/n")], fakes={"a": ValueError("bad")})

    assert run.activities["a"].error["errorCode"] == "ValueError"


def test_each_try_is_an_attempt_and_retry_intervals_take_no_time(empty, act) -> None:
    policy = {"retry": 2, "retryIntervalInSeconds": 3600}
    calls = []

    def answer(call):
        calls.append(call.attempt)
        if call.attempt < 3:
            raise ActivityFailed("2108", f"try {call.attempt}")
        return {"ok": True}

    run = empty.run(
        [act("a", "DatabricksNotebook", notebookPath="/n", policy=policy)],
        fakes={"a": answer},
        now="2026-01-01T00:00:00Z",
    )

    assert run.activities["a"].output == {"ok": True}
    assert [attempt.status for attempt in run.activities["a"].attempts] == ["Failed", "Failed", "Succeeded"]
    assert run.activities["a"].attempts[2].started_at.hour == 2
    assert calls == [1, 2, 3]


def test_activities_in_loops_have_a_list_with_an_entry_for_each_iteration(empty, act) -> None:
    body = [
        act(
            "each", "ForEach", items="@createArray('x', 'y', 'z')",
            activities=[
                act("load", "DatabricksNotebook", notebookPath="@concat('/', item())"),
                act("mend", "DatabricksNotebook", {"load": "Failed"}, notebookPath="/mend"),
            ],
        )
    ]  # fmt: skip

    run = empty.run(body, fakes={"load": [{"n": 1}, ActivityFailed("1", "no"), {"n": 3}], "mend": {}})

    assert [load.input["notebookPath"] for load in run.activities["load"]] == ["/x", "/y", "/z"]
    assert [load.status for load in run.activities["load"]] == ["Succeeded", "Failed", "Succeeded"]
    assert [mend.status for mend in run.activities["mend"]] == ["Skipped", "Succeeded", "Skipped"]
    assert [mend.item for mend in run.activities["mend"]] == ["x", "y", "z"]
    assert run.started == ("each", "load", "load", "mend", "load")
    assert run.status == "Succeeded"


def test_parallel_iterations_run_at_the_same_time_when_asked(empty, act) -> None:
    inner = [act("load", "DatabricksNotebook", notebookPath="@string(item())")]
    body = [act("each", "ForEach", items="@range(0, 30)", activities=inner)]

    run = empty.run(body, fakes={"load": lambda call: {"item": call.item}}, parallel=True)

    assert sorted(load.output["item"] for load in run.activities["load"]) == list(range(30))


def test_a_list_that_is_too_short_ends_the_test(empty, act) -> None:
    inner = [act("load", "DatabricksNotebook", notebookPath="/n")]

    with pytest.raises(FakeError, match="has 1 results, and the activity was started 2 times"):
        empty.run([act("each", "ForEach", items="@range(0, 2)", activities=inner)], fakes={"load": [{}]})


def test_an_assertion_in_a_fake_ends_the_test(empty, act) -> None:
    def answer(call):
        assert call.input["notebookPath"] == "/other"

    with pytest.raises(AssertionError):
        empty.run([act("a", "DatabricksNotebook", notebookPath="/n")], fakes={"a": answer})


def test_a_fake_of_an_activity_that_is_not_there_is_refused_with_the_nearest_name(empty, act) -> None:
    with pytest.raises(UserError, match=r"no activity 'lod_titles' to fake. Did you mean 'load_titles'"):
        empty.run([act("load_titles", "DatabricksNotebook", notebookPath="/n")], fakes={"lod_titles": {}})


@pytest.mark.parametrize("fake", ["text", 5, ValueError, [[{}]]])
def test_what_is_no_fake_is_refused(empty, act, fake) -> None:
    with pytest.raises(FakeError):
        empty.run([act("a", "DatabricksNotebook", notebookPath="/n")], fakes={"a": fake})


def test_expressions_of_a_faked_activity_are_evaluated_so_that_a_typo_is_found(empty, act) -> None:
    with pytest.raises(UserError, match=r"no parameter 'id'"):
        empty.run([web(act)], fakes={"call": {}})


def test_types_that_do_not_run_here_can_be_faked(empty, act) -> None:
    run = empty.run([act("package", "ExecuteSSISPackage", packageLocation={"x": "@utcNow('yyyy')"})],
                    fakes={"package": {"done": 1}}, now="2031-05-05")  # fmt: skip

    assert run.activities["package"].input == {"packageLocation": {"x": "2031"}}
    assert run.activities["package"].output == {"done": 1}


def test_what_does_not_run_here_and_is_not_faked_is_refused(empty, act) -> None:
    with pytest.raises(UserError, match="'ExecuteSSISPackage' are not supported"):
        empty.run([act("package", "ExecuteSSISPackage")])


def test_child_pipelines_run_too_and_are_seen(empty, act) -> None:
    child = {
        "parameters": {"n": {"type": "int"}},
        "activities": [
            act("work", "DatabricksNotebook", notebookPath="/n", baseParameters={"n": "@pipeline().parameters.n"}),
            act("give", "SetVariable", "work", variableName="pipelineReturnValue", setSystemVariable=True,
                value=[{"key": "rows", "value": {"type": "Expression", "content": "@activity('work').output.rows"}}]),
        ],
    }  # fmt: skip
    start = act("start", "ExecutePipeline", waitOnCompletion=True, parameters={"n": 3},
                pipeline={"referenceName": "child", "type": "PipelineReference"})  # fmt: skip

    run = empty.run([start], pipelines={"child": child}, fakes={"child/work": {"rows": 12}})

    assert run.activities["start"].output["pipelineReturnValue"] == {"rows": 12}
    assert [child.name for child in run.children] == ["child"]
    assert run.child("child").parameters == {"n": 3}
    assert run.child("child").activities["work"].input["baseParameters"] == {"n": 3}
    assert run.child("child").return_value == {"rows": 12}


def test_a_child_that_is_faked_need_not_be_there(empty, act) -> None:
    start = act("start", "ExecutePipeline", pipeline={"referenceName": "child", "type": "PipelineReference"})

    run = empty.run([start], fakes={"start": {"pipelineReturnValue": {"rows": 12}}})

    assert (run.status, run.children) == ("Succeeded", ())


def test_a_container_can_be_faked_as_a_whole(empty, act) -> None:
    body = [act("each", "ForEach", items="@range(0, 2)", activities=[act("a", "ExecuteSSISPackage")])]

    run = empty.run(body, fakes={"each": {}})

    assert run.activities["each"].input == {"items": [0, 1]}
    assert run.activities["a"] == []


def test_what_was_not_reached_says_where_it_stands(empty, act) -> None:
    body = [
        act("check", "IfCondition", expression="@equals(1, 1)", ifTrueActivities=[act("yes", "Wait", waitTimeInSeconds=1)],
            ifFalseActivities=[act("no", "Wait", waitTimeInSeconds=1)])
    ]  # fmt: skip

    run = empty.run(body)

    assert "no" not in run.activities
    assert run.activities["yes"].status == "Succeeded"
    with pytest.raises(KeyError, match="'no' did not run: it stands in 'false' of 'check'"):
        run.activities["no"]
    with pytest.raises(KeyError, match=r"no activity 'yess'. Did you mean 'yes'"):
        run.activities["yess"]


def test_waits_take_no_time_and_move_the_clock(empty, act) -> None:
    body = {
        "variables": {"then": {"type": "String"}},
        "activities": [
            act("wait", "Wait", waitTimeInSeconds=86400),
            act("note", "SetVariable", "wait", variableName="then", value="@utcNow('yyyy-MM-dd')"),
        ],
    }

    assert empty.run(body, now="2026-02-28T12:00:00Z").variables == {"then": "2026-03-01"}


def test_guids_are_what_the_test_says(empty, act) -> None:
    body = {
        "variables": {"ids": {"type": "Array"}},
        "activities": [act("set", "SetVariable", variableName="ids", value="@createArray(guid(), guid())")],
    }

    ids = ["c2ecc88d-88c8-4096-912c-d6f2e2b138ce", "00000000-0000-0000-0000-000000000001"]

    assert empty.run(body, guid=ids).variables == {"ids": ids}


def test_what_is_not_faked_works_on_temporary_storage(load_factory, act) -> None:
    factory = load_factory(datasets={"file": FILE}, linked_services={"lake": LAKE})
    factory.path("abfss://raw@acct.dfs.core.windows.net/a.json").write_text(json.dumps({"x": 5}))
    look = act("look", "Lookup", source={"type": "JsonSource"},
               dataset={"referenceName": "file", "type": "DatasetReference", "parameters": {"name": "a.json"}})  # fmt: skip

    run = factory.run([look])

    assert run.activities["look"].output["firstRow"] == {"x": 5}


@pytest.mark.supports("store", "AzureBlobStorage")
@pytest.mark.supports("linked_service", "AzureBlobStorage")
def test_files_of_blob_storage_are_copied(load_factory, act) -> None:
    service = {"type": "AzureBlobStorage", "typeProperties": {"connectionString": "AccountName=blobs;AccountKey=***"}}
    place = {
        "type": "AzureBlobStorageLocation",
        "container": "raw",
        "folderPath": "@dataset().folder",
        "fileName": "a.bin",
    }
    blob = {
        **FILE,
        "type": "Binary",
        "parameters": {"folder": {"type": "string"}},
        "typeProperties": {"location": place},
    }
    factory = load_factory(datasets={"blob": blob}, linked_services={"lake": service})
    factory.path("abfss://raw@blobs.dfs.core.windows.net/from/a.bin").write_bytes(b"x" * 10)

    def at(folder):
        return [{"referenceName": "blob", "type": "DatasetReference", "parameters": {"folder": folder}}]

    source = {"type": "BinarySource", "storeSettings": {"type": "AzureBlobStorageReadSettings"}}
    sink = {"type": "BinarySink", "storeSettings": {"type": "AzureBlobStorageWriteSettings"}}
    run = factory.run([act("move", "Copy", source=source, sink=sink, inputs=at("from"), outputs=at("to"))])

    assert run.message == ""
    assert run.activities["move"].output["dataWritten"] == 10
    assert factory.path("abfss://raw@blobs.dfs.core.windows.net/to/a.bin").read_bytes() == b"x" * 10


def test_datasets_of_faked_activities_are_seen_with_their_values(load_factory, act) -> None:
    factory = load_factory(datasets={"file": FILE}, linked_services={"lake": LAKE})
    reference = {"referenceName": "file", "type": "DatasetReference", "parameters": {"name": "@concat('a', '.json')"}}

    move = act(
        "move",
        "Copy",
        source={"type": "JsonSource"},
        sink={"type": "JsonSink"},
        inputs=[reference],
        outputs=[reference],
    )

    run = factory.run([move], fakes={"move": {"filesRead": 1}})

    location = run.activities["move"].input["inputs"][0]["typeProperties"]["location"]
    assert location["fileName"] == "a.json"


def test_a_wrong_reference_of_a_faked_activity_is_found_before_the_run(load_factory, act) -> None:
    factory = load_factory(datasets={"file": FILE}, linked_services={"lake": LAKE})
    source, sink = {"type": "JsonSource"}, {"type": "JsonSink"}

    def move(**reference):
        reference = {"type": "DatasetReference", **reference}
        return act("move", "Copy", source=source, sink=sink, inputs=[reference], outputs=[])

    with pytest.raises(UserError, match=r"no dataset 'fil'. Did you mean 'file'"):
        factory.run([move(referenceName="fil")], fakes={"move": {}})
    with pytest.raises(UserError, match=r"no parameter 'nam'. Did you mean 'name'"):
        factory.run([move(referenceName="file", parameters={"nam": "x"})], fakes={"move": {}})


def test_storage_may_lie_where_the_test_says(load_factory, act, tmp_path: Path) -> None:
    factory = load_factory(datasets={"file": FILE}, linked_services={"lake": LAKE})
    (tmp_path / "acct" / "raw").mkdir(parents=True)
    (tmp_path / "acct" / "raw" / "b.json").write_text("{}")
    meta = act("meta", "GetMetadata", fieldList=["exists"],
               dataset={"referenceName": "file", "type": "DatasetReference", "parameters": {"name": "b.json"}})  # fmt: skip

    assert factory.run([meta], lake=tmp_path).activities["meta"].output["exists"] is True


def test_unknown_parameters_ports_and_pipelines_are_refused(empty, act) -> None:
    body = [act("a", "DatabricksNotebook", notebookPath="/n")]
    with pytest.raises(UserError, match="no parameter 'x'"):
        empty.run(body, {"x": 1}, fakes={"a": {}})
    with pytest.raises(UserError, match=r"no port 'job'. Did you mean 'jobs'"):
        empty.run(body, fakes={"a": {}}, ports={"job": None})
    with pytest.raises(UserError, match="no pipeline 'nope'"):
        empty.run("nope")
    with pytest.raises(UserError, match="no global parameter 'g'"):
        empty.run(body, fakes={"a": {}}, global_parameters={"g": 1})
