"""How long recordings are taken to be before they are decoded."""

import io
from pathlib import Path

import pytest

from speechd.folders.duration import seconds_at, seconds_of
from tests.conftest import Fixture, fixtures


@pytest.mark.parametrize("fixture", fixtures(), ids=lambda fixture: fixture.path.name)
def test_headers_tell_the_length(fixture: Fixture) -> None:
    assert seconds_at(fixture.path) == pytest.approx(fixture.duration, abs=0.3)


def test_what_is_no_recording_has_no_length(tmp_path: Path) -> None:
    file = io.BytesIO(b"hello" * 100)
    assert seconds_of(file) == 0
    assert file.tell() == 0
    assert seconds_at(tmp_path / "nothing.wav") == 0
