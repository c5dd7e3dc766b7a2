"""The tokenizer of the model and the ids of its special tokens."""

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from .text.lexicon import LANGUAGES

TIMESTAMP_STEP = 0.02
"""Seconds from one timestamp token to the next."""
TIMESTAMPS = 1501


@dataclass(frozen=True)
class Special:
    """Ids of Whisper's special tokens."""

    end: int
    start: int
    translate: int
    transcribe: int
    previous: int
    no_speech: int
    no_timestamps: int
    first_timestamp: int
    languages: dict[str, int]

    def timestamp(self, seconds: float) -> int:
        """Return the token of a time, kept within 0 to 30 s."""
        step = min(TIMESTAMPS - 1, max(0, round(seconds / TIMESTAMP_STEP)))
        return self.first_timestamp + step


def load(path: Path) -> tuple[Tokenizer, Special]:
    """Read tokenizer.json."""
    tokenizer = Tokenizer.from_file(str(path))
    names = ("endoftext", "startoftranscript", "translate", "transcribe", "startofprev",
             "nospeech", "notimestamps", "0.00")  # fmt: skip
    ids = [tokenizer.token_to_id(f"<|{name}|>") for name in names]
    languages = {code: tokenizer.token_to_id(f"<|{code}|>") for code in LANGUAGES}
    return tokenizer, Special(*ids, languages)
