"""Decoding processes: one for each recording, gone when nobody wants it, and nobody else notices."""

import io
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from speechd.audio.decode import AudioStream, open_audio
from speechd.audio.isolation.decoding_process import DecodingProcess
from speechd.audio.isolation.pool import DecoderPool
from speechd.audio.isolation.protocol import DecodeOptions
from speechd.errors import InvalidAudio, Overloaded, SpeechdError
from tests.support.decoder_bombs import flac_silence, mp4_index_bomb
from tests.support.generated_audio import pcm16, tone, wav
from tests.support.processes import children, eventually

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")

CLIP = wav(pcm16(tone(2, 16_000)))
HOURS = flac_silence(11.9 * 3600)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(spares=1)
    yield pool
    pool.close()


def opened(pool: DecoderPool, data: bytes) -> AudioStream:
    stream = AudioStream(io.BytesIO(data), DecodeOptions(), pool)
    stream.open()
    return stream


def seconds(pool: DecoderPool, data: bytes) -> float:
    with opened(pool, data) as stream:
        for _ in stream:
            pass
        return stream.seconds


def decoding(pool: DecoderPool, others: set[int]) -> int:
    """The process that has taken a recording: a newer one waits in its place."""
    assert eventually(lambda: len(children(pool.server_pid) - others) >= 1)
    return min(children(pool.server_pid) - others)


def test_every_recording_has_a_process_of_its_own_and_one_waits_for_the_next(pool: DecoderPool) -> None:
    with opened(pool, CLIP) as first, opened(pool, CLIP) as second, opened(pool, CLIP) as third:
        assert eventually(lambda: len(children(pool.server_pid)) == 4)
        assert [sum(map(len, stream)) for stream in (third, first, second)] == [32_000] * 3
    assert eventually(lambda: len(children(pool.server_pid)) == 1)


def test_a_process_that_is_killed_is_a_400_and_the_next_recording_is_heard(pool: DecoderPool) -> None:
    seconds(pool, CLIP)
    assert eventually(lambda: len(children(pool.server_pid)) == 1)
    crashed = pool.counts.crashed
    with opened(pool, HOURS) as stream:
        chunks = iter(stream)
        next(chunks)
        os.kill(decoding(pool, set()), signal.SIGSEGV)
        with pytest.raises(InvalidAudio, match="broke off") as caught:
            list(chunks)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_audio", "file")
    assert pool.counts.crashed == crashed + 1
    assert seconds(pool, CLIP) == 2


def test_an_index_that_is_refused_is_counted(pool: DecoderPool) -> None:
    counts = pool.counts
    stream = AudioStream(io.BytesIO(mp4_index_bomb()), DecodeOptions(), pool)
    with stream, pytest.raises(InvalidAudio, match="tables of this MP4 claim"):
        stream.open()
    assert (pool.counts.refused, pool.counts.crashed) == (counts.refused + 1, counts.crashed)


def test_a_stream_that_is_closed_ends_its_process(pool: DecoderPool) -> None:
    abandoned = pool.counts.abandoned
    stream = opened(pool, HOURS)
    next(iter(stream))
    stream.close()
    assert eventually(lambda: len(children(pool.server_pid)) == 1)
    assert pool.counts.abandoned == abandoned + 1


def test_a_stream_whose_header_alone_was_read_is_not_counted_as_abandoned(pool: DecoderPool) -> None:
    abandoned = pool.counts.abandoned
    opened(pool, HOURS).close()
    assert eventually(lambda: len(children(pool.server_pid)) == 1)
    assert pool.counts.abandoned == abandoned


def test_closing_wakes_a_thread_that_waits_for_a_process_that_stands_still(pool: DecoderPool) -> None:
    seconds(pool, CLIP)
    assert eventually(lambda: len(children(pool.server_pid)) == 1)
    stream = opened(pool, HOURS)
    chunks, errors = iter(stream), list[BaseException]()
    next(chunks)
    os.kill(decoding(pool, set()), signal.SIGSTOP)

    def read() -> None:
        try:
            list(chunks)
        except SpeechdError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.2)  # it has read what was sent, and waits
    stream.close()
    thread.join(10)
    assert not thread.is_alive()
    assert errors
    assert eventually(lambda: len(children(pool.server_pid)) == 1)


def test_a_stream_that_was_closed_before_it_is_open_decodes_nothing(pool: DecoderPool) -> None:
    stream = AudioStream(io.BytesIO(HOURS), DecodeOptions(), pool)
    stream.close()
    with pytest.raises(InvalidAudio):
        stream.open()
    assert eventually(lambda: len(children(pool.server_pid)) == 1)


def test_a_server_of_processes_that_was_killed_is_started_again(pool: DecoderPool) -> None:
    seconds(pool, CLIP)
    assert pool.server_pid
    killed, those = pool.server_pid, children(pool.server_pid)
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: not any(Path(f"/proc/{process}").exists() for process in those))
    assert seconds(pool, CLIP) == 2
    assert pool.server_pid != killed


def test_no_process_outlives_the_one_that_it_decodes_for() -> None:
    script = (
        "import io, sys, time\n"
        "from speechd.audio.decode import open_audio\n"
        "from speechd.audio.isolation.pool import shared_pool\n"
        "from tests.support.decoder_bombs import flac_silence\n"
        "stream = open_audio(io.BytesIO(flac_silence(11 * 3600)))\n"
        "next(iter(stream))\n"
        "print(shared_pool().server_pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        server = int(process.stdout.readline())
        those = {server, *children(server)}
        assert len(those) >= 2
        process.kill()
    assert eventually(lambda: not any(Path(f"/proc/{process}").exists() for process in those))


def test_the_processes_see_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHD_API_KEY", "sk-secret")
    pool = DecoderPool(spares=1)
    try:
        assert seconds(pool, CLIP) == 2
        assert b"sk-secret" not in Path(f"/proc/{pool.server_pid}/environ").read_bytes()
    finally:
        pool.close()


def test_a_clean_recording_counts_as_started_only() -> None:
    pool = DecoderPool(spares=1)
    try:
        seconds(pool, CLIP)
        counts = pool.counts
    finally:
        pool.close()
    assert (counts.started, counts.crashed, counts.abandoned, counts.silent) == (1, 0, 0, 0)


def test_more_than_may_be_at_once_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.audio.isolation.pool.MAX_DECODINGS", 2)
    pool = DecoderPool(spares=1)
    try:
        with opened(pool, CLIP), opened(pool, CLIP):
            with pytest.raises(Overloaded) as caught:
                opened(pool, CLIP)
            assert caught.value.retry_after
        assert [seconds(pool, CLIP) for _ in range(3)] == [2, 2, 2]
    finally:
        pool.close()


HEAD = struct.Struct("<cII")
LIES: dict[str, bytes] = {
    "another kind": HEAD.pack(b"X", 4, 0) + b"null",
    "text without end": HEAD.pack(b"H", 1 << 31, 0),
    "no JSON": HEAD.pack(b"H", 4, 0) + b"nope",
    "no object": HEAD.pack(b"H", 2, 0) + b"[]",
    "deep JSON": HEAD.pack(b"H", 60_000, 0) + b"[" * 60_000,
    "a header without fields": HEAD.pack(b"H", 2, 0) + b"{}",
    "a header of other fields": HEAD.pack(b"H", 23, 0) + b'{"container": [1, 2, 3]',
    "gigabytes of PCM": HEAD.pack(b"P", 8, 1 << 31),
    "a thousand channels": HEAD.pack(b"P", 1000, 10),
    "half a message": HEAD.pack(b"P", 1, 10) + b"1234",
    "nothing": b"",
}


@pytest.mark.parametrize("name", LIES)
def test_a_process_that_was_taken_over_can_only_break_off(name: str) -> None:
    ours, theirs = socket.socketpair()
    counted: list[str] = []
    process = DecodingProcess(ours, lambda: counted.append("killed"), counted.append)
    with theirs:
        process.ask(DecodeOptions(), 0)
        theirs.sendall(LIES[name])
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(InvalidAudio):
            process.receive()
        process.end()
    assert counted == ["crashed", "killed"] or counted == ["crashed"]


def test_a_decoder_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    counted: list[str] = []
    process = DecodingProcess(ours, lambda: counted.append("killed"), counted.append)
    with theirs:
        process.ask(DecodeOptions(), 0)
        with pytest.raises(SpeechdError) as caught:
            process.receive()
        process.end()
    assert caught.value.status == 500
    assert counted == ["silent", "abandoned", "killed"]


@pytest.mark.parametrize("make", [lambda: flac_silence(3600), lambda: CLIP], ids=["an hour", "a clip"])
def test_the_default_pool_is_shared(make: Callable[[], bytes]) -> None:
    with open_audio(io.BytesIO(make())) as stream:
        assert sum(map(len, stream)) == round(stream.seconds * 16_000)


def test_an_iteration_that_is_broken_off_ends_its_process(pool: DecoderPool) -> None:
    next(iter(opened(pool, HOURS)))
    assert eventually(lambda: len(children(pool.server_pid)) == 1)
