"""livekit-plugins-openai: its STT and TTS over HTTP, with the frames of a recording as LiveKit hands them over."""

import wave
from typing import Any

from calls import OPENAI, RECORDING, SENTENCE, call
from livekit import rtc
from livekit.plugins import openai

ACCESS = {"base_url": OPENAI, "api_key": "unused"}


def frames() -> list[rtc.AudioFrame]:
    """The recording in frames of 100 ms."""
    with wave.open(str(RECORDING)) as file:
        rate, channels, size = file.getframerate(), file.getnchannels(), file.getframerate() // 10
        pieces = iter(lambda: file.readframes(size), b"")
        return [rtc.AudioFrame(piece, rate, channels, len(piece) // (2 * channels)) for piece in pieces]


async def transcribed(**options: Any) -> str:
    event = await openai.STT(**ACCESS, **options).recognize(frames())
    return event.alternatives[0].text


async def spoken(**options: Any) -> bytes:
    """A WAV file of what it hands to the room."""
    tts = openai.TTS(**ACCESS, **options)
    frame = await tts.synthesize(SENTENCE).collect()
    await tts.aclose()
    return frame.to_wav_bytes()


call("STT defaults", transcribed)
for name in ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe"):
    call(f"STT {name}", lambda name=name: transcribed(model=name))
call("STT language", lambda: transcribed(language="en"))
call("STT detect_language", lambda: transcribed(detect_language=True))
call("STT prompt", lambda: transcribed(prompt="A library."))
call("STT temperature", lambda: transcribed(temperature=0.0))
call("STT languages, keywords", lambda: transcribed(model="gpt-transcribe", language=["en", "es"], keywords=["Laura"]))
call("TTS defaults", spoken)
for name in ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"):
    call(f"TTS {name}", lambda name=name: spoken(model=name))
for voice in ("ash", "nova", "shimmer"):
    call(f"TTS voice {voice}", lambda voice=voice: spoken(voice=voice))
for form in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
    call(f"TTS response_format={form}", lambda form=form: spoken(response_format=form))
call("TTS speed", lambda: spoken(speed=1.25))
call("TTS instructions", lambda: spoken(instructions="Speak softly."))
