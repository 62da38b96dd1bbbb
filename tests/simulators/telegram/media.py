"""Photos and documents: what Telegram accepts, and which sizes it makes of a photo."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

from tests.simulators.telegram.errors import ApiError, bad_request
from tests.simulators.telegram.parameters import Parameters, Upload
from tests.simulators.telegram.world import Photo, PhotoSize, StoredFile, World

MAX_PHOTO = 10 * 2**20
MAX_UPLOAD = 50 * 2**20
MAX_DOWNLOAD = 20 * 2**20

_MAX_SIDES = 10_000
_MAX_RATIO = 20
_THUMBNAILS = (90, 320, 800)
_UNKNOWN_FILE = "wrong file identifier/HTTP URL specified"


def photo_from(world: World, parameters: Parameters, reference: str) -> Photo:
    """The photo a call means: an upload, or the file_id of a photo sent before."""
    upload = _upload(parameters, reference)
    if upload is None:
        if reference not in world.photos:
            raise bad_request(_missing(world, reference, "Photo"))
        return world.photos[reference]
    size = len(upload.data)
    if size > MAX_PHOTO:
        raise bad_request(
            f"file of size {size} bytes is too big for a photo; "
            f"the maximum size is {MAX_PHOTO} bytes"
        )
    return store_photo(world, upload.data)


def document_from(world: World, parameters: Parameters, reference: str) -> StoredFile:
    """The document a call means: an upload, or the file_id of a document sent before."""
    upload = _upload(parameters, reference)
    if upload is not None:
        return store_document(world, upload.name, upload.data, upload.media_type)
    file = world.files.get(reference)
    if file is None or file.folder != "documents":
        raise bad_request(_missing(world, reference, "Document"))
    return file


def store_photo(world: World, data: bytes) -> Photo:
    """The picture in several sizes, smallest first. ApiError for what Telegram does not take.

    The biggest keeps its bytes, of which Telegram would make a JPEG: so tests can compare.
    """
    image = _checked(data)
    media_type = Image.MIME.get(image.format or "", "image/jpeg")
    width, height = image.size
    sizes: list[PhotoSize] = []
    number = world.number()
    for side in _THUMBNAILS:
        if max(width, height) > side:
            small = image.convert("RGB")
            small.thumbnail((side, side))
            jpeg = io.BytesIO()
            small.save(jpeg, "JPEG")
            file = _store_picture(world, number, jpeg.getvalue(), "image/jpeg")
            sizes.append(PhotoSize(*small.size, file))
    photo = (*sizes, PhotoSize(width, height, _store_picture(world, number, data, media_type)))
    world.photos.update({size.file.id: photo for size in photo})
    return photo


def store_document(world: World, name: str, data: bytes, media_type: str) -> StoredFile:
    if not data:
        raise bad_request("file must be non-empty")
    return world.store(data, name=name, media_type=media_type, folder="documents")


def store_sound(world: World, name: str, data: bytes, media_type: str) -> StoredFile:
    """A voice message, which has no name, or music."""
    if not data:
        raise bad_request("file must be non-empty")
    folder = "music" if name else "voice"
    return world.store(data, name=name, media_type=media_type, folder=folder)


def _store_picture(world: World, number: int, data: bytes, media_type: str) -> StoredFile:
    return world.store(data, name=f"file_{number}.jpg", media_type=media_type, folder="photos")


def _checked(data: bytes) -> Image.Image:
    if not data:
        raise bad_request("file must be non-empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            if width + height > _MAX_SIDES or max(width, height) > _MAX_RATIO * min(width, height):
                raise bad_request("PHOTO_INVALID_DIMENSIONS")
            image.load()
    except Image.DecompressionBombError:
        raise bad_request("PHOTO_INVALID_DIMENSIONS") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    return image


def _upload(parameters: Parameters, reference: str) -> Upload | None:
    """The uploaded file behind a parameter's name or an ``attach://name``."""
    name = reference.removeprefix("attach://")
    upload = parameters.files.get(name)
    if upload is None and reference.startswith("attach://"):
        raise bad_request(_UNKNOWN_FILE)
    if upload is not None and len(upload.data) > MAX_UPLOAD:
        raise ApiError(413, "Request Entity Too Large")
    return upload


def _missing(world: World, reference: str, wanted: str) -> str:
    if reference.startswith(("http://", "https://")):
        return "failed to get HTTP URL content"  # this Telegram has no Internet
    if reference in world.files:
        given = "Photo" if world.files[reference].folder == "photos" else "Document"
        return f"can't use file of type {given} as {wanted}"
    return _UNKNOWN_FILE
