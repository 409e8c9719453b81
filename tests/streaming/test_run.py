"""Streaming queries from stock PySpark, on the embedded engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from reelhouse.catalog.catalog import Catalog
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.delta.write import Expectation, Mode, OnViolation, Target, WriteSpec
from reelhouse.runs.record import RunStatus
from reelhouse.spark.engines import choose_engine
from reelhouse.spark.session import Sessions
from reelhouse.storage.lake import Lake
from reelhouse.streaming.file_states import cloud_files_state
from reelhouse.streaming.run import Streaming, run_available_now

RAW = "abfss://raw@lake.dfs.core.windows.net"


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    engine = choose_engine(None)
    yield engine
    engine.stop()


class Runs:
    """What was recorded, in lists."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.ended: list[tuple[str, Any, Any, Any]] = []
        self.changes: list[Any] = []

    def begin(self, kind: Any, name: str, **more: Any) -> Any:
        self.begun.append(SimpleNamespace(id=more.get("run_id") or str(len(self.begun)), kind=kind, name=name, **more))
        return self.begun[-1]

    def end(self, run_id: str, status: Any, *, output: Any = None, error: Any = None) -> None:
        self.ended.append((run_id, status, output, error))

    def table_changed(self, change: Any, *, run_id: str | None = None) -> None:
        self.changes.append(change)

    def note(self, message: str, *, run_id: str | None = None) -> None:
        pass


class Lineage:
    """What was recorded, in a list."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def record(self, event: Any, *, run_id: str | None = None) -> None:
        self.events.append(event)


class House:
    """A lake with one session on it."""

    def __init__(self, folder: Path, engine: Any) -> None:
        self.folder = folder
        self.lake = Lake(folder / "lake")
        self.catalog = Catalog(folder / "catalog.db", self.lake)
        self.catalog.create_schema("bronze")
        self.runs = Runs()
        self.lineage = Lineage()
        self.sessions = Sessions(engine, self.catalog, self.lake, runs=self.runs, lineage=self.lineage)  # type: ignore[arg-type]
        self.streaming = Streaming()
        self.sessions.streaming = self.streaming
        self.spark: Any = self.sessions.open()

    @property
    def context(self) -> Any:
        return self.sessions.context(self.spark)

    def put(self, name: str, text: str) -> None:
        path = Path(self.lake.local(f"{RAW}/{name}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.parent / f".{path.name}"
        hidden.write_text(text)
        hidden.rename(path)

    def titles(self, **options: str) -> Any:
        """The stream of the files in `titles/`."""
        reader = self.spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv").option("header", "true")
        reader = reader.option("cloudFiles.schemaLocation", f"{RAW}/_checkpoints/titles")
        return reader.options(**options).load(f"{RAW}/titles")

    def write(self, frame: Any, table: str = "bronze.titles", **options: str) -> Any:
        """Write what is there now to a table, and wait."""
        writer = frame.writeStream.option("checkpointLocation", f"{RAW}/_checkpoints/{table}").options(**options)
        query = writer.trigger(availableNow=True).toTable(table)
        query.awaitTermination()
        return query

    def rows(self, table: str = "bronze.titles", *columns: str) -> list[tuple[Any, ...]]:
        frame = self.spark.table(table)
        return sorted(tuple(row) for row in (frame.select(*columns) if columns else frame).collect())

    def versions(self, table: str = "bronze.titles") -> int:
        snapshot = open_snapshot(self.catalog.table(table).location)
        assert snapshot is not None
        return snapshot.version + 1


@pytest.fixture
def house(tmp_path: Path, engine: Any) -> Iterator[House]:
    house = House(tmp_path, engine)
    yield house
    house.streaming.stop()
    house.sessions.close(house.spark)
    house.catalog.close()


def test_new_files_become_rows_of_a_table(house: House) -> None:
    house.put("titles/a.csv", "show_id,title\ns1,Roma\ns2,Dark\n")

    query = house.write(house.titles())

    assert house.rows("bronze.titles", "show_id", "title") == [("s1", "Roma"), ("s2", "Dark")]
    assert query.lastProgress.numInputRows == 2
    assert query.lastProgress.sources[0].metrics == {"numFilesOutstanding": "0", "numBytesOutstanding": "0"}
    assert query.status == {"message": "Stopped", "isDataAvailable": False, "isTriggerActive": False}
    assert not query.isActive
    assert query.exception() is None


def test_a_second_run_reads_the_news_and_a_third_makes_no_version(house: House) -> None:
    house.put("titles/a.csv", "show_id,title\ns1,Roma\n")
    house.write(house.titles())
    house.put("titles/b.csv", "show_id,title\ns2,Dark\n")

    second = house.write(house.titles())
    third = house.write(house.titles())

    assert house.rows("bronze.titles", "show_id") == [("s1",), ("s2",)]
    assert (len(second.recentProgress), third.recentProgress, third.lastProgress) == (1, [], None)
    assert house.versions() == 2
    assert second.id == third.id and second.runId != third.runId


def test_rate_limits_make_several_commits(house: House) -> None:
    for name in "abc":
        house.put(f"titles/{name}.csv", f"show_id\n{name}\n")

    house.write(house.titles(**{"cloudFiles.maxFilesPerTrigger": "2"}))

    assert house.rows("bronze.titles", "show_id") == [("a",), ("b",), ("c",)]
    assert house.versions() == 2


def test_an_overwritten_file_is_read_again_in_full_when_asked(house: House) -> None:
    options = {"cloudFiles.allowOverwrites": "true"}
    house.put("titles/a.csv", "show_id\ns1\n")
    house.write(house.titles(**options))
    house.put("titles/a.csv", "show_id\ns1\ns2\n")

    house.write(house.titles(**options))

    assert house.rows("bronze.titles", "show_id") == [("s1",), ("s1",), ("s2",)]


def test_files_that_are_there_at_the_first_start_can_be_left_out(house: House) -> None:
    options = {"cloudFiles.includeExistingFiles": "false"}
    house.put("titles/a.csv", "show_id\ns1\n")
    house.write(house.titles(**options))
    house.put("titles/b.csv", "show_id\ns2\n")

    house.write(house.titles(**options))

    assert house.rows("bronze.titles", "show_id") == [("s2",)]


def test_json_lines_and_text_are_streams_as_well(house: House) -> None:
    house.put("events/a.json", '{"id": 1, "tags": ["x"]}\n{"id": 2}\n')
    reader = house.spark.readStream.format("cloudFiles").option("cloudFiles.format", "json")
    house.write(reader.option("cloudFiles.schemaLocation", f"{RAW}/_checkpoints/e").load(f"{RAW}/events"), "bronze.e")
    house.write(house.spark.readStream.text(f"{RAW}/events"), "bronze.lines")

    assert house.rows("bronze.e", "id", "tags") == [("1", '["x"]'), ("2", None)]
    assert house.rows("bronze.lines") == [('{"id": 1, "tags": ["x"]}',), ('{"id": 2}',)]


def test_the_files_metadata_is_there_when_asked_for_and_hidden_otherwise(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    from pyspark.sql import functions as F

    frame = house.titles().withColumn("file", F.col("_metadata.file_path")).where("_metadata.file_name = 'a.csv'")
    house.write(frame)

    assert house.spark.table("bronze.titles").columns == ["show_id", "_rescued_data", "file"]
    assert house.rows("bronze.titles", "file") == [(f"{RAW}/titles/a.csv",)]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (["show_id"], ["show_id"]),
        (["*"], ["show_id", "_rescued_data"]),
        (["*", "_metadata"], ["show_id", "_rescued_data", "_metadata"]),
        (["*", "_metadata.file_size"], ["show_id", "_rescued_data", "file_size"]),
        (["_metadata.*"], None),
        (["_metadata.file_size AS n", "_metadata.file_modification_time AS t"], ["n", "t"]),
    ],
)
def test_a_star_never_shows_the_files_metadata(house: House, select: list[str], expected: list[str] | None) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    fields = ["file_path", "file_name", "file_size", "file_block_start", "file_block_length", "file_modification_time"]

    frame = house.titles().where("_metadata.file_size > 0").select(*select_of(select))

    assert frame.columns == (fields if expected is None else expected)
    house.write(frame)
    assert house.spark.table("bronze.titles").columns == frame.columns


def select_of(texts: list[str]) -> list[Any]:
    from pyspark.sql import functions as F

    return [F.expr(text) if " AS " in text else text for text in texts]


def test_sql_over_a_stream_sees_the_files_metadata_by_name_alone(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    house.titles().createOrReplaceTempView("incoming")

    frame = house.spark.sql("SELECT *, _metadata.file_name FROM incoming")
    house.write(frame)

    assert house.rows("bronze.titles", "show_id", "file_name") == [("s1", "a.csv")]
    assert house.spark.table("bronze.titles").columns == ["show_id", "_rescued_data", "file_name"]


def test_a_new_column_stops_the_stream_once_and_nothing_is_lost_or_doubled(house: House) -> None:
    from pyspark.errors import StreamingQueryException

    house.put("titles/a.csv", "show_id,title\ns1,Roma\n")
    house.write(house.titles(), mergeSchema="true")
    house.put("titles/b.csv", "show_id,title,year\ns2,Dark,2017\n")
    house.put("titles/c.csv", "show_id,title\ns3,Elite\n")

    with pytest.raises(StreamingQueryException, match="UNKNOWN_FIELD_EXCEPTION") as stopped:
        house.write(house.titles(), mergeSchema="true")
    rows_between = house.rows("bronze.titles", "show_id")
    house.write(house.titles(), mergeSchema="true")

    assert "year" in str(stopped.value)
    assert rows_between == [("s1",)]
    assert house.rows("bronze.titles", "show_id", "year") == [("s1", None), ("s2", "2017"), ("s3", None)]
    assert house.spark.table("bronze.titles").columns[-1] == "year"


def test_a_failed_query_tells_its_cause_everywhere(house: House) -> None:
    from pyspark.errors import StreamingQueryException

    house.put("titles/a.csv", "show_id\ns1\n")
    frame = house.titles().selectExpr("CAST(raise_error('no such luck') AS STRING) AS broken")
    writer = frame.writeStream.option("checkpointLocation", f"{RAW}/_checkpoints/x").queryName("unlucky")
    query = writer.trigger(availableNow=True).toTable("bronze.titles")

    with pytest.raises(StreamingQueryException, match="no such luck"):
        query.awaitTermination()

    assert "no such luck" in str(query.exception())
    _, status, _, error = house.runs.ended[-1]
    assert status is RunStatus.FAILED and "no such luck" in error["message"]


def test_a_query_is_recorded_as_a_run(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")

    query = house.write(house.titles())

    begun, ended = house.runs.begun[-1], house.runs.ended[-1]
    assert (str(begun.kind), begun.id) == ("query", query.runId)
    assert (ended[0], ended[1], ended[2]["batches"]) == (query.runId, RunStatus.SUCCEEDED, 1)
    change = house.runs.changes[-1]
    assert (change.table, change.rows, change.files_read) == ("netflix.bronze.titles", 1, 1)


def test_lineage_goes_from_the_files_to_the_table_and_on(house: House) -> None:
    house.put("titles/a.csv", "show_id,title\ns1,Roma\n")
    house.write(house.titles())
    house.write(house.spark.readStream.table("bronze.titles").selectExpr("upper(title) AS name"), "bronze.names")

    first, second = [event for event in house.lineage.events if event.target is not None]
    assert ([source.name for source in first.sources], first.target.name) == (
        [f"{RAW}/titles"],
        "netflix.bronze.titles",
    )
    assert ([source.name for source in second.sources], second.target.name) == (
        ["netflix.bronze.titles"],
        "netflix.bronze.names",
    )
    assert [(pair.source_column, pair.target_column) for pair in second.columns] == [("title", "name")]


def test_the_schema_of_a_stream_is_that_of_its_files(house: House) -> None:
    house.put("titles/a.csv", "show_id,title\ns1,Roma\n")

    frame = house.titles().select("title", "_rescued_data")

    assert frame.isStreaming
    assert frame.columns == ["title", "_rescued_data"]
    assert os.listdir(house.lake.local(f"{RAW}/_checkpoints/titles/_schemas")) == ["0"]


def test_a_table_is_there_after_a_run_that_found_nothing(house: House) -> None:
    stream = house.spark.readStream.schema("show_id STRING, year INT").csv(f"{RAW}/titles")

    house.write(stream)

    assert house.spark.table("bronze.titles").columns == ["show_id", "year"]
    assert house.rows() == []


def test_a_table_feeds_another_through_a_temporary_view(house: House) -> None:
    house.put("titles/a.csv", "show_id,title\ns1,Roma\ns2,Dark\n")
    house.write(house.titles())
    house.spark.readStream.table("bronze.titles").createOrReplaceTempView("incoming")
    upper = house.spark.table("incoming").selectExpr("show_id", "upper(title) AS title").where("show_id <> 's2'")

    house.write(upper, "bronze.upper")
    house.put("titles/b.csv", "show_id,title\ns3,Elite\n")
    house.write(house.titles())
    query = house.write(upper, "bronze.upper")

    assert house.rows("bronze.upper") == [("s1", "ROMA"), ("s3", "ELITE")]
    assert query.lastProgress.numInputRows == 1


def test_a_stream_joins_a_table_as_it_is_at_each_batch(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    house.spark.sql("SELECT 's1' AS show_id, 'US' AS country").write.saveAsTable("bronze.countries")

    house.write(house.titles().join(house.spark.table("bronze.countries"), "show_id").select("show_id", "country"))

    assert house.rows() == [("s1", "US")]


def test_a_partitioned_table_is_read_with_its_partition_values(house: House) -> None:
    house.put("titles/a.csv", "show_id,year\ns1,2018\ns2,2019\ns3,2019\n")
    frame = house.titles().selectExpr("show_id", "CAST(year AS INT) AS year")
    writer = frame.writeStream.option("checkpointLocation", f"{RAW}/_checkpoints/p").partitionBy("year")
    writer.trigger(availableNow=True).toTable("bronze.by_year").awaitTermination()

    house.write(house.spark.readStream.table("bronze.by_year"), "bronze.copy")

    assert house.rows("bronze.copy", "show_id", "year") == [("s1", 2018), ("s2", 2019), ("s3", 2019)]


def test_plain_files_are_read_with_the_schema_given(house: House) -> None:
    house.put("titles/a.csv", "s1,2018\n")
    house.put("titles/b.csv", "s2,x\n")

    house.write(house.spark.readStream.schema("show_id STRING, year INT").csv(f"{RAW}/titles"))

    assert house.rows() == [("s1", 2018), ("s2", None)]


def test_a_folders_column_that_the_schema_lacks_is_refused_and_one_that_it_has_is_filled(house: House) -> None:
    from pyspark.errors import StreamingQueryException

    house.put("titles/year=2020/a.csv", "s1\n")

    with pytest.raises(StreamingQueryException, match="'year'"):
        house.write(house.spark.readStream.schema("show_id STRING").csv(f"{RAW}/titles"), "bronze.a")
    house.write(house.spark.readStream.schema("show_id STRING, year INT").csv(f"{RAW}/titles"), "bronze.b")

    assert house.rows("bronze.b") == [("s1", 2020)]


def test_a_query_can_stop_itself(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    writer = house.titles().writeStream.option("checkpointLocation", f"{RAW}/_checkpoints/x")

    def stop(batch: Any, batch_id: int) -> None:
        for query in batch.sparkSession.streams.active:
            query.stop()

    query = writer.foreachBatch(stop).trigger(processingTime="1 hour").start()

    assert query.awaitTermination(60) is True


def test_parquet_files_are_a_stream_too(house: House) -> None:
    house.spark.range(3).write.parquet(f"{RAW}/ids")

    house.write(house.spark.readStream.schema("id BIGINT").parquet(f"{RAW}/ids"), "bronze.ids")
    reader = house.spark.readStream.format("cloudFiles").option("cloudFiles.format", "parquet")
    house.write(reader.option("cloudFiles.schemaLocation", f"{RAW}/_checkpoints/ids").load(f"{RAW}/ids"), "bronze.same")

    assert house.rows("bronze.ids") == [(0,), (1,), (2,)]
    assert house.rows("bronze.same", "id") == [(0,), (1,), (2,)]


def test_partitioned_parquet_files_keep_their_partition_values(house: House) -> None:
    house.spark.sql("SELECT 1 AS id, 2020 AS year").write.partitionBy("year").parquet(f"{RAW}/ids")

    house.write(house.spark.readStream.schema("id INT, year INT").parquet(f"{RAW}/ids"), "bronze.ids")

    assert house.rows("bronze.ids", "id", "year") == [(1, 2020)]


def test_a_path_is_a_sink_as_well(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    writer = house.titles().writeStream.format("delta").option("checkpointLocation", f"{RAW}/_checkpoints/x")

    writer.trigger(once=True).start(f"{RAW}/delta/titles").awaitTermination()

    assert [row.show_id for row in house.spark.read.format("delta").load(f"{RAW}/delta/titles").collect()] == ["s1"]


def test_foreach_batch_gets_each_batch_as_a_data_frame(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\ns2\n")
    place = house.lake.local(f"{RAW}/seen")

    def keep(batch: Any, batch_id: int) -> None:
        assert not batch.isStreaming
        batch.createOrReplaceTempView("batch")
        found = batch.sparkSession.sql("SELECT count(*) AS n FROM batch").collect()[0].n
        batch.write.format("delta").mode("append").save(place)
        with open(f"{place}.{batch_id}", "w") as file:
            file.write(str(found))

    writer = house.titles().writeStream.foreachBatch(keep).option("checkpointLocation", f"{RAW}/_checkpoints/x")
    writer.trigger(availableNow=True).start().awaitTermination()

    assert Path(f"{place}.0").read_text() == "2"
    assert house.spark.read.format("delta").load(place).count() == 2


def test_an_error_in_foreach_batch_ends_the_query_and_the_batch_comes_again(house: House) -> None:
    from pyspark.errors import StreamingQueryException

    house.put("titles/a.csv", "show_id\ns1\n")
    place = house.lake.local(f"{RAW}/fails")
    Path(place).touch()

    def keep(batch: Any, batch_id: int) -> None:
        import os

        if os.path.exists(place):
            raise ValueError("not today")
        batch.write.format("delta").mode("append").save(place)

    def run() -> None:
        writer = house.titles().writeStream.foreachBatch(keep).option("checkpointLocation", f"{RAW}/_checkpoints/x")
        writer.trigger(availableNow=True).start().awaitTermination()

    with pytest.raises(StreamingQueryException, match="ValueError: not today"):
        run()
    os.unlink(place)
    run()

    assert house.spark.read.format("delta").load(place).count() == 1


def test_the_memory_sink_is_a_temporary_view(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    query = house.titles().writeStream.format("memory").queryName("seen").start()
    query.processAllAvailable()
    first = [row.show_id for row in house.spark.table("seen").collect()]
    house.put("titles/b.csv", "show_id\ns2\n")
    query.processAllAvailable()
    query.stop()

    assert first == ["s1"]
    assert sorted(row.show_id for row in house.spark.sql("SELECT show_id FROM seen").collect()) == ["s1", "s2"]


def test_the_console_sink_prints_each_batch(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")

    house.titles().writeStream.format("console").trigger(availableNow=True).start().awaitTermination()

    printed = capsys.readouterr().out
    assert "Batch: 0" in printed and "|     s1|" in printed


def test_the_noop_sink_reads_everything_and_keeps_nothing(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    query = house.titles().writeStream.format("noop").trigger(availableNow=True).start()
    query.awaitTermination()

    assert query.lastProgress.sink.numOutputRows == -1


def test_a_query_is_watched_and_stopped_by_its_manager(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    writer = house.titles().writeStream.queryName("titles").option("checkpointLocation", f"{RAW}/_checkpoints/x")
    query = writer.trigger(processingTime="1 hour").toTable("bronze.titles")
    while not query.recentProgress:
        query.awaitTermination(1)

    active = house.spark.streams.active
    again = house.spark.streams.get(query.id)
    assert [(found.id, found.name) for found in active] == [(query.id, "titles")]
    assert again is not None and again.runId == query.runId
    assert query.awaitTermination(1) is False
    query.stop()

    assert house.spark.streams.active == []
    assert house.spark.streams.get(query.id) is None
    assert house.spark.streams.awaitAnyTermination(1) is True
    house.spark.streams.resetTerminated()
    assert house.spark.streams.awaitAnyTermination(1) is False


def test_two_runs_of_one_checkpoint_at_a_time_are_refused(house: House) -> None:
    from pyspark.errors import AnalysisException

    house.put("titles/a.csv", "show_id\ns1\n")
    writer = house.titles().writeStream.option("checkpointLocation", f"{RAW}/_checkpoints/x")
    query = writer.trigger(processingTime="1 hour").toTable("bronze.titles")

    with pytest.raises(AnalysisException, match="CONCURRENT_STREAM_LOG_UPDATE"):
        writer.trigger(availableNow=True).toTable("bronze.titles")

    query.stop()


def test_two_queries_of_one_name_at_a_time_are_refused(house: House) -> None:
    from pyspark.errors import AnalysisException

    house.put("titles/a.csv", "show_id\ns1\n")
    query = house.titles().writeStream.format("noop").queryName("titles").trigger(processingTime="1 hour").start()

    with pytest.raises(AnalysisException, match="already active"):
        house.titles().writeStream.format("noop").queryName("titles").start()

    query.stop()


def test_the_state_of_a_stream_tells_which_files_it_has_read(house: House) -> None:
    house.put("titles/2026/a.csv", "show_id\ns1\n")
    house.write(house.titles())

    rows = cloud_files_state(f"{RAW}/_checkpoints/bronze.titles", house.lake)

    assert [(row["path"], row["size"], row["commit_time"] is not None) for row in rows] == [
        (f"{RAW}/titles/2026/a.csv", 11, True)
    ]


def test_another_source_on_an_old_checkpoint_is_refused(house: House) -> None:
    from pyspark.errors import AnalysisException

    house.put("titles/a.csv", "show_id\ns1\n")
    house.write(house.titles())
    other = house.spark.readStream.schema("show_id STRING").csv(f"{RAW}/titles")

    with pytest.raises(AnalysisException, match="STREAMING_CHECKPOINT_MISMATCH"):
        house.write(other)


def unknown_option(house: House) -> Any:
    return house.titles(**{"cloudFiles.maxFilePerTrigger": "1"}).writeStream


def group_by(house: House) -> Any:
    return house.titles().groupBy("show_id").count().writeStream


def continuous(house: House) -> Any:
    return house.titles().writeStream.trigger(continuous="1 second")


def complete(house: House) -> Any:
    return house.titles().writeStream.outputMode("complete")


def foreach(house: House) -> Any:
    return house.titles().writeStream.foreach(print)


def kafka(house: House) -> Any:
    return house.spark.readStream.format("kafka").load().writeStream


def sink_option(house: House) -> Any:
    return house.titles().writeStream.option("optimiseWrite", "true")


def csv_sink(house: House) -> Any:
    return house.titles().writeStream.format("csv")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (unknown_option, "(?i)maxFilePerTrigger"),
        (group_by, "Aggregation"),
        (continuous, "continuous"),
        (complete, "Complete"),
        (foreach, "foreachBatch"),
        (kafka, "kafka"),
        (sink_option, "optimiseWrite"),
        (csv_sink, "csv"),
    ],
)
def test_what_is_not_done_is_refused_by_name_at_the_start(
    house: House, make: Callable[[House], Any], text: str
) -> None:
    from pyspark.errors import AnalysisException, UnsupportedOperationException

    house.put("titles/a.csv", "show_id\ns1\n")
    writer = make(house).option("checkpointLocation", f"{RAW}/_checkpoints/x")

    with pytest.raises((AnalysisException, UnsupportedOperationException), match=text):
        writer.start(f"{RAW}/delta/x")

    assert house.spark.streams.active == []


def test_a_checkpoint_location_has_to_be_given(house: House) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="checkpointLocation must be specified"):
        house.titles().writeStream.toTable("bronze.titles")


def test_a_pipeline_brings_news_to_a_table_and_gets_the_counts(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\nx2\n")
    relation = house.titles()._plan.plan(house.spark.client)
    target = Target(house.lake.local(f"{RAW}/pipeline/titles"), None)
    rule = Expectation("valid_id", "show_id LIKE 's%'", OnViolation.DROP)
    spec = WriteSpec(Mode.APPEND, operation="STREAMING UPDATE", expectations=(rule,))

    results = run_available_now(house.context, relation, target, spec, f"{RAW}/_checkpoints/p", name="titles")
    again = run_available_now(house.context, relation, target, spec, f"{RAW}/_checkpoints/p", name="titles")

    assert [(result.batch_id, result.files_read) for result in results] == [(0, 1)]
    commit = results[0].commit
    assert commit is not None
    assert (commit.version, commit.rows, commit.dropped, dict(commit.failed)) == (0, 1, 1, {"valid_id": 1})
    assert again == []


def test_a_commit_carries_the_querys_id_and_the_batch(house: House) -> None:
    house.put("titles/a.csv", "show_id\ns1\n")
    query = house.write(house.titles())

    snapshot = open_snapshot(house.catalog.table("bronze.titles").location)

    assert snapshot is not None and snapshot.transactions[query.id] == 0
    assert json.loads(Path(house.lake.local(f"{RAW}/_checkpoints/bronze.titles/metadata")).read_text()) == {
        "id": query.id
    }


def test_sql_tells_which_files_a_stream_has_found(house: House) -> None:
    house.put("titles/a.csv", "show_id,title\ns1,Roma\n")
    house.write(house.titles())
    state = house.spark.sql(
        f"SELECT path, size FROM cloud_files_state('{RAW}/_checkpoints/bronze.titles') WHERE commit_time IS NOT NULL"
    )
    assert [tuple(row) for row in state.collect()] == [(f"{RAW}/titles/a.csv", 22)]
    with pytest.raises(AnalysisException, match="no checkpoint at"):
        house.spark.sql(f"SELECT * FROM cloud_files_state('{RAW}/nothing')")


def test_closing_a_session_ends_its_queries_first(house: House) -> None:
    house.put("titles/a.csv", "show_id,title\ns1,Roma\n")
    other = house.sessions.open()
    stream = other.readStream.format("cloudFiles").option("cloudFiles.format", "csv").option("header", "true")
    stream = stream.schema("show_id STRING, title STRING").load(f"{RAW}/titles")
    writer = stream.writeStream.option("checkpointLocation", f"{RAW}/_checkpoints/other")
    writer.trigger(processingTime="1 hour").toTable("bronze.other")
    session_id = other.session_id
    assert house.streaming.active(session_id)
    house.sessions.close(other)
    assert house.streaming.active(session_id) == []
