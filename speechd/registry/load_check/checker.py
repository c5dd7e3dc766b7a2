"""Whether a model's files may be loaded into this process.

A crafted file can corrupt the memory of whatever loads it. So a model that was pulled or found is loaded once by a
child process, and decodes there. Where the child crashes or hangs, the model is broken. What the catalog pins needs no
check: the pull has compared its hashes with the catalog's. The embedded models need none either.
"""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from speechd.audio.isolation.pool import CHILD_ENVIRONMENT
from speechd.errors import EngineFailure, FeatureNotInstalled, Misconfigured, ModelBroken, OutOfMemory, SpeechdError
from speechd.registry.catalog import Model
from speechd.registry.files import folder_bytes
from speechd.registry.load_check.verdicts import Verdict, Verdicts, pulled_hashes
from speechd.registry.loading.cpu_share import MAX_THREADS
from speechd.registry.selection import BROKEN_SECONDS
from speechd.settings import Settings

CHECK_SECONDS = 120.0
"""Deadline of a check, without what the size of the files adds."""
BYTES_PER_SECOND = 10e6
"""Of the files: 5 minutes more for 3 GB. Whisper's largest decodes its window in less on two cores."""
OF_ENGINES = ("CT2_", "OMP_", "MKL_", "ORT_", "CUDA_", "NVIDIA_", "HIP_")
"""Beginnings of the variables that the engines' libraries read."""
PASSED_ON = {error.__name__: error for error in (EngineFailure, OutOfMemory, FeatureNotInstalled, Misconfigured)}
"""Errors of the child that are the check's own. None is remembered: the machine may be at fault, not the files."""

log = logging.getLogger("speechd.models")


class ModelChecker:
    """Checks models; its methods block, and may be called by any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        device = f"{settings.device}/{settings.compute_type}"
        self._verdicts = Verdicts(settings.data_dir / "model-checks.json", device)
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[str]] = set()
        self._closed = False

    def passed(self, model: Model) -> bool:
        """Whether it needs no check, or has passed one; reads no file of the model."""
        if model.path is None or is_vouched_for(model):
            return True
        verdict = self._verdicts.known(model.path)
        return verdict is not None and not verdict.broken

    def check(self, model: Model, seconds: float | None = None) -> None:
        """Tries a model that has not passed yet.

        Args:
            model: an installed one.
            seconds: the deadline; None chooses it by the size of the files.

        Raises:
            ModelBroken: it breaks or stops the process that loads it.
            EngineFailure, FeatureNotInstalled, Misconfigured: it cannot be loaded.
        """
        if model.path is None or is_vouched_for(model):
            return
        verdict = self._verdicts.known(model.path) or self._verdicts.same_content(model.path)
        if verdict is None:
            verdict = self._tried(model, model.path, seconds)
            self._verdicts.add(model.path, verdict)
        if verdict.broken:
            raise ModelBroken(f"The model `{model.id}` is not used: {verdict.broken}", param="model")

    def close(self) -> None:
        """Ends running checks, which fail."""
        with self._lock:
            self._closed = True
            for child in self._children:
                child.kill()

    def _tried(self, model: Model, folder: Path, seconds: float | None) -> Verdict:
        """Loads it in a child.

        Raises:
            SpeechdError: the child says so.
        """
        log.info("trying the model %s in a process of its own", model.id)
        began = time.monotonic()
        size = folder_bytes(folder)
        deadline = seconds or CHECK_SECONDS + size / BYTES_PER_SECOND
        request = _request(model, folder, self._settings) | {"file_bytes": size, "cpu_seconds": _cpu_seconds(deadline)}
        child = self._start()
        try:
            said, _ = child.communicate(json.dumps(request), timeout=deadline)
        except subprocess.TimeoutExpired:
            return _for_now(f"it did not decode a second of sound within {deadline:.0f} s.")
        finally:
            child.kill()
            child.communicate()
            with self._lock:
                self._children.discard(child)
        if self._closed:
            raise EngineFailure("The server is shutting down.")
        verdict = _judged(child.returncode, said)
        log.info("%s: %s, after %.1f s", model.id, verdict.broken or "passed", time.monotonic() - began)
        return verdict

    def _start(self) -> "subprocess.Popen[str]":
        """
        Raises:
            EngineFailure: the server is stopping, or the system starts no process.
        """
        with self._lock:
            if self._closed:
                raise EngineFailure("The server is shutting down.")
            try:
                child = subprocess.Popen(
                    [sys.executable, "-P", "-m", "speechd.registry.load_check.process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    process_group=0,  # Ctrl-C is for this process to obey
                    env=_environment(),
                )
            except OSError as error:
                raise EngineFailure(f"The model cannot be tried: {error.strerror}.") from error
            self._children.add(child)
        return child


def is_vouched_for(model: Model) -> bool:
    """It is embedded, or its files are those that the catalog pins, as the pull has found and nobody changed since."""
    if model.embedded and not model.stands_for:
        return True
    if model.path is None or not model.pinned:
        return False
    pulled = pulled_hashes(model.path)
    return all(pulled.get(file.path) == file.sha256 for file in model.files)


def _request(model: Model, folder: Path, settings: Settings) -> dict[str, Any]:
    """What the child must know: no key, no address."""
    row = {
        "id": model.id,
        "kind": model.kind,
        "engine": model.engine,
        "languages": model.languages,
        "context_margin": model.context_margin,
    }
    names = ("device", "compute_type", "adaptive_context")
    given = {name: getattr(settings, name) for name in names}
    given["cpu_threads"] = settings.cpu_threads or min(os.cpu_count() or 1, MAX_THREADS)  # nothing is measured there
    return {"folder": str(folder), "model": row, "settings": given}


def _cpu_seconds(deadline: float) -> int:
    """All CPUs until the deadline: a child whose parent is stopped meanwhile ends, too."""
    return math.ceil(deadline) * (os.cpu_count() or 1) + 1


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name in CHILD_ENVIRONMENT or name.startswith(OF_ENGINES)
    }
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _judged(status: int, said: str) -> Verdict:
    """
    Raises:
        SpeechdError: the child failed in order.
    """
    if status == -signal.SIGKILL:
        return _for_now("the system ended the process that tried it, perhaps because memory was short.")
    if status == -signal.SIGXCPU:
        return _for_now("it took more CPU time than a second of sound can need.")
    if status < 0:
        return Verdict(f"it broke the process that tried it ({_signal_name(-status)}).")
    try:
        error, message = json.loads(said)
    except ValueError:
        return _for_now(f"the process that tried it ended with status {status}.")
    if error:
        raise _error(error, message)
    return Verdict("")


def _for_now(reason: str) -> Verdict:
    return Verdict(reason, time.time() + BROKEN_SECONDS)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _error(name: str, message: str) -> SpeechdError:
    return PASSED_ON.get(name, EngineFailure)(message)
