"""Word error rates of the embedded recognisers, and of `auto` between them, on recordings with transcripts.

    python -m tests.bench.embedded FOLDER...

Each FOLDER holds recordings `x.wav` (or .flac, .raw of 16 kHz int16) beside their texts `x.txt`; without any, the
English audio fixtures are taken. A person's recordings to measure on come with PocketSphinx's source
(test/data/librivox).
"""

import argparse
import asyncio
import io
import tempfile
import time
import wave
from collections.abc import Iterator
from pathlib import Path

from speechd.operations import TranscriptionRequest, transcribe
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.types import TranscribeOptions
from tests.conftest import fixtures
from tests.support.wer import word_errors

MODELS = ("whisper-pocket", "pocketsphinx-en-us", "auto")
OPTIONS = TranscribeOptions()


def recordings(folder: Path) -> Iterator[tuple[bytes, str]]:
    for path in sorted(folder.iterdir()):
        text = path.with_suffix(".txt")
        if path.suffix in (".wav", ".flac", ".raw") and text.exists():
            yield _wav(path.read_bytes()) if path.suffix == ".raw" else path.read_bytes(), text.read_text()


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setnchannels(1)
        output.setsampwidth(2)
        output.setframerate(16_000)
        output.writeframes(pcm)
    return file.getvalue()


async def measure(service: Service, name: str, items: list[tuple[bytes, str]]) -> None:
    for model in MODELS:
        errors = words = 0
        seconds, began, done_by = 0.0, time.monotonic(), set()
        for content, text in items:
            request = TranscriptionRequest(model, OPTIONS, file=io.BytesIO(content))
            transcript, _ = await transcribe(service, request)
            wrong, length = word_errors(text, transcript.text)
            errors, words, seconds = errors + wrong, words + length, seconds + transcript.duration
            done_by.add(transcript.model)
        speed = (time.monotonic() - began) / seconds
        rate = f"WER {errors / words:.3f} ({errors} of {words} words)"
        print(f"{name:<16} {model:<20} {rate:<32} RTF {speed:.3f}  {' '.join(sorted(done_by))}", flush=True)


async def run(folders: list[Path]) -> None:
    english = [fixture for fixture in fixtures() if fixture.language == "en" and fixture.path.parent.name != "long"]
    sets = {folder.name: list(recordings(folder)) for folder in folders}
    sets = sets or {"fixtures": [(fixture.path.read_bytes(), fixture.text) for fixture in english]}
    with tempfile.TemporaryDirectory() as data:
        service = open_service(Settings(data_dir=Path(data)))
        for name, items in sets.items():
            await measure(service, name, items)
        await service.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    asyncio.run(run(parser.parse_args().folders))


if __name__ == "__main__":
    main()
