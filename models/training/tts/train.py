"""The training: one thread, the schedule on the CPU clock of this process."""

import argparse
import math
import random
import time
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from .config import Config, Training, load
from .corpus import Corpus
from .losses import cepstral_weights, losses
from .network import CEPSTRA, LOG_F0, VOICING, Network
from .prepare import prepared
from .teacher import FRAME_SECONDS

REPORT_EVERY = 100
MEASURE_EVERY = 600
"""Steps."""


class Average:
    """A moving average of a network's weights."""

    def __init__(self, network: Network, decay: float) -> None:
        self._decay = decay
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, state: Mapping[str, Tensor], step: int) -> None:
        """Takes in the weights after a step; the first steps fade fast."""
        decay = min(self._decay, (step + 1) / (step + 10))
        for name, value in state.items():
            self.state[name].lerp_(value, 1 - decay)


class Clock:
    """How far the training is, from 0 to 1: by CPU time, or by the hour if that comes first."""

    def __init__(self, cpu_minutes: float, wall_minutes: float) -> None:
        self._cpu, self._wall = cpu_minutes * 60, wall_minutes * 60
        self._cpu_start, self._wall_start = time.process_time(), time.monotonic()

    @property
    def cpu_minutes(self) -> float:
        """CPU-minutes used so far."""
        return (time.process_time() - self._cpu_start) / 60

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end."""
        return max(self.cpu_minutes * 60 / self._cpu, (time.monotonic() - self._wall_start) / self._wall)


def learning_rate(settings: Training, step: int, progress: float) -> float:
    """Warm-up, then half a cosine down to 2 %."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return settings.learning_rate * min(1.0, (step + 1) / settings.warm_up_steps) * (0.02 + 0.98 * cosine)


@torch.no_grad()
def measure(network: Network, corpus: Corpus) -> dict[str, float]:
    """How far the network is from the teacher on held-out sentences, given the teacher's durations."""
    network.eval()
    weights = cepstral_weights(corpus.scale)
    rows = []
    for sentence in corpus.sentences:
        batch = corpus.batch([sentence])
        _, frames, log_duration = losses(network, batch, weights)
        wanted, scale = batch.targets[0].numpy(), corpus.scale.deviation
        error = (frames[0].numpy() - wanted) * scale
        spoken = (batch.owner[0].numpy() > 0) & (batch.owner[0].numpy() < len(sentence.ids) - 1)
        voiced = wanted[:, VOICING] > 0.5
        lasts, true = torch.expm1(log_duration[0]).clamp(min=0).numpy(), batch.durations[0].numpy()
        distortion = 10 / math.log(10) * np.sqrt(2 * (error[spoken, 1:CEPSTRA] ** 2).sum(1)).mean()
        cents = np.sqrt((error[voiced, LOG_F0] ** 2).mean()) * 1200 / math.log(2)
        late = np.abs(lasts - true)[true > 0].mean() * FRAME_SECONDS * 1000
        rows.append((distortion, cents, late, lasts.sum() / true.sum()))
    network.train()
    return dict(zip(("mcd_db", "f0_cents", "duration_ms", "length_ratio"), np.mean(rows, 0).tolist(), strict=True))


def train(config: Config, clock: Clock) -> Network:
    """Trains from scratch and saves the averaged weights in the data folder."""
    settings = config.training
    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    speech, sentences = prepared(config, "training")
    corpus = Corpus(speech.frames, sentences)
    corpus.scale.save(config.data / "scale.npy")
    held_speech, held = prepared(config, "evaluation")
    held_out = Corpus(held_speech.frames, held, corpus.scale)
    network = Network(config.shape)
    average = Average(network, settings.average)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01)
    weights, heard, running = cepstral_weights(corpus.scale), 0, 0.0
    batches = corpus.batches(random.Random(settings.seed), settings.pool, settings.frames_per_batch, settings.paced)
    for step, batch in enumerate(batches):
        if (progress := clock.progress) >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, step, progress)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            found, _, _ = losses(network, batch, weights)
        optimiser.zero_grad()
        found.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        if not math.isfinite(float(norm)):
            continue
        optimiser.step()
        average.update(network.state_dict(), step)
        heard += batch.frames
        running += (float(found.total.detach()) - running) * max(0.02, 1 / (step + 1))
        if step % REPORT_EVERY == 0:
            hours = heard * FRAME_SECONDS / 3600
            print(f"step {step} cpu {clock.cpu_minutes:.1f} min, {hours:.1f} h, loss {running:.3f}", flush=True)
        if step and step % MEASURE_EVERY == 0:
            checkpoint(config, average, held_out)
    checkpoint(config, average, held_out)
    print(f"done: {step} steps, {clock.cpu_minutes:.1f} CPU-minutes, {heard * FRAME_SECONDS / 3600:.1f} h", flush=True)
    return network


def checkpoint(config: Config, average: Average, held_out: Corpus) -> None:
    """Saves the averaged weights and prints how good they are."""
    torch.save(average.state, config.data / "weights.pt")
    network = Network(config.shape)
    network.load_state_dict(average.state)
    print({name: round(value, 3) for name, value in measure(network, held_out).items()}, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu-minutes", type=float, help="instead of config.toml's")
    parser.add_argument("--wall-minutes", type=float, default=math.inf, help="end by then, whatever the CPU clock says")
    arguments = parser.parse_args()
    recipe = load()
    train(recipe, Clock(arguments.cpu_minutes or recipe.training.cpu_minutes, arguments.wall_minutes))
