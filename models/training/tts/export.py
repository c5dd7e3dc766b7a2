"""Writes a Piper voice: one ONNX graph from phoneme ids to samples, and the configuration beside it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from torch import Tensor, nn
from torch.nn import functional

from .config import Config, load
from .corpus import Scale
from .network import CEPSTRA, LOG_F0, Network, frame_places
from .prepare import prepared
from .synthesiser import HOP, RATE, Synthesiser

OPSET = 17
LONGEST_SYMBOL = 200.0
"""Frames."""
WANDER_CEPSTRA, WANDER_F0, WANDER_DURATION = 0.05, 0.02, 0.06
"""How far noise_scale 1 lets the timbre (in deviations) and the logarithm of pitch wander slowly, and noise_w the
durations."""
SMALLEST_HALVED = 64
"""Values; smaller tensors stay float32."""
NEAR = {
    ";": ",", "r": "ɹ", "x": "h", "χ": "h", "ħ": "h", "ʁ": "ɹ", "ʀ": "ɹ", "ɻ": "ɹ", "ɽ": "ɾ", "ɺ": "l", "y": "i",
    "ʏ": "ɪ", "ø": "ɜ", "œ": "ɜ", "ɶ": "æ", "ɞ": "ɜ", "ɘ": "ə", "ɤ": "ʌ", "ɯ": "u", "ɨ": "ɪ", "ʉ": "u", "ɵ": "ʊ",
    "ɲ": "n", "ɳ": "n", "ɴ": "ŋ", "ɱ": "m", "ʎ": "l", "ɭ": "l", "ɫ": "l", "ɬ": "l", "ɮ": "l", "ʟ": "l", "β": "v",
    "ʋ": "v", "ⱱ": "v", "ɸ": "f", "ɣ": "ɡ", "ɢ": "ɡ", "ɠ": "ɡ", "ʛ": "ɡ", "ɰ": "w", "ʍ": "w", "ɥ": "j", "ʝ": "j",
    "ç": "h", "ɦ": "h", "ʜ": "h", "ɧ": "ʃ", "ʂ": "ʃ", "ɕ": "ʃ", "ʐ": "ʒ", "ʑ": "ʒ", "c": "k", "q": "k", "ɟ": "ɡ",
    "ɖ": "d", "ɗ": "d", "ʄ": "d", "ʈ": "t", "ɓ": "b", "ʙ": "b", "ʦ": "s", "g": "ɡ", "X": "h", "ε": "ɛ", "ɝ": "ɜ",
    "˞": "ː", "ˑ": "ː", "aɪ": "a", "aʊ": "a", "ɔɪ": "ɔ", "eɪ": "e", "oʊ": "o",
}  # fmt: skip
"""For symbols that English speech hardly teaches: the one whose embedding they borrow."""
SILENT = "ː"
"""The length mark lasts nothing; every other untaught symbol becomes it."""


class PiperVoice(nn.Module):
    """The network and the synthesiser with the inputs and the output that Piper expects."""

    def __init__(self, network: Network, synthesiser: Synthesiser, scale: Scale) -> None:
        super().__init__()
        self.network = network
        self.synthesiser = synthesiser
        self.register_buffer("mean", torch.tensor(scale.mean))
        self.register_buffer("deviation", torch.tensor(scale.deviation))

    def forward(self, input: Tensor, input_lengths: Tensor, scales: Tensor) -> Tensor:
        """
        Args:
            input: (1, ids) with pads between the symbols.
            input_lengths: (1,) ids that count.
            scales: noise_scale, length_scale, noise_w.

        Returns:
            (1, 1, samples).
        """
        noise, slowness, duration_noise = scales[0], scales[1], scales[2]
        ids = torch.where(torch.arange(input.shape[1]) < input_lengths[0], input[0], 0).clamp(0, 255)
        ids = torch.cat([ids[:1].clamp(min=1), ids[1:]])  # a text of pads alone would leave nothing to convolve
        symbols = torch.nonzero(ids).squeeze(1)
        states, log_duration = self.network.encode(ids[symbols][None])
        nominal = (torch.exp(log_duration[0]) - 1).clamp(0, LONGEST_SYMBOL)
        nominal = nominal * torch.exp(duration_noise * WANDER_DURATION * torch.randn_like(nominal))
        lasts = self._whole_frames(ids, symbols, nominal * slowness.clamp(0.1, 10))
        owner, places = _regulated(lasts, nominal)
        frames = self.network.decode(states, owner[None], places[None])[0] * self.deviation + self.mean
        frames = self._wandering(frames, noise)
        offset = torch.floor(torch.rand_like(frames[:1, 0]) * 16_384 * (noise > 0).float()).long()
        return self.synthesiser(frames, offset).clamp(-1, 1)[None, None]

    def _whole_frames(self, ids: Tensor, symbols: Tensor, frames: Tensor) -> Tensor:
        """Whole frames of each symbol. The running sum is rounded, so that speed stays exact over a sentence.

        They pass through the graph's only Ceil, laid out by id: that is where Piper looks for alignments.
        """
        ends = torch.round(torch.cumsum(frames.double(), 0))
        lasts = (ends - torch.cat([torch.zeros(1, dtype=torch.float64), ends[:-1]])).float()
        return torch.ceil(torch.zeros_like(ids, dtype=torch.float32).scatter(0, symbols, lasts))[symbols]

    def _wandering(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Slow random movement of timbre and pitch."""
        drift = torch.randn_like(frames[:, : LOG_F0 + 1]).t()[None]
        drift = functional.avg_pool1d(drift, 31, 1, 15)[0].t() * 31**0.5 * noise
        timbre = frames[:, :CEPSTRA] + drift[:, :CEPSTRA] * self.deviation[:CEPSTRA] * WANDER_CEPSTRA
        pitch = frames[:, LOG_F0:] + functional.pad(drift[:, LOG_F0:] * WANDER_F0, (0, frames.shape[1] - LOG_F0 - 1))
        return torch.cat([timbre, pitch], 1)


def _regulated(lasts: Tensor, nominal: Tensor) -> tuple[Tensor, Tensor]:
    """The symbol of each frame, of which there is an even number, and where in it the frame lies."""
    ends = torch.cumsum(lasts.double(), 0).long()
    frames = torch.clamp((ends[-1] + 1) // 2 * 2, min=8)
    marks = torch.zeros_like(torch.arange(frames + 1)).scatter_add(0, ends, torch.ones_like(ends))
    owner = torch.cumsum(marks, 0)[:-1].clamp(max=lasts.shape[0] - 1)
    start = (ends.float() - lasts)[owner]
    passed = ((torch.arange(frames) + 0.5 - start) / lasts[owner].clamp(min=1.0)).clamp(0, 1)
    return owner, frame_places(passed, nominal[owner].clamp(min=1.0))


def lend_embeddings(network: Network, taught: set[int]) -> None:
    """Gives every symbol that was hardly seen the embedding of one that sounds like it."""
    weights = network.embedding.weight.data
    silent = weights[DEFAULT_PHONEME_ID_MAP[SILENT][0]].clone()
    known = {ids[0] for ids in DEFAULT_PHONEME_ID_MAP.values()}
    for symbol, (number, *_) in DEFAULT_PHONEME_ID_MAP.items():
        if number not in taught and number != 0:
            near = DEFAULT_PHONEME_ID_MAP[NEAR.get(symbol, SILENT)][0]
            weights[number] = weights[near] if near in taught else silent
    for number in set(range(len(weights))) - known:
        weights[number] = silent


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its large tensors stored as float16 and cast back when it is loaded."""
    casts = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= SMALLEST_HALVED:
            model.graph.initializer.remove(tensor)
            model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_half"))
            casts.append(helper.make_node("Cast", [f"{tensor.name}_half"], [tensor.name], to=TensorProto.FLOAT))
    for cast in casts:
        model.graph.node.insert(0, cast)
    return model


def configuration() -> dict[str, Any]:
    """What lies beside the model; `speechd` holds what our own engine reads."""
    return {
        "audio": {"sample_rate": RATE, "quality": "x_low"},
        "espeak": {"voice": "en-us"},
        "language": {
            "code": "en_US",
            "family": "en",
            "region": "US",
            "name_native": "English",
            "name_english": "English",
            "country_english": "United States",
        },
        "inference": {"noise_scale": 0.333, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": 256,
        "num_speakers": 1,
        "speaker_id_map": {},
        "piper_version": "1.8.0",
        "hop_length": HOP,
        "speechd": {"gain": 1.2, "slowest": 0.8, "fastest": 1.4},
    }


def export(config: Config, folder: Path) -> Path:
    """Writes NAME.onnx and NAME.onnx.json; the folder's name is the voice's."""
    torch.manual_seed(0)
    speech, sentences = prepared(config, "training")
    counts = Counter(int(number) for sentence in sentences for number in sentence.ids)
    network = Network(config.shape)
    network.load_state_dict(torch.load(config.data / "weights.pt"))
    lend_embeddings(network, {number for number, count in counts.items() if count >= config.export.rare})
    voice = PiperVoice(
        network, Synthesiser(speech.filters, config.export.post_filter), Scale.load(config.data / "scale.npy")
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{folder.name}.onnx"
    _trace(voice.eval(), path)
    model = halved(onnx.load(path))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    text = json.dumps(configuration(), ensure_ascii=False, separators=(",", ":"))
    path.with_name(f"{path.name}.json").write_text(text + "\n")
    return path


def _trace(voice: PiperVoice, path: Path) -> None:
    ids = torch.tensor([[1, 0, 20, 0, 59, 0, 24, 0, 120, 0, 27, 0, 100, 0, 2]])
    axes = {"input": {0: "batch_size", 1: "phonemes"}, "input_lengths": {0: "batch_size"}}
    with torch.no_grad():
        torch.onnx.export(
            voice,
            (ids, torch.tensor([ids.shape[1]]), torch.tensor([0.667, 1.0, 0.8])),
            path,
            opset_version=OPSET,
            input_names=["input", "input_lengths", "scales"],
            output_names=["output"],
            dynamic_axes={**axes, "output": {0: "batch_size", 2: "time"}},
            dynamo=False,
        )


if __name__ == "__main__":
    settings = load()
    print(export(settings, settings.voice))
