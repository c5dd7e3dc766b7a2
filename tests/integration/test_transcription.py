"""What the embedded model really answers through the real SDKs: texts, times, languages, silence."""

import asyncio
import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from groq import Groq
from openai import OpenAI

from tests.conftest import FIXTURES, Fixture, fixtures
from tests.support.wer import normalised, word_errors

CLEAN_WER = 0.05
"""What the card says of clean speech by seen voices in the domain, with the fixtures tagged `hard` left in."""
BOTH = ["word", "segment"]


@pytest.fixture(scope="module")
def openai(server: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def groq(server: str) -> Iterator[Groq]:
    with Groq(base_url=server, api_key="unused", max_retries=0) as client:
        yield client


def heard(client: Any, fixture: Fixture, **parameters: Any) -> Any:
    """A verbose transcription with both granularities."""
    return client.audio.transcriptions.create(
        model="whisper-pocket",
        file=(fixture.path.name, fixture.path.read_bytes()),
        response_format="verbose_json",
        timestamp_granularities=BOTH,
        **parameters,
    ).model_dump()


def word_error_rate(pairs: list[tuple[str, str]]) -> float:
    counts = [word_errors(reference, hypothesis) for reference, hypothesis in pairs]
    return sum(errors for errors, _ in counts) / sum(words for _, words in counts)


def assert_consistent(answer: dict[str, Any]) -> None:
    """Words lie inside their segments, times rise, and the text is the segments' text."""
    segments, words = answer["segments"], answer["words"]
    assert answer["text"] == "".join(segment["text"] for segment in segments).strip()
    assert [segment["id"] for segment in segments] == list(range(len(segments)))
    for before, after in itertools.pairwise(segments):
        assert before["end"] <= after["start"] + 1e-6
    for before, after in itertools.pairwise(words):
        assert before["end"] <= after["start"] + 1e-6
    for word in words:
        assert 0 <= word["start"] <= word["end"] <= answer["duration"] + 0.05
        assert any(s["start"] - 1e-3 <= word["start"] and word["end"] <= s["end"] + 1e-3 for s in segments), word
    assert normalised(" ".join(word["word"] for word in words)) == normalised(answer["text"])


@pytest.mark.parametrize("sdk", ["openai", "groq"])
def test_clean_recordings_give_their_text_and_language(sdk: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(sdk)
    pairs = []
    for fixture in fixtures("clean"):
        answer = heard(client, fixture)
        assert_consistent(answer)
        pairs.append((fixture.text, answer["text"]))
        names = {"en": "English", "es": "Spanish", "de": "German", "fr": "French"}
        assert answer["language"].lower() == names[fixture.language or ""].lower()
        assert answer["language"].istitle() == (sdk == "groq")
        assert answer["duration"] == pytest.approx(fixture.duration, abs=0.05)
    assert word_error_rate(pairs) <= CLEAN_WER


@pytest.mark.parametrize(
    "fixture", [*fixtures("container"), *fixtures("format")], ids=lambda fixture: fixture.path.name
)
def test_every_container_and_format_gives_the_same_text(openai: OpenAI, fixture: Fixture) -> None:
    answer = heard(openai, fixture)
    assert normalised(answer["text"]) == normalised(fixture.text)
    assert answer["duration"] == pytest.approx(fixture.duration, abs=0.15)


def test_word_times_are_true(openai: OpenAI) -> None:
    """Better than a person needs for subtitles, and far better than spreading the words evenly."""
    errors, even = [], []
    for fixture in [*fixtures("clean"), *fixtures("long")]:
        answer = heard(openai, fixture)
        words, truth = answer["words"], fixture.words
        spread = list(itertools.chain.from_iterable(evenly(segment) for segment in answer["segments"]))
        for one, other in same_words(words, truth):
            errors.append(abs(words[one]["start"] - truth[other]["start"]))
            even.append(abs(spread[one] - truth[other]["start"]))
    assert len(errors) > 500
    assert np.median(errors) <= 0.07
    assert np.quantile(errors, 0.9) <= 0.3
    assert np.mean(errors) <= 0.5 * np.mean(even)


def same_words(heard: Sequence[Mapping[str, Any]], said: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """The places of words that were heard as they were said; of an error there is no telling what it stands for."""
    texts = [[normalised(word["word"]) and normalised(word["word"])[0] for word in words] for words in (heard, said)]
    for block in difflib.SequenceMatcher(None, *texts, autojunk=False).get_matching_blocks():
        yield from zip(range(block.a, block.a + block.size), range(block.b, block.b + block.size), strict=True)


def evenly(segment: dict[str, Any]) -> list[float]:
    """Word starts of a segment, as one would guess them who knew only the segment's times."""
    count = len(segment["text"].split())
    return [segment["start"] + (segment["end"] - segment["start"]) * index / count for index in range(count)]


def test_a_recording_of_minutes(openai: OpenAI) -> None:
    (fixture,) = [fixture for fixture in fixtures("long") if fixture.duration > 100]
    answer = heard(openai, fixture)
    assert_consistent(answer)
    assert word_error_rate([(fixture.text, answer["text"])]) <= CLEAN_WER
    assert len(answer["segments"]) > 40


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the openai SDK's word for this endpoint
@pytest.mark.parametrize("sdk", ["openai", "groq"])
def test_translation_into_english(sdk: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(sdk)
    pairs = []
    for fixture in fixtures("clean"):
        if fixture.english:
            file = (fixture.path.name, fixture.path.read_bytes())
            pairs.append((fixture.english, client.audio.translations.create(model="auto", file=file).text))
    assert len(pairs) >= 8
    assert word_error_rate(pairs) <= 0.4


@pytest.mark.parametrize("fixture", [f for f in fixtures() if not f.text], ids=lambda fixture: fixture.path.name)
def test_without_speech_there_are_no_words(openai: OpenAI, groq: Groq, fixture: Fixture) -> None:
    for client in (openai, groq):
        answer = heard(client, fixture)
        assert (answer["text"], answer["segments"], answer["words"]) == ("", [], [])


def test_silence_after_speech_does_not_repeat_it(openai: OpenAI, english: Fixture) -> None:
    silence = next(fixture for fixture in fixtures() if not fixture.text)
    assert heard(openai, english)["text"]
    assert heard(openai, silence)["text"] == ""


def test_a_language_given_is_obeyed_and_one_not_trained_is_refused(openai: OpenAI) -> None:
    from openai import APIStatusError

    spanish = next(fixture for fixture in fixtures("clean") if fixture.language == "es")
    assert heard(openai, spanish, language="es-MX")["language"] == "spanish"
    with pytest.raises(APIStatusError) as refusal:
        heard(openai, spanish, language="ja")
    assert refusal.value.status_code == 422
    assert refusal.value.body["param"] == "language"


def test_detection_keeps_to_the_languages_allowed(openai: OpenAI) -> None:
    spanish = next(fixture for fixture in fixtures("clean") if fixture.language == "es")
    answer = heard(openai, spanish, extra_body={"languages": ["en", "de"]})
    assert answer["language"] in ("english", "german")


def test_a_part_of_a_recording_keeps_its_times(openai: OpenAI) -> None:
    fixture = next(fixture for fixture in fixtures("long") if fixture.duration < 100)
    words = [word for word in fixture.words if word["start"] >= 8 and word["end"] <= 18]
    answer = heard(openai, fixture, extra_body={"start": 8, "duration": 10})
    assert 8 <= answer["words"][0]["start"] <= answer["words"][-1]["end"] <= 18.1
    assert answer["words"][0]["start"] == pytest.approx(words[0]["start"], abs=1)
    said, meant = normalised(answer["text"]), normalised(" ".join(word["word"] for word in words))
    assert difflib.SequenceMatcher(None, said, meant).ratio() > 0.8
    assert answer["duration"] == 10
    assert answer["usage"] == {"type": "duration", "seconds": 10}


def test_logprobs_belong_to_the_text(openai: OpenAI, english: Fixture) -> None:
    answer = openai.audio.transcriptions.create(
        model="whisper-pocket", file=english.path, response_format="json", include=["logprobs"]
    )
    assert answer.logprobs is not None
    joined = b"".join(bytes(int(byte) for byte in token.bytes or ()) for token in answer.logprobs).decode()
    assert joined.strip() == answer.text
    assert all(token.logprob is not None and token.logprob <= 0 for token in answer.logprobs)


def test_a_prompt_and_hotwords_do_not_disturb(openai: OpenAI, english: Fixture) -> None:
    answer = heard(openai, english, prompt="Good morning. How are you?", extra_body={"keywords": ["Laura", "Simon"]})
    assert word_errors(english.text, answer["text"])[0] <= 1


def test_a_url_can_hold_the_recording(groq: Groq, english: Fixture) -> None:
    import base64

    encoded = base64.urlsafe_b64encode(english.path.read_bytes()).decode()
    for url in (encoded, f"data:audio/wav;base64,{base64.b64encode(english.path.read_bytes()).decode()}"):
        answer = groq.audio.transcriptions.create(model="whisper-pocket", url=url)
        assert word_errors(english.text, answer.text)[0] == 0


def test_streaming_gives_the_text_piece_by_piece(openai: OpenAI) -> None:
    (fixture,) = [fixture for fixture in fixtures("long") if fixture.duration > 100]
    stream = openai.audio.transcriptions.create(model="whisper-pocket", file=fixture.path, stream=True)
    *deltas, done = list(stream)
    assert len(deltas) > 10
    assert "".join(event.delta for event in deltas) == done.text
    assert word_error_rate([(fixture.text, done.text)]) <= CLEAN_WER


def test_text_subtitles_and_plain_formats(openai: OpenAI, english: Fixture) -> None:
    def answered(response_format: str) -> str:
        return str(
            openai.audio.transcriptions.create(
                model="whisper-pocket", file=Path(english.path), response_format=response_format
            )
        )

    assert normalised(answered("text")) == normalised(english.text)
    assert answered("srt").startswith("1\n00:00:00,")
    assert answered("vtt").startswith("WEBVTT\n\n00:00:00.")
    assert not answered("vtt").startswith("WEBVTT\n\n00:00:00.000"), "the clip begins with silence"


async def test_a_client_that_asks_again_gets_its_answer_and_not_a_second_computation(server: str) -> None:
    """What an SDK's retry after a time-out does: the same request, while the first is still being worked on."""
    long = next(fixture for fixture in fixtures("long") if fixture.duration > 100).path.read_bytes()
    recording = long + b"\0"  # no other test has asked for these bytes
    async with httpx2.AsyncClient(base_url=server, timeout=120) as client:

        async def ask(**more: str) -> httpx2.Response:
            data = {"model": "whisper-pocket", "language": "en"} | more
            return await client.post("/v1/audio/transcriptions", files={"file": recording}, data=data)

        impatient = asyncio.create_task(ask())
        await asyncio.sleep(0.5)
        impatient.cancel()
        again, twin = await asyncio.gather(ask(), ask())
        late = await ask()
        other = await ask(prompt="Good morning.")
    assert [reply.headers["x-speechd-cache"] for reply in (again, twin, late, other)] == [
        "joined",
        "joined",
        "hit",
        "miss",
    ]
    assert again.json() == twin.json() == late.json()
    stages = ("decode", "vad", "queue", "encode", "generate", "align", "diarize")
    assert [stage.split(";")[0] for stage in again.headers["server-timing"].split(", ")] == list(stages)


def test_evidence_is_given_when_asked_for(openai: OpenAI, english: Fixture) -> None:
    plain = heard(openai, english)
    assert all("evidence" not in segment for segment in plain["segments"])
    asked = heard(openai, english, extra_body={"include": ["evidence"], "guard": "mark"})
    assert [segment["evidence"] for segment in asked["segments"]] == [[]]
    assert asked["uncovered_speech"] == []
    assert asked["text"] == plain["text"]


def test_an_answer_that_the_embedded_model_doubts_says_so(openai: OpenAI, english: Fixture) -> None:
    headers = [
        openai.audio.transcriptions.with_raw_response.create(model="whisper-pocket", file=path).headers
        for path in (FIXTURES / "channels" / "call.opus", english.path)
    ]
    assert [reply.get("x-speechd-warning") for reply in headers] == ["embedded-model", None]


def test_telling_each_window_the_text_before_it_works(openai: OpenAI) -> None:
    """whisper-pocket has seldom seen previous text in its training and loses words with it; the card says so."""
    fixture = next(f for f in fixtures("long") if f.duration < 100)
    answer = heard(openai, fixture, language="en", extra_body={"condition_on_previous_text": True})
    assert word_error_rate([(fixture.text, answer["text"])]) <= 0.25
