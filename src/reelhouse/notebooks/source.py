"""A notebook as data: the cells of a file in Databricks' source format or of an `.ipynb` file.

https://docs.databricks.com/aws/en/notebooks/notebook-format
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reelhouse.errors import Place, Unsupported, UserError, did_you_mean


class Language(StrEnum):
    """What a cell is written in. RUN and PIP hold what follows the magic, one command a line."""

    PYTHON = "python"
    SQL = "sql"
    MARKDOWN = "md"
    RUN = "run"
    PIP = "pip"
    SKIP = "skip"


MAGICS: Mapping[str, Language] = {
    "python": Language.PYTHON,
    "sql": Language.SQL,
    "md": Language.MARKDOWN,
    "md-sandbox": Language.MARKDOWN,
    "run": Language.RUN,
    "pip": Language.PIP,
    "skip": Language.SKIP,
}
_COMMENT = {".py": "#", ".sql": "--"}
_DEFAULT = {".py": Language.PYTHON, ".sql": Language.SQL}
_OTHER_LANGUAGES = {".scala": "Scala", ".r": "R"}
_EXTENSIONS = (".py", ".sql", ".ipynb")
_MAGIC = re.compile(r"%(?P<name>[A-Za-z][A-Za-z-]*)(?P<rest>[^\n]*)")


@dataclass(frozen=True)
class Cell:
    """One cell. `index` counts from 1, as the notebook's page does.

    `first_line` is the file's line that the first line of `text` stands on (1 in every cell of an `.ipynb` file).
    """

    language: Language
    text: str
    title: str
    index: int
    first_line: int

    @property
    def last_line(self) -> int:
        return self.first_line + self.text.count("\n")


@dataclass(frozen=True)
class Notebook:
    """A notebook. `path` is its file, `language` the one of cells without a magic."""

    path: Path
    language: Language
    cells: tuple[Cell, ...]

    @property
    def has_own_lines(self) -> bool:
        """Whether lines of cells are lines of the file, so that a traceback can name them."""
        return self.path.suffix.lower() != ".ipynb"

    def cell_at(self, line: int) -> Cell | None:
        """The cell that holds a line of the file."""
        return next((c for c in reversed(self.cells) if c.first_line <= line), None) if self.has_own_lines else None


def find_notebook(path: str | Path, *, where: Place | None = None) -> Path:
    """The file of a notebook that is named with or without its extension.

    Raises `UserError` when there is none, `Unsupported` for a notebook in Scala or R.
    """
    given = Path(os.path.abspath(path))
    if given.suffix.lower() in _OTHER_LANGUAGES and given.is_file():
        raise Unsupported(
            f"'{given.name}' is a notebook in {_OTHER_LANGUAGES[given.suffix.lower()]}",
            where=where,
            remedy="Supported: Python and SQL.",
        )
    if given.is_file():
        return given
    for extension in _EXTENSIONS:
        candidate = given.with_name(given.name + extension)
        if candidate.is_file():
            return candidate
    for extension in _OTHER_LANGUAGES:
        if given.with_name(given.name + extension).is_file():
            return find_notebook(given.with_name(given.name + extension), where=where)
    near = [p.stem for p in given.parent.iterdir() if p.suffix in _EXTENSIONS] if given.parent.is_dir() else []
    remedy = did_you_mean(given.stem, near) if given.parent.is_dir() else f"The folder '{given.parent}' does not exist."
    raise UserError(f"Notebook '{path}' does not exist", where=where, remedy=remedy)


def read_notebook(path: Path, *, name: str | None = None) -> Notebook:
    """The notebook in a file; `name` is what errors call the file."""
    return parse(path.read_text(encoding="utf-8-sig"), path, name=name or str(path))


def parse(text: str, path: Path, *, name: str | None = None) -> Notebook:
    """The notebook that `text`, the content of `path`, is.

    Raises `UserError` when it is not in source format, `Unsupported` for magics that are not in `MAGICS`.
    """
    name = name or str(path)
    extension = path.suffix.lower()
    if extension == ".ipynb":
        return _parse_ipynb(text, path, name)
    if extension not in _COMMENT:
        raise Unsupported(
            f"'{name}' is not a notebook by its extension",
            remedy=f"Supported: {', '.join(_EXTENSIONS)}.",
        )
    mark, default = _COMMENT[extension], _DEFAULT[extension]
    lines = text.replace("\r\n", "\n").split("\n")
    header = f"{mark} Databricks notebook source"
    if lines[0].rstrip() != header:
        raise UserError(
            f"'{name}' is not a notebook",
            where=Place(name, "line 1"),
            remedy=f"The first line of a notebook in source format is '{header}'.",
        )
    cells = [
        cell
        for index, (first, chunk) in enumerate(_chunks(lines, mark), 1)
        if (cell := _cell(chunk, first, index, mark, default, name)) is not None
    ]
    return Notebook(path, default, tuple(cells))


def _chunks(lines: list[str], mark: str) -> Iterator[tuple[int, list[str]]]:
    """Each cell's lines with the number of the first one. The header is line 1."""
    separator, start = f"{mark} COMMAND ----------", 1
    for number in range(1, len(lines) + 1):
        if number == len(lines) or lines[number].rstrip() == separator:
            yield start + 1, lines[start:number]
            start = number + 1


def _cell(chunk: list[str], first: int, index: int, mark: str, default: Language, name: str) -> Cell | None:
    title, body = "", list(chunk)
    for offset, line in enumerate(body):
        match = re.match(rf"{mark} DBTITLE \d+,(.*)", line)
        if match:
            title, body[offset] = match[1].strip(), ""
            break
        if line.strip():
            break
    while body and not body[0].strip():
        body, first = body[1:], first + 1
    while body and not body[-1].strip():
        body = body[:-1]
    if not body:
        return None
    magic = f"{mark} MAGIC"
    if not body[0].startswith(magic):
        stray = next((n for n, line in enumerate(body) if re.match(rf"{magic} %\w", line)), None)
        if stray is not None:
            raise UserError(
                f"Cell {index} of '{name}' has '{body[stray][len(magic) :].strip()}' below other code",
                where=Place(name, f"line {first + stray}"),
                remedy="A magic is the first line of its own cell.",
            )
        return Cell(default, "\n".join(body), title, index, first)
    plain = next((n for n, line in enumerate(body) if line.strip() and not line.startswith(magic)), None)
    if plain is not None:
        raise UserError(
            f"Cell {index} of '{name}' begins with a magic and goes on with a line that is not marked '{magic}'",
            where=Place(name, f"line {first + plain}"),
            remedy=f"Mark every line of the cell, or put a '{mark} COMMAND ----------' between.",
        )
    text = "\n".join(line[len(magic) :].removeprefix(" ") for line in body)
    return _magic_cell(text, title, index, first, default, name)


def _magic_cell(text: str, title: str, index: int, first: int, default: Language, name: str) -> Cell:
    """A cell whose text may begin with a magic."""
    match = _MAGIC.match(text)
    place = Place(name, f"cell {index}, line {first}")
    if match is None:
        return Cell(default, text, title, index, first)
    language = MAGICS.get(match["name"])
    if language is None:
        raise Unsupported(
            f"Cell {index} of '{name}' uses the magic %{match['name']}",
            where=place,
            remedy=f"Supported: {', '.join('%' + m for m in MAGICS)}.",
        )
    rest = match["rest"].strip()
    below = text[match.end() :].removeprefix("\n")
    if language is Language.RUN:
        if below.strip() or not rest:
            raise UserError(f"%run has to stand alone in its cell, with a path (cell {index})", where=place)
        return Cell(language, rest, title, index, first)
    if language is Language.PIP:
        return Cell(language, _pip_commands(text, index, place), title, index, first)
    if rest:
        return Cell(language, f"{match['rest'].strip()}\n{below}".rstrip("\n"), title, index, first)
    return Cell(language, below, title, index, first + 1)


def _pip_commands(text: str, index: int, place: Place) -> str:
    commands = []
    for line in text.split("\n"):
        if not line.strip() or line.strip().startswith("#"):
            continue
        if not line.startswith("%pip"):
            raise UserError(f"A %pip cell holds %pip lines alone; '{line}' is not one (cell {index})", where=place)
        commands.append(line[len("%pip") :].strip())
    return "\n".join(commands)


def _parse_ipynb(text: str, path: Path, name: str) -> Notebook:
    try:
        content = json.loads(text)
        raw_cells = content["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"'{name}' is not an .ipynb notebook: {error}") from error
    metadata = content.get("metadata", {})
    declared = metadata.get("application/vnd.databricks.v1+notebook", {}).get("language") or metadata.get(
        "language_info", {}
    ).get("name", "python")
    if declared not in ("python", "sql"):
        raise Unsupported(f"'{name}' is a notebook in {declared}", remedy="Supported: Python and SQL.")
    default = Language(declared)
    cells = []
    for index, raw in enumerate(raw_cells, 1):
        source = raw.get("source", "")
        body = source if isinstance(source, str) else "".join(source)
        if raw.get("cell_type") != "code":
            cells.append(Cell(Language.MARKDOWN, body, "", index, 1))
        elif body.strip():
            cells.append(_magic_cell(body.strip("\n"), "", index, 1, default, name))
    return Notebook(path, default, tuple(cells))
