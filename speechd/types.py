"""Dataclasses that all packages share: frozen, times in seconds, PCM float32 in [-1, 1] at 16 kHz."""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal, Protocol

import numpy as np
import numpy.typing as npt

from speechd.priority import Priority, PrioritySource, interactive

SAMPLE_RATE = 16_000
"""Hz; what Whisper, PocketSphinx and the Silero VAD are trained on."""

Samples = npt.NDArray[np.float32]
"""PCM in [-1, 1] at SAMPLE_RATE: mono, shape (n,), or separate channels, shape (channels, n)."""

Task = Literal["transcribe", "translate", "diarize"]
"""`diarize` tells who speaks when, without what is said."""

GuardPolicy = Literal["keep", "mark", "drop", "redecode"]
"""Policy for text that was probably never spoken: keep it, mark it, drop it, or decode it once more."""

EMBEDDED_MODEL = "embedded-model"
"""Warning: the embedded recogniser made this transcript and is unsure of it. A pulled model is better."""

Channels = Literal["mixed", "split"]
"""All channels are mixed to one, or each is transcribed separately."""


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word, or in the captions of a speech what is written for one or more of them."""

    word: str
    """Its text without the leading space, punctuation attached."""
    start: float
    end: float
    probability: float = 1.0
    """Mean probability of its tokens, 0 to 1."""
    spoken: str = ""
    """What a voice says for it; "" where nobody knows better than `word`."""
    start_char: int | None = None
    """Its first character in the text that is read aloud, counted in Unicode code points from 0."""
    end_char: int | None = None
    """One past its last character."""

    def shifted(self, seconds: float) -> "Word":
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One decoded token and its log-probability."""

    token: str
    logprob: float
    """Natural logarithm of its probability, <= 0."""
    bytes: tuple[int, ...]
    """Its UTF-8 bytes: a token may be part of a character."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A phrase or sentence with its time and the evidence for it."""

    start: float
    end: float
    text: str
    """As decoded: usually with a leading space."""
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    """The sampling temperature that was used."""
    avg_logprob: float = 0.0
    """Mean natural log-probability of the tokens of its window."""
    compression_ratio: float = 1.0
    """UTF-8 length over zlib length of its window's text: above 2.4 it repeats itself."""
    no_speech_prob: float = 0.0
    seek: int = 0
    """Start of its window in frames of 10 ms."""
    language: str = ""
    """ISO 639-1 code of the language spoken; empty while it is unknown."""
    words: tuple[Word, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    evidence: tuple[str, ...] = ()
    """Evidence that it was not spoken (see speechd.asr.hallucination)."""
    channel: int = 0
    """Its channel of the recording, from 1; 0 for the mix of all."""
    speaker: str = ""
    """Who speaks: a known name, or a letter in the order of appearance; "" where speakers are not told apart."""
    plain_times: tuple[float, float] | None = None
    """The start and end that it has where no words are asked for; None where they are `start` and `end`."""

    @property
    def duration(self) -> float:
        return self.end - self.start

    def plain(self) -> "Segment":
        """The same segment as it is where no words are asked for."""
        start, end = self.plain_times or (self.start, self.end)
        return replace(self, start=start, end=end, words=(), plain_times=None)

    def shifted(self, seconds: float) -> "Segment":
        """The same segment on a clock that started `seconds` earlier."""
        return replace(
            self,
            start=self.start + seconds,
            end=self.end + seconds,
            seek=self.seek + round(seconds * 100),
            words=tuple(word.shifted(seconds) for word in self.words),
            plain_times=self.plain_times and (self.plain_times[0] + seconds, self.plain_times[1] + seconds),
        )


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of each stage of a transcription. Stages overlap."""

    decode: float = 0.0
    """Container and codec to PCM."""
    vad: float = 0.0
    """Finding speech."""
    queue: float = 0.0
    """The longest wait of one of its windows for the engine."""
    encode: float = 0.0
    """Its share of the encoder's batches, mel features included."""
    generate: float = 0.0
    """Its share of the decoder's batches."""
    align: float = 0.0
    """Its share of the alignments for word times."""
    diarize: float = 0.0
    """Telling speakers apart."""

    def __add__(self, other: "Timings") -> "Timings":
        return Timings(
            self.decode + other.decode,
            self.vad + other.vad,
            max(self.queue, other.queue),
            self.encode + other.encode,
            self.generate + other.generate,
            self.align + other.align,
            self.diarize + other.diarize,
        )


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of a whole recording."""

    task: Task
    language: str
    """ISO 639-1 code of the language spoken, also for a translation; empty when nothing is spoken."""
    duration: float
    """Seconds of audio that were transcribed."""
    segments: tuple[Segment, ...]
    model: str = ""
    """Id of the model that transcribed."""
    language_probability: float = 1.0
    warnings: tuple[str, ...] = ()
    """Machine-readable warnings: `truncated-audio`, EMBEDDED_MODEL."""
    timings: Timings = field(default_factory=Timings)
    channels: int = 1
    """How many channels were transcribed separately; 1 for a mix."""
    uncovered: tuple[tuple[float, float], ...] = ()
    """Detected speech without words: (start, end) in seconds, in order."""
    windows: int = 0
    """How many windows were decoded, each once, however many rounds it took."""
    voices: "tuple[SpeakerVoice, ...]" = ()
    """Of the speakers in the segments, where they were asked for (SpeakerOptions.voices)."""

    @property
    def audio_seconds(self) -> float:
        """Seconds of audio that were transcribed: each channel counts."""
        return self.duration * self.channels

    @property
    def tells_speakers(self) -> bool:
        """Speakers are told apart by their voice."""
        return any(segment.speaker for segment in self.segments)

    def plain(self) -> "Transcript":
        """The same transcript as it is where no words are asked for. Speakers need words: with them nothing changes."""
        if not any(segment.plain_times for segment in self.segments):
            return self
        segments = sorted((segment.plain() for segment in self.segments), key=lambda each: (each.start, each.channel))
        return replace(self, segments=tuple(segments))

    @property
    def text(self) -> str:
        return joined_text(self.segments)

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...]:
        return tuple(token for segment in self.segments for token in segment.logprobs)


def joined_text(segments: Iterable[Segment]) -> str:
    """The joined text of segments. Each has its own leading space where its language uses spaces."""
    return "".join(segment.text for segment in segments).strip()


@dataclass(frozen=True, slots=True)
class VadOptions:
    """Options of voice activity detection."""

    threshold: float = 0.5
    """Speech starts at this probability; it ends below `threshold - 0.15` (Silero's own hysteresis)."""
    min_silence: float = 0.4
    """Seconds of silence that end a speech region."""
    padding: float = 0.4
    """Minimum seconds kept before and after a region: the detector may be .55 s late. Up to 1 s is kept, until it is
    quiet."""
    min_speech: float = 0.1
    """Regions shorter than this many seconds are dropped as clicks."""


MIXED_VAD = VadOptions(min_silence=0.25)
"""Where languages mix, shorter pauses end a region, because the language may change at each. Measured with
whisper-pocket on sentences of three languages 0.3 s apart: 69 of 69 right instead of 42; at 0.7 s 68 instead of 69."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A part of a recording that is decoded in one piece."""

    start: float
    """Where it begins in the recording, in seconds."""
    samples: Samples
    """Mono, shape (n,)."""
    speech: tuple[tuple[float, float], ...] = ()
    """Its speech regions: (start, end) in seconds from the window's start."""
    channel: int = 0
    """As Segment.channel."""
    horizon: float = 0.0
    """Seconds of the recording before which no later window of any channel begins."""

    @property
    def duration(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def spoken(self) -> float:
        """Seconds of speech in it; all of it where no detector ran."""
        return sum(end - start for start, end in self.speech) or self.duration

    def part(self, start: float, end: float) -> "Window":
        """The part from `start` to `end`, in seconds of this window's clock, as a window of its own."""
        first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        speech = [(max(begin, start) - start, min(stop, end) - start) for begin, stop in self.speech]
        return replace(
            self,
            start=self.start + first / SAMPLE_RATE,
            samples=self.samples[first:last],
            speech=tuple((begin, stop) for begin, stop in speech if stop > begin),
        )


MAX_PROMPT_CHARACTERS = 8192
"""Of a prompt the last so many are used, of all hotwords together the first: Whisper takes 223 tokens, and the longest
token of its vocabulary has 33 characters, so that a longer text has the same tokens in the end; it is never tokenised
whole."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The part of a recording that is transcribed, in seconds from its beginning."""

    start: float = 0.0
    duration: float | None = None
    """None: to the end of the recording."""

    @property
    def samples(self) -> slice:
        """Its samples among all of the recording, at SAMPLE_RATE."""
        end = None if self.duration is None else round((self.start + self.duration) * SAMPLE_RATE)
        return slice(round(self.start * SAMPLE_RATE), end)

    def seconds_of(self, recording: float) -> float:
        """How long it is in a recording of so many seconds."""
        rest = max(0.0, recording - self.start)
        return rest if self.duration is None else min(rest, self.duration)


@dataclass(frozen=True, slots=True)
class TranscribeOptions:
    """Options of one transcription."""

    task: Task = "transcribe"
    language: str | None = None
    """ISO 639-1 code, or None to detect it."""
    multilingual: bool = False
    """The language of each stretch of speech is detected. `language` is None then."""
    language_floor: float = 0.5
    """A stretch whose language is less probable than this gets the language around it."""
    languages: tuple[str, ...] = ()
    """Detection chooses among these; empty means all that the model knows."""
    prompt: str = ""
    """Text that precedes the recording; its last 224 tokens are used."""
    hotwords: tuple[str, ...] = ()
    """Words and names to expect."""
    temperature: float = 0.0
    """0: deterministic with a fallback schedule; else sample at exactly this temperature."""
    word_timestamps: bool = False
    logprobs: bool = False
    condition_on_previous_text: bool = False
    """The prompt of each window is the text before it: style and names are steadier, but windows run one after the
    other."""
    guard: GuardPolicy = "mark"
    channels: Channels = "mixed"
    audio_track: str | None = None
    """Which audio track of the file: its number among them, from `0`, or a language code, ISO 639-1 where there is one,
    that the track is tagged with. None: the one flagged as default, else the first."""
    vad: VadOptions | None = field(default_factory=VadOptions)
    """None: everything counts as speech."""
    clip: Clip = Clip()
    """The part of the recording that is transcribed. Times stay those of the whole recording."""
    speakers: "SpeakerOptions | None" = None
    """Tell speakers apart by their voice. None: do not."""
    known_voices: "tuple[KnownVoice, ...]" = ()
    """Voices that may be among them."""
    start: float = 0.0
    """Seconds. Windows that begin earlier were transcribed before and are skipped. The recording is still decoded from
    its beginning, so that the windows are the same as in an uninterrupted run."""

    @property
    def can_go_on(self) -> bool:
        """Whether a recording can be transcribed in two parts, the second from a `start`: one channel, in one
        language, whose speakers nobody tells apart."""
        return self.channels == "mixed" and not self.multilingual and self.speakers is None


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """The voice of a known speaker."""

    name: str
    embedding: bytes
    """Of unit length, as little-endian float32: hashable, so that equal requests have equal options."""


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """A stretch of time in which one speaker of a recording talks."""

    start: float
    """Seconds from the recording's beginning."""
    end: float
    speaker: int
    """From 0, in the order in which the speakers are first heard."""

    @property
    def duration(self) -> float:
        return self.end - self.start


MAX_SPEAKERS = 10
"""Speakers of one recording that are told apart at most."""


@dataclass(frozen=True, slots=True)
class SpeakerOptions:
    """How many speakers there are, as far as the caller knows."""

    num_speakers: int | None = None
    """Exactly so many, 1 to MAX_SPEAKERS, where there is enough speech to tell them apart. None: find out."""
    min_speakers: int = 1
    max_speakers: int = MAX_SPEAKERS
    voices: bool = False
    """Tell the voice of each speaker, too, so that it can be found again in another recording."""

    @property
    def bounds(self) -> tuple[int, int]:
        """Fewest and most speakers."""
        if self.num_speakers is not None:
            return self.num_speakers, self.num_speakers
        return self.min_speakers, self.max_speakers


@dataclass(frozen=True, slots=True)
class SpeakerVoice:
    """The voice of a speaker in a recording."""

    label: str
    """As Segment.speaker; "" before labels are given."""
    embeddings: bytes
    """The sum of the embeddings of its windows, as little-endian float32."""
    seconds: float
    """Speech that they cover."""


@dataclass(frozen=True, slots=True)
class Diarization:
    """Who speaks when in a recording."""

    turns: tuple[SpeakerTurn, ...]
    """In the order of time; empty where nobody speaks."""
    names: tuple[str | None, ...] = ()
    """Of each speaker, by number: the known speaker that it is, or None for a stranger. No name comes twice."""
    seconds: float = 0.0
    """Time that it took, summed over its threads."""
    voices: tuple[SpeakerVoice, ...] = ()
    """Of each speaker, by number, where they were asked for and the speech was long enough."""

    @property
    def speakers(self) -> int:
        """How many there are."""
        return len(self.names)


class Transcriber(Protocol):
    """Takes a recording, and yields its segments and then its transcript; local or remote."""

    @property
    def model(self) -> str:
        """Id of the model. It is final after the first item of the stream."""
        ...

    def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """Yields each segment in order as soon as it is final, then the Transcript of all of them, once.

        Args:
            audio: an open, seekable binary file in any accepted container; it stays open until the stream ends.
            priority: asked whenever the work waits for the engine.
            caller: id of the key that it is for. Keys are served in turn.

        Raises:
            InvalidAudio: nothing in it can be decoded.
            TooLarge: it is longer than the server accepts.
            Overloaded: it would have to wait longer, or more would wait, than the server accepts.
            Unprocessable: the model cannot do this task or language.
        """
        ...


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """Options of one speech request."""

    format: str = "mp3"
    """A name in speechd.audio.encode.AUDIO_FORMATS."""
    sample_rate: int | None = None
    """Hz of the finished audio; None takes the format's own."""
    speed: float = 1.0
    """0.25 to 5: factor of the voice's own pace. The pitch does not change."""
    ssml: bool = False
    """The text is SSML; a text that starts with `<speak` always is."""
    captions: bool = False
    """Return the time of each word."""
    language: str | None = None
    """ISO 639-1 code of the text; None: the voice's, but for sentences that are clearly in another."""
    emoji: Literal["silence", "name"] | None = None
    """What is said for emoji; None: what the server is set to."""


@dataclass(frozen=True, slots=True)
class SpeechPart:
    """The next part of a speech."""

    audio: bytes
    """Encoded bytes that follow those before; may be empty."""
    words: tuple[Word, ...] = ()
    """Words that became final since the previous part, on the clock of the finished audio; only where requested."""
    characters: int = 0
    """About how many characters of the text it contains."""
    seconds: float = 0.0
    """Length of the audio so far."""


@dataclass(frozen=True, slots=True)
class Speech:
    """The result of a speech."""

    voice: str
    """Id of the voice that spoke, with `#` and the speaker where it has several."""
    characters: int
    """Characters of the text."""
    duration: float
    """Seconds of audio."""


class Speaker(Protocol):
    """Takes a text, and yields its audio while it is made; local or remote."""

    def stream(
        self, text: str, options: SpeechOptions, priority: Priority = "interactive", caller: str = ""
    ) -> AsyncGenerator[SpeechPart | Speech, None]:
        """Yields the encoded audio piece by piece, then the Speech, once. Closing it stops the work.

        Args:
            priority: background speech waits while a caller's sentence waits for the voice.
            caller: id of the key that it is for. Keys are served in turn.

        Raises:
            InvalidRequest: it has nothing to speak, it is not well-formed SSML, or an option is out of range.
            TooLarge: the text is longer than the server accepts.
            Overloaded: it would have to wait longer, or more would wait, than the server accepts.
            EngineFailure: the voice failed.
        """
        ...
