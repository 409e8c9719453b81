"""The transaction log as files: which versions there are, what one says, and how one comes into being.

Reading a table's state is delta-rs's work (`delta.snapshot`). An entry is written here, because one commit has to hold
what no call of delta-rs puts into one: data, a changed schema, properties that are not Delta's own, the name of the
operation, and the transaction of a stream.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reelhouse import failpoints
from reelhouse.errors import InternalError

Action = Mapping[str, Any]
"""One line of an entry: an object with one key (`add`, `remove`, `metaData`, `protocol`, `txn`, `commitInfo`)."""

_ENTRY = re.compile(r"^(\d{20})\.json$")
_CHECKPOINT = re.compile(r"^(\d{20})\.checkpoint\..*parquet$")


def log_folder(location: str) -> Path:
    """Where the log of the table at `location` lies."""
    return Path(location) / "_delta_log"


def entry_path(location: str, version: int) -> Path:
    """The file of one version."""
    return log_folder(location) / f"{version:020d}.json"


def current_version(location: str) -> int | None:
    """The newest version of the table, or None when there is no table. Looks at file names alone, opens nothing."""
    try:
        names = os.listdir(log_folder(location))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return max((int(m[1]) for name in names if (m := _ENTRY.match(name) or _CHECKPOINT.match(name))), default=None)


def entry_versions(location: str) -> list[int]:
    """The versions whose entries are still there, in order."""
    try:
        names = os.listdir(log_folder(location))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(m[1]) for name in names if (m := _ENTRY.match(name)))


def read_entry(location: str, version: int) -> list[dict[str, Any]]:
    """The actions of one version. Raises `FileNotFoundError` when its entry is not, or no longer, there."""
    text = entry_path(location, version).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def read_commit_info(location: str, version: int) -> dict[str, Any]:
    """What a commit said of itself, empty if it said nothing. Reads no further than that line, mostly the first."""
    with entry_path(location, version).open(encoding="utf-8") as lines:
        for line in lines:
            if '"commitInfo"' in line:
                info = json.loads(line).get("commitInfo")
                if info is not None:
                    return dict(info)
    return {}


def actions_of(entry: Iterable[Action], kind: str) -> Iterator[dict[str, Any]]:
    """The bodies of the actions of one kind."""
    return (action[kind] for action in entry if action.get(kind) is not None)


def publish(location: str, version: int, actions: Iterable[Action]) -> bool:
    """Put the entry of `version`, whole and only if it is absent.

    Returns False when somebody else has written that version. Whatever moment the process dies at, the entry is there
    with all its lines or not at all: it is written under a hidden name and then linked.
    """
    folder = log_folder(location)
    folder.mkdir(parents=True, exist_ok=True)
    final = entry_path(location, version)
    hidden = folder / f".{version:020d}.{uuid.uuid4().hex}.tmp"
    text = "\n".join(json.dumps(action, separators=(",", ":"), ensure_ascii=False) for action in actions) + "\n"
    try:
        hidden.write_text(text, encoding="utf-8")
        failpoints.reach("delta.before_commit")
        os.link(hidden, final)
    except FileExistsError:
        return False
    except OSError as error:
        raise InternalError(
            f"The log of '{location}' took no entry: {error}",
            remedy="Commits need the right to write there, and a file system with hard links.",
        ) from error
    finally:
        hidden.unlink(missing_ok=True)
    failpoints.reach("delta.after_commit")
    return True
