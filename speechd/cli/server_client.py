"""A client of a running server, for commands of the command line."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechd.cli import lazy
from speechd.errors import SpeechdError

if TYPE_CHECKING:
    import httpx2

    from speechd.settings import Settings

CONNECT_PATIENCE = 300.0
"""Seconds that a server which does not answer is waited for, where the caller has patience: it may restart."""
RETRY_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds before the second attempt, and at most before a later one."""
UPLOAD_CHUNK = 1 << 18


class Unreachable(SpeechdError):
    """No speechd answers there."""


class ServerClient:
    """Requests to one server."""

    def __init__(self, url: str | None = None, api_key: str | None = None) -> None:
        """
        Args:
            url: its address; from the settings when absent.
            api_key: from the settings when absent.
        """

        settings = lazy.read_settings()
        self.url = (
            (url or settings.url or _own_address(settings)).rstrip("/").removesuffix("/v1").removesuffix("/openai")
        )
        key = api_key or (settings.api_key.get_secret_value() if settings.api_key else "")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def ask(self, method: str, path: str, *, patient: bool = False, **request: Any) -> Any:
        """The JSON of a reply.

        Args:
            path: with its prefix, such as `/v1/models`.
            patient: try again for PATIENCE seconds when the server does not answer.
            request: further arguments of httpx2.request.

        Raises:
            Unreachable: it does not answer.
            SpeechdError: it refuses.
        """
        from speechd.net.retries import RetryingCaller

        attempts = None if patient else 1
        again = RetryingCaller(attempts, timeout=CONNECT_PATIENCE, wait_initial=RETRY_PAUSE, wait_max=LONGEST_PAUSE)
        return again(Unreachable, self._ask, method, path, request)

    def download(self, path: str, target: Path) -> None:
        """Writes a reply's body to a file, which appears under its name when it is complete.

        Raises:
            Unreachable: the server does not answer.
            SpeechdError: it refuses, or the file cannot be written.
        """
        import httpx2

        draft = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with httpx2.stream("GET", self.url + path, headers=self._headers, timeout=None) as reply:
                if reply.is_error:
                    reply.read()
                    raise _refusal(reply)
                with draft.open("wb") as file:
                    for chunk in reply.iter_bytes(UPLOAD_CHUNK):
                        file.write(chunk)
            draft.replace(target)
        except OSError as error:
            raise SpeechdError(f"{target} cannot be written: {error.strerror}.") from error
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _ask(self, method: str, path: str, request: dict[str, Any]) -> Any:
        import httpx2

        try:
            reply = httpx2.request(method, self.url + path, headers=self._headers, timeout=None, **request)
            content = reply.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self._unreachable(error) from error
        if reply.is_error:
            raise _refusal(reply)
        return content

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"No speechd answers at {self.url} ({error}). Is it running? --url names another address.")


def _refusal(reply: "httpx2.Response") -> SpeechdError:
    try:
        return SpeechdError(reply.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return SpeechdError(f"The server answered {reply.status_code}.")


def _own_address(settings: "Settings") -> str:
    """Where a server with these settings listens."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
