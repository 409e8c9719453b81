"""Where each activity stands in a picture: columns by dependency, containers around what they hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reelhouse.adf.definition import Activity, Condition
from reelhouse.adf.explain import waves

TEXT_WIDTH = 7.2
"""Pixels that a letter takes on average."""
LEAST_WIDTH, HEIGHT = 150.0, 52.0
COLUMN_GAP, ROW_GAP = 56.0, 22.0
ARROW_ROOM = 16.0
PADDING, HEADER, LABEL = 16.0, 40.0, 22.0
_LABELS = {"true": "If true", "false": "If false", "body": "", "default": "Default"}


@dataclass(frozen=True)
class Branch:
    """One scope inside a container. `y` is where its label stands, below the container's top."""

    label: str
    y: float
    picture: Picture


@dataclass(frozen=True)
class Box:
    """An activity at its place within its scope. Leaves have no branches."""

    activity: Activity
    x: float
    y: float
    width: float
    height: float
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True)
class Arrow:
    """A dependency from one activity of a scope to another."""

    source: str
    target: str
    conditions: tuple[Condition, ...]
    below: float | None = None
    """How low it has to go to pass under what stands between the two."""


@dataclass(frozen=True)
class Picture:
    """A scope: its boxes by name, the arrows between them, and how large all of it is, in pixels."""

    width: float
    height: float
    boxes: Mapping[str, Box] = field(default_factory=dict)
    arrows: tuple[Arrow, ...] = ()


def layout(activities: Sequence[Activity], notes: Mapping[str, str] | None = None) -> Picture:
    """The picture of a scope. `notes` are lines of text under names, which make their boxes wider."""
    by_name = {activity.name: activity for activity in activities}
    columns = [list(wave) for wave in waves(activities)]
    left = [name for name in by_name if not any(name in column for column in columns)]
    if left:
        columns.append(left)  # a circle, which no run could enter; drawn all the same
    boxes: dict[str, Box] = {}
    x = 0.0
    for column in columns:
        ordered = sorted(column, key=lambda name: _middle_of_sources(by_name[name], boxes))
        sized = [_box(by_name[name], notes or {}) for name in ordered]
        width = max(box.width for box in sized)  # all of a column: an arrow never leaves behind a wider box
        y = 0.0
        for box in sized:
            boxes[box.activity.name] = Box(box.activity, x, y, width, box.height, box.branches)
            y += box.height + ROW_GAP
        x += width + COLUMN_GAP
    arrows = _arrows(activities, boxes)
    height = max((box.y + box.height for box in boxes.values()), default=0.0)
    height = max([height, *(arrow.below + ARROW_ROOM for arrow in arrows if arrow.below is not None)])
    return Picture(max(x - COLUMN_GAP, 0.0), height, boxes, arrows)


def _arrows(activities: Sequence[Activity], boxes: Mapping[str, Box]) -> tuple[Arrow, ...]:
    found: list[Arrow] = []
    lanes = 0
    for activity in activities:
        for dependency in activity.depends_on:
            if dependency.activity not in boxes:
                continue
            source, target = boxes[dependency.activity], boxes[activity.name]
            between = [box for box in boxes.values() if source.x + source.width < box.x < target.x]
            below = None
            if between:
                below = max(box.y + box.height for box in between) + ARROW_ROOM * (1 + lanes)
                lanes += 1
            found.append(Arrow(dependency.activity, activity.name, tuple(sorted(dependency.conditions)), below))
    return tuple(found)


def _middle_of_sources(activity: Activity, boxes: Mapping[str, Box]) -> float:
    """How high the activities stand that one depends on, so that arrows cross little."""
    found = [boxes[d.activity] for d in activity.depends_on if d.activity in boxes]
    return sum(box.y + box.height / 2 for box in found) / len(found) if found else 0.0


def _box(activity: Activity, notes: Mapping[str, str]) -> Box:
    longest = max(len(activity.name), len(activity.type) + 4, len(notes.get(activity.name, "")) + 2)
    width = max(LEAST_WIDTH, longest * TEXT_WIDTH + 62)
    branches: list[Branch] = []
    y = HEADER + PADDING / 2
    if activity.name in notes:
        y += LABEL - 4
    for key, inner in activity.branches.items():
        if not inner:
            continue
        label = _LABELS.get(key, key.replace("case:", "Case ", 1))
        picture = layout(inner, notes)
        branches.append(Branch(label, y, picture))
        y += (LABEL if label else 0) + picture.height + PADDING
        width = max(width, picture.width + 2 * PADDING)
    if not branches:
        return Box(activity, 0, 0, width, HEIGHT + (LABEL - 6 if activity.name in notes else 0))
    return Box(activity, 0, 0, width, y, tuple(branches))
