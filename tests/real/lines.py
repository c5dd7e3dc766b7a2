"""The lines of the table: which recordings, which weights, and what is asked of speechd."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.real import corpora
from tests.real.corpora import Corpus
from tests.real.weights import BASE, TINY_EN, Weights


@dataclass(frozen=True)
class Line:
    """Recordings that speechd and plain faster-whisper transcribe with the same weights."""

    name: str
    weights: Weights
    corpus: Callable[[], Corpus]
    options: Mapping[str, Any] = field(default_factory=dict)
    """What speechd is asked besides the language (TranscribeOptions)."""
    peer_options: Mapping[str, Any] = field(default_factory=dict)
    """What faster-whisper is asked (WhisperModel.transcribe)."""
    tolerance: float = 0.005
    """Word error rate that speechd may have more than the peer."""
    way: str = "speechd"
    """`http` asks speechd's server for a stream."""


PAUSES = partial(corpora.composite, 3, True)
HOTWORDS = ("Asterisk", "Digium", "voicemail")

LINES = (
    Line("prompts", TINY_EN, corpora.english_prompts),
    Line("prompts that lost phrases", BASE, corpora.known_faults, tolerance=0.01),  # 376 words: three are .008
    Line("3 min with pauses", BASE, PAUSES),
    # In noise the words depend on the CPU too: 21 to 26 wrong ones with margins from 2 s to 30 s on one without VNNI.
    Line("3 min, noise at 10 dB", BASE, partial(corpora.noisy, "noise"), tolerance=0.01),
    Line("3 min with pauses", TINY_EN, PAUSES),
    Line("3 min continuous", TINY_EN, partial(corpora.composite, 3, False)),
    Line("10 min with pauses", TINY_EN, partial(corpora.composite, 10, True)),
    Line("10 min continuous", TINY_EN, partial(corpora.composite, 10, False)),
    # Told less of the text before than the peer, and one wrong window in noise brings ten wrong words.
    Line("10 min, noise at 10 dB", TINY_EN, partial(corpora.noisy, "noise", 10), tolerance=0.01),
    Line("3 min, music at 10 dB", TINY_EN, partial(corpora.noisy, "music")),
    Line("3 min, words", TINY_EN, PAUSES, {"word_timestamps": True}, {"word_timestamps": True}),
    Line("3 min, stream=true", TINY_EN, PAUSES, way="http"),
    Line("3 min, condition_on_previous_text", TINY_EN, PAUSES, {"condition_on_previous_text": True}),
    Line("3 min, hotwords", TINY_EN, PAUSES, {"hotwords": HOTWORDS}, {"hotwords": " ".join(HOTWORDS)}),
    Line("call, channels=split", TINY_EN, corpora.call, {"channels": "split"}),
)

LANGUAGES = tuple(
    Line(f"prompts, {code}", BASE, partial(corpora.foreign_prompts, code)) for code in ("es", "fr", "it", "ru")
)
"""Without reliable texts: what plain faster-whisper writes stands for what is said."""

MIXED = Line("five languages, language=multi", BASE, corpora.mixed_languages)
"""What plain faster-whisper writes of each utterance alone, told its language, stands for what is said."""

LATE_VOICES = (
    Line("first words, en", TINY_EN, partial(corpora.late_voices, "en")),
    Line("first words, es", BASE, partial(corpora.late_voices, "es")),
)
