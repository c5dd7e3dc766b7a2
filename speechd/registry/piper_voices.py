"""Piper's voices on the model hub: the name of a voice gives the path of its files and its size."""

import re

from speechd.languages import english_name

HUB = "rhasspy/piper-voices"
"""Repository of all of them."""
QUALITY_RANKS = {"x_low": 1, "low": 2, "medium": 3, "high": 4}
"""Piper's names for the sizes of its voices."""
_NAME = re.compile(rf"([a-z]{{2,3}})_([A-Z]{{2}}|\d{{3}})-(\w{{1,64}})-({'|'.join(QUALITY_RANKS)})")


def is_piper_name(name: str) -> bool:
    """The name follows Piper's scheme, language_REGION-speaker-quality; the hub need not have it."""
    return bool(_NAME.fullmatch(name))


def hub_folder(name: str) -> str:
    """`en_US-lessac-medium` -> `en/en_US/lessac/medium`; "" for a name that does not follow the scheme."""
    found = _NAME.fullmatch(name)
    return f"{found[1]}/{found[1]}_{found[2]}/{found[3]}/{found[4]}" if found else ""


def language(name: str) -> str:
    """ISO 639 code of the language that a voice of this name reads."""
    return name.partition("_")[0]


def rank(name: str) -> int:
    """The larger, the better; 0 for a name without a size."""
    return QUALITY_RANKS.get(name.rpartition("-")[2], 0)


def short_names(name: str) -> tuple[str, ...]:
    """`en_US-joe-medium` -> `joe`, `en_US-joe`; none for a name that does not follow the scheme."""
    found = _NAME.fullmatch(name)
    return (found[3], f"{found[1]}_{found[2]}-{found[3]}") if found else ()


def title(name: str) -> str:
    """`en_US-joe-medium` -> `Joe (English, US, medium)`, for lists that people read; other names are unchanged."""
    found = _NAME.fullmatch(name)
    if found is None:
        return name
    return f"{found[3].replace('_', ' ').capitalize()} ({english_name(found[1])}, {found[2]}, {found[4]})"
