"""The verb `answer`: base and tuned model answer question sets that have no right answers; a judge or people then compare them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from didact.apps.arguments import Json, RunOrFolder, examples, wrong_usage
from didact.apps.console import asking_bar, put, put_json, say

EPILOG = examples(
    "didact answer last --on recipes/demo/answers/questions.jsonl",
    "didact answer last --on recipes/demo/answers/questions.jsonl --only tuned --json",
)
On = Annotated[
    str,
    typer.Option(
        help="Sets, with commas between: user_instructions, vicuna, mt_bench, koala, wizardlm, alpaca_eval; or files of questions."
    ),
]
Data = Annotated[str | None, typer.Option(help="A folder with copies of the sets; else DIDACT_DATA, else their authors' addresses.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the answers; else answers in the run's folder.")]
Only = Annotated[str, typer.Option(help="base or tuned; else both.")]
MaxNewTokens = Annotated[int, typer.Option(help="Tokens after which an answer is cut; at most half of what the model sees.", min=1)]
Temperature = Annotated[
    str, typer.Option(help="0: the likeliest token each time; a number; or fastchat: 0 to 0.7 by category, as MT-Bench is asked.")
]
Seed = Annotated[int, typer.Option(help="What answers are drawn from at a temperature above 0.")]
Limit = Annotated[int | None, typer.Option(help="The first so many questions of each set.", min=1)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask all anew; else answers that were kept are taken.")]
MODELS = ("base", "tuned")


def answer_sets(
    run: RunOrFolder = "last",
    on: On = "",
    data: Data = None,
    out: Out = None,
    only: Only = "",
    max_new_tokens: MaxNewTokens = 1024,
    temperature: Temperature = "0",
    seed: Seed = 0,
    limit: Limit = None,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Have base and tuned model answer open questions, for a judge or people to compare: see didact rate."""
    from didact.evals.question_sets import SETS, check_sets

    names = tuple(dict.fromkeys(name.strip() for name in on.split(",") if name.strip()))
    if not names:
        raise typer.BadParameter(f"--on says what is asked: {', '.join(SETS)}, with commas between; or files of questions")
    if only and only not in MODELS:
        raise wrong_usage("model of a run", only, MODELS)
    heat = _temperature(temperature)
    check_sets(names)
    from didact.answering import Wanted, answer, answer_exported
    from didact.apps.chat import is_model
    from didact.run import find_run
    from didact.train.signals import ended_by_sigterm

    wanted = Wanted(names, data, out, only, max_new_tokens, heat, seed, limit, fresh)
    try:
        with ended_by_sigterm(), asking_bar() as hear:
            if is_model(Path(run)):
                if only:
                    raise typer.BadParameter(f"--only {only}: {run} is one model alone")
                result = answer_exported(Path(run), wanted, say=say, on_rows=hear)
            else:
                result = answer(find_run(run), wanted, say=say, on_rows=hear)
    except KeyboardInterrupt as asked:
        say(f"stopped; what was answered is kept, and {'the same command without --fresh' if fresh else 'the same command'} goes on")
        raise typer.Exit(getattr(asked, "exit_code", 130)) from None
    put_json(result) if as_json else put(_table(result))
    if not as_json:
        _say_next(result)


def _temperature(text: str) -> float | None:
    if text == "fastchat":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise typer.BadParameter(f"--temperature {text}: a number from 0 to 2, or fastchat")
    return value


def _table(result: dict[str, Any]) -> str:
    from didact.apps.console import terminal_width
    from didact.apps.views import table

    rows = [
        {
            "set": name,
            "model": model,
            "asked": one["num_asked"],
            "answered": one["num_answered"],
            "empty": one["num_empty"],
            "cut": one["num_cut"],
            "characters": None if one["mean_characters"] is None else round(one["mean_characters"]),
        }
        for name, about in result["sets"].items()
        for model, one in about["models"].items()
    ]
    return table(rows, ("set", "model", "asked", "answered", "empty", "cut", "characters"), terminal_width())


def _say_next(result: dict[str, Any]) -> None:
    """Says what the columns leave open, where the answers are, and how they are judged."""
    for name, about in result["sets"].items():
        for model, one in about["models"].items():
            if number := one["num_shortened"]:
                turns = "turns" if one["num_asked"] > about["num_questions"] else "questions"
                how = "old turns are left out, then the middle of the question" if turns == "turns" else "the middle of them is left out"
                say(f"{name}: {number:,} of {one['num_asked']:,} {turns} are too long for {model}: {how}")
    folders = [f"{result['folder']}/{name}" for name in result["sets"]]
    say(f"answers: {', '.join(folders)}")
    if all(len(about["files"]) > 1 for about in result["sets"].values()):
        say(f"next: didact rate {folders[0]} --judge URL --model NAME")
