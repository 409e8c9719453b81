"""Sessions of stock PySpark: isolated, found by user code, closed quickly, configured as on Databricks."""

from __future__ import annotations

import contextvars
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkNoSuchElementException, UnsupportedOperationException
from pyspark.sql import SparkSession


def test_user_code_gets_the_open_session_from_the_builder(house: Any) -> None:
    assert SparkSession.builder.appName("x").getOrCreate() is house.spark
    assert SparkSession.getActiveSession() is house.spark


def test_a_thread_in_a_copy_of_the_context_gets_the_session_of_that_context(house: Any) -> None:
    second = house.sessions.open()
    found = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(lambda: found.append(SparkSession.builder.getOrCreate()),))
    thread.start()
    thread.join()
    assert found == [second]


def test_temporary_views_belong_to_their_session_and_global_ones_to_all(house: Any) -> None:
    second = house.sessions.open()
    house.spark.range(1).createOrReplaceTempView("mine")
    house.spark.range(2).createOrReplaceGlobalTempView("ours")
    assert not second.catalog.tableExists("mine")
    assert second.table("global_temp.ours").count() == 2
    assert second.sql("SELECT count(*) AS n FROM global_temp.ours").first()["n"] == 2


def test_a_closed_session_is_gone_and_closing_it_again_does_nothing(house: Any) -> None:
    second = house.sessions.open()
    house.sessions.close(second)
    house.sessions.close(second)
    with pytest.raises(PySparkException, match="NO_ACTIVE_SESSION"):
        second.range(1).collect()
    assert SparkSession.builder.getOrCreate() is house.spark


def test_any_key_of_the_configuration_is_kept_and_read_back(house: Any) -> None:
    conf = house.spark.conf
    for key in ("spark.databricks.io.cache.enabled", "pipelines.trigger.interval", "my.own.key"):
        conf.set(key, "v")
        assert conf.get(key) == "v"
        conf.unset(key)
        assert conf.get(key, "default") == "default"
    conf.set("spark.sql.shuffle.partitions", "7")
    assert house.context.conf["spark.sql.shuffle.partitions"] == conf.get("spark.sql.shuffle.partitions") == "7"
    assert conf.get("spark.databricks.delta.retentionDurationCheck.enabled") == "true"
    with pytest.raises(SparkNoSuchElementException, match="SQL_CONF_NOT_FOUND"):
        conf.get("spark.nobody.knows")


def test_the_time_zone_of_the_session_reaches_the_engine(house: Any) -> None:
    house.spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    text = house.spark.sql("SELECT date_format(timestamp'2020-01-01 00:00:00Z', 'yyyy-MM-dd HH') AS t").first()["t"]
    assert text == "2019-12-31 19"


def test_a_value_that_would_change_results_unseen_is_refused(house: Any) -> None:
    with pytest.raises(UnsupportedOperationException, match="caseSensitive"):
        house.spark.conf.set("spark.sql.caseSensitive", "true")


def test_the_module_of_sessions_is_light() -> None:
    text = (
        "import sys, reelhouse.spark.session; print([m for m in ('pyspark', 'pysail', 'pyarrow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_process_with_sessions_ends_at_once() -> None:
    text = """
import tempfile, pathlib
from reelhouse.catalog.catalog import Catalog
from reelhouse.spark.engines.sail import SailEngine
from reelhouse.spark.session import Sessions
from reelhouse.storage.lake import Lake
folder = pathlib.Path(tempfile.mkdtemp())
lake = Lake(folder)
sessions = Sessions(SailEngine(), Catalog(folder / "c.db", lake), lake)
print(sessions.open().range(3).count(), sessions.open().range(2).count())
sessions.stop()
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "3 2\n"
    assert time.monotonic() - started < 30


def test_an_engine_that_is_not_there_is_an_error_with_the_known_ones() -> None:
    from reelhouse.errors import UserError
    from reelhouse.spark.engines import choose_engine

    assert choose_engine(None).name == "sail"
    assert choose_engine("sc://host:15002").start() == "sc://host:15002"
    with pytest.raises(UserError, match=r"no engine 'flink'.*sail"):
        choose_engine("flink")
