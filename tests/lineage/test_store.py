"""Lineage, from the source's URL to gold."""

from __future__ import annotations

import pytest

from reelhouse.errors import UserError
from reelhouse.lineage.event import ColumnPair, Dataset, LineageEvent
from reelhouse.lineage.store import LineageStore

URL = Dataset("URL", "https://example.com/titles.csv")
RAW = Dataset("PATH", "abfss://raw@account.dfs.core.windows.net/titles/1/titles.csv")
FOLDER = Dataset("PATH", "abfss://raw@account.dfs.core.windows.net/titles")
BRONZE = Dataset("TABLE", "netflix.bronze.titles")
SILVER = Dataset("STREAMING_TABLE", "netflix.silver.titles")


@pytest.fixture
def store(tmp_path):
    opened = LineageStore(tmp_path / "lineage.db")
    for source, target in [(URL, RAW), (FOLDER, BRONZE), (BRONZE, SILVER), (SILVER, SILVER)]:
        opened.record(LineageEvent((source,), target, (ColumnPair(source, "a", "b"),)))
    yield opened
    opened.close()


def names(node):
    return [node.dataset.name, *[name for child in node.next for name in names(child)]]


def test_upstream_goes_back_to_the_url_through_the_files_of_a_folder(store):
    assert names(store.upstream(SILVER.name)) == [SILVER.name, BRONZE.name, FOLDER.name, RAW.name, URL.name]


def test_downstream_goes_forward_and_a_table_that_feeds_itself_does_not_loop(store):
    assert names(store.downstream(URL.name)) == [URL.name, RAW.name, FOLDER.name, BRONZE.name, SILVER.name]


def test_columns_are_kept_with_their_source(store):
    assert ColumnPair(BRONZE, "a", "b") in store.columns_of(SILVER.name)


def test_a_dataset_nothing_touched_is_refused_with_the_nearest_name(store):
    with pytest.raises(UserError, match=r"Did you mean 'netflix\.silver\.titles'"):
        store.upstream("netflix.silver.title")
