"""An endpoint on loopback that takes down what it is asked and answers as it is told."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


@dataclass(frozen=True)
class Request:
    """One request; header names are in lower case, `query` has the last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Announce twice what comes."""
    reset: bool = False
    """Announce twice what comes, and reset the connection."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that are gone: tests let them go."""


class Endpoint:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._answers: dict[str, Callable[[Request, int], Answer]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, parts.path, query, headers, body)
                count = sum(1 for one in outer.requests if one.path == parts.path)
                outer.requests.append(request)
                outer._reply(self, request, count)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_TRACE = answer

            def log_message(self, *args: Any) -> None: ...

        self._server = _Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def give(self, path: str, *answers: Any, **headers: str) -> None:
        """The first request of a path gets the first answer, and so on; the last one stays. A value is a body."""
        made = [one if isinstance(one, Answer) else Answer(200, one, headers) for one in answers]
        self.on(path, lambda request, count: made[min(count, len(made) - 1)])

    def on(self, path: str, answer: Callable[[Request, int], Answer]) -> None:
        self._answers[path] = answer

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _reply(self, handler: BaseHTTPRequestHandler, request: Request, count: int) -> None:
        answer = self._answers.get(request.path, lambda request, count: Answer(404, b"no such path"))(request, count)
        body = answer.body
        if not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        handler.send_response(answer.status)
        headers = {"Content-Length": str(len(body) * (2 if answer.cut or answer.reset else 1)), **answer.headers}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
        if answer.cut or answer.reset:
            handler.close_connection = True
        if answer.reset:
            # Closing with nothing to linger for sends a reset.
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(handler.connection.detach())


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.stop()


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def start_endpoint() -> Iterator[Callable[..., Endpoint]]:
    """A function that starts one more endpoint, with TLS if it is given a context."""
    started: list[Endpoint] = []

    def start(tls: ssl.SSLContext | None = None) -> Endpoint:
        started.append(Endpoint(tls))
        return started[-1]

    yield start
    for server in started:
        server.stop()


class Vault:
    """Secrets by scope and key, as local settings have them."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}

    def get(self, vault: str, name: str) -> str:
        from reelhouse.errors import UserError

        if (vault, name) not in self.values:
            raise UserError(f"no secret {name} in {vault}")
        return self.values[vault, name]


@pytest.fixture
def vault(services) -> Vault:
    services.secrets = Vault()
    return services.secrets


@pytest.fixture
def map_urls(services) -> Callable[..., None]:
    """Let URLs mean others, as [urls] does."""
    from reelhouse.adf.url_map import MappedSource

    def change(**prefixes: str) -> None:
        services.http = MappedSource(
            {f"https://{name.replace('__', '.')}": to for name, to in prefixes.items()}, services.http
        )

    return change
