"""litellm: transcription and speech with their options, under both prefixes."""

from typing import Any

import litellm  # LITELLM_LOCAL_MODEL_COST_MAP: without it, it asks a host for prices
from calls import GROQ, OPENAI, RECORDING, SENTENCE, call

litellm.suppress_debug_info = True
ACCESS = {"api_key": "unused", "max_retries": 0}


def transcribed(model: str = "openai/whisper-1", base: str = OPENAI, **options: Any) -> str:
    with RECORDING.open("rb") as file:
        reply = litellm.transcription(model=model, file=file, api_base=base, **ACCESS, **options)
    return str(reply.text)


async def transcribed_later(model: str) -> str:
    with RECORDING.open("rb") as file:
        reply = await litellm.atranscription(model=model, file=file, api_base=OPENAI, **ACCESS)
    return str(reply.text)


def words(**options: Any) -> str:
    with RECORDING.open("rb") as file:
        reply = litellm.transcription(model="openai/whisper-1", file=file, api_base=OPENAI, **ACCESS, **options)
    return " ".join(word["word"] for word in reply["words"])


def spoken(model: str = "openai/tts-1", voice: str = "alloy", **options: Any) -> bytes:
    reply = litellm.speech(model=model, input=SENTENCE, voice=voice, api_base=OPENAI, **ACCESS, **options)
    return bytes(reply.content)


async def spoken_later() -> bytes:
    reply = await litellm.aspeech(model="openai/tts-1", input=SENTENCE, voice="alloy", api_base=OPENAI, **ACCESS)
    return bytes(reply.content)


for name in ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe"):
    call(f"transcription openai/{name}", lambda name=name: transcribed(f"openai/{name}"))
for name in ("whisper-large-v3", "whisper-large-v3-turbo"):
    call(f"transcription groq/{name}", lambda name=name: transcribed(f"groq/{name}", GROQ))
for form in ("json", "text", "srt", "vtt", "verbose_json"):
    call(f"transcription response_format={form}", lambda form=form: transcribed(response_format=form))
call("transcription language", lambda: transcribed(language="en"))
call("transcription prompt", lambda: transcribed(prompt="A library."))
call("transcription temperature", lambda: transcribed(temperature=0))
call(
    "transcription timestamp_granularities",
    lambda: words(response_format="verbose_json", timestamp_granularities=["word"]),
)
call("atranscription", lambda: transcribed_later("openai/whisper-1"))
for form in ("mp3", "opus", "aac", "flac", "wav"):
    call(f"speech response_format={form}", lambda form=form: spoken(response_format=form))
for name in ("tts-1-hd", "gpt-4o-mini-tts"):
    call(f"speech openai/{name}", lambda name=name: spoken(f"openai/{name}"))
call("speech speed", lambda: spoken(speed=1.25))
call("speech instructions", lambda: spoken("openai/gpt-4o-mini-tts", instructions="Speak softly."))
call("aspeech", spoken_later)
