"""pipecat-ai: the services that transcribe and speak over HTTP, OpenAI's and Groq's."""

import io
import os
import wave
from typing import Any

from calls import ADDRESS, GROQ, OPENAI, RECORDING, SENTENCE, call
from pipecat.frames.frames import ErrorFrame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.groq.stt import GroqSTTService
from pipecat.services.groq.tts import GroqTTSService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transcriptions.language import Language

os.environ["GROQ_BASE_URL"] = ADDRESS  # the SDK of Groq reads it; the service has no parameter for it
SERVICES = {OPENAI: (OpenAISTTService, OpenAITTSService), GROQ: (GroqSTTService, GroqTTSService)}


async def transcribed(base: str = OPENAI, **settings: Any) -> str:
    kind = SERVICES[base][0]
    given = {"settings": kind.Settings(**settings)} if settings else {}
    service = kind(api_key="unused", base_url=base, **given)
    found = [frame async for frame in service.run_stt(RECORDING.read_bytes())]
    raise_errors(found)
    return " ".join(frame.text for frame in found if isinstance(frame, TranscriptionFrame))


async def spoken(base: str = OPENAI, **settings: Any) -> bytes:
    """A WAV file of the frames that go down the pipeline."""
    kind = SERVICES[base][1]
    given = {"settings": kind.Settings(**settings)} if settings else {}
    service = kind(api_key="unused", **({"base_url": base} if base == OPENAI else {}), **given)
    service._sample_rate = 24000
    found = [frame async for frame in service.run_tts(SENTENCE, "context")]
    raise_errors(found)
    sounds = [frame for frame in found if isinstance(frame, TTSAudioRawFrame)]
    with wave.open(buffer := io.BytesIO(), "wb") as file:
        file.setparams((sounds[0].num_channels, 2, sounds[0].sample_rate, 0, "NONE", ""))
        file.writeframes(b"".join(frame.audio for frame in sounds))
    return buffer.getvalue()


def raise_errors(frames: list[Any]) -> None:
    for frame in frames:
        if isinstance(frame, ErrorFrame):
            raise RuntimeError(frame.error)


call("STT defaults", transcribed)
for name in ("whisper-1", "gpt-4o-transcribe", "gpt-transcribe"):
    call(f"STT {name}", lambda name=name: transcribed(model=name))
call("STT language", lambda: transcribed(language=Language.EN_US))
call("STT prompt, temperature", lambda: transcribed(prompt="A library.", temperature=0.2))
call("Groq STT defaults", lambda: transcribed(GROQ))
call("TTS defaults", spoken)
for name in ("tts-1", "gpt-4o-mini-tts"):
    call(f"TTS {name}", lambda name=name: spoken(model=name))
call("TTS voice", lambda: spoken(voice="nova"))
call("TTS speed, instructions", lambda: spoken(speed=1.25, instructions="Speak softly."))
call("Groq TTS defaults", lambda: spoken(GROQ))
