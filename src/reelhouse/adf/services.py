"""What a pipeline run needs from outside, as ports. Adapters are chosen where the program starts."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reelhouse.adf.http import HttpSource
from reelhouse.adf.sql.databases import Databases
from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import UserError
from reelhouse.lineage.event import LineagePort
from reelhouse.runs.record import RunLog
from reelhouse.storage.lake import Lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from reelhouse.adf.activity.context import ActivityContext, Prepare, Work


@dataclass(frozen=True)
class JobResult:
    """How a Databricks job or notebook run ended. `result_state` is Databricks' word: SUCCESS, FAILED, CANCELED, ….

    `output` is what the notebook handed to `dbutils.notebook.exit`, or None.
    """

    run_id: str
    run_page_url: str
    output: Any
    result_state: str
    error: str | None = None


class JobStarter(Protocol):
    """Databricks jobs."""

    def run(self, job_id: str, parameters: Mapping[str, str], stop: threading.Event) -> JobResult:
        """Run a job to its end, or until `stop` is set. Raises `UserError` for an unknown id, naming the known ones."""


class NotebookStarter(Protocol):
    """Databricks notebooks."""

    def run(self, path: str, parameters: Mapping[str, str], stop: threading.Event) -> JobResult:
        """Run a notebook to its end, or until `stop` is set."""


class PythonFileStarter(Protocol):
    """Python files on a Databricks cluster."""

    def run(self, file: str, arguments: Sequence[str], stop: threading.Event) -> JobResult:
        """Run a file as `__main__` with `sys.argv` to its end, or until `stop` is set."""


class Secrets(Protocol):
    """Key vaults."""

    def get(self, vault: str, name: str) -> str:
        """The secret of a name. Raises `UserError` when there is none."""


class NoSecrets:
    """No key vault at hand."""

    def get(self, vault: str, name: str) -> str:
        raise UserError(f"There is no local value for the secret '{name}' of the key vault '{vault}'")


class StandIn(Protocol):
    """Plays activities in the place of the real ones, for tests."""

    def plays(self, pipeline: str, activity: str) -> bool:
        """Whether it plays this activity. One that is played need not be of a type that runs here."""

    def prepare(self, ctx: ActivityContext, real: Prepare | None) -> Work:
        """What is done in this try of an activity. `real` would do its work, None for a type that does not run here."""


@dataclass
class AdfServices:
    """Everything that touches the world. `cancel`, once set, stops what runs in order.

    `jobs`, `notebooks`, `python_files` and `http` may be None where a factory does not need them; what does is then
    refused by name.
    """

    lake: Lake
    runs: RunLog
    clock: Clock = field(default_factory=SystemClock)
    lineage: LineagePort | None = None
    http: HttpSource | None = None
    jobs: JobStarter | None = None
    notebooks: NotebookStarter | None = None
    python_files: PythonFileStarter | None = None
    spark: Callable[[], AbstractContextManager[SparkSession]] | None = None
    """A session for a data flow, closed when the block ends. Nothing is started before it is called."""
    secrets: Secrets = field(default_factory=NoSecrets)
    sql: Databases = field(default_factory=lambda: Databases({}, Path()))
    guid: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    random: random.Random = field(default_factory=random.Random)
    cancel: threading.Event = field(default_factory=threading.Event)
    locks: Path | None = None
    """Where the processes that share a lake keep the `concurrency` of pipelines. None: each run for itself."""
    stand_in: StandIn | None = None
    one_at_a_time: bool = False
    """Whether what could run in parallel runs one after another, in the order of the definition: for tests."""
