"""Times as texts."""


def milliseconds(seconds: float) -> int:
    """2.0005 s -> 2000 ms or 2001 ms: the one that JSON answers show, so that a transcript that is read back from one
    has the same times."""
    return round(round(seconds, 3) * 1000)


def subtitle_clock(milliseconds: int, separator: str) -> str:
    """3 723 004 ms -> `01:02:03,004`."""
    seconds, fraction = divmod(milliseconds, 1000)
    return f"{minutes_clock(seconds)}{separator}{fraction:03}"


def minutes_clock(seconds: int) -> str:
    """3 723 s -> `01:02:03`."""
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}"


def lyrics_clock(milliseconds: int) -> str:
    """3 723 004 ms -> `62:03.00`."""
    minutes, rest = divmod(round(milliseconds / 10), 6000)
    return f"{minutes:02}:{rest // 100:02}.{rest % 100:02}"
