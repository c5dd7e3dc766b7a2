"""The measure of the diarization bench."""

from pathlib import Path

import pytest

from tests.support.diarization_error import Speaking, diarization_error, read_rttm, write_rttm

TRUTH = [Speaking(0, 10, "Ann"), Speaking(10, 20, "Bob"), Speaking(18, 22, "Ann")]


def test_names_do_not_matter() -> None:
    renamed = [Speaking(turn.start, turn.end, {"Ann": "1", "Bob": "0"}[turn.speaker]) for turn in TRUTH]
    assert diarization_error(TRUTH, renamed, 0).rate == 0


def test_missed_false_and_confused_speech() -> None:
    found = [Speaking(0, 10, "0"), Speaking(10, 18, "1"), Speaking(18, 22, "1"), Speaking(24, 25, "0")]
    error = diarization_error(TRUTH, found, 0)
    assert error.total == pytest.approx(24)
    assert error.missed == pytest.approx(2), "one of two who speak at once"
    assert error.false_alarm == pytest.approx(1)
    assert error.confused == pytest.approx(2), "the end of Ann's turn"
    assert error.rate == pytest.approx(5 / 24)


def test_nobody_found_is_all_missed_and_nobody_there_is_all_false() -> None:
    assert diarization_error(TRUTH, [], 0).rate == 1
    assert diarization_error([], TRUTH, 0).false_alarm == pytest.approx(24)


def test_a_collar_forgives_what_is_near_a_boundary() -> None:
    late = [Speaking(0.2, 10.2, "0")]
    assert diarization_error([Speaking(0, 10, "Ann")], late, 0).rate > 0.03
    assert diarization_error([Speaking(0, 10, "Ann")], late, 0.25).rate == 0


def test_rttm_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_rttm(tmp_path / "call.rttm", TRUTH)
    assert read_rttm(tmp_path / "call.rttm") == TRUTH
