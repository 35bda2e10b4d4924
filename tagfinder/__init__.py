"""TagFinder learns from tagged posts which hashtags fit a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagfinder.recommend.loading import load
    from tagfinder.recommend.recommender import Recommender

__version__ = "0.2.0"
__all__ = ["Recommender", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import the recommender and its libraries only on first use."""
    if name == "Recommender":
        from tagfinder.recommend.recommender import Recommender

        return Recommender
    if name == "load":
        from tagfinder.recommend.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
