"""Every address of an artifact, and where it lies here."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelhouse.errors import UserError
from reelhouse.storage.lake import Lake
from reelhouse.storage.urls import ContainerPath, LocalPath, WorkspacePath, parse

ROOT = Path("/lake")
CONFIG = Path("/project/config")
LAKE = Lake(
    ROOT,
    overlays={"abfss://raw@acc.dfs.core.windows.net/_config": CONFIG},
    mounts={"raw": "abfss://raw@acc.dfs.core.windows.net/"},
)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("abfss://raw@acc.dfs.core.windows.net/a/b.csv", ContainerPath("acc", "raw", "a/b.csv")),
        ("abfs://raw@acc.dfs.core.windows.net", ContainerPath("acc", "raw", "")),
        ("wasbs://raw@acc.blob.core.windows.net/a/", ContainerPath("acc", "raw", "a")),
        ("https://acc.dfs.core.windows.net/raw/a", ContainerPath("acc", "raw", "a")),
        ("https://acc.blob.core.windows.net/raw/a", ContainerPath("acc", "raw", "a")),
        ("dbfs:/tmp/x", WorkspacePath("dbfs", "tmp/x")),
        ("dbfs:/Volumes/c/s/v/x", WorkspacePath("Volumes", "c/s/v/x")),
        ("/Volumes/c/s/v/x", WorkspacePath("Volumes", "c/s/v/x")),
        ("dbfs:/mnt/raw/x", WorkspacePath("mnt", "raw/x")),
        ("/mnt/raw/x", WorkspacePath("mnt", "raw/x")),
        ("file:/tmp/x", LocalPath("/tmp/x")),
        ("file:///tmp/x", LocalPath("/tmp/x")),
        ("/tmp/x", LocalPath("/tmp/x")),
    ],
)
def test_an_address_is_taken_apart(url, address):
    assert parse(url) == address


@pytest.mark.parametrize("url", ["s3://bucket/x", "gs://bucket/x", "https://example.com/raw/a"])
def test_an_address_of_another_cloud_is_refused(url):
    with pytest.raises(UserError, match="is not an address of the lake"):
        parse(url)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("abfss://raw@acc.dfs.core.windows.net/a/b.csv", "/lake/acc/raw/a/b.csv"),
        ("abfss://raw@acc.dfs.core.windows.net/_config/pipeline_config.json", "/project/config/pipeline_config.json"),
        ("abfss://raw@acc.dfs.core.windows.net/_configuration", "/lake/acc/raw/_configuration"),
        ("abfss://bronze@acc.dfs.core.windows.net/_config/x", "/lake/acc/bronze/_config/x"),
        ("/mnt/raw/a/*.csv", "/lake/acc/raw/a/*.csv"),
        ("/mnt/other/a", "/lake/_workspace/mnt/other/a"),
        ("/Volumes/c/s/v/a", "/lake/_workspace/Volumes/c/s/v/a"),
    ],
)
def test_an_address_has_one_place_on_this_machine(url, local):
    assert LAKE.local(url) == local


SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1).filter(
    lambda text: text not in (".", "..") and "@" not in text
)


@given(st.sampled_from(["raw", "bronze"]), st.lists(SEGMENT, max_size=4))
def test_a_place_leads_back_to_its_address(container, segments):
    url = str(ContainerPath("acc", container, "/".join(segments)))
    local = LAKE.local(url)
    assert LAKE.local(LAKE.url(local)) == local


def test_a_path_outside_the_lake_is_its_own_address():
    assert LAKE.url("/tmp/x") == "/tmp/x"


def test_what_lies_beside_the_accounts_has_no_address_of_the_lake():
    assert LAKE.url("/lake/_catalog/netflix/default/t") == "/lake/_catalog/netflix/default/t"


def test_what_lies_in_the_lakes_own_folder_is_local_wherever_that_folder_is() -> None:
    lake = Lake(Path("/mnt/disk/lake"))
    assert lake.local("/mnt/disk/lake/acc/raw/a.csv") == "/mnt/disk/lake/acc/raw/a.csv"
    assert lake.local("/mnt/disk/other") == "/mnt/disk/lake/_workspace/mnt/disk/other"
