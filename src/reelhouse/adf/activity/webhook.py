"""WebHook: calls an endpoint and waits until it calls back.

https://learn.microsoft.com/azure/data-factory/control-flow-webhook-activity
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from reelhouse.adf.access.web import check_web_authentication, web_access
from reelhouse.adf.activity.context import ActivityContext, Work, as_seconds, wrong
from reelhouse.adf.activity.endpoint import (
    as_bytes,
    check_headers,
    check_status,
    follow,
    headers_of,
    is_flag,
    send,
    shown_headers,
    with_content_type,
)
from reelhouse.adf.dataset import secret
from reelhouse.adf.definition import Activity
from reelhouse.adf.errors import SYSTEM_ERROR, ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, problem
from reelhouse.adf.http import HttpRequest
from reelhouse.adf.settings import WebHook

if TYPE_CHECKING:
    from reelhouse.adf.callback import CallBack

REQUEST_SECONDS = 60.0
"""The first call has a minute, whatever the time-out of the activity is."""
LOOK_EVERY_SECONDS = 0.05


def check_webhook(activity: Activity, settings: WebHook, findings: list[Finding]) -> None:
    """What can be seen of a WebHook before it runs, besides its time-out."""
    place = activity.properties
    method = settings.method
    if isinstance(method, str) and "@" not in method and method.upper() != "POST":
        findings.append(problem(place.at("method"), f"'{method}' is no method of a WebHook", "Use POST."))
    check_headers(settings.headers, place, findings)
    check_web_authentication(activity.raw.get("authentication"), place.at("authentication"), findings)


def prepare_webhook(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, WebHook)
    method = text(ctx.value(settings.method, "method")).upper()
    if method != "POST":
        raise wrong(ctx, f"'{method}' is no method of a WebHook", "method")
    url = text(ctx.value(settings.url, "url"))
    headers = headers_of(ctx, settings.headers)
    body = _object(ctx, ctx.value(settings.body, "body"))
    place = ctx.properties.at("authentication")
    access = web_access(ctx, settings.authentication, place, partial(secret, ctx))
    timeout = as_seconds(ctx, ctx.value(settings.timeout or "00:10:00", "timeout"), "timeout")
    reports = is_flag(ctx, settings.report_status_on_call_back, "reportStatusOnCallBack")

    def act() -> Any:
        from reelhouse.adf.callback import CallBack

        until = ctx.services.clock.monotonic() + timeout
        with CallBack() as call_back:
            ctx.run.masker.add(call_back.token)
            data = as_bytes({**body, "callBackUri": call_back.uri})
            request = HttpRequest(url, method, with_content_type(headers, data), data, REQUEST_SECONDS)
            reply = follow(ctx, request, access, send(ctx, request, access), call_back.came)
            check_status(url, reply)
            _wait(ctx, call_back, until, timeout)
            return _outcome(call_back.value, reports)

    return Work({"url": url, "method": method, "headers": shown_headers(headers), "body": body}, act)


def _object(ctx: ActivityContext, body: Any) -> Mapping[str, Any]:
    if isinstance(body, str) and body.strip():
        try:
            body = json.loads(body)
        except ValueError:
            raise wrong(ctx, "The body of a WebHook must be JSON, for the callBackUri is put into it", "body") from None
    if body in (None, ""):
        return {}
    if not isinstance(body, Mapping):
        raise wrong(ctx, "The body of a WebHook must be a JSON object, for the callBackUri is put into it", "body")
    return body


def _wait(ctx: ActivityContext, call_back: CallBack, until: float, timeout: float) -> None:
    while not call_back.wait(LOOK_EVERY_SECONDS):
        ctx.waiting().check()
        if ctx.services.clock.monotonic() > until:
            raise ActivityFailed(
                "TimedOut",
                f"The callBackUri was not called within {timeout:g} s",
                failure_type=SYSTEM_ERROR,
            )


def _outcome(value: Any, reports: bool) -> dict[str, Any]:
    """The output of the activity. Only with reportStatusOnCallBack may the call back fail it."""
    said = {str(key).lower(): item for key, item in value.items()} if isinstance(value, Mapping) else {}
    if reports:
        _check_reported(said)
    output = said.get("output", value)
    return dict(output) if isinstance(output, Mapping) else {"Response": output}


def _check_reported(said: Mapping[str, Any]) -> None:
    error = said.get("error")
    if isinstance(error, str) and error:
        error = {"message": error}
    details = {str(key).lower(): item for key, item in error.items()} if isinstance(error, Mapping) else {}
    status = text(said.get("statuscode")).strip()
    failed = status.isdigit() and int(status) >= 400
    if not failed and not details:
        return
    code = text(details.get("errorcode")) or status or "BadRequest"
    message = text(details.get("message")) or f"The call back reported the status {status}"
    raise ActivityFailed(code, message)
