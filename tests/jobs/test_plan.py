"""What a job does next, as a table and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelhouse.errors import Place
from reelhouse.jobs.definition import ConditionOp, ConditionTask, Dependency, NotebookTask, RunIf, Task
from reelhouse.jobs.plan import FINE, Result, TaskState, job_result, next_step, retries

S, F, X, U, C, D = (
    Result.SUCCESS,
    Result.FAILED,
    Result.EXCLUDED,
    Result.UPSTREAM_FAILED,
    Result.CANCELED,
    Result.DISABLED,
)
RUNS = "runs"
PLACE = Place("job.yml")


def task(key, *depends_on, run_if=RunIf.ALL_SUCCESS, **kwargs):
    return Task(key, NotebookTask("n"), PLACE, tuple(Dependency(d) for d in depends_on), run_if, **kwargs)


def verdict(run_if, upstream):
    tasks = [
        *(task(f"u{i}") for i in range(len(upstream))),
        task("t", *(f"u{i}" for i in range(len(upstream))), run_if=run_if),
    ]
    step = next_step(tasks, {f"u{i}": TaskState(result) for i, result in enumerate(upstream)})
    return RUNS if step.start == ("t",) else dict(step.settle)["t"]


@pytest.mark.parametrize(
    ("run_if", "upstream", "expected"),
    [
        ("ALL_SUCCESS", [S, S], RUNS),
        ("ALL_SUCCESS", [S, F], U),
        ("ALL_SUCCESS", [S, U], U),
        ("ALL_SUCCESS", [S, X], X),
        ("ALL_SUCCESS", [X, X], X),
        ("ALL_SUCCESS", [F, X], U),
        ("ALL_SUCCESS", [C], Result.UPSTREAM_CANCELED),
        ("ALL_SUCCESS", [C, F], U),
        ("ALL_SUCCESS", [D], D),
        ("ALL_SUCCESS", [D, S], D),
        ("ALL_SUCCESS", [D, X], D),
        ("ALL_SUCCESS", [D, F], U),
        ("AT_LEAST_ONE_SUCCESS", [D, S], RUNS),
        ("AT_LEAST_ONE_SUCCESS", [D, D], D),
        ("AT_LEAST_ONE_SUCCESS", [D, F], U),
        ("NONE_FAILED", [D, X], RUNS),
        ("NONE_FAILED", [D, S], RUNS),
        ("NONE_FAILED", [D, D], D),
        ("ALL_DONE", [D], RUNS),
        ("AT_LEAST_ONE_FAILED", [D, F], RUNS),
        ("AT_LEAST_ONE_FAILED", [D], D),
        ("AT_LEAST_ONE_FAILED", [D, S], X),
        ("ALL_FAILED", [D], D),
        ("ALL_FAILED", [D, F], D),
        ("AT_LEAST_ONE_SUCCESS", [S, F], RUNS),
        ("AT_LEAST_ONE_SUCCESS", [F, F], U),
        ("AT_LEAST_ONE_SUCCESS", [F, X], U),
        ("AT_LEAST_ONE_SUCCESS", [X, X], X),
        ("NONE_FAILED", [S, X], RUNS),
        ("NONE_FAILED", [S, S], RUNS),
        ("NONE_FAILED", [S, F], U),
        ("NONE_FAILED", [X, X], X),
        ("ALL_DONE", [F, U], RUNS),
        ("ALL_DONE", [S, X], RUNS),
        ("ALL_DONE", [X, X], X),
        ("AT_LEAST_ONE_FAILED", [S, F], RUNS),
        ("AT_LEAST_ONE_FAILED", [S, U], RUNS),
        ("AT_LEAST_ONE_FAILED", [S, S], X),
        ("AT_LEAST_ONE_FAILED", [S, X], X),
        ("ALL_FAILED", [F, F], RUNS),
        ("ALL_FAILED", [F, S], X),
        ("ALL_FAILED", [F, X], X),
    ],
)
def test_run_if_decides_from_the_results_of_the_dependencies(run_if, upstream, expected):
    assert verdict(RunIf(run_if), upstream) == expected


def test_a_task_waits_for_all_of_its_dependencies_whatever_its_run_if():
    tasks = [task("a"), task("b"), task("c", "a", "b", run_if=RunIf.AT_LEAST_ONE_SUCCESS)]
    assert next_step(tasks, {}).start == ("a", "b")
    assert next_step(tasks, {"a": TaskState(S), "b": TaskState()}).start == ()


def test_the_branch_that_a_condition_did_not_take_is_excluded():
    condition = Task("c", ConditionTask("1", ConditionOp.EQUAL_TO, "1"), PLACE)
    branches = [Task(o, NotebookTask("n"), PLACE, (Dependency("c", o),)) for o in ("true", "false")]
    step = next_step([condition, *branches], {"c": TaskState(S, "true")})
    assert (step.start, step.settle) == (("true",), (("false", X),))


def test_a_condition_that_failed_fails_both_branches():
    condition = Task("c", ConditionTask("1", ConditionOp.EQUAL_TO, "1"), PLACE)
    branch = Task("t", NotebookTask("n"), PLACE, (Dependency("c", "true"),))
    assert next_step([condition, branch], {"c": TaskState(F)}).settle == (("t", U),)


def test_a_disabled_task_disables_what_needs_its_success():
    tasks = [task("a", disabled=True), task("b", "a"), task("c", "a", run_if=RunIf.ALL_DONE)]
    assert next_step(tasks, {}).settle == (("a", D),)
    step = next_step(tasks, {"a": TaskState(D)})
    assert (step.start, step.settle) == (("c",), (("b", D),))


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ({"a": S, "leaf": S}, S),
        ({"a": F, "leaf": S}, Result.SUCCESS_WITH_FAILURES),
        ({"a": F, "leaf": U}, F),
        ({"a": S, "leaf": F}, F),
        ({"a": S, "leaf": Result.TIMEDOUT}, F),
        ({"a": S, "leaf": X}, S),
        ({"a": C, "leaf": Result.UPSTREAM_CANCELED}, C),
    ],
)
def test_the_jobs_result_is_that_of_its_leaves(results, expected):
    assert job_result([task("a"), task("leaf", "a")], {k: TaskState(r) for k, r in results.items()}) == expected


@pytest.mark.parametrize(
    ("max_retries", "on_timeout", "result", "attempts", "again"),
    [
        (0, False, F, 1, False),
        (2, False, F, 2, True),
        (2, False, F, 3, False),
        (-1, False, F, 1000, True),
        (2, False, Result.TIMEDOUT, 1, False),
        (2, True, Result.TIMEDOUT, 1, True),
        (2, False, S, 1, False),
        (2, False, C, 1, False),
    ],
)
def test_a_task_is_run_again_at_most_max_retries_times(max_retries, on_timeout, result, attempts, again):
    assert retries(task("a", max_retries=max_retries, retry_on_timeout=on_timeout), result, attempts) is again


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 8))
    tasks = []
    for i in range(size):
        upstream = draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3)) if i else []
        tasks.append(
            task(
                str(i), *map(str, upstream), run_if=draw(st.sampled_from(RunIf)), disabled=draw(st.integers(0, 9)) == 0
            )
        )
    return draw(st.permutations(tasks))


@given(graphs(), st.data())
def test_every_job_ends_and_no_task_starts_before_its_dependencies_ended_or_twice(tasks, data):
    states, started = {}, []
    for _ in range(3 * len(tasks) + 1):
        step = next_step(tasks, states)
        for key, result in step.settle:
            assert key not in states
            states[key] = TaskState(result)
        for key in step.start:
            assert key not in started
            [own] = [t for t in tasks if t.key == key]
            assert all(states[d.task_key].result for d in own.depends_on)
            started.append(key)
            states[key] = TaskState()
        running = [k for k, s in states.items() if s.result is None]
        if running:
            states[data.draw(st.sampled_from(running))] = TaskState(data.draw(st.sampled_from([S, F])))
    assert len(states) == len(tasks) and all(s.result for s in states.values())
    if all(s.result in FINE for s in states.values()):
        assert job_result(tasks, states) == S


@given(graphs())
def test_when_nothing_fails_nothing_is_marked_as_failed(tasks):
    states = {}
    while len(states) < len(tasks):
        step = next_step(tasks, states)
        states.update({k: TaskState(r) for k, r in step.settle}, **{k: TaskState(S) for k in step.start})
    assert all(s.result in FINE for s in states.values())


@given(graphs())
def test_a_cancelled_job_starts_nothing_more(tasks):
    step = next_step(tasks, {}, cancelled=True)
    assert step.start == () and {r for _, r in step.settle} == {C}
