"""Set up and run an Apache Spark 4.2 Connect server with Delta, for `reelhouse run --engine sc://localhost:PORT`.

    python tools/spark_connect.py setup            make .spark/ (a virtual environment with Spark, Delta's jars)
    python tools/spark_connect.py serve [--port N] run the server in the foreground until Ctrl-C
    python tools/spark_connect.py run -- COMMAND   start a server, run COMMAND with REELHOUSE_SPARK set, stop the server

Java 17 or newer and Maven are needed. The server has a virtual environment of its own because PyPI's `pyspark` and the
thin `pyspark-client` that this project uses are the same import package. Its Python has to have the client's minor
version: readers written in Python run there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HOME = Path(os.environ.get("REELHOUSE_SPARK_HOME", Path(__file__).resolve().parent.parent / ".spark"))
SPARK_VERSION = "4.2.0"
DELTA_ARTIFACT = "delta-spark_4.2_2.13"
DELTA_VERSION = "4.4.0"
JARS = ("delta-spark", "delta-storage", "delta-kernel", "unitycatalog-client", "unitycatalog-hadoop")
READY = "Spark Connect server started"

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>reelhouse</groupId><artifactId>delta-jars</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>io.delta</groupId><artifactId>{DELTA_ARTIFACT}</artifactId><version>{DELTA_VERSION}</version>
  </dependency></dependencies>
</project>
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["setup", "serve", "run"])
    parser.add_argument("--port", type=int, default=15002)
    parser.add_argument("command", nargs="*", help="for run: what to run, after --")
    arguments = parser.parse_args()
    set_up()
    if arguments.verb == "setup":
        return 0
    port = arguments.port if arguments.verb == "serve" else free_port()
    with tempfile.TemporaryDirectory(prefix="spark-connect-") as scratch:
        server = start(port, Path(scratch))
        try:
            if not wait_until_ready(server):
                print("The Spark Connect server ended before it was ready.", file=sys.stderr)
                return 1
            address = f"sc://localhost:{port}"
            if arguments.verb == "serve":
                print(f"Serving at {address}; Ctrl-C ends it.", flush=True)
                return server.wait()
            return subprocess.run(arguments.command, env={**os.environ, "REELHOUSE_SPARK": address}).returncode
        except KeyboardInterrupt:
            return 130
        finally:
            stop(server)


def set_up() -> None:
    """Make what is missing; nothing is done a second time."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            sys.exit(f"'{tool}' is not on the PATH. Java 17 or newer and Maven are needed for an Apache Spark server.")
    if not (HOME / ".installed").exists():
        print(f"Setting up Apache Spark {SPARK_VERSION} in {HOME} (about 450 MB, once)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", HOME / "venv"], check=True)
        packages = [f"pyspark=={SPARK_VERSION}", *(f"{name}=={version(name)}" for name in PACKAGES)]
        subprocess.run(
            [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True
        )
        (HOME / "pom.xml").write_text(POM)
        subprocess.run(
            ["mvn", "-q", "-f", HOME / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={HOME / 'jars'}"],
            check=True,
        )
        (HOME / ".installed").touch()


PACKAGES = ("pyarrow", "pandas", "grpcio", "grpcio-status", "googleapis-common-protos", "protobuf", "zstandard")


def version(package: str) -> str:
    """The version that `requirements.lock` pins, so that both sides of the wire agree."""
    lock = Path(__file__).resolve().parent.parent / "requirements.lock"
    for line in lock.read_text().splitlines():
        name, _, pinned = line.partition("==")
        if name.lower() == package:
            return pinned.split(";")[0].strip()
    sys.exit(f"requirements.lock does not pin {package}")


def python() -> Path:
    return HOME / "venv" / "bin" / "python"


def start(port: int, scratch: Path) -> subprocess.Popen[str]:
    jars = [jar for jar in sorted((HOME / "jars").glob("*.jar")) if jar.name.startswith(JARS)]
    spark_home = next((HOME / "venv" / "lib").glob("python3.*/site-packages/pyspark"))
    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.local.dir": str(scratch / "local"),
    }
    command = [str(spark_home / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "3g"]
    command += ["--jars", ",".join(map(str, jars))]
    for key, value in settings.items():
        command += ["--conf", f"{key}={value}"]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    environment = {
        **os.environ,
        "SPARK_HOME": str(spark_home),
        "PYSPARK_PYTHON": str(python()),
        "PYSPARK_DRIVER_PYTHON": str(python()),
    }
    return subprocess.Popen(
        command, env=environment, cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def wait_until_ready(server: subprocess.Popen[str]) -> bool:
    """Read the log up to the line that says it serves; later lines are kept in `.spark/server.log`."""
    assert server.stdout is not None
    with (HOME / "server.log").open("w") as log:
        for line in server.stdout:
            log.write(line)
            if READY in line:
                threading.Thread(target=_drain, args=(server,), daemon=True).start()
                return True
    return False


def _drain(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    with (HOME / "server.log").open("a") as log:
        for line in server.stdout:
            log.write(line)


def stop(server: subprocess.Popen[str]) -> None:
    """End the server that was started here, and only that one."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
