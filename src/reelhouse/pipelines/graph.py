"""Which dataset waits for which, and in what order the flows run. Pure: names in, names out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reelhouse.errors import Place, UserError, did_you_mean
from reelhouse.pipelines.faults import Faults
from reelhouse.plans.plan import split_name


@dataclass(frozen=True)
class Namespace:
    """The catalog and schema that short names of a pipeline are completed with."""

    catalog: str
    schema: str

    def qualify(self, name: str) -> str:
        """The full name of a table, without backticks: `catalog.schema.table`.

        >>> Namespace("netflix", "silver").qualify("LIVE.titles")
        'netflix.silver.titles'
        """
        parts = split_name(name)
        if len(parts) == 2 and parts[0].upper() == "LIVE":
            parts = parts[1:]
        defaults = [self.catalog, self.schema]
        return ".".join([*defaults[: max(0, 3 - len(parts))], *parts])

    def keys(self, name: str) -> tuple[str, str]:
        """What a name may be the key of: a view (its bare name), and a table (its full name)."""
        parts = split_name(name)
        if len(parts) == 2 and parts[0].upper() == "LIVE":
            parts = parts[1:]
        return (parts[0].lower() if len(parts) == 1 else "", self.qualify(name).lower())


@dataclass(frozen=True)
class Node:
    """A dataset of the graph. `inputs` are the keys of datasets of the pipeline that it reads."""

    key: str
    name: str
    place: Place
    inputs: tuple[str, ...] = ()


def unique(nodes: Iterable[tuple[str, str, Place]], what: str) -> None:
    """Refuse two of one key; each is (key, name, place)."""
    seen: dict[str, Place] = {}
    for key, name, place in nodes:
        if key in seen:
            raise UserError(
                f"{what} '{name}' is defined twice", where=place, remedy=f"The first definition: {seen[key]}."
            )
        seen[key] = place


def order(nodes: Sequence[Node]) -> list[Node]:
    """The nodes so that each follows its inputs, otherwise in the order given.

    Raises `UserError` naming the datasets of each cycle.
    """
    by_key = {node.key: node for node in nodes}
    faults = Faults()
    done: dict[str, None] = {}
    path: list[str] = []

    def visit(node: Node) -> None:
        if node.key in done:
            return
        if node.key in path:
            cycle = [by_key[k].name for k in [*path[path.index(node.key) :], node.key]]
            what = f"The datasets read each other in a circle: {' → '.join(cycle)}"
            faults.note(UserError(what, where=node.place))
            return
        path.append(node.key)
        for key in node.inputs:
            if key in by_key:
                visit(by_key[key])
        path.pop()
        done[node.key] = None

    for node in nodes:
        visit(node)
    faults.tell()
    return [by_key[key] for key in done]


def below(nodes: Sequence[Node], failed: Iterable[str]) -> set[str]:
    """The keys of all datasets that read one of `failed`, directly or through others."""
    found = set(failed)
    start = set(found)
    grew = True
    while grew:
        more = {n.key for n in nodes if n.key not in found and found.intersection(n.inputs)}
        grew = bool(more)
        found |= more
    return found - start


@dataclass(frozen=True)
class Selection:
    """Which tables an update works on. `full` are emptied first; None of both means all, incrementally."""

    refresh: frozenset[str] | None = None
    full: frozenset[str] = field(default_factory=frozenset)

    def works_on(self, key: str) -> bool:
        return self.refresh is None or key in self.refresh or key in self.full


def select(
    namespace: Namespace,
    tables: Mapping[str, str],
    refresh: Sequence[str],
    full: Sequence[str],
    full_all: bool,
) -> Selection:
    """The selection that names of tables mean; `tables` gives the name of every key.

    Raises `UserError` for a name that is no table of the pipeline.
    """
    if full_all:
        return Selection(None, frozenset(tables))
    chosen = frozenset(_key(namespace, tables, name) for name in refresh)
    emptied = frozenset(_key(namespace, tables, name) for name in full)
    return Selection(chosen if chosen or emptied else None, emptied)


def _key(namespace: Namespace, tables: Mapping[str, str], name: str) -> str:
    for key in reversed(namespace.keys(name)):
        if key in tables:
            return key
    short = {split_name(full)[-1]: full for full in tables.values()}
    raise UserError(f"The pipeline has no table '{name}'", remedy=did_you_mean(name, [*tables.values(), *short]))
