"""Turns from probabilities."""

import pytest

from speechd.operations.live.turn_detection import TurnDetection, TurnDetector


def changes(probabilities: list[float], options: TurnDetection | None = None) -> list[tuple[int, str]]:
    detector = TurnDetector(options or TurnDetection())
    return [(number, change) for number, each in enumerate(probabilities) if (change := detector.push(each))]


def test_a_turn_begins_with_three_frames_and_ends_with_half_a_second_of_silence() -> None:
    assert changes([0.1] * 5 + [0.9] * 20 + [0.1] * 30) == [(7, "started"), (40, "stopped")]


def test_a_click_begins_nothing() -> None:
    assert changes([0.9, 0.9, 0.1] * 20) == []


def test_a_short_pause_ends_nothing() -> None:
    assert changes(([0.9] * 10 + [0.1] * 10) * 5) == [(2, "started")]


@pytest.mark.parametrize(("probability", "found"), [(0.4, []), (0.6, [(2, "started")])])
def test_the_threshold_decides(probability: float, found: list[tuple[int, str]]) -> None:
    assert changes([probability] * 10) == found
    assert changes([probability] * 10, TurnDetection(threshold=0.3)) == [(2, "started")]


def test_between_the_thresholds_speech_goes_on() -> None:
    assert changes([0.9] * 5 + [0.4] * 100) == [(2, "started")]
