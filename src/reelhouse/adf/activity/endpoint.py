"""What the activities that call an endpoint share: headers, the payload, the call, the wait for an answer that comes
later.

https://learn.microsoft.com/azure/data-factory/control-flow-web-activity
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

from reelhouse.adf.access.access import Access
from reelhouse.adf.activity.context import ActivityContext, as_boolean, wrong
from reelhouse.adf.activity.store import http_source
from reelhouse.adf.definition import Reference, read_reference
from reelhouse.adf.errors import SYSTEM_ERROR, USER_ERROR, ActivityFailed
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.values import json_text, text, type_name
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, problem
from reelhouse.adf.http import HttpError, HttpRequest, Reply, TooLarge, call, pause_of
from reelhouse.adf.parameters import bind
from reelhouse.errors import Place

MAX_SIZE = 4 * 1024 * 1024
POLL_SECONDS = 10
"""The pause between two looks at an operation, where the server names none."""


def headers_of(ctx: ActivityContext, raw: Any) -> dict[str, str]:
    """The headers of an activity: an object, or the text of one."""
    value = ctx.value(raw, "headers")
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            raise wrong(ctx, "The text of 'headers' is not JSON", "headers") from None
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise wrong(ctx, f"'headers' must be a JSON object, it is {type_name(value)}", "headers")
    return {str(name): text(item) for name, item in value.items()}


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What may be recorded of headers."""
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}


def as_bytes(body: Any) -> bytes | None:
    return None if body is None else (body if isinstance(body, str) else json_text(body)).encode()


def with_content_type(headers: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    """The headers, with the type of a body that has none."""
    if body is None or any(name.lower() == "content-type" for name in headers):
        return dict(headers)
    return {**headers, "Content-Type": "application/json"}


def with_references(ctx: ActivityContext, body: Any, datasets: Sequence[Any], services: Sequence[Any]) -> Any:
    """The body with the datasets and linked services that are passed to the endpoint, all their values in them.

    Secrets of key vaults stay references; a SecureString goes along, and is masked in records.
    """
    if not datasets and not services:
        return body
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    if not isinstance(body, Mapping):
        raise wrong(ctx, "Only a body that is a JSON object can take datasets and linkedServices", "body")
    passed = dict(body)
    if datasets:
        passed["datasets"] = [_dataset(ctx, reference) for reference in _references(ctx, datasets, "datasets")]
    if services:
        references = _references(ctx, services, "linkedServices")
        passed["linkedServices"] = [_linked_service(ctx, reference) for reference in references]
    return passed


def _references(ctx: ActivityContext, raw: Sequence[Any], key: str) -> Iterator[Reference]:
    for index, item in enumerate(raw):
        findings: list[Finding] = []
        reference = read_reference(item, ctx.properties.at(key).at(index), findings)
        if reference is None:
            raise findings[0].error()
        yield reference


def _dataset(ctx: ActivityContext, reference: Reference) -> dict[str, Any]:
    dataset = ctx.run.factory.dataset(reference.name, reference.place)
    given = evaluate(dict(reference.parameters), ctx.scope, reference.place.at("parameters"))
    values = bind(dataset.parameters, given, f"Dataset '{dataset.name}'", reference.place)
    scope = Scope(dataset=values, clock=ctx.scope.clock, guid=ctx.scope.guid, random=ctx.scope.random)
    properties: dict[str, Any] = {"type": dataset.type}
    if dataset.linked_service is not None:
        parameters = evaluate(dict(dataset.linked_service.parameters), scope, dataset.place)
        properties["linkedServiceName"] = {
            "referenceName": dataset.linked_service.name,
            "type": "LinkedServiceReference",
            **({"parameters": parameters} if parameters else {}),
        }
    properties["typeProperties"] = evaluate(dict(dataset.raw), scope, dataset.place.at("typeProperties"))
    return {"name": dataset.name, "properties": properties}


def _linked_service(ctx: ActivityContext, reference: Reference) -> dict[str, Any]:
    service = ctx.run.factory.linked_service(reference.name, reference.place)
    given = evaluate(dict(reference.parameters), ctx.scope, reference.place.at("parameters"))
    values = bind(service.parameters, given, f"Linked service '{service.name}'", reference.place)
    scope = Scope(linked_service=values, clock=ctx.scope.clock, guid=ctx.scope.guid, random=ctx.scope.random)
    evaluated = evaluate(dict(service.raw), scope, service.place.at("typeProperties"))
    _mask(ctx, evaluated)
    return {"name": service.name, "properties": {"type": service.type, "typeProperties": evaluated}}


def _mask(ctx: ActivityContext, value: Any) -> None:
    if isinstance(value, Mapping):
        if value.get("type") == "SecureString":
            ctx.run.masker.add(text(value.get("value")))
        for item in value.values():
            _mask(ctx, item)
    elif isinstance(value, list):
        for item in value:
            _mask(ctx, item)


def check_references(factory: Factory, raw: Any, kind: str, place: Place, findings: list[Finding]) -> None:
    """Whether the datasets or linked services that a body is to take exist. `kind` is the key they stand at."""
    from reelhouse.adf.reference_check import check_reference

    known: Mapping[str, Any] = factory.datasets if kind == "datasets" else factory.linked_services
    word, short = ("Dataset", "dataset") if kind == "datasets" else ("Linked service", "linkedService")
    for index, item in enumerate(raw or []):
        reference = read_reference(item, place.at(kind).at(index), findings)
        if reference is not None:
            findings.extend(check_reference(reference, short, word, known, factory))


def check_headers(raw: Any, place: Place, findings: list[Finding]) -> None:
    """Whether headers that are written out are an object."""
    if isinstance(raw, list | int | float):
        findings.append(problem(place.at("headers"), "'headers' has to be a JSON object"))


def is_flag(ctx: ActivityContext, raw: Any, name: str) -> bool:
    """A boolean property; an empty one is false."""
    value = ctx.value(raw, name)
    return False if value in (None, "") else as_boolean(ctx, value, name)


def send(ctx: ActivityContext, request: HttpRequest, access: Access) -> Reply:
    """The answer of an endpoint, of any status. Raises `ActivityFailed` without one, or for more than 4 MB."""
    allowed = {name.lower(): (name, value) for name, value in request.headers.items()}
    allowed.update({name.lower(): (name, value) for name, value in access.headers().items()})
    asked = HttpRequest(
        request.url, request.method, dict(allowed.values()), request.body, request.timeout, request.verify, access.login
    )
    try:
        return call(http_source(ctx), asked, ctx.waiting(), MAX_SIZE)
    except HttpError as error:
        raise ActivityFailed(
            "2128",
            f"No response from the endpoint '{request.url}': {error}. Possible causes: network connectivity, DNS "
            "failure, server certificate validation or timeout.",
            failure_type=SYSTEM_ERROR,
        ) from None
    except TooLarge:
        raise ActivityFailed("2001", f"The answer of '{request.url}' is larger than 4 MB") from None


def follow(
    ctx: ActivityContext,
    request: HttpRequest,
    access: Access,
    reply: Reply,
    enough: Callable[[], bool] = lambda: False,
) -> Reply:
    """The last answer of an operation that was accepted with a place to look at: each 202 is asked again later.

    `enough` ends the looking before. What lets requests in is sent to the same server only.

    https://learn.microsoft.com/azure/architecture/patterns/async-request-reply
    """
    url = request.url
    while reply.status == 202 and reply.headers.get("location") and not enough():
        pause = pause_of(reply.headers, ctx.services.clock)
        ctx.waiting().pause(POLL_SECONDS if pause is None else pause)
        url = urljoin(url, reply.headers["location"])
        same = _origin(url) == _origin(request.url)
        headers = request.headers if same else shown_headers(request.headers)
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        look = HttpRequest(url, "GET", headers, None, request.timeout, request.verify)
        reply = send(ctx, look, access if same else Access())
    return reply


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def check_status(url: str, reply: Reply) -> None:
    """Raises `ActivityFailed` for an answer of a status from 400 on."""
    if reply.status < 400:
        return
    said = reply.body.decode("utf-8", "replace")[:2000]
    raise ActivityFailed(
        "2108",
        f"Error calling the endpoint '{url}'. Response status code: {reply.status}. {said}".strip(),
        failure_type=USER_ERROR if reply.status < 500 else SYSTEM_ERROR,
    )


def output_of(reply: Reply) -> dict[str, Any]:
    """The properties of the answer; `Response` has one that is no JSON object."""
    said = reply.body.decode("utf-8-sig", "replace")
    output: dict[str, Any] = {}
    try:
        value = json.loads(said) if said.strip() else {}
        output = dict(value) if isinstance(value, Mapping) else {"Response": value}
    except ValueError:
        output = {"Response": said}
    output["ADFWebActivityResponseHeaders"] = dict(reply.headers)
    return output
