"""A small HTTP client: asks one server over connections that stay open, with little work for each request.

A request takes about a tenth of a millisecond of one core, so that hundreds at a time leave the core to everything else; libraries
that can do more take ten times that. Proxies are found where every other program finds them: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
"""

import asyncio
import base64
import gzip
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from didact.base.errors import RecipeError

_LONGEST = 256 * 2**20
"""Bytes of an answer after which a server is not believed."""


class TornError(ConnectionError):
    """An answer that broke off, or is no HTTP."""


class _SilentError(ConnectionResetError):
    """A connection that was closed before anything came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    """HTTP's number: 200 is well."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Unpacked."""


@dataclass(frozen=True, slots=True)
class _Link:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def checked_url(url: str) -> SplitResult:
    """Returns the parts of a server's address.

    Raises:
        RecipeError: It is none over http or https, or it holds a password.

    >>> checked_url("http://127.0.0.1:8000/v1").port
    8000
    """
    example = "http://127.0.0.1:8000/v1"
    parts = urlsplit(url.strip())
    try:
        parts.port  # noqa: B018 (looks whether it is a number)
    except ValueError:
        raise RecipeError(f"'{url}' has no port that exists", expected=f"an address such as {example}") from None
    if parts.username or parts.password:
        what = f"the address of {parts.hostname} holds a name or a password"
        raise RecipeError(what, expected="keys come from the environment", remedy="teacher.key_env=NAME_OF_THE_VARIABLE")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RecipeError(f"'{url}' is not an address over http or https", expected=f"an address such as {example}")
    if parts.query or parts.fragment:
        raise RecipeError(f"'{url}' has a part after ? or #", expected=f"an address such as {example}")
    return parts


class Server:
    """Asks one server; connections are opened when they are needed, and kept.

    Args:
        url: Its address, http or https.
        timeout_s: Seconds for a whole request: to connect, to send and to hear.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._parts, self._timeout_s = checked_url(url), timeout_s
        self._idle: list[_Link] = []
        self._proxy = _proxy_for(self._parts)
        host, port = self._parts.hostname or "", self._parts.port
        self._host = f"[{host}]" if ":" in host else host.encode("idna").decode()
        self._named = self._host if port is None else f"{self._host}:{port}"

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Returns the answer to what is posted; see `ask`."""
        return await self.ask("POST", path, headers, body)

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        timeout_s: float | None = None,
        longest: int = _LONGEST,
    ) -> Answer:
        """Returns the answer to one request.

        Args:
            method: POST or GET.
            path: What is added to the server's address.
            headers: In addition to those that say where and how long.
            body: What is sent.
            timeout_s: Seconds for this request, where it may take longer than others.
            longest: Bytes of an answer after which the server is not believed.

        Raises:
            TimeoutError: It took too long.
            TornError: The answer broke off, or is no HTTP.
            OSError: No connection, or it was cut.
        """
        through = f"http://{self._named}" if self._proxy and self._parts.scheme == "http" else ""
        lines = [f"{method} {through}{self._parts.path.rstrip('/')}{path} HTTP/1.1", f"Host: {self._named}"]
        lines += [f"Content-Length: {len(body)}"] if method == "POST" else []
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if through and self._proxy:
            lines += _proxy_key(self._proxy)
        sent = "\r\n".join([*lines, "Accept-Encoding: identity", "", ""]).encode("latin-1") + body
        async with asyncio.timeout(timeout_s or self._timeout_s):
            while True:
                link = self._kept()
                try:
                    return await self._exchange(link or await self._connect(), sent, longest)
                except _SilentError:
                    # A server closes connections that it has not heard of for a while, and may do so just as we write.
                    if link is None:
                        raise

    async def close(self) -> None:
        """Closes what is open."""
        while self._idle:
            self._idle.pop().writer.close()
        await asyncio.sleep(0)  # closing takes one turn of the loop

    def _kept(self) -> _Link | None:
        while self._idle:
            link = self._idle.pop()
            if not link.reader.at_eof() and not link.writer.is_closing():
                return link
            link.writer.close()
        return None

    async def _exchange(self, link: _Link, sent: bytes, longest: int) -> Answer:
        keep = False
        try:
            try:
                link.writer.write(sent)
                await link.writer.drain()
            except ConnectionError:
                raise _SilentError("the connection was closed") from None
            answer, keep = await _read(link.reader, longest)
        finally:
            if keep:
                self._idle.append(link)
            else:
                link.writer.close()
        return answer

    async def _connect(self) -> _Link:
        secure, host = self._parts.scheme == "https", self._parts.hostname or ""
        port = self._parts.port or (443 if secure else 80)
        if self._proxy is None:
            return _Link(*await asyncio.open_connection(host, port, ssl=self._tls if secure else None, limit=2**20))
        link = _Link(*await asyncio.open_connection(self._proxy.hostname, self._proxy.port or 80, limit=2**20))
        if secure:
            lines = [f"CONNECT {self._host}:{port} HTTP/1.1", f"Host: {self._host}:{port}", *_proxy_key(self._proxy), "", ""]
            link.writer.write("\r\n".join(lines).encode("latin-1"))
            status, _ = await _read_head(link.reader)
            if status != 200:
                link.writer.close()
                raise ConnectionError(f"the proxy answered {status}")
            await link.writer.start_tls(self._tls, server_hostname=host)
        return link

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _proxy_for(parts: SplitResult) -> SplitResult | None:
    host = parts.hostname or ""
    found = getproxies().get(parts.scheme)
    if not found or host == "localhost" or host == "::1" or host.startswith("127.") or proxy_bypass(host):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _proxy_key(proxy: SplitResult) -> list[str]:
    if not proxy.username:
        return []
    key = base64.b64encode(f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()).decode()
    return [f"Proxy-Authorization: Basic {key}"]


async def _read(reader: asyncio.StreamReader, longest: int) -> tuple[Answer, bool]:
    """Returns an answer, and whether the connection can be used again."""
    status, headers = await _read_head(reader)
    try:
        ends = headers.get("connection", "").lower() == "close" or headers[":version"] == "HTTP/1.0"
        if headers.get("transfer-encoding", "").lower().endswith("chunked"):
            body = await _read_chunks(reader, longest)
        elif "content-length" in headers:
            length = int(headers["content-length"])
            if not 0 <= length <= longest:
                raise TornError(f"an answer of {length} bytes")
            body = await reader.readexactly(length)
        else:  # Source: RFC 9112, 6.3: without either, an answer ends with its connection.
            ends, body = True, await reader.read(longest)
        if headers.get("content-encoding", "").lower() in ("gzip", "x-gzip"):
            body = gzip.decompress(body)
    except asyncio.IncompleteReadError:
        raise TornError("the answer broke off") from None
    except (ValueError, asyncio.LimitOverrunError, gzip.BadGzipFile, EOFError, zlib.error):
        raise TornError("the answer is not HTTP as it should be") from None
    return Answer(status, headers, body), not ends


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError as error:
            raise TornError("the answer broke off") if error.partial else _SilentError("the connection was closed") from None
        except ConnectionResetError:
            raise _SilentError("the connection was reset") from None
        except asyncio.LimitOverrunError:
            raise TornError("the answer's head has no end") from None
        first, *lines = head.split("\r\n")[:-2]
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise TornError("the answer is not HTTP")
        if not rest.startswith("1"):  # 100: go on, and the like
            break
    fields = (line.partition(":") for line in lines)
    return int(rest[:3]), {":version": version, **{name.strip().lower(): value.strip() for name, _, value in fields}}


async def _read_chunks(reader: asyncio.StreamReader, longest: int) -> bytes:
    parts, total = list[bytes](), 0
    while True:
        line = (await reader.readuntil(b"\r\n")).partition(b";")[0]
        size = int(line, 16)
        total += size
        if size < 0 or total > longest:
            raise TornError("the answer is too long")
        if size == 0:
            break
        parts.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":  # headers that come after
        pass
    return b"".join(parts)
