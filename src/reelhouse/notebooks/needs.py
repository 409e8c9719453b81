"""Whether a notebook needs a Spark session at all: one that only reads a file and sets task values starts without.

The answer may be yes for a notebook that does not need one, never no for one that does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

SESSION_NAMES = frozenset({"spark", "sql", "table", "display", "udf", "SparkSession"})
_HIDES_NAMES = frozenset({"eval", "exec", "globals", "locals", "__import__", "importlib"})
_SESSION_PACKAGES = frozenset({"pyspark", "delta", "dlt", "databricks"})


def code_needs_session(text: str, folders: Sequence[Path], seen: set[Path] | None = None) -> bool:
    """Whether Python code, or a module of these folders that it imports, names anything of a session."""
    seen = set() if seen is None else seen
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return True
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in SESSION_NAMES | _HIDES_NAMES:
            return True
        if any(_import_needs_session(name, folders, seen) for name in _imports(node)):
            return True
    return False


def _imports(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        return [base, *(f"{base}.{alias.name}".strip(".") for alias in node.names)]
    return []


def _import_needs_session(name: str, folders: Sequence[Path], seen: set[Path]) -> bool:
    top = name.split(".")[0]
    if top in _SESSION_PACKAGES or top in _HIDES_NAMES:
        return True
    for folder in folders:
        package = folder / top
        files = [folder / f"{top}.py", *(package.rglob("*.py") if package.is_dir() else ())]
        for file in files:
            if file in seen or not file.is_file():
                continue
            seen.add(file)
            if code_needs_session(file.read_text(encoding="utf-8"), folders, seen):
                return True
    return False
