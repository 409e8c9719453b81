"""The picture as SVG, for light and dark pages alike, with no file besides it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from reelhouse.adf.definition import Condition, Pipeline
from reelhouse.adf.draw.layout import HEADER, LABEL, PADDING, Arrow, Box, Picture, layout
from reelhouse.adf.draw.states import State
from reelhouse.runs.record import RunStatus

_MARGIN, _TITLE = 28.0, 46.0
_CONDITIONS = {
    Condition.SUCCEEDED: ("succeeded", "on success"),
    Condition.FAILED: ("failed", "on failure"),
    Condition.COMPLETED: ("completed", "on completion"),
    Condition.SKIPPED: ("skipped", "on skip"),
}
_GROUPS = {
    "Copy": "move", "Delete": "move", "Lookup": "move", "GetMetadata": "move", "Validation": "move", "Script": "move",
    "SqlServerStoredProcedure": "move", "ExecuteDataFlow": "compute", "DatabricksNotebook": "compute",
    "DatabricksJob": "compute", "DatabricksSparkPython": "compute", "DatabricksSparkJar": "compute",
    "AzureFunctionActivity": "compute", "WebActivity": "call", "WebHook": "call", "ExecutePipeline": "call",
    "Fail": "fail",
}  # fmt: skip
_STYLE = """
.page{fill:#fff}.card{fill:#fff;stroke:#d0d7de}.inside{fill:#f6f8fa;stroke:#d8dee4}
.name{fill:#1f2328;font-weight:600}.type,.label{fill:#656d76}.label{font-style:italic}
.control{fill:#6e7781}.move{fill:#0969da}.compute{fill:#bc4c00}.call{fill:#8250df}.fail{fill:#cf222e}
.arrow{fill:none;stroke-width:1.8}
.succeeded{stroke:#1a7f37}.failed{stroke:#cf222e}.completed{stroke:#0969da}.skipped{stroke:#8c959f;stroke-dasharray:5 4}
.tip-succeeded{fill:#1a7f37}.tip-failed{fill:#cf222e}.tip-completed{fill:#0969da}.tip-skipped{fill:#8c959f}
.is-Succeeded{fill:#1a7f37}.is-Failed{fill:#cf222e}.is-Cancelled{fill:#9a6700}.is-InProgress{fill:#0969da}
.is-Skipped,.is-Inactive,.is-none{fill:#8c959f}.quiet{opacity:.45}
@media(prefers-color-scheme:dark){.page{fill:#0d1117}.card{fill:#161b22;stroke:#3d444d}.inside{fill:#0d1117;stroke:#30363d}
.name{fill:#e6edf3}.type,.label{fill:#9198a1}
.succeeded{stroke:#3fb950}.failed{stroke:#f85149}.completed{stroke:#4493f8}
.tip-succeeded,.is-Succeeded{fill:#3fb950}.tip-failed,.is-Failed{fill:#f85149}.tip-completed,.is-InProgress{fill:#4493f8}}
"""


def draw(pipeline: Pipeline, states: Mapping[str, State] | None = None, title: str = "") -> str:
    """The picture of a pipeline. With `states`, those of a run: an activity that is not among them did not run."""
    notes = None if states is None else {name: state.text for name, state in states.items()}
    picture = layout(pipeline.activities, notes)
    width = max(picture.width, len(title or pipeline.name) * 9.5, 330.0) + 2 * _MARGIN
    height = picture.height + 2 * _MARGIN + _TITLE + 26
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Segoe UI,Helvetica,Arial,sans-serif" font-size="13">',
        f"<title>{escape(title or pipeline.name)}</title>",
        f"<style>{_STYLE}</style>",
        *_tips(),
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="name" x="{_MARGIN}" y="{_MARGIN + 14}" font-size="18">{escape(title or pipeline.name)}</text>',
        *_scope(picture, _MARGIN, _MARGIN + _TITLE, states),
        *_legend(_MARGIN, height - 22),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _tips() -> Iterator[str]:
    yield "<defs>"
    for name, _ in _CONDITIONS.values():
        yield (
            f'<marker id="tip-{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path class="tip-{name}" d="M0 0L10 5L0 10z"/></marker>'
        )
    yield "</defs>"


def _scope(picture: Picture, x: float, y: float, states: Mapping[str, State] | None) -> Iterator[str]:
    for arrow in picture.arrows:
        yield from _arrow(arrow, picture, x, y)
    for box in picture.boxes.values():
        yield from _box(box, x, y, states)


def _arrow(arrow: Arrow, picture: Picture, x: float, y: float) -> Iterator[str]:
    """One line for each condition, beside each other."""
    source, target = picture.boxes[arrow.source], picture.boxes[arrow.target]
    for place, condition in enumerate(arrow.conditions):
        name, words = _CONDITIONS[condition]
        shift = (place - (len(arrow.conditions) - 1) / 2) * 9
        x1, y1 = x + source.x + source.width, y + source.y + min(source.height, 52) / 2 + shift
        x2, y2 = x + target.x, y + target.y + min(target.height, 52) / 2 + shift
        low = None if arrow.below is None else y + arrow.below + shift / 2
        yield (
            f'<path class="arrow {name}" marker-end="url(#tip-{name})" d="{_line(x1, y1, x2, y2, low)}">'
            f"<title>{escape(arrow.source)} {words}: {escape(arrow.target)}</title></path>"
        )


def _line(x1: float, y1: float, x2: float, y2: float, low: float | None) -> str:
    """From one point to another, straight over or by way of a lower line."""
    if low is None:
        bend = max((x2 - x1) / 2, 24)
        return f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return (
        f"M{x1:.1f} {y1:.1f}C{x1 + 28:.1f} {y1:.1f} {x1 + 14:.1f} {low:.1f} {x1 + 42:.1f} {low:.1f}"
        f"H{x2 - 42:.1f}C{x2 - 14:.1f} {low:.1f} {x2 - 28:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    )


def _box(box: Box, x: float, y: float, states: Mapping[str, State] | None) -> Iterator[str]:
    activity = box.activity
    left, top = x + box.x, y + box.y
    state = states.get(activity.name) if states is not None else None
    quiet = " quiet" if (states is not None and state is None) or activity.inactive_as is not None else ""
    yield f'<g class="box{quiet}" data-activity={quoteattr(activity.name)}>'
    yield f"<title>{escape(activity.name)} ({escape(activity.type)})</title>"
    yield f'<rect class="card" x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="8"/>'
    kind = _GROUPS.get(activity.type, "control")
    bar = box.height if not box.branches else HEADER
    yield f'<path class="{kind}" d="M{left + 8:.1f} {top:.1f}h-2a6 6 0 0 0 -6 6v{bar - 12:.1f}a6 6 0 0 0 6 6h2z"/>'
    yield f'<text class="name" x="{left + 20:.1f}" y="{top + 21:.1f}">{escape(activity.name)}</text>'
    mark = "" if activity.inactive_as is None else f" · inactive, as {activity.inactive_as.value}"
    kind = escape(activity.type + mark)
    yield f'<text class="type" x="{left + 20:.1f}" y="{top + 38:.1f}" font-size="11.5">{kind}</text>'
    if state is not None:
        yield from _state(state, left, top)
    for branch in box.branches:
        inner_top = top + branch.y + (LABEL if branch.label else 0)
        if branch.label:
            yield (
                f'<text class="label" x="{left + PADDING:.1f}" y="{top + branch.y + 14:.1f}" font-size="11.5">'
                f"{escape(branch.label)}</text>"
            )
        yield (
            f'<rect class="inside" x="{left + 8:.1f}" y="{inner_top - 6:.1f}" width="{box.width - 16:.1f}" '
            f'height="{branch.picture.height + 12:.1f}" rx="6"/>'
        )
        yield from _scope(branch.picture, left + PADDING, inner_top, states)
    yield "</g>"


def _state(state: State, left: float, top: float) -> Iterator[str]:
    y = top + 54
    yield f'<circle class="is-{_class(state.status)}" cx="{left + 24:.1f}" cy="{y - 4:.1f}" r="4"/>'
    yield f'<text class="type" x="{left + 33:.1f}" y="{y:.1f}" font-size="11.5">{escape(state.text)}</text>'


def _class(status: RunStatus) -> str:
    return status.value.replace(" ", "")


def _legend(x: float, y: float) -> Iterator[str]:
    for name, words in _CONDITIONS.values():
        yield f'<path class="arrow {name}" d="M{x:.1f} {y - 4:.1f}h18"/>'
        yield f'<text class="type" x="{x + 24:.1f}" y="{y:.1f}" font-size="11">{words}</text>'
        x += 34 + len(words) * 6.2
