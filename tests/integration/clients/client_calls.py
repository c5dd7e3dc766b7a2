"""The calls of clients that are not installed, as their public sources make them, with the settings of their pages.

Each asserts what the client needs from the answer.
"""

import io
from collections.abc import Mapping
from typing import Any

import httpx2
import soundfile
import srt

from tests.conftest import FIXTURES
from tests.support.played_audio import decoded
from tests.support.wer import normalised

Settings = Mapping[str, Any]
MODEL = "whisper-base"
"""The one real model of the server: what every hosted name must mean."""
SENTENCE = "My sister is looking for the newspaper."
SPOKEN = "The kettle is on."
DIFY = """
from dify_plugin.interfaces.model.openai_compatible.speech2text import OAICompatSpeech2TextModel
from dify_plugin.interfaces.model.openai_compatible.tts import OAICompatText2SpeechModel

model, credentials = {Speech2text!r}
print(OAICompatSpeech2TextModel([])._invoke(model, credentials, open("recording.wav", "rb")))
model, credentials = {TTS!r}
tts = OAICompatText2SpeechModel([])
tts.validate_credentials(model, credentials)
voice = tts.get_tts_model_voices(model, credentials)[0]["value"]
open("spoken.mp3", "wb").write(b"".join(tts._invoke(model, "tenant", credentials, "The kettle is on.", voice)))
"""
"""dify_plugin has the classes from which the provider's own derive; they make the calls."""
LITELLM_PROXY = """
import asyncio, json, litellm

router = litellm.Router(model_list=json.loads({model_list!r}))
print(asyncio.run(router.atranscription(model="whisper-1", file=open("recording.wav", "rb"))).text)
speech = asyncio.run(router.aspeech(model="tts-1", voice="alloy", input="The kettle is on."))
speech.stream_to_file("spoken.mp3")
"""
"""LiteLLM's proxy hands its `model_list` to this router."""


def dify_credentials(column: Settings) -> tuple[str, dict[str, str]]:
    """The fields of Dify's form under the names that the provider has for them."""
    names = {"API Key": "api_key", "API Base URL": "endpoint_url", "voices": "voices"}
    return column["Model Name"], {names[label]: value for label, value in column.items() if label in names}


def recording() -> bytes:
    """A WAV file of the sentence, which whisper-base understands without a fault."""
    samples, rate = soundfile.read(FIXTURES / "en_newspaper.flac", dtype="int16")
    soundfile.write(buffer := io.BytesIO(), samples, rate, format="WAV")
    return buffer.getvalue()


def ask(method: str, url: str, **given: Any) -> httpx2.Response:
    return httpx2.request(method, url, timeout=120, **given)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def transcribed(url: str, key: str, data: dict[str, str], name: str = "audio.wav", kind: str = "audio/wav") -> None:
    """A client reads `text` of a JSON reply."""
    files = {"file": (name, recording(), kind)}
    reply = ask("POST", url, headers=bearer(key), files=files, data=data)
    assert reply.status_code == 200, reply.text
    assert reply.headers["x-speechd-model"] == MODEL
    assert normalised(reply.json()["text"]) == normalised(SENTENCE)


def spoken(url: str, key: str, body: dict[str, Any], container: str = "mp3") -> None:
    reply = ask("POST", url, headers=bearer(key), json=body)
    assert reply.status_code == 200, reply.text
    samples, rate, found = decoded(reply.content)
    assert found == container
    assert 0.5 < len(samples) / rate < 5


def open_webui(settings: Settings) -> None:
    """`routers/audio.py`: a recording, the two lists of the settings page, and speech with the settings' model."""
    given = settings["environment"]
    stt, tts = (given[f"AUDIO_{part}_OPENAI_API_BASE_URL"] for part in ("STT", "TTS"))
    transcribed(f"{stt}/audio/transcriptions", given["AUDIO_STT_OPENAI_API_KEY"], {"model": given["AUDIO_STT_MODEL"]})
    models = ask("GET", f"{tts}/audio/models").json()["models"]
    assert given["AUDIO_TTS_MODEL"] in [model["id"] for model in models]
    voices = {voice["id"]: voice["name"] for voice in ask("GET", f"{tts}/audio/voices").json()["voices"]}
    assert all(voices.values())
    for voice in (given["AUDIO_TTS_VOICE"], *voices):
        body = {"input": SPOKEN, "voice": voice, "model": given["AUDIO_TTS_MODEL"]}
        spoken(f"{tts}/audio/speech", given["AUDIO_TTS_OPENAI_API_KEY"], body)


def librechat(settings: Settings) -> None:
    """`STTService.js` and `TTSService.js`: the language without its region, and a stream of speech."""
    stt, tts = settings["speech"]["stt"]["openai"], settings["speech"]["tts"]["openai"]
    transcribed(stt["url"], stt["apiKey"], {"model": stt["model"], "language": "en"})
    for voice in tts["voices"]:
        spoken(tts["url"], tts["apiKey"], {"input": SPOKEN, "model": tts["model"], "voice": voice})


def home_assistant(settings: Settings) -> None:
    """`openai_whisper_cloud` looks the model up and transcribes; `openai_tts` tries a full stop, lists and speaks."""
    stt, tts = settings["Speech-to-text"]["value"], settings["Text-to-speech"]["value"]
    key, url = stt["API key"], stt["URL"]
    assert ask("GET", f"{url}/v1/models/{stt['Model']}", headers=bearer(key)).status_code == 200
    data = {"model": stt["Model"], "language": "en", "temperature": "0", "prompt": ""}
    transcribed(f"{url}/v1/audio/transcriptions", key, data)
    endpoint = tts["API endpoint"]
    probe = {"model": "tts-1", "input": ".", "voice": "alloy", "response_format": "mp3"}
    assert ask("POST", endpoint, json=probe).status_code == 200
    assert ask("GET", endpoint.replace("/speech", "/voices")).json()["voices"]
    body = {"model": tts["Model"], "input": SPOKEN, "voice": tts["Voice"], "response_format": "mp3", "speed": 1.0}
    spoken(endpoint, "", body)


def n8n(settings: Settings) -> None:
    """The OpenAI credential is tried with GET /models; the node has fixed models."""
    given = settings["n8n"]["value"]
    url, key = given["Base URL"], given["API Key"]
    assert ask("GET", f"{url}/models", headers=bearer(key)).status_code == 200
    transcribed(f"{url}/audio/transcriptions", key, {"model": "whisper-1"}, "data", "audio/wav")
    files = {"file": ("data", recording(), "audio/wav")}
    reply = ask("POST", f"{url}/audio/translations", headers=bearer(key), files=files, data={"model": "whisper-1"})
    assert "newspaper" in reply.json()["text"]
    body = {"model": "tts-1", "input": SPOKEN, "voice": "alloy", "response_format": "mp3", "speed": 1}
    spoken(f"{url}/audio/speech", key, body)


def bazarr(settings: Settings) -> None:
    """`whisperai.py`: bare PCM of 16 kHz without a header, and no key."""
    endpoint = settings["Bazarr"]["value"]["Whisper ASR Docker Endpoint"]
    samples = decoded(recording())[0]
    pcm = {"audio_file": (samples * 32767).astype("<i2").tobytes()}
    found = ask("POST", f"{endpoint}/detect-language", params={"encode": "false"}, files=pcm).json()
    assert (found["language_code"], found["detected_language"]) == ("en", "english")
    asked = {"task": "transcribe", "language": "en", "output": "srt", "encode": "false"}
    reply = ask("POST", f"{endpoint}/asr", params=asked, files=pcm)
    (cue,) = srt.parse(reply.text)
    assert normalised(cue.content) == normalised(SENTENCE)
