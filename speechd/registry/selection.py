"""The order in which `auto` prefers installed models."""

from collections.abc import Callable, Sequence

from speechd.registry.catalog import Model
from speechd.registry.files import folder_bytes
from speechd.registry.memory import fits


def installed_bytes(model: Model) -> int:
    """Size of a model's files; 0 for one that is not installed."""
    return folder_bytes(model.path) if model.path else 0


def by_preference(
    models: Sequence[Model], memory: float, size: Callable[[Model], int] = installed_bytes
) -> list[Model]:
    """First the models that fit into memory, by rank; then those that do not, the smallest first; last the embedded.

    An embedded model understands synthetic voices only, so a model that may not fit is still preferred.

    Args:
        models: installed ones.
        memory: bytes.
        size: returns the bytes of a model's files.
    """

    def key(model: Model) -> tuple[bool, int, int]:
        too_large = 0 if model.embedded or fits(size(model), memory) else size(model)
        return model.embedded, too_large, -model.rank

    return sorted(models, key=key)
