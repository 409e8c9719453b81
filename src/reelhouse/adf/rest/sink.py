"""REST endpoints as sinks: rows are sent as arrays of objects, batch by batch.

What an endpoint has taken stays when a later batch fails: that is the endpoint's affair, on Azure too.
https://learn.microsoft.com/azure/data-factory/connector-rest#rest-as-sink
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext, as_integer, as_seconds, wrong
from reelhouse.adf.dataset import OpenDataset, RestEndpoint
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.http import HttpRequest
from reelhouse.adf.movement.rows import Documents, Progress, RowStream, Written
from reelhouse.adf.rest.calls import Patience, patient_call, sink_failed, with_headers
from reelhouse.adf.rest.json_values import plain
from reelhouse.adf.rest.pages import DEFAULT_TIMEOUT, USER_AGENT, endpoint_of, header_map, patience_of
from reelhouse.adf.settings.rest import RestSink
from reelhouse.errors import Place, Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

METHODS = ("POST", "PUT", "PATCH")
COMPRESSIONS = ("none", "gzip")
SLICE_ROWS = 4096
INTERVAL = (10, 60_000)
"""The least and the most milliseconds between two requests."""


@dataclass(frozen=True)
class RestWrite:
    """What a sink does, evaluated. Times are in seconds."""

    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 100.0
    interval: float = 0.01
    compressed: bool = False
    batch_rows: int = 10_000
    patience: Patience = field(default_factory=Patience)


def check_rest_sink(raw: Any, place: Place, findings: list[Finding]) -> None:
    """What can be seen of a RestSink before it runs."""
    sink = checked(RestSink, raw, place, "A RestSink", findings)
    if sink is None:
        return
    if sink.write_batch_timeout not in (None, ""):
        findings.append(problem(place.at("writeBatchTimeout"), "'writeBatchTimeout' of a RestSink is not supported"))
    for key, value, known in (
        ("requestMethod", sink.request_method, METHODS),
        ("httpCompressionType", sink.http_compression_type, COMPRESSIONS),
    ):
        if isinstance(value, str) and value and "@" not in value and value.lower() not in (k.lower() for k in known):
            what = f"'{value}' is no {key} of a RestSink"
            findings.append(problem(place.at(key), what, f"Known: {', '.join(known)}."))


def read_rest_sink(ctx: ActivityContext, raw: Any, place: Place) -> RestWrite:
    """A RestSink with evaluated values. Raises `UserError`, `ActivityFailed`."""
    findings: list[Finding] = []
    sink = checked(RestSink, raw, place, "A RestSink", findings)
    if sink is None:
        raise findings[0].error()
    method = text(sink.request_method).upper() or "POST"
    if method not in METHODS:
        raise wrong(ctx, f"requestMethod must be POST, PUT or PATCH, it is '{method}'", "sink", "requestMethod")
    compression = text(sink.http_compression_type).lower() or "none"
    if compression not in COMPRESSIONS:
        raise Unsupported(
            f"RestSinkUNSupportedCompressionType: '{compression}' is no compression of a REST sink",
            where=place.at("httpCompressionType"),
            remedy="Use none or gzip.",
        )
    interval = as_integer(ctx, sink.request_interval or INTERVAL[0], "requestInterval")
    if not INTERVAL[0] <= interval <= INTERVAL[1]:
        raise wrong(ctx, f"requestInterval is 10 to 60000 ms, it is {interval}", "sink", "requestInterval")
    return RestWrite(
        method,
        header_map(sink.additional_headers, place.at("additionalHeaders")),
        as_seconds(ctx, sink.http_request_timeout or DEFAULT_TIMEOUT, "httpRequestTimeout"),
        interval / 1000,
        compression == "gzip",
        as_integer(ctx, sink.write_batch_size or 10_000, "writeBatchSize", least=1),
        patience_of(ctx, sink.sink_retry_count, sink.sink_retry_wait, "sinkRetryCount", "sinkRetryWait"),
    )


class RestRows:
    """Sends rows to an endpoint."""

    def __init__(self, ctx: ActivityContext, endpoint: RestEndpoint, write: RestWrite) -> None:
        self._ctx = ctx
        self._endpoint = endpoint
        self._write = write

    def schema(self) -> pa.Schema | None:
        """An endpoint takes what comes."""
        return None

    def write(self, stream: RowStream) -> Written:
        """Send all rows. Raises `ActivityFailed` for an answer of a bad status."""
        return self._send_all(_batches(stream, self._write.batch_rows))

    def write_documents(self, documents: Documents) -> Written:
        """Send all documents as they are. Raises `ActivityFailed` for an answer of a bad status."""
        return self._send_all(_counted(_chunks(documents.items, self._write.batch_rows), documents.progress))

    def _send_all(self, batches: Iterator[list[dict[str, Any]]]) -> Written:
        rows = size = 0
        for number, batch in enumerate(batches):
            if number:
                self._ctx.waiting().pause(self._write.interval)
            body = _array(batch)
            self._send(body)
            rows += len(batch)
            size += len(body)
        return Written(rows, size)

    def _send(self, body: bytes) -> None:
        write, access = self._write, self._endpoint.access
        own = {**access.headers(), "Content-Type": "application/json"}
        if write.compressed:
            body = gzip.compress(body, mtime=0)
            own["Content-Encoding"] = "gzip"
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", **write.headers}
        request = HttpRequest(
            self._endpoint.url, write.method, headers, body, write.timeout, self._endpoint.verify, access.login
        )
        patient_call(self._ctx, with_headers(request, own), write.patience, sink_failed)


def open_rest_sink(ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place) -> RestRows:
    """The sink of a RestSink (its JSON, not evaluated) and a dataset. Nothing is sent yet. Raises `UserError`."""
    return RestRows(ctx, endpoint_of(dataset, place), read_rest_sink(ctx, ctx.value(dict(raw), "sink"), place))


def _array(rows: list[dict[str, Any]]) -> bytes:
    try:
        return json.dumps(rows, ensure_ascii=False, allow_nan=False, default=plain).encode()
    except ValueError:
        raise ActivityFailed(
            "2200", "ErrorCode=UserErrorInvalidDataValue,NaN and infinity have no form in JSON"
        ) from None


def _batches(stream: RowStream, size: int) -> Iterator[list[dict[str, Any]]]:
    """The rows in lists of `size`, the last one shorter. A slice at a time becomes objects of Python."""
    slices = (
        batch.slice(start, SLICE_ROWS) for batch in stream.batches for start in range(0, batch.num_rows, SLICE_ROWS)
    )
    return _chunks((row for part in slices for row in part.to_pylist()), size)


def _counted(chunks: Iterator[list[dict[str, Any]]], progress: Progress) -> Iterator[list[dict[str, Any]]]:
    for chunk in chunks:
        progress.rows_read += len(chunk)
        yield chunk


def _chunks(items: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while chunk := list(islice(items, size)):
        yield chunk
