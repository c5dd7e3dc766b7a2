import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from speechd.api.middleware.access import Access, Misconfigured, is_loopback, refuse_unsafe_binding
from speechd.errors import AuthenticationFailed, HostNotAllowed, OriginNotAllowed, StorageUnavailable
from speechd.settings import Settings

KEYED = Access.of(Settings(api_key=SecretStr("sk-Schlüssel")))
KEYLESS = Access.of(Settings(api_key=None))


def headers(**values: str) -> Headers:
    return Headers({"host": "127.0.0.1:8000"} | values)


def bearer(key: str) -> Headers:
    return Headers(raw=[(b"authorization", b"Bearer " + key.encode())])


@pytest.mark.parametrize("key", ["", "sk", "sk-Schlüssel2", "sk-Schlusse"])
def test_a_wrong_key_is_refused(key: str) -> None:
    with pytest.raises(AuthenticationFailed):
        KEYED.check("/v1/models", bearer(key))


@pytest.mark.parametrize("value", ["", "sk-Schlüssel", "Basic c2s6", "Bearer", "Bearer  "])
def test_a_key_sent_otherwise_is_refused(value: str) -> None:
    raw = Headers(raw=[(b"authorization", value.encode())] if value else [])
    with pytest.raises(AuthenticationFailed):
        KEYED.check("/v1/models", raw)


def test_the_right_key_is_let_in_under_any_host() -> None:
    KEYED.check("/v1/models", bearer("sk-Schlüssel"))
    KEYED.check("/healthz", Headers({"host": "speech.example.org"}))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.9.9.9"]
)
def test_loopback_hosts(host: str) -> None:
    KEYLESS.check("/v1/models", headers(host=host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[",
        "10.0.0.1:8000",
        "0.0.0.0",
        "a@b:1:2",
    ],
)
def test_foreign_hosts(host: str) -> None:
    with pytest.raises(HostNotAllowed, match=r"SPEECHD_API_KEY .* SPEECHD_HOST"):
        KEYLESS.check("/v1/models", headers(host=host))
    KEYLESS.check("/healthz", headers(host=host))
    Access.of(Settings(allow_anonymous=True)).check("/v1/models", headers(host=host))


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9000", "https://127.0.0.1", "", "http://[", "127.0.0.1:8000"],
)
def test_foreign_origins(origin: str) -> None:
    for access in (KEYLESS, Access.of(Settings(allow_anonymous=True))):
        with pytest.raises(OriginNotAllowed, match="SPEECHD_CORS_ORIGINS"):
            access.check("/v1/models", headers(origin=origin))


def test_own_pages_and_opened_origins() -> None:
    KEYLESS.check("/v1/models", headers(origin="http://127.0.0.1:8000"))
    opened = Access.of(Settings(cors_origins="https://app.example, http://localhost:3000/"))
    opened.check("/v1/models", headers(origin="https://App.example"))
    opened.check("/v1/models", headers(origin="http://localhost:3000"))
    with pytest.raises(OriginNotAllowed):
        opened.check("/v1/models", headers(origin="https://app.example.evil"))
    Access.of(Settings(cors_origins="*")).check("/v1/models", headers(origin="https://any.example"))


def test_preflight() -> None:
    with pytest.raises(OriginNotAllowed, match=r"'https://app\.example'.* SPEECHD_CORS_ORIGINS"):
        KEYED.check_preflight(headers(origin="https://app.example"))
    Access.of(Settings(cors_origins="https://app.example")).check_preflight(headers(origin="https://app.example"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "speech.localhost", "localhost."])
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)
    refuse_unsafe_binding(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.2", "example.org", "localhost.evil", "127.1"])
def test_a_public_address_needs_a_key(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(Misconfigured, match="SPEECHD_API_KEY"):
        refuse_unsafe_binding(Settings(host=host))
    refuse_unsafe_binding(Settings(host=host, api_key=SecretStr("k")))
    refuse_unsafe_binding(Settings(host=host, allow_anonymous=True))


def test_an_empty_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHD_API_KEY", " ")
    monkeypatch.setenv("SPEECHD_CORS_ORIGINS", " https://a.example ,,https://b.example")
    settings = Settings()
    assert settings.api_key is None
    assert settings.cors_origins == ("https://a.example", "https://b.example")


SHARED = "postgresql://speechd@database/speechd"


def test_before_the_shared_keys_are_read_nobody_is_refused_for_good() -> None:
    access = Access.of(Settings(api_key=SecretStr("sk-own"), database_url=SHARED))
    assert access.check("/v1/models", headers(authorization="Bearer sk-own"))
    access.check("/healthz", headers())
    for sent in ({"authorization": "Bearer sk-other"}, {}):
        with pytest.raises(StorageUnavailable):
            access.check("/v1/models", headers(**sent))
    access.keys.adopt([])
    with pytest.raises(AuthenticationFailed):
        access.check("/v1/models", headers(authorization="Bearer sk-other"))


def test_without_any_shared_key_loopback_is_open_and_other_addresses_are_closed() -> None:
    loopback, network = (Access.of(Settings(host=host, database_url=SHARED)) for host in ("127.0.0.1", "0.0.0.0"))
    refuse_unsafe_binding(Settings(host="0.0.0.0", database_url=SHARED))
    for access in (loopback, network):
        access.keys.adopt([])
    assert loopback.check("/v1/models", headers(host="localhost")) is None
    with pytest.raises(AuthenticationFailed):
        network.check("/v1/models", headers(host="localhost"))
    assert Access.of(Settings(host="0.0.0.0", database_url=SHARED, allow_anonymous=True)).closed is False
