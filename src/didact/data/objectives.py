"""From roles to loss weights: weighted instruction tuning, and the targets of the other objectives.

Roles are stored with the tokens, weights are applied here, at collation: one tokenised row serves every (λp, λr).
"""

import numpy as np

from didact.base.recipe import Objective
from didact.data.tokens import PROMPT, RESPONSE, TokenisedExample


def loss_weights(roles: np.ndarray, objective: Objective) -> np.ndarray:
    """Returns the weight of each token as a target, float32 (T,): λp for prompts, λr for responses, 0 for ignored ones.

    The first token of a row is nobody's target, so its weight is 0 whatever its role.

    Args:
        roles: uint8 (T,), see `TokenisedExample`.
        objective: The recipe's section.

    Source: WIT, arXiv 2507.07817, Eq. 2.

    >>> loss_weights(np.array([1, 1, 2, 2]), Objective(prompt_weight=0.25)).tolist()
    [0.0, 0.25, 1.0, 1.0]
    """
    table = np.array([0.0, objective.prompt_weight, objective.response_weight], np.float32)
    weights = table[roles]
    if objective.train_on == "last":
        weights[(roles == RESPONSE) & (np.arange(len(roles)) < last_response(roles))] = table[PROMPT]
    weights[:1] = 0.0
    return np.asarray(weights, np.float32)


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
    """
    if example.target_ids is not None:
        return np.full(len(example.target_ids), objective.response_weight, np.float32)
    if example.labels is not None:
        return np.where(example.labels >= 0, objective.response_weight, 0.0).astype(np.float32)
    weights = loss_weights(example.roles, objective)
    weights[: example.num_prefix] = 0.0  # what is seen by tokens before it cannot be predicted by them
    return weights


def num_predictions(example: TokenisedExample, objective: Objective) -> int:
    """Returns the predictions of non-zero weight; telling whether a text follows is one."""
    return int(np.count_nonzero(target_weights(example, objective))) + (example.next_segment >= 0)
