"""Partners: ad accounts that one Business Center lets another use, and what ends when it no longer does."""

from collections.abc import Iterable

from simulator.authorizations import unlink
from simulator.entities import AdAccount, AdvertiserRole, BusinessCenter
from simulator.state import World


def share(center: BusinessCenter, partner: BusinessCenter, advertiser_ids: Iterable[str]) -> None:
    """The partner's ad accounts can be used in `center` from now on, by those its admins give a role."""
    for advertiser_id in advertiser_ids:
        center.offers.pop(advertiser_id, None)
        center.shared_in[advertiser_id] = partner.bc_id
        center.shared_roles.setdefault(advertiser_id, {})
    center.partners.setdefault(partner.bc_id, partner.name)
    partner.partners.setdefault(center.bc_id, center.name)


def stop_sharing(
    world: World, center: BusinessCenter, partner_id: str, advertiser_ids: Iterable[str], now: float
) -> None:
    """The partner takes ad accounts back: roles and links of `center` there end, and its ads there stop."""
    for advertiser_id in advertiser_ids:
        if center.offers.get(advertiser_id) == partner_id:
            del center.offers[advertiser_id]
        if center.shared_in.get(advertiser_id) != partner_id:
            continue
        del center.shared_in[advertiser_id]
        del center.shared_roles[advertiser_id]
        for authorization in center.held.values():
            unlink(world, authorization, world.ad_accounts[advertiser_id], now)


def part(world: World, center: BusinessCenter, partner_id: str, now: float) -> None:
    """Two Business Centers are partners no longer; whatever either shared is taken back."""
    center.partners.pop(partner_id, None)
    stop_sharing(world, center, partner_id, [*center.shared_in, *center.offers], now)
    partner = world.centers.get(partner_id)
    if partner is not None:
        partner.partners.pop(center.bc_id, None)
        stop_sharing(world, partner, center.bc_id, [*partner.shared_in, *partner.offers], now)


def usable(world: World, center: BusinessCenter) -> list[AdAccount]:
    """Ad accounts of a Business Center: its own, then those shared with it."""
    found = [*center.ad_accounts.values(), *(world.ad_accounts[key] for key in center.shared_in)]
    return [one for one in found if not one.deleted]


def roles_on(center: BusinessCenter, advertiser_id: str) -> dict[str, AdvertiserRole] | None:
    """By user id, the roles that a Business Center's admins gave on an ad account; None if it has no such account.

    What a partner gives its own people on an ad account that it shares is none of our business, and the reverse.
    """
    advertiser = center.ad_accounts.get(advertiser_id)
    return center.shared_roles.get(advertiser_id) if advertiser is None else advertiser.roles
