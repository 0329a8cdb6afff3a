"""People of a Business Center: invited, joined, gone. Whoever is only invited is known by an address alone."""

from simulator.entities import AdvertiserRole, BusinessCenter, Member, UserRole
from simulator.partners import roles_on
from simulator.state import World


def find_member(center: BusinessCenter, *, email: str) -> Member | None:
    """A member, joined or invited, by address in any case."""
    wanted = email.casefold()
    return next((one for one in center.members.values() if one.user_email.casefold() == wanted), None)


def invite(
    world: World, center: BusinessCenter, email: str, role: UserRole, roles_on_joining: dict[str, AdvertiserRole]
) -> None:
    """Invite somebody; nothing happens to one who is a member or is invited already."""
    if find_member(center, email=email) is None:
        user_id = world.ids.long("72")
        center.members[user_id] = Member(user_id, "", email, role, "PENDING", roles_on_joining)


def accept(center: BusinessCenter, member: Member, name: str | None) -> None:
    """An invited person joins, with the ad accounts that the invitation named."""
    member.user_name = name or member.user_name or member.user_email.partition("@")[0]
    member.relation_status = "BOUND"
    for advertiser_id, role in member.roles_on_joining.items():
        roles = roles_on(center, advertiser_id)
        if roles is not None:
            roles[member.user_id] = role
    member.roles_on_joining = {}


def remove_member(center: BusinessCenter, user_id: str) -> None:
    """A person leaves a Business Center; what they were given goes with them."""
    del center.members[user_id]
    for authorization in center.held.values():
        authorization.member_roles.pop(user_id, None)
    for advertiser in center.ad_accounts.values():
        advertiser.roles.pop(user_id, None)
    for roles in center.shared_roles.values():
        roles.pop(user_id, None)
    for group in center.asset_groups.values():
        group.members.pop(user_id, None)
