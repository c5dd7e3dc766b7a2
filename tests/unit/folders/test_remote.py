"""Uploads to a service over loopback that answers by a script: retries, waits, refusals, transcripts."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from speechd.errors import AuthenticationFailed, BackendFailure, CannotGoOn, InvalidRequest, ModelNotFound, SpeechdError
from speechd.folders.remote import Remote, open_client
from speechd.operations import TranscriptionRequest
from speechd.types import Segment, SpeakerOptions, TranscribeOptions, Transcript, Word

ANSWER = {
    "task": "transcribe",
    "language": "german",
    "duration": 4.0,
    "text": "Hallo du. Tschüs.",
    "words": [
        {"word": "Hallo", "start": 0.5, "end": 1.0},
        {"word": "du.", "start": 1.0, "end": 1.5},
        {"word": "Tschüs.", "start": 2.5, "end": 3.0},
    ],
    "segments": [
        {"id": 0, "seek": 0, "start": 0.5, "end": 1.5, "text": " Hallo du.", "tokens": [1, 2], "avg_logprob": -0.25},
        {"id": 1, "seek": 200, "start": 2.5, "end": 3.0, "text": " Tschüs.", "tokens": [3]},
    ],
}

SOUND = b"sound" * 1000


@dataclass
class Reply:
    status: int = 200
    body: Any = field(default_factory=lambda: ANSWER)
    headers: dict[str, str] = field(default_factory=dict)


BREAK = Reply(0)
"""The connection is closed without an answer."""


def refusal(status: int, code: str, message: str = "No.", **headers: str) -> Reply:
    error = {"error": {"message": message, "type": "x", "param": None, "code": code}}
    return Reply(status, error, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Scripted:
    """A service."""

    url: str
    requests: list[tuple[str, bytes, str | None]]
    """Path, body and authorization of each request."""


@contextmanager
def answering(*script: Reply) -> Iterator[Scripted]:
    """Gives the replies in turn, the last one for ever."""
    replies = list(script)
    requests: list[tuple[str, bytes, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append((self.path, body, self.headers["authorization"]))
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            if reply is BREAK:
                self.close_connection = True
                return
            content = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Scripted(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(SOUND)
    return path


async def ask(
    url: str,
    audio: Path,
    waits: list[float] | None = None,
    key: str | None = None,
    known: tuple[str, ...] = (),
    **options: Any,
) -> Transcript:
    async with open_client(url, key, 4) as client:
        remote = Remote(client, notice=lambda seconds, reason: (waits if waits is not None else []).append(seconds))
        remote.first_wait, remote.known = 0.001, known
        request = TranscriptionRequest("m", TranscribeOptions(**options), file=audio.open("rb"))
        async with remote.open(request) as stream:
            parts = [part async for part in stream.parts]
    assert isinstance(parts[-1], Transcript)
    assert parts[:-1] == list(parts[-1].segments)
    return parts[-1]


async def test_an_answer_becomes_a_transcript_with_words_in_their_segments(audio: Path) -> None:
    headers = {"x-speechd-model": "whisper-small", "x-speechd-warning": "truncated-audio"}
    with answering(Reply(headers=headers)) as service:
        transcript = await ask(f"{service.url}/v1/", audio, key="secret", word_timestamps=True, prompt="Names: Anna.")
    assert transcript.segments == (
        Segment(
            0.5,
            1.5,
            " Hallo du.",
            tokens=(1, 2),
            avg_logprob=-0.25,
            language="de",
            words=(Word("Hallo", 0.5, 1.0), Word("du.", 1.0, 1.5)),
        ),
        Segment(2.5, 3.0, " Tschüs.", tokens=(3,), seek=200, language="de", words=(Word("Tschüs.", 2.5, 3.0),)),
    )
    assert (transcript.model, transcript.language, transcript.duration) == ("whisper-small", "de", 4.0)
    assert transcript.warnings == ("truncated-audio",)
    ((path, body, authorization),) = service.requests
    assert (path, authorization) == ("/v1/audio/transcriptions", "Bearer secret")
    assert b'filename="talk.wav"' in body
    assert SOUND in body
    assert b"Names: Anna." in body


async def test_channels_and_languages_come_back_as_they_were_asked_for(audio: Path) -> None:
    first, second = ANSWER["segments"]
    words = [said | {"channel": f"channel_{1 + (said['start'] > 2)}"} for said in ANSWER["words"]]
    answer = ANSWER | {
        "segments": [
            first | {"channel": "channel_1", "language": "german"},
            second | {"channel": "channel_2", "language": "english", "start": 1.2},
        ],
        "words": words,
    }
    with answering(Reply(body=answer)) as service:
        transcript = await ask(
            service.url,
            audio,
            channels="split",
            audio_track="0",
            multilingual=True,
            language_floor=0.7,
            languages=("de", "en"),
        )
    ((_, body, _),) = service.requests
    asked = {"channels": "split", "audio_track": "0", "language": "multi", "language_floor": "0.7", "languages[]": "en"}
    for name, value in asked.items():
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body
    assert [(s.channel, s.language) for s in transcript.segments] == [(1, "de"), (2, "en")]
    assert [[word.word for word in s.words] for s in transcript.segments] == [["Hallo", "du."], ["Tschüs."]]


async def test_speakers_come_back_as_they_were_asked_for(audio: Path) -> None:
    first, second = ANSWER["segments"]
    answer = ANSWER | {"segments": [first | {"speaker": "Anna"}, second | {"speaker": "A"}]}
    with answering(Reply(body=answer)) as service:
        transcript = await ask(service.url, audio, known=("Anna",), speakers=SpeakerOptions(None, 2, 10))
        await ask(service.url, audio)
    (_, body, _), (_, plain, _) = service.requests
    for name, value in {"speakers": "true", "min_speakers": "2", "known_speaker_names[]": "Anna"}.items():
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body
    assert b"max_speakers" not in body
    assert b"speakers" not in plain
    assert [segment.speaker for segment in transcript.segments] == ["Anna", "A"]


async def test_translations_have_their_own_address(audio: Path) -> None:
    with answering(Reply()) as service:
        await ask(service.url, audio, task="translate")
    assert service.requests[0][0] == "/v1/audio/translations"


@pytest.mark.parametrize(
    "trouble",
    [BREAK, refusal(500, "internal_error"), refusal(503, "overloaded"), refusal(502, "bad"), refusal(429, "rate")],
    ids=["lost connection", "500", "503", "502", "429"],
)
async def test_what_passes_is_tried_again_with_the_whole_recording(audio: Path, trouble: Reply) -> None:
    with answering(trouble, trouble, Reply()) as service:
        assert (await ask(service.url, audio)).text == "Hallo du. Tschüs."
    assert len(service.requests) == 3
    assert all(SOUND in body for _, body, _ in service.requests)


@pytest.mark.parametrize("header", [{"retry_after": "0.05"}, {"retry_after_ms": "50", "retry_after": "1"}])
async def test_the_time_that_the_service_names_is_obeyed(audio: Path, header: dict[str, str]) -> None:
    waits: list[float] = []
    with answering(*[refusal(429, "rate_limit_exceeded", **header)] * 12, Reply()) as service:
        await ask(service.url, audio, waits)
    assert waits == [0.05] * 12, "a rate limit is no failure, however often it is met"


async def test_a_queue_that_tells_when_it_has_room_is_waited_for(audio: Path) -> None:
    waits: list[float] = []
    with answering(*[refusal(503, "overloaded", retry_after="0.05")] * 12, Reply()) as service:
        assert (await ask(service.url, audio, waits)).text == "Hallo du. Tschüs."
    assert waits == [0.05] * 12


async def test_a_service_that_says_at_once_is_not_asked_without_a_pause(audio: Path) -> None:
    waits: list[float] = []
    with answering(refusal(429, "rate_limit_exceeded", retry_after="0"), Reply()) as service:
        await ask(service.url, audio, waits)
    assert len(waits) == 1
    assert waits[0] > 0


async def test_an_upload_that_waits_can_be_cancelled(audio: Path) -> None:
    told = asyncio.Event()
    with answering(BREAK) as service:
        async with open_client(service.url, None, 4) as client:
            remote = Remote(client, notice=lambda *_: told.set(), first_wait=60)
            with audio.open("rb") as file:
                upload = asyncio.create_task(remote.ask("/", {}, file))
                await told.wait()
                upload.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await upload
    assert len(service.requests) == 1


async def test_while_one_is_told_to_wait_nobody_sends(audio: Path) -> None:
    with answering(refusal(429, "rate_limit_exceeded", retry_after="0.3"), Reply()) as service:
        async with open_client(service.url, None, 4) as client:
            told = asyncio.Event()
            remote = Remote(client, notice=lambda *_: told.set())
            with audio.open("rb") as one, audio.open("rb") as other:
                first = asyncio.create_task(remote.ask("/", {}, one))
                await told.wait()
                second = asyncio.create_task(remote.ask("/", {}, other))
                await asyncio.sleep(0.05)
                assert len(service.requests) == 1
                await asyncio.gather(first, second)
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (refusal(401, "invalid_api_key", "Invalid API key."), AuthenticationFailed, "Invalid API key."),
        (refusal(404, "model_not_found", "The model `m` does not exist."), ModelNotFound, "does not exist"),
        (refusal(400, "invalid_audio", "The file is empty."), BackendFailure, "The file is empty."),
        (refusal(501, "x", "Not here.", x_should_retry="false"), BackendFailure, "Not here."),
        (Reply(413, "too large"), BackendFailure, "HTTP 413"),
        (Reply(200, {"text": "no segments"}), BackendFailure, "does not answer as OpenAI's does"),
    ],
)
async def test_what_would_not_pass_is_said_at_once(
    audio: Path, reply: Reply, error: type[SpeechdError], message: str
) -> None:
    with answering(reply) as service, pytest.raises(error, match=message):
        await ask(service.url, audio)
    assert len(service.requests) == 1


async def test_patience_ends(audio: Path) -> None:
    with (
        answering(refusal(503, "overloaded", "Too much work.")) as service,
        pytest.raises(CannotGoOn, match="Too much"),
    ):
        await ask(service.url, audio)
    with answering(BREAK) as service, pytest.raises(BackendFailure, match="broke 8 times"):
        await ask(service.url, audio)
    with pytest.raises(CannotGoOn, match="No service answers at"):
        await ask(service.url, audio)


async def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(InvalidRequest, match="--url must be an address"):
        open_client("gpu:8000", None, 1)
