"""AzureFunctionActivity, with function apps that are mapped to this machine."""

from __future__ import annotations

import pytest

from reelhouse.adf.validate import validate

SECURE = {"type": "SecureString", "value": "f-k3y"}
REFERENCE = {"referenceName": "ls_app", "type": "LinkedServiceReference"}


def app(**properties):
    made = {"functionAppUrl": "https://app.azurewebsites.net", "functionKey": SECURE, **properties}
    made = {key: value for key, value in made.items() if value is not None}
    return {"linkedService": [{"name": "ls_app", "properties": {"type": "AzureFunction", "typeProperties": made}}]}


@pytest.fixture
def call(run, act, endpoint, map_urls):
    map_urls(app__azurewebsites__net=endpoint.url)

    def go(service=None, **properties):
        made = {"functionName": "Clean", "method": "GET", **properties}
        activity = act("f", "AzureFunctionActivity", linkedServiceName=REFERENCE, **made)
        result = run([activity], objects=service or app())
        return {**result.activities["f"], "message": result.message}

    return go


@pytest.mark.supports("activity", "AzureFunctionActivity")
@pytest.mark.supports("linked_service", "AzureFunction")
def test_a_function_gets_its_key_and_its_answer_is_the_output(call, endpoint, runs):
    endpoint.give("/api/Clean/2024", {"rows": 3})
    state = call(
        functionName="@concat('Clean/', '2024?mode=full')", method="POST", body={"a": "@true"}, headers={"H": "1"}
    )

    (request,) = endpoint.requests
    assert (request.query, request.json) == ({"mode": "full"}, {"a": True})
    assert (request.headers["x-functions-key"], request.headers["h"]) == ("f-k3y", "1")
    assert state["output"] == {"rows": 3}
    assert "f-k3y" not in str(runs.all)


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (200, "[1]", "3603", "Response Content is not a valid JObject."),
        (200, "fine", "3603", "Response Content is not a valid JObject."),
        (202, "", "3603", "Response Content is not a valid JObject."),
        (
            500, "oh no", "3608",
            "Call to provided Azure function 'Clean' failed with status-'500' and message - 'oh no'.",
        ),
    ],
)  # fmt: skip
def test_what_a_function_may_not_answer(call, endpoint, answer, status, body, code, message):
    endpoint.give("/api/Clean", answer(status, body))
    error = call()["error"]

    assert (error["errorCode"], error["message"]) == (code, message)


def test_a_function_app_that_is_not_there_fails_with_3610(call):
    assert call(app(functionAppUrl="http://127.0.0.1:9"))["error"]["errorCode"] == "3610"


def test_a_function_app_without_a_key_fails_unless_it_is_said_to_be_open(call, endpoint):
    endpoint.give("/api/Clean", {"a": 1})

    assert call(app(functionKey=None))["error"]["errorCode"] == "3606"
    assert call(app(functionKey=None, authentication="Anonymous"))["output"] == {"a": 1}
    assert "cannot be read here" in call(app(functionKey=None, encryptedCredential="x"))["message"]


def test_a_managed_identity_has_its_token_from_local_settings(call, endpoint, vault):
    vault.values["managed-identity", "api://app"] = "t0k3n"
    endpoint.give("/api/Clean", {})
    call(app(functionKey=None, authentication="MSI", resourceId="api://app"))

    assert endpoint.requests[0].headers["authorization"] == "Bearer t0k3n"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"method": "PATCH"}, "'PATCH' is no method of an Azure function"),
        ({"functionName": ""}, "lacks 'functionName'"),
        ({"method": "POST"}, "A POST needs a body"),
        ({"linkedServiceName": None}, "missing LinkedService definition"),
        ({"body": "x"}, "A GET sends no body"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(make_factory, act, properties, message):
    made = {"functionName": "F", "method": "GET", "linkedServiceName": REFERENCE, **properties}
    factory = make_factory({"main": [act("f", "AzureFunctionActivity", **made)]}, objects=app())

    assert any(message in str(finding) for finding in validate(factory)), [str(f) for f in validate(factory)]
