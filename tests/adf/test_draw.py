"""Pipelines as pictures."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from reelhouse.adf.draw.layout import layout
from reelhouse.adf.draw.states import State, states_of
from reelhouse.adf.draw.svg import draw
from reelhouse.adf.factory import load_factory
from reelhouse.runs.record import RunStatus

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def act(name: str, type: str = "Wait", after: dict[str, list[str]] | None = None, **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": type,
        "dependsOn": [{"activity": other, "dependencyConditions": how} for other, how in (after or {}).items()],
        "typeProperties": settings or {"waitTimeInSeconds": 1},
    }


@pytest.fixture
def pipeline(tmp_path):
    def load(*activities: Any) -> Any:
        (tmp_path / "pipeline").mkdir(exist_ok=True)
        (tmp_path / "pipeline" / "p.json").write_text(
            json.dumps({"name": "p", "properties": {"activities": list(activities)}})
        )
        return load_factory(tmp_path).pipeline("p")

    return load


def test_every_activity_of_our_own_factory_is_in_its_picture():
    for pipeline in load_factory(ROOT / "adf").pipelines.values():
        tree = ElementTree.fromstring(draw(pipeline))
        drawn = [group.get("data-activity") for group in tree.iter(f"{SVG}g") if group.get("data-activity")]
        assert drawn and len(drawn) == len(set(drawn))
        texts = {text.text for text in tree.iter(f"{SVG}text")}
        assert set(drawn) <= texts


def test_activities_stand_to_the_right_of_what_they_depend_on_and_none_over_another(pipeline):
    picture = layout(
        pipeline(
            act("a"),
            act("b"),
            act("c", after={"a": ["Succeeded"], "b": ["Failed"]}),
            act("d", after={"c": ["Skipped"]}),
        ).activities
    )
    boxes = picture.boxes
    assert boxes["a"].x == boxes["b"].x < boxes["c"].x < boxes["d"].x
    for one in boxes.values():
        for other in boxes.values():
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            above = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert one is other or apart or above


def test_an_arrow_passes_below_what_stands_between(pipeline):
    picture = layout(
        pipeline(
            act("a"), act("b", after={"a": ["Succeeded"]}), act("c", after={"a": ["Failed"], "b": ["Succeeded"]})
        ).activities
    )
    by_ends = {(arrow.source, arrow.target): arrow for arrow in picture.arrows}
    assert by_ends["a", "b"].below is None
    assert by_ends["a", "c"].below > picture.boxes["b"].y + picture.boxes["b"].height
    assert picture.height >= by_ends["a", "c"].below


def test_containers_are_drawn_around_what_they_hold(pipeline):
    inner = [act("x"), act("y", after={"x": ["Succeeded"]})]
    picture = layout(
        pipeline(
            act("if", "IfCondition", expression={"value": "@true", "type": "Expression"}, ifTrueActivities=inner),
        ).activities
    )
    box = picture.boxes["if"]
    (branch,) = box.branches
    assert branch.label == "If true"
    assert box.width > branch.picture.width and box.height > branch.y + branch.picture.height


@pytest.mark.parametrize("condition", ["Succeeded", "Failed", "Completed", "Skipped"])
def test_each_condition_has_its_colour(pipeline, condition):
    text = draw(pipeline(act("a"), act("b", after={"a": [condition]})))
    paths = [path for path in ElementTree.fromstring(text).iter(f"{SVG}path") if path.get("marker-end")]
    assert [path.get("class") for path in paths] == [f"arrow {condition.lower()}"]
    assert f".{condition.lower()}{{stroke:" in text


def test_names_are_text_and_nothing_else(pipeline):
    ElementTree.fromstring(draw(pipeline(act('a <b> & "c"'))))


def test_a_circle_of_dependencies_is_drawn_all_the_same(pipeline):
    one, two = act("a", after={"b": ["Succeeded"]}), act("b", after={"a": ["Succeeded"]})
    assert set(layout(pipeline(one, two).activities).boxes) == {"a", "b"}


def test_a_pipeline_without_activities_has_a_picture(pipeline):
    ElementTree.fromstring(draw(pipeline()))


def test_a_run_is_drawn_with_its_states_and_times(pipeline):
    drawn = draw(pipeline(act("a"), act("b")), {"a": State(RunStatus.FAILED, 1, 1, 75.0)})
    assert "Failed · 1 min 15 s" in drawn
    tree = ElementTree.fromstring(drawn)
    classes = {group.get("data-activity"): group.get("class") for group in tree.iter(f"{SVG}g")}
    assert classes["b"] == "box quiet" and classes["a"] == "box"


def test_states_of_loops_and_tries_and_not_those_of_child_pipelines(platform_run):
    tree, names = platform_run
    states = states_of(tree)
    assert states["ingest_source"].runs > 1
    assert "copy_to_raw" not in states and "copy_to_raw" in names
    assert states["read_config"].text.startswith("Succeeded · ")


@pytest.fixture
def platform_run(tmp_path):
    """The tree of a run of a pipeline that starts another in a loop, and all names in it."""
    from reelhouse.project import Project

    reference = {"referenceName": "child", "type": "PipelineReference"}
    start = act("ingest_source", "ExecutePipeline", pipeline=reference, waitOnCompletion=True)
    loop = act("each", "ForEach", items={"value": "@createArray(1, 2)", "type": "Expression"}, activities=[start])
    first = act("read_config", "SetVariable", variableName="v", value="x")
    parent = {"activities": [first, loop], "variables": {"v": {"type": "String"}}}
    child = {"activities": [act("copy_to_raw", waitTimeInSeconds=1)]}
    (tmp_path / "adf" / "pipeline").mkdir(parents=True)
    for name, properties in (("parent", parent), ("child", child)):
        path = tmp_path / "adf" / "pipeline" / f"{name}.json"
        path.write_text(json.dumps({"name": name, "properties": properties}))
    with Project.open(tmp_path, state=tmp_path / "state") as project:
        run = project.run_pipeline("parent", {})
        tree = project.runs.tree(run.id)
    return tree, {run.name for run in tree}


def test_boxes_of_a_column_are_as_wide_as_the_widest_so_that_no_arrow_leaves_behind_one(pipeline):
    picture = layout(pipeline(act("a"), act("a much longer name of an activity")).activities)

    assert picture.boxes["a"].width == picture.boxes["a much longer name of an activity"].width
