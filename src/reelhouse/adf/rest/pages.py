"""The pages of a REST source, one after the other: never more than one is in memory.

https://learn.microsoft.com/azure/data-factory/connector-rest#rest-as-source
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, as_integer, as_seconds, parse_time_span, wrong
from reelhouse.adf.dataset import OpenDataset, RestEndpoint
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import json_text, text
from reelhouse.adf.finding import Finding, Severity, checked, problem
from reelhouse.adf.http import HttpRequest
from reelhouse.adf.movement.files_check import check_columns
from reelhouse.adf.rest.calls import Patience, patient_call, source_failed, with_headers
from reelhouse.adf.rest.pagination import Ask, Page, first, following
from reelhouse.adf.rest.rules import Rules, read_rules
from reelhouse.adf.settings.rest import RestResource, RestSource
from reelhouse.errors import Place, Unsupported, UserError

METHODS = ("GET", "POST")
DEFAULT_TIMEOUT = "00:01:40"
DEFAULT_INTERVAL = "00:00:01"
USER_AGENT = "azure-data-factory/2.0"


@dataclass(frozen=True)
class RestRead:
    """What a source asks for, evaluated. Times are in seconds."""

    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = field(default_factory=lambda: Rules(links=True))
    timeout: float = 100.0
    interval: float = 1.0
    patience: Patience = field(default_factory=Patience)


def check_rest_source(raw: Any, place: Place, findings: list[Finding]) -> None:
    """What can be seen of a RestSource before it runs."""
    source = checked(RestSource, raw, place, "A RestSource", findings)
    if source is None:
        return
    _check_request(source, place, findings)
    check_columns(source.additional_columns, place.at("additionalColumns"), findings)


def check_rest_dataset(settings: RestResource, place: Place, findings: list[Finding]) -> None:
    """The same of a dataset of the model of before, which has the request itself."""
    _check_request(settings, place, findings)


def _check_request(source: RestSource | RestResource, place: Place, findings: list[Finding]) -> None:
    method, rules = source.request_method, source.pagination_rules
    if isinstance(method, str) and method and "@" not in method and method.upper() not in METHODS:
        findings.append(
            problem(place.at("requestMethod"), f"'{method}' is no method of a REST source", "Use GET, POST.")
        )
    dynamic = isinstance(rules, str) or (isinstance(rules, Mapping) and rules.get("type") == "Expression")
    if not dynamic or (isinstance(rules, str) and "@" not in rules):
        read_rules(_without_expressions(rules), place.at("paginationRules"), findings)


def _without_expressions(rules: Any) -> Any:
    """The rules whose values are written out."""
    if not isinstance(rules, Mapping):
        return rules
    return {key: value for key, value in rules.items() if not isinstance(value, Mapping) and "@" not in str(value)[:1]
            and "@{" not in str(value)}  # fmt: skip


def read_rest_source(ctx: ActivityContext, dataset: OpenDataset, raw: Any, place: Place) -> RestRead:
    """A RestSource with evaluated values. What it does not say comes from a dataset of the model of before.

    Raises `UserError`.
    """
    findings: list[Finding] = []
    source = checked(RestSource, raw, place, "A RestSource", findings)
    older = dataset.settings
    if source is None or not isinstance(older, RestResource):
        raise findings[0].error() if findings else UserError(f"'{dataset.name}' is no RestResource", where=place)

    def chosen(name: str) -> Any:
        value = getattr(source, name)
        return getattr(older, name) if value in (None, "") else value

    method = text(chosen("request_method")).upper() or "GET"
    if method not in METHODS:
        raise wrong(ctx, f"requestMethod must be GET or POST, it is '{method}'", "source", "requestMethod")
    rules = read_rules(chosen("pagination_rules"), place.at("paginationRules"), findings)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        raise errors[0].error()
    body = chosen("request_body")
    data = None if body in (None, "") else (body if isinstance(body, str) else json_text(body)).encode()
    return RestRead(
        method,
        data if method == "POST" else None,
        header_map(chosen("additional_headers"), place.at("additionalHeaders")),
        rules,
        as_seconds(ctx, source.http_request_timeout or DEFAULT_TIMEOUT, "httpRequestTimeout"),
        _interval(ctx, source.request_interval),
        patience_of(ctx, source.source_retry_count, source.source_retry_wait, "sourceRetryCount", "sourceRetryWait"),
    )


def patience_of(ctx: ActivityContext, count: Any, wait: Any, count_name: str, wait_name: str) -> Patience:
    """The retries of a source or a sink."""
    tries = 0 if count in (None, "") else as_integer(ctx, count, count_name)
    return Patience(tries) if wait in (None, "") else Patience(tries, as_seconds(ctx, wait, wait_name))


def header_map(raw: Any, place: Place) -> dict[str, str]:
    """Headers of an object, of the text of one, or of lines `name: value`. Raises `UserError`."""
    if isinstance(raw, str) and raw.strip().startswith("{"):
        try:
            raw = json.loads(raw)
        except ValueError:
            raise UserError("additionalHeaders is not JSON", where=place) from None
    if isinstance(raw, str):
        lines = [line.partition(":") for line in raw.splitlines() if line.strip()]
        return {name.strip(): value.strip() for name, _, value in lines}
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise UserError("additionalHeaders has to be a JSON object", where=place)
    return {str(name): text(value) for name, value in raw.items()}


def _interval(ctx: ActivityContext, raw: Any) -> float:
    """A time span; a number is milliseconds, as data flows and sinks have it."""
    if raw in (None, ""):
        raw = DEFAULT_INTERVAL
    if parse_time_span(raw) is None:
        return as_integer(ctx, raw, "requestInterval") / 1000
    return as_seconds(ctx, raw, "requestInterval")


def pages(ctx: ActivityContext, endpoint: RestEndpoint, read: RestRead) -> Iterator[Page]:
    """All pages that have a body. Raises `ActivityFailed` for an answer of a bad status, or one that is not JSON."""
    ask = first(read.rules, endpoint.url, read.headers)
    seen: Ask | None = None
    while ask is not None:
        if seen is not None and read.interval:
            ctx.waiting().pause(read.interval)
        page = _page(ctx, endpoint, read, ask)
        if page.status != 204 and page.document is not None:
            yield page
        seen, ask = ask, following(read.rules, endpoint.base, ask, page)


def _page(ctx: ActivityContext, endpoint: RestEndpoint, read: RestRead, ask: Ask) -> Page:
    request = HttpRequest(
        ask.final_url(), read.method, {"User-Agent": USER_AGENT, **ask.final_headers()}, read.body, read.timeout,
        endpoint.verify, endpoint.access.login,
    )  # fmt: skip
    own = {**endpoint.access.headers(), "Accept": "application/json"}
    if read.body is not None and not any(name.lower() == "content-type" for name in request.headers):
        own["Content-Type"] = "application/json"
    reply = patient_call(ctx, with_headers(request, own), read.patience, source_failed)
    document = None
    if reply.status != 204 and reply.body.strip():
        try:
            document = json.loads(reply.body.decode("utf-8-sig"))
        except ValueError as error:
            raise ActivityFailed(
                "2200", f"ErrorCode=JsonInvalidDataFormat,The answer of {request.url} is not JSON: {error}"
            ) from None
    return Page(reply.status, reply.headers, document, len(reply.body))


def endpoint_of(dataset: OpenDataset, place: Place) -> RestEndpoint:
    """Where a dataset is. Raises `Unsupported` when it is no REST endpoint."""
    if isinstance(dataset.location, RestEndpoint):
        return dataset.location
    raise Unsupported(f"A REST source or sink does not fit the dataset '{dataset.name}' ({dataset.type})", where=place)
