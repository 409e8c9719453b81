"""The command line: a thin caller of `Project`."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from reelhouse.cli import adf, again, connect, looking, running, up
from reelhouse.cli.command import FAULT_OF_OURS, INTERRUPTED, WRONG_CALL
from reelhouse.errors import ReelhouseError

app = typer.Typer(
    help="Run Azure Data Factory pipelines, Databricks jobs, notebooks and declarative pipelines on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(running.job_app, name="job")
app.add_typer(running.pipeline_app, name="pipeline")
app.add_typer(running.notebook_app, name="notebook")
app.add_typer(adf.adf_app, name="adf")
for command in (
    running.run,
    again.rerun,
    again.cancel,
    up.up,
    connect.connect,
    looking.sql,
    looking.tables,
    looking.history,
    looking.show,
    looking.lineage,
    looking.validate,
    looking.runs,
):
    app.command()(command)


def main() -> None:
    """Entry point of the command.

    The project is closed by now, so the process ends at once: taking the interpreter apart, with all that PySpark and
    pandas have loaded, takes a quarter of a second.
    """
    code = call()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def call() -> int:
    """Run the command line; its exit code. Errors of the user are one message and code 2, Ctrl-C is 130."""
    from reelhouse.report.failure import as_text

    try:
        code = app(standalone_mode=False)
    except ReelhouseError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_CALL
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        usage = as_text(error)
        if usage is None:
            traceback.print_exc()
            return FAULT_OF_OURS
        print(usage, file=sys.stderr)
        return WRONG_CALL
    return code if isinstance(code, int) else 0
