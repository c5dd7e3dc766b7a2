"""Writes the outputs of a recording in several formats. Each file appears complete."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from speechd.formats.diarization import DIARIZATION_FORMATS
from speechd.formats.transcript import TRANSCRIPT_FORMATS, Format, View
from speechd.types import Transcript


def output_paths(stem: Path, formats: Iterable[Format]) -> list[Path]:
    """`a/f` -> `a/f.json`, `a/f.srt` ..."""
    return [_with_suffix(stem, shape.suffix) for shape in formats]


def write_outputs(stem: Path, formats: Iterable[Format], transcript: Transcript, view: View) -> list[Path]:
    """Writes each format to a temporary file, syncs it, then renames all.

    Raises:
        OSError: a file could not be written; an earlier file of the same name is unchanged or replaced completely.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    shapes = tuple(formats)
    targets = output_paths(stem, shapes)
    try:
        for shape, target in zip(shapes, targets, strict=True):
            _write(_partial(target), shape.encode(transcript, view))
        for target in targets:
            _partial(target).replace(target)
    except BaseException:
        remove_partials(stem)
        raise
    return targets


def remove_partials(stem: Path) -> None:
    """Removes temporary files of a killed run."""
    for suffix in {shape.suffix for shape in (*TRANSCRIPT_FORMATS.values(), *DIARIZATION_FORMATS.values())}:
        _partial(_with_suffix(stem, suffix)).unlink(missing_ok=True)


def _with_suffix(stem: Path, suffix: str) -> Path:
    """Appends a suffix: `with_suffix` would replace the `.v2` of `talk.v2`."""
    return stem.with_name(stem.name + suffix)


def _partial(target: Path) -> Path:
    """The same in every run, so that the next run finds it. It is short because names can be long."""
    return target.with_name(f".speechd-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}.partial")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # else a power failure could leave an empty file under the final name
