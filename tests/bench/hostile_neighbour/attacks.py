"""The attacks: one for each row of the table in docs/explanation/security.md."""

import functools
import json
import os
import shutil
import signal
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from speechd.registry.files import LAYOUTS, shipped_models
from tests.bench.hostile_neighbour.hostile import Answers, Attack, Attacker
from tests.bench.hostile_neighbour.recordings import clips
from tests.conftest import fixtures
from tests.support.crafted_models import CRAFTED
from tests.support.decoder_bombs import INDEX_BOMBS, flac_silence, opus_silence
from tests.support.processes import children

TRANSCRIPTIONS, SPEECH = "/v1/audio/transcriptions", "/v1/audio/speech"
JSON = {"content-type": "application/json"}
HOURS = 11.9
BREAKS = "<speak>Hello." + '<break time="10s"/>' * 9_990 + "</speak>"
HOUR_OF_BREAKS = "<speak>Hello." + '<break time="10s"/>' * 360 + "</speak>"
PATHS = ("//etc/passwd", "//etc/no-such-file", "/../../etc", "/%2e%2e/%2e%2e/etc")
SLOW_HEAD = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Le"
TWO_LENGTHS = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
)


def upload(attacker: Attacker, audio: bytes, key: str = "hostile", timeout: float = 0.0, **fields: str) -> str:
    """Of a recording; given up after `timeout`, or at the end of the attack."""
    data = {"model": attacker.stage.model} | fields
    arguments = {"timeout": timeout} if timeout else {}
    return attacker.ask(TRANSCRIPTIONS, key, files={"file": ("a.wav", audio)}, data=data, **arguments)


def connection(attacker: Attacker, sent: bytes = b"") -> socket.socket:
    host, _, port = attacker.stage.url.removeprefix("http://").partition(":")
    made = socket.create_connection((host, int(port)), timeout=5)
    made.sendall(sent)
    return made


@functools.cache
def bombs() -> tuple[bytes, ...]:
    return tuple(make() for make in INDEX_BOMBS.values())


@functools.cache
def silences() -> tuple[bytes, ...]:
    return flac_silence(HOURS * 3600), opus_silence(HOURS * 3600)


def index_bombs(attacker: Attacker) -> Answers:
    return attacker.ask_at_once([functools.partial(upload, attacker, bomb) for bomb in bombs()])


def silent_connections(attacker: Attacker) -> Answers:
    """More than the server has descriptors for: half say nothing, half begin a head."""
    answers = Answers()
    with ExitStack() as held:
        for number in range(600):
            with suppress(OSError):
                held.enter_context(connection(attacker, SLOW_HEAD if number % 2 else b""))
                answers["connected"] += 1
        time.sleep(attacker.left)
    return answers


def long_prompts(attacker: Attacker) -> Answers:
    words = "the quick brown fox " * 1_000_000
    body = json.dumps({"model": attacker.stage.model, "url": "data:audio/wav;base64,AAAA", "prompt": words}).encode()
    form = functools.partial(upload, attacker, clips().short[0], prompt=words[:1_000_000])
    return attacker.ask_at_once([functools.partial(attacker.ask, TRANSCRIPTIONS, content=body, headers=JSON), form])


def large_json(attacker: Attacker) -> Answers:
    pieces = (b"[],", b'{"":0},', b"[" * 50 + b"]" * 50 + b",")
    bodies = [b'{"model": "m", "messages": [' + piece * (20_000_000 // len(piece)) + b"0]}" for piece in pieces]
    bodies.append(b"[" + b"[]," * 33_000_000 + b"0]")
    paths = ("/v1/chat/completions", "/v1/batches", TRANSCRIPTIONS, TRANSCRIPTIONS)
    asks = [functools.partial(attacker.ask, p, content=b, headers=JSON) for p, b in zip(paths, bodies, strict=True)]
    return attacker.ask_at_once(asks)


def pulls_from_a_silent_hub(attacker: Attacker) -> Answers:
    stamp = time.monotonic_ns()
    paths = [f"/v1/models/org/m{stamp}-{number}" for number in range(40)]
    answers = attacker.ask_at_once([functools.partial(attacker.ask, path, "manager") for path in paths])
    time.sleep(attacker.left)
    return answers


def others_models(attacker: Attacker) -> Answers:
    """A model that cannot be loaded lies beside the others, and the caller asks for what is not its own."""
    broken = attacker.stage.data / "models" / "broken"
    if not broken.exists():
        shutil.copytree(shipped_models() / "whisper-pocket", broken)
        for name in LAYOUTS["whisper"]:
            (broken / name).write_bytes(b"no model at all")
    ask, model = attacker.ask, attacker.stage.model
    answers = Answers([f"without the right {ask(f'/v1/models/{model}', method='DELETE')}"])
    for name in (model, "linked"):
        answers[f"remove {ask(f'/v1/models/{name}', 'manager', 'DELETE')}"] += 1
    for path in PATHS:
        answers[f"path {ask(f'/v1/models{path}', 'manager')}"] += 1
    answers[f"broken {upload(attacker, clips().short[0], model='broken')}"] += 1
    return answers


def crafted_models(attacker: Attacker) -> Answers:
    asks = []
    for name, craft in CRAFTED.items():
        folder = attacker.stage.data / "models" / f"crafted-{name}"
        if not folder.exists():
            craft(folder)
        words = {"model": folder.name, "response_format": "verbose_json", "timestamp_granularities[]": "word"}
        asks.append(functools.partial(upload, attacker, clips().short[0], **words))
    return attacker.ask_at_once(asks)


def audio_that_is_not_paid(attacker: Attacker) -> Answers:
    """Ten at once under a limit of one a day, hanging up on half of them."""
    asks = [functools.partial(upload, attacker, clips().minute, "limited", 0.5 * (n % 2)) for n in range(10)]
    return attacker.ask_at_once(asks)


def hours_of_speech(attacker: Attacker) -> Answers:
    def say(text: str, **headers: str) -> str:
        body = {"model": "auto", "voice": "auto", "input": text, "response_format": "wav", "sample_rate": 48_000}
        return attacker.ask(SPEECH, json=body, headers=headers)

    later = functools.partial(say, HOUR_OF_BREAKS, prefer="respond-async")
    return attacker.ask_at_once([functools.partial(say, BREAKS), later, later])


def engine_that_hangs(attacker: Attacker) -> Answers:
    """The first window makes the engine's process, which then is stopped, as a fault of its own would."""
    ask = functools.partial(upload, attacker, clips().short[0], model="pocketsphinx-en-us")
    answers = Answers([ask()])
    for child in children(attacker.stage.pid):
        if b"pocketsphinx_process" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGSTOP)
    return answers + Answers([ask()])


def hours_of_silence(attacker: Attacker) -> Answers:
    """Two are given up at once and two at the end."""
    asks = [functools.partial(upload, attacker, bytes(each), timeout=t) for each in silences() for t in (0.5, 0.0)]
    return attacker.ask_at_once(asks)


def half_pairs(attacker: Attacker) -> Answers:
    audio = "data:audio/wav;base64,AAAA"
    asks = [(TRANSCRIPTIONS, {"model": "auto", "url": audio, field: "a\ud83d"}) for field in ("prompt", "language")]
    asks.append((TRANSCRIPTIONS, {"model": "auto", "url": audio, "keywords": ["a\ud83d"]}))
    asks.append((SPEECH, {"model": "auto", "input": "Hello.", "voice": "a\udc00"}))
    sent = [(path, json.dumps(body).encode()) for path, body in asks]
    return attacker.ask_at_once([functools.partial(attacker.ask, p, content=b, headers=JSON) for p, b in sent])


def flood(attacker: Attacker) -> Answers:
    return attacker.ask_at_once([functools.partial(upload, attacker, clips().minute)] * 40, 40)


def files_codecs_and_aborted_speech(attacker: Attacker) -> Answers:
    """The key's share of the disk is filled; 20 long speeches are left; a codec that no recording has; two lengths."""
    body = {"model": "auto", "voice": "auto", "input": fixtures()[0].text * 100, "response_format": "mp3"}
    speech = functools.partial(attacker.ask, SPEECH, json=body, timeout=1.0)
    answers = attacker.ask_at_once([speech] * 20, 20)
    stored, purpose = {"file": ("a.bin", os.urandom(40_000_000))}, {"purpose": "user_data"}
    answers += Answers([f"file {attacker.ask('/v1/files', files=stored, data=purpose)}"])
    unknown = bytearray(clips().short[0])
    unknown[20:22] = b"\x77\x77"
    answers += Answers([f"codec {upload(attacker, bytes(unknown))}"])
    with connection(attacker, TWO_LENGTHS) as two:
        answers[f"two lengths {two.recv(65536).split()[1].decode()}"] += 1
    return answers


ATTACKS = (
    Attack(1, "index bombs", index_bombs),
    Attack(2, "600 silent connections", silent_connections),
    Attack(3, "prompts of 20 MB", long_prompts),
    Attack(4, "JSON of 20 and 100 MB", large_json),
    Attack(5, "40 pulls, silent hub", pulls_from_a_silent_hub),
    Attack(6, "others' models", others_models),
    Attack(7, "crafted models", crafted_models),
    Attack(8, "audio without paying", audio_that_is_not_paid),
    Attack(9, "hours of speech", hours_of_speech),
    Attack(10, "engine that hangs", engine_that_hangs),
    Attack(11, "hours of silence", hours_of_silence),
    Attack(12, "half surrogate pairs", half_pairs),
    Attack(13, "40 minutes at once", flood),
    Attack(14, "files, codecs, left speech", files_codecs_and_aborted_speech),
)
"""In the order in which they run."""
