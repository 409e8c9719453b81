"""The step function: the documented patterns of error handling, and what holds for every pipeline."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelhouse.adf.definition import Activity, Condition, Dependency
from reelhouse.adf.plan import step
from reelhouse.errors import Place
from reelhouse.runs.record import RunStatus

OK, FAILED, SKIPPED = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED


def activity(name: str, inactive_as: RunStatus | None = None, **after: str) -> Activity:
    """An activity after others: `b="Failed"`, several conditions with a blank between."""
    depends_on = tuple(
        Dependency(upstream, frozenset(Condition(word) for word in words.split())) for upstream, words in after.items()
    )
    return Activity(name, "Wait", Place("x.json"), None, depends_on=depends_on, inactive_as=inactive_as)


def play(activities: list[Activity], ends: dict[str, RunStatus]) -> tuple[RunStatus, list[str], dict[str, RunStatus]]:
    """Run to the end with given results (Succeeded unless told); the result, the order of starts, all states."""
    states: dict[str, RunStatus] = {}
    started: list[str] = []
    while True:
        decided = step(activities, states)
        states.update(decided.settled)
        if decided.result is not None:
            return decided.result, started, states
        for name in decided.start:
            started.append(name)
            states[name] = ends.get(name, OK)


TRY_CATCH = [activity("main"), activity("catch", main="Failed")]
IF_ELSE = [activity("main"), activity("then", main="Succeeded"), activity("other", main="Failed")]
IF_SKIP_ELSE = [*IF_ELSE, activity("skip", then="Skipped")]
GENERIC = [
    activity("a"),
    activity("b", a="Succeeded"),
    activity("c", b="Succeeded"),
    activity("handler", c="Failed Skipped"),
]
BEST_EFFORT = [activity("main"), activity("next", main="Completed")]
TRY_CATCH_PROCEED = [activity("main"), activity("catch", main="Failed"), activity("next", catch="Succeeded Skipped")]

PATTERNS = [
    ("try-catch, all well", TRY_CATCH, {}, OK, ["main"]),
    ("try-catch, main fails", TRY_CATCH, {"main": FAILED}, OK, ["main", "catch"]),
    ("try-catch, handler fails", TRY_CATCH, {"main": FAILED, "catch": FAILED}, FAILED, ["main", "catch"]),
    ("do-if-else, all well", IF_ELSE, {}, OK, ["main", "then"]),
    ("do-if-else, main fails", IF_ELSE, {"main": FAILED}, FAILED, ["main", "other"]),
    ("do-if-skip-else, main fails", IF_SKIP_ELSE, {"main": FAILED}, OK, ["main", "other", "skip"]),
    ("generic handler, all well", GENERIC, {}, OK, ["a", "b", "c"]),
    ("generic handler, first fails", GENERIC, {"a": FAILED}, OK, ["a", "handler"]),
    ("generic handler, last fails", GENERIC, {"c": FAILED}, OK, ["a", "b", "c", "handler"]),
    ("best effort", BEST_EFFORT, {"main": FAILED}, OK, ["main", "next"]),
    ("try-catch-proceed, all well", TRY_CATCH_PROCEED, {}, OK, ["main", "next"]),
    ("try-catch-proceed, main fails", TRY_CATCH_PROCEED, {"main": FAILED}, OK, ["main", "catch", "next"]),
]


@pytest.mark.parametrize(
    ("name", "activities", "ends", "result", "order"), PATTERNS, ids=[case[0] for case in PATTERNS]
)
def test_a_pattern_ends_as_documented(name, activities, ends, result, order):
    assert play(activities, ends)[:2] == (result, order)


def test_activities_without_dependency_start_together():
    assert step([activity("a"), activity("b"), activity("c", a="Succeeded")], {}).start == ("a", "b")


def test_an_activity_waits_for_all_its_upstream_activities():
    activities = [activity("a"), activity("b"), activity("c", a="Succeeded", b="Failed")]

    assert step(activities, {"a": OK, "b": RunStatus.IN_PROGRESS}).start == ()
    assert step(activities, {"a": OK, "b": FAILED}).start == ("c",)
    assert step(activities, {"a": OK, "b": OK}).settled == {"c": SKIPPED}


def test_completed_does_not_include_skipped():
    activities = [activity("a"), activity("b", a="Failed"), activity("c", b="Completed")]

    assert step(activities, {"a": OK}).settled == {"b": SKIPPED, "c": SKIPPED}


def test_skipping_cascades_in_one_step():
    activities = [activity("a"), activity("b", a="Failed"), activity("c", b="Succeeded"), activity("d", c="Skipped")]
    decided = step(activities, {"a": OK})

    assert decided.settled == {"b": SKIPPED, "c": SKIPPED}
    assert decided.start == ("d",)


def test_the_failed_activities_that_decide_are_named():
    decided = step(IF_ELSE, {"main": FAILED, "then": SKIPPED, "other": OK})

    assert decided.failed == ("main",)


@pytest.mark.parametrize(("mark", "started"), [(OK, ["b"]), (FAILED, ["c"]), (SKIPPED, [])])
def test_an_inactive_activity_branches_by_its_mark(mark, started):
    activities = [activity("a", inactive_as=mark), activity("b", a="Succeeded"), activity("c", a="Failed")]
    result, order, states = play(activities, {})

    assert order == started
    assert states["a"] is RunStatus.INACTIVE
    assert result is (FAILED if mark is FAILED else OK)


def test_a_cancelled_activity_makes_the_result_cancelled():
    decided = step(TRY_CATCH, {"main": RunStatus.CANCELLED})

    assert decided.result is RunStatus.CANCELLED


@st.composite
def graphs(draw: st.DrawFn) -> list[Activity]:
    count = draw(st.integers(1, 7))
    activities = []
    for index in range(count):
        upstream = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=3)) if index else []
        conditions = st.lists(st.sampled_from([c.value for c in Condition]), min_size=1, max_size=3, unique=True)
        activities.append(activity(f"a{index}", **{f"a{number}": " ".join(draw(conditions)) for number in upstream}))
    return draw(st.permutations(activities))


@settings(max_examples=80, deadline=None)
@given(graphs(), st.data())
def test_every_run_ends_and_starts_nothing_twice(activities, data):
    ends = {a.name: data.draw(st.sampled_from([OK, FAILED])) for a in activities}
    result, started, states = play(activities, ends)

    assert len(started) == len(set(started))
    assert set(states) == {a.name for a in activities}
    assert {name for name, state in states.items() if state is SKIPPED} == set(states) - set(started)
    assert result in (OK, FAILED)
    if all(states[name] is OK for name in started):
        assert result is OK


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_the_order_in_which_parallel_activities_end_does_not_matter(activities, data):
    ends = {a.name: data.draw(st.sampled_from([OK, FAILED])) for a in activities}
    expected = play(activities, ends)
    states: dict[str, RunStatus] = {}
    while True:
        decided = step(activities, states)
        states.update(decided.settled)
        states.update(dict.fromkeys(decided.start, RunStatus.IN_PROGRESS))
        running = sorted(name for name, state in states.items() if state is RunStatus.IN_PROGRESS)
        if decided.result is not None:
            break
        name = data.draw(st.sampled_from(running))
        states[name] = ends[name]

    assert (decided.result, states) == (expected[0], expected[2])


OUTCOMES = {
    "succeeded": (None, OK, {"Succeeded", "Completed"}),
    "failed": (None, FAILED, {"Failed", "Completed"}),
    "skipped": (None, SKIPPED, {"Skipped"}),
    "cancelled": (None, RunStatus.CANCELLED, set()),
    "inactive, marked succeeded": (OK, RunStatus.INACTIVE, {"Succeeded", "Completed"}),
    "inactive, marked failed": (FAILED, RunStatus.INACTIVE, {"Failed", "Completed"}),
    "inactive, marked skipped": (SKIPPED, RunStatus.INACTIVE, {"Skipped"}),
}
CONDITIONS = [
    " ".join(words)
    for size in range(1, 5)
    for words in itertools.combinations(("Succeeded", "Failed", "Skipped", "Completed"), size)
]


@pytest.mark.parametrize("conditions", CONDITIONS)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_conditions_on_one_activity_are_alternatives(outcome, conditions):
    mark, state, satisfied = OUTCOMES[outcome]
    decided = step([activity("a", inactive_as=mark), activity("b", a=conditions)], {"a": state})

    starts = not satisfied.isdisjoint(conditions.split())
    assert decided.start == (("b",) if starts else ())
    assert decided.settled == ({} if starts else {"b": SKIPPED})


@pytest.mark.parametrize(("first", "second"), list(itertools.product((OK, FAILED), repeat=2)))
def test_conditions_on_several_activities_have_to_be_met_together(first, second):
    activities = [activity("a"), activity("b"), activity("c", a="Succeeded", b="Failed")]
    decided = step(activities, {"a": first, "b": second})

    assert bool(decided.start) is (first is OK and second is FAILED)


LEAVES = [
    # what, activities, states at the end, result, the judged, the failed
    ("a leaf", [activity("a")], {"a": FAILED}, FAILED, ("a",), ("a",)),
    ("two leaves", [activity("a"), activity("b")], {"a": OK, "b": FAILED}, FAILED, ("b",), ("b",)),
    ("a handled failure", TRY_CATCH, {"main": FAILED, "catch": OK}, OK, ("catch",), ()),
    ("a skipped handler", TRY_CATCH, {"main": OK, "catch": SKIPPED}, OK, ("main",), ()),
    (
        "a chain of skipped leaves",
        [activity("a"), activity("b", a="Succeeded"), activity("c", b="Succeeded")],
        {"a": FAILED, "b": SKIPPED, "c": SKIPPED},
        FAILED,
        ("a",),
        ("a",),
    ),
    (
        "a skipped leaf after two, one of them failed",
        [activity("a"), activity("b"), activity("c", a="Succeeded", b="Succeeded")],
        {"a": OK, "b": FAILED, "c": SKIPPED},
        FAILED,
        ("a", "b"),
        ("b",),
    ),
    (
        "an inactive leaf marked failed",
        [activity("a"), activity("b", a="Succeeded", inactive_as=FAILED)],
        {"a": OK, "b": RunStatus.INACTIVE},
        FAILED,
        ("b",),
        ("b",),
    ),
    (
        "an inactive leaf marked skipped",
        [activity("a"), activity("b", a="Succeeded", inactive_as=SKIPPED)],
        {"a": FAILED, "b": RunStatus.INACTIVE},
        FAILED,
        ("a",),
        ("a",),
    ),
    (
        "one that is cancelled",
        TRY_CATCH,
        {"main": RunStatus.CANCELLED, "catch": SKIPPED},
        RunStatus.CANCELLED,
        ("main",),
        (),
    ),
    ("nothing at all", [], {}, OK, (), ()),
]


@pytest.mark.parametrize(
    ("what", "activities", "states", "result", "judged", "failed"), LEAVES, ids=[case[0] for case in LEAVES]
)
def test_leaves_decide_the_result(what, activities, states, result, judged, failed):
    decided = step(activities, states)

    assert (decided.result, decided.failed) == (result, failed)
    assert set(judged) <= set(decided.judged)


def test_nothing_is_decided_while_something_runs():
    decided = step([activity("a"), activity("b")], {"a": FAILED, "b": RunStatus.IN_PROGRESS})

    assert (decided.start, decided.result) == ((), None)


def test_step_changes_nothing_it_is_given():
    states = {"a": OK}
    step([activity("a"), activity("b", a="Failed")], states)

    assert states == {"a": OK}
