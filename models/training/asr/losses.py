"""The three losses: tokens, characters from the encoder, attention on the word being written."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .batches import Batch
from .config import Training
from .model import GUIDED_HEADS, Whisper


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
        functional.cross_entropy(scores, wanted, label_smoothing=settings.label_smoothing),
        character_loss(model, encoded, batch),
        guide_loss(attention, batch),
        (scores.argmax(-1) == wanted).float().mean(),
    )
