"""What pytest loads: fixtures for a factory and for the time. Everything else is imported by the test that needs it.

https://docs.pytest.org/en/stable/how-to/writing_plugins.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reelhouse.adf.factory import Factory
    from reelhouse.testing.frozen import FrozenClock
    from reelhouse.testing.tested import FactoryUnderTest

OPTION = "reelhouse_factory"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(OPTION, "Folder of the data factory that the fixture `factory` opens.", default="adf")


@pytest.fixture
def frozen_time() -> FrozenClock:
    """The time of this test, 2026-01-01T00:00:00Z until `frozen_time.set(…)`; it passes only where a pipeline waits."""
    from reelhouse.testing.frozen import FrozenClock

    return FrozenClock("2026-01-01T00:00:00Z")


@pytest.fixture(scope="session")
def _read_factories() -> Callable[[Path], Factory]:
    """Reads each folder once in a session: tests do not change what was read."""
    from reelhouse.adf.factory import load_factory

    known: dict[Path, Factory] = {}

    def read(folder: Path) -> Factory:
        if folder not in known:
            known[folder] = load_factory(folder)
        return known[folder]

    return read


@pytest.fixture
def load_factory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _read_factories: Callable[[Path], Factory]
) -> Iterator[Callable[..., FactoryUnderTest]]:
    """A function from a folder, or from objects given as dictionaries, to a factory under test.

    `load_factory(folder)`, or `load_factory(pipelines={…}, datasets={…}, linked_services={…}, global_parameters={…})`;
    a folder and dictionaries together give the folder with those objects added or replaced.
    """
    from reelhouse.testing.tested import FactoryUnderTest

    opened: list[FactoryUnderTest] = []

    def load(folder: str | Path | None = None, **objects: Any) -> FactoryUnderTest:
        clock = request.getfixturevalue("frozen_time") if "frozen_time" in request.fixturenames else None
        path = (request.config.rootpath / folder).absolute() if folder is not None else None
        read = _read_factories(path) if path is not None else None
        state = tmp_path_factory.mktemp("factory")
        opened.append(FactoryUnderTest(read, state=state, clock=clock, **objects))
        return opened[-1]

    yield load
    for factory in opened:
        factory.close()


@pytest.fixture
def factory(request: pytest.FixtureRequest, load_factory: Callable[..., FactoryUnderTest]) -> FactoryUnderTest:
    """The factory of the folder that the ini option `reelhouse_factory` names, `adf` by default."""
    return load_factory(request.config.getini(OPTION))
