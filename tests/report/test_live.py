"""Live progress in a terminal, while many things start and end at once."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime

import pytest
from rich.console import Console

from reelhouse.report.live import LiveProgress
from reelhouse.runs.record import Run, RunKind, RunStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def begun(name: str, parent: str | None = None) -> Run:
    return Run(name, RunKind.TASK, name, "notebook_task", parent, NOW)


def ended(run: Run, status: RunStatus = RunStatus.SUCCEEDED, error: object = None) -> Run:
    return Run(run.id, run.kind, run.name, run.type, run.parent_id, NOW, {}, status, NOW, None, error)


@pytest.mark.timeout(30)
def test_threads_that_report_while_the_terminal_refreshes_do_not_wait_for_each_other_for_ever() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with LiveProgress(console) as progress:
        progress._live.refresh_per_second = 1000

        def report(name: str) -> None:
            for number in range(200):
                run = begun(f"{name}-{number}")
                progress(run)
                progress._live.refresh()
                progress(ended(run))

        threads = [threading.Thread(target=report, args=(f"task{i}",), daemon=True) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)


def test_a_failure_is_told_where_it_happened_and_not_again_above() -> None:
    out = io.StringIO()
    with LiveProgress(Console(file=out, width=120)) as progress:
        job, task = begun("job"), begun("task", "job")
        for run in (job, task):
            progress(run)
        for run in (task, job):
            progress(ended(run, RunStatus.FAILED, {"message": "no such table"}))
    assert out.getvalue().count("no such table") == 1
    assert [line.split()[1] for line in out.getvalue().splitlines()] == ["task", "job"]
