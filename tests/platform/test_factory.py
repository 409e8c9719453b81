"""The factory's files: names, references, limits, and the shape of the flow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

KINDS = {
    "DatasetReference": "dataset",
    "LinkedServiceReference": "linkedService",
    "PipelineReference": "pipeline",
    "TriggerReference": "trigger",
}


@pytest.fixture(scope="module")
def objects(project: Path) -> dict[str, dict[str, Any]]:
    """Everything in adf/, by folder and name."""
    return {
        folder.name: {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
        for folder in sorted((project / "adf").iterdir())
        if folder.is_dir()
    }


def walk(value: Any) -> Iterator[Any]:
    yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    for child in children:
        yield from walk(child)


def texts(value: Any) -> list[str]:
    return [text for text in walk(value) if isinstance(text, str)]


def activities(pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return [v for v in walk(pipeline) if isinstance(v, dict) and "dependsOn" in v and "type" in v]


def scope_of(pipeline: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of activities that an activity stands in."""
    return next(
        v
        for v in walk(pipeline)
        if isinstance(v, list) and any(isinstance(a, dict) and a.get("name") == name and "dependsOn" in a for a in v)
    )


def upstream(scope: list[dict[str, Any]], name: str) -> set[str]:
    direct = {d["activity"] for a in scope if a["name"] == name for d in a["dependsOn"]}
    return direct.union(*(upstream(scope, other) for other in direct))


def test_the_folders_are_those_of_data_factory(objects: dict[str, Any]) -> None:
    assert set(objects) == {"factory", "linkedService", "dataset", "pipeline", "trigger"}


def test_file_names_are_object_names(objects: dict[str, Any]) -> None:
    assert all(body["name"] == name for folder in objects.values() for name, body in folder.items())


def test_every_reference_names_something_that_is_there(objects: dict[str, Any]) -> None:
    references = [v for v in walk(objects) if isinstance(v, dict) and "referenceName" in v]

    missing = [r for r in references if r["referenceName"] not in objects[KINDS[r["type"]]]]

    assert references and missing == []


def test_references_pass_the_parameters_that_are_declared(objects: dict[str, Any]) -> None:
    for reference in (v for v in walk(objects) if isinstance(v, dict) and "referenceName" in v):
        target = objects[KINDS[reference["type"]]][reference["referenceName"]]["properties"]
        if reference["type"] in ("DatasetReference", "LinkedServiceReference"):
            assert set(reference.get("parameters", {})) == set(target.get("parameters", {})), reference


def test_child_pipelines_and_triggers_pass_parameters_that_are_declared(objects: dict[str, Any]) -> None:
    calls = [v for v in walk(objects) if isinstance(v, dict) and ("pipelineReference" in v or v.get("pipeline", {}))]
    for call in calls:
        reference = call.get("pipelineReference") or call.get("pipeline")
        if isinstance(reference, dict) and "referenceName" in reference:
            declared = objects["pipeline"][reference["referenceName"]]["properties"].get("parameters", {})
            needed = {name for name, parameter in declared.items() if "defaultValue" not in parameter}
            assert needed <= set(call.get("parameters", {})) <= set(declared)


def test_expressions_name_activities_that_ran_before(objects: dict[str, Any]) -> None:
    for name, pipeline in objects["pipeline"].items():
        outer = {a["name"]: a for a in pipeline["properties"]["activities"]}
        for activity in activities(pipeline):
            scope = scope_of(pipeline, activity["name"])
            allowed = upstream(scope, activity["name"])
            for container in outer.values():
                if activity is not container and any(v is activity for v in walk(container)):
                    allowed |= upstream(list(outer.values()), container["name"])
            inner = {a["name"] for a in activities(activity["typeProperties"])}
            named = {n for t in texts(activity) for n in re.findall(r"activity\('(.+?)'\)", t)}
            assert named <= allowed | inner, (name, activity["name"], named - allowed)


def test_expressions_name_parameters_variables_and_global_parameters_that_exist(objects: dict[str, Any]) -> None:
    (factory,) = objects["factory"].values()
    for name, pipeline in objects["pipeline"].items():
        properties = pipeline["properties"]
        text = " ".join(texts(properties["activities"]))
        assert set(re.findall(r"parameters\.(\w+)", text)) - set(re.findall(r"globalParameters\.(\w+)", text)) <= set(
            properties.get("parameters", {})
        ), name
        assert set(re.findall(r"variables\('(\w+)'\)", text)) <= set(properties.get("variables", {})), name
        assert set(re.findall(r"globalParameters\.(\w+)", text)) <= set(factory["properties"]["globalParameters"]), name


def test_names_and_expressions_keep_to_the_limits(objects: dict[str, Any]) -> None:
    for pipeline in objects["pipeline"].values():
        names = [activity["name"] for activity in activities(pipeline)]
        assert len(set(names)) == len(names) <= 80
        assert all(len(name) <= 55 and re.fullmatch(r"\w+", name) for name in names)
        assert all(len(text) <= 8192 for text in texts(pipeline))


def test_policies_are_legal(objects: dict[str, Any]) -> None:
    for activity in (a for p in objects["pipeline"].values() for a in activities(p)):
        policy = activity.get("policy")
        if policy:
            days, hours, minutes, _ = map(int, re.split("[.:]", policy["timeout"]))
            assert 10 <= (days * 24 + hours) * 60 + minutes <= 7 * 24 * 60
            assert 30 <= policy["retryIntervalInSeconds"] <= 86400


def test_no_condition_stands_in_a_condition_and_no_validation_in_a_container(objects: dict[str, Any]) -> None:
    for activity in (a for p in objects["pipeline"].values() for a in activities(p)):
        inner = {a["type"] for a in activities(activity["typeProperties"])}
        if activity["type"] in ("IfCondition", "Switch"):
            assert not inner & {"IfCondition", "Switch", "ForEach", "Until"}
        assert "Validation" not in inner and not inner & {"ForEach", "Until"}


def test_sources_are_copied_as_bytes(objects: dict[str, Any]) -> None:
    copies = [a for a in activities(objects["pipeline"]["ingest_source"]) if a["type"] == "Copy"]

    assert [(c["typeProperties"]["source"]["type"], c["typeProperties"]["sink"]["type"]) for c in copies] == [
        ("BinarySource", "BinarySink")
    ] * 2


def test_what_the_platform_writes_starts_no_trigger(objects: dict[str, Any], project: Path) -> None:
    trigger = objects["trigger"]["tr_raw_drop"]["properties"]
    folders = {s["target_folder"] for s in json.loads((project / "config/pipeline_config.json").read_text())["sources"]}

    assert trigger["typeProperties"]["blobPathBeginsWith"] == "/raw/blobs/drop/"
    assert trigger["pipelines"][0]["pipelineReference"]["referenceName"] == "process_arrival"
    assert not folders & {"drop", "_landing", "_config"}


def test_triggers_are_stopped_until_someone_starts_them(objects: dict[str, Any]) -> None:
    assert {t["properties"]["runtimeState"] for t in objects["trigger"].values()} == {"Stopped"}


def test_the_weekly_trigger_asks_for_maintenance(objects: dict[str, Any]) -> None:
    asked = {
        name: trigger["properties"]["pipelines"][0]["parameters"].get("maintenance")
        for name, trigger in objects["trigger"].items()
    }

    assert asked == {"tr_daily": "false", "tr_weekly": "true", "tr_raw_drop": None}


def test_the_schedules_of_the_flow_are_those_of_the_configuration(objects: dict[str, Any], project: Path) -> None:
    schema = json.loads((project / "config" / "pipeline_config.schema.json").read_text())
    schedules = schema["$defs"]["source"]["properties"]["schedule"]["enum"]
    check = scope_of(objects["pipeline"]["netflix_platform"], "check_schedule")[0]["typeProperties"]
    triggered = {
        trigger["properties"]["pipelines"][0]["parameters"].get("schedule")
        for trigger in objects["trigger"].values()
        if trigger["properties"]["type"] == "ScheduleTrigger"
    }

    assert re.findall(r"'(\w+)'", check["expression"]["value"]) == schedules
    assert check["ifFalseActivities"][0]["typeProperties"]["message"]["value"].endswith(
        f"one of {', '.join(schedules)}.')"
    )
    assert triggered <= set(schedules)


def test_a_path_of_raw_is_written_once_checked_and_removed_when_the_copy_fails(objects: dict[str, Any]) -> None:
    copy, remove, fail = scope_of(objects["pipeline"]["ingest_source"], "copy_to_raw")

    assert copy["policy"]["retry"] == 0
    assert copy["typeProperties"]["validateDataConsistency"] is True
    assert copy["typeProperties"]["sink"]["storeSettings"]["copyBehavior"] == "PreserveHierarchy"
    assert (remove["type"], remove["typeProperties"]["dataset"]) == ("Delete", copy["outputs"][0])
    assert remove["dependsOn"] == [{"activity": "copy_to_raw", "dependencyConditions": ["Failed"]}]
    assert (fail["type"], fail["dependsOn"]) == (
        "Fail",
        [{"activity": "remove_partial", "dependencyConditions": ["Succeeded", "Failed"]}],
    )
