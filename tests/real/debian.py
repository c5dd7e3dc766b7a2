"""Recordings of people, with their texts, out of Debian packages.

asterisk-core-sounds-*: telephone prompts at 8 kHz, read by Allison Smith (en, es), June Wallack (fr), Carlo Flora (it)
and Maxim Topal (ru); CC-BY-SA-3.0, Italian and Russian CC-BY-3.0. pocketsphinx-testdata: LibriVox readings, public
domain. asterisk-prompt-*: more prompts at 8 kHz, read by July E. Jimenez (es, GPL-2), Armelle Desjardins (fr, BSD) and
Paola Dal Zot (it, CC-BY-SA-3.0). fillets-ng-data-*: dialogues of two actors each, at 22 kHz (GPL-2+). None of them is
part of speechd; they stay in the cache.
"""

import gzip
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.real.cache import CACHE, check, filling, skip_unless_downloaded

VERSION = "1.6.1-1"
LANGUAGES = {
    "en": "en_US_f_Allison",
    "es": "es_MX_f_Allison",
    "fr": "fr_CA_f_June",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}
"""Folders of the prompts by language."""
HASHES = {
    "asterisk-core-sounds-en-wav": "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
    "asterisk-core-sounds-en": "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
    "asterisk-core-sounds-es-wav": "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
    "asterisk-core-sounds-es": "9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74",
    "asterisk-core-sounds-fr-wav": "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
    "asterisk-core-sounds-fr": "04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056",
    "asterisk-core-sounds-it-wav": "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb",
    "asterisk-core-sounds-it": "3884d9457e12f21caa018c18f0d587df5d53ebea14b673d8453a134c5941ab3b",
    "asterisk-core-sounds-ru-wav": "ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201",
    "asterisk-core-sounds-ru": "28a61616bb0cd3345a7ea532dec4df9f071e5d0fa9f8c1a563ea9669002f39ab",
    "pocketsphinx-testdata": "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
}
"""SHA-256 of each package's file."""
MORE_VERSION = "1"
MORE_HASHES = {
    "asterisk-prompt-es-co": "6702696e045514699e87dc8fb70f370717e5df91f821f7bec8dd0df1be008e83",
    "asterisk-prompt-fr-armelle": "162570b1a9b3512a98f06b89f60c7c17cf1b9b52297315adca9a4e5be728bea3",
    "asterisk-prompt-it-menardi-wav": "3094530d98f8758ac275572d59624c41f60969fef883f34f4886d144f3dfeb21",
    "fillets-ng-data-cs": "3ecef99b9456f1c80c9625c6f2418642b52d58e7167a46bad7a412db17991b14",
    "fillets-ng-data-nl": "afb4443fda9ab507dee578b75be857d121718a1cd6017a474f30e0eb13dc9d10",
}
"""The same of the packages that only `voices` needs."""

MISREAD = {"demo-congrats", "pbx-invalid", "pbx-invalidpark"}
"""Prompts that are read in other words than the text file has: all recognisers agree on those words."""
MISPRINTS = {
    "represenatives": "representatives",
    "umute": "unmute",
    "Un-indentified": "Unidentified",
    "witheld": "withheld",
}


@dataclass(frozen=True)
class Prompt:
    """One recording and what is said in it."""

    name: str
    path: Path
    text: str


def prompts(language: str) -> list[Prompt]:
    """All prompts of a language whose text is what is read aloud, by name.

    Left out: descriptions of sounds, which stand in brackets, and what is read in other words than those printed.
    """
    root = _unpacked() / "usr" / "share"
    listed = root / "doc" / f"asterisk-core-sounds-{language}" / f"core-sounds-{language}.txt.gz"
    lines = gzip.decompress(listed.read_bytes()).decode("utf-8-sig").splitlines()
    texts = dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    folder = root / "asterisk" / "sounds" / LANGUAGES[language]
    found = [Prompt(name, folder / f"{name}.wav", _corrected(text)) for name, text in sorted(texts.items())]
    return [p for p in found if p.path.is_file() and p.name not in MISREAD and not re.search(r"[(\[<]", p.text)]


def readings() -> list[Prompt]:
    """Sentences of a LibriVox reading at 16 kHz, without capitals or punctuation."""
    folder = _unpacked() / "usr" / "share" / "pocketsphinx" / "test" / "data" / "librivox"
    lines = re.findall(r"<s> (.*) </s> \((.*)\)", (folder / "transcription").read_text())
    return [Prompt(name, folder / f"{name}.wav", text) for text, name in lines]


@cache
def voices() -> dict[str, list[Path]]:
    """Recordings of twelve people, by person, in the order of their names. Each speaks one language, in one room."""
    more = _unpacked(MORE_VERSION, MORE_HASHES) / "usr" / "share"
    sounds, games = more / "asterisk" / "sounds", more / "games" / "fillets-ng" / "sound"
    prompted = {
        "allison": [p.path for p in prompts("en")],
        "june": [p.path for p in prompts("fr")],
        "carlo": [p.path for p in prompts("it")],
        "maxim": [p.path for p in prompts("ru")],
        "librivox": [p.path for p in readings()],
        "july": [*(sounds / "es").glob("*.gsm")],
        "armelle": [*(sounds / "fr").glob("*.gsm")],
        "paola": [*(sounds / "it_IT_f_Menardi").glob("*.wav")],
    }
    acted = {
        f"{language}-{fish}": [*games.glob(f"*/{language}/*-{fish}-*.ogg")]
        for language in ("cs", "nl")
        for fish in "mv"
    }
    return {name: sorted(paths) for name, paths in sorted((prompted | acted).items())}


def _corrected(text: str) -> str:
    for wrong, right in MISPRINTS.items():
        text = text.replace(wrong, right)
    return text.strip()


def _unpacked(version: str = VERSION, hashes: Mapping[str, str] = HASHES) -> Path:
    """The packages' files below one folder, brought by apt-get when they are not there yet.

    Raises:
        ValueError: what came is not what was wanted.
    """
    folder = CACHE / f"recordings-{version}"
    if not folder.exists():
        with filling(folder) as filled:
            skip_unless_downloaded(["apt-get", "download", "--quiet=2", *hashes], filled)
            files = {package: next(filled.glob(f"{package}_*.deb")) for package in hashes}
            check(filled, {file.name: hashes[package] for package, file in files.items()})
            for file in files.values():
                if subprocess.run(["dpkg-deb", "--extract", file, filled]).returncode:
                    pytest.fail(f"{file.name} cannot be unpacked.")
                file.unlink()
    return folder
