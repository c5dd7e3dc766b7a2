"""dify_plugin: the base classes of Dify's provider "OpenAI-API-compatible", as the provider calls them."""

from typing import Any

from calls import OPENAI, RECORDING, SENTENCE, call
from dify_plugin.interfaces.model.openai_compatible.speech2text import OAICompatSpeech2TextModel
from dify_plugin.interfaces.model.openai_compatible.tts import OAICompatText2SpeechModel


def credentials(base: str, **more: Any) -> dict[str, Any]:
    return {"api_key": "unused", "endpoint_url": base} | more


def transcribed(model: str, base: str = OPENAI) -> str:
    with RECORDING.open("rb") as file:
        return OAICompatSpeech2TextModel([])._invoke(model, credentials(base), file)


def spoken(model: str, **more: Any) -> bytes:
    given = credentials(OPENAI, voices="alloy", **more)
    return b"".join(OAICompatText2SpeechModel([])._invoke(model, "tenant", given, SENTENCE, "alloy"))


def validated() -> str:
    """What Dify does when the model is saved: it speaks a word."""
    OAICompatText2SpeechModel([]).validate_credentials("tts-1", credentials(OPENAI, voices="alloy"))
    return "valid"


for name in ("whisper-1", "auto", "whisper-pocket"):
    call(f"speech2text {name}", lambda name=name: transcribed(name))
call("speech2text, address with a slash", lambda: transcribed("whisper-1", f"{OPENAI}/"))
call("tts validate_credentials", validated)
for name in ("tts-1", "gpt-4o-mini-tts"):
    call(f"tts {name}", lambda name=name: spoken(name))
for form in ("mp3", "wav"):
    call(f"tts audio_type={form}", lambda form=form: spoken("tts-1", audio_type=form))
