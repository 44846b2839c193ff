"""The ROUGE-L filter on 52,000 instructions, against the loop of Self-Instruct: equal decisions first, then the time, as a ratio.

Instructions: 9,229 of Alpaca and the P3 prompts (T0's training data) of at most 150 words that Self-Instruct's repository has, repeated
with planted near-duplicates: a few words of each left out, put in or changed. Decisions are compared with those of the package
rouge_score on 3,000 of them. The loop of the original compares every instruction with every kept one by `RougeScorer.score`; its time is
the number of these pairs times the mean of a sample of them: 2 hours and more of it are not waited for. Our time is one thread's.

`--million` filters 1,000,000 instructions with two threads, most of them spliced from halves of real ones, and tells time and memory.
"""

import json
import random
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer, _score_lcs

from didact.models.precision import machine
from didact.synth.similar import SimilarPool, strict_words
from didact.tasks.words import words

NUM, NUM_COMPARED, NUM_TIMED, MOST_WORDS = 52_000, 3000, 4000, 150
GOAL = {"filter": 3000.0}
GOAL_MILLION_S = 900
DATA = Path(__file__).parents[2] / "shared" / "data"
RESULT = Path(__file__).parent / "results" / "filter.json"


def instructions() -> tuple[list[str], list[str]]:
    """Returns real instructions: Alpaca's, and prompts of P3."""
    alpaca = [row["instruction"] for row in json.loads((DATA / "alpaca" / "alpaca_data_random_9k.json").read_text(encoding="utf-8"))]
    files = sorted((DATA / "self_instruct" / "data" / "finetuning" / "t0_train_50k").rglob("*.jsonl"))
    prompts = [json.loads(line)["prompt"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return alpaca, [prompt for prompt in prompts if len(prompt.split()) <= MOST_WORDS]


def near_duplicate(text: str, vocabulary: list[str], chance: random.Random) -> str:
    """Returns a text with 5 to 40 percent of its words left out, changed, or others put in."""
    said = text.split()
    for _ in range(max(1, int(len(said) * chance.choice([0.05, 0.1, 0.2, 0.3, 0.4])))):
        place, kind = chance.randrange(len(said)), chance.randrange(3)
        if kind == 0 and len(said) > 1:
            del said[place]
        else:
            said[place : place + (kind == 1)] = [chance.choice(vocabulary)]
    return " ".join(said)


def planted(base: list[str], num: int, seed: int) -> list[str]:
    """Returns the texts and near-duplicates of them, shuffled."""
    chance = random.Random(seed)
    vocabulary = sorted({word for text in base for word in text.split()})
    texts = base + [near_duplicate(chance.choice(base), vocabulary, chance) for _ in range(num - len(base))]
    chance.shuffle(texts)
    return texts


def seconds(work: Callable[[], object]) -> float:
    """Returns how long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def theirs(texts: list[str]) -> list[bool]:
    """Returns the decisions of rouge_score, each text compared with all kept ones; words are cut once, as Alpaca's code does.

    Pairs that have too few words in common, in whatever order, cannot be above 0.7 and are not measured.
    """
    kept, decisions = list[tuple[list[str], Counter[str]]](), list[bool]()
    for text in texts:
        said = strict_words(text)
        bag, least = Counter(said), 0.35 * len(said) - 1e-6
        decisions.append(
            all(
                min(len(said), len(other)) < least + 0.35 * len(other)
                or sum((bag & other_bag).values()) < least + 0.35 * len(other)
                or _score_lcs(said, other).fmeasure <= 0.7
                for other, other_bag in kept
            )
        )
        kept += [(said, bag)] if decisions[-1] else []
    return decisions


def original_pair_s(texts: list[str], decisions: list[bool]) -> tuple[float, int]:
    """Returns the mean seconds of one comparison in the original's loop, and how many the loop makes."""
    chance, scorer = random.Random(1), RougeScorer(["rougeL"], use_stemmer=False)
    before, kept = [0], list[str]()
    for text, accepted in zip(texts, decisions, strict=True):
        before.append(before[-1] + len(kept))
        kept += [text] if accepted else []
    pool_sizes = [after - first for first, after in pairwise(before)]
    rows = chance.choices(range(len(texts)), weights=pool_sizes, k=NUM_TIMED)
    pairs = [(texts[row], kept[chance.randrange(pool_sizes[row])]) for row in rows]
    taken = seconds(lambda: [scorer.score(text, other)["rougeL"].fmeasure for text, other in pairs])
    return taken / len(pairs), before[-1]


def million() -> dict[str, object]:
    """Returns how long 1,000,000 instructions take with two threads, how many are kept, and the memory."""
    chance = random.Random(2)
    alpaca, prompts = instructions()
    real = [*alpaca, *prompts, *more_instructions()]
    real = list(dict.fromkeys(text for text in real if 3 < len(text.split()) <= MOST_WORDS))
    texts = list(real)
    while len(texts) < 700_000:
        first, second = chance.choice(real).split(), chance.choice(real).split()
        texts.append(" ".join((*first[: (len(first) + 1) // 2], *second[len(second) // 2 :])))
    texts = planted(texts, 1_000_000, 3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pool = SimilarPool(workers=2)
    began, began_cpu = time.perf_counter(), time.process_time()
    num_kept = sum(pool.accept_all(texts))
    taken, taken_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = [len(words(text)) for text in texts[::100]]
    return {
        "num_texts": len(texts),
        "num_real": len(real),
        "num_kept": num_kept,
        "median_words": statistics.median(sizes),
        "mean_words": round(statistics.mean(sizes), 1),
        "threads": 2,
        "seconds": round(taken, 1),
        "processor_seconds": round(taken_cpu, 1),
        "goal_seconds": GOAL_MILLION_S,
        "peak_mb": round(peak),
        "peak_mb_of_the_texts_alone": round(before),
    }


def more_instructions() -> list[str]:
    """Returns questions and task inputs of further real collections, where they are."""
    found = list[str]()
    for file in sorted((DATA / "dolly").glob("*.json")) + sorted((DATA / "codealpaca").glob("code*.json")):
        found += [row["instruction"] for row in json.loads(file.read_text(encoding="utf-8"))]
    for file in sorted((DATA / "gsm8k").rglob("*.jsonl")):
        found += [row["question"] for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()) if "question" in row]
    for file in sorted((DATA / "superni" / "tasks").glob("*.json")):
        found += [row["input"] for row in json.loads(file.read_text(encoding="utf-8"))["Instances"][:100]]
    return found


def _so_far() -> dict[str, object]:
    return json.loads(RESULT.read_text()) if RESULT.exists() else {}


def main() -> None:
    """Measures, keeps the result and prints one JSON line."""
    if "--million" in sys.argv:
        found = million()
        result = {**_so_far(), "million": {**found, "machine": machine()}}
    else:
        alpaca, prompts = instructions()
        texts = planted(alpaca + prompts, NUM, 0)
        part = texts[:NUM_COMPARED]
        expected = theirs(part)
        if SimilarPool(strict=True).accept_all(part) != expected:
            raise SystemExit("the decisions differ: there is nothing to compare")
        runs, decisions = list[float](), list[bool]()
        for _ in range(3):
            runs.append(seconds(lambda: decisions.__setitem__(slice(None), SimilarPool(strict=True).accept_all(texts))))
        two = seconds(lambda: SimilarPool(strict=True, workers=2).accept_all(texts))
        pair_s, num_pairs = original_pair_s(texts, decisions)
        ours = statistics.median(runs)
        result = {
            "name": "filter",
            "machine": machine(),
            "ratios": {"filter": round(pair_s * num_pairs / ours)},
            "goal": GOAL,
            "num_texts": len(texts),
            "num_alpaca": len(alpaca),
            "num_p3": len(prompts),
            "num_kept": sum(decisions),
            "same_decisions_on": {"num": NUM_COMPARED, "num_kept": sum(expected)},
            "seconds": {"didact": round(ours, 2), "didact_two_threads": round(two, 2), "runs": [round(run, 2) for run in runs]},
            "original": {
                "seconds_extrapolated": round(pair_s * num_pairs),
                "num_pairs": num_pairs,
                "microseconds_per_pair": round(1e6 * pair_s, 1),
                "num_pairs_timed": NUM_TIMED,
            },
            **({"million": _so_far()["million"]} if "million" in _so_far() else {}),
        }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
