"""Runs the flows of one dataset: what they read is settled, what they write is one commit each.

https://docs.databricks.com/aws/en/ldp/flows
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reelhouse.delta.write import Commit, Mode, Target, Transaction, WriteSpec
from reelhouse.errors import Place, UserError
from reelhouse.failpoints import reach
from reelhouse.pipelines import cdc, evaluate, expectations, plans
from reelhouse.pipelines.change_feeds import ChangeFeeds, Write
from reelhouse.pipelines.definitions import ChangeFlow, DatasetKind, Flow, SnapshotFlow
from reelhouse.pipelines.description import definition_of, described
from reelhouse.pipelines.expectations import Counts
from reelhouse.pipelines.inputs import Inputs, table_fingerprint
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.planning import Planner
from reelhouse.pipelines.state import PipelineState, from_json, to_json
from reelhouse.plans import plan

if TYPE_CHECKING:
    from reelhouse.clock import Clock

_FORMAT = 1
"""Raised when a memo of an older release of this package must not be believed."""


@dataclass
class Outcome:
    """What a flow did. `counts` are by the dataset whose expectations they are."""

    commits: list[Commit] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    up_to_date: bool = False

    def add(self, commit: Commit | None) -> None:
        if commit is not None:
            self.commits.append(commit)

    def count(self, key: str, counts: Counts) -> None:
        self.counts[key] = self.counts.get(key, Counts()) + counts

    def count_of(self, key: str, commit: Commit) -> None:
        self.count(key, Counts.of(commit))


@dataclass
class FlowRunner:
    """Runs flows in one session. Thread-safe as long as one dataset is run by one thread at a time."""

    pipeline_id: str
    planner: Planner
    context: Any
    spark: Any
    state: PipelineState
    inputs: Inputs
    clock: Clock
    _views: dict[str, Counts | Exception] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, dataset: PlannedDataset, planned: PlannedFlow) -> Outcome:
        """Run a flow. Raises whatever its query, its expectations or the write raise; then nothing was committed."""
        outcome = Outcome()
        flow = planned.flow
        if isinstance(flow, SnapshotFlow):
            self._snapshots(dataset, planned, flow, outcome)
        elif isinstance(flow, ChangeFlow):
            ChangeFeeds(self).run(dataset, planned, flow, outcome)
        elif dataset.kind is DatasetKind.MATERIALIZED_VIEW:
            self._materialize(dataset, planned, outcome)
        elif flow.once:
            self._once(dataset, planned, flow, outcome)
        else:
            self._append(dataset, planned, flow, outcome)
        return outcome

    # --- materialized views ---------------------------------------------------------------------------------------

    def _materialize(self, dataset: PlannedDataset, planned: PlannedFlow, outcome: Outcome) -> None:
        relation = self.planner.bound(planned)
        definition = plans.fingerprint(relation) + definition_of(dataset)
        states = self._states(relation)
        memo = self.state.read("tables", dataset.key)
        known = {"format": _FORMAT, "definition": definition, "inputs": states}
        output = table_fingerprint(dataset.location)
        if states is not None and output and memo == {**known, "output": output}:
            outcome.up_to_date = True
            return
        self.count_views(relation, outcome)
        reach("pipelines.before_refresh")
        spec = WriteSpec(
            Mode.OVERWRITE,
            operation="REFRESH",
            overwrite_schema=self.differs(dataset),
            expectations=dataset.dataset.expectations,
            skip_if_same=True,
            key=dataset.declared.primary_key,
            **described(dataset),
        )
        commit = self.context.write(relation, self.target(dataset), spec)
        reach("pipelines.after_refresh")
        outcome.add(commit)
        if dataset.dataset.expectations:
            outcome.count(dataset.key, Counts.of(commit))
        if states is None:
            self.state.forget("tables", dataset.key)
        else:
            self.state.write("tables", dataset.key, {**known, "output": table_fingerprint(dataset.location)})

    def _states(self, relation: plan.Relation) -> dict[str, str] | None:
        """The states of all that a plan reads; None when its rows may differ over the same input."""
        paths = plans.paths_read(relation)
        if paths is None or plans.may_change(relation):
            return None
        tables = [r.name for r in plans.references(relation) if not plans.is_path(r.name)]
        return self.inputs.states(tables, paths)

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

    # --- appends --------------------------------------------------------------------------------------------------

    def _append(self, dataset: PlannedDataset, planned: PlannedFlow, flow: Flow, outcome: Outcome) -> None:
        relation = self.planner.bound(planned)
        spec = WriteSpec(
            Mode.APPEND,
            operation="STREAMING UPDATE",
            merge_schema=not dataset.declared.columns,
            expectations=dataset.dataset.expectations,
            **described(dataset),
        )
        checkpoint = self.state.checkpoint(dataset.key, flow.name, self.generation(dataset))
        self.stream(relation, self.target(dataset), spec, checkpoint, flow.name, dataset.key, outcome)

    def stream(
        self,
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

        session = _CountingSession(self, outcome, write or self.context.write)
        for result in run_available_now(session, relation, target, spec, checkpoint, name=name):
            outcome.add(result.commit)
            if spec.expectations and result.commit is not None:
                outcome.count(key, Counts.of(result.commit))
        outcome.up_to_date = not outcome.commits

    def _once(self, dataset: PlannedDataset, planned: PlannedFlow, flow: Flow, outcome: Outcome) -> None:
        """Append a batch a single time: its transaction is the generation, so a repetition is recognised."""
        generation = self.generation(dataset)
        memo = self.state.read("once", f"{dataset.key}:{flow.name}")
        if memo.get("generation") == generation:
            outcome.up_to_date = True
            return
        relation = self.planner.bound(planned)
        self.count_views(relation, outcome)
        spec = WriteSpec(
            Mode.APPEND,
            merge_schema=not dataset.declared.columns,
            expectations=dataset.dataset.expectations,
            transaction=Transaction(self.app_id("once", dataset, flow.name), generation),
            **described(dataset),
        )
        commit = self.context.write(relation, self.target(dataset), spec)
        reach("pipelines.after_once")
        outcome.add(commit)
        if dataset.dataset.expectations and commit.version is not None:
            outcome.count(dataset.key, Counts.of(commit))
        self.state.write("once", f"{dataset.key}:{flow.name}", {"generation": generation})

    # --- snapshots ------------------------------------------------------------------------------------------------

    def _snapshots(self, dataset: PlannedDataset, planned: PlannedFlow, flow: SnapshotFlow, outcome: Outcome) -> None:
        """Ask for snapshots until there is none, and make the target follow each in one commit.

        Before a snapshot is applied its number and version are noted; the number is committed with the rows. After a
        crash the number in the table tells whether the noted snapshot was applied.
        """
        progress = _Progress(self, dataset, flow)
        if isinstance(flow.source, str):
            self._named_snapshot(dataset, planned, flow, progress, outcome)
            return
        while (answer := self._ask(flow, progress.version)) is not None:
            relation, version = answer
            _check_order(flow, progress.version, version)
            self._apply_snapshot(dataset, flow, relation, version, progress, outcome)
        outcome.up_to_date = not outcome.commits

    def _named_snapshot(
        self, dataset: PlannedDataset, planned: PlannedFlow, flow: SnapshotFlow, progress: _Progress, outcome: Outcome
    ) -> None:
        relation = self.planner.bound(planned)
        states = self._states(relation)
        memo = self.state.read("tables", dataset.key)
        known = {"definition": plans.fingerprint(relation) + definition_of(dataset), "inputs": states}
        if states is not None and memo == {**known, "output": table_fingerprint(dataset.location)}:
            outcome.up_to_date = True
            return
        self.count_views(relation, outcome)
        self._apply_snapshot(dataset, flow, relation, self.clock.now(), progress, outcome)
        outcome.up_to_date = not outcome.commits
        self.state.write("tables", dataset.key, {**known, "output": table_fingerprint(dataset.location)})

    def _ask(self, flow: SnapshotFlow, version: Any) -> tuple[plan.Relation, Any] | None:
        assert callable(flow.source)
        answer = flow.source(version)
        if answer is None:
            return None
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise UserError(
                f"The snapshot function of '{flow.target}' returned {type(answer).__name__}",
                where=flow.place,
                remedy="It returns (DataFrame, version), or None when there is no further snapshot.",
            )
        frame, new = answer
        if new is None:
            raise UserError(f"The snapshot function of '{flow.target}' returned no version", where=flow.place)
        raw = evaluate.relation_of(frame, self.spark, flow.place)
        return self.planner.bound(PlannedFlow(flow, raw)), new

    def _apply_snapshot(
        self,
        dataset: PlannedDataset,
        flow: SnapshotFlow,
        relation: plan.Relation,
        version: Any,
        progress: _Progress,
        outcome: Outcome,
    ) -> None:
        names = self._column_names(relation)
        columns = cdc.snapshot_columns(flow, names)
        rules = dataset.dataset.expectations
        incoming = evaluate.frame(self.spark, relation)
        condition = expectations.kept(rules)
        kept = incoming.where(condition) if condition else incoming
        required = {c.name for c in dataset.declared.columns if not c.nullable}
        if not (required.issuperset(columns.keys) and plans.is_unique_by(relation, columns.keys, names)):
            self._check_keys(kept, columns, flow, version)
        number = progress.begin(version)
        spec = WriteSpec(
            Mode.OVERWRITE,
            operation="MERGE",
            skip_if_same=True,
            key=columns.keys,
            transaction=Transaction(progress.app_id, number),
            user_metadata=json.dumps({"flow": flow.name, "snapshot_version": to_json(version)}, default=str),
            **described(dataset),
        )
        if not dataset.declared.columns:
            fields = self.context.wire.schema(self.context.resolve(relation)).jsonValue()["fields"]
            dataset.schema = fields if flow.scd_type == 1 else None
            spec = replace(spec, overwrite_schema=self.differs(dataset))
        if flow.scd_type == 1:
            commit = self.context.write(relation, self.target(dataset), replace(spec, expectations=rules))
            if rules:
                outcome.count(dataset.key, Counts.of(commit))
        else:
            if rules:
                outcome.count(dataset.key, self._counted(relation, rules, dataset.name))
            commit = self._write_history(dataset, flow, kept, columns, version, spec)
        reach("pipelines.after_snapshot")
        progress.done()
        reach("pipelines.after_progress")
        if commit is not None and commit.version is not None:
            outcome.add(commit)

    def _check_keys(self, snapshot: Any, columns: cdc.Columns, flow: SnapshotFlow, version: Any) -> None:
        faults = self.collect(cdc.key_faults(snapshot, columns), flow.place)
        if not faults:
            return
        shown = ", ".join(
            "(" + ", ".join(f"{k}={row[k]!r}" for k in columns.keys) + f") in {row['__rows']} rows" for row in faults
        )
        raise UserError(
            f"The snapshot of '{flow.target}' with version {version} does not have one row a key: {shown}",
            where=flow.place,
            remedy=f"Its keys ({', '.join(columns.keys)}) have to be unique and not NULL.",
        )

    def _write_history(
        self,
        dataset: PlannedDataset,
        flow: SnapshotFlow,
        snapshot: Any,
        columns: cdc.Columns,
        version: Any,
        spec: WriteSpec,
    ) -> Commit | None:
        literal = cdc.version_literal(version, flow.place)
        target = self.target(dataset)
        bound = self._bound_type(dataset, version)
        if not self._has_rows(dataset):
            rows = cdc.first_history(snapshot, columns, literal, bound)
            counts = None
        else:
            former = evaluate.frame(self.spark, self.context.read_delta(target))
            (difference,) = self.collect(cdc.differences(former, snapshot, columns), flow.place)
            counts = {name: int(difference[name]) for name in ("added", "updated", "removed")}
            if not any(counts.values()):
                return None
            rows = cdc.snapshot_history(former, snapshot, columns, literal, bound)
        relation = evaluate.relation_of(rows, self.spark, flow.place)
        spec = replace(spec, skip_if_same=False, key=())
        if counts is not None:
            spec = replace(spec, counts=counts)
        shown = evaluate.relation_of(snapshot, self.spark, flow.place)
        commit: Commit = self.context.write(relation, target, spec, recorded_as=shown)
        return commit

    def _bound_type(self, dataset: PlannedDataset, version: Any) -> str:
        from reelhouse.pipelines.ddl import type_text

        declared = dataset.declared.column(cdc.START)
        if declared is not None:
            return type_text(declared.type)
        snapshot = self._snapshot(dataset)
        for column in json.loads(snapshot.schema)["fields"] if snapshot else ():
            if column["name"] == cdc.START:
                return type_text(column["type"])
        return cdc.bound_type(version)

    def _snapshot(self, dataset: PlannedDataset) -> Any:
        from reelhouse.delta.snapshot import open_snapshot

        return open_snapshot(dataset.location)

    def _has_rows(self, dataset: PlannedDataset) -> bool:
        snapshot = self._snapshot(dataset)
        return snapshot is not None and bool(snapshot.files)

    def _column_names(self, relation: plan.Relation) -> list[str]:
        return [f["name"] for f in self.planner.fields_of(relation)]

    # --- what they share ------------------------------------------------------------------------------------------

    def target(self, dataset: PlannedDataset) -> Target:
        """Where a dataset is written."""
        return Target(dataset.location, None if dataset.dataset.private else dataset.name)

    def generation(self, dataset: PlannedDataset) -> int:
        """How often a table was fully refreshed; its flows begin anew with each."""
        return int(self.state.read("generations", dataset.key).get("generation", 0))

    def committed(self, dataset: PlannedDataset, app_id: str) -> int:
        """The number that a table says an application committed last, -1 when none."""
        snapshot = self._snapshot(dataset)
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
                    counts = self._counted(rows, view.dataset.expectations, view.name)
                except expectations.ViolatedExpectation as error:
                    self._views[key + batch] = error
                    raise
                self._views[key + batch] = counts
            outcome.count(key, counts)

    def _counted(self, relation: plan.Relation, rules: Any, name: str) -> Counts:
        table = self.context.wire.collect(self.context.resolve(expectations.counting(relation, rules)))
        return expectations.counts(table.to_pylist()[0], rules, name)

    def collect(self, frame: Any, place: Place) -> list[dict[str, Any]]:
        """The rows of a small DataFrame."""
        relation = evaluate.relation_of(frame, self.spark, place)
        rows: list[dict[str, Any]] = self.context.wire.collect(self.context.resolve(relation)).to_pylist()
        return rows


class _CountingSession:
    """The session as a stream sees it: before a batch is written, the rules of the views it reads are counted."""

    def __init__(self, runner: FlowRunner, outcome: Outcome, write: Write) -> None:
        self._runner = runner
        self._outcome = outcome
        self._write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner.context, name)

    def write(self, relation: plan.Relation, target: Target, spec: WriteSpec) -> Commit:
        batch = spec.transaction or Transaction("", 0)
        self._runner.count_views(relation, self._outcome, batch=f" {batch.app_id} {batch.version}")
        return self._write(relation, target, spec)


class _Progress:
    """How far a snapshot flow has come: the number of the last snapshot that was applied, and its version."""

    def __init__(self, runner: FlowRunner, dataset: PlannedDataset, flow: SnapshotFlow) -> None:
        self._state = runner.state
        self._name = f"{dataset.key}:{flow.name}"
        self.app_id = runner.snapshot_app_id(dataset, flow.name)
        known = runner.state.read("snapshots", self._name)
        if known.get("app_id") != self.app_id:
            known = {}
        self._number = int(known.get("number", 0))
        self.version: Any = from_json(known.get("version"))
        pending = known.get("pending")
        if pending and runner.committed(dataset, self.app_id) >= pending["number"]:
            self._pending: tuple[int, Any] = (pending["number"], from_json(pending["version"]))
            self.done()

    def begin(self, version: Any) -> int:
        """Note that a snapshot is about to be applied, and return its number."""
        self._pending = (self._number + 1, version)
        number, stored = self._number + 1, to_json(version)
        self._write({"number": number, "version": stored})
        return number

    def done(self) -> None:
        """Note that it was."""
        self._number, self.version = self._pending
        self._write(None)

    def _write(self, pending: Mapping[str, Any] | None) -> None:
        content = {"app_id": self.app_id, "number": self._number, "version": to_json(self.version), "pending": pending}
        self._state.write("snapshots", self._name, content)


def _check_order(flow: SnapshotFlow, last: Any, version: Any) -> None:
    if last is None:
        return
    try:
        later = version > last
    except TypeError as error:
        raise UserError(
            f"The versions of '{flow.target}' cannot be compared: {last!r} and {version!r}", where=flow.place
        ) from error
    if not later:
        raise UserError(
            f"The snapshot function of '{flow.target}' returned version {version} after {last}",
            where=flow.place,
            remedy="Versions have to ascend; return None when there is no newer snapshot.",
        )


def _like(present: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> dict[str, Any]:
    """The wanted fields, with nullability and metadata of those that are there already."""
    by_name = {f["name"].lower(): f for f in present}
    fields = []
    for one in wanted:
        former = by_name.get(one["name"].lower())
        kept = {"nullable": True, "metadata": {}} if former is None else former
        fields.append({**one, "name": one["name"], "nullable": kept["nullable"], "metadata": kept["metadata"]})
    return {"type": "struct", "fields": fields}
