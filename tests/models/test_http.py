"""The HTTP client against servers that answer in every way HTTP has, and in some that it has not."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from didact.base.errors import RecipeError
from didact.models.http import Answer, Server, TornError, checked_url

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answered(*pieces: bytes, path: str = "/x", body: bytes = b"{}", timeout_s: float = 5.0, close: bool = True) -> Answer:
    """What the client makes of these bytes, which arrive piece by piece."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if not close:
            await reader.read()  # until the client has gone

    async def run() -> Answer:
        async with serving(peer) as url:
            server = Server(url, timeout_s=timeout_s)
            try:
                return await server.post(path, body, {})
            finally:
                await server.close()

    return asyncio.run(run())


@asynccontextmanager
async def serving(peer: Peer):
    served = []

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        try:
            await peer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(whole, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        await asyncio.gather(*served)
        await asyncio.sleep(0.01)


def test_an_answer_is_read_by_its_length():
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b: c\r\n\r\nhello") == Answer(
        200, {":version": "HTTP/1.1", "content-length": "5", "x-a": "b: c"}, b"hello"
    )


def test_an_answer_may_come_in_chunks_cut_anywhere():
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n"
    for cut in (3, 40, 60, 63, 70, len(whole) - 3):
        assert answered(whole[:cut], whole[cut:]).body == b"hello world"


def test_an_answer_without_a_length_ends_with_its_connection():
    assert answered(b"HTTP/1.0 503 Busy\r\n\r\nlater") == Answer(503, {":version": "HTTP/1.0"}, b"later")


def test_a_first_answer_that_says_go_on_is_not_the_answer():
    assert answered(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1").body == b"1"


def test_a_packed_answer_is_unpacked():
    packed = gzip.compress(b"hello")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert answered(head + packed).body == b"hello"


@pytest.mark.parametrize(
    "pieces",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_torn(pieces: bytes):
    with pytest.raises(TornError):
        answered(pieces)


def test_a_connection_that_is_closed_without_a_word_is_told_from_a_torn_answer():
    with pytest.raises(ConnectionResetError):
        answered()


def test_a_server_that_says_nothing_is_given_up():
    with pytest.raises(TimeoutError):
        answered(timeout_s=0.1, close=False)


def test_connections_are_used_again_and_those_that_the_server_has_closed_are_not():
    opened, heard = [], []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        for _ in range(2):  # a server that closes after two requests, without saying so
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append((await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))).decode())
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def run() -> None:
        async with serving(peer) as url:
            server = Server(url, timeout_s=5)
            for number in range(6):
                assert (await server.post("/x", b"%d" % number, {})).body == b"ok"
            await server.close()

    asyncio.run(run())
    assert heard == ["0", "1", "2", "3", "4", "5"]
    assert len(opened) == 3


def test_a_library_server_hears_what_was_sent():
    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            said = {"path": self.path, "host": self.headers["Host"], "key": self.headers["Authorization"]}
            body = json.dumps(said | {"body": self.rfile.read(int(self.headers["Content-Length"])).decode()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as library:
        Thread(target=library.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{library.server_port}"

        async def run() -> list[Answer]:
            server = Server(f"http://{host}/v1/", timeout_s=5)
            found = await asyncio.gather(*(server.post("/chat", "é".encode() * 100_000, {"Authorization": "Bearer k"}) for _ in range(8)))
            await server.close()
            return found

        answers = asyncio.run(run())
        library.shutdown()
    assert {answer.status for answer in answers} == {200}
    assert json.loads(answers[0].body) == {"path": "/v1/chat", "host": host, "key": "Bearer k", "body": "é" * 100_000}


def test_a_proxy_is_given_the_whole_address_and_its_own_key(monkeypatch: pytest.MonkeyPatch):
    heads = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if "CONNECT" not in heads[-1] else b"HTTP/1.1 407 Key\r\n\r\n")

    async def run() -> None:
        async with serving(peer) as url:
            proxy = url.removesuffix("/v1").replace("//", "//me:pass%20word@")
            for name in ("http_proxy", "https_proxy"):
                monkeypatch.setenv(name, proxy)
            for name in ("no_proxy", "NO_PROXY"):
                monkeypatch.delenv(name, raising=False)
            plain = Server("http://models.example/v1", timeout_s=5)
            assert (await plain.post("/x", b"", {})).status == 200
            await plain.close()
            with pytest.raises(ConnectionError, match="the proxy answered 407"):
                await Server("https://models.example/v1", timeout_s=5).post("/x", b"", {"Authorization": "Bearer secret"})

    asyncio.run(run())
    assert heads[0].startswith("POST http://models.example/v1/x HTTP/1.1\r\nHost: models.example\r\n")
    assert heads[1].startswith("CONNECT models.example:443 HTTP/1.1\r\n")
    assert all("Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk\r\n" in head for head in heads)
    assert "secret" not in heads[1], "the key is for the server alone"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://a/v1", "not an address over http or https"),
        ("file:///etc/passwd", "not an address over http or https"),
        ("localhost:8000", "not an address over http or https"),
        ("http://", "not an address over http or https"),
        ("http://a:99999999/v1", "no port that exists"),
        ("http://a/v1?key=1", "a part after"),
        ("https://me:secret@a/v1", "holds a name or a password"),
    ],
)
def test_an_address_that_is_none_over_http_is_refused(url: str, said: str):
    with pytest.raises(RecipeError, match=said) as caught:
        checked_url(url)
    assert "secret" not in str(caught.value)
