"""What is found without running: each finding with its file, JSON path and remedy."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import json
import time

import pytest

from reelhouse.adf.explain import explain
from reelhouse.adf.factory import load_factory
from reelhouse.adf.run import run_pipeline
from reelhouse.adf.validate import validate
from reelhouse.errors import UserError


def texts(findings) -> list[str]:
    return [str(finding) for finding in findings]


def test_a_sound_factory_has_no_findings(make_factory, act, copy, dataset):
    factory = make_factory(
        {
            "main": {
                "parameters": {"p": {"type": "String"}},
                "variables": {"v": {"type": "Array"}},
                "activities": [
                    copy("c", dataset("ds_file", folder="@pipeline().parameters.p", file="f"), dataset("ds_folder", folder="x"),
                         policy={"timeout": "0.12:00:00", "retry": 2, "retryIntervalInSeconds": 30}),
                    act("each", "ForEach", "c", items="@variables('v')", activities=[
                        act("add", "AppendVariable", variableName="v", value="@concat(item(), activity('c').output.dataRead)"),
                    ]),
                ],
            }
        }
    )  # fmt: skip

    assert texts(validate(factory)) == []


W = {"waitTimeInSeconds": 1}

CASES = [
    ([("w", "Wait", (), {"waitTimInSeconds": 1})], "has no property 'waitTimInSeconds'. Did you mean 'waitTimeInSeconds'?"),
    ([("w", "Wait", (), {})], "lacks the property 'waitTimeInSeconds'"),
    ([("w", "HDInsightHive", (), {})], "type 'HDInsightHive' are not supported ('w'). Supported: AppendVariable, "),
    ([("w", "Wait", "x", W)], "'w' depends on 'x', which is not an activity beside it"),
    ([("a", "Wait", "b", W), ("b", "Wait", "a", W)], "depends on itself"),
    ([("a", "Wait", {"b": ["Succeded"]}, W), ("b", "Wait", (), W)], """The property 'dependencyConditions' of a dependency of 'a' has "Succeded". Did you mean 'Succeeded'? Allowed: Succeeded, Failed, Skipped, Completed."""),
    ([("a", "Wait", {"b": []}, W), ("b", "Wait", (), W)], "A dependency of 'a' names no condition. Give one of Succeeded, Failed"),
    ([("a", "ForEach", (), {"items": "@json('[]')", "isSequential": "often", "activities": [{"name": "w", "type": "Wait", "typeProperties": W}]})], "has to be true or false, it is \"often\""),
    ([("a", "Wait", (), W), ("A", "Wait", (), W)], "two activities named 'A'"),
    ([("a:b", "Wait", (), W)], "not a valid name of an activity"),
    ([("x" * 56, "Wait", (), W)], "not a valid name of an activity. A name has 1 to 55 characters"),
    ([("y3.bad/name", "Wait", (), W)], "begins with a letter, a digit or '_', and has none of . + ? / < > * % & : and \\."),
    ([("w", "Wait", (), {"waitTimeInSeconds": 0})], "'waitTimeInSeconds' is 0, and has to be a whole number of at least 1"),
    ([("w", "Wait", (), {"waitTimeInSeconds": "soon"})], "'waitTimeInSeconds' is 'soon'"),
    ([("u", "Until", (), {"expression": "@true", "timeout": "91.00:00:00", "activities": [{"name": "w", "type": "Wait", "typeProperties": W}]})], "The time is '91.00:00:00', and has to be at most 90 days"),
    ([("u", "Until", (), {"expression": "@true", "timeout": "2 days", "activities": [{"name": "w", "type": "Wait", "typeProperties": W}]})], "'2 days' is no time span"),
    ([("w", "Validation", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference", "parameters": {"folder": "a"}}, "sleep": 0})], "'sleep' is 0"),
    ([("f", "ForEach", (), {"items": "@json('[]')", "batchCount": 0, "activities": [{"name": "w", "type": "Wait", "typeProperties": W}]})], "'batchCount' is 0, and has to be a whole number between 1 and 50"),
    ([("s", "Switch", (), {"on": "a", "cases": [{"value": str(i), "activities": []} for i in range(26)]})], "25 cases at most, this one has 26"),
    ([("s", "Switch", (), {"on": "a", "cases": [{"value": "x", "activities": []}, {"value": "x", "activities": []}]})], "There are two cases 'x'"),
    ([("w", "WebActivity", (), {"method": "GETT", "url": "http://x"})], "'GETT' is no method of a WebActivity. Did you mean 'GET'?"),
    ([("w", "WebActivity", (), {"method": "POST", "url": "http://x"})], "A POST needs a body"),
    ([("w", "WebActivity", (), {"method": "GET", "url": "http://x", "httpRequestTimeout": "00:11:00"})], "between 1 minute and 10 minutes"),
    ([("g", "GetMetadata", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference", "parameters": {"folder": "a"}}, "fieldList": []})], "asks for no field"),
    ([("g", "GetMetadata", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference", "parameters": {"folder": "a"}}, "fieldList": ["structure"]})], "The Binary dataset 'ds_folder' has no 'structure'"),
    ([("l", "Lookup", (), {"source": {"type": "JsonSource"}, "dataset": {"referenceName": "ds_file", "type": "DatasetReference", "parameters": {"folder": "", "file": ""}}})], "A JsonSource does not fit the Binary dataset 'ds_file'"),
    ([("l", "Lookup", (), {"source": {"type": "JsonSource"}, "dataset": {"referenceName": "ds_text", "type": "DatasetReference", "parameters": {"folder": "", "file": ""}}})], "A JsonSource does not fit the DelimitedText dataset 'ds_text'. Use DelimitedTextSource."),
    ([("l", "Lookup", (), {"source": {"type": "JsonSource", "storeSettings": {"type": "HttpReadSettings"}}, "dataset": {"referenceName": "ds_json", "type": "DatasetReference", "parameters": {"folder": "", "file": ""}}})], "HttpReadSettings do not fit the dataset 'ds_json', whose location is of type AzureBlobFSLocation. Use AzureBlobFSReadSettings."),
    ([("w", "Wait", (), {"waitTimeInSeconds": "@pipeline().parameters.q"})], "no parameter 'q', at character 24"),
    ([("w", "Wait", (), {"waitTimeInSeconds": "@adds(1, 2)"})], "no function 'adds', at character 2 of '@adds(1, 2)'. Did you mean 'add'?"),
    ([("w", "Wait", (), {"waitTimeInSeconds": {"value": "@item()", "type": "Expression"}})], "item() does not exist"),
    ([("a", "Wait", (), W), ("w", "Wait", (), {"waitTimeInSeconds": "@activity('a').output.x"})], "not upstream of this one"),
    ([("s", "SetVariable", (), {"variableName": "w", "value": 1})], "no variable 'w'"),
    ([("s", "SetVariable", (), {"variableName": "v", "value": "@union(variables('v'), createArray(1))"})], "must not use itself"),
    ([("s", "AppendVariable", (), {"variableName": "t", "value": 1})], "of type String, not an Array"),
    ([("e", "ExecutePipeline", (), {"pipeline": {"referenceName": "man", "type": "PipelineReference"}})], "no pipeline 'man'. Did you mean 'main'?"),
    ([("g", "GetMetadata", (), {"dataset": {"referenceName": "ds_fil", "type": "DatasetReference"}, "fieldList": ["size"]})], "Did you mean 'ds_file'?"),
    ([("g", "GetMetadata", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference"}, "fieldList": ["size"]})], "needs a value for its parameter 'folder'"),
    ([("g", "GetMetadata", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference", "parameters": {"folder": "a", "foldr": 1}}, "fieldList": ["size"]})], "has no parameter 'foldr'. Did you mean 'folder'?"),
    ([("g", "GetMetadata", (), {"dataset": {"referenceName": "ds_web", "type": "DatasetReference", "parameters": {"base_url": "", "path": ""}}, "fieldList": ["sise"]})], "does not work on the HTTP dataset 'ds_web'"),
    ([("g", "GetMetadata", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference", "parameters": {"folder": "a"}}, "fieldList": ["sise"]})], "'sise' is no field of metadata. Did you mean 'size'?"),
    ([("d", "Delete", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference", "parameters": {"folder": "a"}}, "storeSettings": {"type": "AzureBlobFSReadSettings", "recursiv": True}})], "has no property 'recursiv'. Did you mean 'recursive'?"),
    ([("f", "ForEach", (), {"items": "@json('[]')", "batchCount": 51, "activities": [{"name": "w", "type": "Wait", "typeProperties": W}]})], "between 1 and 50"),
    ([("f", "ForEach", (), {"items": "@json('[]')", "activities": [{"name": "g", "type": "ForEach", "typeProperties": {"items": "@json('[]')", "activities": [{"name": "w", "type": "Wait", "typeProperties": W}]}}]})], "does not allow ForEach inside of ForEach"),
    ([("i", "IfCondition", (), {"expression": "@true", "ifTrueActivities": [{"name": "j", "type": "IfCondition", "typeProperties": {"expression": "@true"}}]})], "IfCondition inside of IfCondition"),
    ([("j", "DatabricksJob", (), {"jobId": "9"})], "No job has the id '9'"),
    ([("l", "Lookup", (), {"source": {"type": "CassandraSource"}, "dataset": {"referenceName": "ds_json", "type": "DatasetReference", "parameters": {"folder": "", "file": ""}}})], "Lookup from 'CassandraSource' is not supported"),
    ([("c", "Copy", (), {"source": {"type": "OrcSource"}, "sink": {"type": "ParquetSink"}})], "Copy from 'OrcSource' is not supported"),
    ([("w", "Validation", (), {"dataset": {"referenceName": "ds_folder", "type": "DatasetReference", "parameters": {"folder": "a"}}, "timout": "0.0"})], "has no property 'timout'. Did you mean 'timeout'?"),
]  # fmt: skip


@pytest.mark.parametrize(("activities", "message"), CASES, ids=[case[1] for case in CASES])
def test_a_mistake_is_found_with_its_place(make_factory, act, activities, message):
    body = {
        "variables": {"v": {"type": "Array"}, "t": {"type": "String"}},
        "activities": [act(name, kind, after, **properties) for name, kind, after, properties in activities],
    }
    found = texts(validate(make_factory({"main": body}), known_job_ids=["11"]))

    assert any(message in text for text in found), found
    assert all("(factory/pipeline/main.json, properties" in text for text in found), found


def test_a_mistake_stops_a_run_before_it_starts_even_in_a_child(make_factory, act, services, runs):
    factory = make_factory(
        {
            "main": [act("call", "ExecutePipeline", pipeline={"referenceName": "child", "type": "PipelineReference"})],
            "child": [act("x", "HDInsightHive")],
        }
    )

    with pytest.raises(UserError, match=r"type 'HDInsightHive' are not supported .*factory/pipeline/child.json"):
        run_pipeline(factory, "main", {}, services)
    assert not runs.all


def test_a_pipeline_that_is_wrong_does_not_stop_another(make_factory, act, services):
    factory = make_factory({"good": [act("w", "Wait", waitTimeInSeconds=1)], "bad": {"activitys": []}})

    assert run_pipeline(factory, "good", {}, services).status == "Succeeded"
    with pytest.raises(UserError, match=r"has no property 'activitys'\. Did you mean 'activities'"):
        run_pipeline(factory, "bad", {}, services)


def test_an_activity_sees_upstream_activities_of_the_scopes_around_it(make_factory, act):
    inner = act("in", "Wait", waitTimeInSeconds="@activity('a').output.x")
    loop = act("loop", "Until", "a", expression="@equals(activity('in').status, 'x')", activities=[inner])
    factory = make_factory({"main": [act("a", "Wait", waitTimeInSeconds=1), loop]})

    assert texts(validate(factory)) == []


def test_datasets_and_linked_services_see_only_their_own_parameters(make_factory):
    service = {"name": "ls_x", "properties": {"type": "HttpServer", "parameters": {"u": {"type": "String"}},
                                              "typeProperties": {"url": "@{linkedService().uu}"}}}  # fmt: skip
    reference = {
        "referenceName": "ls_x",
        "type": "LinkedServiceReference",
        "parameters": {"u": "@pipeline().parameters.x"},
    }
    item = {
        "name": "ds_x",
        "properties": {
            "type": "Binary",
            "linkedServiceName": reference,
            "typeProperties": {"location": {"type": "HttpServerLocation", "relativeUrl": "@dataset().p"}},
        },
    }
    found = texts(validate(make_factory({}, objects={"linkedService": [service], "dataset": [item]})))

    assert any("no parameter of the linked service 'uu'" in text for text in found)
    assert any("no parameter of the dataset 'p'" in text for text in found)
    assert any("pipeline() does not exist in a dataset" in text for text in found)


def test_types_that_are_not_supported_are_refused_where_they_are_used(make_factory, act, dataset, services):
    service = {
        "name": "ls_sql",
        "properties": {"type": "Cassandra", "typeProperties": {"connectionString": "x", "any": 1}},
    }
    table = {"name": "ds_sql", "properties": {"type": "CassandraTable", "typeProperties": {"any": 1},
             "linkedServiceName": {"referenceName": "ls_sql", "type": "LinkedServiceReference"}}}  # fmt: skip
    factory = make_factory(
        {
            "main": [act("l", "Lookup", source={"type": "JsonSource"}, dataset=dataset("ds_sql"))],
            "other": [act("w", "Wait", waitTimeInSeconds=1)],
        },
        objects={"linkedService": [service], "dataset": [table]},
    )

    found = [finding for finding in validate(factory) if finding.severity == "error"]
    assert [finding.place.file for finding in found] == ["factory/pipeline/main.json"]
    assert run_pipeline(factory, "other", {}, services).status == "Succeeded"
    with pytest.raises(
        UserError, match=r"Dataset .ds_sql. is of type .CassandraTable., which is not supported\. Supported: "
    ):
        run_pipeline(factory, "main", {}, services)


def _binary(name: str, **properties):
    reference = {"referenceName": "ls_lake", "type": "LinkedServiceReference"}
    return {
        "name": name,
        "properties": {"type": "Binary", "linkedServiceName": reference, "typeProperties": properties},
    }


def test_a_location_and_a_compression_that_are_not_supported_are_found(make_factory):
    where = {"type": "AzureBlobFSLocation", "fileSystem": "raw"}
    datasets = [
        _binary("ds_ftp", location={"type": "FtpServerLocation"}),
        _binary("ds_typo", location={**where, "folderPaht": "x"}),
        _binary("ds_zip", location=where, compression={"type": "snappy"}),
    ]
    found = texts(validate(make_factory({}, objects={"dataset": datasets})))

    assert len(found) == 3
    assert any("Locations of type 'FtpServerLocation' are not supported" in text for text in found)
    assert any("has no property 'folderPaht'. Did you mean 'folderPath'?" in text for text in found)
    assert any("The compression 'snappy' is not supported" in text for text in found)


def test_the_git_layout_is_read_in_every_spelling(tmp_path, act):
    objects = {
        "pipelines/p.json": {"name": "p", "properties": {"activities": []}},
        "linked_services/l.json": {"name": "l", "properties": {"type": "AzureKeyVault", "typeProperties": {"baseUrl": "x"}}},
        "datasets/d.json": {"name": "d", "properties": {"type": "Binary", "linkedServiceName": {"referenceName": "l", "type": "LinkedServiceReference"}, "typeProperties": {"location": {}}}},
        "loose_pipeline.json": {"name": "loose_pipeline", "properties": {"activities": []}},
        "typed.json": {"name": "typed", "type": "Microsoft.DataFactory/factories/pipelines", "properties": {}},
        "package.json": {"name": "not-adf", "version": "1"},
        "factory/f.json": {"name": "f", "properties": {"globalParameters": {"g": {"type": "int", "value": 5}}}},
    }  # fmt: skip
    for name, body in objects.items():
        path = tmp_path / "f" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\ufeff" + json.dumps(body), encoding="utf-8")
    factory = load_factory(tmp_path / "f")

    assert (sorted(factory.pipelines), sorted(factory.datasets), sorted(factory.linked_services)) == (
        ["loose_pipeline", "p", "typed"], ["d"], ["l"],
    )  # fmt: skip
    assert (factory.name, factory.global_parameters) == ("f", {"g": 5})


def test_files_that_are_not_json_or_have_another_name_are_found(tmp_path):
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline/a.json").write_text("{")
    (tmp_path / "pipeline/b.json").write_text('{"name": "c", "properties": {"activities": []}}')
    factory = load_factory(tmp_path)
    found = texts(factory.findings)

    assert any("is not JSON" in text and "pipeline/a.json" in text for text in found)
    assert any("'c' is not the file's name 'b'" in text for text in found)
    with pytest.raises(UserError, match="is not JSON"):
        factory.pipeline("a")


def test_a_plan_is_printed_without_running(make_factory, act):
    factory = make_factory(
        {
            "main": [
                act("a", "Wait", waitTimeInSeconds=1),
                act(
                    "if",
                    "IfCondition",
                    {"a": ["Succeeded", "Failed"]},
                    expression="@true",
                    ifTrueActivities=[act("b", "Wait", waitTimeInSeconds=1)],
                ),
                act("call", "ExecutePipeline", "a", pipeline={"referenceName": "child", "type": "PipelineReference"}),
            ],
            "child": [act("c", "Wait", waitTimeInSeconds=1, state="Inactive")],
        }
    )

    assert explain(factory, "main").splitlines() == [
        "pipeline main",
        "   1. a (Wait)",
        "   2. if (IfCondition) after a Failed/Succeeded",
        "      if true:",
        "         1. b (Wait)",
        "   2. call (ExecutePipeline) after a Succeeded",
        "      pipeline child",
        "         1. c (Wait) [inactive, counts as Succeeded]",
    ]


def test_two_hundred_pipelines_are_validated_quickly(make_factory, act):
    chain = [act("a0", "Wait", waitTimeInSeconds=1)] + [
        act(f"a{i}", "Wait", f"a{i - 1}", waitTimeInSeconds=f"@add({i}, length(activity('a0').output))")
        for i in range(1, 20)
    ]
    factory = make_factory({f"p{i}": chain for i in range(200)})
    started = time.process_time()
    findings = validate(load_factory(factory.folder))

    assert findings == []
    assert time.process_time() - started < 2 * 3  # the aim is 2 s on an idle machine


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"timeout": "8.00:00:00"}, "error: The time is '8.00:00:00', and has to be at most 7 days"),
        ({"timeout": "soon"}, "error: 'soon' is no time span"),
        ({"timeout": "0.00:01:00"}, "warning: '0.00:01:00' is less than 10 minutes"),
        ({"retry": -1}, "error: 'retry' is -1, and has to be a whole number of at least 0"),
        ({"retryIntervalInSeconds": 29}, "warning: 29 is outside of 30 to 86400 seconds"),
        ({"retryIntervalInSeconds": 86_401}, "warning: 86401 is outside of 30 to 86400 seconds"),
    ],
)
def test_a_policy_has_limits(make_factory, act, dataset, copy, policy, message):
    body = [copy("c", dataset("ds_folder", folder="a"), dataset("ds_folder", folder="b"), policy=policy)]
    found = [f"{finding.severity}: {finding}" for finding in validate(make_factory({"main": body}))]

    assert len(found) == 1 and message in found[0], found


def test_what_an_expression_gives_is_not_judged_before_it_is_there(make_factory, act, dataset, copy):
    wait = {"value": "@pipeline().parameters.p", "type": "Expression"}
    body = {
        "parameters": {"p": {"type": "Int"}},
        "activities": [
            act("w", "Wait", waitTimeInSeconds=wait),
            act("u", "Until", expression="@true", timeout="@concat('1.00:00', ':00')", activities=[act("x", "Wait", **W)]),
            copy("c", dataset("ds_folder", folder="a"), dataset("ds_folder", folder="b"),
                 policy={"timeout": wait, "retry": wait}),
        ],
    }  # fmt: skip

    assert texts(validate(make_factory({"main": body}))) == []


def test_types_that_data_factory_does_not_have_are_told_with_the_nearest_name(make_factory, act):
    lake = {"referenceName": "ls_lake", "type": "LinkedServiceReference"}
    objects = {
        "dataset": [{"name": "d", "properties": {"type": "Jsn", "linkedServiceName": lake, "typeProperties": {}}}],
        "linkedService": [{"name": "s", "properties": {"type": "SqlSrver", "typeProperties": {}}}],
    }

    found = "\n".join(texts(validate(make_factory({"main": [act("A", "Lokup")]}, objects=objects))))

    assert "Data Factory has no activity of type 'Lokup' ('A'). Did you mean 'Lookup'?" in found
    assert "Data Factory has no dataset of type 'Jsn' ('d'). Did you mean 'Json'?" in found
    assert "Data Factory has no linked service of type 'SqlSrver' ('s'). Did you mean 'SqlServer'?" in found
