"""Speakers of live sessions: turns as a session cuts them, each diarized when it ends, without a recogniser.

`python -m tests.bench.diarization --live` prints how good they are.
"""

import asyncio
import io
from collections.abc import Iterator

import numpy as np

from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.diarization.engine import EMBEDDING
from speechd.audio.encode import pcm16
from speechd.audio.vad import FRAME, FRAME_SECONDS, SpeechDetector
from speechd.operations.live.online_speakers import OnlineSpeakers
from speechd.operations.live.pcm_input import wav_file
from speechd.operations.live.turn_detection import TurnDetection, TurnDetector
from speechd.types import SAMPLE_RATE, Samples, SpeakerOptions, TranscribeOptions
from tests.support.diarization_error import Speaking


def live_turns(samples: Samples, detection: TurnDetection) -> Iterator[tuple[float, Samples]]:
    """The turns of a session: where each begins, in seconds, and its samples."""
    whole = samples[: len(samples) // FRAME * FRAME]
    detector, begins = TurnDetector(detection), 0
    padding = round(detection.prefix / FRAME_SECONDS) + detector.onset
    ended = 0
    for number, probability in enumerate(SpeechDetector()(whole).tolist(), start=1):
        change = detector.push(probability)
        if change == "started":
            begins = max(ended, number - padding)
        elif change == "stopped":
            yield begins * FRAME_SECONDS, whole[begins * FRAME : number * FRAME]
            ended = number


def live_speakings(samples: Samples, diarizer: Diarizer, detection: TurnDetection | None = None) -> list[Speaking]:
    """Who speaks when, as a session tells it."""
    speakers, told = OnlineSpeakers(), list[Speaking]()
    silence = np.zeros(SAMPLE_RATE, np.float32)
    for start, turn in live_turns(np.concatenate([samples, silence]), detection or TurnDetection()):
        data = io.BytesIO(wav_file(pcm16(turn).tobytes(), SAMPLE_RATE))
        found = asyncio.run(diarizer.diarize(data, 36_000, TranscribeOptions(), SpeakerOptions(voices=True)))
        numbers = [
            speakers.assign(np.frombuffer(voice.embeddings, EMBEDDING), voice.seconds)
            for voice in found.diarization.voices
        ]
        for each in found.diarization.turns:
            number = numbers[each.speaker] if numbers else speakers.last
            told.append(Speaking(start + each.start, start + each.end, str(number)))
    return told
