"""Against a real server: transformers' own, over the loopback, with the bundled base as the quickstart's recipe tunes it, for fewer steps.

It answers questions about its small world, and writes no good tasks: of those, the path and the account of every row are what is shown.
"""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from verbs import didact

from didact.base.files import read_jsonl

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "src" / "didact" / "bases" / "quickstart.yaml"
CAPITALS = {
    "France": "Paris",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Peru": "Lima",
    "Norway": "Oslo",
    "Chile": "Santiago",
    "Egypt": "Cairo",
}
NEEDED = [name for name in ("fastapi", "uvicorn", "openai") if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(NEEDED), reason=f"transformers serve needs {', '.join(NEEDED)}: pip install 'transformers[serving]'"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled base, tuned and exported as a user does it."""
    folder = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIDACT_RUNS", str(folder / "runs"))
        for command in (f"train {QUICKSTART} train.max_steps=40 evaluate.on=[]", f"export last {folder / 'model'}"):
            seen = didact(command)
            assert seen.code == 0, seen.err
    return folder / "model"


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `transformers serve` on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    begin = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve", "--host", "127.0.0.1"]
    with log.open("w") as told:
        child = subprocess.Popen(
            [*begin, "--port", str(port), str(model)], stdout=told, stderr=told, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
    try:
        deadline = time.monotonic() + 300
        while True:
            assert child.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        child.terminate()
        child.wait(30)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))


def _synth(recipe: str, server: str, model: Path) -> dict:
    teacher = f"teacher: {{backend: endpoint, url: '{server}', model: '{model}'}}\nlimits: {{concurrency: 4, attempts: 3}}\n"
    Path("r.yaml").write_text(recipe + teacher)
    seen = didact("synth r.yaml --json")
    assert seen.code == 0, seen.err
    told = json.loads(seen.out)
    assert told["num_in"] == told["num_kept"] + sum(told["dropped"].values()) + sum(told["failed"].values())
    return told


def test_self_instruct_asks_a_real_server_once_and_accounts_for_every_row(server, model):
    recipe = "name: real\nmethod: self_instruct\nnum_rows: 24\npreflight: {num_rows: 0}\n"
    recipe += "settings: {as_chat: false, wave: 3, max_tokens: 48, instance_tokens: 32, patience: 1}\n"
    told = _synth(recipe, server, model)
    assert told["num_in"] > 0
    assert told["num_sent"] >= 3
    assert told["prompt_tokens"] > 300
    assert told["completion_tokens"] > 0
    assert told["failed"] == {}
    again = _synth(recipe, server, model)
    assert (again["num_sent"], again["num_replayed"]) == (0, told["num_requests"])


def test_what_a_real_server_answers_is_filtered_and_trained_on(server, model):
    questions = [f"What is the capital of {name}?" for name in CAPITALS]
    Path("questions.jsonl").write_text("".join(json.dumps({"instruction": one, "output": "?"}) + "\n" for one in questions))
    told = _synth(
        "name: answered\nmethod: explain\nnum_rows: 7\nfilters: [duplicates]\nsettings: {max_tokens: 40, strategies: {'*': 1}}\n"
        "source: {name: asked, reader: alpaca, path: questions.jsonl}\n",
        server,
        model,
    )
    rows = [row["messages"] for row in read_jsonl(Path(told["messages"]))]
    right = [CAPITALS[said[0]["content"].rstrip("?").rsplit(" ", 1)[1]] in said[1]["content"] for said in rows]
    assert sum(right) >= 4, rows
    Path("tuned.yaml").write_text(
        f"name: tuned\nmodel: {{base: new, new: {{width: 32, depth: 1, heads: 2, vocabulary: 400}}}}\n"
        f"tasks: {{sources: [{{name: answered, reader: messages, path: '{told['messages']}'}}], hold_out: {{examples: 1}}}}\n"
        "prompts: {chat_format: chatml}\nsequence: {max_length: 256}\n"
        "train: {epochs: 8, max_steps: 2, batch_tokens: 512, precision: fp32}\n"
    )
    seen = didact("train tuned.yaml --json")
    assert seen.code == 0, seen.err
    assert json.loads(seen.out)["num_steps"] == 2
