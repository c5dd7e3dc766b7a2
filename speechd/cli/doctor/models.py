"""Checks the models: complete files, loading, and a sentence from voice to recogniser."""

import asyncio
import difflib
import io
import time
from collections.abc import Iterator
from pathlib import Path

from speechd.api.diagnosis.report import Finding
from speechd.errors import EngineFailure, FeatureNotInstalled, ModelNotFound, SpeechdError
from speechd.operations import SpeechRequest, TranscriptionRequest, open_speech, transcribe
from speechd.registry.catalog import Model
from speechd.registry.files import LAYOUTS, engine_of, folder_bytes, model_folders
from speechd.registry.load_check.checker import ModelChecker
from speechd.registry.loading.loaders import ENGINES
from speechd.registry.memory import available_memory, fits
from speechd.registry.model_names import AUTO
from speechd.registry.registry import ModelStore
from speechd.service import Service
from speechd.settings import Settings
from speechd.tts.loudness.sentences import probe_sentences
from speechd.types import SpeechOptions, SpeechPart, TranscribeOptions, Transcript

ENGLISH = "Turn off the television, please."
"""The sentence of an English voice: every known recogniser understands it."""
MIN_SIMILARITY = 0.5
"""Share of the words that must be right. With fewer the recogniser does not understand this voice."""


def folders(settings: Settings) -> Iterator[Finding]:
    """Folders in `models` of the data folder that are not models."""
    root = settings.data_dir / "models"
    good = {path for _, path in model_folders(root)}
    parents = {path.parent for path in good}
    entries = sorted(root.iterdir()) if root.is_dir() else []
    broken = [each for each in entries if each.is_dir() and each.name[0] != "." and each not in good | parents]
    for folder in broken:
        yield Finding(
            "problem",
            f"{folder} has no complete model: {_missing(folder)}.",
            "Put the missing files there or remove the folder, then: speechd models pull NAME",
        )
    if not broken:
        yield Finding("ok", f"{len(good)} in {root}, all complete." if good else f"None in {root} yet.")


def names(settings: Settings) -> Iterator[Finding]:
    """Whether the models and voices of the settings exist and are installed."""
    store = ModelStore(settings)
    given = {"SPEECHD_DEFAULT_MODEL": settings.default_model, "SPEECHD_DEFAULT_VOICE": settings.default_voice}
    given |= {f"SPEECHD_PRELOAD ({name})": name for name in settings.preload}
    given |= {f"SPEECHD_MODEL_ALIASES ({alias})": meant for alias, meant in settings.model_aliases.items()}
    wrong = [finding for name, model in given.items() if model != AUTO and (finding := _unknown(store, name, model))]
    yield from wrong or [Finding("ok", "Every model that the settings name is installed.")]


def loading(settings: Settings) -> Iterator[Finding]:
    """Loads each installed model, one at a time. Voices load without their gain, so that nothing is measured and
    written."""
    settings = settings.model_copy(update={"speech_loudness": None})
    for model in ModelStore(settings).list(hosted=False):
        if model.installed:
            yield _loaded(model, settings)


def end_to_end(settings: Settings) -> Iterator[Finding]:
    """The default voice speaks a sentence, and the default recogniser transcribes it."""
    yield asyncio.run(_end_to_end(settings.model_copy(update={"speech_loudness": None})))


def _missing(folder: Path) -> str:
    """The files that are missing for the most likely engine."""
    missing = {
        engine: [pattern for pattern in patterns if not any(folder.glob(pattern))]
        for engine, patterns in LAYOUTS.items()
    }
    likeliest = min(missing, key=lambda engine: len(missing[engine]) / len(LAYOUTS[engine]))
    if len(missing[likeliest]) == len(LAYOUTS[likeliest]):
        return "none of its files belongs to a model"
    if not missing[likeliest] and not engine_of(folder):
        return "its files cannot be read"
    return f"{', '.join(missing[likeliest])} missing"


def _unknown(store: ModelStore, setting: str, name: str) -> Finding | None:
    try:
        model = store.get(name)
    except ModelNotFound:
        return Finding("problem", f"{setting} names {name}, which does not exist.", "See: speechd models list")
    if model.installed or model.stands_for:
        return None
    return Finding("problem", f"{setting} names {name}, which is not installed.", f"Run: {model.how_to_install}")


def _loaded(model: Model, settings: Settings) -> Finding:
    size = folder_bytes(model.path) if model.path else 0
    if not fits(size, available_memory()):
        remedy = "Stop other programs or servers and run this again, or choose a smaller model."
        return Finding("warning", f"{model.id} was not loaded: it needs more than the free memory.", remedy)
    began = time.monotonic()
    try:
        ModelChecker(settings).check(model)
        ENGINES[model.engine](model, settings).close()
    except FeatureNotInstalled as error:
        return Finding("warning", f"{model.id}: {error.message}", f"Or remove it: speechd models remove {model.id}")
    except EngineFailure as error:
        remedy = f"Pull it again: speechd models remove {model.id}, then speechd models pull {model.id}"
        return Finding("problem", f"{model.id}: {error.message}", "" if model.embedded else remedy)
    except SpeechdError as error:
        return Finding("problem", f"{model.id}: {error.message}")
    return Finding("ok", f"{model.id} ({size / 1e6:.0f} MB) loads in {time.monotonic() - began:.1f} s.")


async def _end_to_end(settings: Settings) -> Finding:
    service = Service(settings)
    try:
        try:
            said, voice, audio = await _speak(service)
        except SpeechdError as error:
            return Finding("skipped", f"No voice: {error.message}")
        began = time.monotonic()
        request = TranscriptionRequest(AUTO, TranscribeOptions(), file=io.BytesIO(audio))
        transcript, _ = await transcribe(service, request)
        return _compared(said, voice, transcript, time.monotonic() - began)
    finally:
        await service.close()


async def _speak(service: Service) -> tuple[str, str, bytes]:
    """A sentence, its voice, and its audio as WAV.

    Raises:
        SpeechdError: there is no voice, or it failed.
    """
    language = service.voices.choose(AUTO, "").info.language
    said = ENGLISH if language == "en" else probe_sentences(language)[0]
    audio = b""
    async with open_speech(service, SpeechRequest(said, options=SpeechOptions("wav"))) as stream:
        async for part in stream.parts:
            audio += part.audio if isinstance(part, SpeechPart) else b""
        return said, stream.voice.id, audio


def _compared(said: str, voice: str, heard: Transcript, seconds: float) -> Finding:
    """Compares the transcript with the sentence."""
    similarity = difflib.SequenceMatcher(None, _words(said), _words(heard.text)).ratio()
    told = f'{voice} spoke "{said}", and {heard.model} wrote "{heard.text}"'
    if similarity < MIN_SIMILARITY:
        return Finding("warning", f"{told}.", "Pull a recogniser of that language: speechd models pull whisper-base")
    return Finding("ok", f"{told}, {heard.duration:.1f} s of speech in {seconds:.1f} s with loading.")


def _words(text: str) -> list[str]:
    kept = "".join(char if char.isalnum() else " " for char in text.casefold())
    return kept.split()
