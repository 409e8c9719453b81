"""Definitions from what a bundle says: shapes are checked and references resolved before this."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelhouse.errors import Place, Unsupported, UserError
from reelhouse.jobs.definition import (
    ConditionOp,
    ConditionTask,
    Dependency,
    ForEachTask,
    JobDefinition,
    LibraryKind,
    NotebookTask,
    OtherTask,
    PipelineSettings,
    PipelineTask,
    PythonTask,
    RunIf,
    RunJobTask,
    SqlFileTask,
    Task,
    TaskBody,
)
from reelhouse.jobs.fields import OTHER_TASK_BODIES, TASK_BODIES


def build_job(key: str, id: int, raw: Mapping[str, Any], place: Place) -> JobDefinition:
    """The job that `raw` describes. Raises `UserError` for what the shape alone cannot tell."""
    tasks = tuple(build_task(task, place.at("tasks").at(i)) for i, task in enumerate(raw.get("tasks") or ()))
    queue = raw.get("queue") or {}
    return JobDefinition(
        key=key,
        id=id,
        name=str(raw.get("name") or "Untitled"),
        tasks=tasks,
        place=place,
        parameters={str(p["name"]): as_text(p.get("default", "")) for p in raw.get("parameters") or ()},
        max_concurrent_runs=_number(raw, "max_concurrent_runs", 1),
        queue=bool(queue.get("enabled", True)),
        timeout_seconds=_number(raw, "timeout_seconds", 0),
        schedule=raw.get("schedule"),
        trigger=raw.get("trigger"),
        continuous=raw.get("continuous"),
        tags=_texts(raw.get("tags")),
    )


def build_task(raw: Mapping[str, Any], place: Place) -> Task:
    return Task(
        key=str(raw["task_key"]),
        body=_body(raw, place),
        place=place,
        depends_on=tuple(
            Dependency(str(d["task_key"]), None if d.get("outcome") is None else as_text(d["outcome"]))
            for d in raw.get("depends_on") or ()
        ),
        run_if=RunIf(raw.get("run_if") or "ALL_SUCCESS"),
        max_retries=_number(raw, "max_retries", 0),
        min_retry_interval_millis=_number(raw, "min_retry_interval_millis", 0),
        retry_on_timeout=bool(raw.get("retry_on_timeout", False)),
        timeout_seconds=_number(raw, "timeout_seconds", 0),
        disabled=bool(raw.get("disabled", False)),
    )


def _body(raw: Mapping[str, Any], place: Place) -> TaskBody:
    kinds = [k for k in (*TASK_BODIES, "for_each_task", *OTHER_TASK_BODIES) if raw.get(k) is not None]
    if len(kinds) != 1:
        what = f"has {' and '.join(kinds)}" if kinds else "does nothing"
        raise UserError(f"Task '{raw['task_key']}' {what}, and has to have exactly one task", where=place)
    kind = kinds[0]
    body = raw[kind]
    if kind in OTHER_TASK_BODIES:
        return OtherTask(kind)
    if body.get("source") == "GIT" or (body.get("file") or {}).get("source") == "GIT":
        raise Unsupported(
            f"Source GIT of task '{raw['task_key']}' is not supported",
            where=place.at(kind),
            remedy="Keep the file in the bundle.",
        )
    match kind:
        case "notebook_task":
            return NotebookTask(str(body["notebook_path"]), _texts(body.get("base_parameters")))
        case "pipeline_task":
            return PipelineTask(
                str(body["pipeline_id"]),
                bool(body.get("full_refresh", False)),
                tuple(map(str, body.get("refresh_selection") or ())),
                tuple(map(str, body.get("full_refresh_selection") or ())),
            )
        case "condition_task":
            return ConditionTask(as_text(body["left"]), ConditionOp(body["op"]), as_text(body["right"]))
        case "run_job_task":
            return RunJobTask(str(body["job_id"]), _texts(body.get("job_parameters")))
        case "spark_python_task":
            return PythonTask(str(body["python_file"]), tuple(as_text(p) for p in body.get("parameters") or ()))
        case "sql_task":
            if not body.get("file"):
                return OtherTask(f"sql_task ({', '.join(k for k in ('query', 'dashboard', 'alert') if body.get(k))})")
            return SqlFileTask(str(body["file"]["path"]), _texts(body.get("parameters")))
        case _:
            return _for_each(raw, body, place)


def _for_each(raw: Mapping[str, Any], body: Mapping[str, Any], place: Place) -> ForEachTask:
    concurrency = _number(body, "concurrency", 1)
    if not 1 <= concurrency <= 100:
        where = place.at("for_each_task").at("concurrency")
        raise UserError(f"The concurrency of task '{raw['task_key']}' is {concurrency}, of 1 to 100", where=where)
    inputs = body["inputs"]
    text = inputs if isinstance(inputs, str) else json.dumps(inputs)
    return ForEachTask(text, build_task(body["task"], place.at("for_each_task").at("task")), concurrency)


def build_pipeline(key: str, id: str, raw: Mapping[str, Any], place: Place, root: Path) -> PipelineSettings:
    """The settings that `raw` describes."""
    libraries = []
    for index, library in enumerate(raw.get("libraries") or ()):
        for kind, field_name in (
            (LibraryKind.NOTEBOOK, "path"),
            (LibraryKind.FILE, "path"),
            (LibraryKind.GLOB, "include"),
        ):
            if library.get(kind.value):
                libraries.append((kind, str(library[kind.value][field_name])))
                break
        else:
            raise UserError("The library names no notebook, file or glob", where=place.at("libraries").at(index))
    schema = raw.get("schema") or raw.get("target")
    return PipelineSettings(
        key=key,
        id=id,
        name=str(raw.get("name") or key),
        place=place,
        root=root,
        libraries=tuple(libraries),
        catalog=_optional(raw.get("catalog")),
        schema=_optional(schema),
        storage=_optional(raw.get("storage")),
        configuration=_texts(raw.get("configuration")),
        root_path=Path(raw["root_path"]) if raw.get("root_path") else None,
        development=bool(raw.get("development", False)),
        continuous=bool(raw.get("continuous", False)),
        edition=str(raw.get("edition") or "ADVANCED").upper(),
        channel=str(raw.get("channel") or "CURRENT").upper(),
        photon=bool(raw.get("photon", False)),
        serverless=bool(raw.get("serverless", False)),
        event_log=_texts(raw["event_log"]) if raw.get("event_log") else None,
    )


def as_text(value: Any) -> str:
    """A scalar as the platform passes it on: flags in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _texts(raw: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(name): as_text(value) for name, value in (raw or {}).items()}


def _optional(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(raw: Mapping[str, Any], name: str, default: int) -> int:
    value = raw.get(name)
    return default if value is None else int(value)
