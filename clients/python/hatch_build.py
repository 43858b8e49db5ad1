"""Generates the messages of the contract, `bonafide.identity`, when a wheel is built; takes the contract along when a sdist is."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("bonafide/identity/v1")


class ContractHook(BuildHookInterface):  # type: ignore[type-arg]
    """What hatchling calls around each build."""

    _generated: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the contract or what is generated from it."""
        contract = find_contract(Path(self.root))
        if self.target_name == "sdist":
            build_data["force_include"][str(contract / PACKAGE)] = str("proto" / PACKAGE)
        elif version == "editable":
            # An editable install imports from the source tree.
            generate(contract, Path(self.root, "src"))
        else:
            # The source tree may be read-only, or be built twice at the same time.
            self._generated = tempfile.TemporaryDirectory(prefix="bonafide-client-")
            generate(contract, Path(self._generated.name))
            build_data["force_include"][str(self._generated.name / PACKAGE.parent)] = str(PACKAGE.parent)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Removes what was generated: the wheel has it."""
        if self._generated is not None:
            self._generated.cleanup()


def find_contract(root: Path) -> Path:
    """Where imports of `.proto` files begin: in an unpacked sdist, else in the repository."""
    for folder in (root / "proto", root / "../../proto/proto"):
        if (folder / PACKAGE).is_dir():
            return folder.resolve()
    raise FileNotFoundError(f"the contract is neither in {root}/proto nor in {root}/../../proto/proto")


def generate(contract: Path, out: Path) -> None:
    """Writes the package `bonafide.identity` into `out`: messages, stubs of services, and types of both."""
    # Of the build's environment: hatchling needs this file without them, too.
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from grpc_tools import protoc

    package = out / PACKAGE
    shutil.rmtree(package.parent, ignore_errors=True)
    package.mkdir(parents=True)
    files = sorted(str(file.relative_to(contract).as_posix()) for file in (contract / PACKAGE).glob("*.proto"))
    descriptors = package / "descriptors.binpb"
    code = protoc.main(
        [
            "protoc",
            f"--plugin=protoc-gen-mypy={find_plugin('protoc-gen-mypy')}",
            f"--plugin=protoc-gen-mypy_grpc={find_plugin('protoc-gen-mypy_grpc')}",
            f"-I{contract}",
            f"-I{resources.files('grpc_tools') / '_proto'}",
            *(f"--{kind}_out={out}" for kind in ("python", "grpc_python")),
            *(f"--{kind}_out=quiet:{out}" for kind in ("mypy", "mypy_grpc")),
            f"--descriptor_set_out={descriptors}",
            *files,
        ]
    )
    if code != 0:
        raise RuntimeError(f"protoc ended with {code}")

    names: dict[str, list[str]] = {}
    for file in FileDescriptorSet.FromString(descriptors.read_bytes()).file:
        of_file = names.setdefault(file.name.removesuffix(".proto").replace("/", ".") + "_pb2", [])
        of_file += [message.name for message in file.message_type]
        of_file += [name for enum in file.enum_type for name in (enum.name, *(value.name for value in enum.value))]
    descriptors.unlink()
    (package.parent / "__init__.py").write_text('"""The contract of Bonafide\'s identity API, by version."""\n')
    (package / "__init__.py").write_text(index(names))


def index(names: dict[str, list[str]]) -> str:
    """A module that has all messages and enums under one name, for people and for editors."""
    lines = ['"""All messages and enums of the contract. Generated."""', ""]
    for module, of_module in names.items():
        lines += [f"from {module} import (", *(f"    {name} as {name}," for name in sorted(of_module)), ")"]
    every = sorted(name for of_module in names.values() for name in of_module)
    return "\n".join([*lines, "", "__all__ = [", *(f'    "{name}",' for name in every), "]", ""])


def find_plugin(name: str) -> str:
    """A program of the build's environment, which need not be activated."""
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    found = shutil.which(name, path=path)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: it comes with mypy-protobuf")
    return found
