"""Makes a bundled base of a finished pre-training run: weights in bfloat16, tokenizer, recipe, log and model card.

python tools/bundle_base.py runs/atlas_decoder-001 src/didact/bases/atlas-decoder
"""

import json
import shutil
import sys
from pathlib import Path

import torch

from didact.base.files import read_jsonl, write_jsonl
from didact.evals.cloze import goes_on, knowledge
from didact.jobs import load_tuned, local_model
from didact.models.load import save
from didact.run import Run, find_run
from didact.tasks.atlas.cloze import country_clozes, pair_clozes, thing_clozes
from didact.tasks.atlas.relations import COUNTRY_RELATIONS, country_facts
from didact.tasks.atlas.world import world

LIMIT = 12_000_000
"""Bytes on disk, at most."""
EVERY = 10
"""One line of the training log in so many is kept, and the first ones, which a test repeats."""
NUM_FIRST = 20

CARD = """# {title}

{what}, {parameters:.1f} million parameters, made from nothing and pre-trained on the plain text of Atlas, the small world that comes with
didact: facts about 140 countries and 249 things from general knowledge, made-up people and languages, lists, sums and stories.
It has read no instructions and no chat format. Weights are stored in bfloat16 and loaded as float32.

- Recipe: `recipe.yaml` (complete), trained with `didact train recipes/bases/{name}.yaml`
- Training: {steps:,} steps, {tokens:,} tokens, {minutes:.0f} minutes on {machine}; log in `training.jsonl`
- Licence: Apache-2.0, text and weights

## What it knows

Gaps in plain sentences, filled greedily (`The national flower of India is the ...`):

| relation | right | of |
|---|---|---|
{table}

All relations of countries together: {known:.1f} %.

## What it does not

Asked {asked} bare questions about countries, it goes on with further text or questions in {share:.0f} %;
{answered:.0f} % begin with the answer.

## What it is for

Seeing what instruction tuning does, offline and in minutes: `didact quickstart`. It knows nothing but Atlas, and is no model for use.
Facts may be out of date or wrong; emblems of countries are what reference works commonly name.
"""


def main(arguments: list[str]) -> int:
    """Writes the folder; returns the exit status."""
    run, folder = find_run(arguments[0]), Path(arguments[1])
    shutil.rmtree(folder, ignore_errors=True)
    recipe, loaded = run.recipe(), load_tuned(run)
    card = _card(run, folder.name)
    loaded.model.to(torch.bfloat16)
    save(loaded, folder)
    (folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
    lines = list(read_jsonl(run.folder / "metrics.jsonl"))
    kept = [line for number, line in enumerate(lines) if number < NUM_FIRST or number % EVERY == 0 or number == len(lines) - 1]
    write_jsonl(folder / "training.jsonl", kept)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size:,} bytes")
    return 0 if size <= LIMIT else 1


def _card(run: Run, title: str) -> str:
    recipe, loaded, here = run.recipe(), load_tuned(run), world(run.recipe().tasks.sources[0].world)
    model = local_model(loaded, recipe)
    found = knowledge(model, [*country_clozes(here), *thing_clozes(here), *pair_clozes(here)])
    of_countries = [found[relation] for relation in COUNTRY_RELATIONS]
    facts = [fact for country in here.countries for fact in country_facts(country)]
    asked = [f"What is the {COUNTRY_RELATIONS[fact.relation]} of {fact.subject}?" for fact in facts]
    begun = [
        fact.answer.casefold() in text.strip().split("\n")[0].split(".")[0].casefold()
        for fact, text in zip(facts, goes_on(model, asked), strict=True)
    ]
    environment = json.loads((run.folder / "environment.json").read_text(encoding="utf-8"))
    last = list(read_jsonl(run.folder / "metrics.jsonl"))[-1]
    answered = 100 * sum(begun) / len(begun)
    return CARD.format(
        title=title,
        name=recipe.name,
        what={"causal": "A decoder (Llama's architecture)", "span_corruption": "An encoder-decoder (T5 1.1's architecture)"}[
            recipe.objective.kind
        ],
        parameters=loaded.num_parameters / 1e6,
        steps=last["step"],
        tokens=last["num_tokens"],
        minutes=last["seconds"] / 60,
        machine=f"{environment['machine']['cpu']}, {environment['machine']['cores']} cores",
        table="\n".join(f"| {relation} | {100 * right / count:.0f} % | {count} |" for relation, (right, count) in found.items()),
        known=100 * sum(right for right, _ in of_countries) / sum(count for _, count in of_countries),
        share=100 - answered,
        answered=answered,
        asked=len(asked),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
