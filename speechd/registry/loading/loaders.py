"""Loads models: the engine by its name, and the object that requests use. The libraries load with the first model."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechd.asr.batcher import Batcher
from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.diarization.engine import SpeakerEngine
from speechd.asr.engine import AsrEngine, Interruptible
from speechd.asr.engines.engine_monitor import shared_monitor
from speechd.errors import EngineFailure, Misconfigured
from speechd.fairness.queue_limits import QueueLimits
from speechd.registry.catalog import Model
from speechd.registry.loading.context_margin import known_margin
from speechd.registry.loading.cpu_share import MAX_REPLICAS, CpuShare, measured_share, share_by_size
from speechd.registry.loading.manager import LoadedModel
from speechd.settings import Settings
from speechd.telemetry.metrics import BATCH_SECONDS, BATCH_WINDOWS, FALLBACKS, STAGE_SECONDS, model_label
from speechd.telemetry.tracing import span
from speechd.tts.engine import Spoken, SynthesisOptions, TtsEngine
from speechd.tts.engines.kokoro_files import KokoroFiles
from speechd.tts.engines.piper_files import VoiceFiles
from speechd.tts.loudness.speaker_gain import GainFile, LevelledVoice
from speechd.tts.normalization.reading import load_reading
from speechd.tts.synthesizer import LoadedVoice

if TYPE_CHECKING:
    from speechd.asr.engines.whisper import WhisperEngine

CPU_WINDOWS = 8
"""Windows decoded at once on a CPU, by all replicas together. With whisper-base and two replicas twice as many
took 37 MB more, and no less time."""
UNKNOWN_MARGIN = 5.0
"""Seconds of silence after a short window for a model that was not measured: the longest that a measured one needs."""

EngineLoader = Callable[[Model, Settings], AsrEngine | TtsEngine | SpeakerEngine]


def load_whisper(model: Model, settings: Settings) -> "WhisperEngine":
    """Loads a Whisper model's files into an engine."""
    from speechd.asr.engines.whisper import WhisperEngine

    if model.path is None:
        raise ValueError(f"{model.id} is not installed")
    device, devices = _devices(settings.device)
    share = _share(model.path, device, settings)
    return WhisperEngine(
        model.path,
        device=device,
        devices=devices,
        compute_type=_compute_type(settings.compute_type, device),
        threads=share.threads,
        replicas=share.replicas,
        context_margin=_margin(model, settings.adaptive_context),
        languages=model.languages,
        batch_size=max(2, CPU_WINDOWS // share.replicas) if device == "cpu" else 16,
    )


def load_sphinx(model: Model, settings: Settings) -> AsrEngine:
    """Starts PocketSphinx on the model that its package carries."""
    from speechd.asr.engines.pocketsphinx import SphinxEngine

    if model.path is None:
        raise ValueError(f"{model.id} is not installed")
    replicas = min(os.cpu_count() or 1, MAX_REPLICAS)
    return SphinxEngine(model.path, replicas=replicas, timeout=settings.engine_timeout)


def load_onnx_asr(model: Model, settings: Settings) -> AsrEngine:
    """Loads a model for onnx-asr."""
    from speechd.asr.engines.onnx_asr import OnnxAsrEngine

    if model.path is None:
        raise ValueError(f"{model.id} is not installed")
    device, devices = _devices(settings.device)
    return OnnxAsrEngine(
        model.path,
        device=device,
        device_index=devices[0],
        threads=settings.cpu_threads,
        languages=model.languages,
        batch_size=1 if device == "cpu" else 16,
    )


def load_campplus(model: Model, settings: Settings) -> SpeakerEngine:
    """Loads a CAM++ model, which tells voices apart."""
    from speechd.asr.diarization.campplus import CampplusEngine

    if model.path is None:
        raise ValueError(f"{model.id} is not installed")
    return CampplusEngine(model.path)


def load_piper(model: Model, settings: Settings) -> TtsEngine:
    """Loads a Piper voice's files into an engine."""
    from speechd.tts.engines.piper import PiperEngine

    files = VoiceFiles.in_folder(model.path) if model.path else None
    if files is None:
        raise EngineFailure(f"The voice {model.id} has no files that can be read.")
    load_reading(files.info().language, files.info().region)
    return _levelled(PiperEngine(files), (files.model, files.config), settings)


def load_kokoro(model: Model, settings: Settings) -> TtsEngine:
    """Loads Kokoro's files into an engine."""
    from speechd.tts.engines.kokoro import KokoroEngine

    if model.path is None:
        raise ValueError(f"{model.id} is not installed")
    files = KokoroFiles(model.path)
    for language, region in set(files.info().accents.values()):
        load_reading(language, region)
    return _levelled(KokoroEngine(files), (files.model, *files.speakers), settings)


def _levelled(engine: TtsEngine, files: tuple[Path, ...], settings: Settings) -> TtsEngine:
    """The voice at the loudness that is set, or as it is.

    Args:
        files: of the voice.
    """
    if settings.speech_loudness is None:
        return engine
    gains = GainFile.of(settings.data_dir / "voice-gains.json", *files)
    return LevelledVoice(engine, settings.speech_loudness, gains)


def open_recogniser(engine: AsrEngine, model_id: str, settings: Settings) -> LoadedModel:
    """A recogniser's engine behind the queue that feeds it."""

    label = model_label(model_id)

    @contextmanager
    def watch(windows: int) -> Iterator[None]:
        BATCH_WINDOWS.labels(label).observe(windows)
        with BATCH_SECONDS.labels(label).time(), expected(windows):
            yield

    def expected(windows: int) -> AbstractContextManager[None]:
        if isinstance(engine, Interruptible):
            return nullcontext()  # it watches each of its processes
        return shared_monitor().expect(model_id, windows * settings.engine_timeout)

    def on_doubt(reason: str) -> None:
        FALLBACKS.labels(label, reason).inc()

    return Batcher(engine, limits=recording_limits(settings), watch=watch, on_doubt=on_doubt)


def open_voice(engine: TtsEngine, model_id: str, settings: Settings) -> LoadedModel:
    """A voice's engine with the threads that it speaks on."""
    watched = WatchedVoice(engine, model_id, settings.engine_timeout)
    return LoadedVoice(watched, settings.cpu_threads or os.cpu_count() or 1, text_limits(settings))


def open_diarizer(engine: SpeakerEngine, model_id: str, settings: Settings) -> LoadedModel:
    """A model that tells voices apart, with the threads that it works on."""
    return Diarizer(engine)


class WatchedVoice:
    """A voice whose late sentences the engine monitor tells."""

    def __init__(self, engine: TtsEngine, model_id: str, seconds: float) -> None:
        """
        Args:
            seconds: that a sentence may take.
        """
        self.info = engine.info
        self._engine = engine
        self._model_id = model_id
        self._seconds = seconds

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        """See speechd.tts.engine.TtsEngine."""
        stage = STAGE_SECONDS.labels(model_label(self._model_id), "synthesise")
        with span("synthesise"), stage.time(), shared_monitor().expect(self._model_id, self._seconds):
            return self._engine.synthesize(sentence, options)

    def close(self) -> None:
        """See speechd.tts.engine.TtsEngine."""
        self._engine.close()


def recording_limits(settings: Settings) -> QueueLimits:
    """Of the audio that may wait for one recogniser."""
    return QueueLimits(settings.max_queue_seconds, settings.max_wait, settings.key_share)


def text_limits(settings: Settings) -> QueueLimits:
    """Of the characters that may wait for one voice."""
    most = settings.max_queue_characters
    return QueueLimits(most, settings.max_wait, settings.key_share, "The voice", "characters")


LOADERS: Mapping[str, Callable[[Any, str, Settings], LoadedModel]] = {
    "asr": open_recogniser,
    "speakers": open_diarizer,
    "tts": open_voice,
}
"""What a loaded engine is worked through, by its model's `kind`. The text is the model's id."""
ENGINES: Mapping[str, EngineLoader] = {
    "whisper": load_whisper,
    "sphinx": load_sphinx,
    "onnx-asr": load_onnx_asr,
    "piper": load_piper,
    "campplus": load_campplus,
    "kokoro": load_kokoro,
}
"""What loads a model, by its catalog row's `engine`."""


def runs_on_cpu(settings: Settings) -> bool:
    """Whether no model is loaded onto a GPU.

    Raises:
        Misconfigured: see SPEECHD_DEVICE.
    """
    return _devices(settings.device)[0] == "cpu"


def check_device(wanted: str) -> str:
    """What models run on, in one sentence.

    Raises:
        Misconfigured: SPEECHD_DEVICE names a GPU that is not there.
    """
    if wanted in ("auto", "cpu"):  # without a look at the GPUs, which loads libraries: `auto` can do without one
        return f"`{wanted}`."
    import ctranslate2

    count = ctranslate2.get_cuda_device_count()
    _, indices = _devices(wanted)
    if missing := [index for index in indices if index >= count]:
        raise Misconfigured(
            f"SPEECHD_DEVICE is {wanted}, but there is no GPU {missing[0]}: {count} can be used here."
            " `speechd doctor` says why."
        )
    return f"{len(indices)} GPUs."


def _margin(model: Model, wanted: str) -> float | None:
    """Seconds of silence after a short window; None pads it to 30 s."""
    if wanted == "off":
        return None
    known = known_margin(model)
    return UNKNOWN_MARGIN if wanted == "always" and known is None else known


def _devices(wanted: str) -> tuple[str, tuple[int, ...]]:
    """`cuda:0,1` -> ("cuda", (0, 1)); `auto` takes every GPU there is, else the CPU.

    Raises:
        Misconfigured: it is none of the forms.
    """
    name, _, indices = wanted.partition(":")
    try:
        chosen = tuple(int(index) for index in indices.split(",")) if indices else ()
    except ValueError:
        chosen, name = (), ""
    if name not in ("auto", "cpu", "cuda"):
        raise Misconfigured(f"SPEECHD_DEVICE is auto, cpu, cuda or cuda:0,1 ..., not {wanted}.")
    if name == "cpu":
        return "cpu", (0,)
    import ctranslate2

    found = ctranslate2.get_cuda_device_count()
    if name == "auto" and not found:
        return "cpu", (0,)
    return "cuda", chosen or tuple(range(max(1, found)))


def _compute_type(wanted: str, device: str) -> str:
    return wanted if wanted != "auto" else {"cpu": "int8", "cuda": "float16"}.get(device, "default")


def _share(model: Path, device: str, settings: Settings) -> CpuShare:
    """Threads and replicas: one replica on each GPU; on a CPU as they are set, or were measured."""
    cores = os.cpu_count() or 1
    if device != "cpu":
        return CpuShare(settings.cpu_threads or 1, 1)
    if settings.cpu_threads:
        return share_by_size(model, cores, settings.cpu_threads)
    compute_type = _compute_type(settings.compute_type, device)
    return measured_share(model, compute_type, cores, settings.data_dir / "cpu-shares.json")
