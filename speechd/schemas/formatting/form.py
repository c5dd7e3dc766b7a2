"""Schema of POST audio/transcriptions/format."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from speechd.errors import InvalidRequest
from speechd.formats.subtitle_tokens import UNSPACED
from speechd.formats.subtitles import Layout
from speechd.formats.transcript import TRANSCRIPT_FORMATS, Format, View
from speechd.schemas.base import Form, split_list
from speechd.schemas.formatting.transcript import TranscriptObject, without_speakers
from speechd.schemas.subtitles import SubtitleOptions
from speechd.schemas.transcription import SPEAKER_FORMATS
from speechd.types import Transcript

MAX_CUTTING = 300_000_000
"""Comparisons when segments are cut into cues: some seconds of one core. 12 hours of English need a tenth of it, of
Chinese two thirds."""


class FormatForm(SubtitleOptions, Form):
    """Write a given transcript in another format, as a transcription would."""

    nested = True

    transcript: TranscriptObject = Field(description="The transcript, as `verbose_json` or `diarized_json` has it.")
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json", "minutes", "tsv", "lrc"] = (
        Field(description="Format of the answer.")
    )
    speakers: bool = Field(
        True, description="Show the speakers of the transcript. `diarized_json` and `minutes` always show them."
    )
    timestamp_granularities: Annotated[tuple[Literal["word", "segment"], ...], BeforeValidator(split_list)] = Field(
        (), description="What `verbose_json` lists. Default: what the transcript has."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self.check_subtitles(self.response_format)
        if self.to_layout().cuts and self._cutting(self.to_layout()) > MAX_CUTTING:
            raise InvalidRequest(
                "The segments are too long to be cut into such cues. Send shorter segments, or ask for shorter lines.",
                param="transcript.segments",
            )
        return self

    @property
    def format(self) -> Format:
        return TRANSCRIPT_FORMATS[self.response_format]

    def to_transcript(self) -> Transcript:
        """The transcript that is to be written."""
        transcript = self.transcript.to_transcript()
        shows = self.speakers or self.response_format in SPEAKER_FORMATS
        return transcript if shows else without_speakers(transcript)

    def to_view(self) -> View:
        """What the answer shows, but for its dialect."""
        given, asked = self.transcript, self.timestamp_granularities
        return View(
            segments="segment" in asked or not asked,
            words=self.response_format == "verbose_json" and ("word" in asked if asked else given.has_words),
            evidence=given.uncovered_speech is not None or any(each.evidence is not None for each in given.segments),
            languages=any(each.language for each in given.segments),
            plain_times=any(each.plain_times for each in given.segments),
            layout=self.to_layout(),
            channel_labels=given.channel_names,
        )

    def _cutting(self, layout: Layout) -> int:
        """About how many comparisons the cheapest cuts take: pieces, times the square of those in a cue."""
        longest = layout.width * layout.lines if layout.width else MAX_CUTTING
        pieces = [len(each.text.split()) + len(UNSPACED.findall(each.text)) for each in self.transcript.segments]
        return sum(number * min(number, longest) ** 2 for number in pieces)
