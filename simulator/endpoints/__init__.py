"""The API for Business, endpoint by endpoint."""

from simulator.endpoints import adgroups, ads, assets, business_center, campaigns, files, identities, oauth
from simulator.routes import AnyEndpoint

TABLE: dict[str, dict[str, AnyEndpoint]] = {
    path: methods
    for module in (oauth, business_center, assets, identities, files, campaigns, adgroups, ads)
    for path, methods in module.routes.table.items()
}
"""Every endpoint by path, then by HTTP method."""
