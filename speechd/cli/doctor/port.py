"""Checks the port of the server."""

from collections.abc import Iterator

from speechd.api.diagnosis.report import Finding
from speechd.api.server import listen
from speechd.errors import Misconfigured
from speechd.settings import Settings

HEALTH_SECONDS = 2.0


def port(settings: Settings) -> Iterator[Finding]:
    """Whether `speechd serve` can listen now, or already does."""
    if not settings.port:
        yield Finding("ok", "Port 0: the system chooses a free one.")
        return
    where = f"{settings.host or 'every address'}, port {settings.port}"
    try:
        listen(settings.host, settings.port).close()
    except Misconfigured as error:
        if _speechd_answers(settings):
            yield Finding("ok", f"speechd is serving on {where} now.")
            return
        yield Finding(
            "problem", error.message, "Stop the program that listens there, or set SPEECHD_PORT to another port."
        )
        return
    yield Finding("ok", f"{where} is free.")


def _speechd_answers(settings: Settings) -> bool:
    """Whether a speechd listens at the address of the settings."""
    import httpx2

    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    try:
        with httpx2.Client(timeout=HEALTH_SECONDS, trust_env=False) as client:
            hint = client.get(f"http://{host}:{settings.port}/").json()
    except (httpx2.HTTPError, ValueError):
        return False
    return isinstance(hint, dict) and hint.get("name") == "speechd"
