"""Collects what is wrong with a definition, so that one look at a pipeline tells all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from reelhouse.errors import ReelhouseError, Unsupported, UserError
from reelhouse.pipelines.settings import TableMissing


class Faults:
    """The errors of one step of planning, in the order they were found."""

    def __init__(self) -> None:
        self._found: list[ReelhouseError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep an error of what runs in here, and go on after it."""
        try:
            yield
        except UserError as error:
            self.note(error)

    def __len__(self) -> int:
        return len(self._found)

    def only_missing(self) -> bool:
        """Whether nothing is wrong but tables that something else has still to make."""
        return all(isinstance(error, TableMissing) for error in self._found)

    def note(self, error: ReelhouseError) -> None:
        """Keep an error."""
        self._found.append(error)

    def tell(self) -> None:
        """Raise what was found, if anything was."""
        if self._found:
            raise together(self._found)


def together(errors: Sequence[ReelhouseError]) -> ReelhouseError:
    """One error that lists all; of a single one, that one. Each text is listed once.

    It is a `TableMissing` when nothing is wrong but tables that something else has still to make.
    """
    by_text = {str(error): error for error in errors}
    if len(by_text) == 1:
        return errors[0]
    what = f"{len(by_text)} errors:" + "".join(f"\n  {number}. {text}" for number, text in enumerate(by_text, 1))
    first = errors[0]
    if all(isinstance(error, TableMissing) for error in errors):
        assert isinstance(first, TableMissing)
        return TableMissing(first.table, what)
    return (Unsupported if all(isinstance(error, Unsupported) for error in errors) else UserError)(what)
