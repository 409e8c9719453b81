"""WebActivity.

https://learn.microsoft.com/azure/data-factory/control-flow-web-activity
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean, as_seconds, wrong
from reelhouse.adf.activity.store import http_source
from reelhouse.adf.dataset import secret
from reelhouse.adf.errors import SYSTEM_ERROR, USER_ERROR, ActivityFailed
from reelhouse.adf.expression.values import json_text, text
from reelhouse.adf.http import HttpAnswer, HttpError, HttpRequest, events
from reelhouse.adf.settings import WebActivity
from reelhouse.errors import Unsupported

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_SIZE = 4 * 1024 * 1024
POLL_SECONDS = 10


def prepare_web(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, WebActivity)
    method = text(ctx.value(settings.method, "method")).upper()
    if method not in METHODS:
        raise wrong(ctx, f"'{method}' is no method of a WebActivity", "method")
    for name, given in (("datasets", settings.datasets), ("linkedServices", settings.linked_services)):
        if given:
            raise Unsupported(f"'{name}' of a WebActivity is not supported", where=ctx.properties.at(name))
    url = text(ctx.value(settings.url, "url"))
    headers = {name: text(value) for name, value in (ctx.value(settings.headers, "headers") or {}).items()}
    body = ctx.value(settings.body, "body")
    if body is None and method in ("POST", "PUT", "PATCH"):
        raise wrong(ctx, f"A {method} needs a body", "body")
    headers.update(_authorization(ctx, settings.authentication))
    data = None if body is None else (body if isinstance(body, str) else json_text(body)).encode()
    if data is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    timeout = as_seconds(ctx, ctx.value(settings.http_request_timeout, "httpRequestTimeout"), "httpRequestTimeout")
    verify = not as_boolean(ctx, ctx.value(settings.disable_cert_validation), "disableCertValidation")
    waits = not as_boolean(ctx, ctx.value(settings.turn_off_async, "turnOffAsync"), "turnOffAsync")
    request = HttpRequest(url, method, headers, data, timeout, verify)

    def act() -> Any:
        answer, content = _send(ctx, request)
        while answer.status == 202 and waits and answer.headers.get("location"):
            pause = answer.headers.get("retry-after", "")
            ctx.sleep(int(pause) if pause.isdigit() else POLL_SECONDS)
            answer, content = _send(ctx, HttpRequest(answer.headers["location"], "GET", headers, None, timeout, verify))
        return _output(url, answer, content)

    shown = {
        "url": url,
        "method": method,
        "headers": {k: v for k, v in headers.items() if k != "Authorization"},
        "body": body,
    }
    return Work(shown, act)


def _authorization(ctx: ActivityContext, raw: Mapping[str, Any] | None) -> dict[str, str]:
    kind = text((raw or {}).get("type")) or "None"
    if raw is None or kind in ("None", "Anonymous"):
        return {}
    if kind != "Basic":
        raise Unsupported(
            f"Authentication '{kind}' of a WebActivity is not supported",
            where=ctx.properties.at("authentication").at("type"),
            remedy="Supported: Basic, none.",
        )
    password = secret(ctx, raw.get("password"), ctx.properties.at("authentication").at("password"))
    name = text(ctx.value(raw.get("username"), "authentication", "username"))
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode('ascii')}"}


def _send(ctx: ActivityContext, request: HttpRequest) -> tuple[HttpAnswer, bytes]:
    answer: HttpAnswer | None = None
    buffer = io.BytesIO()
    for event in events(http_source(ctx), request, ctx.waiting()):
        if isinstance(event, HttpError):
            raise ActivityFailed("2108", f"{request.url}: {event}", failure_type=SYSTEM_ERROR)
        if isinstance(event, HttpAnswer):
            answer = event
            if event.status >= 400:
                buffer.write(b"".join(event.chunks))
        else:
            buffer.write(event)
        if buffer.tell() > MAX_SIZE:
            raise ActivityFailed("2108", f"The answer of {request.url} is larger than 4 MB")
    assert answer is not None
    return answer, buffer.getvalue()


def _output(url: str, answer: HttpAnswer, content: bytes) -> dict[str, Any]:
    said = content.decode("utf-8", "replace")
    if answer.status >= 400:
        kind = USER_ERROR if answer.status < 500 else SYSTEM_ERROR
        raise ActivityFailed(
            "2108",
            f"Error calling the endpoint '{url}'. Response status code: {answer.status}. {said[:2000]}".strip(),
            failure_type=kind,
        )
    output: dict[str, Any] = {}
    try:
        value = json.loads(said) if said.strip() else {}
        output = dict(value) if isinstance(value, Mapping) else {"Response": value}
    except ValueError:
        output = {"Response": said}
    output["ADFWebActivityResponseHeaders"] = dict(answer.headers)
    return output
