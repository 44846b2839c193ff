"""The label audit: what is trained on, whether it stops, and whether every supervised character is there.

It compares the tokens with the conversation they came from, not with the code that made them. Everything it finds is a count by
task, so what several processes found of several windows adds up.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from didact.base.recipe import Objective
from didact.base.types import Conversation, Message
from didact.data.kept_example import kept, place
from didact.data.objectives import num_predictions, target_weights
from didact.data.tokens import RESPONSE, TokenisedExample, Tokeniser

COLUMNS = (
    *("examples", "tokens", "supervised", "answers", "terminated", "unsupervised", "double_bos", "characters"),
    *("characters_lost", "characters_stripped"),
)
"""What is counted of a task, in this order."""
EXAMPLES, TOKENS, SUPERVISED, ANSWERS, TERMINATED, UNSUPERVISED, DOUBLE_BOS, CHARACTERS, LOST, STRIPPED = range(len(COLUMNS))
ERRORS = {
    "unsupervised": "{:,} examples have no supervised token",
    "double_bos": "{:,} examples begin with two BOS tokens",
    "terminator": "{:,} examples never train the terminator",
    "stripped": "the chat format leaves out {:,} characters of the answers",
}
"""Kinds of problem that stop a run."""
_NAMED = 3
"""Examples that a problem names."""


@dataclass
class Audit:
    """Counts over tokenised examples; `problems()` is empty when all is well."""

    tokeniser: Tokeniser
    objective: Objective
    by_task: dict[str, list[int]] = field(default_factory=dict)
    """Task to the counts of `COLUMNS`."""
    lost: Counter[str] = field(default_factory=Counter)
    """Characters of responses that the tokenizer cannot write."""
    stripped: Counter[str] = field(default_factory=Counter)
    """Characters of responses that the tokenizer can write, and that the decoded tokens do not hold."""
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Kind of problem to the first example that has it, see `kept`, with the names of the next ones in `others`."""

    def add(self, conversation: Conversation, example: TokenisedExample, trained: Sequence[TokenisedExample] | None = None) -> None:
        """Looks at one example and the conversation that it came from.

        Args:
            conversation: What is said.
            example: The same as tokens.
            trained: The rows that the objective made of it; None: the example itself; empty: `count` gets them.
        """
        self.compare(conversation, example)
        for row in (example,) if trained is None else trained:
            self.count(row)

    def compare(self, conversation: Conversation, example: TokenisedExample) -> None:
        """Looks whether the tokens say what the conversation says, and end where it ends."""
        counts = self._of(conversation.origin.task)
        counts[EXAMPLES] += 1
        ids, inside = example.input_ids, example.roles == RESPONSE
        bos = self.tokeniser.bos_id
        if bos is not None and len(ids) > 1 and ids[0] == ids[1] == bos:
            counts[DOUBLE_BOS] += 1
            self._found("double_bos", example)
        ends = np.flatnonzero(inside[:-1] & ~inside[1:]).tolist() + [len(ids) - 1] * bool(len(ids) and inside[-1])
        if ends and not any(message.role == "text" for message in conversation.messages):
            counts[ANSWERS] += 1
            if all(number in self.tokeniser.stop_ids for number in ids[ends].tolist()):
                counts[TERMINATED] += 1
            else:
                self._found("terminator", example)
        answers = [m.content for m in conversation.messages if m.train and m.role in ("assistant", "text")]
        if example.num_cut and (example.plain or not answers):  # counted by the TokenReport
            return
        # Where old turns may be gone, the last answer has to be whole.
        said = answers[-1] if example.num_cut else "".join(answers)
        wanted = "".join(said.split())
        counts[CHARACTERS] += len(wanted)
        found = "".join(self.tokeniser.decode(ids[inside]).split())
        if example.num_cut:
            found = found[-len(wanted) :] if wanted else ""
        if wanted != found and (missing := Counter(wanted) - Counter(found)):
            self._missing(counts, example, missing, said, found)

    def _missing(self, counts: list[int], example: TokenisedExample, missing: Counter[str], said: str, found: str) -> None:
        """Tells characters that the tokenizer cannot write from those that the chat format has left out."""
        text = Conversation((Message("text", said),), example.origin)
        alone = self.tokeniser.tokenise([text], sys.maxsize)[0]
        writable = Counter("" if alone is None else "".join(self.tokeniser.decode(alone.input_ids).split()))
        stripped = missing & (writable - Counter(found))
        lost = missing - stripped
        for kind, column, characters, total in (("characters", LOST, lost, self.lost), ("stripped", STRIPPED, stripped, self.stripped)):
            if characters:
                counts[column] += characters.total()
                total.update(characters)
                self._found(kind, example, "" if kind == "characters" else _gap(said, found))

    def count(self, row: TokenisedExample) -> None:
        """Counts what a row trains on; for an encoder-decoder, tokens of both sides."""
        counts = self._of(row.origin.task)
        counts[TOKENS] += row.num_tokens
        counts[SUPERVISED] += int(np.count_nonzero(target_weights(row, self.objective)))
        if not num_predictions(row, self.objective):
            counts[UNSUPERVISED] += 1
            self._found("unsupervised", row)

    def _of(self, task: str) -> list[int]:
        if (counts := self.by_task.get(task)) is None:
            counts = self.by_task[task] = [0] * len(COLUMNS)
        return counts

    def _found(self, kind: str, example: TokenisedExample, missing: str = "") -> None:
        """Remembers the first example of a kind whole, and the names of the next ones."""
        if (first := self.first.get(kind)) is None:
            self.first[kind] = {**kept(example.origin, example), "others": [], **({"missing": missing} if missing else {})}
        elif len(first["others"]) < _NAMED - 1:
            first["others"].append(place(example.origin))

    def counts(self) -> dict[str, Any]:
        """Returns all that was counted, as plain data that `add_counts` takes: several processes may share the work."""
        return {"by_task": self.by_task, "lost": dict(self.lost), "stripped": dict(self.stripped), "first": self.first}

    def add_counts(self, counts: Mapping[str, Any]) -> None:
        """Adds what another audit counted of the examples behind those of this one."""
        self.lost.update(counts["lost"])
        self.stripped.update(counts["stripped"])
        for task, numbers in counts["by_task"].items():
            self.by_task[task] = [mine + more for mine, more in zip(self._of(task), numbers, strict=True)]
        for kind, example in counts["first"].items():
            mine = self.first.setdefault(kind, {**example, "others": []})
            names = example["others"] if mine["where"] == example["where"] else [example["where"], *example["others"]]
            mine["others"] = [*mine["others"], *names][: _NAMED - 1]

    def total(self, column: int) -> int:
        """Returns a count over all tasks: one of the columns, `EXAMPLES` for example."""
        return sum(counts[column] for counts in self.by_task.values())

    @property
    def num_examples(self) -> int:
        """Examples."""
        return self.total(EXAMPLES)

    @property
    def num_tokens(self) -> int:
        """Tokens, those of a decoder beside an encoder among them."""
        return self.total(TOKENS)

    @property
    def num_supervised(self) -> int:
        """Tokens whose weight is not zero."""
        return self.total(SUPERVISED)

    @property
    def num_answers(self) -> int:
        """Examples that hold a response, plain text left out."""
        return self.total(ANSWERS)

    @property
    def num_terminated(self) -> int:
        """Of those, the ones in which every trained response ends in a stop token."""
        return self.total(TERMINATED)

    @property
    def supervised_share(self) -> float:
        """Share of the tokens that have a weight."""
        return self.num_supervised / max(self.num_tokens, 1)

    def num_of(self, kind: str) -> int:
        """Returns how often a kind of problem was found: examples, or for `characters` and `stripped` characters."""
        if kind == "terminator":
            return self.total(ANSWERS) - self.total(TERMINATED)
        return self.total({"unsupervised": UNSUPERVISED, "double_bos": DOUBLE_BOS, "characters": LOST, "stripped": STRIPPED}[kind])

    def problems(self) -> list[str]:
        """Returns what must not be trained on, each with examples; empty when all is well."""
        return [f"{words.format(number)} ({self._named(kind)})" for kind, words in ERRORS.items() if (number := self.num_of(kind))]

    def _named(self, kind: str) -> str:
        """Returns where a problem was found first, the next places, and what is missing there."""
        first = self.first[kind]
        missing = f"; missing: {first['missing']!r}" if "missing" in first else ""
        return "; ".join([f"first: {first['where']}", *first["others"]]) + missing

    def lines(self) -> list[str]:
        """Returns the audit in plain sentences; the first is the audit line."""
        num_answers, double_bos, num_characters = self.total(ANSWERS), self.total(DOUBLE_BOS), self.total(CHARACTERS)
        stop = self.total(TERMINATED) / num_answers if num_answers else 0.0
        found = 1 - (self.total(LOST) + self.total(STRIPPED)) / max(num_characters, 1)
        answers = f"terminator trained in {percent(stop)} of {num_answers:,} examples; "
        if self.num_examples and not num_answers:
            answers = "plain text only; "  # nobody answers, so nobody has to stop
        lines = [
            f"audit: {self.supervised_share:.1%} of {self.num_tokens:,} tokens supervised; {answers}"
            f"double BOS {f'{double_bos:,}' if double_bos else 'none'}; "
            f"supervised characters found {percent(found)} of {num_characters:,}"
        ]
        if self.lost:
            shown = ", ".join(f"{char!r} {count:,}" for char, count in self.lost.most_common(8))
            what = f"the tokenizer cannot write {self.lost.total():,} supervised characters"
            lines.append(f"warning: {what} ({shown}; {self._named('characters')})")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Returns the audit as plain data."""
        return {
            **of_counts([self.total(column) for column in range(len(COLUMNS))], "num_"),
            "characters_lost": dict(self.lost.most_common(50)),
            "characters_stripped": dict(self.stripped.most_common(50)),
            "by_task": {task: of_counts(counts) for task, counts in sorted(self.by_task.items())},
            "problems": self.problems(),
            "lines": self.lines(),
        }


def of_counts(counts: Sequence[int], prefix: str = "") -> dict[str, Any]:
    """Returns counts by name, with the shares that follow from them.

    Args:
        counts: In the order of `COLUMNS`.
        prefix: What the names of counts begin with.
    """
    table: dict[str, Any] = {f"{prefix}{name}": number for name, number in zip(COLUMNS, counts, strict=True)}
    table["supervised_share"] = counts[SUPERVISED] / max(counts[TOKENS], 1)
    table["terminator_trained"] = counts[TERMINATED] / counts[ANSWERS] if counts[ANSWERS] else None
    return table


def percent(share: float) -> str:
    """Returns a share such that only a whole one reads 100 %.

    >>> percent(1.0), percent(0.99999)
    ('100 %', '99.99 %')
    """
    return "100 %" if share >= 1 else f"{min(share, 0.9999):.2%}".replace("%", " %")


def _gap(said: str, found: str, most: int = 60) -> str:
    """Returns what stands in one text between the beginning and the end that it shares with another; white space does not count.

    >>> _gap("<think>1 + 1</think> 2", "2")
    '<think>1 + 1</think>'
    """
    places = [number for number, char in enumerate(said) if not char.isspace()]
    short = min(len(places), len(found))
    start = next((n for n in range(short) if said[places[n]] != found[n]), short)
    end = next((n for n in range(short - start) if said[places[-1 - n]] != found[-1 - n]), short - start)
    text = said[places[start] : places[len(places) - 1 - end] + 1] if start < len(places) - end else said
    return text if len(text) <= most else f"{text[: most - 1]}…"
