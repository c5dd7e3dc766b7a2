"""The process that tries one model: `python -m speechd.registry.load_check.process`.

On standard input it reads one line of JSON: the model's folder, what its row says, the settings of engines, and what it
may take. On standard output it writes `[error class, message]`, or `["", ""]` where the model has decoded. Its end by a
signal is an answer too.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from speechd.asr.diarization.engine import SpeakerEngine
from speechd.asr.engine import AsrEngine, Job, SelfTesting
from speechd.audio.isolation.sandbox import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, address_space, lower_limit
from speechd.errors import EngineFailure, SpeechdError
from speechd.registry.catalog import UNKNOWN
from speechd.registry.loading.loaders import ENGINES, runs_on_cpu
from speechd.settings import Settings
from speechd.tts.engine import SynthesisOptions, TtsEngine
from speechd.types import SAMPLE_RATE, Samples, TranscribeOptions, Window

NOISE_LEVEL = 0.1
"""Root mean square of the noise, -20 dBFS: as loud as speech."""
SENTENCE = "One, two."
ENGINE_MEMORY = 4 << 30
"""Bytes of address space that the libraries may take (measured: 1.5 GB on two CPUs)."""
CPU_MEMORY = 256 << 20
"""More for each CPU: stacks and arenas of threads."""
FILE_MEMORY = 4
"""More for each byte of the files. The weights may be converted when they are loaded."""


def decode_noise(engine: AsrEngine) -> None:
    """A second of noise, with word times."""
    job = Job(Window(0.0, _noise(), ((0.0, 1.0),)), TranscribeOptions(word_timestamps=True))
    engine.decode([job])
    if isinstance(engine, SelfTesting):
        engine.self_test(job)


def speak(engine: TtsEngine) -> None:
    """A short sentence, with word times."""
    engine.synthesize(SENTENCE, SynthesisOptions(words=True))


def embed_noise(engine: SpeakerEngine) -> None:
    """A second of noise, as if somebody spoke."""
    engine.embed(_noise(), ((0.0, 1.0),))


def _noise() -> Samples:
    """One second."""
    return np.random.default_rng(0).normal(0, NOISE_LEVEL, SAMPLE_RATE).clip(-1, 1).astype(np.float32)


TRIALS: Mapping[str, Callable[[Any], None]] = {"asr": decode_noise, "speakers": embed_noise, "tts": speak}
"""What a loaded engine must do, by its model's `kind`."""


def give_up_rights(cpu_seconds: int) -> None:
    """No core dump, no new privileges, so much CPU time; it ends with its parent (Linux)."""
    lower_limit(resource.RLIMIT_CORE, 0)
    lower_limit(resource.RLIMIT_CPU, cpu_seconds)
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def limit_memory(file_bytes: int) -> None:
    """Bounds the address space by the size of the model's files."""
    cpus = os.cpu_count() or 1
    lower_limit(resource.RLIMIT_AS, address_space() + ENGINE_MEMORY + CPU_MEMORY * cpus + FILE_MEMORY * file_bytes)


def outcome(request: Mapping[str, Any]) -> tuple[str, str]:
    """The class and the message of the error that the model causes; both empty where it works."""
    model = replace(UNKNOWN, **{**request["model"], "path": Path(request["folder"])})
    settings = Settings(**request["settings"], speech_loudness=None)  # measuring it writes a file
    try:
        if runs_on_cpu(settings):  # a GPU's driver reserves terabytes
            limit_memory(request["file_bytes"])
        engine = ENGINES[model.engine](model, settings)
        TRIALS[model.kind](engine)
        engine.close()
    except SpeechdError as error:
        return type(error).__name__, error.message
    except MemoryError:
        return EngineFailure.__name__, f"The model {model.id} takes more memory than files of its size can need."
    except Exception as error:  # noqa: BLE001 - of a library that met what it did not expect
        reason = f"{type(error).__name__}: {error}"
        return EngineFailure.__name__, f"The model {model.id} could not be loaded: {reason}"
    return "", ""


def main() -> None:
    """See the module."""
    request = json.loads(sys.stdin.readline())
    give_up_rights(request["cpu_seconds"])
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    said = json.dumps(outcome(request))
    os.write(answers, said.encode())
    os._exit(0)  # libraries that end in disorder would spoil a verdict


if __name__ == "__main__":
    main()
