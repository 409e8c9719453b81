"""What a ForEach costs: `python -m bench.foreach` runs one of 10,000 items, 50 at a time, with a real history of runs.

Printed are the overhead of an activity (an activity that does nothing takes that long in the end) and how much the
process grew between the first tenth of the items and the last.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

ITEMS, AT_ONCE = 10_000, 50
PAGE_KB = 4


class Cost(NamedTuple):
    """`activities` are those that ran, `seconds` all they took, `grown_mb` the growth of the process meanwhile."""

    activities: int
    seconds: float
    grown_mb: float

    @property
    def milliseconds_each(self) -> float:
        return self.seconds * 1000 / self.activities


def measure(folder: Path, items: int = ITEMS, at_once: int = AT_ONCE) -> Cost:
    """Run the loop in an empty folder."""
    from reelhouse.adf.factory import load_factory
    from reelhouse.adf.run import run_pipeline
    from reelhouse.adf.services import AdfServices
    from reelhouse.runs.record import Run, RunStatus
    from reelhouse.runs.store import RunStore
    from reelhouse.storage.lake import Lake

    (folder / "factory/pipeline").mkdir(parents=True)
    pipeline = {"name": "main", "properties": _pipeline(items, at_once)}
    (folder / "factory/pipeline/main.json").write_text(json.dumps(pipeline), encoding="utf-8")
    runs = RunStore(f"sqlite:///{folder / 'runs.db'}")
    seen: list[float] = []
    ended = 0

    def listen(fact: Any) -> None:
        nonlocal ended
        if isinstance(fact, Run) and fact.ended_at is not None:
            ended += 1
            if ended in (items // 10, items):
                seen.append(resident_mb())

    runs.subscribe(listen)
    factory = load_factory(folder / "factory")
    services = AdfServices(Lake(folder / "lake"), runs)
    started = time.perf_counter()
    done = run_pipeline(factory, "main", {}, services)
    seconds = time.perf_counter() - started
    runs.close()
    if done.status is not RunStatus.SUCCEEDED:
        raise SystemExit(f"The run ended {done.status}: {done.message}")
    return Cost(2 * items, seconds, seen[1] - seen[0])


def _pipeline(items: int, at_once: int) -> dict[str, Any]:
    inner = [
        {"name": "keep", "type": "Filter",
         "typeProperties": {"items": "@createArray(item())", "condition": "@greater(item(), 5)"}},
        {"name": "choose", "type": "IfCondition", "typeProperties": {"expression": "@equals(item(), -1)"},
         "dependsOn": [{"activity": "keep", "dependencyConditions": ["Succeeded"]}]},
    ]  # fmt: skip
    properties = {"items": f"@range(0, {items})", "batchCount": at_once, "activities": inner}
    return {"activities": [{"name": "each", "type": "ForEach", "typeProperties": properties}]}


def resident_mb() -> float:
    """How much memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_KB / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cost = measure(Path(folder), words.items, words.at_once)
    print(f"{cost.activities:,} activities in {cost.seconds:.1f} s: {cost.milliseconds_each:.2f} ms each")
    print(f"memory grew by {cost.grown_mb:.1f} MB")


if __name__ == "__main__":
    main()
