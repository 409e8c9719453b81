"""From what files define to what an update will do: names resolved, kinds known, types checked, order found.

Nothing is written here. The engine is asked for the types of queries, over empty tables where a table is yet to come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any

from reelhouse.errors import ReelhouseError, Unsupported, UserError, did_you_mean
from reelhouse.pipelines import cdc, evaluate, plans
from reelhouse.pipelines.agreement import Feed, refuse_disagreement
from reelhouse.pipelines.ddl import TableSchema, parse_schema, same_type, type_text
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
from reelhouse.pipelines.expectation_checks import Rules
from reelhouse.pipelines.expectations import guarded
from reelhouse.pipelines.faults import Faults
from reelhouse.pipelines.graph import Namespace, Node, order, unique
from reelhouse.pipelines.settings import TableMissing
from reelhouse.plans import plan
from reelhouse.plans.plan import Relation

if TYPE_CHECKING:
    from reelhouse.catalog.catalog import Catalog

READ_PRIVATE = "Define it there without private=True, or read a table that is made from it."

_BOUNDS = (cdc.START, cdc.END)


@dataclass
class PlannedFlow:
    """A flow with its query's plan. `relation` is None where a function gives the rows later (snapshots)."""

    flow: AnyFlow
    relation: Relation | None = None
    streaming: bool = False
    inputs: set[str] = field(default_factory=set)
    """Keys of datasets of the pipeline that it reads."""
    external: set[str] = field(default_factory=set)
    """Full names of other tables that it reads."""
    feed: Feed | None = None
    """Of a change flow: the columns of its source, once they are known."""
    likely: set[str] = field(default_factory=set)
    """Full names of tables that a snapshot function names, and probably reads."""

    @property
    def name(self) -> str:
        return self.flow.name


@dataclass
class PlannedDataset:
    """A dataset with its flows. `name` is its full name; of a view or sink the name as written."""

    key: str
    name: str
    dataset: Dataset
    kind: DatasetKind
    declared: TableSchema
    flows: list[PlannedFlow] = field(default_factory=list)
    location: str = ""
    schema: list[dict[str, Any]] | None = None
    """Fields that its queries give, in Spark's JSON; None while unknown."""

    @property
    def inputs(self) -> set[str]:
        return {key for flow in self.flows for key in flow.inputs}

    @property
    def is_table(self) -> bool:
        return self.kind in (DatasetKind.STREAMING_TABLE, DatasetKind.MATERIALIZED_VIEW)


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
                for name in _texts(flow.source)
                if (d := self.find(name)) and d.kind not in (DatasetKind.TEMPORARY_VIEW, DatasetKind.SINK)
            }
            planned.inputs.discard(self._target_key(flow))
            planned.likely = {t for name in _texts(flow.source) if (t := self._of_catalog(name))}

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
            return UserError(what, where=flow.place, remedy=READ_PRIVATE)
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
            return plan.named_table(_quoted(self.namespace.qualify(reference.name)), streaming=reference.streaming)
        if found.kind is DatasetKind.TEMPORARY_VIEW:
            return self._view(found, reference, flow)
        if found.dataset.private or found.dataset.path:
            return plan.read_data_source("delta", paths=[found.location], streaming=reference.streaming)
        return plan.named_table(_quoted(found.name), streaming=reference.streaming)

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

    # --- types ----------------------------------------------------------------------------------------------------

    def check_types(self, ordered: Iterable[PlannedDataset]) -> None:
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
        Rules(planned.name, own.expectations, own.rule_places, own.place).check(rows, names, self.fields_of)

    def _type_error(self, planned: PlannedDataset, flow: PlannedFlow, what: str, error: BaseException) -> UserError:
        where = getattr(error, "where", None) or flow.flow.place
        remedy = getattr(error, "remedy", "")
        kind = Unsupported if isinstance(error, Unsupported) else UserError
        return kind(
            f"Flow '{flow.name}' of dataset '{planned.name}' cannot be resolved: {what}", where=where, remedy=remedy
        )

    def _fields(self, flow: PlannedFlow) -> list[dict[str, Any]] | None:
        """The fields of a flow's query, None when they are not known before it runs."""
        if flow.relation is None or not flow.external.isdisjoint(self.missing):
            return None
        relation = self._empty_inputs(flow.relation, flow.flow)
        return None if relation is None else self.fields_of(relation)

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

    def _empty_inputs(self, relation: Relation, flow: AnyFlow) -> Relation | None:
        """The plan over empty tables instead of the pipeline's; None when the columns of one are unknown."""
        unknown = False

        def choose(reference: plans.Reference) -> Relation | None:
            nonlocal unknown
            if plans.is_path(reference.name):
                return None
            found = self.find(reference.name)
            if found is None:
                return plan.named_table(_quoted(self.namespace.qualify(reference.name)))
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
            feed = evaluate.frame(self.spark, plan.empty(json.dumps({"type": "struct", "fields": source})))
            changed = evaluate.relation_of(cdc.changes(feed, flow, columns), self.spark, flow.place)
            bound = next(f["type"] for f in self.fields_of(changed) if f["name"] == cdc.SEQUENCE)
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


_NO_EFFECT = frozenset({"pipelines.trigger.interval", "spark.sql.shuffle.partitions", "spark.sql.adaptive.enabled"})
_PROPERTIES = frozenset(
    {
        "pipelines.reset.allowed",
        "pipelines.autoOptimize.managed",
        "pipelines.autoOptimize.zOrderCols",
        "pipelines.cdc.tombstoneGCThresholdInSeconds",
    }
)


def check_options(planned: PlannedDataset) -> None:
    """Refuse configuration and `pipelines.` properties of a dataset that would have no effect without being told."""
    own = planned.dataset
    confs = {**own.spark_conf}
    for flow in planned.flows:
        confs |= dict(getattr(flow.flow, "spark_conf", {}))
    for key in confs:
        if key not in _NO_EFFECT:
            raise Unsupported(
                f"'{planned.name}' sets '{key}' in spark_conf, which is not supported for a single dataset",
                where=own.place,
                remedy=f"Supported: {', '.join(sorted(_NO_EFFECT))}; set others in the pipeline's configuration.",
            )
    for key, value in own.properties.items():
        if key.startswith("pipelines.") and key not in _PROPERTIES:
            remedy = did_you_mean(key, _PROPERTIES)
            what = f"'{planned.name}' has the table property '{key}', which is not supported"
            raise Unsupported(what, where=own.place, remedy=remedy)
        if key == "pipelines.autoOptimize.zOrderCols" and planned.schema is not None:
            known = {f["name"].lower() for f in planned.schema}
            for column in filter(None, (c.strip() for c in value.split(","))):
                if column.lower() not in known:
                    remedy = did_you_mean(column, [f["name"] for f in planned.schema])
                    what = f"'{key}' of '{planned.name}' names column '{column}', which it lacks"
                    raise UserError(what, where=own.place, remedy=remedy)


def _merged(first: list[dict[str, Any]] | None, second: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fields of both, each once; several flows of one table may give different columns."""
    names = {f["name"].lower() for f in first or ()}
    return [*(first or ()), *(f for f in second if f["name"].lower() not in names)]


def _texts(function: Any, seen: set[int] | None = None) -> set[str]:
    """The short texts in a function's code and in the functions it calls: among them the names of tables it reads."""
    seen = set() if seen is None else seen
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None or id(code) in seen:
        return set()
    seen.add(id(code))
    found: set[str] = set()
    scope: Mapping[str, Any] = getattr(function, "__globals__", {})
    cells = [c.cell_contents for c in getattr(function, "__closure__", None) or () if _is_filled(c)]
    pending = [code]
    used: list[Any] = [*cells, *(getattr(function, "__defaults__", None) or ())]
    while pending:
        current = pending.pop()
        for constant in current.co_consts:
            if isinstance(constant, CodeType):
                pending.append(constant)
            elif isinstance(constant, str):
                found |= _names_in(constant)
        used += [scope[n] for n in current.co_names if n in scope]
    for value in used:
        found |= _names_in(value) if isinstance(value, str) else _texts(value, seen)
    return found


def _names_in(text: str) -> set[str]:
    """Words of a text that may be names of tables; the whole of it, and those of SQL."""
    return {text} if "\n" not in text and " " not in text else set(re.findall(r"[A-Za-z_`][\w`.]*", text))


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _quoted(name: str) -> str:
    return ".".join(plan.quote(part) for part in plan.split_name(name))
