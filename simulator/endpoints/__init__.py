"""The API for Business, endpoint by endpoint."""

from simulator.endpoints import (
    adgroups,
    ads,
    advertisers,
    asset_groups,
    assets,
    business_center,
    campaigns,
    events,
    file_names,
    identities,
    images,
    members,
    oauth,
    pieces,
    posts,
    reports,
    targeting,
    videos,
)
from simulator.routes import AnyEndpoint

TABLE: dict[str, dict[str, AnyEndpoint]] = {
    path: methods
    for module in (
        oauth,
        advertisers,
        business_center,
        members,
        assets,
        asset_groups,
        identities,
        posts,
        targeting,
        videos,
        images,
        pieces,
        file_names,
        campaigns,
        adgroups,
        ads,
        reports,
        events,
    )
    for path, methods in module.routes.table.items()
}
"""Every endpoint by path, then by HTTP method."""
