"""How a run of a pipeline went, for a test to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reelhouse.adf.expression.scope import NOTHING
from reelhouse.errors import UserError, did_you_mean
from reelhouse.runs.record import RunStatus


class NotRun(UserError, KeyError):
    """An activity that did not run, or that the pipeline does not have."""


@dataclass(frozen=True)
class Attempt:
    """One try of an activity, as the monitor shows it: secrets and what the policy calls secure are `***`."""

    status: RunStatus
    input: Mapping[str, Any] = field(default_factory=dict)
    output: Any = None
    error: Mapping[str, Any] | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class ActivityResult:
    """How an activity ended: its last try. `error` is None, or has `errorCode`, `message`, `failureType`, `target` and
    `details`. `attempts` are all tries; one that was skipped has none. `item` is that of the ForEach around it."""

    name: str
    type: str
    status: RunStatus
    attempts: tuple[Attempt, ...] = ()
    item: Any = NOTHING

    @property
    def input(self) -> Mapping[str, Any]:
        return self.attempts[-1].input if self.attempts else {}

    @property
    def output(self) -> Any:
        return self.attempts[-1].output if self.attempts else None

    @property
    def error(self) -> Mapping[str, Any] | None:
        return self.attempts[-1].error if self.attempts else None


class Activities(Mapping[str, Any]):
    """The results of a pipeline's activities by name. Those inside of a loop have a list, one for each iteration.

    What was not reached (the branch that was not taken) is not among them; an activity in a loop without any iteration
    has an empty list.
    """

    def __init__(self, results: Mapping[str, Any], declared: Mapping[str, str]) -> None:
        self._results = results
        self._declared = declared

    def __getitem__(self, name: str) -> Any:
        if name in self._results:
            return self._results[name]
        if name in self._declared:
            ran = ", ".join(self._results) or "nothing"
            raise NotRun(f"The activity '{name}' did not run: {self._declared[name]}", remedy=f"What ran: {ran}.")
        raise NotRun(f"The pipeline has no activity '{name}'", remedy=did_you_mean(name, self._declared))

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)


@dataclass(frozen=True, repr=False)
class PipelineResult:
    """A run of a pipeline. `message` says why it failed. `started` names the activities in the order of their start,
    once for each iteration; `children` are the runs that ExecutePipeline started."""

    id: str
    name: str
    status: RunStatus
    message: str
    activities: Activities
    variables: Mapping[str, Any]
    return_value: Mapping[str, Any] | None
    started: tuple[str, ...]
    children: tuple[PipelineResult, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def child(self, name: str) -> PipelineResult:
        """The first run of that pipeline, however deep. Raises `UserError` when it was not started."""
        below = list(self.children)
        known = []
        while below:
            child = below.pop(0)
            if child.name == name:
                return child
            known.append(child.name)
            below.extend(child.children)
        raise UserError(f"The pipeline '{name}' was not started", remedy=did_you_mean(name, known))

    def __repr__(self) -> str:
        return f"<{self.name} {self.status}{': ' if self.message else ''}{self.message}>"
