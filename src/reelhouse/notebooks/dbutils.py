"""`dbutils`, as a notebook sees it.

https://docs.databricks.com/aws/en/dev-tools/databricks-utils
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from reelhouse.errors import Unsupported, UserError
from reelhouse.notebooks.files import FileInfo, Files, MountInfo
from reelhouse.notebooks.secrets import Redactor, Secrets
from reelhouse.notebooks.widgets import Widgets
from reelhouse.storage.lake import Lake


class NotebookExit(BaseException):
    """Ends a notebook with a value. Not an `Exception`, so that `except Exception` of user code lets it pass."""

    def __init__(self, value: str) -> None:
        self.value = value
        super().__init__(value)


class PythonRestart(BaseException):
    """Ends a cell; the next one starts with nothing defined."""


class UnknownUtility(Unsupported, AttributeError):
    """A part of `dbutils` that is not there."""


class TaskValuePort(Protocol):
    """The task values of the job run that a notebook is part of."""

    def set(self, key: str, value: Any) -> None:
        """Keep a JSON value under the running task's key."""

    def get(self, task_key: str, key: str) -> Any:
        """The value. Raises `KeyError` when that task has set none of that name."""


class _Utility:
    """One group of functions. Names it lacks are refused, listing what is there."""

    _name = "dbutils"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnknownUtility(
            f"{self._name}.{name} is not supported",
            remedy=f"Supported: {', '.join(f'{self._name}.{n}' for n in self._offers())}.",
        )

    def _offers(self) -> list[str]:
        names = {*vars(type(self)), *vars(self)}
        return sorted(n for n in names if not n.startswith("_"))

    def help(self, method: str | None = None) -> None:
        """Print what is there."""
        for name in [method] if method else self._offers():
            doc = (getattr(getattr(self, name), "__doc__", None) or "").split("\n")[0]
            print(f"{self._name}.{name}: {doc}")


class WidgetUtility(_Utility):
    """Parameters of the notebook. Values are text."""

    _name = "dbutils.widgets"

    def __init__(self, widgets: Widgets) -> None:
        self._widgets = widgets

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:
        self._widgets.declare("text", name, defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        self._widgets.declare("dropdown", name, defaultValue, list(choices))

    def combobox(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        self._widgets.declare("combobox", name, defaultValue, list(choices))

    def multiselect(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        self._widgets.declare("multiselect", name, defaultValue, list(choices))

    def get(self, name: str) -> str:
        """The present value. Raises `InputWidgetNotDefined`."""
        return self._widgets.get(name)

    def getAll(self) -> dict[str, str]:
        """Every value by name."""
        return self._widgets.values()

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:
        """The present value, or the given one when there is no such widget."""
        if defaultValue is not None and name not in self._widgets.values():
            return defaultValue
        return self._widgets.get(name)

    def remove(self, name: str) -> None:
        self._widgets.remove(name)

    def removeAll(self) -> None:
        self._widgets.remove_all()


class NotebookUtility(_Utility):
    """Ending this notebook, and running others."""

    _name = "dbutils.notebook"

    def __init__(self, run: Callable[[str, float, Mapping[str, str]], str | None]) -> None:
        self._run = run

    def exit(self, value: Any) -> None:
        """End this notebook with a value, which becomes text."""
        raise NotebookExit(str(value))

    def run(self, path: str, timeout_seconds: float, arguments: Mapping[str, str] | None = None) -> str | None:
        """Run another notebook by itself; what it exits with. Raises when it fails or takes longer (0: no limit)."""
        for name, value in (arguments or {}).items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise UserError(
                    f"Argument {name!r} of dbutils.notebook.run('{path}') is {value!r}, and arguments are text",
                    remedy="Pass json.dumps(…) of it and read it back in the notebook.",
                )
        return self._run(path, timeout_seconds, dict(arguments or {}))


class FileUtility(_Utility):
    """Files of the lake."""

    _name = "dbutils.fs"

    def __init__(self, files: Files) -> None:
        self._files = files

    def ls(self, dir: str) -> list[FileInfo]:
        """What lies in a folder."""
        return self._files.ls(dir)

    def head(self, file: str, max_bytes: int = 65536) -> str:
        """The first bytes of a file, as text."""
        return self._files.head(file, max_bytes)

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text."""
        print(f"Wrote {self._files.put(file, contents, overwrite)} bytes.")
        return True

    def mkdirs(self, dir: str) -> bool:
        """Make a folder and those above it."""
        self._files.mkdirs(dir)
        return True

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """Remove a file or a folder."""
        return self._files.rm(dir, recurse)

    def cp(self, from_: str, to: str, recurse: bool = False) -> bool:
        """Copy a file or a folder."""
        self._files.cp(from_, to, recurse)
        return True

    def mv(self, from_: str, to: str, recurse: bool = False) -> bool:
        """Move a file or a folder."""
        self._files.mv(from_, to, recurse)
        return True

    def mounts(self) -> list[MountInfo]:
        """What `/mnt/<name>` stands for, as the project's settings say."""
        return self._files.mounts()


class SecretScope(NamedTuple):
    """A scope of a listing."""

    name: str


class SecretMetadata(NamedTuple):
    """A secret's key in a listing."""

    key: str


class SecretUtility(_Utility):
    """Secrets. Their values are shown as `[REDACTED]` in what the notebook prints."""

    _name = "dbutils.secrets"

    def __init__(self, secrets: Secrets, redactor: Redactor) -> None:
        self._secrets = secrets
        self._redactor = redactor

    def get(self, scope: str, key: str) -> str:
        """The value as text."""
        value = self._secrets.get(scope, key)
        self._redactor.add(value)
        return value

    def getBytes(self, scope: str, key: str) -> bytes:
        """The value as bytes."""
        return self.get(scope, key).encode("utf-8")

    def list(self, scope: str) -> Sequence[SecretMetadata]:
        """The keys of a scope."""
        return [SecretMetadata(key) for key in self._secrets.keys(scope)]

    def listScopes(self) -> Sequence[SecretScope]:
        """All scopes."""
        return [SecretScope(scope) for scope in self._secrets.scopes()]


class TaskValueUtility(_Utility):
    """Values that tasks of a job hand to each other.

    https://docs.databricks.com/aws/en/jobs/task-values
    """

    _name = "dbutils.jobs.taskValues"

    def __init__(self, values: TaskValuePort | None) -> None:
        self._values = values

    def set(self, key: str, value: Any) -> None:
        """Keep a JSON value of at most 48 KiB under this task's key. Outside a job nothing happens."""
        try:
            size = len(json.dumps(value).encode("utf-8"))
        except (TypeError, ValueError) as error:
            raise UserError(
                f"Task value '{key}' is not JSON: {error}", remedy="Convert it to text or numbers."
            ) from None
        if size > 48 * 1024:
            raise UserError(
                f"Task value '{key}' has {size} bytes as JSON", remedy="At most 49152 (48 KiB) are allowed."
            )
        if self._values is not None:
            self._values.set(key, value)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """The value that task set; `default` when it set none. Outside a job: `debugValue`."""
        if self._values is None:
            if debugValue is None:
                raise TypeError(
                    f"Task value '{key}' of task '{taskKey}' is read outside a job, and no debugValue is given"
                )
            return debugValue
        try:
            return self._values.get(taskKey, key)
        except KeyError:
            if default is None:
                raise ValueError(f"Task '{taskKey}' has set no task value '{key}', and no default is given") from None
            return default


class JobUtility(_Utility):
    _name = "dbutils.jobs"

    def __init__(self, values: TaskValuePort | None) -> None:
        self.taskValues = TaskValueUtility(values)


class LibraryUtility(_Utility):
    _name = "dbutils.library"

    def restartPython(self) -> None:
        """Forget everything the notebook defined; the next cell starts anew."""
        raise PythonRestart


class DBUtils(_Utility):
    """The object that notebooks know as `dbutils`; outside of one it has no widgets and runs no notebooks."""

    def __init__(
        self,
        *,
        lake: Lake,
        secrets: Secrets,
        widgets: Widgets | None = None,
        redactor: Redactor | None = None,
        run: Callable[[str, float, Mapping[str, str]], str | None] | None = None,
        task_values: TaskValuePort | None = None,
    ) -> None:
        self.widgets = WidgetUtility(widgets or Widgets({}))
        self.notebook = NotebookUtility(run or _no_run)
        self.fs = FileUtility(Files(lake))
        self.secrets = SecretUtility(secrets, redactor or Redactor())
        self.jobs = JobUtility(task_values)
        self.library = LibraryUtility()


def _no_run(path: str, timeout_seconds: float, arguments: Mapping[str, str]) -> str | None:
    raise Unsupported(f"dbutils.notebook.run('{path}') is called outside of a notebook")
