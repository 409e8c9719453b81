"""The one object a newcomer meets: it opens a project's folder and wires everything together.

from reelhouse import Project

project = Project.open(".")
project.run_pipeline("netflix_platform", {"source_base_url": "https://example.com/"})
project.spark.sql("select count(*) from netflix.gold.dim_title").show()
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import UserError, did_you_mean
from reelhouse.settings import FILE_NAME, load_settings
from reelhouse.storage.lake import Lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from reelhouse.adf.definition import Factory
    from reelhouse.adf.run import PipelineRun
    from reelhouse.catalog.catalog import Catalog
    from reelhouse.jobs.bundle import Bundle
    from reelhouse.jobs.run import JobRun
    from reelhouse.lineage.store import LineageStore
    from reelhouse.notebooks.dbutils import DBUtils
    from reelhouse.notebooks.run import NotebookResult
    from reelhouse.pipelines.run import UpdateResult
    from reelhouse.runs.store import RunStore
    from reelhouse.spark.session import Sessions

MARKS = (FILE_NAME, "adf", "databricks", "databricks.yml")


class Project:
    """A folder of artifacts, the local lake they work on, and the services that run them.

    Nothing is read or started before it is asked for: opening a project costs nothing.
    """

    def __init__(
        self,
        root: Path,
        *,
        state: Path,
        target: str,
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
        self._engine = engine
        self._mirrors = tuple(mirrors)
        self._variables = dict(variables)

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        state: str | Path | None = None,
        target: str = "dev",
        engine: str = "sail",
        mirror: str | Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> Project:
        """Open the project in `path` or in the nearest folder above it.

        `state` is where all local state goes (default `.reelhouse` in the project); `target` is the bundle's target;
        `engine` is `sail` (embedded) or the address of a Spark Connect server, `sc://host:port`; `mirror` answers HTTP
        sources from folders (`URL_PREFIX=FOLDER` or `FOLDER`); `variables` are the bundle's.

        Raises `UserError` when neither `path` nor a folder above it holds artifacts.
        """
        root = find_root(Path(path))
        return cls(
            root,
            state=Path(state).absolute() if state is not None else root / ".reelhouse",
            target=target,
            engine=engine,
            mirrors=[mirror] if isinstance(mirror, str) else mirror,
            variables=variables or {},
            clock=clock or SystemClock(),
        )

    # -- what it gives ---------------------------------------------------------------------------------------

    @cached_property
    def lake(self) -> Lake:
        """Where the storage accounts lie on this machine."""
        overlays = {url: self.root / folder for url, folder in self.settings.overlays.items()}
        return Lake(self.state / "lake", overlays=overlays, mounts=self.settings.mounts)

    @cached_property
    def runs(self) -> RunStore:
        """The history of runs."""
        from reelhouse.runs.store import RunStore

        self.state.mkdir(parents=True, exist_ok=True)
        store = RunStore(f"sqlite:///{self.state / 'runs.db'}", clock=self.clock)
        store.close_abandoned()
        return store

    @cached_property
    def lineage(self) -> LineageStore:
        """What was read and written by what."""
        from reelhouse.lineage.store import LineageStore

        return LineageStore(self.state / "lineage.db")

    @cached_property
    def catalog(self) -> Catalog:
        """The names of tables and where they lie."""
        from reelhouse.catalog.catalog import Catalog

        self.state.mkdir(parents=True, exist_ok=True)
        return Catalog(self.state / "catalog.db", self.lake, default_catalog=self.settings.catalog)

    @cached_property
    def sessions(self) -> Sessions:
        """Spark sessions; the engine starts with the first one."""
        from reelhouse.spark.engines import choose_engine
        from reelhouse.spark.session import Sessions
        from reelhouse.streaming.run import Streaming

        sessions = Sessions(
            choose_engine(self._engine),
            self.catalog,
            self.lake,
            lineage=self.lineage,
            runs=self.runs,
            clock=self.clock,
        )
        sessions.streaming = Streaming()
        return sessions

    @cached_property
    def spark(self) -> SparkSession:
        """A Spark session of stock PySpark, with the project's catalog, Auto Loader and Delta."""
        return self.sessions.open()

    @cached_property
    def dbutils(self) -> DBUtils:
        """`dbutils` as a notebook has it."""
        from reelhouse.notebooks.dbutils import DBUtils

        return DBUtils(lake=self.lake, secrets=self.secrets)

    @cached_property
    def factory(self) -> Factory:
        """The Data Factory of the project. Raises `UserError` when there is none or a file of it is wrong."""
        from reelhouse.adf.definition import load_factory

        return load_factory(self.root / "adf")

    @cached_property
    def bundle(self) -> Bundle:
        """The asset bundle of the project, for its target."""
        from reelhouse.jobs.bundle import load_bundle

        folder = self.root if (self.root / "databricks.yml").exists() else self.root / "databricks"
        return load_bundle(folder, self.target, self._variables)

    # -- what it runs ----------------------------------------------------------------------------------------

    def run_pipeline(self, name: str | None = None, parameters: Mapping[str, Any] | None = None) -> PipelineRun:
        """Run a pipeline of the factory to its end; the result says whether it succeeded."""
        raise NotImplementedError(name, parameters)


def find_root(start: Path) -> Path:
    """The folder that holds artifacts: `start` or the nearest one above it."""
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


__all__ = ["Project", "did_you_mean", "find_root"]
