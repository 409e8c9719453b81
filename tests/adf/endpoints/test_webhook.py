"""WebHook: the call, the call-back, what it decides."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

import pytest

from reelhouse.adf.callback import CallBack
from reelhouse.adf.validate import validate
from reelhouse.clock import ScaledClock
from reelhouse.runs.record import RunStatus


def post(uri: str, body: bytes) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(uri, body, method="POST"), timeout=20) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.fixture
def hook(run, act, endpoint):
    """Run one WebHook. `back` is what the endpoint calls back with, after it has answered."""

    def go(back=None, *, status=200, back_headers=None, **properties):
        threads = []

        def answer(request, count):
            if back is not None:
                body = back if isinstance(back, bytes) else json.dumps(back).encode()
                threads.append(threading.Thread(target=post, args=(request.json["callBackUri"], body)))
                threads[-1].start()
            return endpoint.answer_type(status, b"{}", back_headers or {})

        endpoint.on("/hook", answer)
        result = run([act("hook", "WebHook", method="POST", url=endpoint.url + "/hook", **properties)])
        for thread in threads:
            thread.join(20)
        return {**result.activities["hook"], "message": result.message, "run": result}

    return go


@pytest.fixture(autouse=True)
def answers(endpoint, answer):
    endpoint.answer_type = answer


@pytest.mark.supports("activity", "WebHook")
def test_the_run_goes_on_with_the_output_of_the_call_back(hook, endpoint, runs):
    state = hook({"Output": {"rows": 5}}, body={"key": "@pipeline().Pipeline"}, headers={"X-One": "1"})

    assert state["output"] == {"rows": 5}
    sent = endpoint.requests[0].json
    assert sent["key"] == "main" and sent["callBackUri"].startswith("http://127.0.0.1:")
    assert endpoint.requests[0].headers["x-one"] == "1"
    assert sent["callBackUri"].rpartition("/")[2] not in str(runs.all)


@pytest.mark.parametrize(
    ("back", "output"), [({"a": 1}, {"a": 1}), (b"", {}), ([1], {"Response": [1]}), ({"output": {"a": 1}}, {"a": 1})]
)
def test_a_call_back_without_output_is_the_output(hook, back, output):
    assert hook(back, body="{}")["output"] == output


@pytest.mark.parametrize(
    ("back", "code", "message"),
    [
        ({"StatusCode": "403", "Error": {"ErrorCode": "E7", "Message": "not you"}}, "E7", "not you"),
        ({"statusCode": 500, "error": "it exploded"}, "500", "it exploded"),
        ({"statusCode": 500}, "500", "The call back reported the status 500"),
        ({"StatusCode": "200", "Error": {"Message": "set all the same"}}, "200", "set all the same"),
    ],
)
def test_a_reported_status_fails_the_activity(hook, back, code, message):
    error = hook(back, body={}, reportStatusOnCallBack=True)["error"]

    assert (error["errorCode"], error["message"]) == (code, message)


def test_a_reported_success_gives_its_output(hook):
    assert hook({"StatusCode": "200", "Output": {"a": 1}}, body={}, reportStatusOnCallBack=True)["output"] == {"a": 1}


def test_without_report_a_status_is_ignored(hook):
    assert hook({"StatusCode": "500", "Output": {"a": 1}}, body={})["output"] == {"a": 1}


def test_an_endpoint_that_refuses_fails_at_once(hook):
    error = hook(status=400, body={})["error"]

    assert error["errorCode"] == "2108" and "status code: 400" in error["message"]


def test_nobody_calling_back_is_a_time_out(hook, services):
    services.clock = ScaledClock(40)
    state = hook(body={}, timeout="00:01:00")

    assert state["error"]["errorCode"] == "TimedOut" and "within 60 s" in state["message"]


def test_a_call_back_ends_the_look_at_an_accepted_operation(hook, endpoint, answer):
    endpoint.give("/state", answer(202, "", {"Location": "/state", "Retry-After": "1"}))
    state = hook({"Output": {"a": 1}}, status=202, back_headers={"Location": "/state", "Retry-After": "1"}, body={})

    assert state["output"] == {"a": 1}


def test_a_cancelled_run_does_not_wait_for_the_call_back(hook, endpoint, services, eventually):
    results = []
    thread = threading.Thread(target=lambda: results.append(hook(body={})["run"]))
    thread.start()
    eventually(lambda: len(endpoint.requests) == 1)
    services.cancel.set()
    thread.join(10)

    assert results[0].status is RunStatus.CANCELLED
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(endpoint.requests[0].json["callBackUri"], b"{}", timeout=5)


def test_many_hooks_at_once_have_a_place_each(run, act, endpoint, answer):
    def call(request, count):
        threading.Thread(target=post, args=(request.json["callBackUri"], json.dumps(request.json).encode())).start()
        return answer()

    endpoint.on("/hook", call)
    inner = act("hook", "WebHook", method="POST", url=endpoint.url + "/hook", body={"n": "@item()"})
    result = run([act("all", "ForEach", items="@range(0, 20)", batchCount=20, activities=[inner])])

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert len({request.json["callBackUri"] for request in endpoint.requests}) == 20


def test_only_the_first_good_call_at_the_right_address_counts():
    with CallBack() as call_back:
        assert post(call_back.uri + "x", b"{}") == 404
        assert post(call_back.uri, b"{no json") == 400
        assert not call_back.came()
        assert post(call_back.uri, b'{"a": 1}') == 200
        assert post(call_back.uri, b'{"a": 2}') == 409
        assert call_back.value == {"a": 1}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"method": "GET"}, "'GET' is no method of a WebHook"),
        ({"authentication": {"type": "Digest"}}, "'Digest' is no kind of authentication"),
        ({"timeout": "soon"}, "'soon' is no time span"),
        ({"turnOffAsync": True}, "has no property 'turnOffAsync'"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(make_factory, act, properties, message):
    factory = make_factory(
        {"main": [act("h", "WebHook", **{"method": "POST", "url": "http://x", "body": {}, **properties})]}
    )

    assert any(message in str(finding) for finding in validate(factory)), [str(f) for f in validate(factory)]


def test_a_body_has_to_be_an_object_for_the_address_is_put_into_it(hook):
    assert "must be a JSON object" in hook(body="[1]")["message"]
    assert "must be JSON" in hook(body="text")["message"]
