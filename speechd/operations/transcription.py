"""One transcription or translation: parse -> check -> run -> render, and the audio is charged where it is computed."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO, Protocol, cast

from speechd import __version__
from speechd.cache.coalescing import CacheStatus
from speechd.cache.result_exchange import FoundResult, computed_once
from speechd.formats.transcript import Format, JsonObject, View
from speechd.net.fetch import check_url, is_inline
from speechd.operations.charging import Transcribed, charged
from speechd.operations.context import RequestContext
from speechd.operations.known_speakers import KnownSpeakers, find_known
from speechd.operations.measuring import Cause, measured_transcription, noted
from speechd.operations.recording import estimate_audio, fetch, fetch_limits, require_one_source
from speechd.priority import PrioritySource
from speechd.schemas.recordings.recording import RecordingForm
from speechd.schemas.speakers.diarization import DiarizationForm
from speechd.schemas.transcription import TranscriptionForm, TranslationForm
from speechd.service import Service
from speechd.telemetry.tracing import span
from speechd.types import KnownVoice, Segment, Timings, TranscribeOptions, Transcriber, Transcript

AUDIO_FORMS: Mapping[str, type[RecordingForm]] = {
    "/v1/audio/transcriptions": TranscriptionForm,
    "/v1/audio/translations": TranslationForm,
    "/v1/audio/diarization": DiarizationForm,
}
"""By URL without its dialect."""


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A recording, by its bytes or by where it can be fetched, and what to do with it."""

    model: str
    options: TranscribeOptions
    file: BinaryIO | None = None
    """Open and seekable; the operation closes it."""
    url: str | None = None
    """http(s) URL, `data:` URL or base64url."""
    context: RequestContext = field(default_factory=RequestContext)
    known: KnownSpeakers = field(default_factory=KnownSpeakers)
    """Speakers whose voices are known."""


@dataclass(frozen=True, slots=True)
class TranscriptionStream:
    """A transcription under way."""

    done_by: "HasModel"
    parts: AsyncIterator[Segment | Transcript]
    """Segments as they are final, then the Transcript."""
    begun: CacheStatus = "miss"
    """Whether it was begun for this request, was under way, or was known here."""
    elsewhere: Callable[[], CacheStatus | None] = lambda: None
    """The same of another server, if that one has computed it."""

    @property
    def status(self) -> CacheStatus:
        """Whether it was begun for this request, was under way, or was known; final once the first part is there."""
        return self.elsewhere() or self.begun

    @property
    def model(self) -> str:
        """Id of the model that does it; final once the first part is there."""
        return self.done_by.model


class HasModel(Protocol):
    """A transcriber, or what it has made."""

    @property
    def model(self) -> str:
        """Id of the model."""
        ...


@dataclass(frozen=True, slots=True)
class TranscriptionReply:
    """A finished transcription in the shape that was asked for."""

    transcript: Transcript
    status: CacheStatus
    format: Format
    view: View
    ignored: tuple[str, ...] = ()
    """Fields of the request of which a value had no effect."""

    def content(self) -> bytes:
        """The body of an HTTP reply; hours of words take a while, so this is for a thread."""
        with span("format", speechd__format=self.format.name):
            return self.format.encode(self.transcript, self.view)

    def body(self) -> JsonObject:
        """The answer as an object; text, subtitles and the like become its `text`."""
        rendered = self.format.render(self.transcript, self.view)
        return {"text": rendered} if isinstance(rendered, str) else rendered

    @property
    def headers(self) -> dict[str, str]:
        """The reply headers that tell how a transcription went."""
        timings = Timings() if self.status == "hit" else self.transcript.timings
        stages = ", ".join(f"{stage};dur={seconds * 1000:.1f}" for stage, seconds in asdict(timings).items())
        headers = {
            "x-speechd-model": self.transcript.model,
            "x-speechd-cache": self.status,
            "x-speechd-queue-ms": f"{timings.queue * 1000:.0f}",
            "server-timing": stages,  # W3C Server Timing: milliseconds
        }
        if warnings := (*self.transcript.warnings, *map(ignored_warning, self.ignored)):
            headers["x-speechd-warning"] = ", ".join(warnings)
        return headers


@dataclass(frozen=True, slots=True)
class TranscriptionCall:
    """A request for a transcription as it came: its fields parsed, and its context."""

    form: RecordingForm
    context: RequestContext
    voices: tuple[KnownVoice, ...] = ()
    """Of speakers who were known when the request was accepted."""

    @classmethod
    def parse(
        cls,
        form_type: type[RecordingForm],
        fields: Mapping[str, Any],
        context: RequestContext,
        voices: tuple[KnownVoice, ...] = (),
    ) -> "TranscriptionCall":
        """
        Raises:
            InvalidRequest: a field has a bad value.
        """
        form = form_type.parse(dict(fields))
        if context.dialect.words_need_verbose_json:
            form.check_words()
        return cls(form, context, voices)

    @property
    def streams(self) -> bool:
        """The answer is a stream of events."""
        return self.form.streams and self.form.model not in self.context.dialect.models_without_stream

    @property
    def tells_speakers(self) -> bool:
        """Speakers are told apart by their voice."""
        return self.form.to_options().speakers is not None

    @property
    def ignored(self) -> tuple[str, ...]:
        """Fields of which a value has no effect."""
        return self.form.ignored + ("stream",) * (self.form.streams and not self.streams)

    @property
    def view(self) -> View:
        """What of the transcript it wants to see."""
        return replace(self.form.to_view(), dialect=self.context.dialect, request_id=self.context.request_id)

    def request(self, file: BinaryIO | None) -> TranscriptionRequest:
        """
        Args:
            file: the recording, or None where it is to be fetched.
        """
        form, options = self.form, replace(self.form.to_options(), known_voices=self.voices)
        known = KnownSpeakers(form.known_speaker_names, form.known_speaker_references)
        asked = known if options.speakers else KnownSpeakers()
        return TranscriptionRequest(form.model, options, file, form.url if file is None else None, self.context, asked)

    async def answer(
        self,
        service: Service,
        file: BinaryIO | None = None,
        on_segment: Callable[[Segment], None] = lambda _: None,
        format: Format | None = None,
    ) -> TranscriptionReply:
        """The whole answer.

        Args:
            file: the recording, which is closed when it is no longer needed; None where it is to be fetched.
            on_segment: told of each segment as it is final.
            format: of the answer; by default the one that the form names.

        Raises:
            SpeechdError: the model, the URL or the recording is refused.
        """
        transcript, status = await transcribe(service, self.request(file), on_segment)
        return TranscriptionReply(transcript, status, format or self.form.format, self.view, self.ignored)


def ignored_warning(field: str) -> str:
    """The machine-readable warning that a value of this field had no effect."""
    return f"ignored-{field.replace('_', '-')}"


async def transcribe(
    service: Service, request: TranscriptionRequest, on_segment: Callable[[Segment], None] = lambda _: None
) -> tuple[Transcript, CacheStatus]:
    """Transcribes or translates a whole recording; see open_transcription.

    Args:
        on_segment: told of each segment as it is final.
    """
    async with open_transcription(service, request) as stream:
        async for part in stream.parts:
            if isinstance(part, Transcript):
                return part, stream.status
            on_segment(part)
    raise RuntimeError("the transcriber ended without a transcript")


@contextlib.asynccontextmanager
async def open_transcription(service: Service, request: TranscriptionRequest) -> AsyncGenerator[TranscriptionStream]:
    """Starts a transcription, or joins an identical one; the last who leaves the context stops it.

    Raises:
        InvalidRequest: both or neither of file and url.
        SpeechdError: the model, the URL or the recording is refused.
    """
    with contextlib.ExitStack() as owned:
        audio = await _audio(service, request, owned)
        _, transcriber = await service.transcriber(request.model, request.options)
        voices = await find_known(service, request.known, request.context)
        options = replace(request.options, known_voices=(*request.options.known_voices, *voices))
        request = replace(request, options=options)
        key = await asyncio.to_thread(_key, transcriber.model, request, audio)
        known = service.coalescer.recall(key)
        if isinstance(known, Transcript):
            async with contextlib.aclosing(noted(_replayed(known), lambda: "hit")) as parts:
                yield TranscriptionStream(known, parts, "hit")
            return
        owned.pop_all()  # from here on the recording belongs to the computation, which may outlive this request
    work, context = _SharedTranscription(service, transcriber, audio, request, _shared_id(key)), request.context
    joining = service.coalescer.join(key, work, priority=context.priority, retryable=context.retryable)
    async with joining as (computation, begun):
        done_by = cast(_SharedTranscription, computation.work)
        elsewhere = partial(done_by.found_elsewhere, begun)
        parts = noted(computation.parts(), lambda: elsewhere() or begun)
        async with contextlib.aclosing(parts):
            yield TranscriptionStream(done_by, parts, begun, elsewhere)


@dataclass(slots=True)
class _SharedTranscription:
    """A transcription that several requests may read; see speechd.cache.coalescing.Work."""

    service: Service
    transcriber: Transcriber
    audio: BinaryIO
    request: TranscriptionRequest
    shared_id: str | None
    """Of its result among all servers; None: its answer is never equal to another."""
    result: FoundResult | None = None
    """What another server has computed."""

    @property
    def model(self) -> str:
        """Id of the model that does it; final once the first part is there."""
        return self.result.transcript.model if self.result else self.transcriber.model

    def found_elsewhere(self, begun: CacheStatus) -> CacheStatus | None:
        """How another server had it, for a request that found it so here; None where that says more."""
        return self.result.status if self.result and begun == "miss" else None

    def run(self, priority: PrioritySource) -> AsyncGenerator[Segment | Transcript, None]:
        exchange = self.request.context.results
        if exchange is None or self.shared_id is None:
            return self._compute(priority)
        return computed_once(exchange, self.shared_id, partial(self._compute, priority), self._found)

    def _found(self, result: FoundResult) -> None:
        self.result = result

    def _compute(self, priority: PrioritySource) -> AsyncGenerator[Segment | Transcript, None]:
        options = self.request.options
        parts = self.transcriber.stream(self.audio, options, priority, self.request.context.caller)
        expected = partial(estimate_audio, self.service, self.audio, options)
        paid = charged(parts, Transcribed(options.clip.start), self.request.context, expected)
        return measured_transcription(paid, options, Cause.of(self.request.context, self.service.settings))

    def release(self) -> None:
        self.audio.close()


async def check_transcription(service: Service, request: TranscriptionRequest) -> tuple[KnownVoice, ...]:
    """What can be told of a transcription before the recording is there.

    Returns:
        The voices of its known speakers.

    Raises:
        SpeechdError: the model, the URL or a known speaker is refused.
    """
    if request.url is not None and not is_inline(request.url):
        check_url(request.url, fetch_limits(service.settings))
    await service.transcriber(request.model, request.options)
    return await find_known(service, request.known, request.context)


async def _audio(service: Service, request: TranscriptionRequest, owned: contextlib.ExitStack) -> BinaryIO:
    """The recording; `owned` closes it."""
    if request.file is not None:
        owned.callback(request.file.close)
    require_one_source(request.file, request.url)
    if request.file is not None:
        return request.file
    return owned.enter_context(await fetch(service, request.url or ""))


def _key(model: str, request: TranscriptionRequest, audio: BinaryIO) -> Hashable:
    """Equal for requests that must have equal answers; sampled text is never equal."""
    audio.seek(0)
    digest = hashlib.file_digest(audio, "sha256").digest()  # type: ignore[arg-type]
    audio.seek(0)
    chance = object() if request.options.temperature else None
    return digest, model, request.options, request.context.caller, chance


def _shared_id(key: Hashable) -> str | None:
    """The key as text that is equal on all servers of this version."""
    digest, model, options, caller, chance = cast(tuple[bytes, str, TranscribeOptions, str, object], key)
    if chance is not None:
        return None
    return hashlib.sha256(repr((__version__, digest, model, options, caller)).encode()).hexdigest()


async def _replayed(transcript: Transcript) -> AsyncGenerator[Segment | Transcript, None]:
    for segment in transcript.segments:
        yield segment
    yield transcript
