"""From roles to loss weights: weighted instruction tuning, its factors, and the targets of the other objectives.

Roles and the data's own factors are stored with the tokens, weights are applied here, at collation: one tokenised row serves every
(λp, λr). A token weighs λp or λr, times the factors of who speaks, of the chat format's words, of its turn and its part of that, of
its example and its task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache

import numpy as np

from didact.base.errors import RecipeError
from didact.base.objective_sections import RoleWeights
from didact.base.recipe import Objective
from didact.base.roles import CONTEXT, FORMAT, PROMPT, RESPONSE, SYSTEM, TOOL
from didact.data.tokenised import TokenisedExample


def loss_weights(roles: np.ndarray, objective: Objective, *, plain: bool = False) -> np.ndarray:
    """Returns the weight of each token as a target, float32 (T,): λp for prompts, λr for responses, 0 for ignored ones, by who speaks.

    The first token of a row is nobody's target, so its weight is 0 whatever its role.

    Args:
        roles: uint8 (T,), see `TokenisedExample`.
        objective: The recipe's section.
        plain: The row is plain text, which belongs to nobody.

    Raises:
        RecipeError: `prompt_weight` is `auto`, and has not been chosen yet.

    Source: WIT, arXiv 2507.07817, Eq. 2.

    >>> loss_weights(np.array([1, 1, 2, 2]), Objective(prompt_weight=0.25)).tolist()
    [0.0, 0.25, 1.0, 1.0]
    >>> loss_weights(np.array([9, 1, 9, 3, 2]), Objective(prompt_weight=0.25, role_weights={"system": 2}, format_weight=0)).tolist()
    [0.0, 0.25, 0.0, 0.5, 1.0]
    """
    table = _table(objective.prompt_weight, objective.response_weight, objective.role_weights, objective.format_weight, plain)
    weights: np.ndarray = table[roles]
    if objective.train_on == "last":
        weights[(roles == RESPONSE) & (np.arange(len(roles)) < last_response(roles))] = table[PROMPT if plain else CONTEXT]
    weights[:1] = 0.0
    return weights


@lru_cache(maxsize=16)
def _table(prompt: float | str, response: float, by: RoleWeights, of_format: float | None, plain: bool) -> np.ndarray:
    """Returns the weight of each role, float32 (16,); roles that do not exist weigh nothing."""
    if isinstance(prompt, str):
        raise RecipeError(f"objective.prompt_weight is '{prompt}', and no weight has been chosen", remedy="objective.prompt_weight=0.1")
    table = np.zeros(2 * FORMAT, np.float64)
    said = {PROMPT: by.user, SYSTEM: by.system, TOOL: by.tool, CONTEXT: by.assistant}
    for role, factor in said.items():
        table[role] = prompt * (by.text if plain else factor)
        table[role | FORMAT] = table[role] * (1.0 if of_format is None else of_format)
    table[RESPONSE] = response * (by.text if plain else by.assistant)
    return table.astype(np.float32)


def last_response(roles: np.ndarray) -> int:
    """Returns where the last response begins; the length where there is none.

    >>> last_response(np.array([1, 2, 2, 1, 2, 2, 1]))
    4
    """
    inside = np.flatnonzero(roles == RESPONSE)
    if not len(inside):
        return len(roles)
    breaks = np.flatnonzero(np.diff(inside) > 1)
    return int(inside[breaks[-1] + 1] if len(breaks) else inside[0])


def target_weights(example: TokenisedExample, objective: Objective) -> np.ndarray:
    """Returns the weight of each token as a target, float32: of the decoder's tokens, of an encoder's labels, or of the row itself.

    >>> row = TokenisedExample(np.array([5, 6, 7]), np.array([2, 2, 2]), None, num_prefix=2)
    >>> target_weights(row, Objective(kind="prefix")).tolist()
    [0.0, 0.0, 1.0]
    >>> row = TokenisedExample(np.array([5, 6, 7]), np.array([1, 2, 2]), None, weights=np.array([1, 1, 0.5]), weight=0.5)
    >>> target_weights(row, Objective()).tolist()
    [0.0, 0.5, 0.25]
    """
    by = objective.role_weights
    written = objective.response_weight * (by.text if example.plain else by.assistant)
    if example.target_ids is not None:
        weights = np.full(len(example.target_ids), written, np.float32)
    elif example.labels is not None:
        weights = np.where(example.labels >= 0, written, 0.0).astype(np.float32)
    else:
        weights = loss_weights(example.roles, objective, plain=example.plain)
        weights[: example.num_prefix] = 0.0  # what is seen by tokens before it cannot be predicted by them
    if example.weights is not None:
        weights *= example.weights.astype(np.float32, copy=False)
    if example.weight != 1:
        weights *= np.float32(example.weight)
    return weights


def num_predictions(example: TokenisedExample, objective: Objective) -> int:
    """Returns the predictions of non-zero weight; telling whether a text follows is one."""
    return int(np.count_nonzero(target_weights(example, objective))) + (example.next_segment >= 0)


def task_weight(task: str, weights: Mapping[str, float]) -> float:
    """Returns the factor of a task: the product of all whose name or glob meets it.

    >>> task_weight("superni/task1", {"superni/*": 0.5, "*1": 3})
    1.5
    """
    return float(np.prod([factor for glob, factor in weights.items() if fnmatchcase(task, glob)]))


def check_task_weights(tasks: Sequence[str], objective: Objective) -> None:
    """Looks whether every key of `task_weights` meets a task that is trained on.

    Raises:
        RecipeError: One meets none.
    """
    for glob in objective.task_weights:
        if not any(fnmatchcase(task, glob) for task in tasks):
            shown = ", ".join(tasks[:10]) + (f" and {len(tasks) - 10:,} more" if len(tasks) > 10 else "")
            raise RecipeError(
                f"no task that is trained on is called '{glob}'",
                where="objective.task_weights",
                expected=f"a name or a glob of one of: {shown}",
                remedy="put the key right, or leave it out",
            )


def weighed(examples: Sequence[TokenisedExample], objective: Objective) -> Sequence[TokenisedExample]:
    """Returns the examples with the factor of their task in their own."""
    if not objective.task_weights:
        return examples
    tasks = {example.origin.task for example in examples}
    factors = {task: task_weight(task, objective.task_weights) for task in tasks}
    return [replace(example, weight=example.weight * factors[example.origin.task]) for example in examples]
