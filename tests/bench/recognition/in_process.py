"""A recogniser that is called directly, in a process of its own so that its CPU time and memory can be told apart.

    python -m tests.bench.recognition.in_process WAY MODEL_FOLDER THREADS DEVICE

It reads one line of JSON for each recording, `{"path": ..., "words": false}`, and answers each with `{"text": ...}`.
Its first line says `{"text": ""}` when the model is loaded.
"""

import asyncio
import io
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.recognition.thread_pool_server import COMPUTE_TYPES

Transcribe = Callable[[bytes, bool], str]


def faster_whisper(folder: Path, threads: int, device: str, **options: Any) -> Transcribe:
    """WhisperModel.transcribe, or with `batch_size` its batched pipeline."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model = WhisperModel(str(folder), device=device, compute_type=COMPUTE_TYPES[device], cpu_threads=threads)
    caller = BatchedInferencePipeline(model) if "batch_size" in options else model

    def transcribe(data: bytes, words: bool) -> str:
        segments, _ = caller.transcribe(io.BytesIO(data), language="en", word_timestamps=words, **options)
        return "".join(segment.text for segment in segments)

    return transcribe


def engine(folder: Path, threads: int, device: str) -> Transcribe:
    """speechd's decoder, windows and engine without its server, its queue and its decoding processes."""
    from speechd.asr.engine import Job
    from speechd.asr.seeking import decode_window
    from speechd.audio.ffmpeg.stream import open_stream
    from speechd.audio.isolation.protocol import DecodeOptions
    from speechd.audio.vad import SpeechDetector
    from speechd.audio.windows import Packing, cut_windows
    from speechd.registry.loading.loaders import ENGINES
    from speechd.registry.registry import ModelStore
    from speechd.settings import Settings
    from speechd.types import TranscribeOptions

    data_dir = Path(tempfile.mkdtemp())
    model_id = install(folder, data_dir)
    settings = Settings(data_dir=data_dir, device=device, cpu_threads=threads)
    row = ModelStore(settings).installed(model_id)
    loaded: Any = ENGINES[row.engine](row, settings)

    async def decode(job: Job) -> Any:
        return loaded.decode([job])[0]

    def transcribe(data: bytes, words: bool) -> str:
        options = TranscribeOptions(language="en", word_timestamps=words)
        with open_stream(io.BytesIO(data), DecodeOptions()) as stream:
            windows = cut_windows(stream, SpeechDetector, Packing(row.window_seconds, row.window_gap), options.vad)
            decoded = [asyncio.run(decode_window(decode, Job(window, options))) for window in windows]
        return " ".join(segment.text.strip() for each in decoded for segment in each.segments)

    return transcribe


def install(folder: Path, data_dir: Path) -> str:
    """Puts a model where a pulled one lies, so that its row of the catalog counts; its id."""
    models = data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    (models / folder.name).symlink_to(folder.resolve())
    return folder.name


WAYS: Mapping[str, Callable[[Path, int, str], Transcribe]] = {
    "engine": engine,
    "plain": faster_whisper,
    "vad": lambda *where: faster_whisper(*where, vad_filter=True),
    "batched-8": lambda *where: faster_whisper(*where, batch_size=8),
    "batched-16": lambda *where: faster_whisper(*where, batch_size=16),
}


def main(way: str, folder: str, threads: str, device: str) -> None:
    transcribe = WAYS[way](Path(folder), int(threads), device)
    print(json.dumps({"text": ""}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps({"text": transcribe(Path(asked["path"]).read_bytes(), asked["words"])}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
