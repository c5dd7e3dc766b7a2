"""The settings of the recipe, read from config.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass(frozen=True)
class Source:
    """Speech of one synthesiser over one kind of text."""

    name: str
    """The prefix of its shards."""
    engine: str
    """espeak, flite or festival."""
    text: str
    """domain, wide, everyday or scrambled: what is spoken, see `text.corpus`."""
    hours: float
    """Hours of speech to make."""


@dataclass(frozen=True)
class Synthesis:
    """How speech is made."""

    seed: int
    shard_utterances: int
    longest: float
    speed_spread: float
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Shape:
    """The size of the network."""

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int


@dataclass(frozen=True)
class Windows:
    """How training windows are composed; shares are probabilities."""

    longest_short: float
    mix: dict[str, float]
    last_mix: dict[str, float]
    last_phase: float
    long_share: float
    long_from: float
    no_speech: float
    noise: float
    telephone: float
    one_kind: float
    begun: float
    previous_text: float
    previous_text_long: float
    late: float
    translate: float
    no_timestamps: float
    shifted: float
    languages: dict[str, float]


@dataclass(frozen=True)
class Training:
    """Time, rates and weights of the losses."""

    seed: int
    minutes: float
    processes: int
    batch_seconds: float
    matrix_rate: float
    other_rate: float
    warmup_steps: int
    decay: float
    label_smoothing: float
    ctc_weight: float
    guide_weight: float
    checkpoint_minutes: float


@dataclass(frozen=True)
class Config:
    """Everything config.toml says."""

    paths: dict[str, Path]
    synthesis: Synthesis
    shape: Shape
    windows: Windows
    training: Training

    @property
    def shards(self) -> Path:
        """The folder of the mel frames."""
        return self.paths["data"] / "shards"


def parse(document: dict[str, Any], root: Path = ROOT) -> Config:
    """Build the settings; relative paths are taken from `root`.

    Raises TypeError where a key is missing or unknown.
    """
    synthesis = dict(document["synthesis"])
    sources = tuple(Source(**source) for source in synthesis.pop("sources"))
    return Config(
        paths={name: root / path for name, path in document["paths"].items() if path},
        synthesis=Synthesis(sources=sources, **synthesis),
        shape=Shape(**document["shape"]),
        windows=Windows(**document["windows"]),
        training=Training(**document["training"]),
    )


def load(path: Path | None = None) -> Config:
    """Read config.toml of this folder, with the values of another file of the same form in place of its own."""
    document = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
    if path:
        for table, values in tomllib.loads(path.read_text(encoding="utf-8")).items():
            document[table] |= values
    return parse(document)
