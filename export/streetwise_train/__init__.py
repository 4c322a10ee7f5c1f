"""The trainer and exporter of Streetwise: pictures of streets in, a verified model folder out."""

__version__ = "0.1.0"
