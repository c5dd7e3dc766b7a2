"""The rows as a table, as JSON and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from tests.bench.plot import bars
from tests.bench.recognition.loads import Load
from tests.bench.recognition.measuring import Row
from tests.bench.recognition.peers import PEERS

COLUMNS = ("peer", "wall s", "CPU s", "x real time", "WER", "lost", "peak MB", "wall", "CPU")
"""The last two are the peer's over speechd's: above 1, speechd takes less."""
CAPTION = "medians of the rounds; WER and lost phrases of all rounds; wall and CPU: the peer's over speechd's"


def table(title: str, rows: Sequence[Row], loads: Mapping[str, Load], has_words: bool) -> Table:
    """One section a load. Clips beside a load have a line of their own."""
    drawn = Table(*COLUMNS, title=title, caption=CAPTION)
    for name, load in loads.items():
        found = [row for row in rows if row.load == name]
        if not found:
            continue
        drawn.add_section()
        drawn.add_row(f"[bold]{load.title}[/bold], {len(found[0].samples)} rounds")
        ours = next((row for row in found if row.peer == "speechd"), None)
        for row in found:
            drawn.add_row(*cells(row, load, ours, has_words))
            if load.beside:
                median, late = row.clips
                drawn.add_row(f"  its clips: p50 {median:.2f} s, p95 {late:.2f} s; {row.slowdown:.2f}x slower")
    return drawn


def cells(row: Row, load: Load, ours: Row | None, has_words: bool) -> list[str]:
    """One line."""
    peer = PEERS.get(row.peer)
    ratios = [f"{row.over(ours, what):.2f}x" for what in ("seconds", "cpu_seconds")] if ours and row != ours else []
    heard = [f"{row.score.rate:.4f}", f"{row.lost:g}"] if has_words else ["", ""]
    figures = [f"{row.seconds:.2f}", f"{row.cpu_seconds:.2f}", f"{load.seconds / row.seconds:.1f}"]
    return [peer.title if peer else row.peer, *figures, *heard, f"{row.peak_megabytes:.0f}", *ratios]


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Every sample."""
    return [asdict(row) for row in rows]


def picture(title: str, rows: Sequence[Row], loads: Mapping[str, Load], what: str) -> str:
    """The ratios as bars, in SVG: `what` is seconds or cpu_seconds."""
    ours = {row.load: row for row in rows if row.peer == "speechd"}
    shown = [row for row in rows if row.peer not in ("speechd", "engine") and row.load in ours]
    values = [(f"{loads[row.load].title}: {PEERS[row.peer].title}", row.over(ours[row.load], what)) for row in shown]
    return bars(title, values)
