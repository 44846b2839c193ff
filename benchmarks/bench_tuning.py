"""Tuning on a CPU against TRL's SFTTrainer and a plain transformers Trainer: the same model, rows, steps and losses; time and memory.

Every system starts from the same saved weights and reads the same tokens of real Alpaca and SuperNI rows, 16 a step in the same order,
with AdamW at a constant rate, clipping at 1, and loss on the answers alone (λp = 0) or on the prompt too (λp = 1). First their losses have
to be equal, step by step. Then each runs in a process of its own, five rounds in alternating order; a ratio is the median over rounds
of theirs to ours, and larger than 1 is better for us.

    --quick       one round of few steps, nothing kept
    --profile     only where didact's time goes
    --explore     only the peers' settings that were tried, one short run each
    --shapes ...  only these
    --rounds N    so many rounds in place of five; the result says so
    --core        seconds of a core in place of the clock's, for a machine that others use too: type OMP_NUM_THREADS=1 before it
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from peers.child import Case, Run, System, apart, matmul_rates, peers_python, prepared, run, summary
from peers.tried import PEERS, TRIED

from didact.base.errors import DidactError
from didact.models.precision import machine

RESULTS = Path(__file__).parent / "results"
STEPS = {"256x6": 10, "384x6": 8, "135M": 5}
GOAL = {
    "256x6": {"TRL's best": 15.0, "Trainer": 5.0, "memory": 1 / 0.4},
    "384x6": {"TRL's best": 10.0, "Trainer": 4.0, "memory": 1 / 0.4},
    "135M": {"TRL's best": 3.5, "Trainer": 2.2, "memory": 1 / 0.6},
}
MATMUL_GOAL = 0.4
OURS = System("run_didact.py", {"micro_batch_tokens": 1024})
"""As fast as 2,048 and 8,192 here, and least memory: the peers have their best setting too."""
FP32, BF16 = 1e-4, 0.02
"""How far the loss of a step may be from the reference's, relatively: the same sums in another order; products of 8 bits."""


def check_losses(folder: Path, shape: str, prompt_weights: tuple[float, ...] = (0.0, 1.0)) -> dict[str, float]:
    """Returns how far didact's losses are from transformers' in fp32, relatively, by λp.

    Three steps: the second and third loss are equal only where gradients and the optimiser's steps were.
    """
    found = {}
    for prompt_weight in prompt_weights:
        case = Case(shape, 3, prompt_weight=prompt_weight, precision="fp32")
        theirs, ours = run(folder, case, PEERS["Trainer"]), run(folder, case, OURS)
        found[f"λp={prompt_weight:g}"] = apart(theirs, ours, FP32, f"{shape} in fp32")
    return found


def measure(folder: Path, case: Case, names: list[str], rounds: int) -> dict[str, list[Run]]:
    """Returns the runs of didact and of peers, in alternating order, once their losses are equal. TRL's defaults run once."""
    runs = defaultdict[str, list[Run]](list)
    for number in range(rounds):
        order = [name for name in ("didact", *names) if number == 0 or name != "TRL's defaults"]
        for name in order if number % 2 == 0 else reversed(order):
            runs[name].append(run(folder, case, OURS if name == "didact" else PEERS[name]))
            last = runs[name][-1]
            print(f"{case.shape:6} {case.rows:8} λp={case.prompt_weight:g} {name:16} {last.rate:9,.1f} supervised tokens/s", end="")
            print(f" {last.wall_s:7.1f} s {last.peak_gb:6.2f} GB", flush=True)
        for name in names:
            apart(runs[name][-1], runs["didact"][-1], BF16, f"{case.shape}, {name}")
    return runs


def ratios_of(runs: dict[str, list[Run]]) -> dict[str, float]:
    """Returns medians over rounds: speed against each peer; memory against the one of them that needs the least."""
    ours, peers = runs["didact"], {name: found for name, found in runs.items() if name != "didact"}
    found = {name: median(a.rate / b.rate for a, b in zip(ours, theirs, strict=False)) for name, theirs in peers.items()}
    rounds = zip(ours, *(theirs for theirs in peers.values() if len(theirs) == len(ours)), strict=True)
    found["memory"] = median(min(theirs.peak_gb for theirs in rest) / own.peak_gb for own, *rest in rounds)
    found |= {
        f"whole process, {name}": median(b.wall_s / a.wall_s for a, b in zip(ours, them, strict=False)) for name, them in peers.items()
    }
    return {name: round(value, 2) for name, value in found.items()}


def show_profile(folder: Path, shapes: list[str]) -> dict[str, dict[str, float]]:
    """Returns and prints the share of didact's time under each heading."""
    tables = {}
    for shape in shapes:
        for rows in ("alpaca", "superni"):
            seconds = run(folder, Case(shape, STEPS[shape], rows), OURS, profile=True).profile
            tables[f"{shape}, {rows}"] = {name: round(part / sum(seconds.values()), 3) for name, part in seconds.items()}
            print(f"{shape}, {rows}: " + ", ".join(f"{name} {share:.0%}" for name, share in tables[f"{shape}, {rows}"].items()), flush=True)
    return tables


def explore(folder: Path, shapes: list[str], clock: str, num_steps: int = 5) -> None:
    """Prints one short run of everything that was tried."""
    for shape in shapes:
        for name, system in {**TRIED, "didact": OURS}.items():
            found = run(folder, Case(shape, num_steps, precision="fp32" if "fp32" in name else "bf16", clock=clock), system)
            print(f"{shape:6} {name:40} {found.rate:9,.1f} supervised tokens/s {found.peak_gb:6.2f} GB", flush=True)


def main() -> None:
    """Measures, keeps the result of a whole run and prints one JSON line."""
    parser = argparse.ArgumentParser()
    for name in ("quick", "profile", "explore", "core"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--shapes", nargs="+", choices=list(GOAL), default=list(GOAL))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    folder, clock = prepared(given.shapes), "core" if given.core else "wall"
    if given.profile or given.explore:
        show_profile(folder, given.shapes) if given.profile else explore(folder, given.shapes, clock)
        return
    peers_python()
    rounds, peers = (1 if given.quick else given.rounds), list(PEERS)
    rates, further, ratios, goal, equal, shares = {}, {}, {}, {}, {}, {}
    for shape in given.shapes:
        equal[shape] = check_losses(folder, shape, (0.0,) if given.quick else (0.0, 1.0))
        print(f"{shape}: losses in fp32 equal to {max(equal[shape].values()):.1e}", flush=True)
        runs = measure(folder, Case(shape, 4 if given.quick else STEPS[shape], clock=clock), peers[given.quick :], rounds)
        matmul = matmul_rates()
        shares[shape] = {name: round(median(run.flops for run in runs["didact"]) / rate, 3) for name, rate in matmul.items()}
        rates |= {f"{shape}: {name}": summary(found) for name, found in runs.items()}
        for name, ratio in ratios_of(runs).items():
            (ratios if name in GOAL[shape] else further)[f"{shape}: {name}"] = ratio
        goal |= {f"{shape}: {name}": round(value, 2) for name, value in GOAL[shape].items()}
        ratios[f"{shape}: share of the bf16 matmul rate"] = shares[shape]["bf16"]
        goal[f"{shape}: share of the bf16 matmul rate"] = MATMUL_GOAL
    if not given.quick:
        for case in (Case("256x6", 8, "superni", clock=clock), Case("256x6", 8, prompt_weight=1.0, clock=clock)):
            if case.shape in given.shapes:
                name = f"{case.shape}, {case.rows}, λp={case.prompt_weight:g}"
                runs = measure(folder, case, peers[1:], min(rounds, 3))
                rates |= {f"{name}: {system}": summary(found) for system, found in runs.items()}
                further |= {f"{name}: {system}": ratio for system, ratio in ratios_of(runs).items()}
    result = {"name": "tuning", "machine": machine(), "ratios": ratios, "goal": goal}
    if not (given.quick or given.core) and given.shapes == list(GOAL):
        RESULTS.mkdir(exist_ok=True)
        settings = {name: system.settings for name, system in PEERS.items()}
        more = {
            "rounds": rounds,
            "further": further,
            "rates": rates,
            "losses_equal_to": equal,
            "share_of_matmul": shares,
            "settings": settings,
        }
        whole = {**result, **more, "profile": show_profile(folder, given.shapes)}
        (RESULTS / "tuning.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps({**result, **({"further": further} if given.quick else {})}, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main()
    except DidactError as error:
        sys.exit(str(error))
