"""Tokens and who is behind them."""

from simulator.endpoints.members import masked
from simulator.envelope import ApiError
from simulator.fields import Body, Id, Query
from simulator.ids import digits
from simulator.routes import Anonymous, Call, Data, Routes

routes = Routes()

SCOPES = [1, 2, 4, 6, 23, 18000000]
"""Ad accounts, ads, reports, creative material, change log, TikTok accounts."""


class AccessToken(Body):
    """POST /oauth2/access_token/."""

    app_id: Id
    secret: str
    auth_code: str
    return_advertiser_ids: bool = True


@routes.post_without_token("/oauth2/access_token/", AccessToken)
def access_token(call: Anonymous, body: AccessToken) -> Data:
    """Exchange a code, which works once, for a token that never expires."""
    app = call.world.apps.get(body.app_id)
    if app is None or app.secret != body.secret:
        raise ApiError(40101, "The app_id and the secret do not match.")
    token = app.auth_codes.pop(body.auth_code, None)
    session = call.world.tokens.get(token) if token is not None else None
    if token is None or session is None:
        raise ApiError(40110, "The auth_code is canceled. Please re-authorize and try again with a new auth_code.")
    advertisers = sorted(session.advertisers()) if body.return_advertiser_ids else []
    return {"access_token": token, "advertiser_ids": advertisers, "scope": SCOPES}


class AdvertiserGet(Query):
    """GET /oauth2/advertiser/get/."""

    app_id: Id
    secret: str


@routes.get("/oauth2/advertiser/get/", AdvertiserGet)
def advertiser_get(call: Call, query: AdvertiserGet) -> Data:
    """Ad accounts of the token, in one list."""
    app = call.world.apps.get(query.app_id)
    if app is None or app.secret != query.secret:
        raise ApiError(40101, "The app_id and the secret do not match.")
    if call.session.app_id != app.app_id:
        raise ApiError(40113, "The app_id is inconsistent with the token's app information.")
    return {
        "list": [
            {"advertiser_id": one.advertiser_id, "advertiser_name": one.name}
            for one in call.session.advertisers().values()
        ]
    }


class RevokeToken(Body):
    """POST /oauth2/revoke_token/."""

    app_id: Id
    secret: str
    access_token: str


@routes.post("/oauth2/revoke_token/", RevokeToken)
def revoke_token(call: Call, body: RevokeToken) -> Data:
    """Make a token worthless. Seeding its Business Center again brings it back."""
    app = call.world.apps.get(body.app_id)
    if app is None or app.secret != body.secret:
        raise ApiError(40101, "The app_id and the secret do not match.")
    if body.access_token != call.session.token:
        raise ApiError(40105, "Access token is incorrect or has been revoked.")
    advertisers = sorted(call.session.advertisers())
    del call.world.tokens[body.access_token]
    return {"app_id": body.app_id, "advertiser_ids": advertisers}


class UserInfo(Query):
    """GET /user/info/."""


@routes.get("/user/info/", UserInfo)
def user_info(call: Call, _: UserInfo) -> Data:
    """The person the token acts as."""
    for bc_id in sorted(call.session.bc_ids):
        center = call.world.centers[bc_id]
        actor = call.session.actor(center)
        if actor is not None:
            return {
                **_user_id(call, actor.user_id),
                "display_name": actor.user_name,
                "email": masked(actor.user_email),
                "create_time": int(center.created_at),
                "avatar_url": "",
            }
    return {
        **_user_id(call, digits("user", call.session.token)),
        "display_name": "",
        "email": "",
        "create_time": 0,
        "avatar_url": "",
    }


def _user_id(call: Call, user_id: str) -> dict[str, str | int]:
    return {"id": int(user_id)} if call.world.config.user_id_field == "id" else {"core_user_id": user_id}
