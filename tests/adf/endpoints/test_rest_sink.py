"""Rows that are sent to an endpoint."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pyarrow as pa
import pytest

from reelhouse.adf.access.access import Access
from reelhouse.adf.dataset import RestEndpoint
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.http import Waiting
from reelhouse.adf.movement.rows import RowStream
from reelhouse.adf.rest.calls import Patience
from reelhouse.adf.rest.sink import RestRows, RestWrite


@pytest.fixture
def sink(services, endpoint):
    """A function from settings to a sink of the endpoint's /api/t."""

    def make(**write) -> RestRows:
        context = SimpleNamespace(services=services, waiting=lambda: Waiting(services.clock, services.cancel))
        place = RestEndpoint(endpoint.url + "/api", "t", Access(lambda: {"Authorization": "Bearer x"}))
        return RestRows(context, place, RestWrite(**write))

    return make


def stream(*tables: pa.Table) -> RowStream:
    return RowStream(tables[0].schema, iter([batch for table in tables for batch in table.to_batches()]))


def numbers(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, pa.int64())})


def test_rows_are_sent_as_arrays_of_objects_batch_by_batch(sink, endpoint, clock):
    endpoint.give("/api/t", {})
    written = sink(batch_rows=3, interval=0.5, headers={"X-One": "1"}).write(
        stream(numbers(1, 2), numbers(3, 4, 5, 6, 7))
    )

    assert [request.json for request in endpoint.requests] == [
        [{"n": 1}, {"n": 2}, {"n": 3}],
        [{"n": 4}, {"n": 5}, {"n": 6}],
        [{"n": 7}],
    ]
    assert written.rows == 7 and written.data == sum(len(request.body) for request in endpoint.requests)
    assert written.files is None
    first = endpoint.requests[0]
    assert (first.method, first.headers["content-type"]) == ("POST", "application/json")
    assert (first.headers["authorization"], first.headers["x-one"]) == ("Bearer x", "1")
    assert clock.monotonic() == 1.0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_each_method_is_used(sink, endpoint, method):
    endpoint.give("/api/t", "")
    sink(method=method).write(stream(numbers(1)))

    assert endpoint.requests[0].method == method


def test_no_rows_are_no_request(sink, endpoint):
    assert sink().write(stream(numbers())).rows == 0
    assert endpoint.requests == []


def test_bodies_may_be_compressed(sink, endpoint):
    endpoint.give("/api/t", "")
    sink(compressed=True).write(stream(numbers(1)))

    assert endpoint.requests[0].headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(endpoint.requests[0].body)) == [{"n": 1}]


def test_values_have_a_form_in_json(sink, endpoint):
    endpoint.give("/api/t", "")
    row = {
        "t": "ä", "b": True, "f": 1.5, "none": None, "d": date(2024, 1, 2),
        "when": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        "plain": datetime(2024, 1, 2, 3, 4, 5, 250000), "m": Decimal("1.25"), "i": Decimal("7"), "x": b"hi",
        "l": [1, None], "o": {"a": date(2024, 1, 2)},
    }  # fmt: skip
    sink().write(stream(pa.Table.from_pylist([row])))

    assert endpoint.requests[0].json == [
        {
            "t": "ä", "b": True, "f": 1.5, "none": None, "d": "2024-01-02", "when": "2024-01-02T03:04:05Z",
            "plain": "2024-01-02T03:04:05.250000", "m": 1.25, "i": 7, "x": "aGk=", "l": [1, None],
            "o": {"a": "2024-01-02"},
        }
    ]  # fmt: skip


def test_what_is_no_number_of_json_is_refused(sink, endpoint):
    with pytest.raises(ActivityFailed, match="have no form in JSON"):
        sink().write(stream(pa.table({"f": [float("nan")]})))


def test_a_bad_status_fails_by_the_documented_name(sink, endpoint, answer):
    endpoint.give("/api/t", answer(200, ""), answer(422, "not this one"))
    with pytest.raises(ActivityFailed, match=r"RestSinkCallFailed.*status 422\. not this one"):
        sink(batch_rows=1).write(stream(numbers(1, 2, 3)))

    assert len(endpoint.requests) == 2


def test_a_busy_endpoint_is_asked_again_when_it_says(sink, endpoint, answer, clock):
    endpoint.give("/api/t", answer(429, "", {"Retry-After": "3"}), "")
    sink().write(stream(numbers(1)))

    assert clock.monotonic() == 3
    assert [request.json for request in endpoint.requests] == [[{"n": 1}]] * 2


def test_other_faults_are_tried_again_only_where_the_sink_says_so(sink, endpoint, answer, clock):
    endpoint.give("/api/t", answer(200, "half", reset=True), answer(502, ""), "")
    sink(patience=Patience(2, 7)).write(stream(numbers(1)))

    assert clock.monotonic() == 14
    endpoint.give("/api/t", answer(502, ""))
    with pytest.raises(ActivityFailed, match="status 502"):
        sink().write(stream(numbers(1)))
