"""The `sparkads` command as a process of its own, run by the label's admin unless a test says otherwise."""

from collections.abc import Callable, Coroutine
from typing import Any

from tests.conftest import PYTHON, Label, Ran, run_command
from workers.local import Stack

SparkAdsCommand = Callable[..., Coroutine[Any, Any, Ran]]


def command_of(stack: Stack, label: Label) -> SparkAdsCommand:
    """Run it against the stack."""

    async def run(*words: object, **more: str) -> Ran:
        environment = {**stack.environment, "SPARKADS_ACTOR": label.admin, **more}
        return await run_command(PYTHON, "-m", "sparkads", *map(str, words), environment=environment)

    return run
