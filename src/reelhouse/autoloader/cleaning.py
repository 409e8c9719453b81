"""Taking files away that have been read: `cloudFiles.cleanSource`.

Best effort, as on Databricks: what cannot be moved or deleted now is tried again after the next batch. A file counts as
read when its batch is committed, and one that was overwritten since is left alone.
https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options#cloudfilescleansource
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelhouse.autoloader.state import FileState, Numbered
from reelhouse.errors import UserError


@dataclass(frozen=True)
class CleanSource:
    """What happens to files some time after their commit: they are moved to `destination`, or deleted without one."""

    retention: timedelta
    destination: str | None = None
    """A local folder."""

    def check(self, root: str) -> None:
        """Raise `UserError` when files would be moved to where they are found again."""
        if self.destination is not None and os.path.join(self.destination, "").startswith(os.path.join(root, "")):
            raise UserError(
                f"cloudFiles.cleanSource.moveDestination '{self.destination}' lies in the source's own folder",
                remedy="Give a folder outside of it.",
            )


def clean(how: CleanSource, root: str, state: FileState, now: datetime) -> int:
    """Move or delete the files whose time has come, and note it. Returns how many."""
    now_ms = int(now.timestamp() * 1000)
    number = 0
    for file in state.to_clean(int((now - how.retention).timestamp() * 1000)):
        path = os.path.join(root, file.path)
        if _is_overwritten(path, file):
            continue
        target = os.path.join(how.destination, file.path) if how.destination is not None else None
        try:
            _take_away(path, target)
        except OSError:
            continue
        state.archive(file.number, now_ms, target)
        number += 1
    return number


def _is_overwritten(path: str, file: Numbered) -> bool:
    try:
        return os.stat(path).st_mtime_ns != file.modified_ns
    except FileNotFoundError:
        return False


def _take_away(path: str, target: str | None) -> None:
    if not os.path.exists(path):
        return  # moved before a crash, or taken away by somebody else
    if target is None:
        os.unlink(path)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.move(path, target)
