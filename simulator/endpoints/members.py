"""Members of a Business Center: listed, invited, changed, removed."""

import re
from typing import Any, Final, Literal

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.entities import Member
from simulator.envelope import no_asset_permission, parameter_error
from simulator.fields import Body, Filter, Id, Query
from simulator.members import find_member, invite, remove_member
from simulator.partners import roles_on
from simulator.routes import Call, Data, Routes

routes = Routes()

EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class MemberFilter(Filter):
    """Filtering of members."""

    keyword: str | None = None
    user_role: Literal["ADMIN", "STANDARD"] | None = None
    relation_status: Literal["BOUND", "PENDING", "REJECTED", "UNBOUND"] | None = None


class MemberGet(Query):
    """GET /bc/member/get/: at most 20 rows a page."""

    bc_id: Id
    filtering: MemberFilter = MemberFilter()
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=10, ge=1, le=20)


@routes.get("/bc/member/get/", MemberGet)
def member_get(call: Call, query: MemberGet) -> Data:
    """Members of a Business Center, with masked addresses."""
    center = call.session.administered(query.bc_id)
    wanted = query.filtering
    keyword = (wanted.keyword or "").casefold()
    rows = [
        member
        for member in center.members.values()
        if keyword in known_as(member)
        and wanted.user_role in {None, member.user_role}
        and wanted.relation_status in {None, member.relation_status}
    ]
    return paged(rows, query.page, query.page_size, _member)


def who(member: Member) -> dict[str, str | None]:
    """Who a member is. One who is only invited is an address and nothing else."""
    is_invited = member.relation_status == "PENDING"
    return {
        "user_id": None if is_invited else member.user_id,
        "user_name": None if is_invited else member.user_name,
        "user_email": masked(member.user_email),
    }


def known_as(member: Member) -> str:
    """What a keyword is looked for in: the address, and the name of one who has joined."""
    name = "" if member.relation_status == "PENDING" else member.user_name
    return f"{name}\n{member.user_email}".casefold()


def _member(member: Member) -> dict[str, Any]:
    return {
        **who(member),
        "user_role": member.user_role,
        "relation_status": member.relation_status,
        "ext_user_role": {"finance_role": None},
    }


def masked(email: str) -> str:
    """`anna@example.org` as `a**a@example.org`."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}**{name[-1:]}@{domain}" if domain else ""


class MemberInvite(Body):
    """POST /bc/member/invite/: 1 to 50 addresses, with up to 50 ad accounts."""

    bc_id: Id
    emails: list[str] = Field(min_length=1, max_length=50)
    user_role: Literal["ADMIN", "STANDARD"] = "STANDARD"
    asset_type: Literal["ADVERTISER"] | None = None
    asset_ids: list[Id] = Field(default_factory=list, max_length=50)
    advertiser_role: Literal["ADMIN", "OPERATOR", "ANALYST"] = "ANALYST"


@routes.post("/bc/member/invite/", MemberInvite)
def member_invite(call: Call, body: MemberInvite) -> Data:
    """Invite people; those who are members or invited already are passed over. They join by themselves (control)."""
    center = call.session.administered(body.bc_id)
    for asset_id in body.asset_ids:
        if roles_on(center, asset_id) is None:
            raise no_asset_permission(asset_id)
    for email in body.emails:
        if not EMAIL.fullmatch(email):
            raise parameter_error(f"Invalid value of 'emails': {email}")
    for email in body.emails:
        invite(call.world, center, email, body.user_role, dict.fromkeys(body.asset_ids, body.advertiser_role))
    return {}


class MemberUpdate(Body):
    """POST /bc/member/update/."""

    bc_id: Id
    user_id: Id
    user_role: Literal["ADMIN", "STANDARD"] | None = None
    user_name: str | None = Field(default=None, min_length=1, max_length=250)


@routes.post("/bc/member/update/", MemberUpdate)
def member_update(call: Call, body: MemberUpdate) -> Data:
    """Change a member's role or name."""
    center = call.session.administered(body.bc_id)
    member = center.members.get(body.user_id)
    if member is None or member.relation_status == "PENDING":
        raise parameter_error(f"The user {body.user_id} is not a member of this Business Center.")
    member.user_role = body.user_role or member.user_role
    member.user_name = body.user_name or member.user_name
    return {}


class MemberDelete(Body):
    """POST /bc/member/delete/: by id, or by address, as whoever has only been invited has no id."""

    bc_id: Id
    user_id: Id | None = None
    user_email: str | None = None


@routes.post("/bc/member/delete/", MemberDelete)
def member_delete(call: Call, body: MemberDelete) -> Data:
    """Remove a member, or take an invitation back."""
    center = call.session.administered(body.bc_id)
    if body.user_id is None and body.user_email is None:
        raise parameter_error("Missing required field(s): user_id or user_email.")
    if body.user_id is not None:
        member = center.members.get(body.user_id)
        member = None if member is not None and member.relation_status == "PENDING" else member
    else:
        member = find_member(center, email=body.user_email or "")
    if member is None:
        raise parameter_error("The user is not a member of this Business Center.")
    remove_member(center, member.user_id)
    return {}
