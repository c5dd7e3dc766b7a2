"""Transcribes by a remote service: speechd, or any server that answers like OpenAI's."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import Any, BinaryIO

import httpx2

from speechd.errors import (
    AuthenticationFailed,
    BackendFailure,
    CannotGoOn,
    InvalidRequest,
    ModelNotFound,
    ModelNotInstalled,
    SpeechdError,
)
from speechd.folders.discover import display_name
from speechd.languages import find
from speechd.net.retries import AsyncRetryingCaller
from speechd.operations import TranscriptionRequest, TranscriptionStream
from speechd.priority import PrioritySource, interactive
from speechd.types import Segment, SpeakerOptions, TranscribeOptions, Transcript, Word

ATTEMPTS = 8
"""Attempts for one recording where the service fails or cannot be reached."""
FIRST_WAIT = 0.5
"""Seconds before the second attempt; it doubles each time, up to LONGEST_WAIT."""
MAX_WAIT = 30.0
TIMEOUT = httpx2.Timeout(connect=10, read=600, write=300, pool=None)
"""Seconds. A repeated request to speechd joins the running computation, so a long recording survives the read
timeout."""
STOPPING = {"invalid_api_key": AuthenticationFailed, "model_not_found": ModelNotFound}
"""Codes of refusals that every other recording would get too."""

Notice = Callable[[float, str], None]
"""Called with the seconds to wait, and the reason."""


@dataclass(slots=True)
class Remote:
    """A recogniser (see speechd.folders.transcriber) that uploads."""

    client: httpx2.AsyncClient
    room: int = 4
    """Uploads at once."""
    notice: Notice = lambda seconds, reason: None
    first_wait: float = FIRST_WAIT
    by_windows: bool = False
    known: tuple[str, ...] = ()
    """Names under which voices are enrolled there."""
    _open_again: float = field(default=0.0, init=False)
    """Time on the loop's clock at which the service accepts requests again. Every upload waits for it."""

    async def warm_up(self, model: str, options: TranscribeOptions) -> None:
        """Does nothing: the first upload shows whether the service works."""

    @asynccontextmanager
    async def open(self, request: TranscriptionRequest) -> AsyncGenerator[TranscriptionStream]:
        """See speechd.operations.open_transcription; all segments come at the end."""
        with ExitStack() as owned:
            if request.file is None:
                raise InvalidRequest("A recording is needed.", param="file")
            owned.callback(request.file.close)
            upload = Upload(self, request.model)
            async with aclosing(upload.stream(request.file, request.options)) as parts:
                yield TranscriptionStream(upload, parts)

    async def ask(self, path: str, data: Mapping[str, Any], file: BinaryIO) -> httpx2.Response:
        """Sends a recording until the service answers.

        Raises:
            CannotGoOn: the service does not answer, or stays overloaded.
            SpeechdError: the service refuses or fails.
        """
        name = PurePath(display_name(PurePath(str(getattr(file, "name", "audio"))))).name
        failures = _Failures(self)
        again = AsyncRetryingCaller(attempts=None, timeout=None)
        try:
            return await again(failures.pause_after, self._send, path, dict(data), name, file)
        except _Refused as refused:
            raise _refusal(refused.reply, self.client.base_url) from None
        except httpx2.TransportError as error:
            raise failures.given_up(error) from error

    async def _send(self, path: str, data: dict[str, Any], name: str, file: BinaryIO) -> httpx2.Response:
        await self._wait_for_opening()
        file.seek(0)
        reply = await self.client.post(path, data=data, files={"file": (name, file)})
        if not reply.is_success:
            raise _Refused(reply)
        return reply

    async def _wait_for_opening(self) -> None:
        clock = asyncio.get_running_loop().time
        while (left := self._open_again - clock()) > 0:  # noqa: ASYNC110 - others may move it meanwhile
            await asyncio.sleep(left)

    def close_for(self, seconds: float) -> None:
        """No upload begins before these seconds are over."""
        self._open_again = max(self._open_again, asyncio.get_running_loop().time() + seconds)


class _Refused(Exception):
    """The service answered, and not with a transcript."""

    def __init__(self, reply: httpx2.Response) -> None:
        super().__init__(reply.status_code)
        self.reply = reply


@dataclass(slots=True)
class _Failures:
    """What went wrong with one recording so far."""

    service: Remote
    count: int = 0

    def pause_after(self, error: Exception) -> float | bool:
        """Seconds to wait before the next attempt; False where there is none."""
        self.count += 1
        if isinstance(error, httpx2.TransportError):
            return self.count < ATTEMPTS and self._told(self._wait(), f"{type(error).__name__}: {error}")
        if not isinstance(error, _Refused) or not self._may_pass(error.reply):
            return False
        seconds = _asked_to_wait(error.reply) or self._wait()  # 0 would ask again and again without a pause
        self.service.close_for(self._told(seconds, _message(error.reply)))
        return 0.0  # with the other uploads, the next attempt waits for the service to open

    def _may_pass(self, reply: httpx2.Response) -> bool:
        """A rate limit, or a queue that tells when it has room, is no failure, however often it is met."""
        waits = reply.status_code == 429 or (reply.status_code == 503 and _asked_to_wait(reply) is not None)
        return _worth_retrying(reply) and (self.count < ATTEMPTS or waits)

    def _told(self, seconds: float, reason: str) -> float:
        self.service.notice(seconds, reason)
        return seconds

    def _wait(self) -> float:
        """Doubling, and never two uploads in step."""
        wait: float = min(MAX_WAIT, self.service.first_wait * 2 ** (self.count - 1))
        return wait * random.uniform(0.75, 1.25)  # noqa: S311 - not a secret

    def given_up(self, error: httpx2.TransportError) -> SpeechdError:
        """No service answers at all, or the connection breaks whenever this recording is sent."""
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return CannotGoOn(f"No service answers at {self.service.client.base_url} ({error}). Is it running?")
        return BackendFailure(f"The connection broke {self.count} times ({type(error).__name__}: {error}).")


@dataclass(slots=True)
class Upload:
    """A remote transcriber (see speechd.types.Transcriber)."""

    service: Remote
    model: str

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber."""
        path = "/v1/audio/translations" if options.task == "translate" else "/v1/audio/transcriptions"
        reply = await self.service.ask(path, _form(self.model, options, self.service.known), audio)
        try:
            transcript = _transcript(reply, options)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackendFailure(
                f"{self.service.client.base_url} does not answer as OpenAI's does ({error})."
            ) from error
        self.model = transcript.model or self.model
        for segment in transcript.segments:
            yield segment
        yield transcript


def open_client(url: str, api_key: str | None, parallel: int) -> httpx2.AsyncClient:
    """A client for a service.

    Args:
        url: with or without the `/v1` that SDKs add.

    Raises:
        InvalidRequest: it is no http(s) URL.
    """
    base = url.rstrip("/").removesuffix("/v1").removesuffix("/openai")
    if not base.startswith(("http://", "https://")):
        raise InvalidRequest(f"--url must be an address such as http://127.0.0.1:8000, not {url}.")
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    limits = httpx2.Limits(max_connections=parallel, max_keepalive_connections=parallel)
    return httpx2.AsyncClient(base_url=base, headers=headers, timeout=TIMEOUT, limits=limits)


def _form(model: str, options: TranscribeOptions, known: Sequence[str] = ()) -> dict[str, Any]:
    granularities = ["segment", "word"] if options.word_timestamps else ["segment"]
    fields: dict[str, Any] = {
        "model": model,
        "response_format": "verbose_json",
        "timestamp_granularities[]": granularities,
        "language": "multi" if options.multilingual else options.language,
        "languages[]": list(options.languages),
        "language_floor": options.language_floor if options.multilingual else None,
        "channels": "split" if options.channels == "split" else None,
        "audio_track": options.audio_track,
        "start": options.clip.start,
        "duration": options.clip.duration,
        "prompt": options.prompt,
        **_speakers(options.speakers, known),
    }
    return {name: value for name, value in fields.items() if value}


def _speakers(options: SpeakerOptions | None, known: Sequence[str]) -> dict[str, Any]:
    """The parameters that are not at their defaults."""
    if options is None:
        return {}
    default = asdict(SpeakerOptions())
    counts = {name: value for name, value in asdict(options).items() if value != default[name]}
    return {"speakers": "true", "known_speaker_names[]": list(known)} | counts


def _worth_retrying(reply: httpx2.Response) -> bool:
    """Whether to try again, by the rules of the SDKs."""
    if (said := reply.headers.get("x-should-retry")) is not None:
        return bool(said == "true")
    return reply.status_code in (408, 409, 429) or reply.status_code >= 500


def _asked_to_wait(reply: httpx2.Response) -> float | None:
    """Seconds that the reply asks for."""
    for header, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(reply.headers[header]) / scale)
        except (KeyError, ValueError):
            continue
    return None


def _error(reply: httpx2.Response) -> Mapping[str, Any]:
    try:
        error = reply.json()["error"]
        return error if isinstance(error, dict) else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _message(reply: httpx2.Response) -> str:
    return str(_error(reply).get("message") or f"HTTP {reply.status_code} {reply.reason_phrase}")


def _refusal(reply: httpx2.Response, base: object) -> SpeechdError:
    code, message = _error(reply).get("code"), _message(reply)
    if code == "model_not_installed":
        return ModelNotInstalled(message)
    if code in STOPPING or reply.status_code == 401:
        return STOPPING.get(str(code), AuthenticationFailed)(message)
    if reply.status_code == 503:
        return CannotGoOn(f"{base} accepts no more work: {message}")
    return BackendFailure(message)


def _transcript(reply: httpx2.Response, options: TranscribeOptions) -> Transcript:
    """
    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is not a verbose_json transcript.
    """
    body = reply.json()
    spoken = options.language or (_code(body.get("language")) if options.task == "transcribe" else "")
    segments = [_segment(said, spoken) for said in body["segments"]]
    return Transcript(
        task=options.task,
        language=spoken,
        duration=float(body["duration"]),
        segments=tuple(_with_words(segments, body.get("words") or [])),
        model=reply.headers.get("x-speechd-model", ""),
        warnings=tuple(filter(None, reply.headers.get("x-speechd-warning", "").split(", "))),
    )


def _segment(said: Mapping[str, Any], language: str) -> Segment:
    return Segment(
        start=float(said["start"]),
        end=float(said["end"]),
        text=str(said["text"]),
        tokens=tuple(said.get("tokens") or ()),
        temperature=said.get("temperature", 0.0),
        avg_logprob=said.get("avg_logprob", 0.0),
        compression_ratio=said.get("compression_ratio", 1.0),
        no_speech_prob=said.get("no_speech_prob", 0.0),
        seek=said.get("seek", 0),
        language=_code(said.get("language")) or language,
        channel=_channel(said),
        speaker=str(said.get("speaker") or ""),
    )


def _code(name: object) -> str:
    language = find(str(name or ""))
    return language.code if language else ""


def _channel(said: Mapping[str, Any]) -> int:
    """`channel_2` -> 2, the name of a channel without a label; 0 for a mix."""
    return int(str(said.get("channel") or "0").removeprefix("channel_"))


def _with_words(segments: Sequence[Segment], words: Sequence[Mapping[str, Any]]) -> list[Segment]:
    """The segments with their words, which the answer lists separately."""
    groups: list[list[Word]] = [[] for _ in segments]
    for channel in {segment.channel for segment in segments}:
        own, index = [number for number, segment in enumerate(segments) if segment.channel == channel], 0
        for said in words:
            if _channel(said) == channel:
                word = Word(str(said["word"]), float(said["start"]), float(said["end"]))
                while index + 1 < len(own) and (word.start + word.end) / 2 > segments[own[index]].end:
                    index += 1
                groups[own[index]].append(word)
    return [replace(segment, words=tuple(group)) for segment, group in zip(segments, groups, strict=True)]
