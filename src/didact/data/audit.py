"""The label audit: what is trained on, whether it stops, and whether every supervised character is there.

It compares the tokens with the conversation they came from, not with the code that made them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from didact.base.recipe import Objective
from didact.base.types import Conversation
from didact.data.objectives import num_predictions, target_weights
from didact.data.tokens import RESPONSE, TokenisedExample, Tokeniser

_COUNTS = (
    *("num_examples", "num_tokens", "num_supervised", "num_answers", "num_terminated", "num_unsupervised", "num_double_bos"),
    "num_characters",
)


@dataclass
class Audit:
    """Counts over tokenised examples; `problems()` is empty when all is well."""

    tokeniser: Tokeniser
    objective: Objective
    num_examples: int = 0
    num_tokens: int = 0
    num_supervised: int = 0
    """Tokens whose weight is not zero."""
    num_answers: int = 0
    """Examples that hold a response, plain text left out."""
    num_terminated: int = 0
    """Of those, the ones in which every trained response ends in a stop token."""
    num_unsupervised: int = 0
    """Examples in which no token has a weight."""
    num_double_bos: int = 0
    num_characters: int = 0
    """Characters of responses, white space left out."""
    lost: Counter[str] = field(default_factory=Counter)
    """Characters of responses that the decoded tokens do not hold."""
    by_task: dict[str, list[int]] = field(default_factory=dict)
    """Task to [examples, tokens, supervised tokens]."""
    first_problem: dict[str, str] = field(default_factory=dict)
    """Kind of problem to the first example that has it."""

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
        self.num_examples += 1
        self.by_task.setdefault(conversation.origin.task, [0, 0, 0])[0] += 1
        where = f"{conversation.origin.task}, example {conversation.origin.example}"
        ids = example.input_ids
        bos = self.tokeniser.bos_id
        if bos is not None and len(ids) > 1 and ids[0] == ids[1] == bos:
            self.num_double_bos += 1
            self.first_problem.setdefault("double_bos", where)
        plain = any(message.role == "text" for message in conversation.messages)
        if not plain and (example.roles == RESPONSE).any():
            self.num_answers += 1
            inside = example.roles == RESPONSE
            ends = np.flatnonzero(inside & ~np.append(inside[1:], False))
            if all(int(ids[end]) in self.tokeniser.stop_ids for end in ends):
                self.num_terminated += 1
            else:
                self.first_problem.setdefault("terminator", where)
        if example.num_cut:  # counted by the TokenReport; below, uncut answers have to be whole
            return
        wanted = _solid("".join(m.content for m in conversation.messages if m.role in ("assistant", "text") and m.train))
        self.num_characters += len(wanted)
        found = _solid(self.tokeniser.decode(ids[example.roles == RESPONSE]))
        if wanted != found and (missing := Counter(wanted) - Counter(found)):
            self.lost.update(missing)
            self.first_problem.setdefault("characters", where)

    def count(self, row: TokenisedExample) -> None:
        """Counts what a row trains on; for an encoder-decoder, tokens of both sides."""
        supervised = int(np.count_nonzero(target_weights(row, self.objective)))
        counts = self.by_task.setdefault(row.origin.task, [0, 0, 0])
        counts[1] += row.num_tokens
        counts[2] += supervised
        self.num_tokens += row.num_tokens
        self.num_supervised += supervised
        if not num_predictions(row, self.objective):
            self.num_unsupervised += 1
            self.first_problem.setdefault("unsupervised", f"{row.origin.task}, example {row.origin.example}")

    def counts(self) -> dict[str, Any]:
        """Returns all that was counted, as plain data that `add_counts` takes: several processes may share the work."""
        counted = {name: getattr(self, name) for name in _COUNTS}
        return {**counted, "lost": dict(self.lost), "by_task": self.by_task, "first_problem": self.first_problem}

    def add_counts(self, counts: Mapping[str, Any]) -> None:
        """Adds what another audit counted of the examples behind those of this one."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + counts[name])
        self.lost.update(counts["lost"])
        for task, numbers in counts["by_task"].items():
            self.by_task[task] = [mine + more for mine, more in zip(self.by_task.get(task, (0, 0, 0)), numbers, strict=True)]
        for kind, where in counts["first_problem"].items():
            self.first_problem.setdefault(kind, where)

    @property
    def supervised_share(self) -> float:
        """Share of the tokens that have a weight."""
        return self.num_supervised / max(self.num_tokens, 1)

    def problems(self) -> list[str]:
        """Returns what must not be trained on, each with an example; empty when all is well."""
        found = []
        if self.num_unsupervised:
            found.append(f"{self.num_unsupervised:,} examples have no supervised token (first: {self.first_problem['unsupervised']})")
        if self.num_double_bos:
            found.append(f"{self.num_double_bos:,} examples begin with two BOS tokens (first: {self.first_problem['double_bos']})")
        if self.num_terminated < self.num_answers:
            number = self.num_answers - self.num_terminated
            found.append(f"{number:,} examples never train the terminator (first: {self.first_problem['terminator']})")
        return found

    def lines(self) -> list[str]:
        """Returns the audit in plain sentences; the first is the audit line."""
        stop = self.num_terminated / self.num_answers if self.num_answers else 0.0
        found = 1 - self.lost.total() / max(self.num_characters, 1)
        answers = f"terminator trained in {_percent(stop)} of {self.num_answers:,} examples; "
        if self.num_examples and not self.num_answers:
            answers = "plain text only; "  # nobody answers, so nobody has to stop
        first = (
            f"audit: {self.supervised_share:.1%} of {self.num_tokens:,} tokens supervised; {answers}"
            f"double BOS {'none' if not self.num_double_bos else f'{self.num_double_bos:,}'}; "
            f"supervised characters found {_percent(found)} of {self.num_characters:,}"
        )
        lines = [first]
        if self.lost:
            shown = ", ".join(f"{char!r} {count:,}" for char, count in self.lost.most_common(8))
            what = f"the tokenizer cannot write {self.lost.total():,} supervised characters"
            lines.append(f"warning: {what} ({shown}; first: {self.first_problem['characters']})")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Returns the audit as plain data."""
        return {
            "num_examples": self.num_examples,
            "num_tokens": self.num_tokens,
            "num_supervised": self.num_supervised,
            "supervised_share": self.supervised_share,
            "num_answers": self.num_answers,
            "terminator_trained": self.num_terminated / self.num_answers if self.num_answers else None,
            "num_double_bos": self.num_double_bos,
            "num_unsupervised": self.num_unsupervised,
            "num_characters": self.num_characters,
            "num_characters_lost": self.lost.total(),
            "characters_lost": dict(self.lost.most_common(50)),
            "by_task": {
                task: {"examples": n, "tokens": t, "supervised_share": s / max(t, 1)} for task, (n, t, s) in sorted(self.by_task.items())
            },
            "problems": self.problems(),
            "lines": self.lines(),
        }


def _percent(share: float) -> str:
    """Returns a share such that only a whole one reads 100 %."""
    return "100 %" if share >= 1 else f"{min(share, 0.9999):.2%}".replace("%", " %")


def _solid(text: str) -> str:
    return "".join(text.split())
