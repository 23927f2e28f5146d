"""The front end of DeiT, by the field names of its Hub file."""

from specs.processing.image_section import stated

FRONT_END = stated("DeiTImageProcessor")
