"""The JSON Schema of a YAML manifest, for editors and for programs that write one."""

from typing import Any

from sparkads.captions import MAX_CAPTION
from sparkads.manifest.columns import (
    CALLS_TO_ACTION,
    COLUMNS,
    FOR_ALL,
    FOR_TERRITORIES,
    MAX_ROWS,
    MAX_TIER,
    MAX_URL,
)
from sparkads.manifest.rows import Mode, Visibility

_DIGITS = {"type": ["string", "integer"], "pattern": r"^[0-9]{1,20}$", "minimum": 0}
_WALL_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?"
_DAY = {"type": "string", "pattern": rf"^([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{_WALL_TIME})$"}
_FILE = {"type": "string", "minLength": 1}

_SHAPES: dict[str, dict[str, Any]] = {
    "row_id": {"type": ["string", "integer"], "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
    "mode": {"enum": [str(mode) for mode in Mode]},
    "account": {"type": "string", "pattern": r"^@?[A-Za-z0-9._]{2,24}$"},
    "ad_account": _DIGITS,
    "territory": {"type": "string", "pattern": r"^[A-Z]{2}$"},
    "location_id": _DIGITS,
    "time_zone": {"type": "string", "minLength": 1},
    "release_at": {"type": "string", "pattern": rf"^([Nn][Oo][Ww]|{_WALL_TIME})$"},
    "visibility": {"enum": [str(visibility) for visibility in Visibility]},
    "video": _FILE,
    "post_id": _DIGITS,
    "caption": {"type": ["string", "number"], "maxLength": MAX_CAPTION},
    "landing_url": {"type": "string", "pattern": r"^https://[^\s/]+\.[^\s]+$", "maxLength": MAX_URL},
    "call_to_action": {"enum": sorted(CALLS_TO_ACTION)},
    "daily_budget": {"type": ["number", "string"], "exclusiveMinimum": 0},
    "cover": _FILE,
    "ad_group_id": _DIGITS,
    "tier": {"type": ["integer", "string"], "minimum": 0, "maximum": MAX_TIER, "pattern": "^[0-9]{1,2}$"},
    "rights_from": _DAY,
    "rights_until": _DAY,
}


def schema() -> dict[str, Any]:
    """
    The schema, draft 2020-12.

    It describes what each place may hold. What depends on several places is left to `sparkads campaign check`.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sparkads release manifest",
        "description": "A row takes what it does not say from its territory, and else from defaults.",
        "type": "object",
        "properties": {
            "defaults": _cells(FOR_ALL)
            | {"description": "what rows fall back on that neither they nor their territory say"},
            "territories": {
                "description": "what rows of a territory fall back on, by its two letters",
                "type": "object",
                "patternProperties": {"^[A-Z]{2}$": _cells(FOR_TERRITORIES)},
                "additionalProperties": False,
            },
            "rows": {
                "description": "one for each post",
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_ROWS,
                "items": _cells(frozenset(COLUMNS)) | {"required": ["row_id", "account"]},
            },
        },
        "required": ["rows"],
        "additionalProperties": False,
    }


def _cells(columns: frozenset[str]) -> dict[str, Any]:
    """Columns by name; each may be empty, which is as good as not there."""
    return {
        "type": "object",
        "properties": {
            name: {"description": meaning, "anyOf": [_SHAPES[name], {"enum": ["", None]}]}
            for name, meaning in COLUMNS.items()
            if name in columns
        },
        "additionalProperties": False,
    }
