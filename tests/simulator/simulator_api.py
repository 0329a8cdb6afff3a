"""A bare HTTP client of the simulator for its tests: no client code of the project is involved."""

import asyncio
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
from aiohttp import ClientSession, FormData

BC = "7300000000000000001"
OTHER_BC = "7300000000000000002"
ADVERTISER = "7000000000000000011"
SECOND_ADVERTISER = "7000000000000000012"
FOREIGN_ADVERTISER = "7000000000000000021"
ADMIN = "7200000000000000001"
MEMBER = "7200000000000000002"
PENDING = "7200000000000000003"
TOKEN = "token-of-label"
OTHER_TOKEN = "token-of-agency"
HANDLE = "ann"

SEED: dict[str, Any] = {
    "tier": "unlimited",
    "clock": {"review_seconds": 0},
    "business_centers": [
        {
            "bc_id": BC,
            "name": "Label & Sons",
            "access_token": TOKEN,
            "members": [
                {"user_id": ADMIN, "user_name": "Ada", "user_email": "ada@label.example", "user_role": "ADMIN"},
                {"user_id": MEMBER, "user_name": "Bob", "user_email": "bob@label.example", "user_role": "STANDARD"},
                {"user_id": PENDING, "user_name": "Cy", "user_role": "STANDARD", "relation_status": "PENDING"},
            ],
            "ad_accounts": [
                {"advertiser_id": ADVERTISER, "name": "Releases", "roles": {ADMIN: "ADMIN"}},
                {"advertiser_id": SECOND_ADVERTISER, "name": "Back catalogue"},
            ],
        },
        {
            "bc_id": OTHER_BC,
            "name": "Agency",
            "access_token": OTHER_TOKEN,
            "ad_accounts": [{"advertiser_id": FOREIGN_ADVERTISER, "name": "Agency spend"}],
            "partners": [{"bc_id": BC, "name": "Label & Sons", "shared_ad_accounts": [SECOND_ADVERTISER]}],
        },
    ],
    "apps": [{"app_id": "7100000000000000001", "secret": "app-secret", "auth_codes": {"code-1": TOKEN}}],
    "accounts": [
        {
            "handle": HANDLE,
            "display_name": "Ann Official",
            "posts": [
                {"item_id": "7500000000000000001", "text": "a song"},
                {"item_id": "7500000000000000002", "text": "not for ads", "ad_authorized": False},
                {"item_id": "7500000000000000003", "text": "pictures", "type": "CAROUSEL"},
                {"item_id": "7500000000000000004", "text": "a banned word"},
                {"item_id": "7500000000000000005", "text": "for friends", "status": "FRIENDS"},
            ],
        },
        {"handle": "ben", "display_name": "Ben"},
    ],
}


@dataclass(frozen=True)
class Answer:
    """What came back: HTTP status and, for an envelope, its parts."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> int:
        return int(self.body["code"])

    @property
    def message(self) -> str:
        return str(self.body["message"])

    @property
    def data(self) -> Any:
        return self.body["data"]


@dataclass(frozen=True)
class Api:
    """Calls with one token."""

    url: str
    session: ClientSession
    token: str | None = TOKEN

    def as_token(self, token: str | None) -> "Api":
        return Api(self.url, self.session, token)

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.token is None else {"Access-Token": self.token}

    async def get(self, path: str, **query: Any) -> Answer:
        params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        url = f"{self.url}/open_api/v1.3{path}"
        async with self.session.get(url, params=params, headers=self.headers) as response:
            return Answer(response.status, await response.json())

    async def post(self, path: str, **body: Any) -> Answer:
        url = f"{self.url}/open_api/v1.3{path}"
        async with self.session.post(url, json=body, headers=self.headers) as response:
            return Answer(response.status, await response.json())

    async def upload(self, path: str, form: dict[str, str], file_field: str = "", content: bytes = b"") -> Answer:
        data = FormData(form, default_to_multipart=True)
        if file_field:
            # A stream: aiohttp warns of large bytes, and a warning is an error here.
            data.add_field(file_field, io.BytesIO(content), filename="file.bin")
        url = f"{self.url}/open_api/v1.3{path}"
        async with self.session.post(url, data=data, headers=self.headers) as response:
            return Answer(response.status, await response.json())

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        async with self.session.post(f"{self.url}/control{path}", json=body) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def state(self) -> dict[str, Any]:
        async with self.session.get(f"{self.url}/control/state") as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def calls(self) -> dict[str, Any]:
        async with self.session.get(f"{self.url}/control/calls") as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def until(self, what: Callable[[dict[str, Any]], Any], seconds: float = 5.0) -> dict[str, Any]:
        """The first state for which the condition holds."""
        deadline = time.monotonic() + seconds
        while True:
            state = await self.state()
            if what(state):
                return state
            assert time.monotonic() < deadline, "the awaited state did not come"
            await asyncio.sleep(0.01)

    async def authorization_url(self, **query: Any) -> str:
        answer = await self.get("/bc/asset/account/authorization/", bc_id=BC, **query)
        return str(answer.data["bc_auth_qr_code"])

    async def linked(self, handle: str = HANDLE, advertiser_id: str = ADVERTISER, **scope: Any) -> dict[str, str]:
        """Approve and link an account; answers the identity fields of a creative."""
        approval = await self.control(f"/owners/{handle}/approve", bc_id=BC, **scope)
        answer = await self.post(
            "/bc/asset/advertiser/assign/", bc_id=BC, asset_id=approval["asset_id"], advertiser_id=advertiser_id
        )
        assert answer.code == 0
        return {
            "identity_type": "BC_AUTH_TT",
            "identity_id": approval["identity_id"],
            "identity_authorized_bc_id": BC,
        }

    async def campaign(self, name: str = "campaign", **fields: Any) -> str:
        body = {"objective_type": "REACH", "budget_mode": "BUDGET_MODE_INFINITE", **fields}
        answer = await self.post("/campaign/create/", advertiser_id=ADVERTISER, campaign_name=name, **body)
        assert answer.code == 0, answer
        return str(answer.data["campaign_id"])

    async def adgroup(self, name: str = "group", **fields: Any) -> str:
        body = {
            **adgroup_fields(),
            "adgroup_name": name,
            "campaign_id": await self.campaign(f"campaign of {name}"),
        }
        answer = await self.post("/adgroup/create/", **{**body, **fields})
        assert answer.code == 0, answer
        return str(answer.data["adgroup_id"])

    async def video(self, name: str = "clip.mp4") -> str:
        content = mp4()
        form = {
            "advertiser_id": ADVERTISER,
            "upload_type": "UPLOAD_BY_FILE",
            "video_signature": signature(content),
            "file_name": name,
        }
        answer = await self.upload("/file/video/ad/upload/", form, "video_file", content)
        assert answer.code == 0, answer
        return str(answer.data[0]["video_id"])

    async def push_media(self) -> dict[str, Any]:
        """The media fields of a push creative."""
        video_id = await self.video()
        covers = await self.get("/file/video/suggestcover/", advertiser_id=ADVERTISER, video_id=video_id)
        return {"video_id": video_id, "image_ids": [covers.data["list"][0]["id"]], "ad_format": "SINGLE_VIDEO"}

    async def create(self, adgroup_id: str, *creatives: dict[str, Any]) -> Answer:
        return await self.post(
            "/ad/create/", advertiser_id=ADVERTISER, adgroup_id=adgroup_id, creatives=list(creatives)
        )

    async def ads(self, **filtering: Any) -> list[dict[str, Any]]:
        answer = await self.get("/ad/get/", advertiser_id=ADVERTISER, filtering=filtering, page_size=100)
        assert answer.code == 0, answer
        return list(answer.data["list"])


def pull(identity: dict[str, str], item_id: str = "7500000000000000001", **fields: Any) -> dict[str, Any]:
    return {
        "ad_name": "pull",
        "ad_format": "SINGLE_VIDEO",
        "call_to_action": "LEARN_MORE",
        **identity,
        "tiktok_item_id": item_id,
        **fields,
    }


def push(identity: dict[str, str], media: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "ad_name": "push",
        "ad_text": "out now",
        "dark_post_status": "ON",
        "call_to_action": "LISTEN_NOW",
        **identity,
        **media,
        **fields,
    }


def adgroup_fields() -> dict[str, Any]:
    return {
        "advertiser_id": ADVERTISER,
        "placement_type": "PLACEMENT_TYPE_NORMAL",
        "placements": ["PLACEMENT_TIKTOK"],
        "location_ids": ["6252001"],
        "budget_mode": "BUDGET_MODE_DAY",
        "budget": 50,
        "schedule_type": "SCHEDULE_FROM_NOW",
        "schedule_start_time": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        "optimization_goal": "REACH",
        "billing_event": "CPM",
        "pacing": "PACING_MODE_SMOOTH",
    }


def signature(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


@cache
def mp4(width: int = 720, height: int = 1280) -> bytes:
    return _encoded("clip.mp4", "mpeg4", width, height, frames=10)


@cache
def png(width: int = 720, height: int = 1280) -> bytes:
    return _encoded("still.png", "png", width, height, frames=1)


def _encoded(name: str, codec: str, width: int, height: int, frames: int) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        options = {"update": "1"} if frames == 1 else {}
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height = width, height
            stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
            for _ in range(frames):
                container.mux(stream.encode(av.VideoFrame(width, height, stream.pix_fmt)))
            container.mux(stream.encode(None))
        return path.read_bytes()
