"""What is heard where a first sentence is cut at its clause: `python -m tests.bench.speech_joins [--rounds 3]`.

Real voices speak each sentence in two parts, as a request gets it, and in one. The level of the parts, the largest step
between two samples around the join and the silence there are compared.
"""

import argparse
import asyncio
import statistics
from collections.abc import Callable, Sequence

from speechd.tts.engine import TtsEngine
from speechd.tts.engines.kokoro import KokoroEngine
from speechd.tts.engines.kokoro_files import KokoroFiles
from speechd.tts.engines.piper import PiperEngine
from speechd.tts.engines.piper_files import VoiceFiles
from tests.real.weights import JOE, KOKORO, model_folder, pulled_folder
from tests.support.joins import Join, measured_join

SENTENCES = (
    ("When the ferry finally left the harbour,", "everyone on deck turned to look back at the town."),
    ("If the bread sounds hollow when you knock on it,", "take it out of the oven and let it cool."),
    ("After the concert in the old town hall,", "we walked home along the river and talked about music."),
    ("The museum is closed on Mondays in winter,", "but the shop next to it is always open."),
    ("She opened the door of the cellar very slowly,", "as if she was afraid of what was behind it."),
)


def _joe() -> TtsEngine:
    files = VoiceFiles.in_folder(model_folder(JOE))
    assert files
    return PiperEngine(files)


VOICES: dict[str, Callable[[], TtsEngine]] = {
    JOE.name: _joe,
    KOKORO: lambda: KokoroEngine(KokoroFiles(pulled_folder(KOKORO))),
}


async def joins(voice: TtsEngine, rounds: int) -> list[Join]:
    return [await measured_join(voice, *sentence) for sentence in SENTENCES for _ in range(rounds)]


def _both(values: Sequence[float], unit: str) -> str:
    return f"{statistics.median(values):.3g} {unit}, {max(values):.3g} {unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"{len(SENTENCES)} sentences, {rounds} times each. Each cell: median, largest.\n")
    print("| voice | level | step at the join | step in speech | silence at the join | in one |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, load in VOICES.items():
        found = asyncio.run(joins(load(), rounds))
        cells = (
            _both([join.level for join in found], "dB"),
            _both([join.jump for join in found], ""),
            _both([join.loudest_jump for join in found], ""),
            _both([join.gap for join in found], "s"),
            _both([join.usual_gap for join in found], "s"),
        )
        print(f"| {name} | {' | '.join(cell.replace(' ,', ',').strip() for cell in cells)} |", flush=True)


if __name__ == "__main__":
    main()
