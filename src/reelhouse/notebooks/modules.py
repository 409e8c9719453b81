"""Modules beside a notebook: importable while it runs, read anew by the next run.

On Databricks each task has a Python process of its own, with the notebook's folder and the bundle's files on
`sys.path`. Here notebooks share one process, so what was imported from those folders is forgotten when its file
changed, and when the last notebook that could import it has ended. Notebooks for which one name means different modules
do not run at the same time.

https://docs.databricks.com/aws/en/files/workspace-modules
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from reelhouse.errors import UserError

_NOTEBOOK = b"# Databricks notebook source"
_INSTALLED = (sys.prefix, sys.base_prefix)
_LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class _User:
    """Who imports from folders: `modules` maps each top-level name to the file or package that it means."""

    folders: tuple[str, ...]
    modules: dict[str, str]

    def conflict(self, other: _User) -> str | None:
        """A name that means another module there, if there is one."""
        return next((n for n, file in self.modules.items() if other.modules.get(n, file) != file), None)


_changed_users = threading.Condition(threading.RLock())
_users: list[_User] = []
_on_path: Counter[str] = Counter()
_modified_at: dict[str, float] = {}
_before: frozenset[str] = frozenset()
_own: ContextVar[tuple[_User, ...]] = ContextVar("importing", default=())


@contextmanager
def importable(folders: Sequence[Path]) -> Iterator[None]:
    """While this holds, modules of these folders can be imported; earlier folders win.

    Waits for others that run and mean another module by the same name. Raises `UserError` when such another is
    waiting for this one.
    """
    names = tuple(dict.fromkeys(str(f.absolute()) for f in folders))
    user = _User(names, _top_level(names))
    with _changed_users:
        _wait_for_others(user)
        _begin(user)
    token = _own.set((*_own.get(), user))
    try:
        yield
    finally:
        _own.reset(token)
        with _changed_users:
            _end(user)
            _changed_users.notify_all()


def _wait_for_others(user: _User) -> None:
    while True:
        conflicts = [(other, name) for other in _users if (name := user.conflict(other)) is not None]
        if not conflicts:
            return
        for other, name in conflicts:
            if other in _own.get():
                raise UserError(
                    f"Module '{name}' is '{user.modules[name]}' here and '{other.modules[name]}' in the notebook that "
                    "waits for this one",
                    remedy="Give one of the two another name.",
                )
        _changed_users.wait(_LOOK_EVERY_SECONDS)


def _begin(user: _User) -> None:
    global _before
    if not _users:
        _before = frozenset(sys.modules)
    _forget(
        lambda name, file: _under(file, user.folders) and _modified_at.get(file, _modified(file)) != _modified(file)
    )
    _modified_at.update({file: _modified(file) for file in _loaded().values() if _under(file, user.folders)})
    importlib.invalidate_caches()
    _users.append(user)
    for folder in reversed(user.folders):
        _on_path[folder] += 1
        if _on_path[folder] == 1:
            sys.path.insert(_first_installed(), folder)


def _end(user: _User) -> None:
    _users.remove(user)
    for folder in user.folders:
        _on_path[folder] -= 1
        if _on_path[folder] == 0:
            del _on_path[folder]
            sys.path.remove(folder)
    _forget(lambda name, file: _under(file, user.folders) and not any(_means(other, name, file) for other in _users))


def _means(user: _User, name: str, file: str) -> bool:
    """Whether an import of a module that is loaded from a file would give a user this same one."""
    first = name.partition(".")[0]
    top = user.modules.get(first)
    if top is None:  # a folder without __init__.py
        return _under(file, [os.path.join(folder, first) for folder in user.folders])
    return file == top or _under(file, [top])


def _top_level(folders: Sequence[str]) -> dict[str, str]:
    """What can be imported from folders, by name. Notebooks are no modules."""
    found: dict[str, str] = {}
    for folder in folders:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            name, extension = os.path.splitext(entry.name)
            if entry.is_dir():
                if os.path.isfile(os.path.join(entry.path, "__init__.py")):
                    found.setdefault(entry.name, entry.path)
            elif extension == ".py" and name.isidentifier() and not _is_notebook(entry.path):
                found.setdefault(name, entry.path)
    return found


def _is_notebook(file: str) -> bool:
    with open(file, "rb") as opened:
        return opened.read(len(_NOTEBOOK)) == _NOTEBOOK


def _loaded() -> dict[str, str]:
    """The files of modules that were imported since the first of the present notebooks began, installed ones apart."""
    files = {}
    for name in sys.modules.keys() - _before:
        file = _file(sys.modules.get(name))
        if isinstance(file, str) and not _under(file, _INSTALLED):
            files[name] = file
    return files


def _file(module: object) -> object:
    """A module's file, without the attribute access that loads a module which waits for its first use."""
    try:
        return object.__getattribute__(module, "__dict__").get("__file__")
    except AttributeError:
        return None


def _forget(condition: Callable[[str, str], bool]) -> None:
    for name, file in _loaded().items():
        if condition(name, file):
            sys.modules.pop(name, None)


def _first_installed() -> int:
    """Where on `sys.path` installed packages begin. A bundle's modules go before them, and behind the standard library:
    this process imports from that one too."""
    installed = (i for i, p in enumerate(sys.path) if p.rstrip(os.sep).endswith(("site-packages", "dist-packages")))
    return next(installed, len(sys.path))


def _under(file: str, folders: Sequence[str]) -> bool:
    return any(file.startswith(folder + os.sep) for folder in folders)


def _modified(file: str) -> float:
    try:
        return os.stat(file).st_mtime
    except OSError:
        return -1.0
