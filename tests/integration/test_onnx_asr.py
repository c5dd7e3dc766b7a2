"""A recogniser of onnx-asr behind a real server: all formats, streaming, and what it refuses."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest

from tests.conftest import FIXTURES
from tests.integration.conftest import serving
from tests.support.tiny_onnx_asr import write_tiny_parakeet

pytest.importorskip("onnx_asr", reason="the extra `onnx-asr` is not installed")

MODEL = "tiny-parakeet"
RECORDING = FIXTURES / "long" / "pauses_25s.flac"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose data folder has a Parakeet of a few nodes, put there by hand."""
    data = tmp_path_factory.mktemp("data")
    write_tiny_parakeet(data / "models" / MODEL)
    write_tiny_parakeet(data / "models" / "tiny-multilingual", languages=["en", "de", "fr"])
    with serving(data) as address:
        yield address


@pytest.fixture
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)


def ask(url: str, path: str = "transcriptions", recording: Path = RECORDING, **fields: str) -> httpx2.Response:
    with recording.open("rb") as file:
        form = {"model": MODEL} | fields
        return httpx2.post(f"{url}/v1/audio/{path}", data=form, files={"file": file}, timeout=120)


def test_it_is_found_under_its_folders_name(client: openai.OpenAI, url: str) -> None:
    assert MODEL in [model.id for model in client.models.list()]
    row = httpx2.get(f"{url}/v1/models/{MODEL}").json()
    assert row["active"] is True
    assert (row["speechd"]["languages"], row["speechd"]["tasks"]) == (["en"], ["transcribe"])


def test_words_and_segments_in_order(client: openai.OpenAI) -> None:
    reply = client.audio.transcriptions.create(
        model=MODEL,
        file=RECORDING,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert reply.language == "english"
    assert reply.words
    assert reply.segments
    assert len(reply.segments) > 3
    assert " ".join(word.word for word in reply.words) == reply.text
    times = [time for word in reply.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= reply.duration
    assert all(segment.avg_logprob < 0 for segment in reply.segments)


@pytest.mark.parametrize(
    ("response_format", "begins"), [("text", "Hello"), ("srt", "1\n00:00:"), ("vtt", "WEBVTT"), ("json", '{"text"')]
)
def test_all_formats(url: str, response_format: str, begins: str) -> None:
    reply = ask(url, response_format=response_format)
    assert reply.status_code == 200, reply.text
    assert reply.text.startswith(begins)
    assert "Hello" in reply.text


def test_a_stream_brings_segment_by_segment(client: openai.OpenAI) -> None:
    create = client.audio.transcriptions.create
    events = list(create(model=MODEL, file=RECORDING, stream=True, include=["logprobs"]))
    deltas = [event for event in events if event.type == "transcript.text.delta"]
    assert len(deltas) > 3
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in deltas).strip() == events[-1].text
    assert all(token.logprob <= 0 for event in deltas for token in event.logprobs or ())


def test_log_probabilities_spell_the_text(client: openai.OpenAI) -> None:
    reply = client.audio.transcriptions.create(model=MODEL, file=RECORDING, include=["logprobs"])
    assert reply.logprobs
    assert "".join(token.token or "" for token in reply.logprobs).strip() == reply.text


def test_a_prompt_and_a_temperature_are_ignored(url: str) -> None:
    plain = ask(url).json()["text"]
    assert ask(url, prompt="Bread and cheese.", temperature="0.7").json()["text"] == plain


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("translations", {}, "task_not_supported"),
        ("transcriptions", {"language": "de"}, "language_not_supported"),
        ("transcriptions", {"language": "multi"}, "language_not_supported"),
    ],
)
def test_what_it_cannot_do_is_refused(url: str, path: str, fields: dict[str, str], code: str) -> None:
    reply = ask(url, path, **fields)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, code)


def test_a_model_of_several_languages_repeats_the_one_asked_for_and_claims_none_else(url: str) -> None:
    found = {
        language: ask(url, model="tiny-multilingual", response_format="verbose_json", **fields).json()
        for language, fields in {"": {}, "german": {"language": "de"}}.items()
    }
    for language, body in found.items():
        assert body["language"] == language
        assert body["text"].startswith("Hello")
    mixed = ask(url, model="tiny-multilingual", language="multi", response_format="verbose_json")
    assert mixed.status_code == 422, "it cannot detect languages"
