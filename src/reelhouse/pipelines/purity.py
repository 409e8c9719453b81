"""Whether a function's answer depends on nothing but its arguments and what it reads through Spark.

Only such a snapshot function need not be asked again while the tables it read stand still. When in doubt it is asked.
"""

from __future__ import annotations

import builtins
import dis
import inspect
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

_MODULES = frozenset(
    {
        "pyspark",
        "dlt",
        "functools",
        "re",
        "json",
        "math",
        "datetime",
        "typing",
        "operator",
        "itertools",
        "collections",
        "decimal",
        "string",
        "__future__",
        "dataclasses",
        "enum",
        "textwrap",
    }
)
_ASKS_OUTSIDE = frozenset({"now", "today", "utcnow", "open", "input", "exec", "eval", "__import__", "dbutils"})
_GENERATED = "<string>"
"""Where Python says that the methods stand which `dataclass` makes."""
_PLAIN = (str, bytes, int, float, bool, type(None), tuple, list, dict, set, frozenset)


def is_pure(function: Any) -> bool:
    """True when nothing in the function's code, or in the code it calls of the same files, reaches outside."""
    return isinstance(function, FunctionType) and _is_pure(function, set())


def _is_pure(function: FunctionType, seen: set[int]) -> bool:
    if id(function) in seen:
        return True
    seen.add(id(function))
    if any(_names_outside(code) for code in _codes(function.__code__)):
        return False
    used = inspect.getclosurevars(function)
    values = [*used.nonlocals.values(), *used.globals.values(), *(function.__defaults__ or ())]
    known = set(used.globals) | set(used.nonlocals) | set(used.builtins)
    nested = [
        function.__globals__[name]
        for code in _codes(function.__code__)
        for name in code.co_names
        if name in function.__globals__ and name not in known
    ]
    return all(_is_harmless(value, seen) for value in [*values, *nested])


def _codes(code: CodeType) -> list[CodeType]:
    inner = [c for const in code.co_consts if isinstance(const, CodeType) for c in _codes(const)]
    return [code, *inner]


def _names_outside(code: CodeType) -> bool:
    if _ASKS_OUTSIDE.intersection(code.co_names):
        return True
    imports = [i.argval for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"]
    return any(str(name).split(".")[0] not in _MODULES for name in imports)


def _is_harmless(value: Any, seen: set[int]) -> bool:
    if isinstance(value, ModuleType):
        return _is_known(value.__name__) or _is_harmless_module(value, seen)
    if isinstance(value, _PLAIN):
        return True
    if isinstance(value, FunctionType):
        return _is_known(value.__module__) or _is_pure(value, seen)
    if isinstance(value, type):
        return all(_is_harmless_class(one, seen) for one in value.__mro__)
    if getattr(builtins, getattr(value, "__name__", ""), None) is value:
        return True
    if not all(_is_harmless_class(one, seen) for one in type(value).__mro__):
        return False
    return all(_is_harmless(inner, seen) for inner in getattr(value, "__dict__", {}).values()) or _is_known(
        type(value).__module__
    )


def _is_harmless_module(module: ModuleType, seen: set[int]) -> bool:
    """Whether a module of the user holds nothing that reaches outside; an installed one always may."""
    if id(module) in seen:
        return True
    seen.add(id(module))
    file = getattr(module, "__file__", None) or ""
    if not file or file.startswith((sys.prefix, sys.base_prefix)):
        return False
    return all(_is_harmless(value, seen) for name, value in vars(module).items() if not name.startswith("__"))


def _is_known(module: str | None) -> bool:
    return (module or "").split(".")[0] in _MODULES


def _is_harmless_class(value: type, seen: set[int]) -> bool:
    if value.__module__ == "builtins" or _is_known(value.__module__) or id(value) in seen:
        return True
    seen.add(id(value))
    members = [getattr(m, "__func__", None) or getattr(m, "fget", None) or m for m in vars(value).values()]
    functions = [inspect.unwrap(m) for m in members if isinstance(m, FunctionType)]
    return all(_is_pure(f, seen) for f in functions if f.__code__.co_filename != _GENERATED)
