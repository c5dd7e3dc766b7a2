"""A DTS core stream (ETSI TS 102 114, section 5) with a tone in its lowest subband: PyAV has no encoder for it."""

import math

SAMPLES_PER_FRAME = 256
FRAME_BYTES = 96
"""The least that a frame may have."""
RATE = 48_000
SUBBANDS = 32
SCALE_INDEX = 106
"""Of the table of 128 scale factors: with samples of 8 bits an amplitude of about 0.5."""


class _Bits:
    def __init__(self) -> None:
        self._value = self._count = 0

    def put(self, *fields: tuple[int, int]) -> None:
        """Each a value and its number of bits."""
        for value, size in fields:
            self._value = self._value << size | value & (1 << size) - 1
            self._count += size

    def padded(self, size: int) -> bytes:
        return (self._value << size * 8 - self._count).to_bytes(size, "big")


def dts_tone(seconds: float, hertz: float = 440.0) -> bytes:
    """Mono at 48 kHz; `hertz` is below 750, the width of a subband."""
    frames = range(math.ceil(seconds * RATE / SAMPLES_PER_FRAME))
    per_frame = SAMPLES_PER_FRAME // SUBBANDS
    step = 2 * math.pi * hertz * SUBBANDS / RATE
    return b"".join(_frame([math.sin(step * (frame * per_frame + at)) for at in range(per_frame)]) for frame in frames)


def _frame(subband: list[float]) -> bytes:
    """
    Args:
        subband: 8 samples of the lowest subband, in [-1, 1].
    """
    bits = _Bits()
    bits.put((0x7FFE8001, 32), (1, 1), (31, 5), (0, 1), (SAMPLES_PER_FRAME // SUBBANDS - 1, 7), (FRAME_BYTES - 1, 14))
    bits.put((0, 6), (13, 4), (15, 5), (0, 5), (0, 3), (0, 2), (0, 2), (0, 1))  # mono, 48 kHz, 768 kbit/s, no extras
    bits.put((1, 1), (7, 4), (0, 2), (0, 3), (0, 2), (0, 4))
    # One channel of two subbands, without variable-length codes.
    bits.put((0, 4), (0, 3), (0, 5), (1, 5), (0, 3), (0, 2), (6, 3), (6, 3))
    bits.put((1, 1), *((3, 2),) * 4, *((7, 3),) * 5)
    # 8 bits for each sample of the first subband, none for the other.
    bits.put((0, 2), (0, 3), (0, 2), (11, 5), (0, 5), (SCALE_INDEX, 7))
    bits.put(*((round(sample * 127), 8) for sample in subband), (0xFFFF, 16))
    return bits.padded(FRAME_BYTES)
