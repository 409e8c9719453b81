"""Runs a pipeline's files so that they define it: which files there are, what they see, what they may not do.

https://docs.databricks.com/aws/en/ldp/source-files
"""

from __future__ import annotations

import glob as globbing
import hashlib
import importlib
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from reelhouse.errors import Place, ReelhouseError, Unsupported, UserError, did_you_mean
from reelhouse.pipelines import api
from reelhouse.pipelines.definitions import Registry, active_registry

_lock = threading.RLock()
_NOT_IMPORTED = re.compile(r"cannot import name '(\w+)' from '(?:pyspark\.pipelines|dlt)'")
_HEADERS = {".py": "# Databricks notebook source", ".sql": "-- Databricks notebook source"}


@dataclass(frozen=True)
class SourceFile:
    """A file of a pipeline, with its text as it is loaded."""

    path: Path
    text: str

    @property
    def is_sql(self) -> bool:
        return self.path.suffix.lower() == ".sql"


def source_files(libraries: Sequence[tuple[str, str]], folder: Path, place: Place) -> list[SourceFile]:
    """The files that `libraries` of a pipeline's settings name, each once, Python before SQL.

    A library is its kind (`notebook`, `file`, `glob`) and its path; `folder` is what relative paths are relative to.
    Raises `UserError` for a file that does not exist, `Unsupported` for a library that is no file.
    """
    paths: dict[Path, None] = {}
    for index, (kind, path) in enumerate(libraries):
        for found in _library(str(kind), path, folder, place.at("libraries").at(index)):
            paths.setdefault(found)
    files = [SourceFile(path, path.read_text(encoding="utf-8-sig")) for path in paths]
    return sorted(files, key=lambda f: f.is_sql)


def _library(kind: str, given: str, folder: Path, place: Place) -> list[Path]:
    if kind == "glob":
        return _globbed(given, folder, place)
    if kind not in ("notebook", "file"):
        remedy = "Supported: notebook, file, glob."
        raise Unsupported(f"A pipeline's library of kind '{kind}' is not supported", where=place, remedy=remedy)
    path = Path(os.path.normpath(folder / given))
    for candidate in (path, path.with_name(path.name + ".py"), path.with_name(path.name + ".sql")):
        if candidate.is_file():
            return [candidate]
    near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise UserError(f"Library '{path}' does not exist", where=place, remedy=did_you_mean(path.name, near))


def _globbed(include: str, folder: Path, place: Place) -> list[Path]:
    pattern = os.path.normpath(folder / include)
    if pattern.endswith("**"):
        pattern = os.path.join(pattern, "*")
    found = sorted(Path(p) for p in globbing.glob(pattern, recursive=True))
    files = [p for p in found if p.suffix.lower() in _HEADERS and p.is_file() and "__pycache__" not in p.parts]
    if not files:
        raise UserError(f"glob.include '{include}' matches no file", where=place)
    return files


def hash_of(files: Sequence[SourceFile], root: Path | None) -> str:
    """A hash of the files and of every module they could import from their folders and `root`."""
    digest = hashlib.sha256()
    folders = {f.path.parent for f in files} | ({root} if root else set())
    modules = {p for folder in folders for p in _modules(folder)}
    for path in sorted(modules | {f.path for f in files}):
        digest.update(str(path).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _modules(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith((".", "__"))]
        yield from (Path(parent, f) for f in files if f.endswith(".py"))


@contextmanager
def pipelines_module(registry: Registry) -> Iterator[None]:
    """While this holds, `pyspark.pipelines` and `dlt` offer what Databricks documents, writing to `registry`."""
    module = importlib.import_module("pyspark.pipelines")
    with _lock:
        absent = object()
        before = {name: getattr(module, name, absent) for name in api.__all__}
        former_dlt = sys.modules.get("dlt")
        for name in api.__all__:
            setattr(module, name, getattr(api, name))
        sys.modules["dlt"] = module
        token = active_registry.set(registry)
        try:
            yield
        finally:
            active_registry.reset(token)
            for name, value in before.items():
                if value is absent:
                    delattr(module, name)
                else:
                    setattr(module, name, value)
            if former_dlt is None:
                sys.modules.pop("dlt", None)
            else:
                sys.modules["dlt"] = former_dlt


def run_python(file: SourceFile, registry: Registry, names: Mapping[str, Any]) -> list[str]:
    """Run a Python file or notebook; `names` are what it finds as globals (`spark`, `dbutils`).

    Returns notes for a person: magics that have no effect here. Raises `UserError` with file and line for whatever the
    file raises.
    """
    notes = _check_magics(file, registry)
    module = ModuleType("__main__")
    module.__dict__.update(names)
    module.__dict__["__file__"] = str(file.path)
    try:
        exec(compile(file.text, str(file.path), "exec"), module.__dict__)
    except ReelhouseError:
        raise
    except SyntaxError as error:
        raise UserError(
            f"Syntax error: {error.msg}", where=registry.place(str(file.path), error.lineno or 1)
        ) from error
    except Exception as error:
        raise user_error(error, registry, file.path) from error
    return notes


def user_error(error: BaseException, registry: Registry, path: Path | None = None) -> UserError:
    """An exception of the user's code, with the line of the user's code that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if (str(path) == f.filename if path else _is_users(f.filename))]
    where = registry.place(own[-1].filename, own[-1].lineno or 1) if own else None
    if isinstance(error, ReelhouseError):
        return UserError(error.what, where=error.where or where, remedy=error.remedy)
    unknown = _unknown_name(error)
    remedy = did_you_mean(unknown, api.__all__) if unknown else ""
    return UserError(f"{type(error).__name__}: {error}", where=where, remedy=remedy)


def _unknown_name(error: BaseException) -> str | None:
    """The name that code asked `pyspark.pipelines` for and that it does not have, or None."""
    if isinstance(error, AttributeError) and getattr(error.obj, "__name__", "") == "pyspark.pipelines":
        return error.name
    found = _NOT_IMPORTED.search(str(error)) if isinstance(error, ImportError) else None
    return found[1] if found else None


def _is_users(filename: str) -> bool:
    package = str(Path(__file__).parent.parent)
    return not filename.startswith((package, sys.prefix, sys.base_prefix, "<"))


def _check_magics(file: SourceFile, registry: Registry) -> list[str]:
    """Refuse magics that a pipeline's notebook may not have; %pip and %md are none of its definitions."""
    if not file.text.startswith(_HEADERS[".py"]):
        return []
    notes = []
    for number, line in enumerate(file.text.splitlines(), 1):
        if not line.startswith("# MAGIC %"):
            continue
        magic = line.removeprefix("# MAGIC %").split(None, 1)[0]
        if magic == "pip":
            notes.append(f"{registry.place(str(file.path), number)}: %pip has no effect here; install what it names")
        elif not magic.startswith("md"):
            raise Unsupported(
                f"%{magic} in a notebook of a pipeline is not supported",
                where=registry.place(str(file.path), number),
                remedy="A pipeline's notebook has cells in one language; import shared code from a module.",
            )
    return notes
