from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from reelhouse.delta import staging


def fill(folder: str, *names: str) -> None:
    for name in names:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_files_carry_the_values_of_their_folders(tmp_path):
    fill(str(tmp_path), "_m=5/c=a b%2Fc/x.parquet", "_m=0/c=__HIVE_DEFAULT_PARTITION__/y.parquet", "_m=0/c=/z.parquet")
    found = {(f.mask, f.partition_values["C"]) for f in staging.staged_files(str(tmp_path), "_m", ["C"])}
    assert found == {(5, "a b/c"), (0, None)}


def test_what_engines_leave_beside_the_files_is_passed_over(tmp_path):
    fill(str(tmp_path), "_SUCCESS", ".x.parquet.crc", "a.parquet")
    assert [Path(f.path).name for f in staging.staged_files(str(tmp_path), None, [])] == ["a.parquet"]
    assert staging.staged_files(str(tmp_path / "nothing"), None, []) == []


def test_folders_of_dead_processes_and_old_foreign_ones_are_cleared(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", "import sys; from reelhouse.delta import staging; print(staging.new_stage(sys.argv[1]))",
         str(tmp_path)], capture_output=True, text=True, check=True,
    )  # fmt: skip
    dead = child.stdout.strip()
    mine = staging.new_stage(str(tmp_path))
    foreign = [str(tmp_path / "_staged" / f"elsewhere-1-{name}") for name in ("new", "old")]
    for folder in (dead, mine, *foreign):
        fill(folder, "x.parquet")
    week = time.time() - 8 * 24 * 3600
    os.utime(foreign[1], (week, week))
    assert sorted(staging.clean_stale(str(tmp_path))) == sorted([dead, foreign[1]])
    assert Path(mine).exists()
    assert Path(foreign[0]).exists()
    staging.discard(foreign[0])
    staging.discard(mine)
    assert not (tmp_path / "_staged").exists()
