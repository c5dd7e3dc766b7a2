"""The one path of a request, whether it comes over HTTP, from a batch or job, from a folder run or the command line."""

from speechd.operations.context import RequestContext
from speechd.operations.speech import SpeechRequest, open_speech
from speechd.operations.transcription import TranscriptionRequest, TranscriptionStream, open_transcription, transcribe

__all__ = [
    "RequestContext",
    "SpeechRequest",
    "TranscriptionRequest",
    "TranscriptionStream",
    "open_speech",
    "open_transcription",
    "transcribe",
]
