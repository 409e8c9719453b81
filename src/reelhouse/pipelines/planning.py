"""From what files define to what an update will do: names resolved, kinds known, types checked, order found.

Nothing is written here. The engine is asked for the types of queries, over empty tables where a table is yet to come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from reelhouse.errors import UserError, did_you_mean
from reelhouse.pipelines import evaluate, plans
from reelhouse.pipelines.columns import ColumnCheck
from reelhouse.pipelines.ddl import parse_schema
from reelhouse.pipelines.definitions import (
    AnyFlow,
    ChangeFlow,
    Dataset,
    DatasetKind,
    Flow,
    FlowKind,
    Registry,
    SnapshotFlow,
)
from reelhouse.pipelines.expectations import guarded
from reelhouse.pipelines.faults import Faults
from reelhouse.pipelines.graph import Namespace, Node, order, unique
from reelhouse.pipelines.names_in_code import texts
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.settings import TableMissing
from reelhouse.plans import plan
from reelhouse.plans.plan import Relation

if TYPE_CHECKING:
    from reelhouse.catalog.catalog import Catalog

_READ_PRIVATE = "Define it there without private=True, or read a table that is made from it."


class Planner:
    """Plans one pipeline. `context` is its session's (see `reelhouse.spark.context`)."""

    def __init__(self, registry: Registry, namespace: Namespace, spark: Any, context: Any, catalog: Catalog) -> None:
        self.registry = registry
        self.schema_folder: Callable[[str], str] | None = None
        """Where the schemas lie that Auto Loader infers for a flow, by the flow's name."""
        self.namespace = namespace
        self.spark = spark
        self._context = context
        self._catalog = catalog
        self.datasets: dict[str, PlannedDataset] = {}
        self.lenient = False
        """Go on without tables that something else has still to make: the types of what reads them stay unknown."""
        self.missing: dict[str, TableMissing] = {}

    def resolve(self) -> list[PlannedDataset]:
        """All datasets, each after those it reads.

        Raises `UserError` for names that are defined twice, unknown or go in a circle, and for a query, a type or a
        parameter that does not fit. Each step tells all that it finds.
        """
        faults = Faults()
        for dataset in self.registry.with_rules():
            with faults.noted():
                self._add(dataset)
        self._attach_flows(faults)
        with evaluate.nothing_runs(self.spark):
            for planned in self.datasets.values():
                for flow in planned.flows:
                    self._read(flow, faults)
        nodes = [Node(d.key, d.name, d.dataset.place, tuple(sorted(d.inputs))) for d in self.datasets.values()]
        ordered = []
        with faults.noted():
            ordered = [self.datasets[node.key] for node in order(nodes)]
        if not (self.lenient and faults.only_missing()):
            faults.tell()
        faults = Faults()
        for planned in ordered:
            with faults.noted():
                self._find_kind(planned)
        faults.tell()
        return ordered

    def _add(self, dataset: Dataset) -> None:
        view_key, table_key = self.namespace.keys(dataset.name)
        stored = dataset.kind not in (DatasetKind.TEMPORARY_VIEW, DatasetKind.SINK)
        key = table_key if stored else view_key or dataset.name.lower()
        name = self.namespace.qualify(dataset.name) if stored else dataset.name
        clash = [(key, name, dataset.place)]
        unique([*((d.key, d.name, d.dataset.place) for d in self.datasets.values()), *clash], "Dataset")
        declared = parse_schema(dataset.schema, dataset.place)
        self.datasets[key] = PlannedDataset(key, name, dataset, dataset.kind, declared)

    def _attach_flows(self, faults: Faults) -> None:
        if not len(faults):  # a dataset that is defined twice has its flow twice
            with faults.noted():
                unique(((f.name.lower(), f.name, f.place) for f in self.registry.flows), "Flow")
        for flow in self.registry.flows:
            with faults.noted():
                self._attach(flow)
        for planned in self.datasets.values():
            if not len(faults):
                with faults.noted():
                    self._check_flows(planned)

    def _attach(self, flow: AnyFlow) -> None:
        target = self.find(flow.target)
        if target is None:
            names = [d.dataset.name for d in self.datasets.values()]
            raise UserError(
                f"Flow '{flow.name}' writes to '{flow.target}', which is not defined",
                where=flow.place,
                remedy=did_you_mean(flow.target, names),
            )
        target.flows.append(PlannedFlow(flow))

    def _check_flows(self, planned: PlannedDataset) -> None:
        flows = [f.flow for f in planned.flows]
        snapshots = [f for f in flows if isinstance(f, SnapshotFlow)]
        changes = [f for f in flows if isinstance(f, ChangeFlow)]
        if snapshots and len(flows) > 1:
            what = f"'{planned.name}' is fed from snapshots and by another flow, '{flows[-1].name}'"
            raise UserError(what, where=flows[-1].place, remedy="A target of snapshots has that flow alone.")
        if changes and len(changes) != len(flows):
            raise UserError(f"'{planned.name}' is fed by change flows and by others", where=flows[-1].place)
        if len({f.scd_type for f in changes}) > 1:
            raise UserError(f"The change flows of '{planned.name}' differ in SCD type", where=changes[-1].place)
        if (snapshots or changes) and planned.kind is not DatasetKind.STREAMING_TABLE:
            raise UserError(
                f"'{planned.name}' is fed by change data capture and is not a streaming table",
                where=flows[0].place,
                remedy="Define it with create_streaming_table().",
            )
        if planned.kind is DatasetKind.MATERIALIZED_VIEW and len(flows) > 1:
            raise UserError(f"Materialized view '{planned.name}' has a flow of its own already", where=flows[1].place)

    def find(self, name: str) -> PlannedDataset | None:
        """The dataset of the pipeline that a name means, or None."""
        view, table = self.namespace.keys(name)
        return self.datasets.get(view) if view in self.datasets else self.datasets.get(table)

    def _read(self, planned: PlannedFlow, faults: Faults) -> None:
        """Evaluate a flow's query and note what it reads."""
        with faults.noted():
            self._evaluate(planned)
        if planned.relation is not None:
            for reference in plans.references(planned.relation):
                with faults.noted():
                    self._note_read(planned, reference)

    def _evaluate(self, planned: PlannedFlow) -> None:
        flow = planned.flow
        if isinstance(flow, Flow):
            planned.relation = evaluate.evaluate(flow, self.spark, self.registry)
            if self.schema_folder is not None:
                planned.relation = plans.with_schema_locations(planned.relation, self.schema_folder(flow.name))
        elif isinstance(flow, ChangeFlow):
            planned.relation = plan.named_table(flow.source, streaming=not flow.once)
        elif isinstance(flow.source, str):
            planned.relation = plan.named_table(flow.source)
        else:
            planned.inputs = {
                d.key
                for name in texts(flow.source)
                if (d := self.find(name)) and d.kind not in (DatasetKind.TEMPORARY_VIEW, DatasetKind.SINK)
            }
            planned.inputs.discard(self._target_key(flow))
            planned.likely = {t for name in texts(flow.source) if (t := self._of_catalog(name))}

    def _note_read(self, planned: PlannedFlow, reference: plans.Reference) -> None:
        flow = planned.flow
        if plans.is_path(reference.name):
            return
        found = self.find(reference.name)
        if found is None:
            planned.external.add(self.namespace.qualify(reference.name).lower())
            self._check_external(reference.name, flow)
        elif found.kind is DatasetKind.SINK:
            raise UserError(f"Flow '{flow.name}' reads sink '{found.name}'; sinks are written only", where=flow.place)
        else:
            planned.inputs.add(found.key)

    def _target_key(self, flow: AnyFlow) -> str:
        target = self.find(flow.target)
        return target.key if target else ""

    def _of_catalog(self, text: str) -> str | None:
        """The full name of the table that a text names, or None when it names none."""
        if not re.fullmatch(r"[\w`.-]+", text):
            return None
        parts = [part for part in self.namespace.qualify(text).split(".") if part]
        known = len(parts) == 3 and self._catalog.find(parts) is not None
        return ".".join(parts).lower() if known else None

    def _check_external(self, name: str, flow: AnyFlow) -> None:
        full = self.namespace.qualify(name)
        if self._catalog.find(full) is not None:
            return
        missing = self._missing_error(name, full, flow)
        if isinstance(missing, TableMissing):
            self.missing[full.lower()] = missing
        raise missing

    def _missing_error(self, name: str, full: str, flow: AnyFlow) -> UserError:
        """A `TableMissing`, unless the pipeline itself makes the tables of that schema: then the name is wrong."""
        known = [d.dataset.name for d in self.datasets.values()] + [str(t.name) for t in self._catalog.tables()]
        what = (
            f"TABLE_OR_VIEW_NOT_FOUND: flow '{flow.name}' of dataset '{flow.target}' reads '{name}', which is "
            f"neither a dataset of the pipeline nor a table of the catalog"
        )
        schema = full.lower().rpartition(".")[0]
        remedy = did_you_mean(name, known)
        if owner := self._catalog.private_to(full):
            what = f"{what}: it is private to pipeline '{owner}'"
            return UserError(what, where=flow.place, remedy=_READ_PRIVATE)
        if any(d.name.lower().rpartition(".")[0] == schema for d in self.datasets.values()):
            return UserError(what, where=flow.place, remedy=remedy)
        return TableMissing(full, what, where=flow.place, remedy=remedy)

    def _find_kind(self, planned: PlannedDataset) -> None:
        """Decide between streaming table and materialized view, and refuse a query of the wrong kind."""
        for flow in planned.flows:
            if flow.relation is not None:
                flow.streaming = plan.is_streaming(self.bound(flow))
        if planned.kind is DatasetKind.TABLE:
            streams = any(f.streaming for f in planned.flows)
            planned.kind = DatasetKind.STREAMING_TABLE if streams else DatasetKind.MATERIALIZED_VIEW
            if not streams and len(planned.flows) == 1 and isinstance(planned.flows[0].flow, Flow):
                planned.flows[0].flow = replace(planned.flows[0].flow, kind=FlowKind.MATERIALIZED_VIEW)
        for flow in planned.flows:
            self._check_kind(planned, flow)

    def _check_kind(self, planned: PlannedDataset, planned_flow: PlannedFlow) -> None:
        flow = planned_flow.flow
        if planned.kind is DatasetKind.MATERIALIZED_VIEW and planned_flow.streaming:
            raise UserError(
                f"INVALID_FLOW_QUERY_TYPE: materialized view '{planned.name}' has a streaming query",
                where=flow.place,
                remedy="Read with spark.read, or define it with @dp.table.",
            )
        appends = planned.kind in (DatasetKind.STREAMING_TABLE, DatasetKind.SINK) and isinstance(flow, Flow)
        if appends and not planned_flow.streaming and not flow.once:  # type: ignore[union-attr]
            raise UserError(
                f"INVALID_FLOW_QUERY_TYPE: flow '{flow.name}' of streaming table '{planned.name}' has a batch query",
                where=flow.place,
                remedy="Read with spark.readStream, or give append_flow once=True.",
            )
        if appends and planned_flow.streaming and flow.once:  # type: ignore[union-attr]
            raise UserError(f"Flow '{flow.name}' runs once and has a streaming query", where=flow.place)

    # --- plans to run ---------------------------------------------------------------------------------------------

    def bound(self, planned: PlannedFlow) -> Relation:
        """The flow's plan, ready to be run: views in their place, tables by full name."""
        assert planned.relation is not None
        return self._bind(planned.relation, planned.flow)

    def _bind(self, relation: Relation, flow: AnyFlow) -> Relation:
        return plans.substitute(relation, partial(self._choose, flow=flow))

    def _choose(self, reference: plans.Reference, flow: AnyFlow) -> Relation | None:
        if plans.is_path(reference.name):
            return None
        found = self.find(reference.name)
        if found is None:
            return plan.named_table(plans.quoted(self.namespace.qualify(reference.name)), streaming=reference.streaming)
        if found.kind is DatasetKind.TEMPORARY_VIEW:
            return self._view(found, reference, flow)
        if found.dataset.private or found.dataset.path:
            return plan.read_data_source("delta", paths=[found.location], streaming=reference.streaming)
        return plan.named_table(plans.quoted(found.name), streaming=reference.streaming)

    def _view(self, view: PlannedDataset, reference: plans.Reference, flow: AnyFlow) -> Relation:
        rows = self.bound(view.flows[0])
        if reference.streaming and not plan.is_streaming(rows):
            raise UserError(
                f"Flow '{flow.name}' reads view '{view.name}' as a stream, and the view's query is a batch query",
                where=flow.place,
                remedy=f"Let '{view.name}' read with spark.readStream.",
            )
        if not reference.streaming and plan.is_streaming(rows):
            raise UserError(
                f"Flow '{flow.name}' reads view '{view.name}', whose query is a stream, with a batch query",
                where=flow.place,
                remedy="Read it with spark.readStream.table().",
            )
        return plan.alias(guarded(rows, view.key, view.dataset.expectations), plan.split_name(reference.name)[-1])

    # --- columns --------------------------------------------------------------------------------------------------

    def check_types(self, ordered: Iterable[PlannedDataset]) -> None:
        """Find the columns of every query. Raises `UserError`; see `ColumnCheck`."""
        ColumnCheck(self).check(ordered)

    def fields_of(self, relation: Relation) -> list[dict[str, Any]]:
        """The fields that the engine says a bound plan gives, in Spark's JSON."""
        from reelhouse.streaming.start import schema_of

        wire, context = self._context.wire, self._context
        if plan.is_streaming(relation):
            schema = schema_of(context, relation)
        else:
            schema = wire.schema(context.resolve(relation))
        fields: list[dict[str, Any]] = schema.jsonValue()["fields"]
        return fields
