"""The columns of every query, asked of the engine over empty tables, and compared with what is declared."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reelhouse.errors import ReelhouseError, Unsupported, UserError
from reelhouse.pipelines import cdc, evaluate, plans
from reelhouse.pipelines.agreement import Feed, refuse_disagreement
from reelhouse.pipelines.ddl import TableSchema, same_type, type_text
from reelhouse.pipelines.definitions import AnyFlow, ChangeFlow, DatasetKind, Flow, SnapshotFlow
from reelhouse.pipelines.expectation_checks import Rules
from reelhouse.pipelines.expectations import guarded
from reelhouse.pipelines.faults import Faults
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.plans import plan
from reelhouse.plans.plan import Relation

if TYPE_CHECKING:
    from reelhouse.pipelines.planning import Planner

_BOUNDS = (cdc.START, cdc.END)


class ColumnCheck:
    """Finds the columns of each dataset of a planner, in the order of the graph."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    def check(self, ordered: Iterable[PlannedDataset]) -> None:
        """Ask the engine for the columns of every query, and compare them with what is declared.

        Raises `UserError` naming flow, dataset and place for each query that the engine cannot resolve; what reads a
        dataset in which something is wrong is not looked at.
        """
        faults, failed = Faults(), set[str]()
        for planned in ordered:
            if not failed.isdisjoint(planned.inputs):
                failed.add(planned.key)
                continue
            before = len(faults)
            for flow in planned.flows:
                with faults.noted():
                    self._check_flow_types(planned, flow)
            if planned.declared.columns:
                planned.schema = json.loads(planned.declared.json())["fields"]
            with faults.noted():
                refuse_disagreement(planned.name, [flow.feed for flow in planned.flows if flow.feed is not None])
                if len(faults) == before:
                    self._check_rules(planned)
            if len(faults) > before:
                failed.add(planned.key)
        faults.tell()

    def _check_flow_types(self, planned: PlannedDataset, flow: PlannedFlow) -> None:
        try:
            fields = self._fields(flow)
            if fields is None:
                return
            target = fields if isinstance(flow.flow, Flow) else self._target_fields(flow, fields)
        except ReelhouseError as error:
            raise self._type_error(planned, flow, error.what, error) from error
        except Exception as error:
            raise self._type_error(planned, flow, str(error).splitlines()[0], error) from error
        self._check_declared(planned, flow, target)
        planned.schema = _merged(planned.schema, target)

    def _check_rules(self, planned: PlannedDataset) -> None:
        """Refuse expectations that the engine cannot try on a dataset's rows."""
        own = planned.dataset
        if not own.expectations:
            return
        # The bounds of a history are not there yet when its changes are tried.
        bounds = _BOUNDS if any(getattr(f.flow, "scd_type", 1) == 2 for f in planned.flows) else ()
        fields = None if planned.schema is None else [f for f in planned.schema if f["name"] not in bounds]
        rows = None if fields is None else plan.empty(json.dumps({"type": "struct", "fields": fields}))
        names = [f["name"] for f in fields or ()]
        Rules(planned.name, own.expectations, own.rule_places, own.place).check(rows, names, self._planner.fields_of)

    def _type_error(self, planned: PlannedDataset, flow: PlannedFlow, what: str, error: BaseException) -> UserError:
        where = getattr(error, "where", None) or flow.flow.place
        remedy = getattr(error, "remedy", "")
        kind = Unsupported if isinstance(error, Unsupported) else UserError
        return kind(
            f"Flow '{flow.name}' of dataset '{planned.name}' cannot be resolved: {what}", where=where, remedy=remedy
        )

    def _fields(self, flow: PlannedFlow) -> list[dict[str, Any]] | None:
        """The fields of a flow's query, None when they are not known before it runs."""
        if flow.relation is None or not flow.external.isdisjoint(self._planner.missing):
            return None
        relation = self._empty_inputs(flow.relation, flow.flow)
        return None if relation is None else self._planner.fields_of(relation)

    def _empty_inputs(self, relation: Relation, flow: AnyFlow) -> Relation | None:
        """The plan over empty tables instead of the pipeline's; None when the columns of one are unknown."""
        unknown = False

        def choose(reference: plans.Reference) -> Relation | None:
            nonlocal unknown
            if plans.is_path(reference.name):
                return None
            found = self._planner.find(reference.name)
            if found is None:
                return plan.named_table(plans.quoted(self._planner.namespace.qualify(reference.name)))
            if found.kind is DatasetKind.TEMPORARY_VIEW:
                rows = self._empty_inputs(found.flows[0].relation, found.flows[0].flow)
                unknown = unknown or rows is None
                inner = rows if rows is not None else plan.empty("_ int")
                return plan.alias(
                    guarded(inner, found.key, found.dataset.expectations), plan.split_name(reference.name)[-1]
                )
            if found.schema is None:
                unknown = True
                return plan.empty("_ int")
            return plan.empty(json.dumps({"type": "struct", "fields": found.schema}))

        bound = plans.substitute(relation, choose)
        return None if unknown else bound

    def _target_fields(self, planned: PlannedFlow, source: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The fields of a change data capture target, from those of its source."""
        flow = planned.flow
        names = [f["name"] for f in source]
        if isinstance(flow, SnapshotFlow):
            columns = cdc.snapshot_columns(flow, names)
            bound: Any = "timestamp"
        else:
            assert isinstance(flow, ChangeFlow)
            columns = cdc.change_columns(flow, names)
            feed = evaluate.frame(self._planner.spark, plan.empty(json.dumps({"type": "struct", "fields": source})))
            changed = evaluate.relation_of(cdc.changes(feed, flow, columns), self._planner.spark, flow.place)
            bound = next(f["type"] for f in self._planner.fields_of(changed) if f["name"] == cdc.SEQUENCE)
            types = {f["name"]: f["type"] for f in source if f["name"] in columns.all}
            planned.feed = Feed(flow, columns, {**types, cdc.SEQUENCE: bound})
        fields = [{**f, "nullable": True} for f in source if f["name"] in columns.all]
        if flow.scd_type == 2:
            fields += [{"name": name, "type": bound, "nullable": True, "metadata": {}} for name in _BOUNDS]
        return fields

    def _check_declared(self, planned: PlannedDataset, flow: PlannedFlow, fields: list[dict[str, Any]]) -> None:
        declared = planned.declared
        if not declared.columns or planned.kind is DatasetKind.TEMPORARY_VIEW:
            return
        if isinstance(flow.flow, (ChangeFlow, SnapshotFlow)) and flow.flow.scd_type == 2:
            missing = [b for b in _BOUNDS if declared.column(b) is None]
            if missing:
                raise UserError(
                    f"The declared schema of '{planned.name}' lacks {' and '.join(missing)}, which SCD type 2 needs",
                    where=planned.dataset.place,
                )
        check_declared(planned.name, declared, fields, flow, planned.kind is DatasetKind.MATERIALIZED_VIEW)


def check_declared(
    name: str, declared: TableSchema, fields: list[dict[str, Any]], flow: PlannedFlow, complete: bool
) -> None:
    """Compare a query's fields with the declared columns. With `complete` the query has to give every column.

    Raises `UserError` naming each column that is missing, not declared, or of another type.
    """
    faults = []
    given = {f["name"].lower(): f for f in fields}
    for column in declared.columns:
        found = given.pop(column.name.lower(), None)
        if found is None:
            if complete or not column.nullable:
                faults.append(f"'{column.name}' is declared and the query does not give it")
        elif not same_type(column.type, found["type"]):
            bounds = isinstance(flow.flow, SnapshotFlow) and column.name in _BOUNDS
            if not bounds:
                types = f"declared {type_text(column.type)} and the query gives {type_text(found['type'])}"
                faults.append(f"'{column.name}' is {types}")
    faults += [f"'{f['name']}' is given by the query and not declared" for f in given.values()]
    if faults:
        raise UserError(
            f"The declared schema of '{name}' and the query of flow '{flow.name}' differ: {'; '.join(faults)}",
            where=flow.flow.place,
        )


def _merged(first: list[dict[str, Any]] | None, second: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fields of both, each once; several flows of one table may give different columns."""
    names = {f["name"].lower() for f in first or ()}
    return [*(first or ()), *(f for f in second if f["name"].lower() not in names)]
