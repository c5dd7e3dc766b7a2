"""Train: `python -m models.training.asr.train [--resume]`.

The length is wall-clock time (config.toml), so that a run fits the machine that is there. On a
CPU several single-thread processes share the batch (gloo); on CUDA one process runs in bfloat16.
A stop signal halts a run (SIGSTOP) without harm: the time it sleeps is not counted.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import DataLoader

from . import config as configuration
from . import tokens
from .batches import CHARACTERS, Batch, Batches
from .config import Config
from .losses import losses
from .model import Whisper, load_weights, save_half
from .optimiser import Optimiser

TELL_EVERY = 30.0
LONGEST_STEP = 20.0


class Clock:
    """Counts the seconds of work; a step that lasted longer than 20 s was a halt."""

    def __init__(self, worked: float) -> None:
        self.worked = worked
        self._last = time.monotonic()

    def tick(self) -> None:
        """Add the time since the last tick."""
        now = time.monotonic()
        self.worked += min(now - self._last, LONGEST_STEP)
        self._last = now


class Trainer:
    """One process of a run."""

    def __init__(self, config: Config, rank: int, start: Path | None, resume: bool) -> None:
        self.config, self.settings, self.rank = config, config.training, rank
        self.cuda = torch.cuda.is_available()
        self.device = torch.device("cuda" if self.cuda else "cpu")
        torch.manual_seed(self.settings.seed)
        tokenizer, _ = tokens.load(config.paths["tokenizer"])
        self.model = Whisper(config.shape, tokenizer.get_vocab_size(), len(CHARACTERS) + 1)
        if start:
            self.model.start_from(load_weights(start))
        self.model.to(self.device)
        self.optimiser = Optimiser(self.model)
        self.progress = torch.zeros((), dtype=torch.float64).share_memory_()
        self.clock, self.step, self.hours = Clock(0.0), 0, 0.0
        self._recent: dict[str, float] = {}
        self.state = config.paths["data"] / "checkpoint.pt"
        if resume:
            self._load()

    @property
    def world(self) -> int:
        """Return the number of processes."""
        return dist.get_world_size() if dist.is_initialized() else 1

    def run(self) -> None:
        """Train until the time is up."""
        batches = iter(self._batches())
        told = saved = time.monotonic()
        while self.progress < 1:
            self._note(self._train(next(batches)))
            self._advance()
            if self.rank:
                continue
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                self._tell()
            if time.monotonic() - saved > 60 * self.settings.checkpoint_minutes:
                saved = time.monotonic()
                self._save()
        if not self.rank:
            self._save()

    def _batches(self) -> DataLoader[Batch]:
        seed = self.settings.seed + 1000 * self.rank + 7919 * self.step
        data = Batches(self.config, seed, self.progress)
        return DataLoader(data, batch_size=None, num_workers=12 if self.cuda else 1,
                          prefetch_factor=4, pin_memory=False)  # fmt: skip

    def _train(self, batch: Batch) -> dict[str, float]:
        """Take one step and return the losses."""
        batch = batch.to(self.device)
        measured = losses(self.model, batch, self.settings, torch.bfloat16)
        for parameter in self.model.parameters():
            parameter.grad = None
        measured.total(self.settings).backward()
        self._share_gradients()
        torch.nn.utils.clip_grad_norm_(self._trained(), 2.0)
        rate = self._rate()
        self.optimiser.step(self.settings.matrix_rate * rate, self.settings.other_rate * rate)
        self.step += 1
        self.hours += self.world * batch.mel.shape[0] * batch.mel.shape[2] / 360000
        return {name: value.item() for name, value in vars(measured).items()}

    def _trained(self) -> list[torch.nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def _share_gradients(self) -> None:
        """Average the gradients over the processes; a parameter without one counts as 0."""
        for parameter in self._trained():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        if self.world == 1:
            return
        gradients: list[Tensor] = [p.grad for p in self._trained() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients]) / self.world
        dist.all_reduce(flat)
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]),
                                  strict=True):  # fmt: skip
            gradient.copy_(part.view_as(gradient))

    def _rate(self) -> float:
        """Rise over the warm-up, fall linearly to 0 over the decay."""
        rise = min(1.0, (self.step + 1) / self.settings.warmup_steps)
        return rise * min(1.0, max(0.02, (1 - float(self.progress)) / self.settings.decay))

    def _advance(self) -> None:
        """Let every process know how much of the time is used, as process 0 counts it."""
        self.clock.tick()
        done = torch.tensor(self.clock.worked / (60 * self.settings.minutes), dtype=torch.float64)
        if self.world > 1:
            dist.broadcast(done, 0)
        self.progress.copy_(done)

    def _note(self, measured: dict[str, float]) -> None:
        """Keep a moving average over about 50 steps."""
        for name, value in measured.items():
            self._recent[name] = 0.98 * self._recent.get(name, value) + 0.02 * value

    def _tell(self) -> None:
        """Print where the run is."""
        left = self.settings.minutes - self.clock.worked / 60
        figures = " ".join(f"{name} {value:.3f}" for name, value in self._recent.items())
        print(
            f"{100 * float(self.progress):.1f} % step {self.step} audio {self.hours:.1f} h {figures} "
            f"left {left:.0f} min",
            flush=True,
        )

    def _save(self) -> None:
        """Write the state to go on from and the float16 weights, each whole or not at all."""
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(),
                 "worked": self.clock.worked, "step": self.step, "hours": self.hours}  # fmt: skip
        torch.save(state, self.state.with_suffix(".part"))
        self.state.with_suffix(".part").rename(self.state)
        save_half(self.model, self.config.paths["data"] / "whisper-pocket-fp16.pt")

    def _load(self) -> None:
        state = torch.load(self.state, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.clock = Clock(state["worked"])
        self.step, self.hours = state["step"], state["hours"]
        self.progress.fill_(self.clock.worked / (60 * self.settings.minutes))


def work(rank: int, world: int, meeting: str, options: argparse.Namespace) -> None:
    """Be one of `world` processes."""
    config = configuration.load(options.config)
    if not torch.cuda.is_available():
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // world) if world == 1 else 1)
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank,
                                world_size=world)  # fmt: skip
    start = options.start or config.paths.get("start")
    Trainer(config, rank, start, options.resume).run()


def main() -> None:
    """Start the processes of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path)
    parser.add_argument("--start", type=Path, help="float16 weights to begin with")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    options = parser.parse_args()
    world = 1 if torch.cuda.is_available() else configuration.load(options.config).training.processes
    with tempfile.TemporaryDirectory() as folder:
        arguments = (world, f"{folder}/meeting", options)
        if world == 1:
            work(0, *arguments)
        else:
            torch.multiprocessing.spawn(work, arguments, world)


if __name__ == "__main__":
    main()
