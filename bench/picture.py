"""The picture of a run: bars for throughput and CPU, as an SVG that can be read on light and on dark ground."""

from collections.abc import Callable, Sequence
from datetime import date
from html import escape

from bench.measured import ENGINE, Measured

_WIDTH, _BAR, _STEP, _TOP = 920, 22, 34, 92
_PANELS = (130, 560)
"""Where the bars of each panel begin."""

_LONGEST = 230

_ATTRIBUTES = 'role="img" aria-labelledby="t d" font-family="system-ui, sans-serif" font-size="14"'
_STYLE = """
    .ground { fill: #ffffff; stroke: #d0d7de } .title { fill: #1f2328; font-weight: 700 }
    .name { fill: #1f2328 } .note { fill: #59636e } .bar { fill: #8c959f } .ours { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #3d444d } .title, .name { fill: #f0f6fc } .note { fill: #9198a1 }
      .bar { fill: #656c76 } .ours { fill: #4493f8 }
    }"""


def draw(runs: Sequence[Measured], *, delay: float, on: date) -> str:
    """
    Draw one run of everybody at one size.

    Args:
        runs: in the order in which they are shown.
        delay: seconds that TikTok took for a call.
        on: the day of the run.

    Returns:
        An SVG document.
    """
    targets = runs[0].targets
    height = _TOP + _STEP * len(runs) + 46
    note = (
        f"{targets:,} targets, 20 in a call, TikTok takes {delay * 1_000:g} ms, one run on one machine, {on:%Y-%m-%d}. "
        "CPU: processes, servers, database."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_ATTRIBUTES}>',
        '  <title id="t">Publishing: throughput and CPU</title>',
        f'  <desc id="d">{escape(_in_words(runs))}</desc>',
        f"  <style>{_STYLE}\n  </style>",
        f'  <rect class="ground" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="12"/>',
        f'  <text class="title" x="20" y="36" font-size="18">Publishing {targets:,} Spark Ads</text>',
        *_panel(runs, _PANELS[0], "targets a second, more is better", lambda one: one.throughput, "{:,.0f}"),
        *_panel(runs, _PANELS[1], "CPU for each target, less is better", lambda one: one.cpu_ms, "{:.2f} ms"),
        *(f'  <text class="name" x="20" y="{_line(row)}">{escape(one.name)}</text>' for row, one in enumerate(runs)),
        f'  <text class="note" x="20" y="{height - 18}" font-size="12">{escape(note)}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(
    runs: Sequence[Measured], left: int, title: str, figure: Callable[[Measured], float], shown: str
) -> list[str]:
    most = max(map(figure, runs))
    parts = [f'  <text class="note" x="{left}" y="{_TOP - 22}">{title}</text>']
    for row, one in enumerate(runs):
        length = figure(one) / most * _LONGEST
        kind = "bar ours" if one.name == ENGINE else "bar"
        parts += [
            f'  <rect class="{kind}" x="{left}" y="{_line(row) - 16}" width="{length:.1f}" height="{_BAR}" rx="3"/>',
            f'  <text class="name" x="{left + length + 8:.1f}" y="{_line(row)}">{shown.format(figure(one))}</text>',
        ]
    return parts


def _line(row: int) -> int:
    """The baseline of a row's text."""
    return _TOP + row * _STEP + 12


def _in_words(runs: Sequence[Measured]) -> str:
    return "; ".join(f"{one.name}: {one.throughput:,.0f} targets a second, {one.cpu_ms:.2f} ms of CPU" for one in runs)
