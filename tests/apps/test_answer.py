"""didact answer, as a user sees it, and what didact rate makes of its files."""

import json
import shutil
from pathlib import Path

import pytest
from verbs import didact

from didact.models.local import LocalModel
from didact.run import find_run

QUESTIONS = "recipes/demo/answers/questions.jsonl"


@pytest.fixture
def out(here, tmp_path):
    """Where a test has its answers: the workplace is shared."""
    return tmp_path / "answers"


def ask(command):
    seen = didact(f"answer {command} --json")
    assert seen.code == 0, seen.err
    return json.loads(seen.out)


def test_base_and_tuned_answer_every_turn_and_files_say_who(out):
    found = ask(f"last --on {QUESTIONS} --out {out}")
    told = found["sets"]["questions"]
    assert (found["model"], told["num_questions"], list(told["models"])) == ("demo-001", 3, ["base", "tuned"])
    for name, one in told["models"].items():
        assert one["num_asked"] == 4 == one["num_answered"] + one["num_empty"] + one["num_cut"]
        rows = [json.loads(line) for line in Path(told["files"][name]).read_text().splitlines()]
        assert {row["model_id"] for row in rows} == {f"demo-001 {name}"}
        assert [len(row["choices"][0]["turns"]) for row in rows] == [1, 2, 1]
    assert json.loads((out / "questions" / "answers.json").read_text())["models"] == told["models"]


def test_answers_go_where_the_run_is_and_the_next_command_rates_them(here):
    seen = didact(f"answer last --on {QUESTIONS} --max-new-tokens 8 --temperature 1.5")
    folder = find_run("last").folder / "answers" / "questions"
    assert seen.code == 0, seen.err
    assert [line.split()[:3] for line in seen.out.splitlines()[1:]] == [["questions", "base", "4"], ["questions", "tuned", "4"]]
    assert f"next: didact rate {folder} --judge URL --model NAME" in seen.err
    judged = didact(f"rate {folder} --judge longer --json")
    assert judged.code == 0, judged.err
    pair = json.loads(judged.out)["pairs"][0]
    assert (pair["model"], pair["against"], pair["num_examples"]) == ("demo-001 tuned", "demo-001 base", 3)
    assert "length_controlled" in pair
    assert (folder / "judged" / "report.json").is_file()
    seen = didact(f"rate {folder} --by rule")
    assert "2 of 6 answers have no reference beside them" in seen.err
    assert (seen.code, didact(f"rate {folder} --out {folder}/sheets").code) == (0, 0)
    seen = didact(f"rate {folder.parent}  --by rule")
    assert (seen.code, "holds answers to 1 sets; they are rated one by one" in " ".join(seen.err.split())) == (2, True)


def test_what_was_answered_is_kept_and_fresh_forgets_it(out, monkeypatch):
    command = f"last --on {QUESTIONS} --out {out} --max-new-tokens 8"
    first = ask(command)["sets"]["questions"]["models"]
    assert {one["num_kept"] for one in first.values()} == {0}
    files = {path: path.read_bytes() for path in sorted(out.glob("questions/*.jsonl"))}
    written = []
    with monkeypatch.context() as patch:
        patch.setattr(LocalModel, "_decoded", lambda self, prompts, *_: written.extend(prompts))
        again = ask(command)["sets"]["questions"]["models"]
        assert {one["num_kept"] for one in again.values()} == {4}
        assert (written, {path: path.read_bytes() for path in files}) == ([], files)
        assert "base: 4 answers are there already" in didact(f"answer {command}").err
    assert ask(f"{command} --fresh")["sets"]["questions"]["models"]["base"]["num_kept"] == 0


def test_one_model_is_asked_alone_beside_the_other_ones_earlier_answers(out):
    command = f"last --on {QUESTIONS} --out {out} --max-new-tokens 4"
    assert list(ask(f"{command} --only tuned")["sets"]["questions"]["files"]) == ["tuned"]
    seen = didact(f"rate {out}/questions --judge longer")
    assert (seen.code, "one model's answers alone" in seen.err) == (1, True)
    ask(f"{command} --only base --limit 3")
    assert didact(f"rate {out}/questions --judge longer").code == 0
    assert len(list((out / "kept").iterdir())) == 2


def test_an_exported_model_answers_too_and_other_models_keep_to_their_folders(out):
    shutil.rmtree(out.parent / "model", ignore_errors=True)
    assert didact(f"export last {out.parent}/model").code == 0
    ours = ask(f"last --on {QUESTIONS} --out {out} --only tuned")["sets"]["questions"]
    its = ask(f"{out.parent}/model --on {QUESTIONS} --out {out}_2")["sets"]["questions"]
    assert list(its["models"]) == ["model"]
    turns = [
        [json.loads(line)["choices"] for line in Path(file).read_text().splitlines()]
        for file in (ours["files"]["tuned"], its["files"]["model"])
    ]
    assert turns[0] == turns[1]
    seen = didact(f"answer {out.parent}/model --on {QUESTIONS} --out {out}")
    assert (seen.code, f"{out}/questions holds answers of demo-001" in seen.err) == (1, True), seen.err


def test_real_sets_are_found_by_name_in_a_folder_of_copies(out, shared, monkeypatch):
    monkeypatch.setenv("DIDACT_DATA", str(shared))
    found = ask(f"last --on mt_bench,alpaca_eval --out {out} --limit 2 --max-new-tokens 4")["sets"]
    assert {name: Path(one["files"]["base"]).name for name, one in found.items()} == {"mt_bench": "base.jsonl", "alpaca_eval": "base.json"}
    assert [one["models"]["tuned"]["num_asked"] for one in found.values()] == [4, 2]
    rows = json.loads(Path(found["alpaca_eval"]["files"]["tuned"]).read_text())
    assert {tuple(row) for row in rows} == {("dataset", "instruction", "output", "generator")}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("answer last", "--on says what is asked: user_instructions, vicuna"),
        (f"answer last --on {QUESTIONS} --only both", "no model of a run named 'both'"),
        (f"answer last --on {QUESTIONS} --temperature hot", "a number from 0 to 2, or fastchat"),
        (
            "eval last --on vicuna",
            "'vicuna' has no right answers to count; what a judge compares is answered first: didact answer RUN --on vicuna",
        ),
    ],
)
def test_wrong_usage_of_answer_ends_with_2(here, command, said):
    seen = didact(command)
    assert (seen.code, seen.out) == (2, "")
    assert said in " ".join(seen.err.replace("│", " ").split())


def test_a_set_that_is_not_to_be_had_ends_with_1_before_a_model_is_loaded(here, out, monkeypatch):
    monkeypatch.setattr("didact.tasks.downloads.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    monkeypatch.setattr("didact.answering.load_tuned", None)
    for name, said in (("vicuna", "vicuna is not to be had"), ("vicunna", "did you mean 'vicuna'?")):
        seen = didact(f"answer last --on {name} --out {out}")
        assert (seen.code, seen.out, said in seen.err) == (1, "", True), seen.err
    assert not out.exists()


def test_stopped_by_ctrl_c_it_says_that_the_same_command_goes_on(out, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("didact.answering.answered", stopped)
    seen = didact(f"answer last --on {QUESTIONS} --out {out}")
    assert (seen.code, seen.out) == (130, "")
    assert "stopped; what was answered is kept, and the same command goes on" in seen.err
