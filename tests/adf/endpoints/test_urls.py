"""[urls] of reelhouse.toml: the whole way from the settings of a project to a call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelhouse import Project
from reelhouse.errors import UserError
from reelhouse.runs.record import RunStatus


@pytest.fixture
def project(tmp_path: Path, act):
    """A function that opens a project of one pipeline, which calls a function app."""
    opened: list[Project] = []

    def open_it(settings: str) -> Project:
        for folder in ("pipeline", "linkedService"):
            (tmp_path / "adf" / folder).mkdir(parents=True)
        reference = {"referenceName": "ls_app", "type": "LinkedServiceReference"}
        made = act("f", "AzureFunctionActivity", functionName="F", method="GET", linkedServiceName=reference)
        pipeline = {"name": "main", "properties": {"activities": [made]}}
        secret = {"type": "SecureString", "value": "f-k3y"}
        properties = {"functionAppUrl": "https://app.azurewebsites.net", "functionKey": secret}
        service = {"name": "ls_app", "properties": {"type": "AzureFunction", "typeProperties": properties}}
        (tmp_path / "adf/pipeline/main.json").write_text(json.dumps(pipeline))
        (tmp_path / "adf/linkedService/ls_app.json").write_text(json.dumps(service))
        (tmp_path / "reelhouse.toml").write_text(settings)
        opened.append(Project.open(tmp_path))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


def test_a_function_app_is_called_where_the_settings_say(project, endpoint):
    endpoint.give("/api/F", {"ok": True})
    done = project(f'[urls]\n"https://app.azurewebsites.net" = "{endpoint.url}"\n').run_pipeline()

    assert done.status is RunStatus.SUCCEEDED, done.message
    assert done.activities["f"]["output"] == {"ok": True}


def test_what_is_no_url_is_refused(project):
    with pytest.raises(UserError, match="'localhost:7071' is none"):
        project('[urls]\n"https://app.azurewebsites.net" = "localhost:7071"\n').run_pipeline()
