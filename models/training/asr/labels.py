"""What the decoder is asked to write for a window, and where each token was spoken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .tokens import Special

MAX_TOKENS = 448
FIRST_START = 1.0
"""faster-whisper lets the first start label be at most 1.00 s (`max_initial_timestamp`)."""

AFTER_SPEECH = 0.5
"""Seconds after the last word that the end token looks at, so that the last word ends in time."""

Encode = Callable[[str], tuple[Sequence[int], Sequence[tuple[int, int]]]]
"""Text -> token ids and the characters that each token covers."""


@dataclass(frozen=True)
class Segment:
    """One utterance inside a window."""

    start: float
    """Seconds from the start of the window."""
    end: float
    """Seconds from the start of the window."""
    text: str
    """What the decoder writes: the words said, or their translation."""
    words: tuple[tuple[float, float] | None, ...] | None
    """When each word between blanks is heard, in seconds of the window; None where unknown."""
    translated: bool = False
    """The times are those of the words that it comes from, so its letters do not share them."""


@dataclass
class Labels:
    """Token ids of a window with what the losses need."""

    ids: list[int] = field(default_factory=list)
    """Prompt and target tokens."""
    target: list[bool] = field(default_factory=list)
    """Whether a token is learnt, or only given."""
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Index of a text token -> when it is spoken, in seconds of the window."""
    first: int = 0
    """The decoder position of the first token."""

    def add(self, ids: Sequence[int], target: bool) -> None:
        """Append tokens."""
        self.ids += ids
        self.target += [target] * len(ids)

    def cut(self) -> "Labels":
        """Return the labels, at most MAX_TOKENS long."""
        return Labels(self.ids[:MAX_TOKENS], self.target[:MAX_TOKENS], self.spans)


def token_times(
    text: str, offsets: Sequence[tuple[int, int]], words: Sequence[tuple[float, float] | None], whole: bool = False
) -> list[tuple[float, float] | None]:
    """Return when each token is spoken: its share, by letters, of the time of its word, or the `whole` of it.

    `text` begins with a blank, as does each of its words; `offsets` are characters of `text`.
    """
    bounds, position = [], 0
    for word in text.split(" ")[1:]:
        bounds.append((position, position + len(word) + 1))
        position += len(word) + 1
    times: list[tuple[float, float] | None] = []
    for first, last in offsets:
        index = next(i for i, (a, b) in enumerate(bounds) if a <= first < b)
        (a, b), word = bounds[index], words[index]
        if word is None or whole:
            times.append(word)
            continue
        rate = (word[1] - word[0]) / (b - a)
        times.append((word[0] + rate * (first - a), word[0] + rate * (min(last, b) - a)))
    return times


def _add_segment(labels: Labels, segment: Segment, encode: Encode) -> None:
    text = " " + segment.text
    ids, offsets = encode(text)
    if segment.words and len(segment.words) == text.count(" "):
        times = token_times(text, offsets, segment.words, segment.translated)
        labels.spans.update((len(labels.ids) + i, span) for i, span in enumerate(times) if span)
    labels.add(ids, True)


@dataclass(frozen=True)
class Task:
    """How a window is to be written."""

    language: str
    """The language spoken."""
    translate: bool = False
    """Write English."""
    timestamps: bool = True
    """Write a time before and after each segment."""
    offset: float = 0.0
    """Seconds added to every timestamp: where a shifted window begins."""


def speech_labels(
    special: Special, encode: Encode, segments: Sequence[Segment], task: Task,
    previous: Sequence[int] = (), opened: float | None = None,
) -> Labels:  # fmt: skip
    """Return the labels of a window with speech; `previous` is the text before it.

    Of an utterance that the window's end cuts only its start is written, `opened` in seconds of the window, so that
    the next window begins there (Radford et al. 2022, section 2.3).
    """
    labels = Labels()
    if previous:
        labels.add([special.previous, *previous], False)
    labels.add([special.start], False)
    labels.add([special.languages[task.language]], True)
    labels.add([special.translate if task.translate else special.transcribe], False)
    if not task.timestamps:
        labels.add([special.no_timestamps], False)
    for index, segment in enumerate(segments):
        if task.timestamps:
            start = task.offset + segment.start
            labels.add([special.timestamp(start if index else min(start, FIRST_START))], True)
        _add_segment(labels, segment, encode)
        if task.timestamps:
            labels.add([special.timestamp(task.offset + segment.end)], True)
    if opened is not None:
        labels.add([special.timestamp(task.offset + opened)], True)
    elif labels.spans:
        after = segments[-1].end
        labels.spans[len(labels.ids)] = (after, after + AFTER_SPEECH)
    labels.add([special.end], True)
    return labels.cut()


def silence_labels(special: Special, task: Task, marked: bool) -> Labels:
    """Return the labels of a window without speech: `<|nospeech|>` or an empty end."""
    labels = Labels()
    labels.add([special.start], False)
    if marked:
        labels.add([special.no_speech], True)
        return labels
    labels.add([special.languages[task.language]], False)
    labels.add([special.transcribe], False)
    if task.timestamps:
        labels.add([special.first_timestamp], True)
    else:
        labels.add([special.no_timestamps], False)
    labels.add([special.end], True)
    return labels
