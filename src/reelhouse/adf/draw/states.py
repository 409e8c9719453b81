"""What a run did, by activity: how often it ran, with what result, and how long it took in all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reelhouse.runs.record import Run, RunKind, RunStatus

_WORST_FIRST = (
    RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.IN_PROGRESS, RunStatus.SUCCEEDED, RunStatus.SKIPPED,
    RunStatus.INACTIVE,
)  # fmt: skip


@dataclass(frozen=True)
class State:
    """The state of an activity: of its only run, or of all of them in loops and retries."""

    status: RunStatus
    runs: int
    failed: int
    seconds: float | None

    @property
    def text(self) -> str:
        """As a line under the activity's name."""
        parts = [self.status.value]
        if self.runs > 1:
            parts[0] = f"{self.runs} runs" + (f", {self.failed} failed" if self.failed else "")
        if self.seconds is not None:
            parts.append(duration(self.seconds))
        return " · ".join(parts)


def states_of(tree: Sequence[Run]) -> Mapping[str, State]:
    """By the activity's name, from a pipeline run and all below it. What child pipelines did is not among it."""
    top = tree[0]
    below: dict[str | None, list[Run]] = {}
    for run in tree[1:]:
        below.setdefault(run.parent_id, []).append(run)
    found: dict[str, list[Run]] = {}
    waiting = [top.id]
    while waiting:
        for run in below.get(waiting.pop(), []):
            if run.kind is RunKind.ACTIVITY:
                found.setdefault(run.name, []).append(run)
                waiting.append(run.id)
    return {name: _state(runs) for name, runs in found.items()}


def _state(runs: Sequence[Run]) -> State:
    last = runs[-1].status if _are_tries(runs) else min((run.status for run in runs), key=_WORST_FIRST.index)
    times = [(run.ended_at - run.started_at).total_seconds() for run in runs if run.ended_at is not None]
    failed = sum(run.status is RunStatus.FAILED for run in runs)
    return State(last, len(runs), failed, sum(times) if times else None)


def _are_tries(runs: Sequence[Run]) -> bool:
    """Whether these are the tries of one activity, of which the last one counts, and not turns of a loop."""
    return len({run.parent_id for run in runs}) == 1 and any("retryAttempt" in run.details for run in runs)


def duration(seconds: float) -> str:
    """
    >>> duration(0.25), duration(75), duration(7300)
    ('0.25 s', '1 min 15 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.2f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
