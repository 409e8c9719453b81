"""What an update is given: the pipeline's settings, and the services it works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import Place, UserError
from reelhouse.lineage.event import LineagePort
from reelhouse.runs.record import RunLog
from reelhouse.storage.lake import Lake

if TYPE_CHECKING:
    from reelhouse.catalog.catalog import Catalog
    from reelhouse.spark.session import Sessions


class PipelineSettings(Protocol):
    """The settings of a pipeline, valid and with absolute paths.

    https://docs.databricks.com/aws/en/ldp/properties
    """

    @property
    def key(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def place(self) -> Place: ...
    @property
    def root(self) -> Path: ...
    @property
    def libraries(self) -> Sequence[tuple[str, str]]: ...
    @property
    def catalog(self) -> str | None: ...
    @property
    def schema(self) -> str | None: ...
    @property
    def storage(self) -> str | None: ...
    @property
    def configuration(self) -> Mapping[str, str]: ...
    @property
    def root_path(self) -> Path | None: ...
    @property
    def development(self) -> bool: ...
    @property
    def continuous(self) -> bool: ...
    @property
    def edition(self) -> str: ...
    @property
    def serverless(self) -> bool: ...
    @property
    def event_log(self) -> Mapping[str, str] | None: ...


@dataclass(frozen=True)
class PipelineServices:
    """What an update works with. `sessions` may be a function that makes them, so that nothing starts without need."""

    sessions: Any
    catalog: Catalog
    lake: Lake
    state_dir: Path
    runs: RunLog | None = None
    lineage: LineagePort | None = None
    clock: Clock = field(default_factory=SystemClock)
    names: Mapping[str, Any] = field(default_factory=dict)
    """Further globals of the pipeline's files, such as `dbutils`."""
    parallelism: int = 2

    def open_sessions(self) -> Sessions:
        """The sessions, made now if need be."""
        made: Sessions = self.sessions() if callable(self.sessions) else self.sessions
        return made


class TableMissing(UserError):
    """A query reads a table that is neither a dataset of the pipeline nor in the catalog. `table` is its full name."""

    def __init__(self, table: str, what: str, *, where: Place | None = None, remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.table = table


class UpdateState(StrEnum):
    """The event log's states of an update."""

    INITIALIZING = "INITIALIZING"
    RESETTING = "RESETTING"
    SETTING_UP_TABLES = "SETTING_UP_TABLES"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class FlowState(StrEnum):
    """The event log's states of a flow."""

    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    EXCLUDED = "EXCLUDED"


@dataclass(frozen=True)
class FlowResult:
    """What came of a flow. Row counts are of this update; `version` is the table's newest commit of it, if any."""

    name: str
    dataset: str
    state: FlowState
    version: int | None = None
    rows: int | None = None
    added: int = 0
    updated: int = 0
    removed: int = 0
    dropped: int = 0
    up_to_date: bool = False
    """Nothing had to be done."""
    error: str | None = None


@dataclass(frozen=True)
class UpdateResult:
    """What came of an update. `flows` is by the flow's name; `error` names what failed first."""

    id: str
    state: UpdateState
    flows: Mapping[str, FlowResult] = field(default_factory=dict)
    error: str | None = None
    up_to_date: bool = False
    """Nothing was new, so nothing was loaded or started."""
    missing_table: str | None = None
    """The full name of a table outside of the pipeline that is not there, when that is what failed."""

    @property
    def succeeded(self) -> bool:
        return self.state is UpdateState.COMPLETED
