"""Average weights: `python -m models.training.asr.average A.pt B.pt [...] --output MEAN.pt`.

The mean of weights along one run, or of a run and what went on from it, often generalises better than each (Izmailov
et al. 2018, "Averaging weights leads to wider optima and better generalization"); measure it, for it need not.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from .model import load_weights


def average(paths: Sequence[Path], output: Path) -> None:
    """Write the mean of float16 weights of one shape, as float16; raises ValueError where the shapes differ."""
    loaded = [load_weights(path) for path in paths]
    shapes = [{name: value.shape for name, value in weights.items()} for weights in loaded]
    if any(other != shapes[0] for other in shapes):
        raise ValueError("only weights of the same shape have a mean")
    mean = {name: torch.stack([weights[name] for weights in loaded]).mean(0).half() for name in loaded[0]}
    torch.save(mean, output)


def main() -> None:
    """Average the files named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="+", help="float16 weights, of train; one named twice counts twice")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    average(options.weights, options.output)


if __name__ == "__main__":
    main()
