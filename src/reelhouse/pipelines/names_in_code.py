"""Names of tables in a function's code: what a function that is only called later will probably read. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import CodeType
from typing import Any


def texts(function: Any, seen: set[int] | None = None) -> set[str]:
    """The short texts in a function's code and in the functions it calls: among them the names of tables it reads."""
    seen = set() if seen is None else seen
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None or id(code) in seen:
        return set()
    seen.add(id(code))
    found: set[str] = set()
    scope: Mapping[str, Any] = getattr(function, "__globals__", {})
    cells = [c.cell_contents for c in getattr(function, "__closure__", None) or () if _is_filled(c)]
    pending = [code]
    used: list[Any] = [*cells, *(getattr(function, "__defaults__", None) or ())]
    while pending:
        current = pending.pop()
        for constant in current.co_consts:
            if isinstance(constant, CodeType):
                pending.append(constant)
            elif isinstance(constant, str):
                found |= _names_in(constant)
        used += [scope[n] for n in current.co_names if n in scope]
    for value in used:
        found |= _names_in(value) if isinstance(value, str) else texts(value, seen)
    return found


def _names_in(text: str) -> set[str]:
    """Words of a text that may be names of tables; the whole of it, and those of SQL."""
    return {text} if "\n" not in text and " " not in text else set(re.findall(r"[A-Za-z_`][\w`.]*", text))


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
