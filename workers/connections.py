"""Connections to the servers the application needs: opened here, with short time-outs and one-line failures."""

from datetime import timedelta

import asyncpg
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from sparkads.converter import data_converter
from sparkads.errors import Unreachable
from store.call_turns import CallTurns
from store.database import Connection, Pool
from tiktok import ADVANCED, BASIC, PREMIUM, ULTIMATE, Limiter, Rate, TikTok
from workers.call_counts import count_call
from workers.settings import Settings

TIERS = {"basic": BASIC, "advanced": ADVANCED, "premium": PREMIUM, "ultimate": ULTIMATE}

_TIMEOUT = timedelta(seconds=5)
"""How long one attempt to connect may take: a server that is up answers within milliseconds."""


async def connect_temporal(settings: Settings, *, metrics: bool = False) -> Client:
    """
    Connect to Temporal.

    Args:
        settings: where it is.
        metrics: serve this process's Prometheus metrics at `settings.metrics_address`, if one is set. Once per
            process, and only in those that live long: one-shot commands would fight the worker for the port.

    Raises:
        Unreachable: nothing answers, there is no such namespace, or the metrics address is taken.
    """
    runtime = _with_metrics(settings.metrics_address) if metrics and settings.metrics_address else None
    try:
        client = await Client.connect(
            **settings.temporal.to_client_connect_config(),
            data_converter=data_converter,
            connect_timeout=_TIMEOUT,
            runtime=runtime,
        )
    except RuntimeError as error:
        # The SDK has no type of its own for this. Its text ends in the operating system's or the server's reason.
        advice = "is it running? See TEMPORAL_ADDRESS; `python -m workers local` starts one"
        if "Unauthenticated" in str(error) or "PermissionDenied" in str(error):
            advice = "it refuses our credentials; see TEMPORAL_API_KEY and temporal.toml"
        raise Unreachable("Temporal", settings.temporal_address, advice) from error
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        # Anything else, such as a key that may not read namespaces, is no reason not to work.
        if error.status is RPCStatusCode.NOT_FOUND:
            advice = "there is no namespace of that name; create it, or see TEMPORAL_NAMESPACE"
            raise Unreachable(f"Namespace {client.namespace}", settings.temporal_address, advice) from error
    return client


async def connect_database(settings: Settings) -> Pool:
    """
    Open a pool of connections to PostgreSQL, at least one of them open.

    Raises:
        Unreachable: nothing answers, or the database or user does not exist.
    """
    try:
        return await asyncpg.create_pool(
            settings.database_url,
            min_size=1,
            max_size=settings.database_pool_size,
            timeout=_TIMEOUT.total_seconds(),
            init=_plan_once,
            reset=_as_it_is,
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise database_unreachable(settings, error) from error


async def _plan_once(connection: Connection) -> None:
    """
    Let PostgreSQL plan each of our statements once for a connection, and not for its first five uses again.

    Ours find rows by key, whatever the key is, so no plan is better for one value than for another.
    """
    await connection.execute("SET plan_cache_mode = force_generic_plan")


async def _as_it_is(_connection: Connection) -> None:
    """Spare a statement for each use: none changes a session later on, and locks are given up (store/locks.py)."""


def connect_tiktok(settings: Settings, db: Pool) -> TikTok:
    """TikTok, called as often as all processes on this database together may."""
    if settings.tiktok_tier == "unlimited":
        return TikTok(settings.tiktok_base_url, limiter=None, listener=count_call)
    advertiser = None if settings.tiktok_advertiser_qps is None else Rate(second=settings.tiktok_advertiser_qps)
    limits = TIERS[settings.tiktok_tier].model_copy(update={"advertiser": advertiser})
    turns = CallTurns(db, settings.tiktok_app_id or "app")
    limiter = Limiter(limits, turns, margin=settings.tiktok_margin)
    return TikTok(settings.tiktok_base_url, limiter, listener=count_call)


def database_unreachable(settings: Settings, error: BaseException) -> Unreachable:
    """Say in one line why the database could not be used, and what to do."""
    match error:
        case asyncpg.InvalidCatalogNameError():
            advice = "the server has no database of that name; create it, then run `python -m workers migrate`"
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            advice = "it refuses our user or password; see DATABASE_URL"
        case asyncpg.TooManyConnectionsError():
            advice = "all its connections are taken; lower SPARKADS_DATABASE_POOL_SIZE or raise max_connections"
        case asyncpg.CannotConnectNowError():
            advice = "it is starting up or shutting down; try again"
        case TimeoutError():
            advice = f"no answer within {_TIMEOUT.total_seconds():g} s; see DATABASE_URL"
        case _:
            advice = "is it running? See DATABASE_URL; `python -m workers local` starts one"
    return Unreachable("PostgreSQL", settings.database_address, advice)


def _with_metrics(address: str) -> Runtime:
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))
    except (ValueError, RuntimeError) as error:
        raise Unreachable(
            "The metrics endpoint", address, "it cannot be opened; see SPARKADS_METRICS_ADDRESS"
        ) from error
