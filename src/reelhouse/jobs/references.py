"""Dynamic value references: `{{job.run_id}}`, `{{tasks.look_up.values.sources}}`.

https://docs.databricks.com/aws/en/jobs/dynamic-value-references
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reelhouse.errors import Place, UserError, did_you_mean

_REFERENCE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_SEGMENT = re.compile(r"`([^`]+)`|([^.`\s]+)")
_TIMES: Mapping[str, Callable[[datetime], Any]] = {
    "iso_date": lambda t: t.strftime("%Y-%m-%d"),
    "iso_datetime": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S"),
    "iso_weekday": lambda t: t.isoweekday(),
    "is_weekday": lambda t: t.isoweekday() < 6,
    "year": lambda t: t.year,
    "month": lambda t: t.month,
    "day": lambda t: t.day,
    "hour": lambda t: t.hour,
    "minute": lambda t: t.minute,
    "second": lambda t: t.second,
    "timestamp_ms": lambda t: int(t.timestamp() * 1000),
}
_OLD: Mapping[str, str] = {
    "job_id": "job.id",
    "run_id": "task.run_id",
    "start_date": "job.start_time.iso_date",
    "start_time": "job.start_time.timestamp_ms",
    "task_key": "task.name",
    "parent_run_id": "job.run_id",
}


class _Absent:
    """No input: the reference is outside of a for-each task."""


ABSENT = _Absent()


@dataclass(frozen=True)
class TaskFacts:
    """What other tasks may know of one. `values` are its task values."""

    run_id: str | None = None
    result: str | None = None
    error_code: str = ""
    execution_count: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReferenceContext:
    """What references see. `task_*` are empty while a job's own parameters are resolved."""

    job_id: int
    job_name: str
    job_run_id: str
    started_at: datetime
    job_parameters: Mapping[str, str] = field(default_factory=dict)
    repair_count: int = 0
    trigger_type: str = "one_time"
    trigger_time: datetime | None = None
    trigger_facts: Mapping[str, Any] = field(default_factory=dict)
    task_name: str | None = None
    task_run_id: str | None = None
    task_execution_count: int = 1
    notebook_path: str | None = None
    tasks: Mapping[str, TaskFacts] = field(default_factory=dict)
    input: Any = ABSENT
    workspace_id: str = "0"
    workspace_url: str = "localhost"


def resolve_value(text: str, context: ReferenceContext, place: Place) -> Any:
    """The value of a text that is wholly one reference, in its own type; else the text with its references resolved."""
    whole = _REFERENCE.fullmatch(text.strip())
    if whole is None:
        return resolve(text, context, place)
    found = _evaluate(whole[1], context, place)
    return text if found is ABSENT else found


def resolve(text: str, context: ReferenceContext, place: Place) -> str:
    """The text with its references replaced.

    One that is malformed or of an unknown group stays as it is. Raises `UserError` for an unknown member of a known
    group, for a task value that is not there, and for a task that is none of those upstream.
    """

    def replacement(match: re.Match[str]) -> str:
        found = _evaluate(match[1], context, place)
        return match[0] if found is ABSENT else as_text(found)

    return _REFERENCE.sub(replacement, text)


def referenced_tasks(text: str) -> set[str]:
    """The keys of the tasks that a text refers to."""
    paths = [_path(match[1]) for match in _REFERENCE.finditer(text)]
    return {path[1] for path in paths if path and path[0] == "tasks" and len(path) > 1}


def mistakes(text: str, job_parameters: Collection[str], place: Place) -> list[UserError]:
    """The references of a text to members that a job or a task does not have, whatever comes of the run."""
    context = ReferenceContext(
        job_id=0,
        job_name="",
        job_run_id="",
        started_at=datetime(2000, 1, 1, tzinfo=UTC),
        job_parameters=dict.fromkeys(job_parameters, ""),
    )
    found = []
    for match in _REFERENCE.finditer(text):
        path = _path(match[1])
        if path and path[0] in ("job", "task", "workspace"):
            try:
                _evaluate(match[1], context, place)
            except UserError as error:
                found.append(error)
    return found


def as_text(value: Any) -> str:
    """A value as parameters carry it: flags in lower case, lists and objects as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _path(reference: str) -> list[str] | None:
    """The segments of a reference; None when it is malformed."""
    segments, position = [], 0
    while True:
        match = _SEGMENT.match(reference, position)
        if match is None:
            return None
        segments.append(match[1] or match[2])
        position = match.end()
        if position == len(reference):
            return segments
        if reference[position] != ".":
            return None
        position += 1


def _evaluate(reference: str, context: ReferenceContext, place: Place) -> Any:
    """The value, or ABSENT where the reference stays literal."""
    if reference == "task_retry_count":
        return context.task_execution_count - 1
    path = _path(_OLD.get(reference, reference))
    if path is None:
        return ABSENT
    group, members = path[0], path[1:]

    def unknown(known: list[str] | tuple[str, ...] | set[str]) -> UserError:
        last = members[-1] if members else ""
        return UserError(f"'{{{{{reference}}}}}' is not known", where=place, remedy=did_you_mean(last, known))

    match group:
        case "job":
            return _job(members, context, unknown)
        case "task":
            return _task(members, context, unknown)
        case "tasks":
            return _other_task(reference, members, context, place, unknown)
        case "workspace" if members in (["id"], ["url"]):
            return context.workspace_id if members == ["id"] else context.workspace_url
        case "workspace":
            raise unknown(["id", "url"])
        case "backfill" if members == ["iso_date"]:
            return _TIMES["iso_date"](context.trigger_time or context.started_at)
        case "input":
            return _input(reference, members, context, place)
        case _:
            return ABSENT


Unknown = Callable[[Any], UserError]


def _job(members: list[str], context: ReferenceContext, unknown: Unknown) -> Any:
    match members:
        case ["id"]:
            return context.job_id
        case ["name"]:
            return context.job_name
        case ["run_id"]:
            return context.job_run_id
        case ["repair_count"]:
            return context.repair_count
        case ["parameters", name]:
            if name not in context.job_parameters:
                raise unknown(list(context.job_parameters))
            return context.job_parameters[name]
        case ["start_time", part]:
            return _time(context.started_at, part, unknown)
        case ["trigger", "type"]:
            return context.trigger_type
        case ["trigger", "time", part]:
            return _time(context.trigger_time or context.started_at, part, unknown)
        case ["trigger", "file_arrival", "location"] | ["trigger", "table_update", "updated_tables"]:
            return context.trigger_facts.get(".".join(members[1:]), "")
        case _:
            raise unknown(["id", "name", "run_id", "repair_count", "parameters", "start_time", "trigger"])


def _time(moment: datetime, part: str, unknown: Unknown) -> Any:
    if part not in _TIMES:
        raise unknown(list(_TIMES))
    return _TIMES[part](moment.astimezone(UTC))


def _task(members: list[str], context: ReferenceContext, unknown: Unknown) -> Any:
    facts = {
        "name": context.task_name,
        "run_id": context.task_run_id,
        "execution_count": context.task_execution_count,
        "notebook_path": context.notebook_path,
    }
    if len(members) != 1 or members[0] not in facts:
        raise unknown(list(facts))
    return facts[members[0]] or ""


def _other_task(reference: str, members: list[str], context: ReferenceContext, place: Place, unknown: Unknown) -> Any:
    if len(members) < 2:
        raise unknown(["values", "result_state", "run_id", "error_code", "execution_count"])
    key = members[0]
    if key not in context.tasks:
        raise UserError(
            f"'{{{{{reference}}}}}' reads task '{key}', which is not upstream of this one",
            where=place,
            remedy=did_you_mean(key, context.tasks),
        )
    facts = context.tasks[key]
    match members[1:]:
        case ["run_id"]:
            return facts.run_id or ""
        case ["result_state"]:
            return (facts.result or "").lower()
        case ["error_code"]:
            return facts.error_code
        case ["execution_count"]:
            return facts.execution_count
        case ["values", name]:
            if name not in facts.values:
                raise UserError(
                    f"'{{{{{reference}}}}}' reads task value '{name}', which task '{key}' has not set",
                    where=place,
                    remedy=did_you_mean(name, facts.values),
                )
            return facts.values[name]
        case _:
            raise unknown(["values", "result_state", "run_id", "error_code", "execution_count"])


def _input(reference: str, members: list[str], context: ReferenceContext, place: Place) -> Any:
    value = context.input
    if value is ABSENT:
        return ABSENT
    for name in members:
        if not isinstance(value, dict) or name not in value:
            known = list(value) if isinstance(value, dict) else []
            raise UserError(
                f"'{{{{{reference}}}}}' reads '{name}', which the input {json.dumps(context.input)} lacks",
                where=place,
                remedy=did_you_mean(name, known),
            )
        value = value[name]
    return value
