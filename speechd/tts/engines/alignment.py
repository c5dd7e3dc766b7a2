"""The time of each word of a sentence, from the durations of phonemes inside a voice."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from speechd.tts.engine import PHONEMES
from speechd.types import Word

NO_PHONEMES = frozenset(" .,;:!?^$_¿¡()\"-'—…“”")
"""Symbols between words: blanks, punctuation, begin, end, pad."""

MAX_WORDS_PER_GROUP = 4
"""espeak-ng runs at most this many written words together (`of the`), and splits one into at most as many."""
_LENGTH_DELIMITED, _VARINT, _FIXED64, _FIXED32 = 2, 0, 1, 5
_GRAPH, _NODE, _OUTPUT, _NODE_OUTPUT, _NODE_OP, _NAME = 7, 1, 12, 2, 4, 1
"""Field numbers of onnx.proto: ModelProto.graph, GraphProto.node and .output, NodeProto.output and .op_type."""


def with_durations(model: bytes, operator: bytes = b"Ceil") -> bytes:
    """An ONNX voice whose second output is the frames that each phoneme id lasts.

    Protocol Buffers merge a message field that comes twice, so the output is declared by appending a graph that has
    nothing else: no ONNX library is needed.

    Args:
        model: in ONNX's format.
        operator: of the only node whose output are the frames: `Ceil` in Piper's voices, `Clip` in Kokoro.

    Returns:
        The model with that output, or as it was where it has one already or has no single such node.
    """
    graphs = [(start, end) for number, start, end in _fields(model, 0, len(model)) if number == _GRAPH]
    names, outputs = [], 0
    for graph in graphs:
        for number, start, end in _fields(model, *graph):
            outputs += number == _OUTPUT
            if number == _NODE:
                names += _outputs_of(operator, model, start, end)
    if len(names) != 1 or outputs != 1:
        return model
    return model + _message(_GRAPH, _message(_OUTPUT, _message(_NAME, names[0])))


def _outputs_of(operator: bytes, model: bytes, start: int, end: int) -> list[bytes]:
    """The outputs of a node, where it is of this operator."""
    parts = [(number, model[at:stop]) for number, at, stop in _fields(model, start, end)]
    return [content for number, content in parts if number == _NODE_OUTPUT] if (_NODE_OP, operator) in parts else []


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each length-delimited field (protobuf.dev/programming-guides/encoding)."""
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _LENGTH_DELIMITED:
            size, at = _varint(data, at)
            yield key >> 3, at, at + size
            at += size
        elif kind == _VARINT:
            _, at = _varint(data, at)
        else:
            at += {_FIXED64: 8, _FIXED32: 4}[kind]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _message(number: int, content: bytes) -> bytes:
    size = bytearray()
    rest = len(content)
    while rest >= 0x80:
        size.append(rest & 0x7F | 0x80)
        rest >>= 7
    size.append(rest)
    return bytes([number << 3 | _LENGTH_DELIMITED, *size]) + content


@dataclass(frozen=True, slots=True)
class PhonemeGroup:
    """Phonemes between two blanks and when they are spoken."""

    phonemes: int
    start: float
    end: float


def groups(timed: Sequence[tuple[str, float]], silent: frozenset[str]) -> list[PhonemeGroup]:
    """The groups of a sentence.

    Args:
        timed: each symbol with its seconds, from the start of the sentence to its end.
        silent: symbols that separate groups and belong to none: blanks, punctuation, start and end.
    """
    found: list[PhonemeGroup] = []
    count, clock, start = 0, 0.0, 0.0
    for symbol, seconds in timed:
        if symbol in silent:
            if count:
                found.append(PhonemeGroup(count, start, clock))
            count = 0
        else:
            start = clock if count == 0 else start
            count += 1
        clock += seconds
    return [*found, PhonemeGroup(count, start, clock)] if count else found


def written_words(sentence: str) -> list[str]:
    """The words of a sentence with their punctuation; a lone mark joins the word before it."""
    plain = sentence.replace(PHONEMES[0], "").replace(PHONEMES[1], "")
    words: list[str] = []
    for text in plain.split():
        if words and not any(unicodedata.category(char)[0] in "LNM" for char in text):
            words[-1] += text
        else:
            words.append(text)
    return words


def word_times(texts: Sequence[str], heard: Sequence[PhonemeGroup], phonemes: Callable[[str], int]) -> tuple[Word, ...]:
    """Each written word with its time.

    Written words and spoken groups are mostly one to one. Where they are not, the cheapest monotone matching by number
    of phonemes is taken: a group may be several words, a word several groups.

    Args:
        texts: the words as written, in order.
        heard: the groups as spoken, in order.
        phonemes: how many phonemes a word has when spoken alone.
    """
    if len(texts) == len(heard):
        return tuple(Word(text, group.start, group.end) for text, group in zip(texts, heard, strict=True))
    sizes = [max(1, phonemes(text)) for text in texts]
    return tuple(
        word
        for (a, b), (c, d) in _matching(sizes, [group.phonemes for group in heard])
        for word in _divided(texts[a:b], sizes[a:b], heard[c].start, heard[d - 1].end)
    )


def _divided(texts: Sequence[str], sizes: Sequence[int], start: float, end: float) -> Iterator[Word]:
    """Words that share a stretch of time, by their numbers of phonemes."""
    spoken, total = 0, sum(sizes)
    for text, size in zip(texts, sizes, strict=True):
        before, spoken = spoken, spoken + size
        yield Word(text, start + (end - start) * before / total, start + (end - start) * spoken / total)


AudioSpan = tuple[int, int]


def _matching(words: list[int], heard: list[int]) -> list[tuple[AudioSpan, AudioSpan]]:
    """Which runs of words are which runs of groups; one of the two runs always has length 1."""
    steps = [(1, n) for n in range(1, MAX_WORDS_PER_GROUP + 1)] + [(n, 1) for n in range(2, MAX_WORDS_PER_GROUP + 1)]

    @cache
    def best(a: int, c: int) -> tuple[float, tuple[int, int]]:
        """Cost of matching everything before word a and group c, and the last step of it."""
        if a == 0 and c == 0:
            return 0.0, (0, 0)
        found = (float("inf"), (0, 0))
        for i, j in steps:
            if a >= i and c >= j:
                misfit = abs(sum(words[a - i : a]) - sum(heard[c - j : c])) + 0.1 * (i + j - 2)
                found = min(found, (best(a - i, c - j)[0] + misfit, (i, j)))
        return found

    matched: list[tuple[AudioSpan, AudioSpan]] = []
    a, c = len(words), len(heard)
    if best(a, c)[0] == float("inf"):
        return [((0, a), (0, c))] if words and heard else []
    while a:
        i, j = best(a, c)[1]
        matched.append(((a - i, a), (c - j, c)))
        a, c = a - i, c - j
    return matched[::-1]
