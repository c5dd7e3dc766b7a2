"""A bar chart as SVG text."""

from xml.sax.saxutils import escape

LABEL, WIDTH, ROW = 380, 360, 26
"""Pixels: the labels' column, the longest bar, the height of a row."""


def bars(title: str, values: list[tuple[str, float]]) -> str:
    """One bar a value with its number; a line marks 1."""
    longest = max((1.0, *(value for _, value in values)))
    height = ROW * (len(values) + 2)
    one = LABEL + WIDTH / longest
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + WIDTH + 70} {height}" font-family="sans-serif"'
        ' font-size="13">',
        f'<rect width="100%" height="100%" fill="white"/><text x="10" y="18" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (label, value) in enumerate(values, start=1):
        y, length = ROW * number + 8, WIDTH * value / longest
        lines += [
            f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{length:.0f}" height="{ROW - 8}" fill="#3b7dd8"/>',
            f'<text x="{LABEL + length + 6:.0f}" y="{y + 14}">{value:.2f}x</text>',
        ]
    edge = f'x1="{one:.0f}" x2="{one:.0f}" y1="{ROW}" y2="{height - 10}"'
    return "\n".join([*lines, f'<line {edge} stroke="#c33" stroke-dasharray="4 3"/>', "</svg>\n"])
