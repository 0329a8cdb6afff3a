"""The `sparkads` command as its users run it: a process of its own against the whole stack."""

import asyncio
import csv
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import zxingcpp

from sparkads import manifest
from tests.cli.sparkads_command import SparkAdsCommand, command_of
from tests.conftest import PYTHON, Label, post_of, until
from tests.publishing.releasing import pull, push, write_video
from workers.local import Stack

STRANGER = "6999999999999999999"


@pytest.fixture
def sparkads(stack: Stack, label: Label) -> SparkAdsCommand:
    return command_of(stack, label)


@asynccontextmanager
async def started(stack: Stack, label: Label, *words: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command while it runs; gone afterwards in any case."""
    process = await asyncio.create_subprocess_exec(
        *(PYTHON, "-m", "sparkads", *map(str, words)),
        env={**os.environ, **stack.environment, "SPARKADS_ACTOR": label.admin},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Where the tests run in the background of a shell, Ctrl-C is ignored, and children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def write_manifest(path: Path, *rows: dict[str, str]) -> Path:
    for length, name in enumerate(sorted({row["video"] for row in rows if row["video"]}), start=1):
        write_video(path.parent / name, length)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(manifest.COLUMNS))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_code(printed: str) -> str:
    """Read the QR code that a terminal shows: two modules of it in each character, white drawn, black not."""
    upper, lower = "█▀", "█▄"
    lines = [line for line in printed.split("\n") if line.startswith("█")]
    width = max(len(line.split("   ")[0]) for line in lines if set(line[:40]) == {"█"})
    modules: list[str] = []
    for line in lines:
        code = line[:width].ljust(width)
        modules += ["".join("1" if letter in half else "0" for letter in code) for half in (upper, lower)]
    scale = 4
    pixels = b"".join(
        bytes(255 if module == "1" else 0 for module in row for _ in range(scale))
        for row in modules
        for _ in range(scale)
    )
    image = memoryview(pixels).cast("B", (len(modules) * scale, width * scale))
    (found,) = zxingcpp.read_barcodes(image)
    return str(found.text)


async def test_owners_are_asked_and_their_answers_are_waited_for(
    stack: Stack, label: Label, sparkads: SparkAdsCommand, tmp_path: Path
) -> None:
    yes, no = f"yes{label.bc_id[-5:]}", f"no{label.bc_id[-5:]}"
    await label.seed_accounts(yes, no)
    (tmp_path / "roster.csv").write_text(f"handle;name\n@{no};Nobody\n")
    words = ("access", "request", label.bc_id, f"@{yes.upper()}", "--from", tmp_path / "roster.csv", "--scope", "posts")

    asked = await sparkads(*words, "--out", tmp_path / "codes")

    assert asked.code == 0, asked.err
    assert "2 opened" in asked.out
    assert "2 of 200 slots used" in asked.out
    assert "scan." in asked.out
    # R8: the code serves every owner; its URL is shown to nobody who does not ask for it.
    assert "http" not in asked.out
    shown = await sparkads(*words, "--show-url")
    url = next(line for line in shown.out.splitlines() if line.startswith("http"))
    assert read_code(asked.out) == read_code(shown.out) == url
    assert (tmp_path / "codes/qr.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "codes/qr.svg").read_text().startswith("<svg")
    assert "asks you to let it use existing posts in ads" in (tmp_path / "codes/qr.txt").read_text()

    async with started(stack, label, *words, "--wait") as waiting:
        assert waiting.stdout is not None
        shown_before = await asyncio.wait_for(waiting.stdout.readuntil(b"slots used"), 30)
        assert shown_before.count(b"already open") == 3  # the title and two rows
        await label.simulator.approve(yes, label.bc_id)
        told = await sparkads("access", "scan", label.bc_id, no, "--declined", "--reason", "wants a fee")
        assert told.code == 0, told.err
        out, err = await asyncio.wait_for(waiting.communicate(), 30)
    assert waiting.returncode == 1  # a refusal of one owner is a part that was refused
    assert re.search(f"@{yes}.*approved", out.decode())
    assert re.search(f"@{no}.*declined", out.decode())
    assert f"{no}: declined" in err.decode()

    again = await sparkads(*words, "--wait", "--json", "--deadline", in_seconds(4))
    assert again.code == 1
    assert {line["handle"]: line["outcome"] for line in again.json["requests"]} == {
        yes: "already_authorized",
        no: "opened",
    }
    assert [answer["outcome"] for answer in again.json["answers"]] == ["timed_out"]
    assert "url" not in again.json["qr"]


async def test_only_an_admin_asks_and_takes_back(label: Label, sparkads: SparkAdsCommand) -> None:
    handle = f"held{label.bc_id[-5:]}"
    await label.seed_accounts(handle)
    asked = await sparkads("access", "request", label.bc_id, handle, "--scope", "posts")
    assert asked.code == 0, asked.err
    cancel = ("access", "cancel", label.bc_id, f"@{handle}", "--reason", "asked by mistake", "--json")
    # Takes its while: a signal has no answer, so its effect is waited for.
    not_confirmed = asyncio.create_task(sparkads(*cancel, "--as", label.standard))

    refused = await sparkads(
        "access", "request", label.bc_id, handle, "--scope", "posts", "--json", "--as", label.standard
    )
    assert refused.code == 1  # R2
    assert refused.json["error"]["type"] == "AdminOnly"
    plain = await sparkads("access", "request", label.bc_id, handle, "--scope", "posts", "--as", label.standard)
    assert plain.code == 1
    assert plain.err.startswith("AdminOnly: ")
    assert plain.err.count("\n") == 1

    status = await sparkads("access", "status", label.bc_id, "--json")
    assert status.json["waiting_for"] == [handle]
    not_theirs = await not_confirmed
    assert not_theirs.code == 1  # R2
    assert not_theirs.json["requests"][0]["error"] == "NotConfirmed"
    assert "R2" in not_theirs.json["requests"][0]["reason"]
    taken_back = await sparkads(*cancel)
    assert (taken_back.code, taken_back.json["requests"][0]["outcome"]) == (0, "cancelled")
    twice = await sparkads(*cancel)
    assert (twice.code, twice.json["requests"][0]["error"]) == (1, "RequestClosedAlready")
    one = await sparkads("access", "status", label.bc_id, handle)
    assert one.code == 0
    assert "cancelled" in one.out


async def test_accounts_are_listed_shared_taken_back_and_ended(label: Label, sparkads: SparkAdsCommand) -> None:
    first, second = await label.authorized(f"first{label.bc_id[-5:]}", f"second{label.bc_id[-5:]}")

    # R4: all for an admin, the assigned ones for others.
    everything = await sparkads("accounts", "list", label.bc_id, "--json")
    assert {account["asset_id"] for account in everything.json["accounts"]} == {first, second}
    assert (await sparkads("accounts", "list", label.bc_id, "--json", "--as", label.standard)).json == {
        "accounts": [],
        "awaited": [],
    }

    # R3, R11: an outcome for each pair, in bulk.
    shared = await sparkads(
        *("accounts", "share", label.bc_id, first, second, "--member", label.standard),
        *("--ad-account", label.ad_account, "--member-role", "OPERATOR", "--json"),
    )
    assert shared.code == 0, shared.out
    assert len(shared.json["pairs"]) == 6  # for each account: the member, the ad account, the member's role on it
    assert {pair["outcome"] for pair in shared.json["pairs"]} <= {"done", "already"}
    listed = await sparkads("accounts", "list", label.bc_id, "--as", label.standard)
    assert "2 TikTok accounts" in listed.out

    missing = "7499999999999999999"
    partly = await sparkads("accounts", "share", label.bc_id, first, missing, "--member", label.standard)
    assert partly.code == 1
    assert "1 refused" in partly.out
    assert "NothingOnRecord" in partly.out
    not_theirs = await sparkads(
        "accounts", "share", label.bc_id, first, "--member", label.standard, "--json", "--as", label.standard
    )
    assert (not_theirs.code, not_theirs.json["pairs"][0]["error"]) == (1, "AdminOnly")  # R3

    taken = await sparkads("accounts", "unshare", label.bc_id, first, "--member", label.standard, "--json")
    assert taken.code == 0, taken.out
    standing = await sparkads("accounts", "status", label.bc_id, first, "--json")
    assert label.standard not in standing.json["members"]

    end = ("accounts", "end", label.bc_id, first, "--reason", "contract is over", "--json")
    refused = await sparkads(*end, "--as", label.standard)
    assert refused.code == 1  # R10
    assert "goes on" in refused.json["error"]["message"]
    ended = await sparkads(*end)
    assert (ended.code, ended.json["stage"]) == (0, "removed_by_admin")


async def test_a_release_from_the_manifest_to_the_report(
    label: Label, sparkads: SparkAdsCommand, tmp_path: Path
) -> None:
    handle = f"band{label.bc_id[-5:]}"
    await label.authorized(handle)
    name = f"night-{label.bc_id[-5:]}"
    file = write_manifest(
        tmp_path / f"{name}.csv",
        push("a", f"@{handle}", label.ad_account),
        pull("b", f"@{handle}", label.ad_account, post_of(handle)),
    )
    start = ("campaign", "apply", file, "--yes", "--bc", label.bc_id, "--operator", label.operator)

    watched = await sparkads(*start, "--watch", "--json")

    assert watched.code == 0, watched.out + watched.err
    assert watched.json["campaign_id"] == name  # the file's name
    assert watched.json["counts"] == {"published": 2}
    assert watched.err.splitlines()[-1].startswith("done: 2 published")
    # Starting it again changes nothing; another manifest under its id is refused.
    assert (await sparkads(*start)).code == 0
    late = await sparkads(*start, "--late", "skip", "--json")
    assert late.json["error"]["message"].startswith(f"campaign {name} was started with another late;")
    file = write_manifest(file, push("c", f"@{handle}", label.ad_account))
    other = await sparkads(*start, "--json")
    assert (other.code, other.json["error"]["type"]) == (1, "CampaignExists")
    status = await sparkads("campaign", "status", name, "--json")
    assert status.json["phase"] == "done"
    seen_again = await sparkads("campaign", "watch", name)
    assert seen_again.code == 0, seen_again.err
    assert "published" in seen_again.out
    report = await sparkads("campaign", "report", name, "--out", tmp_path / "report", "--json")
    assert report.code == 0, report.out
    assert [Path(path).name for path in report.json["written"]] == ["report.html", "report.csv", "report.json"]
    assert len((tmp_path / "report/report.csv").read_text().splitlines()) == 3


async def test_a_plan_is_read_and_applied_and_a_changed_one_is_not(
    label: Label, sparkads: SparkAdsCommand, tmp_path: Path
) -> None:
    handle = f"plan{label.bc_id[-5:]}"
    await label.authorized(handle)
    await label.seed_accounts("nobody.yet")
    later = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d %H:%M}"
    name, page = f"planned-{label.bc_id[-5:]}", tmp_path / "plan.html"
    file = write_manifest(
        tmp_path / "planned.csv",
        pull("a", f"@{handle}", label.ad_account, post_of(handle), release_at=later),
        push("b", "@nobody.yet", label.ad_account, release_at=later),
        pull("c", f"@{handle}", "7999", post_of(handle), release_at=later),
    )
    who = ("--bc", label.bc_id, "--operator", label.operator, "--id", name)

    shown = await sparkads("campaign", "plan", file, *who, "--page", page)
    planned = await sparkads("campaign", "plan", file, *who, "--json")

    assert shown.code == 0, shown.err
    for words in ("3, of which 1 would not be published", "R5: operator", "@nobody.yet to approve", "apply it:"):
        assert words in shown.out
    assert planned.json["hash"] in shown.out
    assert [row["step"] for row in planned.json["content"]["rows"]] == ["share", "request", "share"]
    assert "R5: operator" in page.read_text()
    assert (await sparkads("campaign", "apply", file, *who)).code == 2  # nobody can be asked
    wrong = await sparkads("campaign", "apply", file, *who, "--plan", "ab" * 32, "--watch", "--json")
    assert (wrong.code, wrong.json["error"]["type"]) == (1, "PlanChanged")

    name = f"{name}-2"
    who = (*who[:-1], name)
    planned = await sparkads("campaign", "plan", file, *who, "--json")
    begun = await sparkads("campaign", "apply", file, *who, "--plan", planned.json["hash"], "--json")
    assert begun.code == 0, begun.out

    async def waits() -> bool:
        counts = (await sparkads("campaign", "status", name, "--json")).json["counts"]
        return bool(counts == {"ready": 1, "waiting": 1, "blocked": 1})

    await until(waits, "each row where the plan said")
    moved = await sparkads("campaign", "retime", name, "--to", "2100-01-01 00:00", "--reason", "later", "--json")
    assert (moved.code, moved.json["rows"]) == (0, 2), moved.out
    gone = await sparkads("campaign", "takedown", name, "--reason", "all over", "--json")
    assert gone.code == 0, gone.out


async def test_a_release_is_paused_resumed_and_cancelled_by_its_people(
    stack: Stack, label: Label, sparkads: SparkAdsCommand, tmp_path: Path
) -> None:
    handle = f"late{label.bc_id[-5:]}"
    await label.authorized(handle)
    later = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d %H:%M}"
    name = f"later-{label.bc_id[-5:]}"
    file = write_manifest(
        tmp_path / "later.csv", pull("a", f"@{handle}", label.ad_account, post_of(handle), release_at=later)
    )
    begun = await sparkads(
        "campaign", "apply", file, "--yes", "--bc", label.bc_id, "--operator", label.operator, "--id", name, "--json"
    )
    assert begun.code == 0, begun.out

    async def loaded() -> bool:
        return (await sparkads("campaign", "status", name, "--json")).json["counts"] == {"ready": 1}

    await until(loaded, "the release is ready")

    stranger = await sparkads("campaign", "pause", name, "--json", "--as", STRANGER)
    assert stranger.code == 1
    assert name in stranger.json["error"]["message"]
    paused = await sparkads("campaign", "pause", name, "--reason", "wrong cover", "--json", "--as", label.operator)
    assert (paused.code, paused.json["status"]["paused"]) == (0, True), paused.out
    resumed = await sparkads("campaign", "resume", name, "--json")
    assert (resumed.code, resumed.json["status"]["paused"]) == (0, False), resumed.out

    # Ctrl-C ends the watching, not the campaign.
    async with started(stack, label, "campaign", "watch", name) as watching:
        assert watching.stderr is not None
        first = await asyncio.wait_for(watching.stderr.readline(), 30)
        assert b"1 ready" in first
        watching.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(watching.communicate(), 30)
    assert watching.returncode == 130
    assert (out, err.count(b"\n")) == (b"", 1)
    assert b"the campaign goes on" in err

    cancelled = await sparkads("campaign", "cancel", name, "--reason", "moved", "--json")
    assert (cancelled.code, cancelled.json["confirmed"]) == (0, True), cancelled.out
    over = await sparkads("campaign", "watch", name, "--json")
    assert (over.code, over.json["counts"]) == (1, {"cancelled": 1})


async def test_what_does_not_exist_and_what_does_not_answer(
    label: Label, sparkads: SparkAdsCommand, tmp_path: Path
) -> None:
    unknown = await sparkads("campaign", "status", "no-such-campaign", "--json")
    assert (unknown.code, unknown.json["error"]["type"]) == (1, "NothingOnRecord")
    namespace = await sparkads("campaign", "status", "no-such-campaign", TEMPORAL_NAMESPACE="elsewhere")
    assert namespace.code == 3
    assert "no namespace 'elsewhere'" in namespace.err
    assert namespace.err.count("\n") == 1
    (tmp_path / "file").write_text("in the way")
    store = (tmp_path / "file" / "objects").as_uri()
    no_store = await sparkads(
        "access", "request", label.bc_id, "@artist", "--scope", "posts", SPARKADS_OBJECT_STORE=store
    )
    assert no_store.code == 3
    assert store in no_store.err
    assert no_store.err.count("\n") == 1
    other_store = (tmp_path / "other").as_uri()
    elsewhere = await sparkads(
        "access", "request", label.bc_id, "@artist", "--scope", "posts", "--json", SPARKADS_OBJECT_STORE=other_store
    )
    assert (elsewhere.code, elsewhere.json["error"]["type"]) == (3, "FileDamaged")
    assert "SPARKADS_OBJECT_STORE" in elsewhere.json["error"]["message"]
