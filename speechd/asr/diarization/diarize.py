"""Diarization as a pure function: embedded windows in, turns out."""

from collections.abc import Sequence

import numpy as np

from speechd.asr.diarization.clustering import cluster_speakers, speaker_centres
from speechd.asr.diarization.engine import EMBEDDING, SpeakerWindows
from speechd.asr.diarization.known_speakers import KnownSpeaker, match_known
from speechd.asr.diarization.turns import speaker_turns
from speechd.types import Diarization, SpeakerOptions, SpeakerTurn, SpeakerVoice


def diarize(
    windows: SpeakerWindows,
    spans: Sequence[tuple[float, float]],
    options: SpeakerOptions,
    known: Sequence[KnownSpeaker] = (),
) -> Diarization:
    """Who speaks when.

    Args:
        windows: of the whole recording, in the order of time.
        spans: where speech is, as (start, end) in seconds, in order.
        options: how many speakers there are.
        known: voices that may be among them.
    """
    if not len(windows):  # at most syllables: nobody can be told from anybody
        return Diarization(tuple(SpeakerTurn(start, end, 0) for start, end in spans), (None,) if spans else ())
    labels = cluster_speakers(windows.embeddings, *options.bounds)
    centres = speaker_centres(windows.embeddings, labels)
    turns = speaker_turns(windows, spans, centres)
    heard = list(dict.fromkeys(turn.speaker for turn in turns))
    turns = tuple(SpeakerTurn(turn.start, turn.end, heard.index(turn.speaker)) for turn in turns)
    voices = tuple(_voice(windows.chosen(labels == speaker)) for speaker in heard) if options.voices else ()
    return Diarization(turns, match_known(np.asarray(centres[heard]), known), voices=voices)


def _voice(windows: SpeakerWindows) -> SpeakerVoice:
    """The voice of the speaker of these windows."""
    return SpeakerVoice("", np.asarray(windows.embeddings.sum(axis=0), EMBEDDING).tobytes(), windows.seconds)
