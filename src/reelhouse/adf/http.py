"""HTTP sources as a port, its real adapter, and a download that survives a body that is cut.

https://learn.microsoft.com/azure/data-factory/connector-http
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from reelhouse.adf.errors import SYSTEM_ERROR, ActivityFailed, Cancelled
from reelhouse.clock import Clock

if TYPE_CHECKING:
    import httpx

CHUNK = 1 << 20
RESUMES = 5
"""How often a body that was cut is continued. Asking again from the start is the business of the activity's policy."""
RETURNS = 3
"""How often a server that says when to come back (429 or 503 with Retry-After) is asked again."""


@dataclass(frozen=True)
class Digest:
    """HTTP digest authentication, which answers a challenge of the server."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Certificate:
    """A client's certificate: the content of a PFX (PKCS #12) file and its password."""

    pfx: bytes = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class HttpRequest:
    """One request. `timeout` is in seconds: until the answer comes, and between two pieces of its body."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 100.0
    verify: bool = True
    login: Digest | Certificate | None = None
    """What the connection itself has to show. Other kinds of authentication are headers."""


@dataclass
class HttpAnswer:
    """An answer whose body is still to be read. `headers` have lower-case names; `length` is the announced one."""

    status: int
    headers: Mapping[str, str]
    length: int | None
    chunks: Iterator[bytes]


class HttpError(Exception):
    """No answer, or a body that broke off. `timed_out` when nothing came in time."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Exchange(Protocol):
    """A context manager that gives the answer and closes the connection after."""

    def __enter__(self) -> HttpAnswer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...


class HttpSource(Protocol):
    """Whoever answers HTTP requests."""

    def open(self, request: HttpRequest) -> Exchange:
        """Send. Entering the result raises `HttpError` without an answer; an answer of any status is an answer."""


class HttpxSource:
    """The network. httpx is imported with the first request."""

    def __init__(self) -> None:
        self._clients: dict[tuple[bool, Certificate | None], httpx.Client] = {}
        self._lock = threading.Lock()

    def open(self, request: HttpRequest) -> Exchange:
        return _HttpxExchange(self._client(request), request)

    def _client(self, request: HttpRequest) -> httpx.Client:
        import httpx

        certificate = request.login if isinstance(request.login, Certificate) else None
        key = (request.verify, certificate)
        with self._lock:
            if key not in self._clients:
                verify: Any = request.verify
                if certificate is not None:
                    from reelhouse.adf.access.certificate import ssl_context

                    verify = ssl_context(certificate, verify=request.verify)
                self._clients[key] = httpx.Client(follow_redirects=True, verify=verify)
            return self._clients[key]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


class _HttpxExchange:
    def __init__(self, client: httpx.Client, request: HttpRequest) -> None:
        self._client = client
        self._request = request
        self._response: httpx.Response | None = None

    def __enter__(self) -> HttpAnswer:
        import httpx

        request = self._client.build_request(
            self._request.method,
            self._request.url,
            headers={"Accept-Encoding": "identity", **self._request.headers},
            content=self._request.body,
            timeout=self._request.timeout,
        )
        login = self._request.login
        auth = httpx.DigestAuth(login.user, login.password) if isinstance(login, Digest) else None
        try:
            self._response = self._client.send(request, stream=True, auth=auth)
        except httpx.TimeoutException:
            raise HttpError(f"no answer within {self._request.timeout:g} s", timed_out=True) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise HttpError(str(error) or type(error).__name__) from None
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        length = headers.get("content-length", "")
        encoded = headers.get("content-encoding", "identity") != "identity"
        return HttpAnswer(
            self._response.status_code,
            headers,
            int(length) if length.isdigit() and not encoded else None,
            self._chunks(self._response),
        )

    def _chunks(self, response: httpx.Response) -> Iterator[bytes]:
        import httpx

        try:
            yield from response.iter_bytes()
        except httpx.TimeoutException:
            raise HttpError(f"nothing came for {self._request.timeout:g} s", timed_out=True) from None
        except httpx.HTTPError as error:
            raise HttpError(str(error) or type(error).__name__) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._response is not None:
            self._response.close()


@dataclass(frozen=True)
class Waiting:
    """How long a download may take, and who may stop it. `deadline` is a time of the clock's `monotonic`."""

    clock: Clock
    cancel: threading.Event
    deadline: float | None = None

    def is_over(self) -> bool:
        """Whether it is time to stop."""
        return self.cancel.is_set() or (self.deadline is not None and self.clock.monotonic() > self.deadline)

    def check(self) -> None:
        """Raises when it is time to stop."""
        if self.cancel.is_set():
            raise Cancelled
        if self.deadline is not None and self.clock.monotonic() > self.deadline:
            raise ActivityFailed("Timeout", "The activity did not end within its timeout", failure_type=SYSTEM_ERROR)

    def pause(self, seconds: float) -> None:
        """Wait by the clock. Raises when it is time to stop."""
        if self.deadline is not None:
            # A moment more than what is left, so that the check below sees that it is over.
            seconds = min(seconds, max(self.deadline - self.clock.monotonic(), 0) + 0.001)
        self.clock.sleep(seconds, self.cancel)
        self.check()


def retry_after(answer: HttpAnswer, clock: Clock) -> float | None:
    """The seconds after which a busy server (429 or 503) wants to be asked again; None when it does not say.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    if answer.status not in (429, 503):
        return None
    return pause_of(answer.headers, clock)


def pause_of(headers: Mapping[str, str], clock: Clock) -> float | None:
    """The seconds of a Retry-After header, which has a number or a date."""
    said = headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max((when - clock.now()).total_seconds(), 0.0)


def download(source: HttpSource, request: HttpRequest, target: BinaryIO, waiting: Waiting) -> int:
    """Write the whole body to `target`; the number of bytes comes back.

    A body that is cut is continued with a range request where the server allows it, and is never taken for whole. A
    server that says when to come back is asked again then. Raises `ActivityFailed` for a status from 400 on, a silent
    server, a body that stays short.
    """
    written = 0
    returns = 0
    validator: str | None = None
    for _ in range(RESUMES + RETURNS + 1):
        ask = request
        if written and validator:
            ask = replace(request, headers={**request.headers, "Range": f"bytes={written}-", "If-Range": validator})
        before = written
        fault: HttpError | None = None
        expected: int | None = None
        pause: float | None = None
        for event in events(source, ask, waiting):
            if isinstance(event, HttpError):
                fault = event
            elif isinstance(event, HttpAnswer):
                pause = retry_after(event, waiting.clock) if returns < RETURNS else None
                if pause is not None:
                    break
                _check_status(event, request.url)
                if event.status != 206 and written:
                    written = before = 0
                    target.seek(0)
                    target.truncate()
                expected = written + event.length if event.length is not None else None
                if event.headers.get("accept-ranges", "").lower() == "bytes" or event.status == 206:
                    validator = _validator(event.headers)
            else:
                target.write(event)
                written += len(event)
        if pause is not None:
            returns += 1
            waiting.pause(pause)
            continue
        if fault is None and (expected is None or written == expected):
            return written
        if fault is not None and (fault.timed_out or not validator):
            raise _no_answer(request.url, fault, written)
        if written == before or not validator:
            break
    raise ActivityFailed(
        "2200",
        f"ErrorCode=HttpFileContentLengthMismatch,The body of {request.url} broke off: "
        f"{written} bytes came, {expected if expected is not None else 'more'} were announced",
        failure_type=SYSTEM_ERROR,
    )


@dataclass(frozen=True)
class Reply:
    """An answer with its whole body. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TooLarge(Exception):
    """A body is larger than what was asked for."""


def call(source: HttpSource, request: HttpRequest, waiting: Waiting, limit: int | None = None) -> Reply:
    """The whole answer, of any status.

    Raises `HttpError` for no answer or a body that broke off, `TooLarge` for a body of more than `limit` bytes.
    """
    answer: HttpAnswer | None = None
    body = bytearray()
    for event in events(source, request, waiting):
        if isinstance(event, HttpError):
            raise event
        if isinstance(event, HttpAnswer):
            answer = event
            if event.status >= 400:
                body += b"".join(event.chunks)
        else:
            body += event
        if limit is not None and len(body) > limit:
            raise TooLarge(request.url)
    if answer is None:
        raise HttpError("the connection was closed without an answer")
    if answer.length is not None and len(body) < answer.length and request.method != "HEAD":
        raise HttpError(f"the body broke off after {len(body)} of {answer.length} bytes")
    return Reply(answer.status, answer.headers, bytes(body))


def _no_answer(url: str, fault: HttpError, written: int) -> ActivityFailed:
    code = "HttpRequestTimeout" if fault.timed_out else "HttpRequestFailedWithClientError"
    after = f" after {written} bytes" if written else ""
    return ActivityFailed("2200", f"ErrorCode={code},{url}: {fault}{after}", failure_type=SYSTEM_ERROR)


def _check_status(answer: HttpAnswer, url: str) -> None:
    if answer.status >= 400:
        hint = ""
        if answer.headers.get("content-type", "").startswith("text/plain"):
            hint = b"".join(answer.chunks)[:2000].decode("utf-8", "replace").strip()
        kind = "UserError" if answer.status < 500 else SYSTEM_ERROR
        raise ActivityFailed(
            "2200",
            f"ErrorCode=HttpRequestFailedWithStatus,{url} answered with status {answer.status}"
            + (f": {hint}" if hint else ""),
            failure_type=kind,
        )


def _validator(headers: Mapping[str, str]) -> str | None:
    tag = headers.get("etag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return headers.get("last-modified")


def events(source: HttpSource, request: HttpRequest, waiting: Waiting) -> Iterator[HttpAnswer | bytes | HttpError]:
    """The answer and the pieces of its body as they come, the fault at the end if there is one.

    The connection is read by a thread of its own: a silent server cannot hold up a cancellation, and the silence is
    measured by the clock port.
    """
    pipe: queue.Queue[HttpAnswer | bytes | HttpError | BaseException | None] = queue.Queue(maxsize=8)
    given_up = threading.Event()

    def put(event: HttpAnswer | bytes | HttpError | BaseException | None) -> bool:
        while not given_up.is_set():
            try:
                pipe.put(event, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            with source.open(request) as answer:
                if answer.status >= 400:
                    answer.chunks = iter([b"".join(answer.chunks)])
                    put(answer)
                elif put(answer):
                    for chunk in answer.chunks:
                        if not put(chunk):
                            return
            put(None)
        except BaseException as error:
            put(error)

    threading.Thread(target=contextvars.copy_context().run, args=(read,), name="reelhouse-http", daemon=True).start()
    last = waiting.clock.monotonic()
    try:
        while True:
            waiting.check()
            try:
                event = pipe.get(timeout=0.05)
            except queue.Empty:
                if waiting.clock.monotonic() - last > request.timeout:
                    yield HttpError(f"nothing came for {request.timeout:g} s", timed_out=True)
                    return
                continue
            last = waiting.clock.monotonic()
            if event is None:
                return
            if isinstance(event, BaseException) and not isinstance(event, HttpError):
                raise event
            yield event
            if isinstance(event, HttpError):
                return
    finally:
        given_up.set()
