"""Options: known, checked, refused by name, or reported as having no effect here."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reelhouse.autoloader.options import check_reader_options, cloud_files, no_effect_text, parse_bytes, parse_interval
from reelhouse.errors import Unsupported, UserError

CSV = {"cloudFiles.format": "csv"}


def test_names_are_taken_in_any_case() -> None:
    options = cloud_files({"CLOUDFILES.FORMAT": "CSV", "cloudfiles.maxfilespertrigger": "7", "HEADER": "true"})

    assert (options.format, options.max_files, options.reader) == ("csv", 7, {"HEADER": "true"})


def test_defaults_are_the_documented_ones() -> None:
    options = cloud_files(CSV)

    assert options.max_files == 1000
    assert options.max_bytes is None
    assert options.max_file_age is None
    assert options.flag("includeExistingFiles")
    assert not options.flag("allowOverwrites")
    assert options.partition_columns is None


def test_a_csv_file_has_a_header_unless_the_schema_is_given_or_told_otherwise() -> None:
    assert cloud_files(CSV).reader_options == {"header": "true"}
    assert cloud_files({**CSV, "header": "false"}).reader_options == {"header": "false"}
    assert cloud_files(CSV, has_user_schema=True).reader_options == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cloudFiles.maxFilePerTrigger": "1"}, r"Unknown option 'cloudFiles\.maxfilepertrigger'.*maxFilesPerTrigger"),
        ({"cloudFiles.maxFilesPerTrigger": "many"}, r"maxFilesPerTrigger' is 'many'.*whole number"),
        ({"cloudFiles.maxFilesPerTrigger": "0"}, r"maxFilesPerTrigger' is '0'.*1 or more"),
        ({"cloudFiles.maxFilesPerTrigger": "-5"}, r"maxFilesPerTrigger' is '-5'.*1 or more"),
        ({"cloudFiles.maxBytesPerTrigger": "0"}, r"maxBytesPerTrigger' is '0'.*above zero"),
        ({"cloudFiles.maxBytesPerTrigger": "-1g"}, r"maxBytesPerTrigger' is '-1g'.*above zero"),
        ({"cloudFiles.fetchParallelism": "0"}, r"fetchParallelism' is '0'.*1 or more"),
        ({"maxColumns": "0"}, r"maxColumns' is '0'.*1 or more"),
        ({"skipRows": "-1"}, r"skipRows' is '-1'.*not negative"),
        ({"cloudFiles.includeExistingFiles": "yes"}, "true or false"),
        ({"cloudFiles.maxBytesPerTrigger": "10 apples"}, "10g"),
        ({"cloudFiles.maxFileAge": "soon"}, "30 days"),
        ({"cloudFiles.maxFileAge": "3 days"}, "less than 14 days"),
        ({"cloudFiles.schemaEvolutionMode": "add"}, "addNewColumns"),
        ({"cloudFiles.cleanSource": "MOVE"}, "moveDestination"),
        ({"cloudFiles.cleanSource": "DELETE", "cloudFiles.cleanSource.retentionDuration": "2 days"}, "7 days"),
        ({"headr": "true"}, r"Unknown option 'headr'.*'header'"),
        ({"mode": "LENIENT"}, "PERMISSIVE"),
        ({"inferSchema": "true"}, r"cloudFiles\.inferColumnTypes"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(given: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        cloud_files({**CSV, **given})


def test_unknown_options_pass_when_they_are_not_validated_and_are_reported() -> None:
    options = cloud_files({**CSV, "cloudFiles.validateOptions": "false", "headr": "true"})

    assert options.no_effect == ("headr",)


def test_options_of_cloud_services_are_reported_once() -> None:
    options = cloud_files({**CSV, "cloudFiles.useNotifications": "true", "cloudFiles.resourceTag.team": "a"})

    assert sorted(options.no_effect) == ["cloudFiles.resourceTag.team", "cloudFiles.useNotifications"] or sorted(
        options.no_effect
    ) == ["cloudFiles.resourcetag.team", "cloudFiles.useNotifications"]
    assert no_effect_text(options.no_effect).startswith("No effect here (cloud services only): cloudFiles.")


@pytest.mark.parametrize("given", [{"badRecordsPath": "/x"}, {"compression": "gzip"}])
def test_what_is_not_done_here_is_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(Unsupported, match=next(iter(given))):
        cloud_files({**CSV, **given})


@pytest.mark.parametrize("name", ["xml"])
def test_other_formats_are_refused_by_name(name: str) -> None:
    with pytest.raises(Unsupported, match=name):
        cloud_files({"cloudFiles.format": name})


def test_a_missing_format_is_refused() -> None:
    with pytest.raises(UserError, match=r"cloudFiles\.format"):
        cloud_files({})


def test_an_unknown_option_of_a_batch_read_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="'multiLine'"):
        check_reader_options("csv", {"multiLines": "true"})


def test_the_rescued_data_column_is_named_with_or_without_prefix() -> None:
    assert cloud_files({**CSV, "cloudFiles.rescuedDataColumn": "_r"}).rescued_data_column == "_r"
    assert cloud_files({**CSV, "rescuedDataColumn": "_r"}).rescued_data_column == "_r"


@pytest.mark.parametrize(
    ("text", "size"), [("10g", 10 << 30), ("512 MB", 512 << 20), ("1048576", 1 << 20), ("1kib", 1024)]
)
def test_sizes_are_read_as_spark_writes_them(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 days", timedelta(days=30)),
        ("interval 2 weeks", timedelta(weeks=2)),
        ("1 day 6 hours", timedelta(days=1, hours=6)),
    ],
)
def test_intervals_are_read_as_spark_writes_them(text: str, expected: timedelta) -> None:
    assert parse_interval(text) == expected


def test_files_cannot_be_kept_from_merging_their_columns() -> None:
    options = {"cloudFiles.format": "csv", "mergeSchema": "false"}
    with pytest.raises(Unsupported, match="mergeSchema"):
        cloud_files(options)
    assert cloud_files(options, has_user_schema=True).format == "csv"
    assert cloud_files({**options, "mergeSchema": "true"}).format == "csv"
