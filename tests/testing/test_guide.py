"""The code of docs/guides/testing.md runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_examples_of_the_guide_run_as_they_stand(tmp_path: Path) -> None:
    guide = (PROJECT / "docs" / "guides" / "testing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nreelhouse_factory = {PROJECT / 'adf'}\n")
    for name, code in blocks:
        (tmp_path / name).write_text(code)
    words = ["-p", "no:cacheprovider", "-p", "reelhouse.testing.plugin", "-p", "no:reelhouse", "-q", "-W", "error"]
    command = [sys.executable, "-m", "pytest", *words, "-c", str(tmp_path / "pytest.ini"), str(tmp_path)]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)

    assert len(blocks) == 3
    assert "8 passed" in done.stdout, done.stdout + done.stderr
