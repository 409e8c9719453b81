"""Prints what a run would do, for `--dry-run`: the activities in the order in which they could start, with their
conditions, and the pipelines that they start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reelhouse.adf.definition import Activity, Pipeline
from reelhouse.adf.factory import Factory
from reelhouse.adf.parameters import bind
from reelhouse.adf.plan import step
from reelhouse.adf.settings import ExecutePipeline
from reelhouse.runs.record import RunStatus

_INDENT = "   "
_LABELS = {"true": "if true", "false": "if false", "body": "each time", "default": "otherwise"}


def explain(factory: Factory, name: str, parameters: Mapping[str, Any] | None = None) -> str:
    """The plan of a pipeline as text. With `parameters` they are checked and shown. Raises `UserError`."""
    pipeline = factory.pipeline(name)
    lines = [f"pipeline {pipeline.name}"]
    if parameters is not None:
        values = bind(pipeline.parameters, parameters, f"Pipeline '{name}'", pipeline.place)
        for key, value in values.items():
            shown = "***" if pipeline.parameters[key].type == "SecureString" else repr(value)
            lines.append(f"{_INDENT}{key} = {shown}")
    lines.extend(_scope(factory, pipeline.activities, 1, (pipeline.name,)))
    return "\n".join(lines)


def waves(activities: Sequence[Activity]) -> list[tuple[str, ...]]:
    """The activities in the order in which they start when each ends as soon as it can and all paths are taken."""
    states: dict[str, RunStatus] = {}
    result: list[tuple[str, ...]] = []
    names = {activity.name for activity in activities}
    while names - set(states):
        ready = tuple(
            activity.name
            for activity in activities
            if activity.name not in states and all(d.activity in states for d in activity.depends_on)
        )
        if not ready:
            break  # a cycle, which validation names
        result.append(ready)
        states.update(dict.fromkeys(ready, RunStatus.SUCCEEDED))
    return result


def _scope(factory: Factory, activities: Sequence[Activity], depth: int, seen: tuple[str, ...]) -> Iterator[str]:
    by_name = {activity.name: activity for activity in activities}
    first = set(step(activities, {}).start)
    for number, wave in enumerate(waves(activities), 1):
        for name in wave:
            activity = by_name[name]
            mark = "" if activity.inactive_as is None else f" [inactive, counts as {activity.inactive_as.value}]"
            after = "" if name in first else _after(activity)
            yield f"{_INDENT * depth}{number}. {name} ({activity.type}){after}{mark}"
            for key, branch in activity.branches.items():
                if branch:
                    label = _LABELS.get(key, key.replace("case:", "case ", 1))
                    yield f"{_INDENT * (depth + 1)}{label}:"
                    yield from _scope(factory, branch, depth + 2, seen)
            yield from _child(factory, activity, depth + 1, seen)


def _after(activity: Activity) -> str:
    parts = [f"{d.activity} {'/'.join(sorted(c.value for c in d.conditions))}" for d in activity.depends_on]
    return f" after {', '.join(parts)}" if parts else ""


def _child(factory: Factory, activity: Activity, depth: int, seen: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(activity.settings, ExecutePipeline):
        return
    name = str(activity.settings.pipeline.get("referenceName"))
    if name in seen:
        yield f"{_INDENT * depth}pipeline {name} (see above)"
        return
    child: Pipeline = factory.pipeline(name, activity.properties.at("pipeline"))
    yield f"{_INDENT * depth}pipeline {name}"
    yield from _scope(factory, child.activities, depth + 1, (*seen, name))
