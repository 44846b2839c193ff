"""ROUGE-L against rouge_score on the same 2,000 pairs: equal scores first, then the time, as a ratio (larger is better for us).

Pairs are 60 to 120 words over a vocabulary of 300, the length of a typical answer. Medians of 5 alternating runs.
"""

import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer

from didact.models.precision import machine
from didact.tasks.metrics import rouge_l_f1

GOAL = {"plain": 10.0, "stemmed": 10.0}
RESULTS = Path(__file__).parent / "results"


def pairs(number: int) -> list[tuple[str, str]]:
    """Returns prediction and reference pairs that share about half of their words."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(300)]
    found = []
    for _ in range(number):
        reference = chance.choices(words, k=chance.randint(60, 120))
        prediction = [word if chance.random() < 0.5 else chance.choice(words) for word in reference]
        found.append((" ".join(prediction), " ".join(reference)))
    return found


def seconds(work: Callable[[], object]) -> float:
    """Returns how long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measures, keeps the result and prints one JSON line."""
    rows = pairs(2000)
    ratios, times = {}, {}
    for case, stem in (("plain", False), ("stemmed", True)):
        scorer = RougeScorer(["rougeL"], use_stemmer=stem)

        def theirs(scorer: RougeScorer = scorer) -> list[float]:
            return [scorer.score(reference, prediction)["rougeL"].fmeasure for prediction, reference in rows]

        def ours(stem: bool = stem) -> list[float]:
            return [rouge_l_f1(prediction, reference, stem=stem) for prediction, reference in rows]

        if ours() != theirs():
            raise SystemExit("the scores differ: there is nothing to compare")
        both = [(seconds(theirs), seconds(ours)) for _ in range(5)]
        times[case] = {"rouge_score_s": statistics.median(a for a, _ in both), "didact_s": statistics.median(b for _, b in both)}
        ratios[case] = round(statistics.median(a / b for a, b in both), 2)
    result = {"name": "rouge", "machine": machine(), "ratios": ratios, "goal": GOAL}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "rouge.json").write_text(json.dumps({**result, "seconds": times}, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
