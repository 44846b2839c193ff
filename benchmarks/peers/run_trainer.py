"""A run of transformers' Trainer as Alpaca's script sets it up: labels of -100 on the prompt, rows padded to the longest of a batch."""

import json
from collections.abc import Sequence
from typing import Any

import torch
from rows import IGNORE, columns_of, steps_of
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments
from watch import Watch, files_of_run, gpu_gb


class Noting(TrainerCallback):
    """Notes the steps of a Trainer."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """The first step begins."""
        self.watch.start()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """A step has ended."""
        self.watch.step_ended()

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        """Keeps the loss of a step."""
        if logs and "loss" in logs:
            self.watch.losses.append(float(logs["loss"]))


def collate(rows: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Returns rows padded to the longest of them."""
    longest = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, filler: int) -> torch.Tensor:
        return torch.tensor([row[name] + [filler] * (longest - len(row[name])) for row in rows])

    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
    return {"input_ids": filled("input_ids", 0), "labels": filled("labels", IGNORE), "attention_mask": mask}


def settings_of(spec: dict[str, Any]) -> dict[str, Any]:
    """Returns what every Trainer of the benchmark is told: the same optimiser, the same rows in their order, nothing saved meanwhile."""
    return {
        "output_dir": spec["scratch"],
        "max_steps": spec["num_steps"],
        "per_device_train_batch_size": spec["rows_per_step"],
        "learning_rate": spec["learning_rate"],
        "lr_scheduler_type": "constant",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "bf16": spec["precision"] == "bf16",
        "use_cpu": not torch.cuda.is_available(),
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": 0,
        **spec["settings"],
    }


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Tunes and returns the report."""
    watch = Watch(spec)
    model = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.float32)
    rows = [columns_of(line, spec["prompt_weight"]) for step in steps_of(spec) for line in step]
    arguments = TrainingArguments(remove_unused_columns=False, **settings_of(spec))
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collate, callbacks=[Noting(watch)])
    trainer.train()
    trainer.save_model(f"{spec['scratch']}/last")
    return watch.report(gpu_gb=gpu_gb())


if __name__ == "__main__":
    spec, out = files_of_run()
    out.write_text(json.dumps(run(spec)))
