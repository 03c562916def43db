"""What only the compiler and LLVM know of a target spec: features, processors, the data layout, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import did_you_mean
from ..toolchain.rustc import Rustc
from .migrate import needs_soft_float_abi, soft_float_abi
from .schema import Checker, shown


def llvm_faults(described: Mapping[str, Any], text: str, name: str, rustc: Rustc, checker: Checker) -> list[str]:
    """The faults of DESCRIBED, the spec of target NAME with the JSON TEXT, which fits the schema.

    The compiler is asked by compiling an empty crate, since a data layout is only compared when code is generated.
    """
    faults = [*_written(described.get("features", "")), *_abi(described, checker)]
    if faults:
        return faults
    unknown = rustc.unrecognized(text, name)
    said = {*described.get("features", "").split(","), described.get("cpu")}
    if any(word not in said for _, word in unknown):  # what rustc itself adds for the architecture
        arch, triple = shown(described["arch"]), shown(described["llvm-target"])
        return [f"arch is {arch}, but LLVM takes the llvm-target {triple} for another architecture."]
    faults = [
        f"{'cpu' if kind == 'processor' else 'features'}: "
        + _unrecognized(kind, word, described["llvm-target"], text, name, rustc)
        for kind, word in unknown
    ]
    return [*faults, *_refused(described, text, name, rustc)]


def flag_faults(flags: tuple[str, ...], triple: str, text: str, name: str, rustc: Rustc) -> list[str]:
    """The features and processors in FLAGS, for the target NAME with the JSON TEXT, that LLVM would pass over."""
    unknown = rustc.unrecognized(text, name, flags) if flags else ()
    return [_unrecognized(kind, word, triple, text, name, rustc) for kind, word in unknown]


def _written(features: str) -> Iterator[str]:
    """How the features are written: `+this,-that`, each once."""
    words = features.split(",") if features else []
    for word in words:
        if not word.strip():
            yield f"features is {shown(features)}: there is nothing between two commas."
        elif word[0] not in "+-":
            guess = word.strip().lstrip("+-")
            yield f"features: '{word}' neither adds nor takes away a feature: write '+{guess}' or '-{guess}'."
    for feature in sorted(
        {word[1:] for word in words if word[:1] == "+"} & {word[1:] for word in words if word[:1] == "-"}
    ):
        yield f"features: '{feature}' is both added and taken away."


def _abi(described: Mapping[str, Any], checker: Checker) -> Iterator[str]:
    """Software floats and the ABI go together on x86; the compiler takes one half of the mistake for a warning."""
    soft = soft_float_abi(checker)
    if soft is None or described.get("arch") not in ("x86", "x86_64"):
        return
    if needs_soft_float_abi(described) and described.get("rustc-abi") != soft:
        yield f'features has +soft-float, which needs rustc-abi "{soft}".'
    elif described.get("rustc-abi") == soft and not needs_soft_float_abi(described):
        yield f'rustc-abi is "{soft}", which needs +soft-float in features.'


def _unrecognized(kind: str, word: str, triple: str, text: str, name: str, rustc: Rustc) -> str:
    """A feature or processor that LLVM would pass over with a warning in every step."""
    if kind == "processor":
        known = rustc.target_cpus(text, name)
    else:
        word, known = word[1:], rustc.target_features(text, name)
    return f"LLVM {rustc.llvm_version} knows no {kind} '{word}' for {triple}.{did_you_mean(word, known)}"


def _refused(described: Mapping[str, Any], text: str, name: str, rustc: Rustc) -> Iterator[str]:
    """What the compiler says against the whole spec, in its own words but for the data layout."""
    complaint = rustc.check_spec(text, name)
    if complaint is None:
        return
    layout = described["data-layout"]
    wanted = rustc.data_layout(text, name)
    if wanted and wanted != layout:
        llvm = f"LLVM {rustc.llvm_version} has {shown(wanted)} for {described['llvm-target']}"
        yield f"data-layout is {shown(layout)}, but {llvm}. Leave the key out and it is filled in."
    else:
        words = complaint.removeprefix("error loading target specification: ").splitlines()[0]
        yield f"rustc {rustc.release} refuses it: {words}"
