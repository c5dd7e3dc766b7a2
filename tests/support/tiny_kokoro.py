"""Kokoro in a few nodes: a tone for each symbol of 50 ms, as high as the mean of the style says."""

from pathlib import Path

import numpy as np
import onnx.parser

MODEL = """
<ir_version: 8, opset_import: ["" : 17]>
kokoro (int64[1, n] tokens, float[1, 256] style, float[1] speed) => (float[m] audio)
<float zero = {0.0}, float one = {1.0}, float frames = {2.0}, float hop = {600.0}, float turn = {6.2831853},
 float rate = {24000.0}, float loud = {0.5}>
{
    count = Cast <to = 1> (tokens)
    nothing = Mul (count, zero)
    usual = Add (nothing, frames)
    durations = Clip (usual, one)
    total = ReduceSum <keepdims = 0> (durations)
    samples = Mul (total, hop)
    clock = Range (zero, samples, one)
    seconds = Div (clock, rate)
    hertz = ReduceMean <keepdims = 0> (style)
    cycles = Mul (seconds, hertz)
    phase = Mul (cycles, turn)
    wave = Sin (phase)
    audio = Mul (wave, loud)
}
"""
SPEAKERS = {"af_heart": 200.0, "af_bella": 300.0, "bm_george": 100.0, "ef_dora": 250.0, "jf_alpha": 400.0}
"""Names with their tones in Hz."""


def write_tiny_kokoro(folder: Path) -> Path:
    """Writes the model and its speakers; the folder."""
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    (folder / "kokoro.onnx").write_bytes(onnx.parser.parse_model(MODEL).SerializeToString())
    for name, hertz in SPEAKERS.items():
        np.full((510, 1, 256), hertz, "<f4").tofile(folder / "voices" / f"{name}.bin")
    return folder
