"""One update of a pipeline, from its loaded files to the last flow."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reelhouse.catalog.names import SchemaName
from reelhouse.errors import ReelhouseError, UserError
from reelhouse.failpoints import reach
from reelhouse.notebooks.modules import importable
from reelhouse.pipelines import expectations, memo, plans, purity, sql
from reelhouse.pipelines.definitions import ChangeFlow, DatasetKind, Flow, Registry, SnapshotFlow
from reelhouse.pipelines.event_log import EventLog
from reelhouse.pipelines.faults import together
from reelhouse.pipelines.flows import run_flow
from reelhouse.pipelines.graph import Namespace, Selection, select
from reelhouse.pipelines.inputs import Inputs, is_older
from reelhouse.pipelines.load import SourceFile, pipelines_module, run_python, user_error
from reelhouse.pipelines.observe import Observed
from reelhouse.pipelines.options import check_options
from reelhouse.pipelines.outcome import Outcome
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.planning import Planner
from reelhouse.pipelines.schedule import run_in_order
from reelhouse.pipelines.settings import (
    FlowResult,
    FlowState,
    PipelineServices,
    PipelineSettings,
    TableMissing,
    UpdateResult,
    UpdateState,
)
from reelhouse.pipelines.state import PipelineState
from reelhouse.pipelines.tables import Tables
from reelhouse.pipelines.work import FlowWork
from reelhouse.runs.record import ExpectationResult, RunKind, RunStatus, current_run

_Selected = tuple[tuple[str, ...], tuple[str, ...], bool]
"""Names of tables to refresh, of tables to empty and refill, and whether to do so with all."""
_CDC_EDITIONS = ("PRO", "ADVANCED")


@dataclass
class Update:
    """Runs one update. `started_ns` is the moment before it looked at anything."""

    settings: PipelineSettings
    services: PipelineServices
    state: PipelineState
    inputs: Inputs
    id: str
    started_ns: int
    key: str
    files: Sequence[SourceFile]
    results: dict[str, FlowResult] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _first_error: str | None = None

    def run(self, refresh: tuple[str, ...], full: tuple[str, ...], full_all: bool, validate_only: bool) -> UpdateResult:
        """Do it. Errors of planning and of flows are in the result."""
        settings = self.settings
        self.namespace = Namespace(
            settings.catalog or self.services.catalog.default.catalog, settings.schema or "default"
        )
        self.registry = Registry(root=str(settings.root))
        origin = {"pipeline_id": settings.id, "pipeline_name": settings.name, "update_id": self.id}
        self.events = EventLog(self.state.folder, self.services.clock, origin)
        self.events.write(
            "create_update",
            f"Update {self.id[:6]} started",
            {"cause": "USER_ACTION", "full_refresh": full_all, "validate_only": validate_only},
        )
        root = settings.root_path
        with importable([*([root] if root else []), *{f.path.parent for f in self.files}]):
            return self._run_in_session((refresh, full, full_all), validate_only)

    def _run_in_session(self, selection: _Selected, validate_only: bool) -> UpdateResult:
        refresh, full, full_all = selection
        sessions = self.services.open_sessions()
        self._progress(UpdateState.INITIALIZING)
        spark = sessions.open()
        observed = Observed(spark)
        try:
            self.spark, self.context = spark, sessions.context(spark)
            ordered = self._plan(lenient=validate_only)
            if validate_only:
                return self._end(UpdateState.COMPLETED)
            if not (refresh or full):
                memo.forget(self.state)
                reach("pipelines.begun")
            with observed:
                self._run(ordered, self._selection(ordered, refresh, full, full_all))
            reach("pipelines.flows_done")
            if self._first_error is not None:
                return self._end(UpdateState.FAILED)
            if not (refresh or full):
                self._remember(ordered, observed)
            return self._end(UpdateState.COMPLETED)
        except ReelhouseError as error:
            self._first_error = self._first_error or str(error)
            missing = error.table if isinstance(error, TableMissing) else None
            return replace(self._end(UpdateState.FAILED), missing_table=missing)
        finally:
            sessions.close(spark)

    # --- planning -------------------------------------------------------------------------------------------------

    def _plan(self, *, lenient: bool) -> list[PlannedDataset]:
        for key, value in self.settings.configuration.items():
            self.spark.conf.set(key, value)
        self.context.current = SchemaName(self.namespace.catalog.lower(), self.namespace.schema.lower())
        self.tables = Tables(self.services.catalog, self.services.lake, self.state, self.namespace)
        with pipelines_module(self.registry):
            self._load()
            self.events.hooks = list(self.registry.hooks)
            self.planner = Planner(self.registry, self.namespace, self.spark, self.context, self.services.catalog)
            self.planner.schema_folder = lambda flow: self.state.hidden_table("schemas", flow)
            self.planner.lenient = lenient
            ordered = self.planner.resolve()
            self._check_edition(ordered)
            self.tables.locate(ordered)
            self.planner.check_types(ordered)
            if self.planner.missing:
                raise together(list(self.planner.missing.values()))
        self._describe(ordered)
        return ordered

    def _load(self) -> None:
        registry, configuration = self.registry, dict(self.settings.configuration)
        registry.table_reference = lambda name, streaming: (
            self.spark.readStream.table(name) if streaming else self.spark.read.table(name)
        )
        for file in self.files:
            if file.is_sql:
                text = file.text.replace("-- COMMAND ----------", "")
                sql.define(text, str(file.path), registry, configuration, self.spark.sql)
                continue
            for note in run_python(file, registry, {"spark": self.spark, **self.services.names}):
                self._note(note)
        for key, value in registry.configuration.items():
            self.spark.conf.set(key, value)

    def _check_edition(self, ordered: Sequence[PlannedDataset]) -> None:
        edition = self.settings.edition.upper()
        if self.settings.serverless:
            return
        for dataset in ordered:
            if dataset.dataset.expectations and edition != "ADVANCED":
                raise UserError(
                    f"'{dataset.name}' has expectations, which edition {edition} does not have",
                    where=dataset.dataset.place,
                    remedy="Set edition to ADVANCED.",
                )
            for flow in dataset.flows:
                if isinstance(flow.flow, (ChangeFlow, SnapshotFlow)) and edition not in _CDC_EDITIONS:
                    raise UserError(
                        f"Flow '{flow.name}' captures changes, which edition {edition} does not have",
                        where=flow.flow.place,
                        remedy="Set edition to PRO or ADVANCED.",
                    )

    def _describe(self, ordered: Sequence[PlannedDataset]) -> None:
        """Write what was defined to the event log: the source of lineage."""
        for dataset in ordered:
            self.events.write(
                "dataset_definition",
                f"Dataset '{dataset.name}' defined as {dataset.kind.value}",
                {"dataset_type": dataset.kind.value, "num_flows": len(dataset.flows), "schema": dataset.schema},
                dataset_name=dataset.name,
            )
            for flow in dataset.flows:
                inputs = sorted({self.planner.datasets[k].name for k in flow.inputs} | flow.external)
                self.events.write(
                    "flow_definition",
                    f"Flow '{flow.name}' defined as {flow.flow.kind.value}",
                    {
                        "input_datasets": inputs,
                        "output_dataset": dataset.name,
                        "flow_type": flow.flow.kind.value,
                        "once": getattr(flow.flow, "once", False),
                        "schema": dataset.schema,
                    },
                    dataset_name=dataset.name,
                    flow_name=flow.name,
                )
            if dataset.dataset.cluster_by:
                self._note(f"'{dataset.name}': cluster_by only places rows in files, and has no effect here")
            check_options(dataset)

    # --- running --------------------------------------------------------------------------------------------------

    def _selection(
        self, ordered: Sequence[PlannedDataset], refresh: Sequence[str], full: Sequence[str], full_all: bool
    ) -> Selection:
        tables = {d.key: d.name for d in ordered if d.is_table}
        return select(self.namespace, tables, refresh, full, full_all)

    def _run(self, ordered: Sequence[PlannedDataset], selection: Selection) -> None:
        written = [d for d in ordered if d.is_table or d.kind is DatasetKind.SINK]
        chosen = {d.key: d for d in written if selection.works_on(d.key)}
        for dataset in written:
            if dataset.key not in chosen:
                for flow in dataset.flows:
                    self._finish(dataset, flow, FlowState.EXCLUDED)
        self.work = FlowWork(
            self.settings.id,
            self.planner,
            self.context,
            self.spark,
            self.state,
            self.inputs,
            self.services.clock,
        )
        self._set_up(chosen, selection)
        self._note_members()
        self.before = self._states_before(ordered)
        self._progress(UpdateState.RUNNING)
        for dataset in chosen.values():
            for flow in dataset.flows:
                self._flow_event(dataset, flow, FlowState.QUEUED)
        waits_for = {key: self._stored_inputs(dataset) for key, dataset in chosen.items()}
        run_in_order(
            waits_for,
            lambda key: self._run_dataset(chosen[key]),
            lambda key: self._skip(chosen[key]),
            parallelism=self.services.parallelism,
        )

    def _states_before(self, ordered: Sequence[PlannedDataset]) -> dict[str, str]:
        """The states of all that flows read, before they do: what comes in meanwhile is news for the next update."""
        flows = [f for d in ordered for f in d.flows]
        found = {f"table {name}": self.inputs.table(name) for f in flows for name in f.external | f.likely}
        for flow in flows:
            for path in (plans.paths_read(flow.relation) if flow.relation is not None else None) or ():
                found[f"files {path}"] = self.inputs.files(path)
        return {name: state for name, state in found.items() if state is not None}

    def _stored_inputs(self, dataset: PlannedDataset) -> set[str]:
        """The tables that a dataset reads, directly or through views."""
        found: set[str] = set()
        for key in dataset.inputs:
            read = self.planner.datasets[key]
            found |= self._stored_inputs(read) if read.kind is DatasetKind.TEMPORARY_VIEW else {key}
        return found

    def _set_up(self, chosen: dict[str, PlannedDataset], selection: Selection) -> None:
        tables = [d for d in chosen.values() if d.is_table]
        for dataset in tables:
            self.tables.finish_reset(dataset)
        if selection.full:
            self._progress(UpdateState.RESETTING)
            for dataset in tables:
                if dataset.key in selection.full and not self.tables.reset(dataset):
                    self._note(f"'{dataset.name}' is not emptied: pipelines.reset.allowed is false")
        self._progress(UpdateState.SETTING_UP_TABLES)
        for dataset in tables:
            self.tables.set_up(dataset)

    def _note_members(self) -> None:
        """Note which tables the pipeline has, and tell of those that it had and has no longer.

        On Databricks such a table is made inactive: it keeps its rows and is not refreshed.
        """
        tables = [d for d in self.planner.datasets.values() if d.is_table]
        catalog = self.services.catalog
        catalog.note_private(self.settings.name, [d.key for d in tables if d.dataset.private])
        now = {d.key: d.name for d in tables}
        before = self.state.read("datasets").get("tables", {})
        for key, name in before.items():
            if key not in now and catalog.find(key) is not None:
                self._note(
                    f"'{name}' is no longer defined in pipeline '{self.settings.name}': it is inactive, which means it "
                    "keeps its rows and is not refreshed; drop it when it is not needed"
                )
        if now != before:
            self.state.write("datasets", "", {"tables": now})

    def _run_dataset(self, dataset: PlannedDataset) -> bool:
        results = [self._run_flow(dataset, flow) for flow in dataset.flows]
        return all(results)

    def _run_flow(self, dataset: PlannedDataset, flow: PlannedFlow) -> bool:
        self._flow_event(dataset, flow, FlowState.RUNNING)
        runs, token, run = self.services.runs, None, None
        if runs is not None:
            run = runs.begin(RunKind.FLOW, flow.name, type=flow.flow.kind.value, input={"dataset": dataset.name})
            token = current_run.set(run.id)
        try:
            outcome = run_flow(self.work, dataset, flow)
            self._count(outcome)
            result = self._finish(dataset, flow, FlowState.COMPLETED, outcome)
        except Exception as error:
            result = self._finish(dataset, flow, FlowState.FAILED, error=self._explain(dataset, flow, error))
        finally:
            if token is not None:
                current_run.reset(token)
        if runs is not None and run is not None:
            status = RunStatus.SUCCEEDED if result.state is FlowState.COMPLETED else RunStatus.FAILED
            output = {"state": result.state.value, "up_to_date": result.up_to_date}
            runs.end(run.id, status, output=output, error=result.error)
        return result.state is FlowState.COMPLETED

    def _explain(self, dataset: PlannedDataset, flow: PlannedFlow, error: Exception) -> str:
        """The flow, the dataset, the place and the cause, in one text."""
        cause = user_error(error, self.registry) if isinstance(flow.flow, SnapshotFlow) else error
        what = cause.what if isinstance(cause, ReelhouseError) else f"{type(error).__name__}: {error}"
        where = (cause.where if isinstance(cause, ReelhouseError) else None) or flow.flow.place
        remedy = getattr(error, "remedy", "")
        return str(
            UserError(f"Flow '{flow.name}' of dataset '{dataset.name}' failed: {what}", where=where, remedy=remedy)
        )

    def _skip(self, dataset: PlannedDataset) -> None:
        for flow in dataset.flows:
            self._finish(dataset, flow, FlowState.SKIPPED)
            if self.services.runs is not None:
                run = self.services.runs.begin(
                    RunKind.FLOW, flow.name, type=flow.flow.kind.value, input={"dataset": dataset.name}
                )
                self.services.runs.end(run.id, RunStatus.SKIPPED, output={"state": FlowState.SKIPPED.value})

    def _count(self, outcome: Outcome) -> None:
        """Record how the expectations fared."""
        if self.services.runs is None:
            return
        for key, counts in outcome.counts.items():
            dataset = self.planner.datasets[key]
            for rule in dataset.dataset.expectations:
                failed = (counts.failed or {}).get(rule.name, 0)
                self.services.runs.expectation(
                    ExpectationResult(dataset.name, rule.name, rule.action.value, counts.checked - failed, failed)
                )

    def _finish(
        self,
        dataset: PlannedDataset,
        flow: PlannedFlow,
        state: FlowState,
        outcome: Outcome | None = None,
        error: str | None = None,
    ) -> FlowResult:
        done = outcome or Outcome()
        commits = [c for c in done.commits if c.version is not None]
        result = FlowResult(
            flow.name,
            dataset.name,
            state,
            version=commits[-1].version if commits else None,
            rows=commits[-1].rows if commits else None,
            added=sum(c.added for c in commits),
            updated=sum(c.updated or 0 for c in commits),
            removed=sum(c.removed for c in commits),
            dropped=sum(c.dropped for c in commits),
            up_to_date=done.up_to_date,
            error=error,
        )
        with self._lock:
            self.results[flow.name] = result
            self._first_error = self._first_error or error
        self._flow_event(dataset, flow, state, result, done)
        return result

    # --- events ---------------------------------------------------------------------------------------------------

    def _progress(self, state: UpdateState) -> None:
        self.events.write("update_progress", f"Update {self.id[:6]} is {state.value}.", {"state": state.value})

    def _end(self, state: UpdateState) -> UpdateResult:
        error = self._first_error
        self.events.write(
            "update_progress",
            f"Update {self.id[:6]} is {state.value}." + (f" {error}" if error else ""),
            {"state": state.value},
            level="ERROR" if error else "INFO",
            error=error,
        )
        return UpdateResult(self.id, state, dict(self.results), error)

    def _flow_event(
        self,
        dataset: PlannedDataset,
        flow: PlannedFlow,
        state: FlowState,
        result: FlowResult | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        details: dict[str, Any] = {"status": state.value}
        if result is not None and state is FlowState.COMPLETED:
            if isinstance(flow.flow, Flow):
                details["metrics"] = {"num_output_rows": result.added}
            else:
                upserted = result.added + result.updated
                details["metrics"] = {"num_upserted_rows": upserted, "num_deleted_rows": result.removed}
            for key, counts in (outcome or Outcome()).counts.items():
                quality = expectations.data_quality(counts, self.planner.datasets[key].name)
                former = details.setdefault("data_quality", {"dropped_records": 0, "expectations": []})
                former["dropped_records"] += quality["dropped_records"]
                former["expectations"] += quality["expectations"]
        self.events.write(
            "flow_progress",
            f"Flow '{flow.name}' is {state.value}." + (f" {result.error}" if result and result.error else ""),
            {**details},
            level="ERROR" if state is FlowState.FAILED else "WARN" if state is FlowState.SKIPPED else "INFO",
            error=result.error if result else None,
            dataset_name=dataset.name,
            flow_name=flow.name,
        )

    def _note(self, message: str) -> None:
        if self.services.runs is not None:
            self.services.runs.note(message)

    # --- memo -----------------------------------------------------------------------------------------------------

    def _remember(self, ordered: Sequence[PlannedDataset], observed: Observed) -> None:
        """Note that nothing is left to do, unless an update may depend on something whose state cannot be told."""
        tables = {name for d in ordered for f in d.flows for name in f.external}
        paths: set[str] = set()
        for dataset in ordered:
            for flow in dataset.flows:
                read = self._files_read(dataset, flow)
                if read is None:
                    return
                paths |= read
        own = {d.name.lower() for d in ordered if d.is_table and not d.dataset.private}
        for relation in observed.relations:
            read_paths = plans.paths_read(relation)
            if read_paths is None or plans.may_change(relation):
                return
            paths |= set(read_paths)
            names = [r.name for r in plans.references(relation) if not plans.is_path(r.name)]
            tables |= {self.namespace.qualify(name).lower() for name in names} - own
        states = self.inputs.states(sorted(tables), sorted(paths))
        if states is None:
            return
        for name, state in states.items():
            if name in self.before:
                states[name] = self.before[name]
            elif not is_older(state, self.started_ns):
                return
        memo.remember(self.state, self.key, states, [d.location for d in ordered if d.is_table])

    def _files_read(self, dataset: PlannedDataset, flow: PlannedFlow) -> set[str] | None:
        """The files that a flow reads beside tables; None when it may give other rows over the same input."""
        if isinstance(flow.flow, SnapshotFlow) and callable(flow.flow.source):
            return set() if purity.is_pure(flow.flow.source) else None
        assert flow.relation is not None
        if flow.streaming or isinstance(flow.flow, ChangeFlow):
            return set() if plans.streams_tables_only(flow.relation) else None
        changing = plans.may_change(flow.relation) or any(
            plans.text_may_change(rule.constraint) for rule in dataset.dataset.expectations
        )
        paths = plans.paths_read(flow.relation)
        return None if changing or paths is None else set(paths)
