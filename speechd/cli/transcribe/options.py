"""Options of the recogniser and of subtitles, validated as in an HTTP request."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from speechd.errors import InvalidRequest
from speechd.formats.subtitles import Layout
from speechd.formats.transcript import Format, View
from speechd.operations.known_speakers import KnownSpeakers
from speechd.schemas.transcription import SPEAKER_FORMATS, TranscriptionForm
from speechd.types import Task, TranscribeOptions


@dataclass(frozen=True, slots=True)
class TranscribeArgs:
    """Options as typed. Lists are separated by commas."""

    task: str = "transcribe"
    language: str | None = None
    languages: str = ""
    language_floor: float | None = None
    prompt: str = ""
    channels: str = "mixed"
    channel_labels: str = ""
    layout: Layout = field(default_factory=Layout)
    audio_track: str | None = None
    speakers: bool = False
    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    known_speakers: str = ""
    """Names under which voices are enrolled."""

    @property
    def known(self) -> KnownSpeakers:
        return KnownSpeakers(_listed(self.known_speakers))

    def options(self, formats: Sequence[Format]) -> TranscribeOptions:
        """
        Args:
            formats: formats of the outputs.

        Raises:
            InvalidRequest: a value is wrong, or does not fit these formats.
        """
        if self.task not in ("transcribe", "translate"):
            raise InvalidRequest(f"--task must be transcribe or translate, not {self.task}.")
        fields = {
            "model": "auto",
            "language": self.language or None,
            "languages": _listed(self.languages),
            "language_floor": self.language_floor,
            "prompt": self.prompt,
            "channels": self.channels,
            "channel_labels": _listed(self.channel_labels),
            "audio_track": self.audio_track,
            "speakers": self.speakers,
            "num_speakers": self.num_speakers,
            "min_speakers": self.min_speakers,
            "max_speakers": self.max_speakers,
            "known_speaker_names": _listed(self.known_speakers),
        }
        names = {row.name for row in formats}
        form = TranscriptionForm.parse(
            fields | {"response_format": "diarized_json" if names & {*SPEAKER_FORMATS, "rttm"} else "verbose_json"}
        )
        options = form.to_options()
        self._check(names)
        words = self.layout.needs_words or "verbose_json" in names or form.wants_speakers
        return replace(options, task=cast(Task, self.task), word_timestamps=words)

    def _check(self, names: set[str]) -> None:
        if self.layout.karaoke and "vtt" not in names:
            raise InvalidRequest("--karaoke needs --format vtt.", param="karaoke")
        if self.layout != Layout() and not names & {"srt", "vtt"}:
            raise InvalidRequest("The options for subtitles need --format srt or vtt.", param="format")

    def view(self) -> View:
        """All that the formats can show."""
        return View(
            words=True,
            languages=self.language is not None and self.language.lower() == "multi",
            layout=self.layout,
            channel_labels=_listed(self.channel_labels),
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
