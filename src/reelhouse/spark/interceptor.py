"""The seam: a gRPC interceptor of the stock client, through which every call of a session goes.

Each call is passed on, passed on rewritten, or answered here. What is decided stands in `dispatch`; this module only
speaks gRPC.
https://spark.apache.org/docs/latest/spark-connect-overview.html
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

from reelhouse.spark.conf import answer
from reelhouse.spark.dispatch import Forward, analyze, execute
from reelhouse.spark.errors import raise_stock
from reelhouse.spark.replies import Done, Replies

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext

_MOST_REMEMBERED = 10_000


class Interceptor(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Intercepts one session. `find_context` gives its context, `streaming` the port for streaming commands."""

    def __init__(self, context: SessionContext, streaming: Callable[[], Any]) -> None:
        self._context = context
        self._streaming = streaming
        self._answered: dict[str, None] = {}
        """Operations that the server never saw."""

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        method = _method(details)
        if method == "ReattachExecute" and request.operation_id in self._answered:
            return self._replies(request).stream()
        if method != "ExecutePlan":
            return continuation(details, request)
        # The client switches garbage collection off around this call, which may last as long as a stream runs.
        gc.enable()
        try:
            outcome = execute(self._context, self._streaming(), request, self._replies(request))
        except Exception as error:
            self._remember(request.operation_id)
            raise_stock(error)
        if isinstance(outcome, Forward):
            return continuation(details, outcome.request)
        self._remember(request.operation_id)
        return outcome

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        method = _method(details)
        if method == "ReleaseExecute" and request.operation_id in self._answered:
            if request.HasField("release_all"):
                self._answered.pop(request.operation_id, None)
            return Done(self._replies(request).released())
        try:
            if method == "Config":
                pairs, warnings = answer(self._context.conf, request.operation)
                return Done(self._replies(request).config(pairs, warnings))
            if method == "AnalyzePlan":
                outcome = analyze(self._context, self._streaming(), request, self._replies(request))
                return continuation(details, outcome.request) if isinstance(outcome, Forward) else Done(outcome)
        except Exception as error:
            raise_stock(error)
        return continuation(details, request)

    def _replies(self, request: Any) -> Replies:
        return Replies(request, self._context.wire.server_session_id)

    def _remember(self, operation_id: str) -> None:
        self._answered[operation_id] = None
        if len(self._answered) > _MOST_REMEMBERED:
            self._answered.pop(next(iter(self._answered)), None)


def _method(details: Any) -> str:
    method = details.method
    text = method.decode() if isinstance(method, bytes) else str(method)
    return text.rpartition("/")[2]
