"""`speechd listen`: a source of audio, who transcribes it, what is printed while it comes and written at the end."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from speechd.cli.listen.live_text import LiveText
from speechd.cli.listen.remote import RemoteSession
from speechd.cli.listen.sources import Audio, AudioSource, Microphone, Recording, StandardInput, with_silence
from speechd.cli.transcribe.options import TranscribeArgs
from speechd.cli.transcribe.run import FILE_FORMATS, STANDARD
from speechd.errors import InvalidRequest
from speechd.formats.transcript import Format
from speechd.operations import RequestContext
from speechd.operations.live import LiveConfig, LiveTranscription, TurnDetection, WireFormat
from speechd.operations.live.turn import Emit
from speechd.service import open_service
from speechd.settings import Settings
from speechd.types import TranscribeOptions

AFTER_SILENCE = 0.5
"""Seconds of silence after the audio, beyond what ends a line."""
FINAL_SECONDS = 600.0
"""In which the last lines must be whole."""


@dataclass(frozen=True, slots=True)
class ListenPlan:
    """The options of one run of the command."""

    file: Path | None
    """None: the microphone."""
    device: str | None
    speed: float
    model: str
    options: TranscribeOptions
    detection: TurnDetection
    format: Format
    output: Path | None
    """None: standard output."""
    server: str | None
    api_key: str | None

    @classmethod
    def read(
        cls,
        file: Path | None,
        *,
        model: str,
        language: str | None,
        prompt: str,
        device: str | None,
        silence: float,
        speed: float,
        format: str,
        output: Path | None,
        speakers: bool,
        max_speakers: int | None,
        server: str | None,
        api_key: str | None,
    ) -> "ListenPlan":
        """Checks the command line.

        Raises:
            InvalidRequest: a format or language is unknown, or options contradict each other.
        """
        if format not in FILE_FORMATS:
            raise InvalidRequest(f"--format must be one of {', '.join(FILE_FORMATS)}, not {format}.")
        if file is not None and device is not None:
            raise InvalidRequest("Give a file or --device, not both.")
        row = FILE_FORMATS[format]
        args = TranscribeArgs(language=language, prompt=prompt, speakers=speakers, max_speakers=max_speakers)
        options = args.options([row])
        if options.multilingual:
            raise InvalidRequest("--language multi needs a whole recording: use `speechd transcribe`.")
        detection = TurnDetection(silence=silence)
        if options.speakers is not None:
            options = replace(options, speakers=replace(options.speakers, voices=True))
        return cls(file, device, speed, model, options, detection, row, output, server, api_key)

    @property
    def is_document(self) -> bool:
        """Something is written at the end, beside the lines."""
        return self.output is not None or self.format.name != "txt"


def run(plan: ListenPlan, settings: Settings) -> int:
    """Listens until the audio ends or Ctrl-C is pressed, and writes. Returns the exit status.

    Raises:
        SpeechdError: there is no audio, or it cannot be transcribed.
    """
    source = _source(plan)
    live = sys.stderr if plan.is_document and plan.output is None else sys.stdout

    def write(text: str) -> None:
        live.write(text)
        live.flush()

    heard = LiveText(write, word_by_word=live.isatty(), by_speaker=plan.options.speakers is not None)
    if plan.file is None:
        print("Listening. Ctrl-C ends it.", file=sys.stderr)
    asyncio.run(_listen(plan, settings, source, heard))
    if plan.is_document:
        _write(plan, heard)
    return 0


def _source(plan: ListenPlan) -> AudioSource:
    if plan.file is None:
        return Microphone(plan.device)
    return StandardInput() if plan.file == STANDARD else Recording(plan.file, plan.speed)


async def _listen(plan: ListenPlan, settings: Settings, source: AudioSource, heard: LiveText) -> None:
    with _until_interrupted() as interrupted:
        until_then = _stoppable(source.pieces(), interrupted)
        audio = with_silence(until_then, source.rate, plan.detection.silence + AFTER_SILENCE)
        async with contextlib.aclosing(audio):
            if plan.server is not None:
                key = plan.api_key or (settings.api_key.get_secret_value() if settings.api_key else "")
                options = replace(plan.options, word_timestamps=plan.is_document)
                session = RemoteSession(plan.server, key, plan.model, options)
                await session.listen(audio, source.rate, plan.detection, heard.take)
            else:
                await _listen_here(plan, settings, audio, source.rate, heard.take)


async def _listen_here(plan: ListenPlan, settings: Settings, audio: Audio, rate: int, emit: Emit) -> None:
    # The process has no other callers. Who names a model here means that one.
    service = open_service(settings.model_copy(update={"max_wait": 0.0, "hosted_names": "strict"}))
    config = LiveConfig(plan.model, plan.options, plan.detection)
    try:
        await service.transcriber(plan.model, plan.options)
        live = LiveTranscription(
            service, RequestContext(), emit, config, WireFormat(rate=rate), settings.max_realtime_turn
        )
        try:
            live.warm_up()
            async for piece in audio:
                await live.append(piece)
            await live.drain(FINAL_SECONDS)
        finally:
            await live.close()
    finally:
        await service.close()


async def _stoppable(pieces: Audio, stopped: asyncio.Event) -> AsyncGenerator[bytes, None]:
    """The audio until Ctrl-C."""
    stop = asyncio.ensure_future(stopped.wait())
    try:
        async with contextlib.aclosing(pieces):
            while not stopped.is_set():
                following = asyncio.ensure_future(anext(pieces, None))
                await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
                    return
                if (piece := following.result()) is None:
                    return
                yield piece
    finally:
        stop.cancel()


@contextlib.contextmanager
def _until_interrupted() -> Iterator[asyncio.Event]:
    """The first Ctrl-C ends the audio. The second one ends the process."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        stopped.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _write(plan: ListenPlan, heard: LiveText) -> None:
    document = plan.format.encode(heard.transcript(plan.options.language), TranscribeArgs().view())
    if plan.output is None:
        print(document.decode().rstrip("\n"))
        return
    try:
        plan.output.write_bytes(document)
    except OSError as error:
        raise InvalidRequest(f"{plan.output} cannot be written: {error.strerror}.") from error
