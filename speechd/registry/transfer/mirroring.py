"""Fills a folder that other machines name in SPEECHD_MODEL_MIRROR."""

from collections.abc import Sequence
from pathlib import Path

from speechd.errors import InvalidRequest, SourceFailed
from speechd.registry.catalog import Model
from speechd.registry.sources.mirror import add_to_mirror


def write_mirror(models: Sequence[Model], folder: Path) -> int:
    """Copies the pinned files of installed models into a folder, each named by its SHA-256.

    Returns:
        How many files were added.

    Raises:
        InvalidRequest: a model is not pinned, not installed, or its files are not the pinned ones.
    """
    for model in models:
        if not model.pinned:
            raise InvalidRequest(f"The model `{model.id}` is not pinned. A mirror has pinned files only.")
        if model.path is None:
            raise InvalidRequest(f"The model `{model.id}` is not installed. Install it with: {model.how_to_install}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return sum(
            add_to_mirror(model.path / file.path, file, folder)
            for model in models
            for file in model.files
            if model.path
        )
    except (SourceFailed, FileNotFoundError) as error:
        raise InvalidRequest(f"The mirror was not completed: {error}.") from error
