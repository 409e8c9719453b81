"""Where ports meet their adapters: what each service needs from outside, made from a project. Nothing else chooses."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.errors import ReelhouseError, UserError, did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from reelhouse.adf.finding import Finding
    from reelhouse.adf.services import AdfServices, JobResult
    from reelhouse.jobs.definition import JobDefinition, PipelineSettings
    from reelhouse.jobs.run import JobRun
    from reelhouse.jobs.services import JobServices
    from reelhouse.notebooks.context import NotebookContext
    from reelhouse.pipelines.settings import PipelineServices, UpdateResult
    from reelhouse.project import Project
    from reelhouse.spark.session import Sessions


def make_sessions(project: Project) -> Sessions:
    """Spark sessions on the project's engine, with streams."""
    from reelhouse.spark.engines import choose_engine
    from reelhouse.spark.session import Sessions
    from reelhouse.streaming.run import Streaming

    sessions = Sessions(
        choose_engine(project.engine),
        project.catalog,
        project.lake,
        lineage=project.lineage,
        runs=project.runs,
        clock=project.clock,
    )
    sessions.streaming = Streaming()
    return sessions


def adf_services(project: Project) -> AdfServices:
    """What pipelines of the factory work with."""
    from reelhouse.adf.mirror import Mirror, MirroredSource
    from reelhouse.adf.services import AdfServices
    from reelhouse.adf.url_map import MappedSource

    mirrors = [Mirror.parse(text) for text in project.mirrors]
    return AdfServices(
        lake=project.lake,
        runs=project.runs,
        clock=project.clock,
        lineage=project.lineage,
        http=MirroredSource(mirrors, MappedSource(project.settings.urls, project.http)),
        jobs=_Jobs(project),
        notebooks=_Notebooks(project),
        python_files=_PythonFiles(project),
        spark=lambda: _session(project),
        secrets=project.secrets,
        sql=project.databases,
        cancel=project.cancel,
        locks=project.state / "adf",
    )


@contextmanager
def _session(project: Project) -> Iterator[SparkSession]:
    """A session of the project's Spark, closed when the block ends."""
    spark = project.sessions.open()
    try:
        yield spark
    finally:
        project.sessions.close(spark)


def job_services(
    project: Project, *, trigger_type: str = "one_time", cancel: threading.Event | None = None
) -> JobServices:
    """What jobs of the bundle work with. `cancel` stops them in order (None: that of the project)."""
    from reelhouse.jobs.services import JobServices

    return JobServices(
        runs=project.runs,
        lake=project.lake,
        state_dir=project.state,
        open_session=lambda: project.sessions.open(),
        close_session=lambda spark: project.sessions.close(spark),
        run_pipeline=_Pipelines(project),
        clock=project.clock,
        secrets=project.secrets,
        cancel=cancel or project.cancel,
        trigger_type=trigger_type,
    )


def notebook_context(project: Project) -> NotebookContext:
    """What a notebook that is run by itself works with."""
    from reelhouse.notebooks.context import NotebookContext

    folder = project.root / "databricks"
    return NotebookContext(
        root=folder if folder.is_dir() else project.root,
        runs=project.runs,
        lake=project.lake,
        open_session=lambda: project.sessions.open(),
        close_session=lambda spark: project.sessions.close(spark),
        clock=project.clock,
        secrets=project.secrets,
        named_from=project.root,
    )


def pipeline_services(project: Project) -> PipelineServices:
    """What declarative pipelines work with. Sessions are made only when something has to be computed."""
    from reelhouse.pipelines.settings import PipelineServices

    return PipelineServices(
        sessions=lambda: project.sessions,
        catalog=project.catalog,
        lake=project.lake,
        state_dir=project.state / "pipelines",
        runs=project.runs,
        lineage=project.lineage,
        clock=project.clock,
        names={"dbutils": project.dbutils},
    )


class _Jobs:
    """Databricks jobs, for Data Factory: ids of the settings file and of the bundle."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def run(self, job_id: str, parameters: Mapping[str, str], stop: threading.Event) -> JobResult:
        from reelhouse.jobs.run import run_job

        job = self._find(str(job_id))
        return _job_result(run_job(self._project.bundle, job.key, parameters, job_services(self._project, cancel=stop)))

    def _find(self, job_id: str) -> JobDefinition:
        bundle, known = self._project.bundle, self._project.settings.jobs
        key = known.get(job_id)
        if key is not None:
            if key not in bundle.jobs:
                raise UserError(
                    f"The settings say that job {job_id} is '{key}', which is not in bundle '{bundle.name}'",
                    remedy=did_you_mean(key, bundle.jobs),
                )
            return bundle.jobs[key]
        job = bundle.job_by_id(job_id)
        if job is None:
            ids = [
                *(f"{id} ({key})" for id, key in known.items()),
                *(f"{j.id} ({j.key})" for j in bundle.jobs.values()),
            ]
            raise UserError(
                f"There is no job with the id '{job_id}'",
                remedy=f"Known: {', '.join(ids) or 'none'}. [jobs] in reelhouse.toml maps ids to jobs of the bundle.",
            )
        return job


def _job_result(done: JobRun) -> JobResult:
    from reelhouse.adf.services import JobResult

    return JobResult(
        run_id=done.id,
        run_page_url=f"reelhouse run show {done.id}",
        output=done.output,
        result_state=done.result_state.value,
        error=done.error,
    )


class _Notebooks:
    """Databricks notebooks, for Data Factory."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def run(self, path: str, parameters: Mapping[str, str], stop: threading.Event) -> JobResult:
        from reelhouse.adf.services import JobResult
        from reelhouse.notebooks.run import run_notebook
        from reelhouse.notebooks.threads import Cancelled, call_in_thread

        context = notebook_context(self._project)
        file = context.root / path.lstrip("/")
        try:
            done = call_in_thread(
                lambda: run_notebook(file, parameters, context),
                clock=self._project.clock,
                cancel=stop,
                name=f"notebook {path}",
            )
        except Cancelled:
            run_id = self._project.runs.newest() or ""
            return JobResult(run_id, f"reelhouse run show {run_id}", None, "CANCELED")
        return JobResult(
            run_id=done.run_id,
            run_page_url=f"reelhouse run show {done.run_id}",
            output=done.exit_value,
            result_state="SUCCESS" if done.error is None else "FAILED",
            error=None if done.error is None else str(done.error),
        )


class _PythonFiles:
    """Python files, for Data Factory: each is a one-time job run of one task, as it is on Databricks."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def run(self, file: str, arguments: Sequence[str], stop: threading.Event) -> JobResult:
        from reelhouse.errors import Place
        from reelhouse.jobs.definition import JobDefinition, PythonTask, Task
        from reelhouse.jobs.run import run_job

        bundle = self._project.bundle
        path = file
        if file.startswith("/") and not file.startswith(("/Workspace/", "/Volumes/", "/mnt/", "/dbfs/")):
            # A workspace path without its root, as those of notebooks are.
            path = str(bundle.root / file.lstrip("/"))
        name = file.rstrip("/").rpartition("/")[2]
        place = Place(file)
        task = Task("main", PythonTask(path, tuple(arguments)), place)
        job = JobDefinition(f"submit {name}", 0, name, (task,), place, max_concurrent_runs=1000)
        submitted = replace(bundle, jobs={**bundle.jobs, job.key: job})
        return _job_result(run_job(submitted, job.key, None, job_services(self._project, cancel=stop)))


class _Pipelines:
    """Declarative pipelines, for jobs."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def __call__(
        self,
        settings: PipelineSettings,
        *,
        full_refresh: bool,
        refresh_selection: Sequence[str],
        full_refresh_selection: Sequence[str],
    ) -> UpdateResult:
        from reelhouse.pipelines.run import run_update

        return run_update(
            settings,
            pipeline_services(self._project),
            full_refresh=full_refresh_selection,
            full_refresh_all=full_refresh,
            refresh_selection=refresh_selection,
        )


def validate(project: Project) -> list[Finding]:
    """The findings of every artifact."""
    found = [*_factory_findings(project), *_bundle_findings(project), *_config_findings(project)]
    return list(dict.fromkeys(found))  # a job that two jobs run is looked at twice


def _factory_findings(project: Project) -> Iterator[Finding]:
    from reelhouse.adf.validate import validate as validate_factory

    if (project.root / "adf").is_dir():
        yield from validate_factory(project.factory, known_job_ids=_known_job_ids(project))


def _known_job_ids(project: Project) -> list[str] | None:
    try:
        return [*project.settings.jobs, *(str(job.id) for job in project.bundle.jobs.values())]
    except ReelhouseError:
        return None  # what is wrong with the bundle is a finding of its own


def _bundle_findings(project: Project) -> Iterator[Finding]:
    from reelhouse.adf.finding import Finding, Severity
    from reelhouse.errors import Place
    from reelhouse.jobs.validate import problems

    if not any((project.root / name).exists() for name in ("databricks", "databricks.yml")):
        return
    bundle, errors = project.check_bundle()
    for error in errors:
        yield Finding(Severity.ERROR, error.where or Place("databricks/databricks.yml"), _without_place(error))
    if bundle is None:
        return
    for job in bundle.jobs.values():
        for wrong in problems(bundle, job):
            yield Finding(Severity.ERROR, wrong.where or job.place, _without_place(wrong))
    for settings in bundle.pipelines.values():
        try:
            yield from _pipeline_findings(project, settings)
        except ReelhouseError as error:
            yield Finding(Severity.ERROR, error.where or settings.place, _without_place(error))


def _pipeline_findings(project: Project, settings: PipelineSettings) -> Iterator[Finding]:
    """What planning the pipeline says. It leaves no trace: neither a run, nor state.

    A table that the pipeline reads and something else makes may be missing before the first run: a warning.
    """
    from reelhouse.adf.finding import Finding, Severity
    from reelhouse.pipelines.run import run_update

    with tempfile.TemporaryDirectory() as scratch:
        services = replace(pipeline_services(project), state_dir=Path(scratch), runs=None, lineage=None)
        done = run_update(settings, services, validate_only=True)
    if done.error is not None:
        severity = Severity.ERROR if done.missing_table is None else Severity.WARNING
        yield Finding(severity, settings.place, done.error)


def _config_findings(project: Project) -> Iterator[Finding]:
    """Each JSON file of config/ that names its JSON Schema is checked against it."""
    from reelhouse.adf.finding import problem
    from reelhouse.errors import Place

    for file in sorted((project.root / "config").glob("*.json")):
        place = Place(file.relative_to(project.root).as_posix())
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            yield problem(place, f"The file is not JSON: {error}")
            continue
        schema = content.get("$schema") if isinstance(content, dict) else None
        if not isinstance(schema, str) or "://" in schema:
            continue
        schema_file = file.parent / schema
        if not schema_file.exists():
            yield problem(place.at("$schema"), f"There is no schema '{schema}'")
            continue
        yield from _schema_findings(content, json.loads(schema_file.read_text(encoding="utf-8")), place)


def _schema_findings(content: Any, schema: Mapping[str, Any], place: Any) -> Iterator[Finding]:
    import jsonschema

    from reelhouse.adf.finding import problem

    for error in jsonschema.Draft202012Validator(schema).iter_errors(content):
        spot = place
        for step in error.absolute_path:
            spot = spot.at(step)
        yield problem(spot, error.message)


def _without_place(error: ReelhouseError) -> str:
    return str(ReelhouseError(error.what, remedy=error.remedy))
