"""Every method of the client, over HTTP, against the simulator."""

import asyncio
import struct
import tracemalloc
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import av
import pytest
from pydantic import SecretStr
from tiktok_world import ADVERTISER, BC, OTHER_ADVERTISER, TOKEN, Control, World, md5_of, size_of

from tiktok import (
    AccountRole,
    Ad,
    AdGroup,
    AdvertiserRole,
    Airing,
    AssetType,
    AuthError,
    AvailableStatus,
    BudgetMode,
    Campaign,
    DuplicateName,
    DuplicateRequest,
    FetchFailed,
    FileType,
    Identity,
    IdentityLost,
    InvalidRequest,
    Level,
    MusicStatus,
    NewAdGroup,
    NewCampaign,
    NoPermission,
    NotReady,
    Objective,
    OperationStatus,
    PullCreative,
    PushCreative,
    ServerFault,
    Throttled,
    TikTok,
    TikTokClient,
    TikTokError,
    Timeouts,
    UnknownOutcome,
    WrongRoute,
)

MEGABYTE = 2**20
AIRING = Airing(
    location_ids=("6252001",),
    country_codes=("US",),
    starts_at=datetime(2026, 12, 1, tzinfo=UTC),
    ends_at=datetime(2026, 12, 31, tzinfo=UTC),
)


# Business Centers


async def test_business_centers_are_listed_over_pages(world: World, client: TikTokClient) -> None:
    more = [{"bc_id": f"73{number:017}", "name": f"BC {number}", "access_token": TOKEN} for number in range(2, 56)]
    await world.control.post("seed", {"business_centers": more})
    centers = await client.business_centers.list()
    assert len({center.bc_id for center in centers}) == 55
    first = next(center for center in centers if center.bc_id == BC)
    assert (first.name, first.user_role) == ("First", "ADMIN")


async def test_members_are_listed_over_pages(world: World, client: TikTokClient) -> None:
    more = [{"user_name": f"Member {number}", "relation_status": "PENDING"} for number in range(43)]
    await world.control.post("seed", {"business_centers": [{"bc_id": BC, "members": more}]})
    members = await client.business_centers.members(BC)
    assert (len(members), members.is_complete) == (45, True)
    assert {member.user_id for member in members} == {world.admin, world.standard, None}
    ada = next(member for member in members if member.user_id == world.admin)
    assert (ada.user_name, ada.user_role, ada.relation_status) == ("Ada", "ADMIN", "BOUND")
    assert [member.user_id for member in members if member.relation_status == "PENDING"] == [None] * 43


async def test_an_owner_approves_at_the_url_and_the_account_is_listed(world: World, client: TikTokClient) -> None:
    await world.control.post("seed", {"accounts": [{"handle": "newone"}]})
    url = await client.business_centers.authorization_url(BC, ads_only=True)
    await world.control.post("owners/newone/approve", {"url": url.get_secret_value()})
    assets = await client.business_centers.all_assets(BC, AssetType.TT_ACCOUNT)
    assert {asset.tt_asset_handle for asset in assets} == {"shopone", "newone"}
    assert url.get_secret_value() not in f"{url!r}{url}"


async def test_the_verb_that_works_is_found(world: World, tiktok: TikTok, client: TikTokClient) -> None:
    await world.control.post("config", {"authorization_verb": "POST"})
    assert (await client.business_centers.authorization_url(BC, ads_only=None)).get_secret_value()
    await client.business_centers.authorization_url(BC, ads_only=None)
    calls = (await world.control.get("calls"))["paths"]["/bc/asset/account/authorization/"]["calls"]
    assert calls == 3, "one GET in vain, then POST only"
    await world.control.post("config", {"authorization_verb": "GET"})
    assert (await client.business_centers.authorization_url(BC, ads_only=False)).get_secret_value()


async def test_accounts_are_listed_over_pages(world: World, client: TikTokClient) -> None:
    handles = [f"artist{number}" for number in range(60)]
    await world.control.post("seed", {"accounts": [{"handle": handle} for handle in handles]})
    for handle in handles:
        await world.control.approve(handle)
    assets = await client.business_centers.all_assets(BC, AssetType.TT_ACCOUNT)
    assert {asset.tt_asset_handle for asset in assets} == {"shopone", *handles}
    assert {asset.asset_type for asset in assets} == {"TT_ACCOUNT"}


async def test_members_are_given_accounts_and_ad_accounts_and_lose_them(world: World, client: TikTokClient) -> None:
    centers = client.business_centers
    assert await centers.assets_of(BC, AssetType.TT_ACCOUNT, world.standard) == []
    await centers.assign(BC, world.standard, account=world.asset_id, roles=[AccountRole.POST])
    (account,) = await centers.assets_of(BC, AssetType.TT_ACCOUNT, world.standard)
    assert (account.asset_id, account.tt_account_roles) == (world.asset_id, ("POST",))
    await centers.assign_ad_account(BC, world.standard, ADVERTISER, AdvertiserRole.OPERATOR)
    (advertiser,) = await centers.assets_of(BC, AssetType.ADVERTISER, world.standard)
    assert (advertiser.asset_id, advertiser.advertiser_role) == (ADVERTISER, "OPERATOR")
    await centers.unassign(BC, world.standard, AssetType.TT_ACCOUNT, world.asset_id)
    await centers.unassign(BC, world.standard, AssetType.ADVERTISER, ADVERTISER)
    assert await centers.assets_of(BC, AssetType.TT_ACCOUNT, world.standard) == []
    assert await centers.assets_of(BC, AssetType.ADVERTISER, world.standard) == []
    await centers.assign(BC, world.admin, account=world.asset_id, roles=[AccountRole.POST, AccountRole.LIVE])
    (own,) = await centers.assets_of(BC, AssetType.TT_ACCOUNT)
    assert set(own.tt_account_roles) == {"POST", "LIVE"}


async def test_links_are_made_listed_over_pages_and_undone(world: World, client: TikTokClient) -> None:
    advertisers = [f"70{number:017}" for number in range(100, 155)]
    await world.control.post(
        "seed", {"business_centers": [{"bc_id": BC, "ad_accounts": [{"advertiser_id": one} for one in advertisers]}]}
    )
    for advertiser in advertisers:
        await client.business_centers.link(BC, world.asset_id, advertiser)
    linked = await client.business_centers.linked_advertisers(BC, world.asset_id)
    assert {one.advertiser_id for one in linked} == set(advertisers)
    await client.business_centers.unlink(BC, world.asset_id, advertisers[0])
    assert len(await client.business_centers.linked_advertisers(BC, world.asset_id)) == 54


async def test_partners_and_what_they_share_are_listed_over_pages(world: World, client: TikTokClient) -> None:
    centers, partner = client.business_centers, "7300000000000000090"
    shared = [f"70{number:017}" for number in range(200, 255)]
    members = [{"user_id": f"72{number:017}", "user_name": f"Member {number}"} for number in range(100, 121)]
    await world.control.post(
        "seed",
        {
            "business_centers": [
                {"bc_id": partner, "name": "Shop", "ad_accounts": [{"advertiser_id": one} for one in shared]},
                {
                    "bc_id": BC,
                    "members": members,
                    "partners": [
                        {"bc_id": partner, "name": "Shop", "shared_ad_accounts": shared},
                        *({"bc_id": f"73{number:017}", "name": f"Partner {number}"} for number in range(300, 350)),
                    ],
                },
            ]
        },
    )
    await world.control.post("partners/share", {"bc_id": partner, "partner_id": BC, "ad_accounts": [ADVERTISER]})
    known = {one.bc_id: one.bc_name for one in await centers.partners(BC)}
    assert (len(known), known[partner]) == (51, "Shop")
    assert {one.asset_id for one in await centers.partner_assets(BC, partner, shared="SHARED")} == set(shared)
    assert [one.asset_id for one in await centers.partner_assets(BC, partner, shared="SHARING")] == [ADVERTISER]
    assert [one.bc_id for one in await centers.asset_partners(BC, AssetType.ADVERTISER, ADVERTISER)] == [partner]
    assert await centers.asset_partners(BC, AssetType.TT_ACCOUNT, world.asset_id) == []

    await centers.link(BC, world.asset_id, shared[0])
    for member in members:
        await centers.assign_ad_account(BC, member["user_id"], shared[0], AdvertiserRole.OPERATOR)
    given = await centers.asset_members(BC, shared[0])
    assert {(one.user_id, one.advertiser_role) for one in given} == {(one["user_id"], "OPERATOR") for one in members}
    await world.control.post("partners/unshare", {"bc_id": BC, "partner_id": partner, "ad_accounts": [shared[0]]})
    assert await centers.linked_advertisers(BC, world.asset_id) == []
    with pytest.raises(NoPermission):
        await centers.asset_members(BC, shared[0])


async def test_an_account_is_removed(world: World, client: TikTokClient) -> None:
    await client.business_centers.remove_account(BC, world.asset_id)
    assert await client.business_centers.all_assets(BC, AssetType.TT_ACCOUNT) == []


# Identities and posts


async def test_a_linked_account_is_an_identity(world: World, client: TikTokClient, identity: Identity) -> None:
    assert identity.username == world.handle
    assert identity.identity_type == "BC_AUTH_TT"
    assert identity.identity_authorized_bc_id == BC
    assert identity.available_status == AvailableStatus.AVAILABLE
    assert identity.can_pull_video
    assert identity.can_push_video
    assert (await client.identities.info(ADVERTISER, identity.identity_id, BC)).identity_id == identity.identity_id
    assert await client.identities.list(OTHER_ADVERTISER, BC) == []


async def test_identities_are_listed_over_pages(world: World, client: TikTokClient) -> None:
    handles = [f"artist{number}" for number in range(103)]
    await world.control.post("seed", {"accounts": [{"handle": handle} for handle in handles]})
    for handle in handles:
        await client.business_centers.link(BC, await world.control.approve(handle), ADVERTISER)
    identities = await client.identities.list(ADVERTISER, BC)
    assert {identity.username for identity in identities} == set(handles)


async def test_posts_are_read_by_cursor_and_by_id(world: World, client: TikTokClient, identity: Identity) -> None:
    posts = await client.identities.posts(ADVERTISER, identity.identity_id, BC)
    assert {post.item_id for post in posts} == set(world.posts[:45])
    assert posts.is_complete
    slides = await client.identities.posts(ADVERTISER, identity.identity_id, BC, item_type="CAROUSEL")
    assert [post.item_id for post in slides] == world.posts[45:]
    one = await client.identities.post(ADVERTISER, identity.identity_id, BC, world.posts[7])
    assert (one.item_id, one.text) == (world.posts[7], "post 7")
    some = await client.identities.posts_by_id(ADVERTISER, identity.identity_id, BC, world.posts[:25])
    assert {post.item_id for post in some} == set(world.posts[:25])


async def test_a_revoked_identity_is_lost(world: World, client: TikTokClient, identity: Identity) -> None:
    await world.control.post(f"owners/{world.handle}/revoke", {"bc_id": BC})
    with pytest.raises(IdentityLost):
        await client.identities.info(ADVERTISER, identity.identity_id, BC)


# Files


async def test_a_video_is_uploaded_found_and_used(
    world: World, client: TikTokClient, video_file: Path, image_file: Path
) -> None:
    md5 = md5_of(video_file)
    assert not await client.files.name_is_taken(ADVERTISER, "clip.mp4", FileType.VIDEO)
    assert await client.files.find_video(ADVERTISER, "clip.mp4") is None
    video = await client.files.upload_video(ADVERTISER, video_file, md5=md5, file_name="clip.mp4")
    assert (video.file_name, video.signature, video.size) == ("clip.mp4", md5, size_of(video_file))
    assert video.create_time is not None
    assert video.create_time.tzinfo is UTC
    assert await client.files.name_is_taken(ADVERTISER, "clip.mp4", FileType.VIDEO)
    await client.files.upload_video(ADVERTISER, video_file, md5=md5, file_name="clip.mp4.mp4")
    found = await client.files.find_video(ADVERTISER, "clip.mp4")
    assert found is not None
    assert found.video_id == video.video_id
    assert await client.files.find_video(ADVERTISER, "clip") is None
    assert [one.video_id for one in await client.files.video_info(ADVERTISER, [video.video_id, "gone"])] == [
        video.video_id
    ]
    assert (await client.files.suggest_covers(ADVERTISER, video.video_id))[0].id
    image = await client.files.upload_image(ADVERTISER, image_file, md5=md5_of(image_file), file_name="cover.png")
    assert image.image_id
    assert image.size == size_of(image_file)


@pytest.fixture
def large(video_file: Path, tmp_path: Path) -> Path:
    """The video, with 48 MB in it that players skip."""
    path = tmp_path / "large.mp4"
    _pad(video_file, path, 48 * MEGABYTE)
    return path


def _pad(video: Path, path: Path, padding: int) -> None:
    with path.open("wb") as file:
        file.write(video.read_bytes() + struct.pack(">I4s", padding, b"free"))
        file.truncate(size_of(video) + padding)


async def test_a_large_video_is_streamed_not_read_whole(world: World, client: TikTokClient, large: Path) -> None:
    md5 = md5_of(large)
    tracemalloc.start()
    try:
        video = await client.files.upload_video(ADVERTISER, large, md5=md5, file_name="large.mp4")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert video.size == size_of(large)
    assert peak < 8 * MEGABYTE


async def test_a_video_above_64_mb_goes_in_pieces(
    world: World, client: TikTokClient, video_file: Path, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.mp4"
    _pad(video_file, huge, 65 * MEGABYTE)
    await world.control.fault("/file/transfer/upload/", "drop", when="before")
    with pytest.raises(ServerFault):  # and no UnknownOutcome: pieces may be sent again
        await client.files.upload_video(ADVERTISER, huge, md5=md5_of(huge), file_name="huge.mp4")

    video = await client.files.upload_video(ADVERTISER, huge, md5=md5_of(huge), file_name="huge.mp4")

    assert (video.file_name, video.size, video.signature) == ("huge.mp4", size_of(huge), md5_of(huge))
    calls = (await world.control.get("calls"))["paths"]
    assert calls["/file/transfer/upload/"]["calls"] == 1 + 4, "one in vain, then pieces of 20 MiB"
    assert calls["/file/video/ad/upload/"]["calls"] == 1


async def test_an_image_is_found_by_its_exact_name(world: World, client: TikTokClient, image_file: Path) -> None:
    assert await client.files.find_image(ADVERTISER, "cover.png") is None
    md5 = md5_of(image_file)
    image = await client.files.upload_image(ADVERTISER, image_file, md5=md5, file_name="cover.png")
    await client.files.upload_image(ADVERTISER, image_file, md5=md5, file_name="cover.png.png")

    found = await client.files.find_image(ADVERTISER, "cover.png")

    assert found is not None
    assert found.image_id == image.image_id


async def test_a_video_with_flaws_is_refused_for_them(world: World, client: TikTokClient, tmp_path: Path) -> None:
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = 640, 200, "yuv420p"
        stream.time_base = Fraction(1, 1)
        for second in (0, 601):
            frame = av.VideoFrame(640, 200, "yuv420p")
            frame.pts = second
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    # Ten minutes and a second long, which is no flaw.
    with pytest.raises(InvalidRequest, match=r"flaws: LOW_RESOLUTION, ILLEGAL_VIDEO_SIZE\."):
        await client.files.upload_video(ADVERTISER, path, md5=md5_of(path), file_name="wide.mp4")


async def test_uploads_are_refused_by_name_signature_and_source(
    world: World, client: TikTokClient, video_file: Path
) -> None:
    md5 = md5_of(video_file)
    await client.files.upload_video(ADVERTISER, video_file, md5=md5, file_name="clip.mp4")
    with pytest.raises(DuplicateName):
        await client.files.upload_video(ADVERTISER, video_file, md5=md5, file_name="clip.mp4")
    with pytest.raises(InvalidRequest) as wrong:
        await client.files.upload_video(ADVERTISER, video_file, md5="0" * 32, file_name="other.mp4")
    assert wrong.value.code == 40900
    with pytest.raises(FetchFailed):
        await client.files.upload_video_by_url(ADVERTISER, "http://127.0.0.1:9/clip.mp4", file_name="by url.mp4")
    with pytest.raises(FileNotFoundError):
        await client.files.upload_video(ADVERTISER, video_file.with_name("no"), md5=md5, file_name="no.mp4")


async def test_a_video_is_fetched_by_url(world: World, client: TikTokClient, video_file: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(video_file.stat().st_size))
            self.end_headers()
            self.wfile.write(video_file.read_bytes())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as source:
        thread = Thread(target=source.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{source.server_port}/clip.mp4"
        video = await client.files.upload_video_by_url(ADVERTISER, url, file_name="by url.mp4")
        await asyncio.to_thread(source.shutdown)
        thread.join()
    assert (video.file_name, video.signature) == ("by url.mp4", md5_of(video_file))


async def test_a_video_is_not_ready_while_transcoding(world: World, client: TikTokClient, video_file: Path) -> None:
    await world.control.post("clock", {"transcode_seconds": 60})
    video = await client.files.upload_video(ADVERTISER, video_file, md5=md5_of(video_file), file_name="clip.mp4")
    with pytest.raises(NotReady):
        await client.files.suggest_covers(ADVERTISER, video.video_id)


# What an identity may


async def test_the_quota_of_an_identity(world: World, client: TikTokClient, identity: Identity) -> None:
    await world.control.post("config", {"ads_per_identity": 7})
    quota = await client.identities.quota(ADVERTISER, identity.identity_id)
    assert (quota.total_quota, quota.used_quota, quota.available_quota) == (7, 0, 7)
    with pytest.raises(IdentityLost):
        await client.identities.quota(OTHER_ADVERTISER, identity.identity_id)


@pytest.mark.parametrize("places", ["ids", "codes"])
async def test_music_is_cleared_or_not(
    world: World, client: TikTokClient, identity: Identity, places: Literal["ids", "codes"]
) -> None:
    posts = [
        {"item_id": "7511", "text": "a"},
        {"item_id": "7512", "text": "b", "music_authorized": False, "music": {"title": "Hit", "author": "Star"}},
        {"item_id": "7513", "text": "c", "music": None},
    ]
    await world.control.post("seed", {"accounts": [{"handle": world.handle, "display_name": "x", "posts": posts}]})
    await world.control.post("config", {"music_locations": places})
    said = [
        await client.identities.music(ADVERTISER, identity.identity_id, BC, one, AIRING)
        for one in ("7511", "7512", "7513")
    ]
    assert [music.music_status for music in said] == [
        MusicStatus.CLEARED,
        MusicStatus.NOT_CLEARED,
        MusicStatus.WITHOUT_SONG,
    ]
    assert [(music.is_refused, music.not_cleared) for music in said] == [
        (False, ()),
        (True, ("Hit by Star",)),
        (False, ()),
    ]


async def test_a_question_about_music_that_is_not_understood_is_no_word_about_it(
    world: World, client: TikTokClient, identity: Identity
) -> None:
    nowhere = AIRING._replace(location_ids=("1",), country_codes=("XX",))
    with pytest.raises(InvalidRequest, match="locations"):
        await client.identities.music(ADVERTISER, identity.identity_id, BC, world.posts[0], nowhere)
    calls = (await world.control.get("calls"))["paths"]["/identity/music/authorization/"]["calls"]
    assert calls == 2, "by id, then once by code"


# Campaigns, ad groups, ads


def new_campaign(name: str) -> NewCampaign:
    return NewCampaign(campaign_name=name, objective_type=Objective.REACH, budget_mode=BudgetMode.INFINITE)


def new_ad_group(campaign: Campaign, name: str) -> NewAdGroup:
    start = datetime.now(UTC)
    return NewAdGroup(
        campaign_id=campaign.campaign_id,
        adgroup_name=name,
        location_ids=("6252001",),
        budget_mode=BudgetMode.TOTAL,
        budget=500,
        schedule_type="SCHEDULE_START_END",
        schedule_start_time=start,
        schedule_end_time=start + timedelta(days=7),
        optimization_goal="REACH",
        billing_event="CPM",
        bid_type="BID_TYPE_NO_BID",
    )


@pytest.fixture
async def campaign(world: World, client: TikTokClient) -> Campaign:
    return await client.ads.create_campaign(ADVERTISER, new_campaign("Release"), "1")


@pytest.fixture
async def ad_group(client: TikTokClient, campaign: Campaign) -> AdGroup:
    return await client.ads.create_ad_group(ADVERTISER, new_ad_group(campaign, "Group"), "2")


def pull(identity: Identity, name: str, item_id: str) -> PullCreative:
    return PullCreative(
        ad_name=name,
        identity_id=identity.identity_id,
        identity_authorized_bc_id=BC,
        tiktok_item_id=item_id,
        call_to_action="LEARN_MORE",
    )


async def test_campaigns_and_ad_groups_are_created_found_and_set(
    client: TikTokClient, campaign: Campaign, ad_group: AdGroup
) -> None:
    assert (campaign.campaign_name, campaign.operation_status) == ("Release", "ENABLE")
    assert campaign.create_time is not None
    second = await client.ads.create_campaign(ADVERTISER, new_campaign("Release 2"), "3")
    assert [one.campaign_id for one in await client.ads.campaigns(ADVERTISER, name="Release")] == [campaign.campaign_id]
    by_id = await client.ads.campaigns(ADVERTISER, ids=[second.campaign_id])
    assert [one.campaign_name for one in by_id] == ["Release 2"]
    await client.ads.set_campaign_status(ADVERTISER, [second.campaign_id], OperationStatus.DISABLE)
    assert (await client.ads.campaigns(ADVERTISER, ids=[second.campaign_id]))[0].operation_status == "DISABLE"
    await client.ads.set_campaign_status(ADVERTISER, [second.campaign_id], OperationStatus.DELETE)
    assert [one.campaign_id for one in await client.ads.campaigns(ADVERTISER)] == [campaign.campaign_id]

    assert ad_group.campaign_id == campaign.campaign_id
    assert ad_group.schedule_end_time is not None
    for found in (
        await client.ads.ad_groups(ADVERTISER, ids=[ad_group.adgroup_id]),
        await client.ads.ad_groups(ADVERTISER, campaign_ids=[campaign.campaign_id]),
        await client.ads.ad_groups(ADVERTISER, name="Group"),
    ):
        assert [one.adgroup_id for one in found] == [ad_group.adgroup_id]
    assert await client.ads.ad_groups(ADVERTISER, name="Grou") == []
    await client.ads.set_ad_group_status(ADVERTISER, [ad_group.adgroup_id], OperationStatus.DISABLE)
    assert (await client.ads.ad_groups(ADVERTISER))[0].operation_status == "DISABLE"


async def test_a_request_id_and_a_name_are_used_once(client: TikTokClient, campaign: Campaign) -> None:
    with pytest.raises(DuplicateRequest):
        await client.ads.create_campaign(ADVERTISER, new_campaign("Release"), "1")
    await client.ads.create_ad_group(ADVERTISER, new_ad_group(campaign, "Group"), "5")
    with pytest.raises(DuplicateRequest):
        await client.ads.create_ad_group(ADVERTISER, new_ad_group(campaign, "Group"), "5")


async def test_a_pull_ad_is_created_reviewed_and_set(
    world: World, client: TikTokClient, identity: Identity, ad_group: AdGroup
) -> None:
    creatives = [pull(identity, f"ad {number}", world.posts[number]) for number in range(3)]
    created = await client.ads.create_ads(ADVERTISER, ad_group.adgroup_id, creatives)
    assert not created.partial
    assert [ad.ad_name for ad in created.ads] == ["ad 0", "ad 1", "ad 2"]
    assert [ad.tiktok_item_id for ad in created.ads] == world.posts[:3]
    assert {(ad.video_id, ad.dark_post_status) for ad in created.ads} == {(None, None)}
    ids = list(created.ad_ids)
    assert await seen(client, ad_group) == set(ids)
    assert {ad.ad_id for ad in await client.ads.ads(ADVERTISER, ad_ids=ids[:2])} == set(ids[:2])
    reviews = await client.ads.review_info(ADVERTISER, ids)
    assert set(reviews) == set(ids)
    assert all(review.is_approved for review in reviews.values())
    await client.ads.set_ad_status(ADVERTISER, ids[:1], OperationStatus.DISABLE)
    await client.ads.set_ad_status(ADVERTISER, ids[1:2], OperationStatus.DELETE)
    assert await seen(client, ad_group) == {ids[0], ids[2]}
    everything = await client.ads.ads(ADVERTISER, adgroup_ids=[ad_group.adgroup_id], include_deleted=True)
    assert {ad.ad_id: ad.secondary_status for ad in everything} == {
        ids[0]: "AD_STATUS_DISABLE",
        ids[1]: "AD_STATUS_DELETE",
        ids[2]: "AD_STATUS_DELIVERY_OK",
    }


async def seen(client: TikTokClient, ad_group: AdGroup) -> set[str]:
    return {ad.ad_id for ad in await client.ads.ads(ADVERTISER, adgroup_ids=[ad_group.adgroup_id])}


async def test_a_push_ad_becomes_a_post_after_review(
    world: World, client: TikTokClient, identity: Identity, ad_group: AdGroup, video_file: Path
) -> None:
    await world.control.post("clock", {"review_seconds": 0.2})
    video = await client.files.upload_video(ADVERTISER, video_file, md5=md5_of(video_file), file_name="clip.mp4")
    cover = (await client.files.suggest_covers(ADVERTISER, video.video_id))[0]
    creative = PushCreative(
        ad_name="push",
        identity_id=identity.identity_id,
        identity_authorized_bc_id=BC,
        video_id=video.video_id,
        image_ids=(cover.id,),
        ad_text="out now",
        dark_post_status="OFF",
        call_to_action="LEARN_MORE",
    )
    (ad,) = (await client.ads.create_ads(ADVERTISER, ad_group.adgroup_id, [creative])).ads
    assert (ad.video_id, ad.dark_post_status, ad.tiktok_item_id) == (video.video_id, "OFF", None)

    async def published() -> Ad:
        while True:
            (now,) = await client.ads.ads(ADVERTISER, ad_ids=[ad.ad_id])
            if now.tiktok_item_id:
                return now

    ad = await asyncio.wait_for(published(), 10)
    assert ad.tiktok_item_id is not None
    post = await client.identities.post(ADVERTISER, identity.identity_id, BC, ad.tiktok_item_id)
    assert post.text == "out now"


async def test_ads_are_listed_over_pages_and_set_in_batches(
    world: World, client: TikTokClient, identity: Identity, ad_group: AdGroup
) -> None:
    await world.control.post("config", {"ads_per_adgroup": 2000})
    for batch in range(51):
        creatives = [pull(identity, f"ad {batch}/{number}", world.posts[number]) for number in range(20)]
        await client.ads.create_ads(ADVERTISER, ad_group.adgroup_id, creatives)
    ads = await client.ads.ads(ADVERTISER, adgroup_ids=[ad_group.adgroup_id])
    ids = [ad.ad_id for ad in ads]
    assert len(set(ids)) == 1020
    assert {ad.ad_id for ad in await client.ads.ads(ADVERTISER, ad_ids=ids[:130])} == set(ids[:130])
    assert set(await client.ads.review_info(ADVERTISER, ids[:130])) == set(ids[:130])
    await client.ads.set_ad_status(ADVERTISER, ids[:45], OperationStatus.DISABLE)
    disabled = [ad for ad in await client.ads.ads(ADVERTISER) if ad.operation_status == "DISABLE"]
    assert {ad.ad_id for ad in disabled} == set(ids[:45])


async def test_an_ad_of_an_unlinked_account_is_refused_as_identity_lost(
    world: World, client: TikTokClient, identity: Identity, ad_group: AdGroup
) -> None:
    await client.business_centers.unlink(BC, world.asset_id, ADVERTISER)
    with pytest.raises(IdentityLost) as caught:
        await client.ads.create_ads(ADVERTISER, ad_group.adgroup_id, [pull(identity, "ad", world.posts[0])])
    assert caught.value.code == 40002
    assert caught.value.request_id
    assert caught.value.path == "ad/create/"


# OAuth


async def test_a_code_becomes_a_token_once(world: World, tiktok: TikTok) -> None:
    token = await tiktok.oauth.exchange("app", SecretStr("app-secret"), SecretStr("the-code"))
    assert token.access_token.get_secret_value() == TOKEN
    assert TOKEN not in f"{token!r}{token}"
    assert set(token.advertiser_ids) == {ADVERTISER, OTHER_ADVERTISER}
    advertisers = await tiktok.client(token.access_token).oauth.advertisers("app", SecretStr("app-secret"))
    assert {one.advertiser_id: one.advertiser_name for one in advertisers} == {
        ADVERTISER: "Ads",
        OTHER_ADVERTISER: "Other ads",
    }
    with pytest.raises(AuthError) as used:
        await tiktok.oauth.exchange("app", SecretStr("app-secret"), SecretStr("the-code"))
    with pytest.raises(AuthError) as wrong:
        await tiktok.oauth.exchange("app", SecretStr("no-secret"), SecretStr("the-code"))
    for error in (used.value, wrong.value):
        assert "the-code" not in repr(error)
        assert "app-secret" not in repr(error)
        assert "no-secret" not in repr(error)


# Errors


async def test_a_wrong_token_is_an_auth_error(world: World, tiktok: TikTok) -> None:
    with pytest.raises(AuthError) as caught:
        await tiktok.client(SecretStr("wrong-token")).business_centers.list()
    assert "wrong-token" not in f"{caught.value!r}{caught.value}"


async def test_somebody_elses_ad_account_is_forbidden(world: World, client: TikTokClient) -> None:
    with pytest.raises(NoPermission):
        await client.ads.campaigns("7099999999999999999")


async def test_what_is_not_understood_is_an_invalid_request(world: World, client: TikTokClient) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await client.business_centers.all_assets(BC, "NO_SUCH_TYPE")
    assert caught.value.code == 40002


async def test_no_verb_for_the_url_is_a_wrong_route(world: World, client: TikTokClient) -> None:
    rules = [{"path": "/bc/asset/account/authorization/", "kind": "code", "code": 40117, "times": 2}]
    await world.control.post("faults", {"rules": rules})
    with pytest.raises(WrongRoute):
        await client.business_centers.authorization_url(BC, ads_only=None)


@pytest.mark.parametrize(("code", "level"), [(40100, Level.APP), (40016, Level.APP), (40132, Level.VALUE)])
async def test_throttling_by_code(world: World, client: TikTokClient, code: int, level: Level) -> None:
    await world.control.fault("/campaign/create/", "code", code=code)
    with pytest.raises(Throttled) as caught:
        await client.ads.create_campaign(ADVERTISER, new_campaign("Release"), "1")
    assert caught.value.level is level
    assert await client.ads.campaigns(ADVERTISER) == []


async def test_throttling_of_one_ad_account(world: World, client: TikTokClient) -> None:
    await world.control.post("config", {"advertiser_qps": 1})
    calls = [client.ads.campaigns(one) for one in (ADVERTISER, ADVERTISER, OTHER_ADVERTISER)]
    first, second, other = await asyncio.gather(*calls, return_exceptions=True)
    throttled = [one for one in (first, second) if isinstance(one, Throttled)]
    assert [one.level for one in throttled] == [Level.ADVERTISER]
    assert other == []


@pytest.mark.parametrize(
    ("fault", "happened"),
    [
        ({"kind": "http", "when": "before"}, False),
        ({"kind": "http", "when": "after", "status": 504}, True),
        ({"kind": "code", "when": "before", "code": 50000}, False),
        ({"kind": "code", "when": "after", "code": 50000}, True),
        ({"kind": "code", "when": "after", "code": 50002}, True),
        ({"kind": "code", "when": "after", "code": 51010}, True),
        ({"kind": "drop", "when": "before"}, False),
        ({"kind": "drop", "when": "after"}, True),
        ({"kind": "delay", "when": "after", "seconds": 1.5}, True),
    ],
)
async def test_a_write_of_unknown_outcome_says_so_and_is_not_repeated(
    world: World, identity: Identity, ad_group: AdGroup, fault: dict[str, Any], *, happened: bool
) -> None:
    async with TikTok(world.control.url, None, Timeouts(connect=2, read=0.5)) as tiktok:
        client = tiktok.client(SecretStr(TOKEN))
        await world.control.fault("/ad/create/", **fault)
        with pytest.raises(UnknownOutcome, match="ad/create/"):
            await client.ads.create_ads(ADVERTISER, ad_group.adgroup_id, [pull(identity, "once", world.posts[0])])
        ads = await client.ads.ads(ADVERTISER, adgroup_ids=[ad_group.adgroup_id])
    assert [ad.ad_name for ad in ads] == (["once"] if happened else [])
    assert (await world.control.get("calls"))["paths"]["/ad/create/"]["calls"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http"},
        {"kind": "code", "code": 50000},
        {"kind": "drop"},
        {"kind": "delay", "seconds": 1.5},
    ],
)
async def test_a_read_that_went_wrong_may_be_repeated_but_not_by_itself(world: World, fault: dict[str, Any]) -> None:
    async with TikTok(world.control.url, None, Timeouts(connect=2, read=0.5)) as tiktok:
        client = tiktok.client(SecretStr(TOKEN))
        await world.control.fault("/campaign/get/", **fault)
        with pytest.raises(ServerFault):
            await client.ads.campaigns(ADVERTISER)
        assert (await world.control.get("calls"))["paths"]["/campaign/get/"]["calls"] == 1
        assert await client.ads.campaigns(ADVERTISER) == []


async def test_without_a_limiter_the_tier_is_enforced_by_tiktok(
    control: Control, tiktok: TikTok, client: TikTokClient
) -> None:
    await control.post("seed", {"tier": "basic", "business_centers": [{"bc_id": BC, "access_token": TOKEN}]})
    calls = [client.business_centers.list() for _ in range(15)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TikTokError)]
    assert 1 <= len(refused) <= 5
    assert all(isinstance(answer, Throttled) and answer.level is Level.APP for answer in refused)
