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


LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 60, 40, 520, 300
"""Pixels: where the area of a line chart begins, and its size."""
COLOURS = ("#3b7dd8", "#d8703b", "#3ba55d", "#8a4fc8", "#c83b6f", "#6b6b6b")


def lines(title: str, axes: tuple[str, str], series: dict[str, list[tuple[float, float]]]) -> str:
    """One line for each series of (x, y). Both axes begin at 0.

    Args:
        axes: names of x and y.
    """
    points = [point for each in series.values() for point in each]
    right, top = max(x for x, _ in points), max(y for _, y in points)

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + PLOT_WIDTH * x / right, TOP + PLOT_HEIGHT * (1 - y / top)

    bottom, height = TOP + PLOT_HEIGHT, TOP + PLOT_HEIGHT + 60
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + PLOT_WIDTH + 150} {height}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="100%" height="100%" fill="white"/><text x="10" y="18" font-weight="bold">{escape(title)}</text>',
        f'<text x="{LEFT + PLOT_WIDTH / 2}" y="{height - 12}" text-anchor="middle">{escape(axes[0])}</text>',
        f'<text x="10" y="{TOP - 6}">{escape(axes[1])}</text>',
        f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + PLOT_WIDTH}" fill="none" stroke="black"/>',
    ]
    for part in range(5):
        x, y = place(right * part / 4, top * part / 4)
        drawn.append(f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">{right * part / 4:.2g}</text>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{top * part / 4:.2g}</text>')
    for number, (name, each) in enumerate(series.items()):
        colour, label = COLOURS[number % len(COLOURS)], TOP + 18 * number + 12
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in each))
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(f'<text x="{LEFT + PLOT_WIDTH + 12}" y="{label}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*drawn, "</svg>\n"])
