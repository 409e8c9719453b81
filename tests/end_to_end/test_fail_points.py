"""The pipeline of the platform killed at each named step of an update, and run again: its tables are the same.

Each point stops one update, at its first or its second occurrence in turn; with REELHOUSE_EVERY_FAIL_POINT=1 at both.
"""

from __future__ import annotations

import os
import shutil
import signal

import pytest

PIPELINE = "netflix_medallion"
FIRST_UPDATE = [
    ("pipelines.registered", "pipelines.set_up", "pipelines.before_definitions"),
    ("pipelines.after_definitions", "streaming.metadata", "streaming.discovered"),
]
"""Steps that only a pipeline without tables goes through."""
EACH_UPDATE = [
    ("streaming.before_offsets", "streaming.after_offsets"),
    ("streaming.before_sink", "streaming.after_sink"),
    ("streaming.after_commit", "delta.file_moved"),
    ("pipelines.before_snapshots", "pipelines.after_snapshots"),
    ("pipelines.after_snapshot", "pipelines.after_progress"),
    ("spark.staged", "delta.before_commit", "delta.after_commit"),
    ("pipelines.before_refresh", "pipelines.after_refresh"),
    ("pipelines.before_tables", "pipelines.after_tables"),
]
LAST_STEPS = ("pipelines.begun", "pipelines.flows_done", "pipelines.before_up_to_date", "pipelines.after_up_to_date")
SILVER_AND_GOLD = ("silver", "gold")


class Prepared:
    """A platform whose bronze has a release that its pipeline has not; and what the pipeline makes of it."""

    def __init__(self, platform, releases) -> None:
        self.platform = platform
        self._kept = platform.folder / "kept"
        for release in releases[:-1]:
            done = platform.command("run", "--mirror", str(release))
            assert done.returncode == 0, done.stdout + done.stderr
        done = platform.command("run", "--mirror", str(releases[-1]), REELHOUSE_FAIL_AT="pipelines.begun")
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
        shutil.copytree(platform.state, self._kept)
        self.repair()
        self.wanted = self.contents()

    def restore(self) -> None:
        shutil.rmtree(self.platform.state)
        shutil.copytree(self._kept, self.platform.state)

    def kill_at(self, point: str) -> bool:
        """Whether the update came that far, and died."""
        done = self.platform.command("pipeline", "run", PIPELINE, REELHOUSE_FAIL_AT=point)
        assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
        return done.returncode != 0

    def repair(self) -> None:
        from reelhouse import Project

        with Project.open(self.platform.root, state=self.platform.state) as project:
            done = project.run_update(PIPELINE)
        assert done.succeeded, done.error

    def contents(self):
        from reelhouse.catalog.catalog import Catalog
        from reelhouse.storage.lake import Lake

        state = self.platform.state
        catalog = Catalog(state / "catalog.db", Lake(state / "lake"), default_catalog="netflix")
        names = [f"{entry.name.schema}.{entry.name.table}" for entry in catalog.tables()]
        catalog.close()
        return {name: self.platform.rows(name) for name in names if name.startswith(SILVER_AND_GOLD)}


@pytest.fixture(scope="module")
def first_update(tmp_path_factory, make_platform, older):
    return Prepared(make_platform(tmp_path_factory.mktemp("first")), [older])


@pytest.fixture(scope="module")
def second_update(tmp_path_factory, make_platform, older, sample):
    return Prepared(make_platform(tmp_path_factory.mktemp("second")), [older, sample])


@pytest.mark.slow
@pytest.mark.parametrize("points", FIRST_UPDATE, ids=" ".join)
def test_a_first_update_killed_again_and_again_is_made_good(points, first_update, compare_lakes):
    check(points, first_update, compare_lakes)


@pytest.mark.slow
@pytest.mark.parametrize("points", EACH_UPDATE, ids=" ".join)
def test_an_update_killed_again_and_again_is_made_good(points, second_update, compare_lakes):
    check(points, second_update, compare_lakes)


def check(points, prepared, compare_lakes) -> None:
    """Kill it at each point, one after the other; then let it end."""
    prepared.restore()
    for number, point in enumerate(points):
        for occurrence in (2, 1) if os.environ.get("REELHOUSE_EVERY_FAIL_POINT") else (2 - number % 2,):
            assert prepared.kill_at(f"{point}:{occurrence}")
    prepared.repair()
    assert len(prepared.wanted) > 20
    assert compare_lakes(prepared.contents(), prepared.wanted) == []


@pytest.mark.slow
def test_an_update_killed_at_its_ends_is_made_good(second_update, compare_lakes):
    second_update.restore()
    for point in LAST_STEPS:
        assert second_update.kill_at(point)
    assert not second_update.kill_at("pipelines.begun")  # the last one had written that nothing is left to do
    assert compare_lakes(second_update.contents(), second_update.wanted) == []
