"""POST audio/transcriptions/format: the bytes of a transcription, made from its own verbose answer."""

import json
from typing import Any

import pytest

from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope

PREFIXES = ("/v1", "/openai/v1")
SEGMENT = {"start": 0, "end": 1, "text": "Hello."}
WORDS = {"timestamp_granularities[]": ["word", "segment"]}


async def formatted(house: House, transcript: Any, prefix: str = "/v1", **fields: Any) -> Any:
    body = {"transcript": transcript, **fields}
    return await house.client.post(f"{prefix}/audio/transcriptions/format", json=body)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "options",
    [
        *({"response_format": name} for name in ("json", "text", "srt", "vtt", "tsv", "lrc")),
        *({"response_format": name} for name in ("minutes", "diarized_json")),
        {"response_format": "srt", "max_line_width": 20, "max_lines": 1},
        {"response_format": "vtt", "karaoke": True},
    ],
    ids=lambda options: "-".join(options.values() if len(options) == 1 else options),
)
async def test_the_answer_is_that_of_a_transcription(house: House, prefix: str, options: dict[str, Any]) -> None:
    # the stand-in has nobody who tells voices apart
    split = {"channels": "split"} if options["response_format"] in ("minutes", "diarized_json") else {}
    verbose = await house.transcribe(prefix=prefix, response_format="verbose_json", **WORDS, **split)
    form = {name: str(value).lower() if value is True else value for name, value in options.items()}
    expected = await house.transcribe(prefix=prefix, **form, **split)
    reply = await formatted(house, verbose.json(), prefix, **options)
    assert (expected.status_code, reply.status_code) == (200, 200), (expected.text, reply.text)
    mine, its = (each.headers["x-request-id"].encode() for each in (reply, expected))
    assert reply.content.replace(mine, its) == expected.content
    assert reply.headers["content-type"] == expected.headers["content-type"]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_verbose_json_comes_back_as_it_was(house: House, prefix: str) -> None:
    verbose = await house.transcribe(prefix=prefix, response_format="verbose_json", **WORDS)
    reply = await formatted(house, verbose.json(), prefix, response_format="verbose_json")
    mine, its = (each.headers["x-request-id"].encode() for each in (reply, verbose))
    assert reply.content.replace(mine, its) == verbose.content
    words = await formatted(
        house, verbose.json(), prefix, response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert "segments" not in words.json()
    assert words.json()["words"] == verbose.json()["words"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"transcript": {"segments": [SEGMENT]}}, "response_format"),
        ({"response_format": "srt"}, "transcript"),
        ({"transcript": "Hello.", "response_format": "srt"}, "transcript"),
        ({"transcript": {"segments": [SEGMENT]}, "response_format": "docx"}, "response_format"),
        ({"transcript": {"segments": [SEGMENT]}, "response_format": "txt"}, "response_format"),
        ({"transcript": {"segments": [SEGMENT]}, "response_format": "srt", "karaoke": True}, "karaoke"),
        ({"transcript": {"segments": [SEGMENT]}, "response_format": "srt", "max_lines": 11}, "max_lines"),
        ({"transcript": {"segments": [SEGMENT, {**SEGMENT, "end": -1}]}, "response_format": "srt"},
         "transcript.segments[1].end"),
        ({"transcript": {"segments": [SEGMENT], "text": "\ud800"}, "response_format": "srt"}, "transcript"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(house: House, body: dict[str, Any], param: str) -> None:
    json_type = {"content-type": "application/json"}
    reply = await house.client.post("/v1/audio/transcriptions/format", content=json.dumps(body), headers=json_type)
    assert_envelope(reply, 400, param=param)


async def test_the_size_is_bounded(open_house: Opener) -> None:
    house = await open_house(max_json_bytes=1000)
    reply = await formatted(house, {"segments": [SEGMENT] * 50}, response_format="srt")
    assert_envelope(reply, 413, "request_too_large")


async def test_no_text_is_markup(house: House) -> None:
    evil = "<script>alert(1)</script> --> \n\n2\n"
    transcript = {"segments": [{"start": 0, "end": 1, "text": evil, "speaker": "<v>\n\n"}]}
    vtt = (await formatted(house, transcript, response_format="vtt")).text
    assert "<script" not in vtt
    assert vtt.count("-->") == 1
    srt = (await formatted(house, transcript, response_format="srt")).text
    assert srt.count("-->") == 1
    assert srt.count("\n\n") == 1


MOVED = {
    "segments": [
        {"start": 1.0, "end": 1.5, "plain_start": 0.5, "plain_end": 2.0, "text": " Good day.", "channel": "agent"},
        {"start": 0.9, "end": 3.0, "plain_start": 0.8, "plain_end": 2.5, "text": " Hello.", "channel": "caller"},
    ],
    "words": [
        {"word": "Good", "start": 1.0, "end": 1.2},
        {"word": "day.", "start": 1.2, "end": 1.5},
        {"word": "Hello.", "start": 0.9, "end": 3.0},
    ],
}


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({}, ["00:00:00,500 --> 00:00:02,000", "00:00:00,800 --> 00:00:02,500"]),
        ({"max_line_width": 40}, ["00:00:00,900 --> 00:00:03,000", "00:00:01,000 --> 00:00:01,500"]),
    ],
)
async def test_words_time_subtitles_where_the_layout_needs_them(
    house: House, options: dict[str, Any], times: list[str]
) -> None:
    reply = await formatted(house, MOVED, response_format="srt", **options)
    assert [line for line in reply.text.splitlines() if "-->" in line] == times


async def test_text_is_in_the_order_that_it_has_without_words(house: House) -> None:
    swapped = {**MOVED, "segments": MOVED["segments"][::-1], "words": None}
    assert (await formatted(house, swapped, response_format="text")).text == "Good day. Hello."
    back = (await formatted(house, swapped, response_format="verbose_json")).json()
    assert [(each["plain_start"], each["plain_end"]) for each in back["segments"]] == [(0.5, 2.0), (0.8, 2.5)]


async def test_times_without_words_are_checked(house: House) -> None:
    reply = await formatted(house, {"segments": [{**SEGMENT, "plain_start": 2, "plain_end": 1}]}, response_format="srt")
    assert_envelope(reply, 400, param="transcript.segments[0].plain_end")
