"""What flows of every kind work with: the session, the state, the plans; and what they ask of it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelhouse.delta.write import Commit, Target, WriteSpec
from reelhouse.errors import Place
from reelhouse.pipelines import evaluate, expectations, plans
from reelhouse.pipelines.expectations import Counts
from reelhouse.pipelines.inputs import Inputs
from reelhouse.pipelines.outcome import Outcome
from reelhouse.pipelines.planned import PlannedDataset
from reelhouse.pipelines.planning import Planner
from reelhouse.pipelines.state import PipelineState
from reelhouse.plans import plan

if TYPE_CHECKING:
    from reelhouse.clock import Clock
    from reelhouse.delta.snapshot import Snapshot


@dataclass
class FlowWork:
    """The flows of one update in one session. Thread-safe as long as one thread at a time works on a dataset."""

    pipeline_id: str
    planner: Planner
    context: Any
    spark: Any
    state: PipelineState
    inputs: Inputs
    clock: Clock
    _views: dict[str, Counts | Exception] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- plans ---------------------------------------------------------------------------------------------------

    def column_names(self, relation: plan.Relation) -> list[str]:
        """The names of the columns that a bound plan gives."""
        return [f["name"] for f in self.planner.fields_of(relation)]

    def states(self, relation: plan.Relation) -> dict[str, str] | None:
        """The states of all that a plan reads; None when its rows may differ over the same input."""
        paths = plans.paths_read(relation)
        if paths is None or plans.may_change(relation):
            return None
        tables = [r.name for r in plans.references(relation) if not plans.is_path(r.name)]
        return self.inputs.states(tables, paths)

    # --- tables --------------------------------------------------------------------------------------------------

    def snapshot(self, dataset: PlannedDataset) -> Snapshot | None:
        """The newest version of a dataset's table, None when there is none."""
        from reelhouse.delta.snapshot import open_snapshot

        return open_snapshot(dataset.location)

    def differs(self, dataset: PlannedDataset) -> bool:
        """Whether the columns of a query are others than those of the table."""
        from reelhouse.delta.schema import schema_key
        from reelhouse.delta.snapshot import open_snapshot

        snapshot = open_snapshot(dataset.location)
        if snapshot is None or dataset.schema is None:
            return False
        return schema_key(snapshot.schema) != schema_key(
            json.dumps(_like(json.loads(snapshot.schema)["fields"], dataset.schema))
        )

    def target(self, dataset: PlannedDataset) -> Target:
        """Where a dataset is written."""
        return Target(dataset.location, None if dataset.dataset.private else dataset.name)

    def generation(self, dataset: PlannedDataset) -> int:
        """How often a table was fully refreshed; its flows begin anew with each."""
        return int(self.state.read("generations", dataset.key).get("generation", 0))

    def committed(self, dataset: PlannedDataset, app_id: str) -> int:
        """The number that a table says an application committed last, -1 when none."""
        snapshot = self.snapshot(dataset)
        return -1 if snapshot is None else int(snapshot.transactions.get(app_id, -1))

    def app_id(self, what: str, dataset: PlannedDataset, flow: str) -> str:
        """The application id of a flow's commits."""
        return f"reelhouse-{what}-{self.pipeline_id}-{dataset.key}-{flow}"

    def snapshot_app_id(self, dataset: PlannedDataset, flow: str) -> str:
        """The application id that a snapshot flow's commits carry."""
        return f"{self.app_id('snapshot', dataset, flow)}-{self.generation(dataset)}"

    def write_hidden(self, relation: plan.Relation, target: Target, spec: WriteSpec) -> Commit:
        """Write to a table of ours, which no record of tables and lineage shows."""
        from reelhouse.spark.write import write_resolved

        return write_resolved(self.context, self.context.resolve(relation), target, spec)

    def count_views(self, relation: plan.Relation, outcome: Outcome, *, batch: str = "") -> None:
        """Count the expectations of the views that a plan reads. Raises when one of them fails the flow.

        A view that several flows read is counted with the first of them; its rows are the same for all in an update.
        A streaming view's are not: each `batch` has its own.
        """
        for key, rows in expectations.marked(relation).items():
            view = self.planner.datasets[key]
            with self._lock:
                if key + batch in self._views:
                    known = self._views[key + batch]
                    if isinstance(known, Exception):
                        raise known
                    continue
                try:
                    counts = self.counted(rows, view.dataset.expectations, view.name)
                except expectations.ViolatedExpectation as error:
                    self._views[key + batch] = error
                    raise
                self._views[key + batch] = counts
            outcome.count(key, counts)

    def counted(self, relation: plan.Relation, rules: Any, name: str) -> Counts:
        """How the rules of a dataset fare over rows that no commit counts."""
        table = self.context.wire.collect(self.context.resolve(expectations.counting(relation, rules)))
        return expectations.counts(table.to_pylist()[0], rules, name)

    def collect(self, frame: Any, place: Place) -> list[dict[str, Any]]:
        """The rows of a small DataFrame."""
        relation = evaluate.relation_of(frame, self.spark, place)
        rows: list[dict[str, Any]] = self.context.wire.collect(self.context.resolve(relation)).to_pylist()
        return rows


def _like(present: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> dict[str, Any]:
    """The wanted fields, with nullability and metadata of those that are there already."""
    by_name = {f["name"].lower(): f for f in present}
    fields = []
    for one in wanted:
        former = by_name.get(one["name"].lower())
        kept = {"nullable": True, "metadata": {}} if former is None else former
        fields.append({**one, "name": one["name"], "nullable": kept["nullable"], "metadata": kept["metadata"]})
    return {"type": "struct", "fields": fields}
