"""The models that `speechd models pull` brings when it is asked for none: a recogniser and a voice."""

from collections.abc import Mapping

from speechd.catalog import Model
from speechd.modelstore import ModelStore

RECOGNISER = "whisper-base"
"""Knows all of Whisper's languages, fits any machine, and can be had from a hub and from a package index."""
VOICE = "en_US-joe-medium"
"""Where the catalog has no voice of the system's language."""


def default_pair(store: ModelStore, language: str) -> tuple[Model, Model]:
    """The recogniser, and the first voice of the catalog that speaks a language.

    Args:
        store: knows the catalog.
        language: ISO 639 code.
    """
    return store.get(RECOGNISER), store.first_voice(language) or store.get(VOICE)


def system_language(environment: Mapping[str, str]) -> str:
    """The language of the messages of this system, "en" where it names none (POSIX locale, environment variables)."""
    value = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    code = value.partition(".")[0].partition("@")[0].partition("_")[0].lower()
    return code if code.isalpha() and code not in ("c", "posix") else "en"
