"""Running a notebook.

https://docs.databricks.com/aws/en/notebooks/
"""

from __future__ import annotations
import __future__

import functools
import operator
import shlex
import traceback
from collections.abc import Mapping
from contextvars import Token
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from reelhouse.errors import Place, Unsupported, UserError
from reelhouse.notebooks.context import NotebookContext, NotebookError, NotebookFailed, NotebookResult
from reelhouse.notebooks.dbutils import DBUtils, NotebookExit, PythonRestart
from reelhouse.notebooks.display import display, display_html
from reelhouse.notebooks.modules import importable
from reelhouse.notebooks.needs import code_needs_session
from reelhouse.notebooks.output import redirected
from reelhouse.notebooks.requirements import check_pip
from reelhouse.notebooks.source import Cell, Language, Notebook, find_notebook, read_notebook
from reelhouse.notebooks.statements import bind, split_statements, widget_statement
from reelhouse.notebooks.threads import Interrupted, TimedOut, call_in_thread
from reelhouse.notebooks.widgets import Widgets
from reelhouse.runs.record import RunKind, RunStatus, current_run

__all__ = ["NotebookContext", "NotebookError", "NotebookResult", "run_notebook"]

_FUTURES = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)


def run_notebook(
    path: str | Path, parameters: Mapping[str, str], context: NotebookContext, *, parent_id: str | None = None
) -> NotebookResult:
    """Run a notebook in a namespace of its own.

    `path` may lack the extension. A `Path` is a file of this machine; a text is a workspace path, a relative one counts
    from the bundle's root. `parameters` are widget values. What goes wrong in it, its syntax and its magics
    included, is the result's `error`; nothing is raised for that.
    """
    run = context.runs.begin(
        RunKind.NOTEBOOK,
        context.redactor(context.name_of(Path(path).with_suffix(""))),
        type="notebook",
        input={name: context.redactor(value) for name, value in parameters.items()},
        parent_id=parent_id,
    )
    token: Token[str | None] = current_run.set(run.id)
    execution = _Execution(context, parameters, run.id)
    try:
        result = execution.run(path)
    except BaseException:
        context.runs.end(run.id, RunStatus.CANCELLED)
        raise
    finally:
        execution.close()
        current_run.reset(token)
    if result.error is None:
        output = None if result.exit_value is None else {"result": context.redactor(result.exit_value)}
        context.runs.end(run.id, RunStatus.SUCCEEDED, output=output)
    else:
        context.runs.end(run.id, RunStatus.FAILED, error=result.error.as_json())
    return result


class _Refused:
    """A global that Databricks has and this does not: any use of it says so."""

    def __init__(self, name: str, remedy: str) -> None:
        self._refusal = (name, remedy)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        name, remedy = self._refusal
        raise Unsupported(f"{name}.{attribute} is not supported", remedy=remedy)


class _Execution:
    """One notebook that runs, with what `%run` brings in."""

    def __init__(self, context: NotebookContext, parameters: Mapping[str, str], run_id: str) -> None:
        self._context = context
        self._run_id = run_id
        self._widgets = Widgets(parameters)
        self._session: Any = None
        self._folder = context.root
        self._namespace: dict[str, Any] = {}
        self._flags = 0
        self._loaded: dict[Path, Notebook] = {}
        self._at: list[tuple[Notebook, Cell, int]] = []
        self._dbutils = DBUtils(
            widgets=self._widgets,
            lake=context.lake,
            secrets=context.secrets,
            redactor=context.redactor,
            run=self._run_child,
            task_values=context.task_values,
        )

    def run(self, path: str | Path) -> NotebookResult:
        name = str(path)
        try:
            file = find_notebook(path) if isinstance(path, Path) else self._context.find(path, self._context.root)
            name = self._context.name_of(file)
            self._folder = file.parent
            notebook = self._load(file)
            with (
                importable([file.parent, self._context.root]),
                redirected(self._context.output, self._context.redactor),
            ):
                if self._needs_session(notebook, set()):
                    self._open_session()
                self._reset()
                self._execute(notebook)
        except NotebookExit as exit:
            return NotebookResult(self._run_id, exit_value=exit.value)
        except (Interrupted, KeyboardInterrupt):
            raise
        except BaseException as error:
            return NotebookResult(self._run_id, error=self._describe(error, name))
        return NotebookResult(self._run_id)

    def close(self) -> None:
        if self._session is not None:
            self._context.close_session(self._session)

    # -- cells

    def _execute(self, notebook: Notebook) -> None:
        for cell in notebook.cells:
            self._at.append((notebook, cell, cell.first_line))
            try:
                self._execute_cell(notebook, cell)
            except PythonRestart:
                self._reset()
            self._at.pop()

    def _execute_cell(self, notebook: Notebook, cell: Cell) -> None:
        if cell.language is Language.PYTHON:
            self._execute_python(notebook, cell)
        elif cell.language is Language.SQL:
            self._execute_sql(notebook, cell)
        elif cell.language is Language.RUN:
            self._execute_run(notebook, cell)
        elif cell.language is Language.PIP:
            for command in cell.text.split("\n"):
                for note in check_pip(command, where=self._place(notebook, cell)):
                    self._context.runs.note(note)
            raise PythonRestart

    def _execute_python(self, notebook: Notebook, cell: Cell) -> None:
        # Leading empty lines make the code's lines those of the file, for tracebacks and errors of syntax alike.
        filename = str(notebook.path) if notebook.has_own_lines else f"{notebook.path}, cell {cell.index}"
        padding = "\n" * (cell.first_line - 1) if notebook.has_own_lines else ""
        code = compile(padding + cell.text, filename, "exec", flags=self._flags, dont_inherit=True)
        self._flags |= code.co_flags & _FUTURES
        exec(code, self._namespace)

    def _execute_sql(self, notebook: Notebook, cell: Cell) -> None:
        result = None
        for statement, lines_before in split_statements(cell.text):
            line = cell.first_line + lines_before
            self._at[-1] = (notebook, cell, line)
            place = Place(self._context.name_of(notebook.path), f"cell {cell.index}, line {line}")
            if self._change_widget(statement):
                continue
            text, arguments = bind(statement, self._widgets.values(), where=place)
            session = self._open_session()
            result = session.sql(text, args=arguments) if arguments else session.sql(text)
        if result is not None:
            self._namespace["_sqldf"] = result
            display(result)

    def _change_widget(self, statement: str) -> bool:
        """Do what a `CREATE WIDGET` or `REMOVE WIDGET` statement says; False for any other."""
        change = widget_statement(statement)
        if change is None:
            return False
        if change.kind is None:
            self._widgets.remove(change.name)
        else:
            choices = (
                [str(row[0]) for row in self._open_session().sql(change.choices).collect()] if change.choices else None
            )
            self._widgets.declare(change.kind, change.name, change.default, choices)
        return True

    def _execute_run(self, notebook: Notebook, cell: Cell) -> None:
        path, passed = self._parse_run(notebook, cell)
        file = self._context.find(path, notebook.path.parent, where=self._place(notebook, cell))
        if any(file == outer.path for outer, _, _ in self._at):
            raise UserError(f"%run {path} runs a notebook that is running already", where=self._place(notebook, cell))
        with self._widgets.inside(passed):
            self._execute(self._load(file))

    def _parse_run(self, notebook: Notebook, cell: Cell) -> tuple[str, dict[str, str]]:
        try:
            path, *rest = shlex.split(cell.text)
        except ValueError as error:
            raise UserError(f"%run {cell.text} is not readable: {error}", where=self._place(notebook, cell)) from None
        passed = {}
        for word in rest:
            name, separator, value = word.partition("=")
            if not name.startswith("$") or not separator:
                raise UserError(
                    f"'{word}' of %run {path} is not a widget value",
                    where=self._place(notebook, cell),
                    remedy='Write %run path $name="value".',
                )
            passed[name[1:]] = value
        return path, passed

    # -- what cells stand on

    def _load(self, file: Path) -> Notebook:
        if file not in self._loaded:
            self._loaded[file] = read_notebook(file, name=self._context.name_of(file))
        return self._loaded[file]

    def _needs_session(self, notebook: Notebook, seen: set[Path]) -> bool:
        """Whether this notebook or one that it brings in needs a session. Reads them all, so that what is not
        supported in any of them is refused before anything ran."""
        seen.add(notebook.path)
        needed = False
        for cell in notebook.cells:
            if cell.language is Language.SQL:
                needed = True
            elif cell.language is Language.PYTHON and not needed:
                needed = code_needs_session(cell.text, [self._folder, self._context.root])
            elif cell.language is Language.RUN:
                path, _ = self._parse_run(notebook, cell)
                file = self._context.find(path, notebook.path.parent, where=self._place(notebook, cell))
                if file not in seen and self._needs_session(self._load(file), seen):
                    needed = True
        return needed

    def _open_session(self) -> Any:
        if self._session is None:
            self._session = self._context.open_session()
        return self._session

    def _reset(self) -> None:
        self._flags = 0
        self._namespace.clear()
        self._namespace.update(
            __name__="__main__",
            __builtins__=__builtins__,
            dbutils=self._dbutils,
            display=display,
            displayHTML=display_html,
            getArgument=self._dbutils.widgets.getArgument,
            sc=_Refused("sc", "Spark Connect has no SparkContext, as serverless compute has none; use spark."),
            sqlContext=_Refused("sqlContext", "Use spark, which has all that sqlContext had."),
        )
        if self._session is not None:
            from pyspark.sql.functions import udf

            self._namespace.update(spark=self._session, table=self._session.table, sql=self._session.sql, udf=udf)

    def _run_child(self, path: str, timeout_seconds: float, arguments: Mapping[str, str]) -> str | None:
        """`dbutils.notebook.run`. In a thread of its own, so that its session does not become this one's."""
        context = replace(self._context, task_values=None)
        file = context.find(path, self._folder)
        try:
            result = call_in_thread(
                lambda: run_notebook(file, arguments, context),
                clock=context.clock,
                timeout_seconds=timeout_seconds,
                name=f"notebook {file.stem}",
            )
        except TimedOut:
            raise NotebookFailed(f"Notebook '{path}' did not end within {timeout_seconds} seconds") from None
        if result.error is not None:
            raise NotebookFailed(f"Notebook '{path}' failed: {result.error}")
        return result.exit_value

    # -- errors

    def _place(self, notebook: Notebook, cell: Cell) -> Place:
        return Place(self._context.name_of(notebook.path), f"cell {cell.index}, line {cell.first_line}")

    def _describe(self, error: BaseException, name: str) -> NotebookError:
        """The user's exception with the innermost place of a notebook that it came through."""
        redact = self._context.redactor
        file, cell, line = name, 0, 0
        if self._at:
            notebook, at_cell, line = self._at[-1]
            file, cell = self._context.name_of(notebook.path), at_cell.index
            line = line if notebook.has_own_lines else 0
        own = {str(path): notebook for path, notebook in self._loaded.items()}
        frames = [(f, number) for f, number in traceback.walk_tb(error.__traceback__) if f.f_code.co_filename in own]
        position = (frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else None
        if isinstance(error, SyntaxError) and error.filename in own and error.lineno:
            position = (error.filename, error.lineno)
        if position is not None:
            notebook, line = own[position[0]], position[1]
            found = notebook.cell_at(line)
            file, cell = self._context.name_of(notebook.path), found.index if found else cell
        shown = traceback.format_exception(type(error), error, _from_notebook(error.__traceback__, set(own)))
        return NotebookError(type(error).__name__, redact(str(error)), file, cell, line, redact("".join(shown)))


def _from_notebook(trace: TracebackType | None, files: set[str]) -> TracebackType | None:
    """The trace without the frames of this runner that come before the notebook's."""
    at = trace
    while at is not None:
        if at.tb_frame.f_code.co_filename in files:
            return at
        at = at.tb_next
    return trace
