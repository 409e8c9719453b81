"""Two streams, files to bronze and bronze to silver, killed at each step on the real engine and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

PROGRAM = """
import sys
from pathlib import Path
from reelhouse.catalog.catalog import Catalog
from reelhouse.spark.engines import choose_engine
from reelhouse.spark.session import Sessions
from reelhouse.storage.lake import Lake
from reelhouse.streaming.run import Streaming

folder = Path(sys.argv[1])
lake = Lake(folder / "lake")
catalog = Catalog(folder / "catalog.db", lake)
catalog.create_schema("bronze", if_not_exists=True)
sessions = Sessions(choose_engine(None), catalog, lake)
sessions.streaming = Streaming()
spark = sessions.open()
reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv")
reader = reader.option("cloudFiles.schemaLocation", f"{folder}/checkpoints/bronze")
titles = reader.option("cloudFiles.maxFilesPerTrigger", "2").load(f"{folder}/titles")


def write(frame, table):
    writer = frame.writeStream.option("checkpointLocation", f"{folder}/checkpoints/{table}")
    writer.option("mergeSchema", "true").trigger(availableNow=True).toTable(f"bronze.{table}").awaitTermination()


write(titles, "bronze")
write(spark.readStream.table("bronze.bronze").selectExpr("show_id", "upper(title) AS title"), "silver")
sessions.stop()
"""

POINTS = [
    "streaming.discovered",
    "streaming.after_offsets",
    "delta.before_commit",
    "delta.after_commit",
    "streaming.after_sink",
    "streaming.after_commit:2",
    "streaming.after_offsets:3",
    "delta.after_commit:3",
]


def put(folder: Path, *names: str) -> None:
    (folder / "titles").mkdir(exist_ok=True)
    for name in names:
        hidden = folder / "titles" / f".{name}"
        hidden.write_text(f"show_id,title\n{name}1,title {name}1\n{name}2,title {name}2\n")
        hidden.rename(folder / "titles" / f"{name}.csv")


def run(folder: Path, fail_at: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    return subprocess.run(command, env={**os.environ, "REELHOUSE_FAIL_AT": fail_at}, capture_output=True, text=True)


def rows(folder: Path, table: str) -> list[tuple[str, str]]:
    found = DeltaTable(str(folder / "lake" / "_catalog" / "netflix" / "bronze" / table)).to_pyarrow_table()
    return sorted((row["show_id"], row["title"]) for row in found.to_pylist())


@pytest.mark.parametrize("point", POINTS)
def test_the_tables_are_those_of_an_undisturbed_run(tmp_path: Path, point: str) -> None:
    put(tmp_path, "a", "b", "c")

    killed = run(tmp_path, point)
    put(tmp_path, "d")
    again = run(tmp_path)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert again.returncode == 0, again.stderr
    expected = [(f"{name}{number}", f"title {name}{number}") for name in "abcd" for number in (1, 2)]
    assert rows(tmp_path, "bronze") == expected
    assert rows(tmp_path, "silver") == [(show_id, title.upper()) for show_id, title in expected]
