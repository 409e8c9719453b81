"""The whole platform on temporary storage, from the artifacts of this repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ARTIFACTS = ("adf", "databricks", "config", "reelhouse.toml")


class Platform:
    """A copy of the artifacts, a lake of its own, and the questions that tests ask of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "project"
        self.state = folder / "state"
        self.root.mkdir(parents=True)
        for name in ARTIFACTS:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.root / name)

    @property
    def config(self) -> Path:
        return self.root / "config" / "pipeline_config.json"

    def change_config(self, change) -> None:
        """Read the configuration, let `change` alter its list of sources, write it back."""
        config = json.loads(self.config.read_text())
        change(config["sources"])
        self.config.write_text(json.dumps(config, indent=2))

    def run(self, mirror: Path | str | None = None, *, clock: Any = None, engine: str = "sail", **parameters: str):
        """Run the main pipeline in this process; the summary."""
        from reelhouse import Project

        mirrors = [str(mirror)] if mirror is not None else []
        project = Project.open(self.root, state=self.state, mirror=mirrors, clock=clock, engine=engine)
        try:
            project.run_pipeline(None, parameters)
            return project.summary()
        finally:
            project.close()

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in a process of its own."""
        return subprocess.run(self.words(*arguments), capture_output=True, text=True, env={**os.environ, **environment})

    def words(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "reelhouse.cli", *arguments, "-C", str(self.root), "--state", str(self.state)]

    def location(self, table: str) -> Path:
        """Where a table of the catalog lies."""
        from reelhouse.catalog.catalog import Catalog
        from reelhouse.storage.lake import Lake

        catalog = Catalog(self.state / "catalog.db", Lake(self.state / "lake"), default_catalog="netflix")
        return Path(catalog.table(f"netflix.{table}").location)

    def table(self, table: str):
        """The rows of a table as Arrow, read by delta-rs and not by the engine that wrote them."""
        from deltalake import DeltaTable

        return DeltaTable(str(self.location(table))).to_pyarrow_table()

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.table(table).to_pylist()

    def count(self, table: str) -> int:
        return self.table(table).num_rows

    def versions(self) -> dict[str, int]:
        """The newest version of every table."""
        from deltalake import DeltaTable

        found = {}
        for log in sorted((self.state / "lake").glob("**/_delta_log")):
            found[str(log.parent.relative_to(self.state))] = DeltaTable(str(log.parent)).version()
        return found

    def landed(self, source: str) -> list[Path]:
        """The files that lie in raw for a source, oldest first. No reader looks at names that begin with a dot."""
        folder = self.state / "lake" / "cmnetflixprojectdl" / "raw" / source
        files = (p for p in folder.rglob("*") if not p.name.startswith(".") and p.is_file())
        return sorted(files, key=lambda p: int(p.parent.name))


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path)


@pytest.fixture(scope="session")
def make_platform():
    """The class itself, for fixtures that outlive a test."""
    return Platform


@pytest.fixture(scope="session")
def compare_lakes(load_script):
    """`differences` of compare.py."""
    return load_script("tests/end_to_end/compare.py").differences


@pytest.fixture(scope="session")
def sample() -> Path:
    return REPOSITORY / "data" / "sample"


@pytest.fixture(scope="session")
def older() -> Path:
    return REPOSITORY / "data" / "older"


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    return json.loads((REPOSITORY / "data" / "expected.json").read_text())
