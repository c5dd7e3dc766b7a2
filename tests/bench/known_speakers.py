"""Known speakers by the length of their references: who is named right, and who stays a stranger?

    python -m tests.bench.known_speakers [--half development|"held out"]

In each conversation of tests/real/conversations.py one person after the other is a stranger, and references of all
other people of its half are given: so many seconds of recordings chosen at random among hundreds of theirs (one person
has five), so that few are in the conversation. `right` counts the speakers with a reference who get their name,
`unnamed` those who keep a letter, `wrong` those who get another's name. `strangers kept` counts the speakers without a
reference who keep a letter.
"""

import argparse
import asyncio
import io
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from speechd.asr.diarization.campplus import CampplusEngine
from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.diarization.engine import EMBEDDING, Vectors
from speechd.asr.diarization.known_speakers import KnownSpeaker, match_known
from speechd.audio.encode import pcm16
from speechd.errors import InvalidRequest
from speechd.operations.live.pcm_input import wav_file
from speechd.types import SAMPLE_RATE, Diarization, Samples, SpeakerOptions, TranscribeOptions
from tests.real.conversations import DEVELOPMENT, HELD_OUT, Conversation, conversations, utterance
from tests.real.debian import voices
from tests.real.weights import speakers_folder

LENGTHS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""Seconds of a reference."""
PEOPLE = {"development": DEVELOPMENT, "held out": HELD_OUT}


@dataclass
class Counts:
    """Speakers of conversations, each once for each stranger."""

    right: int = 0
    unnamed: int = 0
    wrong: int = 0
    kept: int = 0
    named: int = 0
    """Strangers who get a name."""


def recording(samples: Samples) -> io.BytesIO:
    return io.BytesIO(wav_file(pcm16(samples).tobytes(), SAMPLE_RATE))


def reference(person: str, seconds: float) -> Samples:
    """So many seconds of a person, with half a second of silence around them."""
    paths, parts, length = list(voices()[person]), list[Samples](), 0
    random.Random(f"{person} {seconds}").shuffle(paths)
    while length < seconds * SAMPLE_RATE:
        parts.append(utterance(paths.pop())[0])
        length += len(parts[-1])
    silence = np.zeros(SAMPLE_RATE // 2, np.float32)
    return np.concatenate([silence, np.concatenate(parts)[: round(seconds * SAMPLE_RATE)], silence])


def references(diarizer: Diarizer, people: Sequence[str], seconds: float) -> dict[str, KnownSpeaker]:
    """The voices of people, but for those whose reference is refused."""
    known = dict[str, KnownSpeaker]()
    for person in people:
        try:
            known[person] = asyncio.run(diarizer.reference(person, recording(reference(person, seconds)), 60))
        except InvalidRequest:
            continue
    return known


def diarized(diarizer: Diarizer, conversation: Conversation) -> Diarization:
    """With the voice of each speaker."""
    audio, options = recording(conversation.samples), SpeakerOptions(voices=True)
    return asyncio.run(diarizer.diarize(audio, 36_000, TranscribeOptions(), options)).diarization


def person_of(found: Diarization, conversation: Conversation) -> list[str]:
    """Who each speaker mostly is."""
    shares = [defaultdict[str, float](float) for _ in found.names]
    for turn in found.turns:
        for said in conversation.truth:
            shares[turn.speaker][said.speaker] += max(0.0, min(turn.end, said.end) - max(turn.start, said.start))
    return [max(share, key=lambda person: share[person]) for share in shares]


def count(found: Diarization, people: Sequence[str], known: Mapping[str, KnownSpeaker], counts: Counts) -> None:
    """Adds one conversation, with each of its people as the stranger."""
    sums: Vectors = np.stack([np.frombuffer(voice.embeddings, EMBEDDING) for voice in found.voices])
    centres = np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)
    for stranger in sorted(set(people)):
        names = match_known(centres, [speaker for name, speaker in known.items() if name != stranger])
        for person, name in zip(people, names, strict=True):
            if person == stranger:
                counts.kept += name is None
                counts.named += name is not None
            elif person in known:
                counts.right += name == person
                counts.unnamed += name is None
                counts.wrong += name not in (None, person)


def table(half: str, diarizer: Diarizer) -> Table:
    drawn = Table(f"reference s, {half}", "refused", "right", "unnamed", "wrong", "strangers kept")
    told = [(conversation, diarized(diarizer, conversation)) for conversation in conversations(half)]
    for seconds in LENGTHS:
        known, counts = references(diarizer, PEOPLE[half], seconds), Counts()
        for conversation, found in told:
            count(found, person_of(found, conversation), known, counts)
        of = counts.right + counts.unnamed + counts.wrong
        drawn.add_row(
            f"{seconds:g}",
            f"{len(PEOPLE[half]) - len(known)}/{len(PEOPLE[half])}",
            *(f"{number}/{of}" if of else "" for number in (counts.right, counts.unnamed, counts.wrong)),
            f"{counts.kept}/{counts.kept + counts.named}",
        )
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", action="append", choices=tuple(PEOPLE), help="default: both")
    asked = parser.parse_args()
    diarizer = Diarizer(CampplusEngine(speakers_folder()))
    for half in asked.half or tuple(PEOPLE):
        Console(width=120).print(table(half, diarizer))


if __name__ == "__main__":
    main()
