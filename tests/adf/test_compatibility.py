"""What factories of others do and Data Factory lets pass: names in containers, settings that change nothing."""

from __future__ import annotations

import pytest

from reelhouse.adf.validate import validate
from reelhouse.runs.record import RunStatus


def messages(factory) -> list[str]:
    return [str(finding) for finding in validate(factory)]


def set_from(act, name: str, after: str, inner: str):
    return act(name, "SetVariable", after, variableName="seen", value=f"@activity('{inner}').output.value")


def pipeline(*activities):
    names = ("seen", "inner", "outer")
    return {"variables": {name: {"type": "String"} for name in names}, "activities": list(activities)}


@pytest.mark.parametrize("kind", ["IfCondition", "Switch", "Until"])
def test_an_activity_after_a_container_reads_what_an_activity_inside_gave(run, act, kind):
    body = [act("inside", "SetVariable", variableName="inner", value="kept")]
    holder = {
        "IfCondition": {"expression": "@true", "ifTrueActivities": body},
        "Switch": {"on": "a", "cases": [{"value": "a", "activities": body}], "defaultActivities": []},
        "Until": {"expression": "@true", "timeout": "0.00:01:00", "activities": body},
    }[kind]

    result = run(pipeline(act("holder", kind, **holder), set_from(act, "after", "holder", "Inside")))

    assert (result.status, result.variables["seen"]) == (RunStatus.SUCCEEDED, "kept")


def test_what_an_activity_in_a_branch_in_a_loop_gave_last_is_read_after_the_loop(run, act):
    note = act("note", "SetVariable", variableName="inner", value="@concat(variables('outer'), '!')")
    branch = act("branch", "IfCondition", expression="@true", ifTrueActivities=[note])
    longer = act("longer", "SetVariable", "branch", variableName="seen", value="@concat(variables('outer'), 'x')")
    again = act("again", "SetVariable", "longer", variableName="outer", value="@variables('seen')")
    until = act(
        "loop",
        "Until",
        expression="@equals(variables('outer'), 'xxx')",
        timeout="0.00:01:00",
        activities=[branch, longer, again],
    )

    result = run(pipeline(until, set_from(act, "after", "loop", "note")))

    assert (result.status, result.variables["seen"]) == (RunStatus.SUCCEEDED, "xx!")


def test_an_activity_of_the_branch_not_taken_has_no_output(run, act):
    body = [act("inside", "SetVariable", variableName="inner", value="kept")]
    holder = act("holder", "IfCondition", expression="@false", ifTrueActivities=body)

    result = run(pipeline(holder, set_from(act, "after", "holder", "inside")))

    assert result.status is RunStatus.FAILED
    assert "inside" in result.message


@pytest.mark.parametrize("upstream", [False, True])
def test_names_inside_of_a_for_each_or_of_a_container_beside_stay_unknown(make_factory, act, upstream):
    body = [act("inside", "SetVariable", variableName="inner", value="kept")]
    loop = act("holder", "ForEach", isSequential=True, items="@json('[1]')", activities=body)
    branch = act("holder", "IfCondition", expression="@true", ifTrueActivities=body)
    after = set_from(act, "after", "holder" if upstream else (), "inside")

    found = messages(make_factory({"main": pipeline(loop if upstream else branch, after)}))

    assert any("The activity 'inside' is not upstream" in text for text in found)


def test_a_json_sink_may_say_that_texts_are_quoted(run, act, dataset, raw):
    (raw / "in").mkdir()
    (raw / "in" / "a.csv").write_text("id,name\n1,Ann\n", encoding="utf-8")
    formats = {"type": "JsonWriteSettings", "quoteAllText": True}
    copy = act(
        "c",
        "Copy",
        source={"type": "DelimitedTextSource", "storeSettings": {"type": "AzureBlobFSReadSettings"}},
        sink={
            "type": "JsonSink",
            "storeSettings": {"type": "AzureBlobFSWriteSettings"},
            "formatSettings": formats,
        },
        inputs=[dataset("ds_text", folder="in", file="a.csv")],
        outputs=[dataset("ds_json", folder="out", file="a.json")],
    )

    assert run([copy]).status is RunStatus.SUCCEEDED
    assert '"Ann"' in (raw / "out" / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("store", "settings"), [("FileServer", "FileServerReadSettings"), ("FtpServer", "FtpReadSettings")]
)
def test_settings_of_a_server_are_not_said_to_misfit_its_location(make_factory, act, store, settings):
    service = {"name": "ls_share", "properties": {"type": store, "typeProperties": {"host": "share.example"}}}
    share = {
        "name": "ds_share",
        "properties": {
            "type": "Binary",
            "linkedServiceName": {"referenceName": "ls_share", "type": "LinkedServiceReference"},
            "typeProperties": {"location": {"type": f"{store}Location", "fileName": "a"}},
        },
    }
    metadata = act(
        "g",
        "GetMetadata",
        dataset={"referenceName": "ds_share", "type": "DatasetReference"},
        fieldList=["size"],
        storeSettings={"type": settings},
    )

    found = messages(make_factory({"main": [metadata]}, objects={"linkedService": [service], "dataset": [share]}))

    assert any("not supported" in text for text in found)
    assert not any("do not fit" in text for text in found)


VAULT = {
    "name": "ls_vault",
    "properties": {"type": "AzureKeyVault", "typeProperties": {"baseUrl": "https://v.vault.azure.net"}},
}
CONNECTION = "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5;EndpointSuffix=core.windows.net"


class Secrets:
    """A key vault that knows one connection string by the name it was asked for."""

    def get(self, vault: str, name: str) -> str:
        return {"blob-main": CONNECTION, "blob-sas": "https://acct.blob.core.windows.net/?sv=1&sig=x"}[name]


@pytest.mark.parametrize(("key", "name"), [("connectionString", "blob-main"), ("sasUri", "blob-sas")])
def test_a_storage_account_is_named_by_a_secret(run, act, services, runs, raw, key, name):
    (raw / "a.txt").write_text("a", encoding="utf-8")
    services.secrets = Secrets()
    value = {
        "type": "AzureKeyVaultSecret",
        "store": {"referenceName": "ls_vault", "type": "LinkedServiceReference"},
        "secretName": "@{linkedService().secret}",
    }
    blob = {
        "name": "ls_blob",
        "properties": {
            "type": "AzureBlobStorage",
            "parameters": {"secret": {"type": "String"}},
            "typeProperties": {key: value},
        },
    }
    reference = {"referenceName": "ls_blob", "type": "LinkedServiceReference", "parameters": {"secret": name}}
    location = {"type": "AzureBlobStorageLocation", "container": "raw", "fileName": "a.txt"}
    properties = {"type": "Binary", "linkedServiceName": reference, "typeProperties": {"location": location}}
    metadata = act(
        "g",
        "GetMetadata",
        dataset={"referenceName": "ds_blob", "type": "DatasetReference"},
        fieldList=["size"],
        storeSettings={"type": "AzureBlobStorageReadSettings"},
    )

    result = run(
        [metadata],
        objects={"linkedService": [VAULT, blob], "dataset": [{"name": "ds_blob", "properties": properties}]},
    )

    assert (result.status, result.message) == (RunStatus.SUCCEEDED, "")
    assert result.activities["g"]["output"]["size"] == 1
    assert "a2V5" not in str(runs.all)


def test_names_of_objects_are_found_in_any_letter_case(run, make_factory, act, raw):
    (raw / "a.txt").write_text("a", encoding="utf-8")
    metadata = act(
        "g",
        "GetMetadata",
        dataset={"referenceName": "DS_File", "type": "DatasetReference", "parameters": {"folder": "", "file": "a.txt"}},
        fieldList=["size"],
    )
    child = act("child", "ExecutePipeline", pipeline={"referenceName": "CHILD", "type": "PipelineReference"})

    assert messages(make_factory({"main": [child], "Child": [metadata]})) == []
    assert run([child], others={"Child": [metadata]}).status is RunStatus.SUCCEEDED
