"""What users of speech services reported as failing: the calls of ../shared/cases, where they are at hand."""

import json
import re
from collections.abc import Callable, Mapping
from difflib import SequenceMatcher
from typing import Any

import httpx2
import pytest

from speechd.tts.normalization.english import read_aloud
from tests.conftest import ROOT

CASES = ROOT.parent / "shared" / "cases" / "2026-11"
CONTAINERS = (
    *("antiphase-stereo", "default-track", "starts-at-one-hour", "wav-placeholder-2e9", "wavs-glued", "mpeg-ts"),
    *("webm-piece", "filename-star-only"),
)
"""The cases about what recordings come in."""
LISTS = ("voices-list-shape", "audio-models")
"""The cases about what chat front ends read."""

CALLS = ("language-auto", "double-slash")
"""The cases about how they are sent."""


def case(name: str) -> dict[str, Any]:
    """
    Raises:
        pytest.skip.Exception: the cases are not at hand.
    """
    if not (CASES / "cases.json").exists():
        pytest.skip("the cases of ../shared are not at hand")
    cases = json.loads((CASES / "cases.json").read_text())["cases"]
    return next(case for case in cases if case["name"] == name)


def ask(server: str, call: Mapping[str, Any], model: str) -> httpx2.Response:
    """The call of a case, its multipart body written by hand: the disposition may be a peculiar one."""
    name = call.get("disposition") or f'filename="{call["filename"]}"'
    file = (CASES / call["file"]).read_bytes()
    parts = [(f'name="{field}"', value.replace("{stt}", model).encode()) for field, value in call["fields"]]
    body = b"".join(
        b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in [*parts, (f'name="file"; {name}', file)]
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    return httpx2.post(server + call["path"], content=body + b"--b--\r\n", headers=headers, timeout=120)


def fetch(server: str, call: Mapping[str, Any]) -> httpx2.Response:
    """The call of a case that sends nothing."""
    return httpx2.request(call["method"], server + call["path"], timeout=120)


def has_path(value: Any, path: str) -> bool:
    """`voices.0.id`: a member of an object, or a number of a list."""
    for part in path.split("."):
        inside = value.get(part) if isinstance(value, dict) else value[int(part) : int(part) + 1]
        if not inside:
            return False
        value = inside[0] if isinstance(value, list) else inside
    return True


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def heard(phrase: str, text: str) -> bool:
    """Whether five of six words of a phrase are in a text, in order: with int8 weights the sixth depends on the CPU."""
    wanted = phrase.split()
    blocks = SequenceMatcher(None, wanted, text.split(), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= len(wanted) * 5 / 6


def segment_start(reply: httpx2.Response) -> float:
    start: float = reply.json()["segments"][0]["start"]
    return start


CHECKS: dict[str, Callable[[httpx2.Response, Any], bool]] = {
    "status": lambda reply, status: reply.status_code == status,
    "text_contains": lambda reply, parts: all(heard(part, words(reply.json()["text"])) for part in parts),
    "text_lacks": lambda reply, parts: not any(part in words(reply.json()["text"]) for part in parts),
    "message_contains": lambda reply, parts: all(part in reply.json()["error"]["message"] for part in parts),
    "duration_between": lambda reply, ends: ends[0] <= reply.json()["duration"] <= ends[1],
    "start_between": lambda reply, ends: ends[0] <= segment_start(reply) <= ends[1],
    "usage_seconds_max": lambda reply, maximum: reply.json()["usage"]["seconds"] <= maximum,
    "json_has": lambda reply, paths: all(has_path(reply.json(), path) for path in paths),
    "header_has_not": lambda reply, names: not any(name in reply.headers for name in names),
}


def assert_right(reply: httpx2.Response, right: Mapping[str, Any], reads: bool = True) -> None:
    """
    Args:
        reads: the model understands these recordings; else it is enough that it hears something.
    """
    for check, wanted in ({"status": 200} | right).items():
        if check == "text_contains" and not reads:
            assert reply.json()["text"]
        elif check == "header_has_not" and not reads:  # it says that it doubts the text
            assert reply.headers.get("x-speechd-warning", "embedded-model") == "embedded-model"
        else:
            assert CHECKS[check](reply, wanted), (check, wanted, reply.text, dict(reply.headers))


@pytest.mark.parametrize("name", CALLS)
def test_how_recordings_are_sent(server: str, name: str) -> None:
    asked = case(name)
    assert_right(ask(server, asked["call"], "whisper-pocket"), asked["right"], reads=False)


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_recordings_come_in(server: str, name: str) -> None:
    asked = case(name)
    assert_right(ask(server, asked["call"], "whisper-pocket"), asked["right"], reads=False)


@pytest.mark.parametrize("name", LISTS)
def test_what_front_ends_list(server: str, name: str) -> None:
    asked = case(name)
    assert_right(fetch(server, asked["call"]), asked["right"])


READ = ("decades", "money-short-scale", "mixed-fraction", "roman-numerals", "html-entities")
"""The cases about what is read aloud."""


@pytest.mark.parametrize("name", READ)
def test_what_is_read_aloud(name: str) -> None:
    for written, said in case(name)["read_aloud"].items():
        assert " ".join(read_aloud(written).split()) == said


def speak(server: str, call: Mapping[str, Any], voice: str) -> httpx2.Response:
    body = {field: str(value).replace("{tts}", voice) for field, value in call["json"].items()}
    return httpx2.post(server + call["path"], json=body, timeout=120)


def test_an_emoji_alone_is_a_short_silence(server: str) -> None:
    asked = case("emoji-only")
    reply = speak(server, asked["call"], "auto")
    assert reply.status_code == asked["right"]["status"]
    for name, value in asked["right"]["header_is"].items():
        assert reply.headers[name] == value
