"""The speaker of a voice that a request names: one by its name or number, or a mix of several."""

import re

from speechd.tts.engine import SpeakerMix, VoiceInfo

MAX_MIXED = 8
"""Speakers in one mix at most."""
_PART = re.compile(r"\s*(\w+)(?:\((\d{1,4}(?:\.\d{1,4})?)\))?\s*")
"""`af_bella(2)`: a speaker and its weight, as users of Kokoro write a mix."""


def named_speaker(info: VoiceInfo, name: str) -> int | SpeakerMix | None:
    """`af_bella`, or `af_bella(2)+af_sky(1)` where the voice can mix; None where it has no such speaker."""
    if name in info.speakers:
        return info.speakers[name]
    return _mixed(info, name) if info.mixable else None


def numbered_speaker(info: VoiceInfo, number: str) -> int | None:
    """A speaker by its number."""
    known = number.isascii() and number.isdigit() and int(number[:9]) in info.speakers.values()
    return int(number) if known else None


def _mixed(info: VoiceInfo, text: str) -> SpeakerMix | None:
    """Speakers with their weights, 1 where none is written, as shares of their sum."""
    parts = [_PART.fullmatch(part) for part in text.split("+", MAX_MIXED)]
    weights = {info.speakers[part[1]]: float(part[2] or 1) for part in parts if part and part[1] in info.speakers}
    total = sum(weights.values())
    if len(weights) != len(parts) or len(parts) > MAX_MIXED or not total:
        return None
    return tuple((number, weight / total) for number, weight in weights.items())
