"""The reader's code on its way to executors that do not have the package."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.reader import register, scan
from reelhouse.autoloader.request import Column, Request
from reelhouse.autoloader.shipped import archive, shipped_data_source

EXECUTOR = """
import base64, pickle, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('pydantic', 'sqlglot', 'deltalake', 'pysail', 'grpc'):
            raise ImportError(name + ' is not there')

sys.meta_path.insert(0, Hidden())
source = pickle.loads(base64.b64decode(sys.argv[1]))({'request': sys.argv[2]})
assert 'reelhouse' not in sys.modules
reader = pickle.loads(__import__('pyspark.cloudpickle', fromlist=['x']).dumps(source.reader(None)))
print(source.schema())
for partition in reader.partitions():
    for batch in reader.read(partition):
        print(batch.to_pylist())
import reelhouse
print(reelhouse.__file__.split('reelhouse-')[1][16:])
"""


def test_the_same_code_makes_the_same_archive() -> None:
    assert archive() == archive()


def test_an_executor_needs_nothing_but_the_class_and_pyarrow(tmp_path: Path, entry: Any) -> None:
    from pyspark import cloudpickle

    file = entry(tmp_path / "a.csv", "id,at\n1,2020-01-02\n")
    request = Request((file,), "csv", {"header": "true"}, (Column("id", "int"), Column("at", "date")))
    code = base64.b64encode(cloudpickle.dumps(shipped_data_source(archive()))).decode()

    done = subprocess.run(
        [sys.executable, "-c", EXECUTOR, code, request.encode()],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": ""},
        cwd=tmp_path,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "`id` int, `at` date",
        "[{'id': 1, 'at': datetime.date(2020, 1, 2)}]",
        ".zip/reelhouse/__init__.py",
    ]


@pytest.mark.spark
def test_apache_spark_reads_with_the_code_it_is_sent(tmp_path: Path, entry: Any) -> None:
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import LogicalPlan
    from pyspark.sql.connect.session import SparkSession

    class Given(LogicalPlan):
        def __init__(self, relation: Any) -> None:
            super().__init__(None)
            self._relation = relation

        def plan(self, session: Any) -> Any:
            relation = type(self._relation)()
            relation.CopyFrom(self._relation)
            relation.common.plan_id = self._plan_id
            return relation

    file = entry(tmp_path / "a.csv", 'id,at,t\n1,2020-01-02T03:04:05Z,"a ""b"", c"\nx,,y\n')
    spark = SparkSession.builder.channelBuilder(DefaultChannelBuilder(os.environ["REELHOUSE_SPARK"])).create()
    try:
        register(spark, by_value=True)
        options = {"header": "true", "escape": '"'}
        relation = scan(
            [file], "csv", options, "id int, at timestamp, t string", rescued="_rescued_data", metadata=True
        )
        frame = DataFrame(Given(relation), spark).selectExpr(
            "id", "unix_micros(at)", "t", "_rescued_data", "_metadata.*"
        )
        rows = [tuple(row)[:6] for row in frame.collect()]
    finally:
        spark.stop()

    assert rows == [
        (1, 1577934245000000, 'a "b", c', None, file.path, "a.csv"),
        (None, None, "y", f'{{"id":"x","_file_path":"{file.path}"}}', file.path, "a.csv"),
    ]
