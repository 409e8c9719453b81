"""What is said at the end of a run: what failed, and whether the run as a whole did."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

import reelhouse
from reelhouse.report.summary import message_of, summarise
from reelhouse.report.terminal import ending, run_tree
from reelhouse.runs.record import Run, RunKind, RunStatus, TableChange

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PACKAGE = Path(reelhouse.__file__).parent


def run(name: str, status: RunStatus, parent: str | None = None, error: object = None) -> Run:
    return Run(name, RunKind.ACTIVITY, name, "Wait", parent, NOW, {}, status, NOW, None, error)


def shown(what: object) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")
    console.print(what)
    return console.file.getvalue()


def summary(*runs: Run, changes: tuple[TableChange, ...] = ()):
    return summarise(runs, changes, (), (), (), "/lake")


def test_a_failure_that_the_run_handled_is_dim_and_not_called_what_failed() -> None:
    text = shown(
        ending(
            summary(run("main", RunStatus.SUCCEEDED), run("try", RunStatus.FAILED, "main", {"message": "no such file"}))
        )
    )

    assert "failed and handled" in text and "what failed" not in text
    assert "no such file" in text
    assert "\x1b[2m" in text and "\x1b[31m" not in text


def test_a_failure_of_the_run_is_what_failed() -> None:
    text = shown(
        ending(summary(run("main", RunStatus.FAILED), run("load", RunStatus.FAILED, "main", {"message": "no room"})))
    )

    assert "what failed" in text and "handled" not in text


TRACE = f"""UserError: A record has 2 values in place of 3. Read it with mode PERMISSIVE. (abfss://raw@a/x.csv)
Traceback:
Traceback (most recent call last):
  File "{PACKAGE}/autoloader/source.py", line 58, in read
    yield from read_piece(self._request, shape, file, (start, end))
  File "/usr/lib/python3.11/contextlib.py", line 158, in __exit__
    self.gen.throw(typ, value, traceback)
"""


def test_a_traceback_of_the_runtime_is_not_shown() -> None:
    assert message_of({"message": TRACE}) == TRACE.splitlines()[0]
    assert "Traceback" not in shown(run_tree([run("q", RunStatus.FAILED, error={"message": TRACE})]))


def test_frames_of_the_users_own_files_stay() -> None:
    text = TRACE + '  File "databricks/gold/rank.py", line 7, in rank\n    return 1 / 0\nZeroDivisionError: division\n'

    assert message_of(text).splitlines() == [
        TRACE.splitlines()[0],
        "Traceback:",
        "Traceback (most recent call last):",
        '  File "databricks/gold/rank.py", line 7, in rank',
        "    return 1 / 0",
        "ZeroDivisionError: division",
    ]


@pytest.mark.parametrize("text", ["no such table", "", "Traceback of a film, 1999"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert message_of(text) == text
