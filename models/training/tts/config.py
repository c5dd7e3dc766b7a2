"""The settings of the recipe, read from config.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass(frozen=True)
class Paths:
    """Where things lie, relative to the checkout."""

    data: str
    voice: str
    """Folder of the Piper files that export writes."""


@dataclass(frozen=True)
class Text:
    """How many training sentences of which kind; they come out alike for one seed."""

    seed: int
    sentences: int
    words: int
    short: int


@dataclass(frozen=True)
class Alignment:
    """Which aligned sentences are kept."""

    worst_cost: float
    longest_tokens: int
    longest_frames: int


@dataclass(frozen=True)
class Shape:
    """The size of the network."""

    embedding: int
    width: int
    recurrent: int
    encoder_dilations: tuple[int, ...]
    decoder_dilations: tuple[int, ...]


@dataclass(frozen=True)
class Training:
    """The optimisation."""

    seed: int
    cpu_minutes: float
    frames_per_batch: int
    learning_rate: float
    warm_up_steps: int
    average: float
    bfloat16: bool
    paced: float
    pool: int


@dataclass(frozen=True)
class Export:
    """What is added when the graph is written."""

    post_filter: float
    rare: int


@dataclass(frozen=True)
class Config:
    """The whole recipe."""

    paths: Paths
    text: Text
    teacher: str
    """Name of the flite voice."""
    alignment: Alignment
    shape: Shape
    training: Training
    export: Export

    @property
    def data(self) -> Path:
        """Folder of everything that is made on the way, by teacher."""
        return ROOT / self.paths.data / self.teacher

    @property
    def voice(self) -> Path:
        """Folder of the finished voice."""
        return ROOT / self.paths.voice


def load(path: Path = HERE / "config.toml") -> Config:
    """Reads the settings.

    Raises:
        TypeError: a table has an unknown key or lacks one.
    """
    tables = tomllib.loads(path.read_text())
    network = {key: tuple(value) if isinstance(value, list) else value for key, value in tables["network"].items()}
    return Config(
        paths=Paths(**tables["paths"]),
        text=Text(**tables["text"]),
        teacher=tables["teacher"]["voice"],
        alignment=Alignment(**tables["alignment"]),
        shape=Shape(**network),
        training=Training(**tables["training"]),
        export=Export(**tables["export"]),
    )
