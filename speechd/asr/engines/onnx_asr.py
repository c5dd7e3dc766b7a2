"""Recognisers in ONNX, run by the library onnx-asr: NVIDIA's Parakeet and Canary, and GigaAM.

They decode greedily: prompt, hot words and temperature have no effect. Parakeet and GigaAM give the frame at which each
token begins. Canary does not, so its words share the time of the speech. None detects the language: the requested one
is taken where a model knows several, else the language stays unknown.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from speechd.asr.engine import Decoded, Job
from speechd.asr.engines.onnx_asr_files import OnnxAsrFiles
from speechd.asr.engines.token_words import Token, segments_of
from speechd.errors import EngineFailure, FeatureNotInstalled, OutOfMemory
from speechd.types import SAMPLE_RATE, Window

MIN_SECONDS = 0.5
"""Seconds to which a window is padded with silence: the mel features need some frames."""
QUIET_LEVEL = 2 / 32_768
"""Two steps of 16-bit PCM: nothing louder is digital silence, which is not decoded."""


class OnnxAsrEngine:
    """A model of onnx-asr, one batch at a time."""

    def __init__(
        self,
        path: Path,
        *,
        device: str = "cpu",
        device_index: int = 0,
        threads: int = 0,
        languages: Sequence[str] = (),
        batch_size: int = 1,
    ) -> None:
        """
        Args:
            path: folder of its files.
            device: cpu or cuda; cuda needs the package onnxruntime-gpu.
            device_index: which GPU.
            threads: CPU threads; 0 takes every core.
            languages: codes it was trained for; empty: what its files say.
            batch_size: windows decoded together; they are padded to the longest.

        Raises:
            FeatureNotInstalled: onnx-asr is not installed.
            EngineFailure: its files cannot be loaded.
        """
        files = OnnxAsrFiles(path)
        if files.family is None:
            raise EngineFailure(f"{path.name} is no model that onnx-asr knows: config.json names no `model_type`.")
        self.languages = tuple(languages) or files.languages
        self.batch_size = batch_size
        self.replicas = 1
        self._told_language = files.family.told_language
        self._model: Any = _load(files, files.family.type, device, device_index, threads)

    def group(self, job: Job) -> Hashable:
        return self._language_told(job)

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        """See speechd.asr.engine.AsrEngine."""
        known = [self._known(job) for job in jobs]
        fresh = [job for job, found in zip(jobs, known, strict=True) if found is None and _audible(job.window)]
        results = iter(self._recognise(fresh))
        return [
            found or self._decoded(job, next(results) if _audible(job.window) else None)
            for job, found in zip(jobs, known, strict=True)
        ]

    def close(self) -> None:
        """See speechd.asr.engine.AsrEngine."""
        del self._model

    def _known(self, job: Job) -> Decoded | None:
        """Results that need no decoding: an earlier result, or only the language, which the model does not detect."""
        if job.detect:
            language = self._language(job)
            return Decoded((), language, {language: 1.0}, heard=0.0)
        return job.encoded if isinstance(job.encoded, Decoded) else None

    def _language_told(self, job: Job) -> str | None:
        """The language that the model is given; English where the request names none."""
        if not self._told_language:
            return None
        return job.options.language or next(iter(job.options.languages), "en")

    def _recognise(self, jobs: Sequence[Job]) -> list[Any]:
        """onnx-asr's result for each job of one group."""
        if not jobs:
            return []
        told = {"language": language} if (language := self._language_told(jobs[0])) else {}
        try:
            results: list[Any] = self._model.recognize(
                [_padded(job.window) for job in jobs], sample_rate=SAMPLE_RATE, **told
            )
        except Exception as error:  # onnxruntime's own exceptions share no base class
            if "allocate memory" in str(error) or isinstance(error, MemoryError):
                raise OutOfMemory from error
            raise EngineFailure(f"The model failed on a recording: {type(error).__name__}.") from error
        return results

    def _decoded(self, job: Job, result: Any) -> Decoded:
        tokens = tokens_of(result, job.window) if result is not None else []
        language = self._language(job)
        segments = segments_of(tokens, job)
        decoded = Decoded(segments, language, {language: 1.0})
        return decoded if job.options.language else replace(decoded, encoded=decoded)

    def _language(self, job: Job) -> str:
        """The language spoken; "" where neither the model nor the request names it."""
        if len(self.languages) == 1:
            return self.languages[0]
        return job.options.language or self._language_told(job) or ""


def tokens_of(result: Any, window: Window) -> list[Token]:
    """The tokens of onnx-asr's TimestampedResult, without special ones (`<unk>`, `<|en|>`).

    Tokens without times share the speech of the window by length.
    """
    texts = list(result.tokens or ())
    logprobs = result.logprobs if result.logprobs is not None else [0.0] * len(texts)
    times = result.timestamps if result.timestamps is not None else _shared_out(texts, window)
    found = zip(texts, times, logprobs, strict=False)
    return [
        Token(text, min(float(time), window.duration), min(0.0, float(logprob)))
        for text, time, logprob in found
        if not (text.startswith("<") and text.endswith(">"))
    ]


def _shared_out(texts: Sequence[str], window: Window) -> list[float]:
    """Times for tokens that have none: their position in the speech is their position in the text."""
    speech = window.speech or ((0.0, window.duration),)
    ends = np.cumsum([end - start for start, end in speech])
    lengths = np.array([len(text) for text in texts], float)
    spoken = (np.cumsum(lengths) - lengths) / max(1.0, lengths.sum()) * ends[-1]
    regions = np.searchsorted(ends, spoken, side="right").clip(max=len(speech) - 1)
    return [speech[at][1] - float(ends[at] - time) for at, time in zip(regions, spoken, strict=True)]


def _audible(window: Window) -> bool:
    return bool(np.any(np.abs(window.samples) > QUIET_LEVEL))


def _padded(window: Window) -> Any:
    missing = round(MIN_SECONDS * SAMPLE_RATE) - len(window.samples)
    return np.pad(window.samples, (0, missing)) if missing > 0 else window.samples


def _load(files: OnnxAsrFiles, model_type: str, device: str, index: int, threads: int) -> Any:
    try:
        import onnx_asr
        import onnxruntime
    except ImportError as error:
        raise FeatureNotInstalled(
            "This model needs the optional part `onnx-asr`: pip install 'speechd[onnx-asr]'. Then restart the server."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    providers: list[Any] = ["CPUExecutionProvider"]
    if device == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": index}))
    try:
        return onnx_asr.load_model(
            model_type,
            files.folder,
            quantization=files.quantization(device),
            sess_options=options,
            providers=providers,
        ).with_timestamps()
    except Exception as error:  # onnxruntime's and onnx-asr's exceptions share no base class
        raise EngineFailure(f"The model {files.folder.name} cannot be loaded: {error}") from error
