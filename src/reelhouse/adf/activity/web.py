"""WebActivity.

https://learn.microsoft.com/azure/data-factory/control-flow-web-activity
"""

from __future__ import annotations

from functools import partial
from typing import Any

from reelhouse.adf.access.web import check_web_authentication, web_access
from reelhouse.adf.activity.context import ActivityContext, Work, as_seconds, wrong
from reelhouse.adf.activity.endpoint import (
    as_bytes,
    check_headers,
    check_references,
    check_status,
    follow,
    headers_of,
    is_flag,
    output_of,
    send,
    shown_headers,
    with_content_type,
    with_references,
)
from reelhouse.adf.dataset import secret
from reelhouse.adf.definition import Activity
from reelhouse.adf.expression.values import text
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, warning
from reelhouse.adf.http import HttpRequest
from reelhouse.adf.settings import WebActivity

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")


def check_web(factory: Factory, activity: Activity, settings: WebActivity, findings: list[Finding]) -> None:
    """What can be seen of a WebActivity before it runs, besides its method and times."""
    place = activity.properties
    check_headers(settings.headers, place, findings)
    check_web_authentication(activity.raw.get("authentication"), place.at("authentication"), findings)
    check_references(factory, settings.datasets, "datasets", place, findings)
    check_references(factory, settings.linked_services, "linkedServices", place, findings)
    if str(settings.method).upper() == "GET" and (settings.body or settings.datasets or settings.linked_services):
        key = "body" if settings.body else "datasets" if settings.datasets else "linkedServices"
        findings.append(warning(place.at(key), f"A GET sends no {key} ('{activity.name}')"))


def prepare_web(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, WebActivity)
    method = text(ctx.value(settings.method, "method")).upper()
    if method not in METHODS:
        raise wrong(ctx, f"'{method}' is no method of a WebActivity", "method")
    url = text(ctx.value(settings.url, "url"))
    headers = headers_of(ctx, settings.headers)
    body = ctx.value(settings.body, "body") if method != "GET" else None
    if body is None and method in WITH_BODY:
        raise wrong(ctx, f"A {method} needs a body", "body")
    place = ctx.properties.at("authentication")
    access = web_access(ctx, settings.authentication, place, partial(secret, ctx))
    passed = body if method == "GET" else with_references(ctx, body, settings.datasets, settings.linked_services)
    data = as_bytes(passed)
    timeout = as_seconds(ctx, ctx.value(settings.http_request_timeout, "httpRequestTimeout"), "httpRequestTimeout")
    verify = not is_flag(ctx, settings.disable_cert_validation, "disableCertValidation")
    waits = not is_flag(ctx, settings.turn_off_async, "turnOffAsync")
    request = HttpRequest(url, method, with_content_type(headers, data), data, timeout, verify)

    def act() -> Any:
        reply = send(ctx, request, access)
        if waits:
            reply = follow(ctx, request, access, reply)
        check_status(url, reply)
        return output_of(reply)

    return Work({"url": url, "method": method, "headers": shown_headers(headers), "body": body}, act)
