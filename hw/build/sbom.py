"""The bill of materials of an image: CycloneDX 1.5, one component for each Debian package, Swift package and program inside."""
import json
import pathlib
import re
import subprocess
import uuid


def debian_licences(deb):
    """The licence names of a package's machine-readable copyright file, sorted; its plain text names none."""
    listing = subprocess.run(["bash", "-c", f'dpkg-deb --fsys-tarfile "{deb}" | tar -x -O --wildcards "./usr/share/doc/*/copyright" 2>/dev/null'],
                             capture_output=True).stdout.decode("utf-8", "replace")
    names = {m.strip().rstrip(",") for m in re.findall(r"^License:[ \t]*(\S[^\n]*)$", listing, re.M)}
    names |= {"GPL-2" for m in [listing] if not names and "common-licenses/GPL-2" in m}
    names |= {"LGPL-2.1" for m in [listing] if not names and "common-licenses/LGPL-2.1" in m}
    if not names and re.match(r"lib(gcc-s1|atomic1|stdc\+\+6)_", deb.name):
        names = {"GPL-3.0-or-later WITH GCC-exception-3.1"}  # said in the documents of gcc-14-base only
    return sorted(n for n in names if 1 < len(n) < 80 and n != "...")


def swift_licence(directory):
    """The licence of a checkout, by the first words of its licence file."""
    for path in sorted(directory.glob("LICEN[CS]E*")):
        text = path.read_text(errors="replace")
        for words, name in (("Apache License", "Apache-2.0"), ("MIT License", "MIT"), ("Permission is hereby granted, free of charge", "MIT"),
                            ("Redistribution and use in source", "BSD-3-Clause")):
            if words in text[:3000]:
                return [name]
    return []


def write_sbom(image, tree):
    """Writes sbom.cdx.json beside the image; `image.used` says which package each file came from."""
    components = []
    owners = {o for o in image.used.values() if o} - {"pbx-appliance"}
    owners.add(image.kernel_deb.name.split("_")[0])
    if image.board["u_boot"]["package"] != "none":
        owners.add(image.board["u_boot"]["package"])
    owners |= {"dmsetup"}
    for name in sorted(owners):
        if name not in image.packages.debs:
            raise SystemExit(f"error: no package known for '{name}'")
        deb, version, arch = image.packages.debs[name]
        components.append(component("library", name, version, f"pkg:deb/debian/{name}@{version}?arch={arch}", debian_licences(deb)))
    # Beside the source that the cross build saw: what it resolved to is what it linked.
    resolved = json.loads((image.work / "src/product/Package.resolved").read_text())
    checkouts = image.work / "build/product/checkouts"
    directories = {p.name.lower(): p for p in checkouts.iterdir()} if checkouts.exists() else {}
    for pin in sorted(resolved["pins"], key=lambda p: p["identity"]):
        state, where = pin["state"], pin["location"].removesuffix(".git")
        version = state.get("version") or state["revision"]
        directory = directories.get(pathlib.Path(where).name.lower())
        owner = "/".join(where.split("/")[-2:])
        components.append(component("library", pin["identity"], version, f"pkg:swift/github.com/{owner}@{version}", swift_licence(directory) if directory else []))
    for line in (image.work / "out/build-ids").read_text().splitlines():
        name, build_id = line.split()
        entry = component("application", name, image.o.version, f"pkg:generic/pbx-appliance/{name}@{image.o.version}", swift_licence(tree))
        entry["properties"] = [{"name": "build-id", "value": build_id}]
        components.append(entry)
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(components, sort_keys=True))}",
        "metadata": {"component": {"type": "firmware", "name": f"pbx-appliance for {image.board['name']}", "version": image.o.version}},
        "components": components,
    }
    (image.out / "sbom.cdx.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def component(kind, name, version, purl, licences):
    entry = {"type": kind, "name": name, "version": version, "purl": purl, "bom-ref": purl}
    if licences:
        entry["licenses"] = [{"license": {"name": n}} for n in licences]
    return entry
