"""What comes over a wire is what was recorded, however it is cut."""

import io

import numpy as np
import pytest
import soundfile

from speechd.operations.live.pcm_input import Encoding, PcmInput, WireFormat, wav_file


@pytest.mark.parametrize(("encoding", "subtype"), [("pcmu", "ULAW"), ("pcma", "ALAW")])
def test_g711_is_decoded_as_libsndfile_does(encoding: Encoding, subtype: str) -> None:
    codes = bytes(range(256)) * 4
    expected, _ = soundfile.read(
        io.BytesIO(codes), samplerate=8000, channels=1, format="RAW", subtype=subtype, dtype="int16"
    )
    heard = PcmInput(WireFormat(encoding, 8000)).push(codes)
    assert heard.raw == expected.astype("<i2").tobytes()


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 44_100, 48_000])
def test_pieces_of_any_length_give_the_same(rate: int) -> None:
    clock = np.arange(3 * rate) / rate
    pcm = (10_000 * np.sin(2 * np.pi * 440 * clock)).astype("<i2").tobytes()
    whole = PcmInput(WireFormat("pcm", rate)).push(pcm)
    cut = PcmInput(WireFormat("pcm", rate))
    parts = [cut.push(pcm[start : start + 1001]) for start in range(0, len(pcm), 1001)]
    assert b"".join(part.raw for part in parts) == whole.raw == pcm
    samples = np.concatenate([part.samples for part in parts])
    assert abs(len(samples) - 3 * 16_000) < 1600
    shorter = min(len(samples), len(whole.samples))
    np.testing.assert_allclose(samples[:shorter], whole.samples[:shorter], atol=1e-4)
    assert len(np.concatenate([part.probabilities for part in parts])) * 512 == len(samples)


def test_a_turn_is_a_wav_file() -> None:
    samples, rate = soundfile.read(io.BytesIO(wav_file(b"\x01\x00\x02\x00", 24_000)), dtype="int16")
    assert (samples.tolist(), rate) == ([1, 2], 24_000)
