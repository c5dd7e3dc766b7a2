"""Whisper on CTranslate2, in batches.

faster-whisper brings the mel features and the tokenizer; the decoding here is Whisper's own (Radford et al. 2022,
section 4.5): beam search at temperature 0, then sampling at rising temperatures where the result repeats itself or is
improbable. Unlike faster-whisper's `transcribe`, the windows of many recordings are encoded and decoded together, and
a model trained for it is not made to encode padding.
"""

import contextlib
import functools
import math
import time
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer

from speechd.asr.engine import Context, Decoded, Job
from speechd.asr.engines.whisper_decoding import EncodedArray, WhisperDecoder, to_storage
from speechd.asr.engines.whisper_timestamps import TimestampSpan
from speechd.asr.engines.whisper_tokens import decoded_of, likeliest, text_spans
from speechd.asr.engines.whisper_vocabulary import languages_of
from speechd.errors import EngineFailure, OutOfMemory, Unprocessable
from speechd.languages import find, whisper_code
from speechd.types import Task, Timings, TranscribeOptions

FRAMES_PER_SECOND = 100
FULL_CONTEXT = 3000
"""Mel frames of 10 ms in the 30 s that Whisper was trained on."""
FULL_SECONDS = FULL_CONTEXT / FRAMES_PER_SECOND
HOP = 160
"""Samples of a mel frame at 16 kHz."""
CONTEXT_STEP = 100
"""A short context is a multiple of this many frames, so that windows of about the same length share a batch."""
WIDE_MARGIN = 12.0
"""Seconds of silence after a window of a wide context. Of 27 clips whose short text was improbable (noise, telephone),
with 165 words, whisper-base wrote 34 wrong with 6 s, 25 with 12 s, 21 with 30 s, for 7, 10 and 31 s of CPU time."""
LEARNED_MARGIN = 1.0
"""Seconds. A model with a smaller margin was trained on short windows, in all its languages. The others write only
English as well as with 30 s. In French prompts whisper-base wrote .10 of the words otherwise than faster-whisper."""
DETECTION_MARGIN = 2.0
"""Seconds of silence after a window at least, for language detection only, with any model (measured in
mixed_languages.py)."""


class WhisperEngine:
    """A Whisper model in CTranslate2 format."""

    def __init__(
        self,
        path: Path,
        *,
        device: str = "cpu",
        devices: Sequence[int] = (0,),
        compute_type: str = "default",
        threads: int = 1,
        replicas: int = 1,
        context_margin: float | None = None,
        languages: Iterable[str] = (),
        batch_size: int = 8,
    ) -> None:
        """
        Args:
            path: folder with model.bin, config.json and tokenizer.json.
            device: cpu or cuda.
            devices: indices of the GPUs that each hold a copy.
            compute_type: CTranslate2's name of a number format.
            threads: CPU threads of each replica.
            replicas: batches decoded at once on each device; they share its copy of the weights.
            context_margin: seconds of silence at least after a short window, which is then encoded at this length; it
                belongs to the model. None pads every window to 30 s.
            languages: codes it was trained for; empty means all that its vocabulary has.
            batch_size: windows decoded together.

        Raises:
            EngineFailure: the folder holds no loadable model.
        """
        try:
            self._model = ctranslate2.models.Whisper(
                str(path),
                device=device,
                device_index=list(devices),
                compute_type=compute_type,
                intra_threads=threads,
                inter_threads=replicas,
            )
            self._hf_tokenizer = tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception
            raise EngineFailure(f"The model in {path.name} could not be loaded: {error}") from error
        self._multilingual = self._model.is_multilingual
        self._extractor = FeatureExtractor(feature_size=self._model.n_mels)
        self.context_margin = context_margin
        """As above; it may be changed between two calls of `decode`."""
        self._one_by_one = device == "cpu"
        self._tokenizer = functools.cache(self._new_tokenizer)
        self._decoder = WhisperDecoder(self._model, self._tokenizer)
        self.languages = tuple(languages) or languages_of(path) or ("en",)
        self.batch_size = batch_size
        self.replicas = replicas * len(devices)

    def group(self, job: Job) -> Hashable:
        """CTranslate2 wants `<|startoftranscript|>` at one position in a batch and one shape of features."""
        if job.detect:
            return ("detect", self._context(job))
        return (len(self._decoder.prompt(job)), job.options.temperature, self._context(job))

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        with _translated_errors():
            return self._decode(jobs)

    def self_test(self, job: Job) -> None:
        """Aligns a text with a window: noise has none, and the heads of `config.json` are read only here."""
        with _translated_errors():
            encoded = self._encode([job])
            tokenizer = self._tokenizer("transcribe", likeliest(self._languages([job], encoded)[0]))
            tokens, frames = tokenizer.encode(" one two three"), self._content_frames(job)
            self._model.align(to_storage(encoded), list(tokenizer.sot_sequence), [tokens], [frames])

    def close(self) -> None:
        self._model.unload_model()

    def _decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        for job in jobs:
            self._check(job.options)
        started = time.perf_counter()
        encoded = self._encode(jobs)
        encoded_at = time.perf_counter()
        chances = self._languages(jobs, encoded)
        if jobs[0].detect:
            timings = Timings(encode=(time.perf_counter() - started) / len(jobs))
            return [Decoded((), likeliest(chance), chance, timings, heard=0.0) for chance in chances]
        context = jobs[0].context if self._context(jobs[0]) < FULL_CONTEXT else "full"
        short = context != "full"
        known = [i for i, chance in enumerate(chances) if not short or self._knows_short(likeliest(chance))]
        if len(known) == len(jobs):
            return self._written(jobs, encoded, chances, encoded_at - started, context)
        # The language of the others is known only now. Their text would not be used: they come back with 30 s.
        some = [jobs[i] for i in known], encoded[known], [chances[i] for i in known]
        written = iter(self._written(*some, encoded_at - started, context) if known else ())
        timings = Timings(encode=(encoded_at - started) / len(jobs))
        return [
            next(written) if i in known else Decoded((), likeliest(chance), chance, timings, heard=0.0, doubt="foreign")
            for i, chance in enumerate(chances)
        ]

    def _written(
        self,
        jobs: Sequence[Job],
        encoded: EncodedArray,
        chances: Sequence[dict[str, float]],
        encode_seconds: float,
        context: Context,
    ) -> list[Decoded]:
        """What the decoder writes for windows that are encoded."""
        started = time.perf_counter()
        tokenizers_ = [
            self._tokenizer(job.options.task, likeliest(chance)) for job, chance in zip(jobs, chances, strict=True)
        ]
        hypotheses = self._decoder.generate(jobs, encoded, tokenizers_, context)
        spans = [text_spans(*each) for each in zip(jobs, hypotheses, tokenizers_, strict=True)]
        generated_at = time.perf_counter()
        alignments = self._align(jobs, encoded, tokenizers_, spans)
        aligned_at = time.perf_counter()
        timings = Timings(
            encode=encode_seconds / len(jobs),
            generate=(generated_at - started) / len(jobs),
            align=(aligned_at - generated_at) / len(jobs),
        )
        results = zip(jobs, hypotheses, tokenizers_, spans, alignments, chances, strict=True)
        return [
            replace(
                decoded_of(*each),
                timings=timings,
                encoded=encoded[index : index + 1] if each[0].options.language is None else None,
            )
            for index, each in enumerate(results)
        ]

    # Features and encoder

    def _content_frames(self, job: Job) -> int:
        return min(FULL_CONTEXT, math.ceil(job.window.duration * FRAMES_PER_SECOND))

    def _context(self, job: Job) -> int:
        """Mel frames that the encoder sees."""
        if job.encoded is not None:
            return 2 * int(job.encoded.shape[1])
        frames = self._content_frames(job) + math.ceil(self._margin(job) * FRAMES_PER_SECOND)
        return min(FULL_CONTEXT, math.ceil(frames / CONTEXT_STEP) * CONTEXT_STEP)

    def _margin(self, job: Job) -> float:
        """Seconds of silence after a window."""
        if job.detect:
            return DETECTION_MARGIN
        if self.context_margin is None or not self._knows_short(job.options.language or "en"):
            return FULL_SECONDS
        if job.context == "wide" and self.context_margin >= LEARNED_MARGIN:
            return WIDE_MARGIN
        return self.context_margin if job.context == "short" else FULL_SECONDS

    def _knows_short(self, language: str) -> bool:
        """Whether windows in this language are decoded at their own length."""
        return self.context_margin is not None and (self.context_margin < LEARNED_MARGIN or language == "en")

    def _features(self, job: Job) -> EncodedArray:
        """Normalised log-mel, shape (n_mels, context).

        A short context ends in digital silence, which is what Whisper was trained on. 30 s end in zeros, as in
        faster-whisper.
        """
        context, samples = self._context(job), job.window.samples
        if context < FULL_CONTEXT:
            samples = np.pad(samples, (0, max(0, context * HOP - len(samples))))
        mel = self._extractor(samples)[:, :-1][:, :context]
        return np.pad(mel, ((0, 0), (0, context - mel.shape[1])))

    def _encode(self, jobs: Sequence[Job]) -> EncodedArray:
        """Encoder output, shape (len(jobs), context / 2, width), in main memory so that it can be sliced."""
        known = [job.encoded for job in jobs]
        fresh = [index for index, value in enumerate(known) if value is None]
        size = 1 if self._one_by_one else max(1, len(fresh))  # a CPU gains nothing from more, and needs much memory
        for start in range(0, len(fresh), size):
            some = fresh[start : start + size]
            features = np.ascontiguousarray(np.stack([self._features(jobs[index]) for index in some]), np.float32)
            output = self._model.encode(ctranslate2.StorageView.from_array(features), to_cpu=True)
            for index, row in zip(some, _to_numpy(output), strict=True):
                known[index] = row[np.newaxis]
        return known[0] if len(known) == 1 else np.concatenate(known)

    # Language

    def _check(self, options: TranscribeOptions) -> None:
        """Refuses what the model was not trained for: its text would be nonsense.

        Raises:
            Unprocessable: the language or the task.
        """
        if options.task == "translate" and not self._multilingual:
            raise Unprocessable("This model cannot translate.", param="model", code="task_not_supported")
        for param, codes in (("language", (options.language,)), ("languages", options.languages)):
            for code in codes:
                if code and code not in self.languages:
                    raise Unprocessable(
                        f"This model does not know the language `{code}`.", param=param, code="language_not_supported"
                    )

    def _languages(self, jobs: Sequence[Job], encoded: EncodedArray) -> list[dict[str, float]]:
        """Probability of each allowed language for each job."""
        chances = [{job.options.language or "en": 1.0} for job in jobs]
        if not self._multilingual:
            return [{"en": 1.0} for _ in jobs]
        unknown = [index for index, job in enumerate(jobs) if job.options.language is None]
        if unknown:
            found = self._model.detect_language(to_storage(encoded[unknown]))
            for index, ranking in zip(unknown, found, strict=True):
                allowed = set(jobs[index].options.languages or self.languages)
                chances[index] = _renormalised({_language(t): p for t, p in ranking if _language(t) in allowed})
        return chances

    def _new_tokenizer(self, task: Task, language: str) -> Tokenizer:
        return Tokenizer(self._hf_tokenizer, self._multilingual, task=task, language=whisper_code(language))

    # Times

    def _align(
        self,
        jobs: Sequence[Job],
        encoded: EncodedArray,
        tokenizers_: Sequence[Tokenizer],
        spans: Sequence[Sequence[TimestampSpan]],
    ) -> list[Any]:
        """CTranslate2's alignment of each job that asks for words or log-probabilities, else None."""
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, job in enumerate(jobs):
            if spans[index] and (job.options.word_timestamps or job.options.logprobs):
                groups[tuple(tokenizers_[index].sot_sequence)].append(index)
        alignments: list[Any] = [None] * len(jobs)
        for start_sequence, members in groups.items():
            results = self._model.align(
                to_storage(encoded[members]),
                list(start_sequence),
                [[token for span in spans[index] for token in span.tokens] for index in members],
                [self._content_frames(jobs[index]) for index in members],
            )
            for index, result in zip(members, results, strict=True):
                alignments[index] = result
        return alignments


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    """
    Raises:
        OutOfMemory, EngineFailure: instead of CTranslate2's errors.
    """
    try:
        yield
    except (RuntimeError, ValueError, MemoryError) as error:
        kind = OutOfMemory if isinstance(error, MemoryError) or "out of memory" in str(error) else EngineFailure
        raise kind(f"Decoding failed: {error}") from error


def _language(token: str) -> str:
    """`<|en|>` -> `en`, by our code where Whisper's deviates."""
    language = find(token[2:-2])
    return language.code if language else token[2:-2]


def _renormalised(chances: dict[str, float]) -> dict[str, float]:
    total = sum(chances.values())
    return {code: chance / total for code, chance in chances.items()} if total > 0 else dict.fromkeys(chances, 1.0)


def _to_numpy(view: ctranslate2.StorageView) -> EncodedArray:
    if view.dtype == ctranslate2.DataType.bfloat16:  # NumPy has no such type
        view = view.to(ctranslate2.DataType.float32)
    return np.array(view)
