"""What every error of this package says: what is wrong, where, and how to mend it.

ReelhouseError
├── UserError          the artifact, the data or the call is at fault
│   └── Unsupported    documented on Azure, not done here; names what is supported
└── InternalError      a fault of this package
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Place:
    """Where in an artifact something stands.

    `file` is relative to the project; `path` is a JSON path (`activities[2].inputs[0]`), a line (`line 12`) or a
    cell (`cell 3`), empty for the file as a whole.
    """

    file: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}, {self.path}" if self.path else self.file

    def at(self, step: str | int) -> Place:
        """The place one step further in: a key or a list index."""
        if isinstance(step, int):
            return Place(self.file, f"{self.path}[{step}]")
        return Place(self.file, f"{self.path}.{step}" if self.path else step)


SHOWN_NAMES = 12
"""How many known names a remedy lists."""


class ReelhouseError(Exception):
    """Base of all errors raised on purpose. `str()` gives what, where and the remedy in one text."""

    def __init__(self, what: str, *, where: Place | None = None, remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what if self.what.endswith((".", "?", "!")) or not self.remedy else f"{self.what}."
        if self.remedy:
            text = f"{text} {self.remedy}"
        return f"{text} ({self.where})" if self.where else text


class UserError(ReelhouseError):
    """The artifact, the data or the call is at fault."""


class Unsupported(UserError):
    """A documented feature that the runtime does not have. Never ignored in silence."""


class InternalError(ReelhouseError):
    """A fault of this package, worth a report."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy naming the nearest known name, or the known names when none is near.

    >>> did_you_mean("ds_titels", ["ds_titles", "ds_cast"])
    "Did you mean 'ds_titles'?"
    """
    names = sorted(known)
    lower = {n.lower(): n for n in reversed(names)}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{lower[close[0]]}'?"
    if not names:
        return "None is defined."
    shown = names[:SHOWN_NAMES]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"Known: {', '.join(shown)}{more}."
