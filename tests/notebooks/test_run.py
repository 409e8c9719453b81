"""Notebooks that run."""

import sys
import threading

import pytest

from reelhouse.clock import ScaledClock
from reelhouse.notebooks.threads import Cancelled, call_in_thread
from reelhouse.runs.record import RunKind, RunStatus


def test_cells_share_one_namespace_and_the_exit_value_is_text(bench):
    result = bench.run("x = 20", "def double():\n    return x * 2", "dbutils.notebook.exit(double() + 2)")
    assert (result.exit_value, result.error) == ("42", None)


def test_a_notebook_without_exit_has_no_exit_value(bench):
    assert bench.run("x = 1").exit_value is None


def test_exit_ends_the_notebook_even_below_except_exception(bench):
    result = bench.run(
        """
        try:
            dbutils.notebook.exit("done")
        except Exception:
            pass
        raise ValueError
        """
    )
    assert result.exit_value == "done"


def test_an_error_names_file_cell_line_and_exception(bench):
    result = bench.run("x = 1", "def check():\n    raise ValueError('bad title')\n", "\ncheck()")
    error = result.error
    assert (error.type, error.message, error.file, error.cell, error.line) == (
        "ValueError",
        "bad title",
        "main.py",
        2,
        7,
    )
    assert str(error) == "ValueError: bad title (main.py, cell 2, line 7)"
    assert "raise ValueError('bad title')" in error.traceback
    assert "reelhouse" not in error.traceback


def test_an_error_of_syntax_names_its_line_after_the_cells_before_it_ran(bench):
    result = bench.run("print('ran')", "x = 1\ny = = 2")
    assert (result.error.type, result.error.cell, result.error.line) == ("SyntaxError", 2, 7)
    assert bench.output == "ran\n"


def test_an_error_in_a_module_names_the_cell_that_called_it(bench):
    bench.write_file("helpers.py", "def fail():\n    raise KeyError('k')\n")
    error = bench.run("import helpers", "helpers.fail()").error
    assert (error.type, error.cell, error.line) == ("KeyError", 2, 6)
    assert "helpers.py" in error.traceback


def test_the_run_is_recorded_with_parameters_and_result(bench):
    bench.run("dbutils.notebook.exit('v')", parameters={"a": "1"})
    bench.run("1/0", name="broken.py")
    good, bad = bench.log.runs.values()
    assert (good.kind, good.name, good.input, good.status, good.output) == (
        RunKind.NOTEBOOK,
        "main",
        {"a": "1"},
        RunStatus.SUCCEEDED,
        {"result": "v"},
    )
    assert (bad.status, bad.error["type"], bad.error["cell"]) == (RunStatus.FAILED, "ZeroDivisionError", 1)


def test_run_magic_shares_functions_variables_and_widget_defaults(bench):
    bench.write(
        "utils/common.py",
        "dbutils.widgets.text('catalog', 'default')",
        "def f():\n    return base + catalog\n",
        "catalog = dbutils.widgets.get('catalog')",
    )
    result = bench.run(
        "base = 'b_'",
        "# MAGIC %run ./utils/common",
        "dbutils.notebook.exit(f())",
        parameters={"catalog": "passed to main"},
    )
    assert result.exit_value == "b_default"


def test_run_magic_passes_widget_values(bench):
    bench.write("common.py", "dbutils.widgets.text('catalog', 'default')\nc = dbutils.widgets.get('catalog')")
    result = bench.run('# MAGIC %run ./common $catalog="net flix"', "dbutils.notebook.exit(c)")
    assert result.exit_value == "net flix"


def test_paths_of_nested_run_magics_are_relative_to_their_own_notebook(bench):
    bench.write("utils/deep/inner.py", "value = 7")
    bench.write("utils/outer.py", "# MAGIC %run ./deep/inner")
    assert bench.run("# MAGIC %run ./utils/outer", "dbutils.notebook.exit(value)").exit_value == "7"


def test_an_absolute_workspace_path_is_found_in_the_bundle(bench):
    from dataclasses import replace

    bench.write("utils/common.py", "value = 7")
    context = replace(bench.context, workspace_folder="/Workspace/Shared/net/files")
    for path in ("/Workspace/Shared/net/files/utils/common", "/Shared/net/files/utils/common"):
        assert bench.run(f"# MAGIC %run {path}", "dbutils.notebook.exit(value)", context=context).exit_value == "7"
    error = bench.run("# MAGIC %run /Users/me/other", context=context).error
    assert "is not one of this bundle" in error.message


def test_an_error_in_a_notebook_brought_in_names_that_file(bench):
    bench.write("utils/common.py", "x = 1", "1/0")
    error = bench.run("# MAGIC %run ./utils/common").error
    assert (error.type, error.file, error.cell, error.line) == ("ZeroDivisionError", "utils/common.py", 2, 6)


def test_what_is_unsupported_in_a_notebook_brought_in_is_refused_before_anything_ran(bench):
    bench.write("common.py", "# MAGIC %sh ls")
    error = bench.run("print('ran')", "# MAGIC %run ./common").error
    assert (error.type, bench.output) == ("Unsupported", "")
    assert "%sh" in error.message and "common.py, cell 1" in error.message


def test_a_notebook_that_brings_in_itself_is_refused(bench):
    bench.write("b.py", "# MAGIC %run ./main")
    assert "running already" in bench.run("# MAGIC %run ./b").error.message


def test_a_missing_notebook_is_an_error_of_the_run(bench):
    bench.write("main.py", "x = 1")
    result = bench.run(name="mian.py")
    assert "Did you mean 'main'" in result.error.message


def test_sql_statements_run_in_order_with_widget_values_and_the_last_is_bound(bench):
    result = bench.run(
        "dbutils.widgets.text('t', 'titles')",
        "# MAGIC %sql\n# MAGIC USE netflix;\n# MAGIC SELECT * FROM IDENTIFIER(:t)",
        "dbutils.notebook.exit(_sqldf.text)",
    )
    assert bench.sessions[0].statements == [("USE netflix", None), ("SELECT * FROM IDENTIFIER(:t)", {"t": "titles"})]
    assert result.exit_value == "SELECT * FROM IDENTIFIER(:t)"
    assert bench.output.splitlines()[0] == "statement"


def test_an_error_in_a_sql_notebook_names_the_statements_line(bench):
    error = bench.run("SELECT 1;\n\nSELECT FAIL", name="q.sql").error
    assert (error.type, error.file, error.cell, error.line) == ("ValueError", "q.sql", 1, 4)


@pytest.mark.parametrize(
    ("cell", "sessions"),
    [
        ("import json\nx = dbutils.widgets.getAll()", 0),
        ("# spark is not used, nor is a table\nx = 'spark'", 0),
        ("spark.sql('SELECT 1')", 1),
        ("def later():\n    return table('a')", 1),
        ("from pyspark.sql.types import StringType", 1),
        ("import with_session", 1),
        ("import without_session", 0),
        ("# MAGIC %sql SELECT 1", 1),
        ("eval('spa' + 'rk')", 1),
    ],
)
def test_a_session_is_opened_only_where_something_may_use_it_and_closed(bench, cell, sessions):
    bench.write_file("with_session.py", "def f(spark):\n    return spark.range(1)\n")
    bench.write_file("without_session.py", "import json\n")
    assert bench.run(cell).error is None
    assert (len(bench.sessions), bench.closed) == (sessions, bench.sessions)


def test_globals_that_are_not_there_are_refused_by_name(bench):
    assert "sc.textFile is not supported" in bench.run("sc.textFile('a')").error.message


def test_there_is_no_file_variable_and_the_name_is_main(bench):
    assert bench.run("dbutils.notebook.exit(('__file__' in globals(), __name__))").exit_value == "(False, '__main__')"


def test_a_future_import_holds_for_later_cells(bench):
    result = bench.run("from __future__ import annotations", "def f(x: Nowhere): ...", "dbutils.notebook.exit(1)")
    assert result.exit_value == "1"


def test_modules_of_the_own_folder_and_the_root_are_importable_and_gone_afterwards(bench):
    bench.write_file("shared_rules/__init__.py", "limit = 3\n")
    bench.write_file("bronze/near.py", "from shared_rules import limit\n")
    bench.write("bronze/load.py", "import near\ndbutils.notebook.exit(near.limit)")
    before = list(sys.path)
    assert bench.run(name="bronze/load.py").exit_value == "3"
    assert sys.path == before
    assert "near" not in sys.modules and "shared_rules" not in sys.modules


def test_a_changed_module_is_read_anew_by_the_next_run(bench):
    bench.write_file("rules.py", "limit = 3\n")
    assert bench.run("import rules\ndbutils.notebook.exit(rules.limit)").exit_value == "3"
    bench.write_file("rules.py", "limit = 40\n")
    assert bench.run("import rules\ndbutils.notebook.exit(rules.limit)").exit_value == "40"


def test_a_changed_module_is_read_anew_while_another_notebook_runs(bench):
    import os

    path = bench.write_file("rules.py", "limit = 3\n")
    bench.write("child.py", "import rules\ndbutils.notebook.exit(rules.limit)")
    bench.write_file("touch.py", "")
    started, changed = threading.Event(), threading.Event()
    sys.modules["_signals"] = type(sys)("_signals")
    sys.modules["_signals"].started, sys.modules["_signals"].changed = started, changed
    bench.write(
        "outer.py",
        "import rules, _signals\n_signals.started.set()\n_signals.changed.wait(20)",
        "dbutils.notebook.exit(rules.limit)",
    )
    results = []
    thread = threading.Thread(target=lambda: results.append(bench.run(name="outer.py")))
    thread.start()
    started.wait(20)
    assert bench.run(name="child.py").exit_value == "3"
    path.write_text("limit = 40\n")
    os.utime(path, (1, 1))
    again = bench.run(name="child.py").exit_value
    changed.set()
    thread.join()
    del sys.modules["_signals"]
    assert (again, results[0].exit_value) == ("40", "3")


def test_pip_of_an_installed_package_is_noted_and_resets_the_namespace(bench):
    result = bench.run("x = 1", "# MAGIC %pip install -q pytest", "dbutils.notebook.exit('x' in globals())")
    assert result.exit_value == "False"
    assert "nothing was installed" in bench.log.notes[0]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("install surely-not-there", "package 'surely-not-there', which is not installed"),
        ("install pytest==0.0.1", "asks for pytest==0.0.1"),
        ("install ./wheel.whl", "is not supported"),
        ("uninstall pytest", "is not supported"),
    ],
)
def test_pip_that_cannot_be_met_is_refused(bench, command, message):
    assert message in bench.run(f"# MAGIC %pip {command}").error.message


def test_restart_python_forgets_what_was_defined_but_not_the_widgets(bench):
    result = bench.run(
        "x = 1\ndbutils.widgets.text('w', 'a')\ndbutils.library.restartPython()\nraise ValueError",
        "dbutils.notebook.exit(('x' in globals(), dbutils.widgets.get('w')))",
    )
    assert result.exit_value == "(False, 'a')"


def test_another_notebook_runs_in_its_own_namespace_and_gives_its_exit_value(bench):
    bench.write("sub/child.py", "dbutils.notebook.exit(dbutils.widgets.get('n') + str('x' in globals()))")
    result = bench.run("x = 1", "dbutils.notebook.exit(dbutils.notebook.run('sub/child', 60, {'n': '5'}))")
    assert result.exit_value == "5False"
    outer, inner = bench.log.runs.values()
    assert inner.parent_id == outer.id


def test_a_failing_child_raises_in_its_caller(bench):
    bench.write("child.py", "1/0")
    result = bench.run(
        "try:\n    dbutils.notebook.run('child', 0)\nexcept Exception as e:\n    dbutils.notebook.exit(e)"
    )
    assert "ZeroDivisionError: division by zero (child.py, cell 1, line 2)" in result.exit_value


def test_a_child_that_takes_too_long_is_stopped(bench):
    from dataclasses import replace

    bench.write("child.py", "import time\nwhile True:\n    time.sleep(0.01)")
    context = replace(bench.context, clock=ScaledClock(100))
    error = bench.run("dbutils.notebook.run('child', 20)", context=context).error
    assert "did not end within 20 seconds" in error.message
    assert [r.status for r in bench.log.runs.values()] == [RunStatus.FAILED, RunStatus.CANCELLED]


def test_arguments_of_a_child_that_are_not_text_are_refused(bench):
    bench.write("child.py", "x = 1")
    assert "arguments are text" in bench.run("dbutils.notebook.run('child', 0, {'n': 5})").error.message


def test_secrets_are_redacted_in_output_errors_and_results(bench):
    result = bench.run("p = dbutils.secrets.get('vault', 'password')\nprint('it is', p)", "raise ValueError(p)")
    assert bench.output == "it is [REDACTED]\n"
    assert result.error.message == "[REDACTED]"
    bench.run("dbutils.notebook.exit(dbutils.secrets.get('vault', 'password'))", name="exit.py")
    assert list(bench.log.runs.values())[-1].output == {"result": "[REDACTED]"}


def test_what_parallel_notebooks_print_is_kept_apart(bench):
    from dataclasses import replace

    printed = {name: [] for name in "abcd"}
    barrier = threading.Barrier(len(printed))
    sys.modules["_barrier"] = type(sys)("_barrier")
    sys.modules["_barrier"].wait = barrier.wait
    for name in printed:
        bench.write(f"{name}.py", f"import _barrier\nfor i in range(20):\n    _barrier.wait(20)\n    print('{name}')")
    threads = [
        threading.Thread(
            target=bench.run, kwargs={"name": f"{name}.py", "context": replace(bench.context, output=lines.append)}
        )
        for name, lines in printed.items()
    ]
    out = sys.stdout
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del sys.modules["_barrier"]
    assert {name: "".join(lines) for name, lines in printed.items()} == {n: f"{n}\n" * 20 for n in printed}
    assert sys.stdout is out


def test_a_cancelled_call_interrupts_its_thread():
    cancel, stopped = threading.Event(), threading.Event()

    def work():
        cancel.set()
        try:
            while True:
                stopped.wait(0.01)
        finally:
            stopped.set()

    with pytest.raises(Cancelled):
        call_in_thread(work, clock=ScaledClock(1), cancel=cancel)
    assert stopped.is_set()


def test_a_sql_notebook_declares_and_removes_widgets(bench):
    result = bench.run(
        "CREATE WIDGET TEXT catalog DEFAULT 'netflix';\nCREATE WIDGET DROPDOWN n DEFAULT \"SELECT 1\" CHOICES SELECT 1",
        "SELECT :catalog;\n-- no more\nREMOVE WIDGET catalog",
        "SELECT :catalog",
        name="q.sql",
        parameters={"catalog": "given"},
    )
    passed = ("SELECT :catalog", {"catalog": "given"})
    assert bench.sessions[0].statements == [("SELECT 1", None), passed, passed]
    assert result.error is None


def test_a_file_outside_of_the_bundle_runs_too(bench, tmp_path):
    other = tmp_path / "other.py"
    other.write_text("# Databricks notebook source\ndbutils.notebook.exit('ran')\n")
    from reelhouse.notebooks.run import run_notebook

    assert run_notebook(other, {}, bench.context).exit_value == "ran"


def test_runs_are_named_by_the_notebook_relative_to_the_bundle(bench):
    from reelhouse.notebooks.run import run_notebook

    run_notebook(bench.write("bronze/load.py", "x = 1"), {}, bench.context)
    assert [run.name for run in bench.log.runs.values()] == ["bronze/load"]


def test_a_bundles_modules_win_over_installed_ones_but_not_over_the_standard_library(bench):
    bench.write_file("near/wave.py", "own = True\n")
    bench.write_file("near/sortedcontainers.py", "own = True\n")
    for name in ("wave", "sortedcontainers"):
        saved = {k: sys.modules.pop(k) for k in list(sys.modules) if k.split(".")[0] == name}
        code = f"import {name}\ndbutils.notebook.exit(hasattr({name}, 'own'))"
        bench.write("near/main.py", code)
        own = bench.run(name="near/main.py").exit_value
        sys.modules.update(saved)
        assert own == str(name == "sortedcontainers")


def test_notebooks_beside_modules_of_one_name_each_get_their_own(bench):
    results = {}
    for name in "abcd":
        bench.write_file(f"{name}/rules.py", f"own = '{name}'\n")
        bench.write(f"{name}/main.py", "import rules\ndbutils.notebook.exit(rules.own)")
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: bench.run(name=f"{n}/main.py").exit_value}))
        for n in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: n for n in "abcd"}


def test_a_child_that_means_another_module_by_a_name_is_refused_rather_than_waiting_for_ever(bench):
    bench.write_file("a/rules.py", "own = 'a'\n")
    bench.write_file("b/rules.py", "own = 'b'\n")
    bench.write("b/child.py", "import rules")
    bench.write("a/main.py", "dbutils.notebook.run('../b/child', 0)")
    assert "Give one of the two another name" in bench.run(name="a/main.py").error.message


def test_a_module_that_another_notebook_still_uses_is_not_forgotten_but_that_of_an_ended_one_is(bench):
    bench.write_file("a/only_a.py", "x = 1\n")
    bench.write_file("shared_by_all.py", "x = 1\n")
    bench.write("a/main.py", "import only_a, shared_by_all")
    bench.write(
        "b/main.py",
        "import sys, shared_by_all\ndbutils.notebook.run('../a/main', 0)",
        "dbutils.notebook.exit(('only_a' in sys.modules, 'shared_by_all' in sys.modules))",
    )
    assert bench.run(name="b/main.py").exit_value == "(False, True)"
    assert "shared_by_all" not in sys.modules
