"""AzureFunctionActivity: calls a function of a function app, on Azure or wherever [urls] of reelhouse.toml says.

https://learn.microsoft.com/azure/data-factory/control-flow-azure-function-activity and
https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide#azure-functions
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reelhouse.adf.access.access import Access
from reelhouse.adf.access.tokens import managed_identity
from reelhouse.adf.activity.context import ActivityContext, Work, wrong
from reelhouse.adf.activity.endpoint import (
    as_bytes,
    check_headers,
    headers_of,
    send,
    shown_headers,
    with_content_type,
)
from reelhouse.adf.dataset import open_linked_service, secret
from reelhouse.adf.definition import Activity
from reelhouse.adf.errors import SYSTEM_ERROR, USER_ERROR, ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, problem, warning
from reelhouse.adf.http import HttpRequest, Reply
from reelhouse.adf.settings import AzureFunction, AzureFunctionActivity
from reelhouse.errors import Unsupported, UserError, did_you_mean

METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE")
WITHOUT_BODY = ("GET", "HEAD", "TRACE")
TIMEOUT_SECONDS = 230.0
"""The load balancer in front of a function app gives up then, whatever the function's own time-out is."""
KEY_HEADER = "x-functions-key"


def check_azure_function(activity: Activity, settings: AzureFunctionActivity, findings: list[Finding]) -> None:
    """What can be seen of an AzureFunctionActivity before it runs."""
    place = activity.properties
    check_headers(settings.headers, place, findings)
    if activity.linked_service is None:
        findings.append(problem(activity.place, "Azure function activity missing LinkedService definition in JSON."))
    for key, value in (("functionName", settings.function_name), ("method", settings.method)):
        if value in (None, ""):
            findings.append(problem(place, f"The activity '{activity.name}' lacks '{key}'"))
    method = settings.method
    if not isinstance(method, str) or "@" in method or not method:
        return
    if method.upper() not in METHODS:
        remedy = did_you_mean(method, METHODS)
        findings.append(problem(place.at("method"), f"'{method}' is no method of an Azure function", remedy))
    elif method.upper() in ("POST", "PUT") and settings.body is None:
        findings.append(problem(place, f"A {method.upper()} needs a body", "Give body."))
    elif method.upper() in WITHOUT_BODY and settings.body:
        findings.append(warning(place.at("body"), f"A {method.upper()} sends no body ('{activity.name}')"))


def prepare_azure_function(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, AzureFunctionActivity)
    method = text(ctx.value(settings.method, "method")).upper()
    if method not in METHODS:
        raise ActivityFailed("3602", f"Invalid HttpMethod: '{method}'.")
    name = text(ctx.value(settings.function_name, "functionName")).strip("/")
    if not name:
        raise ActivityFailed("3607", "Azure function activity missing function name.")
    app, access = _function_app(ctx)
    url = f"{app.rstrip('/')}/api/{name}"
    headers = headers_of(ctx, settings.headers)
    body = ctx.value(settings.body, "body") if method not in WITHOUT_BODY else None
    if body is None and method in ("POST", "PUT"):
        raise wrong(ctx, f"A {method} needs a body", "body")
    data = as_bytes(body)
    request = HttpRequest(url, method, with_content_type(headers, data), data, TIMEOUT_SECONDS)

    def act() -> Any:
        try:
            reply = send(ctx, request, access)
        except ActivityFailed as error:
            if error.code != "2128":
                raise
            raise ActivityFailed(
                "3610", f"There was an error while calling endpoint. {error.message}", failure_type=SYSTEM_ERROR
            ) from None
        return _output(name, reply)

    shown = {"functionName": name, "method": method, "headers": shown_headers(headers), "body": body}
    return Work(shown, act)


def _function_app(ctx: ActivityContext) -> tuple[str, Access]:
    """The address of the app, and what lets requests in."""
    reference = ctx.activity.linked_service
    if reference is None:
        raise ActivityFailed("3612", "Azure function activity missing LinkedService definition in JSON.")
    service, settings = open_linked_service(ctx, reference, ctx.scope)
    place = service.place.at("typeProperties")
    if not isinstance(settings, AzureFunction):
        raise wrong(ctx, f"The linked service '{service.name}' ({service.type}) is no function app")
    url = text(settings.function_app_url)
    if not url:
        raise ActivityFailed("3609", "Azure function activity missing functionAppUrl.")
    kind = text(settings.authentication) or "Anonymous"
    if kind not in ("Anonymous", "MSI"):
        raise Unsupported(
            f"Authentication '{kind}' of a function app is not supported",
            where=place.at("authentication"),
            remedy="Supported: Anonymous, MSI.",
        )
    access = Access()
    if kind == "MSI":
        access = managed_identity(ctx, text(settings.resource_id), place.at("authentication"))
    if settings.function_key is not None:
        key = secret(ctx, settings.function_key, place.at("functionKey"))
        access = access.with_headers({KEY_HEADER: key})
    elif settings.encrypted_credential is not None:
        raise UserError(
            "The function key is encrypted for Data Factory and cannot be read here",
            where=place.at("encryptedCredential"),
            remedy="Give functionKey as a secret of a key vault.",
        )
    elif settings.authentication is None:
        raise ActivityFailed("3606", "Azure function activity missing function key.")
    return url, access


def _output(name: str, reply: Reply) -> dict[str, Any]:
    said = reply.body.decode("utf-8-sig", "replace")
    if reply.status >= 400:
        raise ActivityFailed(
            "3608",
            f"Call to provided Azure function '{name}' failed with status-'{reply.status}' and message - "
            f"'{said[:2000]}'.",
            failure_type=USER_ERROR if reply.status < 500 else SYSTEM_ERROR,
        )
    try:
        value = json.loads(said)
    except ValueError:
        value = None
    if not isinstance(value, Mapping):
        raise ActivityFailed("3603", "Response Content is not a valid JObject.")
    return dict(value)
