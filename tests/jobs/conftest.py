"""Bundles written by a test, and their jobs run for real; `spark` is a stand-in where no engine is needed."""

from __future__ import annotations

import textwrap
import threading
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from reelhouse.clock import ScaledClock
from reelhouse.jobs.bundle import load_bundle
from reelhouse.jobs.run import run_job
from reelhouse.jobs.services import JobServices
from reelhouse.notebooks.secrets import Secrets
from reelhouse.runs.record import Run, current_run
from reelhouse.storage.lake import Lake


class ListedRuns:
    """A run log that keeps everything in lists."""

    def __init__(self):
        self.runs = {}
        self.notes = []

    def begin(self, kind, name, *, type="", input=None, parent_id=None, run_id=None):
        run = Run(
            run_id or uuid.uuid4().hex, kind, name, type, parent_id or current_run.get(), datetime.now(UTC), input or {}
        )
        self.runs[run.id] = run
        return run

    def end(self, run_id, status, *, output=None, error=None):
        self.runs[run_id] = replace(
            self.runs[run_id], status=status, output=output, error=error, ended_at=datetime.now(UTC)
        )

    def note(self, message, *, run_id=None):
        self.notes.append(message)

    def named(self, name):
        return [run for run in self.runs.values() if run.name == name]


@dataclass(frozen=True)
class UpdateOutcome:
    id: str = "update-1"
    succeeded: bool = True
    error: str | None = None


class StandInSession:
    def __init__(self):
        self.statements = []

    def sql(self, text, args=None):
        self.statements.append((text, args))
        return self

    def limit(self, n):
        return self

    def collect(self):
        return []


class Bench:
    """A bundle in a folder, and running its jobs."""

    def __init__(self, folder):
        self.folder = folder / "bundle"
        self.folder.mkdir()
        self.state = folder / "state"
        self.log = ListedRuns()
        self.printed = []
        self.updates = []
        self.sessions = []
        self.update_outcome = UpdateOutcome()
        self.cancel = threading.Event()
        self.services = JobServices(
            runs=self.log,
            lake=Lake(folder / "lake"),
            state_dir=self.state,
            open_session=self._open,
            close_session=lambda session: None,
            run_pipeline=self._update,
            clock=ScaledClock(1),
            secrets=Secrets({"vault": {"password": "hunter2"}}, {}),
            cancel=self.cancel,
            output=lambda run_id, text: self.printed.append(text),
        )

    def _open(self):
        self.sessions.append(StandInSession())
        return self.sessions[-1]

    def _update(self, settings, *, full_refresh, refresh_selection, full_refresh_selection):
        self.updates.append((settings.key, full_refresh, tuple(refresh_selection), tuple(full_refresh_selection)))
        return self.update_outcome

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    def notebook(self, name, text):
        """A notebook of one cell."""
        return self.write(f"{name}.py", "# Databricks notebook source\n" + textwrap.dedent(text).lstrip("\n"))

    def load(self, yaml=None, target=None, variables=None, *, local=None, user="ada@example.com", environment=None):
        if yaml is not None:
            self.write("databricks.yml", yaml)
        return load_bundle(self.folder, target, variables, local=local, user=user, environment=environment or {})

    def job(self, tasks, settings="", rest=""):
        """A bundle whose job `j` has these tasks (YAML)."""
        head = "bundle: {name: b}\nresources:\n  jobs:\n    j:\n      name: j\n"
        body = textwrap.indent(textwrap.dedent(settings).strip("\n"), " " * 6)
        listed = textwrap.indent(textwrap.dedent(tasks).strip("\n"), " " * 8)
        return self.load(f"{head}{body}\n      tasks:\n{listed}\n{rest}")

    def run(self, tasks, parameters=None, settings="", services=None):
        return run_job(self.job(tasks, settings), "j", parameters, services or self.services)


def results(run):
    """Results by task key, as text."""
    return {task.key: task.result.value for task in run.tasks}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.fixture(name="results")
def results_fixture():
    return results
