"""A server built the way the well-known faster-whisper servers are: `WhisperModel.transcribe` in FastAPI's thread pool.

python -m tests.bench.peer_server MODEL_FOLDER PORT THREADS
"""

import sys
import tempfile
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Form, UploadFile
from faster_whisper import WhisperModel


def app(folder: str, threads: int) -> FastAPI:
    """One route, which answers like OpenAI's json."""
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
    server = FastAPI()

    @server.post("/v1/audio/transcriptions")
    def transcribe(file: UploadFile, language: Annotated[str, Form()]) -> dict[str, str]:
        with tempfile.NamedTemporaryFile() as recording:
            recording.write(file.file.read())
            recording.flush()
            segments, _ = model.transcribe(recording.name, language=language, vad_filter=True)
            return {"text": "".join(segment.text for segment in segments)}

    return server


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[1], int(sys.argv[3])), port=int(sys.argv[2]), log_level="warning")
