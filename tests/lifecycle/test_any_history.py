"""Whatever happens to a Business Center, in whatever order, and whoever dies meanwhile: what has to hold, holds."""

import asyncio

import pytest
from history_play import Center
from history_settled import Settled
from history_steps import History, histories
from hypothesis import HealthCheck, Phase, given, note, settings
from mortal_worker import MortalWorker, end_all

from sparkads.client import SparkAds
from store.database import Pool
from tests.conftest import Simulator, make_label, stop_sweeping

LONGEST = 15
FEW = 6
"""The same ones each time: new ones are looked for with the profile `long`."""
IS_LONG = settings.get_current_profile_name() == "long"
EXAMPLES = settings().max_examples if IS_LONG else FEW
SHRINK = (Phase.shrink,) if IS_LONG else ()
"""To make a failing history shorter takes many minutes; the blob that is printed plays it again."""
SECONDS_EACH = 60
"""At most: a history with a killed worker or two."""


@pytest.mark.timeout(EXAMPLES * SECONDS_EACH + 300)
async def test_any_history(simulator: Simulator, hasty: tuple[SparkAds, MortalWorker], db: Pool) -> None:
    # R1, R2, R3, R6, R9, R10, R11, R15
    spark, worker = hasty
    loop = asyncio.get_running_loop()

    async def play(history: History) -> None:
        center = Center(await make_label(simulator, spark, db), db, worker)
        try:
            await center.open()
            for step in history:
                await center.play(step)
            await Settled(center).check()
        finally:
            await end_all(spark.temporal)
            await stop_sweeping()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not IS_LONG,
        print_blob=True,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, *SHRINK],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(LONGEST))
    def histories_hold(history: History) -> None:
        note(f"history: {history}")
        asyncio.run_coroutine_threadsafe(play(history), loop).result()

    await asyncio.to_thread(histories_hold)
