"""`make bench`: whole runs of the platform beside a script written by hand, in turn, so that noise hits both alike.

    python -m bench.run                         the real files (NETFLIX_DATA), else generated ones of the same size
    python -m bench.run --titles 1000000        generated files of that size
    python -m bench.run --rounds 5

Four kinds of run: `full` (an empty lake; the first round is the cold one), `incremental` (a later release with about
1 % news), `no news`. Each is a process of its own, measured from outside; the ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.generate import generate

REPOSITORY = Path(__file__).resolve().parent.parent
REAL_TITLES = 6_234
STEPS = ("full", "incremental", "no news")


@dataclass(frozen=True)
class Measured:
    """One process: seconds of wall clock and of both processors."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=0, help="generate files of that many titles")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="sail")
    parser.add_argument("--work", type=Path, help="where to work (default: a temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as scratch:
        work = Path(scratch)
        first, second = releases(work, arguments.titles)
        found: dict[tuple[str, str], list[Measured]] = {}
        phases: dict[str, dict[str, float]] = {}
        for number in range(arguments.rounds):
            round_of(work / str(number), first, second, arguments.engine, found, phases)
            shutil.rmtree(work / str(number))
    report(found, phases, arguments.rounds)


def releases(work: Path, titles: int) -> tuple[Path, Path]:
    """The folders of two releases: the real ones when there are and no size was asked for."""
    data = os.environ.get("NETFLIX_DATA")
    if data and not titles:
        sys.path.insert(0, str(REPOSITORY / "tests" / "end_to_end"))
        from derive_release import derive

        derive(Path(data) / "older_releases" / "netflix_titles_jan_2020.csv", work / "first")
        return work / "first", Path(data) / "normalised"
    generate(work, titles or REAL_TITLES, second=True)
    return work / "first", work / "second"


def round_of(
    folder: Path,
    first: Path,
    second: Path,
    engine: str,
    found: dict[tuple[str, str], list[Measured]],
    phases: dict[str, dict[str, float]],
) -> None:
    """One full, one incremental and one no-news run of both, in turn."""
    for step, release in zip(STEPS, (first, second, second), strict=True):
        state = folder / "reelhouse"
        platform = [sys.executable, "-m", "reelhouse.cli", "run", "-C", str(REPOSITORY), "--state", str(state)]
        platform += ["--mirror", str(release), "--engine", engine, "--json"]
        by_hand = [sys.executable, "-m", "bench.by_hand", "--input", str(release), "--out", str(folder / "hand")]
        for name, command in (("reelhouse", platform), ("by hand", by_hand)):
            measured = timed(command)
            found.setdefault((step, name), []).append(measured)
            print(f"{step:12} {name:10} {measured.wall:7.2f} s wall {measured.cpu:7.2f} s cpu", flush=True)
            if name == "reelhouse":
                phases[step] = spent(state / "runs.db", measured.wall)


def timed(command: Sequence[str]) -> Measured:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wall = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed:\n{done.stdout[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Measured(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def spent(history: Path, wall: float) -> dict[str, float]:
    """Where the time of the newest run went, in seconds, from its own history.

    Copies run beside each other, as do flows, so the parts of a level are summed over threads.
    """
    with sqlite3.connect(history) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("select * from runs order by started_at, sequence").fetchall()
    top = [row for row in rows if row["parent_id"] is None][-1]
    inside = {top["id"]}
    for row in rows:
        if row["parent_id"] in inside:
            inside.add(row["id"])
    rows = [row for row in rows if row["id"] in inside]

    def seconds(chosen: Sequence[sqlite3.Row]) -> float:
        return sum(
            (datetime.fromisoformat(r["ended_at"]) - datetime.fromisoformat(r["started_at"])).total_seconds()
            for r in chosen
            if r["ended_at"]
        )

    def of(kind: str, *types: str, name: str = "") -> list[sqlite3.Row]:
        return [
            r for r in rows if r["kind"] == kind and (not types or r["type"] in types) and r["name"].startswith(name)
        ]

    whole, job = seconds([top]), seconds(of("job"))
    return {
        "start-up and end": wall - whole,
        "data factory": whole - job,
        "  of it copying": seconds(of("activity", "Copy")),
        "job: sources": seconds(of("task", name="lookup_sources")),
        "job: bronze": seconds([r for r in of("task") if r["name"] == "bronze"]),
        "job: silver and gold": seconds([r for r in of("task") if r["name"] == "silver_and_gold"]),
        "  flows of silver": seconds(of("flow", name="silver.")),
        "  flows of gold": seconds(of("flow", name="gold.")),
    }


def report(found: dict[tuple[str, str], list[Measured]], phases: dict[str, dict[str, float]], rounds: int) -> None:
    print(f"\nmedians of {rounds} rounds, seconds")
    print(f"{'step':14}{'reelhouse':>10}{'by hand':>10}{'ratio':>8}{'cpu ratio':>11}")
    for step in STEPS:
        ours, hand = found[(step, "reelhouse")], found[(step, "by hand")]
        wall = [statistics.median(m.wall for m in side) for side in (ours, hand)]
        cpu = [statistics.median(m.cpu for m in side) for side in (ours, hand)]
        print(f"{step:14}{wall[0]:10.2f}{wall[1]:10.2f}{wall[0] / wall[1]:8.2f}{cpu[0] / cpu[1]:11.2f}")
    cold = found[("full", "reelhouse")][0].wall
    print(f"the first full run, with whatever was not yet in memory: {cold:.2f}")
    print("\nwhere the time of the last round went, seconds")
    print(f"{'':24}" + "".join(f"{step:>13}" for step in phases))
    for part in next(iter(phases.values())):
        print(f"{part:24}" + "".join(f"{values[part]:13.2f}" for values in phases.values()))


if __name__ == "__main__":
    main()
