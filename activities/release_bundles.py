"""The rows of a release, read from the object store and checked again: a raw client may have put anything there."""

from pydantic import ValidationError

from sparkads.contracts.base import BlobRef
from sparkads.errors import ManifestInvalid, refused
from sparkads.files import Files
from sparkads.manifest import ReleaseBundle


async def read_bundle(files: Files, ref: BlobRef) -> ReleaseBundle:
    """
    The bundle that a release is started with.

    Raises:
        FileDamaged: it is not in the object store, or not as it was put there.
        ApplicationError: ManifestInvalid, with every mistake.
    """
    content = await files.get(ref)
    try:
        return ReleaseBundle.model_validate_json(content)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
            for detail in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise refused(ManifestInvalid(f"{len(wrong)} mistakes in the bundle; " + "; ".join(wrong[:20]))) from error
