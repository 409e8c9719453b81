"""Runs that go on from an earlier one: what of it is used again, and what runs anew.

Activities that succeeded are not run again and keep their output. Those that only compute (SetVariable, AppendVariable,
Filter, Wait) run again, so that variables get their values; containers decide again, and ExecutePipeline starts its
child again, where the same rule holds for what is inside.

https://learn.microsoft.com/azure/data-factory/monitor-visually#rerun-pipelines-and-activities
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from reelhouse.adf.definition import Activity, Pipeline, walk
from reelhouse.adf.expression.values import json_text
from reelhouse.adf.masker import MASK
from reelhouse.errors import UserError, did_you_mean
from reelhouse.runs.record import Run, RunHistory, RunKind, RunStatus

AGAIN = frozenset(("SetVariable", "AppendVariable", "Filter", "Wait"))


@dataclass(frozen=True)
class Recovery:
    """`of_run` is run again, in the same group of runs: all of it, or from an activity (and what depends on it), or
    what failed, or one activity `only`. The REST interface calls the first three `referencePipelineRunId`,
    `startActivityName` and `startFromFailure`."""

    of_run: str
    from_activity: str | None = None
    from_failed: bool = False
    only: str | None = None

    @property
    def start(self) -> str | None:
        """The activity that is named."""
        return self.only or self.from_activity

    def details(self) -> dict[str, Any]:
        """What is recorded of it."""
        found: dict[str, Any] = {"isRecovery": True, "referencePipelineRunId": self.of_run}
        if self.start:
            found["startActivityName"] = self.start
        if self.from_failed:
            found["startFromFailure"] = True
        return found


class Reuse(Enum):
    """Which results of the earlier run count: none; those that succeeded; those that failed too; or every state, so
    that what did not run does not run now."""

    NONE = 0
    SUCCEEDED = 1
    ENDED = 2
    ALL = 3


Layers = Mapping[str, tuple[Run, ...]]
"""By lower-case name the last try of each activity in each earlier run, the newest of them last. A rerun that was
itself stopped knows only a part; what it did not come to is found in the run that it went on from."""


@dataclass(frozen=True)
class Past:
    """What earlier runs did in one scope; `turns` are those of a loop."""

    history: RunHistory
    layers: Layers
    reuse: Reuse
    start: str | None = None
    turns: Mapping[Any, Layers] = field(default_factory=dict)

    def record(self, name: str) -> Run | None:
        """What the newest run that came to an activity did."""
        found = self.layers.get(name.lower())
        return found[-1] if found else None

    def rules(self, activities: Sequence[Activity]) -> dict[str, Reuse]:
        """The rule for each activity of the scope by name."""
        found = {activity.name: self.reuse for activity in activities}
        top = next((activity for activity in activities if _holds(activity, self.start)), None)
        if top is None:
            return found
        if top.name == self.start:
            found[top.name] = Reuse.NONE
        if self.reuse is not Reuse.ALL:
            for name in downstream(activities, top.name):
                found[name] = Reuse.NONE
        return found


def downstream(activities: Sequence[Activity], name: str) -> set[str]:
    """The activities that depend on one, directly or not."""
    found: set[str] = set()
    reached = {name}
    while reached:
        reached = {
            activity.name
            for activity in activities
            if activity.name not in found and any(item.activity in reached for item in activity.depends_on)
        }
        found |= reached
    return found


def begin_recovery(history: object, recovery: Recovery, pipeline: Pipeline) -> tuple[Past, Run]:
    """The past of the first scope, and the run it belongs to.

    Raises `UserError` for a run that is no pipeline's, has not ended, or does not fit the pipeline or the activity.
    """
    if not isinstance(history, RunHistory):
        raise UserError("The history of runs here cannot be read, so no run can be gone on with")
    run = past_run(history, recovery.of_run)
    if run.name.lower() != pipeline.name.lower():
        raise UserError(f"The run {run.id[:8]} is of the pipeline '{run.name}', not of '{pipeline.name}'")
    start = recovery.start
    known = [activity.name for activity in walk(pipeline.activities)]
    if start is not None and start not in known:
        raise UserError(f"The pipeline '{pipeline.name}' has no activity '{start}'", remedy=did_you_mean(start, known))
    reuse = Reuse.NONE
    if recovery.only:
        reuse = Reuse.ALL
        if not _ran(history, run.id, recovery.only):
            raise UserError(
                f"'{recovery.only}' did not run in the run {run.id[:8]}, so it cannot run again alone",
                remedy="Run again from it, or from what failed.",
            )
    elif recovery.from_activity:
        reuse = Reuse.ENDED
    elif recovery.from_failed:
        reuse = Reuse.SUCCEEDED
    runs = _chain(history, run)
    return Past(history, _layers([history.children(each.id) for each in runs]), reuse, start), run


def past_run(history: RunHistory, run_id: str) -> Run:
    """The ended run of a pipeline. Raises `UserError`."""
    run = history.run(run_id)
    if run.kind is not RunKind.PIPELINE:
        raise UserError(
            f"'{run.name}' ({run.id[:8]}) is the run of a {run.kind.value}; only runs of pipelines can be run again",
            remedy=f"Its parent is {run.parent_id[:8]}." if run.parent_id else "",
        )
    if not run.has_ended:
        raise UserError(f"The run {run.id[:8]} of '{run.name}' has not ended yet")
    return run


def past_parameters(run: Run, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The parameters of an earlier run. Secret values are not kept: they have to be `given` again.

    Raises `UserError` for one that is missing, and for one that is given without need: new parameters make a new run.
    """
    values = dict(run.input.get("parameters", {}))
    hidden = [name for name, value in values.items() if is_masked(value)]
    for name, value in (given or {}).items():
        if name not in hidden:
            raise UserError(
                f"A run that is run again keeps its parameters, '{name}' too",
                remedy=f"For other values start a new run of '{run.name}'.",
            )
        values[name] = value
    missing = [name for name in hidden if name not in (given or {})]
    if missing:
        raise UserError(
            f"The value of the parameter '{missing[0]}' was secret, so it was not kept",
            remedy="Give it again with -p.",
        )
    return values


def inner_past(past: Past, name: str, reuse: Reuse) -> Past | None:
    """The past of what stands inside an activity that runs again."""
    records = past.layers.get(name.lower())
    if not records or reuse is Reuse.NONE:
        return None
    groups = [past.history.children(record.id) for record in records]
    return Past(past.history, _layers(groups), reuse, past.start, _turns(groups))


def child_past(past: Past | None) -> tuple[Past, Run] | None:
    """The past of the pipeline that an ExecutePipeline with this past had started, and its newest run."""
    if past is None:
        return None
    runs = next((runs for runs in past.layers.values() if runs[-1].kind is RunKind.PIPELINE), None)
    if runs is None:
        return None
    groups = [past.history.children(run.id) for run in runs]
    return Past(past.history, _layers(groups), past.reuse, past.start), runs[-1]


def turn_past(past: Past | None, key: Any) -> Past | None:
    """The past of one turn of a loop. Without one, nothing of it is used again."""
    if past is None:
        return None
    layers = past.turns.get(key)
    if layers is None:
        return Past(past.history, {}, Reuse.ALL if past.reuse is Reuse.ALL else Reuse.NONE, past.start)
    return Past(past.history, layers, past.reuse, past.start)


def iteration_hash(item: Any) -> str:
    """What tells items of a loop apart."""
    return hashlib.sha256(json_text(item).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def counted(hashes: Iterable[str]) -> list[tuple[str, int]]:
    """Each hash with how often it came before: items may repeat."""
    seen: dict[str, int] = {}
    keys = []
    for text in hashes:
        keys.append((text, seen.get(text, 0)))
        seen[text] = seen.get(text, 0) + 1
    return keys


def is_reusable(record: Run | None, reuse: Reuse) -> bool:
    """Whether the result of an earlier run counts."""
    if record is None or reuse is Reuse.NONE:
        return False
    if record.status is RunStatus.SUCCEEDED:
        return True
    return record.status is RunStatus.FAILED and reuse in (Reuse.ENDED, Reuse.ALL)


def is_masked(value: Any) -> bool:
    """Whether a recorded value holds something that was hidden when it was recorded."""
    if isinstance(value, str):
        return MASK in value
    if isinstance(value, Mapping):
        return any(is_masked(item) for item in value.values())
    return isinstance(value, list) and any(is_masked(item) for item in value)


def result_of(record: Run) -> dict[str, Any]:
    """What `activity('…')` gives for the result of an earlier run."""
    ended = record.ended_at or record.started_at
    result = {
        "output": record.output if record.output is not None else {},
        "status": record.status.value,
        "ActivityRunId": record.id,
        "ActivityRunStartTime": record.started_at.isoformat(),
        "ActivityRunEndTime": ended.isoformat(),
    }
    if record.error is not None:
        result["error"] = record.error
    return result


def _chain(history: RunHistory, run: Run) -> list[Run]:
    """A run and those that it went on from, oldest first. One that began at the start has nothing before it."""
    runs = [run]
    while "startFromFailure" in runs[0].details or "startActivityName" in runs[0].details:
        runs.insert(0, history.run(runs[0].details["referencePipelineRunId"]))
    return runs


def _layers(groups: Iterable[Iterable[Run]]) -> dict[str, tuple[Run, ...]]:
    """The last tries of several earlier runs, oldest first."""
    found: dict[str, tuple[Run, ...]] = {}
    for group in groups:
        for name, run in {run.name.lower(): run for run in group}.items():
            found[name] = (*found.get(name, ()), run)
    return found


def _turns(groups: Iterable[Sequence[Run]]) -> dict[Any, Layers]:
    """The turns of a loop in several earlier runs, oldest first."""
    found: dict[Any, list[Sequence[Run]]] = {}
    for group in groups:
        for key, runs in _turns_of(group).items():
            found.setdefault(key, []).append(runs)
    return {key: _layers(each) for key, each in found.items()}


def _turns_of(children: Sequence[Run]) -> dict[Any, list[Run]]:
    """The activities of each turn of a loop: by hash and count for those with items, by number for an Until."""
    turns: dict[int, list[Run]] = {}
    hashes: dict[int, str] = {}
    for run in children:
        number = run.details.get("iteration")
        if number is not None:
            turns.setdefault(number, []).append(run)
            hashes[number] = run.details.get("iterationHash", "")
    numbers = sorted(turns)
    keys = counted(hashes[number] for number in numbers)
    return {(key if hashes[number] else number): turns[number] for number, key in zip(numbers, keys, strict=True)}


def _ran(history: RunHistory, run_id: str, name: str) -> bool:
    """Whether an activity has a record below a pipeline run, child pipelines left out."""
    level = [run_id]
    while level:
        below = [run for parent in level for run in history.children(parent) if run.kind is RunKind.ACTIVITY]
        if any(run.name == name for run in below):
            return True
        level = [run.id for run in below if run.type not in AGAIN]
    return False


def _holds(activity: Activity, name: str | None) -> bool:
    return name is not None and any(inner.name == name for inner in walk([activity]))
