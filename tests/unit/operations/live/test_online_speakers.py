"""The speakers of a live session, turn by turn."""

from speechd.operations.live.online_speakers import OnlineSpeakers
from tests.unit.asr.diarization.voices import windows_of


def assigned(speakers: OnlineSpeakers, who: int, seed: int = 0, **more: int) -> int:
    """The speaker of a turn of three windows, 4 s."""
    return speakers.assign(windows_of([who] * 3, seed=seed).embeddings.sum(axis=0), 4.0, **more)


def test_a_live_session_never_renumbers() -> None:
    speakers = OnlineSpeakers()
    said = [0, 1, 0, 2, 1, 0]
    assert [assigned(speakers, who, seed=n) for n, who in enumerate(said)] == said
    assert speakers.last == 0


def test_a_live_session_has_no_more_speakers_than_it_may() -> None:
    speakers = OnlineSpeakers()
    assert {assigned(speakers, who, maximum=2) for who in range(6)} == {0, 1}


def test_a_short_turn_begins_no_speaker() -> None:
    speakers = OnlineSpeakers()
    assigned(speakers, 0)
    assert speakers.assign(windows_of([1]).embeddings[0], 0.9) == 0
    assert assigned(speakers, 1) == 1
