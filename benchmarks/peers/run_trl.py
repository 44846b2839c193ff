"""A run of TRL's SFTTrainer over rows that are tokens already: what it would make of them itself, labels included."""

import json
from typing import Any

import torch
from datasets import Dataset
from rows import columns_of, steps_of
from run_trainer import Noting, settings_of
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
from watch import Watch, files_of_run, gpu_gb


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Tunes and returns the report."""
    watch = Watch(spec)
    model = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.float32)
    rows = [columns_of(line, spec["prompt_weight"]) for step in steps_of(spec) for line in step]
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(max_length=None, dataset_kwargs={"skip_prepare_dataset": True}, **settings_of(spec)),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(spec["model"]),
        callbacks=[Noting(watch)],
    )
    trainer.train()
    trainer.save_model(f"{spec['scratch']}/last")
    return watch.report(gpu_gb=gpu_gb())


if __name__ == "__main__":
    spec, out = files_of_run()
    out.write_text(json.dumps(run(spec)))
