"""docs/support.md says what the marks of the tests say, and every type that the runtime has is shown by a test."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    """The script as a module. Its dataclasses look for it among the modules that are loaded."""
    spec = importlib.util.spec_from_file_location("support_table", PROJECT / "tools" / "support_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["support_table"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["support_table"]


def item(name: str, *marks: Any) -> Any:
    """A collected test with these marks."""
    return SimpleNamespace(
        nodeid=name,
        iter_markers=lambda wanted: [mark for mark in marks if mark.name == wanted],
        get_closest_marker=lambda wanted: next((mark for mark in marks if mark.name == wanted), None),
    )


def supports(*arguments: str) -> Any:
    return pytest.mark.supports(*arguments).mark


def test_the_table_is_what_the_marks_say_and_everything_registered_is_shown() -> None:
    done = subprocess.run(
        [sys.executable, "tools/support_table.py", "--check"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "\n")


def test_a_test_that_is_expected_to_fail_makes_its_subject_partly_supported(tool) -> None:
    marks = tool.Marks()
    marks.pytest_itemcollected(item("a", supports("activity", "Copy", "Delete")))
    marks.pytest_itemcollected(item("b", supports("activity", "Copy"), pytest.mark.xfail(reason="no staging").mark))

    text = tool.section("Activities", ["Copy", "Delete", "Script"], marks.shown)

    assert "1 of 3 supported." in text
    assert "**Supported**: `Delete`" in text
    assert "| `Copy` | no staging |" in text
    assert "**Refused**: `Script`" in text


def test_marks_of_what_does_not_exist_or_is_not_registered_are_problems(tool) -> None:
    marks = tool.Marks()
    marks.pytest_itemcollected(item("a", supports("activity", "Coppy")))
    marks.pytest_itemcollected(item("b", supports("activity", "ExecuteSSISPackage")))
    marks.pytest_itemcollected(item("c", supports("thing", "x")))

    found = tool.problems(marks)

    assert "a: there is no activity 'Coppy'" in found
    assert "b: the activity 'ExecuteSSISPackage' is marked but not registered" in found
    assert "c: supports('thing', 'x') is no kind and names" in found
    assert "No test shows the function 'concat'" in found


def test_transformations_are_known_by_the_words_of_scripts_too(tool) -> None:
    words = ["derive", "Derived column", "keyGenerate", "split", "foldDown", "alterRow", "AlterRow"]

    assert [tool.proper_name("data_flow", word) for word in words] == [
        "Derived column", "Derived column", "Surrogate key", "Conditional split", "Flatten", "Alter row", "Alter row",
    ]  # fmt: skip
