"""Variables that the turns of a parallel ForEach set: they belong to the pipeline, so the turns race.

AppendVariable loses nothing, only the order is by chance, so that is not told.

https://learn.microsoft.com/azure/data-factory/control-flow-for-each-activity#limitations-and-workarounds
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reelhouse.adf.definition import Activity, walk
from reelhouse.adf.finding import Finding, warning
from reelhouse.adf.settings import ForEach, SetVariable


def check_loop(activity: Activity) -> Iterator[Finding]:
    """A warning for each activity in a parallel ForEach that sets a variable."""
    settings = activity.settings
    if not isinstance(settings, ForEach) or settings.is_sequential:
        return
    for inner in walk(activity.branches["body"]):
        written = _written(inner)
        if written:
            yield warning(
                inner.properties.at("variableName"),
                f"'{inner.name}' sets the variable '{written}' in the parallel ForEach '{activity.name}': all turns "
                "share it, and which of them comes last is by chance",
                "Set isSequential, or put the body into a pipeline of its own.",
            )


def races(activities: Iterable[Activity]) -> list[str]:
    """The same for a run: one line for each parallel ForEach that sets variables."""
    found = []
    for activity in walk(activities):
        if activity.inactive_as is None:
            names = {_written(inner) for inner in walk(activity.branches.get("body", ())) if _is_parallel(activity)}
            listed = ", ".join(f"'{name}'" for name in sorted(names - {""}))
            if listed:
                found.append(f"The turns of the parallel ForEach '{activity.name}' set the same variables: {listed}")
    return found


def _is_parallel(activity: Activity) -> bool:
    return isinstance(activity.settings, ForEach) and not activity.settings.is_sequential


def _written(activity: Activity) -> str:
    settings = activity.settings
    if activity.inactive_as is not None or not isinstance(settings, SetVariable) or settings.set_system_variable:
        return ""
    return settings.variable_name
