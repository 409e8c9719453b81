"""The project's Spark as a server: any Spark Connect client gets Auto Loader, Delta tables and all the rest.

A call takes the way that `interceptor` gives calls of this process: answered here, or sent on to the engine, rewritten
where it has to be.
https://spark.apache.org/docs/latest/spark-connect-overview.html
"""

from __future__ import annotations

import hmac
import ipaddress
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.spark.conf import answer
from reelhouse.spark.dispatch import Forward, analyze, execute
from reelhouse.spark.replies import Replies
from reelhouse.spark.server_errors import Errors

if TYPE_CHECKING:
    from reelhouse.spark.session import Sessions

DEFAULT_PORT = 15002
_SERVICE = "spark.connect.SparkConnectService"
_MOST_CALLS = 256
"""Calls at a time. One that waits for a stream to end takes up a place."""
_MOST_REMEMBERED = 10_000
_IDLE_SECONDS = 3600.0
"""After that long without a call a session is ended, as `spark.connect.session.manager.defaultSessionTimeout` says."""
_OPTIONS = [("grpc.max_receive_message_length", 128 * 1024 * 1024), ("grpc.max_send_message_length", -1)]


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: what a client that is not on this machine needs to keep its token secret."""

    chain: Path
    key: Path


@dataclass
class _Remote:
    """A client's session. `answered` are operations that the engine never saw."""

    spark: Any
    context: Any
    used: float
    answered: dict[str, None] = field(default_factory=dict)

    def remember(self, operation_id: str) -> None:
        self.answered[operation_id] = None
        if len(self.answered) > _MOST_REMEMBERED:
            self.answered.pop(next(iter(self.answered)), None)


class ConnectServer:
    """A Spark Connect server over the sessions of a project.

    On an address of this machine alone nobody is asked for anything; on any other one clients must show `token`, and
    the connection is encrypted with `certificate`. Raises `UserError` without them.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        token: str | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        if not _is_loopback(host) and (token is None or certificate is None):
            raise UserError(
                f"'{host}' can be reached from other machines, so clients must show a token over an encrypted line",
                remedy="Give a token, a certificate and its key; or stay on 127.0.0.1.",
            )
        self._sessions = sessions
        self._remotes: dict[tuple[str, str], _Remote] = {}
        self._lock = threading.RLock()
        self._errors = Errors()
        self._token = token
        self._engine: Any = None
        self._stub: Any = None
        self._server = grpc.server(ThreadPoolExecutor(_MOST_CALLS, "connect"), options=_OPTIONS)
        self._server.add_generic_rpc_handlers((self._handlers(),))
        self._host = host
        self.port = self._listen(host, port, certificate)

    def _listen(self, host: str, port: int, certificate: Certificate | None) -> int:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if certificate is not None:
                pair = (certificate.key.read_bytes(), certificate.chain.read_bytes())
                return int(self._server.add_secure_port(address, grpc.ssl_server_credentials([pair])))
            if self._token is not None:
                # The stock client sends a token only where the line is known to be safe.
                return int(self._server.add_secure_port(address, grpc.local_server_credentials()))
            return int(self._server.add_insecure_port(address))
        except OSError as error:
            raise UserError(f"Cannot open the certificate or its key: {error}") from error
        except RuntimeError as error:
            raise UserError(
                f"Cannot listen on {address}: is another server running there?", remedy="Name another --port."
            ) from error

    @property
    def address(self) -> str:
        """What `SparkSession.builder.remote(…)` takes; a token has to be added."""
        host = "localhost" if _is_loopback(self._host) else self._host
        return f"sc://{host}:{self.port}"

    def start(self) -> None:
        """Start the engine and answer calls, in threads of its own."""
        from pyspark.sql.connect.proto import base_pb2_grpc

        target = self._sessions.engine.start().removeprefix("sc://").partition("/")[0]
        self._engine = grpc.insecure_channel(target, options=_OPTIONS)
        self._stub = base_pb2_grpc.SparkConnectServiceStub(self._engine)
        self._server.start()

    def stop(self, grace_seconds: float = 2.0) -> None:
        """End all calls and the clients' sessions. The engine goes on."""
        self._server.stop(grace_seconds).wait()
        with self._lock:
            remotes = list(self._remotes.values())
            self._remotes.clear()
        for remote in remotes:
            self._sessions.close(remote.spark)
        if self._engine is not None:
            self._engine.close()

    # -- sessions

    def _session(self, request: Any) -> _Remote:
        """The session of a request, made when it is new."""
        key = (request.user_context.user_id, request.session_id)
        now = self._sessions.clock.monotonic()
        with self._lock:
            remote = self._remotes.get(key)
            if remote is None:
                self._end_idle(now)
                spark = self._sessions.open(request.session_id)
                remote = self._remotes[key] = _Remote(spark, self._sessions.context(spark), now)
            remote.used = now
        self._sessions.activate(remote.spark)
        return remote

    def _end_idle(self, now: float) -> None:
        streaming = self._sessions.streaming
        for key, remote in list(self._remotes.items()):
            busy = streaming is not None and bool(streaming.active(remote.context.session_id))
            if now - remote.used > _IDLE_SECONDS and not busy:
                del self._remotes[key]
                self._sessions.close(remote.spark)

    # -- calls

    def _handlers(self) -> Any:
        message = plan.proto
        one, many = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        kinds = {
            "ExecutePlan": (many, self._execute, message.ExecutePlanRequest),
            "ReattachExecute": (many, self._reattach, message.ReattachExecuteRequest),
            "AnalyzePlan": (one, self._analyze, message.AnalyzePlanRequest),
            "Config": (one, self._config, message.ConfigRequest),
            "ReleaseExecute": (one, self._release_execute, message.ReleaseExecuteRequest),
            "ReleaseSession": (one, self._release_session, message.ReleaseSessionRequest),
            "FetchErrorDetails": (one, self._error_details, message.FetchErrorDetailsRequest),
            "ArtifactStatus": (one, self._passed("ArtifactStatus"), message.ArtifactStatusesRequest),
            "Interrupt": (one, self._passed("Interrupt"), message.InterruptRequest),
            "AddArtifacts": (grpc.stream_unary_rpc_method_handler, self._add_artifacts, message.AddArtifactsRequest),
        }
        handlers = {
            name: kind(
                self._guarded_stream(call) if kind is many else self._guarded(call),
                request_deserializer=request.FromString,
                response_serializer=lambda response: response.SerializeToString(),
            )
            for name, (kind, call, request) in kinds.items()
        }
        return grpc.method_handlers_generic_handler(_SERVICE, handlers)

    def _guarded(self, call: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        def guarded(request: Any, rpc: Any) -> Any:
            with self._reported(rpc):
                return call(request)

        return guarded

    def _guarded_stream(self, call: Callable[[Any], Iterator[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
        def guarded(request: Any, rpc: Any) -> Iterator[Any]:
            with self._reported(rpc):
                yield from call(request)

        return guarded

    @contextmanager
    def _reported(self, rpc: Any) -> Iterator[None]:
        """Let in who may come in, and hand errors over in the form that the stock client understands."""
        if self._token is not None:
            shown = dict(rpc.invocation_metadata()).get("authorization", "")
            if not hmac.compare_digest(str(shown), f"Bearer {self._token}"):
                rpc.abort(grpc.StatusCode.UNAUTHENTICATED, "The token is missing or wrong")
        try:
            yield
        except Exception as error:
            rpc.abort_with_status(self._errors.status(error))

    def _execute(self, request: Any) -> Iterator[Any]:
        remote = self._session(request)
        replies = Replies(request, remote.context.wire.server_session_id)
        try:
            outcome = execute(remote.context, self._sessions.streaming, request, replies)
        except Exception:
            remote.remember(request.operation_id)
            raise
        if isinstance(outcome, Forward):
            return iter(self._stub.ExecutePlan(self._own(outcome.request)))
        remote.remember(request.operation_id)
        return iter(outcome)

    def _reattach(self, request: Any) -> Iterator[Any]:
        remote = self._session(request)
        if request.operation_id in remote.answered:
            return iter(Replies(request, remote.context.wire.server_session_id).stream())
        return iter(self._stub.ReattachExecute(self._own(request)))

    def _analyze(self, request: Any) -> Any:
        remote = self._session(request)
        replies = Replies(request, remote.context.wire.server_session_id)
        outcome = analyze(remote.context, self._sessions.streaming, request, replies)
        return self._stub.AnalyzePlan(self._own(outcome.request)) if isinstance(outcome, Forward) else outcome

    def _config(self, request: Any) -> Any:
        remote = self._session(request)
        pairs, warnings = answer(remote.context.conf, request.operation)
        return Replies(request, remote.context.wire.server_session_id).config(pairs, warnings)

    def _release_execute(self, request: Any) -> Any:
        remote = self._session(request)
        if request.operation_id in remote.answered:
            if request.HasField("release_all"):
                remote.answered.pop(request.operation_id, None)
            return Replies(request, remote.context.wire.server_session_id).released()
        return self._stub.ReleaseExecute(self._own(request))

    def _release_session(self, request: Any) -> Any:
        with self._lock:
            remote = self._remotes.pop((request.user_context.user_id, request.session_id), None)
        if remote is not None:
            self._sessions.close(remote.spark)
        return plan.proto.ReleaseSessionResponse(session_id=request.session_id)

    def _error_details(self, request: Any) -> Any:
        known = self._errors.details(request)
        return known if known is not None else self._stub.FetchErrorDetails(self._own(request))

    def _passed(self, method: str) -> Callable[[Any], Any]:
        def passed(request: Any) -> Any:
            self._session(request)
            return getattr(self._stub, method)(self._own(request))

        return passed

    def _add_artifacts(self, requests: Iterator[Any]) -> Any:
        return self._stub.AddArtifacts(map(self._own, requests))

    def _own(self, request: Any) -> Any:
        """The request in the name that the engine knows the session by."""
        from reelhouse.spark.session import USER

        changed = type(request)()
        changed.CopyFrom(request)
        changed.user_context.user_id = USER
        return changed


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
