"""The page's files: who gets them, under which rules a browser runs them, and that they are what they claim to be."""

import gzip
import hashlib
import json
import re
from pathlib import PurePosixPath

import pytest

from speechd.api.web.assets import web_files
from speechd.api.web.router import prefers_html
from tests.conftest import ROOT
from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
MAX_GZIP_BYTES = 150_000
"""Of all that a browser loads for the page."""

VENDORED = {
    "preact 11.2.0 dist/preact.mjs": "bdcbd9abdf2c77c5c45326eab42191e949222d479d0d5f69467387a77040cb55",
    "preact 11.2.0 hooks/dist/hooks.mjs": "e862ab2973aa6455eaa0f77c5d832d2157d6be59a17c8ba546550a575b58c6b4",
    "preact 11.2.0 LICENSE": "1fe6958409c8c257a70c587a18b6f7f412b179b456630790d30b2ec9a8e4b7d4",
    "htm 3.1.1 dist/htm.mjs": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
    "htm 3.1.1 LICENSE": "740725f7252e750af735d0028cc534970772f513331e9f68150fede8fb3ce00f",
    "wavesurfer.js 8.0.1 dist/wavesurfer.esm.js": "079f3b142f37737f975b03ea8fd18652a316dc2120a2629aeca0844a0c08f2b1",
    "wavesurfer.js 8.0.1 LICENSE": "0fc992dc27cc34dde78bfeb024b4cadff6320f0dcbee2f1228efaeb533ca1364",
}
"""SHA-256 of each file as it is in the npm package of that version."""
FOLDERS = {"preact": "preact", "htm": "htm", "wavesurfer.js": "wavesurfer"}


async def test_a_browser_is_sent_to_the_page_and_a_program_is_not(house: House) -> None:
    reply = await house.client.get("/", headers={"accept": BROWSER})
    assert (reply.status_code, reply.headers["location"], reply.headers["vary"]) == (307, "app", "accept")
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5", ""):
        assert (await house.client.get("/", headers={"accept": accept})).json()["name"] == "speechd"


@pytest.mark.parametrize(
    ("accept", "wants"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML;Q=1", True),
        ("text/html;q=0", False),
        ("text/html;q=x", False),
        (",;,", False),
        ("*/*", False),
    ],
)
def test_who_prefers_html(accept: str, wants: bool) -> None:
    assert prefers_html(accept) is wants


async def test_the_page_and_its_files_need_no_key(keyed: House) -> None:
    """They hold no data; what the page shows is asked for with the key."""
    page = (await keyed.client.get("/app")).text
    named = re.findall(r'(?:src|href)="(app/[^"]+)"', page)
    assert {"app/js/main.js", "app/css/app.css", "app/icon.svg"} <= set(named)
    for name in named:
        assert (await keyed.client.get(f"/{name}")).status_code == 200, name
    assert_envelope(await keyed.client.get("/v1/models"), 401)
    assert_envelope(await keyed.client.get("/application"), 401)


async def test_the_policy_lets_nothing_in_from_elsewhere(house: House) -> None:
    first, second = [(await house.client.get("/app")) for _ in range(2)]
    policy = first.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:|\*", policy)
    assert policy != second.headers["content-security-policy"]  # the number is used once
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert f'content="{nonce[1]}"' in first.text
    assert first.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*(src=|importmap))|\son\w+=|style=", first.text)  # no script but by a file


async def test_a_file_is_sent_again_only_when_it_has_changed(house: House) -> None:
    reply = await house.client.get("/app/js/main.js", headers={"accept-encoding": "identity"})
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-content-type-options"] == "nosniff"
    zipped = await house.client.get("/app/js/main.js", headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == reply.content == web_files()["js/main.js"].content
    again = await house.client.get("/app/js/main.js", headers={"if-none-match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await house.client.get("/app/js/main.js", headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "name", ["nothing.js", "js", "index.html", "..%2frouter.py", "../assets.py", "js/%00", "%2e%2e/x"]
)
async def test_no_other_file_is_served(house: House, name: str) -> None:
    assert_envelope(await house.client.get(f"/app/{name}"), 404)


async def test_a_setting_takes_the_page_away(open_house: Opener) -> None:
    house = await open_house(page=False)
    assert_envelope(await house.client.get("/app"), 404)
    assert_envelope(await house.client.get("/app/js/main.js"), 404)
    assert (await house.client.get("/", headers={"accept": BROWSER})).json()["name"] == "speechd"


def test_the_page_is_small() -> None:
    loaded = [file for name, file in web_files().items() if PurePosixPath(name).name != "LICENSE"]
    assert sum(len(gzip.compress(file.content, 6)) for file in loaded) <= MAX_GZIP_BYTES


def test_what_others_wrote_is_as_they_published_it_with_its_licence() -> None:
    expected = {}
    for entry, digest in VENDORED.items():
        package, _version, path = entry.split()
        expected[f"vendor/{FOLDERS[package]}/{PurePosixPath(path).name}"] = digest
    found = {name: hashlib.sha256(file.content).hexdigest() for name, file in web_files().items()}
    assert {name: digest for name, digest in found.items() if name.startswith("vendor/")} == expected


def test_types_are_checked_against_the_versions_that_are_served() -> None:
    checked = json.loads((ROOT / "tests" / "page" / "package.json").read_text())["dependencies"]
    for package, version in {tuple(entry.split()[:2]) for entry in VENDORED}:
        assert checked[package] == version


def test_every_text_is_there_in_both_languages() -> None:
    tables = [file.content.decode() for name, file in web_files().items() if name.startswith("js/i18n/")]
    rows = "".join(text for text in tables if "createStore" not in text)
    names = re.findall(r'^  "([\w.]+)": \{\s*en: "[^"]+",\s*de: "[^"]+",?\s*\},', rows, re.MULTILINE)
    assert len(names) == len(set(names)) == len(re.findall(r"\ben:", rows)) > 20
    scripts = "".join(file.content.decode() for name, file in web_files().items() if name.startswith("js/"))
    used = set(re.findall(r'\bt\("([\w.]+)"', scripts)) | set(re.findall(r'\blabel: "(\w+\.[\w.]+)"', scripts))
    assert used <= set(names)


def test_folders_of_the_page_stay_small() -> None:
    folders: dict[str, int] = {}
    for name in web_files():
        if name.startswith("js/"):
            folder = str(PurePosixPath(name).parent)
            folders[folder] = folders.get(folder, 0) + 1
    assert max(folders.values()) <= 12, folders
