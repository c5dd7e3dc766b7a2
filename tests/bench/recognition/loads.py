"""What is asked of every peer: recordings of people, so many at once. A load is a row of LOADS."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import soundfile

from speechd.types import SAMPLE_RATE
from tests.real import corpora
from tests.real.corpora import Recording

IN_PROCESS = ("plain", "vad", "batched-8", "batched-16")
SERVERS = ("thread-pool",)


@dataclass(frozen=True)
class Load:
    """One row: recordings, and how they are sent."""

    title: str
    make: Callable[[], tuple[Recording, ...]]
    clients: int = 1
    """Requests that are open at once. Each client sends its next recording when it has its answer."""
    peers: tuple[str, ...] = (*IN_PROCESS, *SERVERS)
    """Who is asked, after speechd."""
    words: bool = False
    """With word times."""
    beside: bool = False
    """A clip of 3 s each second beside the recording, instead of the recording alone."""
    max_rounds: int = 1000
    """The long ones are repeated less often."""
    quick: bool = True
    """It is part of `--quick`."""

    @property
    def recordings(self) -> tuple[Recording, ...]:
        return self.make()

    @property
    def seconds(self) -> float:
        return sum(recording.seconds for recording in self.recordings)


@cache
def clips(count: int, shortest: float, longest: float) -> tuple[Recording, ...]:
    """So many different prompts of a length, in the order of their names.

    Raises:
        ValueError: there are not so many.
    """
    found = [each for each in corpora.english_prompts().recordings if shortest <= each.seconds <= longest]
    if len(found) < count:
        raise ValueError(f"there are {len(found)} clips of {shortest} to {longest} s, not {count}")
    return tuple(found[:: len(found) // count][:count])


@cache
def minutes(count: int) -> tuple[Recording, ...]:
    """One recording with pauses; beyond 10 minutes the same 10 over and over."""
    (part,) = corpora.composite(min(count, 10), paused=True).recordings
    times = max(1, count // 10)
    samples, _ = soundfile.read(io.BytesIO(part.data), dtype="int16")
    file = io.BytesIO()
    soundfile.write(file, np.tile(samples, times), SAMPLE_RATE, format="FLAC")
    return (Recording(f"{count} minutes", file.getvalue(), part.seconds * times, part.pieces * times),)


LOADS: Mapping[str, Load] = {
    "clip": Load(
        "one clip of 5 s", partial(clips, 1, 4.8, 5.2), peers=("engine", *IN_PROCESS, *SERVERS, "whisper.cpp")
    ),
    "clips": Load(
        "12 clips of 2-8 s in turn", partial(clips, 12, 2, 8), peers=("engine", *IN_PROCESS, *SERVERS, "whisper.cpp")
    ),
    "clients-16": Load("48 clips of 2-8 s, 16 clients", partial(clips, 48, 2, 8), 16, SERVERS),
    "clients-64": Load("128 clips of 2-8 s, 64 clients", partial(clips, 128, 2, 8), 64, SERVERS, quick=False),
    "words": Load("3 minutes, words on", partial(minutes, 3), words=True, peers=(*IN_PROCESS, "thread-pool")),
    "minutes-10": Load("10 minutes", partial(minutes, 10), quick=False),
    "minutes-60": Load("60 minutes", partial(minutes, 60), peers=IN_PROCESS, max_rounds=1, quick=False),
    "beside": Load("3 minutes, a 3 s clip each second", partial(minutes, 3), peers=("thread-pool",), beside=True),
}
GPU_LOADS: Mapping[str, Load] = {
    "gpu-1": Load("12 clips of 2-8 s in turn", partial(clips, 12, 2, 8), peers=(*IN_PROCESS, "thread-pool")),
    "gpu-16": Load("128 clips of 2-8 s, 16 clients", partial(clips, 128, 2, 8), 16, ("thread-pool",)),
    "gpu-64": Load("128 clips of 2-8 s, 64 clients", partial(clips, 128, 2, 8), 64, ("thread-pool",)),
    "gpu-10": Load("10 minutes", partial(minutes, 10), peers=IN_PROCESS),
}
"""With random weights of the shapes of large-v3 and turbo, where a GPU is: what counts is the times real time."""
