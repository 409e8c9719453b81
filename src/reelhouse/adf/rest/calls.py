"""One call of a REST endpoint, asked again where that is wanted.

A server that says when to come back (429 or 503 with Retry-After) is asked again then. Any other fault is asked again
only as often as `sourceRetryCount` or `sinkRetryCount` says; beyond that it is the business of the activity's policy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.activity.store import http_source
from reelhouse.adf.errors import SYSTEM_ERROR, USER_ERROR, ActivityFailed
from reelhouse.adf.http import RETURNS, HttpError, HttpRequest, Reply, call, pause_of

TRANSIENT = (408, 429, 500, 502, 503, 504)
WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class Patience:
    """How often a call that failed is tried again, and after how many seconds."""

    count: int = 0
    wait: float = WAIT_SECONDS


Failed = Callable[[HttpRequest, Reply], ActivityFailed]
"""The failure that an answer of a bad status is."""


def patient_call(ctx: ActivityContext, request: HttpRequest, patience: Patience, failed: Failed) -> Reply:
    """A good answer. Raises `ActivityFailed`."""
    tries = returns = 0
    while True:
        ctx.waiting().check()
        try:
            reply = call(http_source(ctx), request, ctx.waiting())
        except HttpError as error:
            if tries >= patience.count:
                raise no_answer(request.url, error) from None
            tries += 1
            ctx.waiting().pause(patience.wait)
            continue
        if reply.status < 400:
            return reply
        pause = pause_of(reply.headers, ctx.services.clock) if reply.status in (429, 503) else None
        if pause is not None and returns < RETURNS:
            returns += 1
        elif reply.status in TRANSIENT and tries < patience.count:
            tries += 1
            pause = patience.wait if pause is None else pause
        else:
            raise failed(request, reply)
        ctx.waiting().pause(pause)


def no_answer(url: str, error: HttpError) -> ActivityFailed:
    code = "HttpRequestTimeout" if error.timed_out else "HttpRequestFailedWithClientError"
    return ActivityFailed("2200", f"ErrorCode={code},{url}: {error}", failure_type=SYSTEM_ERROR)


def source_failed(request: HttpRequest, reply: Reply) -> ActivityFailed:
    """https://learn.microsoft.com/azure/data-factory/connector-troubleshoot-rest"""
    return ActivityFailed(
        "2200",
        f"ErrorCode=RestSourceCallFailed,The HttpStatusCode {reply.status} indicates failure.\n"
        f"Request URL: {request.url}\nResponse payload:{said(reply)}",
        failure_type=_fault(reply),
    )


def sink_failed(request: HttpRequest, reply: Reply) -> ActivityFailed:
    """https://learn.microsoft.com/azure/data-factory/connector-troubleshoot-rest"""
    return ActivityFailed(
        "2200",
        f"ErrorCode=RestSinkCallFailed,Rest Endpoint responded with Failure from server. Check the error from "
        f"server: {request.method} {request.url} gave status {reply.status}. {said(reply)}",
        failure_type=_fault(reply),
    )


def said(reply: Reply) -> str:
    """The beginning of a body, as text."""
    return reply.body[:2000].decode("utf-8", "replace").strip()


def _fault(reply: Reply) -> str:
    return USER_ERROR if reply.status < 500 and reply.status not in TRANSIENT else SYSTEM_ERROR


def with_headers(request: HttpRequest, headers: dict[str, str]) -> HttpRequest:
    """The request with headers that beat those of the same name, whatever their letters."""
    kept = {name.lower(): (name, value) for name, value in request.headers.items()}
    kept.update({name.lower(): (name, value) for name, value in headers.items()})
    return replace(request, headers=dict(kept.values()))
