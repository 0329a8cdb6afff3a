"""`python -m simulator`: serve until SIGTERM or SIGINT. One JSON line on standard output says where."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from simulator.app import SIMULATION, make_app
from simulator.seeding import Seed, SeedError


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--public-url", default="", help="base of the addresses in QR codes (default: its own)")
    parser.add_argument("--seed", type=Path, help="JSON file in the form of POST /control/seed")
    arguments = parser.parse_args()
    try:
        seed = Seed.model_validate_json(arguments.seed.read_bytes()) if arguments.seed else None
        app = make_app(public_url=arguments.public_url, seed=seed)
    except (OSError, ValidationError, SeedError) as error:
        parser.error(f"the seed cannot be used: {error}")
    try:
        asyncio.run(_serve(app, arguments.host, arguments.port))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(app: web.Application, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_host, bound_port = runner.addresses[0][:2]
        url = f"http://[{bound_host}]:{bound_port}" if ":" in bound_host else f"http://{bound_host}:{bound_port}"
        world = app[SIMULATION].world
        world.public_url = world.public_url or url
        sys.stdout.write(json.dumps({"url": url}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
