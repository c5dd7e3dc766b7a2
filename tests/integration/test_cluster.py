"""`speechd serve --cluster` on a real Ray cluster of two machines on loopback: answers, deaths and refusals."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.conftest import FIXTURES, ROOT, fixtures
from tests.integration.conftest import THIS_SPEECHD, serving
from tests.support.processes import eventually, own_sigterm
from tests.support.serve_cluster import ClusterServer, RayCluster, free_port

pytest.importorskip("ray", reason="the extra `cluster` is not installed")
pytestmark = [pytest.mark.extra, pytest.mark.slow]

CLIENTS = 8
POCKET = {"model": "whisper-pocket"}
WARM = {
    "SPEECHD_CLUSTER_WARM_REPLICAS": json.dumps({"whisper-pocket": 2}),
    "SPEECHD_RESULT_CACHE_SECONDS": "0",
    "SPEECHD_DISCONNECT_GRACE": "0",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with RayCluster.started(tmp_path_factory.mktemp("replicas")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def server(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    with ClusterServer.started(cluster, tmp_path_factory.mktemp("api"), **WARM) as server:
        transcribe(server.url, FIXTURES / "en_television.flac")
        cluster.wait_for_replicas(2)
        yield server


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("local")) as url:
        yield url


def transcribe(url: str, recording: Path | bytes, **fields: Any) -> httpx2.Response:
    audio = recording if isinstance(recording, bytes) else recording.read_bytes()
    form = {"files": {"file": ("a.flac", audio)}, "data": POCKET | fields}
    return httpx2.post(f"{url}/v1/audio/transcriptions", **form, timeout=300)


def comparable(reply: httpx2.Response) -> Any:
    """What is the same for equal audio."""
    body = reply.json()
    body.pop("x_groq", None)
    return reply.status_code, body


@pytest.mark.parametrize("fields", [{}, {"response_format": "verbose_json"}, {"language": "en", "channels": "split"}])
def test_the_answer_is_that_of_a_server_alone(server: ClusterServer, local: str, fields: dict[str, str]) -> None:
    for fixture in fixtures()[:4]:
        there, here = (comparable(transcribe(url, fixture.path, **fields)) for url in (server.url, local))
        assert there == here


def test_errors_are_those_of_a_server_alone(server: ClusterServer, local: str) -> None:
    for audio in (b"no audio", b"", (FIXTURES / "en_television.flac").read_bytes()[:2000]):
        there, here = (comparable(transcribe(url, audio)) for url in (server.url, local))
        assert there == here


def test_speech_is_that_of_a_server_alone(server: ClusterServer, local: str) -> None:
    body = {
        "model": "tts-1",
        "voice": "en_US-pocket-x_low",
        "input": "Hello there. How are you?",
        "response_format": "wav",
    }
    there, here = (httpx2.post(f"{url}/v1/audio/speech", json=body, timeout=300) for url in (server.url, local))
    assert (there.status_code, here.status_code) == (200, 200), there.text
    assert abs(len(there.content) - len(here.content)) <= len(here.content) * 0.1
    assert there.headers["x-speechd-voice"] == here.headers["x-speechd-voice"]


def test_a_model_is_listed_loaded_and_unloaded(server: ClusterServer, cluster: RayCluster) -> None:
    def loaded() -> set[str]:
        rows = httpx2.get(f"{server.url}/v1/models", timeout=60).json()["data"]
        return {row["id"] for row in rows if row.get("speechd") and row["speechd"].get("loaded")}

    path = f"{server.url}/v1/models/en_US-pocket-x_low"
    assert httpx2.post(f"{path}/load", timeout=300).status_code == 200
    assert eventually(lambda: "en_US-pocket-x_low" in loaded(), 30)
    assert httpx2.post(f"{path}/unload", timeout=300).status_code == 200
    assert eventually(lambda: "en_US-pocket-x_low" not in loaded(), 30)
    assert "whisper-pocket" in loaded()


class Clients:
    """Clients that send without a pause, and what they saw."""

    def __init__(self, urls: list[str]) -> None:
        self.urls = urls
        self.answered = 0
        self.errors: list[str] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._expected = {fixture.path: transcribe(urls[-1], fixture.path).json()["text"] for fixture in fixtures()[:6]}

    def during(self, disturb: Callable[[], None]) -> None:
        """Until what `disturb` has done is over."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(self._one, number) for number in range(CLIENTS)]
            try:
                assert eventually(lambda: self.answered >= CLIENTS, 120)
                disturb()
                before = self.answered
                assert eventually(lambda: self.answered >= before + 4 * CLIENTS, 240), self.errors
            finally:
                self._over.set()
            for each in running:
                each.result()

    def _one(self, number: int) -> None:
        chance = random.Random(number)
        while not self._over.is_set():
            path = chance.choice(list(self._expected))
            reply = self._from_any(path)
            with self._lock:
                self.answered += 1
                if reply.status_code != 200 or reply.json()["text"] != self._expected[path]:
                    self.errors.append(f"{reply.status_code} {reply.text}")

    def _from_any(self, path: Path) -> httpx2.Response:
        """As a balancer does: the next server where one does not answer."""
        for url in self.urls[:-1]:
            try:
                return transcribe(url, path)
            except httpx2.TransportError:
                continue
        return transcribe(self.urls[-1], path)


def test_a_replica_is_killed_and_no_client_sees_it(server: ClusterServer, cluster: RayCluster) -> None:
    clients = Clients([server.url])

    def kill() -> None:
        victim = random.choice(cluster.replicas())
        os.kill(victim, signal.SIGKILL)
        cluster.wait_for_replicas(2)

    clients.during(kill)
    assert clients.errors == []


def test_a_machine_is_killed_and_no_client_sees_it(server: ClusterServer, cluster: RayCluster) -> None:
    clients = Clients([server.url])

    def kill() -> None:
        cluster.kill_machine()
        cluster.add_machine()
        cluster.wait_for_replicas(2)

    clients.during(kill)
    assert clients.errors == []


def test_a_replica_that_hangs_is_replaced_and_no_client_sees_it(server: ClusterServer, cluster: RayCluster) -> None:
    """As a cut of the network does: the process is there, and nothing comes from it."""
    clients, victim = Clients([server.url]), random.choice(cluster.replicas())

    def stop() -> None:
        os.kill(victim, signal.SIGSTOP)
        assert eventually(lambda: len(cluster.replicas()) == 3, 240)

    try:
        clients.during(stop)
    finally:
        os.kill(victim, signal.SIGKILL)
    assert clients.errors == []


def test_the_controller_of_ray_serve_is_killed_and_no_client_sees_it(
    server: ClusterServer, cluster: RayCluster
) -> None:
    clients = Clients([server.url])

    def kill() -> None:
        (victim,) = cluster.processes("ServeController")
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda: cluster.processes("ServeController") not in ([], [victim]), 120)

    clients.during(kill)
    assert clients.errors == []
    assert transcribe(server.url, FIXTURES / "en_television.flac").status_code == 200


def test_one_of_two_servers_is_killed_and_no_client_sees_it(
    server: ClusterServer, cluster: RayCluster, tmp_path: Path
) -> None:
    with ClusterServer.started(cluster, tmp_path, **WARM) as second:
        clients = Clients([second.url, server.url])
        clients.during(second.kill_and_restart)
        assert clients.errors == []
        assert len(cluster.replicas()) == 2, "a server that starts must leave the replicas of others alone"


def test_files_that_change_are_rolled_out_without_a_refused_request(server: ClusterServer, cluster: RayCluster) -> None:
    """Other settings stand for other files: both are a version of their own."""
    clients, before = Clients([server.url]), set(cluster.replicas())
    changed = WARM | {"SPEECHD_COMPUTE_TYPE": "float32"}

    def roll() -> None:
        with ClusterServer.started(cluster, server.data_dir, **changed) as other:
            assert transcribe(other.url, FIXTURES / "en_television.flac").status_code == 200
            assert eventually(lambda: len(cluster.replicas()) == 2 and not before & set(cluster.replicas()), 240)

    clients.during(roll)
    assert clients.errors == []


def test_a_client_that_leaves_stops_the_work(server: ClusterServer) -> None:
    """Most of an hour would keep a replica busy for long."""
    recording = repeated(FIXTURES / "en_television.flac", 2700)
    form = {"files": {"file": ("a.wav", recording)}, "data": POCKET}
    with seconds_waiting(server.variables["SPEECHD_CLUSTER"]) as waiting:
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.post(f"{server.url}/v1/audio/transcriptions", **form, timeout=httpx2.Timeout(120, read=4))
        assert eventually(lambda: waiting() == 0, 15), waiting()


def test_a_stream_comes_while_the_work_goes_on(server: ClusterServer) -> None:
    minutes = repeated(FIXTURES / "en_television.flac", 120)
    form = {"files": {"file": ("a.wav", minutes)}, "data": POCKET | {"stream": "true"}}
    with httpx2.stream("POST", f"{server.url}/v1/audio/transcriptions", **form, timeout=300) as reply:
        events = [json.loads(line[6:]) for line in reply.iter_lines() if line.startswith("data: {")]
    assert len(events) > 3
    assert "".join(event.get("delta", "") for event in events) == events[-1]["text"]


def repeated(path: Path, seconds: float) -> bytes:
    import soundfile

    samples, rate = soundfile.read(path, dtype="int16")
    pause = np.zeros(rate // 2, np.int16)
    one = np.concatenate([samples, pause])
    file = io.BytesIO()
    with wave.open(file, "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(rate)
        writing.writeframes(np.tile(one, int(seconds * rate / len(one)) + 1)[: int(seconds * rate)].tobytes())
    return file.getvalue()


@contextmanager
def seconds_waiting(address: str) -> Iterator[Callable[[], float]]:
    """What the replicas of whisper-pocket have before them. This process is in the cluster meanwhile, and leaves it:
    Ray removes no machine to which it is connected."""
    from ray import serve

    from speechd.cluster.connect import join_cluster, leave_cluster
    from speechd.cluster.serving.placement import app_name

    with own_sigterm():
        join_cluster(address)
    try:
        yield _asking(serve.get_app_handle(app_name("whisper-pocket")))
    finally:
        leave_cluster()


def _asking(handle: Any) -> Callable[[], float]:
    def ask() -> float:
        told = handle.broadcast("record_routing_stats").results(timeout_s=30)
        return float(sum(each["queue_seconds"] for each in told))

    return ask


def refused(address: str, **variables: str) -> str:
    """Why `speechd serve --cluster` does not start."""
    command = [*THIS_SPEECHD, "serve", "--port", "0", "--cluster", address]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ | variables, check=False
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_an_address_that_is_no_cluster_is_refused(local: str) -> None:
    for address in (f"127.0.0.1:{free_port()}", local.removeprefix("http://")):
        assert f"There is no Ray cluster at {address}" in refused(address)
    assert "HOST:PORT" in refused("nonsense")
    assert "HOST:PORT" in refused("ray://127.0.0.1:10001")


def test_a_cluster_of_another_version_is_refused() -> None:
    import grpc
    from ray.core.generated import gcs_service_pb2 as messages

    def answer(request: bytes, context: Any) -> bytes:
        reply: bytes = messages.CheckAliveReply(ray_version="1.0.0").SerializeToString()
        return reply

    methods = {"CheckAlive": grpc.unary_unary_rpc_method_handler(answer)}
    head = grpc.server(ThreadPoolExecutor(1))
    head.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("ray.rpc.NodeInfoGcsService", methods),))
    port = head.add_insecure_port("127.0.0.1:0")
    head.start()
    assert "runs Ray 1.0.0" in refused(f"127.0.0.1:{port}")
    head.stop(None)


def test_a_model_for_which_no_machine_has_room_is_refused(cluster: RayCluster, tmp_path: Path) -> None:
    large = WARM | {"SPEECHD_CLUSTER_CPUS": "64", "SPEECHD_CLUSTER_START_SECONDS": "5"}
    large["SPEECHD_CLUSTER_WARM_REPLICAS"] = "{}"
    with ClusterServer.started(cluster, tmp_path, **large) as server:
        # A replica of another server with other settings would go on answering.
        httpx2.post(f"{server.url}/v1/models/en_US-pocket-x_low/unload", timeout=120)
        voice = {"model": "tts-1", "voice": "en_US-pocket-x_low", "input": "Hello."}
        reply = httpx2.post(f"{server.url}/v1/audio/speech", json=voice, timeout=120)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "no_replica")
        assert "no machine of the cluster has 64 CPU" in reply.json()["error"]["message"]
        assert int(reply.headers["retry-after"]) >= 1
        httpx2.post(f"{server.url}/v1/models/en_US-pocket-x_low/unload", timeout=120)


@pytest.mark.parametrize("suite", ["test_transcription.py", "test_speech.py", "test_listen.py"])
def test_the_suites_of_the_sdks_pass_on_the_cluster(server: ClusterServer, suite: str) -> None:
    environment = os.environ | {"TEST_CLUSTER": server.variables["SPEECHD_CLUSTER"]}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-x", f"tests/integration/{suite}"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert " passed" in ended.stdout
