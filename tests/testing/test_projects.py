"""A factory inside of a project: what is not faked works as it does in the project, with its state elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

BRICKS = {"referenceName": "bricks", "type": "LinkedServiceReference"}
SERVICE = {"type": "AzureDatabricks", "typeProperties": {"domain": "https://adb", "authentication": "MSI"}}
NOTEBOOK = """# Databricks notebook source
dbutils.notebook.exit(dbutils.widgets.get("who") + "!")
"""


@pytest.fixture
def project(tmp_path: Path, act) -> Path:
    """A project with one pipeline that runs one notebook."""
    note = act("greet", "DatabricksNotebook", linkedServiceName=BRICKS, notebookPath="/say/hello",
               baseParameters={"who": "@pipeline().parameters.who"})  # fmt: skip
    files: dict[str, Any] = {
        "adf/linkedService/bricks.json": {"name": "bricks", "properties": SERVICE},
        "adf/pipeline/main.json": {
            "name": "main",
            "properties": {"parameters": {"who": {"type": "string"}}, "activities": [note]},
        },
        "databricks/databricks.yml": "bundle: {name: small}\ntargets: {dev: {default: true}}\n",
        "databricks/say/hello.py": NOTEBOOK,
        "reelhouse.toml": '[overlays]\n"abfss://raw@acct.dfs.core.windows.net/_config" = "config"\n',
        "config/a.txt": "x",
    }
    for name, content in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return tmp_path / "project"


@pytest.mark.supports("activity", "DatabricksNotebook")
@pytest.mark.supports("linked_service", "AzureDatabricks")
def test_a_notebook_runs_for_real_and_leaves_the_project_alone(load_factory, project) -> None:
    run = load_factory(project / "adf").run("main", {"who": "you"})

    assert run.message == ""
    assert run.activities["greet"].output["runOutput"] == "you!"
    assert not (project / ".reelhouse").exists()


def test_the_lake_of_a_project_has_its_overlays(load_factory, project, tmp_path) -> None:
    factory = load_factory(project / "adf")

    assert factory.path("abfss://raw@acct.dfs.core.windows.net/_config/a.txt").read_text() == "x"
    assert factory.path("abfss://raw@acct.dfs.core.windows.net/in/b.txt").is_relative_to(factory.lake.root)
    assert not factory.lake.root.is_relative_to(project)


def test_a_faked_notebook_is_given_its_evaluated_input(load_factory, project) -> None:
    run = load_factory(project / "adf").run("main", {"who": "me"}, fakes={"greet": {"runOutput": "hi"}})

    assert run.activities["greet"].input["baseParameters"] == {"who": "me"}
    assert run.activities["greet"].input["linkedServiceName"]["typeProperties"]["domain"] == "https://adb"
    assert run.activities["greet"].output == {"runOutput": "hi"}


def test_an_exported_template_is_tested_as_a_folder_is(load_factory, tmp_path) -> None:
    wait = {"name": "a", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 900}}
    pipeline = {
        "name": "[concat(parameters('factoryName'), '/p')]",
        "type": "Microsoft.DataFactory/factories/pipelines",
        "apiVersion": "2018-06-01",
        "properties": {"activities": [wait]},
    }
    template = {
        "$schema": "http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"factoryName": {"type": "string", "defaultValue": "exported"}},
        "resources": [pipeline],
    }
    (tmp_path / "ARMTemplateForFactory.json").write_text(json.dumps(template))

    factory = load_factory(tmp_path / "ARMTemplateForFactory.json")

    assert factory.run("p").status == "Succeeded"
