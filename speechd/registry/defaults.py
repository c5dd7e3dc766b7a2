"""The default models: a recogniser and a voice."""

from collections.abc import Mapping

from speechd.errors import Misconfigured, SpeechdError
from speechd.registry.catalog import Model
from speechd.registry.model_names import AUTO
from speechd.registry.registry import ModelStore
from speechd.settings import Settings

RECOGNISER = "whisper-base"
"""It knows all of Whisper's languages, fits into any machine, and is on a hub and on a package index."""
VOICE = "en_US-joe-medium"
"""Where the catalog has no voice of the system's language."""
NONE = "none"
"""SPEECHD_AUTO_MODEL: install nothing."""


def default_pair(store: ModelStore, language: str) -> tuple[Model, Model]:
    """The recogniser, and the first voice of the catalog that speaks a language.

    Args:
        store: knows the catalog.
        language: ISO 639 code.
    """
    return store.get(RECOGNISER), store.first_voice(language) or store.get(VOICE)


def missing_defaults(store: ModelStore, settings: Settings, language: str, *, speaks: bool) -> tuple[Model, ...]:
    """The models that `speechd serve --pull` installs, the recogniser first. A kind that is installed or named is left
    out.

    Args:
        store: knows what is installed.
        settings: `auto_model` and the defaults of the operator.
        language: ISO 639 code of the system's language.
        speaks: whether voices can be used.

    Raises:
        Misconfigured: `auto_model` is no model that can be pulled.
    """
    wanted = settings.auto_model
    if wanted == NONE:
        return ()
    recogniser, voice = default_pair(store, language)
    missing = []
    if wanted != AUTO:
        missing.append(_named(store, wanted))
    elif store.means_auto(AUTO) and not _has_real(store, "asr"):
        missing.append(recogniser)
    if speaks and settings.default_voice == AUTO and not _has_real(store, "tts"):
        missing.append(voice)
    return tuple(model for model in missing if not model.installed)


def _named(store: ModelStore, model_id: str) -> Model:
    try:
        return store.pullable(model_id)
    except SpeechdError as error:
        raise Misconfigured(f"SPEECHD_AUTO_MODEL: {error.message}") from error


def _has_real(store: ModelStore, kind: str) -> bool:
    """Whether a model of that kind is installed that is not embedded."""
    return any(model.installed and model.kind == kind and not model.embedded for model in store.list(hosted=False))


def system_language(environment: Mapping[str, str]) -> str:
    """The language of the messages of this system, "en" where it names none (POSIX locale, environment variables)."""
    value = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    code = value.partition(".")[0].partition("@")[0].partition("_")[0].lower()
    return code if code.isalpha() and code not in ("c", "posix") else "en"
