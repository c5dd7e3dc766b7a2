"""A Piper voice of a few nodes: a tone, higher for each speaker, whose phonemes last by chance as VITS voices' do."""

import json
from pathlib import Path

import onnx.parser

from speechd.registry.files import shipped_models

TEMPLATE = """
<ir_version: 8, opset_import: ["" : 17]>
voice (int64[1, n] input, int64[1] input_lengths, float[3] scales{sid}) => (float[1, 1, m] output)
<float zero = {{0.0}}, float one = {{1.0}}, float hop = {{256.0}}, float frames = {{2.0}}, float turn = {{6.2831853}},
 float rate = {{16000.0}}, float lowest = {{150.0}}, float step = {{60.0}}, float loud = {{{loud}}},
 int64 stretch = {{1}}, int64 chance = {{2}}, int64[3] shape = {{1, 1, -1}}>
{{
    count = Cast <to = 1> (input)
    noise = RandomNormalLike <mean = 0.0, scale = 1.0> (count)
    noise_w = Gather (scales, chance)
    scattered = Mul (noise, noise_w)
    factor = Exp (scattered)
    length = Gather (scales, stretch)
    usual = Mul (frames, length)
    wanted = Mul (factor, usual)
    durations = Ceil (wanted)
    total = ReduceSum <keepdims = 0> (durations)
    samples = Mul (total, hop)
    clock = Range (zero, samples, one)
    seconds = Div (clock, rate)
    {speaker}
    raised = Mul (speaker, step)
    hertz = Add (lowest, raised)
    cycles = Mul (seconds, hertz)
    phase = Mul (cycles, turn)
    wave = Sin (phase)
    sound = Mul (wave, loud)
    output = Reshape (sound, shape)
}}
"""


def write_tiny_voice(
    folder: Path, name: str, speakers: tuple[str, ...] = (), noise_w: float = 0.0, loud: float = 0.5
) -> Path:
    """Writes the voice's two files; the folder.

    Args:
        folder: made if it is not there.
        name: of the files.
        speakers: their names; each is a 60 Hz higher tone than the one before.
        noise_w: spread of the durations (Piper's usual is 0.8).
        loud: amplitude of the tone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    several = len(speakers) > 1
    speaker = "speaker = Cast <to = 1> (sid)" if several else "speaker = Identity (zero)"
    text = TEMPLATE.format(sid=", int64[1] sid" if several else "", speaker=speaker, loud=float(loud))
    (folder / f"{name}.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    pocket = shipped_models() / "en_US-pocket-x_low" / "en_US-pocket-x_low.onnx.json"
    config = json.loads(pocket.read_text(encoding="utf-8"))
    del config["speechd"]
    config["hop_length"] = 256
    config["inference"]["noise_w"] = noise_w
    config["num_speakers"] = max(1, len(speakers))
    config["speaker_id_map"] = {speaker: number for number, speaker in enumerate(speakers)}
    (folder / f"{name}.onnx.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
