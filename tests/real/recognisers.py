"""What is compared: speechd in this process, and faster-whisper on the same weights in its three ways."""

import asyncio
import io
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from faster_whisper import BatchedInferencePipeline, WhisperModel
from openai import OpenAI

from speechd.operations import TranscriptionRequest, transcribe
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.types import MIXED_VAD, TranscribeOptions, Word
from tests.integration.conftest import serving
from tests.real.corpora import Corpus, Recording
from tests.support.wer import Score, score

MODEL = "measured"
"""The alias under which speechd knows the folder."""
MAX_THREADS = 8
"""speechd's own bound for one model on a CPU; the peer gets the same."""


@dataclass(frozen=True)
class Heard:
    """One recording, transcribed."""

    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Result:
    """A corpus, transcribed one recording after the other."""

    heard: tuple[Heard, ...] = field(repr=False)
    seconds: float
    """Wall clock."""
    cpu_seconds: float
    """Of all threads of this process."""

    def score(self, corpus: Corpus, reference: "Result | None" = None) -> Score:
        """Against what is said, or against what another recogniser wrote."""
        said = [recording.text for recording in corpus.recordings]
        wanted = [heard.text for heard in reference.heard] if reference else said
        pairs = zip(wanted, (heard.text for heard in self.heard), strict=True)
        return sum((score(text, hypothesis) for text, hypothesis in pairs), Score(0, 0))


class Recogniser(Protocol):
    """Transcribes one recording; the options are those of its own API."""

    def __call__(self, recording: Recording, language: str, **options: Any) -> Heard: ...


class Clock:
    """Wall clock and CPU time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def elapsed(self) -> tuple[float, float]:
        """Seconds of the wall clock, and seconds that all threads of this process computed."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def measured(recogniser: Recogniser, corpus: Corpus, **options: Any) -> Result:
    """Has a whole corpus transcribed."""
    started = Clock()
    heard = tuple(recogniser(recording, corpus.language, **options) for recording in corpus.recordings)
    return Result(heard, *started.elapsed())


class Speechd:
    """speechd on a folder of weights, from bytes to transcript as the HTTP API and the command do it."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        aliases = {MODEL: str(folder.resolve())}
        settings = Settings(data_dir=data_dir, model_aliases=aliases, result_cache_seconds=0)
        self._runner = asyncio.Runner()
        self._service = self._runner.run(_opened(settings))

    def __call__(self, recording: Recording, language: str, **options: Any) -> Heard:
        mixed = TranscribeOptions(multilingual=True, vad=MIXED_VAD)
        wanted = replace(mixed if language == "multi" else TranscribeOptions(language=language), **options)
        request = TranscriptionRequest(MODEL, wanted, file=io.BytesIO(recording.data))
        transcript, _ = self._runner.run(transcribe(self._service, request))
        return Heard(transcript.text, transcript.words)

    def close(self) -> None:
        self._runner.run(self._service.close())
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OverHttp:
    """speechd's server in a process of its own, asked for a stream of events."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        aliases = json.dumps({MODEL: str(folder.resolve())})
        self._server = serving(data_dir, SPEECHD_MODEL_ALIASES=aliases, SPEECHD_RESULT_CACHE_SECONDS="0")

    def __call__(self, recording: Recording, language: str, **options: Any) -> Heard:
        file = (f"{recording.name}.wav", recording.data)
        events = self._client.audio.transcriptions.create(
            model=MODEL, file=file, language=language, stream=True, extra_body=options
        )
        pieces = [event.delta for event in events if event.type == "transcript.text.delta"]
        return Heard("".join(pieces).strip())

    def __enter__(self) -> Self:
        url = self._server.__enter__()
        self._client = OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._server.__exit__(kind, error, trace)


class FasterWhisper:
    """faster-whisper on a folder of weights, int8 on the CPU, as many threads as speechd takes."""

    def __init__(self, folder: Path) -> None:
        threads = min(os.cpu_count() or 1, MAX_THREADS)
        self.model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        self._batched = BatchedInferencePipeline(self.model)

    def plain(self, recording: Recording, language: str, **options: Any) -> Heard:
        """With its defaults: the whole recording, window by window, each where the one before ended."""
        file, wanted = io.BytesIO(recording.data), _peer_language(language)
        return _collected(self.model.transcribe(file, **wanted, **options)[0])

    def vad(self, recording: Recording, language: str, **options: Any) -> Heard:
        """With its voice filter."""
        return self.plain(recording, language, vad_filter=True, **options)

    def batched(self, recording: Recording, language: str, **options: Any) -> Heard:
        """With its batched pipeline, 8 windows at once."""
        file, wanted = io.BytesIO(recording.data), _peer_language(language)
        return _collected(self._batched.transcribe(file, batch_size=8, **wanted, **options)[0])

    def alone(self, corpus: Corpus) -> Result:
        """Plain, each utterance by itself and told its language: what is said, where there is no text.

        Without higher temperatures: what they sample differs from run to run.
        """
        started = Clock()
        texts = [[self._at_zero(one) for one in each.apart()] for each in corpus.recordings]
        return Result(tuple(Heard(" ".join(parts)) for parts in texts), *started.elapsed())

    def _at_zero(self, utterance: Recording) -> str:
        return self.plain(utterance, utterance.pieces[0].language, temperature=0.0).text

    @property
    def ways(self) -> Mapping[str, Callable[..., Heard]]:
        return {"plain": self.plain, "vad": self.vad, "batched": self.batched}


async def _opened(settings: Settings) -> Service:
    return open_service(settings)


def _peer_language(language: str) -> dict[str, Any]:
    return {"language": None, "multilingual": True} if language == "multi" else {"language": language}


def _collected(segments: Iterable[Any]) -> Heard:
    found = list(segments)
    words = [word for segment in found for word in segment.words or ()]
    return Heard(
        "".join(segment.text for segment in found).strip(),
        tuple(Word(word.word.strip(), word.start, word.end, word.probability) for word in words),
    )
