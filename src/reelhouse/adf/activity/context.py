"""What an activity is handed to do its work, and what it hands back."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from reelhouse.adf.concurrency import Limits
from reelhouse.adf.definition import SEEN_THROUGH, Activity, Parameter, Pipeline, seen_inside
from reelhouse.adf.errors import ActivityFailed, Cancelled
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.values import json_text, text, type_name
from reelhouse.adf.http import Waiting
from reelhouse.adf.masker import MASK, Masker
from reelhouse.adf.recovery import Past
from reelhouse.adf.services import AdfServices
from reelhouse.adf.workers import Workers
from reelhouse.errors import Place
from reelhouse.runs.record import RunStatus

if TYPE_CHECKING:
    from reelhouse.adf.factory import Factory

__all__ = [
    "MASK", "ActivityContext", "Inside", "Limits", "Masker", "PipelineState", "Prepare", "RunsActivities",
    "RunsPipelines", "ScopeResult", "Variables", "Work", "as_boolean", "as_integer", "as_seconds", "parse_time_span",
    "size_of", "wrong",
]  # fmt: skip

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?")


class Variables(Mapping[str, Any]):
    """The variables of a pipeline run by lower-case name: one set for the whole run, parallel iterations included."""

    def __init__(self, declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> None:
        self.declared = {name.lower(): parameter for name, parameter in declared.items()}
        self._values = {name.lower(): value for name, value in values.items()}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def set(self, name: str, value: Any) -> None:
        with self._lock:
            self._values[name.lower()] = value

    def append(self, name: str, value: Any) -> Any:
        """Append to an array; the new array comes back."""
        with self._lock:
            self._values[name.lower()] = [*self._values[name.lower()], value]
            return self._values[name.lower()]

    def named(self) -> dict[str, Any]:
        """All values by the names of their declarations."""
        return {parameter.name: self._values[key] for key, parameter in self.declared.items()}


@dataclass(frozen=True)
class ScopeResult:
    """How a scope of activities ended. `failure` names the first activity that decided a Failed result, and why."""

    status: RunStatus
    failure: tuple[str, str] | None = None
    activities: Mapping[str, Any] = field(default_factory=dict)
    """What `activity('…')` gives after the scope, by lower-case name: its own activities and those before it."""
    judged: tuple[str, ...] = ()
    """The activities whose states decided the result."""


@dataclass(frozen=True)
class Inside:
    """Where a scope stands: which turn of a loop it is, and what an earlier run did there."""

    past: Past | None = None
    iteration: int | None = None
    iteration_hash: str = ""


class RunsActivities(Protocol):
    def __call__(
        self, activities: Sequence[Activity], scope: Scope, parent_id: str, inside: Inside | None = None
    ) -> ScopeResult: ...


class RunsPipelines(Protocol):
    def __call__(
        self,
        name: str,
        parameters: Mapping[str, Any],
        parent: PipelineState,
        parent_id: str,
        place: Place,
        *,
        run_id: str | None = None,
        past: Past | None = None,
    ) -> Any: ...


@dataclass
class PipelineState:
    """One pipeline run. `depth` counts the pipelines that this one was started by."""

    id: str
    factory: Factory
    pipeline: Pipeline
    services: AdfServices
    variables: Variables
    masker: Masker
    run_activities: RunsActivities
    run_pipeline: RunsPipelines
    limits: Limits
    depth: int = 0
    return_value: dict[str, Any] | None = None
    background: list[threading.Event] = field(default_factory=list)
    """What has to be over before the run is: child pipelines that are not waited for."""
    workers: Workers = field(default_factory=Workers)


@dataclass(frozen=True)
class ActivityContext:
    """One try of one activity. `deadline` is a time of the clock's `monotonic`, from its policy.

    `memory` is shared by all tries of the activity, so that a copy of many files goes on where it failed. `past` is
    what an earlier run did inside this activity, when that counts. `held` gets what the activities inside of it came
    to, for those that come after it.
    """

    activity: Activity
    scope: Scope
    run: PipelineState
    run_id: str
    deadline: float | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    past: Past | None = None
    held: dict[str, Any] = field(default_factory=dict)

    @property
    def services(self) -> AdfServices:
        return self.run.services

    @property
    def properties(self) -> Place:
        return self.activity.properties

    def value(self, raw: Any, *steps: str | int) -> Any:
        """The value of a dynamic property that stands at `steps` below the `typeProperties`."""
        place = self.properties
        for part in steps:
            place = place.at(part)
        return evaluate(raw, self.scope, place)

    def waiting(self) -> Waiting:
        return Waiting(self.services.clock, self.services.cancel, self.deadline)

    def sleep(self, seconds: float) -> None:
        """Wait by the clock port. Raises `Cancelled`, or `ActivityFailed` when the activity's time is over."""
        clock = self.services.clock
        if self.deadline is not None:
            seconds = min(seconds, max(self.deadline - clock.monotonic(), 0))
        clock.sleep(seconds, self.services.cancel)
        if self.services.cancel.is_set():
            raise Cancelled

    def inner(
        self, activities: Sequence[Activity], scope: Scope | None = None, inside: Inside | None = None
    ) -> ScopeResult:
        """Run the activities of a scope inside this one."""
        result = self.run.run_activities(activities, scope or self.scope, self.run_id, inside or Inside(self.past))
        if result.status is RunStatus.CANCELLED:
            raise Cancelled
        if self.activity.type in SEEN_THROUGH:
            # The last turn is what counts. What lies around this activity is not its to tell: it has gone on meanwhile.
            names = {activity.name.lower() for activity in seen_inside(self.activity)}
            self.held.clear()
            self.held.update({name: value for name, value in result.activities.items() if name in names})
        return result


@dataclass(frozen=True)
class Work:
    """What an activity is about to do: its evaluated input, and the act, which gives the output."""

    input: Mapping[str, Any]
    run: Callable[[], Any]


Prepare = Callable[[ActivityContext], Work]


def wrong(ctx: ActivityContext, what: str, *steps: str | int) -> ActivityFailed:
    """An evaluated property has a value that it must not have."""
    place = ctx.properties
    for part in steps:
        place = place.at(part)
    return ActivityFailed("InvalidTemplate", f"{what} ({place})")


def as_integer(ctx: ActivityContext, value: Any, name: str, least: int = 0) -> int:
    """An integer from an integer, or from a text of one. Raises `ActivityFailed`."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(ctx, f"'{name}' must be an integer, it is {type_name(value)} '{text(value)}'", name)
    if value < least:
        raise wrong(ctx, f"'{name}' must be at least {least}, it is {value}", name)
    return value


def as_boolean(ctx: ActivityContext, value: Any, name: str) -> bool:
    """A boolean from a boolean, or from the text of one. Raises `ActivityFailed`."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise wrong(ctx, f"'{name}' must be a boolean, it is {type_name(value)} '{text(value)}'", name)
    return value


def parse_time_span(value: Any) -> timedelta | None:
    """The span of a `[d.]hh:mm:ss`; None when the text is none."""
    match = _TIME_SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        return None
    days, hours, minutes, seconds, fraction = match.groups()
    return timedelta(
        days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(f"{seconds}.{fraction or 0}")
    )


def as_seconds(ctx: ActivityContext, value: Any, name: str) -> float:
    """The seconds of a time span. Raises `ActivityFailed`."""
    span = parse_time_span(value)
    if span is None:
        raise wrong(ctx, f"'{name}' must be a time span such as 0.12:00:00, it is '{text(value)}'", name)
    return span.total_seconds()


def size_of(value: Any) -> int:
    """Bytes of a value as JSON."""
    return len(json_text(value).encode("utf-8", "replace"))
