"""The teacher that a recipe names: a server, a model in this process by transformers or by vLLM, or a fake."""

from didact.base.synth_section import Teacher
from didact.models.endpoint import Endpoint
from didact.synth.backend import Backend
from didact.synth.fake import SCRIPTS, Fake, Faults
from didact.synth.remote import Remote


def backend_of(teacher: Teacher, seed: int = 0) -> Backend:
    """Returns who answers; a server is not asked anything yet, a local model is loaded.

    Args:
        teacher: The recipe's `teacher`.
        seed: A fake's faults are drawn from it.

    Raises:
        RecipeError: The address, the script or a fault's name is wrong.
        PrerequisiteError: The environment does not hold the key, or vLLM is not installed.
        ModelError: A local model cannot be loaded.

    >>> backend_of(Teacher()).address
    'fake:'
    """
    if teacher.backend == "endpoint":
        endpoint = Endpoint(teacher.url, key_env=teacher.key_env or None, timeout_s=teacher.timeout_s)
        return Remote(endpoint, teacher.model)
    if teacher.backend == "fake":
        # The script's name goes along, so that another one's answers are not taken for this one's.
        return Fake(SCRIPTS[teacher.script], Faults(teacher.faults, seed=seed), latency_s=teacher.latency_s, model=f"fake {teacher.script}")
    if teacher.backend == "vllm":
        from didact.synth.vllm import open_vllm

        return open_vllm(teacher.model, revision=teacher.revision, seed=seed)
    from didact.synth.local import open_local  # torch and transformers, which nobody else needs

    return open_local(teacher.model, revision=teacher.revision, chat_format=teacher.chat_format, seed=seed)
