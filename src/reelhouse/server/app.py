"""Data Factory's management interface over a project, as an ASGI application.

Subscription, resource group and factory in the address may be anything; what is not offered answers 404 or 405.

https://learn.microsoft.com/rest/api/datafactory/
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reelhouse.adf.recovery import Recovery, past_parameters, past_run
from reelhouse.adf.trigger.events import read_events
from reelhouse.adf.trigger.run import TriggerRunner
from reelhouse.errors import Place, ReelhouseError, UserError, did_you_mean
from reelhouse.project import Project
from reelhouse.runs.record import Run, RunKind, RunStatus
from reelhouse.server import documents
from reelhouse.server.runs import PipelineRuns

FACTORY = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataFactory/factories/{factory}"
_RUN_OPERANDS = {
    "PipelineName": "pipelineName", "Status": "status", "RunStart": "runStart", "RunEnd": "runEnd",
    "RunGroupId": "runGroupId", "LastUpdated": "lastUpdated",
}  # fmt: skip
_ACTIVITY_OPERANDS = {
    "ActivityName": "activityName", "ActivityType": "activityType", "Status": "status",
    "ActivityRunStart": "activityRunStart", "ActivityRunEnd": "activityRunEnd", "PipelineName": "pipelineName",
}  # fmt: skip
_TRIGGER_OPERANDS = {
    "TriggerName": "triggerName", "Status": "status", "TriggerRunTimestamp": "triggerRunTimestamp",
}  # fmt: skip
_LOCAL = ("127.0.0.1", "localhost", "[::1]")

Answer = Any
Endpoint = Callable[["Call"], Answer]


class NotFound(UserError):
    """What the address names is not there."""


class Call:
    """One request: the names in its address, its query and its body."""

    def __init__(self, request: Request, body: Any) -> None:
        self.names: Mapping[str, str] = request.path_params
        self.query: Mapping[str, str] = request.query_params
        self.body = body

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body, which has to be a JSON object or empty."""
        if self.body is None:
            return {}
        if not isinstance(self.body, Mapping):
            raise UserError("The body must be a JSON object")
        return self.body


def make_app(project: Project, runs: PipelineRuns, triggers: TriggerRunner, *, token: str | None = None) -> Starlette:
    """The application. With `token` every request has to show it as a bearer token."""
    api = _Interface(project, runs, triggers)
    at = FACTORY
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", at, api.factory),
        ("GET", f"{at}/pipelines", lambda call: api.listed(call, "pipelines")),
        ("GET", f"{at}/pipelines/{{name}}", lambda call: api.one(call, "pipelines")),
        ("POST", f"{at}/pipelines/{{name}}/createRun", api.create_run),
        ("GET", f"{at}/datasets", lambda call: api.listed(call, "datasets")),
        ("GET", f"{at}/datasets/{{name}}", lambda call: api.one(call, "datasets")),
        ("GET", f"{at}/linkedservices", lambda call: api.listed(call, "linkedservices")),
        ("GET", f"{at}/linkedservices/{{name}}", lambda call: api.one(call, "linkedservices")),
        ("GET", f"{at}/pipelineruns/{{run}}", api.pipeline_run),
        ("POST", f"{at}/pipelineruns/{{run}}/cancel", api.cancel_run),
        ("POST", f"{at}/pipelineruns/{{run}}/queryActivityruns", api.activity_runs),
        ("POST", f"{at}/queryPipelineRuns", api.pipeline_runs),
        ("GET", f"{at}/triggers", lambda call: api.listed(call, "triggers")),
        ("POST", f"{at}/querytriggers", api.query_triggers),
        ("GET", f"{at}/triggers/{{name}}", lambda call: api.one(call, "triggers")),
        ("POST", f"{at}/triggers/{{name}}/start", api.start_trigger),
        ("POST", f"{at}/triggers/{{name}}/stop", api.stop_trigger),
        ("POST", f"{at}/triggers/{{name}}/triggerRuns/{{run}}/rerun", api.rerun_trigger),
        ("POST", f"{at}/triggers/{{name}}/triggerRuns/{{run}}/cancel", api.cancel_trigger),
        ("POST", f"{at}/queryTriggerRuns", api.trigger_runs),
        ("POST", "/topics/{topic}/api/events", api.publish),
    ]
    routes = [Route(path, _endpoint(work, token), methods=[method]) for method, path, work in table]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_error})


class _Interface:
    """What each address does."""

    def __init__(self, project: Project, runs: PipelineRuns, triggers: TriggerRunner) -> None:
        self._project, self._runs, self._triggers = project, runs, triggers

    # -- definitions -------------------------------------------------------------------------------------------

    def factory(self, call: Call) -> Answer:
        names = {name: {"type": _type_of(value), "value": value} for name, value in self._globals().items()}
        return {
            "id": _id(call),
            "name": call.names["factory"],
            "type": "Microsoft.DataFactory/factories",
            "location": "local",
            "tags": {},
            "properties": {"provisioningState": "Succeeded", "version": "2018-06-01", "globalParameters": names},
        }

    def listed(self, call: Call, kind: str) -> Answer:
        return {"value": [self._resource(call, kind, name) for name in sorted(self._objects(kind))]}

    def one(self, call: Call, kind: str) -> Answer:
        return self._resource(call, kind, self._name(call, kind))

    def query_triggers(self, call: Call) -> Answer:
        if call.fields.get("parentTriggerName"):
            raise UserError("Rerun triggers (parentTriggerName) are not supported")
        return self.listed(call, "triggers")

    # -- pipeline runs -----------------------------------------------------------------------------------------

    def create_run(self, call: Call) -> Answer:
        name = self._name(call, "pipelines")
        parameters = dict(call.fields)
        of_run = call.query.get("referencePipelineRunId")
        start, failed = call.query.get("startActivityName"), _flag(call, "startFromFailure")
        recovery = None
        if of_run:
            past = past_run(self._project.runs, of_run)
            if _flag(call, "isRecovery"):
                parameters = past_parameters(past, parameters)
                recovery = Recovery(past.id, None if failed else start or None, failed)
            else:
                parameters = {**past_parameters(past), **parameters}
        elif start or failed or _flag(call, "isRecovery"):
            raise UserError("A recovery needs referencePipelineRunId")
        return {"runId": self._runs.start(name, parameters, recovery=recovery)}

    def pipeline_run(self, call: Call) -> Answer:
        run_id = call.names["run"]
        run = self._runs.find(run_id)
        if run is not None and run.kind is RunKind.PIPELINE:
            return documents.pipeline_run(run, self._is_latest(run))
        queued = self._runs.queued()
        if run_id in queued:
            return documents.queued_run(run_id, queued[run_id])
        raise NotFound(f"There is no pipeline run '{run_id}'")

    def cancel_run(self, call: Call) -> Answer:
        run_id = call.names["run"]
        if run_id not in self._runs.queued():
            run = self._pipeline_run(run_id)
            if run.status is not RunStatus.IN_PROGRESS:
                raise UserError(f"The run '{run_id}' has ended already: {run.status.value}")
        self._runs.cancel(run_id, recursive=_flag(call, "isRecursive"))
        return {}

    def pipeline_runs(self, call: Call) -> Answer:
        after, before = _span(call)
        found = self._project.runs.pipeline_runs(after, before)
        newest = {run.details.get("runGroupId", run.id): run.id for run in found}
        rows = [documents.pipeline_run(run, newest[run.details.get("runGroupId", run.id)] == run.id) for run in found]
        rows += [documents.queued_run(run_id, name) for run_id, name in self._runs.queued().items()]
        return documents.page_of(rows, call.fields, _RUN_OPERANDS, "RunStart")

    def activity_runs(self, call: Call) -> Answer:
        run = self._pipeline_run(call.names["run"])
        after, before = _span(call)
        rows = [
            documents.activity_run(each, run)
            for each in self._activities(run)
            if each.started_at <= before and (each.ended_at is None or each.ended_at >= after)
        ]
        return documents.page_of(rows, call.fields, _ACTIVITY_OPERANDS, "ActivityRunStart")

    def _activities(self, run: Run) -> list[Run]:
        """The activity runs of a pipeline run, inside containers too, child pipelines apart."""
        found: list[Run] = []
        level = [run.id]
        while level:
            children = [each for parent in level for each in self._project.runs.children(parent)]
            below = [each for each in children if each.kind is RunKind.ACTIVITY]
            found += below
            level = [each.id for each in below]
        return found

    def _pipeline_run(self, run_id: str) -> Run:
        run = self._runs.find(run_id)
        if run is None or run.kind is not RunKind.PIPELINE:
            raise NotFound(f"There is no pipeline run '{run_id}'")
        return run

    def _is_latest(self, run: Run) -> bool:
        group = self._project.runs.group(run.details.get("runGroupId", run.id))
        return not group or group[-1].id == run.id

    # -- triggers ----------------------------------------------------------------------------------------------

    def start_trigger(self, call: Call) -> Answer:
        self._triggers.start(self._name(call, "triggers"))
        return {}

    def stop_trigger(self, call: Call) -> Answer:
        self._triggers.stop(self._name(call, "triggers"))
        return {}

    def rerun_trigger(self, call: Call) -> Answer:
        self._triggers.rerun(self._name(call, "triggers"), call.names["run"])
        return {}

    def cancel_trigger(self, call: Call) -> Answer:
        self._triggers.cancel(self._name(call, "triggers"), call.names["run"])
        return {}

    def trigger_runs(self, call: Call) -> Answer:
        rows = [documents.trigger_run(run) for run in self._triggers.runs(*_span(call))]
        return documents.page_of(rows, call.fields, _TRIGGER_OPERANDS, "TriggerRunTimestamp")

    def publish(self, call: Call) -> Answer:
        topic = call.names["topic"]
        return {"started": self._triggers.publish(topic, read_events(call.body, topic))}

    # -- plumbing ----------------------------------------------------------------------------------------------

    def _globals(self) -> Mapping[str, Any]:
        return self._project.factory.global_parameters

    def _objects(self, kind: str) -> Mapping[str, Any]:
        factory = self._project.factory
        kinds: Mapping[str, Mapping[str, Any]] = {
            "pipelines": factory.pipelines,
            "datasets": factory.datasets,
            "linkedservices": factory.linked_services,
            "triggers": factory.triggers,
        }
        return kinds[kind]

    def _name(self, call: Call, kind: str) -> str:
        """The name in the address as the factory spells it. Raises `NotFound`."""
        wanted = call.names["name"]
        known = self._objects(kind)
        found = next((name for name in known if name.lower() == wanted.lower()), None)
        if found is None:
            raise NotFound(f"The factory has no '{wanted}' in its {kind}", remedy=did_you_mean(wanted, known))
        return found

    def _resource(self, call: Call, kind: str, name: str) -> dict[str, Any]:
        place: Place = self._objects(kind)[name].place
        properties = documents.properties_at(self._project, place)
        if kind == "triggers":
            properties["runtimeState"] = "Started" if self._triggers.is_started(name) else "Stopped"
        return {
            "id": f"{_id(call)}/{kind}/{name}",
            "name": name,
            "type": f"Microsoft.DataFactory/factories/{kind}",
            "etag": "",
            "properties": properties,
        }


def _endpoint(work: Endpoint, token: str | None) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        refused = _refusal(request, token)
        if refused is not None:
            return refused
        raw = await request.body()
        try:
            body = json.loads(raw) if raw.strip() else None
            answer = await run_in_threadpool(work, Call(request, body))
        except NotFound as error:
            return _error(404, "NotFound", str(error))
        except ValueError as error:
            return _error(400, "BadRequest", f"The body is not JSON: {error}")
        except ReelhouseError as error:
            return _error(400, "BadRequest", str(error))
        except Exception as error:
            return _error(500, "InternalServerError", f"{type(error).__name__}: {error}")
        return JSONResponse(answer)

    return endpoint


def _refusal(request: Request, token: str | None) -> Response | None:
    """The answer to a request that may not come in.

    Without a token only programs of this machine may call, and no page of a browser that was led here by its name.
    """
    if token is not None:
        shown = request.headers.get("authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
            return _error(401, "AuthenticationFailed", "The bearer token is missing or wrong")
        return None
    host = request.headers.get("host", "").rsplit(":", 1)[0]
    if host not in _LOCAL or request.headers.get("origin") is not None:
        return _error(403, "AuthorizationFailed", "Only programs of this machine may call without a token")
    return None


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return _error(405, "MethodNotAllowed", f"{request.method} is not offered for {request.url.path}")
    return _error(error.status_code, "NotFound", f"{request.url.path} is not offered here")


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


def _span(call: Call) -> tuple[Any, Any]:
    return documents.moment_in(call.fields, "lastUpdatedAfter"), documents.moment_in(call.fields, "lastUpdatedBefore")


def _flag(call: Call, name: str) -> bool:
    return call.query.get(name, "false").lower() == "true"


def _id(call: Call) -> str:
    return FACTORY.format(**{name: call.names[name] for name in ("subscription", "group", "factory")})


def _type_of(value: Any) -> str:
    kinds = {bool: "Bool", int: "Int", float: "Float", str: "String", list: "Array"}
    return kinds.get(type(value), "Object")
