"""A process that is killed leaves no half file where a reader looks, and the next run completes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
from reelhouse.adf.files import copy_whole
copy_whole(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_copy_that_is_killed_shows_nothing(tmp_path, eventually):
    source = tmp_path / "source"
    os.mkfifo(source)
    target = tmp_path / "in/target.csv"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(source), str(target)])
    with source.open("wb") as pipe:
        pipe.write(b"half of it")
        pipe.flush()
        eventually(lambda: target.parent.exists() and any(target.parent.iterdir()))
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert not target.exists()
    assert [name.startswith(".target.csv.") for name in os.listdir(target.parent)] == [True]


def test_a_folder_with_what_a_kill_left_is_copied_and_listed_without_it(run, raw: Path, copy, act, dataset):
    (raw / "a").mkdir()
    (raw / "a/b.csv").write_text("x")
    (raw / "a/.c.csv.0123456789abcdef0123456789abcdef.part").write_text("half")
    result = run(
        [
            copy("c", dataset("ds_folder", folder="a"), dataset("ds_folder", folder="b")),
            act("m", "GetMetadata", "c", dataset=dataset("ds_folder", folder="b"), fieldList=["childItems"]),
        ]
    )

    assert result.activities["m"]["output"]["childItems"] == [{"name": "b.csv", "type": "File"}]


INTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
from reelhouse.adf.factory import load_factory
from reelhouse.adf.run import run_pipeline
from reelhouse.adf.services import AdfServices
from reelhouse.runs.store import RunStore
from reelhouse.storage.lake import Lake

folder = Path(sys.argv[1])
runs = RunStore(f"sqlite:///{folder / 'runs.db'}")
interrupt = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
runs.subscribe(lambda event: getattr(event, "name", "") == "a" and not interrupt.ident and interrupt.start())
result = run_pipeline(load_factory(folder / "factory"), "main", {}, AdfServices(Lake(folder / "lake"), runs))
print(result.status, flush=True)
"""


def test_ctrl_c_stops_what_runs_in_order(tmp_path, make_factory, act):
    waits = [act("a", "Wait", waitTimeInSeconds=600), act("b", "Wait", waitTimeInSeconds=600)]
    make_factory({"main": [act("each", "ForEach", items="@range(0, 3)", activities=waits)]})
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], capture_output=True, text=True, timeout=60
    )

    assert done.stdout.strip() == "Cancelled", done.stderr
