"""pipecat-ai: the services that transcribe and speak, OpenAI's and Groq's."""

import asyncio
import io
import os
import wave
from typing import Any

from calls import ADDRESS, GROQ, OPENAI, RECORDING, SENTENCE, call
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.groq.stt import GroqSTTService
from pipecat.services.groq.tts import GroqTTSService
from pipecat.services.openai.stt import OpenAIRealtimeSTTService, OpenAISTTService
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


class Texts(FrameProcessor):
    """What comes out of a pipeline."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.failures: list[Frame] = []
        self.complete = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self.found.append(frame.text)
            self.complete.set()
        await self.push_frame(frame, direction)


async def streamed(**options: Any) -> str:
    """The text of a pipeline over the realtime API, at ten times the speed of speech."""
    with wave.open(str(RECORDING)) as file:
        rate, audio = file.getframerate(), file.readframes(file.getnframes())
    address = OPENAI.replace("http", "ws", 1) + "/realtime"
    service, texts = OpenAIRealtimeSTTService(api_key="unused", base_url=address, **options), Texts()
    task = PipelineTask(Pipeline([service, texts]), params=PipelineParams(audio_in_sample_rate=rate))

    async def feed() -> None:
        await asyncio.sleep(1)
        await task.queue_frame(VADUserStartedSpeakingFrame())
        step = rate // 5
        for start in range(0, len(audio) + 2 * rate, step):
            piece = audio[start : start + step].ljust(step, b"\0")
            await task.queue_frame(InputAudioRawFrame(piece, rate, 1))
            await asyncio.sleep(0.01)
        await task.queue_frame(VADUserStoppedSpeakingFrame())
        async with asyncio.timeout(60):
            await texts.complete.wait()
        await task.queue_frame(EndFrame())

    await asyncio.gather(PipelineRunner(handle_sigint=False).run(task), feed())
    return " ".join(texts.found)


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
call("realtime STT", streamed)
call("realtime STT server_vad", lambda: streamed(turn_detection={"type": "server_vad"}))
call("Groq STT defaults", lambda: transcribed(GROQ))
call("TTS defaults", spoken)
for name in ("tts-1", "gpt-4o-mini-tts"):
    call(f"TTS {name}", lambda name=name: spoken(model=name))
call("TTS voice", lambda: spoken(voice="nova"))
call("TTS speed, instructions", lambda: spoken(speed=1.25, instructions="Speak softly."))
call("Groq TTS defaults", lambda: spoken(GROQ))
