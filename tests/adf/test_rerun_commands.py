"""`reelhouse rerun`, `cancel` and `runs`, from one terminal and from a second one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


def write(folder: Path, name: str, activities: list[dict[str, Any]], **more: Any) -> None:
    file = folder / f"adf/pipeline/{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"name": name, "properties": {"activities": activities, **more}}))


@pytest.fixture
def project(tmp_path: Path, act) -> Path:
    """A project with a pipeline that fails for an item, one that waits, and a child."""
    check = act("check", "IfCondition", expression="@equals(string(item()), pipeline().parameters.bad)",
                ifTrueActivities=[act("no", "Fail", message="@concat('bad ', item())", errorCode="E")])  # fmt: skip
    each = act("each", "ForEach", items="@range(0, 30)", activities=[check])
    write(tmp_path, "loop", [each], parameters={"bad": {"type": "string", "defaultValue": "7"}})
    call = act("call", "ExecutePipeline", pipeline={"referenceName": "child", "type": "PipelineReference"})
    write(tmp_path, "long", [call])
    write(tmp_path, "child", [act("sleep", "Wait", waitTimeInSeconds=600)])
    return tmp_path


@pytest.fixture
def shell(project: Path) -> Shell:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*words), cwd=project, capture_output=True, text=True, timeout=60, env=wide())

    return call


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "reelhouse.cli", *words]


def wide() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200"}


def newest(shell: Shell, *more: str) -> dict[str, Any]:
    return json.loads(shell("runs", "--json", "--limit", "1", *more).stdout)[0]


def test_a_failed_run_is_shown_run_again_and_listed(shell: Shell):
    failed = shell("run", "loop")
    first = newest(shell)["id"]
    shown = shell("run", "show", first[:8]).stdout
    again = shell("rerun", first[:8], "--failed")
    listed = shell("runs", "--pipeline", "LOOP", "--status", "failed", "--last", "1h").stdout

    assert (failed.returncode, again.returncode) == (1, 1)
    assert "✗ loop Failed" in again.stdout
    assert "each  ForEach" in shown
    assert "decided the status" in shown
    assert "check [7]" in shown
    assert "bad 7" in shown
    assert "more that succeeded" in shown
    assert "rerun of" in listed
    assert listed.count("loop") == 2
    assert newest(shell)["details"]["referencePipelineRunId"] == first


def test_wrong_words_are_one_message(shell: Shell):
    shell("run", "loop", "-p", "bad=none")
    run = newest(shell)["id"]
    for words, told in [
        (("rerun", run, "--failed", "--from", "each"), "exclude each other"),
        (("rerun", run, "--from", "eech"), "Did you mean 'each'?"),
        (("rerun", run, "-p", "bad=1"), "keeps its parameters"),
        (("cancel", run), "has ended already: Succeeded"),
        (("runs", "--status", "fialed"), "Did you mean 'Failed'?"),
        (("runs", "--last", "soon"), "30m, 12h or 7d"),
    ]:
        done = shell(*words)
        assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_a_second_terminal_stops_a_run_and_its_children(shell: Shell, project: Path, eventually):
    going = subprocess.Popen(command("run", "long"), cwd=project, stdout=subprocess.DEVNULL, env=wide())
    store = project / ".reelhouse/runs.db"
    eventually(lambda: store.exists() and "child" in shell("runs", "--pipeline", "child").stdout)
    done = shell("cancel", newest(shell)["id"][:8])

    assert done.returncode == 0, done.stderr
    assert "Cancelled" in done.stdout
    assert going.wait(30) == 1
    assert newest(shell, "--pipeline", "child")["status"] == "Cancelled"


def test_a_killed_run_is_marked_when_the_project_is_opened_next(shell: Shell, project: Path, eventually):
    going = subprocess.Popen(command("run", "long"), cwd=project, stdout=subprocess.DEVNULL, env=wide())
    eventually(lambda: "child" in shell("runs", "--pipeline", "child").stdout)
    going.send_signal(signal.SIGKILL)
    going.wait()

    run = newest(shell)
    assert (run["status"], run["error"]["errorCode"]) == ("Failed", "ProcessGone")
