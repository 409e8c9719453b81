"""A place on this machine that can be called back: what a WebHook hands out as its `callBackUri`."""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

MAX_SIZE = 4 * 1024 * 1024


class CallBack:
    """A listener on the loopback device. It takes one JSON value at an address that nobody can guess.

    Use it in a `with`: it is gone afterwards.
    """

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(32)
        self._value: Any = None
        self._came = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="reelhouse-callback", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def token(self) -> str:
        """The part of the address that is a secret."""
        return self._token

    @property
    def uri(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/callback/{self._token}"

    @property
    def value(self) -> Any:
        """What came; None before."""
        return self._value

    def came(self) -> bool:
        return self._came.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether the call came within that time."""
        return self._came.wait(seconds)

    def take(self, path: str, body: bytes) -> tuple[int, str]:
        """What to answer to a call, as status and reason. The first good one counts."""
        if not secrets.compare_digest(path.encode(), f"/callback/{self._token}".encode()):
            return 404, "there is no such call-back"
        try:
            value = json.loads(body) if body.strip() else {}
        except ValueError:
            return 400, "the body is not JSON"
        with self._lock:
            if self._came.is_set():
                return 409, "the call-back came before"
            self._value = value
            self._came.set()
        return 200, "thank you"


def _handler(call_back: CallBack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit():
                self._answer(400, "Content-Length is no number")
            elif int(length) > MAX_SIZE:
                self._answer(413, "the body is larger than 4 MB")
            else:
                self._answer(*call_back.take(self.path, self.rfile.read(int(length))))

        def _answer(self, status: int, reason: str) -> None:
            body = json.dumps({"message": reason}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the address is a secret."""

    return Handler
