"""From encoder output to hypotheses: beam search, fallback to higher temperatures, token limits.

Beam search at temperature 0, then sampling at rising temperatures where the result repeats itself or is improbable
(Radford et al. 2022, section 4.5).
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper.tokenizer import Tokenizer

from speechd.asr.engine import Context, Job
from speechd.asr.engines.whisper_timestamps import last_begin
from speechd.asr.engines.whisper_tokens import hypothesis_of
from speechd.asr.hypothesis import MIN_AVG_LOGPROB, MIN_SHORT_LOGPROB, Hypothesis, best, doubt, repeats_prompt, similar
from speechd.types import MAX_PROMPT_CHARACTERS, Task, joined_text

PROMPT_TOKENS = 223
"""Half the decoder's 448 positions less the token that opens the prompt (Whisper's own limit)."""
LINK_STEP = 32
"""The previous text is cut to a multiple of this many tokens: windows share a batch if their prompts are equally
long."""
MAX_LINK_TOKENS = 64
"""Tokens of previous text at most, unless the caller wants all (measured in linked_windows.py)."""
TEXTS_REMEMBERED = 256
"""Prompts and lists of words whose tokens are kept: those of the requests under way."""
DECODER_POSITIONS = 448
"""Tokens that Whisper's decoder has positions for, the prompt included."""
TOKENS_BESIDE = 32
"""Minimum of the token limit, for the shortest window."""
MAX_TOKENS_PER_SECOND = 40
"""Tokens that a second of speech can need: 8 of fast English, 36 of scripts whose every character is three tokens
(Burmese, 12 characters a second). More tokens are a loop. Where they are not, the next round continues there."""
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
BEAM_SIZE = 5
BEST_OF = 5

EncodedArray = npt.NDArray[Any]


class WhisperDecoder:
    """The decoder of a model in CTranslate2 format."""

    def __init__(self, model: Any, tokenizer: Callable[[Task, str], Tokenizer]) -> None:
        """
        Args:
            model: a ctranslate2.models.Whisper.
            tokenizer: of a task and a language.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._encoded = functools.lru_cache(maxsize=TEXTS_REMEMBERED)(self._encode)

    def prompt(self, job: Job) -> list[int]:
        """`<|startofprev|>`, hot words, the end of the caller's prompt, and the end of the previous text; else nothing.

        The previous text keeps its timestamps, as in openai/whisper.
        """
        options, language = job.options, job.options.language or "en"
        tokenizer = self._tokenizer(options.task, language)
        words, prompt = ", ".join(options.hotwords), options.prompt.strip()
        hotwords = self._encoded(options.task, language, words[:MAX_PROMPT_CHARACTERS])
        before = self._encoded(options.task, language, prompt[-MAX_PROMPT_CHARACTERS:])
        said = [token for segment in job.before for token in segment.tokens]
        if not options.condition_on_previous_text:
            said = said[len(said) - min(len(said) // LINK_STEP * LINK_STEP, MAX_LINK_TOKENS) :]
        before = (*before, *said)
        hotwords = hotwords[: PROMPT_TOKENS // 2 if before else PROMPT_TOKENS]
        before = before[max(0, len(before) - (PROMPT_TOKENS - len(hotwords))) :]
        return [tokenizer.sot_prev, *hotwords, *before] if hotwords or before else []

    def _encode(self, task: Task, language: str, text: str) -> tuple[int, ...]:
        """The tokens of what a caller wrote; the windows of a recording, and every look at them, share one result."""
        return tuple(self._tokenizer(task, language).encode(" " + text)) if text else ()

    def generate(
        self, jobs: Sequence[Job], encoded: EncodedArray, tokenizers_: Sequence[Tokenizer], context: Context
    ) -> list[Hypothesis]:
        """The best hypothesis for each job. A job whose text repeats the prompt is decoded again without the prompt.

        Args:
            context: with which they were encoded. Unless it is the full one, what looks wrong says so in its `doubt`,
                and higher temperatures are left to the full context.
        """
        short = context != "full"
        sure = MIN_SHORT_LOGPROB if context == "short" else MIN_AVG_LOGPROB
        prompts = [self.prompt(job) for job in jobs]
        found = self._with_fallback(jobs, encoded, tokenizers_, prompts, short=short)
        if short:
            return [self._doubted(*each, sure) for each in zip(jobs, found, tokenizers_, prompts, strict=True)]
        suspects = [index for index, job in enumerate(jobs) if prompts[index] and _echoes(found[index], job)]
        if suspects:
            bare = self._with_fallback(
                [jobs[i] for i in suspects],
                encoded[suspects],
                [tokenizers_[i] for i in suspects],
                [[] for _ in suspects],
            )
            for index, second in zip(suspects, bare, strict=True):
                if found[index].loops or not similar(found[index].text, second.text):
                    found[index] = second
        return found

    def _doubted(
        self, job: Job, found: Hypothesis, tokenizer: Tokenizer, prompt: Sequence[int], sure: float
    ) -> Hypothesis:
        """The hypothesis with what speaks against it."""
        if prompt and _echoes(found, job):
            return replace(found, doubt="echo")
        begins = last_begin(found.tokens, tokenizer.timestamp_begin)
        return replace(found, doubt=doubt(found, begins, job.window.duration, job.window.spoken, sure))

    def _with_fallback(
        self,
        jobs: Sequence[Job],
        encoded: EncodedArray,
        tokenizers_: Sequence[Tokenizer],
        prompts: Sequence[list[int]],
        *,
        short: bool = False,
    ) -> list[Hypothesis]:
        """Decodes jobs that fail a threshold again at the next temperature, together. Loops of the prompt are not
        repeated."""
        starts = [prompt + tok.sot_sequence for prompt, tok in zip(prompts, tokenizers_, strict=True)]
        limits = [_token_limit(job) for job in jobs]
        temperature = jobs[0].options.temperature
        tried: list[list[Hypothesis]] = [[] for _ in jobs]
        pending = list(range(len(jobs)))
        for step in TEMPERATURES if temperature == 0 and not short else (temperature,):
            found = self._generate_at(
                step,
                encoded[pending],
                [starts[i] for i in pending],
                [tokenizers_[i] for i in pending],
                max(limits[i] for i in pending),
            )
            for index, hypothesis in zip(pending, found, strict=True):
                tried[index].append(hypothesis)
            pending = [i for i in pending if not tried[i][-1].acceptable and not (prompts[i] and tried[i][-1].loops)]
            if not pending:
                break
        return [best(attempts) for attempts in tried]

    def _generate_at(
        self,
        temperature: float,
        encoded: EncodedArray,
        prompts: list[list[int]],
        tokenizers_: Sequence[Tokenizer],
        limit: int,
    ) -> list[Hypothesis]:
        search: dict[str, Any] = (
            {"beam_size": BEAM_SIZE, "patience": 1}
            if temperature == 0
            else {
                "beam_size": 1,
                "num_hypotheses": BEST_OF,
                "sampling_topk": 0,
                "sampling_temperature": temperature,
            }
        )
        length = min(DECODER_POSITIONS, len(prompts[0]) + limit)  # CTranslate2 counts the prompt
        results = self._model.generate(
            to_storage(encoded),
            prompts,
            length_penalty=1,
            max_length=length,
            max_initial_timestamp_index=50,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
            **search,
        )
        left = length - len(prompts[0])
        return [hypothesis_of(result, temperature, tok, left) for result, tok in zip(results, tokenizers_, strict=True)]

    @functools.cached_property
    def _suppressed(self) -> list[int]:
        """Tokens that no transcript contains: musical notes, brackets, and Whisper's own marks."""
        tok = self._tokenizer("transcribe", "en")
        marks = (tok.transcribe, tok.translate, tok.sot, tok.sot_prev, tok.sot_lm, tok.no_speech)
        return sorted({*tok.non_speech_tokens, *(mark for mark in marks if mark is not None)})


def _token_limit(job: Job) -> int:
    """Maximum of tokens that the speech of a window can need."""
    return round(TOKENS_BESIDE + job.window.spoken * MAX_TOKENS_PER_SECOND)


def _echoes(hypothesis: Hypothesis, job: Job) -> bool:
    """Whether the text may come from the prompt instead of the audio."""
    return hypothesis.loops or repeats_prompt(hypothesis.text, f"{job.options.prompt} {joined_text(job.before)}")


def to_storage(array: EncodedArray) -> ctranslate2.StorageView:
    """For CTranslate2, without a copy where the rows lie one behind the other."""
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(array))
