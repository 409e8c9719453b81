"""A job as data, valid and with its paths and variables resolved.

https://docs.databricks.com/api/workspace/jobs/create
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from reelhouse.errors import Place


class RunIf(StrEnum):
    """Which results of its dependencies let a task run. https://docs.databricks.com/aws/en/jobs/run-if"""

    ALL_SUCCESS = "ALL_SUCCESS"
    AT_LEAST_ONE_SUCCESS = "AT_LEAST_ONE_SUCCESS"
    NONE_FAILED = "NONE_FAILED"
    ALL_DONE = "ALL_DONE"
    AT_LEAST_ONE_FAILED = "AT_LEAST_ONE_FAILED"
    ALL_FAILED = "ALL_FAILED"


class ConditionOp(StrEnum):
    EQUAL_TO = "EQUAL_TO"
    NOT_EQUAL = "NOT_EQUAL"
    GREATER_THAN = "GREATER_THAN"
    GREATER_THAN_OR_EQUAL = "GREATER_THAN_OR_EQUAL"
    LESS_THAN = "LESS_THAN"
    LESS_THAN_OR_EQUAL = "LESS_THAN_OR_EQUAL"


@dataclass(frozen=True)
class Dependency:
    """An upstream task; `outcome` ("true" or "false") where it is a condition."""

    task_key: str
    outcome: str | None = None


@dataclass(frozen=True)
class NotebookTask:
    kind: ClassVar[str] = "notebook_task"
    notebook_path: str
    base_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PythonTask:
    kind: ClassVar[str] = "spark_python_task"
    python_file: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class SqlFileTask:
    kind: ClassVar[str] = "sql_task"
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PipelineTask:
    kind: ClassVar[str] = "pipeline_task"
    pipeline_id: str
    full_refresh: bool = False
    refresh_selection: tuple[str, ...] = ()
    full_refresh_selection: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConditionTask:
    kind: ClassVar[str] = "condition_task"
    left: str
    op: ConditionOp
    right: str


@dataclass(frozen=True)
class RunJobTask:
    kind: ClassVar[str] = "run_job_task"
    job_id: str
    job_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ForEachTask:
    kind: ClassVar[str] = "for_each_task"
    inputs: str
    task: Task
    concurrency: int = 1


@dataclass(frozen=True)
class OtherTask:
    """A kind of task that this runtime does not run."""

    name: str

    @property
    def kind(self) -> str:
        return self.name


TaskBody = NotebookTask | PythonTask | SqlFileTask | PipelineTask | ConditionTask | RunJobTask | ForEachTask | OtherTask
SUPPORTED_TASKS: tuple[str, ...] = (
    NotebookTask.kind,
    PipelineTask.kind,
    ConditionTask.kind,
    ForEachTask.kind,
    RunJobTask.kind,
    PythonTask.kind,
    f"{SqlFileTask.kind} (file)",
)


@dataclass(frozen=True)
class Task:
    """One task of a job. `max_retries` -1 retries for ever; `timeout_seconds` 0 is no limit, for each attempt."""

    key: str
    body: TaskBody
    place: Place
    depends_on: tuple[Dependency, ...] = ()
    run_if: RunIf = RunIf.ALL_SUCCESS
    max_retries: int = 0
    min_retry_interval_millis: int = 0
    retry_on_timeout: bool = False
    timeout_seconds: int = 0
    disabled: bool = False


@dataclass(frozen=True)
class JobDefinition:
    """A job. `parameters` holds the defaults; `schedule`, `trigger` and `continuous` are as the file says."""

    key: str
    id: int
    name: str
    tasks: tuple[Task, ...]
    place: Place
    parameters: Mapping[str, str] = field(default_factory=dict)
    max_concurrent_runs: int = 1
    queue: bool = True
    timeout_seconds: int = 0
    schedule: Mapping[str, Any] | None = None
    trigger: Mapping[str, Any] | None = None
    continuous: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class LibraryKind(StrEnum):
    """Where the source code of a pipeline comes from. A glob is a file, or a folder with `/**` behind."""

    NOTEBOOK = "notebook"
    FILE = "file"
    GLOB = "glob"


@dataclass(frozen=True)
class PipelineSettings:
    """A declarative pipeline's settings, validated; paths are absolute.

    https://docs.databricks.com/aws/en/ldp/properties
    """

    key: str
    id: str
    name: str
    place: Place
    root: Path
    libraries: tuple[tuple[LibraryKind, str], ...]
    catalog: str | None = None
    schema: str | None = None
    storage: str | None = None
    configuration: Mapping[str, str] = field(default_factory=dict)
    root_path: Path | None = None
    development: bool = False
    continuous: bool = False
    edition: str = "ADVANCED"
    channel: str = "CURRENT"
    photon: bool = False
    serverless: bool = False
    event_log: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Bundle:
    """An asset bundle for one target.

    `named_from` is the folder that file names in messages are relative to; `workspace_folder` the workspace path of the
    bundle's files; `without_effect` lists the fields that only place or size cloud things. `faulty_ids` are those of
    jobs and pipelines that were left out because of errors, when such are collected.
    """

    name: str
    target: str
    mode: str | None
    root: Path
    named_from: Path
    workspace_folder: str
    jobs: Mapping[str, JobDefinition]
    pipelines: Mapping[str, PipelineSettings]
    variables: Mapping[str, Any]
    without_effect: tuple[Place, ...] = ()
    faulty_ids: frozenset[str] = frozenset()

    def job_by_id(self, id: int | str) -> JobDefinition | None:
        return next((job for job in self.jobs.values() if str(job.id) == str(id)), None)

    def pipeline_by_id(self, id: str) -> PipelineSettings | None:
        return next((pipeline for pipeline in self.pipelines.values() if pipeline.id == id), None)
