"""The JavaScript twins of the SDKs, under node, against the real server."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIXTURES, fixtures
from tests.support.wer import normalised, word_errors

HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(shutil.which("npm") is None, reason="node and npm are not installed"),
]


@pytest.fixture(scope="module")
def answers(server: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What one run of sdk.mjs printed."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "sdk.mjs"):
        shutil.copy(HERE / name, folder)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
    recordings = (fixtures()[0].path, FIXTURES / "es_playa.flac")
    done = subprocess.run(
        ["node", "sdk.mjs", server, *recordings], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("sdk", ["openai", "groq"])
def test_verbose_transcription(answers: Any, sdk: str) -> None:
    assert normalised(answers[sdk]["text"]) == normalised(fixtures()[0].text)
    assert [normalised(word["word"])[0] for word in answers[sdk]["words"]] == normalised(fixtures()[0].text)
    assert answers[sdk]["segments"][0]["id"] == 0
    assert answers[sdk]["language"] == {"openai": "english", "groq": "English"}[sdk]


def test_translation(answers: Any) -> None:
    english = next(f.english for f in fixtures() if f.path.name == "es_playa.flac")
    for text in answers["translations"]:
        assert word_errors(english or "", text)[0] <= 1, "whisper-pocket may have one word wrong"


def test_streaming(answers: Any) -> None:
    *deltas, done = answers["deltas"]
    assert "".join(event["delta"] for event in deltas) == done["text"]
    assert normalised(done["text"]) == normalised(fixtures()[0].text)


def test_subtitles_models_and_errors(answers: Any) -> None:
    assert answers["srt"].startswith("1\n00:00:00,")
    assert answers["models"][0] == "whisper-pocket"
    assert answers["unknown"] == {"status": 404, "code": "model_not_found"}
    assert answers["broken"]["status"] == 400
