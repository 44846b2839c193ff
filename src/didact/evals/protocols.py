"""Protocols: how a benchmark is asked, as those who publish scores ask it. Shots, reasoning, likeliest choice or written answer.

    didact eval last --on mmlu,bbh_cot,superglue/cb

Source: of the numbers of shots Chung et al. 2022, arXiv 2210.11416, section 2.3 (MMLU 5, BBH 3, TyDiQA 1, MGSM 8); of each benchmark
its own paper, named beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from didact.base.errors import RecipeError, did_you_mean
from didact.base.evaluate_section import EvaluateSection
from didact.evals.question_sets import SETS
from didact.prompts.template import Template
from didact.tasks.benchmarks.registry import matching

LM_EVAL = "lm_eval:"
"""What stands before the name of a task of EleutherAI's lm-eval, asked through that library."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one benchmark is asked."""

    name: str
    """What a user types behind `--on`."""
    benchmarks: tuple[str, ...]
    """Benchmarks, collections or globs: what is read."""
    split: str = "validation"
    """The split that scores are published on; where a benchmark has none of this name, its usual one."""
    shots: int = 0
    """Demonstrations before each question."""
    shown: Literal["dev", "published", "train"] = "published"
    """Where they come from: the first rows of a split of their own, those that were published with the benchmark, or drawn rows."""
    cot: bool = False
    """Ask for the reasoning first."""
    asked: tuple[Literal["generate", "rank"], ...] = ("generate",)
    """Whether the answer is written, or the likeliest of the row's choices is taken; the first one is the score of record."""
    norm: str = "sum"
    """What makes a choice the likeliest: see evals/options.py."""
    template: str = ""
    """The wording of record; empty: the first that fits."""
    max_new_tokens: int = 32
    """A written answer is cut after this many tokens."""
    stops: tuple[str, ...] = ()
    """Texts at which a written answer ends: behind demonstrations, a base goes on with questions of its own."""
    metrics: tuple[str, ...] = ()
    """Metrics of rows besides the benchmark's own."""
    source: str = ""
    """Who asks it so."""


MMLU_DIRECT = Template(
    "mmlu/canonical",
    ("mmlu/*",),
    prompt="{{ question }}\n{% for choice in choices %}{{ 'ABCD'[loop.index0] }}. {{ choice }}\n{% endfor %}Answer:",
    # Of two options that say the same, the first one's letter.
    response="{% for choice in choices %}{% if choice == target and target not in choices[:loop.index0] %}"
    "{{ 'ABCD'[loop.index0] }}{% endif %}{% endfor %}",
    system="The following are multiple choice questions (with answers) about {{ subject | replace('_', ' ') }}.",
    default=False,
)
MMLU_REASONS = Template(
    "mmlu/canonical_cot",
    ("mmlu/*",),
    prompt="Q: {{ question }}\n{% for choice in choices %}({{ 'ABCD'[loop.index0] }}) {{ choice }}{{ '' if loop.last else ' ' }}"
    "{% endfor %}\nA: Let's think step by step.",
    response="{{ rationale }} The answer is {% for choice in choices %}{% if choice == target and target not in choices[:loop.index0] %}"
    "({{ 'ABCD'[loop.index0] }}){% endif %}{% endfor %}.",
    system="The following are multiple choice questions (with answers) about {{ subject | replace('_', ' ') }}.",
    style="cot",
    default=False,
)
BBH_DIRECT = Template("bbh/canonical", ("bbh/*",), prompt="Q: {{ input }}\nA:", system="{{ definition }}", default=False)
BBH_REASONS = Template(
    "bbh/canonical_cot",
    ("bbh/*",),
    prompt="Q: {{ input }}\nA: Let's think step by step.",
    response="{{ rationale }} So the answer is {{ target }}.",
    system="{{ definition }}",
    style="cot",
    default=False,
)
TEMPLATES = (MMLU_DIRECT, MMLU_REASONS, BBH_DIRECT, BBH_REASONS)
"""Wordings of record that the library has none of; `all` does not stand for them."""

_HENDRYCKS = "Hendrycks et al. 2021, arXiv 2009.03300"
_SUZGUN = "Suzgun et al. 2022, arXiv 2210.09261"
_SHI = "Shi et al. 2022, arXiv 2210.03057"
_BOTH: tuple[Literal["generate", "rank"], ...] = ("generate", "rank")
_RANK: tuple[Literal["generate", "rank"], ...] = ("rank",)

_ALL = (
    Protocol(
        "mmlu", ("mmlu",), "test", 5, "dev", asked=_RANK, norm="letter", template=MMLU_DIRECT.name, source=f"{_HENDRYCKS}, appendix A"
    ),
    Protocol(
        "mmlu_cot",
        ("mmlu",),
        "test",
        5,
        cot=True,
        template=MMLU_REASONS.name,
        max_new_tokens=256,
        stops=("\n\nQ:",),
        source="Chung et al. 2022",
    ),
    Protocol("bbh", ("bbh",), "test", 3, template=BBH_DIRECT.name, max_new_tokens=32, stops=("\n\n",), source=f"{_SUZGUN}, section 3"),
    Protocol(
        "bbh_cot",
        ("bbh",),
        "test",
        3,
        cot=True,
        template=BBH_REASONS.name,
        max_new_tokens=512,
        stops=("\n\nQ:",),
        source=f"{_SUZGUN}, section 3",
    ),
    Protocol(
        "tydiqa",
        tuple(f"tydiqa/{code}" for code in "ar bn fi id ko ru sw te".split()),
        shots=1,
        shown="train",
        template="squad/labelled",
        max_new_tokens=32,
        stops=("\n",),
        source="Clark et al. 2020, arXiv 2003.05002, gold passage task; eight languages without English as Chung et al. 2022",
    ),
    Protocol(
        "xquad",
        ("xquad",),
        shots=1,
        template="squad/labelled",
        max_new_tokens=32,
        stops=("\n",),
        source="Artetxe et al. 2020, arXiv 1910.11856",
    ),
    Protocol("mgsm", ("mgsm",), "test", 8, cot=True, template="mgsm/native_step_by_step", max_new_tokens=256, source=f"{_SHI}, section 3"),
    Protocol(
        "gsm8k", ("gsm8k",), "test", 8, "train", cot=True, template="gsm8k/step_by_step", max_new_tokens=256, source="arXiv 2110.14168"
    ),
    Protocol("truthfulqa", ("truthfulqa",), asked=_RANK, template="truthfulqa/bare", source="Lin et al. 2022, arXiv 2109.07958: MC1"),
    Protocol("glue", ("glue",), asked=_BOTH, max_new_tokens=16, source="Wang et al. 2018, arXiv 1804.07461"),
    Protocol("superglue", ("superglue",), asked=_BOTH, max_new_tokens=16, source="Wang et al. 2019, arXiv 1905.00537"),
    Protocol("ifeval", ("ifeval",), "train", max_new_tokens=1280, source="Zhou et al. 2023, arXiv 2311.07911"),
    Protocol("arc", ("arc",), "test", asked=_RANK, norm="per_byte", template="arc/question_alone", source="arXiv 1803.05457"),
    Protocol("openbookqa", ("openbookqa",), "test", asked=_RANK, norm="per_byte", template="openbookqa/bare", source="arXiv 1809.02789"),
    Protocol("sciq", ("sciq",), "test", asked=_RANK, norm="per_byte", template="multiple_choice/question_alone", source="arXiv 1707.06209"),
    Protocol(
        "commonsense_qa", ("commonsense_qa",), asked=_RANK, norm="per_byte", template="multiple_choice/question_alone", source="1811.00937"
    ),
    Protocol("piqa", ("piqa",), asked=_RANK, norm="per_byte", template="piqa/how", source="Bisk et al. 2020, arXiv 1911.11641"),
    Protocol("siqa", ("siqa",), asked=_RANK, norm="per_byte", template="siqa/story_question", source="Sap et al. 2019, arXiv 1904.09728"),
    Protocol("hellaswag", ("hellaswag",), asked=_RANK, norm="per_byte", template="hellaswag/continue", source="arXiv 1905.07830"),
    Protocol("winogrande", ("winogrande",), asked=_RANK, source="Sakaguchi et al. 2020, arXiv 1907.10641"),
)
PROTOCOLS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in _ALL}
"""Protocols by name."""
FLAN = ("mmlu", "mmlu_cot", "bbh", "bbh_cot", "tydiqa", "mgsm")
"""What `--on flan` stands for: the six parts of the normalised average of Chung et al. 2022."""
STAND_INS: Mapping[str, str] = {"tydiqa": "xquad"}
"""What asks alike where a part of a collection is not to be had; it is no part of the collection."""
_ON_TEST = ("snli", "anli", "ag_news", "imdb", "xsum", "cnn_dailymail", "e2e_nlg", "wmt", "paws")
"""Further benchmarks whose test rows have answers."""


def protocols(name: str) -> tuple[Protocol, ...]:
    """Returns how what a user names is asked: several protocols for `flan`, nothing where the name stands for no benchmark.

    A part of a benchmark is asked as the whole is; a benchmark without a protocol of its own is answered in writing, without shots.

    >>> [(one.name, one.shots, one.asked) for one in protocols("mmlu")]
    [('mmlu', 5, ('rank',))]
    >>> [(one.name, one.benchmarks, one.norm) for one in protocols("arc/easy")]
    [('arc/easy', ('arc/easy',), 'per_byte')]
    >>> protocols("no such benchmark")
    ()
    """
    if name == "flan":
        return tuple(PROTOCOLS[part] for part in FLAN)
    if name in PROTOCOLS:
        return (PROTOCOLS[name],)
    whole, _, part = name.partition("/")
    if part and whole in PROTOCOLS:
        known = PROTOCOLS[whole]
        of = f"{known.benchmarks[0].partition('/')[0]}/{part}"  # mmlu_cot/anatomy is mmlu/anatomy, asked to reason
        return (replace(known, name=name, benchmarks=(of,)),) if matching(of) else ()
    return (Protocol(name, (name,), "test" if whole in _ON_TEST else "validation"),) if matching(name) else ()


def check_posix(section: EvaluateSection) -> None:
    """Looks whether rows are asked in several wordings where POSIX is wanted.

    Raises:
        RecipeError: They are not.
    """
    if section.posix and section.templates == "record":
        expected = "rows in several wordings: that is what it compares"
        raise RecipeError(
            "POSIX of one wording", where="evaluate.posix", expected=expected, remedy="evaluate.templates=all, or --templates all"
        )


def check_asked(names: tuple[str, ...], levels: tuple[str, ...]) -> None:
    """Looks whether every name is a level, a protocol or a benchmark.

    Args:
        names: What to judge at, as a recipe or a user writes it.
        levels: Those that there are.

    Raises:
        RecipeError: One is none of them; the nearest name is shown.
    """
    for name in names:
        if name in SETS:
            expected = f"what a judge compares is answered first: didact answer RUN --on {name}"
            raise RecipeError(f"'{name}' has no right answers to count", expected=expected)
        if name not in levels and not name.startswith(LM_EVAL) and not protocols(name):
            known = (*levels, *PROTOCOLS, "flan", f"{LM_EVAL}TASK")
            remedy = f"one of: {', '.join(known)}; or a benchmark of didact ls tasks"
            raise RecipeError(f"no level or benchmark named '{name}'", expected=did_you_mean(name, known), remedy=remedy)
