"""The page of the benchmarks over time: a chart in SVG and a table for each measure. Pure."""

import html
from collections.abc import Mapping, Sequence

from tests.tools.bench.history.record import Record

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 180, 40, 24
SHOWN_RECORDS = 40
TABLE_RECORDS = 10


def page(titles: Mapping[str, str], records: Sequence[Record]) -> str:
    """Return the Markdown of all measures. *titles*: description of each measure."""
    return "\n".join(_section(name, title, records) for name, title in titles.items())


def _section(name: str, title: str, records: Sequence[Record]) -> str:
    rows = [record for record in records if name in record.figures][-SHOWN_RECORDS:]
    if not rows:
        return f"## {name}\n\n{title}\n\nNo run is recorded.\n"
    figures = [record.figures[name] for record in rows]
    image = chart(
        f"{name}, times the floor",
        [record.commit for record in rows],
        {"copydesk": [f.ratio for f in figures], "peer": [f.peer_ratio for f in figures]},
    )
    return f"## {name}\n\n{title}\n\n```{{raw}} html\n{image}\n```\n\n{_table(name, rows[-TABLE_RECORDS:])}"


def _table(name: str, records: Sequence[Record]) -> str:
    lines = [
        "| commit | day | machine | load | copydesk | floor | peer | × floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for record in reversed(records):
        figures = record.figures[name]
        peer = f"{figures.peer:,.0f} µs" if figures.peer else ""
        lines.append(
            f"| {record.commit} | {record.time[:10]} | {record.machine}, Python {record.python} | {record.load:.0f} "
            f"| {figures.own:,.0f} µs | {figures.floor:,.0f} µs | {peer} | {figures.ratio:.2f} |"
        )
    return "\n".join(lines) + "\n"


def chart(title: str, labels: Sequence[str], lines: Mapping[str, Sequence[float]]) -> str:
    """Return a chart of *lines* over *labels* as SVG. A value of 0 is left out."""
    top = max(1.0, *(value for values in lines.values() for value in values)) * 1.1
    step = (WIDTH - LEFT - 60) / max(1, len(labels) - 1)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}" '
        'style="max-width:100%" fill="none" stroke="currentColor" font-size="11">'
    ]
    for share in (0.0, 0.5, 1.0):
        y = _y(top * share, top)
        parts.append(f'<path d="M{LEFT} {y:.0f}H{WIDTH}" stroke-opacity=".2"/>{_text(0, y + 4, f"{top * share:.1f}")}')
    for number, (name, values) in enumerate(lines.items()):
        points = [(LEFT + step * n, _y(value, top)) for n, value in enumerate(values) if value]
        if not points:
            continue
        dash = ' stroke-dasharray="4 3"' if number else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" stroke-width="1.5"{dash}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="currentColor"/>' for x, y in points]
        parts.append(_text(points[-1][0] + 6, points[-1][1] + 4, name))
    parts += [_text(LEFT, HEIGHT - 6, labels[0]), _text(LEFT + step * (len(labels) - 1), HEIGHT - 6, labels[-1])]
    return "".join([*parts[: len(parts) - (len(labels) == 1)], "</svg>"])


def _y(value: float, top: float) -> float:
    return (HEIGHT - BOTTOM) * (1 - value / top) + 4


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="currentColor" stroke="none">{html.escape(text)}</text>'
