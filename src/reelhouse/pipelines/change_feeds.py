"""Runs the change flows of a table: each keeps its changes, then the table becomes what all changes so far give.

https://docs.databricks.com/aws/en/ldp/cdc
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

from reelhouse.delta.expectations import ExpectationViolation
from reelhouse.delta.write import Commit, Expectation, Mode, OnViolation, Target, Transaction, WriteSpec
from reelhouse.errors import UserError
from reelhouse.failpoints import reach
from reelhouse.pipelines import cdc, evaluate
from reelhouse.pipelines.agreement import Feed, refuse_disagreement
from reelhouse.pipelines.appends import stream
from reelhouse.pipelines.ddl import type_text
from reelhouse.pipelines.definitions import ChangeFlow
from reelhouse.pipelines.description import definition_of, described
from reelhouse.pipelines.expectations import is_true
from reelhouse.pipelines.inputs import table_fingerprint
from reelhouse.pipelines.outcome import Outcome
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.work import FlowWork
from reelhouse.plans import plan

_HAS_SEQUENCE = Expectation(f"{cdc.SEQUENCE} is not null", f"{cdc.SEQUENCE} IS NOT NULL", OnViolation.FAIL)


@dataclass(frozen=True)
class _Changes:
    """A flow's feed as changes: the plan to keep them, over the columns that the feed has today."""

    flow: ChangeFlow
    feed: Feed
    relation: plan.Relation


class ChangeFeeds:
    """Runs change flows. Several flows into one table are applied together, after the last of them."""

    def __init__(self, work: FlowWork) -> None:
        self._work = work

    def run(self, dataset: PlannedDataset, planned: PlannedFlow, flow: ChangeFlow, outcome: Outcome) -> None:
        """Keep the feed's new changes in a hidden table, then make the target what all changes so far give.

        Both steps can be repeated: the first by the stream's transaction, the second because it depends on the log
        of changes alone. A flow that fails does not hold up the changes of the others.
        """
        changes = [self._changes(one) for one in dataset.flows]
        refuse_disagreement(dataset.name, [one.feed for one in changes])
        is_last = planned is dataset.flows[-1]
        generation = self._work.generation(dataset)
        log = Target(self._work.state.hidden_table("changes", f"{dataset.key}.{generation}"))
        try:
            kept = self._keep(dataset, next(c for c in changes if c.flow is flow), log, outcome)
        except Exception:
            if is_last and len(changes) > 1:
                self._apply(dataset, changes, log)
            raise
        reach("pipelines.after_changes")
        if is_last:
            outcome.add(self._apply(dataset, changes, log))
        outcome.up_to_date = not outcome.commits and not kept

    def _changes(self, planned: PlannedFlow) -> _Changes:
        flow, spark = planned.flow, self._work.spark
        assert isinstance(flow, ChangeFlow)
        bound = self._work.planner.bound(planned)
        fields = self._work.planner.fields_of(bound)
        feed = Feed(flow, cdc.change_columns(flow, [f["name"] for f in fields]), {f["name"]: f["type"] for f in fields})
        rows = cdc.changes(evaluate.frame(spark, bound), flow, feed.columns)
        return _Changes(flow, feed, evaluate.relation_of(rows, spark, flow.place))

    # --- keeping changes ------------------------------------------------------------------------------------------

    def _keep(self, dataset: PlannedDataset, changes: _Changes, log: Target, outcome: Outcome) -> bool:
        """Append new changes to the log, and tell whether there were any."""
        work, flow = self._work, changes.flow
        rules = (*dataset.dataset.expectations, _HAS_SEQUENCE)
        spec = WriteSpec(Mode.APPEND, operation="STREAMING UPDATE", merge_schema=True, expectations=rules)
        write = partial(self._write, dataset, changes)
        taken = Outcome()
        generation = work.generation(dataset)
        if flow.once:
            once = Transaction(work.app_id("once", dataset, flow.name), generation)
            work.count_views(changes.relation, taken)
            commit = write(changes.relation, log, replace(spec, transaction=once))
            if commit.version is not None:
                taken.add(commit)
                taken.count_of(dataset.key, commit)
        else:
            checkpoint = work.state.checkpoint(dataset.key, flow.name, generation)
            stream(work, changes.relation, log, spec, checkpoint, flow.name, dataset.key, taken, write=write)
        for key, counts in taken.counts.items():
            shown = {n: c for n, c in (counts.failed or {}).items() if n != _HAS_SEQUENCE.name}
            if key != dataset.key or dataset.dataset.expectations:
                outcome.count(key, replace(counts, failed=shown))
        return any(commit.version is not None for commit in taken.commits)

    def _write(
        self, dataset: PlannedDataset, changes: _Changes, rows: plan.Relation, log: Target, spec: WriteSpec
    ) -> Commit:
        try:
            return self._work.write_hidden(rows, log, spec)
        except ExpectationViolation as error:
            raise self._in_words_of_the_feed(dataset, changes, rows, log, error) from error

    def _in_words_of_the_feed(
        self,
        dataset: PlannedDataset,
        changes: _Changes,
        rows: plan.Relation,
        log: Target,
        error: ExpectationViolation,
    ) -> UserError:
        """The violation as of the table and the feed: the log and its columns are nobody's business."""
        flow = changes.flow
        without = error.failed.get(_HAS_SEQUENCE.name, 0)
        if without:
            example = self._example(changes, rows, _HAS_SEQUENCE)
            return UserError(
                f"sequence_by of flow '{flow.name}' is NULL in {without} row{'s' if without != 1 else ''} of "
                f"'{flow.source}'{example}; nothing was written",
                where=flow.place,
                remedy="Without a sequence a change has no place among the others: leave such rows out with `where`, "
                "or in a view that the flow reads.",
            )
        fatal = [r for r in dataset.dataset.expectations if r.action is OnViolation.FAIL and error.failed.get(r.name)]
        what = error.what.replace(f"'{log.location}'", f"'{dataset.name}'")
        example = self._example(changes, rows, fatal[0]) if fatal else ""
        return ExpectationViolation(what + example, error.failed)

    def _example(self, changes: _Changes, rows: plan.Relation, rule: Expectation) -> str:
        """A row that breaks a rule, in the feed's columns."""
        broken = plan.where(rows, plan.expression(f"NOT {is_true(rule.constraint)}"))
        frame = evaluate.frame(self._work.spark, broken).limit(1)
        found = self._work.collect(frame, changes.flow.place)
        shown = ", ".join(f"{name}={found[0][name]!r}" for name in changes.feed.columns.all) if found else ""
        return f", for example in ({shown})" if shown else ""

    # --- applying them --------------------------------------------------------------------------------------------

    def _apply(self, dataset: PlannedDataset, changes: list[_Changes], log: Target) -> Commit | None:
        """Make the target what the log of changes gives, in one commit."""
        first = changes[0]
        flow, columns, work = first.flow, first.feed.columns, self._work
        state = table_fingerprint(log.location)
        memo = work.state.read("changes", dataset.key)
        known = {"log": state, "definition": definition_of(dataset) + repr(columns) + str(flow.scd_type)}
        if state is None or memo == {**known, "output": table_fingerprint(dataset.location)}:
            return None
        logged = self._logged(first.feed, log)
        rows = cdc.present(logged, columns) if flow.scd_type == 1 else cdc.history(logged, columns)
        relation = evaluate.relation_of(rows, work.spark, flow.place)
        key = (*columns.keys, cdc.START) if flow.scd_type == 2 else columns.keys
        differs = not dataset.declared.columns and work.differs(dataset)
        spec = WriteSpec(
            Mode.OVERWRITE,
            operation="MERGE",
            skip_if_same=True,
            key=key,
            overwrite_schema=differs,
            **described(dataset),
        )
        commit: Commit = work.context.write(relation, work.target(dataset), spec, recorded_as=self._together(changes))
        reach("pipelines.after_apply")
        work.state.write("changes", dataset.key, {**known, "output": table_fingerprint(dataset.location)})
        return commit if commit.version is not None else None

    def _logged(self, feed: Feed, log: Target) -> Any:
        """All changes so far, under the columns of today: those that came later are NULL in earlier changes."""
        from pyspark.sql import functions as F

        from reelhouse.delta.schema import fields_of
        from reelhouse.delta.snapshot import open_snapshot

        rows = evaluate.frame(self._work.spark, self._work.context.read_delta(log))
        snapshot = open_snapshot(log.location)
        present = {f["name"].lower() for f in fields_of(snapshot.schema)} if snapshot else set()
        for name in feed.columns.all:
            if name.lower() in present:
                continue
            if name in feed.columns.keys:
                raise UserError(
                    f"Flow '{feed.flow.name}' has key '{name}', which its changes so far were kept without",
                    where=feed.flow.place,
                    remedy=f"Refresh '{feed.flow.target}' fully.",
                )
            rows = rows.withColumn(name, F.lit(None).cast(type_text(feed.types[name])))
        return rows

    def _together(self, changes: list[_Changes]) -> plan.Relation:
        """The changes of all flows as one plan, which lineage is read from."""
        frames = [evaluate.frame(self._work.spark, one.relation) for one in changes]
        united = reduce(lambda left, right: left.unionByName(right), frames)
        return evaluate.relation_of(united, self._work.spark, changes[0].flow.place)
