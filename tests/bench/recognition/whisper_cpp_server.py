"""whisper.cpp behind HTTP, one recording at a time as in its own server. It runs in an environment with pywhispercpp.

python tests/bench/recognition/whisper_cpp_server.py MODEL.ggml PORT THREADS
"""

import sys
import threading
from typing import Annotated

import soundfile
import soxr
import uvicorn
from fastapi import FastAPI, Form, UploadFile
from pywhispercpp.model import Model

SAMPLE_RATE = 16_000


def app(path: str, threads: int) -> FastAPI:
    """One route, which answers like OpenAI's json. Beam search and temperatures are those of faster-whisper."""
    model = Model(
        path,
        params_sampling_strategy=1,
        beam_search={"beam_size": 5, "patience": -1.0},
        redirect_whispercpp_logs_to=None,
        n_threads=threads,
        print_progress=False,
        context_params={"use_gpu": False},
    )
    lock, server = threading.Lock(), FastAPI()

    @server.post("/v1/audio/transcriptions")
    def transcribe(file: UploadFile, language: Annotated[str, Form()]) -> dict[str, str]:
        samples, rate = soundfile.read(file.file, dtype="float32")
        with lock:
            segments = model.transcribe(soxr.resample(samples, rate, SAMPLE_RATE), language=language)
            return {"text": " ".join(segment.text for segment in segments)}

    return server


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[1], int(sys.argv[3])), port=int(sys.argv[2]), log_level="warning")
