"""Notebooks on the embedded engine."""

from dataclasses import replace

import pytest


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    from reelhouse.catalog.catalog import Catalog
    from reelhouse.spark.engines import choose_engine
    from reelhouse.spark.session import Sessions
    from reelhouse.storage.lake import Lake

    folder = tmp_path_factory.mktemp("engine")
    lake = Lake(folder / "lake")
    sessions = Sessions(choose_engine("sail"), Catalog(folder / "catalog.db", lake), lake)
    yield sessions
    sessions.stop()


@pytest.fixture
def real(bench, sessions):
    bench.context = replace(bench.context, open_session=sessions.open, close_session=sessions.close)
    return bench


def test_temporary_views_and_dataframes_are_shared_by_python_sql_and_what_run_brings_in(real):
    real.write("common.py", "spark.range(5).createOrReplaceTempView('numbers')")
    result = real.run(
        "# MAGIC %run ./common",
        "dbutils.widgets.text('least', '3')",
        "# MAGIC %sql\n# MAGIC CREATE OR REPLACE TEMP VIEW big AS SELECT id FROM numbers WHERE id >= 3;\n"
        "# MAGIC SELECT count(*) AS n, :least AS least FROM big",
        "row = _sqldf.collect()[0]\ndbutils.notebook.exit(f'{row.n} {row.least} {table(\"numbers\").count()}')",
    )
    assert result.error is None, result.error.traceback
    assert result.exit_value == "2 3 5"
    assert real.output.splitlines()[-1].split() == ["2", "|", "3"]


def test_another_notebook_has_a_session_of_its_own_and_leaves_this_ones_active(real):
    real.write("child.py", "spark.range(1).createOrReplaceTempView('inner')\ndbutils.notebook.exit(spark.session_id)")
    result = real.run(
        "other = dbutils.notebook.run('child', 0)",
        "from pyspark.sql import SparkSession\n"
        "same = SparkSession.builder.getOrCreate().session_id == spark.session_id\n"
        "dbutils.notebook.exit((other != spark.session_id, same, spark.catalog.tableExists('inner')))",
    )
    assert result.error is None, result.error.traceback
    assert result.exit_value == "(True, True, False)"


def test_functions_of_the_notebook_and_of_its_modules_run_in_the_engine(real):
    real.write_file("lengths.py", "def length(text):\n    return len(text)\n")
    result = real.run(
        "import lengths\nfrom pyspark.sql import functions as F",
        "double = udf(lambda text: 2 * lengths.length(text), 'int')",
        "frame = spark.createDataFrame([('abc',)], 'title string')",
        "dbutils.notebook.exit(frame.select(double('title')).collect()[0][0])",
    )
    assert result.error is None, result.error.traceback
    assert result.exit_value == "6"


def test_an_error_of_the_engine_names_the_cell(real):
    error = real.run("x = 1", "df = spark.sql('SELECT * FROM nowhere')\ndf.collect()").error
    assert (error.file, error.cell) == ("main.py", 2)
    assert "nowhere" in error.message


def test_display_prints_the_first_rows(real):
    assert real.run("display(spark.range(25))").error is None
    assert real.output.splitlines()[0] == "id"
    assert real.output.splitlines()[-1] == "only the first 20 rows are shown"
