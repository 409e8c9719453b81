"""Texts of errors without the frames of this package, which tell a reader of an artifact nothing."""

from __future__ import annotations

import re
from pathlib import Path

_HEAD = re.compile(r"\s*Traceback( \(most recent call last\))?:\s*")
_FRAME = re.compile(r'\s*File "(.+)", line \d+')
_OWN = (str(Path(__file__).resolve().parent.parent) + "/", "<")
_OF_LIBRARIES = ("/site-packages/", "/dist-packages/", "/pyspark/", "/lib/python3")


def without_own_frames(text: str) -> str:
    """The text of an error with only those frames of its tracebacks that lie in the user's files.

    A traceback without any is left out as a whole. An engine puts one below the message of what a data source or a
    function in Python raised.

    >>> without_own_frames('ValueError: no\\nTraceback (most recent call last):\\n  File "/pyspark/worker.py", line 1')
    'ValueError: no'
    """
    if "Traceback" not in text:
        return text
    kept: list[str] = []
    heads: list[str] = []
    within, own = False, True
    for line in text.splitlines():
        frame = _FRAME.match(line) if within else None
        if _HEAD.fullmatch(line):
            within, own = True, True
            heads.append(line)
        elif frame:
            own = frame[1].startswith(_OWN) or any(part in frame[1] for part in _OF_LIBRARIES)
            if not own:
                kept += [*heads, line]
                heads = []
        elif within and line.startswith((" ", "\t")):
            kept += [] if own else [line]
        elif line.strip() or not within:
            within, heads = False, []
            kept.append(line)
    return "\n".join(kept).rstrip()
