"""Files below one address, by their paths."""

from dataclasses import dataclass

from speechd.registry.sources.base import ModelFile, Staging, without_password


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A web server that has the files as they are."""

    base: str
    """`https://example.org/whisper-base`: a file's path is appended."""

    @property
    def name(self) -> str:
        return without_password(self.base)

    @property
    def needs_network(self) -> bool:
        return True

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        """See Source.fetch."""
        from speechd.registry.sources import http

        http.fetch_below(self.base, lambda file: file.path, files, staging)
