from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelhouse.catalog.catalog import Catalog
from reelhouse.catalog.entry import KeyConstraint, TableEntry, TableType
from reelhouse.catalog.names import SchemaName, TableName, complete, quote_name, split_name
from reelhouse.errors import UserError
from reelhouse.storage.lake import Lake

BRONZE = "abfss://bronze@cmnetflixprojectdl.dfs.core.windows.net/"


@pytest.fixture
def catalog(tmp_path: Path):
    found = Catalog(tmp_path / "catalog.db", Lake(tmp_path / "lake"))
    yield found
    found.close()


def entry(table: str, **fields) -> TableEntry:
    return TableEntry(TableName("netflix", "bronze", table), fields.pop("location", ""), **fields)


class TestNames:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("t", ("t",)),
            ("netflix.bronze.t", ("netflix", "bronze", "t")),
            ("delta.`/a/b.c`", ("delta", "/a/b.c")),
            ("`a``b`.`c.d`", ("a`b", "c.d")),
        ],
    )
    def test_names_are_taken_apart_and_put_together(self, text, parts):
        assert split_name(text) == parts
        assert split_name(quote_name(parts)) == parts

    @pytest.mark.parametrize("text", ["", "a..b", "`a", "`a`b", "a."])
    def test_what_is_no_name_is_refused(self, text):
        with pytest.raises(UserError, match="INVALID_IDENTIFIER"):
            split_name(text)

    def test_missing_parts_come_from_the_session(self):
        current = SchemaName("netflix", "silver")
        assert str(complete(["T"], current)) == "netflix.silver.t"
        assert str(complete(["Bronze", "t"], current)) == "netflix.bronze.t"
        with pytest.raises(UserError, match="4 parts"):
            complete(["a", "b", "c", "d"], current)


class TestSchemas:
    def test_a_schema_has_its_managed_location_in_the_container(self, catalog, tmp_path):
        catalog.create_schema("netflix.bronze", BRONZE, comment="raw")
        schema = catalog.schema("bronze")
        assert schema.location == str(tmp_path / "lake/cmnetflixprojectdl/bronze")
        assert schema.comment == "raw"
        assert catalog.create_table(entry("t")).location == str(tmp_path / "lake/cmnetflixprojectdl/bronze/t")

    def test_without_one_it_lies_in_the_catalogs_folder(self, catalog, tmp_path):
        assert catalog.schema("default").location == str(tmp_path / "lake/_catalog/netflix/default")

    def test_unknown_names_are_refused_with_the_nearest(self, catalog):
        catalog.create_schema("bronze")
        with pytest.raises(UserError, match=r"SCHEMA_NOT_FOUND.*Did you mean 'netflix.bronze'"):
            catalog.schema("bronz")
        with pytest.raises(UserError, match=r"CATALOG_NOT_FOUND.*Did you mean 'netflix'"):
            catalog.create_schema("netflx.bronze")

    def test_creating_it_twice_is_an_error_unless_allowed(self, catalog):
        catalog.create_schema("bronze")
        catalog.create_schema("BRONZE", if_not_exists=True)
        with pytest.raises(UserError, match="SCHEMA_ALREADY_EXISTS"):
            catalog.create_schema("bronze")
        assert [str(s) for s in catalog.schemas()] == ["netflix.bronze", "netflix.default"]

    def test_a_schema_with_tables_is_dropped_only_with_cascade(self, catalog):
        catalog.create_schema("bronze")
        catalog.create_table(entry("t"))
        with pytest.raises(UserError, match=r"SCHEMA_NOT_EMPTY.*holds t"):
            catalog.drop_schema("bronze")
        catalog.drop_schema("bronze", cascade=True)
        catalog.drop_schema("bronze", if_exists=True)
        assert catalog.find("bronze.t") is None

    def test_catalogs(self, catalog):
        catalog.create_catalog("other")
        catalog.create_schema("other.s")
        assert catalog.catalogs() == ["netflix", "other"]
        with pytest.raises(UserError, match="CATALOG_NOT_EMPTY"):
            catalog.drop_catalog("other")
        catalog.drop_catalog("other", cascade=True)
        assert catalog.catalogs() == ["netflix"]


class TestTables:
    @pytest.fixture(autouse=True)
    def bronze(self, catalog):
        catalog.create_schema("bronze", BRONZE)

    def test_everything_said_of_a_table_is_kept_for_other_processes(self, catalog, tmp_path):
        key = KeyConstraint("pk", "PRIMARY KEY", ("id",))
        foreign = KeyConstraint("fk", "FOREIGN KEY", ("id",), TableName("netflix", "bronze", "u"), ("id",))
        made = catalog.create_table(
            entry("t", type=TableType.STREAMING_TABLE, comment="c", constraints=(key, foreign), properties={"a": "b"})
        )
        view = catalog.create_table(
            entry("v", type=TableType.VIEW, view_text="SELECT 1", view_schema=SchemaName("netflix", "bronze"))
        )
        other = Catalog(tmp_path / "catalog.db", Lake(tmp_path / "lake"))
        assert other.table("bronze.t") == made
        assert other.table("netflix.bronze.v") == view
        other.close()

    def test_the_project_can_be_moved(self, catalog, tmp_path):
        catalog.create_table(entry("t"))
        other = Catalog(tmp_path / "catalog.db", Lake(tmp_path / "elsewhere"))
        assert other.table("bronze.t").location == str(tmp_path / "elsewhere/cmnetflixprojectdl/bronze/t")
        other.close()

    def test_a_missing_table_is_named_with_the_nearest(self, catalog):
        catalog.create_table(entry("netflix_titles"))
        with pytest.raises(
            UserError, match=r"TABLE_OR_VIEW_NOT_FOUND.*'netflix.bronze.netflix_titels'.*netflix_titles'"
        ):
            catalog.table("bronze.netflix_titels")

    def test_a_table_is_found_by_its_location(self, catalog, tmp_path):
        catalog.create_table(entry("t", location=f"{BRONZE}somewhere", type=TableType.EXTERNAL))
        assert catalog.at_location(str(tmp_path / "lake/cmnetflixprojectdl/bronze/somewhere")).name.table == "t"

    def test_creating_it_twice(self, catalog):
        first = catalog.create_table(entry("t"))
        assert catalog.create_table(entry("t", comment="x"), if_not_exists=True) == first
        with pytest.raises(UserError, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
            catalog.create_table(entry("t"))
        assert catalog.create_table(entry("t", comment="x"), replace=True).comment == "x"

    @pytest.mark.parametrize(("kind", "stays"), [(TableType.MANAGED, False), (TableType.EXTERNAL, True)])
    def test_drop_removes_the_files_of_managed_tables_alone(self, catalog, tmp_path, kind, stays):
        location = tmp_path / "lake" / "x"
        (location / "_delta_log").mkdir(parents=True)
        catalog.create_table(entry("t", location=str(location), type=kind))
        catalog.drop_table("bronze.t")
        assert location.exists() is stays
        assert catalog.find("bronze.t") is None
        assert not list(location.parent.glob(".dropped*"))

    def test_dropping_what_is_not_there(self, catalog):
        catalog.drop_table("bronze.nothing", if_exists=True)
        with pytest.raises(UserError, match="TABLE_OR_VIEW_NOT_FOUND"):
            catalog.drop_table("bronze.nothing")

    def test_a_drop_that_dies_half_way_leaves_no_rows_for_a_new_table(self, catalog, tmp_path):
        made = catalog.create_table(entry("t"))
        Path(made.location, "_delta_log").mkdir(parents=True)
        script = (
            "import sys; from pathlib import Path\n"
            "from reelhouse.catalog.catalog import Catalog; from reelhouse.storage.lake import Lake\n"
            "Catalog(Path(sys.argv[1], 'catalog.db'), Lake(Path(sys.argv[1], 'lake'))).drop_table('bronze.t')\n"
        )
        env = {**os.environ, "REELHOUSE_FAIL_AT": "catalog.table_set_aside"}
        assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=env).returncode == -9
        assert not Path(made.location).exists()
        catalog.drop_table("bronze.t")
        assert catalog.find("bronze.t") is None

    def test_many_processes_enter_tables_at_once(self, catalog, tmp_path):
        script = (
            "import sys; from pathlib import Path\n"
            "from reelhouse.catalog.catalog import Catalog; from reelhouse.storage.lake import Lake\n"
            "from reelhouse.catalog.entry import TableEntry; from reelhouse.catalog.names import TableName\n"
            "c = Catalog(Path(sys.argv[1], 'catalog.db'), Lake(Path(sys.argv[1], 'lake')))\n"
            "for n in range(10):\n"
            "    c.create_table(TableEntry(TableName('netflix', 'bronze', f't{sys.argv[2]}_{n}'), ''))\n"
        )
        workers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(n)]) for n in range(4)]
        assert [worker.wait() for worker in workers] == [0] * 4
        assert len(catalog.tables("bronze")) == 40


class TestPrivateNames:
    def test_a_private_table_has_no_entry_and_who_asks_for_it_is_told_whose_it_is(self, catalog):
        catalog.create_schema("bronze")
        catalog.note_private("films", ["netflix.bronze.T", "bronze.u"])
        assert (catalog.find("bronze.t"), catalog.private_to("bronze.t")) == (None, "films")
        with pytest.raises(UserError, match=r"'netflix\.bronze\.t' is private to pipeline 'films'"):
            catalog.table("bronze.t")

    def test_the_names_of_a_pipeline_replace_those_it_had(self, catalog):
        catalog.note_private("films", ["bronze.t"])
        catalog.note_private("series", ["bronze.s"])
        catalog.note_private("films", ["bronze.u"])
        assert [catalog.private_to(f"bronze.{name}") for name in "tus"] == [None, "films", "series"]
        catalog.note_private("films", [])
        assert catalog.private_to("bronze.u") is None

    def test_a_table_of_that_name_goes_first(self, catalog):
        catalog.create_schema("bronze")
        catalog.note_private("films", ["bronze.t"])
        catalog.create_table(entry("t"))
        assert str(catalog.table("bronze.t").name) == "netflix.bronze.t"
