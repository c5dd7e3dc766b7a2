"""The examples that Groq and OpenAI publish for speech, as they stand but for the address."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.played_audio import LOUDEST, decoded, true_peak

GROQ_CURL = """
curl https://api.groq.com/openai/v1/audio/speech \\
  -H "Authorization: Bearer $GROQ_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "playai-tts",
    "input": "I love building and shipping new features for our users!",
    "voice": "Fritz-PlayAI",
    "response_format": "wav"
  }'
"""
OPENAI_CURL = """
curl https://api.openai.com/v1/audio/speech \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-4o-mini-tts",
    "input": "The quick brown fox jumped over the lazy dog.",
    "voice": "alloy"
  }' \\
  --output speech.mp3
"""
GROQ_PYTHON = """
import os
from groq import Groq

client = Groq(api_key=os.environ.get("GROQ_API_KEY"))

speech_file_path = "speech.wav"
model = "playai-tts"
voice = "Fritz-PlayAI"
text = "I love building and shipping new features for our users!"
response_format = "wav"

response = client.audio.speech.create(
    model=model,
    voice=voice,
    input=text,
    response_format=response_format
)

response.write_to_file(speech_file_path)
"""
OPENAI_PYTHON = """
from pathlib import Path
import openai

speech_file_path = Path(__file__).parent / "speech.mp3"
with openai.audio.speech.with_streaming_response.create(
  model="gpt-4o-mini-tts",
  voice="alloy",
  input="The quick brown fox jumped over the lazy dog."
) as response:
  response.stream_to_file(speech_file_path)
"""


def run(command: list[str], server: str, folder: Path) -> bytes:
    """In a folder of its own; the SDKs take their address from the environment."""
    keys = {"GROQ_API_KEY": "unused", "OPENAI_API_KEY": "unused"}
    addresses = {"GROQ_BASE_URL": server, "OPENAI_BASE_URL": f"{server}/v1"}
    done = subprocess.run(command, cwd=folder, env=os.environ | keys | addresses, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def assert_it_plays(audio: bytes, container: str) -> None:
    samples, rate, kind = decoded(audio)
    assert kind == container
    assert 1.5 < len(samples) / rate < 8
    assert 0.2 < true_peak(samples, rate) < LOUDEST


def test_groqs_curl(server: str, tmp_path: Path) -> None:
    command = GROQ_CURL.replace("https://api.groq.com", server)
    assert_it_plays(run(["sh", "-c", command], server, tmp_path), "wav")


def test_openais_curl(server: str, tmp_path: Path) -> None:
    run(["sh", "-c", OPENAI_CURL.replace("https://api.openai.com", server)], server, tmp_path)
    assert_it_plays((tmp_path / "speech.mp3").read_bytes(), "mp3")


@pytest.mark.parametrize(("code", "suffix"), [(GROQ_PYTHON, "wav"), (OPENAI_PYTHON, "mp3")], ids=["groq", "openai"])
def test_the_python_examples(server: str, tmp_path: Path, code: str, suffix: str) -> None:
    script = tmp_path / "example.py"
    script.write_text(code)
    run([sys.executable, "-W", "ignore", str(script)], server, tmp_path)
    assert_it_plays((tmp_path / f"speech.{suffix}").read_bytes(), suffix)
