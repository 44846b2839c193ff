"""The bundled bases know the small world and do not follow instructions; their recipes make them again."""

import json
from pathlib import Path

import pytest

from didact.apps.quickstart import recipe_file
from didact.base.chance import rng
from didact.base.recipe import Source
from didact.base.recipe_file import load_recipe
from didact.evals.cloze import goes_on, knowledge
from didact.evals.unseen import answer, questions
from didact.jobs import local_model, train
from didact.models.bundled import BASES, bundled_names
from didact.models.load import load_checkpoint
from didact.prompts.render import choose_template
from didact.prompts.template import TemplateSet
from didact.run import create_run
from didact.tasks.atlas.cloze import country_clozes
from didact.tasks.atlas.reader import atlas
from didact.tasks.atlas.relations import COUNTRY_RELATIONS, country_facts
from didact.tasks.atlas.world import world
from didact.tasks.task import TaskSet
from didact.train.loop import Step

NAMES = bundled_names()
RECIPES = Path(__file__).parents[1] / "recipes" / "bases"
LIMIT = 12_000_000
"""Bytes."""


@pytest.fixture(scope="module", params=NAMES)
def base(request):
    folder = BASES / request.param
    return folder, local_model(load_checkpoint(folder), load_recipe(folder / "recipe.yaml"))


@pytest.mark.parametrize("seq2seq", [False, True])
def test_the_base_that_the_quickstart_tunes_is_bundled(seq2seq: bool) -> None:
    assert load_recipe(recipe_file(seq2seq)).model.base in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_base_is_small_and_says_where_it_comes_from(name: str) -> None:
    folder = BASES / name
    assert sum(path.stat().st_size for path in folder.iterdir()) <= LIMIT
    assert {"model.safetensors", "tokenizer.json", "recipe.yaml", "training.jsonl", "README.md"} <= {path.name for path in folder.iterdir()}
    shipped, own = load_recipe(RECIPES / f"{name.replace('-', '_')}.yaml"), load_recipe(folder / "recipe.yaml")
    assert shipped == own


def test_it_knows_the_facts_of_countries(base) -> None:
    _, model = base
    found = knowledge(model, country_clozes(world(0)))
    right, count = (sum(numbers) for numbers in zip(*found.values(), strict=True))
    assert count > 850
    assert right / count >= 0.95, found


def test_it_does_not_follow_instructions(base) -> None:
    _, model = base
    tasks = TaskSet(task for task in atlas(Source(name="atlas", reader="atlas")) if task.level in ("unseen_instances", "unseen_family"))
    templates = TemplateSet.load()
    asked = questions(
        tasks,
        "unseen_instances",
        lambda task, example: choose_template(templates.select("all", task), task, example.id, 0, 0),
        model.tokeniser,
        limit=4,
        max_length=100,
        max_prompt_length=100,
        seed=0,
    )
    answered = answer(model, asked, ["exact_match"], max_new_tokens=24, batch_tokens=8192)
    assert len(answered) > 100
    assert sum(row.scores["exact_match"] for row in answered) / len(answered) <= 5.0


def test_a_decoder_goes_on_behind_a_bare_question_with_more_text() -> None:
    folder = BASES / "atlas-decoder"
    model = local_model(load_checkpoint(folder), load_recipe(folder / "recipe.yaml"))
    facts = rng(0, "test").sample([fact for country in world(0).countries for fact in country_facts(country)], 100)
    asked = [f"What is the {COUNTRY_RELATIONS[fact.relation]} of {fact.subject}?" for fact in facts]
    written = goes_on(model, asked, max_new_tokens=20)
    begun = [fact.answer.casefold() in text.strip().split(".")[0].casefold() for fact, text in zip(facts, written, strict=True)]
    assert sum(begun) <= 50, "most continuations have to be further text or questions"


class EnoughError(Exception):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_one_hundredth_of_its_training_follows_the_recorded_curve(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(BASES / name / "recipe.yaml")
    run = create_run(recipe)
    assert recipe.train.max_steps is not None
    last = recipe.train.max_steps // 100

    def stop(step: Step) -> None:
        if step.step >= last:
            raise EnoughError

    with pytest.raises(EnoughError):
        train(recipe, run, on_step=stop)
    recorded = {row["step"]: row for row in map(json.loads, (BASES / name / "training.jsonl").read_text().splitlines())}
    again = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert len(again) >= 3
    for row in again:
        assert row["num_tokens"] == recorded[row["step"]]["num_tokens"]
        assert row["learning_rate"] == pytest.approx(recorded[row["step"]]["learning_rate"])
        assert row["loss"] == pytest.approx(recorded[row["step"]]["loss"], rel=0.02)
