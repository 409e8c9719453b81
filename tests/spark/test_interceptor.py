"""The seam itself: what passes, what is answered here, and in which class errors surface."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pyspark.errors.exceptions import connect

from reelhouse.errors import InternalError, Place, Unsupported, UserError
from reelhouse.spark.errors import to_stock


@pytest.mark.parametrize(
    ("error", "kind", "text", "condition"),
    [
        (
            UserError("TABLE_OR_VIEW_NOT_FOUND: there is no table 't'", remedy="Did you mean 'u'?"),
            connect.AnalysisException,
            "[TABLE_OR_VIEW_NOT_FOUND] there is no table 't'. Did you mean 'u'?",
            "TABLE_OR_VIEW_NOT_FOUND",
        ),
        (
            UserError("CSV is odd", where=Place("a.py", "line 3")),
            connect.AnalysisException,
            "CSV is odd (a.py, line 3)",
            None,
        ),
        (Unsupported("X is not supported"), connect.UnsupportedOperationException, "X is not supported", None),
        (InternalError("oops"), connect.SparkRuntimeException, "oops", None),
    ],
)
def test_an_error_of_the_runtime_becomes_the_class_that_pyspark_has_for_it(
    error: Exception, kind: type[Exception], text: str, condition: str | None
) -> None:
    stock: Any = to_stock(error)
    assert type(stock) is kind
    assert str(stock) == text
    assert stock.getCondition() == condition


def test_any_other_error_stays_what_it_is() -> None:
    error = ValueError("x")
    assert to_stock(error) is error


def test_answered_operations_are_released_here_and_forgotten(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            house.spark.sql("SHOW SCHEMAS").collect()
            house.spark.catalog.currentDatabase()
        with pytest.raises(connect.AnalysisException):
            house.spark.table("nope").collect()
        house.spark.client.close()
    assert not [record for record in caplog.records if "ReleaseExecute" in record.getMessage()]
    assert not house.interceptor._answered


def test_one_session_serves_several_threads(house: Any) -> None:
    house.spark.range(10).write.saveAsTable("bronze.t")

    def work(number: int) -> int:
        house.spark.range(number).createOrReplaceTempView(f"v{number}")
        house.spark.range(1).write.mode("append").saveAsTable("bronze.many")
        return house.spark.sql(f"SELECT * FROM bronze.t JOIN v{number} USING (id)").count()

    house.spark.range(1).write.saveAsTable("bronze.many")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(1, 9))) == list(range(1, 9))
    assert house.spark.table("bronze.many").count() == 9


def test_functions_and_data_sources_of_the_user_reach_the_engine(house: Any) -> None:
    house.spark.udf.register("plus_one", lambda x: x + 1, "int")
    assert house.spark.sql("SELECT plus_one(2) AS x").first() == (3,)


def test_a_table_of_many_partitions_is_read_right(house: Any) -> None:
    house.spark.range(230).selectExpr("id", "CAST(id AS INT) AS p").write.partitionBy("p").saveAsTable("bronze.p")
    table = house.spark.table("bronze.p")
    assert table.where("p = 7").first().asDict() == {"id": 7, "p": 7}
    assert table.where("id = p").count() == 230


def test_commands_that_are_not_done_here_are_refused_by_name(house: Any) -> None:
    from pyspark.sql.streaming.listener import StreamingQueryListener

    class Listener(StreamingQueryListener):
        """One that is never called."""

        def onQueryStarted(self, event: Any) -> None: ...
        def onQueryProgress(self, event: Any) -> None: ...
        def onQueryIdle(self, event: Any) -> None: ...
        def onQueryTerminated(self, event: Any) -> None: ...

    with pytest.raises(Exception, match="Streaming query listeners are not supported here"):
        house.spark.streams.addListener(Listener())
