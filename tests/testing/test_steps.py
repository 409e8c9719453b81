"""`factory.step`: a pipeline gone through by hand."""

from __future__ import annotations

import pytest

from reelhouse.errors import UserError


@pytest.fixture
def empty(load_factory):
    return load_factory()


def note(act, name, after=(), path="/n"):
    return act(name, "DatabricksNotebook", after, notebookPath=path)


def test_what_depends_on_nothing_is_ready_first(empty, act) -> None:
    steps = empty.step([note(act, "a"), note(act, "b"), note(act, "c", {"a": "Succeeded", "b": "Succeeded"})])

    assert steps.ready == ["a", "b"]
    assert steps.finish("a").ready == ["b"]
    assert steps.finish("b").ready == ["c"]
    assert steps.status == "InProgress"
    assert steps.finish("c").status == "Succeeded"


def test_a_failure_skips_what_needs_success_and_readies_what_needs_failure(empty, act) -> None:
    steps = empty.step([note(act, "a"), note(act, "well", "a"), note(act, "mend", {"a": "Failed"})])

    steps.fail("a", "broken", code="42")

    assert steps.ready == ["mend"]
    assert steps.statuses == {"a": "Failed", "well": "Skipped", "mend": "InProgress"}
    steps.finish("mend")
    assert (steps.status, steps.message) == ("Failed", "Operation on target a failed: broken")


def test_inputs_are_evaluated_from_the_outputs_that_the_test_gives(empty, act) -> None:
    steps = empty.step([note(act, "a"), note(act, "b", "a", "@concat('/', activity('a').output.x)")])

    steps.finish("a", {"x": "there"})

    assert steps.activity("b").input == {"notebookPath": "/there"}


def test_variables_are_set_by_the_activities_that_set_them(empty, act) -> None:
    body = {
        "parameters": {"id": {"type": "int"}},
        "variables": {"v": {"type": "String"}, "all": {"type": "Array"}},
        "activities": [
            act("set", "SetVariable", variableName="v", value="@concat('Job-', pipeline().parameters.id)"),
            act("append", "AppendVariable", "set", variableName="all", value="@variables('v')"),
            act("few", "Filter", "append", items="@createArray(1, 2, 3)", condition="@greater(item(), 1)"),
            note(act, "last", "few", "@string(activity('few').output.value)"),
        ],
    }
    steps = empty.step(body, {"id": 5})

    steps.finish("set").finish("append").finish("few")

    assert steps.variables == {"v": "Job-5", "all": ["Job-5"]}
    assert steps.activity("last").input == {"notebookPath": "[2,3]"}


@pytest.mark.parametrize(("id_", "ready"), [(1, ["yes"]), (2, ["no"])])
def test_a_condition_is_evaluated_and_its_branch_is_entered(empty, act, id_, ready) -> None:
    body = {
        "parameters": {"id": {"type": "int"}},
        "activities": [
            act("check", "IfCondition", expression="@equals(pipeline().parameters.id, 1)",
                ifTrueActivities=[note(act, "yes")], ifFalseActivities=[note(act, "no")]),
            note(act, "after", "check"),
        ],
    }  # fmt: skip
    steps = empty.step(body, {"id": id_})

    assert steps.ready == ready
    assert steps.finish(ready[0]).ready == ["after"]


def test_a_switch_enters_its_case(empty, act) -> None:
    switch = act("which", "Switch", on="@concat('a', 'b')", defaultActivities=[note(act, "other")],
                 cases=[{"value": "ab", "activities": [note(act, "own")]}])  # fmt: skip

    assert empty.step([switch]).ready == ["own"]


def test_iterations_are_ready_one_after_another_when_sequential(empty, act) -> None:
    loop = act("each", "ForEach", items="@createArray('x', 'y')", isSequential=True,
               activities=[note(act, "load", path="@item()")])  # fmt: skip
    steps = empty.step([loop, note(act, "after", "each")])

    assert (steps.ready, steps.activity("load").item) == (["load"], "x")
    steps.finish("load")
    assert (steps.ready, steps.activity("load").input) == (["load"], {"notebookPath": "y"})
    assert steps.finish("load").ready == ["after"]


def test_iterations_are_ready_together_when_parallel(empty, act) -> None:
    loop = act(
        "each", "ForEach", items="@range(0, 3)", batchCount=2, activities=[note(act, "load"), note(act, "more", "load")]
    )
    steps = empty.step([loop])

    assert steps.ready == ["load", "load"]
    steps.fail("load", "second", item=1)
    steps.finish("load", item=0)
    assert sorted(steps.ready) == ["more"]
    steps.finish("more", item=0)
    assert (steps.ready, steps.activity("load").item) == (["load"], 2)
    steps.finish("load").finish("more")
    assert steps.status == "Failed"
    assert "Inner activity name: load, Error: second" in steps.message


def test_an_empty_loop_is_over_at_once(empty, act) -> None:
    steps = empty.step(
        [act("each", "ForEach", items="@json('[]')", activities=[note(act, "load")]), note(act, "b", "each")]
    )

    assert steps.ready == ["b"]


def test_until_comes_round_until_its_condition_holds(empty, act) -> None:
    loop = act("poll", "Until", expression="@equals(activity('ask').output.state, 'done')", timeout="0.01:00:00",
               activities=[note(act, "ask")])  # fmt: skip
    steps = empty.step([loop])

    steps.finish("ask", {"state": "running"})
    assert steps.ready == ["ask"]
    steps.finish("ask", {"state": "done"})
    assert (steps.ready, steps.status) == ([], "Succeeded")


def test_an_activity_whose_expression_fails_has_failed(empty, act) -> None:
    steps = empty.step(
        [note(act, "a"), note(act, "b", "a", "@activity('a').output.x"), note(act, "c", {"b": "Failed"})]
    )

    assert steps.finish("a", {"y": 1}).ready == ["c"]
    assert "'x' does not exist" in steps.activity("c").frame.messages["b"]


def test_finishing_a_fail_activity_fails_it(empty, act) -> None:
    steps = empty.step([act("stop", "Fail", message="no rows", errorCode="7")])

    assert steps.finish("stop").message == "Operation on target stop failed: no rows"


def test_only_what_is_ready_can_end(empty, act) -> None:
    steps = empty.step([note(act, "a"), note(act, "b", "a")])

    with pytest.raises(UserError, match="'b' is not ready"):
        steps.finish("b")
