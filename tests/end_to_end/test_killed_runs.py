"""`kill -9` at random moments of `reelhouse run`, then run again: the tables are those of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SEEDS = range(20)
TABLES = [
    *[f"bronze.netflix_{name}" for name in ("titles", "cast", "category", "countries", "directors")],
    *[f"silver.{name}" for name in ("titles", "title_cast", "title_directors", "title_countries", "title_genres")],
    *[f"silver.{n}_quarantine" for n in ("titles", "title_cast", "title_directors", "title_countries", "title_genres")],
    *[f"gold.dim_{name}" for name in ("title", "person", "country", "genre", "date")],
    *[f"gold.bridge_title_{name}" for name in ("person", "country", "genre")],
    *["gold.fact_title_additions", "gold.titles_by_year_genre", "gold.titles_by_country", "gold.titles_by_rating"],
    *["gold.durations", "gold.top_directors", "gold.top_actors", "gold.additions_by_month"],
]


def contents(platform):
    return {table: platform.rows(table) for table in TABLES}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, make_platform, older, sample):
    """The tables after two releases without a disturbance, and how long each run took in seconds."""
    platform = make_platform(tmp_path_factory.mktemp("undisturbed"))
    seconds = []
    for release in (older, sample):
        started = time.monotonic()
        done = platform.command("run", "--mirror", str(release))
        assert done.returncode == 0, done.stdout + done.stderr
        seconds.append(time.monotonic() - started)
    return contents(platform), seconds


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_run_is_made_good_by_the_next(seed, platform, undisturbed, older, sample, compare_lakes):
    """One or both of two releases are disturbed, at moments the seed chooses."""
    wanted, seconds = undisturbed
    chance = random.Random(seed)
    for release, duration in zip((older, sample), seconds, strict=True):
        for _ in range(chance.choice([1, 1, 2])):
            kill_after(platform, release, chance.uniform(0.15, 1.0) * duration)
        done = platform.command("run", "--mirror", str(release))
        assert done.returncode == 0, done.stdout + done.stderr
    assert compare_lakes(contents(platform), wanted) == []
    assert [len(platform.landed(source)) for source in ("netflix_titles", "netflix_cast")] == [2, 2]


def kill_after(platform, release: Path, delay: float) -> None:
    process = subprocess.Popen(
        platform.words("run", "--mirror", str(release)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_ctrl_c_stops_in_order_and_is_recorded(platform, sample):
    process = subprocess.Popen(
        [*platform.words("run", "--mirror", str(sample))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until_a_run_is_recorded(platform)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert "Traceback" not in printed
    listed = platform.command("runs", "--json")
    assert '"Cancelled"' in listed.stdout
    assert platform.command("run", "--mirror", str(sample)).returncode == 0


def wait_until_a_run_is_recorded(platform) -> None:
    import sqlite3

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (platform.state / "runs.db").exists():
            try:
                with sqlite3.connect(platform.state / "runs.db") as connection:
                    if connection.execute("select count(*) from runs where kind = 'activity'").fetchone()[0]:
                        return
            except sqlite3.OperationalError:
                pass
        time.sleep(0.01)
    sys.exit("no run was recorded within 30 seconds")
