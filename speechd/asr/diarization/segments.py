"""Segments of one speaker each: cut where the speaker changes, and at the ends of sentences."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from speechd.asr.diarization.labels import SpeakerLabels
from speechd.asr.diarization.words import assign_words
from speechd.formats.subtitle_tokens import SubtitleToken, subtitle_tokens_of, text_of
from speechd.types import Diarization, Segment, SpeakerVoice, Word

SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")

ChannelLabels = SpeakerLabels[tuple[int, int | None]]
"""By channel, and number of the speaker in it."""
Run = tuple[int | None, Sequence[SubtitleToken]]
"""A speaker's number, and what it says without a break."""


@dataclass(frozen=True, slots=True)
class SpokenSegments:
    """Segments of one speaker each."""

    segments: tuple[Segment, ...]
    voices: tuple[SpeakerVoice, ...] = ()
    """Of the speakers in them, where the diarizations have voices."""


def segments_by_speaker(segments: Iterable[Segment], diarizations: Mapping[int, Diarization]) -> SpokenSegments:
    """Segments of one speaker each, with labels in the order in which the speakers appear.

    Voices are told apart by words, so that a segment with a speaker has the times of its words in every format. One
    that is cut loses its tokens, because nobody knows which of them belong to which part. Its log-probabilities stay
    with the first part.

    Args:
        segments: of all channels, in the order of time.
        diarizations: by channel.
    """
    if not diarizations:
        return SpokenSegments(tuple(segments))
    labels = ChannelLabels({name for found in diarizations.values() for name in found.names if name})
    parts = tuple(part for segment in segments for part in _parts(segment, diarizations.get(segment.channel), labels))
    return SpokenSegments(parts, tuple(_voices(diarizations, labels)))


def _voices(diarizations: Mapping[int, Diarization], labels: ChannelLabels) -> Iterator[SpeakerVoice]:
    """Of the speakers who have a label, in the order of the labels."""
    for (channel, speaker), label in labels.given.items():
        if speaker is not None and (voices := diarizations[channel].voices):
            yield replace(voices[speaker], label=label)


def _parts(segment: Segment, found: Diarization | None, labels: ChannelLabels) -> Iterator[Segment]:
    runs = _runs(segment, found) if found and found.turns else []
    if not runs or found is None:
        yield segment
        return
    for index, (speaker, _) in enumerate(runs):
        name = found.names[speaker] if speaker is not None else None
        part = segment if len(runs) == 1 else _cut(segment, runs, index)
        yield replace(part, speaker=labels.label((segment.channel, speaker), name), plain_times=None)


def _runs(segment: Segment, found: Diarization) -> list[Run]:
    """What is said between two cuts."""
    tokens, _ = subtitle_tokens_of(segment)
    words = [Word(token.text, token.start, token.end) for token in tokens]
    speakers = assign_words(words, found.turns)
    cuts = [at for at in range(1, len(tokens)) if speakers[at] != speakers[at - 1] or _ends(tokens[at - 1 : at + 1])]
    edges = [0, *cuts, len(tokens)]
    return [(speakers[first], tokens[first:last]) for first, last in pairwise(edges) if last > first]


def _ends(pair: Sequence[SubtitleToken]) -> bool:
    """Whether a sentence ends between two words."""
    return bool(SENTENCE_END.search(pair[0].text)) and not pair[1].text[:1].islower()


def _cut(segment: Segment, runs: Sequence[Run], index: int) -> Segment:
    """The part of a segment that one run says."""
    tokens = runs[index][1]
    starts = [segment.start, *(run[1][0].start for run in runs[1:])]
    start, is_last = starts[index], index == len(runs) - 1
    until = float("inf") if is_last else starts[index + 1]
    since = float("-inf") if index == 0 else start
    spaced = segment.text[:1].isspace() if index == 0 else tokens[0].spaced
    return replace(
        segment,
        start=start,
        end=segment.end if is_last else tokens[-1].end,
        text=" " * spaced + text_of(tokens),
        tokens=(),
        words=tuple(word for word in segment.words if since <= word.start < until),
        logprobs=segment.logprobs if index == 0 else (),
    )
