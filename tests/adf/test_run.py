"""Control flow for real: activities, containers, policy, cancellation, what is recorded."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import fcntl
import threading
import time

import pytest

from reelhouse.adf.parameters import parse_arguments
from reelhouse.adf.run import run_pipeline
from reelhouse.adf.services import JobResult
from reelhouse.clock import SystemClock
from reelhouse.errors import UserError
from reelhouse.runs.record import RunKind, RunStatus


def variables(**types: str) -> dict[str, dict[str, str]]:
    return {name: {"type": kind} for name, kind in types.items()}


def test_a_pipeline_runs_its_activities_and_records_them(run, runs, act):
    result = run(
        {
            "parameters": {"who": {"type": "string", "defaultValue": "x"}},
            "variables": variables(said="String"),
            "activities": [
                act("say", "SetVariable", variableName="said", value="@concat('hi ', pipeline().parameters.who)")
            ],
        },
        {"who": "you"},
    )

    assert (result.status, result.variables) == (RunStatus.SUCCEEDED, {"said": "hi you"})
    pipeline, activity = runs.all.values()
    assert (pipeline.kind, pipeline.input, pipeline.status) == (
        RunKind.PIPELINE,
        {"parameters": {"who": "you"}},
        "Succeeded",
    )
    assert (activity.parent_id, activity.type) == (pipeline.id, "SetVariable")
    assert activity.output == {"name": "said", "value": "hi you"}
    assert result.activities["say"]["output"] == activity.output


def test_a_failed_activity_names_itself_in_the_message_of_the_pipeline(run, runs, act):
    result = run([act("stop", "Fail", message="too bad", errorCode="E1")])

    assert (result.status, result.message) == (RunStatus.FAILED, "Operation on target stop failed: too bad")
    error = runs.named("stop")[0].error
    assert error == {
        "errorCode": "E1",
        "message": "too bad",
        "failureType": "UserError",
        "target": "stop",
        "details": [],
    }
    assert runs.named("main", RunKind.PIPELINE)[0].error == {"message": result.message}


@pytest.mark.parametrize(
    ("properties", "message", "code"),
    [
        ({"message": "", "errorCode": "E"}, "Failed to interpret f fail message or error code", "E"),
        ({"message": "@null", "errorCode": "E"}, "Failed to interpret f fail message or error code", "E"),
        ({"message": "m", "errorCode": ""}, "m", "ErrorCodeNotString"),
        ({"message": "m", "errorCode": 5}, "m", "ErrorCodeNotString"),
        ({"message": "m"}, "m", "ErrorCodeNotString"),
        ({"errorCode": "E"}, "Fail message wasn't provided", "E"),
        ({"message": "@1", "errorCode": "E"}, "f fail message parameter couldn't be interpreted as a string", "E"),
        (
            {"message": "@1", "errorCode": "@2"},
            "Failed to interpret f fail message or error code",
            "ErrorCodeNotString",
        ),
    ],
)
@pytest.mark.supports("activity", "Fail")
def test_fail_has_the_documented_edge_cases(run, runs, act, properties, message, code):
    run([act("f", "Fail", **properties)])

    error = runs.named("f")[0].error
    assert (error["message"], error["errorCode"]) == (message, code)


def test_an_expression_that_fails_fails_its_activity_and_can_be_caught(run, runs, act):
    result = run(
        {
            "variables": variables(said="String"),
            "activities": [
                act("bad", "Wait", waitTimeInSeconds="@int('x')"),
                act(
                    "catch",
                    "SetVariable",
                    {"bad": "Failed"},
                    variableName="said",
                    value="@activity('bad').error.message",
                ),
            ],
        }
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert runs.named("bad")[0].error["errorCode"] == "InvalidTemplate"
    assert "activities[0].typeProperties.waitTimeInSeconds" in result.variables["said"]


def test_a_skipped_activity_is_not_recorded_and_can_be_asked_for_its_error_safely(run, runs, act):
    result = run(
        {
            "variables": variables(said="String"),
            "activities": [
                act("a", "Wait", waitTimeInSeconds=1),
                act("b", "Fail", {"a": "Failed"}, message="m", errorCode="E"),
                act(
                    "c",
                    "SetVariable",
                    {"b": "Skipped"},
                    variableName="said",
                    value="@{coalesce(activity('b')?.error?.message, activity('b').status)}",
                ),
            ],
        }
    )

    assert result.variables["said"] == "Skipped"
    assert set(runs.statuses()) == {"a", "c"}


@pytest.mark.supports("activity", "IfCondition", "Switch")
def test_if_and_switch_run_the_branch_they_chose(run, runs, act):
    run(
        [
            act("if", "IfCondition", expression="@equals(1, 2)", ifTrueActivities=[act("t", "Wait", waitTimeInSeconds=1)],
                ifFalseActivities=[act("f", "Wait", waitTimeInSeconds=1)]),
            act("switch", "Switch", on="@string(2)", cases=[{"value": "2", "activities": [act("two", "Wait", waitTimeInSeconds=1)]}],
                defaultActivities=[act("other", "Wait", waitTimeInSeconds=1)]),
            act("empty", "IfCondition", expression="@true"),
        ]
    )  # fmt: skip

    assert set(runs.statuses()) == {"if", "f", "switch", "two", "empty"}
    assert runs.named("f")[0].parent_id == runs.named("if")[0].id


def test_a_container_fails_with_the_message_of_what_failed_inside(run, act):
    result = run(
        [act("if", "IfCondition", expression="@true", ifTrueActivities=[act("x", "Fail", message="m", errorCode="E")])]
    )

    assert result.message == (
        "Operation on target if failed: Activity failed because an inner activity failed; Inner activity name: x, Error: m"
    )


def test_a_condition_that_is_no_boolean_is_an_error(run):
    result = run([{"name": "if", "type": "IfCondition", "typeProperties": {"expression": "@{true}"}}])

    assert "The condition must be a boolean, it is String 'True'" in result.message


@pytest.mark.parametrize("sequential", [True, False])
@pytest.mark.supports("activity", "ForEach")
def test_for_each_goes_on_after_failures_and_fails_at_the_end(run, runs, act, sequential):
    result = run(
        {
            "variables": variables(done="Array"),
            "activities": [
                act("each", "ForEach", items="@range(0, 5)", isSequential=sequential, batchCount=2, activities=[
                    act("if", "IfCondition", expression="@equals(item(), 1)", ifTrueActivities=[act("no", "Fail", message="m@{item()}", errorCode="E")]),
                    act("note", "AppendVariable", "if", variableName="done", value="@item()"),
                ]),
            ],
        }
    )  # fmt: skip

    assert result.status is RunStatus.FAILED
    assert sorted(result.variables["done"]) == [0, 2, 3, 4]
    assert "m1" in result.message
    assert runs.named("each")[0].input == {"ItemsCount": 5}


def test_an_iteration_whose_failure_is_handled_counts_as_succeeded(run, act):
    result = run(
        [
            act("each", "ForEach", items="@range(0, 3)", activities=[
                act("no", "Fail", message="m", errorCode="E"),
                act("handled", "Wait", {"no": "Failed"}, waitTimeInSeconds=1),
            ])
        ]
    )  # fmt: skip

    assert result.status is RunStatus.SUCCEEDED, result.message


def test_parallel_iterations_really_run_at_the_same_time(run, act, services):
    barrier = threading.Barrier(3, timeout=10)

    class Jobs:
        def run(self, job_id, parameters, stop):
            barrier.wait()
            return JobResult("1", "http://x/1", None, "SUCCESS")

    services.jobs = Jobs()
    job = act(
        "job",
        "DatabricksJob",
        jobId="@item()",
        linkedServiceName={"referenceName": "ls_bricks", "type": "LinkedServiceReference"},
    )
    result = run([act("each", "ForEach", items="@createArray('a', 'b', 'c')", activities=[job])])

    assert result.status is RunStatus.SUCCEEDED, result.message


def test_a_loop_without_items_succeeds(run, act):
    assert (
        run([act("each", "ForEach", items="@json('[]')", activities=[act("w", "Wait", waitTimeInSeconds=1)])]).status
        == "Succeeded"
    )


@pytest.mark.supports("activity", "Until", "AppendVariable")
def test_until_runs_its_body_first_and_looks_at_its_activities(run, act, clock):
    result = run(
        {
            "variables": variables(seen="Array"),
            "activities": [
                act("loop", "Until", expression="@equals(activity('count').output.value[0], 'x')", activities=[
                    act("count", "AppendVariable", variableName="seen", value="x"),
                ]),
            ],
        }
    )  # fmt: skip

    assert (result.status, result.variables["seen"]) == (RunStatus.SUCCEEDED, ["x"])


def test_until_does_not_stop_at_inner_failures_and_times_out(run, act, clock):
    started = clock.now()
    result = run(
        [
            act("loop", "Until", expression="@false", timeout="0.00:01:00", activities=[
                act("wait", "Wait", waitTimeInSeconds=25),
                act("no", "Fail", "wait", message="m", errorCode="E"),
            ])
        ]
    )  # fmt: skip

    assert "not met within 60 s" in result.message
    assert (clock.now() - started).total_seconds() == 75


@pytest.mark.supports("activity", "Filter")
def test_filter_gives_its_counts_and_values(run, runs, act):
    run([act("f", "filter", items="@range(1, 5)", condition="@greater(item(), 3)")])

    assert runs.named("f")[0].output == {"ItemsCount": 5, "FilteredItemsCount": 2, "Value": [4, 5]}


@pytest.mark.supports("activity", "Wait")
def test_wait_passes_through_the_clock(run, act, clock):
    started = clock.now()
    run([act("w", "Wait", waitTimeInSeconds="@add(1, 2)")])

    assert (clock.now() - started).total_seconds() == 3


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [("Boolean", "@{true}", "type 'String'"), ("String", "@1", "type 'Integer'"), ("Array", "x", "type 'String'")],
)
def test_a_variable_takes_only_values_of_its_type(run, act, kind, value, message):
    result = run(
        {"variables": variables(v=kind), "activities": [act("s", "SetVariable", variableName="v", value=value)]}
    )

    assert f"of type '{kind}' cannot be set to a value of {message}" in result.message


@pytest.mark.supports("activity", "ExecutePipeline")
def test_a_child_pipeline_gets_parameters_and_gives_its_return_value(run, runs, act):
    entries = [
        {"key": "text", "value": {"type": "Expression", "content": "@concat('a', pipeline().parameters.p)"}},
        {"key": "deep", "value": {"type": "Object", "content": [{"key": "n", "value": {"type": "Int", "content": 5}}]}},
        {"key": "none", "value": {"type": "Null"}},
        {"key": "list", "value": {"type": "Array", "content": [{"type": "String", "content": "x"}]}},
    ]
    child = {
        "parameters": {"p": {"type": "string"}},
        "activities": [
            act("r", "SetVariable", variableName="pipelineReturnValue", value=entries, setSystemVariable=True)
        ],
    }
    reference = {"referenceName": "child", "type": "PipelineReference"}
    result = run(
        {
            "variables": variables(got="Array"),
            "activities": [
                act(
                    "call", "ExecutePipeline", pipeline=reference, parameters={"p": "@string(1)"}, waitOnCompletion=True
                ),
                act(
                    "take",
                    "AppendVariable",
                    "call",
                    variableName="got",
                    value="@activity('call').output.pipelineReturnValue.deep.n",
                ),
            ],
        },
        others={"child": child},
    )

    output = result.activities["call"]["output"]
    assert output["pipelineReturnValue"] == {"text": "a1", "deep": {"n": 5}, "none": None, "list": ["x"]}
    assert output["pipelineName"] == "child"
    assert result.variables["got"] == [5]
    inner = runs.all[output["pipelineRunId"]]
    assert inner.parent_id == runs.named("call")[0].id


def test_the_status_of_a_child_decides_when_it_is_waited_for(run, act):
    reference = {"referenceName": "child", "type": "PipelineReference"}
    children = {"child": [act("no", "Fail", message="m", errorCode="E")]}

    waited = run([act("call", "ExecutePipeline", pipeline=reference)], others=children)
    left = run([act("call", "ExecutePipeline", pipeline=reference, waitOnCompletion=False)], others=children)

    assert waited.message == "Operation on target call failed: Operation on target no failed: m"
    assert left.status is RunStatus.SUCCEEDED


def test_system_variables_tell_a_child_who_started_it(run, act):
    reference = {"referenceName": "child", "type": "PipelineReference"}
    value = "@concat(pipeline().Pipeline, ' of ', pipeline()?.TriggeredByPipelineName, ' in ', pipeline().DataFactory, ' ', pipeline().globalParameters.g)"
    child = [act("r", "SetVariable", variableName="pipelineReturnValue", setSystemVariable=True,
                 value=[{"key": "v", "value": {"type": "Expression", "content": value}}])]  # fmt: skip
    result = run([act("call", "ExecutePipeline", pipeline=reference)], others={"child": child}, g="G")

    assert result.activities["call"]["output"]["pipelineReturnValue"]["v"] == "child of main in adf-test G"


def test_concurrency_keeps_runs_of_one_pipeline_apart(run, act, services):
    active, most, lock = 0, 0, threading.Lock()

    class Jobs:
        def run(self, job_id, parameters, stop):
            nonlocal active, most
            with lock:
                active += 1
                most = max(most, active)
            time.sleep(0.02)
            with lock:
                active -= 1
            return JobResult("1", "http://x/1", None, "SUCCESS")

    services.jobs = Jobs()
    reference = {"referenceName": "child", "type": "PipelineReference"}
    job = act(
        "job",
        "DatabricksJob",
        jobId="1",
        linkedServiceName={"referenceName": "ls_bricks", "type": "LinkedServiceReference"},
    )
    result = run(
        [act("each", "ForEach", items="@range(0, 4)", activities=[act("call", "ExecutePipeline", pipeline=reference)])],
        others={"child": {"concurrency": 1, "activities": [job]}},
    )

    assert (result.status, most) == (RunStatus.SUCCEEDED, 1)


def test_a_retry_is_an_own_activity_run_and_waits_its_interval(run, runs, act, dataset, clock, raw):
    started = clock.now()
    read = act("read", "Lookup", source={"type": "JsonSource"}, dataset=dataset("ds_json", folder="a", file="b.json"),
               policy={"retry": 2, "retryIntervalInSeconds": 45})  # fmt: skip
    result = run([read])

    assert result.status is RunStatus.FAILED
    assert [run.details.get("retryAttempt") for run in runs.named("read")] == [None, 1, 2]
    assert (clock.now() - started).total_seconds() == 90


def test_secure_input_and_output_are_masked_in_records_and_seen_by_expressions(run, runs, act):
    result = run(
        {
            "variables": variables(v="String", w="String"),
            "activities": [
                act(
                    "s",
                    "SetVariable",
                    variableName="v",
                    value="hidden",
                    policy={"secureInput": True, "secureOutput": True},
                ),
                act("t", "SetVariable", "s", variableName="w", value="@activity('s').output.value"),
            ],
        }
    )

    assert result.variables["w"] == "hidden"
    recorded = runs.named("s")[0]
    assert "hidden" not in str(recorded.input) + str(recorded.output)


def test_a_secure_parameter_is_masked_wherever_it_is_recorded(run, runs, act):
    run(
        {
            "parameters": {"key": {"type": "SecureString"}},
            "variables": variables(v="String"),
            "activities": [
                act("s", "SetVariable", variableName="v", value="@concat('k=', pipeline().parameters.key)"),
                act("f", "Fail", "s", message="@variables('v')", errorCode="E"),
            ],
        },
        {"key": "s3cr3t"},
    )

    assert "s3cr3t" not in str(list(runs.all.values()))
    assert runs.named("s")[0].input["value"] == "k=***"


def test_an_inactive_activity_is_recorded_and_not_validated(run, runs, act):
    result = run(
        [
            act("off", "NoSuchThing", foo="@frob()", state="Inactive", onInactiveMarkAs="Failed"),
            act("then", "Wait", {"off": "Failed"}, waitTimeInSeconds=1),
        ]
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert runs.statuses() == {"off": RunStatus.INACTIVE, "then": RunStatus.SUCCEEDED}


@pytest.mark.supports("activity", "DatabricksJob")
def test_a_databricks_job_gets_texts_and_its_output_is_read_as_json(run, runs, act, services):
    seen = []

    class Jobs:
        def run(self, job_id, parameters, stop):
            seen.append((job_id, parameters))
            return JobResult("7", "http://x/7", '{"rows": 3}', "SUCCESS")

    services.jobs = Jobs()
    service = {"referenceName": "ls_bricks", "type": "LinkedServiceReference"}
    result = run(
        [
            act(
                "sdk",
                "DatabricksJob",
                jobId="@pipeline().globalParameters.job",
                jobParameters={"a": "@true", "b": 5},
                linkedServiceName=service,
            ),
            act("page", "DatabricksJob", "sdk", jobPath="12", baseParameters={"a": "x"}, linkedServiceName=service),
            act("check", "IfCondition", "sdk", expression="@equals(activity('sdk').output.runOutput.rows, 3)"),
        ],
        job="11",
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert seen == [("11", {"a": "True", "b": "5"}), ("12", {"a": "x"})]
    assert result.activities["sdk"]["output"] == {"runPageUrl": "http://x/7", "runOutput": {"rows": 3}}


def test_a_failed_job_fails_with_code_3204_and_an_unknown_one_says_which_are_known(run, runs, act, services):
    class Jobs:
        def run(self, job_id, parameters, stop):
            if job_id != "1":
                raise UserError(f"No job has the id '{job_id}'", remedy="Known: 1.")
            return JobResult("7", "http://x/7", None, "FAILED", "task bronze failed")

    services.jobs = Jobs()
    service = {"referenceName": "ls_bricks", "type": "LinkedServiceReference"}
    run(
        [
            act("a", "DatabricksJob", jobId="1", linkedServiceName=service),
            act("b", "DatabricksJob", jobId="2", linkedServiceName=service),
        ]
    )

    assert runs.named("a")[0].error["errorCode"] == "3204"
    assert "task bronze failed" in runs.named("a")[0].error["message"]
    assert runs.named("b")[0].error["message"] == "No job has the id '2'. Known: 1."


def test_a_cancelled_run_stops_what_waits_and_starts_nothing_more(make_factory, act, services, runs, eventually):
    services.clock = SystemClock()
    factory = make_factory(
        {
            "main": [
                act("each", "ForEach", items="@range(0, 3)", activities=[act("w", "Wait", waitTimeInSeconds=600)]),
                act("after", "Wait", {"each": ["Succeeded", "Failed"]}, waitTimeInSeconds=600),
            ]
        }
    )
    results = []
    thread = threading.Thread(target=lambda: results.append(run_pipeline(factory, "main", {}, services)))
    thread.start()
    eventually(lambda: len(runs.named("w")) == 3)
    services.cancel.set()
    thread.join(10)

    assert results[0].status is RunStatus.CANCELLED
    assert {run.status for run in runs.all.values()} == {RunStatus.CANCELLED}
    assert not runs.named("after")


def test_wrong_arguments_are_refused_before_anything_runs(make_factory, act, services, runs):
    factory = make_factory(
        {
            "main": {
                "parameters": {"schedule": {"type": "string"}},
                "activities": [act("w", "Wait", waitTimeInSeconds=1)],
            }
        }
    )

    with pytest.raises(UserError, match=r"has no parameter 'shedule'. Did you mean 'schedule'\?"):
        run_pipeline(factory, "main", {"shedule": "x"}, services)
    with pytest.raises(UserError, match="needs a value for the parameter 'schedule'"):
        run_pipeline(factory, "main", {}, services)
    with pytest.raises(UserError, match=r"no pipeline 'mian'. Did you mean 'main'\?"):
        run_pipeline(factory, "mian", {}, services)
    assert not runs.all


def test_arguments_of_a_command_line_become_the_declared_types(make_factory, act):
    kinds = {"s": "string", "i": "Int", "f": "float", "b": "Bool", "a": "array", "o": "Object"}
    body = {
        "parameters": {name: {"type": kind} for name, kind in kinds.items()},
        "activities": [act("w", "Wait", waitTimeInSeconds=1)],
    }
    pipeline = make_factory({"main": body}).pipeline("main")

    values = parse_arguments(pipeline, ["s=5", "I=5", "f=1.5", "b=True", "a=[1]", 'o={"x": "a=b"}'])

    assert values == {"s": "5", "i": 5, "f": 1.5, "b": True, "a": [1], "o": {"x": "a=b"}}
    for wrong, message in {
        "i=x": "is of type Int",
        "b=1": "true or false",
        "a={}": "JSON",
        "s": "name=value",
        "z=1": "no parameter",
    }.items():
        with pytest.raises(UserError, match=message):
            parse_arguments(pipeline, [wrong])


def test_a_bool_parameter_started_with_text_stays_text(run, act):
    result = run(
        {
            "parameters": {"b": {"type": "Bool"}},
            "activities": [act("if", "IfCondition", expression="@pipeline().parameters.b")],
        },
        {"b": "true"},
    )

    assert "must be a boolean, it is String" in result.message


def test_thousands_of_items_cost_little_each(run, act):
    started = time.process_time()
    result = run(
        [
            act(
                "each",
                "ForEach",
                items="@range(0, 2000)",
                batchCount=50,
                activities=[act("f", "Filter", items="@json('[]')", condition="@true")],
            )
        ]
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert time.process_time() - started < 10


def test_properties_that_size_cloud_services_are_named_once_per_run(run, runs, copy, dataset, raw):
    (raw / "a").mkdir()
    source, sink = dataset("ds_folder", folder="a"), dataset("ds_folder", folder="b")
    run([copy("c", source, sink, parallelCopies=4, write={"blockSizeInMB": 8}), copy("d", source, sink)])

    assert runs.notes == ["Without effect here: blockSizeInMB of Copy 'c', parallelCopies of Copy 'c'"]


def test_a_fault_of_the_runtime_ends_the_run_loudly_and_leaves_the_next_one_alone(run, runs, act, services, eventually):
    class Jobs:
        def run(self, job_id, parameters, stop):
            eventually(lambda: len(runs.named("wait")) == 1)
            raise RuntimeError("a bug")

    services.jobs, services.clock = Jobs(), SystemClock()
    service = {"referenceName": "ls_bricks", "type": "LinkedServiceReference"}
    job = act("job", "DatabricksJob", jobId="1", linkedServiceName=service)

    with pytest.raises(RuntimeError, match="a bug"):
        run(
            [
                job,
                act("wait", "Wait", waitTimeInSeconds=600),
                act("caught", "Wait", {"job": "Failed"}, waitTimeInSeconds=1),
            ]
        )

    assert runs.statuses() == {"job": RunStatus.FAILED, "wait": RunStatus.CANCELLED}
    assert runs.named("main", RunKind.PIPELINE)[0].status is RunStatus.FAILED
    assert not services.cancel.is_set()


def test_concurrency_holds_among_processes_that_share_a_lake(run, act, services, tmp_path, caplog):
    services.locks = tmp_path / "locks"
    reference = {"referenceName": "child", "type": "PipelineReference"}
    call = act("call", "ExecutePipeline", pipeline=reference)
    child = {"concurrency": 1, "activities": [act("wait", "Wait", waitTimeInSeconds=1)]}
    assert run([call], others={"child": child}).status is RunStatus.SUCCEEDED

    with (services.locks / "child.0.lock").open("w") as held:  # as another process would
        fcntl.flock(held, fcntl.LOCK_EX)
        threading.Timer(0.3, services.cancel.set).start()
        assert run([call], others={"child": child}).status is not RunStatus.SUCCEEDED
    assert "Pipeline 'child' waits for an active run to end: its concurrency is 1" in caplog.text


def test_a_parallel_loop_that_sets_a_variable_is_told_of(run, runs, act):
    loop = act("each", "ForEach", items="@range(0, 3)", activities=[act("s", "SetVariable", variableName="v", value="@item()")])  # fmt: skip
    calm = act("calm", "ForEach", "each", items="@range(0, 3)", isSequential=True, activities=[act("t", "SetVariable", variableName="v", value="@item()")])  # fmt: skip
    run({"variables": variables(v="Integer"), "activities": [loop, calm]})

    assert runs.notes == ["The turns of the parallel ForEach 'each' set the same variables: 'v'"]


@pytest.mark.parametrize("kind", ["Wait", "IfCondition"])
def test_control_activities_have_no_retry_and_no_timeout(run, runs, act, kind):
    properties = {"waitTimeInSeconds": "@int('x')"} if kind == "Wait" else {"expression": "@int('x')"}
    run([act("a", kind, policy={"retry": 3, "timeout": "00:00:01"}, **properties)])

    assert len(runs.named("a")) == 1


def test_a_try_that_fails_keeps_its_properties_for_the_monitor(run, runs, act):
    run([act("a", "Wait", waitTimeInSeconds=1, userProperties=[{"name": "who", "value": "@pipeline().Pipeline"}])])

    assert runs.named("a")[0].details == {"userProperties": {"who": "main"}}


def test_turns_of_loops_have_numbers(run, runs, act):
    run(
        {
            "variables": variables(n="Integer", m="Integer"),
            "activities": [
                act("each", "ForEach", items="@createArray('x', 'y', 'x')", isSequential=True, activities=[act("w", "Wait", waitTimeInSeconds=1)]),
                act("until", "Until", "each", expression="@equals(activity('n').output.value, 2)", activities=[
                    act("n", "SetVariable", variableName="n", value="@add(variables('m'), 1)"),
                    act("m", "SetVariable", "n", variableName="m", value="@variables('n')"),
                ]),
            ],
        }
    )  # fmt: skip

    turns = [run.details for run in runs.named("w")]
    assert [turn["iteration"] for turn in turns] == [0, 1, 2]
    assert turns[0]["iterationHash"] == turns[2]["iterationHash"] != turns[1]["iterationHash"]
    assert [run.details for run in runs.named("n")] == [{"iteration": 0}, {"iteration": 1}]


@pytest.mark.parametrize("kind", ["Copy", "Lookup", "WebActivity", "DatabricksJob"])
def test_an_activity_is_stopped_when_its_time_is_over(run, runs, act, copy, dataset, services, web, raw, kind):
    services.clock = SystemClock()
    release = threading.Event()
    web.stall("/slow", release)

    class Jobs:
        def run(self, job_id, parameters, stop):
            assert stop.wait(20)
            return JobResult("1", "http://x/1", None, "CANCELED")

    services.jobs = Jobs()
    policy = {"timeout": "0.00:00:01"}
    file = dataset("ds_web", base_url=web.url, path="slow")
    activity = {
        "Copy": lambda: copy("a", file, dataset("ds_file", folder="x", file="y"), policy=policy),
        "Lookup": lambda: act(
            "a", "Lookup", source={"type": "JsonSource", "storeSettings": {"type": "HttpReadSettings"}},
            dataset=dataset("ds_web_json", base_url=web.url, path="slow"), policy=policy,
        ),
        "WebActivity": lambda: act("a", "WebActivity", url=f"{web.url}slow", method="GET", policy=policy),
        "DatabricksJob": lambda: act(
            "a", "DatabricksJob", jobId="1", policy=policy,
            linkedServiceName={"referenceName": "ls_bricks", "type": "LinkedServiceReference"},
        ),
    }[kind]()  # fmt: skip
    started = time.monotonic()
    result = run([activity])
    release.set()

    assert result.status is RunStatus.FAILED
    assert "timeout" in result.message.lower(), result.message
    assert time.monotonic() - started < 15
