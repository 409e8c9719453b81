"""The source format of notebooks."""

import json
from pathlib import Path

import pytest

from reelhouse.errors import Unsupported, UserError
from reelhouse.notebooks.source import Language, find_notebook, parse

PYTHON = """# Databricks notebook source
# MAGIC %md
# MAGIC # Titles

# COMMAND ----------

# DBTITLE 1,Read the titles
a = 1
b = 2

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT 1;
# MAGIC
# MAGIC SELECT 2

# COMMAND ----------

# MAGIC %run ./utils/common $catalog="netflix"

# COMMAND ----------



# COMMAND ----------

# MAGIC %sql SELECT 3
"""


def cells(text, name="n.py"):
    return parse(text, Path(name)).cells


def test_each_cell_has_its_language_text_title_and_place_in_the_file():
    found = [(c.language, c.text, c.title, c.index, c.first_line) for c in cells(PYTHON)]
    assert found == [
        (Language.MARKDOWN, "# Titles", "", 1, 3),
        (Language.PYTHON, "a = 1\nb = 2", "Read the titles", 2, 8),
        (Language.SQL, "SELECT 1;\n\nSELECT 2", "", 3, 14),
        (Language.RUN, './utils/common $catalog="netflix"', "", 4, 20),
        (Language.SQL, "SELECT 3", "", 6, 28),
    ]


def test_a_line_of_the_file_is_found_in_its_cell():
    notebook = parse(PYTHON, Path("n.py"))
    assert notebook.cell_at(9).index == 2
    assert notebook.cell_at(16).index == 3


def test_a_sql_notebook_has_sql_cells_and_python_by_magic():
    text = "-- Databricks notebook source\nSELECT 1\n\n-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC x = 1\n"
    assert [(c.language, c.text) for c in cells(text, "n.sql")] == [
        (Language.SQL, "SELECT 1"),
        (Language.PYTHON, "x = 1"),
    ]


def test_windows_line_ends_read_the_same():
    assert cells(PYTHON.replace("\n", "\r\n")) == cells(PYTHON)


@pytest.mark.parametrize("magic", ["scala", "r", "sh", "fs", "conda", "timeit"])
def test_an_unsupported_magic_is_refused_by_name_with_its_cell(magic):
    with pytest.raises(Unsupported, match=rf"Cell 2 of 'n.py' uses the magic %{magic}.*Supported: %python") as caught:
        cells(f"# Databricks notebook source\nx = 1\n# COMMAND ----------\n# MAGIC %{magic} ls\n")
    assert str(caught.value.where) == "n.py, cell 2, line 4"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("# MAGIC %run ./a\n# MAGIC x = 1", "%run has to stand alone"),
        ("x = 1\n# MAGIC %run ./a", "below other code"),
        ("# MAGIC %run ./a\nx = 1", "not marked '# MAGIC'"),
        ("# MAGIC %pip install a\n# MAGIC import a", "holds %pip lines alone"),
    ],
)
def test_a_magic_that_shares_its_cell_is_refused(body, message):
    with pytest.raises(UserError, match=message):
        cells(f"# Databricks notebook source\n{body}\n")


def test_a_plain_python_file_is_no_notebook():
    with pytest.raises(UserError, match="The first line of a notebook in source format is"):
        cells("x = 1\n")


def test_an_ipynb_file_gives_the_same_cells():
    raw = [
        {"cell_type": "markdown", "source": ["# T"]},
        {"cell_type": "code", "source": ["x = 1\n", "y = 2"]},
        {"cell_type": "code", "source": "%sql\nSELECT 1"},
    ]
    found = cells(json.dumps({"cells": raw, "metadata": {}, "nbformat": 4}), "n.ipynb")
    assert [(c.language, c.text) for c in found] == [
        (Language.MARKDOWN, "# T"),
        (Language.PYTHON, "x = 1\ny = 2"),
        (Language.SQL, "SELECT 1"),
    ]


def test_a_notebook_is_found_without_extension_and_the_nearest_name_is_offered(tmp_path):
    (tmp_path / "load_titles.py").write_text("# Databricks notebook source\n")
    assert find_notebook(tmp_path / "load_titles") == tmp_path / "load_titles.py"
    with pytest.raises(UserError, match="Did you mean 'load_titles'"):
        find_notebook(tmp_path / "load_title")
