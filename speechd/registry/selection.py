"""The order in which `auto` prefers installed models, and what a model that is named can do."""

import time
from collections.abc import Callable, Sequence

from speechd.errors import Unprocessable
from speechd.registry.catalog import Model
from speechd.registry.files import folder_bytes
from speechd.registry.memory import fits
from speechd.types import TranscribeOptions


def installed_bytes(model: Model) -> int:
    """Size of a model's files; 0 for one that is not installed."""
    return folder_bytes(model.path) if model.path else 0


BROKEN_SECONDS = 600.0
"""After this time a model that could not be loaded is tried again: the disk may have been at fault, not its files."""


class BrokenModels:
    """Models that could not be loaded: `auto` passes over them for a while, or until their files change."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            clock: seconds of any steady clock.
        """
        self._clock = clock
        self._found: dict[str, tuple[int, float]] = {}

    def add(self, model: Model) -> None:
        self._found[model.id] = changed(model), self._clock() + BROKEN_SECONDS

    def __contains__(self, model: Model) -> bool:
        then, until = self._found.get(model.id, (0, 0.0))
        return self._clock() < until and then == changed(model)


def changed(model: Model) -> int:
    """When a model's files changed last, in nanoseconds."""
    files = model.path.rglob("*") if model.path else ()
    return max((file.stat().st_mtime_ns for file in files if file.is_file()), default=0)


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


def check_able(model: Model, options: TranscribeOptions) -> None:
    """
    Raises:
        Unprocessable: the model cannot do the task or the language.
    """
    if model.kind != "asr":
        raise Unprocessable(f"The model `{model.id}` does not recognise speech.", param="model", code="wrong_kind")
    if options.task not in model.tasks:
        raise Unprocessable(f"The model `{model.id}` cannot {options.task}.", param="model", code="task_not_supported")
    if model.speaks(options.language) and not model.suits(options):
        raise Unprocessable(
            f"The model `{model.id}` cannot detect languages. Leave `language=multi` out.",
            param="language",
            code="language_not_supported",
        )
    unknown = [code for code in (options.language, *options.languages) if code and not model.speaks(code)]
    if unknown:
        raise Unprocessable(
            f"The model `{model.id}` was not trained for the language `{unknown[0]}`."
            f" It knows {', '.join(model.languages)}.",
            param="language" if unknown[0] == options.language else "languages",
            code="language_not_supported",
        )


def check_tells_speakers(model: Model) -> Model:
    """The model itself.

    Raises:
        Unprocessable: it does something else.
    """
    if model.kind != "speakers":
        raise Unprocessable(f"The model `{model.id}` does not tell speakers apart.", param="model", code="wrong_kind")
    return model
