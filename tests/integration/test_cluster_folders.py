"""`speechd transcribe --cluster` on a cluster of two machines: as it should go, and with what dies under it."""

import http.server
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from speechd.cluster.folders import CHUNK_BYTES
from tests.bench.recordings import long_recording
from tests.integration.test_folders import FORMATS, POCKET, Run, check, running
from tests.support.audio_folders import make_folder
from tests.support.command_line import speechd
from tests.support.ray_cluster import LocalCluster, needs_ray, serving_cluster
from tests.support.wer import normalised

pytestmark = [*needs_ray, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One that no test damages for long."""
    with serving_cluster(tmp_path_factory.mktemp("machines")) as cluster:
        yield cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    with serving_cluster(tmp_path / "machines") as cluster:
        yield cluster


def done(run: Run) -> Counter[str]:
    """How often each recording was written."""
    return Counter(event["path"] for event in run.events if event["event"] == "done")


def test_the_outputs_are_those_of_a_local_run(shared_cluster: LocalCluster, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    said = make_folder(folder, 24)
    there = speechd(
        "transcribe", folder, "-o", tmp_path / "out", *FORMATS, *POCKET, "--cluster", shared_cluster.address
    )
    assert there.returncode == 0, there.stderr
    check(folder, tmp_path / "out", said)
    here = speechd("transcribe", folder, "-o", tmp_path / "out", *FORMATS, *POCKET)
    assert "24 of 24 recordings written" in here.stderr, "a local run knows what the cluster has done"
    assert "(24 of them before)" in here.stderr
    assert not shared_cluster.actors(), "nothing stays in the cluster"


def test_a_recording_that_is_larger_than_a_call(shared_cluster: LocalCluster, tmp_path: Path) -> None:
    long = long_recording(3)
    (tmp_path / "long.ogg").write_bytes(long.data)
    samples, rate = soundfile.read(tmp_path / "long.ogg")
    soundfile.write(tmp_path / "long.wav", samples, rate, subtype="FLOAT")
    assert (tmp_path / "long.wav").stat().st_size > 2 * CHUNK_BYTES
    words = (tmp_path / "long.wav", "--language", "en", *POCKET)
    there = speechd("transcribe", *words, "--cluster", shared_cluster.address)
    here = speechd("transcribe", *words)
    assert there.returncode == here.returncode == 0, there.stderr
    assert normalised(there.stdout) == normalised(here.stdout)


@pytest.mark.parametrize("count", [48, pytest.param(500, id="500")])
@pytest.mark.parametrize("killed", ["an actor", "a machine"])
def test_what_dies_loses_and_doubles_nothing(cluster: LocalCluster, tmp_path: Path, killed: str, count: int) -> None:
    folder = tmp_path / "in"
    said = make_folder(folder, count)
    with running(folder, "-o", tmp_path / "out", *FORMATS, *POCKET, "--cluster", cluster.address) as run:
        run.until_done(count // 4)
        cluster.kill_an_actor() if killed == "an actor" else cluster.kill_a_machine()
        end = run.finish()
    assert (end["exit"], end["files_done"], end["failures"]) == (0, count, 0)
    assert done(run) == Counter(map(str, said))
    check(folder, tmp_path / "out", said)


def test_a_coordinator_that_is_killed_resumes(shared_cluster: LocalCluster, tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    said = make_folder(folder, 48)
    words = (folder, "-o", output, *FORMATS, *POCKET, "--cluster", shared_cluster.address)
    with running(*words) as run:
        run.until_done(12)
        run.kill()
    with running(*words) as run:
        start = run.until(lambda event: event["event"] == "start")
        end = run.finish()
    assert start["finished_before"] >= 12
    assert (end["exit"], end["failures"]) == (0, 0)
    check(folder, output, said)


def test_a_long_recording_goes_on_where_its_transcriber_died(cluster: LocalCluster, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "long.ogg").write_bytes(long_recording(6).data)
    words = (tmp_path / "in", "--language", "en", "--format", "json", *POCKET)
    with running(*words, "-o", tmp_path / "out", "--cluster", cluster.address, "--replicas", "1") as run:
        run.until(lambda event: event["event"] == "kept")
        cluster.kill_an_actor()
        assert run.finish()["exit"] == 0
    assert speechd("transcribe", *words, "-o", tmp_path / "once").returncode == 0
    resumed, once = (json.loads((tmp_path / name / "long.json").read_text()) for name in ("out", "once"))
    assert [each["text"] for each in resumed["segments"]] == [each["text"] for each in once["segments"]]
    assert [each["start"] for each in resumed["segments"]] == pytest.approx(
        [each["start"] for each in once["segments"]], abs=0.1
    )


def test_an_unknown_model_is_refused_as_here(shared_cluster: LocalCluster, tmp_path: Path) -> None:
    make_folder(tmp_path, 1)
    words = (tmp_path, "-o", tmp_path / "out", "--model", "nobody/knows-this")
    there, here = speechd("transcribe", *words, "--cluster", shared_cluster.address), speechd("transcribe", *words)
    assert there.returncode == here.returncode == 1
    assert there.stderr == here.stderr


def test_more_transcribers_than_machines_share_them(shared_cluster: LocalCluster, tmp_path: Path) -> None:
    make_folder(tmp_path / "in", 4)
    words = (tmp_path / "in", "-o", tmp_path / "out", *POCKET, "--cluster", shared_cluster.address, "--replicas", "1")
    assert speechd("transcribe", *words).returncode == 0


def test_an_address_that_is_no_ray(tmp_path: Path) -> None:
    make_folder(tmp_path, 1)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    try:
        refused = speechd("transcribe", tmp_path, "-o", tmp_path / "out", *POCKET, "--cluster", address)
    finally:
        server.shutdown()
        server.server_close()
    assert refused.returncode == 1
    assert f"There is no Ray cluster at {address}" in refused.stderr
    assert "Traceback" not in refused.stderr
    nothing = speechd("transcribe", tmp_path, "-o", tmp_path / "out", *POCKET, "--cluster", address)
    assert f"There is no Ray cluster at {address}" in nothing.stderr
