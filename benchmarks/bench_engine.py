"""How near the engine comes to what a server's slots allow: 2,000 requests, 50 ms each, 64 at a time, on the loopback.

The server is a process of its own. The ideal is 64 replies every 50 ms: 1,280 a second. With faults, one sending in ten goes wrong (429
with and without a time to wait, 500, a connection reset, a reply cut off, malformed JSON), and what counts is still the replies, each once.
On a machine that does other work too, nothing reaches the ideal; so a bare loop that writes bytes to 64 sockets and reads them back, with
no engine, log or JSON, is measured beside it each time.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from didact.base.types import Message
from didact.models.endpoint import Endpoint
from didact.models.precision import machine
from didact.synth.ask import Ask, Chain, Program
from didact.synth.engine import run_program
from didact.synth.limits import Limits
from didact.synth.outcome import Outcome, Row
from didact.synth.remote import Remote
from didact.synth.request_log import RequestLog

NUM_REQUESTS, SLOTS, LATENCY_S = 2000, 64, 0.05
NUM_REPEATS = 3
IDEAL = SLOTS / LATENCY_S
GOAL = {"well": 0.95, "faults": 0.85}
SERVER = Path(__file__).parents[1] / "tests" / "loopback.py"
KINDS = ["429", "429 later", "500", "reset", "truncated", "malformed"]
RESULTS = Path(__file__).parent / "results"


def chain(number: int) -> Chain:
    """One request of some 600 bytes."""
    reply = yield Ask("bench", (Message("user", f"{number}: " + "which word comes next in this list " * 15),))
    return Row(str(number), about={"said": reply.text})


def program(num_requests: int) -> Program:
    """All of them at once."""
    rows = yield {str(number): chain(number) for number in range(num_requests)}
    return Outcome(tuple(rows.values()))


async def bare(port: int) -> float:
    """Returns the seconds that the same requests take when nothing is done with them."""
    numbers = iter(range(NUM_REQUESTS))

    async def slot() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            body = b"bare %d" % number
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(slot() for _ in range(SLOTS)))
    return time.perf_counter() - began


def measure(share: float, number: int) -> dict[str, float]:
    """Runs all requests once against a fresh server; returns the rate, the engine's own work and, without faults, the bare loop's rate."""
    settings = json.dumps({"latency_s": LATENCY_S, "share": share, "kinds": KINDS})
    with subprocess.Popen([sys.executable, str(SERVER), settings], stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline())
            backend = Remote(Endpoint(f"http://127.0.0.1:{port}/v1", timeout_s=5), "m")
            with tempfile.TemporaryDirectory() as folder, RequestLog(Path(folder) / "log.jsonl") as log:
                began, worked = time.perf_counter(), time.process_time()
                outcome = run_program(program(NUM_REQUESTS), backend, log, Limits(concurrency=SLOTS, backoff_s=0.02), seed=number)
                seconds, work = time.perf_counter() - began, time.process_time() - worked
                num_sent = log.total(lambda stage: stage.num_attempts)
            loop = {} if share else {"bare_of_ideal": round(NUM_REQUESTS / asyncio.run(bare(port)) / IDEAL, 4)}
        finally:
            server.kill()
    assert len({row.about["said"] for row in outcome.rows}) > 0.999 * NUM_REQUESTS
    rate = NUM_REQUESTS / seconds
    cpu_ms = round(1000 * work / num_sent, 3)
    return {"rate": round(rate, 1), "of_ideal": round(rate / IDEAL, 4), "num_sent": num_sent, "cpu_ms_per_request": cpu_ms, **loop}


def main() -> None:
    """Measures, prints a table and one JSON line, and keeps it."""
    found, bares = {}, []
    for name, share in (("well", 0.0), ("faults", 0.1)):
        tries = [measure(share, number) for number in range(NUM_REPEATS)]
        found[name] = max(tries, key=lambda one: one["rate"])
        bares += [one["bare_of_ideal"] for one in tries if "bare_of_ideal" in one]
        print(
            f"{name:7} best of {NUM_REPEATS}: {found[name]['rate']:7,.1f} replies a second, {found[name]['of_ideal']:.1%} of the ideal",
            end="",
        )
        print(f" (goal {GOAL[name]:.0%}; all: {', '.join(format(one['of_ideal'], '.1%') for one in tries)})")
    print("a bare loop:       " + ", ".join(format(one, ".1%") for one in bares))
    ratios = {name: found[name]["of_ideal"] for name in GOAL}
    result = {"name": "engine", "machine": machine(), "ratios": ratios, "goal": GOAL}
    RESULTS.mkdir(exist_ok=True)
    about = {"num_requests": NUM_REQUESTS, "slots": SLOTS, "latency_s": LATENCY_S}
    (RESULTS / "engine.json").write_text(json.dumps({**result, **about, **found, "bare": bares}, indent=2) + "\n")
    print(json.dumps({**result, "bare": bares}))


if __name__ == "__main__":
    main()
