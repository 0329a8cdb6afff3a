"""docker-compose.yml says what Docker Compose understands, and names only what exists."""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from workers.local import DYNAMIC_CONFIG
from workers.settings import PREFIX, Settings, inherited_environment, load_settings

CHECKOUT = Path(__file__).parents[2]
GIVEN = {"POSTGRES_PASSWORD": "given"}
VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:[-?])([^}]*))?\})")
APPLICATION = ("migrate", "search-attributes", "worker", "current-version")


def interpolated(value: Any, given: dict[str, str]) -> Any:
    """Put variables in, as Docker Compose does."""

    def replace(match: re.Match[str]) -> str:
        dollar, name, operator, argument = match.groups()
        if dollar:
            return "$"
        if name in given:
            return given[name]
        if operator == ":?":
            raise KeyError(argument)
        return argument if operator else ""

    match value:
        case str():
            return VARIABLE.sub(replace, value)
        case list():
            return [interpolated(one, given) for one in value]
        case dict():
            return {key: interpolated(one, given) for key, one in value.items()}
        case _:
            return value


SOURCE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
COMPOSE: dict[str, Any] = interpolated(SOURCE, GIVEN)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def required(service: str) -> Iterator[tuple[str, str]]:
    for name, how in SERVICES[service].get("depends_on", {}).items():
        yield name, how["condition"]
        yield from required(name)


def output(*command: str) -> str:
    return subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout


def test_it_follows_the_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema)


def test_it_is_refused_without_a_password_and_says_how_to_make_one() -> None:
    with pytest.raises(KeyError, match="openssl rand"):
        interpolated(SOURCE, {})


def test_it_asks_for_nothing_else() -> None:
    names = {match[2] for match in VARIABLE.finditer((CHECKOUT / "docker-compose.yml").read_text()) if match[2]}
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert names - known == {"POSTGRES_PASSWORD"}


def test_services_of_others_are_pinned_to_the_versions_the_tests_run_on() -> None:
    temporal = output(str(Path(sys.executable).parent / "temporal"), "--version")
    server, ui = re.search(r"Server ([\d.]+), UI ([\d.]+)", temporal).groups()  # type: ignore[union-attr]
    installed = next(Path(sys.prefix).rglob("pginstall/bin/postgres"))
    postgres = re.search(r"[\d.]+", output(str(installed), "--version"))[0]  # type: ignore[index]
    images = {name: service["image"] for name, service in SERVICES.items() if "build" not in service}
    assert images == {
        "postgres": f"postgres:{postgres}-trixie",
        "temporal-schema": f"temporalio/admin-tools:{server}",
        "temporal": f"temporalio/server:{server}",
        "temporal-namespace": f"temporalio/admin-tools:{server}",
        "temporal-ui": f"temporalio/ui:{ui}",
    }


def test_nothing_is_open_to_the_network() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    ports = [port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == len(set(ports))


def test_what_a_service_waits_for_can_happen() -> None:
    for service in SERVICES:
        for name, condition in required(service):
            if condition == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            if condition == "service_completed_successfully":
                assert "restart" not in SERVICES[name], f"{name} would never complete"


def test_steps_come_in_the_order_of_a_deployment() -> None:
    assert set(required("worker")) >= {
        ("migrate", "service_completed_successfully"),
        ("search-attributes", "service_completed_successfully"),
        ("temporal-namespace", "service_completed_successfully"),
        ("temporal-schema", "service_completed_successfully"),
        ("postgres", "service_healthy"),
    }
    # A version can be made current only when a worker polls: not before it, and not as its condition.
    assert ("worker", "service_started") in required("current-version")
    assert "current-version" not in dict(itertools.chain.from_iterable(map(required, SERVICES)))
    assert SERVICES["worker"]["environment"]["SPARKADS_BUILD_ID"]
    versions = {name: SERVICES[name]["environment"]["SPARKADS_BUILD_ID"] for name in APPLICATION}
    assert len(set(versions.values())) == 1


@pytest.mark.parametrize("service", APPLICATION)
def test_the_environment_of_our_services_is_settings(
    service: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (name for name in inherited_environment() if name.startswith(PREFIX)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert caplog.messages == []
    assert settings.database_url == "postgresql://sparkads:given@postgres:5432/sparkads"
    assert settings.temporal_address == "temporal:7233"
    assert settings.build_id == "local"


async def test_commands_exist() -> None:
    helps = await asyncio.gather(
        *(asyncio.to_thread(output, sys.executable, "-m", module, "--help") for module in ("workers", "simulator"))
    )
    shown = dict(zip(("workers", "simulator"), helps, strict=True))
    for name in (*APPLICATION, "simulator"):
        module, *arguments = SERVICES[name]["command"]
        words = [word for word in arguments if not re.fullmatch(r"[\d.]+", word)]
        assert words
        for word in words:
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", shown[module]), f"{module} knows no {word}"


def test_ports_and_addresses_agree() -> None:
    worker, simulator = SERVICES["worker"], SERVICES["simulator"]
    metrics = worker["environment"]["SPARKADS_METRICS_ADDRESS"].rpartition(":")[2]
    assert f":{metrics}/metrics" in worker["healthcheck"]["test"][-1]
    assert worker["ports"] == [f"127.0.0.1:{metrics}:{metrics}"]
    port = simulator["command"][-1]
    assert simulator["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f", {port})" in simulator["healthcheck"]["test"][-1]
    assert f"=http://simulator:{port}\n" in (CHECKOUT / "docker-compose.yml").read_text()


def test_a_worker_gets_the_time_it_asks_for() -> None:
    worker = SERVICES["worker"]
    patience = float(worker["stop_grace_period"].removesuffix("s"))
    assert patience > float(worker["environment"]["SPARKADS_GRACEFUL_SHUTDOWN"])


def test_temporal_is_configured_as_in_the_tests() -> None:
    read = yaml.safe_load(COMPOSE["configs"]["temporal-dynamic-config"]["content"])
    here = {name: json.dumps(values[0]["value"]) for name, values in read.items()}
    assert here == {name: value for name, value in DYNAMIC_CONFIG.items() if "TimeSkipping" not in name}
    temporal = SERVICES["temporal"]
    assert temporal["environment"]["DYNAMIC_CONFIG_FILE_PATH"] == temporal["configs"][0]["target"]


def test_volumes_are_named_and_used() -> None:
    mounts = [volume.partition(":") for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert {name for name, _, _ in mounts} == set(COMPOSE["volumes"])
    # Where the image of PostgreSQL 18 and later wants its volume.
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    objects = next(path for name, _, path in mounts if name == "objects")
    assert SERVICES["worker"]["environment"]["SPARKADS_OBJECT_STORE"] == f"file://{objects}"
    assert objects in (CHECKOUT / "Dockerfile").read_text()


def test_shell_scripts_parse() -> None:
    scripts = [service["command"] for service in SERVICES.values() if service.get("command", [""])[0] == "sh"]
    assert len(scripts) == 2
    for command in scripts:
        subprocess.run(["sh", "-n", "-c", command[-1]], check=True)
