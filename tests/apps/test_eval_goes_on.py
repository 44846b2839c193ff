"""`didact eval` that is ended, by Ctrl-C, SIGTERM or force, and started again: it goes on, and ends in the same bytes."""

import json
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from killed_eval import ending
from verbs import didact

from didact.base.files import read_jsonl

PROGRAM = Path(__file__).with_name("killed_eval.py")
RECIPE = """
name: tiny
model: {base: new, new: {width: 32, depth: 1, heads: 2, vocabulary: 400}}
sequence: {max_length: 384}
tasks:
  sources: [{name: say, reader: alpaca, path: say.jsonl}]
  hold_out: {examples: 12}
mixture: {parts: [{tasks: say, rate: 1}]}
train: {precision: fp32, batch_tokens: 512, max_steps: 2, log_every: 1}
evaluate: {max_new_tokens: 4, resamples: 50, on: [held_in], examples_per_task: 12, batch_tokens: 200}
"""
ASK = "--on held_in,superglue --templates all --limit 6 --posix --data data --json"
FILES = ("predictions_base.jsonl", "predictions_tuned.jsonl", "posix.jsonl")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A working folder with a tiny run that was judged without a break, and what that has said."""
    folder = tmp_path_factory.mktemp("goes_on")
    rows = [{"instruction": "Say it.", "input": f"{word} {i}", "output": f"{word} {i}"} for word in ("yes", "no", "red") for i in range(9)]
    copa = [
        {"premise": f"It rained {n}.", "choice1": "I got wet.", "choice2": "It snowed.", "question": "effect", "label": 0} for n in range(9)
    ]
    files = {
        "say.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "tiny.yaml": RECIPE,
        "data/mmlu/data/test/anatomy_test.csv": "".join(f'"2 + {n}?",1,2,3,4,B\n' for n in range(5)),
        "data/mmlu/data/dev/anatomy_dev.csv": "".join(f'"1 + {n}?",1,2,3,4,A\n' for n in range(5)),
        "data/super_glue_copa_validation.jsonl": "".join(json.dumps(row) + "\n" for row in copa),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DIDACT_RUNS", str(folder / "runs"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr("didact.questions.hub_answers", lambda: False)
        assert didact("train tiny.yaml").code == 0
        seen = didact(f"eval last {ASK}")
        assert seen.code == 0, seen.err
        shutil.copytree(folder / "runs/tiny-001/scores", folder / "smooth")
        yield folder, json.loads(seen.out), seen.err


@pytest.fixture
def scores(place: Any) -> Path:
    """The scores of the run as if it had never been judged."""
    folder: Path = place[0] / "runs/tiny-001/scores"
    shutil.rmtree(folder)
    return folder


@pytest.fixture
def judged(place: Any, scores: Path) -> Path:
    """The scores of the run as they were when nothing had ended it."""
    shutil.copytree(place[0] / "smooth", scores)
    return scores


def same_bytes(place: Any) -> bool:
    folder = place[0]
    return all((folder / "runs/tiny-001/scores" / name).read_bytes() == (folder / "smooth" / name).read_bytes() for name in FILES)


def end_by(number: int, num_answers: int, monkeypatch: pytest.MonkeyPatch, ask: str = ASK) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr("didact.apps.evaluating.asking_bar", partial(ending, number, num_answers))
        return didact(f"eval last {ask}")


def num_kept(said: str) -> int:
    """How many answers an evaluation that was ended has told to be kept."""
    return int(said.split("answers are kept")[0].split("base: ")[-1].split(" of ")[0])


def num_rows(place: Any) -> int:
    number: int = place[1]["kept"]["base"]["num_rows"]
    return number


def test_an_evaluation_that_nothing_ended_has_taken_no_answers(place: Any) -> None:
    folder, found, said = place
    assert found["kept"]["base"] == found["kept"]["tuned"]
    assert found["kept"]["base"]["num_kept"] == 0
    assert num_rows(place) == len(read_jsonl(folder / "smooth/predictions_base.jsonl")) > 50
    assert "there already" not in said
    assert sorted(file.name.split("_")[0] for file in (folder / "smooth/answers").iterdir()) == ["base", "tuned"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_what_is_kept_and_the_command_that_goes_on(
    number: int, code: int, place: Any, scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = "--on held_in --limit 9 --data 'a folder' --json"
    ended = end_by(number, 2, monkeypatch, ask)
    kept = num_kept(ended.err)
    assert (ended.code, 2 <= kept < 9) == (code, True)
    assert f"base: {kept} of 9 answers are kept" in ended.err
    command = ended.err.split("stopped; go on: didact ")[1].splitlines()[0]
    assert command == f"eval tiny-001 {ask}"
    assert not list(scores.glob("*.jsonl"))
    again = didact(command)
    assert again.code == 0, again.err
    assert f"base: {kept} of 9 answers are there already" in again.err
    assert json.loads(again.out)["kept"]["base"] == {"num_rows": 9, "num_kept": kept}


def test_what_was_ended_three_times_once_by_force_ends_in_the_same_bytes(place: Any, scores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = 0
    for more in (7, 24):
        ended = end_by(signal.SIGINT, kept + more, monkeypatch)
        kept = num_kept(ended.err)
    answers = scores / "answers"
    (base,) = answers.glob("base_*")
    before = base.read_bytes()
    killed = subprocess.run([sys.executable, PROGRAM, str(kept + 1), "eval", "last", *ASK.split()], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert list(answers.glob("base_*")) == [base], killed.stderr.decode()
    assert base.read_bytes()[: len(before)] == before
    assert len(base.read_bytes()) > len(before)
    base.write_bytes(base.read_bytes()[:-9])
    done = didact(f"eval last {ASK}")
    assert done.code == 0, done.err
    assert f"base: 1 torn line at the end of {base.name} cut off; what it held is asked again" in done.err
    assert same_bytes(place)


def test_a_second_evaluation_asks_nothing_and_a_fresh_one_everything(place: Any, judged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was asked")

    with monkeypatch.context() as patch:
        patch.setattr("didact.models.local.decoded", lambda network, prompts, **_: asked() if prompts else [])
        patch.setattr("didact.models.likelihoods._read", asked)
        again = didact(f"eval last {ASK}")
    assert again.code == 0, again.err
    assert json.loads(again.out)["kept"]["tuned"] == {"num_rows": num_rows(place), "num_kept": num_rows(place)}
    assert same_bytes(place)
    fresh = didact(f"eval last {ASK} --fresh")
    assert json.loads(fresh.out)["kept"] == place[1]["kept"]
    assert "there already" not in fresh.err
    assert same_bytes(place)


def test_posix_takes_the_answers_that_are_there_and_counts_the_same(place: Any, scores: Path) -> None:
    ask = "eval last --on superglue,mmlu --templates all --limit 1 --data data"
    assert didact(f"{ask} --posix").code == 0
    alone = (scores / "posix.jsonl").read_bytes()
    assert didact(f"{ask} --fresh").code == 0
    (log,) = (scores / "answers").glob("tuned_*")
    before = read_jsonl(log)
    assert didact(f"{ask} --posix").code == 0
    assert (scores / "posix.jsonl").read_bytes() == alone
    new = [row["asked"] for row in read_jsonl(log)[len(before) :] if "text" in row]
    # Rows of MMLU were ranked, so POSIX has them answered in writing, each prompt once; those of COPA were.
    rows = read_jsonl(scores / "predictions_tuned.jsonl")
    assert len(new) == len({row["prompt"] for row in rows if row["level"] == "mmlu" and not row["wording"]}) > 5
    assert not set(new) & {row["asked"] for row in before}


def test_more_rows_ask_what_is_new(place: Any, scores: Path) -> None:
    few = json.loads(didact("eval last --on held_in,mmlu --limit 2 --data data --json").out)["kept"]["base"]["num_rows"]
    more = json.loads(didact("eval last --on held_in,mmlu --limit 5 --data data --json").out)["kept"]["base"]
    assert (few, more) == (4, {"num_rows": 10, "num_kept": 4})


def test_other_weights_are_asked_anew_and_it_is_said(place: Any, scores: Path) -> None:
    assert didact("eval last --on held_in --json").code == 0
    before = {file.name for file in (scores / "answers").iterdir()}
    checkpoint = next((place[0] / "runs/tiny-001/checkpoints").glob("step_*"))
    weights, manifest = checkpoint / "model.safetensors", checkpoint / "manifest.json"
    kept = weights.read_bytes(), manifest.read_bytes()
    try:
        changed = bytearray(kept[0])
        changed[-4:] = b"\0\0\x80\x3f"
        weights.write_bytes(changed)
        manifest.unlink()
        found = didact("eval last --on held_in --json")
    finally:
        weights.write_bytes(kept[0]), manifest.write_bytes(kept[1])
    numbers = json.loads(found.out)["kept"]
    assert (numbers["base"]["num_kept"], numbers["tuned"]["num_kept"]) == (numbers["base"]["num_rows"], 0)
    assert "tuned: the answers that are there are of other weights, another precision or other software; all is asked anew" in found.err
    after = {file.name for file in (scores / "answers").iterdir()}
    assert len(after) == 2, "those of the other weights are removed once all is answered"
    assert {name[:4] for name in before & after} == {"base"}
