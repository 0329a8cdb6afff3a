"""The web application: API, consent page and control API on one port."""

from typing import Final

from aiohttp import web

from simulator.consent import Consent
from simulator.control import Control
from simulator.dispatch import Dispatcher
from simulator.seeding import Seed, apply_seed
from simulator.simulation import Simulation

SIMULATION: Final = web.AppKey("simulation", Simulation)
LARGEST_BODY: Final = 64 * 1024**2
"""Bytes of a JSON body or a seed; uploads are streamed and have limits of their own."""


def make_app(*, public_url: str = "", seed: Seed | None = None) -> web.Application:
    """A simulator as an aiohttp application.

    Args:
        public_url: Base of the addresses inside QR codes; by default what the first caller used.
        seed: What the world starts with.
    """
    simulation = Simulation(public_url)
    if seed is not None:
        apply_seed(simulation.world, seed)
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SIMULATION] = simulation

    async def drop_uploads(_: web.Application) -> None:
        simulation.world.drop_uploads()

    app.on_cleanup.append(drop_uploads)
    app.router.add_route("*", "/open_api/{path:.*}", Dispatcher(simulation).__call__)
    app.add_routes(Consent(simulation.world).routes())
    app.add_routes(Control(simulation).routes())
    return app
