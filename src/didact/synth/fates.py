"""What methods have in common: the rows they start from, and the account of what became of each."""

from collections.abc import Iterable, Sequence

from didact.base.chance import permutation
from didact.base.errors import DataError
from didact.base.types import Message
from didact.synth.ask import Failed
from didact.synth.job import Job
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.seeds import load_seeds

Fate = Row | Dropped
"""Kept, or not with the reason; a request that got no answer has a reason that begins with `failed: `."""
_FAILED = "failed: "


def lost(row: Row, failed: Failed) -> Dropped:
    """Returns a row whose request got no answer.

    >>> lost(Row("a"), Failed("timeout")).reason
    'failed: timeout'
    """
    return Dropped(row, _FAILED + failed.reason)


def outcome_of(fates: Iterable[Fate]) -> Outcome:
    """Returns the account of rows that are kept, dropped and failed.

    >>> outcome_of([Row("a"), Dropped(Row("b"), "refusal"), lost(Row("c"), Failed("timeout"))]).counts()
    {'num_in': 3, 'num_kept': 1, 'dropped': {'refusal': 1}, 'failed': {'failed: timeout': 1}}
    """
    fates = list(fates)
    others = [one for one in fates if isinstance(one, Dropped)]
    return Outcome(
        tuple(one for one in fates if isinstance(one, Row)),
        tuple(one for one in others if not one.reason.startswith(_FAILED)),
        tuple(one for one in others if one.reason.startswith(_FAILED)),
    )


def starting_rows(job: Job) -> list[Row]:
    """Returns what a method starts from: the rows of the source, else the seed tasks.

    >>> starting_rows(Job())[0].about["instruction"] != ""
    True
    """
    if job.examples:
        return list(job.examples)
    return [
        Row(seed.id, _turns(seed.instruction, seed.input, seed.output), about=_about(seed.instruction, seed.input, seed.output))
        for seed in job.seeds or load_seeds()
    ]


def asked(row: Row, joint: str = "\n\n") -> str:
    r"""Returns what a row's user asks: its instruction and its input.

    >>> asked(Row("a", about={"instruction": "Add.", "input": "1 2"}))
    'Add.\n\n1 2'
    """
    parts = [str(row.about.get(part) or "").strip() for part in ("instruction", "input")]
    if any(parts):
        return joint.join(part for part in parts if part)
    return next((message.content for message in row.messages if message.role == "user"), "")


def answer_of(row: Row) -> str:
    """Returns the answer that a row has, empty where it has none.

    >>> answer_of(Row("a", (Message("user", "1+1"), Message("assistant", "2"))))
    '2'
    """
    last = next((message.content for message in reversed(row.messages) if message.role == "assistant"), "")
    return str(row.about.get("output") or last)


def slots(rows: Sequence[Row], num: int, seed: int, purpose: str) -> list[tuple[str, Row, int]]:
    """Returns `num` places, each with its stable id, its row and the number of its draw: all rows in an order by chance, then all again.

    A request about a row that is used again names the draw as its sample, so that it is another request.

    Raises:
        DataError: There are no rows.

    >>> [(key, draw) for key, _, draw in slots([Row("a")], 3, 0, "evolve")]
    [('a', 0), ('a#2', 1), ('a#3', 2)]
    """
    if not rows:
        raise DataError("nothing to start from", expected="rows of `source`, or seed tasks", remedy="didact ls readers")
    places = list[tuple[str, Row, int]]()
    turn = 0
    while len(places) < num:
        turn += 1
        order = permutation(len(rows), seed, "synth", purpose, turn)[: num - len(places)]
        places += [(rows[number].id + (f"#{turn}" if turn > 1 else ""), rows[number], turn - 1) for number in order.tolist()]
    return places


def _turns(instruction: str, given: str, output: str) -> tuple[Message, ...]:
    said = "\n\n".join(part for part in (instruction, given) if part.strip())
    return Message("user", said), Message("assistant", output)


def _about(instruction: str, given: str, output: str) -> dict[str, str]:
    return {"instruction": instruction, "input": given, "output": output}
