"""All settings, with a sentence for each: environment variables `SPEECHD_*`, files of secrets, or a TOML file."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from speechd.configuration.origins import origin
from speechd.configuration.sources import config_path, read_config, read_secrets, variable
from speechd.dialects import COMPAT_PATHS
from speechd.errors import InvalidRequest


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/speechd`, by the XDG base directory specification `~/.local/share/speechd`."""
    import os

    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "speechd"


CommaSeparated = Annotated[tuple[str, ...], NoDecode]
COMPUTE_TYPES = (
    "auto",
    "default",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
    "int16",
    "float16",
    "bfloat16",
    "float32",
)
"""CTranslate2's number formats (its documentation, "Quantization"), and `auto`."""


class Settings(BaseSettings):
    """How one speechd process behaves. Every field can be set as `SPEECHD_<NAME>`, or by its name in a TOML file."""

    model_config = SettingsConfigDict(env_prefix="SPEECHD_", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Folder of models, files, the database, keys and counters."
    )
    database_url: str = Field(
        "",
        description="Database of files, batches and jobs: `postgresql://user:password@host/name`, which several servers"
        " can share with keys, captions, results and the state of their models. Default: SQLite in the data folder.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    page: bool = Field(True, description="Serve the page for browsers at `/app`.")
    max_connections: int = Field(
        1000,
        gt=0,
        description="Connections that may be open at once, and never more than half the process's open files. Beyond it"
        " requests are answered 503.",
    )
    request_timeout: float = Field(
        10,
        gt=0,
        description="Seconds until the head of a request is there, and again until its body begins to arrive.",
    )
    min_body_rate: int = Field(
        1000,
        ge=0,
        description="Bytes a second that a body must keep up, on average over the request timeout. 0 sets no minimum.",
    )
    drain_seconds: float = Field(
        5,
        ge=0,
        description="Seconds after SIGTERM in which the server still serves everything while `/readyz` says 503, so"
        " that balancers send no new requests.",
    )
    shutdown_seconds: float = Field(
        300,
        ge=0,
        description="Seconds in which requests in work may then end. What does not end is answered 503 with"
        " `retry-after`.",
    )
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on. 0 takes a free one.")
    url: str = Field(
        "",
        description="Server for `speechd batch` and `speechd models ps`, `load` and `unload`. Default: where"
        " `speechd serve` listens.",
    )
    wyoming_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="Port of the Wyoming protocol inside `speechd serve`, for Home Assistant: usually 10300. 0 takes a"
        " free one. Default: none.",
    )
    wyoming_host: str = Field(
        "127.0.0.1",
        description="Address of the Wyoming port. The protocol has no key: who can reach the address can use it.",
    )
    wyoming_zeroconf: bool = Field(
        False, description="Announce the Wyoming port on the local network (mDNS), so that Home Assistant finds it."
    )
    default_model: str = Field("auto", description="Model for requests that name none or `auto`.")
    model_aliases: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object of extra model ids. Each stands for an id, a hub repository"
        ' `org/name` or the absolute path of a model\'s folder: `{"whisper-1": "auto"}`.',
    )
    hosted_names: Literal["auto", "strict"] = Field(
        "auto",
        description="What the recognisers' names of hosted services (`whisper-1`, `gpt-4o-transcribe`,"
        " `whisper-large-v3` ...) mean over HTTP while no such model is installed: `auto` for the best installed one,"
        " `strict` for an error.",
    )
    default_voice: str = Field(
        "auto", description="Voice for speech requests that name none. `auto` is the best installed one."
    )
    speech_loudness: float | None = Field(
        -18,
        ge=-40,
        le=-10,
        description="Loudness of every voice in LUFS (ITU-R BS.1770-4). `off` leaves each voice as loud as it is.",
    )
    speech_emoji: Literal["silence", "name"] = Field(
        "silence",
        description="What a voice makes of emoji where a request does not say: nothing, or their names.",
    )
    lexicon: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object of words with their pronunciation: another spelling, or phonemes between slashes:"
        ' `{"GIF": "/dʒɪf/", "nginx": "engine x"}`.',
    )
    max_speech_characters: int = Field(200_000, gt=0, description="Longest text that is spoken in one request.")
    offline: bool = Field(False, description="Never open a connection to fetch a model.")
    model_mirror: str = Field(
        "",
        description="First source of models' files: an http(s) address or a folder that has each file under its"
        " SHA-256.",
    )
    auto_model: str = Field(
        "auto",
        description="Model that `speechd serve --pull` installs before it serves: auto, none, or a model's"
        " id instead of whisper-base.",
    )
    allow_any_model: bool = Field(
        False, description="Callers may pull any repository of the hub over HTTP, not only the models of the catalog."
    )
    max_pulls: int = Field(
        8, gt=0, description="Pulls over HTTP that may run or wait at once; beyond it they are answered 503."
    )
    auto_pull: bool = Field(
        False, description="A request for a known model that is not installed starts to pull it in the background."
    )
    compat: CommaSeparated = Field(
        (),
        description="Comma-separated calls of other servers to answer: `asr` for `/asr` and `/detect-language` of"
        " whisper-asr-webservice, `inference` for `/inference` of whisper.cpp's server.",
    )
    preload: CommaSeparated = Field((), description="Comma-separated models that are loaded at the start.")
    keep_alive: float = Field(
        900, ge=-1, description="Seconds after which an unused model is unloaded. -1 keeps it, 0 unloads at once."
    )
    max_loaded: int = Field(
        0,
        ge=0,
        description="Maximum models in memory at once. The least recently used idle one is unloaded. 0 sets no limit.",
    )
    max_loaded_bytes: int = Field(
        0, ge=0, description="Maximum bytes of model files in memory at once, in the same way. 0 sets no limit."
    )

    api_key: SecretStr | None = Field(None, description="A key that callers may send as `Authorization: Bearer ...`.")
    allow_anonymous: bool = Field(False, description="Serve an address that other machines can reach without any key.")
    api_keys_file: Path | None = Field(
        None, description="File that `speechd keys` writes. Default: `keys.json` of the data folder."
    )
    cors_origins: CommaSeparated = Field(
        (), description="Comma-separated origins of web pages that may call this server. `*` is all."
    )

    max_upload_bytes: int = Field(
        100_000_000, gt=0, description="Largest recording, uploaded or fetched, and largest file, in bytes."
    )
    max_json_bytes: int = Field(
        25_000_000, gt=0, description="Largest JSON or urlencoded body, in bytes; it is in memory whole."
    )
    max_audio_seconds: float = Field(43_200, gt=0, description="Longest recording, in seconds.")
    max_speech_seconds: float = Field(
        14_400, gt=0, description="Longest audio that is spoken in one request, pauses included, in seconds."
    )
    decoders: int = Field(
        0,
        ge=0,
        le=64,
        description="Decoding processes that wait for the next recordings, each of which is decoded in one of its own."
        " 0 keeps as many as there are CPUs, at most 4.",
    )
    max_queue_seconds: float = Field(
        86_400,
        gt=0,
        description="Seconds of audio that may wait for one model. Further requests are answered 503 with"
        " `retry-after`.",
    )
    engine_timeout: float = Field(
        120,
        gt=0,
        description="Seconds that an engine which is a process of its own (PocketSphinx) may take for one window,"
        " before it is ended and starts anew. `/readyz` tells of every model that is late after half of it.",
    )
    max_queue_characters: float = Field(
        1_000_000,
        gt=0,
        description="Characters that may wait for one voice. Further requests are answered 503 with `retry-after`.",
    )

    max_wait: float = Field(
        60,
        ge=0,
        description="Seconds that a request may have to wait for a model or a voice, by their measured speed. Requests"
        " that would wait longer are answered 503 with `retry-after`. 0 sets no limit.",
    )
    key_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Part of the queues, of the open audio jobs and of the files quota that one key can take while"
        " there are others.",
    )

    files_quota_bytes: int = Field(
        10_000_000_000,
        ge=0,
        description="Maximum bytes of all uploaded and produced files together. 0 sets no limit.",
    )
    min_free_bytes: int = Field(
        200_000_000,
        ge=0,
        description="Bytes that stay free on the disk of the data folder: what would take them is refused with 503"
        " `storage_full`; 0 sets no floor.",
    )
    files_retention_days: float = Field(
        30, ge=0, description="Days after which files, and batches that have ended, are deleted. 0 keeps them."
    )
    worker: bool = Field(
        True, description="Process batches and jobs inside `speechd serve`. `false` leaves them to `speechd worker`."
    )
    worker_concurrency: int = Field(
        4,
        gt=0,
        le=1000,
        description="Lines of batches that one process runs at once. While a request waits it is one line. A"
        " larger number makes"
        " batches faster, above all on a GPU, and requests slower.",
    )

    max_realtime_sessions: int = Field(
        128,
        gt=0,
        description="Realtime sessions that may be open at once before more are answered 503. SPEECHD_KEY_SHARE bounds"
        " those of one key.",
    )
    max_realtime_seconds: float = Field(3600, gt=0, description="Seconds after which a realtime session is closed.")
    max_realtime_turn: float = Field(
        300, ge=1, le=1800, description="Seconds after which a turn of a realtime session is cut."
    )
    max_realtime_message_bytes: int = Field(
        22_000_000, ge=1000, description="Largest message of a realtime session, in bytes."
    )

    max_audio_jobs: int = Field(
        1000, gt=0, description="Asynchronous audio jobs that may be open at once before more are answered 503."
    )
    audio_job_hours: float = Field(
        24, gt=0, description="Hours after which an asynchronous audio job that has not ended expires."
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="Signs webhooks of requests that bring no secret: `whsec_` and base64, or a text of 16"
        " bytes or more.",
    )

    result_cache_seconds: float = Field(
        300,
        ge=0,
        description="Seconds that a transcript is kept in memory for a repeated request. 0 keeps none.",
    )
    disconnect_grace: float = Field(
        15, ge=0, description="Seconds that work continues after its client has left, so that a retry can join it."
    )

    fetch_timeout: float = Field(60, gt=0, description="Total seconds that the fetch of a `url` may take.")
    fetch_allow_hosts: CommaSeparated = Field(
        (),
        description="Comma-separated private host names or networks (CIDR) that `url` and webhooks may reach.",
    )

    llm_base_url: str = Field(
        "",
        description="LLM backend, an OpenAI-compatible server that answers the text endpoints:"
        " `http://127.0.0.1:8080/v1`.",
    )
    llm_api_key: SecretStr | None = Field(
        None, description="Key that is sent to the LLM backend. Callers never see it."
    )
    llm_backends_file: Path | None = Field(None, description="TOML file that lists several LLM backends instead.")
    llm_connect_timeout: float = Field(5, gt=0, description="Seconds to connect to an LLM backend.")
    llm_answer_timeout: float = Field(600, gt=0, description="Seconds until the answer of an LLM backend begins.")
    llm_silence_timeout: float = Field(
        120, gt=0, description="Seconds between two pieces of the answer of an LLM backend."
    )

    cluster: str = Field(
        "",
        description="Ray cluster whose machines run the models: `auto` for the one that runs on this machine, or"
        " `HOST:PORT` of its head. It needs the extra `cluster`. Default: none, models run in this process.",
    )
    cluster_gpus: float | None = Field(
        None,
        ge=0,
        description="GPUs that a replica of a recogniser takes in the cluster: `1`, or a fraction such as `0.25`, so"
        " that four share one. Default: 1 where the cluster has GPUs.",
    )
    cluster_cpus: float = Field(1, gt=0, description="CPUs that a replica takes in the cluster.")
    cluster_max_replicas: int = Field(
        8, gt=0, le=10_000, description="Replicas of one model in the cluster at most, however much audio waits."
    )
    cluster_warm_replicas: dict[str, int] = Field(
        default_factory=dict,
        description='JSON object of models and the replicas that always stay, `{"whisper-large-v3": 2}`. Default: 1'
        " for the models of SPEECHD_PRELOAD, or for all where SPEECHD_KEEP_ALIVE is -1; other models leave the cluster"
        " when they are idle for SPEECHD_KEEP_ALIVE.",
    )
    cluster_queue_seconds: float = Field(
        60, gt=0, description="Seconds of audio that may wait for each replica before another one is started."
    )
    cluster_start_seconds: float = Field(
        60,
        gt=0,
        description="Seconds that a request waits for the first replica of its model. Then it is answered 503, and the"
        " replica goes on starting.",
    )

    device: str = Field(
        "auto", description="Where models run: `auto`, `cpu`, `cuda`, or `cuda:0,1` for a copy on each of several GPUs."
    )
    compute_type: str = Field(
        "auto",
        description="Number format of the weights: `int8`, `float16`, `int8_float16`, `float32` ...; `auto` is"
        " `int8` on a CPU and"
        " `float16` on a GPU.",
    )
    adaptive_context: Literal["auto", "off", "always"] = Field(
        "auto",
        description="Encode short windows at their own length and not at 30 s, which makes short clips several times"
        " faster. `auto` does it with Whisper models whose margin was measured, for the catalog or by `speechd models"
        " tune`. `always` does it with every Whisper model. `off` with none.",
    )
    cpu_threads: int = Field(
        0, ge=0, description="Threads per model on a CPU. 0 measures what is fastest when a model is first loaded."
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        "info", description="`critical`, `error`, `warning`, `info` or `debug`."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="`text` for people, or `json`: one object a line, for programs that collect logs."
    )
    log_requests: bool = Field(True, description="Log a line for each request, without any text.")
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="Port of its own for `/metrics` and nothing else, without a key; of `speechd worker` too. 0 takes a"
        " free one. Default: `/metrics` is on the port of the API only.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address on which SPEECHD_METRICS_PORT listens.")
    metrics_keys: bool = Field(False, description="Count seconds of audio by key in `/metrics`, under the keys' ids.")
    otlp_endpoint: str = Field(
        "",
        description="Collector that takes traces by OTLP over HTTP: `http://127.0.0.1:4318`. It needs the extra `otel`."
        " OpenTelemetry's own variables (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS` ...) hold too.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line wins, then the environment, files of secrets, the TOML file."""
        files = (read_secrets(), read_config(settings_cls.model_fields))
        return init_settings, env_settings, *(InitSettingsSource(settings_cls, each) for each in files)

    @field_validator("compat", "cors_origins", "fetch_allow_hosts", "preload", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("device", mode="after")
    @classmethod
    def _is_device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+(,\d+)*)?", value):
            raise ValueError(f"it is auto, cpu, cuda or cuda:0,1 ..., not {value[:40]!r}")
        return value

    @field_validator("compute_type", mode="after")
    @classmethod
    def _is_compute_type(cls, value: str) -> str:
        if value not in COMPUTE_TYPES:
            raise ValueError(f"{value[:40]!r} is none of {', '.join(COMPUTE_TYPES)}")
        return value

    @field_validator("compat", mode="after")
    @classmethod
    def _known_calls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = sorted(set(COMPAT_PATHS.values()))
        if unknown := set(value) - set(known):
            raise ValueError(f"{sorted(unknown)[0]!r} is none of {', '.join(known)}")
        return tuple(dict.fromkeys(value))

    @field_validator("adaptive_context", mode="before")
    @classmethod
    def _switch(cls, value: object) -> object:
        """It was a switch once."""
        word = str(value).strip().lower()
        return {"true": "always", "1": "always", "false": "off", "0": "off"}.get(word, word)

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("speech_loudness", mode="before")
    @classmethod
    def _off_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and value.strip().lower() == "off" else value

    @field_validator("api_key", "llm_api_key", "webhook_secret", mode="after")
    @classmethod
    def _no_empty_key(cls, value: SecretStr | None) -> SecretStr | None:
        """`SPEECHD_API_KEY=` in a compose file means none: an empty key would admit everyone."""
        return value if value and value.get_secret_value().strip() else None

    @property
    def json_limit(self) -> int:
        """Bytes of the largest JSON body."""
        return min(self.max_json_bytes, self.max_upload_bytes)

    @property
    def keys_path(self) -> Path:
        """Where the named keys are kept."""
        return self.api_keys_file or self.data_dir / "keys.json"

    @property
    def shares_state(self) -> bool:
        """Whether other servers may work on the same database: PostgreSQL's. SQLite's has one server."""
        return self.database_url.partition(":")[0].partition("+")[0] in ("postgresql", "postgres")

    def adopt(self, fresh: "Settings", names: Iterable[str]) -> list[str]:
        """Takes over settings that may change while the process runs, which is the only change of settings.

        Returns:
            Names of those that have changed.
        """
        changed = [name for name in names if getattr(self, name) != getattr(fresh, name)]
        self.__dict__.update({name: getattr(fresh, name) for name in changed})
        return changed


def read_settings(**given: object) -> Settings:
    """The settings of the environment and the files, with what the command line gives on top.

    Raises:
        InvalidRequest: one of them is not valid, or a file of settings cannot be read.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        reason = first["msg"].removeprefix("Value error, ")
    except SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        name, reason = found[1] if found else "", "it is not JSON"
    raise InvalidRequest(f"The setting {_told(name)} is not valid: {reason}.")


def _told(name: str) -> str:
    """A setting as the operator has written it."""
    place = origin(name, Settings.model_fields)
    return f"`{name}` in {place}" if place == str(config_path()) else variable(name)
