"""Finding the files of a source: what lies under a path, and what of it is new.

A listing takes names alone from the system where it can; the state is asked only about names, and only new files are
looked at more closely. So a folder with many known files costs its listing and one index look-up each.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options#common-auto-loader-options
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelhouse.autoloader.state import FileState, Found

DEFAULT_MAX_FILES = 1000
_GLOB = re.compile(r"[*?\[{]")


@dataclass(frozen=True)
class Selection:
    """Which files of a path belong to the source. `path` is local and may be a glob."""

    path: str
    name_glob: str | None = None
    """`pathGlobFilter`: on the file's name alone."""
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    strict_globs: bool = False
    """`useStrictGlobber`: `*` stays within one level of folders, as in Spark."""
    recursive: bool = True
    """False takes, below what the path matches, only files that folders of partition columns (`year=2020`) lead to."""
    max_age: timedelta | None = None
    """`maxFileAge`: older files are not looked at."""
    allow_overwrites: bool = False
    include_existing: bool = True

    @property
    def root(self) -> str:
        """The deepest folder that holds everything the path can match. A path to one file is its own folder's."""
        steps = self.path.rstrip("/").split("/")
        for index, step in enumerate(steps):
            if _GLOB.search(step):
                return "/".join(steps[:index]) or "/"
        return os.path.dirname(self.path) if os.path.isfile(self.path) else self.path.rstrip("/") or "/"

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """What a file's path below the root, or that of a folder above it, has to match; None when all do."""
        rest = self.path.rstrip("/")[len(self.root.rstrip("/")) :].strip("/")
        return re.compile(glob_to_regex(rest, strict=self.strict_globs)) if rest else None


def discover(selection: Selection, state: FileState, now: datetime) -> int:
    """Find new files and number them in `state`, oldest first. Returns how many were new.

    A path that does not exist is a source without files. The first listing of a source with
    `includeExistingFiles=false` notes what is there as seen.
    """
    first = not state.listed_before
    new = new_files(selection, state, now)
    if new or first:
        state.add(new, int(now.timestamp() * 1000), skipped=first and not selection.include_existing)
    return len(new)


def new_files(selection: Selection, state: FileState, now: datetime) -> list[Found]:
    """The files that the state does not have, by modification time and path."""
    if selection.allow_overwrites:
        found = state.changed(list(_examine(selection, _paths(selection), now)))
    else:
        found = list(_examine(selection, state.unknown(_paths(selection)), now))
    return sorted(found, key=lambda file: (file.modified_ns, file.path))


def list_files(selection: Selection, now: datetime) -> list[Found]:
    """All files of the source, known or not, by modification time and path."""
    return sorted(_examine(selection, _paths(selection), now), key=lambda file: (file.modified_ns, file.path))


def _examine(selection: Selection, paths: Sequence[str], now: datetime) -> Iterator[Found]:
    oldest = now - selection.max_age if selection.max_age else None
    for path in paths:
        try:
            status = os.stat(os.path.join(selection.root, path))
        except FileNotFoundError:
            continue  # gone between the listing and now: it is no longer a file of the source
        modified = status.st_mtime
        if selection.modified_after and modified <= selection.modified_after.timestamp():
            continue
        if selection.modified_before and modified >= selection.modified_before.timestamp():
            continue
        if oldest and modified < oldest.timestamp():
            continue
        yield Found(path, status.st_size, status.st_mtime_ns)


def _paths(selection: Selection) -> list[str]:
    """Paths relative to the root of all files that names alone do not rule out."""
    name_matches = (
        re.compile(glob_to_regex(selection.name_glob, strict=True)).fullmatch if selection.name_glob else None
    )
    pattern = selection.pattern
    result = []
    for path in walk(selection.root):
        if name_matches and not name_matches(path.rpartition("/")[2]):
            continue
        matched = _matched(pattern, path) if pattern else ""
        if matched is None:
            continue
        if not selection.recursive and not _is_in_partitions(path[len(matched) :]):
            continue
        result.append(path)
    return result


def walk(root: str, *, _below: str = "") -> Iterator[str]:
    """The files under a folder, relative to it. Names that begin with `_` or `.` are hidden, with all below them."""
    try:
        entries = os.scandir(os.path.join(root, _below))
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            name = entry.name
            if name.startswith(("_", ".")):
                continue
            path = f"{_below}/{name}" if _below else name
            if entry.is_dir():
                yield from walk(root, _below=path)
            else:
                yield path


def _matched(pattern: re.Pattern[str], path: str) -> str | None:
    """What the pattern matches: the file's path, or that of the deepest folder it lies in; None when neither."""
    while path:
        if pattern.fullmatch(path):
            return path
        path = path.rpartition("/")[0]
    return None


def _is_in_partitions(below: str) -> bool:
    return all("=" in folder for folder in below.strip("/").split("/")[:-1])


def glob_to_regex(glob: str, *, strict: bool) -> str:
    """A file pattern of Hadoop (`*`, `?`, `[a-c]`, `[^a]`, `{a,b}`, `\\\\x`) as a regular expression.

    >>> glob_to_regex("a*/{b,c}.csv", strict=True)
    'a[^/]*/(?:b|c)\\\\.csv'

    https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/patterns#filtering-directories-or-files-using-glob-patterns
    """
    star, one = ("[^/]*", "[^/]") if strict else (".*", "[^/]")
    result, position, braces = "", 0, 0
    while position < len(glob):
        character = glob[position]
        position += 1
        if character == "*":
            result += star
        elif character == "?":
            result += one
        elif character == "{":
            braces += 1
            result += "(?:"
        elif character == "}" and braces:
            braces -= 1
            result += ")"
        elif character == "," and braces:
            result += "|"
        elif character == "[" and "]" in glob[position:]:
            end = glob.index("]", position + 1) if "]" in glob[position + 1 :] else glob.index("]", position)
            members = glob[position:end].replace("\\", "\\\\")
            result += f"[^{members[1:]}]" if members[:1] in ("^", "!") else f"[{members}]"
            position = end + 1
        elif character == "\\" and position < len(glob):
            result += re.escape(glob[position])
            position += 1
        else:
            result += re.escape(character)
    return result
