"""Artifacts are pure: they name nothing that Azure and Databricks do not have."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

FOLDERS = ("adf", "databricks", "config", "infra")
MODULES_OF_DATABRICKS = {"pyspark", "netflix"}


def artifacts(project: Path) -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in sorted((project / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_no_artifact_names_the_runtime(project: Path) -> None:
    naming = [str(path) for path in artifacts(project) if "reelhouse" in path.read_text(encoding="utf-8").lower()]

    assert naming == []


def test_python_imports_only_what_databricks_has(project: Path, request: pytest.FixtureRequest) -> None:
    import sys

    foreign = set()
    for path in (project / "databricks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign |= {
                (path.name, n.partition(".")[0]) for n in names if n.partition(".")[0] not in sys.stdlib_module_names
            }

    assert {module for _, module in foreign} <= MODULES_OF_DATABRICKS, foreign


def test_notebooks_are_in_source_format_and_the_rest_is_not(project: Path) -> None:
    databricks = project / "databricks"
    notebooks = {p for folder in ("bronze", "utils") for p in (databricks / folder).glob("*.py")}
    modules = {p for folder in ("silver", "gold", "netflix") for p in (databricks / folder).glob("*.py")}

    starts = {
        p: p.read_text(encoding="utf-8").startswith("# Databricks notebook source\n") for p in notebooks | modules
    }

    assert {p for p, notebook in starts.items() if notebook} == notebooks


def test_every_run_magic_stands_alone_and_names_a_notebook(project: Path) -> None:
    for path in (project / "databricks").rglob("*.py"):
        for cell in path.read_text(encoding="utf-8").split("# COMMAND ----------"):
            if "# MAGIC %run" in cell:
                lines = [line for line in cell.strip().splitlines() if line.strip()]
                assert len(lines) == 1, path
                target = path.parent / f"{lines[0].removeprefix('# MAGIC %run').strip()}.py"
                assert target.is_file(), target


def test_no_secret_stands_in_the_factory(project: Path) -> None:
    for path in (project / "adf" / "linkedService").glob("*.json"):
        text = json.dumps(json.loads(path.read_text())).lower()
        assert not any(word in text for word in ("accountkey", "sas", "password", "accesstoken", "encryptedcredential"))
