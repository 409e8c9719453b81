"""Whether several change flows may feed one table: they have to say the same of its columns. Pure.

What each does with its own feed (sequence, deletions, truncations, filters) may differ: a change that is kept carries
it. What the table is made of all changes by (keys, columns, tracked columns, treatment of NULLs) is one for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelhouse.errors import UserError
from reelhouse.pipelines.cdc import SEQUENCE, Columns
from reelhouse.pipelines.ddl import same_type, type_text
from reelhouse.pipelines.definitions import ChangeFlow


@dataclass(frozen=True)
class Feed:
    """A change flow with the columns and types of its source; `types` may have that of the sequence as well."""

    flow: ChangeFlow
    columns: Columns
    types: Mapping[str, Any]

    def type_of(self, name: str) -> Any:
        """The type of a column in any case of letters, None when it is not known."""
        return next((type for known, type in self.types.items() if known.lower() == name.lower()), None)


def refuse_disagreement(target: str, feeds: Sequence[Feed]) -> None:
    """Raise `UserError` naming two flows into `target` and all in which they differ."""
    for other in feeds[1:]:
        faults = list(_differences(feeds[0], other))
        if faults:
            raise UserError(
                f"Flows '{feeds[0].flow.name}' and '{other.flow.name}' feed '{target}' and differ in "
                f"{'; '.join(faults)}",
                where=other.flow.place,
                remedy="Change flows into one table need the same keys, columns, tracked columns and treatment of "
                "NULLs: let them read views that give the same columns.",
            )


def _differences(one: Feed, other: Feed) -> Iterator[str]:
    pairs = (
        ("keys", one.columns.keys, other.columns.keys),
        ("columns", one.columns.all, other.columns.all),
        ("columns whose history is tracked", one.columns.tracked, other.columns.tracked),
        ("columns in which NULL keeps the former value", one.columns.ignore_null, other.columns.ignore_null),
    )
    for what, left, right in pairs:
        if _lowered(left) != _lowered(right):
            yield f"{what} ({_listed(left)} and {_listed(right)})"
    for name in (*one.columns.all, SEQUENCE):
        left_type, right_type = one.type_of(name), other.type_of(name)
        if left_type is not None and right_type is not None and not same_type(left_type, right_type):
            shown = "the sequence" if name == SEQUENCE else f"'{name}'"
            yield f"the type of {shown} ({type_text(left_type)} and {type_text(right_type)})"


def _lowered(names: Sequence[str]) -> set[str]:
    return {name.lower() for name in names}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
