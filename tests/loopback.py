"""A server on the loopback that speaks OpenAI's language, answers after a while, and goes wrong as it is told to.

Run as a program it prints its port: `python loopback.py '{"latency_s": 0.05, "share": 0.1}'`. GET /seen tells how often each body arrived.
"""

import asyncio
import json
import selectors
import subprocess
import sys
import urllib.request
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar

KINDS = ("429", "429 later", "500", "hang", "reset", "truncated", "malformed")


class Loopback(asyncio.Protocol):
    """One connection."""

    seen: ClassVar[Counter[bytes]] = Counter()
    latency_s, share, kinds, most = 0.0, 0.0, KINDS, 3

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            place = head.find(b"content-length:")
            length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            if head.startswith(b"get /seen"):
                self.write(200, json.dumps({body.decode(): number for body, number in self.seen.items()}))
            else:
                self.seen[body] += 1
                self.answer(body, self.seen[body])

    def answer(self, body: bytes, number: int) -> None:
        # By which body it is and how often it came: a restarted client meets the rest of the same faults.
        draw = zlib.crc32(b"%d " % number + body) / 2**32
        kind = self.kinds[int(draw / self.share * len(self.kinds))] if number <= self.most and draw < self.share else "well"
        text = f"reply {zlib.crc32(body):08x}"
        usage = {"prompt_tokens": len(body) // 4, "completion_tokens": 2}
        reply = json.dumps(
            {"model": "m", "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": usage}
        )
        later = asyncio.get_running_loop().call_later
        if kind == "well":
            later(self.latency_s, self.write, 200, reply)
        elif kind == "malformed":
            later(self.latency_s, self.write, 200, reply[:-9])
        elif kind == "truncated":
            later(self.latency_s, self.cut, reply)
        elif kind == "reset":
            self.transport.abort()
        elif kind == "429 later":
            self.write(429, "slowly", "Retry-After-Ms: 20\r\n")
        elif kind != "hang":
            self.write(int(kind), "no")

    def write(self, status: int, body: str, more: str = "") -> None:
        if not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode())

    def cut(self, reply: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(reply)}\r\n\r\n{reply[:40]}".encode())
            self.transport.close()


async def serve(**settings: object) -> None:
    for name, value in settings.items():
        setattr(Loopback, name, value)
    server = await asyncio.get_running_loop().create_server(Loopback, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def served(program: Path, settings: dict[str, object]) -> Iterator[str]:
    """Gives the address of a server that runs in a process of its own, and tells its port first."""
    command = [sys.executable, str(program), json.dumps(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


def loopback(**settings: object) -> AbstractContextManager[str]:
    """Gives the address of such a server."""
    return served(Path(__file__), settings)


def seen(url: str) -> dict[str, int]:
    """How often each body has arrived."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/seen") as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    # select() waits to the microsecond; epoll rounds every wait up to the next millisecond, and an answer would come late.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(**json.loads(sys.argv[1])))
