"""Whether speechd writes what plain faster-whisper writes with the same weights.

    python -m tests.bench.agreement [--model FOLDER] [--clips N]

Recordings: the audio fixtures of up to 30 s that have a language, and clips of 2 to 28 s cut from the 3-minute fixture.
First both hear the same 30 s window (no voice filter, no adaptive context) and the share of identical texts is printed.
Then each works as it usually does, speechd in windows of its own, faster-whisper with its voice filter, and the word
error rates between the two and of each against what is said are printed.
"""

import argparse
import asyncio
import io
from dataclasses import dataclass
from pathlib import Path

from faster_whisper import WhisperModel
from tqdm import tqdm

from speechd.asr.batcher import Batcher
from speechd.asr.engines.whisper import WhisperEngine
from speechd.asr.transcriber import LocalTranscriber
from speechd.audio.windows import Packing
from speechd.types import TranscribeOptions, Transcript, VadOptions
from tests.bench.recordings import clips
from tests.conftest import ROOT, fixtures
from tests.support.wer import word_errors

POCKET = ROOT / "models" / "whisper-pocket"
AS_SERVED = Packing(10.0, 0.5)
"""whisper-pocket's own row of models/catalog.toml."""


@dataclass(frozen=True)
class Case:
    """A recording, the language that both are told, and what is said."""

    name: str
    content: bytes
    language: str
    truth: str


def cases(count: int) -> list[Case]:
    """The recordings compared."""
    short = [f for f in fixtures() if f.language and f.duration <= 30]
    kept = [Case(f.path.name, f.path.read_bytes(), str(f.language), f.text) for f in short]
    cut = [Case(f"clip {index}", clip.data, "en", clip.text) for index, clip in enumerate(clips(count, 2, 28))]
    return kept + cut


def plain(model: WhisperModel, case: Case, vad: bool) -> str:
    """What faster-whisper writes."""
    segments, _ = model.transcribe(io.BytesIO(case.content), language=case.language, vad_filter=vad)
    return "".join(segment.text for segment in segments).strip()


async def ours(batcher: Batcher, packing: Packing, case: Case, vad: VadOptions | None) -> str:
    """What speechd writes."""
    transcriber = LocalTranscriber("agreement", batcher, packing, max_seconds=3600)
    options = TranscribeOptions(language=case.language, vad=vad)
    async for part in transcriber.stream(io.BytesIO(case.content), options):
        if isinstance(part, Transcript):
            return part.text.strip()
    raise RuntimeError("no transcript")


async def compare(folder: Path, count: int) -> None:
    """Prints both comparisons."""
    peer = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    wanted = cases(count)
    full = Batcher(WhisperEngine(folder, compute_type="int8"))
    same = 0
    for case in tqdm(wanted, desc="the same window", unit="clip"):
        expected, got = plain(peer, case, False), await ours(full, Packing(), case, None)
        same += expected == got
        if expected != got:
            tqdm.write(f"{case.name}:\n  faster-whisper  {expected}\n  speechd         {got}")
    await full.close()
    adaptive = Batcher(WhisperEngine(folder, compute_type="int8", context_margin=0.5))
    texts = []
    for case in tqdm(wanted, desc="as they come", unit="clip"):
        texts.append((case.truth, plain(peer, case, True), await ours(adaptive, AS_SERVED, case, VadOptions())))
    await adaptive.close()
    print(f"identical text: {same} of {len(wanted)} ({same / len(wanted):.3f})")
    tell("between the two as they come", [(theirs, mine) for _, theirs, mine in texts])
    tell("of faster-whisper", [(truth, theirs) for truth, theirs, _ in texts])
    tell("of speechd", [(truth, mine) for truth, _, mine in texts])


def tell(what: str, pairs: list[tuple[str, str]]) -> None:
    """Prints the word error rate of the second texts against the first."""
    counts = [word_errors(reference, text) for reference, text in pairs]
    errors, words = sum(wrong for wrong, _ in counts), sum(length for _, length in counts)
    print(f"word error rate {what}: {errors / words:.3f} ({errors} of {words} words)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=POCKET)
    parser.add_argument("--clips", type=int, default=40)
    options = parser.parse_args()
    asyncio.run(compare(options.model, options.clips))


if __name__ == "__main__":
    main()
