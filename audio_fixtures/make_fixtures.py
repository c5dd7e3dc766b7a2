#!/usr/bin/env python3
"""Make the audio fixtures: real small audio with its true texts and word times.

Needs, on Debian or Ubuntu:
    apt-get install libespeak-ng1 libflite1 ffmpeg libavcodec-extra
(libavcodec-extra carries the AMR encoder) and, from the package registry:
    pip install numpy soundfile soxr av

The same library versions make the same bytes; other versions make equally good fixtures with
slightly different voices. Everything but the scripts and the README is rewritten.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from recipe import broken, containers, signals, texts
from recipe.signals import Recording
from recipe.texts import Line
from recipe.voices import Utterance, Voice

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Fixture:
    """One file of the manifest before it is written."""

    file: str
    """Path inside the folder."""
    recording: Recording
    """What it holds."""
    language: str | None
    """ISO 639-1 code, or None without speech."""
    tags: tuple[str, ...]
    """What it is for."""
    note: str
    """How it was made, in words."""
    english: str | None = None
    """The true translation, if it is not English."""
    options: str | None = None
    """ffmpeg's output options; None writes 16-bit WAV or FLAC."""

    def write(self, folder: Path) -> None:
        """Write the audio file."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.options is None:
            containers.write(path, self.recording)
        else:
            containers.encode(path, self.recording, self.options)

    def entry(self) -> dict[str, Any]:
        """The row of the manifest."""
        words = [dataclasses.asdict(word) for word in self.recording.words]
        for word in words:
            word.update(start=round(word["start"], 3), end=round(word["end"], 3))
        row: dict[str, Any] = {
            "file": self.file,
            "language": self.language,
            "text": self.recording.text,
            "words": words,
            "duration": round(self.recording.duration, 3),
            "tags": list(self.tags),
            "note": self.note,
        }
        if self.recording.turns:
            turns = [dataclasses.asdict(turn) for turn in self.recording.turns]
            row["turns"] = [{**turn, "end": round(turn["end"], 3)} for turn in turns]
        return row if self.english is None else {**row, "english": self.english}


def say(line: Line) -> Utterance:
    """Speak a line of the lists."""
    return Voice(line.voice).say(line.text)


def short_clips() -> Iterator[Fixture]:
    """One sentence a file, four languages, many speakers."""
    for line in texts.SHORT_CLIPS:
        recording = signals.clip(say(line))
        yield Fixture(line.file, recording, line.language, line.tags, line.voice, line.english)


def sentence_in_every_container() -> Iterator[Fixture]:
    """The same sentence in every accepted container, sample rate and sample format."""
    recording = signals.clip(say(texts.CONTAINER_LINE))
    for file, options in containers.CONTAINERS.items():
        tag = "container" if file.startswith("containers/") else "format"
        tags = (tag, "narrowband") if "-ar 8000" in options else (tag,)
        yield Fixture(file, recording, "en", tags, f"ffmpeg {options}", options=options)


def channels() -> Iterator[Fixture]:
    """Stereo that must be mixed down with care."""
    left, right = say(texts.LEFT_LINE), say(texts.RIGHT_LINE)
    alone = signals.in_channel(signals.clip(left), channel=0, channels=2)
    yield Fixture("channels/left_only.flac", alone, "en", ("channels",), "right channel silent")
    turns = signals.take_turns(left, right)
    note = "one speaker on the left, then another on the right"
    yield Fixture("channels/two_speakers.flac", turns, "en", ("channels",), note)
    call = signals.call([(channel, start, say(line)) for channel, start, line in texts.CALL])
    note = "two speakers, one a channel, who interrupt each other"
    yield Fixture("channels/call.opus", call, "en", ("channels", "call"), note, options=containers.CALL_OPUS)


def several_sentences() -> Iterator[Fixture]:
    """Recordings that are longer than one window, or mostly pause."""
    pauses = signals.sequence([(say(line), pause) for line, pause in texts.PAUSES])
    yield Fixture("long/pauses_25s.flac", pauses, "en", ("long",), "pauses of 0.2 to 3 s")
    speakers = cycle(texts.LONG_VOICES)
    spoken = [Voice(next(speakers)).say(text) for text in texts.LONG_TEXTS]
    recording = signals.random_pauses(spoken, seed=3)
    note = f"{len(spoken)} sentences, {len(texts.LONG_VOICES)} voices in turn, pauses of 0.4 to 1.5 s"
    options = containers.LONG_OPUS
    yield Fixture("long/three_minutes.opus", recording, "en", ("long",), note, options=options)


def sounds() -> Iterator[Fixture]:
    """Speech under noise, and sounds in which nobody speaks."""
    noisy = signals.with_noise(signals.clip(say(texts.NOISY_LINE)), decibels=10, seed=4)
    yield Fixture("noise/speech_10db.flac", noisy, "en", ("noise",), "white noise, 10 dB SNR")
    silent = Recording(signals.silence(5.0))
    for name, recording, note in (
        ("silence_5s", silent, "digital silence"),
        ("white_noise", signals.white_noise(3.0), "white noise at -26 dBFS"),
        ("hum", signals.hum(4.0), "50 Hz and odd harmonics"),
        ("clicks", signals.clicks(4.0), "single-sample clicks"),
        ("tones", signals.tones(4.0), "plucked chords"),
    ):
        yield Fixture(f"noise/{name}.flac", recording, None, ("no-speech",), note)


def make(folder: Path) -> None:
    """Write every file and both manifests into `folder`."""
    for name in ("containers", "formats", "channels", "long", "noise", "broken"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for clip in [*folder.glob("*.wav"), *folder.glob("*.flac")]:
        clip.unlink()
    manifest = []
    for part in (short_clips, sentence_in_every_container, channels, several_sentences, sounds):
        for fixture in part():
            fixture.write(folder)
            manifest.append(fixture.entry())
    _write_json(folder / "manifest.json", manifest)
    _write_json(folder / "broken" / "manifest.json", broken.make(folder))


def _write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    """A list with one row a line, so that a changed row is a changed line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    help_ = "folder to write to (default: this script's)"
    parser.add_argument("--into", type=Path, default=HERE, help=help_)
    folder: Path = parser.parse_args().into
    folder.mkdir(parents=True, exist_ok=True)
    make(folder)


if __name__ == "__main__":
    main()
