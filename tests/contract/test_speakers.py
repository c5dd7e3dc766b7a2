"""Who spoke: over HTTP and the SDK, with fake engines behind the real service."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from sqlalchemy import select

from speechd.api.app import create_app
from speechd.errors import InvalidRequest
from speechd.operations.batch import BatchRequest, run_line
from speechd.operations.context import RequestContext
from speechd.operations.known_speakers import enrol
from speechd.service import Service
from speechd.settings import Settings
from speechd.store.tables import lines
from tests.contract.test_answers import events_of
from tests.contract.test_error_shape import assert_envelope
from tests.contract.test_one_path import ended
from tests.support.conversations import MarkedVoices, data_url, load_fakes, spoken, turns_of, wav

MODEL = "gpt-4o-transcribe-diarize"
VOICES = (1, 2, 1, 2, 3, 3)
BOTH = pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])


@dataclass
class Room:
    """A running application with a client in the same loop."""

    app: Any
    service: Service
    client: httpx.AsyncClient

    async def post(self, path: str, audio: bytes | None = None, **fields: Any) -> httpx.Response:
        return await self.client.post(path, files={"file": ("a.wav", audio or TALK())}, data=fields)

    async def transcribe(self, audio: bytes | None = None, prefix: str = "/v1", **fields: Any) -> httpx.Response:
        return await self.post(f"{prefix}/audio/transcriptions", audio, **fields)

    async def diarize(self, audio: bytes | None = None, prefix: str = "/v1", **fields: Any) -> httpx.Response:
        return await self.post(f"{prefix}/audio/diarization", audio, **fields)


class _Talk:
    """A conversation of VOICES, made once."""

    def __init__(self) -> None:
        self._made = b""

    def __call__(self) -> bytes:
        self._made = self._made or wav(turns_of(*VOICES))
        return self._made


TALK = _Talk()


@asynccontextmanager
async def opened(folder: Path, **settings: Any) -> AsyncIterator[Room]:
    services: list[Service] = []

    def open_service(given: Settings) -> Service:
        services.append(Service(given, load_engine=load_fakes))
        return services[-1]

    app = create_app(open_service, Settings(**{"worker": False, "data_dir": folder} | settings))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=60) as client,
    ):
        yield Room(app, services[0], client)


def with_weights(folder: Path) -> Path:
    """The data folder, with a model that tells speakers apart."""
    place = folder / "models" / "campplus"
    place.mkdir(parents=True)
    (place / "campplus.onnx").write_bytes(b"weights")
    return folder


@pytest.fixture(autouse=True)
def _urls_stand_for_themselves() -> None:
    """Here a `data:` URL is the recording that is in it."""


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with opened(with_weights(tmp_path)) as running:
        yield running


@pytest.fixture
def sdk(room: Room) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        api_key="unused", base_url="http://127.0.0.1:8000/v1", http_client=room.client, max_retries=0
    )


def speakers_of(segments: Any) -> list[str]:
    return [each["speaker"] for each in segments]


async def test_openai_sdk(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.audio.transcriptions.create(
        file=("a.wav", TALK()), model=MODEL, response_format="diarized_json", chunking_strategy="auto"
    )
    assert [segment.speaker for segment in answer.segments] == ["A", "B", "A", "B", "C", "C"]
    assert [segment.id for segment in answer.segments][:2] == ["seg_001", "seg_002"]
    assert all(segment.type == "transcript.text.segment" for segment in answer.segments)
    assert " ".join(segment.text for segment in answer.segments) == answer.text
    assert answer.task == "transcribe"
    assert answer.duration == pytest.approx(len(TALK()) / 32_000, abs=0.1)


async def test_openai_sdk_with_known_speakers(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.audio.transcriptions.create(
        file=("a.wav", TALK()),
        model=MODEL,
        response_format="diarized_json",
        known_speaker_names=["Ben", "Anna", "Nobody here"],
        known_speaker_references=[data_url(spoken(voice, 1)) for voice in (3, 2, 9)],
    )
    assert [segment.speaker for segment in answer.segments] == ["A", "Anna", "A", "Anna", "Ben", "Ben"]


async def test_openai_sdk_stream(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.audio.transcriptions.create(
        file=("a.wav", TALK()), model=MODEL, response_format="diarized_json", stream=True
    )
    events = [event async for event in stream]
    kinds = [event.type.removeprefix("transcript.text.") for event in events]
    assert kinds == ["delta"] * 6 + ["segment"] * 6 + ["done"]
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == events[-1].text
    assert [event.speaker for event in events[6:12]] == ["A", "B", "A", "B", "C", "C"]


@BOTH
async def test_speakers_in_every_format_that_can_show_them(room: Room, prefix: str) -> None:
    marks = {"verbose_json": '"speaker": "C"', "vtt": "<v C>", "srt": "\nC: speech"}
    for format in ("verbose_json", "vtt", "srt", "text", "tsv", "lrc"):
        plain = await room.transcribe(prefix=prefix, response_format=format)
        told = await room.transcribe(prefix=prefix, response_format=format, speakers="true")
        assert (plain.status_code, told.status_code) == (200, 200), told.text
        mark = marks.get(format, "C: speech")
        assert mark in told.text
        assert mark not in plain.text


async def test_words_have_speakers(room: Room) -> None:
    fields = {"response_format": "verbose_json", "timestamp_granularities[]": "word", "num_speakers": "3"}
    words = (await room.transcribe(**fields)).json()["words"]
    assert speakers_of(words[::3]) == ["A", "B", "A", "B", "C", "C"]


async def test_minutes(room: Room) -> None:
    reply = await room.transcribe(response_format="minutes")
    assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
    assert reply.text.startswith("Length: 00:00:")
    assert [line.split()[0] for line in reply.text.splitlines() if line[:2] == "**"] == [
        f"**{letter}**" for letter in "ABABC"
    ]
    *segments, done, _ = events_of((await room.transcribe(response_format="minutes", stream="true")).text)
    assert speakers_of(segments) == ["A", "B", "A", "B", "C", "C"]
    assert done["text"] == reply.text


async def test_json_has_no_place_for_speakers(room: Room) -> None:
    reply = await room.transcribe(speakers="true", num_speakers="2")
    assert reply.headers["x-speechd-warning"] == "ignored-speakers, ignored-num-speakers"
    assert "diarize;dur=0.0" in reply.headers["server-timing"]


@BOTH
async def test_diarization(room: Room, prefix: str) -> None:
    reply = await room.diarize(prefix=prefix, model="auto")
    answer = reply.json()
    assert (reply.status_code, answer["num_speakers"], answer["task"]) == (200, 3, "diarize")
    assert speakers_of(answer["segments"]) == [f"SPEAKER_0{n}" for n in (0, 1, 0, 1, 2, 2)]
    assert reply.headers["x-speechd-model"] == "campplus"
    assert "diarize;dur=" in reply.headers["server-timing"]
    rttm = await room.diarize(prefix=prefix, model="campplus", response_format="rttm", num_speakers="0")
    assert rttm.text.count("SPEAKER audio 1 ") == 6
    named = await room.diarize(
        prefix=prefix, **{"known_speaker_names[]": "Anna B", "known_speaker_references[]": data_url(spoken(2))}
    )
    assert speakers_of(named.json()["segments"])[:2] == ["SPEAKER_00", "Anna B"]


async def test_the_number_of_speakers_is_obeyed(room: Room) -> None:
    assert (await room.diarize(num_speakers="1")).json()["num_speakers"] == 1
    assert (await room.diarize(max_speakers="2")).json()["num_speakers"] <= 2
    assert (await room.diarize(num_speakers="3")).json()["num_speakers"] == 3


async def test_channels_first_and_speakers_inside(room: Room) -> None:
    left, right = turns_of(1, 2, 1, 2, 1, 2), turns_of(3, 3, 3, 3, 3, 3)
    silent = np.zeros(len(left), np.float32)
    sound = np.array([np.concatenate([left, silent]), np.concatenate([silent, np.resize(right, len(left))])])
    fields = {"channels": "split", "channel_labels[]": ["agent", "caller"], "response_format": "diarized_json"}
    by_channel = (await room.transcribe(wav(sound), **fields)).json()["segments"]
    assert set(speakers_of(by_channel)) == {"agent", "caller"}
    by_both = (await room.transcribe(wav(sound), **fields, speakers="true")).json()["segments"]
    assert speakers_of(by_both) == ["agent A", "agent B"] * 3 + ["caller C"] * 6


REFERENCE = "known_speaker_references"
NAMES = "known_speaker_names"


@pytest.mark.parametrize(
    ("names", "references", "param", "said"),
    [
        (["Anna"], [], NAMES, "`Anna` has no reference"),
        ([], [spoken(1)], REFERENCE, "needs a name"),
        (["a", "b"], [spoken(1), spoken(2), spoken(1)], REFERENCE, "needs a name"),
        (list("abcde"), [spoken(n) for n in range(5)], REFERENCE, "At most 4"),
        ([str(n) for n in range(11)], [], NAMES, "At most 10"),
        (["Anna", "Anna"], [spoken(1), spoken(2)], NAMES, "must differ"),
        (["\u0007"], [spoken(1)], NAMES, "printable"),
        (["Anna"], [spoken(1)[4000:12_000]], REFERENCE, "The reference of `Anna`"),
        (["Anna"], [np.zeros(48_000, np.float32)], REFERENCE, "The reference of `Anna`"),
        (["Anna"], [turns_of(1, 2)], REFERENCE, "several people"),
        (["Anna"], [turns_of(1, 1, 1, 1)], REFERENCE, "longer than 10 s"),
        (["Anna"], ["https://example.org/a.wav"], REFERENCE, "`data:` URL"),
        (["Anna"], ["data:audio/wav;base64,AAAA"], REFERENCE, "The reference of `Anna`"),
        (["Anna"], ["data:audio/wav;base64,?"], REFERENCE, "The reference of `Anna`"),
        (["Anna"], ["data:"], REFERENCE, "The reference of `Anna`"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bad_references(room: Room, names: list[str], references: list[Any], param: str, said: str) -> None:
    urls = [each if isinstance(each, str) else data_url(each) for each in references]
    fields = {f"{NAMES}[]": names, f"{REFERENCE}[]": urls, "response_format": "diarized_json"}
    for post in (room.transcribe, room.diarize):
        reply = await post(**fields)
        fields.pop("response_format", None)
        assert_envelope(reply, 400, param=param)
        assert said in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"num_speakers": "12"}, "num_speakers"),
        ({"num_speakers": "-1"}, "num_speakers"),
        ({"max_speakers": "11"}, "max_speakers"),
        ({"min_speakers": "3", "max_speakers": "2"}, "min_speakers"),
        ({"num_speakers": "2", "max_speakers": "2"}, "num_speakers"),
        ({"response_format": "srt_json"}, "response_format"),
    ],
    ids=str,
)
async def test_bad_numbers(room: Room, fields: dict[str, str], param: str) -> None:
    assert_envelope(await room.diarize(**fields), 400, param=param)
    assert_envelope(await room.transcribe(**{"response_format": "diarized_json"} | fields), 400, param=param)


async def test_more_text_than_references_have(room: Room) -> None:
    too_long = "data:audio/wav;base64," + "A" * (16 << 20)
    fields = {f"{NAMES}[]": "Anna", f"{REFERENCE}[]": too_long, "response_format": "diarized_json"}
    assert_envelope(await room.transcribe(**fields), 413, param=REFERENCE)
    body = {NAMES: ["Anna"], REFERENCE: [too_long], "url": data_url(spoken(1))}
    assert_envelope(await room.client.post("/v1/audio/diarization", json=body), 413, param=REFERENCE)


@pytest.mark.parametrize(
    ("audio", "count"),
    [
        (turns_of(1, 1, 1, 1), 1),
        (np.zeros(64_000, np.float32), 0),
        (0.3 * np.sin(np.arange(160_000) * 0.2).astype(np.float32), 0),
        (turns_of(1), 1),
    ],
    ids=["one speaker", "silence", "a tone", "three seconds"],
)
async def test_recordings_in_which_nobody_is_to_be_told_apart(room: Room, audio: Any, count: int) -> None:
    answer = (await room.diarize(wav(audio))).json()
    assert answer["num_speakers"] == count
    told = (await room.transcribe(wav(audio), response_format="diarized_json")).json()
    assert set(speakers_of(told["segments"])) == set("A" * bool(count))


async def test_more_people_than_can_be_told_apart(room: Room) -> None:
    twelve = wav(turns_of(*(voice for voice in range(1, 13) for _ in range(4))))
    found = (await room.diarize(twelve)).json()
    assert 2 <= found["num_speakers"] <= 10
    assert len(found["segments"]) >= found["num_speakers"]


async def test_what_is_no_recording(room: Room) -> None:
    assert_envelope(await room.diarize(b"nonsense" * 100), 400, param="file")
    reply = await room.client.post("/v1/audio/diarization", data={"model": "auto"})
    assert_envelope(reply, 400)


async def test_a_model_that_does_something_else(room: Room) -> None:
    assert_envelope(await room.diarize(model="whisper-pocket"), 422, "wrong_kind", "model")
    assert_envelope(await room.diarize(model="nonsense"), 404, "model_not_found", "model")
    assert_envelope(await room.transcribe(model="campplus"), 422, "wrong_kind", "model")
    assert (await room.diarize(model=MODEL)).status_code == 200


async def test_without_weights_the_error_names_the_command(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        for reply in (
            await room.diarize(),
            await room.diarize(model="campplus"),
            await room.transcribe(model=MODEL, response_format="diarized_json"),
            await room.transcribe(response_format="text", speakers="true"),
            await room.transcribe(response_format="diarized_json", stream="true"),
        ):
            assert_envelope(reply, 503, "model_not_installed", "model")
            assert "speechd models pull campplus" in reply.json()["error"]["message"]
        plain = await room.transcribe(model=MODEL)  # nothing of it needs speakers
        assert plain.status_code == 200
        split = await room.transcribe(response_format="diarized_json", channels="split")
        assert split.status_code == 200


async def test_equal_requests_are_computed_once(room: Room) -> None:
    async def cache(**fields: Any) -> str:
        return (await room.transcribe(response_format="diarized_json", **fields)).headers["x-speechd-cache"]

    known = {f"{NAMES}[]": "Anna", f"{REFERENCE}[]": data_url(spoken(2))}
    assert [await cache(), await cache()] == ["miss", "hit"]
    assert [await cache(num_speakers="2"), await cache(num_speakers="2")] == ["miss", "hit"]
    assert [await cache(**known), await cache(**known)] == ["miss", "hit"]
    assert await cache(**known | {f"{NAMES}[]": "Ben"}) == "miss"
    other = {f"{REFERENCE}[]": data_url(spoken(3))}
    assert await cache(**known | other) == "miss"


async def test_enrolled_speakers_need_no_reference(room: Room, tmp_path: Path) -> None:
    store = await room.app.state.jobs.open()
    (tmp_path / "anna.wav").write_bytes(wav(turns_of(2, 2)))
    await enrol(room.service, store, "key_other", "Anna", tmp_path / "anna.wav")
    fields = {"response_format": "diarized_json", f"{NAMES}[]": ["Ben", "Anna"], f"{REFERENCE}[]": data_url(spoken(3))}
    assert_envelope(await room.transcribe(**fields), 400, param=NAMES)
    await enrol(room.service, store, "", "Anna", tmp_path / "anna.wav")
    answer = (await room.transcribe(**fields)).json()
    assert speakers_of(answer["segments"]) == ["A", "Anna", "A", "Anna", "Ben", "Ben"]
    (kept,) = await store.speakers.find("", ["Anna"])
    assert len(kept.voice.embedding) == 4 * MarkedVoices.dimensions
    await store.speakers.enrol("", kept.voice, "another-model")
    assert_envelope(await room.transcribe(**fields), 400, param=NAMES)


async def test_a_batch_line_answers_the_same(room: Room) -> None:
    body, known = {"url": data_url(turns_of(*VOICES))}, {NAMES: ["Anna"], REFERENCE: [data_url(spoken(2))]}
    for url, more in (
        ("/v1/audio/diarization", {"response_format": "verbose_json"}),
        ("/v1/audio/transcriptions", {"response_format": "minutes"}),
        ("/v1/audio/transcriptions", {"response_format": "diarized_json"} | known),
    ):
        line = BatchRequest(url, body | more, RequestContext(priority="background"), _no_file, _no_file)
        answer = (await run_line(room.service, line)).body
        reply = await room.client.post(url, json=body | more)
        assert answer == ({"text": reply.text} if more["response_format"] == "minutes" else reply.json())


async def _no_file(*_: Any) -> Any:
    raise AssertionError("nothing is written or opened")


async def test_a_job_answers_the_same(tmp_path: Path) -> None:
    known = {f"{NAMES}[]": ["Anna"], f"{REFERENCE}[]": [data_url(spoken(2))]}
    async with opened(with_weights(tmp_path), worker=True) as room:
        for path, fields in (
            ("/v1/audio/diarization", {"response_format": "rttm"}),
            ("/v1/audio/transcriptions", {"response_format": "diarized_json", "num_speakers": "3"}),
            ("/v1/audio/transcriptions", {"response_format": "verbose_json", "known_voices": "[]"} | known),
        ):
            files = {"file": ("a.wav", io.BytesIO(TALK()))}
            job = await room.client.post(path, files=files, data=fields, headers={"prefer": "respond-async"})
            assert job.status_code == 202, job.text
            state = await ended(room, job.headers["location"])  # type: ignore[arg-type]
            assert state["status"] == "completed", json.dumps(state)
            result = await room.client.get(job.headers["location"] + "/result")
            assert result.text == (await room.post(path, **fields)).text


async def test_a_job_keeps_no_recording_of_a_known_speaker(tmp_path: Path) -> None:
    async with opened(with_weights(tmp_path)) as room:
        fields = {f"{NAMES}[]": "Anna", f"{REFERENCE}[]": data_url(spoken(2)), "response_format": "srt"}
        form = {"files": {"file": ("a.wav", TALK())}, "data": fields}
        reply = await room.client.post("/v1/audio/transcriptions", **form, headers={"prefer": "respond-async"})
        assert reply.status_code == 202, reply.text
        store = await room.app.state.jobs.open()
        async with store.database.reading() as connection:
            (body,) = (await connection.execute(select(lines.c.body))).scalars().all()
    assert "data:" not in body
    assert json.loads(body)["known_voices"][0][0] == "Anna"


async def test_a_job_with_a_bad_name_is_refused_at_once(room: Room) -> None:
    post = partial(room.client.post, headers={"prefer": "respond-async"})
    fields = {"response_format": "diarized_json", f"{NAMES}[]": "Anna"}
    reply = await post("/v1/audio/transcriptions", files={"file": ("a.wav", TALK())}, data=fields)
    assert_envelope(reply, 400, param=NAMES)


@pytest.mark.parametrize(
    ("samples", "said"),
    [(turns_of(1, 2), "several people"), (np.zeros(48_000, np.float32), "s of speech"), (None, "cannot be read")],
    ids=["two voices", "silence", "no file"],
)
async def test_enrolment_refuses_what_has_no_voice(room: Room, tmp_path: Path, samples: Any, said: str) -> None:
    store = await room.app.state.jobs.open()
    if samples is not None:
        (tmp_path / "a.wav").write_bytes(wav(samples))
    with pytest.raises(InvalidRequest, match=said):
        await enrol(room.service, store, "", "Anna", tmp_path / "a.wav")
    assert await store.speakers.list() == []
