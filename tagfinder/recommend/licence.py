"""The licence of a bundle: an identifier of SPDX or of the Hugging Face Hub."""

from __future__ import annotations

from difflib import get_close_matches

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from tagfinder.errors import InputError

# What the Hub takes as `license` in a model card; another one is `other`, with its name beside it.
_OF_THE_HUB = """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m
    bigscience-bloom-rail-1.0 bigscience-openrail-m bsd bsd-2-clause bsd-3-clause
    bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0
    cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
    cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0
    epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl
    gpl gpl-2.0 gpl-3.0 h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2
    llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by
    ofl-1.1 openmdw-1.0 openrail openrail++ osl-3.0 other pddl postgresql unknown unlicense
    wtfpl zlib
"""
HUB_LICENCES = frozenset(_OF_THE_HUB.split())


def check_licence(name: str) -> str:
    """Return the identifier of a licence as it is spelled officially.

    Raises:
        InputError: neither SPDX nor the Hub has it; names the nearest one.
    """
    if name.lower() in HUB_LICENCES:
        return name.lower()
    try:
        # One identifier: an expression has blanks.
        return canonicalize_license_expression("" if " " in name.strip() else name)
    except InvalidLicenseExpression:
        near = get_close_matches(name.lower(), sorted(HUB_LICENCES), n=1, cutoff=0)
        raise InputError(
            f"--license {name} is no identifier of a licence, neither SPDX's (spdx.org/licenses) "
            f"nor the Hugging Face Hub's; the nearest one is {near[0]}"
        ) from None


def licence_of_card(name: str | None) -> dict[str, str]:
    """Return the keys of a model card's front matter that state a checked licence."""
    if name is None:
        return {"license": "unknown"}
    if name in HUB_LICENCES:
        return {"license": name}
    return {"license": "other", "license_name": name.lower()}
