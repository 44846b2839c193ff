"""The program that tests end by force: the rows of `interrupted`, asked by batches; it kills itself where it is told to.

`python batched.py URL FOLDER ROWS 'begin after 1'` dies when the journal's `begin` has ended for the first time.
"""

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from interrupted import program

from didact.base.files import write_jsonl
from didact.models.endpoint import Endpoint
from didact.synth.batch_journal import JOURNAL, BatchJournal
from didact.synth.batches import Batches
from didact.synth.engine import run_program
from didact.synth.limits import Limits
from didact.synth.outcome import Outcome
from didact.synth.remote import Remote
from didact.synth.request_log import RequestLog

STEPS = {"upload": Endpoint, "begin": BatchJournal, "create": Endpoint, "created": BatchJournal, "look": Endpoint, "download": Endpoint}
STEPS |= {"append": RequestLog}
CALLS: Counter[str] = Counter()


def run(url: str, folder: Path, num_rows: int, limits: Limits | None = None, **more: Any) -> Outcome:
    """Asks everything by batches, and writes what comes of it."""
    remote = Remote(Endpoint(url, timeout_s=5), "m")
    with RequestLog(folder / "log.jsonl", retry_failed=True) as log, BatchJournal(folder / JOURNAL) as journal:
        batches = Batches(remote, journal, **{"poll_s": 0.02, "gather_s": 0.02, "patience_s": 5.0, "few": 1, **more})
        outcome = run_program(program(num_rows), batches, log, (limits or Limits(attempts=12)).for_batches())
    write_jsonl(folder / "out.jsonl", [*outcome.rows, *outcome.failed])
    return outcome


def die(step: str, when: str, number: int) -> None:
    """Makes this program die before or after a step that it takes for the `number`-th time."""
    kind, name = STEPS[step], {"create": "post", "look": "get"}.get(step, step)
    real = getattr(kind, name)

    def counts(arguments: tuple[Any, ...]) -> bool:
        wanted = {"create": "/batches", "look": "/batches/"}.get(step, "")
        if wanted and not str(arguments[1]).startswith(wanted):
            return False
        CALLS[step] += 1
        return CALLS[step] == number

    def end() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def plain(*arguments: Any, **more: Any) -> Any:
        last = counts(arguments)
        if last and when == "before":
            end()
        found = real(*arguments, **more)
        if last:
            end()
        return found

    async def waits(*arguments: Any, **more: Any) -> Any:
        last = counts(arguments)
        if last and when == "before":
            end()
        found = await real(*arguments, **more)
        if last:
            end()
        return found

    setattr(kind, name, waits if kind is Endpoint else plain)


if __name__ == "__main__":
    if len(sys.argv) > 4:
        step, when, number = sys.argv[4].split()
        die(step, when, int(number))
    run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), most_requests=16)
