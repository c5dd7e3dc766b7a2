"""Schema of requests that ask only who speaks when."""

from typing import Literal

from pydantic import Field

from speechd.formats.diarization import DIARIZATION_FORMATS
from speechd.schemas.recordings.recording import RecordingForm
from speechd.types import TranscribeOptions, VadOptions


class DiarizationForm(RecordingForm):
    """Tell who speaks when in a recording, without writing down what is said."""

    formats = DIARIZATION_FORMATS

    response_format: Literal["json", "verbose_json", "rttm"] = Field(
        "json",
        description="Format of the answer: `verbose_json` also sums up each speaker, `rttm` is NIST's Rich"
        " Transcription Time Marked.",
    )

    def to_options(self) -> TranscribeOptions:
        return TranscribeOptions(
            task="diarize",
            audio_track=self.audio_track,
            clip=self.clip,
            speakers=self.to_speaker_options(),
            vad=self.to_vad(VadOptions()),
        )
