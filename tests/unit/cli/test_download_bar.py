"""What is said of a pull whose sources may all be away."""

from speechd.cli.download_bar import Arrivals


def arrivals() -> tuple[Arrivals, list[str], list[tuple[int, int]]]:
    lines: list[str] = []
    seen: list[tuple[int, int]] = []
    return Arrivals(lambda *progress: seen.append(progress), lines.append), lines, seen


def test_a_source_that_gives_nothing_leaves_no_line() -> None:
    told, lines, _ = arrivals()
    told.tell("base from the hub")
    told.advance(0, 100)
    told.tell("the hub cannot be reached")
    told.tell("base from packages")
    told.advance(0, 100)
    assert lines == []


def test_the_first_bytes_bring_every_line_once() -> None:
    told, lines, seen = arrivals()
    told.tell("base from the hub")
    told.tell("base from packages")
    for done in (0, 50, 100):
        told.advance(done, 100)
    assert lines == ["base from the hub", "base from packages"]
    assert seen == [(0, 100), (50, 100), (100, 100)]


def test_what_an_earlier_attempt_brought_is_no_sign_of_life() -> None:
    told, lines, _ = arrivals()
    told.tell("base from the hub")
    told.advance(50, 100)
    assert lines == []


def test_a_source_that_is_done_at_once_is_said_too() -> None:
    told, lines, _ = arrivals()
    told.tell("base from a folder")
    told.advance(100, 100)
    told.flush()
    assert lines == ["base from a folder"]
