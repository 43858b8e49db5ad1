#!/usr/bin/env python3
"""What a program is made of: a CycloneDX 1.6 list of its crates and libraries, and the licences of the crates with their texts.

    deploy/docker/sbom.py session-svc FOLDER [FEATURES]     # sbom.cdx.json and LICENCES.txt there

`debian.txt` in the folder names the Debian packages of its libraries, each with its version; their own licences lie in `debian/`.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tomllib

TARGET = "x86_64-unknown-linux-gnu"
LICENCE_FILES = ("license", "licence", "copying", "notice", "unlicense")


def main():
    name, folder, features = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    command += [f"--features={each}" for each in features]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(package for package in packages.values() if package["name"] == name and package["source"] is None)
    lock = tomllib.loads(pathlib.Path(metadata["workspace_root"], "Cargo.lock").read_text())
    checksums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}
    libraries = [line.split() for line in (folder / "debian.txt").read_text().splitlines()]

    used = reachable(root["id"], nodes)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**crate(root, checksums), "type": "application"}},
        "components": [crate(packages[each], checksums) for each in sorted(used - {root["id"]})] + [deb(*each) for each in libraries],
        "dependencies": [
            {"ref": reference(packages[each]), "dependsOn": [reference(packages[other]) for other in sorted(needs(nodes[each]) & used)]}
            for each in sorted(used)
        ],
    }
    (folder / "sbom.cdx.json").write_text(json.dumps(bom, indent=1) + "\n")
    (folder / "LICENCES.txt").write_text(licences([packages[each] for each in used if packages[each]["source"]]))


def reachable(root, nodes):
    """A package and all that its program is linked of: not what only builds or tests it."""
    found, left = set(), [root]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left.extend(needs(nodes[each]))
    return found


def needs(node):
    return {each["pkg"] for each in node["deps"] if any(kind["kind"] is None for kind in each["dep_kinds"])}


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def crate(package, checksums):
    made = {"type": "library", "bom-ref": reference(package), "name": package["name"], "version": package["version"]}
    if package["license"]:
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package["source"]:
        made["purl"] = reference(package)
        if checksum := checksums[package["name"], package["version"]]:
            made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made


def deb(name, version):
    name = name.split(":")[0]
    purl = f"pkg:deb/debian/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def licences(packages):
    """Each crate with its licence, then every text once, after the crates that it came with."""
    packages = sorted(packages, key=reference)
    texts = collections.defaultdict(list)
    for package in packages:
        for path in sorted(pathlib.Path(package["manifest_path"]).parent.iterdir()):
            if path.is_file() and path.name.lower().startswith(LICENCE_FILES):
                texts[path.read_text(errors="replace").strip()].append(f"{package['name']} {package['version']}")
    lines = [f"{package['name']} {package['version']}: {package['license'] or 'see its files'}" for package in packages]
    for text, owners in texts.items():
        lines += ["", "-" * 80, ", ".join(owners), "", text]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
