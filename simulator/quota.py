"""The quota of active ad groups in an ad account: beyond it one is made all the same, and switched off for good."""

from simulator.entities import AdAccount, AdGroup
from simulator.state import World


def active_adgroups(advertiser: AdAccount, now: float) -> int:
    """Ad groups that deliver, or would once their ads are through: neither off, nor over, nor deleted."""
    return sum(_is_active(one, now) for one in advertiser.adgroups.values())


def _is_active(adgroup: AdGroup, now: float) -> bool:
    return (
        adgroup.operation_status == "ENABLE"
        and not adgroup.deleted
        and not adgroup.campaign.deleted
        and now < adgroup.ends_at
    )


def enabled(world: World, advertiser: AdAccount, adgroup: AdGroup, now: float) -> None:
    """An ad group has become active; if that was one too many, it is switched off some seconds later."""
    if active_adgroups(advertiser, now) <= advertiser.adgroup_quota:
        return

    def switch_off(due: float) -> None:
        if adgroup.operation_status == "ENABLE" and not adgroup.deleted:
            adgroup.operation_status, adgroup.over_quota, adgroup.modified_at = "DISABLE", True, due

    world.schedule.at(now + world.delays.quota_seconds, switch_off)
