"""The calls of the Python SDKs whose own tests mock the transport, and each parameter of a transcription alone."""

import asyncio
import io
from collections.abc import Callable
from itertools import product
from typing import Any

import groq
import openai
import pytest

from tests.integration.clients.conftest import RECORDING, SuiteResult
from tests.integration.clients.test_programs import said
from tests.support.played_audio import decoded
from tests.support.wer import normalised

pytestmark = pytest.mark.extra

CONTAINERS = {"mp3": "mp3", "opus": "ogg", "ogg": "ogg", "aac": "aac", "flac": "flac", "wav": "wav", "mulaw": "wav"}
SPEECH: dict[str, dict[str, Any]] = {
    "groq": {"model": "playai-tts", "voice": "Fritz-PlayAI", "input": "The quick brown fox jumped over the lazy dog"},
    "openai": {"model": "tts-1", "voice": "ash", "input": "The quick brown fox jumped over the lazy dog"},
}
SPEECH_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "groq": [
        {},
        *({"response_format": name} for name in ("flac", "mp3", "mulaw", "ogg", "wav")),
        *({"sample_rate": rate, "response_format": "wav"} for rate in (8000, 16000, 22050, 24000, 32000, 44100, 48000)),
        *({"speed": speed} for speed in (0.5, 1, 5)),
    ],
    "openai": [
        {},
        *({"response_format": name} for name in ("mp3", "opus", "aac", "flac", "wav")),
        *({"speed": speed} for speed in (0.25, 1, 4)),
        {"model": "tts-1-hd"},
        {"model": "gpt-4o-mini-tts", "instructions": "instructions"},
        {"voice": {"id": "alloy"}},
        {"stream_format": "audio"},
    ],
}
MODEL = {"groq": "whisper-large-v3-turbo", "openai": "gpt-4o-transcribe"}
BOTH_TAKE: list[dict[str, Any]] = [
    {},
    {"language": "en"},
    {"prompt": "prompt"},
    {"temperature": 0},
    {"response_format": "json"},
    {"response_format": "text"},
    {"response_format": "verbose_json"},
    {"timestamp_granularities": ["segment"]},
    {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]},
]
VAD = {"type": "server_vad", "prefix_padding_ms": 300, "silence_duration_ms": 200, "threshold": 0.5}
TRANSCRIPTION_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "groq": [*BOTH_TAKE, {"timestamp_granularities": ["word"]}],
    "openai": [
        *BOTH_TAKE,
        {"response_format": "srt"},
        {"response_format": "vtt"},
        {"chunking_strategy": "auto"},
        {"chunking_strategy": VAD},
        {"include": ["logprobs"]},
        {"keywords": ["Laura"]},
        {"languages": ["en", "es"]},
        {"stream": False},
    ],
}
WAYS = ("plain", "raw", "streaming", "async")


def client_of(sdk: str, url: str, asynchronous: bool = False) -> Any:
    if sdk == "groq":
        return (groq.AsyncGroq if asynchronous else groq.Groq)(api_key="unused", base_url=url, max_retries=0)
    kind = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    return kind(api_key="unused", base_url=f"{url}/v1", max_retries=0)


def reply_of(sdk: str, url: str, way: str, resource: str, options: dict[str, Any]) -> Any:
    """What a method of `client.audio` returns; the bytes where it is a file, in each way that the SDK offers."""
    if way == "async":
        return asyncio.run(later(sdk, url, resource, options))
    with client_of(sdk, url) as client:
        create = getattr(client.audio, resource)
        if way == "raw":
            reply = create.with_raw_response.create(**options)
            return content_of(reply if resource == "speech" else reply.parse())
        if way == "streaming":
            with create.with_streaming_response.create(**options) as response:
                return response.read() if resource == "speech" else content_of(response.parse())
        return content_of(create.create(**options))


async def later(sdk: str, url: str, resource: str, options: dict[str, Any]) -> Any:
    async with client_of(sdk, url, asynchronous=True) as client:
        return await content_later(await getattr(client.audio, resource).create(**options))


def content_of(reply: Any) -> Any:
    """The bytes of a file, a reply of another kind as it is; the SDKs disagree on how a raw reply is read."""
    if hasattr(reply, "read"):
        return reply.read()
    return getattr(reply, "content", reply)


async def content_later(reply: Any) -> Any:
    read = getattr(reply, "aread", None) or getattr(reply, "read", None)
    if read is None:
        return reply
    return await read()


def fault_of_speech(data: bytes, sdk: str, options: dict[str, Any]) -> str:
    samples, rate, container = decoded(data)
    expected = CONTAINERS[options.get("response_format", "mp3")]
    if container != expected:
        return f"{container} instead of {expected}"
    if rate != options.get("sample_rate", rate):
        return f"{rate} Hz"
    seconds = len(samples) / rate * options.get("speed", 1)
    return "" if 1.5 < seconds < 6 else f"{seconds:.2f} s"


def fault_of_text(reply: Any) -> str:
    text = reply if isinstance(reply, str) else reply.text
    return "" if said() in " ".join(normalised(text)) else text


def faults(calls: dict[str, Callable[[], str]]) -> dict[str, str]:
    """What is wrong with each call that failed."""
    found = {}
    for name, make in calls.items():
        try:
            fault = make()
        except (groq.APIError, openai.APIError) as refused:
            fault = str(refused)
        if fault:
            found[name] = fault
    return found


def judge(suite: str, calls: dict[str, Callable[[], str]], report: Callable[[SuiteResult], None]) -> None:
    failed = faults(calls)
    why = tuple(f"{name}: {fault[:100]}" for name, fault in failed.items())
    report(SuiteResult(suite, len(calls), len(calls) - len(failed), len(failed), why))
    assert failed == {}


@pytest.mark.parametrize("sdk", ["groq", "openai"])
def test_speech(server: str, sdk: str, report: Callable[[SuiteResult], None]) -> None:
    def call(way: str, options: dict[str, Any]) -> Callable[[], str]:
        return lambda: fault_of_speech(reply_of(sdk, server, way, "speech", SPEECH[sdk] | options), sdk, options)

    calls = {f"{way} {options}": call(way, options) for way, options in product(WAYS, SPEECH_OPTIONS[sdk])}
    judge(f"{sdk}-python speech", calls, report)


@pytest.mark.parametrize("sdk", ["groq", "openai"])
def test_transcription(server: str, sdk: str, report: Callable[[SuiteResult], None]) -> None:
    def call(way: str, options: dict[str, Any]) -> Callable[[], str]:
        asked = {"model": MODEL[sdk], "file": RECORDING.read_bytes()} | options
        return lambda: fault_of_text(reply_of(sdk, server, way, "transcriptions", asked))

    calls = {f"{way} {options}": call(way, options) for way, options in product(WAYS, TRANSCRIPTION_OPTIONS[sdk])}
    judge(f"{sdk}-python transcription", calls, report)


@pytest.mark.parametrize("sdk", ["groq", "openai"])
def test_the_content_of_a_file(server: str, sdk: str, report: Callable[[SuiteResult], None]) -> None:
    data = b'{"custom_id": "1"}\n'

    async def asynchronously() -> bytes:
        async with client_of(sdk, server, asynchronous=True) as client:
            return bytes(await content_later(await client.files.content(file_id)))

    with client_of(sdk, server) as client:
        file_id = client.files.create(file=("in.jsonl", io.BytesIO(data)), purpose="batch").id
        readers: dict[str, Callable[[], bytes]] = {
            "plain": lambda: content_of(client.files.content(file_id)),
            "raw": lambda: content_of(client.files.with_raw_response.content(file_id)),
            "async": lambda: asyncio.run(asynchronously()),
        }
        calls = {way: lambda read=read: "" if read() == data else "another content" for way, read in readers.items()}
        judge(f"{sdk}-python file content", calls, report)
