"""REST endpoints: pages, authentication, faults, as a Lookup sees them."""

from __future__ import annotations

import threading

import pytest

from reelhouse.adf.validate import validate
from reelhouse.clock import ScaledClock
from reelhouse.runs.record import RunStatus

SECURE = {"type": "SecureString", "value": "s3cr3t"}


def objects(url, dataset=None, **service):
    return {
        "linkedService": [
            {"name": "ls_rest", "properties": {"type": "RestService", "typeProperties": {"url": url, **service}}}
        ],
        "dataset": [
            {
                "name": "ds_rest",
                "properties": {
                    "type": "RestResource",
                    "linkedServiceName": {"referenceName": "ls_rest", "type": "LinkedServiceReference"},
                    "parameters": {"path": {"type": "string", "defaultValue": "t"}},
                    "typeProperties": {"relativeUrl": "@dataset().path", **(dataset or {})},
                },
            }
        ],
    }


@pytest.fixture
def look(run, act, dataset, endpoint):
    """Look all rows of a REST dataset up; the state of the activity comes back."""

    def go(path="t", *, service=None, older=None, policy=None, first=False, **source):
        made = act(
            "look",
            "Lookup",
            source={"type": "RestSource", **source},
            dataset=dataset("ds_rest", path=path),
            firstRowOnly=first,
            policy=policy or {},
        )
        result = run([made], objects=objects(endpoint.url + "/api", older, **(service or {})))
        return {**result.activities["look"], "message": result.message}

    return go


@pytest.mark.supports("dataset", "RestResource")
@pytest.mark.supports("linked_service", "RestService")
@pytest.mark.supports("activity", "Lookup")
def test_pages_are_read_one_after_the_other(look, endpoint, clock):
    endpoint.give("/api/t", {"id": 1, "next": endpoint.url + "/api/t2"})
    endpoint.give("/api/t2", {"id": 2, "next": "t3"})
    endpoint.give("/api/t3", [{"id": 3}, {"id": 4}])
    state = look(paginationRules={"AbsoluteUrl": "$.next"}, additionalHeaders={"X-One": "@string(1)"})

    assert [row["id"] for row in state["output"]["value"]] == [1, 2, 3, 4]
    assert {request.headers["accept"] for request in endpoint.requests} == {"application/json"}
    assert {request.headers["x-one"] for request in endpoint.requests} == {"1"}
    assert clock.monotonic() == 2, "a second between two pages"


def test_the_interval_between_pages_may_be_set(look, endpoint, clock):
    endpoint.give("/api/t", {"id": 1, "next": "t2"})
    endpoint.give("/api/t2", {"id": 2})
    look(paginationRules={"AbsoluteUrl": "$.next"}, requestInterval="00.00:00:00.250")

    assert clock.monotonic() == 0.25


def test_the_first_row_asks_for_no_page_more(look, endpoint):
    endpoint.give("/api/t", {"id": 1, "next": "t2"})

    assert look(first=True, paginationRules={"AbsoluteUrl": "$.next"})["output"] == {
        "firstRow": {"id": 1, "next": "t2"}
    }
    assert len(endpoint.requests) == 1


def test_links_of_headers_are_followed_without_rules(look, endpoint, answer):
    endpoint.give("/api/t", answer(200, {"id": 1}, {"Link": f'<{endpoint.url}/api/t2>; rel="next"'}))
    endpoint.give("/api/t2", {"id": 2})

    assert look()["output"]["count"] == 2


def test_a_post_sends_its_body_for_each_page(look, endpoint, answer):
    endpoint.on("/api/t", lambda request, count: answer(200, {"page": request.query["page"]}))
    state = look(requestMethod="Post", requestBody='{"q": 1}', paginationRules={"QueryParameters.page": "RANGE:1:3:1"})

    assert [row["page"] for row in state["output"]["value"]] == ["1", "2", "3"]
    assert [request.json for request in endpoint.requests] == [{"q": 1}] * 3


def test_no_content_ends_the_pages(look, endpoint, answer):
    endpoint.give("/api/t", {"id": 1}, answer(204, ""))

    assert look(paginationRules={"QueryParameters.page": "RANGE:1::1"})["output"]["count"] == 1


def test_a_dataset_of_the_model_of_before_has_the_rules_itself(look, endpoint):
    older = {
        "requestMethod": "POST", "requestBody": "b", "additionalHeaders": "X-One: 1\nX-Two: 2\n",
        "paginationRules": {"AbsoluteUrl": "$.next"},
    }  # fmt: skip
    endpoint.give("/api/t", {"next": "t2"})
    endpoint.give("/api/t2", {})
    look(older=older, additionalHeaders={"X-One": "3"})

    assert [(one.method, one.body, one.headers["x-one"]) for one in endpoint.requests] == [("POST", b"b", "3")] * 2


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [("/api", "t", "/api/t"), ("/api/", "/t", "/api/t"), ("/api", "", "/api"), ("/api", "?x=1", "/api")],
)
def test_the_url_is_that_of_the_service_and_that_of_the_dataset(run, act, dataset, endpoint, base, path, url):
    endpoint.give(url, {"id": 1})
    made = act("l", "Lookup", source={"type": "RestSource"}, dataset=dataset("ds_rest", path=path))
    result = run([made], objects=objects(endpoint.url + base))

    assert result.status is RunStatus.SUCCEEDED, result.message


def test_basic_authentication_and_headers_are_secrets(look, endpoint, runs):
    endpoint.give("/api/t", {"id": "s3cr3t"})
    service = {"authenticationType": "Basic", "userName": "me", "password": SECURE, "authHeaders": {"X-Key": SECURE}}
    look(service=service)

    (request,) = endpoint.requests
    assert (request.headers["authorization"], request.headers["x-key"]) == ("Basic bWU6czNjcjN0", "s3cr3t")
    assert "s3cr3t" not in str(runs.all) and "bWU6czNjcjN0" not in str(runs.all)


def test_client_credentials_are_changed_for_a_token_that_is_renewed_before_it_is_over(
    look, endpoint, answer, start_endpoint
):
    login = start_endpoint()
    login.give("/token", {"access_token": "t1", "expires_in": 62}, {"access_token": "t2", "expires_in": 3600})
    endpoint.on("/api/t", lambda request, count: answer(200, {"n": count}))
    service = {
        "authenticationType": "OAuth2ClientCredential", "clientId": "app", "clientSecret": SECURE,
        "tokenEndpoint": login.url + "/token", "scope": "read",
    }  # fmt: skip
    state = look(service=service, paginationRules={"QueryParameters.page": "RANGE:1:5:1"})

    assert state["status"] == "Succeeded", state["message"]
    assert login.requests[0].body == b"grant_type=client_credentials&client_id=app&client_secret=s3cr3t&scope=read"
    tokens = [request.headers["authorization"] for request in endpoint.requests]
    assert tokens == ["Bearer t1"] * 2 + ["Bearer t2"] * 3


@pytest.mark.parametrize(
    ("cloud", "host"),
    [(None, "login__microsoftonline__com"), ("AzureChina", "login__chinacloudapi__cn")],
)
def test_a_service_principal_gets_its_token_from_its_cloud(look, endpoint, start_endpoint, map_urls, cloud, host):
    login = start_endpoint()
    login.give("/t1/oauth2/token", {"access_token": "t0k3n"})
    map_urls(**{host: login.url})
    endpoint.give("/api/t", {"id": 1})
    service = {
        "authenticationType": "AadServicePrincipal", "servicePrincipalId": "app", "servicePrincipalKey": SECURE,
        "tenant": "t1", "aadResourceId": "https://r", "azureCloudType": cloud,
    }  # fmt: skip
    look(service=service)

    assert endpoint.requests[0].headers["authorization"] == "Bearer t0k3n"


def test_a_managed_identity_has_its_token_from_local_settings(look, endpoint, vault):
    vault.values["managed-identity", "https://r"] = "t0k3n"
    endpoint.give("/api/t", {"id": 1})
    service = {"authenticationType": "ManagedServiceIdentity", "aadResourceId": "https://r"}

    assert look(service=service)["status"] == "Succeeded"
    vault.values.clear()
    assert "No managed identity is at hand" in look(service=service)["message"]


def test_a_bad_status_fails_by_the_documented_name(look, endpoint, answer):
    endpoint.give("/api/t", answer(404, '{"error": "gone"}'))
    message = look()["message"]

    assert "ErrorCode=RestSourceCallFailed,The HttpStatusCode 404 indicates failure." in message
    assert f"Request URL: {endpoint.url}/api/t" in message and '{"error": "gone"}' in message


def test_an_answer_that_is_not_json_fails(look, endpoint):
    endpoint.give("/api/t", "<html>")

    assert "is not JSON" in look()["message"]


def test_values_that_are_no_objects_fail(look, endpoint):
    endpoint.give("/api/t", [1, 2])

    assert "no objects" in look()["message"]


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_says_when_to_come_back_is_asked_again_then(look, endpoint, answer, clock, status):
    endpoint.give("/api/t", answer(status, "", {"Retry-After": "5"}), {"id": 1})

    assert look()["output"]["count"] == 1
    assert clock.monotonic() == 5


def test_other_faults_are_tried_again_as_often_as_the_source_says(look, endpoint, answer, clock):
    endpoint.give("/api/t", answer(500, ""), answer(200, {}, cut=True), answer(200, {}, reset=True), {"id": 1})

    assert look(sourceRetryCount=3, sourceRetryWait="00:00:10")["output"]["count"] == 1
    assert clock.monotonic() == 30


def test_without_a_count_a_fault_is_the_business_of_the_policy(look, endpoint, answer, clock):
    endpoint.give("/api/t", answer(500, ""), {"id": 1})

    assert look(policy={"retry": 1})["output"]["count"] == 1
    assert clock.monotonic() == 30


def test_a_silent_endpoint_is_given_up(look, endpoint, answer, services):
    services.clock = ScaledClock(100)
    release = threading.Event()

    def silent(request, count):
        release.wait(20)
        return answer()

    endpoint.on("/api/t", silent)
    message = look(httpRequestTimeout="00:00:30")["message"]
    release.set()

    assert "HttpRequestTimeout" in message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"requestMethod": "PUT"}, "'PUT' is no method of a REST source"),
        ({"pagination": {}}, "has no property 'pagination'"),
        ({"paginationRules": {"AbsoluteUri": "$.n"}}, "Did you mean 'AbsoluteUrl'?"),
        ({"paginationRules": {"AbsoluteUrl": "$.n[?(@.a)]"}}, "Filters in a JSON path"),
        ({"type": "JsonSource"}, "does not fit the RestResource dataset"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(make_factory, act, dataset, source, message):
    made = act("l", "Lookup", source={"type": "RestSource", **source}, dataset=dataset("ds_rest"))
    factory = make_factory({"main": [made]}, objects=objects("https://h"))

    assert any(message in str(finding) for finding in validate(factory)), [str(f) for f in validate(factory)]


def test_additional_columns_are_properties_of_each_object(look, endpoint):
    endpoint.give("/api/t", [{"id": 1}, {"id": 2}])
    columns = [{"name": "from", "value": "@pipeline().Pipeline"}, {"name": "copy", "value": "$$COLUMN:id"}]

    assert look(additionalColumns=columns)["output"]["value"] == [
        {"id": 1, "from": "main", "copy": 1},
        {"id": 2, "from": "main", "copy": 2},
    ]
    assert "has no $$FILEPATH" in look(additionalColumns=[{"name": "f", "value": "$$FILEPATH"}])["message"]


@pytest.mark.parametrize(
    ("kind", "properties"), [("GetMetadata", {"fieldList": ["exists"]}), ("Validation", {}), ("Delete", {})]
)
def test_an_endpoint_has_no_metadata(make_factory, act, dataset, kind, properties):
    made = act("m", kind, dataset=dataset("ds_rest"), **properties)
    found = [str(finding) for finding in validate(make_factory({"main": [made]}, objects=objects("https://h")))]

    assert any(f"{kind} does not work on the HTTP dataset 'ds_rest'" in text for text in found), found


def test_a_dataset_needs_a_rest_service(make_factory):
    wrong = objects("https://h")
    wrong["dataset"][0]["properties"]["linkedServiceName"]["referenceName"] = "ls_lake"
    found = [str(finding) for finding in validate(make_factory({"main": []}, objects=wrong))]

    assert any("'ls_lake' (AzureBlobFS) is no REST service" in text for text in found), found


def test_what_is_wrong_with_a_dataset_of_the_model_of_before_is_said_before_the_run(make_factory):
    older = {"paginationRules": {"AbsoluteUri": "$.n"}, "requestMethod": "PATCH"}
    found = [str(finding) for finding in validate(make_factory({"main": []}, objects=objects("https://h", older)))]

    assert any("Did you mean 'AbsoluteUrl'?" in text for text in found), found
    assert any("'PATCH' is no method" in text for text in found), found


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ({"authenticationType": "OAuth"}, "'OAuth' is no kind of authentication"),
        ({"authHeader": {}}, "Did you mean 'authHeaders'?"),
    ],
)
def test_what_is_wrong_with_a_service_is_said_before_the_run(make_factory, act, dataset, service, message):
    made = act("l", "Lookup", source={"type": "RestSource"}, dataset=dataset("ds_rest"))
    factory = make_factory({"main": [made]}, objects=objects("https://h", **service))

    assert any(message in str(finding) for finding in validate(factory)), [str(f) for f in validate(factory)]
