import math
import random

from speechd.asr.channel_merge import Merger
from speechd.types import Segment


def segment(start: float, channel: int = 1) -> Segment:
    return Segment(start, start + 1, f" {channel} at {start}", channel=channel)


def test_a_segment_waits_for_earlier_ones_of_the_other_channel() -> None:
    merger = Merger()
    assert list(merger.push([segment(0.5), segment(4)], horizon=1.0)) == [segment(0.5)]
    assert list(merger.push([segment(1, 2)], horizon=3.0)) == [segment(1, 2)]
    assert list(merger.push([], horizon=math.inf)) == [segment(4)]


def test_equal_starts_keep_the_order_of_channels_and_of_coming() -> None:
    merger = Merger()
    first, second, third = segment(1, 1), segment(1, 2), Segment(1, 1, " again", channel=2)
    assert list(merger.push([second, third], 0.5)) == []
    assert list(merger.push([first], math.inf)) == [first, second, third]


def test_nothing_is_lost_and_nothing_is_early() -> None:
    random.seed(5)
    starts = sorted(random.uniform(0, 100) for _ in range(200))
    windows = [[segment(start, random.randint(1, 3)) for start in starts[at : at + 4]] for at in range(0, 200, 4)]
    merger, out = Merger(), []
    for number, window in enumerate(windows):
        later = [s.start for following in windows[number + 1 :] for s in following]
        out += list(merger.push(window, min(later, default=math.inf)))
    assert [s.start for s in out] == starts
    assert merger.merged == out
