"""The data card: what a synthesis made, of what kind it is, and what it cost."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from didact.synth.outcome import Outcome, Row
from didact.synth.similar import SimilarPool
from didact.synth.tally import Tally
from didact.synth.verbs import verb_and_noun
from didact.tasks.words import words

MOST_COMPARED = 2000
"""Rows, evenly spread, whose similarity to the seeds is told."""
MOST_VERBS = 20
SURPLUS = "more rows than wanted"
"""What methods say of good rows that nobody asked for: they count for no yield."""
BINS = 20
"""Of similarity, each a twentieth wide."""
MOST_BARS = 40
"""Of lengths; what is longer is in the last."""

Card = dict[str, Any]


def card(outcome: Outcome, tally: Tally, seeds: Sequence[str] = (), about: Mapping[str, Any] | None = None) -> Card:
    """Returns the card: all of it follows from the outcome and the replies, so that the same log gives the same card.

    Args:
        outcome: What was made.
        tally: What was asked.
        seeds: Instructions that the rows are compared with.
        about: What else is told first: name, method, teacher.

    >>> made = card(Outcome((Row("a", about={"instruction": "Name a river.", "output": "The Po"}),)), Tally(), ["Name a lake."])
    >>> made["counts"]["num_kept"], made["verbs"][0]["verb"], made["lengths"]["output"]["mean"]
    (1, 'name', 2.0)
    >>> round(made["similarity"]["mean"], 2)  # `name a`, two words of three and of three
    0.67
    """
    rows = outcome.rows
    surplus = sum(one.reason == SURPLUS for one in outcome.dropped)
    return {
        **(about or {}),
        "counts": outcome.counts(),
        "num_surplus": surplus,
        "yield": round(len(rows) / max(outcome.num_in - surplus, 1), 4),
        "operations": operations(outcome),
        "stages": tally.rows(),
        "models": dict(sorted(tally.models.items())),
        "num_requests": tally.total("num_asked"),
        "prompt_tokens": tally.total("prompt_tokens"),
        "completion_tokens": tally.total("completion_tokens"),
        "cost": round(tally.cost, 6),
        "with_input": sum(bool(str(row.about.get("input") or "").strip()) for row in rows),
        "labels": _labels(rows),
        "verbs": verbs(rows),
        "lengths": {part: lengths([part_of(row, part) for row in rows]) for part in ("instruction", "input", "output")},
        "similarity": similarity([part_of(row, "instruction") for row in rows], seeds),
    }


def part_of(row: Row, part: str) -> str:
    """Returns a row's instruction, input or output: as its method names it, else what its messages say.

    >>> from didact.base.types import Message
    >>> part_of(Row("a", (Message("user", "1+1?"), Message("assistant", "2"))), "output")
    '2'
    """
    if part in row.about:
        return str(row.about[part] or "")
    role = {"instruction": "user", "output": "assistant"}.get(part)
    said = [message.content for message in row.messages if message.role == role]
    return said[0 if part == "instruction" else -1] if said else ""


def operations(outcome: Outcome) -> list[dict[str, Any]]:
    """Returns what became of the rows of each operation: in = kept + dropped + failed, and the share that is kept.

    >>> operations(Outcome((Row("a", operation="deepen"),)))
    [{'operation': 'deepen', 'num_in': 1, 'num_kept': 1, 'num_dropped': 0, 'num_failed': 0, 'yield': 1.0}]
    """
    kept = Counter(row.operation for row in outcome.rows)
    dropped, failed = (Counter(one.row.operation for one in part) for part in (outcome.dropped, outcome.failed))
    found = []
    for name in sorted({*kept, *dropped, *failed}):
        num_in = kept[name] + dropped[name] + failed[name]
        fates = {"num_in": num_in, "num_kept": kept[name], "num_dropped": dropped[name], "num_failed": failed[name]}
        found.append({"operation": name, **fates, "yield": round(kept[name] / num_in, 4)})
    return found


def verbs(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns the commonest first verbs of the instructions and, for each, its commonest nouns; a cheap guess, not a parse.

    >>> verbs([Row("a", about={"instruction": "Write a short poem."}), Row("b", about={"instruction": "Write a letter."})])
    [{'verb': 'write', 'count': 2, 'nouns': {'letter': 1, 'poem': 1}}]
    """
    pairs = [pair for row in rows if (pair := verb_and_noun(part_of(row, "instruction")))[0]]
    common = _most_common(Counter(verb for verb, _ in pairs), MOST_VERBS)
    nouns = {verb: _most_common(Counter(noun for one, noun in pairs if one == verb and noun), 4) for verb in common}
    return [{"verb": verb, "count": count, "nouns": nouns[verb]} for verb, count in common.items()]


def lengths(texts: Sequence[str]) -> dict[str, Any]:
    """Returns what the lengths in words are like, of texts that are not empty, and their histogram.

    >>> found = lengths(["a", "b c d", ""])
    >>> found["count"], found["mean"], found["median"], found["longest"]
    (2, 2.0, 1, 3)
    >>> found["width"], found["histogram"]
    (1, [0, 1, 0, 1])
    """
    counts = sorted(len(words(text)) for text in texts if text.strip())
    if not counts:
        return {"count": 0, "mean": 0.0, "median": 0, "p95": 0, "longest": 0, "width": 1, "histogram": []}
    middle, late = (counts[math.ceil(share * len(counts)) - 1] for share in (0.5, 0.95))
    width = math.ceil((late + 1) / MOST_BARS)
    bars = [0] * min(counts[-1] // width + 1, MOST_BARS)
    for count in counts:
        bars[min(count // width, len(bars) - 1)] += 1
    mean = round(sum(counts) / len(counts), 2)
    return {"count": len(counts), "mean": mean, "median": middle, "p95": late, "longest": counts[-1], "width": width, "histogram": bars}


def similarity(instructions: Sequence[str], seeds: Sequence[str]) -> dict[str, Any]:
    """Returns how similar instructions are to the seed that is nearest to each: ROUGE-L F1, 0 to 1, as mean and histogram.

    >>> similarity(["Name a river.", "Sing."], ["Name a river."])["histogram"][::19]
    [1, 1]
    """
    pool = SimilarPool()
    pool.extend(seeds)
    step = max(1, math.ceil(len(instructions) / MOST_COMPARED))
    scores = [pool.most_similar(text, 1)[0][1] for text in instructions[::step]] if seeds else []
    bars = [0] * BINS
    for score in scores:
        bars[min(int(score * BINS), BINS - 1)] += 1
    mean = round(sum(scores) / len(scores), 4) if scores else 0.0
    return {"num_compared": len(scores), "num_seeds": len(seeds), "mean": mean, "histogram": bars}


def _labels(rows: Sequence[Row]) -> dict[str, int]:
    """Returns how often each label is the answer, of rows that say that they have one."""
    return _most_common(Counter(str(row.about["label"]) for row in rows if row.about.get("label")), MOST_VERBS)


def _most_common(counter: Counter[str], most: int) -> dict[str, int]:
    """Returns the commonest, of equals the first in the alphabet."""
    return dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))[:most])
