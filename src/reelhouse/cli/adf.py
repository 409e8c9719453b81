"""`reelhouse adf`: tools for factories, with no project needed around them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reelhouse.cli.command import FAILED, WRONG_CALL, opened_project, print_json
from reelhouse.cli.options import JsonOption, ProjectOption, StateOption
from reelhouse.errors import UserError

adf_app = typer.Typer(help="Tools for Data Factory: expressions, templates, checks, pictures.", no_args_is_help=True)
Given = Annotated[list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=JSON", help="A parameter.")]


@adf_app.command("eval")
def evaluate(
    expression: Annotated[str, typer.Argument(help="An expression such as \"@concat('a', 'b')\".")],
    parameter: Given = None,
    variable: Annotated[list[str] | None, typer.Option("--variable", metavar="NAME=JSON", help="A variable.")] = None,
    activity: Annotated[
        list[str] | None,
        typer.Option("--activity", metavar="NAME=JSON", help="What an activity gave: its output, as JSON or @file."),
    ] = None,
    global_parameter: Annotated[
        list[str] | None, typer.Option("--global", metavar="NAME=JSON", help="A global parameter.")
    ] = None,
    item: Annotated[str | None, typer.Option(metavar="JSON", help="What item() is.")] = None,
    trigger: Annotated[str | None, typer.Option(metavar="JSON", help="What trigger() is.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="A pipeline of --factory, for its defaults.")] = None,
    factory: Annotated[Path | None, typer.Option(help="The folder of a factory, or its template.")] = None,
    now: Annotated[str | None, typer.Option(help="The time that utcNow() gives, such as 2026-01-31T12:00:00Z.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate an expression and print its value and type. Values are JSON where they can be read so, else text."""
    from reelhouse.adf.errors import ExpressionError
    from reelhouse.adf.expression.evaluate import evaluate as value_of
    from reelhouse.adf.expression.scope import NOTHING
    from reelhouse.adf.expression.values import type_name
    from reelhouse.adf.factory import Factory, load_factory
    from reelhouse.clock import SystemClock
    from reelhouse.testing.frozen import FrozenClock, moment
    from reelhouse.testing.scopes import make_scope

    scope = make_scope(
        load_factory(factory) if factory is not None else Factory(Path("factory"), name="factory"),
        pipeline=pipeline,
        parameters=_values(parameter),
        variables=_values(variable),
        activities={name: {"output": value} for name, value in _values(activity).items()},
        global_parameters=_values(global_parameter),
        item=NOTHING if item is None else _value(item),
        trigger=None if trigger is None else _value(trigger),
        clock=SystemClock() if now is None else FrozenClock(moment(now)),
    )
    try:
        value = value_of(expression, scope)
    except ExpressionError as error:
        print(_pointed(error), file=sys.stderr)
        raise typer.Exit(WRONG_CALL) from None
    if as_json:
        print_json({"value": value, "type": type_name(value)})
        return
    shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    print(shown)
    if sys.stdout.isatty():
        print(f"({type_name(value)})", file=sys.stderr)


def _values(words: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words or []:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UserError(f"'{word}' is not name=value")
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    """JSON when it is JSON (a file's after @), or the text itself."""
    if text.startswith("@"):
        try:
            return json.loads(Path(text[1:]).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"The file '{text[1:]}' cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"The file '{text[1:]}' is not JSON: {error}") from error
    try:
        return json.loads(text)
    except ValueError:
        return text


def _pointed(error: Any) -> str:
    """The error under the line of the expression that it is in, with a mark below the place."""
    before = error.expression[: error.position]
    line = error.expression.splitlines()[before.count("\n")] if error.expression else ""
    column = len(before) - (before.rfind("\n") + 1)
    remedy = f"\n{error.remedy}" if error.remedy else ""
    return f"{line}\n{' ' * column}^\nerror: {error.reason}{remedy}"


@adf_app.command("validate")
def validate(
    factory: Annotated[Path, typer.Argument(help="The folder of a factory, or its ARM template.")],
    as_json: JsonOption = False,
) -> None:
    """Check a factory: references, unknown properties, expressions and their names, limits. Nothing runs."""
    from reelhouse.adf.factory import load_factory
    from reelhouse.adf.validate import validate as findings_of

    findings = findings_of(load_factory(factory))
    if as_json:
        print_json(
            [
                {"severity": f.severity.value, "file": f.place.file, "path": f.place.path, "message": f.message}
                for f in findings
            ]
        )
    else:
        for finding in findings:
            print(f"{finding.severity.value}: {finding}")
    errors = sum(finding.severity.value == "error" for finding in findings)
    if not as_json:
        print(f"{errors} errors, {len(findings) - errors} warnings.")
    if errors:
        raise typer.Exit(FAILED)


@adf_app.command("import")
def import_template(
    template: Annotated[Path, typer.Argument(help="ARMTemplateForFactory.json, or its folder.")],
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    parameters: Annotated[Path | None, typer.Option(help="The parameter file, when it is not beside.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Turn an exported ARM template into the folder that Data Factory keeps in Git."""
    from reelhouse.adf.arm.importing import import_template as do_import

    done = do_import(template, folder, parameters=parameters, force=force)
    for name, place in done.missing.items():
        print(f"warning: the parameter '{name}' has no value ({place})", file=sys.stderr)
    print(f"{len(done.files)} files in {folder}.")
    print(f"Try next: reelhouse adf validate {folder}")


@adf_app.command("draw")
def draw(
    pipeline: Annotated[str | None, typer.Argument(help="A pipeline; not needed with --run.")] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Draw what this run of it did.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The SVG file.")] = None,
    factory: Annotated[Path | None, typer.Option(help="Another factory than the project's.")] = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
) -> None:
    """Draw a pipeline as SVG: dependencies by condition, containers around what they hold; of a run with its states."""
    from reelhouse.adf.draw.states import states_of
    from reelhouse.adf.draw.svg import draw as as_svg
    from reelhouse.adf.factory import load_factory

    if (pipeline is None) == (run is None):
        raise UserError("Name a pipeline, or a run of one with --run")
    if factory is not None and pipeline is not None:
        picture = as_svg(load_factory(factory).pipeline(pipeline))
    else:
        with opened_project(project, state, None, "sail", None, None) as opened:
            known = opened.factory if factory is None else load_factory(factory)
            if run is None:
                picture = as_svg(known.pipeline(str(pipeline)))
            else:
                tree = opened.runs.tree(run)
                title = f"{tree[0].name} · {tree[0].status.value} · {tree[0].started_at:%Y-%m-%d %H:%M}"
                picture = as_svg(known.pipeline(tree[0].name), states_of(tree), title)
    if output is None:
        print(picture, end="")
        return
    output.write_text(picture, encoding="utf-8")
    print(f"Drawn to {output}.")
