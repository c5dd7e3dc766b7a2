"""`speechd transcribe s3://bucket/in -o s3://bucket/out` on a real S3 server, and with what goes wrong there."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speechd.folders.storage.lease import LEASE_SECONDS, PREFIX
from tests.bench.recordings import long_recording
from tests.conftest import Fixture
from tests.integration.test_folders import FORMATS, POCKET, check, running
from tests.support.audio_folders import make_folder
from tests.support.command_line import Done, speechd
from tests.support.ray_cluster import needs_ray, serving_cluster
from tests.support.s3_server import S3Server, needs_s3, serving_s3

pytestmark = [*needs_s3, pytest.mark.slow]

SOURCE, TARGET = "s3://recordings/in", "s3://recordings/out"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with serving_s3() as server:
        yield server


@pytest.fixture
def bucket(server: S3Server) -> Any:
    """The files of the server, of which there are none."""
    files = server.files()
    for path in files.find("recordings"):
        files.rm_file(path)
    return files


def upload(files: Any, folder: Path, count: int) -> dict[Path, Fixture]:
    """Makes recordings, and copies them to the server."""
    said = make_folder(folder, count)
    for path in said:
        files.pipe_file(f"recordings/in/{path.relative_to(folder)}", path.read_bytes())
    return said


def download(files: Any, folder: Path) -> None:
    """Copies the outputs from the server."""
    for key in files.find("recordings/out"):
        path = folder / key.removeprefix("recordings/out/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files.cat_file(key))


def transcribe(server: S3Server, *words: object, **variables: str) -> Done:
    return speechd("transcribe", *words, *POCKET, **server.variables | variables)


def test_a_bucket_becomes_another(server: S3Server, bucket: Any, tmp_path: Path) -> None:
    said = upload(bucket, tmp_path / "in", 12)
    done = transcribe(server, SOURCE, "-o", TARGET, *FORMATS)
    assert done.returncode == 0, done.stderr
    assert "12 of 12 recordings written to s3://recordings/out" in done.stderr
    download(bucket, tmp_path / "out")
    check(tmp_path / "in", tmp_path / "out", said)
    first, second = (key for key in sorted(bucket.find("recordings/in"))[:2])
    bucket.pipe_file(first, bucket.cat_file(second))
    again = transcribe(server, SOURCE, "-o", TARGET, *FORMATS)
    assert "12 of 12 recordings written" in again.stderr
    assert "(11 of them before)" in again.stderr


def test_a_bucket_into_a_folder_and_a_folder_into_a_bucket(server: S3Server, bucket: Any, tmp_path: Path) -> None:
    said = upload(bucket, tmp_path / "in", 3)
    assert transcribe(server, SOURCE, "-o", tmp_path / "out", *FORMATS).returncode == 0
    check(tmp_path / "in", tmp_path / "out", said)
    assert transcribe(server, tmp_path / "in", "-o", TARGET, *FORMATS).returncode == 0
    download(bucket, tmp_path / "back")
    check(tmp_path / "in", tmp_path / "back", said)


def test_one_recording_is_printed(server: S3Server, bucket: Any, english: Fixture) -> None:
    bucket.pipe_file("recordings/talk.flac", english.path.read_bytes())
    there = transcribe(server, "s3://recordings/talk.flac")
    assert there.returncode == 0, there.stderr
    assert there.stdout == transcribe(server, english.path).stdout


def test_without_an_output_folder_results_are_beside_the_recordings(
    server: S3Server, bucket: Any, english: Fixture
) -> None:
    bucket.pipe_file("recordings/in/a/talk.flac", english.path.read_bytes())
    bucket.pipe_file("recordings/in/b/talk.flac", english.path.read_bytes())
    bucket.pipe_file("recordings/in/b/talk.txt", b"somebody's own notes")
    done = transcribe(server, SOURCE)
    assert done.returncode == 1
    assert "s3://recordings/in/b/talk.txt exists and is not from an earlier run" in done.stderr
    assert bucket.cat_file("recordings/in/b/talk.txt") == b"somebody's own notes"
    assert bucket.exists("recordings/in/a/talk.txt")


def test_a_second_run_in_one_output_folder_is_refused(server: S3Server, bucket: Any, english: Fixture) -> None:
    bucket.pipe_file("recordings/in/talk.flac", english.path.read_bytes())
    bucket.pipe_file("recordings/in/long.ogg", long_recording(30).data)
    with running(SOURCE, "-o", TARGET, *POCKET, **server.variables) as run:
        run.until_done(1)
        refused = transcribe(server, SOURCE, "-o", TARGET)
        assert refused.returncode == 1
        assert f"process {run.process.pid}) uses s3://recordings/out" in refused.stderr
        run.process.send_signal(signal.SIGINT)
        assert run.finish()["exit"] == 130
    bucket.rm_file("recordings/in/long.ogg")
    assert transcribe(server, SOURCE, "-o", TARGET).returncode == 0, "it left the folder"


def test_a_killed_run_is_resumed_when_its_lease_has_ended(server: S3Server, bucket: Any, tmp_path: Path) -> None:
    said = upload(bucket, tmp_path / "in", 24)
    with running(SOURCE, "-o", TARGET, *FORMATS, *POCKET, **server.variables) as run:
        run.until_done(6)
        run.kill()
    refused = transcribe(server, SOURCE, "-o", TARGET, *FORMATS)
    assert f"or {LEASE_SECONDS:.0f} s where it was killed" in refused.stderr
    lease = f"recordings/out/{PREFIX}1"
    bucket.pipe_file(lease, json.dumps(json.loads(bucket.cat_file(lease)) | {"until": 0}).encode())
    assert transcribe(server, SOURCE, "-o", TARGET, *FORMATS).returncode == 0
    download(bucket, tmp_path / "out")
    check(tmp_path / "in", tmp_path / "out", said)


def test_an_object_that_vanishes_fails_alone(server: S3Server, bucket: Any, tmp_path: Path) -> None:
    upload(bucket, tmp_path / "in", 48)
    with running(SOURCE, "-o", TARGET, *POCKET, "--model", "whisper-pocket", **server.variables) as run:
        run.until(lambda event: event["event"] == "start")
        bucket.rm_file(sorted(bucket.find("recordings/in"))[-1])
        end = run.finish()
    failed = [event for event in run.events if event["event"] == "failed"]
    assert [event["reason"] for event in failed] == ["The file is not there any more."]
    assert (end["exit"], end["files_done"]) == (1, 47)


@pytest.mark.parametrize(
    ("words", "variables", "message"),
    [
        (("s3://no-such-bucket/in", "-o", TARGET), {}, "s3://no-such-bucket/in cannot be read: The specified bucket"),
        (("s3://recordings/nothing", "-o", TARGET), {}, "There is no file or folder s3://recordings/nothing"),
        ((SOURCE, "-o", "s3://no-such-bucket/out"), {}, "s3://no-such-bucket/out cannot be"),
        ((SOURCE,), {"AWS_SECRET_ACCESS_KEY": "wrong"}, f"{SOURCE} cannot be read: The request signature"),
        ((SOURCE,), {"AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "true"}, "Unable to locate credentials"),
        (("nothing://a/b",), {}, "nothing://a/b cannot be opened: Protocol not known"),
        ((SOURCE, "--watch", "-o", TARGET), {}, f"--watch follows folders. {SOURCE} is not a folder of this machine"),
    ],
    ids=["bucket", "folder", "output", "secret", "credentials", "protocol", "watch"],
)
def test_a_mistake_is_one_clear_line(
    server: S3Server, bucket: Any, english: Fixture, words: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    bucket.pipe_file("recordings/in/talk.flac", english.path.read_bytes())
    done = transcribe(server, *words, **variables)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(needs_ray[1].args[0], reason=needs_ray[1].kwargs["reason"])
def test_a_bucket_on_a_cluster(server: S3Server, bucket: Any, tmp_path: Path) -> None:
    said = upload(bucket, tmp_path / "in", 24)
    with serving_cluster(tmp_path / "machines") as cluster:
        done = transcribe(server, SOURCE, "-o", TARGET, *FORMATS, "--cluster", cluster.address)
    assert done.returncode == 0, done.stderr
    download(bucket, tmp_path / "out")
    check(tmp_path / "in", tmp_path / "out", said)
