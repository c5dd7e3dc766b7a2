"""Whisper's network (Radford et al. 2022) with the parameter names of Hugging Face's port.

Pre-norm transformer; the encoder's positions are fixed sinusoids, the decoder's are learnt; the
token embedding is also the output matrix. A character head on the encoder serves training only.
"""

import math
import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import Shape
from .features import BANDS
from .labels import MAX_TOKENS
from .tokens import TIMESTAMPS
from .windows import POSITIONS

DECODER_LAYER = re.compile(r"model\.decoder\.layers\.(\d+)\.")
OUTPUT = re.compile(r"\.(out_proj|fc2)\.")
"""What a layer adds to its input comes out of these."""
GUIDED_HEADS = 2
"""The first heads of the last decoder layer, trained to look at the word being written."""


def sinusoids(length: int, width: int) -> Tensor:
    """Return (length, width) position encodings: sines, then cosines."""
    step = math.log(10000) / (width // 2 - 1)
    angle = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(width // 2))[None]
    return torch.cat([angle.sin(), angle.cos()], 1)


class Attention(nn.Module):
    """Multi-head attention; the key projection has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        return x.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, causal: bool = False, weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from x (B, N, D) to memory (B, T, D), or to x itself.

        Returns (B, N, D), and with `weights` the attention (B, heads, N, T) in float32.
        """
        source = x if memory is None else memory
        q, k = self._split(self.q_proj(x)), self._split(self.k_proj(source))
        v = self._split(self.v_proj(source))
        probabilities = None
        if weights or not q.is_cuda:  # on a CPU, products written out train faster than the fused kernel
            probabilities = _probabilities(q, k, causal)
            mixed = probabilities.to(v.dtype) @ v
        else:
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out_proj(mixed.transpose(1, 2).reshape(x.shape)), probabilities if weights else None


def _probabilities(q: Tensor, k: Tensor, causal: bool) -> Tensor:
    """Return softmax(q k' / sqrt(d)), (B, heads, N, T), in float32 under autocast."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if causal:
        ahead = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(ahead, float("-inf"))
    return torch.softmax(scores, -1)


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward of four times the width."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D)."""
        x = x + self.self_attn(self.self_attn_layer_norm(x))[0]
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x))))


class DecoderLayer(EncoderLayer):
    """An encoder layer, causal, that also attends to the encoder."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.encoder_attn = Attention(width, heads)
        self.encoder_attn_layer_norm = nn.LayerNorm(width)

    def decode(self, x: Tensor, memory: Tensor, weights: bool) -> tuple[Tensor, Tensor | None]:
        """Map (B, N, D) to (B, N, D); see Attention for the weights."""
        x = x + self.self_attn(self.self_attn_layer_norm(x), causal=True)[0]
        looked, where = self.encoder_attn(self.encoder_attn_layer_norm(x), memory, weights=weights)
        x = x + looked
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x)))), where


class Encoder(nn.Module):
    """Two convolutions (100 -> 50 frames a second) and transformer layers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.conv1 = nn.Conv1d(BANDS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(POSITIONS, width)
        self.embed_positions.weight.requires_grad = False
        self.layers = nn.ModuleList(EncoderLayer(width, shape.heads) for _ in range(shape.encoder_layers))
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, mel: Tensor, position: Tensor) -> Tensor:
        """Map (B, 80, T) features, first at `position` (B,), to (B, T / 2, D)."""
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(mel)))).transpose(1, 2)
        steps = torch.arange(x.shape[1], device=x.device)
        x = x + self.embed_positions(position[:, None] + steps)
        for layer in self.layers:
            x = layer(x)
        return self.layer_norm(x)


class Decoder(nn.Module):
    """Token and position embeddings and transformer layers."""

    def __init__(self, shape: Shape, vocabulary: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, shape.width)
        self.embed_positions = nn.Embedding(MAX_TOKENS, shape.width)
        self.layers = nn.ModuleList(DecoderLayer(shape.width, shape.heads) for _ in range(shape.decoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def forward(self, ids: Tensor, memory: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Map tokens (B, N), each row from position `first` (B,) on, to states (B, N, D) and the last layer's
        attention (B, H, N, T); what lies beyond the last position is padding."""
        steps = torch.arange(ids.shape[1], device=ids.device)
        x = self.embed_tokens(ids) + self.embed_positions((first[:, None] + steps).clamp(max=MAX_TOKENS - 1))
        for layer in self.layers[:-1]:
            x, _ = layer.decode(x, memory, weights=False)
        x, where = self.layers[-1].decode(x, memory, weights=True)
        return self.layer_norm(x), where


class _Core(nn.Module):
    def __init__(self, shape: Shape, vocabulary: int) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape, vocabulary)


class Whisper(nn.Module):
    """Encoder, decoder and the character head."""

    def __init__(self, shape: Shape, vocabulary: int, characters: int) -> None:
        super().__init__()
        self.model = _Core(shape, vocabulary)
        self.ctc = nn.Linear(shape.width, characters)
        self._initialise(shape.width)

    @torch.no_grad()
    def _initialise(self, width: int) -> None:
        """Start so that sound and position weigh alike; timestamps begin as positions."""
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2 and "embed" not in name:
                nn.init.xavier_uniform_(parameter)
            if name.endswith(("out_proj.weight", "fc2.weight")):
                parameter *= 0.5
        encoder, decoder = self.model.encoder, self.model.decoder
        encoder.conv1.weight *= 2.5
        encoder.conv2.weight *= 3.0
        encoder.embed_positions.weight.copy_(0.15 * sinusoids(POSITIONS, width))
        decoder.embed_positions.weight.copy_(0.2 * sinusoids(MAX_TOKENS, width))
        nn.init.normal_(decoder.embed_tokens.weight, std=0.05)
        decoder.embed_tokens.weight[-TIMESTAMPS:] = 0.07 * sinusoids(TIMESTAMPS, width)

    def logits(self, states: Tensor) -> Tensor:
        """Map decoder states (..., D) to scores (..., vocabulary)."""
        return states @ self.model.decoder.embed_tokens.weight.T

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Copy weights of this shape, or of one with fewer characters or decoder layers.

        A character head of fewer characters fills the first rows. Decoder layers that the weights lack come before the
        last one, whose attention is guided, and begin with outputs of zero: the larger network starts as the smaller.
        """
        own = self.state_dict()
        last = max(int(found[1]) for name in weights if (found := DECODER_LAYER.match(name)))
        ends = f"model.decoder.layers.{last}.", f"model.decoder.layers.{len(self.model.decoder.layers) - 1}."
        for name, value in weights.items():
            own[name.replace(*ends)][: len(value)].copy_(value)
        for name, value in own.items():
            found = DECODER_LAYER.match(name)
            if found and last <= int(found[1]) < len(self.model.decoder.layers) - 1 and OUTPUT.search(name):
                value.zero_()


def save_half(model: Whisper, path: Path) -> None:
    """Write the weights as float16, to go on from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({k: v.half() for k, v in model.state_dict().items()}, path)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read weights written by `save_half`, as float32."""
    return {k: v.float() for k, v in torch.load(path, weights_only=True).items()}
