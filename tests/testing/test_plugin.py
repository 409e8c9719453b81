"""The plugin as pytest loads it, in projects of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PIPELINE = '{"name": "p", "properties": {"activities": [{"name": "a", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 900}}]}}'  # noqa: E501
TEST = """
def test_it_runs(factory):
    assert factory.run("p").status == "Succeeded"

def test_time_stands_still(frozen_time, factory):
    frozen_time.set("2026-05-01")
    assert factory.run("p").activities["a"].attempts[0].started_at.isoformat() == "2026-05-01T00:00:00+00:00"
    assert factory.evaluate("@utcNow('HH:mm')") == "00:15"

def test_another_folder(load_factory, tmp_path):
    (tmp_path / "q.json").write_text('{"name": "q", "properties": {"activities": []}}')
    assert load_factory(tmp_path).run("q").status == "Succeeded"
"""
LOADED = """
import sys

def test_nothing_of_the_runtime_is_loaded():
    assert [name for name in sys.modules if name.startswith("reelhouse")] == %r
    assert not {"pydantic", "pyarrow", "pandas", "httpx", "sqlalchemy"} & set(sys.modules)
"""


@pytest.fixture
def run_pytest(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs pytest in a project of these files; the plugin is loaded as its entry point names it."""

    def run(files: dict[str, str], *words: str) -> Any:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        code = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
        plugin = ["-p", "reelhouse.testing.plugin", "-p", "no:reelhouse"]
        command = [sys.executable, "-c", code, *plugin, "-W", "error", "-p", "no:cacheprovider", "-q", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["alone", "in two processes"])
def test_the_fixtures_open_the_folder_that_the_ini_file_names(run_pytest, words) -> None:
    files = {"pytest.ini": "[pytest]\nreelhouse_factory = data/factory\n", "data/factory/pipeline/p.json": PIPELINE}

    done = run_pytest({**files, "test_it.py": TEST}, *words)

    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert "warning" not in done.stdout


def test_the_folder_is_adf_unless_told(run_pytest) -> None:
    done = run_pytest({"adf/pipeline/p.json": PIPELINE, "test_it.py": TEST})

    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_a_folder_that_is_not_there_is_named(run_pytest) -> None:
    done = run_pytest({"test_it.py": TEST})

    assert "There is no folder" in done.stdout
    assert "/adf' with a data factory" in done.stdout


def test_the_plugin_loads_nothing_where_it_is_not_used(run_pytest) -> None:
    modules = ["reelhouse", "reelhouse.testing", "reelhouse.testing.plugin"]

    done = run_pytest({"test_it.py": LOADED % modules}, "-p", "no:xdist")

    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_entry_point_is_declared() -> None:
    from importlib.metadata import entry_points

    assert [point.value for point in entry_points(group="pytest11", name="reelhouse")] == ["reelhouse.testing.plugin"]
