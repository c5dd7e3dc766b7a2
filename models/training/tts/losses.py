"""What the network is trained to bring down."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from .corpus import Batch, Scale
from .network import BANDS, CEPSTRA, LOG_F0, VOICING, Network


@dataclass(frozen=True)
class Losses:
    """Each part by itself, unweighted scalars."""

    cepstra: Tensor
    cepstra_change: Tensor
    log_f0: Tensor
    log_f0_change: Tensor
    voicing: Tensor
    bands: Tensor
    duration: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum. Pitch movement weighs most per unit: it is small, and its lack sounds flat."""
        return (
            self.cepstra
            + self.cepstra_change
            + 0.3 * self.log_f0
            + 1.0 * self.log_f0_change
            + 0.3 * self.voicing
            + 0.2 * self.bands
            + 0.7 * self.duration
        )

    def values(self) -> dict[str, float]:
        """The parts by name."""
        return {field.name: float(getattr(self, field.name).detach()) for field in fields(self)}


def cepstral_weights(scale: Scale) -> Tensor:
    """Weight of each cepstrum: the strong ones count more, and the energy half as much again."""
    weights = torch.tensor(scale.deviation[:CEPSTRA] ** 0.5)
    weights = weights / weights.mean()
    weights[0] *= 1.5
    return weights


def losses(network: Network, batch: Batch, weights: Tensor) -> tuple[Losses, Tensor, Tensor]:
    """The losses of a batch, the frames (batch, frames, 32) and log durations (batch, symbols) they come from."""
    states, log_duration = network.encode(batch.ids, batch.lengths, batch.symbol_mask)
    frames = network.decode(states, batch.owner, batch.places, batch.frame_mask[:, 0::2])
    mask, wanted = batch.frame_mask, batch.targets
    count = mask.sum()
    voiced = wanted[..., VOICING : VOICING + 1]
    voices = (voiced * mask).sum().clamp(min=1)
    both = mask[:, 1:, 0] * voiced[:, 1:, 0] * voiced[:, :-1, 0]
    error = (frames - wanted).abs() * mask
    change = (frames.diff(dim=1) - wanted.diff(dim=1)).abs() * mask[:, 1:]
    found = Losses(
        cepstra=(error[..., :CEPSTRA] * weights).sum() / count / CEPSTRA,
        cepstra_change=(change[..., :CEPSTRA] * weights).sum() / count / CEPSTRA,
        log_f0=(error[..., LOG_F0] * (voiced[..., 0] * 0.95 + 0.05)).sum() / voices,
        log_f0_change=(change[..., LOG_F0] * both).sum() / voices,
        voicing=_voicing(frames, voiced, mask),
        bands=error[..., BANDS].sum() / count / 5,
        duration=_duration(log_duration, batch),
    )
    return found, frames, log_duration


def _voicing(frames: Tensor, voiced: Tensor, mask: Tensor) -> Tensor:
    logits = frames[..., VOICING : VOICING + 1]
    error = functional.binary_cross_entropy_with_logits(logits, voiced, reduction="none")
    return (error * mask).sum() / mask.sum()


def _duration(log_duration: Tensor, batch: Batch) -> Tensor:
    wanted = torch.log1p(batch.durations)
    error = functional.smooth_l1_loss(log_duration, wanted, reduction="none", beta=0.3)
    return (error * batch.symbol_mask[..., 0]).sum() / batch.symbol_mask.sum()
