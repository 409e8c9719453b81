"""Makes tables follow snapshots, each in one commit.

https://docs.databricks.com/aws/en/ldp/cdc
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reelhouse.delta.write import Commit, Mode, Transaction, WriteSpec
from reelhouse.errors import UserError
from reelhouse.failpoints import reach
from reelhouse.pipelines import cdc, evaluate, expectations, plans
from reelhouse.pipelines.definitions import SnapshotFlow
from reelhouse.pipelines.description import definition_of, described
from reelhouse.pipelines.expectations import Counts
from reelhouse.pipelines.inputs import table_fingerprint
from reelhouse.pipelines.outcome import Outcome
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.state import from_json, to_json
from reelhouse.pipelines.work import FlowWork
from reelhouse.plans import plan


class Snapshots:
    """Runs the flows that follow snapshots."""

    def __init__(self, work: FlowWork) -> None:
        self._work = work

    def run(self, dataset: PlannedDataset, planned: PlannedFlow, flow: SnapshotFlow, outcome: Outcome) -> None:
        """Ask for snapshots until there is none, and make the target follow each in one commit.

        Before a snapshot is applied its number and version are noted; the number is committed with the rows. After a
        crash the number in the table tells whether the noted snapshot was applied.
        """
        progress = _Progress(self._work, dataset, flow)
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
        relation = self._work.planner.bound(planned)
        states = self._work.states(relation)
        memo = self._work.state.read("tables", dataset.key)
        known = {"definition": plans.fingerprint(relation) + definition_of(dataset), "inputs": states}
        if states is not None and memo == {**known, "output": table_fingerprint(dataset.location)}:
            outcome.up_to_date = True
            return
        self._work.count_views(relation, outcome)
        self._apply_snapshot(dataset, flow, relation, self._work.clock.now(), progress, outcome)
        outcome.up_to_date = not outcome.commits
        self._work.state.write("tables", dataset.key, {**known, "output": table_fingerprint(dataset.location)})

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
        raw = evaluate.relation_of(frame, self._work.spark, flow.place)
        return self._work.planner.bound(PlannedFlow(flow, raw)), new

    def _apply_snapshot(
        self,
        dataset: PlannedDataset,
        flow: SnapshotFlow,
        relation: plan.Relation,
        version: Any,
        progress: _Progress,
        outcome: Outcome,
    ) -> None:
        names = self._work.column_names(relation)
        columns = cdc.snapshot_columns(flow, names)
        rules = dataset.dataset.expectations
        incoming = evaluate.frame(self._work.spark, relation)
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
            fields = self._work.context.wire.schema(self._work.context.resolve(relation)).jsonValue()["fields"]
            dataset.schema = fields if flow.scd_type == 1 else None
            spec = replace(spec, overwrite_schema=self._work.differs(dataset))
        if flow.scd_type == 1:
            commit = self._work.context.write(relation, self._work.target(dataset), replace(spec, expectations=rules))
            if rules:
                outcome.count(dataset.key, Counts.of(commit))
        else:
            if rules:
                outcome.count(dataset.key, self._work.counted(relation, rules, dataset.name))
            commit = self._write_history(dataset, flow, kept, columns, version, spec)
        reach("pipelines.after_snapshot")
        progress.done()
        reach("pipelines.after_progress")
        if commit is not None and commit.version is not None:
            outcome.add(commit)

    def _check_keys(self, snapshot: Any, columns: cdc.Columns, flow: SnapshotFlow, version: Any) -> None:
        faults = self._work.collect(cdc.key_faults(snapshot, columns), flow.place)
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
        target = self._work.target(dataset)
        bound = self._bound_type(dataset, version)
        if not self._has_rows(dataset):
            rows = cdc.first_history(snapshot, columns, literal, bound)
            counts = None
        else:
            former = evaluate.frame(self._work.spark, self._work.context.read_delta(target))
            (difference,) = self._work.collect(cdc.differences(former, snapshot, columns), flow.place)
            counts = {name: int(difference[name]) for name in ("added", "updated", "removed")}
            if not any(counts.values()):
                return None
            rows = cdc.snapshot_history(former, snapshot, columns, literal, bound)
        relation = evaluate.relation_of(rows, self._work.spark, flow.place)
        spec = replace(spec, skip_if_same=False, key=())
        if counts is not None:
            spec = replace(spec, counts=counts)
        shown = evaluate.relation_of(snapshot, self._work.spark, flow.place)
        commit: Commit = self._work.context.write(relation, target, spec, recorded_as=shown)
        return commit

    def _bound_type(self, dataset: PlannedDataset, version: Any) -> str:
        from reelhouse.pipelines.ddl import type_text

        declared = dataset.declared.column(cdc.START)
        if declared is not None:
            return type_text(declared.type)
        snapshot = self._work.snapshot(dataset)
        for column in json.loads(snapshot.schema)["fields"] if snapshot else ():
            if column["name"] == cdc.START:
                return type_text(column["type"])
        return cdc.bound_type(version)

    def _has_rows(self, dataset: PlannedDataset) -> bool:
        snapshot = self._work.snapshot(dataset)
        return snapshot is not None and bool(snapshot.files)


class _Progress:
    """How far a snapshot flow has come: the number of the last snapshot that was applied, and its version."""

    def __init__(self, work: FlowWork, dataset: PlannedDataset, flow: SnapshotFlow) -> None:
        self._state = work.state
        self._name = f"{dataset.key}:{flow.name}"
        self.app_id = work.snapshot_app_id(dataset, flow.name)
        known = work.state.read("snapshots", self._name)
        if known.get("app_id") != self.app_id:
            known = {}
        self._number = int(known.get("number", 0))
        self.version: Any = from_json(known.get("version"))
        pending = known.get("pending")
        if pending and work.committed(dataset, self.app_id) >= pending["number"]:
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
