"""A bare engine for the plans of change data capture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

os.environ.setdefault("RUST_LOG", "error")


@pytest.fixture(scope="session")
def bare_engine() -> Iterator[Any]:
    """A session of the embedded engine without anything of ours in between."""
    from pysail.spark import SparkConnectServer
    from pyspark.sql.connect.session import SparkSession

    server = SparkConnectServer()
    server.start(background=True)
    host, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://{host}:{port}").create()
    yield spark
    spark.stop()
    server.stop()
