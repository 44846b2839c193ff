"""A server on the loopback with OpenAI's batch API: files, batches, their list and their results, which come in another order.

Run as a program it prints its port: `python batch_server.py '{"expire": 0.3}'`. GET /seen tells what was answered, how often and how.
"""

import asyncio
import json
import sys
import time
import urllib.request
import zlib
from collections import Counter
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from loopback import served

LOCK = Lock()
FILES: dict[str, bytes] = {}
BATCHES: dict[str, dict] = {}
ANSWERED: dict[str, Counter[str]] = {"ordinary": Counter(), "batched": Counter()}
TRIED: Counter[str] = Counter()
LOST: Counter[str] = Counter()
SETTINGS = {
    "seconds": 0.05,  # that a batch takes
    "expire": 0.0,  # share of requests that the first batch which holds them does not come to
    "error": 0.0,  # share that it has an error 500 for
    "drop": 0.0,  # share that is in none of its files
    "refuse": "",  # requests with this text are never answered
    "fail": [],  # codes with which the first batches are refused as a whole
    "lose": [],  # steps, each of which the server does once without saying so
    "page": 100,  # most batches of one page
    "none": False,  # it has no batches
    "script": False,  # the scripted teacher answers
}


def canonical(body: object) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def reply(body: str) -> dict:
    """What every request is answered, whichever way it came."""
    if SETTINGS["script"]:
        from didact.synth.fake import Fake
        from didact.synth.scripted import grammar

        told = asyncio.run(Fake(grammar).send(body.encode()))
        said = {"message": {"role": "assistant", "content": told.text}, "finish_reason": told.finish}
        usage = {"prompt_tokens": told.prompt_tokens, "completion_tokens": told.completion_tokens}
        return {"model": "m", "choices": [said if '"messages"' in body else {**said, "text": told.text}], "usage": usage}
    text = f"reply {zlib.crc32(body.encode()):08x}"
    choice = {"message": {"role": "assistant", "content": text}, "text": text, "finish_reason": "stop"}
    return {"model": "m", "choices": [choice], "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": 2}}


def fate(body: str) -> str:
    """What becomes of a request in a batch: of the same request, the first time that it comes, always the same."""
    TRIED[body] += 1
    if SETTINGS["refuse"] and SETTINGS["refuse"] in body:
        return "refuse"
    draw = zlib.crc32(body.encode()) / 2**32
    for name in ("expire", "error", "drop"):
        draw -= SETTINGS[name]
        if draw < 0:
            return name if TRIED[body] == 1 else "well"
    return "well"


def ended(batch: dict) -> dict:
    """A batch, which has worked on its file when its time has come."""
    if batch["status"] != "in_progress" or time.time() < batch["due"]:
        return batch
    rows = [json.loads(line) for line in FILES[batch["input_file_id"]].splitlines()]
    written: dict[str, list[dict]] = {"output": [], "error": []}
    for row in sorted(rows, key=lambda row: zlib.crc32(row["custom_id"].encode())):
        assert row["method"] == "POST" and row["url"] == batch["endpoint"], row
        body, told = canonical(row["body"]), {"custom_id": row["custom_id"], "response": None, "error": None}
        kind = fate(body)
        if kind == "well":
            ANSWERED["batched"][body] += 1
            written["output"].append({**told, "response": {"status_code": 200, "body": reply(body)}})
        elif kind == "expire":
            batch["status"] = "expired"
            written["error"].append({**told, "error": {"code": "batch_expired", "message": "too late"}})
        elif kind != "drop":
            status = {"error": 500, "refuse": 400}[kind]
            written["error"].append({**told, "response": {"status_code": status, "body": {"error": {"message": "no"}}}})
    for name, lines in written.items():
        if lines:
            file = batch[f"{name}_file_id"] = f"file-{len(FILES)}"
            FILES[file] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    batch["status"] = "expired" if batch["status"] == "expired" else "completed"
    batch["request_counts"] = {"total": len(rows), "completed": len(written["output"]), "failed": len(rows) - len(written["output"])}
    return batch


class Handler(BaseHTTPRequestHandler):
    """The five addresses, and those of ordinary requests."""

    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # an answer is written at once

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with LOCK:
            if self.path.startswith("/v1/files") and SETTINGS["none"]:
                self.say("nothing", {"error": "no such thing"}, 404)
            elif self.path == "/v1/files":
                self.say("upload", self.upload(body))
            elif self.path == "/v1/batches":
                self.say("create", self.create(json.loads(body)))
            elif self.path.startswith("/cancel/"):
                BATCHES[self.path.removeprefix("/cancel/")]["status"] = "cancelled"
                self.say("cancel", {})
            elif SETTINGS["refuse"] and SETTINGS["refuse"] in body.decode():
                self.say("ordinary", {"error": "no"}, 400)
            else:
                ANSWERED["ordinary"][body.decode()] += 1
                self.say("ordinary", reply(body.decode()))

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        with LOCK:
            if path == "/seen":
                self.say("seen", {**ANSWERED, "batches": list(BATCHES.values()), "num_files": len(FILES)})
            elif path == "/v1/batches":
                newest = sorted(BATCHES.values(), key=lambda batch: -batch["number"])
                asked = dict(part.split("=") for part in query.split("&"))
                begin = next((place + 1 for place, one in enumerate(newest) if one["id"] == asked.get("after")), 0)
                page = newest[begin : begin + min(int(asked["limit"]), SETTINGS["page"])]
                self.say("list", {"data": page, "has_more": begin + len(page) < len(newest)})
            elif path.startswith("/v1/batches/") and path.rsplit("/", 1)[1] in BATCHES:
                self.say("look", ended(BATCHES[path.rsplit("/", 1)[1]]))
            elif path.startswith("/v1/files/") and path.endswith("/content"):
                self.say("download", FILES[path.split("/")[3]])
            else:
                self.say("nothing", {"error": "no such thing"}, 404)

    def upload(self, body: bytes) -> dict:
        """Takes the parts of a form apart."""
        boundary = self.headers["Content-Type"].split("boundary=")[1].encode()
        parts = [part[2:-2] for part in body.split(b"--" + boundary)[1:-1]]
        named = {part.split(b'name="')[1].split(b'"')[0]: part.split(b"\r\n\r\n", 1)[1] for part in parts}
        assert named[b"purpose"] == b"batch"
        for line in named[b"file"].splitlines():
            assert set(json.loads(line)) == {"custom_id", "method", "url", "body"}
        FILES[file := f"file-{len(FILES)}"] = named[b"file"]
        return {"id": file, "object": "file"}

    def create(self, asked: dict) -> dict:
        assert asked["completion_window"] == "24h"
        number = len(BATCHES)
        batch = {**asked, "id": f"batch_{number}", "number": number, "created_at": int(time.time()), "status": "in_progress"}
        batch["due"] = time.time() + SETTINGS["seconds"]
        if number < len(SETTINGS["fail"]):
            batch["status"], batch["errors"] = "failed", {"data": [{"code": SETTINGS["fail"][number], "message": "told"}]}
        BATCHES[batch["id"]] = batch
        return batch

    def say(self, step: str, told: dict | bytes, status: int = 200) -> None:
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        LOST[step] += 1
        if LOST[step] <= SETTINGS["lose"].count(step):
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def batch_server(**settings: object) -> AbstractContextManager[str]:
    """Gives the address of such a server in a process of its own."""
    return served(Path(__file__), settings)


def asked(url: str, path: str, body: bytes | None = None) -> dict:
    """What the server says besides: /seen, /cancel/ID."""
    with urllib.request.urlopen(url.removesuffix("/v1") + path, data=body) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    SETTINGS |= json.loads(sys.argv[1])
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
