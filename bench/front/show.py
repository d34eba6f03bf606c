"""Results as a person reads them: aligned columns, or one SVG bar chart a bench."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.front.result import Result, rounded

PREFIXES = ((1e-9, "n"), (1e-6, "µ"), (1e-3, "m"))
ROW, LEFT, WIDTH, BAR = 46, 260, 900, 14


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit, seconds in the prefix that fits."""
    if value is None:
        return "-"
    if unit == "s" and 0 < abs(value) < 1:
        for factor, prefix in PREFIXES:
            if abs(value) < factor * 1000:
                return f"{value / factor:.3g} {prefix}s"
    if abs(value) >= 1000:
        return f"{value:,.0f} {unit}".rstrip()
    return f"{value:.4g} {unit}".rstrip()


def table(results: Sequence[Result]) -> str:
    """All results, one a line."""
    rows = [("metric", "ours", "spread", "n", "peer", "theirs", "times better")]
    for result in results:
        low, high = (quantity(value, result.unit) for value in result.spread)
        rows.append(
            (
                result.metric,
                quantity(result.ours, result.unit),
                f"{low} .. {high}",
                str(result.n),
                result.peer or "-",
                quantity(result.theirs, result.unit),
                "-" if result.ratio is None else f"{rounded(result.ratio, 3):g}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def bar(x: int, y: int, share: float, colour: str, label: str) -> str:
    """One bar, as long as its share, and its label beside it."""
    length = max(1, round(share * (WIDTH - x - 160)))
    return (
        f'<rect x="{x}" y="{y}" width="{length}" height="{BAR}" fill="{colour}"/>'
        f'<text x="{x + length + 6}" y="{y + 11}">{escape(label)}</text>'
    )


def svg(bench: str, results: Sequence[Result]) -> str:
    """A chart with one pair of bars a metric; each pair has its own scale."""
    height = 60 + ROW * len(results)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<g font-family="sans-serif" font-size="12">',
        f'<text x="16" y="28" font-size="16">{escape(bench)}: hostmon beside its peers</text>',
    ]
    for number, result in enumerate(results):
        y = 48 + ROW * number
        most = max(abs(result.ours), abs(result.theirs or 0)) or 1
        parts.append(f'<text x="16" y="{y + 12}">{escape(result.metric)}</text>')
        ours = f"hostmon {quantity(result.ours, result.unit)}"
        if result.ratio is not None:
            ours += f", {rounded(result.ratio, 3):g} times better"
        parts.append(bar(LEFT, y, abs(result.ours) / most, "#1f6feb", ours))
        if result.theirs is not None:
            theirs = f"{result.peer} {quantity(result.theirs, result.unit)}"
            parts.append(bar(LEFT, y + BAR + 3, abs(result.theirs) / most, "#9aa4b2", theirs))
    return "\n".join([*parts, "</g></svg>", ""])
