"""What `Environment(tools=["osimage"])` finds where osimage is installed as a package."""

from osimage import exists, generate

__all__ = ["exists", "generate"]
