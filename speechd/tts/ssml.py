"""The part of SSML 1.1 (w3.org/TR/speech-synthesis11) that is understood: speak p s break say-as sub phoneme prosody.

It is parsed by expat with everything refused that an attacker could want: document types (and with them entities),
processing instructions, deep nesting. What is not understood is refused by name, not skipped. No library serves: those
of the package index (ssml-builder, ssml-maker) write SSML and read none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn
from xml.parsers import expat

from speechd.errors import InvalidRequest
from speechd.tts.engine import VoiceInfo
from speechd.tts.normalization.aligned import AlignedText
from speechd.tts.say_as import say_as
from speechd.tts.text import Reader, TextPiece, Verbatim, phonemes

MAX_DEPTH = 16
MAX_ELEMENTS = 10_000
MAX_BREAK = 10.0
"""Seconds; the specification sets none, Azure and Google allow 5 to 20."""
SLOWEST, FASTEST = 0.25, 4.0
BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.8, "x-strong": 1.2}
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.3, "x-fast": 1.7}
ATTRIBUTES = {
    "speak": {"version", "xml:lang", "xmlns"},
    "p": set(),
    "s": set(),
    "break": {"time", "strength"},
    "say-as": {"interpret-as", "format", "detail"},
    "sub": {"alias"},
    "phoneme": {"alphabet", "ph"},
    "prosody": {"rate"},
}
"""The attributes that each element may have."""
TEXT_ONLY = frozenset(("say-as", "sub", "phoneme", "break"))
"""Elements that hold no others."""
_ENTITY = re.compile(r"&#?\w{1,32};")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
"""Characters that represent parts of the text here."""
_INVISIBLE = "\u200b"
"""What those of the caller become: a character that nobody reads, so that places in the text stay."""


def is_ssml(text: str) -> bool:
    """The text begins as an SSML document does: with its element, an XML declaration or a document type."""
    return re.match(r"[\s\ufeff]*(?:<speak[\s/>]|<\?xml\s|<!DOCTYPE\s)", text) is not None


@dataclass(slots=True)
class TextRun:
    """Text of one rate, and the silence that follows it."""

    parts: list[AlignedText] = field(default_factory=list)
    """Aligned with the document."""
    rate: float = 1.0
    pause: float = 0.0

    @property
    def text(self) -> AlignedText:
        return AlignedText.joined(self.parts)


@dataclass(slots=True)
class Document:
    """Parsed SSML."""

    source: str
    runs: list[TextRun] = field(default_factory=lambda: [TextRun()])
    verbatim: Verbatim = field(default_factory=Verbatim)

    @property
    def text(self) -> str:
        """The text that is spoken, without markup."""
        return " ".join(self.verbatim.restore(run.text.text) for run in self.runs)

    @property
    def pause(self) -> float:
        """Seconds of silence that it asks for in all, at normal speed."""
        return sum(run.pause for run in self.runs)

    def pieces(self, reader: Reader) -> Iterator[TextPiece]:
        """The document piece by piece."""
        for run in self.runs:
            for piece in reader.pieces(run.text, self.verbatim, self.source):
                yield replace(piece, rate=run.rate)
            if run.pause:
                yield TextPiece("", run.rate, run.pause)


def parse_ssml(text: str, voice: VoiceInfo) -> Document:
    """
    Args:
        text: the document.
        voice: whose language decides how `say-as` is said.

    Raises:
        InvalidRequest: it is not well-formed, or has an unknown element or attribute. The message names it and its
        line.
    """
    return _Parser(text, voice).parse()


@dataclass(frozen=True, slots=True)
class _Element:
    """An element whose end was not read yet."""

    name: str
    attributes: dict[str, str]
    parts: list[AlignedText] = field(default_factory=list)
    """Its text, in elements that hold nothing else."""

    @property
    def text(self) -> AlignedText:
        return AlignedText.joined(self.parts)


class _Parser:
    """Builds a Document from expat's events."""

    def __init__(self, text: str, voice: VoiceInfo) -> None:
        self._say_as_kinds = say_as(voice.language, voice.region)
        text = _PRIVATE.sub(_INVISIBLE, text)
        self._document = Document(text)
        self._blanks = len(text) - len(text.lstrip())
        """Characters before the document, which XML does not allow."""
        self._bytes = text[self._blanks :].encode("utf-8", "replace")
        self._read = 0, self._blanks
        """Bytes up to an event, and one past the character of the source that they end with."""
        self._open: list[_Element] = []
        self._rates = [1.0]
        self._elements = 0
        self._expat = expat.ParserCreate()
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.StartDoctypeDeclHandler = lambda *_: self._refuse("A document type is not allowed")
        self._expat.EntityDeclHandler = lambda *_: self._refuse("Entities are not allowed")
        self._expat.ProcessingInstructionHandler = lambda *_: self._refuse("Processing instructions are not allowed")

    def parse(self) -> Document:
        try:
            self._expat.Parse(self._bytes, True)
        except expat.ExpatError as error:
            self._refuse(f"It is not well-formed XML: {expat.errors.messages[error.code]}")
        return self._document

    def _refuse(self, reason: str) -> NoReturn:
        line = self._expat.CurrentLineNumber
        raise InvalidRequest(f"Invalid SSML in `input`, line {line}: {reason}.", param="input", code="invalid_ssml")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            self._refuse(f"It has more than {MAX_ELEMENTS} elements or nests deeper than {MAX_DEPTH}")
        if name not in ATTRIBUTES or (name == "speak") != (not self._open):
            self._refuse(f"The element `{name[:40]}` is not supported. Supported: {', '.join(ATTRIBUTES)}")
        if self._open and self._open[-1].name in TEXT_ONLY:
            self._refuse(f"`{self._open[-1].name}` holds text only")
        unknown = sorted(set(attributes) - ATTRIBUTES[name])
        if unknown:
            self._refuse(f"`{name}` does not support the attribute `{unknown[0][:40]}`")
        self._open.append(_Element(name, attributes))
        if name == "prosody":
            self._new_run(self._rate(attributes.get("rate", "medium")))
        elif name in ("p", "s"):
            self._write("\n")

    def _end(self, name: str) -> None:
        element = self._open.pop()
        attributes = element.attributes
        if name == "prosody":
            self._rates.pop()
            self._document.runs.append(TextRun(rate=self._rates[-1]))
        elif name in ("p", "s"):
            self._write("\n")
        elif name == "break":
            self._pause(attributes)
        elif name == "sub":
            self._write(attributes.get("alias") or self._refuse("`sub` needs `alias`"), element)
        elif name == "phoneme":
            self._write(self._document.verbatim.keep(self._phonemes(attributes)), element)
        elif name == "say-as":
            said = self._say_as(element.text.text.strip(), attributes)
            self._write(self._document.verbatim.keep(said), element)

    def _text(self, text: str) -> None:
        start = self._position()
        entity = _ENTITY.match(self._document.source, start)
        if entity and len(text) == 1:
            part = AlignedText(text, [start], [entity.end()])
        else:
            part = AlignedText(text, range(start, start + len(text)), range(start + 1, start + len(text) + 1))
        element = self._open[-1]
        (element.parts if element.name in TEXT_ONLY else self._document.runs[-1].parts).append(part)

    def _position(self) -> int:
        """The character of the source at which the current event begins."""
        byte, char = self._read
        now = self._expat.CurrentByteIndex
        char += len(self._bytes[byte:now].decode("utf-8", "replace"))
        self._read = now, char
        return char

    def _write(self, text: str, instead_of: "_Element | None" = None) -> None:
        """Text that stands for the text of an element, or for the tag that is being read."""
        written = instead_of.text if instead_of else AlignedText.of("")
        start, end = written.span(0, len(written)) if written else (self._position(),) * 2
        self._document.runs[-1].parts.append(AlignedText(text, [start] * len(text), [end] * len(text)))

    def _new_run(self, rate: float) -> None:
        self._rates.append(min(FASTEST, max(SLOWEST, self._rates[-1] * rate)))
        self._document.runs.append(TextRun(rate=self._rates[-1]))

    def _rate(self, text: str) -> float:
        """`fast`, `1.2`, `120%` or `+20%`."""
        if text in RATES:
            return RATES[text]
        match = re.fullmatch(r"([+-]?)(\d{1,4}(?:\.\d{1,4})?)(%?)", text.strip())
        if match is None:
            self._refuse(f"`rate` must be a number, a percentage or one of {', '.join(RATES)}")
        value = float(match[2]) / (100 if match[3] else 1)
        value = 1 + value if match[1] == "+" else 1 - value if match[1] == "-" else value
        if not SLOWEST <= value <= FASTEST:
            self._refuse(f"`rate` must be between {SLOWEST:g} and {FASTEST:g}")
        return value

    def _pause(self, attributes: dict[str, str]) -> None:
        run = self._document.runs[-1]
        run.pause += self._break_seconds(attributes)
        if run.pause > MAX_BREAK:
            self._refuse(f"A break must last at most {MAX_BREAK:g} s")
        self._document.runs.append(TextRun(rate=run.rate))

    def _break_seconds(self, attributes: dict[str, str]) -> float:
        if "time" in attributes:
            match = re.fullmatch(r"\+?(\d{0,6}(?:\.\d{1,4})?)(ms|s)", attributes["time"].strip())
            if match is None or not match[1]:
                self._refuse("`time` of a break must be like `500ms` or `1.5s`")
            return float(match[1]) / (1000 if match[2] == "ms" else 1)
        strength = attributes.get("strength", "medium")
        if strength not in BREAKS:
            self._refuse(f"`strength` of a break must be one of {', '.join(BREAKS)}")
        return BREAKS[strength]

    def _phonemes(self, attributes: dict[str, str]) -> str:
        if attributes.get("alphabet", "ipa") != "ipa" or not attributes.get("ph", "").strip():
            self._refuse("`phoneme` needs `ph` in the alphabet `ipa`")
        return phonemes(attributes["ph"])

    def _say_as(self, text: str, attributes: dict[str, str]) -> str:
        kind = attributes.get("interpret-as", "")
        if kind not in self._say_as_kinds:
            self._refuse(f"`interpret-as` must be one of {', '.join(self._say_as_kinds)}")
        spoken = self._say_as_kinds[kind](text, attributes.get("format", ""))
        if spoken is None:
            self._refuse(f"`{text[:40]}` cannot be said as {kind}")
        return spoken
