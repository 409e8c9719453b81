"""The summary of a run as plain data: what became of every table, what every expectation counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from reelhouse.report.trace import without_own_frames
from reelhouse.runs.record import ExpectationResult, Run, RunStatus, TableChange

QUARANTINE = "_quarantine"
LAYERS = ("bronze", "silver", "gold")


@dataclass(frozen=True)
class TableState:
    """A table as it is now. `rows` is None where the log does not tell."""

    name: str
    version: int
    rows: int | None


@dataclass(frozen=True)
class TableLine:
    """What a run did to one table. `version` is the newest one; `commits` is 0 when the run made none."""

    layer: str
    name: str
    rows: int | None
    added: int
    updated: int | None
    removed: int
    quarantined: int
    version: int
    commits: int
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A run that failed by itself, not only because of what it started. The run as a whole may have handled it."""

    name: str
    kind: str
    message: str


@dataclass(frozen=True)
class Summary:
    """All that is said at the end of a run."""

    run: Run
    tables: tuple[TableLine, ...]
    expectations: tuple[ExpectationResult, ...]
    files_ingested: int
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    lake: str

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (self.run.ended_at - self.run.started_at).total_seconds() if self.run.ended_at else 0.0

    @property
    def succeeded(self) -> bool:
        """Whether the run as a whole did."""
        return self.run.status is RunStatus.SUCCEEDED

    def as_json(self) -> dict[str, Any]:
        """The same for a machine: JSON values only."""
        return {
            "run": run_as_json(self.run),
            "seconds": round(self.seconds, 3),
            "filesIngested": self.files_ingested,
            "tables": [asdict(line) for line in self.tables],
            "expectations": [asdict(result) for result in self.expectations],
            "failures": [asdict(failure) for failure in self.failures],
            "notes": list(self.notes),
            "lake": self.lake,
        }


def run_as_json(run: Run) -> dict[str, Any]:
    """A run in JSON values, with the names of the activity run of Data Factory's monitor."""
    return {
        "id": run.id,
        "kind": run.kind.value,
        "name": run.name,
        "type": run.type,
        "parentId": run.parent_id,
        "status": run.status.value,
        "startedAt": run.started_at.isoformat(),
        "endedAt": run.ended_at.isoformat() if run.ended_at else None,
        "input": dict(run.input),
        "output": run.output,
        "error": run.error,
        "details": dict(run.details),
    }


def summarise(
    runs: Sequence[Run],
    changes: Iterable[TableChange],
    expectations: Iterable[ExpectationResult],
    states: Iterable[TableState],
    notes: Iterable[str],
    lake: str,
) -> Summary:
    """Put together what a tree of runs (its root first) did.

    `states` are the tables as they are afterwards, also those that the run left alone.
    """
    changes = list(changes)
    lines = {state.name: _line(state, [c for c in changes if c.table == state.name]) for state in states}
    for name, line in list(lines.items()):
        rejected = lines.get(name + QUARANTINE)
        if rejected is not None:
            lines[name] = replace(line, quarantined=rejected.added)
    return Summary(
        run=runs[0],
        tables=tuple(sorted(lines.values(), key=lambda line: (_layer_order(line.layer), line.name))),
        expectations=tuple(_added_up(expectations, lines)),
        files_ingested=sum(change.files_read or 0 for change in changes),
        failures=tuple(failures(runs)),
        notes=tuple(dict.fromkeys(notes)),
        lake=lake,
    )


def failures(runs: Sequence[Run]) -> list[Failure]:
    """The runs in which something went wrong first: failed ones none of whose children failed."""
    failed = [run for run in runs if run.status is RunStatus.FAILED]
    parents = {run.parent_id for run in failed}
    return [Failure(run.name, run.kind.value, message_of(run.error)) for run in failed if run.id not in parents]


def message_of(error: Any) -> str:
    """The text of an error as it was recorded: an object with `message`, or anything else as text.

    It is for people, so a traceback keeps only what lies in their files.
    """
    if isinstance(error, Mapping):
        error = error.get("message") or error
    return "" if error is None else without_own_frames(str(error))


def _line(state: TableState, changes: Sequence[TableChange]) -> TableLine:
    commits = [change for change in changes if change.version is not None]
    updates = [change.updated for change in commits if change.updated is not None]
    return TableLine(
        layer=_layer(state.name),
        name=state.name,
        rows=state.rows,
        added=sum(change.added for change in commits),
        updated=sum(updates) if updates else (None if commits else 0),
        removed=sum(change.removed for change in commits),
        quarantined=sum(change.quarantined for change in changes),
        version=state.version,
        commits=len(commits),
        seconds=sum(change.duration_ms for change in changes) / 1000,
    )


def _layer(name: str) -> str:
    parts = name.split(".")
    return parts[-2] if len(parts) > 1 else ""


def _layer_order(layer: str) -> tuple[int, str]:
    return (LAYERS.index(layer) if layer in LAYERS else len(LAYERS), layer)


def _added_up(results: Iterable[ExpectationResult], tables: Collection[str]) -> list[ExpectationResult]:
    """One result a rule: the batches of a table add up, while a view is counted anew by every flow that reads it."""
    found: dict[tuple[str, str], ExpectationResult] = {}
    for result in results:
        key = (result.dataset, result.name)
        before = found.get(key)
        if before is None:
            found[key] = result
        elif result.dataset in tables:
            found[key] = replace(result, passed=before.passed + result.passed, failed=before.failed + result.failed)
        else:
            found[key] = max(before, result, key=lambda counted: counted.passed + counted.failed)
    return sorted(
        found.values(), key=lambda result: (_layer_order(_layer(result.dataset)), result.dataset, result.name)
    )
