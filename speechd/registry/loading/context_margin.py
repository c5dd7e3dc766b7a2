"""The margin of a model: from its row of the catalog, from the row of the same weights, or as it was measured here."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speechd.errors import Misconfigured
from speechd.registry.catalog import Model
from speechd.registry.files import shipped_models
from speechd.registry.sources.base import sha256

MARGIN_FILE = "context-margin.json"
"""Lies beside a model's files: what `speechd models tune` has found for them."""
WEIGHTS = "model.bin"


def known_margin(model: Model) -> float | None:
    """Seconds of silence after a short window at least; None where nobody has measured the model, or no margin suits.

    Reads the weights whole where they are as large as those of a row of the catalog.
    """
    known = catalog_margin(model)
    return measured_margin(model.path) if known is None and model.path else known


def catalog_margin(model: Model) -> float | None:
    """The margin of its row, or of the row whose weights it has, whatever its folder is called."""
    if model.context_margin is not None or model.path is None:
        return model.context_margin
    return _of_same_weights(model.path / WEIGHTS)


def measured_margin(folder: Path) -> float | None:
    """What was written beside a model; None where nothing was, or it was for other weights."""
    try:
        found = json.loads((folder / MARGIN_FILE).read_text())
        same = found["bytes"] == (folder / WEIGHTS).stat().st_size
        return float(found["context_margin"]) if same else None
    except (OSError, ValueError, TypeError, LookupError):
        return None


def write_margin(folder: Path, seconds: float | None) -> None:
    """Writes it beside a model; the file is whole or as it was. None removes it.

    Raises:
        Misconfigured: the folder cannot be written.
    """
    beside = folder / f".{MARGIN_FILE}.new"
    try:
        if seconds is None:
            (folder / MARGIN_FILE).unlink(missing_ok=True)
            return
        content = {"context_margin": seconds, "bytes": (folder / WEIGHTS).stat().st_size}
        beside.write_text(json.dumps(content) + "\n")
        beside.replace(folder / MARGIN_FILE)
    except OSError as error:
        raise Misconfigured(f"The margin cannot be written into {folder}: {error.strerror}.") from error


def _of_same_weights(weights: Path) -> float | None:
    size = weights.stat().st_size if weights.is_file() else 0
    rows = [row for row in _measured_rows() if row["size"] == size]
    digest = sha256(weights) if rows else ""
    return next((float(row["margin"]) for row in rows if row["sha256"] == digest), None)


def _measured_rows() -> Iterator[dict[str, Any]]:
    for row in tomllib.loads((shipped_models() / "catalog.toml").read_text()).values():
        for file in row.get("files", ()):
            if file["path"] == WEIGHTS and "context_margin" in row:
                yield {"margin": row["context_margin"], "size": file["size"], "sha256": file["sha256"]}
