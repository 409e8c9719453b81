"""Run a command beside a PostgreSQL server of its own, which is gone afterwards.

    python tools/postgres.py COMMAND …     COMMAND sees the server's address in REELHOUSE_POSTGRES

Debian's package `postgresql` is installed when the server's programs are missing (that needs root). The server keeps
its files in a temporary folder and listens on loopback alone.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")


def main() -> int:
    programs = find_programs()
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        data = Path(folder) / "data"
        prefix = as_server_user(Path(folder))
        port = free_port()
        control = [*prefix, str(programs / "pg_ctl"), "-D", str(data), "-w", "-s"]
        run(
            [*prefix, str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "reelhouse", "-E", "UTF8"],
            quiet=True,
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run([*control, "-o", options, "-l", str(Path(folder) / "log"), "start"])
        try:
            address = f"postgresql+psycopg://reelhouse@127.0.0.1:{port}/postgres"
            return subprocess.run(sys.argv[1:], env={**os.environ, "REELHOUSE_POSTGRES": address}).returncode
        finally:
            run([*control, "-m", "immediate", "stop"])


def find_programs() -> Path:
    """The folder of initdb and pg_ctl; Debian's package is installed when there is none."""
    if not any(PROGRAMS.glob("*/bin/initdb")):
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            sys.exit(
                "PostgreSQL's server is not here. Install it (on Debian: apt-get install postgresql) and try again."
            )
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-q"], quiet=True, environment=environment)
        run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", "postgresql"],
            quiet=True,
            environment=environment,
        )
    found = sorted(PROGRAMS.glob("*/bin/initdb"))
    if not found:
        sys.exit(f"PostgreSQL was installed, but there is no initdb under {PROGRAMS}.")
    return found[-1].parent


def as_server_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: what to put before its programs then."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


def run(command: list[str], *, quiet: bool = False, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=quiet, text=True, env=environment, cwd="/")
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed\n{done.stdout or ''}{done.stderr or ''}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
