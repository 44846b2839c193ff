"""Judging by a model: every pair in both orders, replies that cannot be read counted for themselves, and nothing paid twice."""

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from didact.base.errors import DataError
from didact.base.files import append_jsonl, fingerprint
from didact.evals.judge_prompts import Asked, Said, pair_prompt, rating_of, ten_prompt, verdict_of
from didact.evals.judges import Judge
from didact.evals.statistics import bootstrap, plain
from didact.evals.user_instructions import Answers, answered_by_all
from didact.evals.win_rates import pair_table, strengths

Order = Literal["consistent", "prefers first", "prefers second", "half a tie", "unparsed", "unanswered"]
ORDERS: tuple[Order, ...] = ("consistent", "prefers first", "prefers second", "half a tie", "unparsed", "unanswered")
"""What the two orders of a pair say together: the same; always the place; a winner once and a tie once; no verdict; no reply."""


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What a judge says of two answers to one question, asked in both orders."""

    item: str
    model: str
    against: str
    said: tuple[Said | None, Said | None]
    """The verdicts, A being the answer shown first: `model` is first in the first order and second in the second."""
    answered: bool = True
    """Both replies came."""

    @property
    def order(self) -> Order:
        """What the two orders say together."""
        first, second = self.said
        if not self.answered:
            return "unanswered"
        if first is None or second is None:
            return "unparsed"
        if first == second == "tie" or {first, second} == {"A", "B"}:
            return "consistent"
        if first == second:
            return "prefers first" if first == "A" else "prefers second"
        return "half a tie"

    @property
    def score(self) -> float | None:
        """What `model` gets: 1 or 0 where it wins or loses in both orders, else 0.5; None: no verdict."""
        if self.order in ("unparsed", "unanswered"):
            return None
        return {("A", "B"): 1.0, ("B", "A"): 0.0}.get((str(self.said[0]), str(self.said[1])), 0.5)

    @property
    def mean_score(self) -> float | None:
        """What `model` gets where each order counts by itself: a win and a tie are 0.75."""
        if self.order in ("unparsed", "unanswered"):
            return None
        each = {"A": 1.0, "B": 0.0, "tie": 0.5}
        return (each[str(self.said[0])] + 1 - each[str(self.said[1])]) / 2


class Judgements:
    """An append-only file of replies, found again by who was asked what: a second start asks only for what is missing.

    Args:
        path: JSON lines; None: replies are kept in memory alone.

    Raises:
        DataError: A line before the last is damaged.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._replies = path, dict[str, str]()
        if path is None or not path.is_file():
            return
        whole = path.read_bytes()
        good = whole[: whole.rfind(b"\n") + 1]
        if len(good) < len(whole):  # a crash tore the last line; what is appended must not go on in it
            with path.open("r+b") as handle:
                handle.truncate(len(good))
        for number, line in enumerate(good.splitlines(), start=1):
            try:
                row = json.loads(line)
                self._replies[row["key"]] = row["reply"]
            except (ValueError, KeyError, TypeError):
                raise DataError("a judgement cannot be read", where=f"{path}:{number}", remedy=f"sed -i {number}d {path}") from None

    def __len__(self) -> int:
        return len(self._replies)

    def replies(self, judge: Judge, asked: Sequence[Asked], done: Callable[[int], None] = lambda _: None) -> list[str | None]:
        """Returns the reply to each question; None where none came. Every reply is written as soon as it is there.

        Args:
            judge: Who is asked what the file does not know.
            asked: The questions.
            done: Called with how many more are there, each time.
        """
        keys = [fingerprint(judge.name, one.kind, one.prompt) for one in asked]
        times = Counter(keys)
        missing = {key: one for key, one in zip(keys, asked, strict=True) if key not in self._replies}
        names = list(missing)
        done(sum(number for key, number in times.items() if key not in missing))

        def hear(number: int, reply: str) -> None:
            self._replies[names[number]] = reply
            if self._path is not None:
                append_jsonl(self._path, {"key": names[number], "judge": judge.name, "kind": missing[names[number]].kind, "reply": reply})
            done(times[names[number]])

        if missing:
            judge.judge(list(missing.values()), hear)
        return [self._replies.get(key) for key in keys]


def judge_pairs(
    judge: Judge, one: Answers, other: Answers, *, cache: Path | None = None, done: Callable[[int], None] = lambda _: None
) -> list[PairVerdict]:
    """Returns the judge's verdict on each question that both models have answered, asked in both orders.

    Args:
        judge: Who judges.
        one: A model's answers.
        other: Another's, to the same questions.
        cache: The file of replies; None: nothing is kept.
        done: Called with how many more replies are there, each time.

    Raises:
        DataError: The two did not answer the same questions.
        ModelError: The judge cannot be asked at all.
    """
    items = answered_by_all([one, other])
    shown = [(item, one.texts[item.id], other.texts[item.id]) for item in items]
    asked = [pair_prompt(item, *order) for item, first, second in shown for order in ((first, second), (second, first))]
    replies = Judgements(cache).replies(judge, asked, done)
    told = list(zip(replies[::2], replies[1::2], strict=True))
    return [
        PairVerdict(item.id, one.model, other.model, (_read(first), _read(second)), first is not None and second is not None)
        for item, (first, second) in zip(items, told, strict=True)
    ]


def pairs_report(
    judge: Judge, many: Sequence[Answers], *, cache: Path | None = None, done: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Returns what a judge says of two models or more, each with each, as a plain table; see `report_of`.

    Raises:
        DataError: As `judge_pairs`, or fewer than two models.
        ModelError: The judge cannot be asked at all.
    """
    return report_of(judge.name, many, judge_all(judge, many, cache=cache, done=done))


def judge_all(
    judge: Judge, many: Sequence[Answers], *, cache: Path | None = None, done: Callable[[int], None] = lambda _: None
) -> list[PairVerdict]:
    """Returns the verdicts on each two of the models, as `judge_pairs` does on one pair."""
    if len(many) < 2:
        raise DataError("one model's answers alone", expected="two models or more, to compare them")
    return [verdict for one, other in combinations(many, 2) for verdict in judge_pairs(judge, one, other, cache=cache, done=done)]


def report_of(name: str, many: Sequence[Answers], verdicts: Sequence[PairVerdict]) -> dict[str, Any]:
    """Returns what verdicts say, as a plain table.

    Args:
        name: The judge's.
        many: The answers that were judged.
        verdicts: On each two of the models.

    Returns:
        For each pair the win rate, raw (a pair without the same winner in both orders is a tie), by `mean_of_orders`, and at equal lengths;
        `orders`: how many pairs were judged alike in both orders, by place, and so on; `consistent`: their share of the pairs with a
        verdict; `unparsed`: the share of replies without a verdict. For three models or more also Bradley-Terry's `strengths`.
    """
    pairs = list[dict[str, Any]]()
    for one, other in combinations(many, 2):
        own = [verdict for verdict in verdicts if (verdict.model, verdict.against) == (one.model, other.model)]
        pairs.append({"model": one.model, "against": other.model, **_pair(own, one, other)})
    games = [(verdict.model, verdict.against, verdict.score) for verdict in verdicts if verdict.score is not None]
    told = {"strengths": strengths(games)} if len(many) > 2 else {}
    return {"judge": name, "num_examples": len(many[0].items), "pairs": pairs, **told}


def _pair(verdicts: Sequence[PairVerdict], one: Answers, other: Answers) -> dict[str, Any]:
    orders = {order: sum(verdict.order == order for verdict in verdicts) for order in ORDERS}
    answered = [said for verdict in verdicts if verdict.answered for said in verdict.said]
    judged = [verdict for verdict in verdicts if verdict.score is not None]
    counts = {
        "orders": orders,
        "consistent": 100 * orders["consistent"] / len(judged) if judged else None,
        "unparsed": 100 * sum(said is None for said in answered) / len(answered) if answered else None,
    }
    if not judged:
        return {"num_examples": len(verdicts), "note": "the judge gave no verdict in both orders of any pair", **counts}
    lengths = [[len("".join(model.texts[verdict.item])) for verdict in verdicts] for model in (one, other)]
    table = pair_table([verdict.score for verdict in verdicts], *lengths)
    means = [100 * score for verdict in judged if (score := verdict.mean_score) is not None]
    return {**table, "mean_of_orders": math.fsum(means) / len(means), **counts}


def ratings_report(
    judge: Judge,
    many: Sequence[Answers],
    *,
    cache: Path | None = None,
    resamples: int = 2000,
    seed: int = 0,
    done: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Returns how a judge rates each model's answers from 1 to 10, as a plain table: the mean with its interval over questions.

    Raises:
        ModelError: The judge cannot be asked at all.
    """
    kept, models = Judgements(cache), dict[str, Any]()
    for one in many:
        replies = kept.replies(judge, [ten_prompt(item, one.texts[id]) for id, item in one.items.items()], done)
        ratings = [None if reply is None else rating_of(reply) for reply in replies]
        read = [rating for rating in ratings if rating is not None]
        answered = sum(reply is not None for reply in replies)
        models[one.model] = {
            "num_examples": len(replies),
            "rating": _within(plain(bootstrap(read, resamples=resamples, seed=seed))) if read else None,
            "num_unanswered": len(replies) - answered,
            "unparsed": 100 * (answered - len(read)) / answered if answered else None,
        }
    return {"judge": judge.name, "models": models}


def _within(interval: dict[str, Any]) -> dict[str, Any]:
    """Returns an interval that does not leave the scale."""
    return {**interval, "low": max(1.0, interval["low"]), "high": min(10.0, interval["high"])}


def _read(reply: str | None) -> Said | None:
    return None if reply is None else verdict_of(reply)
