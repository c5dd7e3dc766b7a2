"""Who speaks when in conversations mixed from recordings of people: error rate, number of speakers, words, CPU time.

    python -m tests.bench.diarization [--half development|"held out"] [--words WHISPER_FOLDER] [--each]
    python -m tests.bench.diarization --live [--half HALF] [--each]
    python -m tests.bench.diarization --minutes 60
    python -m tests.bench.diarization --write FOLDER

The conversations are those of tests/real/conversations.py. `DER .25` is the diarization error rate with a collar of
0.25 s, overlaps included, `confused` the part of it that is the wrong speaker's, `DER 0` the rate without a collar.
`count` is how often the number of speakers was right, `given` the rate where the number was told. CPU is of decoding,
detection and diarization, for each second of audio. `--words` transcribes too, and counts the words in whose middle one
person speaks. `--live` measures what a live session tells instead (tests/bench/live_speakers.py): turns that end after
0.5 s of silence, each given to its speakers when it ends, while their number is not told. `--write` writes the
conversations as WAV, with the truth in RTTM, for other programs.
"""

import argparse
import asyncio
import io
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from speechd.asr.diarization.campplus import CampplusEngine
from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.diarization.known_speakers import assign_one_to_one
from speechd.asr.diarization.words import assign_words
from speechd.types import SAMPLE_RATE, Diarization, SpeakerOptions, SpeakerTurn, TranscribeOptions
from tests.bench.live_speakers import live_speakings
from tests.real.conversations import Conversation, conversations, long_conversation
from tests.real.corpora import Recording
from tests.real.recognisers import Clock, Speechd
from tests.real.weights import speakers_folder
from tests.support.diarization_error import DiarizationError, Speaking, diarization_error, write_rttm

COLLAR = 0.25


@dataclass(frozen=True)
class Measured:
    """One conversation, or the sum of several."""

    recordings: int
    seconds: float
    collar: DiarizationError
    no_collar: DiarizationError
    given: DiarizationError
    right_counts: int
    cpu_seconds: float
    words: int = 0
    right_words: int = 0

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(
            self.recordings + other.recordings,
            self.seconds + other.seconds,
            self.collar + other.collar,
            self.no_collar + other.no_collar,
            self.given + other.given,
            self.right_counts + other.right_counts,
            self.cpu_seconds + other.cpu_seconds,
            self.words + other.words,
            self.right_words + other.right_words,
        )


NOTHING = Measured(0, 0, DiarizationError(), DiarizationError(), DiarizationError(), 0, 0)


def wav(conversation: Conversation) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, conversation.samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def speakings(diarization: Diarization) -> list[Speaking]:
    """Turns as the measure wants them."""
    return [Speaking(turn.start, turn.end, str(turn.speaker)) for turn in diarization.turns]


def measure(conversation: Conversation, diarizer: Diarizer, recogniser: Speechd | None) -> Measured:
    """One conversation, its number of speakers unknown and then told."""
    data, truth = wav(conversation), conversation.truth
    people = len({turn.speaker for turn in truth})

    def diarized(options: SpeakerOptions) -> Diarization:
        found = diarizer.diarize(io.BytesIO(data), 36_000, TranscribeOptions(), options)
        return asyncio.run(found).diarization

    clock = Clock()
    found = diarized(SpeakerOptions())
    _, cpu = clock.elapsed()
    given = diarized(SpeakerOptions(num_speakers=people))
    words = right_words(conversation, found.turns, recogniser, data) if recogniser else (0, 0)
    return Measured(
        1,
        conversation.seconds,
        diarization_error(truth, speakings(found), COLLAR),
        diarization_error(truth, speakings(found), 0),
        diarization_error(truth, speakings(given), COLLAR),
        int(found.speakers == people),
        cpu,
        *words,
    )


def right_words(
    conversation: Conversation, turns: Sequence[SpeakerTurn], recogniser: Speechd, data: bytes
) -> tuple[int, int]:
    """Words in whose middle one person speaks, and how many of them were given to that person."""
    recording = Recording(conversation.name, data, conversation.seconds, ())
    words = recogniser(recording, "multi", word_timestamps=True).words
    speaking = [
        {turn.speaker for turn in conversation.truth if turn.start <= (word.start + word.end) / 2 < turn.end}
        for word in words
    ]
    people = sorted({turn.speaker for turn in conversation.truth})
    pairs = [
        (people.index(*said), found)
        for said, found in zip(speaking, assign_words(words, turns), strict=True)
        if len(said) == 1 and found is not None
    ]
    counts = np.zeros((len(people), max((found for _, found in pairs), default=0) + 1))
    for person, found in pairs:
        counts[person, found] += 1
    return len(pairs), int(sum(counts[pair] for pair in assign_one_to_one(counts)))


def write(folder: Path, halves: Sequence[str]) -> None:
    """Each conversation as NAME.wav and NAME.rttm."""
    folder.mkdir(parents=True, exist_ok=True)
    for conversation in (each for half in halves for each in conversations(half)):
        (folder / f"{conversation.name}.wav").write_bytes(wav(conversation))
        write_rttm(folder / f"{conversation.name}.rttm", conversation.truth)


def table(rows: dict[str, Measured], title: str) -> Table:
    drawn = Table(
        title, "files", "min", "DER .25", "missed", "false", "confused", "DER 0", "count", "given", "words", "CPU"
    )
    for name, row in rows.items():
        error = row.collar
        parts = (error.missed, error.false_alarm, error.confused)
        drawn.add_row(
            name,
            str(row.recordings),
            f"{row.seconds / 60:.1f}",
            f"{error.rate:.2%}",
            *(f"{part / max(error.total, 1e-9):.2%}" for part in parts),
            f"{row.no_collar.rate:.2%}",
            f"{row.right_counts}/{row.recordings}",
            f"{row.given.rate:.2%}",
            f"{row.right_words}/{row.words}" if row.words else "",
            f"{row.cpu_seconds / row.seconds:.4f}",
        )
    return drawn


def live_table(half: str, diarizer: Diarizer, *, each: bool) -> Table:
    """The conversations of one half as live sessions."""
    errors, right = defaultdict[str, DiarizationError](DiarizationError), defaultdict[str, list[bool]](list)
    for conversation in conversations(half):
        truth, told = conversation.truth, live_speakings(conversation.samples, diarizer)
        error = diarization_error(truth, told, COLLAR)
        people = len({turn.speaker for turn in told}) == len({turn.speaker for turn in truth})
        for name in ("all", *conversation.plan.conditions, *([conversation.name] if each else [])):
            errors[name] += error
            right[name].append(people)
    drawn = Table(f"live, {half}", "DER .25", "confused", "count")
    for name, error in errors.items():
        confused = error.confused / max(error.total, 1e-9)
        drawn.add_row(name, f"{error.rate:.2%}", f"{confused:.2%}", f"{sum(right[name])}/{len(right[name])}")
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", action="append", choices=("development", "held out"), help="default: both")
    parser.add_argument("--words", type=Path, help="folder of a Whisper model; transcribe too")
    parser.add_argument("--each", action="store_true", help="a line for each conversation, too")
    parser.add_argument("--live", action="store_true", help="as a live session tells it")
    parser.add_argument("--minutes", type=float, help="one conversation of four people that long, and no other")
    parser.add_argument("--write", type=Path, help="only write the conversations into this folder")
    asked = parser.parse_args()
    halves = asked.half or ("development", "held out")
    if asked.write:
        write(asked.write, halves)
        return
    diarizer = Diarizer(CampplusEngine(speakers_folder()))
    if asked.minutes:
        measured = measure(long_conversation(asked.minutes), diarizer, None)
        Console(width=150).print(table({"all": measured}, "four people"))
        return
    if asked.live:
        for half in halves:
            Console(width=150).print(live_table(half, diarizer, each=asked.each))
        return
    with tempfile.TemporaryDirectory() as data:
        recogniser = Speechd(asked.words, Path(data)) if asked.words else None
        for half in halves:
            rows: dict[str, Measured] = {}
            for conversation in conversations(half):
                measured = measure(conversation, diarizer, recogniser)
                names = ["all", *conversation.plan.conditions, *([conversation.name] if asked.each else [])]
                for name in names:
                    rows[name] = rows.get(name, NOTHING) + measured
            Console(width=150).print(table(rows, half))
        if recogniser:
            recogniser.close()


if __name__ == "__main__":
    main()
