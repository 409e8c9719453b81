"""The project's Spark for stock clients in other processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelhouse.errors import UserError
from reelhouse.project import Project
from reelhouse.spark.server import ConnectServer

PREAMBLE = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
"""

Client = Callable[..., str]


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Client:
    """Run code with a stock client of the address; what it prints."""
    script = tmp_path_factory.mktemp("client") / "client.py"

    def run(code: str, address: str) -> str:
        script.write_text(PREAMBLE + code)
        done = subprocess.run([sys.executable, script, address], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("served")
    (root / "reelhouse.toml").write_text("")
    opened = Project.open(root, state=root / "state")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(project) -> Iterator[ConnectServer]:
    running = ConnectServer(project.sessions, port=0)
    running.start()
    yield running
    running.stop()


def test_a_stock_client_writes_delta_tables_that_this_process_reads(client, server, project):
    printed = client(
        """
spark.sql("create schema sales")
spark.range(10).write.saveAsTable("sales.orders")
spark.sql("delete from sales.orders where id < 3")
versions = [row.version for row in spark.sql("describe history sales.orders").collect()]
print(spark.table("sales.orders").count(), versions)
""",
        server.address,
    )

    assert printed == "7 [1, 0]\n"
    assert [state.rows for state in project.table_states()] == [7]


def test_a_stock_client_gets_auto_loader_and_for_each_batch(client, server, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,name\n1,a\n2,b\n")
    printed = client(
        f"""
stream = (spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv")
          .option("cloudFiles.schemaLocation", "{tmp_path}/schema").load("{tmp_path}/in"))
query = (stream.writeStream.option("checkpointLocation", "{tmp_path}/one").trigger(availableNow=True)
         .toTable("loaded"))
query.awaitTermination()
print(query.lastProgress["numInputRows"], spark.table("loaded").columns)
def each(frame, number):
    frame.select("id").write.mode("append").saveAsTable("ids")
query = (stream.writeStream.foreachBatch(each).option("checkpointLocation", "{tmp_path}/two")
         .trigger(availableNow=True).start())
query.awaitTermination()
print(sorted(row.id for row in spark.table("ids").collect()))
""",
        server.address,
    )

    assert printed == "2 ['id', 'name', '_rescued_data']\n['1', '2']\n"


def test_errors_reach_the_client_as_the_exceptions_of_stock_pyspark_with_their_whole_text(client, server):
    printed = client(
        """
from pyspark.errors import AnalysisException, UnsupportedOperationException
try:
    spark.table("no_such_table").show()
except AnalysisException as error:
    print(error.getCondition(), "there is no table or view" in str(error))
long = "x" * 5000
try:
    spark.table(long).show()
except AnalysisException as error:
    print(long in str(error))
try:
    spark.range(1).write.format("orc").save("/nowhere")
except UnsupportedOperationException as error:
    print("orc" in str(error))
try:
    spark.sql("select nothing from range(1)").show()
except AnalysisException as error:
    print("nothing" in str(error))
""",
        server.address,
    )

    assert printed == "TABLE_OR_VIEW_NOT_FOUND True\nTrue\nTrue\nTrue\n"


def test_clients_have_views_and_settings_of_their_own(client, server):
    client("spark.range(3).createOrReplaceTempView('mine'); print(spark.table('mine').count())", server.address)
    printed = client(
        """
from pyspark.errors import AnalysisException
other = SparkSession.builder.remote(sys.argv[1]).create()
other.range(3).createOrReplaceTempView("theirs")
other.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
print(other.table("theirs").count(), spark.conf.get("spark.sql.session.timeZone"))
for name in ("mine", "theirs"):
    try:
        spark.table(name).count()
    except AnalysisException as error:
        print(error.getCondition())
""",
        server.address,
    )

    assert printed == "3 UTC\nTABLE_OR_VIEW_NOT_FOUND\nTABLE_OR_VIEW_NOT_FOUND\n"


def test_functions_of_the_client_run_on_the_engine(client, server):
    printed = client(
        """
from pyspark.sql.functions import udf
print([row[0] for row in spark.range(3).select(udf(lambda value: value * 2, "long")("id")).collect()])
""",
        server.address,
    )

    assert printed == "[0, 2, 4]\n"


def test_a_token_is_asked_for_when_there_is_one(client, project):
    running = ConnectServer(project.sessions, port=0, token="right")
    running.start()
    try:
        assert client("print(spark.range(2).count())", f"{running.address}/;token=right") == "2\n"
        printed = client(
            """
from pyspark.errors import PySparkException
try:
    spark.range(2).count()
except PySparkException as error:
    print("The token is missing or wrong" in str(error))
""",
            f"{running.address}/;token=wrong",
        )
    finally:
        running.stop()

    assert printed == "True\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "a.example"])
def test_other_machines_need_a_token_and_an_encrypted_line(project, host):
    with pytest.raises(UserError, match="must show a token over an encrypted line"):
        ConnectServer(project.sessions, host=host, port=0)
    with pytest.raises(UserError, match="must show a token over an encrypted line"):
        ConnectServer(project.sessions, host=host, port=0, token="t")


def test_a_port_that_is_taken_is_said(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="is another server running there"):
            ConnectServer(project.sessions, port=taken.getsockname()[1])


def test_the_command_prints_the_address_and_ends_in_order_on_ctrl_c(client, tmp_path):
    (tmp_path / "reelhouse.toml").write_text("")
    words = [sys.executable, "-m", "reelhouse.cli", "connect", "--port", "0", "-C", str(tmp_path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment())
    try:
        address = process.stdout.readline().split()[-1]
        assert client("print(spark.range(4).count())", address) == "4\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors


def _environment() -> dict[str, str]:
    import reelhouse

    return {**os.environ, "PYTHONPATH": str(Path(reelhouse.__file__).parent.parent)}
