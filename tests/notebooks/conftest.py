"""Notebooks written by a test, run for real; `spark` is a stand-in where no engine is needed."""

from __future__ import annotations

import textwrap
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reelhouse.notebooks.context import NotebookContext
from reelhouse.notebooks.run import run_notebook
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


class Frame:
    """Stands for a DataFrame of one row."""

    isStreaming = False

    def __init__(self, text, args):
        self.text, self.args = text, args
        self.columns = ["statement"]

    def limit(self, n):
        return self

    def toArrow(self):
        raise NotImplementedError

    def collect(self):
        return [(self.text,)]


class StandInSession:
    """Stands for a Spark session: remembers its statements."""

    def __init__(self):
        self.statements = []

    def sql(self, text, args=None):
        if "FAIL" in text:
            raise ValueError("no such table")
        self.statements.append((text, args))
        return Frame(text, args)

    def table(self, name):
        return Frame(name, None)


class Bench:
    """A folder of notebooks, and running them."""

    def __init__(self, folder):
        self.folder = folder / "bundle"
        self.folder.mkdir()
        self.log = ListedRuns()
        self.printed = []
        self.sessions = []
        self.closed = []
        self.context = NotebookContext(
            root=self.folder,
            runs=self.log,
            lake=Lake(folder / "lake", mounts={"raw": "abfss://raw@acc.dfs.core.windows.net"}),
            open_session=self._open,
            close_session=self.closed.append,
            secrets=Secrets({"vault": {"password": "hunter2"}}, {}),
            output=self.printed.append,
        )

    def _open(self):
        self.sessions.append(StandInSession())
        return self.sessions[-1]

    @property
    def output(self):
        return "".join(self.printed)

    def write(self, name, *cells):
        """A notebook of these cells (or any other file, when a single text is given for a name without notebook)."""
        mark = "--" if name.endswith(".sql") else "#"
        body = f"\n\n{mark} COMMAND ----------\n\n".join(textwrap.dedent(c).strip("\n") for c in cells)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{mark} Databricks notebook source\n{body}\n")
        return path

    def write_file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, *cells, parameters=None, name="main.py", context=None):
        if cells:
            self.write(name, *cells)
        return run_notebook(name.rsplit(".", 1)[0], parameters or {}, context or self.context)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)
