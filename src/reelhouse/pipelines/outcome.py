"""What came of a flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from reelhouse.delta.write import Commit
from reelhouse.pipelines.expectations import Counts


@dataclass
class Outcome:
    """What a flow did. `counts` are by the dataset whose expectations they are."""

    commits: list[Commit] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    up_to_date: bool = False

    def add(self, commit: Commit | None) -> None:
        if commit is not None:
            self.commits.append(commit)

    def count(self, key: str, counts: Counts) -> None:
        self.counts[key] = self.counts.get(key, Counts()) + counts

    def count_of(self, key: str, commit: Commit) -> None:
        self.count(key, Counts.of(commit))
