"""Places that ads are shown in: all countries and some provinces, by the ids of GeoNames, which TikTok's examples use.

The table is from the GeoNames gazetteer (geonames.org, CC BY 4.0).
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

LevelName = Literal["COUNTRY", "PROVINCE"]


@dataclass(frozen=True, slots=True)
class Place:
    """A country or a province; a country's parent is "0"."""

    location_id: str
    region_code: str
    level: LevelName
    parent_id: str
    name: str


@cache
def places() -> dict[str, Place]:
    """All of them by id, countries first."""
    with Path(__file__).with_name("places.csv").open(newline="", encoding="utf-8") as file:
        rows = [Place(**row) for row in csv.DictReader(file)]  # type: ignore[arg-type]
    return {place.location_id: place for place in rows}


@cache
def countries() -> dict[str, Place]:
    """Countries by ISO 3166 code."""
    return {place.region_code: place for place in places().values() if place.level == "COUNTRY"}


def overlapping(location_ids: list[str]) -> Place | None:
    """A place that lies in another one of the list, if there is one."""
    chosen = set(location_ids)
    found = (places()[key] for key in location_ids)
    return next((place for place in found if place.parent_id in chosen), None)
