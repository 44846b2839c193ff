"""Instruction back-translation: texts as answers, instructions found for them by a backward model, pairs curated by their expected rating.

The models are trained by didact itself, from recipes that follow one another:

1. `method: seed_rows` with `direction: backward` writes (answer, request) rows, on which `didact train` makes the backward model; with
   `direction: forward` the tagged seed rows, on which it makes the first forward model, M0.
2. `method: backtranslate` with `curate: false`, the backward model as teacher and texts as source, writes candidates.
3. `method: curate` with M0 as teacher and all candidates as source keeps the best; M1 is trained on these and the seed rows.
4. The same again with M1 as teacher, on all candidates again; M2 is the second iteration's model.

With one strong teacher, `method: backtranslate` does 2 and 3 at once.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from didact.base.chance import permutation
from didact.base.config import Section
from didact.base.errors import DataError
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Chain, Failed, Program, Reply, Sampling
from didact.synth.fates import Fate, answer_of, asked, lost, outcome_of, slots, starting_rows
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.ratings import LEVELS, Rating, expected_rating, sampled_rating
from didact.synth.segments import LONGEST, SHORTEST, segment_fault, segments_of
from didact.synth.unwrap import labels, unwrapped
from didact.synth.wordings import wordings

Count = Annotated[int, Field(ge=1)]
Tag = Literal["seed", "web", "none"]
_LABEL = labels("instruction|request|question|prompt|task|user|query|what was asked")
_MOST_WORDS = 150


class CurateSettings(Section):
    """How pairs are rated."""

    least: Annotated[float, Field(ge=1, le=5)] = 4.5
    """Least expected rating of a pair that is kept; 4 keeps about five times as many."""
    num_samples: Annotated[int, Field(ge=0)] = 0
    """For servers that tell no token probabilities: the mean of so many drawn ratings stands in. 0: such a pair is dropped."""
    tag: Tag = "web"
    """The sentence that tells where an answer comes from, put behind the request of each kept row."""


class BacktranslateSettings(CurateSettings):
    """What back-translation can be told."""

    shortest: Count = SHORTEST
    """Fewest characters of a text."""
    longest: Count = LONGEST
    """Most."""
    curate: bool = True
    """Rate each pair with the same teacher; false for a backward model, which can do nothing else."""
    num_shown: Annotated[int, Field(ge=0)] = 0
    """Seed tasks, answer first, that each request shows; for a teacher that was not trained for this."""


class SeedRowsSettings(Section):
    """What rows of people are written as."""

    direction: Literal["forward", "backward"] = "forward"
    """forward: request, then answer; backward: the answer, then the request."""
    tag: Tag = "seed"
    """For forward: the sentence behind each request."""


def backtranslate(job: Job) -> Program:
    """Returns the program: segments of the source's texts, a request for each, and their ratings.

    Source: Li et al. (2023), Self-Alignment with Instruction Backtranslation, arXiv 2308.06259: 600 to 3,000 characters, temperature 0.7,
    top_p 0.9, ratings of 4.5 and more.
    """
    settings = settings_of(job, BacktranslateSettings)
    fates, found = list[Fate](), list[Row]()
    for one in _segments(job, settings):
        if isinstance(one, Row):
            found.append(one)
        else:
            fates.append(one)
        if len(found) == job.num_rows:
            break
    shown = list[Message]()
    for _, seed, _ in slots(starting_rows(Job(seeds=job.seeds)), settings.num_shown, job.seed, "backtranslate"):
        shown += [Message("user", _backward(answer_of(seed))), Message("assistant", asked(seed))]
    ended = yield {row.id: _instruction(job, settings, row, shown) for row in found}
    return outcome_of([*fates, *ended.values()])


def curate(job: Job) -> Program:
    """Returns the program that rates the pairs of a source and keeps the best; its rows keep their ids.

    Source: as `backtranslate`; every iteration rates all candidates again, with the model of the one before.
    """
    settings = settings_of(job, CurateSettings)
    rows = list(job.examples) or starting_rows(job)
    ended = yield {row.id: _rated(job, settings, _pair(row, without_tag(asked(row)), answer_of(row))) for row in rows[: job.num_rows]}
    return outcome_of(ended.values())


def seed_rows(job: Job) -> Program:
    """Returns the program that writes seed tasks, or a source, as rows to train on; it asks nothing.

    Source: as `backtranslate`, section 2: the backward model learns the request from the answer.
    """
    settings = settings_of(job, SeedRowsSettings)
    yield {}
    rows = list[Row]()
    for row in starting_rows(job)[: job.num_rows]:
        request, answer = asked(row), answer_of(row)
        turns = (_backward(answer), request) if settings.direction == "backward" else (tagged(request, settings.tag), answer)
        about = {"instruction": request, "input": "", "output": answer}
        said = (Message("user", turns[0]), Message("assistant", turns[1]))
        rows.append(Row(f"{row.id}/{settings.direction}", said, (row.id,), settings.direction, about=about))
    return Outcome(tuple(rows))


def tagged(request: str, tag: Tag) -> str:
    r"""Returns a request with the sentence that tells where its answer comes from.

    >>> tagged("Name a river.", "seed")
    'Name a river.\n\nAnswer as a helpful assistant does.'
    """
    return request if tag == "none" else f"{request}\n\n{wordings('backtranslate')['tags'][tag]}"


def without_tag(request: str) -> str:
    """Returns a request without that sentence.

    >>> without_tag(tagged("Name a river.", "web"))
    'Name a river.'
    """
    for sentence in wordings("backtranslate")["tags"].values():
        request = request.removesuffix(f"\n\n{sentence}")
    return request


def parse_request(text: str, finish: str = "stop") -> tuple[str, str]:
    """Returns the request that a backward model wrote, and why it cannot be used: empty where it can.

    >>> parse_request('**Instruction:** "How do rivers begin?"'), parse_request("How do", "length")[1]
    (('How do rivers begin?', ''), 'cut off')
    """
    request = unwrapped(text, _LABEL)
    if finish == "length":
        return request, "cut off"
    if not any(sign.isalpha() for sign in request):
        return request, "no request in the reply"
    return request, f"request longer than {_MOST_WORDS} words" if len(request.split()) > _MOST_WORDS else ""


def _segments(job: Job, settings: BacktranslateSettings) -> Iterator[Fate]:
    """Yields segments and those that are refused, documents in an order by chance."""
    rows = list(job.examples)
    if not rows:
        raise DataError("no texts to find requests for", expected="a `source` of reader text or messages", remedy="didact ls readers")
    for number in permutation(len(rows), job.seed, "synth", "backtranslate").tolist():
        row = rows[number]
        text = str(row.about.get("text") or answer_of(row))
        for place, segment in enumerate(segments_of(text, settings.shortest, settings.longest)):
            about = {"output": segment.text, **({"heading": segment.header} if segment.header else {})}
            made = Row(f"{row.id}@{place}", parents=(row.id,), operation="backtranslate", about=about)
            fault = segment_fault(segment, settings.shortest, settings.longest)
            yield Dropped(made, fault) if fault else made


def _backward(text: str) -> str:
    return str(wordings("backtranslate")["backward"]).format(text=text)


def _instruction(job: Job, settings: BacktranslateSettings, row: Row, shown: list[Message]) -> Chain:
    """Returns a segment with the request that it answers."""
    text = str(row.about["output"])
    # Source: arXiv 2308.06259, appendix: one request for each text, temperature 0.7, top_p 0.9.
    reply = yield Ask("request", (*shown, Message("user", _backward(text))), sampling=Sampling(0.7, 0.9, 256))
    hashed = fingerprint(wordings("backtranslate")["backward"], settings.num_shown)
    row = Row(row.id, row.messages, row.parents, row.operation, hashed, about=row.about)
    if isinstance(reply, Failed):
        return lost(row, reply)
    request, fault = parse_request(reply.text, reply.finish)
    pair = _pair(Row(row.id, (), row.parents, row.operation, hashed, reply.model, about=row.about), request, text)
    if not fault and " ".join(request.split()) in " ".join(text.split()):
        fault = "request is copied from the text"
    if fault:
        return Dropped(pair, fault)
    if not settings.curate:
        return _with_tag(pair, settings.tag)
    return (yield from _rated(job, settings, pair))


def _pair(row: Row, request: str, answer: str) -> Row:
    turns = (Message("user", request), Message("assistant", answer))
    about = {**row.about, "instruction": request, "input": "", "output": answer}
    return Row(row.id, turns, row.parents, row.operation, row.prompt_hash, row.model, row.scores, about)


def _with_tag(row: Row, tag: Tag) -> Row:
    turns = (Message("user", tagged(str(row.about["instruction"]), tag)), row.messages[1])
    return Row(row.id, turns, row.parents, row.operation, row.prompt_hash, row.model, row.scores, row.about)


def _rated(job: Job, settings: CurateSettings, row: Row) -> Chain:
    """Returns a pair with its rating, or why it is not kept."""
    said: dict[str, Any] = wordings("backtranslate")
    pair = said["rate_pair"].format(instruction=row.about["instruction"], output=row.about["output"])
    form = said["rate_reasons"] if job.strict else said["rate_digit"]
    turns = (Message("user", f"{said['rate']}{form}\n\n{pair}"),)
    replies = list[Reply]()
    for sample in range(settings.num_samples or 1):
        drawn = Sampling(
            float(settings.num_samples > 0), max_tokens=300 if job.strict else 4, top_logprobs=None if settings.num_samples else 20
        )
        reply = yield Ask("rate", turns, sampling=drawn, sample=sample)
        if isinstance(reply, Failed):
            return lost(row, reply)
        replies.append(reply)
    rating = _read(replies, settings, strict=job.strict)
    if rating is None:
        told = any(reply.top_logprobs for reply in replies) or settings.num_samples
        return Dropped(row, "no rating in the reply" if told else "no token probabilities: set num_samples")
    scores = {**row.scores, "rating": round(rating.score, 6), "rating_mass": round(rating.mass, 6)}
    row = Row(row.id, row.messages, row.parents, row.operation, row.prompt_hash, row.model, scores, row.about)
    return _with_tag(row, settings.tag) if rating.score >= settings.least else Dropped(row, f"rated below {settings.least:g}")


def _read(replies: list[Reply], settings: CurateSettings, *, strict: bool) -> Rating | None:
    if settings.num_samples:
        texts = [reply.text.rpartition("core:")[2] if strict else reply.text for reply in replies]
        return sampled_rating(texts, LEVELS)
    return expected_rating(replies[0].top_logprobs, LEVELS, last=strict)
