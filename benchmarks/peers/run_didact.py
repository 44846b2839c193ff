"""A run of didact's own loop over the benchmark's rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from profiling import profiled
from rows import read_rows
from watch import Watch, files_of_run

from didact.base.recipe import ModelSection, Objective, TrainSection
from didact.base.types import Origin
from didact.data.stream import Window
from didact.data.tokens import TokenisedExample
from didact.models.load import load_base, load_tokeniser
from didact.train.loop import tune


@dataclass
class Steps:
    """A stream that is one window: the benchmark's rows, so many a step."""

    rows: Sequence[TokenisedExample]
    rows_per_step: int
    max_length: int

    def window(self, number: int) -> Window | None:
        """Returns the window, or None behind it."""
        cut = [self.rows[start : start + self.rows_per_step] for start in range(0, len(self.rows), self.rows_per_step)]
        return None if number else Window(0, tuple(tuple((row,) for row in step) for step in cut))


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Tunes and returns the report."""
    watch = Watch()
    section = ModelSection(base=spec["model"])
    tokeniser, _ = load_tokeniser(section, "plain", list)
    rows = [
        TokenisedExample(np.array(row["ids"], np.int32), np.array(row["roles"], np.uint8), Origin("bench", str(number)))
        for number, row in enumerate(read_rows(spec))
    ]
    longest = max(len(row) for row in rows)
    loaded = load_base(section, tokeniser, (), positions=longest, seed=0)
    settings = TrainSection(
        learning_rate=spec["learning_rate"],
        schedule={"kind": "constant", "warmup": 0.0},
        precision=spec["precision"],
        log_every=1,
        **spec["settings"],
    )
    folder = Path(spec["scratch"])
    with profiled(spec) as found:
        watch.start()
        tune(
            loaded,
            Steps(rows, spec["rows_per_step"], longest),
            spec["num_steps"],
            objective=Objective(prompt_weight=spec["prompt_weight"]),
            settings=settings,
            packed=False,
            seed=0,
            folder=folder,
            on_step=lambda _: watch.step_ended(),
        )
    watch.losses = [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return watch.report(profile=found)


if __name__ == "__main__":
    spec, out = files_of_run()
    out.write_text(json.dumps(run(spec)))
