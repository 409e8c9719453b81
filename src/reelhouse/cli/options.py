"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[Path, typer.Option("--project", "-C", help="The project's folder.", show_default="here")]
StateOption = Annotated[Path | None, typer.Option("--state", help="Where local state goes instead of .reelhouse/.")]
TargetOption = Annotated[
    str | None, typer.Option("--target", "-t", help="The bundle's target.", show_default="its default one")
]
EngineOption = Annotated[str, typer.Option("--engine", help="sail (embedded), or sc://host:port of a Spark server.")]
MirrorOption = Annotated[
    list[str] | None,
    typer.Option("--mirror", help="Answer HTTP sources from a folder: URL_PREFIX=FOLDER, or FOLDER for all of them."),
]
VariableOption = Annotated[list[str] | None, typer.Option("--var", help="A variable of the bundle, name=value.")]
ParameterOption = Annotated[list[str] | None, typer.Option("-p", "--parameter", help="A parameter, name=value.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on standard output instead of text.")]
