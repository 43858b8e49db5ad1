"""The version of this package, which stands in its metadata."""

from importlib.metadata import version

__version__ = version("bonafide-client")
