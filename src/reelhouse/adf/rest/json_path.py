"""The JSON paths of pagination rules: `$.paging.next`, `$['@odata.nextLink']`, `$.items[-1:].id`, `$..cursor`.

https://learn.microsoft.com/azure/data-factory/connector-rest#pagination-support
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reelhouse.errors import Unsupported, UserError

_STEP = re.compile(
    r"""(?P<deep>\.\.)?\.?(?:
        (?P<name>(?<=\.)[^.\[\]\s][^.\[\]]*)
      | \[\s*(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\s*\]
      | \[\s*(?P<index>-?\d+)\s*\]
      | \[\s*(?P<slice>(?:-?\d+)?\s*:\s*(?:-?\d+)?)\s*\]
      | (?P<all>\[\s*\*\s*\])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Step:
    """`key` is a property's name, an index or a slice; None for all items. `deep` looks at every depth."""

    key: str | int | slice | None
    deep: bool = False


@dataclass(frozen=True)
class JsonPath:
    """A path from the root of a document."""

    text: str
    steps: tuple[_Step, ...]

    def find(self, document: Any) -> list[Any]:
        """All values that the path leads to, in the order of the document."""
        found = [document]
        for step in self.steps:
            found = [value for item in found for start in _starts(item, step) for value in _take(start, step)]
        return found


def parse_path(text: str) -> JsonPath:
    """Read a path. Raises `UserError` for what is none, `Unsupported` for a filter."""
    if not text.startswith("$"):
        raise UserError(f"'{text}' is no JSON path", remedy="It begins with '$', the root of the body.")
    if "?(" in text:
        raise Unsupported(f"Filters in a JSON path are not supported: '{text}'")
    steps = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or match.end() == position:
            raise UserError(f"'{text}' is no JSON path: it breaks off at character {position + 1}")
        steps.append(_Step(_key(match), match["deep"] is not None))
        position = match.end()
    return JsonPath(text, tuple(steps))


def _key(match: re.Match[str]) -> str | int | slice | None:
    if match["name"] is not None:
        return None if match["name"] == "*" else match["name"]
    if match["quoted"] is not None:
        return match["quoted"]
    if match["index"] is not None:
        return int(match["index"])
    if match["slice"] is not None:
        start, end = (int(part) if part.strip() else None for part in match["slice"].split(":"))
        return slice(start, end)
    return None


def _starts(value: Any, step: _Step) -> Iterator[Any]:
    yield value
    if step.deep:
        for item in _items(value):
            yield from _starts(item, step)


def _items(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []


def _take(value: Any, step: _Step) -> list[Any]:
    key = step.key
    if key is None:
        return _items(value)
    if isinstance(key, str):
        return [value[key]] if isinstance(value, Mapping) and key in value else []
    if not isinstance(value, list):
        return []
    if isinstance(key, slice):
        return value[key]
    return [value[key]] if -len(value) <= key < len(value) else []
