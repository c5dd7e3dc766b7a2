"""The three losses: tokens, characters from the encoder, attention on the word being written."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .batches import Batch
from .config import Training
from .model import GUIDED_HEADS, Whisper
from .tokens import TIMESTAMPS


@dataclass(frozen=True)
class Losses:
    """Scalars of one batch."""

    tokens: Tensor
    """Cross-entropy a token, in nats, with label smoothing."""
    characters: Tensor
    """CTC a character, in nats."""
    guide: Tensor
    """How far the attention of the guided heads is from an even one over the true word, in nats."""
    accuracy: Tensor
    """Share of target tokens that are the most probable ones."""

    def total(self, settings: Training) -> Tensor:
        """Return the weighted sum."""
        weighted = settings.ctc_weight * self.characters + settings.guide_weight * self.guide
        return self.tokens + weighted


def token_loss(scores: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
    """Return cross-entropy a token, label smoothing spread over tokens of the same kind: timestamps or all others.

    More than half of our vocabulary are timestamps. Spread over all of it, smoothing teaches that a word one is unsure
    of may as well be a timestamp, and Whisper's decoding takes one, any of them, wherever together they are more
    probable than the likeliest word: it breaks off amid a word and goes on seconds later.
    """
    probable = functional.log_softmax(scores, -1)
    first = scores.shape[-1] - TIMESTAMPS
    others, times = probable[:, :first].mean(-1), probable[:, first:].mean(-1)
    right = probable.gather(-1, wanted[:, None])[:, 0]
    return -((1 - smoothing) * right + smoothing * torch.where(wanted < first, others, times)).mean()


def character_loss(model: Whisper, encoded: Tensor, batch: Batch) -> Tensor:
    """Return CTC a character (Graves 2006)."""
    scores = functional.log_softmax(model.ctc(encoded).float(), -1).transpose(0, 1)
    total = functional.ctc_loss(scores, batch.characters, batch.encoder_frames, batch.character_counts,
                       zero_infinity=True, reduction="sum")  # fmt: skip
    return total / batch.character_counts.sum().clamp(min=1)


def guide_loss(attention: Tensor, batch: Batch) -> Tensor:
    """Return the Kullback-Leibler divergence of each timed token's attention from an even one over its own frames.

    An even one, because alignment gives the frames that nobody looks at to a neighbour: a word whose attention has a
    peak and no width begins or ends wherever that leaves it.
    """
    frames = torch.arange(attention.shape[-1], device=attention.device)
    inside = (frames >= batch.spans[..., :1]) & (frames < batch.spans[..., 1:])
    count = inside.sum(-1)
    looked = (attention[:, :GUIDED_HEADS].mean(1) + 1e-4).log()
    width = count.clamp(min=1)
    divergence = -(looked * inside).sum(-1) / width - width.log()
    return (divergence * (count > 0)).sum() / (count > 0).sum().clamp(min=1)


def losses(model: Whisper, batch: Batch, settings: Training, dtype: torch.dtype) -> Losses:
    """Run the model on a batch."""
    with torch.autocast(batch.mel.device.type, dtype, enabled=dtype != torch.float32):
        encoded = model.model.encoder(batch.mel, batch.position)
        states, attention = model.model.decoder(batch.ids[:, :-1], encoded, batch.first)
        scores = model.logits(states[batch.target]).float()
    wanted = batch.ids[:, 1:][batch.target]
    return Losses(
        token_loss(scores, wanted, settings.label_smoothing),
        character_loss(model, encoded, batch),
        guide_loss(attention, batch),
        (scores.argmax(-1) == wanted).float().mean(),
    )
