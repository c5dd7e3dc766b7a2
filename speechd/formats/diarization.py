"""Who speaks when, in the formats of other self-hosted servers: pure functions and a table, as for transcripts.

Each segment of the transcript is a turn of a speaker, without text.
"""

from collections import defaultdict

from speechd.formats.transcript import Format, JsonObject, View, signature
from speechd.types import Segment, Transcript

RTTM_FILE = "audio"
"""The name of the recording in RTTM, as LocalAI and speaches write it."""


def to_turns(transcript: Transcript, view: View) -> JsonObject:
    """The members of LocalAI's answer, of which speaches has `duration`, `start`, `end` and `speaker`."""
    numbers = _numbers(transcript)
    answer: JsonObject = {
        "task": "diarize",
        "duration": round(transcript.duration, 2),
        "num_speakers": len(numbers),
        "segments": [
            {"id": number, "speaker": turn.speaker, "label": str(numbers[turn.speaker])} | _times(turn)
            for number, turn in enumerate(transcript.segments)
        ],
    }
    return answer | signature(transcript, view)


def to_turns_and_speakers(transcript: Transcript, view: View) -> JsonObject:
    """Also how long each speaker speaks."""
    turns = defaultdict[str, list[Segment]](list)
    for turn in transcript.segments:
        turns[turn.speaker].append(turn)
    speakers = [
        {
            "id": speaker,
            "label": str(number),
            "total_speech_duration": round(sum(turn.duration for turn in turns[speaker]), 3),
            "segment_count": len(turns[speaker]),
        }
        for speaker, number in _numbers(transcript).items()
    ]
    return to_turns(transcript, view) | {"speakers": speakers}


def to_rttm(transcript: Transcript, view: View) -> str:
    """Rich Transcription Time Marked (NIST, RT-09 evaluation plan, appendix A). Its fields have no blanks."""
    return "".join(
        f"SPEAKER {RTTM_FILE} 1 {turn.start:.3f} {turn.duration:.3f} <NA> <NA> {_field(view.speaker(turn))} <NA> <NA>\n"
        for turn in transcript.segments
    )


DIARIZATION_FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        Format("json", ".json", "application/json", to_turns),
        Format("verbose_json", ".json", "application/json", to_turns_and_speakers),
        Format("rttm", ".rttm", "text/plain; charset=utf-8", to_rttm),
    )
}


def _numbers(transcript: Transcript) -> dict[str, int]:
    """Each speaker's number, from 0 in the order of appearance."""
    speakers = dict.fromkeys(turn.speaker for turn in transcript.segments)
    return {speaker: number for number, speaker in enumerate(speakers)}


def _times(turn: Segment) -> JsonObject:
    return {"start": round(turn.start, 3), "end": round(turn.end, 3)}


def _field(text: str) -> str:
    """A text without blanks, and never empty."""
    return text.replace(" ", "_") or "<NA>"
