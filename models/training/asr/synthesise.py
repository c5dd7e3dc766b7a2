"""Make the speech: `python -m models.training.asr.synthesise [--only NAME]`.

Writes shards: `<source>-<part>-<number>.npy` with float16 raw log-mel frames, one utterance after
the other, and a `.json` of the same name that describes the utterances.
"""

import argparse
import json
import random
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import config as configuration
from .features import log_mel
from .speech.base import Speech, Synthesiser
from .speech.commands import Festival, Flite
from .speech.espeak import Espeak
from .text.corpus import Corpus, Item, held_out

ENGINES = {"espeak": Espeak, "flite": Flite, "festival": Festival}


class ShardWriter:
    """Collects utterances and writes them in shards."""

    def __init__(self, folder: Path, prefix: str, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._prefix, self._size = folder, prefix, size
        self._number = 0
        self._mels: list[np.ndarray] = []
        self._described: list[dict[str, object]] = []

    def add(self, item: Item, speech: Speech, kind: str) -> None:
        """Add one utterance."""
        mel = log_mel(speech.samples).astype(np.float16)
        self._mels.append(mel)
        words = [[round(a, 3), round(b, 3)] for a, b in speech.words] if speech.words else None
        self._described.append(
            {**asdict(item), "kind": kind, "voice": speech.voice, "words": words,
             "frames": len(mel)}
        )  # fmt: skip
        if len(self._mels) >= self._size:
            self.flush()

    def flush(self) -> None:
        """Write what is left; the .npy appears last and whole, so a reader may look any time."""
        if not self._mels:
            return
        path = self._folder / f"{self._prefix}-{self._number:04d}"
        path.with_suffix(".json").write_text(json.dumps(self._described, ensure_ascii=False))
        half = path.with_suffix(".part.npy")
        np.save(half, np.concatenate(self._mels))
        half.rename(path.with_suffix(".npy"))
        self._number += 1
        self._mels, self._described = [], []


def utterances(engine: Synthesiser, corpus: Corpus, is_held_out: bool) -> Iterator[tuple[Item, Speech | None]]:
    """Yield sentences and their speech without end."""
    while True:
        if isinstance(engine, Festival):
            items = [corpus.draw() for _ in range(engine.batch)]
            yield from zip(items, engine.speak_many([i.text for i in items]), strict=True)
        else:
            item = corpus.draw()
            yield item, engine.speak(item.text, item.language, is_held_out)


def run(source: configuration.Source, settings: configuration.Config, part: int) -> None:
    """Make the hours of one source; `part` tells parallel processes and repeats apart."""
    synthesis = settings.synthesis
    seed = zlib.crc32(f"{source.name}-{part}-{synthesis.seed}".encode())
    languages = settings.windows.languages if source.engine == "espeak" else {"en": 1.0}
    excluded = held_out(settings.paths["fixtures"])
    corpus = Corpus(source.text, languages, excluded, random.Random(seed))
    engine = ENGINES[source.engine](seed, synthesis.speed_spread)
    writer = ShardWriter(settings.shards, f"{source.name}-{part}", synthesis.shard_utterances)
    made, told, began = 0.0, 0.0, time.monotonic()
    for item, speech in utterances(engine, corpus, False):
        if speech is None or speech.duration > synthesis.longest:
            continue
        writer.add(item, speech, source.text)
        made += speech.duration / 3600
        if made - told >= 0.25 or made >= source.hours:
            told, passed = made, time.monotonic() - began
            left = passed / made * max(0.0, source.hours - made) / 60
            print(f"{source.name}-{part}: {made:.2f} of {source.hours} h, {left:.0f} min left",
                  flush=True)  # fmt: skip
        if made >= source.hours:
            break
    writer.flush()


def main() -> None:
    """Make all sources of config.toml, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path)
    parser.add_argument("--only", help="name of one source")
    parser.add_argument("--part", type=int, default=0, help="another part has another seed")
    options = parser.parse_args()
    settings = configuration.load(options.config)
    for source in settings.synthesis.sources:
        if options.only in (None, source.name):
            run(source, settings, options.part)


if __name__ == "__main__":
    main()
