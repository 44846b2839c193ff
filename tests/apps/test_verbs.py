"""Every example of every `--help` runs; results are on stdout, JSON has its keys, exit codes are 0, 1 and 2."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from verbs import didact

from didact import __version__
from didact.apps.cli import app
from didact.base.recipe_file import load_recipe
from didact.tasks.task import LEVELS

COMMANDS = typer.main.get_command(app).commands
VERBS = [
    "quickstart",
    "ls",
    "show",
    "tokens",
    "check",
    "new",
    "train",
    "eval",
    "report",
    "export",
    "chat",
    "filter",
    "synth",
    "answer",
    "rate",
    "probe",
]
EXAMPLES = [line.strip() for verb in VERBS for line in COMMANDS[verb].epilog.splitlines() if line.startswith("  didact ")]


def test_every_verb_has_two_examples():
    assert list(COMMANDS) == VERBS
    assert [verb for verb in VERBS if sum(example.split()[1] == verb for example in EXAMPLES) != 2] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_shows_its_examples_line_by_line(verb):
    shown = [line.strip() for line in didact(f"{verb} --help").out.splitlines()]
    assert [example for example in EXAMPLES if example.split()[1] == verb and example not in shown] == []


# Those of quickstart take minutes: test_quickstart.py runs their like with bases of its own.
@pytest.mark.parametrize("example", [example for example in EXAMPLES if not example.startswith("didact quickstart")])
def test_every_example_of_every_help_runs(here, example):
    name, *arguments = shlex.split(example)
    assert name == "didact"
    if "--processes" in arguments:
        done = subprocess.run([sys.executable, "-m", "didact", *arguments], capture_output=True, text=True, check=False)
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        seen = didact(shlex.join(arguments))
        code, out, err = seen.code, seen.out, seen.err
    assert code == 0, err
    assert out  # a chat's answer may be an empty line
    assert "Traceback" not in err
    if "--json" in arguments:
        assert isinstance(json.loads(out), dict)


README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SHOWN = [re.split(r"\s{2,}", line)[0] for line in README.splitlines() if line.startswith("didact ") and "  " in line]


def test_the_readme_shows_five_more_verbs():
    assert [command.split()[1] for command in SHOWN] == ["show", "tokens", "check", "eval", "chat"]


@pytest.mark.parametrize("command", SHOWN)
def test_every_command_of_the_readme_runs(here, command):
    seen = didact(command.removeprefix("didact "))
    assert (seen.code, "Traceback" in seen.err) == (0, False), seen.err
    assert seen.out


def answer(command: str) -> dict:
    seen = didact(f"{command} --json")
    assert seen.code == 0, seen.err
    return json.loads(seen.out)


@pytest.mark.parametrize(
    ("kind", "key", "name"),
    [
        ("templates", "template", "tk/def"),
        ("metrics", "metric", "rouge_l"),
        ("formats", "format", "chatml"),
        ("readers", "reader", "superni"),
        ("recipes", "recipe", "recipes/demo.yaml"),
        ("runs", "run", "demo-001"),
    ],
)
def test_a_list_as_json_and_as_a_table_holds_what_there_is(here, kind, key, name):
    rows = answer(f"ls {kind}")[kind]
    assert name in [row[key] for row in rows]
    assert all(list(row) == list(rows[0]) for row in rows)
    lines = didact(f"ls {kind}").out.splitlines()
    assert any(line.startswith(name) for line in lines)


def test_tasks_are_listed_with_their_level(here):
    rows = answer("ls tasks recipes/demo.yaml")["tasks"]
    levels = {row["task"]: row["level"] for row in rows}
    assert len(levels) == 23
    assert set(levels.values()) == {"seen", "unseen"}
    assert levels[next(name for name in levels if name.endswith("_extract_place"))] == "unseen"
    assert {row["examples"] for row in rows} == {12}


def test_without_a_recipe_the_tasks_are_those_of_the_atlas_with_their_levels(here):
    rows = [row for row in answer("ls tasks")["tasks"] if row["task"].startswith("atlas/")]
    assert {row["level"] for row in rows} == {"seen", *LEVELS}
    families = {row["task"].split("/")[1] for row in rows}
    assert len(families) >= 24
    # A family is trained on, or unseen as a whole; the other levels are written in the name of the task.
    assert {row["level"] for row in rows if row["task"].count("/") == 1} == {"seen", "unseen_family"}
    assert [row["task"] for row in rows if row["task"].count("/") == 2 and not row["task"].endswith(f"/{row['level']}")] == []


@pytest.mark.parametrize("task", ["atlas/country_fact", "atlas/country_fact/unseen_templates", "atlas/oppos*"])
def test_a_task_of_the_atlas_is_shown_without_a_recipe(here, task):
    said = answer(f"show '{task}' --index 1")
    assert [message["role"] for message in said["messages"]] == ["user", "assistant"]
    assert said["origin"]["task"].startswith(task.rstrip("*"))
    template = answer(f"show '{task}' --template '{said['origin']['template']}' --index 1")
    assert template == said


def test_a_shown_example_is_the_rendered_conversation(here):
    said = answer("show 'demo/*_last_word' --index 2")
    assert [message["role"] for message in said["messages"]] == ["user", "assistant"]
    assert said["origin"]["task"].endswith("_last_word")
    text = didact("show 'demo/*_last_word' --index 2").out
    assert said["messages"][1]["content"] in text
    assert text.startswith(f"task {said['origin']['task']}, example {said['origin']['example']}")


def test_tokens_mark_exactly_the_trained_ones(here):
    rows = answer("tokens recipes/demo.yaml objective.prompt_weight=0 --index 5")["tokens"]
    assert {row["weight"] for row in rows} == {0.0, 1.0}
    assert all(row["role"] == 2 for row in rows if row["weight"])
    assert rows[0]["weight"] == 0
    text = didact("tokens recipes/demo.yaml objective.prompt_weight=0 --index 5").out
    marked = "".join(re.findall("⟦(.*?)⟧", text, re.DOTALL))
    assert marked == "".join(row["text"] for row in rows if row["weight"])
    assert marked.endswith("<|im_end|>")
    # With a small weight on the prompt, the answer alone stays in the marks of the full weight.
    both = didact("tokens recipes/demo.yaml objective.prompt_weight=0.1 --index 5").out
    assert re.findall("⟦(.*?)⟧", both, re.DOTALL) == [marked]
    assert "".join(re.findall("⟨(.*?)⟩", both, re.DOTALL)).startswith("user")


def test_a_prompt_weight_marks_the_prompt_with_that_weight(here):
    rows = answer("tokens recipes/demo.yaml objective.prompt_weight=0.25 --index 5")["tokens"]
    assert {row["weight"] for row in rows if row["role"] == 1} == {0.0, 0.25}
    assert [row["weight"] for row in rows].count(0.0) == 1 + sum(row["role"] == 0 for row in rows[1:])


def test_a_check_as_json_has_the_documented_keys(here):
    checked = answer("check recipes/demo.yaml train.max_steps=3")
    keys = ["num_steps", "num_tokens", "mixture", "audit", "leaks", "reading", "plan", "machines", "tokens_per_second"]
    assert list(checked) == keys
    assert checked["num_steps"] == 3
    assert checked["audit"]["problems"] == []
    assert checked["audit"]["terminator_trained"] == 1.0


def test_the_story_goes_to_stderr_and_the_result_to_stdout(here):
    seen = didact("check recipes/demo.yaml train.max_steps=3")
    assert "audit: " in seen.err
    assert seen.err.endswith("next: didact train recipes/demo.yaml train.max_steps=3\n")
    assert "all is well: 3 steps" in seen.out
    assert "audit: " not in seen.out


def test_a_new_recipe_has_every_key_with_its_meaning_and_checks(here):
    assert didact("new own --from demo").out == "own.yaml\n"
    text = Path("own.yaml").read_text()
    assert load_recipe("own.yaml") == load_recipe("recipes/demo.yaml", ["name=own"])
    lines = text.splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r" *[a-z_]+:", line)]
    assert len(keys) > 60
    assert [lines[number] for number in keys if not lines[number - 1].lstrip().startswith("# ")] == []
    assert str(here) not in text
    assert didact("check own.yaml train.max_steps=2").code == 0
    again = didact("new own --from demo")
    assert (again.code, "own.yaml exists already" in again.err, "next: didact new own_2" in again.err) == (1, True, True)
    assert "did you mean 'demo'?" in didact("new third --from dmo").err


def test_training_as_json_is_the_summary_and_the_run_is_the_newest(here):
    summary = answer("train recipes/demo.yaml train.max_steps=2 name=short")
    assert {"run", "num_steps", "num_tokens", "seconds", "loss", "precision", "normaliser", "checkpoint"} <= set(summary)
    assert (summary["run"], summary["num_steps"]) == ("short-001", 2)
    assert answer("ls runs")["runs"][0]["run"] == "short-001"
    assert answer("report last")["run"] == "short-001"


def test_an_unfinished_run_is_resumed_and_a_finished_one_is_not(here):
    command = "train recipes/demo.yaml train.max_steps=2 name=again"
    assert didact(command).code == 0
    seen = didact(f"{command} --resume")
    assert (seen.code, "no run of 'again' to resume" in seen.err) == (1, True)
    Path("runs/again-001/summary.json").unlink()
    seen = didact(f"{command} --resume")
    assert (seen.code, "run: " in seen.err, "again-001" in seen.err) == (0, True, True)
    assert not Path("runs/again-002").exists()


def test_scores_as_json_are_paired_and_the_files_lie_in_the_run(here):
    result = answer("eval demo-001 --on unseen,held_in")
    assert list(result) == ["run", "checkpoint", "levels", "benchmarks", "three_levels", "kept"]
    assert list(result["levels"]) == ["unseen", "held_in"]
    found = result["levels"]["unseen"]["overall"]["rouge_l"]
    assert np.isclose(found["difference"]["value"], found["tuned"]["value"] - found["base"]["value"])
    assert found["num_examples"] == 3 * 2
    folder = here / "runs" / "demo-001" / "scores"
    kept = {"predictions_base.jsonl", "predictions_tuned.jsonl", "unseen.json", "held_in.json", "three_levels.json", "manifest.json"}
    assert {path.name for path in folder.iterdir()} == kept | {"answers"}
    table = didact("eval demo-001 --on unseen").out.splitlines()
    assert table[0].split() == ["level", "group", "metric", "rows", "base", "tuned", "difference", "p"]
    assert any(line.startswith("unseen") and " overall " in line for line in table)


def test_the_report_is_a_page_that_loads_nothing(here):
    page = Path(didact("report demo-001").out.strip())
    assert page == here / "runs" / "demo-001" / "report.html"
    assert not re.search(r'(src|href)="https?:', page.read_text())


def test_chat_answers_questions_and_lines_until_an_empty_one(here):
    turns = answer("chat demo-001 one two")["turns"]
    assert [turn["question"] for turn in turns] == ["one", "two"]
    assert all(set(turn) == {"question", "answer", "stop", "num_tokens"} for turn in turns)
    seen = didact("chat demo-001", typed="one\ntwo\n\nthree\n")
    assert seen.code == 0
    # Both ways hold the same conversation, so the answers are the same; the empty line ended it before the third question.
    assert seen.out == "".join(turn["answer"].strip() + "\n" for turn in turns)
    cut = sum(turn["stop"] == "length" for turn in turns)
    assert seen.err.count("the answer was cut after") == cut
    assert seen.err.count("the model said nothing") == sum(turn["stop"] == "stop" and not turn["answer"].strip() for turn in turns)


@pytest.mark.parametrize("name", ["demo-001", "demo-0", "runs/demo-001"])
def test_a_run_is_found_by_name_prefix_and_folder(here, name):
    if name == "demo-0" and Path("runs/demo-002").exists():
        name = "demo-001"
    assert answer(f"report {name}")["run"] == "demo-001"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("eval la", ["no run is named 'la'", "demo-001", "next: didact ls runs"]),
        ("chat las hello", ["no run is named 'las'", "next: didact ls runs"]),
        ("report unknown", ["no run is named 'unknown'", "next: didact ls runs"]),
        ("show demo/task_last_wrd", ["no task named 'demo/task_last_wrd'", "did you mean", "next: didact ls tasks"]),
        ("show 'demo/*_last_word' --index 99", ["has 12 examples, and no number 99", "a number from 0 to 11", "next: "]),
        ("show 'demo/*_last_word' --template tk/deff", ["no template named 'tk/deff'", "next: didact ls templates"]),
        ("tokens recipes/demo.yaml --index 99999", ["draws, and no number 99,999", "next: "]),
        ("check recipes/dmo.yaml", ["no such file: recipes/dmo.yaml", "did you mean 'demo.yaml'?", "next: didact ls recipes"]),
        ("check recipes/demo.yaml train.max_stps=3", ["command line: train.max_stps=3", "did you mean 'max_steps'?"]),
        ("train recipes/demo.yaml tasks.sources.0.path=dmo", ["command line: tasks.sources.0.path=dmo", "no such file or folder"]),
        ("train recipes/demo.yaml name=fresh --resume", ["no run of 'fresh' to resume", "next: the same command without --resume"]),
    ],
)
def test_what_cannot_be_done_ends_with_1_and_what_to_type(here, command, said):
    before = sorted((here / "runs").iterdir())
    seen = didact(command)
    assert (seen.code, seen.out) == (1, "")
    assert [part for part in said if part not in seen.err] == []
    assert sorted((here / "runs").iterdir()) == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("ls tsks", "did you mean 'tasks'?"),
        ("eval --on unsen", "did you mean 'unseen'?"),
        ("eval --on unseen,unseen_famly", "did you mean 'unseen_family'?"),
        ("trian recipes/demo.yaml", "No such command 'trian'"),
        ("train", "Missing argument"),
        ("show x --index -1", "greater than or equal to 0"),
        ("check recipes/demo/tasks train.max_steps=3", "is no recipe"),
        ("check recipes/demo.yaml --reader superni", "tasks.sources"),
    ],
)
def test_wrong_usage_ends_with_2(here, command, said):
    seen = didact(command)
    assert (seen.code, seen.out) == (2, "")
    assert said in seen.err


def test_the_version_is_shown():
    assert didact("--version").out == f"didact {__version__}\n"


def test_stopping_a_training_ends_with_130_and_says_how_to_go_on(here, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("didact.jobs.train", stop)
    seen = didact("train recipes/demo.yaml name=stopped train.max_steps=9")
    assert seen.code == 130
    assert "didact train recipes/demo.yaml name=stopped train.max_steps=9 --resume" in seen.err
    assert not (here / "runs" / "stopped-001").exists()
