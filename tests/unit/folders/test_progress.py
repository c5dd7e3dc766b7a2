"""The counting behind the progress display, with a clock of its own, and what the displays write."""

import io
import json

import pytest
from rich.console import Console

from speechd.folders.progress import Bar, JsonLines, Plain, ProgressCounter, list_failures, open_display


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_speed_and_time_left_come_from_what_was_done() -> None:
    clock = Clock()
    counter = ProgressCounter(clock, files=3)
    assert (counter.speed, counter.left) == (0, None)
    for name in "ab":
        counter.expect(name, 100)
    counter.begin("a")
    counter.hear("a", 40)
    clock.now = 2
    assert counter.speed == 20
    assert counter.left == pytest.approx((300 - 40) / 20), "a file of unknown length counts as the mean"
    counter.finish("a", 110)
    assert (counter.done, counter.audio_done, counter.audio_total) == (1, 110, 210)


def test_what_an_earlier_run_did_does_not_make_this_one_fast() -> None:
    clock = Clock()
    counter = ProgressCounter(clock, files=1)
    counter.expect("a", 600)
    counter.begin("a", start=500)
    clock.now = 10
    counter.finish("a", 600)
    assert counter.audio_done == 600
    assert counter.speed == 10
    assert counter.sentence() == "0.03 h of audio in 0:00:10, 10x real time"


def test_a_failed_file_leaves_no_audio_to_wait_for() -> None:
    clock = Clock()
    counter = ProgressCounter(clock, files=2)
    counter.expect("a", 50)
    counter.expect("b", 50)
    counter.begin("a")
    counter.begin("b")
    counter.hear("a", 20)
    counter.fail("a")
    clock.now = 1
    counter.finish("b", 50)
    assert (counter.failed, counter.audio_done, counter.audio_total, counter.left) == (1, 50, 50, 0)


def test_waiting_for_files_does_not_make_a_run_slow() -> None:
    clock = Clock()
    counter = ProgressCounter(clock, files=2)
    for name in "ab":
        counter.begin(name)
        clock.now += 1
        counter.finish(name, 30)
        clock.now += 1000
    counter.fail("c")
    assert (counter.took, counter.speed) == (2, 30)


def test_programs_get_an_object_a_line_and_not_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    display, counter = JsonLines(clock), ProgressCounter(clock, files=2)
    display.tell("start", files=2)
    for _ in range(10):
        display.show(counter)
    clock.now = 1
    display.show(counter)
    display.say("for people")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["start", "progress", "progress"]
    assert lines[1] | {"files_total": 2, "eta_seconds": None} == lines[1]


def test_people_see_the_counts_in_one_line() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    clock = Clock()
    bar, counter = Bar(console), ProgressCounter(clock, files=4)
    counter.expect("a", 3600)
    counter.begin("a")
    clock.now = 10
    counter.hear("a", 720)
    bar.show(counter)
    bar.close()
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "0/4 files" in shown
    assert "0.20/1.00 h  72x real time  0:03:10 left" in shown


def test_without_a_terminal_only_what_is_said_is_seen() -> None:
    console = Console(file=io.StringIO(), width=40)
    display = Plain(console)
    display.show(ProgressCounter())
    display.tell("done", path="a.wav")
    list_failures(display, [("talks [draft]/b.wav", "The file is empty, and this line is long.")])
    line = "failed talks [draft]/b.wav: The file is empty, and this line is long.\n"
    assert console.file.getvalue() == line  # type: ignore[attr-defined]


def test_a_length_that_was_a_guess_grows_with_what_is_heard() -> None:
    clock = Clock()
    counter = ProgressCounter(clock, files=1)
    counter.expect("a", 50)
    counter.begin("a")
    clock.now = 1
    counter.hear("a", 80)
    assert (counter.audio_done, counter.audio_total, counter.left) == (80, 80, 0)


def test_the_display_is_chosen_by_where_it_goes() -> None:
    assert isinstance(open_display(for_programs=True, bar=True), JsonLines)
    assert type(open_display(for_programs=False, bar=True)) is Plain, "tests have no terminal"
