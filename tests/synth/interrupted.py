"""The program that tests end by force: two rounds of rows, several requests each, written out at the end."""

import sys
from collections.abc import Mapping
from pathlib import Path

from didact.base.chance import rng
from didact.base.files import write_jsonl
from didact.base.types import Message
from didact.models.endpoint import Endpoint
from didact.synth.ask import Ask, Chain, Failed, Program, Sampling
from didact.synth.engine import run_program
from didact.synth.limits import Limits
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.remote import Remote
from didact.synth.request_log import RequestLog


def chain(name: str, said: str) -> Chain:
    """One to three requests, each about what was answered before."""
    for turn in range(rng(0, "synth", "turns", name).randint(1, 3)):
        reply = yield Ask(f"turn{turn}", (Message("user", f"{name}: {said}"),), sampling=Sampling(temperature=1.0))
        if isinstance(reply, Failed):
            return Dropped(Row(name), reply.reason)
        said = f"{said} {reply.text} {reply.prompt_tokens}"
    return Row(name, (Message("assistant", said),), model=reply.model)


def program(num_rows: int) -> Program:
    """The second round is about what the first has made."""
    first: Mapping[str, Row | Dropped] = yield {f"a{number}": chain(f"a{number}", "begin") for number in range(num_rows)}
    rows = [row for row in first.values() if isinstance(row, Row)]
    order = rng(0, "synth", "order").sample(range(len(rows)), len(rows))
    second: Mapping[str, Row | Dropped] = yield {f"b{number}": chain(f"b{number}", rows[number].messages[0].content) for number in order}
    made = [*first.values(), *second.values()]
    return Outcome(tuple(one for one in made if isinstance(one, Row)), failed=tuple(one for one in made if isinstance(one, Dropped)))


if __name__ == "__main__":
    url, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    backend = Remote(Endpoint(url, timeout_s=0.5), "m")
    with RequestLog(folder / "log.jsonl") as log:
        outcome = run_program(program(rows), backend, log, Limits(concurrency=8, attempts=12, backoff_s=0.02))
    write_jsonl(folder / "out.jsonl", [*outcome.rows, *outcome.failed])
