"""Pictures: read from files, and prepared for an encoder."""

from runtime.images.preparing import as_pictures, prepared
from runtime.images.reading import read_image

__all__ = ["as_pictures", "prepared", "read_image"]
