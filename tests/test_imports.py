"""Imports go one way, as docs/architecture.md draws it, so that no part can depend on what is built upon it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import reelhouse

ROOT = Path(reelhouse.__file__).parent
ENTRY = ("testing", "__init__", "__main__", "cli", "server", "project", "wiring", "settings", "report")
"""What a person meets: may import everything, and nothing imports it."""
ORDER = (
    "adf",
    "jobs",
    "pipelines",
    "notebooks",
    "spark",
    "streaming",
    "autoloader",
    "plans",
    "catalog",
    "delta",
    "storage",
)
EVERYWHERE = ("errors", "clock", "failpoints", "runs.record", "lineage.event")
PORTS = ("runs", "lineage")
"""Written to through `runs.record` and `lineage.event`; know nothing of what writes to them."""


def imports() -> Iterator[tuple[Path, str, str]]:
    """Each import of another part: the file, its part, and the module it imports, without `reelhouse.`."""
    for path in sorted(ROOT.rglob("*.py")):
        own = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            for name in modules(node):
                if name.split(".")[0] != own:
                    yield path.relative_to(ROOT), own, name


def modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return []
    return [name.removeprefix("reelhouse.") for name in names if name.startswith("reelhouse.")]


def may(own: str, name: str) -> bool:
    part = name.split(".")[0]
    if own in ENTRY or any(name == free or name.startswith(f"{free}.") for free in EVERYWHERE):
        return True
    return own in ORDER and part in ORDER and ORDER.index(own) < ORDER.index(part)


def test_no_import_goes_against_the_order() -> None:
    wrong = [f"{path} imports reelhouse.{name}" for path, own, name in imports() if not may(own, name)]
    assert wrong == []


def test_every_part_has_its_place_in_the_order() -> None:
    parts = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")}
    assert parts - {*ENTRY, *ORDER, *PORTS, *EVERYWHERE} == set()


def test_no_import_is_relative() -> None:
    relative = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []
