"""The known voices, and the voice of a speech request.

A request names a model and a voice. Piper makes no difference between the two: each voice is a model. So `model` may be
a voice, `auto`, or the id of a hosted model that stands for the default voice; `voice` may be a voice, a speaker of
one (`NAME#speaker`), the short name of a voice (`joe`), or a name of a hosted service, which stands for the model's own
voice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speechd.errors import InvalidRequest, ModelNotFound, ModelNotInstalled, SpeechdError
from speechd.languages import english_name
from speechd.registry import piper_voices
from speechd.registry.catalog import Model
from speechd.registry.model_names import AUTO
from speechd.registry.registry import ModelStore
from speechd.registry.speakers import named_speaker, numbered_speaker
from speechd.settings import Settings
from speechd.tts.engine import SpeakerMix, VoiceInfo
from speechd.tts.engines.kokoro_files import GENDERS, KokoroFiles
from speechd.tts.engines.piper_files import VoiceFiles

DEFAULT_NAMES = frozenset(("", "auto", "default"))
HOSTED_VOICES = frozenset(
    name.casefold()
    for names in (
        "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar",
        "Aaliyah-PlayAI Adelaide-PlayAI Angelo-PlayAI Arista-PlayAI Atlas-PlayAI Basil-PlayAI Briggs-PlayAI",
        "Calum-PlayAI Celeste-PlayAI Cheyenne-PlayAI Chip-PlayAI Cillian-PlayAI Deedee-PlayAI Eleanor-PlayAI",
        "Fritz-PlayAI Gail-PlayAI Indigo-PlayAI Jennifer-PlayAI Judy-PlayAI Mamaw-PlayAI Mason-PlayAI",
        "Mikail-PlayAI Mitch-PlayAI Nia-PlayAI Quinn-PlayAI Ruby-PlayAI Thunder-PlayAI",
        "Ahmad-PlayAI Amira-PlayAI Khalid-PlayAI Nasser-PlayAI",
        "autumn diana hannah austin daniel troy",
    )
    for name in names.split()
)
"""Voices of OpenAI, of Groq's PlayAI and of Groq's Orpheus, which cannot be installed: declared aliases."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that can speak."""

    id: str
    """Its model's id, with `#` and the speaker where the request names one."""
    model: Model
    info: VoiceInfo
    """Its properties, or those of the speaker."""
    speaker: int | SpeakerMix | None = None
    """Number of the speaker, or a mix; None for the first."""

    @property
    def title(self) -> str:
        """Its name in lists that people read."""
        return piper_voices.title(self.id.rpartition("/")[2])

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of what all its speakers read; of one speaker its own."""
        if self.speaker is not None:
            return (self.info.language,)
        return tuple(dict.fromkeys((self.info.language, *(language for language, _ in self.info.accents.values()))))

    @property
    def gender(self) -> Literal["female", "male"] | None:
        """Of the speaker, or the first one; None where the model does not tell."""
        if self.model.engine != "kokoro":
            return None
        name = self.id.partition("#")[2] or next(iter(self.info.speakers), "")
        return GENDERS.get(name[1:2])


class VoiceStore:
    """The speech models of a ModelStore, as voices."""

    def __init__(self, models: ModelStore, settings: Settings) -> None:
        self._models = models
        self._default = settings.default_voice

    def list(self) -> tuple[Voice, ...]:
        """Every installed voice in each of its languages, the best first; hosted ids that stand for one are out."""
        models = (model for model in self._models.list(hosted=False) if model.kind == "tts")
        return tuple(voice for model in models for voice in _voices(model))

    def choose(self, model: str, voice: str, language: str = "", *, required: bool = False) -> Voice:
        """The voice of a request.

        Args:
            model: a voice, `auto`, or the id of a hosted model.
            voice: a voice, a speaker of one, or a hosted name.
            language: ISO 639-1 code of the text, "" where nobody knows. Where the request names no voice, an installed
                voice of this language is taken before the default one.
            required: the caller named the language, so that no voice of another is taken for `auto`.

        Raises:
            ModelNotFound: no such model.
            ModelNotInstalled: the voice, or the default voice of the language, is known but not on disk.
            InvalidRequest: the model does not speak, or there is no such voice or speaker.
        """
        if (missing := self.missing(model, voice)) is not None:
            raise ModelNotInstalled(
                f"The voice `{missing.id}` is known but not installed here. Installed: {_names(self.list())}."
                f" Install it with: {missing.how_to_install}",
                param="model" if missing.id == model else "voice",
            )
        if required and (lacking := self.lacking(model, voice, language)) is not None:
            raise ModelNotInstalled(
                f"No installed voice speaks {english_name(language)}. Installed: {_names(self.list())}."
                f" Install one with: {lacking.how_to_install}",
                param="language",
            )
        name, _, speaker = voice.strip().partition("#")
        own = self._of_model(model, language)
        found = self._named(name, own)
        if found is None and named_speaker(own.info, name) is not None:
            found, speaker = own, name
        if found is None:
            found, speaker = self._by_other_name(name, speaker)
        return _with_speaker(found, speaker) if speaker else found

    def answering(self, languages: tuple[str, ...]) -> Voice | None:
        """The voice that a hosted model of these languages stands for, or of any where it has none; None where there is
        no such voice."""
        try:
            return self._default_voice(languages)
        except SpeechdError:
            return None

    def missing(self, model: str, voice: str) -> Model | None:
        """The known voice of a request that is not installed, or None."""
        name = voice.partition("#")[0].strip()
        named = None if name.casefold() in DEFAULT_NAMES | HOSTED_VOICES else self._known(name)
        meant = (named, self._known(model) or self._default_for(model))
        return next((found for found in meant if found and not found.installed), None)

    def lacking(self, model: str, voice: str, language: str) -> Model | None:
        """The default voice of a language, where the request names no voice and none of the language is installed; None
        too where the catalog knows none."""
        open_choice = model == AUTO and voice.strip().casefold() in DEFAULT_NAMES
        return self._models.first_voice(language) if open_choice and not self._in_language(language) else None

    def _default_for(self, model: str) -> Model | None:
        """The voice of SPEECHD_DEFAULT_VOICE, where this model stands for it."""
        default = self._known(self._default)
        if default is None or model == AUTO:
            return default
        try:
            row = self._models.get(model)
        except ModelNotFound:
            return None
        able = row.stands_for and (not row.languages or set(row.languages) & set(default.languages))
        return default if able else None

    def _known(self, name: str) -> Model | None:
        """The voice of this name, on disk or not."""
        try:
            found = self._models.get(name)
        except ModelNotFound:
            return None
        return found if found.kind == "tts" and not found.stands_for else None

    def _of_model(self, model_id: str, language: str = "") -> Voice:
        if model_id == AUTO:
            return self._in_language(language) or self._default_voice()
        model = self._models.get(model_id)
        if model.kind != "tts":
            raise InvalidRequest(f"The model `{model_id}` does not speak. It transcribes.", param="model")
        if model.stands_for:
            fits = not model.languages or language in model.languages
            return (self._in_language(language) if fits else None) or self._default_voice(model.languages)
        found = tuple(_voices(model))
        if not found:
            raise ModelNotInstalled(
                f"The files of the voice `{model_id}` cannot be read. Installed: {_names(self.list())}.", param="model"
            )
        return next((voice for voice in found if voice.info.language == language), found[0])

    def _in_language(self, language: str) -> Voice | None:
        """The default voice of a language; None where it is not known or no voice speaks it."""
        speaks = language and any(voice.info.language == language for voice in self.list())
        return self.answering((language,)) if speaks else None

    def _default_voice(self, languages: tuple[str, ...] = ()) -> Voice:
        """The best voice, of these languages where any are given.

        Raises:
            InvalidRequest: there is none of these languages.
            ModelNotInstalled: SPEECHD_DEFAULT_VOICE is not installed.
        """
        voices = self.list()
        able = [
            v for v in voices if self._models.may_be_auto(v.model) and (not languages or v.info.language in languages)
        ]
        if not able:
            raise InvalidRequest(
                f"No installed voice speaks {', '.join(languages) or 'at all'}. Installed: {_names(voices)}.",
                param="model",
                code="voice_not_found",
            )
        best = next((voice for voice in able if self._models.may_be_auto(voice.model)), able[0])
        if self._default == AUTO:
            return best
        chosen = next((voice for voice in voices if voice.id == self._default), None)
        if chosen is None:
            raise ModelNotInstalled(
                f"The default voice `{self._default}` is not installed. Installed: {_names(voices)}.", param="voice"
            )
        return chosen if chosen in able else best

    def _named(self, name: str, own: Voice) -> Voice | None:
        if name.casefold() in DEFAULT_NAMES | HOSTED_VOICES or name == own.id:
            return own
        known = self._known(name)
        return _voice(known) if known else None

    def _by_other_name(self, name: str, speaker: str) -> tuple[Voice, str]:
        """The voice and speaker of a voice's short name, or of a speaker's own name.

        Raises:
            InvalidRequest: no installed voice is called so or has such a speaker, or several do.
        """
        voices = self.list()
        wanted = name.casefold()
        fitting = [v for v in voices if wanted in map(str.casefold, piper_voices.short_names(v.id.rpartition("/")[2]))]
        if not fitting and not speaker:
            fitting = [v for v in voices if v.speaker is None and named_speaker(v.info, name) is not None]
            speaker = name
        if len(fitting) > 1:
            raise InvalidRequest(
                f"`{name}` may be any of several voices: {_names(fitting)}.", param="voice", code="voice_not_found"
            )
        if not fitting:
            raise _unknown(name, voices)
        return fitting[0], speaker


def _voices(model: Model) -> Iterator[Voice]:
    """A voice, and for each further language that its speakers read the first of those."""
    if (voice := _voice(model)) is None:
        return
    yield voice
    languages = {voice.info.language}
    for name, number in voice.info.speakers.items():
        info = voice.info.of_speaker(number)
        if info.language not in languages:
            languages.add(info.language)
            yield Voice(f"{voice.id}#{name}", model, info, number)


def _voice(model: Model) -> Voice | None:
    info = _INFO[model.engine](model.path) if model.path else None
    return Voice(model.id, model, info) if info else None


def _piper_info(folder: Path) -> VoiceInfo | None:
    files = VoiceFiles.in_folder(folder)
    return files.info() if files else None


_INFO: Mapping[str, Callable[[Path], VoiceInfo | None]] = {
    "piper": _piper_info,
    "kokoro": lambda folder: KokoroFiles(folder).info() if KokoroFiles(folder).speakers else None,
}
"""What reads the properties of a voice, by its engine; None where its files cannot be read."""


def _with_speaker(voice: Voice, speaker: str) -> Voice:
    number = named_speaker(voice.info, speaker)
    number = numbered_speaker(voice.info, speaker) if number is None else number
    if number is None:
        known = ", ".join(list(voice.info.speakers)[:50]) or "one speaker only, without a name"
        raise InvalidRequest(
            f"The voice `{voice.id}` has no speaker `{speaker}`. It has: {known}.",
            param="voice",
            code="voice_not_found",
        )
    return Voice(f"{voice.model.id}#{speaker}", voice.model, voice.info.of_speaker(number), number)


def _unknown(voice: str, voices: Iterable[Voice]) -> InvalidRequest:
    return InvalidRequest(
        f"There is no voice `{voice[:80]}`. Installed: {_names(voices)}. Hosted names such as alloy or Fritz-PlayAI"
        " stand for the model's own voice.",
        param="voice",
        code="voice_not_found",
    )


def _names(voices: Iterable[Voice]) -> str:
    return ", ".join(voice.id for voice in voices) or "none"
