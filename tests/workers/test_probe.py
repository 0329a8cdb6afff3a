"""`python -m workers probe`: what it makes of what TikTok says, and that it changes, spends and tells nothing."""

import hashlib
import json
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr
from rich.console import Console

from simulator.config import Config
from store import credentials
from store.migrate import migrate
from tests.conftest import PYTHON, Ran, Simulator, run_command
from tiktok import NewAdGroup, NewCampaign, PullCreative, PushCreative, TikTok, TikTokClient, Unreachable
from tiktok.connection import Answer, Call, Caller
from workers.local import Stack, local_stack
from workers.probe import Line, Outcome, Record, Report, ask_all, picture
from workers.probes import ALL
from workers.probes.answers import Answers, App
from workers.settings import Settings

BC, PARTNER, EMPTY_BC = "7300000000000000501", "7300000000000000502", "7300000000000000503"
AD_ACCOUNT, OTHER_AD_ACCOUNT = "7100000000000000501", "7100000000000000502"
PARTNERS_AD_ACCOUNT = "7100000000000000503"
TOKEN = SecretStr("token-of-kowhai")
ADMIN, APP, SECRET = "6100000000000000501", "app-of-kowhai", "secret-of-kowhai"
NEW_ZEALAND = "2186224"
ROOT = Path(__file__).parents[2]
VIDEO = ROOT / "examples" / "harbour-lights.mp4"
PLANTED = {
    *("Kowhai Records", "Fern Partners", "Aroha Ngata", "aroha@kowhai.example", "newcomer@kowhai.example"),
    *("tui.sings", "Tui Sings", "a line that only Tui wrote", "A Song By Tui", "harbour-demo.mp4"),
    *("Kowhai New Zealand", "Kowhai Australia", "Kowhai spring", "Kowhai group", "Kowhai pull"),
    *("a caption of Kowhai", "https://kowhai.example", APP, SECRET, TOKEN.get_secret_value()),
    *(BC, PARTNER, AD_ACCOUNT, OTHER_AD_ACCOUNT, PARTNERS_AD_ACCOUNT, ADMIN),
}
"""Names, words, ids and secrets that the world is seeded with: none may be found in what is kept or shown."""

SEED: dict[str, Any] = {
    "business_centers": [
        {
            "bc_id": PARTNER,
            "name": "Fern Partners",
            "access_token": "token-of-fern",
            "ad_accounts": [{"advertiser_id": PARTNERS_AD_ACCOUNT, "name": "Fern ads"}],
        },
        {
            "bc_id": BC,
            "name": "Kowhai Records",
            "access_token": TOKEN.get_secret_value(),
            "members": [
                {
                    "user_id": ADMIN,
                    "user_name": "Aroha Ngata",
                    "user_email": "aroha@kowhai.example",
                    "user_role": "ADMIN",
                },
                {"user_email": "newcomer@kowhai.example", "relation_status": "PENDING"},
            ],
            "ad_accounts": [
                {
                    "advertiser_id": AD_ACCOUNT,
                    "name": "Kowhai New Zealand",
                    "currency": "NZD",
                    "roles": {ADMIN: "ADMIN"},
                },
                {"advertiser_id": OTHER_AD_ACCOUNT, "name": "Kowhai Australia", "roles": {ADMIN: "ADMIN"}},
            ],
            "partners": [{"bc_id": PARTNER, "name": "Fern Partners", "shared_ad_accounts": [PARTNERS_AD_ACCOUNT]}],
        },
    ],
    "apps": [{"app_id": APP, "secret": SECRET, "auth_codes": {"code": TOKEN.get_secret_value()}}],
    "accounts": [
        {
            "handle": "tui.sings",
            "display_name": "Tui Sings",
            "posts": [
                {"text": "a line that only Tui wrote", "music": {"title": "A Song By Tui", "author": "Tui Sings"}},
                {"type": "CAROUSEL"},
            ],
        }
    ],
}


@dataclass
class World:
    """The pretended TikTok, with a Business Center that has everything that is asked about."""

    stack: Stack
    simulator: Simulator
    asset_id: str

    async def made(self) -> dict[str, Any]:
        """All that somebody could have made or changed; the addresses for QR codes are not."""
        state = await self.simulator.get("state")
        return {name: part for name, part in state.items() if name not in {"now", "authorization_urls", "config"}}

    async def ask(self, tmp_path: Path, *, bc_id: str = BC, token: SecretStr = TOKEN, app: App | None = None) -> Report:
        """Ask everything, without the pace of the command."""
        async with TikTok(self.stack.tiktok_base_url, limiter=None) as tiktok:
            with Record(tmp_path / "answers.jsonl") as record:
                return await ask_all(tiktok.caller(token), Answers(bc_id, app), record, _nobody, pace=0)


def _nobody(*_: object) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    more = {"SPARKADS_TIKTOK_TIER": "unlimited", "SPARKADS_TIKTOK_APP_ID": APP, "SPARKADS_TIKTOK_APP_SECRET": SECRET}
    async with (
        local_stack(None, worker=False, environment=more) as stack,
        aiohttp.ClientSession() as http,
        TikTok(stack.tiktok_base_url, limiter=None) as tiktok,
    ):
        assert stack.simulator_url is not None
        simulator = Simulator(stack.simulator_url, http)
        await migrate(stack.database_url)
        connection = await asyncpg.connect(stack.database_url)
        await credentials.put(connection, BC, "Kowhai Records", TOKEN)
        await connection.close()
        await simulator.post("config", {"tier": "unlimited"})
        await simulator.post("seed", SEED)
        asset_id = await simulator.approve("tui.sings", BC)
        await _advertise(tiktok.client(TOKEN), simulator, asset_id)
        yield World(stack, simulator, asset_id)


async def _advertise(client: TikTokClient, simulator: Simulator, asset_id: str) -> None:
    """Link the account, and leave one ad that delivers and one in review."""
    for ad_account in (AD_ACCOUNT, OTHER_AD_ACCOUNT):
        await client.business_centers.link(BC, asset_id, ad_account)
    (identity,) = await client.identities.list(AD_ACCOUNT, BC)
    posts = await client.identities.posts(AD_ACCOUNT, identity.identity_id, BC)
    md5 = hashlib.md5(VIDEO.read_bytes(), usedforsecurity=False).hexdigest()
    uploaded = await client.files.upload_video(AD_ACCOUNT, VIDEO, md5=md5, file_name="harbour-demo.mp4")
    campaign = await client.ads.create_campaign(
        AD_ACCOUNT,
        NewCampaign(campaign_name="Kowhai spring", objective_type="TRAFFIC", budget_mode="BUDGET_MODE_INFINITE"),
    )
    group = await client.ads.create_ad_group(
        AD_ACCOUNT,
        NewAdGroup(
            campaign_id=campaign.campaign_id,
            adgroup_name="Kowhai group",
            promotion_type="WEBSITE",
            location_ids=(NEW_ZEALAND,),
            budget_mode="BUDGET_MODE_DYNAMIC_DAILY_BUDGET",
            budget=100,
            schedule_type="SCHEDULE_FROM_NOW",
            schedule_start_time=datetime.now(UTC) - timedelta(minutes=1),
            optimization_goal="CLICK",
            billing_event="CPC",
            bid_type="BID_TYPE_NO_BID",
        ),
    )
    whose = {"identity_id": identity.identity_id, "identity_authorized_bc_id": BC}
    page = {"call_to_action": "LEARN_MORE", "landing_page_url": "https://kowhai.example/shop"}
    covers = await client.files.suggest_covers(AD_ACCOUNT, uploaded.video_id)
    push = PushCreative(
        ad_name="Kowhai push", video_id=uploaded.video_id, image_ids=(covers[0].id,), ad_text="a caption of Kowhai",
        dark_post_status="ON", **whose, **page,
    )  # fmt: skip
    await simulator.post("clock", {"review_seconds": 0})
    await client.ads.create_ads(AD_ACCOUNT, group.adgroup_id, [push])
    await simulator.post("clock", {"review_seconds": 86_400})
    pull = PullCreative(ad_name="Kowhai pull", tiktok_item_id=posts[0].item_id, **whose, **page)
    await client.ads.create_ads(AD_ACCOUNT, group.adgroup_id, [pull])


def told(report: Report) -> dict[str, Line]:
    """By name, what was found out."""
    return {line.probe.name: line for line in report.lines}


def kept(file: Path) -> list[dict[str, Any]]:
    """The lines of the file of answers."""
    return [json.loads(line) for line in file.read_text().splitlines()]


async def probe(world: World, *arguments: str, **environment: str) -> Ran:
    command = (PYTHON, "-m", "workers", "probe", *arguments)
    return await run_command(*command, environment=world.stack.environment | environment)


@dataclass
class Run:
    """One run of the whole command, at its own pace."""

    ran: Ran
    file: Path
    seconds: float
    calls: int
    changed: bool
    urls: list[str]

    @property
    def found(self) -> dict[str, dict[str, Any]]:
        """By name, what was found out."""
        return {one["name"]: one for one in self.ran.json["probes"]}


@pytest.fixture(scope="module")
async def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> Run:
    file = tmp_path_factory.mktemp("probe") / "answers.jsonl"
    calls, before, began = (await world.simulator.get("calls"))["total"], await world.made(), monotonic()
    ran = await probe(world, BC, "--answers", str(file), "--json")
    return Run(
        ran=ran,
        file=file,
        seconds=monotonic() - began,
        calls=(await world.simulator.get("calls"))["total"] - calls,
        changed=await world.made() != before,
        urls=[one["url"] for one in (await world.simulator.get("state"))["authorization_urls"]],
    )


async def test_every_question_is_asked_once_and_the_answers_are_read(run: Run) -> None:
    assert (run.ran.code, run.ran.err) == (0, "")
    assert [one["name"] for one in run.ran.json["probes"]] == [one.name for one in ALL]
    assert run.ran.json["token_works"]
    lines = kept(run.file)
    assert run.ran.json["calls"] == len(lines)
    # Paths that the simulator lacks are none of its count.
    assert run.calls == len([one for one in lines if "404 page not found" not in one.get("message", "")])
    assert [name for name, one in run.found.items() if one["outcome"] == Outcome.LOST] == []
    not_asked = {name for name, one in run.found.items() if one["outcome"] == Outcome.NOT_ASKED}
    assert not_asked == {"qr_url_by_post"}  # the world has something to ask all others about


async def test_what_the_answers_mean(run: Run) -> None:
    means = {name: one["means"] for name, one in run.found.items()}
    assert means["token"] == "the token works"
    assert means["ad_accounts_of_token"] == "the token belongs to this app"
    assert means["centers"] == "the token's user is its admin"
    assert means["members"] == "an invited member has no id"
    assert means["tiktok_accounts"] == "accounts are told apart by their handles"
    assert means["partner_ad_accounts"] == "both listings together are what can be linked"
    assert means["links_untyped"] == "the kind of asset has to be said"
    assert means["identities_elsewhere"] == "one account is the same identity in several ad accounts"
    assert means["posts"] == "whether a post may be an ad is said only when the ad is made"
    assert means["photo_post_untyped"] == "a photo post is found only by those who name its type"
    assert means["ads"] == "every status met is known"
    assert means["reviews"] == "it calls an ad approved that is in review"
    assert run.found["identity_room"]["answered"] == f"2 of {Config().ads_per_identity} used"
    assert run.found["ad_group_room"]["answered"] == "1 of 50; 0 of 50; 0 of 50"
    assert "AD_STATUS_AUDIT, AD_STATUS_DELIVERY_OK" in run.found["ads"]["answered"]
    assert "post of 1 approved push filled" in run.found["ads"]["answered"]


async def test_the_setting_that_follows_is_named(run: Run) -> None:
    assert run.ran.json["settings"] == {"SPARKADS_AUTHORIZATION_VERB": "GET"}
    assert run.found["qr_url"]["answered"] == "an address at 127.0.0.1, another each time"


async def test_a_refusal_is_a_finding(run: Run) -> None:
    refused = run.found["unknown_post"]
    assert refused["outcome"] == Outcome.REFUSED
    assert refused["codes"] == [40000]
    assert "valid item" in refused["answered"]


async def test_nothing_is_made_or_changed(run: Run) -> None:
    assert not run.changed


async def test_addresses_of_qr_codes_are_shown_nowhere(run: Run) -> None:
    assert len(run.urls) == 2
    for shown in (run.ran.out, run.ran.err, run.file.read_text()):
        for url in run.urls:
            assert url.rpartition("/")[2] not in shown


async def test_ids_words_and_secrets_are_masked(run: Run) -> None:
    answers = run.file.read_text()
    assert [one for one in PLANTED if one in answers] == []
    assert [one for one in PLANTED - {BC} if one in run.ran.out] == []
    assert stat.S_IMODE(run.file.stat().st_mode) == 0o600


async def test_the_same_id_has_the_same_mask(run: Run) -> None:
    lines = {one["name"]: one for one in kept(run.file)}
    listed = {one["asset_id"] for one in lines["ad_accounts"]["data"]["list"]}
    linked = {one["advertiser_id"] for one in lines["links"]["data"]["list"]}
    assert len(listed) == 2
    assert listed == linked
    assert lines["identities"]["params"]["advertiser_id"] in listed


async def test_what_is_no_word_of_somebody_can_be_read(run: Run) -> None:
    lines = {one["name"]: one for one in kept(run.file)}
    invited = lines["members"]["data"]["list"][1]
    assert (invited["user_id"], invited["relation_status"]) == (None, "PENDING")
    assert lines["posts"]["data"]["video_list"][0]["auth_info"] is None


async def test_no_more_than_two_calls_a_second(run: Run) -> None:
    assert run.seconds >= (run.calls - 1) / 2
    at = [datetime.fromisoformat(one["at"]) for one in kept(run.file)]
    assert min(third - first for first, third in zip(at, at[2:], strict=False)) >= timedelta(seconds=1)


ONE_SIDE = {
    "empty_values": "ignore",
    "show_handles": False,
    "identity_without_bc": "list",
    "handle_field": "user_name",
    "music_locations": "codes",
    "covers_in_library": True,
    "early_approval": False,
    "authorization_verb": "POST",
}
"""Where sources contradict each other, what the simulator does not do by itself."""


async def test_where_sources_contradict_each_other_the_other_answer_is_read_too(world: World, tmp_path: Path) -> None:
    await world.simulator.post("config", ONE_SIDE)
    try:
        report = await world.ask(tmp_path)
    finally:
        await world.simulator.post("config", Config(tier="unlimited").model_dump())
    means = {name: line.finding.means for name, line in told(report).items()}
    assert means["empty_value"] == "an empty value counts as not sent"
    assert means["tiktok_accounts"].startswith("accounts are told apart by name")
    assert means["identities_without_bc"] == "the same without the Business Center: its id is optional"
    assert means["identities"] == "identities have handles to join by"
    assert means["music_by_id"] == "location ids are not taken for places"
    assert means["music_by_code"] == "country codes are taken for places"
    assert means["cover_image"] == "a proposed cover is in the library"
    assert means["reviews"] == "it waits for the review"
    assert means["qr_url_by_post"] == "TikTok takes POST"
    assert report.settings == {"SPARKADS_AUTHORIZATION_VERB": "POST"}


async def test_without_an_app_its_questions_are_left_out(world: World, tmp_path: Path) -> None:
    found = told(await world.ask(tmp_path))
    assert found["ad_accounts_of_token"].outcome is Outcome.NOT_ASKED
    assert "SPARKADS_TIKTOK_APP_ID" in found["ad_accounts_of_token"].finding.answered
    assert found["identities"].outcome is Outcome.ANSWERED


async def test_a_token_of_another_app_names_the_settings(world: World, tmp_path: Path) -> None:
    report = await world.ask(tmp_path, app=App("another-app", SecretStr("its-secret")))
    assert told(report)["ad_accounts_of_token"].outcome is Outcome.REFUSED
    assert {"SPARKADS_TIKTOK_APP_ID", "SPARKADS_TIKTOK_APP_SECRET"} <= report.settings.keys()
    assert "its-secret" not in json.dumps(report.document()) + report.answers.read_text()


@pytest.mark.parametrize(
    ("rule", "outcome", "words"),
    [
        ({"kind": "code", "code": 40001, "message": "No permission to operate advertiser"}, Outcome.REFUSED, "40001"),
        ({"kind": "throttle"}, Outcome.REFUSED, "40100"),
        ({"kind": "code", "code": 50000}, Outcome.LOST, "50000"),
        ({"kind": "http", "status": 404}, Outcome.REFUSED, "404"),
    ],
)
async def test_an_answer_that_is_none_stops_no_other_question(
    world: World, tmp_path: Path, rule: dict[str, Any], outcome: Outcome, words: str
) -> None:
    await world.simulator.post("faults", {"rules": [{"path": "/advertiser/info/", **rule}]})
    try:
        found = told(await world.ask(tmp_path))
    finally:
        await world.simulator.post("faults", {"rules": []})
    assert found["ad_account_facts"].outcome is outcome
    assert words in found["ad_account_facts"].finding.answered
    assert found["identities"].outcome is Outcome.ANSWERED


async def test_a_business_center_that_has_nothing_is_asked_what_can_be_asked(world: World, tmp_path: Path) -> None:
    empty = {"bc_id": EMPTY_BC, "name": "Empty", "access_token": "token-of-nobody"}
    await world.simulator.post("seed", {"business_centers": [empty]})
    report = await world.ask(tmp_path, bc_id=EMPTY_BC, token=SecretStr("token-of-nobody"))
    found = told(report)
    assert found["ad_accounts"].finding.means == "there is none to link accounts to"
    assert found["links"].outcome is Outcome.NOT_ASKED
    assert found["identities"].finding.answered == "there is no ad account"
    assert found["qr_url"].outcome is Outcome.ANSWERED


class OddCaller(Caller):
    """Hands on what TikTok answers, with some of its values left out, nulled, or of another type."""

    def __init__(self, caller: Caller, seed: int) -> None:
        super().__init__(caller.connection, TOKEN)
        self._random = Random(seed)  # noqa: S311 - repeatable on purpose

    async def call(self, call: Call) -> Answer:
        answer = await super().call(call)
        return replace(answer, data={name: self._odd(one) for name, one in answer.data.items()})

    def _odd(self, value: Any) -> Any:
        if self._random.random() < 0.08:
            return self._random.choice([None, "odd", 7, 1.5, True, [], ["odd"], [None], {}, {"odd": None}])
        if isinstance(value, dict):
            return {name: self._odd(one) for name, one in value.items() if self._random.random() > 0.03}
        return [self._odd(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(8))
async def test_odd_answers_end_no_probe(world: World, tmp_path: Path, seed: int) -> None:
    async with TikTok(world.stack.tiktok_base_url, limiter=None) as tiktok:
        with Record(tmp_path / "answers.jsonl") as record:
            caller = OddCaller(tiktok.caller(TOKEN), seed)
            report = await ask_all(caller, Answers(BC, App(APP, SecretStr(SECRET))), record, _nobody, pace=0)
    assert [line.probe.name for line in report.lines] == [one.name for one in ALL]
    assert json.loads(json.dumps(report.document())) == report.document()


async def test_a_token_that_stops_working_ends_the_asking(world: World, tmp_path: Path) -> None:
    rule = {"path": "/bc/partner/get/", "kind": "code", "code": 40105, "message": "Access token is incorrect."}
    await world.simulator.post("faults", {"rules": [rule]})
    try:
        report = await world.ask(tmp_path)
    finally:
        await world.simulator.post("faults", {"rules": []})
    names = [line.probe.name for line in report.lines]
    after = report.lines[names.index("partners") + 1 :]
    assert not report.token_works
    assert {line.outcome for line in after} == {Outcome.NOT_ASKED}
    assert kept(report.answers)[-1]["code"] == 40105


async def test_a_token_that_does_not_work_ends_the_command_with_1_after_one_call(world: World, tmp_path: Path) -> None:
    connection = await asyncpg.connect(world.stack.database_url)
    await credentials.put(connection, EMPTY_BC, "Empty", SecretStr("revoked-long-ago"))
    await connection.close()
    calls = (await world.simulator.get("calls"))["total"]
    ran = await probe(world, EMPTY_BC, "--answers", str(tmp_path / "answers.jsonl"))
    assert ran.code == 1
    assert (await world.simulator.get("calls"))["total"] - calls == 1
    assert "run python -m workers connect" in ran.err
    assert "revoked-long-ago" not in ran.out + ran.err + (tmp_path / "answers.jsonl").read_text()


async def test_a_business_center_that_is_not_connected_is_bad_input(world: World, tmp_path: Path) -> None:
    ran = await probe(world, "7399999999999999998", "--answers", str(tmp_path / "answers.jsonl"))
    assert (ran.code, ran.out) == (2, "")
    assert "run python -m workers connect" in ran.err


async def test_a_file_that_cannot_be_written_is_bad_input(world: World, tmp_path: Path) -> None:
    ran = await probe(world, BC, "--answers", str(tmp_path / "no such folder" / "answers.jsonl"))
    assert (ran.code, ran.out) == (2, "")
    assert "no such folder" in ran.err


@pytest.mark.parametrize(
    "nowhere", [{"SPARKADS_TIKTOK_BASE_URL": "http://127.0.0.1:1"}, {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}]
)
async def test_a_server_that_is_not_there_ends_the_command_with_3(
    world: World, tmp_path: Path, nowhere: dict[str, str]
) -> None:
    ran = await probe(world, BC, "--answers", str(tmp_path / "answers.jsonl"), **nowhere)
    assert ran.code == 3
    assert "127.0.0.1:1" in ran.err
    assert ran.err.count("\n") == 1


async def test_a_tiktok_that_answers_nothing_readable_is_not_asked_on_and_on(world: World, tmp_path: Path) -> None:
    await world.simulator.post("faults", {"rules": [{"kind": "http", "status": 502}]})
    try:
        with pytest.raises(Unreachable, match="3 calls in a row"):
            await world.ask(tmp_path)
    finally:
        await world.simulator.post("faults", {"rules": []})
    assert len(kept(tmp_path / "answers.jsonl")) == 2


async def test_the_table_says_what_to_set_or_what_happens_by_itself(world: World, tmp_path: Path) -> None:
    console = Console(width=220, record=True, file=StringIO())
    console.print(picture(await world.ask(tmp_path)))
    shown = console.export_text()
    assert "SPARKADS_AUTHORIZATION_VERB=GET" in shown
    assert "the client joins by handle, else by name" in shown
    assert "nothing to set" in shown


def test_what_is_asked_by_post_is_known_to_change_nothing() -> None:
    by_post = {one.path for one in ALL if one.verb != "GET"}
    assert by_post == {"tool/targeting/info/", "bc/asset/account/authorization/"}
    assert len({one.name for one in ALL}) == len(ALL)


def test_the_page_of_facts_names_only_what_exists() -> None:
    rows = [line.split(" | ") for line in (ROOT / "docs" / "tiktok.md").read_text().splitlines() if " | " in line]
    facts = [row for row in rows if len(row) == 5 and row[0] != "| What is relied on"]
    asked = {name for row in facts for name in re.findall(r"`(\w+)`", row[3])}
    files = {name for row in facts for name in re.findall(r"`([\w/.]+)`", row[4])}
    assert len(facts) > 60
    assert asked - {one.name for one in ALL} == set()
    assert [name for name in files if not (ROOT / name).exists()] == []
    settings = {name for row in facts for name in re.findall(r"SPARKADS_(\w+)", row[2])}
    assert settings - {name.upper() for name in Settings.model_fields} == set()
