"""`/metrics`: what is documented is there and the reverse, the numbers are right, and not everybody may read them."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from speechd.api.metrics.snapshot import all_descriptions
from speechd.auth.keys import KeyFile, KeyLimits
from speechd.telemetry import metrics
from tests.conftest import ROOT
from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope

sys.path.insert(0, str(ROOT / "docs"))
sys.path.insert(0, str(ROOT / "observability"))
import generate
import make_dashboard

NAME = re.compile(r"\bspeechd_[a-z_]+")
SUFFIXES = ("_bucket", "_sum", "_count")

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(house: House) -> httpx2.Response:
    reply = await house.client.get("/metrics")
    assert reply.status_code == 200, reply.text
    return reply


async def series(house: House) -> Series:
    families = text_string_to_metric_families((await scrape(house)).text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def grown(before: Series, after: Series, name: str, **labels: str) -> float:
    """By how much the series with these labels have grown together."""
    wanted = set(labels.items())
    return sum(value - before.get(key, 0) for key, value in after.items() if key[0] == name and wanted <= key[1])


def exposed(text: str) -> set[str]:
    """The names of a scrape, with `_total` for counters as Prometheus stores them."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M))
    return {name for name in kinds if name.startswith("speechd_")}


async def test_every_documented_metric_exists_and_the_reverse(house: House) -> None:
    there = exposed((await scrape(house)).text)
    assert there == {each.name for each in all_descriptions()}
    assert there == set(NAME.findall(generate.metrics_page().partition("| metric |")[2]))


async def test_openmetrics_for_who_asks_for_it(house: House) -> None:
    reply = await house.client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.text.endswith("# EOF\n")


@pytest.mark.parametrize("page", ["docs/guides/monitoring.md", "observability/alerts.yml"])
async def test_every_metric_that_is_named_elsewhere_exists(page: str, house: House) -> None:
    assert_known(set(NAME.findall((ROOT / page).read_text())))


def assert_known(names: set[str]) -> None:
    kinds = {each.name: each.kind for each in all_descriptions()}
    parts = {name + suffix for name, kind in kinds.items() if kind == "histogram" for suffix in SUFFIXES}
    assert names
    assert names <= kinds.keys() | parts


def test_every_metric_of_the_dashboard_exists() -> None:
    board = json.loads(make_dashboard.DASHBOARD.read_text())
    assert len(board["panels"]) == 12
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert all(NAME.search(query) or "process_" in query for query in queries)
    assert_known({name for query in queries for name in NAME.findall(query)})


def test_dashboard_and_alerts_are_as_their_script_writes_them() -> None:
    assert make_dashboard.DASHBOARD.read_text() == make_dashboard.written(make_dashboard.dashboard())
    assert make_dashboard.ALERTS.read_text() == make_dashboard.written(make_dashboard.alerts())


async def test_after_a_mixed_load_the_numbers_are_what_was_sent(open_house: Opener) -> None:
    house = await open_house(result_cache_seconds=0)
    before = await series(house)
    for number in range(3):
        assert (await house.transcribe(b"speech %d" % number)).status_code == 200
    assert (await house.post("/openai/v1/audio/translations", b"to English")).status_code == 200
    assert (await house.transcribe(b"broken")).status_code == 400
    assert (await house.transcribe(b"busy", prefix="/openai/v1")).status_code == 503
    assert (await house.transcribe(b"crash")).status_code == 500
    spoken = await house.client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "x", "input": "Hello you."})
    assert spoken.status_code == 200
    for path in ("/v1/nowhere", "/v1/models/a", "/v1/models/b"):
        assert (await house.client.get(path)).status_code == 404
    after = await series(house)

    def count(name: str, **labels: str) -> float:
        return grown(before, after, name, **labels)

    requests, route = "speechd_http_requests_total", "/audio/transcriptions"
    assert count(requests, route=route, dialect="openai", status="200", method="POST") == 3
    assert count(requests, route=route, dialect="openai") == 5
    assert count(requests, route=route, dialect="groq", status="503") == 1
    assert count(requests, route="/audio/translations", dialect="groq", status="200") == 1
    assert count(requests, route="/audio/speech", status="200") == 1
    assert count(requests, route="unmatched", status="404") == 1
    assert count("speechd_http_request_duration_seconds_count", route=route) == 6
    assert count("speechd_audio_seconds_total", operation="transcribe", model="stand-in", language="en") == 3 * 3.5
    assert count("speechd_audio_seconds_total", operation="translate") == 3.5
    assert count("speechd_characters_total") == len("Hello you.")
    assert count("speechd_time_to_first_audio_seconds_count") == 1
    assert count("speechd_time_to_first_segment_seconds_count") == 4
    assert count("speechd_real_time_factor_count", operation="transcribe") == 3
    assert count("speechd_queue_time_seconds_count", lane="caller") == 4
    assert count("speechd_stage_seconds_count", stage="decode") == 4
    assert count("speechd_joined_total", how="miss") == 7
    assert count("speechd_errors_total", code="invalid_audio") == 1
    assert count("speechd_errors_total", code="internal_error") == 1
    assert count("speechd_overloaded_total", code="overloaded") == 1
    assert count("speechd_requests_in_flight") == 0


async def test_answers_from_the_cache_are_counted_and_their_audio_is_not(house: House) -> None:
    house.service.coalescer._memory._keep = 60
    before = await series(house)
    assert (await house.transcribe(b"twice")).headers["x-speechd-cache"] == "miss"
    assert (await house.transcribe(b"twice")).headers["x-speechd-cache"] in ("miss", "hit")
    after = await series(house)
    assert grown(before, after, "speechd_joined_total") == 2
    computed = grown(before, after, "speechd_joined_total", how="miss")
    assert grown(before, after, "speechd_audio_seconds_total") == computed * 3.5


async def test_callers_cannot_make_series(house: House) -> None:
    await house.transcribe()
    before = len(await series(house))
    for number in range(50):
        await house.client.get(f"/v1/models/unknown-{number}")
        await house.client.request(f"BREW{number}", f"/x/{number}")
    await house.post("/v1/audio/transcriptions", model="m" * 100)
    after = await series(house)
    assert len(after) - before < 100  # of routes that were not there, and their buckets


def test_a_label_has_so_many_values_and_no_more() -> None:
    label = metrics.BoundedLabel()
    values = {label(f"model-{number}") for number in range(1000)}
    assert len(values) == metrics.MAX_VALUES + 1
    assert metrics.OTHER in values
    assert label("model-0") == "model-0"


async def test_seconds_are_counted_by_key_where_it_is_wanted(open_house: Opener, tmp_path: Path) -> None:
    secret = KeyFile(tmp_path / "keys.json").add("anna", KeyLimits())
    house = await open_house(data_dir=tmp_path, metrics_keys=True)
    house.client.headers["authorization"] = f"Bearer {secret}"
    owner = KeyFile(tmp_path / "keys.json").read()[0].id
    before = await series(house)
    await house.transcribe(b"paid by anna")
    assert grown(before, await series(house), "speechd_key_audio_seconds_total", key=owner) == 3.5


async def test_a_limit_that_refuses_is_counted(open_house: Opener, tmp_path: Path) -> None:
    secret = KeyFile(tmp_path / "keys.json").add("anna", KeyLimits(requests_per_minute=1))
    house = await open_house(data_dir=tmp_path)
    house.client.headers["authorization"] = f"Bearer {secret}"
    before = await series(house)
    for status in (200, 429):
        assert (await house.transcribe(b"limited")).status_code == status
    assert grown(before, await series(house), "speechd_rate_limited_total", limit="requests_per_minute") == 1


async def test_with_keys_it_needs_the_permission(open_house: Opener, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    reader, speaker = keys.add("prometheus", KeyLimits(), ("metrics",)), keys.add("anna", KeyLimits(), ("speak",))
    house = await open_house(data_dir=tmp_path)
    assert_envelope(await house.client.get("/metrics"), 401, "invalid_api_key")
    refused = await house.client.get("/metrics", headers={"authorization": f"Bearer {speaker}"})
    assert_envelope(refused, 403, "permission_denied")
    answer = await house.client.get("/metrics", headers={"authorization": f"Bearer {reader}"})
    assert answer.status_code == 200


async def test_without_keys_only_this_machine_may_read(open_house: Opener) -> None:
    house = await open_house(allow_anonymous=True)
    assert (await house.client.get("/metrics")).status_code == 200
    proxied = await house.client.get("/metrics", headers={"x-forwarded-for": "203.0.113.7"})
    assert_envelope(proxied, 403, "permission_denied")
    far = httpx2.ASGITransport(app=house.app, client=("203.0.113.7", 1))
    async with httpx2.AsyncClient(transport=far, base_url="http://speech.example") as client:
        assert_envelope(await client.get("/metrics"), 403, "permission_denied")
