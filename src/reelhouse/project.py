"""The one object a newcomer meets: it opens a project's folder and wires everything together.

from reelhouse import Project

project = Project.open(".", mirror="data/sample")
project.run_pipeline("netflix_platform")
project.spark.sql("select count(*) from netflix.gold.dim_title").show()
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import InternalError, ReelhouseError, UserError, did_you_mean
from reelhouse.settings import FILE_NAME, load_settings
from reelhouse.storage.lake import Lake

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from reelhouse.adf.factory import Factory
    from reelhouse.adf.finding import Finding
    from reelhouse.adf.http import HttpxSource
    from reelhouse.adf.recovery import Recovery
    from reelhouse.adf.run import PipelineRun
    from reelhouse.adf.sql.databases import Databases
    from reelhouse.catalog.catalog import Catalog
    from reelhouse.delta.history import HistoryEntry
    from reelhouse.jobs.bundle import Bundle
    from reelhouse.jobs.run import JobRun
    from reelhouse.lineage.store import LineageStore
    from reelhouse.notebooks.context import NotebookResult
    from reelhouse.notebooks.dbutils import DBUtils
    from reelhouse.notebooks.secrets import Secrets
    from reelhouse.pipelines.settings import UpdateResult
    from reelhouse.report.summary import Summary, TableState
    from reelhouse.runs.store import RunStore
    from reelhouse.spark.session import Sessions

MARKS = (FILE_NAME, "adf", "databricks", "databricks.yml")


class Project:
    """A folder of artifacts, the local lake they work on, and the services that run them.

    Nothing is read or started before it is asked for: opening a project costs nothing. Use it in a `with`, or call
    `close`.
    """

    def __init__(
        self,
        root: Path,
        *,
        state: Path,
        target: str | None,
        engine: str,
        mirrors: Sequence[str],
        variables: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self.root = root
        self.state = state
        self.target = target
        self.settings = load_settings(root)
        self.clock = clock
        self.cancel = threading.Event()
        """Once set, what runs is stopped in order."""
        self.engine = engine
        self.mirrors = tuple(mirrors)
        self._variables = dict(variables)
        self._last_run: str | None = None

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        state: str | Path | None = None,
        target: str | None = None,
        engine: str = "sail",
        mirror: str | Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open the project in `path` or in the nearest folder above it.

        `state` is where all local state goes (default `.reelhouse` in the project); `target` is the bundle's target
        (default: its default one); `engine` is `sail` (embedded) or the address of a Spark Connect server,
        `sc://host:port`; `mirror` answers HTTP sources from folders (`URL_PREFIX=FOLDER` or `FOLDER`); `variables` are
        the bundle's, and beat those of the settings.

        Raises `UserError` when neither `path` nor a folder above it holds artifacts, and for an unknown engine.
        """
        from reelhouse.spark.engines import choose_engine

        root = find_root(Path(path))
        choose_engine(engine)
        return cls(
            root,
            state=Path(state).absolute() if state is not None else root / ".reelhouse",
            target=target,
            engine=engine,
            mirrors=[mirror] if isinstance(mirror, str) else mirror,
            variables=variables or {},
            clock=clock or SystemClock(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the engine and give up files. Whatever was made of the project's things is unusable afterwards."""
        made = self.__dict__
        if "sessions" in made:
            self.sessions.stop()
        for name in ("catalog", "lineage", "runs", "http", "databases"):
            if name in made:
                made[name].close()

    # -- what it gives ---------------------------------------------------------------------------------------

    @cached_property
    def lake(self) -> Lake:
        """Where the storage accounts lie on this machine."""
        overlays = {url: self.root / folder for url, folder in self.settings.overlays.items()}
        return Lake(self.state / "lake", overlays=overlays, mounts=self.settings.mounts)

    @cached_property
    def runs(self) -> RunStore:
        """The history of runs. Runs whose process was killed are marked as failed when it opens."""
        from reelhouse.runs.store import RunStore

        url = self.settings.runs.url or f"sqlite:///{self._state_folder() / 'runs.db'}"
        store = RunStore(url, clock=self.clock)
        store.close_abandoned()
        return store

    @cached_property
    def lineage(self) -> LineageStore:
        """What was read and written by what."""
        from reelhouse.lineage.store import LineageStore

        return LineageStore(self._state_folder() / "lineage.db")

    @cached_property
    def catalog(self) -> Catalog:
        """The names of tables and where they lie."""
        from reelhouse.catalog.catalog import Catalog

        return Catalog(self._state_folder() / "catalog.db", self.lake, default_catalog=self.settings.catalog)

    @cached_property
    def sessions(self) -> Sessions:
        """Spark sessions; the engine starts with the first one."""
        from reelhouse.wiring import make_sessions

        return make_sessions(self)

    @cached_property
    def spark(self) -> SparkSession:
        """A Spark session of stock PySpark, with the project's catalog, Auto Loader and Delta."""
        return self.sessions.open()

    @cached_property
    def http(self) -> HttpxSource:
        """The network, for what calls HTTP. Connections are made when they are needed, and kept."""
        from reelhouse.adf.http import HttpxSource

        return HttpxSource()

    @cached_property
    def databases(self) -> Databases:
        """The databases that stand in for linked services."""
        from reelhouse.adf.sql.databases import Databases

        return Databases(self.settings.sql, self.root, self.secrets.get)

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets by scope (or key vault) and key, from the environment or the file that the settings name."""
        from reelhouse.notebooks.secrets import Secrets

        file = self.settings.secrets.file
        return Secrets.load(self.root / file if file else None)

    @cached_property
    def dbutils(self) -> DBUtils:
        """`dbutils` as a notebook has it, without widgets and task values."""
        from reelhouse.notebooks.dbutils import DBUtils

        return DBUtils(lake=self.lake, secrets=self.secrets)

    @cached_property
    def factory(self) -> Factory:
        """The Data Factory of the project. Raises `UserError` when the project has none."""
        from reelhouse.adf.factory import load_factory

        return load_factory(self.root / "adf")

    @cached_property
    def bundle(self) -> Bundle:
        """The asset bundle of the project, for its target. Raises `UserError` for the first thing that is wrong."""
        return self._load_bundle(None)

    def check_bundle(self) -> tuple[Bundle | None, list[ReelhouseError]]:
        """The bundle without what is wrong in it, None when that is the bundle as a whole; and all that is wrong."""
        wrong: list[ReelhouseError] = []
        try:
            return self._load_bundle(wrong), wrong
        except ReelhouseError as error:
            return None, [*wrong, error]

    def _load_bundle(self, wrong: list[ReelhouseError] | None) -> Bundle:
        from reelhouse.jobs.bundle import load_bundle
        from reelhouse.jobs.problems import Problems

        at_root = (self.root / "databricks.yml").exists()
        return load_bundle(
            self.root if at_root else self.root / "databricks",
            self.target,
            self._variables,
            local=self.settings.variables,
            name="" if at_root else None,
            problems=Problems(wrong),
        )

    # -- what it runs ----------------------------------------------------------------------------------------

    def run_pipeline(
        self,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        trigger: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        recovery: Recovery | None = None,
        cancel: threading.Event | None = None,
    ) -> PipelineRun:
        """Run a pipeline of the factory (the main one by default) to its end.

        `trigger` is the `type`, `name`, `id` and `time` of what starts it, `run_id` the id it gets, `recovery` the run
        it goes on from. `cancel` stops it (None: what stops all that the project runs). The result says whether it
        succeeded. Raises `UserError` for what can be seen before anything runs.
        """
        from reelhouse.adf.run import run_pipeline
        from reelhouse.wiring import adf_services

        services = adf_services(self)
        done = run_pipeline(
            self.factory,
            self.pipeline_name(name),
            parameters or {},
            services if cancel is None else replace(services, cancel=cancel),
            trigger=trigger,
            run_id=run_id,
            recovery=recovery,
        )
        self._last_run = done.id
        return done

    def rerun(
        self,
        run_id: str,
        *,
        from_activity: str | None = None,
        from_failed: bool = False,
        only: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        new_id: str | None = None,
    ) -> PipelineRun:
        """Run a pipeline again as it was run, in the same group of runs: from its start, or from an activity, or what
        failed, or one activity `only`; what does not run again keeps its recorded output.

        `parameters` are for secret values only, which are not recorded. `new_id` is the id the new run gets. Raises
        `UserError` for a run that cannot be run again so.
        """
        from reelhouse.adf.recovery import Recovery, past_parameters, past_run
        from reelhouse.adf.run import run_pipeline
        from reelhouse.wiring import adf_services

        if sum((bool(from_activity), from_failed, bool(only))) > 1:
            raise UserError("A run goes on from one activity, or from what failed, or is of one activity")
        run = past_run(self.runs, run_id)
        values = past_parameters(run, parameters)
        recovery = Recovery(run.id, from_activity, from_failed, only)
        services = adf_services(self)
        done = run_pipeline(self.factory, run.name, values, services, run_id=new_id, recovery=recovery)
        self._last_run = done.id
        return done

    def run_job(self, key: str, parameters: Mapping[str, str] | None = None) -> JobRun:
        """Run a job of the bundle to its end; the result says whether it succeeded."""
        from reelhouse.jobs.run import run_job
        from reelhouse.wiring import job_services

        done = run_job(self.bundle, key, parameters, job_services(self))
        self._last_run = done.id
        return done

    def run_update(
        self,
        key: str,
        *,
        full_refresh: Sequence[str] = (),
        full_refresh_all: bool = False,
        refresh_selection: Sequence[str] = (),
        validate_only: bool = False,
    ) -> UpdateResult:
        """Update a declarative pipeline of the bundle, or only check it; the result says whether it succeeded."""
        from reelhouse.pipelines.run import run_update
        from reelhouse.wiring import pipeline_services

        settings = self.bundle.pipelines.get(key)
        if settings is None:
            remedy = did_you_mean(key, self.bundle.pipelines)
            raise UserError(f"Pipeline '{key}' is not in bundle '{self.bundle.name}'", remedy=remedy)
        done = run_update(
            settings,
            pipeline_services(self),
            full_refresh=full_refresh,
            full_refresh_all=full_refresh_all,
            refresh_selection=refresh_selection,
            validate_only=validate_only,
        )
        self._last_run = done.id
        return done

    def run_notebook(self, path: str | Path, parameters: Mapping[str, str] | None = None) -> NotebookResult:
        """Run a notebook to its end; the result has what it exited with, or its error."""
        from reelhouse.notebooks.run import run_notebook
        from reelhouse.wiring import notebook_context

        before = self.runs.newest()
        try:
            return run_notebook(Path(path).absolute(), parameters or {}, notebook_context(self))
        finally:
            newest = self.runs.newest()
            self._last_run = newest if newest != before else None

    # -- what it tells ---------------------------------------------------------------------------------------

    def pipeline_name(self, name: str | None) -> str:
        """The pipeline of that name, or the main one: what the settings name, or the only one there is."""
        if name is not None:
            return self.factory.pipeline(name).name
        if self.settings.pipeline is not None:
            return self.settings.pipeline
        if len(self.factory.pipelines) == 1:
            return next(iter(self.factory.pipelines))
        raise UserError(
            "Which pipeline is meant?",
            remedy=f'Name one of {", ".join(sorted(self.factory.pipelines))}, or set pipeline = "…" in {FILE_NAME}.',
        )

    def arguments(self, name: str | None, words: Sequence[str]) -> dict[str, Any]:
        """The parameters of a pipeline from `name=value` words, each with its declared type."""
        from reelhouse.adf.parameters import parse_arguments

        return parse_arguments(self.factory.pipeline(self.pipeline_name(name)), words)

    def explain(self, name: str | None) -> str:
        """What a pipeline would do, in the order of its steps."""
        from reelhouse.adf.explain import explain

        return explain(self.factory, self.pipeline_name(name))

    def validate(self) -> list[Finding]:
        """Everything that is wrong in the artifacts, of the factory, the bundle and the configuration alike."""
        from reelhouse.wiring import validate

        return validate(self)

    def table_states(self) -> list[TableState]:
        """All tables of the catalog with their newest version and rows."""
        from reelhouse.delta.snapshot import open_snapshot
        from reelhouse.report.summary import TableState

        states = []
        for entry in self.catalog.tables():
            snapshot = open_snapshot(entry.location) if entry.location else None
            if snapshot is not None:
                states.append(TableState(str(entry.name), snapshot.version, snapshot.records))
        return states

    def history(self, table: str) -> list[HistoryEntry]:
        """The commits of a table, newest first. Raises `UserError` for an unknown table."""
        from reelhouse.delta.history import history

        return history(self.catalog.table(table).location)

    def table(self, name: str, version: int | None = None) -> DataFrame:
        """A table as a DataFrame, as it is or as it was in a version."""
        entry = self.catalog.table(name)
        if version is None:
            return self.spark.table(str(entry.name))
        return self.spark.read.option("versionAsOf", str(version)).table(str(entry.name))

    def dataset_name(self, name: str) -> str:
        """The full name of a table, or the text itself when it is an address or a URL."""
        if "/" in name:
            return name
        entry = self.catalog.find(name)
        return str(entry.name) if entry is not None else name

    def summary(self, run_id: str | None = None) -> Summary:
        """What a run did (the last one of this object by default)."""
        from reelhouse.report.summary import summarise

        wanted = run_id or self._last_run
        if wanted is None:
            raise InternalError("Nothing was run, so there is nothing to sum up")
        runs = self.runs.tree(wanted)
        ids = [run.id for run in runs]
        return summarise(
            runs,
            self.runs.table_changes(ids),
            self.runs.expectations(ids),
            self.table_states(),
            [note.message for note in self.runs.notes(ids)],
            str(self.lake.root),
        )

    def _state_folder(self) -> Path:
        try:
            self.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The folder for local state, '{self.state}', cannot be made: {error.strerror}",
                remedy="Name another one with --state.",
            ) from error
        return self.state


def find_root(start: Path) -> Path:
    """The folder that holds artifacts: `start` or the nearest one above it. Raises `UserError` when there is none."""
    start = start.absolute()
    if not start.exists():
        raise UserError(f"There is no folder '{start}'", remedy="Give the folder that holds adf/ and databricks/.")
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in MARKS):
            return folder
    raise UserError(
        f"'{start}' holds no project, nor does a folder above it",
        remedy=f"A project has a folder adf/ or databricks/, or a file {FILE_NAME}.",
    )
