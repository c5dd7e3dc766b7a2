"""The page in real Chromium, on a real server and real recordings: from a recording to an export."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from openai import OpenAI

from tests.conftest import FIXTURES, fixtures
from tests.integration.conftest import LISTENS, server_pid, serving, started
from tests.support.browser import NEEDS_CHROMIUM, browsing, microphone, write_microphone_file
from tests.support.wer import normalised

pytestmark = NEEDS_CHROMIUM

(LONG,) = (fixture.path for fixture in fixtures("long") if fixture.path.name == "three_minutes.opus")
SENTENCE = FIXTURES / "en_television.flac"
CALL = FIXTURES / "channels" / "call.opus"
PLAIN_FORMATS: dict[str, Literal["srt", "vtt", "text"]] = {"SubRip (SRT)": "srt", "WebVTT": "vtt", "TXT": "text"}
ROOM_FOR_NOTHING = 1
HOSTILE = (
    "<img src=x onerror=window.hacked=1>",
    "<script>window.hacked=1</script>",
    '"><svg onload=window.hacked=1>',
    "javascript:window.hacked=1",
    "'-alert(1)-'",
    "{{constructor.constructor('window.hacked=1')()}}",
    "${window.hacked=1}",
    "</title><script>window.hacked=1</script>",
    "\u202egnp.exe",
    "&lt;b&gt;bold&amp;",
)
"""What runs as a script on a page that takes text for HTML, or breaks its layout."""


@pytest.fixture
def page(server: str) -> Iterator[Any]:
    with browsing(server, "transcribe", "--autoplay-policy=no-user-gesture-required") as page:
        yield page


def transcribe(page: Any, *files: Path, **choices: str) -> None:
    """Sends recordings and waits for all transcripts.

    Args:
        choices: labels of choices with what is chosen.
    """
    page.set_input_files("#files", list(files))
    if choices:
        page.get_by_text("Model, language, speakers").click()
    for label, option in choices.items():
        page.get_by_role("combobox", name=label, exact=True).first.select_option(option)
    send(page)
    for file in files:
        row(page, file.name).locator(".status.completed").wait_for()


def send(page: Any) -> None:
    page.get_by_role("button", name="Transcribe", exact=True).click()


def row(page: Any, name: str) -> Any:
    """The line of a job, the newest of that name."""
    return page.locator("[data-job]").filter(has_text=name).first


def open_result(page: Any, name: str) -> str:
    """Opens a transcript; the id of its job."""
    row(page, name).get_by_role("link").click()
    page.locator(".word").first.wait_for()
    return str(page.url.rpartition("/")[2])


def words(page: Any) -> list[str]:
    return list(page.locator(".word").all_inner_texts())


def exported(page: Any, name: str) -> bytes:
    """The file that the page makes in the format of that name."""
    page.get_by_role("combobox", name="Format").select_option(label=name)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download", exact=True).click()
    return bytes(saved.value.path().read_bytes())


def answered(server: str, recording: Path, **fields: Any) -> bytes:
    """What the server itself answers for a recording."""
    with recording.open("rb") as file:
        reply = httpx2.post(f"{server}/v1/audio/transcriptions", data={"model": "auto", **fields}, files={"file": file})
    assert reply.status_code == 200, reply.text
    return reply.content


def assert_exported_as_asked(page: Any, server: str, recording: Path) -> None:
    """What the page exports without a layout is byte for byte what a plain call of OpenAI's SDK gets."""
    with OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as client:
        for label, format in PLAIN_FORMATS.items():
            asked = client.audio.transcriptions.with_raw_response.create(
                model="auto", file=recording, response_format=format
            )
            assert exported(page, label) == asked.content, format


def until(page: Any, condition: str) -> None:
    """Waits for a condition in JavaScript. Playwright's own way needs `eval`, which the page's policy forbids."""
    for _ in range(900):
        if page.evaluate(condition):
            return
        time.sleep(0.1)
    raise AssertionError(f"{condition} did not come")


def without_request(answer: bytes) -> bytes:
    """An answer without the id of its request."""
    return re.sub(rb"req_\w+", b"", answer)


def allow(page: Any, server: str, size: int) -> None:
    """Gives the page so many bytes in the browser's store."""
    browser = page.context.new_cdp_session(page)
    browser.send("Storage.overrideQuotaForOrigin", {"origin": server, "quotaSize": size})


def refuse_edits(page: Any, refused: bool) -> None:
    """The browser's store throws as when it is full. Chromium's own quota is no limit for a few kilobytes."""
    page.evaluate(
        """refused => {
            const put = (window.storedPut ??= IDBObjectStore.prototype.put);
            const full = () => { throw new DOMException("full", "QuotaExceededError"); };
            IDBObjectStore.prototype.put = refused ? full : put;
        }""",
        refused,
    )


def edit(page: Any, index: int, text: str) -> None:
    """Writes over a word in place."""
    page.locator(".word").nth(index).dblclick()
    field = page.locator(".word-field")
    field.fill(text)
    field.press("Enter")
    field.wait_for(state="detached")


@pytest.mark.parametrize(
    ("label", "format", "options"),
    [
        ("SubRip (SRT)", "srt", {}),
        ("SubRip (SRT)", "srt", {"max_line_width": 42}),
        ("WebVTT", "vtt", {"max_line_width": 30, "max_lines": 1}),
        ("WebVTT", "vtt", {"karaoke": True}),
        ("TXT", "text", {}),
        ("TSV", "tsv", {}),
    ],
)
def test_an_unedited_transcript_is_exported_as_the_server_writes_it(
    page: Any, server: str, label: str, format: str, options: dict[str, Any]
) -> None:
    """Byte for byte."""
    transcribe(page, CALL, Speakers="channels")
    open_result(page, CALL.name)
    page.get_by_role("combobox", name="Format").select_option(label=label)
    for name, title in (("max_line_width", "Characters in a line"), ("max_lines", "Lines of a subtitle")):
        if name in options:
            page.get_by_label(title).fill(str(options[name]))
    if "karaoke" in options:
        page.get_by_label("Time of each word").check()
    fields = {name: str(value).lower() for name, value in options.items()}
    assert exported(page, label) == answered(server, CALL, response_format=format, channels="split", **fields)


@pytest.mark.parametrize("recording", [SENTENCE, LONG], ids=["sentence", "three-minutes"])
def test_an_unedited_transcript_is_exported_as_an_sdk_gets_it(page: Any, server: str, recording: Path) -> None:
    transcribe(page, recording)
    open_result(page, recording.name)
    assert_exported_as_asked(page, server, recording)


@pytest.mark.parametrize(
    ("label", "format"),
    [("SubRip (SRT)", "srt"), ("TSV", "tsv"), ("Markdown", "minutes"), ("JSON (diarized_json)", "diarized_json")],
)
def test_the_editor_loses_nothing_of_a_transcript(page: Any, server: str, label: str, format: str) -> None:
    transcribe(page, CALL, Speakers="channels")
    open_result(page, CALL.name)
    words_too = {"timestamp_granularities[]": ["word", "segment"], "include[]": ["plain_times"]}
    verbose = answered(server, CALL, response_format="verbose_json", channels="split", **words_too)
    body = {"transcript": json.loads(verbose), "response_format": format}
    expected = httpx2.post(f"{server}/v1/audio/transcriptions/format", json=body)
    assert expected.status_code == 200
    assert without_request(exported(page, label)) == without_request(expected.content)
    assert b"shirt" in expected.content


def test_a_recording_becomes_an_edited_subtitle(server: str, tmp_path: Path) -> None:
    speech = write_microphone_file(tmp_path / "microphone.wav", [SENTENCE], silence=0.5)
    with browsing(server, "transcribe", *microphone(speech)) as page:
        page.get_by_role("button", name="Record").click()
        page.get_by_role("button", name="Pause").wait_for()
        until(page, "document.querySelector('meter').value > 0.05")  # it hears
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Go on").click()
        until(page, "/0:0[5-9]/.test(document.querySelector('.recording').innerText)")
        page.get_by_role("button", name="Finish").click()
        page.locator("li", has_text="recording-").get_by_text("Only for this recording").wait_for()
        page.reload()  # it is not lost before the server has it
        page.locator("li", has_text="recording-").get_by_text("Only for this recording").wait_for()
        send(page)
        row(page, "recording-").locator(".status.completed").wait_for()
        job = open_result(page, "recording-")
        page.get_by_role("button", name="Play", exact=True).and_(page.locator(":enabled")).wait_for()
        assert "television" in " ".join(normalised(" ".join(words(page))))
        recording = tmp_path / "recording.webm"
        recording.write_bytes(httpx2.get(f"{server}/v1/audio/jobs/{job}/input").content)
        assert_exported_as_asked(page, server, recording)
        edit(page, 0, "Switch")
        subtitles = exported(page, "SubRip (SRT)").decode()
        assert re.match(r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\nSwitch ", subtitles)


def test_the_word_under_the_play_head_is_lit_and_a_click_goes_there(page: Any) -> None:
    transcribe(page, SENTENCE)
    open_result(page, SENTENCE.name)
    page.get_by_role("button", name="Play", exact=True).and_(page.locator(":enabled")).wait_for()
    page.get_by_label("Speed").select_option("0.5")
    last = page.locator(".word").last
    last.click()
    page.locator(".word.lit").wait_for()
    assert page.locator(".word.lit").inner_text() == last.inner_text()
    page.locator(".word").first.click()
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    until(page, f"document.querySelector('.lit')?.innerText === {last.inner_text()!r}")
    assert page.locator(".lit").count() == 1
    assert page.locator(".wave canvas").count() > 0


def test_a_reload_during_a_job_goes_on_with_it(page: Any) -> None:
    page.set_input_files("#files", [LONG])
    send(page)
    row(page, LONG.name).wait_for()
    page.reload()
    assert row(page, LONG.name).locator(".status").inner_text() in ("waits", "runs", "done")
    row(page, LONG.name).locator(".status.completed").wait_for()
    open_result(page, LONG.name)
    assert page.locator("h1").inner_text() == LONG.name


def test_live_text_comes_while_a_job_runs(page: Any) -> None:
    page.evaluate(
        """() => {
            window.liveText = [];
            new MutationObserver(() => {
                const text = document.querySelector(".partial")?.textContent;
                if (text) window.liveText.push(text);
            }).observe(document.body, { childList: true, subtree: true, characterData: true });
        }"""
    )
    page.set_input_files("#files", [LONG])
    page.get_by_text("Model, language, speakers").click()
    page.get_by_label("Words and names to expect").first.fill("Vienna")  # else a cached answer is quick
    send(page)
    row(page, LONG.name).locator(".status.completed").wait_for()
    assert page.evaluate("window.liveText")


def test_a_job_is_cancelled_and_deleted(page: Any) -> None:
    page.set_input_files("#files", [LONG])
    page.get_by_text("Model, language, speakers").click()
    page.get_by_label("Words and names to expect").first.fill("Chicago, Sophia")  # else a cached answer is quick
    send(page)
    row(page, LONG.name).get_by_role("button", name=f"Cancel {LONG.name}").click()
    row(page, LONG.name).locator(".status.cancelled, .status.completed").first.wait_for()
    before = page.locator("[data-job]").count()
    row(page, LONG.name).get_by_role("button", name=f"Delete {LONG.name}").click()
    until(page, f"document.querySelectorAll('[data-job]').length === {before - 1}")


def test_edits_are_kept_over_a_reload(page: Any) -> None:
    transcribe(page, SENTENCE)
    open_result(page, SENTENCE.name)
    before = words(page)
    edit(page, 1, "on the")
    assert words(page)[:3] == [before[0], "on", "the"]
    page.locator(".word").nth(3).click()
    page.get_by_role("button", name="Split before word").click()
    until(page, "document.querySelectorAll('.cue').length === 2")
    page.get_by_text("Kept in this browser").wait_for()
    page.reload()
    page.locator(".word").first.wait_for()
    assert words(page)[:3] == [before[0], "on", "the"]
    assert page.locator(".cue").count() == 2
    assert exported(page, "SubRip (SRT)").decode().count(" --> ") == 2
    page.locator(".word").first.click()
    page.get_by_role("button", name="Merge with next").click()
    until(page, "document.querySelectorAll('.cue').length === 1")
    page.get_by_role("button", name="Undo").click()
    until(page, "document.querySelectorAll('.cue').length === 2")


def test_what_is_typed_stays_while_the_transcript_is_kept(page: Any) -> None:
    """Keeping the first edit draws the page again; the second is being written then."""
    transcribe(page, SENTENCE)
    open_result(page, SENTENCE.name)
    edit(page, 0, "Switch")
    page.locator(".word").nth(1).dblclick()
    page.keyboard.type("alo")
    page.get_by_text("Kept in this browser").wait_for()
    page.keyboard.type("ng")
    assert page.locator(".word-field").input_value() == "along"
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.word')[1].innerText === 'along'")


def test_find_and_replace(page: Any) -> None:
    transcribe(page, LONG)
    open_result(page, LONG.name)
    page.keyboard.press("Control+f")
    page.get_by_label("Find", exact=True).fill("the")
    told = page.locator(".find [role=status]")
    until(page, "/of [1-9]/.test(document.querySelector('.find [role=status]').innerText)")
    count = int(told.inner_text().split()[-1])
    page.get_by_label("Replace with").fill("xyzzy")
    page.get_by_role("button", name="Replace all").click()
    page.get_by_text(f"Replaced: {count}.").wait_for()
    text = exported(page, "TXT").decode()
    assert text.count("xyzzy") == count
    assert not re.search(r"\bthe\b", text)


def test_renamed_speakers_survive_and_are_exported(page: Any) -> None:
    transcribe(page, CALL, Speakers="channels")
    open_result(page, CALL.name)
    for old, new in (("channel_1", "Ada"), ("channel_2", "Grace Hopper")):
        name = page.locator("#speakers ~ .grid input").filter(visible=True).nth(0 if old == "channel_1" else 1)
        assert name.input_value() == old
        name.fill(new)
        name.press("Tab")
    page.get_by_text("Kept in this browser").wait_for()
    page.reload()
    page.locator(".cue").first.wait_for()
    assert set(page.locator(".cue .speaker").all_inner_texts()) == {"Ada", "Grace Hopper"}
    diarized = json.loads(exported(page, "JSON (diarized_json)"))
    assert {segment["speaker"] for segment in diarized["segments"]} == {"Ada", "Grace Hopper"}
    assert "Grace Hopper: The shirt" in exported(page, "SubRip (SRT)").decode()


def test_hostile_names_and_text_are_only_text(page: Any, tmp_path: Path) -> None:
    name = "<img src=x onerror=window.hacked=1>.flac"
    recording = tmp_path / name
    recording.write_bytes(CALL.read_bytes())
    transcribe(page, recording, Speakers="channels")
    open_result(page, name)
    assert page.locator("h1").inner_text() == name
    for index, text in reversed([*enumerate(HOSTILE)]):  # from the last: several words for one move what follows
        edit(page, index, text)
    speaker = page.locator("#speakers ~ .grid input").first
    speaker.fill(HOSTILE[0])
    speaker.press("Tab")
    page.get_by_text("Kept in this browser").wait_for()
    page.reload()
    page.locator(".cue").first.wait_for()
    shown = page.locator(".transcript").inner_text()
    assert all(part in shown for text in HOSTILE for part in text.split())
    assert HOSTILE[0] in page.locator(".cue .speaker").all_inner_texts()
    assert page.locator("#app img, #app svg:not(.wave svg), #app script").count() == 0
    assert page.evaluate("window.hacked") is None
    assert json.loads(exported(page, "JSON"))["segments"][0]["channel"] == HOSTILE[0]


def test_a_server_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    port, data = {"SPEECHD_PORT": str(free_port())}, tmp_path / "data"
    with started(data, "serve", LISTENS, **port) as first, browsing(first.found, "transcribe") as page:
        page.set_input_files("#files", [LONG])
        send(page)
        row(page, LONG.name).wait_for()
        os.kill(server_pid(first.found), signal.SIGKILL)
        gone = page.get_by_text("The server cannot be reached.")
        gone.first.wait_for()
        page.set_input_files("#files", [SENTENCE])
        send(page)
        page.locator("li", has_text=SENTENCE.name).get_by_role("alert").wait_for()  # it is still there to be sent
        with started(data, "serve", LISTENS, **port):
            row(page, LONG.name).locator(".status.completed").wait_for()
            send(page)
            row(page, SENTENCE.name).locator(".status.completed").wait_for()
            assert gone.count() == 0


def test_a_wrong_key_is_told_and_a_right_one_stays_in_the_tab(tmp_path: Path) -> None:
    with serving(tmp_path, SPEECHD_API_KEY="sk-right") as url, browsing(url, "transcribe") as page:
        asked = page.get_by_role("dialog")
        asked.wait_for()
        for key, right in (("sk-wrong", False), ("sk-right", True)):
            page.get_by_label("API key", exact=True).fill(key)
            page.get_by_role("button", name="Use the key").click()
            if not right:
                page.get_by_text("The server does not know this key.").wait_for()
        page.get_by_text("There is no transcript yet.").wait_for()
        assert not asked.is_visible()
        kept = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]")
        assert ["sk-right" in each for each in kept] == [False, True, False]
        transcribe(page, SENTENCE)
        open_result(page, SENTENCE.name)
        page.get_by_role("button", name="Play", exact=True).and_(page.locator(":enabled")).wait_for()


def test_a_used_up_limit_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    key = made_key(tmp_path, "--audio-seconds-per-hour", "60")
    operator = {"authorization": "Bearer sk-operator"}
    with serving(tmp_path, SPEECHD_API_KEY="sk-operator") as url, browsing(url, "transcribe") as page:
        page.get_by_label("API key", exact=True).fill(key)
        page.get_by_role("button", name="Use the key").click()
        transcribe(page, LONG)
        page.set_input_files("#files", [SENTENCE])
        send(page)
        fault = page.locator("li", has_text=SENTENCE.name).get_by_role("alert")
        fault.wait_for()
        assert "limit" in fault.inner_text()
        open_result(page, LONG.name)  # what there is can be edited and exported
        edit(page, 0, "Edited")
        assert exported(page, "TXT").startswith(b"Edited ")
        page.get_by_role("link", name="Transcribe", exact=True).click()
        fault.wait_for()
        more = {"limits": {"audio_seconds_per_hour": 600}}
        raised = httpx2.patch(f"{url}/v1/admin/keys/page", json=more, headers=operator, timeout=120)
        assert raised.status_code == 200, raised.text
        send(page)
        row(page, SENTENCE.name).locator(".status.completed").wait_for()


def test_edits_for_which_the_browser_has_no_room_are_told_and_not_lost(page: Any) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    transcribe(page, SENTENCE)
    open_result(page, SENTENCE.name)
    refuse_edits(page, True)
    edit(page, 0, "Switch")
    told = page.locator(".message", has_text="The browser does not keep the edits.")
    told.wait_for()
    told.get_by_role("button").click()
    page.keyboard.press("Control+s")
    told.wait_for()  # it does not say that they are kept
    assert page.get_by_text("The transcript is kept in this browser.").count() == 0
    page.get_by_text("Not kept yet").wait_for()
    page.get_by_role("link", name="Speak").click()
    page.locator("#text").wait_for()
    page.go_back()
    page.locator(".word").first.wait_for()
    assert words(page)[0] == "Switch"
    assert exported(page, "TXT").startswith(b"Switch ")
    refuse_edits(page, False)
    edit(page, 1, "on")
    page.get_by_text("Kept in this browser").wait_for()
    page.reload()
    page.locator(".word").first.wait_for()
    assert words(page)[:2] == ["Switch", "on"]
    assert asked == []
    refuse_edits(page, True)
    edit(page, 0, "Turn")
    told.wait_for()
    page.reload()
    assert asked == ["beforeunload"]  # what is lost by it is asked for first


def test_a_recording_for_which_the_browser_has_no_room_is_told_and_sent(server: str, tmp_path: Path) -> None:
    speech = write_microphone_file(tmp_path / "microphone.wav", [SENTENCE], silence=0.5)
    with browsing(server, "transcribe", *microphone(speech)) as page:
        allow(page, server, ROOM_FOR_NOTHING)
        page.get_by_role("button", name="Record").click()
        until(page, "/0:0[5-9]/.test(document.querySelector('.recording')?.innerText)")
        page.get_by_role("button", name="Finish").click()
        page.locator(".message", has_text="The browser has no room to keep recording-").wait_for()
        page.get_by_role("link", name="Speak").click()
        page.locator("#text").wait_for()
        page.get_by_role("link", name="Transcribe").click()
        page.locator("li", has_text="recording-").get_by_text("Only for this recording").wait_for()
        send(page)
        row(page, "recording-").locator(".status.completed").wait_for()
        open_result(page, "recording-")
        assert "television" in " ".join(normalised(" ".join(words(page))))


def test_without_a_microphone_a_sentence_says_so(page: Any) -> None:
    refused = "() => Promise.reject(new DOMException('x', 'NotFoundError'))"
    page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {refused} }}")
    page.get_by_role("button", name="Record").click()
    page.get_by_text("There is no microphone.").wait_for()


def test_what_is_no_recording_is_left_out_and_a_broken_one_is_told(page: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound at all")
    page.set_input_files("#folder", tmp_path)
    page.get_by_text("Files that are no recordings were left out: 1.").wait_for()
    send(page)
    page.locator("li", has_text="broken.mp3").locator(".fault").wait_for()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def made_key(data_dir: Path, *limits: str) -> str:
    """A key with limits."""
    command = [sys.executable, "-m", "speechd", "keys", "add", "page", *limits]
    made = subprocess.run(
        command, env={**os.environ, "SPEECHD_DATA_DIR": str(data_dir)}, capture_output=True, text=True, check=True
    )
    found = re.search(r"sk-\S+", made.stdout)
    assert found is not None, made.stdout
    return found[0]
