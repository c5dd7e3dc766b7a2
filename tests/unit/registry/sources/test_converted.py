"""Files that are made out of fetched ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from speechd.errors import SourceFailed
from speechd.registry.sources import converted
from speechd.registry.sources.base import ModelFile, Staging
from speechd.registry.sources.converted import ConvertedSource

ORIGINAL = ModelFile("original.pt", 5)
FILE = ModelFile("model.onnx", 6, "0c31fd7d01ccf6f6ea8b1ded5ebfcd2ff98d4b16fcb8ba9a2c3a6de1b2e3c1a5")


class Origin:
    needs_network = True

    def __init__(self, name: str, content: bytes | None) -> None:
        self.name = name
        self.content = content

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        if self.content is None:
            raise SourceFailed(f"{self.name} is down")
        staging.part(files[0]).write_bytes(self.content)
        staging.accept(files[0])


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    for name in ("files", "archives"):
        (tmp_path / name).mkdir()
    return Staging(tmp_path / "files", tmp_path / "archives", lambda done, total: None)


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[bytes], bytes]], None]:
    def use(change: Callable[[bytes], bytes]) -> None:
        def converter(source: Path, target: Path) -> None:
            target.write_bytes(change(source.read_bytes()))

        monkeypatch.setattr(converted, "CONVERTERS", {"test": converter})

    return use


def test_the_first_origin_that_has_it_is_converted(
    staging: Staging, convert: Callable[[Callable[[bytes], bytes]], None]
) -> None:
    convert(lambda content: content + b"!")
    source = ConvertedSource("test", (ORIGINAL,), (Origin("one", None), Origin("two", b"12345")))
    source.fetch((ModelFile("model.onnx", 6),), staging)
    assert (staging.folder / "model.onnx").read_bytes() == b"12345!"
    assert not (staging.folder / "original.pt").exists()
    assert source.name == "one (converted), two (converted)"


def test_another_result_than_the_pinned_one_is_deleted(
    staging: Staging, convert: Callable[[Callable[[bytes], bytes]], None]
) -> None:
    convert(lambda content: content + b"?")
    with pytest.raises(SourceFailed, match="damaged"):
        ConvertedSource("test", (ORIGINAL,), (Origin("one", b"12345"),)).fetch((FILE,), staging)
    assert list(staging.folder.iterdir()) == []


def test_the_reasons_of_all_origins_are_told(staging: Staging) -> None:
    with pytest.raises(SourceFailed, match="one is down; two is down"):
        ConvertedSource("test", (ORIGINAL,), (Origin("one", None), Origin("two", None))).fetch((FILE,), staging)


def test_what_cannot_be_converted_is_a_failure_of_the_source(
    staging: Staging, convert: Callable[[Callable[[bytes], bytes]], None]
) -> None:
    def fail(content: bytes) -> bytes:
        raise KeyError("no such tensor")

    convert(fail)
    with pytest.raises(SourceFailed, match="could not be converted"):
        ConvertedSource("test", (ORIGINAL,), (Origin("one", b"12345"),)).fetch((FILE,), staging)
