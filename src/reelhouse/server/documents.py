"""What the REST interface answers: JSON in the shapes of Data Factory's management interface.

https://learn.microsoft.com/rest/api/datafactory/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from reelhouse.adf.trigger.plan import TriggerRunStatus
from reelhouse.adf.trigger.state import TriggerRun
from reelhouse.errors import Place, UserError, did_you_mean
from reelhouse.project import Project
from reelhouse.runs.record import Run

PAGE = 100
"""Runs in one answer; the continuation token tells where the next one begins."""
_STEPS = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def properties_at(project: Project, place: Place) -> Any:
    """The JSON of an object as its file has it. Secrets that are written into it are hidden."""
    value = json.loads((project.root / place.file).read_text(encoding="utf-8-sig"))
    for name, index in _STEPS.findall(place.path):
        value = value[int(index)] if index else value[name]
    return _hidden(value)


def _hidden(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get("type") == "SecureString" and "value" in value:
            return {**value, "value": "**********"}
        return {name: _hidden(item) for name, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else value


def pipeline_run(run: Run, latest: bool = True) -> dict[str, Any]:
    """A pipeline run."""
    ended = run.ended_at
    message = run.error.get("message", "") if isinstance(run.error, Mapping) else ""
    parameters = run.input.get("parameters", {})
    return {
        "id": run.id,
        "runId": run.id,
        "runGroupId": run.details.get("runGroupId", run.id),
        "isLatest": latest,
        "debugRunId": None,
        "pipelineName": run.name,
        "parameters": {name: _as_text(value) for name, value in parameters.items()},
        "invokedBy": dict(run.details.get("invokedBy", {"name": "Manual", "invokedByType": "Manual"})),
        "runDimensions": {},
        "runStart": time_of(run.started_at),
        "runEnd": time_of(ended),
        "lastUpdated": time_of(ended or run.started_at),
        "durationInMs": _milliseconds(run),
        "status": run.status.value,
        "message": message,
    }


def queued_run(run_id: str, pipeline: str) -> dict[str, Any]:
    """A pipeline run that has not begun."""
    return {
        "id": run_id, "runId": run_id, "runGroupId": run_id, "isLatest": True, "pipelineName": pipeline,
        "parameters": {}, "runStart": None, "runEnd": None, "durationInMs": None, "status": "Queued", "message": "",
    }  # fmt: skip


def activity_run(run: Run, of: Run) -> dict[str, Any]:
    """An activity run of a pipeline run."""
    error = run.error if isinstance(run.error, Mapping) else {}
    return {
        "activityName": run.name,
        "activityType": run.type,
        "activityRunId": run.id,
        "pipelineName": of.name,
        "pipelineRunId": of.id,
        "linkedServiceName": run.details.get("linkedServiceName", ""),
        "status": run.status.value,
        "activityRunStart": time_of(run.started_at),
        "activityRunEnd": time_of(run.ended_at),
        "durationInMs": _milliseconds(run),
        "input": run.input,
        "output": run.output,
        "error": {
            "errorCode": str(error.get("errorCode", "")),
            "message": str(error.get("message", "")),
            "failureType": str(error.get("failureType", "")),
            "target": str(error.get("target", run.name if error else "")),
        },
        "retryAttempt": run.details.get("retryAttempt"),
        "iterationHash": run.details.get("iterationHash", ""),
        "userProperties": run.details.get("userProperties", {}),
    }


def trigger_run(run: TriggerRun) -> dict[str, Any]:
    """A trigger run. States of windows that have not ended are all `Inprogress`, the documented one is beside."""
    status = run.status.value
    if run.status not in (TriggerRunStatus.SUCCEEDED, TriggerRunStatus.FAILED):
        status = "Failed" if run.status is TriggerRunStatus.CANCELLED else "Inprogress"
    properties = {"TriggerTime": time_of(run.at), "WindowState": run.status.value}
    outputs = run.scope.get("outputs", {})
    properties.update({name: _as_text(value) for name, value in outputs.items()})
    if "scheduledTime" in run.scope:
        properties["ScheduleTime"] = run.scope["scheduledTime"]
    return {
        "triggerRunId": run.id,
        "triggerName": run.name,
        "triggerType": run.type,
        "triggerRunTimestamp": time_of(run.at),
        "status": status,
        "message": run.message or None,
        "properties": properties,
        "triggeredPipelines": {name: run_id for run_id, name in run.pipelines.items()},
        "runDimension": {},
        "dependencyStatus": {},
    }


def page_of(
    rows: Iterable[dict[str, Any]], query: Mapping[str, Any], operands: Mapping[str, str], order: str
) -> dict[str, Any]:
    """The rows that a query asks for, sorted, one page of them. `operands` are the fields behind names of filters.

    Raises `UserError` for an unknown operand, operator or token.
    """
    tests = [_filter(raw, operands) for raw in query.get("filters") or []]
    found = [row for row in rows if all(test(row) for test in tests)]
    for key in reversed(query.get("orderBy") or [{"orderBy": order, "order": "DESC"}]):
        field = _operand(key.get("orderBy"), operands)
        backwards = str(key.get("order", "ASC")).upper() == "DESC"
        found.sort(key=lambda row: str(row.get(field) or ""), reverse=backwards)
    token = str(query.get("continuationToken") or "0")
    if not token.isdigit():
        raise UserError(f"'{token}' is no continuation token of this interface")
    start = int(token)
    answer: dict[str, Any] = {"value": found[start : start + PAGE]}
    if start + PAGE < len(found):
        answer["continuationToken"] = str(start + PAGE)
    return answer


def _filter(raw: Mapping[str, Any], operands: Mapping[str, str]) -> Callable[[Mapping[str, Any]], bool]:
    operator = str(raw.get("operator"))
    values = [str(value) for value in raw.get("values") or []]
    if raw.get("operand") == "LatestOnly":
        return lambda row: bool(row.get("isLatest")) or values[:1] != ["true"]
    field = _operand(raw.get("operand"), operands)
    if operator in ("Equals", "In"):
        return lambda row: str(row.get(field)) in values
    if operator in ("NotEquals", "NotIn"):
        return lambda row: str(row.get(field)) not in values
    remedy = did_you_mean(operator, ("Equals", "NotEquals", "In", "NotIn"))
    raise UserError(f"'{operator}' is no operator of a filter", remedy=remedy)


def _operand(name: Any, operands: Mapping[str, str]) -> str:
    if name not in operands:
        raise UserError(f"'{name}' cannot be filtered or ordered by", remedy=did_you_mean(str(name), operands))
    return operands[name]


def moment_in(query: Mapping[str, Any], name: str) -> datetime:
    """A required moment of a query. Raises `UserError`."""
    try:
        moment = datetime.fromisoformat(str(query[name]))
    except KeyError:
        raise UserError(f"The query lacks '{name}'") from None
    except ValueError:
        raise UserError(f"'{query[name]}' is no time ({name})") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def time_of(moment: datetime | None) -> str | None:
    """A moment as the interface writes it."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _milliseconds(run: Run) -> int | None:
    return None if run.ended_at is None else round((run.ended_at - run.started_at).total_seconds() * 1000)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
