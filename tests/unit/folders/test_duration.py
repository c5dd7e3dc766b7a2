"""How long recordings are taken to be before they are decoded."""

import io
from pathlib import Path, PurePath

import pytest

from speechd.folders.discover import FoundRecording
from speechd.folders.duration import seconds_at, seconds_of
from tests.conftest import Fixture, fixtures


@pytest.mark.parametrize("fixture", fixtures(), ids=lambda fixture: fixture.path.name)
def test_headers_tell_the_length(fixture: Fixture) -> None:
    assert seconds_at(FoundRecording(fixture.path, PurePath(fixture.path.name))) == pytest.approx(
        fixture.duration, abs=0.3
    )


def test_what_is_no_recording_has_no_length(tmp_path: Path) -> None:
    file = io.BytesIO(b"hello" * 100)
    assert seconds_of(file) == 0
    assert file.tell() == 0
    assert seconds_at(FoundRecording(tmp_path / "nothing.wav", PurePath("nothing.wav"))) == 0
