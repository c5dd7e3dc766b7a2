"""What can be heard where a sentence was cut and spoken in two: level, click and gap, against the sentence in one."""

from dataclasses import dataclass

import numpy as np

from speechd.tts.admission import SentenceThreads
from speechd.tts.engine import SynthesisOptions, TtsEngine
from speechd.tts.synthesizer import QUIET_SAMPLE, LocalSpeaker
from speechd.types import Samples, SpeechOptions, SpeechPart

AROUND = 0.02
"""Seconds before and after a join where a click would be."""


@dataclass(frozen=True)
class Join:
    """One join, and the sentence spoken in one."""

    level: float
    """dB by which the louder difference of the two parts is from the same part of the whole sentence."""
    jump: float
    """Largest step between two samples around the join; 1 is full scale."""
    loudest_jump: float
    """Largest step between two samples anywhere."""
    gap: float
    """Seconds of silence at the join."""
    usual_gap: float
    """Seconds between the two words in the whole sentence."""


async def spoken(voice: TtsEngine, text: str) -> tuple[Samples, list[SpeechPart]]:
    """A text as a request gets it, at the voice's own rate, and its parts."""
    rate = voice.info.sample_rate
    speaker = LocalSpeaker("v", voice, None, SentenceThreads(1), 10_000)
    stream = speaker.stream(text, SpeechOptions("pcm", rate, captions=True))
    parts = [part async for part in stream if isinstance(part, SpeechPart)]
    speaker.threads.close()
    audio = np.frombuffer(b"".join(part.audio for part in parts), "<i2") / 32767
    return audio.astype(np.float32), parts


async def measured_join(voice: TtsEngine, first: str, second: str) -> Join:
    """
    Args:
        voice: at its own rate, a multiple of what PCM is coded at.
        first: a clause that is cut off, with its comma.
        second: the rest of the sentence.
    """
    rate = voice.info.sample_rate
    audio, parts = await spoken(voice, f"{first} {second}")
    join = round(parts[0].seconds * rate)
    before, after = audio[:join], audio[join:]
    whole = voice.synthesize(f"{first} {second}", SynthesisOptions(words=True))
    last, following = whole.words[len(first.split()) - 1], whole.words[len(first.split())]
    middle = round((last.end + following.start) / 2 * rate)
    levels = (
        _loudness(before) - _loudness(whole.samples[:middle]),
        _loudness(after) - _loudness(whole.samples[middle:]),
    )
    jumps = np.abs(np.diff(audio))
    around = round(AROUND * rate)
    quiet = np.flatnonzero(np.abs(before) > QUIET_SAMPLE)[-1], np.flatnonzero(np.abs(after) > QUIET_SAMPLE)[0]
    return Join(
        level=max(map(abs, levels)),
        jump=float(jumps[join - around : join + around].max()),
        loudest_jump=float(jumps.max()),
        gap=float(len(before) - quiet[0] + quiet[1]) / rate,
        usual_gap=following.start - last.end,
    )


def _loudness(samples: Samples) -> float:
    """dB of what is louder than a pause."""
    heard = samples[np.abs(samples) > QUIET_SAMPLE]
    return float(10 * np.log10(np.mean(heard**2)))
