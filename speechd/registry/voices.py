"""The known voices, and the voice of a speech request.

A request names a model and a voice. Piper makes no difference between the two: each voice is a model. So `model` may be
a voice, `auto`, or the id of a hosted model that stands for the default voice; `voice` may be a voice, a speaker of
one (`NAME#speaker`), the short name of a voice (`joe`), or a name of a hosted service, which stands for the model's own
voice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from speechd.errors import InvalidRequest, ModelNotFound, ModelNotInstalled, SpeechdError
from speechd.registry import piper_voices
from speechd.registry.catalog import Model
from speechd.registry.model_names import AUTO
from speechd.registry.registry import ModelStore
from speechd.settings import Settings
from speechd.tts.engine import VoiceInfo
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
    files: VoiceFiles
    info: VoiceInfo
    speaker: int | None = None
    """Number of the speaker; None for the first."""

    @property
    def title(self) -> str:
        """Its name in lists that people read."""
        return piper_voices.title(self.id.rpartition("/")[2])


class VoiceStore:
    """The speech models of a ModelStore, as voices."""

    def __init__(self, models: ModelStore, settings: Settings) -> None:
        self._models = models
        self._default = settings.default_voice

    def list(self) -> tuple[Voice, ...]:
        """Every installed voice, the best first; hosted ids that stand for one are left out."""
        models = (model for model in self._models.list(hosted=False) if model.kind == "tts")
        return tuple(voice for model in models if (voice := _voice(model)))

    def choose(self, model: str, voice: str, language: str = "") -> Voice:
        """The voice of a request.

        Args:
            model: a voice, `auto`, or the id of a hosted model.
            voice: a voice, a speaker of one, or a hosted name.
            language: ISO 639-1 code of the text, "" where nobody knows. Where the request names no voice, an installed
                voice of this language is taken before the default one.

        Raises:
            ModelNotFound: no such model.
            ModelNotInstalled: the voice is known but not on disk.
            InvalidRequest: the model does not speak, or there is no such voice or speaker.
        """
        if (missing := self.missing(model, voice)) is not None:
            raise ModelNotInstalled(
                f"The voice `{missing.id}` is known but not installed here. Installed: {_names(self.list())}."
                f" Install it with: {missing.how_to_install}",
                param="model" if missing.id == model else "voice",
            )
        name, _, speaker = voice.strip().partition("#")
        own = self._of_model(model, language)
        found = self._named(name, own)
        if found is None and name in own.info.speakers:
            found, speaker = own, name
        if found is None:
            found = self._by_short_name(name)
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
        found = _voice(model)
        if found is None:
            raise ModelNotInstalled(
                f"The files of the voice `{model_id}` cannot be read. Installed: {_names(self.list())}.", param="model"
            )
        return found

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

    def _by_short_name(self, name: str) -> Voice:
        """
        Raises:
            InvalidRequest: no installed voice is called so, or several are.
        """
        voices = self.list()
        wanted = name.casefold()
        fitting = [v for v in voices if wanted in map(str.casefold, piper_voices.short_names(v.id.rpartition("/")[2]))]
        if len(fitting) > 1:
            raise InvalidRequest(
                f"`{name}` may be any of several voices: {_names(fitting)}.", param="voice", code="voice_not_found"
            )
        if not fitting:
            raise _unknown(name, voices)
        return fitting[0]


def _voice(model: Model) -> Voice | None:
    files = VoiceFiles.in_folder(model.path) if model.path else None
    return Voice(model.id, model, files, files.info()) if files else None


def _with_speaker(voice: Voice, speaker: str) -> Voice:
    number = _number(voice.info.speakers, speaker)
    if number is None:
        known = ", ".join(list(voice.info.speakers)[:50]) or "one speaker only, without a name"
        raise InvalidRequest(
            f"The voice `{voice.id}` has no speaker `{speaker}`. It has: {known}.",
            param="voice",
            code="voice_not_found",
        )
    return Voice(f"{voice.id}#{speaker}", voice.model, voice.files, voice.info, number)


def _number(speakers: Mapping[str, int], speaker: str) -> int | None:
    """A speaker's number, by its name first."""
    if speaker in speakers:
        return speakers[speaker]
    numbered = speaker.isascii() and speaker.isdigit() and int(speaker[:9]) in speakers.values()
    return int(speaker) if numbered else None


def _unknown(voice: str, voices: Iterable[Voice]) -> InvalidRequest:
    return InvalidRequest(
        f"There is no voice `{voice[:80]}`. Installed: {_names(voices)}. Hosted names such as alloy or Fritz-PlayAI"
        " stand for the model's own voice.",
        param="voice",
        code="voice_not_found",
    )


def _names(voices: Iterable[Voice]) -> str:
    return ", ".join(voice.id for voice in voices) or "none"
