"""Names of videos and images: each is taken once in an ad account."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.receiving import LONGEST_NAME
from simulator.entities import AdAccount
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Filter, Id, Query
from simulator.routes import Call, Data, Routes

routes = Routes()

FileType = Literal["VIDEO", "IMAGE"]


def check_name(advertiser: AdAccount, kind: FileType, name: str | None) -> None:
    """Whether a name is free.

    Raises:
        ApiError: 40911 when it is taken.
    """
    if name is not None and (kind, name) in advertiser.file_names:
        raise ApiError(40911, "Duplicated material name. Please use another file name.")


class FileName(Filter):
    """One name to look up."""

    file_name: str = Field(min_length=1, max_length=LONGEST_NAME)
    file_type: FileType


class NameCheck(Query):
    """GET /file/name/check/: one name, or up to 20 in `files`."""

    advertiser_id: Id
    file_name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    file_type: FileType | None = None
    files: list[FileName] | None = Field(default=None, min_length=1, max_length=20)


@routes.get("/file/name/check/", NameCheck)
def name_check(call: Call, query: NameCheck) -> Data:
    """Whether names are taken, and by which material."""
    names = call.advertiser(query.advertiser_id).file_names

    def check(name: str, kind: FileType) -> dict[str, Any]:
        material_id = names.get((kind, name))
        found = {"duplicate": material_id is not None}
        return found if material_id is None else {**found, "duplicate_material_id": material_id}

    if query.files is not None:
        return {
            "batch_results": [
                {"file_name": one.file_name, "file_type": one.file_type, **check(one.file_name, one.file_type)}
                for one in query.files
            ]
        }
    if query.file_name is None or query.file_type is None:
        raise parameter_error("Missing required field(s): file_name, file_type.")
    return check(query.file_name, query.file_type)
