"""Kaldi's mel energies."""

import numpy as np
import pytest

from speechd.asr.diarization.fbank import BANDS, BLOCK_FRAMES, mel_energies
from speechd.types import SAMPLE_RATE, Samples


def noise(seconds: float) -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (32_000, 198)])
def test_frames_lie_wholly_in_the_audio(samples: int, frames: int) -> None:
    assert mel_energies(noise(samples / SAMPLE_RATE)).shape == (frames, BANDS)


def test_blocks_leave_no_seam() -> None:
    audio = noise(BLOCK_FRAMES / 100 * 2.5)
    whole = mel_energies(audio)
    part = mel_energies(audio[(BLOCK_FRAMES - 5) * 160 :])
    assert np.allclose(whole[BLOCK_FRAMES - 5 :], part, atol=1e-4)


def test_a_tone_is_in_its_band() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for hertz in (200, 1000, 4000):
        tone = np.asarray(0.1 * np.sin(2 * np.pi * hertz * time), np.float32)
        mel = 1127 * np.log1p(hertz / 700)
        lowest, highest = 1127 * np.log1p(20 / 700), 1127 * np.log1p(8000 / 700)
        assert mel_energies(tone).mean(axis=0).argmax() == pytest.approx(
            (mel - lowest) / (highest - lowest) * 81 - 1, abs=1
        )


@pytest.mark.extra
def test_they_are_those_of_kaldi() -> None:
    kaldi = pytest.importorskip("kaldi_native_fbank", reason="kaldi-native-fbank is not installed")
    options = kaldi.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = BANDS
    computer = kaldi.OnlineFbank(options)
    audio = noise(20)
    computer.accept_waveform(SAMPLE_RATE, audio.tolist())
    computer.input_finished()
    theirs = np.stack([computer.get_frame(number) for number in range(computer.num_frames_ready)])
    assert np.abs(theirs - mel_energies(audio)).max() < 1e-3
