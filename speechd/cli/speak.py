"""`speechd speak`: a text through the same operations as the HTTP API, with a progress bar when it is long."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from speechd.audio.encode import AUDIO_FORMATS, SAMPLE_RATES
from speechd.audio.time_stretch import FASTEST, SLOWEST
from speechd.errors import InvalidRequest
from speechd.operations import SpeechRequest, open_speech
from speechd.schemas.transcription import language_code
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.tts.captions import CAPTION_FORMATS, captions, captions_of_words
from speechd.types import Speech, SpeechOptions, SpeechPart, Word

LONG_TEXT = 2000
"""Characters from which on a progress bar is shown."""


@dataclass(frozen=True, slots=True)
class SpeakPlan:
    """The options of one run of the command."""

    request: SpeechRequest
    output: Path | None
    """File to write; None is standard output."""
    captions: Path | None

    @classmethod
    def read(
        cls,
        text: str,
        *,
        voice: str,
        speed: float,
        sample_rate: int | None,
        format: str | None,
        output: Path | None,
        captions: Path | None,
        language: str | None = None,
    ) -> "SpeakPlan":
        """Checks the command line.

        Raises:
            InvalidRequest: a format, rate, speed, suffix or language is not known.
        """
        if captions is not None and captions.suffix.removeprefix(".") not in CAPTION_FORMATS:
            raise InvalidRequest(f"--captions needs a file that ends in .{', .'.join(CAPTION_FORMATS)}.")
        if sample_rate is not None and sample_rate not in SAMPLE_RATES:
            raise InvalidRequest(f"--sample-rate must be one of {', '.join(map(str, SAMPLE_RATES))}.")
        if not SLOWEST <= speed <= FASTEST:
            raise InvalidRequest(f"--speed must be between {SLOWEST:g} and {FASTEST:g}.")
        options = SpeechOptions(_format(format, output), sample_rate, speed, captions=captions is not None)
        if language is not None:
            options = replace(options, language=language_code(language, "language"))
        return cls(SpeechRequest(text, voice=voice, options=options), output, captions)


def read_text(text: str | None, file: Path | None) -> str:
    """The text given, or that of a file, or of standard input for `-` and for none.

    Raises:
        InvalidRequest: both are given, or the file is no text in UTF-8.
    """
    if text is not None and file is not None:
        raise InvalidRequest("Give a text or --file, not both.")
    try:
        if file is not None:
            return file.read_text(encoding="utf-8")
        return sys.stdin.read() if text in (None, "-") else str(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The text cannot be read: {error}") from error


def _format(name: str | None, output: Path | None) -> str:
    """The format named, or that of the file's suffix."""
    by_suffix = {shape.suffix: shape.name for shape in reversed(AUDIO_FORMATS.values())} | {
        ".oga": "ogg",
        ".m4a": "aac",
    }
    chosen = name or (by_suffix.get(output.suffix.lower()) if output else "wav")
    if chosen not in AUDIO_FORMATS:
        raise InvalidRequest(
            f"--format must be one of {', '.join(AUDIO_FORMATS)}. The suffix of the file can name it too."
        )
    return chosen


async def run(plan: SpeakPlan, settings: Settings) -> int:
    """Speaks and writes. Returns the exit status."""
    console = Console(stderr=True)
    service = open_service(settings)
    try:
        with _opened(plan.output) as file, _progress(console, len(plan.request.text)) as advance:
            words, speech, language = await _speak(service, plan, file, advance)
        if plan.captions is not None:
            said = captions(words, language, speech.duration, speech.voice)
            plan.captions.write_text(captions_of_words(said, plan.captions.suffix.removeprefix(".")), encoding="utf-8")
    finally:
        await service.close()
    if plan.output is not None:
        console.print(f"{plan.output}: {speech.duration:.1f} s, {speech.voice}", highlight=False)
    return 0


async def _speak(
    service: Service, plan: SpeakPlan, file: BinaryIO, advance: Callable[[int], None]
) -> tuple[list[Word], Speech, str]:
    """Writes the audio as it arrives. Returns the words, the result and the language."""
    words: list[Word] = []
    async with open_speech(service, plan.request) as stream:
        async for part in stream.parts:
            if isinstance(part, SpeechPart):
                file.write(part.audio)
                words += part.words
                advance(part.characters)
            else:
                return words, part, plan.request.options.language or stream.voice.info.language
    raise RuntimeError("the speaker ended without a speech")


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    """The file, which appears under its name only when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with file:
            yield file  # type: ignore[misc]
        Path(file.name).chmod(0o666 & ~_umask())
        Path(file.name).replace(path)
    finally:
        Path(file.name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _progress(console: Console, characters: int) -> Iterator[Callable[[int], None]]:
    """A function that reports spoken characters: a bar for long texts on a terminal."""
    columns = (TextColumn("speaking"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=characters < LONG_TEXT) as progress:
        task = progress.add_task("", total=characters)
        yield lambda count: progress.update(task, advance=count)
