"""dbutils in a notebook."""

import pytest

from reelhouse.errors import UserError
from reelhouse.notebooks.secrets import Secrets


def exit_value(bench, code, **kwargs):
    result = bench.run(code, **kwargs)
    assert result.error is None, result.error.traceback
    return result.exit_value


def failure(bench, code, **kwargs):
    return str(bench.run(code, **kwargs).error)


def test_a_passed_parameter_beats_the_widgets_default(bench):
    code = "dbutils.widgets.text('a', 'default')\ndbutils.notebook.exit(dbutils.widgets.get('a'))"
    assert exit_value(bench, code) == "default"
    assert exit_value(bench, code, parameters={"a": "given"}) == "given"


def test_a_passed_parameter_needs_no_widget(bench):
    assert exit_value(bench, "dbutils.notebook.exit(dbutils.widgets.get('a'))", parameters={"a": "1"}) == "1"


def test_an_undeclared_widget_is_an_error_of_its_own(bench):
    text = failure(bench, "dbutils.widgets.text('catalog', '')\ndbutils.widgets.get('catlog')")
    assert "InputWidgetNotDefined" in text and "Did you mean 'catalog'" in text


def test_declaring_again_keeps_the_value_and_remove_forgets_it(bench):
    code = """
    w = dbutils.widgets
    w.text('a', '1')
    w.text('a', '2')
    w.combobox('b', 'x', ['x', 'y'])
    kept = w.getAll()
    w.remove('a')
    removed = w.getAll()
    w.removeAll()
    dbutils.notebook.exit([kept, removed, w.getAll(), w.getArgument('c', 'fallback')])
    """
    assert exit_value(bench, code) == "[{'a': '1', 'b': 'x'}, {'b': 'x'}, {}, 'fallback']"


def test_defaults_of_dropdowns_are_among_their_choices_and_text(bench):
    assert "not among its choices" in failure(bench, "dbutils.widgets.dropdown('a', 'z', ['x'])")
    assert "widgets hold text" in failure(bench, "dbutils.widgets.text('a', 1)")


def test_what_dbutils_lacks_is_refused_listing_what_is_there(bench):
    assert "dbutils.fs.mount is not supported. Supported: dbutils.fs.cp, dbutils.fs.head" in failure(
        bench, "dbutils.fs.mount('a', 'b')"
    )
    assert "dbutils.credentials is not supported" in failure(bench, "dbutils.credentials.showRoles()")
    assert (
        exit_value(bench, "dbutils.notebook.exit(hasattr(dbutils.data, 'x') if hasattr(dbutils, 'data') else 0)") == "0"
    )


def test_files_are_put_listed_read_copied_moved_and_removed(bench):
    code = """
    base = 'abfss://raw@acc.dfs.core.windows.net/titles'
    fs = dbutils.fs
    fs.put(base + '/a.csv', 'id,title')
    fs.mkdirs(base + '/sub')
    fs.cp(base + '/a.csv', base + '/sub')
    fs.cp(base, base + '_copy', recurse=True)
    fs.mv(base + '/a.csv', base + '/b.csv')
    listing = [(i.path, i.name, i.size, i.isDir()) for i in fs.ls(base)]
    copied = [i.name for i in fs.ls(base + '_copy/sub')]
    fs.rm(base + '/sub', True)
    dbutils.notebook.exit([listing, copied, [i.name for i in fs.ls('/mnt/raw/titles')], fs.head(base + '/b.csv', 2)])
    """
    base = "abfss://raw@acc.dfs.core.windows.net/titles"
    assert exit_value(bench, code) == str(
        [[(f"{base}/b.csv", "b.csv", 8, False), (f"{base}/sub/", "sub/", 0, True)], ["a.csv"], ["b.csv"], "id"]
    )


def test_mounts_are_those_of_the_settings_and_listings_spell_the_file_system(bench):
    code = """
    dbutils.fs.put('/mnt/raw/x/a.txt', '')
    dbutils.notebook.exit([dbutils.fs.mounts()[0].source, dbutils.fs.ls('/mnt/raw/x')[0].path])
    """
    assert exit_value(bench, code) == "['abfss://raw@acc.dfs.core.windows.net', 'dbfs:/mnt/raw/x/a.txt']"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("dbutils.fs.ls('/mnt/raw/none')", "FileNotFoundException"),
        ("dbutils.fs.put('/mnt/raw/a', ''); dbutils.fs.put('/mnt/raw/a', '')", "Pass overwrite=True"),
        ("dbutils.fs.put('/mnt/raw/d/a', ''); dbutils.fs.rm('/mnt/raw/d')", "Pass recurse=True"),
        ("dbutils.fs.put('/mnt/raw/d/a', ''); dbutils.fs.cp('/mnt/raw/d', '/mnt/raw/e')", "Pass recurse=True"),
    ],
)
def test_file_functions_say_what_is_wrong(bench, code, message):
    assert message in failure(bench, code)


def test_task_values_outside_a_job_give_the_debug_value_and_set_does_nothing(bench):
    code = """
    dbutils.jobs.taskValues.set('a', 1)
    dbutils.notebook.exit(dbutils.jobs.taskValues.get('t', 'a', default=0, debugValue=5))
    """
    assert exit_value(bench, code) == "5"
    assert "no debugValue" in failure(bench, "dbutils.jobs.taskValues.get('t', 'a', default=0)")


def test_task_values_are_small_json(bench):
    assert "is not JSON" in failure(bench, "dbutils.jobs.taskValues.set('a', {1, 2})")
    assert "48 KiB" in failure(bench, "dbutils.jobs.taskValues.set('a', 'x' * 50000)")


def test_secrets_come_from_the_environment_before_the_file_and_are_listed():
    secrets = Secrets({"key-vault": {"db-password": "file"}}, {"REELHOUSE_SECRET__KEY_VAULT__DB_PASSWORD": "env"})
    assert secrets.get("key-vault", "db-password") == "env"
    assert (secrets.scopes(), secrets.keys("key-vault")) == (["key-vault"], ["db-password"])
    with pytest.raises(UserError, match="REELHOUSE_SECRET__KEY_VAULT__DB_PASSWRD"):
        secrets.get("key-vault", "db-passwrd")


def test_secrets_are_listed_in_a_notebook(bench):
    code = """
    s = dbutils.secrets
    dbutils.notebook.exit([s.listScopes()[0].name, s.list('vault')[0].key, len(s.getBytes('vault', 'password'))])
    """
    assert exit_value(bench, code) == "['vault', 'password', 7]"


def test_display_shows_rows_and_refuses_streams(bench):
    assert exit_value(bench, "display(spark.sql('SELECT 1'))") is None
    assert bench.output == "statement\n---------\nSELECT 1\n"
    assert "streaming DataFrame" in failure(bench, "f = spark.sql('a')\nf.isStreaming = True\ndisplay(f)")
