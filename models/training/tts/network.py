"""The network: from phoneme ids to one frame of vocoder parameters every 5 ms."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import Shape

CEPSTRA = 25
LOG_F0 = 25
VOICING = 26
BANDS = slice(27, 32)
VALUES = 32
"""A frame: 25 mel-cepstra, log F0, voicing, 5 band strengths."""
FRAMES_PER_STEP = 2
"""The decoder runs at 10 ms and emits two frames a step."""
PLACES = 6
SYMBOLS = 256


class Block(nn.Module):
    """A residual convolution. (Depthwise ones are 1.6 times slower on a CPU at this width: measured.)"""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, width)
        self.gain = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (batch, time, width); mask: (batch, time, 1)."""
        heard = x if mask is None else x * mask
        inner = self.conv(heard.transpose(1, 2)).transpose(1, 2)
        return x + self.gain * self.mix(functional.relu(self.norm(inner)))


class Network(nn.Module):
    """Encoder over symbols, duration head, decoder over frames."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        inner, width = shape.embedding, shape.width
        self.embedding = nn.Embedding(SYMBOLS, inner)
        nn.init.normal_(self.embedding.weight, 0, 0.3)
        self.encoder = nn.ModuleList(Block(inner, dilation) for dilation in shape.encoder_dilations)
        self.recurrent = nn.GRU(inner, shape.recurrent, bidirectional=True, batch_first=True)
        self.encoded = nn.Linear(inner + 2 * shape.recurrent, width)
        self.duration_block = Block(width, 1)
        self.duration = nn.Linear(width, 1)
        self.even = nn.Linear(width, width)
        self.odd = nn.Linear(width, width)
        self.places = nn.Linear(FRAMES_PER_STEP * PLACES, width)
        self.decoder = nn.ModuleList(Block(width, dilation) for dilation in shape.decoder_dilations)
        self.norm = nn.LayerNorm(width)
        self.frames = nn.Linear(width, FRAMES_PER_STEP * VALUES)

    def encode(self, ids: Tensor, lengths: Tensor | None = None, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Symbols to states and durations.

        Args:
            ids: (batch, symbols).
            lengths: symbols of each row, None for a single full row.
            mask: (batch, symbols, 1), 0 where padded.

        Returns:
            States (batch, symbols, width), and log(1 + frames) of each symbol (batch, symbols).
        """
        x = self.embedding(ids)
        for block in self.encoder:
            x = block(x, mask)
        states = self.encoded(torch.cat([x, self._recur(x, lengths)], -1))
        hidden = functional.relu(self.duration_block(states, mask))
        return states, self.duration(hidden)[..., 0]

    def _recur(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is None:
            return self.recurrent(x)[0]
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out = self.recurrent(packed)[0]
        return nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])[0]

    def decode(self, states: Tensor, owner: Tensor, places: Tensor, mask: Tensor | None = None) -> Tensor:
        """States to frames.

        Args:
            states: (batch, symbols, width).
            owner: (batch, frames) index of the symbol of each frame; the number of frames is even.
            places: (batch, frames, 6) from `frame_places`.
            mask: (batch, frames / 2, 1), 0 where padded.

        Returns:
            Normalised frames (batch, frames, 32).
        """
        batch, frames = owner.shape
        x = _gather(self.even(states), owner[:, 0::2]) + _gather(self.odd(states), owner[:, 1::2])
        x = x + self.places(places.reshape(batch, frames // 2, FRAMES_PER_STEP * PLACES))
        for block in self.decoder:
            x = block(x, mask)
        return self.frames(self.norm(x)).reshape(batch, frames, VALUES)


def _gather(states: Tensor, owner: Tensor) -> Tensor:
    return torch.gather(states, 1, owner[..., None].expand(-1, -1, states.shape[-1]))


def frame_places(passed: Tensor, nominal: Tensor) -> Tensor:
    """Where in its symbol each frame lies, told by the duration at normal speed, so that speed stays in distribution.

    Args:
        passed: share of the symbol that has passed at the middle of the frame, 0 to 1.
        nominal: frames of the symbol at normal speed, at least 1.

    Returns:
        Six features, stacked on a new last axis.
    """
    left = 1 - passed
    features = (
        passed,
        left,
        4 * passed * left,
        torch.log(1 + nominal) / 3 - 1,
        (passed * nominal / 8).clamp(max=1),
        (left * nominal / 8).clamp(max=1),
    )
    return torch.stack(features, -1)
