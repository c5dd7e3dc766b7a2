"""A server built the way the well-known faster-whisper servers are: `WhisperModel.transcribe` in FastAPI's thread pool.

python -m tests.bench.recognition.thread_pool_server MODEL_FOLDER PORT THREADS DEVICE
"""

import sys
import tempfile
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Form, UploadFile
from faster_whisper import WhisperModel

COMPUTE_TYPES = {"cpu": "int8", "cuda": "float16"}
"""The number format in which each device is compared, for speechd too."""


def app(folder: str, threads: int, device: str) -> FastAPI:
    """One route, which answers like OpenAI's json."""
    model = WhisperModel(folder, device=device, compute_type=COMPUTE_TYPES[device], cpu_threads=threads)
    server = FastAPI()

    @server.post("/v1/audio/transcriptions")
    def transcribe(
        file: UploadFile,
        language: Annotated[str, Form()],
        words: Annotated[list[str], Form(alias="timestamp_granularities[]")] = [],  # noqa: B006 - FastAPI copies it
    ) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile() as recording:
            recording.write(file.file.read())
            recording.flush()
            segments, _ = model.transcribe(
                recording.name, language=language, vad_filter=True, word_timestamps=bool(words)
            )
            return {"text": "".join(segment.text for segment in segments)}

    return server


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[1], int(sys.argv[3]), sys.argv[4]), port=int(sys.argv[2]), log_level="warning")
