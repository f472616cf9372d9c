"""The bill of materials of a function, as CycloneDX JSON.

    sbom.py PACKAGE FILE

Names every crate that is linked into PACKAGE or runs while it is built, with licence, checksum and what it depends
on. Read from Cargo.lock and from cargo itself, so that it lists the features and the platform that were built. It has
neither a time nor a serial number: the same lock file is the same bill.
"""

import json
import subprocess
import sys
import tomllib


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], check=True, capture_output=True, text=True).stdout


def tree(package):
    """What each crate depends on, by (name, version); the first is the package itself."""
    # Names hold no blanks. A crate that was listed before is marked by `(*)` behind it.
    text = cargo("tree", "--locked", "--package", package, "--edges", "normal,build", "--prefix", "depth",
                 "--format", " {p}", "--no-dedupe")
    above, found = [], {}
    for line in text.splitlines():
        depth, name, version, *_ = line.split()
        crate = (name, version.removeprefix("v"))
        found.setdefault(crate, set())
        del above[int(depth):]
        if above:
            found[above[-1]].add(crate)
        above.append(crate)
    return found


def reference(crate):
    name, version = crate
    return f"pkg:cargo/{name}@{version}"


def component(crate, kind, about, checksums):
    name, version = crate
    described = {"type": kind, "bom-ref": reference(crate), "name": name, "version": version, "purl": reference(crate)}
    licence = about.get(crate)
    if licence:
        # Cargo once took a slash for OR.
        described["licenses"] = [{"expression": " OR ".join(part.strip() for part in licence.split("/"))}]
    if crate in checksums:
        described["hashes"] = [{"alg": "SHA-256", "content": checksums[crate]}]
    return described


def bill(package):
    found = tree(package)
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1"))
    about = {(one["name"], one["version"]): one["license"] for one in metadata["packages"]}
    with open("Cargo.lock", "rb") as file:
        locked = tomllib.load(file)["package"]
    checksums = {(one["name"], one["version"]): one["checksum"] for one in locked if "checksum" in one}
    root, *others = found
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(root, "application", about, checksums)},
        "components": [component(crate, "library", about, checksums) for crate in sorted(others)],
        "dependencies": [
            {"ref": reference(crate), "dependsOn": sorted(map(reference, needs))}
            for crate, needs in sorted(found.items())
        ],
    }


def main():
    package, path = sys.argv[1:]
    described = bill(package)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(described, file, indent=1)
        file.write("\n")
    unlicensed = [one["name"] for one in described["components"] if "licenses" not in one]
    if unlicensed:
        sys.exit(f"no licence is known of: {', '.join(unlicensed)}")
    print(f"{package}: {len(described['components'])} crates in {path}")


if __name__ == "__main__":
    main()
