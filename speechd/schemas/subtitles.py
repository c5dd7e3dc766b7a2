"""Parameters of subtitles."""

from pydantic import BaseModel, Field

from speechd.errors import InvalidRequest
from speechd.formats.subtitles import Layout

SUBTITLE_FIELDS = ("max_line_width", "max_lines", "max_cue_seconds", "min_gap", "karaoke")


class SubtitleOptions(BaseModel):
    """Layout of `srt` and `vtt`. Without any of these each segment is one cue of one line."""

    max_line_width: int | None = Field(
        None, ge=10, le=200, description="`srt`, `vtt`: maximum characters of a line. Only a longer word exceeds it."
    )
    max_lines: int | None = Field(
        None, ge=1, le=10, description="`srt`, `vtt`: maximum lines of a cue; 2 where only `max_line_width` is given."
    )
    max_cue_seconds: float | None = Field(
        None, ge=0.5, le=60, allow_inf_nan=False, description="`srt`, `vtt`: maximum seconds of a cue."
    )
    min_gap: float | None = Field(
        None, ge=0, le=5, allow_inf_nan=False, description="`srt`, `vtt`: minimum seconds between two cues."
    )
    karaoke: bool = Field(False, description="`vtt`: a timestamp before each word of a cue.")

    def to_layout(self) -> Layout:
        return Layout(self.max_line_width, self.max_lines, self.max_cue_seconds, self.min_gap or 0.0, self.karaoke)

    def check_subtitles(self, response_format: str) -> None:
        """
        Raises:
            InvalidRequest: an option that this format does not support.
        """
        given = [
            name
            for name in SUBTITLE_FIELDS
            if name in self.model_fields_set and getattr(self, name) not in (None, False)
        ]
        if given and response_format not in ("srt", "vtt"):
            raise InvalidRequest(f"`{given[0]}` needs `response_format` to be `srt` or `vtt`.", param=given[0])
        if self.karaoke and response_format != "vtt":
            raise InvalidRequest("`karaoke` needs `response_format` to be `vtt`.", param="karaoke")
