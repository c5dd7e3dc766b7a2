"""Files that are made on this machine out of others: weights that their authors publish for another framework.

What is fetched is pinned, and so is what becomes of it: a converter gives the same bytes everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from speechd.errors import SourceFailed
from speechd.registry.sources.base import ModelFile, Source, Staging


def _campplus(source: Path, target: Path) -> None:
    """See speechd.registry.sources.conversion.campplus."""
    from speechd.registry.sources.conversion import campplus  # it loads NumPy, and commands that pull nothing need none

    campplus.convert_campplus(source, target)


CONVERTERS: Mapping[str, Callable[[Path, Path], None]] = {"campplus": _campplus}
"""What makes a model's only file of the only file that is fetched, by `convert` in a row's source."""


@dataclass(frozen=True, slots=True)
class ConvertedSource:
    """A converter, and the sources of what it reads."""

    convert: str
    """A name in CONVERTERS."""
    originals: tuple[ModelFile, ...]
    """The pinned file that it reads."""
    origins: tuple[Source, ...]
    """Where that file comes from, in the order in which they are tried."""

    @property
    def name(self) -> str:
        return ", ".join(f"{origin.name} (converted)" for origin in self.origins)

    @property
    def needs_network(self) -> bool:
        return all(origin.needs_network for origin in self.origins)

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        """See Source.fetch."""
        (original,), (file,) = self.originals, files
        if staging.has(file):
            return
        fetched = replace(staging, folder=staging.archives / "originals")
        fetched.folder.mkdir(exist_ok=True)
        self._fetch_original(fetched)
        try:
            CONVERTERS[self.convert](fetched.folder / original.path, staging.part(file))
        except (KeyError, ValueError) as error:
            raise SourceFailed(f"`{original.path}` could not be converted: {error}") from error
        staging.accept(file)

    def _fetch_original(self, staging: Staging) -> None:
        failures = []
        for origin in self.origins:
            try:
                return origin.fetch(self.originals, staging)
            except SourceFailed as failure:
                failures.append(failure)
        raise SourceFailed("; ".join(failure.message for failure in failures), code=failures[0].error_code)
