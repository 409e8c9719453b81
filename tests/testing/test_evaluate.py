"""`factory.evaluate` and `factory.evaluate_activity`: expressions in a scope of the test's choice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reelhouse.adf.errors import ExpressionError
from reelhouse.adf.expression.functions.registry import FUNCTIONS
from reelhouse.errors import UserError


@pytest.fixture
def small(load_factory, act) -> Any:
    return load_factory(
        pipelines={
            "load": {
                "parameters": {"id": {"type": "int"}, "base": {"type": "string", "defaultValue": "https://x/"}},
                "variables": {"name": {"type": "String", "defaultValue": "Job-1"}},
                "activities": [
                    act(
                        "call",
                        "WebActivity",
                        url="@concat(pipeline().parameters.base, 'jobs')",
                        method="POST",
                        body={"id": "@pipeline().parameters.id", "v": "@activity('get').output.version"},
                    ),
                    act("check", "IfCondition", expression="@equals(pipeline().parameters.id, 123)"),
                ],
            }
        },
        global_parameters={"env": "dev"},
    )


CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("@pipeline().parameters.x", {"parameters": {"x": 1}}, 1),
    ("@variables('V')", {"variables": {"v": [1]}}, [1]),
    ("@activity('A').output.rows", {"activities": {"a": {"output": {"rows": 3}}}}, 3),
    ("@activity('a').status", {"activities": {"a": {"output": {}}}}, "Succeeded"),
    ("@activity('a').status", {"activities": {"a": {"error": {"message": "m"}}}}, "Failed"),
    ("@activity('a').error.message", {"activities": {"a": {"status": "Failed", "error": {"message": "m"}}}}, "m"),
    ("@item().name", {"item": {"name": "n"}}, "n"),
    ("@item()", {"item": None}, None),
    ("@trigger().startTime", {"trigger": {"startTime": "t"}}, "t"),
    ("@triggerBody().fileName", {"trigger": {"outputs": {"body": {"fileName": "f"}}}}, "f"),
    ("@pipeline().globalParameters.env", {}, "dev"),
    ("@pipeline().globalParameters.env", {"global_parameters": {"env": "prod"}}, "prod"),
    ("@pipeline().TriggerType", {}, "Manual"),
    ("@pipeline().RunId", {"system": {"RunId": "r"}}, "r"),
    ("@pipeline().parameters.base", {"pipeline": "load"}, "https://x/"),
    ("@variables('name')", {"pipeline": "load"}, "Job-1"),
    ("@dataset().folder", {"dataset": {"folder": "f"}}, "f"),
    ("@linkedService().url", {"linked_service": {"url": "u"}}, "u"),
    ("@utcNow('yyyy-MM-dd')", {"now": "2026-02-03"}, "2026-02-03"),
    ("@utcNow('HH')", {"now": datetime(2026, 1, 1, 7, tzinfo=UTC)}, "07"),
    ("@pipeline().TriggerTime", {"now": "2026-02-03"}, "2026-02-03T00:00:00.0000000Z"),
    ("@guid()", {"guid": "c2ecc88d-88c8-4096-912c-d6f2e2b138ce"}, "c2ecc88d-88c8-4096-912c-d6f2e2b138ce"),
    ("a-@{item()}", {"item": 5}, "a-5"),
    ("no expression", {}, "no expression"),
]


def case(expression: str, state: dict[str, Any], value: Any) -> Any:
    """A case that shows the name which it reads, where that is written as a call."""
    name = FUNCTIONS.get(expression.removeprefix("@").partition("(")[0].lower())
    marks = [pytest.mark.supports("function", name.name)] if name is not None else []
    return pytest.param(expression, state, value, id=f"{expression} {state}", marks=marks)


@pytest.mark.parametrize(("expression", "state", "value"), [case(*item) for item in CASES])
def test_an_expression_sees_the_state_that_the_test_gives(small, expression, state, value) -> None:
    assert small.evaluate(expression, **state) == value


def test_a_json_value_is_evaluated_to_its_depth(small) -> None:
    given = {"a": ["@add(1, 2)", {"value": "@item()", "type": "Expression"}], "b": True}

    assert small.evaluate(given, item="x") == {"a": [3, "x"], "b": True}


def test_a_wrong_expression_points_at_its_place(small) -> None:
    with pytest.raises(ExpressionError, match=r"no function 'concatt'.*character 2.*'concat'"):
        small.evaluate("@concatt('a')")


def test_a_state_that_the_pipeline_cannot_have_is_refused(small) -> None:
    with pytest.raises(UserError, match=r"no parameter 'bas'. Did you mean 'base'"):
        small.evaluate("@1", pipeline="load", parameters={"bas": 1})
    with pytest.raises(UserError, match=r"no variable 'nam'. Did you mean 'name'"):
        small.evaluate("@1", pipeline="load", variables={"nam": 1})
    with pytest.raises(UserError, match=r"the activity 'a' has rows. Give"):
        small.evaluate("@1", activities={"a": {"rows": 1}})
    with pytest.raises(UserError, match=r"'tomorrow' is no moment"):
        small.evaluate("@1", now="tomorrow")


def test_one_activity_is_evaluated_in_a_state(small) -> None:
    state = {"parameters": {"id": 7}, "activities": {"get": {"output": {"version": "1.0"}}}}

    shown = small.evaluate_activity("load", "call", **state)

    assert shown == {"url": "https://x/jobs", "method": "POST", "body": {"id": 7, "v": "1.0"}}


@pytest.mark.parametrize(("job", "holds"), [(123, True), (4, False)])
def test_the_condition_of_a_container_is_evaluated_without_what_is_inside(small, job, holds) -> None:
    assert small.evaluate_activity("load", "check", parameters={"id": job})["expression"] is holds


def test_an_activity_that_is_not_there_is_refused(small) -> None:
    with pytest.raises(UserError, match=r"no activity 'cal'. Did you mean 'call'"):
        small.evaluate_activity("load", "cal")


def test_frozen_time_holds_for_the_whole_test(frozen_time, small) -> None:
    assert small.evaluate("@utcNow()") == "2026-01-01T00:00:00.0000000Z"
    frozen_time.set("2027-05-05T10:00:00+02:00")
    frozen_time.advance(hours=1)
    assert small.evaluate("@utcNow()") == "2027-05-05T09:00:00.0000000Z"
