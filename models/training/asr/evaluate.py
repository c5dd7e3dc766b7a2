"""Print the card's table: `python -m models.training.asr.evaluate [--model FOLDER ...]`.

Every figure comes from the CTranslate2 files through an unmodified faster-whisper with its
defaults (beam 5, temperature fallback, voice filter off). Several models stand side by side.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment

from . import config as configuration
from . import trials
from .features import log_mel, normalise
from .metrics import Spread, exact, separation, word_error_rate
from .text.lexicon import LANGUAGES
from .trials import Trial

Figures = dict[str, str]
STEPS = ("domain", "held_out", "translate", "teacher", "wide", "unpadded", "several", "recordings", "silence",
         "evidence")  # fmt: skip


def text_of(segments: list[Segment]) -> str:
    """Return the text of all segments."""
    return "".join(segment.text for segment in segments)


def rates(wanted: list[str], written: list[str]) -> str:
    """Return word error rate and, in brackets, the share of sentences without error."""
    return f"{word_error_rate(wanted, written):.3f} ({exact(wanted, written):.2f})"


class Bench:
    """Measures one model."""

    def __init__(self, folder: Path, count: int, languages: tuple[str, ...] = LANGUAGES) -> None:
        self.model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
        self.count = count
        self.languages = languages
        self.figures: Figures = {}
        self._found: dict[str, list[bool]] = {language: [] for language in LANGUAGES}
        self._starts: list[float] = []

    def run(self, steps: Sequence[str]) -> Figures:
        """Measure the steps named: methods of this class."""
        for step in steps:
            getattr(self, step)()
        for language, found in self._found.items():
            if found:
                self._put(f"language found, {language}", f"{sum(found)} of {len(found)}")
        if self._starts:
            spread = Spread.of(self._starts)
            self._put(
                "word start error, median / p90",
                f"{1000 * spread.median:.0f} / {1000 * spread.p90:.0f} ms of {len(self._starts)}",
            )
        return self.figures

    def _put(self, name: str, value: str) -> None:
        self.figures[name] = value
        print(f"  {name}: {value}", flush=True)

    def _transcribe(self, trial: Trial, **options: object) -> list[Segment]:
        segments, info = self.model.transcribe(trial.samples, **options)  # type: ignore[arg-type]
        if trial.language in LANGUAGES and "language" not in options:
            self._found[trial.language].append(info.language == trial.language)
        return list(segments)

    def _written(self, batch: list[Trial], **options: object) -> list[str]:
        return [text_of(self._transcribe(trial, **options)) for trial in batch]

    def _error(self, batch: list[Trial], **options: object) -> str:
        return rates([t.text for t in batch], self._written(batch, **options))

    def domain(self) -> None:
        """Domain sentences of voices heard in training; word times."""
        for language in self.languages:
            batch = trials.clips("domain", language, self.count)
            written = [self._timed(trial) for trial in batch]
            self._put(f"domain {language}, heard voices", rates([t.text for t in batch], written))

    def held_out(self) -> None:
        """Domain sentences of voices kept out of training."""
        for language in self.languages:
            batch = trials.clips("domain", language, self.count, held_out=True)
            self._put(f"domain {language}, held-out voices", self._error(batch))

    def translate(self) -> None:
        """Domain sentences into English."""
        for language in self.languages:
            if language != "en":
                batch = trials.clips("domain", language, self.count)
                written = self._written(batch, task="translate", language=language)
                self._put(f"translate {language}, heard voices", rates([t.english for t in batch], written))

    def _timed(self, trial: Trial) -> str:
        """Transcribe with word times and note how far the starts are off.

        The first word is left out: faster-whisper's alignment gives it all the silence before it.
        """
        segments = self._transcribe(trial, word_timestamps=True)
        words = [word for segment in segments for word in segment.words or ()]
        written = text_of(segments)
        if trial.words and exact([trial.text], [written]) and len(words) == len(trial.words):
            pairs = zip(words[1:], trial.words[1:], strict=True)
            self._starts += [abs(word.start - start) for word, (start, _) in pairs]
        return written

    def teacher(self) -> None:
        """An English voice of another synthesiser that training never hears."""
        self._put("domain en, held-out flite voice", self._error(trials.teacher_clips(self.count)))

    def wide(self) -> None:
        """Hand-written sentences of no template."""
        for language in self.languages:
            batch = trials.clips("wide", language, self.count)
            self._put(f"wide {language}, heard voices", self._error(batch))

    def unpadded(self) -> None:
        """Windows as short as the clip, as an adaptive audio context encodes them."""
        for language in self.languages:
            batch = trials.clips("domain", language, self.count // 2)
            written = [self._short(trial) for trial in batch]
            error = word_error_rate([t.text for t in batch], written)
            self._put(f"domain {language}, unpadded windows", f"{error:.3f}")

    def _short(self, trial: Trial) -> str:
        import ctranslate2

        mel = normalise(log_mel(trial.samples)).T
        even = np.ascontiguousarray(np.pad(mel, ((0, 0), (0, mel.shape[1] % 2)))[None])
        tokens = ["<|startoftranscript|>", f"<|{trial.language}|>", "<|transcribe|>",
                  "<|notimestamps|>"]  # fmt: skip
        prompt = [self.model.hf_tokenizer.token_to_id(token) for token in tokens]
        result = self.model.model.generate(ctranslate2.StorageView.from_array(even), [prompt])
        return str(self.model.hf_tokenizer.decode(result[0].sequences_ids[0]))

    def several(self) -> None:
        """Several utterances in a window; noise, telephone; segment ends."""
        by_language = [trials.clips("domain", language, 20) for language in self.languages]
        files = [f for batch in by_language for f in trials.several(batch, 5)]
        self._put("5 utterances in a window, clean", self._error(files))
        self._put("the same, white noise 10 dB", self._error([trials.noisy(t, 10, i) for i, t in enumerate(files)]))
        self._put("the same, telephone band", self._error([trials.telephone(t) for t in files]))
        self._put("segment end error, median / p90", self._ends(files))

    def recordings(self) -> None:
        """Recordings of minutes, in which each window is told the text of the one before, or is not."""
        made = [r for language in self.languages for r in trials.recordings(language)]
        fixture = trials.long_fixture(configuration.load().paths["fixtures"])
        for name, told in (("", True), (", no window told the one before", False)):
            written = self._written(made, condition_on_previous_text=told)
            each = [word_error_rate([t.text], [text]) for t, text in zip(made, written, strict=True)]
            error = word_error_rate([t.text for t in made], written)
            self._put(f"{len(made)} recordings of 1 to 5 minutes{name}", f"{error:.3f}, the worst {max(each):.3f}")
            heard = self._written([fixture], condition_on_previous_text=told)
            self._put(f"the 3-minute fixture{name}", f"{word_error_rate([fixture.text], heard):.3f}")

    def _ends(self, files: list[Trial]) -> str:
        """Tell how far the nearest segment end is from each true end."""
        errors = []
        for trial in files:
            ends = [segment.end for segment in self._transcribe(trial)]
            errors += [min((abs(e - b) for e in ends), default=9.0) for _, b in trial.spans]
        spread = Spread.of(errors)
        return f"{1000 * spread.median:.0f} / {1000 * spread.p90:.0f} ms of {len(errors)}"

    def silence(self) -> None:
        """Sounds in which no word may be found."""
        heard = {n: self._written([Trial(s, "", "", "")])[0] for n, s in trials.silences().items()}
        wrong = [f"{name}: {text.strip()}" for name, text in heard.items() if text.strip()]
        self._put("silence, noise, tones with words", "; ".join(wrong) or f"0 of {len(heard)}")

    def evidence(self) -> None:
        """How well the mean log-probability tells domain speech from the rest."""
        inside = [t for language in self.languages for t in trials.clips("domain", language, 10)]
        wide = [t for language in self.languages for t in trials.clips("wide", language, 10)]
        scores = [[self._score(t) for t in b] for b in (inside, trials.foreign_clips(), wide)]
        self._put("avg_logprob, domain above other languages (AUC)", f"{separation(scores[0], scores[1]):.2f}")
        self._put("avg_logprob, domain above wide (AUC)", f"{separation(scores[0], scores[2]):.2f}")

    def _score(self, trial: Trial) -> float:
        segments = self._transcribe(trial)
        return float(np.mean([s.avg_logprob for s in segments])) if segments else -9.0


def table(columns: dict[str, Figures]) -> str:
    """Return a Markdown table, one column a model."""
    names = list(columns)
    rows = dict.fromkeys(row for figures in columns.values() for row in figures)
    lines = ["| figure | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for row in rows:
        cells = (columns[name].get(row, "-") for name in names)
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure the shipped model, or others, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, action="append", help="may be given several times")
    parser.add_argument("--count", type=int, default=100, help="sentences a set")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    parser.add_argument("--json", type=Path, help="also keep the figures there, beside earlier ones")
    options = parser.parse_args()
    columns = read_figures(options.json)
    for folder in options.model or [configuration.load().paths["model"]]:
        print(folder, flush=True)
        bench = Bench(folder, options.count, tuple(options.languages))
        columns.setdefault(folder.name, {}).update(bench.run(options.steps))
        if options.json:
            options.json.write_text(json.dumps(columns, indent=1, ensure_ascii=False))
    print(table(columns))


def read_figures(path: Path | None) -> dict[str, Figures]:
    """Read the figures of earlier runs, if there are any."""
    if path is None or not path.exists():
        return {}
    figures: dict[str, Figures] = json.loads(path.read_text())
    return figures


if __name__ == "__main__":
    main()
