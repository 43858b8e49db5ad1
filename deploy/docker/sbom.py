#!/usr/bin/env python3
"""What a program is made of: a CycloneDX 1.6 list of its crates, and their licences for people.

    deploy/docker/sbom.py session-svc FOLDER     # sbom.cdx.json and LICENCES.txt there
"""

import json
import pathlib
import subprocess
import sys
import tomllib

TARGET = "x86_64-unknown-linux-gnu"


def main():
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(package for package in packages.values() if package["name"] == name and package["source"] is None)
    lock = tomllib.loads(pathlib.Path(metadata["workspace_root"], "Cargo.lock").read_text())
    checksums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}

    used = reachable(root["id"], nodes)
    components = [component(packages[each], checksums) for each in sorted(used - {root["id"]})]
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**component(root, checksums), "type": "application"}},
        "components": components,
        "dependencies": [
            {"ref": reference(packages[each]), "dependsOn": [reference(packages[other]) for other in sorted(needs(nodes[each]) & used)]}
            for each in sorted(used)
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sbom.cdx.json").write_text(json.dumps(bom, indent=1) + "\n")
    lines = sorted(f"{packages[each]['name']} {packages[each]['version']}: {packages[each]['license'] or 'see its files'}" for each in used)
    (folder / "LICENCES.txt").write_text("\n".join(lines) + "\n")


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


def component(package, checksums):
    made = {"type": "library", "bom-ref": reference(package), "name": package["name"], "version": package["version"]}
    if package["license"]:
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package["source"]:
        made["purl"] = reference(package)
        if checksum := checksums[package["name"], package["version"]]:
            made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made


if __name__ == "__main__":
    main()
