"""The picture says what was measured, to eyes and to screen readers."""

from datetime import date
from xml.etree import ElementTree as ET

from bench.measured import ENGINE, FLOOR, Measured
from bench.picture import draw

SVG = "{http://www.w3.org/2000/svg}"


def _run(name: str, seconds: float, cpu: float) -> Measured:
    return Measured(name, 2_000, seconds, seconds + 2, cpu, 0.0, 0.0, 100, 20, 0, 1, 1, 1, 1)


RUNS = [_run(FLOOR, 1.0, 1.0), _run("A & B <C>", 10.0, 6.0), _run(ENGINE, 2.0, 3.0)]


def _drawn() -> ET.Element:
    return ET.fromstring(draw(RUNS, delay=0.05, on=date(2026, 11, 23)))  # noqa: S314 - just drawn


def test_bars_are_as_long_as_the_figures() -> None:
    bars = [bar for bar in _drawn().iter(f"{SVG}rect") if "bar" in str(bar.get("class"))]
    lengths = [float(str(bar.get("width"))) for bar in bars]

    assert [round(length / lengths[0], 2) for length in lengths[:3]] == [1, 0.1, 0.5]
    assert [round(length / lengths[4], 2) for length in lengths[3:]] == [0.17, 1, 0.5]
    assert [bar.get("class") for bar in bars] == ["bar", "bar", "bar ours"] * 2


def test_names_figures_sizes_and_the_day_are_written() -> None:
    texts = [str(text.text) for text in _drawn().iter(f"{SVG}text")]

    assert {FLOOR, "A & B <C>", ENGINE, "2,000", "200", "1,000", "0.50 ms", "3.00 ms", "1.50 ms"} <= set(texts)
    assert any("2,000 targets" in text and "50 ms" in text and "2026-11-23" in text for text in texts)


def test_it_is_told_in_words_and_for_both_grounds() -> None:
    drawn = _drawn()

    assert "sparkads: 1,000 targets a second, 1.50 ms of CPU" in str(drawn.findtext(f"{SVG}desc"))
    assert "prefers-color-scheme: dark" in str(drawn.findtext(f"{SVG}style"))
