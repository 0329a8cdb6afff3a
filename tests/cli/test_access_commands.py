"""The commands around access, as people type them: codes, scans, drift, people, notices, audit, many at once."""

from pathlib import Path

import pytest

from tests.cli.sparkads_command import SparkAdsCommand, command_of
from tests.conftest import Label, until
from workers.local import Stack

SCOPE = ("--scope", "posts")


@pytest.fixture
def sparkads(stack: Stack, label: Label) -> SparkAdsCommand:
    return command_of(stack, label)


async def test_a_code_is_shown_again_and_renewed(label: Label, sparkads: SparkAdsCommand, tmp_path: Path) -> None:
    # R8
    asked = await sparkads("access", "request", label.bc_id, "@kiri", *SCOPE, "--show-url", "--json")
    again = await sparkads("access", "code", label.bc_id, *SCOPE, "--show-url", "--json")
    assert again.json["qr"]["url"] == asked.json["qr"]["url"]

    new = await sparkads("access", "code", label.bc_id, *SCOPE, "--renew", "--show-url", "--out", tmp_path, "--json")

    assert new.code == 0, new.err
    assert new.json["qr"]["url"] != asked.json["qr"]["url"]
    assert (tmp_path / "qr.png").read_bytes().startswith(b"\x89PNG")
    assert len(new.json["written"]) == 3
    quiet = await sparkads("access", "code", label.bc_id, *SCOPE)
    assert quiet.code == 0
    assert "http" not in quiet.out


async def test_what_became_of_scans_is_shown_to_admins(label: Label, sparkads: SparkAdsCommand) -> None:
    # R9, R2
    await sparkads("access", "request", label.bc_id, "@kiri", *SCOPE)
    told = await sparkads("access", "scan", label.bc_id, "@kiri", "--outdated-app", "--reason", "an old phone")
    assert told.code == 0, told.err

    async def listed() -> bool:
        return bool((await sparkads("access", "scans", label.bc_id, "--json")).json["scans"])

    await until(listed, "the scan is on record")
    shown = await sparkads("access", "scans", label.bc_id)
    assert "outdated app" in shown.out
    assert "an old phone" in shown.out
    refused = await sparkads("access", "scans", label.bc_id, "--as", label.standard)
    assert refused.code == 1
    assert refused.err.startswith("AdminOnly: R2: ")


async def test_many_requests_are_taken_back_at_once(label: Label, sparkads: SparkAdsCommand, tmp_path: Path) -> None:
    # R2
    await sparkads("access", "request", label.bc_id, "@one", "@two", "@three", "@four", *SCOPE)
    (tmp_path / "off.txt").write_text("@one\n@two\n")

    some = await sparkads(
        "access", "cancel", label.bc_id, "three", "@nobody", "--from", tmp_path / "off.txt", "--reason", "off", "--json"
    )
    rest = await sparkads("access", "cancel", label.bc_id, "--all", "--reason", "all of it", "--json")

    assert some.code == 1
    outcomes = {one["name"]: one["outcome"] or one["error"] for one in some.json["requests"]}
    assert outcomes == {"three": "cancelled", "nobody": "NothingOnRecord", "one": "cancelled", "two": "cancelled"}
    assert (rest.code, [one["name"] for one in rest.json["requests"]]) == (0, ["four"])


async def test_accounts_are_named_by_handle_or_all_at_once(label: Label, sparkads: SparkAdsCommand) -> None:
    # R3, R11
    first, second = f"first{label.bc_id[-5:]}", f"second{label.bc_id[-5:]}"
    assets = await label.authorized(first, second)

    one = await sparkads(
        "accounts", "share", label.bc_id, f"@{first.upper()}", "@nobody", "--member", label.operator, "--json"
    )
    everyone = await sparkads(
        *("accounts", "share", label.bc_id, "--all", "--member", label.standard, "--until", "2099-01-01", "--json")
    )

    assert one.code == 1
    assert {pair["asset_id"]: pair["outcome"] for pair in one.json["pairs"]} == {
        assets[0]: "done",
        "@nobody": "refused",
    }
    assert "@nobody has not authorized Business Center" in one.json["pairs"][1]["reason"]
    assert everyone.code == 0
    assert {pair["asset_id"] for pair in everyone.json["pairs"]} == set(assets)
    status = await sparkads("accounts", "status", label.bc_id, f"@{first}")
    assert "next permission ends  2099-01-01" in status.out
    listed = await sparkads("accounts", "list", label.bc_id)
    assert "an admin to link it to an ad account" in listed.out
    ended = await sparkads("accounts", "end", label.bc_id, f"@{second}", "--reason", "contract is over", "--json")
    assert ended.json["stage"] == "removed_by_admin"
    missing = await sparkads("accounts", "status", label.bc_id, f"@{second}", "--json")
    assert missing.json["error"]["type"] == "NothingOnRecord"


async def test_drift_people_notices_and_the_trail(label: Label, sparkads: SparkAdsCommand, tmp_path: Path) -> None:
    # R3: for admins, each of them.
    handle = f"kiri{label.bc_id[-5:]}"
    await label.authorized(handle)
    await sparkads("accounts", "share", label.bc_id, f"@{handle}", "--member", label.operator)
    await label.simulator.post(f"members/{label.operator}", {"bc_id": label.bc_id, "removed": True})

    looked = await sparkads("accounts", "look", label.bc_id, "--reason", "Otto has left")
    drift = await sparkads("accounts", "drift", label.bc_id)
    people = await sparkads("people", label.bc_id, label.standard)
    notices = await sparkads("notices", label.bc_id, "--kind", "drift")
    shown = await sparkads("audit", "show", label.bc_id, "--action", "shared")
    exported = await sparkads("audit", "export", label.bc_id, "--out", tmp_path / "trail.jsonl", "--json")
    verified = await sparkads("audit", "verify", label.bc_id, "--head", exported.json["head"])
    offline = await sparkads("audit", "verify", "--file", tmp_path / "trail.jsonl", "--head", exported.json["head"])

    for ran in (looked, drift, people, notices, shown, exported, verified, offline):
        assert ran.code == 0, ran.out + ran.err
    assert "0 differences" in drift.out or "grant gone" in drift.out
    assert "Ada" in people.out
    assert "Otto" not in people.out
    assert "our record follows TikTok" in notices.out
    assert label.operator in shown.out
    assert "is whole" in verified.out
    for words in (("accounts", "drift"), ("people",), ("notices",), ("audit", "verify"), ("access", "scans")):
        refused = await sparkads(*words, label.bc_id, "--json", "--as", label.standard)
        assert (refused.code, refused.json["error"]["type"]) == (1, "AdminOnly"), words
