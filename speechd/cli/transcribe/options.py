"""Options of the recogniser and of subtitles, validated as in an HTTP request."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from speechd.errors import InvalidRequest
from speechd.formats.subtitles import Layout
from speechd.formats.transcript import Format, View
from speechd.schemas.transcription import TranscriptionForm
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
        }
        options = TranscriptionForm.parse(fields).to_options()
        self._check({row.name for row in formats}, options)
        words = self.layout.needs_words or any(row.name == "verbose_json" for row in formats)
        return replace(options, task=cast(Task, self.task), word_timestamps=words)

    def _check(self, names: set[str], options: TranscribeOptions) -> None:
        if self.layout.karaoke and "vtt" not in names:
            raise InvalidRequest("--karaoke needs --format vtt.", param="karaoke")
        if self.layout != Layout() and not names & {"srt", "vtt"}:
            raise InvalidRequest("The options for subtitles need --format srt or vtt.", param="format")
        if "diarized_json" in names and options.channels != "split":
            raise InvalidRequest("--format diarized_json needs --channels split.", param="format")

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
