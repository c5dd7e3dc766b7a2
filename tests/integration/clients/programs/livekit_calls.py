"""livekit-plugins-openai: its STT and TTS, with the frames of a recording as LiveKit hands them over."""

import asyncio
import wave
from typing import Any

from calls import OPENAI, RECORDING, SENTENCE, call
from livekit import rtc
from livekit.agents import stt, utils
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


async def streamed(turns: int = 1, **options: Any) -> str:
    """The final texts over the realtime API, at ten times the speed of speech, with a second of silence after each."""
    async with utils.http_context.open():
        stream = openai.STT(**ACCESS, use_realtime=True, **options).stream()

        async def feed() -> None:
            for frame in [*frames(), *silence()] * turns:
                stream.push_frame(frame)
                await asyncio.sleep(0.01)

        feeding, texts = asyncio.create_task(feed()), []
        async with asyncio.timeout(60):
            async for event in stream:
                if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                    texts.append(event.alternatives[0].text)
                    if len(texts) == turns:
                        break
        await feeding
        await stream.aclose()
    return " ".join(texts)


def silence() -> list[rtc.AudioFrame]:
    first = frames()[0]
    empty = bytes(2 * first.samples_per_channel * first.num_channels)
    return [rtc.AudioFrame(empty, first.sample_rate, first.num_channels, first.samples_per_channel)] * 12


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
call("STT use_realtime", streamed)
call("STT use_realtime, two turns", lambda: streamed(turns=2, model="whisper-1"))
call("STT use_realtime, gpt-4o-transcribe", lambda: streamed(model="gpt-4o-transcribe", language="en"))
call("TTS defaults", spoken)
for name in ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"):
    call(f"TTS {name}", lambda name=name: spoken(model=name))
for voice in ("ash", "nova", "shimmer"):
    call(f"TTS voice {voice}", lambda voice=voice: spoken(voice=voice))
for form in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
    call(f"TTS response_format={form}", lambda form=form: spoken(response_format=form))
call("TTS speed", lambda: spoken(speed=1.25))
call("TTS instructions", lambda: spoken(instructions="Speak softly."))
