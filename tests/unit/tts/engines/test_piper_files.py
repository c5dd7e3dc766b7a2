"""What a voice's configuration says of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from speechd.tts.engines.piper_files import VoiceFiles


def info_of(folder: Path, config: dict[str, Any]) -> tuple[str, str, str]:
    (folder / "v.onnx.json").write_text(json.dumps(config | {"audio": {"sample_rate": 22_050}}))
    info = VoiceFiles(folder / "v.onnx").info()
    return info.language, info.region, info.script


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"language": {"code": "pt_BR"}, "espeak": {"voice": "pt-br"}}, ("pt", "BR", "LATIN")),
        ({"espeak": {"voice": "es-419"}}, ("es", "419", "LATIN")),
        ({"espeak": {"voice": "ru"}}, ("ru", "", "CYRILLIC")),
    ],
)
def test_language_and_country(tmp_path: Path, config: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert info_of(tmp_path, config) == expected
