"""Ctrl-C while the embedded engine is up."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import os, signal, socket, threading, time
from reelhouse.spark.engines.sail import SailEngine

engine = SailEngine()
host, port = engine.start().removeprefix("sc://").split(":")
for thread in threading.enumerate():
    if thread.name == "keep Ctrl-C":
        thread.join()
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted")
socket.create_connection((host, int(port)), timeout=10).close()
print("the engine is there")
engine.stop()
"""


def test_the_engine_outlives_ctrl_c_so_that_a_run_can_stop_in_order(tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(CODE)

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)

    assert done.stdout == "interrupted\nthe engine is there\n", done.stderr
