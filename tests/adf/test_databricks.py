"""Activities of Databricks: what is started, what ends it early, and files and jobs of a project for real."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from reelhouse import Project
from reelhouse.adf.services import JobResult
from reelhouse.adf.validate import validate
from reelhouse.clock import ScaledClock, SystemClock
from reelhouse.runs.record import RunStatus

BRICKS = {"referenceName": "ls_bricks", "type": "LinkedServiceReference"}


class Endless:
    """Stands for jobs, notebooks and Python files alike: works until it is told to stop."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.stopped = False
        self.given: list[object] = []

    def run(self, what, parameters, stop):
        self.given.append((what, parameters))
        self.started.set()
        self.stopped = stop.wait(20)
        return JobResult("1", "page", None, "CANCELED")


@pytest.fixture
def endless(services) -> Endless:
    port = Endless()
    services.jobs = services.notebooks = services.python_files = port
    return port


ACTIVITIES = [
    ("DatabricksJob", {"jobId": "1"}),
    ("DatabricksNotebook", {"notebookPath": "/n"}),
    ("DatabricksSparkPython", {"pythonFile": "dbfs:/x.py"}),
]


@pytest.mark.parametrize(("kind", "properties"), ACTIVITIES)
def test_what_has_no_more_time_is_stopped_while_it_runs(run, act, endless, services, kind, properties):
    services.clock = ScaledClock(2000)
    result = run([act("a", kind, linkedServiceName=BRICKS, policy={"timeout": "0.00:10:00"}, **properties)])

    assert endless.stopped
    assert result.activities["a"]["error"]["errorCode"] == "Timeout"


@pytest.mark.parametrize(("kind", "properties"), ACTIVITIES)
def test_a_cancelled_run_stops_what_runs(run, act, endless, services, kind, properties):
    results = []
    made = act("a", kind, linkedServiceName=BRICKS, **properties)
    thread = threading.Thread(target=lambda: results.append(run([made])))
    thread.start()
    assert endless.started.wait(10)
    services.cancel.set()
    thread.join(10)

    assert endless.stopped
    assert results[0].status is RunStatus.CANCELLED


def test_a_python_file_gets_its_parameters_as_texts(run, act, services):
    given = []

    class Files:
        def run(self, file, arguments, stop):
            given.append((file, arguments))
            return JobResult("7", "page/7", None, "SUCCESS")

    services.python_files = Files()
    result = run(
        [
            act(
                "a",
                "DatabricksSparkPython",
                linkedServiceName=BRICKS,
                pythonFile="@concat('dbfs:/', 'x.py')",
                parameters=["@pipeline().Pipeline", 5],
                libraries=[{"pypi": {"package": "simplejson"}}],
            )
        ]
    )

    assert given == [("dbfs:/x.py", ["main", "5"])]
    assert result.activities["a"]["output"] == {"runPageUrl": "page/7"}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"pythonFile": "x.py"}, "'x.py' is no address of a Python file"),
        ({"pythonFile": "dbfs:/x.py", "parameters": "a b"}, "'parameters' has to be a list"),
        ({"pythonFile": "dbfs:/x.py", "arguments": []}, "has no property 'arguments'"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(make_factory, act, properties, message):
    factory = make_factory({"main": [act("a", "DatabricksSparkPython", linkedServiceName=BRICKS, **properties)]})

    assert any(message in str(finding) for finding in validate(factory)), [str(f) for f in validate(factory)]


BUNDLE = """
bundle: {name: small}
targets: {dev: {default: true, mode: development}}
resources:
  jobs:
    slow:
      name: slow
      tasks:
        - task_key: only
          spark_python_task: {python_file: slow.py}
"""
SAY = "import json, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))\n"
SLOW = "import pathlib, time\npathlib.Path({!r}).write_text('on')\nwhile True: time.sleep(0.05)\n"


class Leaping(SystemClock):
    """An hour passes at once when a file is there."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def monotonic(self) -> float:
        return super().monotonic() + (3600 if self._file.exists() else 0)


@pytest.fixture
def project(tmp_path: Path, act):
    """A function that opens a project with these activities as its only pipeline."""
    opened: list[Project] = []

    def open_it(activities, clock=None) -> Project:
        root = tmp_path / "project"
        for folder in ("adf/pipeline", "adf/linkedService", "databricks/etl"):
            (root / folder).mkdir(parents=True)
        pipeline = {"name": "main", "properties": {"activities": activities}}
        (root / "adf/pipeline/main.json").write_text(json.dumps(pipeline))
        service = {
            "name": "ls_bricks",
            "properties": {
                "type": "AzureDatabricks",
                "typeProperties": {"domain": "https://adb", "authentication": "MSI"},
            },
        }
        (root / "adf/linkedService/ls_bricks.json").write_text(json.dumps(service))
        (root / "databricks/databricks.yml").write_text(BUNDLE)
        (root / "databricks/slow.py").write_text(SLOW.format(str(tmp_path / "on")))
        (root / "databricks/etl/say.py").write_text(SAY)
        slow = "# Databricks notebook source\n" + SLOW.format(str(tmp_path / "on"))
        (root / "databricks/etl/slow_notebook.py").write_text(slow)
        opened.append(Project.open(root, clock=clock))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


@pytest.mark.supports("activity", "DatabricksSparkPython")
def test_python_files_of_the_workspace_and_of_dbfs_run(project, act, tmp_path):
    def python(name, file, after=()):
        parameters = [str(tmp_path / name), "x", "y z"]
        return act(
            name, "DatabricksSparkPython", after, linkedServiceName=BRICKS, pythonFile=file, parameters=parameters
        )

    opened = project([python("one", "/etl/say.py"), python("two", "dbfs:/etl/say.py", "one")])
    copy = Path(opened.lake.local("dbfs:/etl/say.py"))
    copy.parent.mkdir(parents=True)
    copy.write_text(SAY)
    done = opened.run_pipeline()

    assert done.status is RunStatus.SUCCEEDED, done.message
    assert [json.loads((tmp_path / name).read_text()) for name in ("one", "two")] == [["x", "y z"]] * 2
    names = sorted(run.name for run in opened.runs.tree(done.id))
    assert names == ["main", "main", "main", "one", "say.py", "say.py", "two"]


def test_a_python_file_that_is_not_there_fails_by_name(project, act):
    opened = project([act("a", "DatabricksSparkPython", linkedServiceName=BRICKS, pythonFile="/etl/sya.py")])

    assert "sya.py' does not exist" in opened.run_pipeline().message


def test_a_notebook_that_runs_too_long_is_stopped(project, act, tmp_path):
    policy = {"timeout": "0.00:10:00"}
    made = act("a", "DatabricksNotebook", linkedServiceName=BRICKS, notebookPath="/etl/slow_notebook", policy=policy)
    opened = project([made], clock=Leaping(tmp_path / "on"))
    done = opened.run_pipeline()

    assert done.activities["a"]["error"]["errorCode"] == "Timeout", done.message
    notebook = next(run for run in opened.runs.tree(done.id) if run.type == "notebook")
    assert notebook.status is RunStatus.CANCELLED


def test_a_job_that_runs_too_long_is_stopped(project, act, tmp_path):
    policy = {"timeout": "0.00:10:00"}
    made = act("a", "DatabricksJob", linkedServiceName=BRICKS, jobId="@pipeline().globalParameters.job", policy=policy)
    opened = project([made], clock=Leaping(tmp_path / "on"))
    (opened.root / "adf/factory").mkdir()
    job = {"type": "string", "value": str(opened.bundle.jobs["slow"].id)}
    factory = {"name": "small", "properties": {"globalParameters": {"job": job}}}
    (opened.root / "adf/factory/small.json").write_text(json.dumps(factory))
    done = opened.run_pipeline()

    assert done.activities["a"]["error"]["errorCode"] == "Timeout", done.message
    job_run = next(run for run in opened.runs.tree(done.id) if run.name.endswith("slow"))
    assert job_run.status is RunStatus.CANCELLED
