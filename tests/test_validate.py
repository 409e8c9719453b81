"""`reelhouse validate`: everything that is wrong in the artifacts, before anything has run and without a trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reelhouse import Project
from reelhouse.adf.finding import Severity

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for name in ("adf", "databricks", "config"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "reelhouse.toml", root)
    return root


def findings(root: Path) -> list[str]:
    with Project.open(root) as project:
        return [f"{finding.severity.value}: {finding}" for finding in project.validate()]


def test_the_artifacts_of_a_fresh_clone_have_no_error(copied: Path) -> None:
    found = findings(copied)

    assert [text for text in found if text.startswith("error")] == []
    assert len(found) == 1
    assert "bronze.netflix_cast" in found[0]


def test_validating_leaves_no_run_behind(copied: Path) -> None:
    with Project.open(copied) as project:
        project.validate()
        assert project.runs.runs() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("adf/pipeline/netflix_platform.json", '"ds_config_json"', '"ds_confg_json"', "Did you mean"),
        (
            "adf/pipeline/ingest_source.json",
            "pipeline().parameters.relative_url",
            "pipeline().parameters.relativ",
            "relativ",
        ),
        ("adf/pipeline/ingest_source.json", '"requestTimeout"', '"requestTimeoot"', "requestTimeout"),
        ("adf/factory/cm-adf-netflixproject.json", "417260000000101", "417", "417260000000101"),
        ("databricks/resources/netflix_platform.job.yml", "max_retries", "max_retris", "max_retries"),
        ("databricks/resources/netflix_platform.job.yml", "../bronze/ingest.py", "../bronze/ingst.py", "ingst"),
        ("databricks/gold/dim_genre.py", '"title_genres_checked"', '"title_genres_cheked"', "title_genres_checked"),
        ("config/pipeline_config.json", '"daily"', '"dayly"', "dayly"),
    ],
)
def test_a_slip_is_found_with_its_file_and_the_nearest_name(copied, file, old, new, told) -> None:
    path = copied / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))

    wrong = [text for text in findings(copied) if told in text]

    assert wrong, findings(copied)
    assert any("(adf/" in text or "(databricks/" in text or "(config/" in text for text in wrong)


def test_findings_have_a_severity(copied: Path) -> None:
    with Project.open(copied) as project:
        assert {finding.severity for finding in project.validate()} == {Severity.WARNING}


def test_all_slips_of_the_bundle_are_found_at_once(copied: Path) -> None:
    job, pipeline = "netflix_platform.job.yml", "netflix_medallion.pipeline.yml"
    for name, old, new in (
        (job, "max_retries:", "max_retires:"),
        (job, "run_if: ALL_DONE", "run_if: ALL_DON"),
        (pipeline, "photon:", "photn:"),
    ):
        path = copied / "databricks/resources" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    found = [text for text in findings(copied) if text.startswith("error")]

    for known, file in (("max_retries", job), ("ALL_DONE", job), ("photon", pipeline)):
        assert [f"Did you mean '{known}'? (databricks/resources/{file}, resources." in text for text in found].count(
            True
        ) == 1, found
    assert len(found) == 3
