"""`speechd serve` with its option `--pull`, and `speechd wyoming`."""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speechd.cli import lazy
from speechd.cli.download_bar import Arrivals, download_bar
from speechd.errors import FeatureNotInstalled, Offline, SpeechdError

if TYPE_CHECKING:  # other modules load when the command runs, so that --help is quick
    from collections.abc import Callable

    from speechd.api.app import FrontDoorOpener
    from speechd.registry.catalog import Model
    from speechd.registry.registry import ModelStore
    from speechd.service import Service
    from speechd.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: SPEECHD_HOST or 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on. 0 takes a free one. Default: SPEECHD_PORT or 8000.")
    ] = None,
    pull: Annotated[
        bool,
        typer.Option(
            "--pull",
            help="First install a recogniser and a voice where only embedded ones are installed (SPEECHD_AUTO_MODEL).",
        ),
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", help="Ray cluster that runs the models: auto, or HOST:PORT. Default: none."),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file of settings, as before `serve`.")] = None,
) -> None:
    """Serve the HTTP API.

    The base URL of clients is http://HOST:PORT for the groq SDK, and http://HOST:PORT/v1 for the openai SDK.
    An address other than loopback needs SPEECHD_API_KEY (or SPEECHD_ALLOW_ANONYMOUS=true).
    """

    if config is not None:
        os.environ["SPEECHD_CONFIG"] = str(config)
    options = {"host": host, "port": port, "cluster": cluster}
    settings = lazy.read_settings(**{name: value for name, value in options.items() if value is not None})
    lacking = ""
    if pull:
        lazy.refuse_unsafe_binding(settings)
        lazy.listen(settings.host, settings.port).close()  # a port in use is said before minutes of downloading
        lacking = bring_defaults(settings)
    lazy.run_server(settings, lacking, open_wyoming(settings), service_opener(settings))


def wyoming(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. Default: SPEECHD_WYOMING_HOST or 127.0.0.1. 0.0.0.0 is all."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on. 0 takes a free one. Default: SPEECHD_WYOMING_PORT or 10300."),
    ] = None,
    zeroconf: Annotated[
        bool | None,
        typer.Option("--zeroconf", help="Announce it on the local network, so that Home Assistant finds it."),
    ] = None,
) -> None:
    """Serve the Wyoming protocol for Home Assistant, and nothing else.

    Home Assistant then asks this machine for speech to text and text to speech. `speechd serve` with
    SPEECHD_WYOMING_PORT=10300 serves it beside the HTTP API, on the same models.

    The protocol has no keys and no encryption. Only programs of this machine can connect, unless --host says otherwise.

    Examples:

        speechd wyoming

        speechd wyoming --host 0.0.0.0 --zeroconf
    """
    options = {"wyoming_host": host, "wyoming_port": port, "wyoming_zeroconf": zeroconf}
    settings = lazy.read_settings(**{name: value for name, value in options.items() if value is not None})
    require_wyoming()
    lazy.run_wyoming(settings)


def service_opener(settings: "Settings") -> "Callable[[Settings], Service]":
    """What opens the service: on this machine, or on the cluster of the settings, which is joined at once.

    Raises:
        FeatureNotInstalled, Misconfigured: the cluster cannot be joined.
    """
    if not settings.cluster:
        return lazy.open_service
    if any(importlib.util.find_spec(package) is None for package in ("ray", "grpc")):
        raise FeatureNotInstalled("A cluster needs the extra `cluster`: pip install 'speechd[cluster]'.")
    return lazy.join_and_open(settings)


def open_wyoming(settings: "Settings") -> "FrontDoorOpener | None":
    """The Wyoming port beside HTTP, where one is set.

    Raises:
        FeatureNotInstalled: the package wyoming is not installed.
        Misconfigured: it cannot listen there.
    """
    if settings.wyoming_port is None:
        return None
    require_wyoming()
    return lazy.open_beside_http(settings)


def require_wyoming() -> None:
    """
    Raises:
        FeatureNotInstalled: the package wyoming is not installed.
    """
    if importlib.util.find_spec("wyoming") is None:
        raise FeatureNotInstalled("The Wyoming protocol needs its package: pip install 'speechd[wyoming]'")


def bring_defaults(settings: "Settings") -> str:
    """Pulls the missing models of SPEECHD_AUTO_MODEL.

    Returns:
        Why a model is still missing, in one line; "" where none is.

    Raises:
        Misconfigured: SPEECHD_AUTO_MODEL names no model that can be pulled.
    """

    store, speaks = lazy.ModelStore(settings), importlib.util.find_spec("piper") is not None
    missing = lazy.missing_defaults(store, settings, lazy.system_language(os.environ), speaks=speaks)
    try:
        for model in missing:
            _bring(model, store, settings)
    except KeyboardInterrupt:
        return "Skipped. Complete files are kept for the next pull."
    except Offline as error:
        return "" if settings.offline else error.message
    except SpeechdError as error:
        return error.message
    return ""


def _bring(model: "Model", store: "ModelStore", settings: "Settings") -> None:

    with download_bar(f"{model.id} (Ctrl-C skips it)", transient=True) as (report, say):
        arrivals = Arrivals(report, say)
        lazy.pull(
            model,
            store,
            arrivals.advance,
            offline=settings.offline,
            mirror=settings.model_mirror,
            tell=arrivals.tell,
        )
        arrivals.flush()
        say(f"{model.id} is installed.")
