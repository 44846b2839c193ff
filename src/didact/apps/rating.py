"""The verb `rate`: answers rated by people on blind sheets, by rule, or by a judge, and what comes on the screen."""

from pathlib import Path
from typing import Annotated, Any

import typer

from didact.apps.arguments import Json, examples
from didact.apps.console import asking_bar, put, put_json, say

EPILOG = examples(
    "didact rate recipes/demo/answers/copies.jsonl recipes/demo/answers/thinks.jsonl --out sheets",
    "didact rate recipes/demo/answers/copies.jsonl recipes/demo/answers/thinks.jsonl --by rule --json",
)
Targets = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...|FOLDER",
        help="Files of answers, one for each model, or a set's folder of didact answer; or a folder of sheets, for what raters say; or "
        "stored preferences of AlpacaEval.",
    ),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the sheets, or for what a judge says (then: judged).")]
By = Annotated[str, typer.Option(help="rule: levels from words in common with a reference, to try a sheet out.")]
JudgeName = Annotated[str, typer.Option(help="A server's address, a run, an exported folder; or longer or first: rules to try it with.")]
Model = Annotated[str, typer.Option(help="The judge's name at the server.")]
KeyEnv = Annotated[str | None, typer.Option(help="The environment variable that holds the server's key.")]
Ten = Annotated[bool, typer.Option("--ten", help="The judge rates each answer from 1 to 10, in place of comparing pairs.")]
Seed = Annotated[int, typer.Option(help="What the order on the sheets, and the intervals, are drawn from.")]


def rate(
    targets: Targets,
    out: Out = None,
    by: By = "",
    judge: JudgeName = "",
    model: Model = "",
    key_env: KeyEnv = None,
    ten: Ten = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Rate answers: by people on blind sheets, by rule, or by a judge."""
    from didact.evals.answer_files import ABOUT, files_of

    if by not in ("", "rule"):
        raise typer.BadParameter(f"--by {by}; only rule is known, people rate on sheets: --out FOLDER")
    if by and judge:
        raise typer.BadParameter("--by and --judge: one of them")
    if ten and not judge:
        raise typer.BadParameter("--ten is for a judge: --judge URL --model NAME")
    sets = sorted(path.parent for path in targets[0].glob(f"*/{ABOUT}"))
    if sets:
        raise typer.BadParameter(f"{targets[0]} holds answers to {len(sets)} sets; they are rated one by one: didact rate {sets[0]} ...")
    if (targets[0] / ABOUT).is_file():
        out = out or (targets[0] / "judged" if judge else None)
        targets = [file for target in targets for file in (files_of(target) if target.is_dir() else [target])]
    if targets[0].is_dir():
        if len(targets) > 1 or out or ten:
            raise typer.BadParameter(f"{targets[0]} is a folder of sheets: it is reported on alone, or with --by rule or --judge")
        result, text = _sheet_report(targets[0], by, seed)
        if judge:
            result["judge"], said = _beside_people(targets[0], judge, model, key_env, seed)
            text += f"\n\n{said}"
    elif judge:
        result, text = _judged(targets, out or Path("judged"), judge, model, key_env, ten, seed)
    elif _holds_preferences(targets[0]):
        result, text = _stored(targets)
    elif by or out:
        result, text = _sheets(targets, out, by, seed)
    else:
        raise typer.BadParameter("nothing to do with these answers; blind sheets: --out FOLDER, a rule: --by rule, a judge: --judge URL")
    put_json(result) if as_json else put(text)


def _read(paths: list[Path]) -> list[Any]:
    """Returns the answers of the files that hold answers; one that holds questions alone says what FastChat's answers are about."""
    from didact.evals.user_instructions import is_answered, questions_by_number, read_answers, rows_of

    firsts = {path: next((row for _, row in rows_of(path)), {}) for path in paths}
    questions: dict[str, Any] = {}
    for path in (path for path in paths if firsts[path] and not is_answered(firsts[path])):
        questions |= questions_by_number(path)
    return [read_answers(path, questions) for path in paths if not firsts[path] or is_answered(firsts[path])]


def _sheets(paths: list[Path], out: Path | None, by: str, seed: int) -> tuple[dict[str, Any], str]:
    from didact.apps.rating_tables import ratings_text
    from didact.evals.ratings import report
    from didact.evals.sheets import blind_sheet, write_sheet

    sheet = blind_sheet(_read(paths), seed=seed)
    if out:
        write_sheet(sheet, out)
        _say_sheet(out)
    if by:
        ratings = _by_rule(sheet.rows, out)
        result = report(sheet.key, {"rule": ratings}, seed=seed)
        return result, ratings_text(result)
    num_rows, models = len(sheet.rows), sheet.key["models"]
    result = {"folder": str(out), "sheet": sheet.key["sheet"], "num_rows": num_rows, "models": models}
    return result, f"{out}: {num_rows:,} answers of {len(models)} models to {num_rows // len(models):,} questions"


def _say_sheet(out: Path) -> None:
    say(f"rate on {out / 'sheet.html'} (or in sheet.csv) without a look at key.json, and put the files into {out / 'ratings'}")
    say(f"next: didact rate {out}")


def _sheet_report(folder: Path, by: str, seed: int) -> tuple[dict[str, Any], str]:
    from didact.apps.rating_tables import ratings_text
    from didact.evals.ratings import all_ratings, report
    from didact.evals.sheets import read_key, read_rows

    key = read_key(folder)
    if by:
        _by_rule(read_rows(folder), folder)
    result = report(key, all_ratings(folder), seed=seed)
    return result, ratings_text(result)


def _by_rule(rows: Any, folder: Path | None) -> dict[str, str]:
    from didact.base.files import write_jsonl
    from didact.evals.rule_rater import rule_ratings

    say("by rule: words in common with one reference answer; a stand-in for people, no measure of quality")
    if num_open := sum(not row["reference"] for row in rows):
        say(f"by rule: {num_open:,} of {len(rows):,} answers have no reference beside them, and are B where they are any answer at all")
    found = rule_ratings(rows)
    if folder is not None:
        path = folder / "ratings" / "rule.jsonl"
        write_jsonl(path, ({"sheet": row["sheet"], "row": row["row"], **_level(found[row["row"]])} for row in rows))
    return {row: rule.level for row, rule in found.items()}


def _level(rule: Any) -> dict[str, str]:
    return {"rating": rule.level, "note": rule.why, "rater": "rule"}


def _judged(paths: list[Path], out: Path, judge: str, model: str, key_env: str | None, ten: bool, seed: int) -> tuple[dict[str, Any], str]:
    from didact.apps.rating_tables import pairs_text, tens_text
    from didact.base.files import write_json
    from didact.evals.judge import pairs_report, ratings_report
    from didact.evals.user_instructions import answered_by_all

    many, asked_of = _read(paths), _judge(judge, model, key_env)
    num_questions = len(answered_by_all(many))
    total = num_questions * (len(many) if ten else len(many) * (len(many) - 1))
    cache = out / "judgements.jsonl"
    with asking_bar() as hear:

        def done(count: int) -> None:
            hear("the judge", total, count)

        result = (
            ratings_report(asked_of, many, cache=cache, seed=seed, done=done)
            if ten
            else pairs_report(asked_of, many, cache=cache, done=done)
        )
    write_json(out / "report.json", result)
    say(f"judgements: {cache}; the same command asks only for what is missing")
    return result, tens_text(result) if ten else pairs_text(result)


def _beside_people(folder: Path, judge: str, model: str, key_env: str | None, seed: int) -> tuple[dict[str, Any], str]:
    """Returns what a judge says of the answers on a sheet, and how far it agrees with those who rated them."""
    from didact.apps.rating_tables import pairs_text, spread
    from didact.evals.judge import judge_all, report_of
    from didact.evals.judge_agreement import agree, outcomes_of, outcomes_of_people
    from didact.evals.ratings import all_ratings
    from didact.evals.sheets import answers_of, read_key

    many, asked_of = answers_of(folder), _judge(judge, model, key_env)
    total = len(many[0].items) * len(many) * (len(many) - 1)
    with asking_bar() as hear:
        verdicts = judge_all(asked_of, many, cache=folder / "judgements.jsonl", done=lambda count: hear("the judge", total, count))
    people = outcomes_of_people(read_key(folder), all_ratings(folder))
    found = agree(outcomes_of(verdicts), people, names=("judge", "raters"), seed=seed)
    result = {**report_of(asked_of.name, many, verdicts), "with_raters": found}
    told = f"{found['num_pairs']:,} pairs, the judge and the raters: "
    for pair in found["agreement"]["pairs"]:
        told += f"alike in {spread(pair['exact'])} %, Cohen's kappa {spread(pair['kappa'], 2)}; "
    told += f"the same winner where both name one ({found['without_ties']['num_pairs']:,}): {spread(found['without_ties'])} %"
    return result, f"{pairs_text(result)}\n\n{told}"


def _judge(name: str, model: str, key_env: str | None) -> Any:
    from didact.evals.judges import EndpointJudge, LocalJudge, first_wins, longer_wins

    if name in ("longer", "first"):
        return longer_wins() if name == "longer" else first_wins()
    if "://" in name:
        from didact.models.endpoint import Endpoint

        if not model:
            raise typer.BadParameter(f"--judge {name} needs --model: the judge's name there")
        return EndpointJudge(Endpoint(name, key_env=key_env), model)
    local, called, length = _local(name)
    return LocalJudge(local, called, length=length)


def _local(name: str) -> tuple[Any, str, int]:
    """Returns the model of a run or of an exported folder, its name, and how many tokens it holds."""
    from didact.models.saved_format import FORMAT_FILE
    from didact.run import find_run

    run = None if (Path(name) / FORMAT_FILE).is_file() else find_run(name)
    from didact.models.load import load_checkpoint
    from didact.models.local import LocalModel
    from didact.models.precision import pick_device, pick_precision
    from didact.models.pretrained import positions_of
    from didact.train.checkpoint import newest

    loaded, device = load_checkpoint(Path(name) if run is None else newest(run.checkpoints)), pick_device()
    length = (positions_of(loaded.model.config) or 2048) if run is None else run.recipe().sequence.max_length
    precision = pick_precision("auto", device) if device.type == "cuda" else "fp32"
    return LocalModel(loaded, device, precision), name if run is None else run.name, length


def _holds_preferences(path: Path) -> bool:
    from didact.evals.user_instructions import rows_of

    return "preference" in next((row for _, row in rows_of(path)), {})


def _stored(paths: list[Path]) -> tuple[dict[str, Any], str]:
    from didact.apps.rating_tables import pairs_text
    from didact.evals.user_instructions import rows_of
    from didact.evals.win_rates import stored_win_rate

    pairs = [stored_win_rate([row for _, row in rows_of(path)], str(path)) for path in paths]
    result = {"pairs": pairs}
    return result, pairs_text(result)
