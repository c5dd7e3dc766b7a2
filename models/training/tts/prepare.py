"""Makes everything the training needs: sentences, the teacher's speech, the alignment (about five CPU-minutes)."""

import pickle

import numpy as np

from . import teacher
from .alignment import Aligned, Aligner
from .config import Config, load
from .teacher import FRAME_SECONDS, Speech
from .text import evaluation_sentences, training_sentences


def prepare(config: Config, name: str, texts: list[str]) -> None:
    """Lets the teacher speak the texts and aligns them; the results lie under `name` in the data folder."""
    speech = teacher.speak(config.teacher, texts, config.data / name)
    aligner = Aligner(config.alignment)
    aligned = [found for spoken in speech.sentences if (found := aligner.align(spoken))]
    (config.data / f"{name}.aligned").write_bytes(pickle.dumps(aligned))
    hours = sum(sentence.frames for sentence in aligned) * FRAME_SECONDS / 3600
    cost = np.mean([sentence.cost for sentence in aligned])
    print(f"{name}: {len(aligned)} of {len(texts)} sentences, {hours:.2f} h, mean misfit {cost:.3f}", flush=True)


def prepared(config: Config, name: str) -> tuple[Speech, list[Aligned]]:
    """What `prepare` made."""
    aligned: list[Aligned] = pickle.loads((config.data / f"{name}.aligned").read_bytes())
    return teacher.read(config.data / name), aligned


if __name__ == "__main__":
    settings = load()
    prepare(settings, "evaluation", evaluation_sentences())
    prepare(settings, "training", training_sentences(settings))
