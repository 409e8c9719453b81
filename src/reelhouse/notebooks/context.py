"""What a notebook runs in, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import Place, UserError
from reelhouse.notebooks.dbutils import TaskValuePort
from reelhouse.notebooks.secrets import Redactor, Secrets
from reelhouse.notebooks.source import find_notebook
from reelhouse.runs.record import RunLog
from reelhouse.storage.lake import Lake


@dataclass(frozen=True)
class NotebookContext:
    """What a notebook runs in.

    `root` is the bundle's folder, on `sys.path` behind the notebook's own; `named_from` is the folder that file names
    in messages are relative to; `workspace_folder` the absolute workspace path that stands for `root` on Databricks;
    `output` takes what is printed (None: the real output).
    """

    root: Path
    runs: RunLog
    lake: Lake
    open_session: Callable[[], Any]
    close_session: Callable[[Any], None]
    clock: Clock = field(default_factory=SystemClock)
    secrets: Secrets = field(default_factory=Secrets)
    redactor: Redactor = field(default_factory=Redactor)
    task_values: TaskValuePort | None = None
    output: Callable[[str], object] | None = None
    workspace_folder: str = ""
    named_from: Path | None = None

    def name_of(self, file: Path) -> str:
        """A file as messages call it."""
        base = self.named_from or self.root
        return file.relative_to(base).as_posix() if file.is_relative_to(base) else file.as_posix()

    def find(self, path: str, folder: Path, *, where: Place | None = None) -> Path:
        """The file of a notebook that is named relative to `folder`, or by an absolute workspace path."""
        if not path.startswith("/"):
            return find_notebook(folder / path, where=where)
        for prefix in {self.workspace_folder, self.workspace_folder.removeprefix("/Workspace")} - {""}:
            if path.startswith(prefix + "/"):
                return find_notebook(self.root / path[len(prefix) + 1 :], where=where)
        if Path(os.path.abspath(path)).is_relative_to(self.root):
            return find_notebook(path, where=where)
        raise UserError(
            f"Notebook '{path}' is not one of this bundle",
            where=where,
            remedy=f"Absolute workspace paths begin with '{self.workspace_folder or self.root}' here.",
        )


@dataclass(frozen=True)
class NotebookError:
    """What went wrong in a notebook: the user's exception, and where. `cell` and `line` are 0 when not known."""

    type: str
    message: str
    file: str
    cell: int = 0
    line: int = 0
    traceback: str = ""

    def __str__(self) -> str:
        cell = f", cell {self.cell}" if self.cell else ""
        line = f", line {self.line}" if self.line else ""
        return f"{self.type}: {self.message} ({self.file}{cell}{line})"

    def as_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "message": self.message,
            "file": self.file,
            "cell": self.cell,
            "line": self.line,
            "traceback": self.traceback,
        }


@dataclass(frozen=True)
class NotebookResult:
    """What came of a notebook. `exit_value` is None when it did not call `dbutils.notebook.exit`."""

    run_id: str
    exit_value: str | None = None
    error: NotebookError | None = None

    @property
    def succeeded(self) -> bool:
        return self.error is None


class NotebookFailed(UserError):
    """A notebook that another one ran did not succeed."""
