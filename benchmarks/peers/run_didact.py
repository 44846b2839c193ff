"""A run of didact's own loop over the benchmark's rows."""

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from profiling import Profile, collation_named
from rows import steps_of
from watch import Watch, files_of_run, gpu_gb

from didact.base.recipe import ModelSection, Objective, TrainSection
from didact.base.types import Origin
from didact.data.batches import Row
from didact.data.stream import Window
from didact.data.tokens import TokenisedExample
from didact.models.load import load_base, load_tokeniser
from didact.train.loop import tune


@dataclass
class Steps:
    """A stream that is one window: the benchmark's steps."""

    steps: list[list[Row]]
    max_length: int

    def window(self, number: int) -> Window | None:
        """Returns the window, or None behind it."""
        return None if number else Window(0, tuple(tuple(step) for step in self.steps))


def example(row: dict[str, list[int]]) -> TokenisedExample:
    """Returns a row as didact has it."""
    return TokenisedExample(np.array(row["ids"], np.int32), np.array(row["roles"], np.uint8), Origin("bench", "0"))


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Tunes and returns the report."""
    watch = Watch(spec)
    section = ModelSection(base=spec["model"])
    tokeniser, _ = load_tokeniser(section, "plain", list)
    steps = [[tuple(map(example, line)) for line in step] for step in steps_of(spec)]
    longest = max(sum(map(len, line)) for step in steps for line in step)
    loaded = load_base(section, tokeniser, (), positions=longest, seed=0)
    settings = TrainSection(
        learning_rate=spec["learning_rate"],
        schedule={"kind": "constant", "warmup": 0.0},
        precision=spec["precision"],
        log_every=1,
        **spec["settings"],
    )
    folder = Path(spec["scratch"])
    profile = Profile(spec)

    def step_ended(_: object) -> None:
        watch.step_ended()
        profile.step_ended()

    with collation_named() if spec["profile"] else nullcontext():
        watch.start()
        tune(
            loaded,
            Steps(steps, longest),
            spec["num_steps"],
            objective=Objective(prompt_weight=spec["prompt_weight"]),
            settings=settings,
            packed=spec["pack"] > 0,
            seed=0,
            folder=folder,
            on_step=step_ended,
        )
    watch.losses = [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return watch.report(gpu_gb=gpu_gb(), profile=profile.seconds)


if __name__ == "__main__":
    spec, out = files_of_run()
    out.write_text(json.dumps(run(spec)))
