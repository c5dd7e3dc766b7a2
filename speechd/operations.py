"""One function per thing speechd can be asked; the HTTP API, the CLI and batches all go through here."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, BinaryIO

from speechd.audio import encode
from speechd.auth.meter import Meter
from speechd.cache.coalescing import CacheStatus
from speechd.charging import charged_speech, charged_transcription
from speechd.dialects import Dialect
from speechd.errors import InvalidRequest
from speechd.formats.transcript import TRANSCRIPT_FORMATS, JsonObject, View
from speechd.llm.proxy import TextRequest
from speechd.net.fetch import FetchLimits, fetch_audio
from speechd.registry.voices import Voice
from speechd.schemas.llm import ChatForm, EmbeddingForm, ResponseForm, TextForm
from speechd.schemas.speech import SpeechBody
from speechd.schemas.transcription import AudioForm, TranscriptionForm, TranslationForm
from speechd.service import Service
from speechd.settings import Settings
from speechd.types import (
    Segment,
    Speech,
    SpeechOptions,
    SpeechPart,
    Timings,
    TranscribeOptions,
    Transcriber,
    Transcript,
)


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A recording, by its bytes or by where it can be fetched, and what to do with it."""

    model: str
    options: TranscribeOptions
    file: BinaryIO | None = None
    """Open and seekable; the operation closes it."""
    url: str | None = None
    """http(s) URL, `data:` URL or base64url."""
    caller: str = ""
    """Whose request it is: the answers of different callers are kept apart."""
    meter: Meter | None = None
    """Where its audio is reserved and charged; None: nowhere, or the one who asked does it."""


@dataclass(frozen=True, slots=True)
class TranscriptionStream:
    """A transcription under way."""

    done_by: Transcriber | Transcript
    parts: AsyncIterator[Segment | Transcript]
    """Segments as they are final, then the Transcript."""
    how: CacheStatus = "miss"
    """Whether it is being computed or was known."""

    @property
    def model(self) -> str:
        """Id of the model that does it; final once the first part is there."""
        return self.done_by.model


async def transcribe(service: Service, request: TranscriptionRequest) -> tuple[Transcript, CacheStatus]:
    """Transcribes or translates a whole recording; identical requests share one computation.

    Raises:
        InvalidRequest: both or neither of file and url.
        SpeechdError: the model, the URL or the recording is refused.
    """
    with contextlib.ExitStack() as owned:
        audio = await _audio(service, request, owned)
        _, transcriber = await service.transcriber(request.model, request.options)
        key = await asyncio.to_thread(_key, transcriber.model, request, audio)
        owned.pop_all()  # from here on the recording belongs to the computation, which may outlive this request
        compute = partial(_whole, transcriber, audio, request, service.settings.max_audio_seconds)
        return await service.coalescer.run(key, compute, audio.close)


@contextlib.asynccontextmanager
async def open_transcription(service: Service, request: TranscriptionRequest) -> AsyncGenerator[TranscriptionStream]:
    """Starts a transcription; leaving the context stops it and releases what it holds.

    Raises:
        InvalidRequest: both or neither of file and url.
        SpeechdError: the model, the URL or the recording is refused.
    """
    with contextlib.ExitStack() as owned:
        audio = await _audio(service, request, owned)
        _, transcriber = await service.transcriber(request.model, request.options)
        key = await asyncio.to_thread(_key, transcriber.model, request, audio)
        if (known := service.coalescer.recall(key)) is not None:
            yield TranscriptionStream(known, _replayed(known), "hit")
            return
        most = service.settings.max_audio_seconds
        stream = transcriber.stream(audio, request.options)
        charged = charged_transcription(request.meter, stream, audio, request.options, most, in_parts=True)
        async with contextlib.aclosing(stream), contextlib.aclosing(charged) as parts:
            yield TranscriptionStream(transcriber, _remembered(service, key, parts), "miss")


async def _audio(service: Service, request: TranscriptionRequest, owned: contextlib.ExitStack) -> BinaryIO:
    """The recording; `owned` closes it."""
    if request.file is not None:
        owned.callback(request.file.close)
    if (request.file is None) == (request.url is None):
        raise InvalidRequest("Give either `file` or `url`, not both or neither.", param="file")
    if request.file is not None:
        return request.file
    return owned.enter_context(await fetch(service, request.url or ""))


async def fetch(service: Service, url: str) -> BinaryIO:
    """What a `url` stands for, as an open file; the caller closes it.

    Raises:
        SpeechdError: see speechd.net.fetch.fetch_audio.
    """
    return await fetch_audio(url, fetch_limits(service.settings))


def _key(model: str, request: TranscriptionRequest, audio: BinaryIO) -> Hashable:
    """Equal for requests that must have equal answers; sampled text is never equal."""
    audio.seek(0)
    digest = hashlib.file_digest(audio, "sha256").digest()  # type: ignore[arg-type]
    audio.seek(0)
    chance = object() if request.options.temperature else None
    return digest, model, request.options, request.caller, chance


async def _whole(transcriber: Transcriber, audio: BinaryIO, request: TranscriptionRequest, most: float) -> Transcript:
    """The transcript; its audio is charged when the work ends, whether or not the one who asked is still there."""
    stream = transcriber.stream(audio, request.options)
    charged = charged_transcription(request.meter, stream, audio, request.options, most, in_parts=False)
    async with contextlib.aclosing(stream), contextlib.aclosing(charged) as parts:
        async for part in parts:
            if isinstance(part, Transcript):
                return part
    raise RuntimeError("the transcriber ended without a transcript")


async def _replayed(transcript: Transcript) -> AsyncIterator[Segment | Transcript]:
    for segment in transcript.segments:
        yield segment
    yield transcript


async def _remembered(
    service: Service, key: Hashable, parts: AsyncIterator[Segment | Transcript]
) -> AsyncIterator[Segment | Transcript]:
    async for part in parts:
        if isinstance(part, Transcript):
            service.coalescer.remember(key, part)
        yield part


def fetch_limits(settings: Settings) -> FetchLimits:
    """How much a `url` may cost here, and how far it may reach."""
    return FetchLimits(settings.max_upload_bytes, settings.fetch_timeout, settings.fetch_allow_hosts)


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A text, and who is to say it how."""

    text: str
    model: str = "auto"
    voice: str = "auto"
    options: SpeechOptions = field(default_factory=SpeechOptions)
    meter: Meter | None = None
    """As TranscriptionRequest.meter."""


@dataclass(frozen=True, slots=True)
class SpeechStream:
    """A speech under way."""

    voice: Voice
    parts: AsyncIterator[SpeechPart | Speech]
    """Encoded audio as it is ready, then the Speech."""


@contextlib.asynccontextmanager
async def open_speech(service: Service, request: SpeechRequest) -> AsyncGenerator[SpeechStream]:
    """Starts a speech; leaving the context stops it.

    Raises:
        SpeechdError: the model, the voice, the text or an option is refused.
    """
    voice, speaker = await service.speaker(request.model, request.voice)
    stream = speaker.stream(request.text, request.options)
    charged = charged_speech(request.meter, stream, request.text, request.options)
    async with contextlib.aclosing(stream), contextlib.aclosing(charged) as parts:
        yield SpeechStream(voice, parts)


def response_view(form: AudioForm, dialect: Dialect, request_id: str) -> View:
    """What of the transcript a request wants to see."""
    return View(
        dialect=dialect,
        request_id=request_id,
        segments=form.wants_segments,
        words=form.wants_words,
        logprobs=form.wants_logprobs,
        evidence=form.wants_evidence,
        languages=form.wants_languages,
        layout=form.to_layout(),
        channel_labels=form.channel_labels,
    )


def response_headers(transcript: Transcript, how: CacheStatus) -> dict[str, str]:
    """The reply headers that tell how a transcription went."""
    timings = Timings() if how == "hit" else transcript.timings
    stages = ", ".join(f"{stage};dur={seconds * 1000:.1f}" for stage, seconds in asdict(timings).items())
    headers = {
        "x-speechd-model": transcript.model,
        "x-speechd-cache": how,
        "x-speechd-queue-ms": f"{timings.queue * 1000:.0f}",
        "server-timing": stages,  # W3C Server Timing: milliseconds
    }
    if transcript.warnings:
        headers["x-speechd-warning"] = ", ".join(transcript.warnings)
    return headers


@dataclass(frozen=True, slots=True)
class WrittenRequest:
    """A request that was written down to be done later: a line of a batch."""

    fields: Mapping[str, Any]
    """Its JSON body."""
    dialect: Dialect
    """Whose words the answer is in."""
    request_id: str
    caller: str
    keep: Callable[[bytes], Awaitable[None]]
    """Takes the bytes of a file that the request makes, piece by piece."""


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """What became of it."""

    body: JsonObject
    audio_seconds: float = 0.0
    """Of audio that was transcribed or spoken for it."""
    made: str = ""
    """Name for the file whose bytes were kept; "" where there is none."""


async def _written_chat(service: Service, request: WrittenRequest) -> WrittenAnswer:
    asked = _checked(request, ChatForm)
    signature = request.request_id if request.dialect.request_id_in_body else None
    async with service.llm.complete("/chat/completions", asked, signature) as answer:
        return WrittenAnswer(json.loads(await answer.read()))


async def _written_response(service: Service, request: WrittenRequest) -> WrittenAnswer:
    async with service.llm.respond(_checked(request, ResponseForm)) as answer:
        return WrittenAnswer(json.loads(await answer.read()))


async def _written_embedding(service: Service, request: WrittenRequest) -> WrittenAnswer:
    return WrittenAnswer(json.loads(await service.llm.embed(_checked(request, EmbeddingForm))))


async def _written_transcription(service: Service, request: WrittenRequest) -> WrittenAnswer:
    return await _listen(service, request, TranscriptionForm)


async def _written_translation(service: Service, request: WrittenRequest) -> WrittenAnswer:
    return await _listen(service, request, TranslationForm)


async def _written_speech(service: Service, request: WrittenRequest) -> WrittenAnswer:
    body = SpeechBody.parse(dict(request.fields))
    if body.stream_format == "sse":
        raise InvalidRequest("Nothing can be streamed here: leave `stream_format` out.", param="stream_format")
    options = body.to_options(request.dialect.speech_sample_rate)
    asked = SpeechRequest(text=body.input, model=body.model, voice=body.voice_name, options=options)
    duration = 0.0
    async with open_speech(service, asked) as stream:
        async for part in stream.parts:
            if isinstance(part, SpeechPart):
                await request.keep(part.audio)
            else:
                duration = part.duration
        answer: JsonObject = {"voice": stream.voice.id, "duration": round(duration, 3)}
    return WrittenAnswer(answer, duration, made="speech" + encode.AUDIO_FORMATS[options.format].suffix)


async def _listen(service: Service, request: WrittenRequest, form_type: type[AudioForm]) -> WrittenAnswer:
    """The answer's object; text, subtitles and the like become its `text`."""
    _refuse_stream(request)
    form = form_type.parse({name.removesuffix("[]"): value for name, value in request.fields.items()})
    if form.url is None:
        raise InvalidRequest("`url` is required here: an http(s) or `data:` URL, or base64url.", param="url")
    asked = TranscriptionRequest(form.model, form.to_options(), url=form.url, caller=request.caller)
    transcript, how = await transcribe(service, asked)
    view = response_view(form, request.dialect, request.request_id)
    content = await asyncio.to_thread(TRANSCRIPT_FORMATS[form.response_format].render, transcript, view)
    body = {"text": content} if isinstance(content, str) else content
    return WrittenAnswer(body, audio_seconds=transcript.audio_seconds if how == "miss" else 0.0)


def _checked(request: WrittenRequest, form: type[TextForm]) -> TextRequest:
    _refuse_stream(request)
    form.check(dict(request.fields))
    return TextRequest(request.fields, json.dumps(request.fields).encode())


def _refuse_stream(request: WrittenRequest) -> None:
    if request.fields.get("stream"):
        raise InvalidRequest("Nothing can be streamed here: leave `stream` out.", param="stream")


Operation = Callable[[Service, WrittenRequest], Awaitable[WrittenAnswer]]

OPERATIONS: Mapping[str, Operation] = {
    "/v1/chat/completions": _written_chat,
    "/v1/responses": _written_response,
    "/v1/embeddings": _written_embedding,
    "/v1/audio/transcriptions": _written_transcription,
    "/v1/audio/translations": _written_translation,
    "/v1/audio/speech": _written_speech,
}
"""What can be written down to be done later, by URL without its dialect."""
