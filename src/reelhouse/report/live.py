"""Live progress: what runs now at the bottom of the terminal, what has ended above it."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from reelhouse.report.summary import message_of
from reelhouse.report.terminal import STYLES
from reelhouse.runs.record import Run, RunKind, RunStatus

SHOWN_RUNNING = 8
QUIET_TYPES = {"SetVariable", "AppendVariable", "Filter", "IfCondition", "Switch", "ForEach", "Until", "GetMetadata"}


def shortened(text: str, length: int = 200) -> str:
    """The beginning of a long text; the whole of it stands in the summary."""
    return text if len(text) <= length else text[: length - 1] + "…"


class LiveProgress:
    """A listener for `RunLog.subscribe`. Without a terminal it prints a line at each end of a run and nothing else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._depth: dict[str, int] = {}
        self._running: dict[str, Run] = {}
        self._explained: set[str] = set()
        """Runs below which a failure has been told, so that it is not told again at every level."""
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._render)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, fact: Any) -> None:
        if not isinstance(fact, Run):
            return
        with self._lock:
            if not fact.has_ended:
                self._depth[fact.id] = self._depth.get(fact.parent_id or "", -1) + 1
                self._running[fact.id] = fact
                return
            self._running.pop(fact.id, None)
            line = self._line(fact) if self._is_worth_a_line(fact) else None
            # Nothing begins below a run that has ended: a loop of many turns does not fill the memory.
            self._depth.pop(fact.id, None)
            self._explained.discard(fact.id)
        # Printing takes the lock of `Live`, whose refresh asks `_render` for ours: never hold both.
        if line is not None:
            self._console.print(line, soft_wrap=True, highlight=False)

    def _is_worth_a_line(self, run: Run) -> bool:
        if run.status in (RunStatus.SKIPPED, RunStatus.INACTIVE):
            return False
        if run.status is RunStatus.FAILED:
            return True
        return run.kind is not RunKind.QUERY and run.type not in QUIET_TYPES

    def _line(self, run: Run) -> Text:
        mark, style = STYLES[run.status]
        seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at else 0.0
        line = Text("  " * self._depth.get(run.id, 0))
        line.append(f"{mark} ", style=style)
        line.append(run.name)
        line.append(f"  {run.type or run.kind.value}", style="dim")
        line.append("  used again" if "reusedFrom" in run.details else f"  {seconds:.2f} s", style="cyan")
        if run.status is RunStatus.FAILED:
            if run.id not in self._explained:
                first = message_of(run.error).splitlines()
                line.append(f"  {shortened(first[0]) if first else ''}", style="red")
            if run.parent_id:
                self._explained.add(run.parent_id)
        return line

    def _render(self) -> Group:
        with self._lock:
            parents = {run.parent_id for run in self._running.values()}
            leaves = [run for run in self._running.values() if run.id not in parents]
        rows: list[Spinner] = [
            Spinner("dots", Text.assemble(run.name, (f"  {run.type or run.kind.value}", "dim")), style="yellow")
            for run in leaves[-SHOWN_RUNNING:]
        ]
        return Group(*rows)
