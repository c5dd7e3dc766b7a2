"""Checks the machine: folders, disk, GPUs, and access."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from speechd.api.diagnosis.report import Finding
from speechd.api.middleware.access import is_loopback, refuse_unsafe_binding
from speechd.auth.keys import KeyRing
from speechd.errors import Misconfigured
from speechd.settings import Settings

MIN_BYTES = 100_000_000
"""Free disk below which even uploads fail soon."""
COMFORTABLE_BYTES = 2_000_000_000
"""Free disk that one large model takes (whisper-large-v3-turbo: 1.6 GB)."""
CUDA_LIBRARIES = ("libcublas.so.12", "libcudnn.so.9")
"""Libraries that CTranslate2 4.5 and later loads when it first computes on a GPU (its documentation,
"Installation")."""
NVIDIA_DEVICE = Path("/dev/nvidiactl")
"""Exists where the driver of an NVIDIA GPU is loaded."""


def data_folder(settings: Settings) -> Iterator[Finding]:
    """Whether files can be written to the data folder."""
    folder = settings.data_dir
    remedy = f"Give this user write access (chown, chmod), or set SPEECHD_DATA_DIR: {folder}"
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        yield Finding("problem", f"{place} cannot be written: {error.strerror}.", remedy)
        return
    for inner in ("models", "blobs"):
        if (folder / inner).exists() and not os.access(folder / inner, os.W_OK | os.X_OK):
            yield Finding("problem", f"{folder / inner} cannot be written by this user.", remedy)
            return
    made = "" if place == folder else ", which is created at the first start"
    yield Finding("ok", f"{folder}{made}.")


def disk(settings: Settings) -> Iterator[Finding]:
    """Free space for models and recordings."""
    place = next(path for path in (settings.data_dir, *settings.data_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:.1f} GB free at {place}."
    if free < MIN_BYTES:
        yield Finding("problem", told, "Free some space, or set SPEECHD_DATA_DIR to a larger disk.")
    elif free < COMFORTABLE_BYTES:
        yield Finding("warning", told, "Large models need 1.6 to 3 GB. SPEECHD_DATA_DIR can be on a larger disk.")
    else:
        yield Finding("ok", told)


def access(settings: Settings) -> Iterator[Finding]:
    """The keys, for the address of the server."""
    try:
        refuse_unsafe_binding(settings)
        required = KeyRing(settings).required
    except Misconfigured as error:
        yield Finding("problem", error.message)
        return
    if required:
        yield Finding("ok", "Callers need a key.")
    elif is_loopback(settings.host):
        yield Finding("ok", f"No key, and only programs of this machine can call ({settings.host}).")
    else:
        yield Finding(
            "warning",
            f"Everybody who reaches {settings.host or 'this machine'} may call without a key.",
            "If this is not wanted: speechd keys add NAME, and unset SPEECHD_ALLOW_ANONYMOUS.",
        )


def devices(settings: Settings) -> Iterator[Finding]:
    """The GPUs that CTranslate2 finds, and whether it can load their libraries."""
    yield from device_findings(settings.device, gpu_count(), NVIDIA_DEVICE.exists(), _loadable)


def gpu_count() -> int:
    """GPUs that CTranslate2 finds."""
    import ctranslate2

    return int(ctranslate2.get_cuda_device_count())


def device_findings(wanted: str, count: int, driver: bool, loadable: Callable[[str], bool]) -> Iterator[Finding]:
    """
    Args:
        wanted: SPEECHD_DEVICE.
        count: GPUs that CTranslate2 finds.
        driver: a driver of NVIDIA is loaded.
        loadable: whether a shared library can be loaded.
    """
    cores = f"{os.cpu_count()} CPU cores"
    missing = [name for name in CUDA_LIBRARIES if not loadable(name)]
    if wanted.startswith("cpu") or not (count or driver or wanted.startswith("cuda")):
        yield Finding("ok", f"Models run on {cores}" + (f"; {count} GPUs are not used." if count else "; no GPU."))
    elif not count:
        yield Finding(
            "problem" if wanted.startswith("cuda") else "warning",
            "No GPU can be used: CTranslate2 finds no CUDA device.",
            "Check nvidia-smi and the driver (CUDA 12); in a container, start it with --gpus all.",
        )
    elif missing:
        yield Finding(
            "problem",
            f"{count} GPUs, but {' and '.join(missing)} cannot be loaded.",
            "pip install nvidia-cublas-cu12 'nvidia-cudnn-cu12==9.*', and add both lib folders to LD_LIBRARY_PATH;"
            " or set SPEECHD_DEVICE=cpu.",
        )
    else:
        yield Finding("ok", f"{count} GPUs with the CUDA libraries, and {cores}.")


def _loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
