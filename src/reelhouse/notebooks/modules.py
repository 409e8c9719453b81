"""Modules beside a notebook: importable while it runs, read anew by the next run.

On Databricks each task has a Python process of its own, with the notebook's folder and the bundle's files on
`sys.path`. Here notebooks share one process, so what was imported from those folders is forgotten
when its file changed, and when the last notebook that could import it has ended.

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
from pathlib import Path

_lock = threading.Lock()
_active: Counter[str] = Counter()
_seen: dict[str, float] = {}
_before: frozenset[str] = frozenset()
_INSTALLED = (sys.prefix, sys.base_prefix)


@contextmanager
def importable(folders: Sequence[Path]) -> Iterator[None]:
    """While this holds, modules of these folders can be imported; earlier folders win."""
    global _before
    names = list(dict.fromkeys(str(f.absolute()) for f in folders))
    with _lock:
        if not _active:
            _before = frozenset(sys.modules)
        _forget(lambda file: _under(file, names) and _changed(file))
        _seen.update({file: _modified(file) for file in _module_files().values() if _under(file, names)})
        importlib.invalidate_caches()
        for name in reversed(names):
            _active[name] += 1
            if _active[name] == 1:
                sys.path.insert(_first_installed(), name)
    try:
        yield
    finally:
        with _lock:
            for name in names:
                _active[name] -= 1
                if _active[name] == 0:
                    del _active[name]
                    sys.path.remove(name)
            _forget(lambda file: _under(file, names) and not _under(file, list(_active)))


def _module_files() -> dict[str, str]:
    """The files of modules that were imported since the first of the present notebooks began, installed ones apart."""
    files = {}
    for name in sys.modules.keys() - _before:
        file = _file(sys.modules.get(name))
        if isinstance(file, str) and not _under(file, _INSTALLED):
            files[name] = file
    return files


def _first_installed() -> int:
    """Where on `sys.path` installed packages begin. A bundle's modules go before them, and behind the standard library:
    this process imports from that one too."""
    installed = (i for i, p in enumerate(sys.path) if p.rstrip(os.sep).endswith(("site-packages", "dist-packages")))
    return next(installed, len(sys.path))


def _file(module: object) -> object:
    """A module's file, without the attribute access that loads a module which waits for its first use."""
    try:
        return object.__getattribute__(module, "__dict__").get("__file__")
    except AttributeError:
        return None


def _forget(condition: Callable[[str], bool]) -> None:
    for name, file in _module_files().items():
        if condition(file):
            sys.modules.pop(name, None)


def _under(file: str, folders: Sequence[str]) -> bool:
    return any(file.startswith(folder + os.sep) for folder in folders)


def _modified(file: str) -> float:
    try:
        return os.stat(file).st_mtime
    except OSError:
        return -1.0


def _changed(file: str) -> bool:
    return _seen.get(file, _modified(file)) != _modified(file)
