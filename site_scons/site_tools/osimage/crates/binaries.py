"""Which binaries of a package become images: those whose features are enabled, and of them the one that `run` boots."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import did_you_mean
from .metadata import Package


def enabled(package: Package, named: Iterable[str], with_default: bool) -> frozenset[str]:
    """The features of PACKAGE that are on where these are NAMED, with the default ones or not, and all that they say.

    (The Cargo Book, "Features": `crate/feature` and `dep:crate` are a dependency's, and stand for themselves.)
    """
    said = dict(package.features_said)
    found: dict[str, None] = {}
    left = [*named, *(["default"] if with_default and "default" in said else [])]
    while left:
        feature = left.pop()
        if feature not in found:
            found[feature] = None
            left += said.get(feature, ())
    return frozenset(found)


def choose(
    package: Package, shown: str, named: str | None, features: frozenset[str]
) -> tuple[tuple[str, ...], str | None, list[str]]:
    """The binaries that become images, the one that `run` boots (None: a person has to say), and what is wrong.

    SHOWN is the manifest for people, NAMED the one binary that is wanted, FEATURES those that are on. As with cargo,
    binaries with `required-features` that are not on are left out, unless one is named.
    """
    has = f"it has: {', '.join(package.bins)}" if package.bins else "it has none"
    if named is not None:
        if named in package.bins:
            return (named,), named, []
        return (), None, [f"binary '{named}' is not in {shown} ({has}).{did_you_mean(named, package.bins)}"]
    needs = dict(package.required_features)
    bins = tuple(name for name in package.bins if features.issuperset(needs.get(name, ())))
    if package.bins and not bins:
        listed = ", ".join(f"{name} ({', '.join(needs[name])})" for name in package.bins)
        fault = f"every binary of {shown} needs features that are not enabled: {listed}."
        return (), None, [f"{fault} Write FEATURES={','.join(needs[package.bins[0]])} on the command line."]
    only = bins[0] if len(bins) == 1 else None
    return bins, package.default_run if package.default_run in bins else only, []
