"""The files and sources of a catalog row."""

from collections.abc import Callable, Mapping
from typing import Any

from speechd.registry.sources.base import ModelFile, Source
from speechd.registry.sources.converted import ConvertedSource
from speechd.registry.sources.hub import HubSource
from speechd.registry.sources.npm import NpmSource
from speechd.registry.sources.packages import PackagesSource
from speechd.registry.sources.url import UrlSource

SOURCES: Mapping[str, Callable[[Mapping[str, Any]], Source]] = {
    "hub": lambda row: HubSource(row["repository"], row.get("revision", ""), row.get("folder", "")),
    "packages": PackagesSource.of_row,
    "npm": NpmSource.of_row,
    "url": lambda row: UrlSource(row["base"]),
    "converted": lambda row: ConvertedSource(row["convert"], read_files(row), read_sources(row)),
}
"""The class of a source, by `type` in a row's `sources`."""


def read_files(row: Mapping[str, Any]) -> tuple[ModelFile, ...]:
    """The pinned files of a row; none for a row without pinned files."""
    return tuple(ModelFile(file["path"], file["size"], file["sha256"]) for file in row.get("files", ()))


def read_sources(row: Mapping[str, Any]) -> tuple[Source, ...]:
    """The sources of a row that pins its files, in the order in which they are tried."""
    return tuple(SOURCES[source["type"]](source) for source in row.get("sources", ()))
