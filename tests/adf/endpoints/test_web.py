"""WebActivity: what is sent, what comes of the answer, what is recorded."""

from __future__ import annotations

import threading

import pytest

from reelhouse.adf.validate import validate
from reelhouse.clock import ScaledClock
from reelhouse.errors import UserError
from reelhouse.runs.record import RunStatus

SECURE = {"type": "SecureString", "value": "s3cr3t"}


@pytest.fixture
def call(run, act, endpoint):
    """Run one WebActivity on /a of the endpoint; the state of the activity comes back."""

    def go(*, path="/a", method="GET", policy=None, objects=None, **properties):
        made = act("call", "WebActivity", method=method, url=endpoint.url + path, policy=policy or {}, **properties)
        result = run([made], objects=objects)
        return {**result.activities["call"], "message": result.message}

    return go


@pytest.mark.supports("activity", "WebActivity")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_each_method_sends_what_it_is_given(call, endpoint, method):
    endpoint.give("/a", {"x": {"y": 1}}, **{"X-Way": "back"})
    body = {} if method == "GET" else {"body": {"q": "@pipeline().Pipeline"}}
    state = call(method=method, headers={"X-One": "@string(1)"}, **body)

    (request,) = endpoint.requests
    assert (request.method, request.headers["x-one"]) == (method, "1")
    assert state["output"]["x"] == {"y": 1}
    assert state["output"]["ADFWebActivityResponseHeaders"]["x-way"] == "back"
    if body:
        assert request.json == {"q": "main"}
        assert request.headers["content-type"] == "application/json"


def test_headers_may_be_the_text_of_an_object(call, endpoint):
    endpoint.give("/a", {})
    call(headers="@concat('{\"X-One\":\"', 'a\"}')")

    assert endpoint.requests[0].headers["x-one"] == "a"


@pytest.mark.parametrize(
    ("body", "output"),
    [("hello", "hello"), ("[1, 2]", [1, 2]), ("5", 5), ("\ufeff{}", None), ("", None)],
)
def test_an_answer_that_is_no_object_is_the_response(call, endpoint, body, output):
    endpoint.give("/a", body)

    assert call()["output"].get("Response") == output


@pytest.mark.parametrize(("status", "kind"), [(404, "UserError"), (503, "SystemError")])
def test_a_bad_status_fails_with_2108_and_says_what_came(call, endpoint, answer, status, kind):
    endpoint.give("/a", answer(status, "too bad"))
    error = call()["error"]

    assert (error["errorCode"], error["failureType"]) == ("2108", kind)
    assert error["message"] == f"Error calling the endpoint '{endpoint.url}/a'. Response status code: {status}. too bad"


def test_no_answer_fails_with_2128(run, act):
    result = run([act("call", "WebActivity", method="GET", url="http://127.0.0.1:9/")])

    assert result.activities["call"]["error"]["errorCode"] == "2128"
    assert "No response from the endpoint" in result.message


def test_a_body_that_breaks_off_is_no_answer(call, endpoint, answer):
    endpoint.give("/a", answer(200, {"x": 1}, cut=True))

    assert call()["error"]["errorCode"] == "2128"


def test_more_than_four_megabytes_fail(call, endpoint):
    endpoint.give("/a", b'"' + b"x" * (4 * 1024 * 1024) + b'"')

    assert call()["error"]["errorCode"] == "2001"


def test_a_silent_endpoint_is_given_up_after_the_request_timeout(call, endpoint, answer, services):
    services.clock = ScaledClock(200)
    release = threading.Event()

    def silent(request, count):
        release.wait(20)
        return answer()

    endpoint.on("/a", silent)
    error = call(httpRequestTimeout="00:01:00")["error"]
    release.set()

    assert error["errorCode"] == "2128" and "60 s" in error["message"]


def test_a_busy_endpoint_is_asked_again_by_the_policy(call, endpoint, answer, clock):
    endpoint.give("/a", answer(429, "slow down", {"Retry-After": "7"}), {"ok": True})
    state = call(policy={"retry": 1, "retryIntervalInSeconds": 45})

    assert state["output"]["ok"] is True
    assert clock.monotonic() == 45


def test_an_accepted_operation_is_looked_at_until_it_is_done(call, endpoint, answer, clock):
    endpoint.give("/a", answer(202, "", {"Location": "/state", "Retry-After": "3"}))
    endpoint.give("/state", answer(202, "", {"Location": "/state"}), {"done": True})
    state = call(method="POST", body={"go": 1}, headers={"X-One": "1"})

    assert state["output"]["done"] is True
    assert [(one.method, one.path) for one in endpoint.requests] == [
        ("POST", "/a"),
        ("GET", "/state"),
        ("GET", "/state"),
    ]
    assert endpoint.requests[1].headers["x-one"] == "1" and endpoint.requests[1].body == b""
    assert clock.monotonic() == 13


def test_what_lets_requests_in_is_not_shown_to_another_server(call, endpoint, answer, start_endpoint):
    other = start_endpoint()
    other.give("/state", {"done": True})
    endpoint.give("/a", answer(202, "", {"Location": other.url + "/state"}))
    call(method="POST", body={}, authentication={"type": "Basic", "username": "me", "password": SECURE})

    assert "authorization" in endpoint.requests[0].headers
    assert "authorization" not in other.requests[0].headers


def test_turn_off_async_takes_the_first_answer(call, endpoint, answer):
    endpoint.give("/a", answer(202, {"id": 5}, {"Location": "/state"}))

    assert call(turnOffAsync=True)["output"]["id"] == 5
    assert len(endpoint.requests) == 1


def test_an_operation_that_never_ends_is_ended_by_the_timeout(call, endpoint, answer):
    endpoint.give("/a", answer(202, "", {"Location": "/a"}))

    assert call(policy={"timeout": "0.00:10:00"})["error"]["errorCode"] == "Timeout"


def test_basic_authentication_is_sent_and_never_recorded(call, endpoint, runs):
    endpoint.give("/a", {"seen": "s3cr3t"})
    state = call(authentication={"type": "Basic", "username": "me", "password": SECURE})

    assert endpoint.requests[0].headers["authorization"] == "Basic bWU6czNjcjN0"
    assert state["output"]["seen"] == "s3cr3t"
    assert "s3cr3t" not in str(runs.all) and "bWU6czNjcjN0" not in str(runs.all)


@pytest.mark.parametrize(
    "names",
    [
        {"tenant": "t1", "servicePrincipalId": "app", "servicePrincipalKey": SECURE},
        {"userTenant": "t1", "username": "app", "password": SECURE},
    ],
    ids=["page", "sdk"],
)
def test_a_service_principal_gets_its_token_from_its_tenant(call, endpoint, start_endpoint, map_urls, runs, names):
    login = start_endpoint()
    login.give("/t1/oauth2/token", {"access_token": "t0k3n", "expires_in": "3599"})
    map_urls(login__microsoftonline__com=login.url)
    endpoint.give("/a", {"echo": "t0k3n"})
    state = call(authentication={"type": "ServicePrincipal", "resource": "https://r/", **names})

    assert state["status"] == "Succeeded", state["message"]
    assert login.requests[0].body == (
        b"grant_type=client_credentials&client_id=app&client_secret=s3cr3t&resource=https%3A%2F%2Fr%2F"
    )
    assert endpoint.requests[0].headers["authorization"] == "Bearer t0k3n"
    assert "t0k3n" not in str(runs.all) and "s3cr3t" not in str(runs.all)


def test_a_token_that_is_refused_fails_with_the_reason(call, endpoint, start_endpoint, answer, map_urls):
    login = start_endpoint()
    login.give("/t1/oauth2/token", answer(401, {"error": "invalid_client"}))
    map_urls(login__microsoftonline__com=login.url)
    names = {"tenant": "t1", "servicePrincipalId": "app", "servicePrincipalKey": SECURE}
    state = call(authentication={"type": "ServicePrincipal", "resource": "https://r/", **names})

    assert "FailedToGetAccessToken" in state["message"] and "invalid_client" in state["message"]
    assert endpoint.requests == []


@pytest.mark.parametrize("kind", ["MSI", "UserAssignedManagedIdentity"])
def test_a_managed_identity_has_its_token_from_local_settings(call, endpoint, vault, runs, kind):
    vault.values["managed-identity", "https://management.azure.com"] = "m5i-t0k3n"
    endpoint.give("/a", {})
    call(authentication={"type": kind, "resource": "https://management.azure.com/"})

    assert endpoint.requests[0].headers["authorization"] == "Bearer m5i-t0k3n"
    assert "m5i-t0k3n" not in str(runs.all)


def test_a_managed_identity_without_a_token_says_how_to_give_one(call, vault):
    message = call(authentication={"type": "MSI", "resource": "https://management.azure.com/"})["message"]

    assert '[managed-identity] "https://management.azure.com"' in message
    assert "REELHOUSE_SECRET__MANAGED_IDENTITY__HTTPS___MANAGEMENT_AZURE_COM" in message


def test_datasets_and_linked_services_go_along_in_the_body(call, endpoint, dataset, runs):
    service = {
        "name": "ls_shop",
        "properties": {
            "type": "HttpServer",
            "parameters": {"host": {"type": "String"}},
            "typeProperties": {"url": "@{linkedService().host}/x", "userName": "me", "password": SECURE},
        },
    }
    endpoint.give("/a", {})
    state = call(
        method="POST",
        body={"my": "message"},
        datasets=[dataset("ds_file", folder="in", file="@concat('a', '.csv')")],
        linkedServices=[
            {"referenceName": "ls_shop", "type": "LinkedServiceReference", "parameters": {"host": "https://h"}}
        ],
        objects={"linkedService": [service]},
    )

    assert state["status"] == "Succeeded", state["message"]
    sent = endpoint.requests[0].json
    assert sent["my"] == "message"
    assert sent["datasets"][0]["name"] == "ds_file"
    assert sent["datasets"][0]["properties"]["typeProperties"]["location"]["fileName"] == "a.csv"
    assert sent["datasets"][0]["properties"]["linkedServiceName"]["referenceName"] == "ls_lake"
    assert sent["linkedServices"][0]["properties"]["typeProperties"] == {
        "url": "https://h/x", "userName": "me", "password": SECURE,
    }  # fmt: skip
    assert "s3cr3t" not in str(runs.all)


def test_secure_input_and_output_are_masked(call, endpoint, runs):
    endpoint.give("/a", {"x": "private"})
    call(method="POST", body="private", policy={"secureInput": True, "secureOutput": True})

    assert "private" not in str(runs.all)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"authentication": {"type": "Basci"}}, "Did you mean 'Basic'?"),
        ({"authentication": {"type": "Basic", "username": "me"}}, "Authentication 'Basic' needs 'password'"),
        ({"authentication": {"type": "Basic", "user": "me"}}, "has no property 'user'"),
        ({"headers": ["a"]}, "'headers' has to be a JSON object"),
        ({"datasets": [{"referenceName": "ds_fiel", "type": "DatasetReference"}]}, "Did you mean 'ds_file'?"),
        (
            {"linkedServices": [{"referenceName": "ls_leak", "type": "LinkedServiceReference"}]},
            "Did you mean 'ls_lake'?",
        ),
        ({"body": {"x": 1}}, "A GET sends no body"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(make_factory, act, properties, message):
    factory = make_factory({"main": [act("call", "WebActivity", method="GET", url="http://x", **properties)]})

    assert any(message in str(finding) for finding in validate(factory)), [str(f) for f in validate(factory)]


def test_urls_mean_others_where_the_settings_say_so(run, act, endpoint, map_urls, runs):
    map_urls(api__example__com=endpoint.url)
    endpoint.give("/v1/x", {"ok": 1})
    result = run([act("call", "WebActivity", method="GET", url="https://api.example.com/v1/x")])

    assert result.activities["call"]["output"]["ok"] == 1
    assert runs.named("call")[0].input["url"] == "https://api.example.com/v1/x"


def test_url_prefixes_end_where_a_part_of_the_path_does():
    from reelhouse.adf.url_map import MappedSource, mapped

    prefixes = {"https://a.com": "http://l:1", "https://a.com/deep/": "http://l:2/d"}
    assert mapped("https://a.com/x?y", prefixes) == "http://l:1/x?y"
    assert mapped("https://a.com/deep/x", prefixes) == "http://l:2/d/x"
    assert mapped("https://A.com", prefixes) == "http://l:1"
    assert mapped("https://a.company/x", prefixes) == "https://a.company/x"
    with pytest.raises(UserError, match="maps URLs to URLs"):
        MappedSource({"a.com": "http://l"}, None)


def test_a_cancelled_run_does_not_wait_for_an_operation(run, act, endpoint, answer, services, eventually):
    services.clock = ScaledClock(1)
    endpoint.give("/a", answer(202, "", {"Location": "/a", "Retry-After": "600"}))
    results = []
    made = act("call", "WebActivity", method="GET", url=endpoint.url + "/a")
    thread = threading.Thread(target=lambda: results.append(run([made])))
    thread.start()
    eventually(lambda: len(endpoint.requests) == 1)
    services.cancel.set()
    thread.join(10)

    assert results[0].status is RunStatus.CANCELLED
