"""What all tests share: real data only where its folder is named, Spark only where its address is."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

os.environ.setdefault("SPARK_HOME", "/nonexistent")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, with one printed line each, what needs something that was not given."""
    for marker, variable, what in [
        ("real_data", "NETFLIX_DATA", "the real data files"),
        ("spark", "REELHOUSE_SPARK", "an Apache Spark Connect server (make test-spark)"),
        ("postgres", "REELHOUSE_POSTGRES", "a PostgreSQL server (make test-postgres)"),
    ]:
        if os.environ.get(variable):
            continue
        deselected = [item for item in items if item.get_closest_marker(marker)]
        if deselected:
            items[:] = [item for item in items if item not in deselected]
            config.hook.pytest_deselected(items=deselected)
            print(f"{len(deselected)} tests that need {what} are deselected: {variable} is not set.")


@pytest.fixture(scope="session")
def netflix_data() -> Path:
    """The folder of the real files."""
    return Path(os.environ["NETFLIX_DATA"])


@pytest.fixture(scope="session")
def load_script():
    """A function that imports a script of the repository by its path."""

    def load(path: str) -> ModuleType:
        file = Path(__file__).resolve().parent.parent / path
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
