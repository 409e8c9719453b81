"""The factory's pipelines, run: what lands, what does not, and what a run says about it. The job is a stand-in."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reelhouse.adf.activity import copy
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.factory import load_factory
from reelhouse.adf.mirror import Mirror, MirroredSource
from reelhouse.adf.run import PipelineRun, run_pipeline
from reelhouse.adf.services import AdfServices, JobResult
from reelhouse.clock import ScaledClock
from reelhouse.runs.record import RunStatus
from reelhouse.runs.store import RunStore
from reelhouse.storage.lake import Lake

SOURCES = ("titles", "cast", "directors", "countries", "category")


@dataclass
class Jobs:
    """Takes down which job was started with what, and answers as it is told."""

    started: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    result_state: str = "SUCCESS"
    look: Callable[[], object] = list

    def run(self, job_id: str, parameters: Mapping[str, str], stop: threading.Event) -> JobResult:
        self.look()
        self.started.append((job_id, dict(parameters)))
        failed = self.result_state != "SUCCESS"
        return JobResult("1", "http://localhost/run/1", None, self.result_state, "a task failed" if failed else None)


class NoNetwork:
    """There is none."""

    def open(self, request: Any) -> Any:
        raise AssertionError(f"asked the network for {request}")


@dataclass
class Platform:
    """The factory over an empty lake, and a folder in the place of the sources."""

    lake: Lake
    raw: Path
    published: Path
    jobs: Jobs
    runs: RunStore
    factory: Any

    def run(self, pipeline: str = "netflix_platform", **parameters: Any) -> PipelineRun:
        services = AdfServices(
            lake=self.lake,
            runs=self.runs,
            clock=ScaledClock(100),
            http=MirroredSource([Mirror(self.published)], NoNetwork()),
            jobs=self.jobs,
        )
        return run_pipeline(self.factory, pipeline, parameters, services)

    def landed(self, source: str = "titles") -> list[str]:
        """The releases of a source, as number and size."""
        files = self.raw.glob(f"netflix_{source}/*/*")
        return sorted(f"{file.parent.name}: {file.stat().st_size}" for file in files)

    def publish(self, source: str, content: bytes) -> None:
        (self.published / f"netflix_{source}.csv").write_bytes(content)


@pytest.fixture
def platform(project: Path, tmp_path: Path) -> Platform:
    published = tmp_path / "published"
    shutil.copytree(project / "data" / "sample", published)
    config = "abfss://raw@cmnetflixprojectdl.dfs.core.windows.net/_config"
    lake = Lake(tmp_path / "lake", overlays={config: project / "config"})
    return Platform(
        lake=lake,
        raw=tmp_path / "lake" / "cmnetflixprojectdl" / "raw",
        published=published,
        jobs=Jobs(),
        runs=RunStore(f"sqlite:///{tmp_path / 'runs.db'}"),
        factory=load_factory(project / "adf"),
    )


def test_every_source_lands_byte_by_byte_and_the_job_is_started(platform: Platform) -> None:
    run = platform.run()

    assert (run.status, run.message) == (RunStatus.SUCCEEDED, "")
    for source in SOURCES:
        name = f"netflix_{source}"
        landed = platform.raw / name / "1" / f"{name}.csv"
        assert landed.read_bytes() == (platform.published / f"{name}.csv").read_bytes()
    assert platform.jobs.started == [("417260000000101", {"maintenance": "false"})]


def test_nothing_is_left_where_files_land(platform: Platform) -> None:
    platform.publish("cast", b"")

    platform.run()

    assert [path for path in platform.raw.glob("_landing/**/*") if path.is_file()] == []


def test_what_is_unchanged_does_not_land_again(platform: Platform) -> None:
    platform.run()
    first = {source: platform.landed(source) for source in SOURCES}

    run = platform.run()

    assert run.status is RunStatus.SUCCEEDED
    assert {source: platform.landed(source) for source in SOURCES} == first
    assert len(platform.jobs.started) == 2


def test_a_source_that_goes_back_to_what_it_was_lands_three_times(platform: Platform, project: Path) -> None:
    sample, older = ((project / "data" / name / "netflix_titles.csv").read_bytes() for name in ("sample", "older"))

    for content in (sample, older, sample):
        platform.publish("titles", content)
        platform.run()

    assert platform.landed() == [f"1: {len(sample)}", f"2: {len(older)}", f"3: {len(sample)}"]


def test_the_tenth_release_is_newer_than_the_ninth(platform: Platform, project: Path) -> None:
    sample = (project / "data" / "sample" / "netflix_titles.csv").read_bytes()
    for number in range(1, 13):
        platform.publish("titles", sample + b"," * number)
        platform.run()

    platform.run()

    assert len(platform.landed()) == 12


@pytest.fixture
def copies_die_half_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Switches whether a copy of titles to raw dies and leaves half a file behind, as one on Azure may."""
    whole = copy.copy_whole
    dying = True

    def copy_half(source: Path, target: Path) -> int:
        if not dying or target.parent.parent.name != "netflix_titles":
            return whole(source, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_bytes()
        target.write_bytes(content[: len(content) // 2])
        raise ActivityFailed("2200", "the connection was closed")

    def switch(on: bool) -> None:
        nonlocal dying
        dying = on

    monkeypatch.setattr(copy, "copy_whole", copy_half)
    return switch


def test_half_a_copy_is_gone_before_the_job_starts_and_the_run_says_why(
    platform: Platform, copies_die_half_way: Callable[[bool], None]
) -> None:
    seen: list[list[str]] = []
    platform.jobs.look = lambda: seen.append(platform.landed())

    run = platform.run()

    assert run.status is RunStatus.FAILED
    assert "netflix_titles: " in run.message
    assert "The copy to raw failed: the connection was closed" in run.message
    assert "not removed" not in run.message
    assert seen == [[]]
    assert all(len(platform.landed(source)) == 1 for source in SOURCES if source != "titles")


def test_after_half_a_copy_the_release_lands_under_a_path_that_no_reader_has_seen(
    platform: Platform, copies_die_half_way: Callable[[bool], None]
) -> None:
    platform.run()
    copies_die_half_way(False)

    assert [platform.run().status for _ in range(2)] == [RunStatus.SUCCEEDED] * 2

    size = (platform.published / "netflix_titles.csv").stat().st_size
    assert platform.landed() == [f"2: {size}"]


def test_half_a_file_that_a_killed_run_left_does_not_keep_the_whole_one_from_landing(platform: Platform) -> None:
    content = (platform.published / "netflix_titles.csv").read_bytes()
    left = platform.raw / "netflix_titles" / "1" / "netflix_titles.csv"
    left.parent.mkdir(parents=True)
    left.write_bytes(content[: len(content) // 2])

    platform.run()
    platform.run()

    assert platform.landed() == [f"1: {len(content) // 2}", f"2: {len(content)}"]


def test_other_things_in_a_sources_folder_are_no_releases(platform: Platform) -> None:
    platform.run()
    (platform.raw / "netflix_titles" / "notes").mkdir()
    (platform.raw / "netflix_titles" / "7").write_text("a file, not a folder")
    (platform.raw / "netflix_titles" / "4").mkdir()

    platform.publish("titles", (platform.published / "netflix_titles.csv").read_bytes() + b"\r\n")
    run = platform.run()

    assert run.status is RunStatus.SUCCEEDED
    assert (platform.raw / "netflix_titles" / "5" / "netflix_titles.csv").is_file()


def without_a_column(content: bytes) -> bytes:
    return content.replace(b"release_year", b"Release_Year", 1)


def swapped(content: bytes) -> bytes:
    return content.replace(b"duration_minutes,duration_seasons", b"duration_seasons,duration_minutes,more", 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: None, "404"),
        (lambda content: b"", "has 0 bytes"),
        (lambda content: content[:100], "has 100 bytes"),
        (lambda content: b"<!doctype html>\n<html><body>" + b"Sorry. " * 400 + b"</body></html>", "lacks"),
        (without_a_column, "lacks release_year"),
    ],
    ids=["missing", "empty", "short", "a page", "another column"],
)
def test_a_source_that_misbehaves_stops_no_other_and_the_run_names_it(
    platform: Platform, change: Callable[[bytes], bytes | None], reason: str
) -> None:
    good = (platform.published / "netflix_titles.csv").read_bytes()
    bad = change(good)
    if bad is None:
        (platform.published / "netflix_titles.csv").unlink()
    else:
        platform.publish("titles", bad)

    run = platform.run()

    assert run.status is RunStatus.FAILED
    assert "netflix_titles" in run.message and reason in run.message
    assert platform.landed() == []
    assert all(platform.landed(source) for source in SOURCES if source != "titles")
    assert "Ingested: " in run.message and "netflix_cast" in run.message.partition("Ingested: ")[2]
    assert len(platform.jobs.started) == 1

    platform.publish("titles", good)
    assert platform.run().status is RunStatus.SUCCEEDED
    assert platform.landed() == [f"1: {len(good)}"]


def test_columns_may_stand_in_another_order_and_there_may_be_more(platform: Platform) -> None:
    platform.publish("titles", swapped((platform.published / "netflix_titles.csv").read_bytes()))

    assert platform.run().status is RunStatus.SUCCEEDED


def test_a_job_that_fails_fails_the_run(platform: Platform) -> None:
    platform.jobs.result_state = "FAILED"

    run = platform.run()

    assert run.status is RunStatus.FAILED
    assert "a task failed" in run.message


def test_a_source_and_the_job_that_fail_are_both_named(platform: Platform) -> None:
    platform.jobs.result_state = "FAILED"
    platform.publish("cast", b"")

    run = platform.run()

    assert "netflix_cast" in run.message
    assert "a task failed" in run.message


def test_a_schedule_without_sources_starts_the_job_alone(platform: Platform) -> None:
    run = platform.run(schedule="weekly", maintenance="true")

    assert run.status is RunStatus.SUCCEEDED
    assert not platform.raw.exists() or platform.landed() == []
    assert platform.jobs.started == [("417260000000101", {"maintenance": "true"})]


@pytest.mark.parametrize("schedule", ["hourly", "dialy", "Daily", ""])
def test_a_schedule_that_is_none_fails_before_anything_is_done(platform: Platform, schedule: str) -> None:
    run = platform.run(schedule=schedule)

    assert run.status is RunStatus.FAILED
    assert f"There is no schedule '{schedule}'; it is one of daily, weekly." in run.message
    assert platform.landed() == []
    assert platform.jobs.started == []


def test_an_arrival_starts_the_job_alone(platform: Platform) -> None:
    run = platform.run("process_arrival", folder_path="raw/drop/netflix_titles", file_name="a.csv")

    assert run.status is RunStatus.SUCCEEDED
    assert platform.jobs.started == [("417260000000101", {"maintenance": "false"})]
