"""What happens next in a scope of activities (a pipeline, a branch, an iteration), as a pure function of what has
happened: a dry run, a unit test and a real run share it.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-dependency and
https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reelhouse.adf.definition import Activity, Condition
from reelhouse.runs.record import RunStatus

States = Mapping[str, RunStatus]
"""What is known of the activities of a scope, by name. An activity that is absent has not started."""

_SATISFIES = {
    RunStatus.SUCCEEDED: {Condition.SUCCEEDED, Condition.COMPLETED},
    RunStatus.FAILED: {Condition.FAILED, Condition.COMPLETED},
    RunStatus.SKIPPED: {Condition.SKIPPED},
}


@dataclass(frozen=True)
class Step:
    """`start` now, in the order of the definition; `settled` got a state without running; `result` once all ended.

    `judged` names the activities whose states decided the result (the leaves; instead of a skipped one, those before
    it), `failed` those of them that made it Failed.
    """

    start: tuple[str, ...] = ()
    settled: Mapping[str, RunStatus] = field(default_factory=dict)
    result: RunStatus | None = None
    failed: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()


def step(activities: Sequence[Activity], states: States) -> Step:
    """Decide. An activity whose conditions cannot be met any more is Skipped, an inactive one gets its mark, and what
    follows from that is decided in the same step."""
    known = dict(states)
    settled: dict[str, RunStatus] = {}
    start: dict[str, None] = {}
    by_name = {activity.name: activity for activity in activities}
    changed = True
    while changed:
        changed = False
        for activity in activities:
            if activity.name in known or activity.name in start:
                continue
            ready = _ready(activity, by_name, known)
            if ready is None:
                continue
            if ready and activity.inactive_as is None:
                start[activity.name] = None
                continue
            known[activity.name] = settled[activity.name] = RunStatus.INACTIVE if ready else RunStatus.SKIPPED
            changed = True
    if start or any(effective(by_name[name], state) is RunStatus.IN_PROGRESS for name, state in known.items()):
        order = tuple(activity.name for activity in activities if activity.name in start)
        return Step(order, settled)
    result, failed, judged = _result(activities, by_name, known)
    return Step((), settled, result, failed, judged)


def effective(activity: Activity, state: RunStatus) -> RunStatus:
    """The state that dependents see: an inactive activity counts as what it is marked as."""
    if state is RunStatus.INACTIVE:
        return activity.inactive_as or RunStatus.SUCCEEDED
    return state


def _ready(activity: Activity, by_name: Mapping[str, Activity], known: States) -> bool | None:
    """Whether all conditions are met; None while an upstream activity has not ended."""
    met = True
    for dependency in activity.depends_on:
        state = known.get(dependency.activity)
        if state is None or state is RunStatus.IN_PROGRESS:
            return None
        satisfied = _SATISFIES.get(effective(by_name[dependency.activity], state), set())
        met = met and not satisfied.isdisjoint(dependency.conditions)
    return met


def _result(
    activities: Sequence[Activity], by_name: Mapping[str, Activity], known: States
) -> tuple[RunStatus, tuple[str, ...], tuple[str, ...]]:
    """A scope succeeds if its leaves do, where a skipped leaf is judged by its upstream activities."""
    cancelled = tuple(name for name, state in known.items() if state is RunStatus.CANCELLED)
    if cancelled:
        return RunStatus.CANCELLED, (), cancelled
    upstream = {dependency.activity for activity in activities for dependency in activity.depends_on}
    open_names = [activity.name for activity in activities if activity.name not in upstream]
    seen: set[str] = set()
    judged: dict[str, RunStatus] = {}
    while open_names:
        name = open_names.pop()
        if name in seen:
            continue
        seen.add(name)
        state = effective(by_name[name], known[name])
        if state is RunStatus.SKIPPED:
            open_names.extend(dependency.activity for dependency in by_name[name].depends_on)
        else:
            judged[name] = state
    names = tuple(activity.name for activity in activities if activity.name in judged)
    failed = tuple(name for name in names if judged[name] is RunStatus.FAILED)
    return (RunStatus.FAILED if failed else RunStatus.SUCCEEDED), failed, names
