"""Appends to streaming tables and sinks: what is new of a stream, or a batch a single time.

https://docs.databricks.com/aws/en/ldp/flows
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelhouse.delta.write import Commit, Mode, Target, Transaction, WriteSpec
from reelhouse.failpoints import reach
from reelhouse.pipelines.definitions import Flow
from reelhouse.pipelines.description import described
from reelhouse.pipelines.expectations import Counts
from reelhouse.pipelines.outcome import Outcome
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.work import FlowWork
from reelhouse.plans import plan

Write = Callable[[plan.Relation, Target, WriteSpec], Commit]


class Appends:
    """Runs append flows."""

    def __init__(self, work: FlowWork) -> None:
        self._work = work

    def run(self, dataset: PlannedDataset, planned: PlannedFlow, flow: Flow, outcome: Outcome) -> None:
        """Append what is new of a stream."""
        relation = self._work.planner.bound(planned)
        spec = WriteSpec(
            Mode.APPEND,
            operation="STREAMING UPDATE",
            merge_schema=not dataset.declared.columns,
            expectations=dataset.dataset.expectations,
            **described(dataset),
        )
        checkpoint = self._work.state.checkpoint(dataset.key, flow.name, self._work.generation(dataset))
        stream(self._work, relation, self._work.target(dataset), spec, checkpoint, flow.name, dataset.key, outcome)

    def run_once(self, dataset: PlannedDataset, planned: PlannedFlow, flow: Flow, outcome: Outcome) -> None:
        """Append a batch a single time: its transaction is the generation, so a repetition is recognised."""
        generation = self._work.generation(dataset)
        memo = self._work.state.read("once", f"{dataset.key}:{flow.name}")
        if memo.get("generation") == generation:
            outcome.up_to_date = True
            return
        relation = self._work.planner.bound(planned)
        self._work.count_views(relation, outcome)
        spec = WriteSpec(
            Mode.APPEND,
            merge_schema=not dataset.declared.columns,
            expectations=dataset.dataset.expectations,
            transaction=Transaction(self._work.app_id("once", dataset, flow.name), generation),
            **described(dataset),
        )
        commit = self._work.context.write(relation, self._work.target(dataset), spec)
        reach("pipelines.after_once")
        outcome.add(commit)
        if dataset.dataset.expectations and commit.version is not None:
            outcome.count(dataset.key, Counts.of(commit))
        self._work.state.write("once", f"{dataset.key}:{flow.name}", {"generation": generation})


def stream(
    work: FlowWork,
    relation: plan.Relation,
    target: Target,
    spec: WriteSpec,
    checkpoint: str,
    name: str,
    key: str,
    outcome: Outcome,
    *,
    write: Write | None = None,
) -> None:
    """Append what is new of a stream to a table, in batches of one commit each; `write` writes one of them."""
    from reelhouse.streaming.run import run_available_now

    session = _CountingSession(work, outcome, write or work.context.write)
    for result in run_available_now(session, relation, target, spec, checkpoint, name=name):
        outcome.add(result.commit)
        if spec.expectations and result.commit is not None:
            outcome.count(key, Counts.of(result.commit))
    outcome.up_to_date = not outcome.commits


class _CountingSession:
    """The session as a stream sees it: before a batch is written, the rules of the views it reads are counted."""

    def __init__(self, work: FlowWork, outcome: Outcome, write: Write) -> None:
        self._work = work
        self._outcome = outcome
        self._write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work.context, name)

    def write(self, relation: plan.Relation, target: Target, spec: WriteSpec) -> Commit:
        batch = spec.transaction or Transaction("", 0)
        self._work.count_views(relation, self._outcome, batch=f" {batch.app_id} {batch.version}")
        return self._write(relation, target, spec)
