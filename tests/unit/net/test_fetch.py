"""What a `url` may be and where it may lead. Every request here stays on loopback."""

import asyncio
import base64
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest

from speechd.errors import FailedDependency, InvalidRequest, SpeechdError, TooLarge, UrlNotAllowed
from speechd.net.fetch import FetchLimits, fetch_audio
from speechd.net.ssrf import Address, AddressPolicy, is_public, parse_url

LOOPBACK = FetchLimits(max_bytes=1_000_000, timeout=5, allow_hosts=("127.0.0.1",))
PUBLIC = "93.184.215.14"
BODY = b"RIFF" + bytes(range(256)) * 300

FORBIDDEN = [
    # loopback, private, link-local, shared, metadata and reserved addresses
    "http://127.0.0.1/",
    "http://127.0.0.1:8000/v1/models",
    "http://127.255.255.254/",
    "https://127.0.0.1/",
    "HTTP://127.0.0.1/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/machine",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    # IPv6, and IPv4 in IPv6
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:93.184.215.14]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[5f00::1]/",
    # odd spellings of addresses
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://0/",
    "http://3232235777/",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%2f@example.com/",
    "http://0x7f.0x0.0x0.0x1/",
    # names that mean this machine or this network
    "http://localhost/",
    "http://LOCALHOST:8080/",
    "http://localhost./",
    "http://foo.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://127.0.0.1.nip.example/",
    "http://private.example/",
    "http://mixed.example/",
    # credentials, confusion, control characters
    "http://good.example@127.0.0.1/",
    "http://user:password@public.example/",
    "http://127.0.0.1#@public.example/",
    "http://127.0.0.1?@public.example/",
    "http://public.example\\@127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http://127.0.0.1\\.public.example/",
    "http://127.0.0.1\t/",
    "http://public.example\n/",
    "http://pub\rlic.example/",
    "http://public.example/ HTTP/1.1\r\nHost: inside",
    "http://public.example/\x00",
    "http://",
    "http:///path",
    "http:127.0.0.1/",
    "http:/127.0.0.1/",
    "http://:80/",
    "http://[/",
    "http://[::1/",
    "http://[127.0.0.1]/",
    "http://public..example/",
    "http://-public.example/",
    "http://" + "a" * 300 + ".example/",
    # ports of other services
    "http://public.example:22/",
    "http://public.example:25/",
    "http://public.example:6379/",
    "http://public.example:5432/",
    "http://public.example:11211/",
    "http://public.example:0/",
    "http://public.example:99999/",
    "http://public.example:-1/",
    "http://public.example:/",
    # other schemes
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "file://localhost/etc/passwd",
    "ftp://public.example/a.wav",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stat",
    "concat:/etc/passwd",
    "subfile,,start,0,end,9,,:/etc/passwd",
    "tcp://127.0.0.1:22",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "//127.0.0.1/a.wav",
    "127.0.0.1:8000/a.wav",
    "localhost:8000/a.wav",
    "/etc/passwd.wav",
    "http;//127.0.0.1/",
]

NAMES = {
    "public.example": [PUBLIC],
    "private.example": ["10.1.2.3"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
}


def ok() -> httpx2.Response:
    return httpx2.Response(200, stream=httpx2.ByteStream(BODY))


class Spy(httpx2.AsyncBaseTransport):
    """Counts connection attempts and name look-ups; answers what it is told."""

    def __init__(self, *answers: httpx2.Response, names: dict[str, list[str]] = NAMES) -> None:
        self.answers = list(answers)
        self.names = names
        self.requests: list[httpx2.Request] = []
        self.resolved: list[str] = []

    async def resolve(self, host: str, port: int) -> list[Address]:
        self.resolved.append(host)
        return [ip_address(address) for address in self.names[host]]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self.answers.pop(0)


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_a_forbidden_url_is_refused_before_any_connection(url: str) -> None:
    spy = Spy(ok())
    with pytest.raises((UrlNotAllowed, InvalidRequest)) as caught:
        await fetch_audio(url, FetchLimits(), resolver=spy.resolve, transport=spy)
    assert spy.requests == []
    assert caught.value.param == "url"
    for inside in ("10.1.2.3", "127.0.0.1"):  # what a name resolved to is not told
        assert inside in url or inside not in caught.value.message


@pytest.mark.parametrize("url", [url for url in FORBIDDEN if "://" in url and url.isascii() and url.isprintable()])
async def test_a_redirect_to_a_forbidden_url_is_refused_before_it_is_followed(url: str) -> None:
    if url.removeprefix("http://")[:1] in ("", "/"):
        url = f"//127.0.0.1/{url}"  # without a host it is a path on the redirecting host
    spy = Spy(httpx2.Response(302, headers={"location": url}), ok())
    with pytest.raises((UrlNotAllowed, FailedDependency)) as caught:
        await fetch_audio("http://public.example/a.wav", FetchLimits(), resolver=spy.resolve, transport=spy)
    assert len(spy.requests) == 1
    assert isinstance(caught.value, UrlNotAllowed) or "malformed" in caught.value.message


def test_the_corpus_is_large() -> None:
    assert len(set(FORBIDDEN)) >= 100


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"])
def test_public_addresses_pass(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://Example.com./a%20b.mp3?x=1&y=2#part", "example.com", 443, "/a%20b.mp3?x=1&y=2"),
        ("http://example.com:8080", "example.com", 8080, "/"),
        ("https://[2606:4700::1]:8443/x", "2606:4700::1", 8443, "/x"),
        ("https://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example", 443, "/"),
        ("https://a_b.s3.example.com/k", "a_b.s3.example.com", 443, "/k"),
    ],
)
def test_plain_urls_are_read(url: str, host: str, port: int, path: str) -> None:
    target = parse_url(url)
    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5432/"),
        ("10.0.0.0/8", "http://10.9.8.7/"),
        ("fd00::/8", "http://[fd00::5]/"),
        ("NAS.local", "http://nas.local/"),
    ],
)
def test_the_operator_can_allow_hosts_and_networks(allowed: str, url: str) -> None:
    with pytest.raises(UrlNotAllowed):
        AddressPolicy().check_host(parse_url(url))
    AddressPolicy([allowed]).check_host(parse_url(url))


async def test_an_allowed_network_does_not_open_the_others() -> None:
    spy = Spy(names={"private.example": ["192.168.0.1"]})
    limits = FetchLimits(allow_hosts=("10.0.0.0/8",))
    with pytest.raises(UrlNotAllowed):
        await fetch_audio("http://private.example/", limits, resolver=spy.resolve, transport=spy)


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """DNS rebinding: the second look-up would answer with a private address, and never happens."""
    answers = [[PUBLIC], ["127.0.0.1"]]
    looked_up = []

    async def rebinding(host: str, port: int) -> list[Address]:
        looked_up.append(host)
        return [ip_address(address) for address in answers.pop(0)]

    spy = Spy(ok())
    with await fetch_audio(
        "https://rebind.example:8443/a.wav?b=c", FetchLimits(), resolver=rebinding, transport=spy
    ) as file:
        assert file.read() == BODY
    (request,) = spy.requests
    assert looked_up == ["rebind.example"]
    assert str(request.url) == f"https://{PUBLIC}:8443/a.wav?b=c"
    assert request.headers["host"] == "rebind.example:8443"
    assert request.extensions["sni_hostname"] == "rebind.example"
    assert request.headers["accept-encoding"] == "identity"


async def test_a_redirect_is_resolved_and_checked_again() -> None:
    """The same name, private on its second look-up: refused at the redirect."""
    answers = [[PUBLIC], ["10.0.0.5"]]

    async def rebinding(host: str, port: int) -> list[Address]:
        return [ip_address(address) for address in answers.pop(0)]

    spy = Spy(httpx2.Response(301, headers={"location": "/again"}), ok())
    with pytest.raises(UrlNotAllowed):
        await fetch_audio("http://rebind.example/", FetchLimits(), resolver=rebinding, transport=spy)
    assert len(spy.requests) == 1


async def test_a_redirect_from_https_to_http_is_refused() -> None:
    spy = Spy(httpx2.Response(302, headers={"location": "http://public.example/"}))
    with pytest.raises(UrlNotAllowed, match="https to http"):
        await fetch_audio("https://public.example/", FetchLimits(), resolver=spy.resolve, transport=spy)


async def test_cookies_do_not_travel() -> None:
    spy = Spy(
        httpx2.Response(302, headers={"location": "/next", "set-cookie": "session=secret"}),
        ok(),
    )
    with await fetch_audio("http://public.example/", FetchLimits(), resolver=spy.resolve, transport=spy):
        assert "cookie" not in spy.requests[1].headers


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    class OneDown(Spy):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.host == PUBLIC:
                raise httpx2.ConnectError("refused")
            return await super().handle_async_request(request)

    spy = OneDown(ok(), names={"two.example": [PUBLIC, "93.184.215.15"]})
    with await fetch_audio("http://two.example/", FetchLimits(), resolver=spy.resolve, transport=spy) as file:
        assert file.read() == BODY


async def test_an_unknown_host_is_a_failed_dependency() -> None:
    async def unknown(host: str, port: int) -> list[Address]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(FailedDependency, match=r"nowhere\.example could not be resolved") as caught:
        await fetch_audio("http://nowhere.example/", FetchLimits(), resolver=unknown, transport=Spy())
    assert (caught.value.status, caught.value.param) == (424, "url")


# --- a real server on loopback -------------------------------------------------------------------------------------

Handler = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def respond(request: str, writer: asyncio.StreamWriter) -> None:
    """The test server's site, by path."""
    path = request.split(" ")[1]
    length = f"Content-Length: {len(BODY)}"
    port = writer.get_extra_info("sockname")[1]
    match path:
        case "/good":
            writer.write(reply("200 OK", BODY, length))
        case "/echo":
            writer.write(reply("200 OK", request.encode()))
        case "/missing":
            writer.write(reply("404 Not Found", b"not here"))
        case "/to-good":
            writer.write(reply("302 Found", b"", "Location: /good"))
        case "/to-inside":
            writer.write(reply("302 Found", b"", f"Location: http://127.0.0.2:{port}/good"))
        case "/round":
            writer.write(reply("302 Found", b"", "Location: /round"))
        case "/declared":
            writer.write(reply("200 OK", b"", "Content-Length: 5000000000"))
            await asyncio.sleep(30)
        case "/endless":
            writer.write(reply("200 OK"))
            while True:
                writer.write(bytes(65_536))
                await writer.drain()
        case "/gzip":
            writer.write(reply("200 OK", gzip.compress(bytes(1_000_000)), "Content-Encoding: gzip"))
        case "/slow":
            writer.write(reply("200 OK", b"RIFF"))
            await writer.drain()
            await asyncio.sleep(30)
        case "/short":
            writer.write(reply("200 OK", BODY[:100], length))
        case _:
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")


@asynccontextmanager
async def serve(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await respond((await reader.readuntil(b"\r\n\r\n")).decode(), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def fetch_from_server(path: str, limits: FetchLimits = LOOPBACK) -> bytes:
    async with serve() as port:
        with await fetch_audio(f"http://127.0.0.1:{port}{path}", limits) as file:
            return file.read()


@pytest.mark.parametrize("path", ["/good", "/to-good"])
async def test_a_file_arrives_whole(path: str) -> None:
    assert await fetch_from_server(path) == BODY


async def test_an_environment_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await fetch_from_server("/good") == BODY


async def test_the_request_tells_nothing_about_the_server() -> None:
    request = (await fetch_from_server("/echo")).decode().lower()
    assert "host: 127.0.0.1:" in request
    assert "authorization" not in request
    assert "cookie" not in request


async def test_a_file_beyond_memory_is_spooled_and_read_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.net.fetch.MEMORY_BYTES", 1000)
    assert await fetch_from_server("/good") == BODY


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("/to-inside", UrlNotAllowed, "not public"),
        ("/declared", TooLarge, "larger than the 1000000 bytes"),
        ("/endless", TooLarge, "larger than the 1000000 bytes"),
        ("/missing", FailedDependency, r"127\.0\.0\.1 answered 404"),
        ("/round", FailedDependency, "redirects more than 5 times"),
        ("/gzip", FailedDependency, "compressed"),
        ("/short", FailedDependency, "broke off"),
        ("/not-http", FailedDependency, "broke off"),
    ],
)
async def test_what_a_server_does_wrong_is_said(path: str, error: type[SpeechdError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        await fetch_from_server(path)
    assert caught.value.param == "url"


async def test_a_slow_server_is_given_up() -> None:
    with pytest.raises(FailedDependency, match=r"did not deliver within 0\.3 seconds|too slow"):
        await fetch_from_server("/slow", FetchLimits(timeout=0.3, allow_hosts=("127.0.0.1",)))


async def test_a_closed_port_is_a_failed_dependency() -> None:
    async with serve() as port:
        pass
    with pytest.raises(FailedDependency, match="could not be reached"):
        await fetch_audio(f"http://127.0.0.1:{port}/", LOOPBACK)


async def test_a_hostname_is_verified_although_the_connection_goes_to_a_number() -> None:
    """The server's certificate is for speech.example: that name passes, another is refused."""
    here = Path(__file__).parent
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(here / "speech.example.pem")
    trust = ssl.create_default_context(cafile=str(here / "speech.example.pem"))
    limits = FetchLimits(timeout=5, allow_hosts=("127.0.0.0/8",))

    async def loopback(host: str, port: int) -> list[Address]:
        return [ip_address("127.0.0.1")]

    async with serve(server_side) as port:
        for host in ("speech.example", "other.example"):
            fetching = fetch_audio(
                f"https://{host}:{port}/good",
                limits,
                resolver=loopback,
                transport=httpx2.AsyncHTTPTransport(verify=trust, trust_env=False),
            )
            if host == "other.example":
                with pytest.raises(FailedDependency, match="could not be reached"):
                    await fetching
            else:
                with await fetching as file:
                    assert file.read() == BODY


# --- data: and base64 ----------------------------------------------------------------------------------------------

ENCODED = base64.b64encode(BODY).decode()
URLSAFE = base64.urlsafe_b64encode(BODY).decode()


@pytest.mark.parametrize(
    "url",
    [
        f"data:audio/wav;base64,{ENCODED}",
        f"DATA:audio/wav;codecs=1;BASE64,{ENCODED}",
        f"data:;base64,{URLSAFE}",
        "data:audio/wav;base64," + ENCODED.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        "data:audio/wav," + "".join(f"%{byte:02X}" for byte in BODY),
        ENCODED,
        URLSAFE,
        URLSAFE.rstrip("="),
        "\n".join(ENCODED[at : at + 76] for at in range(0, len(ENCODED), 76)),
    ],
    ids=["base64", "parameters", "urlsafe", "escaped", "percent", "bare", "bare-urlsafe", "unpadded", "wrapped"],
)
async def test_inline_audio_arrives_byte_for_byte(url: str) -> None:
    with await fetch_audio(url, LOOPBACK) as file:
        assert file.read() == BODY


@pytest.mark.parametrize("shift", range(4))
async def test_percent_escapes_survive_any_slice_boundary(shift: int) -> None:
    body = b"a" * (65_536 - shift) + b"\xff\xfe" * 40_000
    url = "data:," + "a" * (65_536 - shift) + "%ff%fe" * 40_000
    with await fetch_audio(url, LOOPBACK) as file:
        assert file.read() == body


@pytest.mark.parametrize(
    "url", ["", "   ", "data:", "data:audio/wav;base64", "data:,", "data:;base64,", "a!b", "A", "=="]
)
async def test_inline_nonsense_is_a_bad_request(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await fetch_audio(url, LOOPBACK)
    assert (caught.value.status, caught.value.param) == (400, "url")


@pytest.mark.parametrize("prefix", ["data:audio/wav;base64,", "data:,", ""])
async def test_the_size_bound_holds_for_inline_audio(prefix: str) -> None:
    limits = FetchLimits(max_bytes=3000)
    text = "A" * (3000 if prefix == "data:," else 4000)
    with await fetch_audio(prefix + text, limits) as file:
        assert len(file.read()) == 3000
    with pytest.raises(TooLarge, match="3000 bytes"):
        await fetch_audio(prefix + text + "AAAA", limits)
