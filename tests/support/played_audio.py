"""What comes out of speech, as a player and a listener would have it."""

import io

import av
import numpy as np

from speechd.types import Samples

LOUDEST = 10 ** (-1 / 20)
"""-1 dBFS: the highest true peak that speech may have."""


def decoded(data: bytes) -> tuple[Samples, int, str]:
    """Mono samples of a file, their rate, and the name of its container."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono")
        frames = [out for frame in container.decode(stream) for out in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]), stream.rate, container.format.name


def true_peak(samples: Samples, rate: int) -> float:
    """The highest absolute value at four times the rate (ITU-R BS.1770-5, annex 2)."""
    import soxr

    return float(np.abs(soxr.resample(samples.astype(np.float64), rate, 4 * rate, "VHQ")).max())
