#!/usr/bin/env python3
"""Holds the direction of includes in userspace/: a module includes itself and modules of lower rows that its
CMakeLists.txt names in DEPENDS, and nothing else; and every name in DEPENDS is of a lower row and used.

usage: check_includes.py [ROOT]     prints FILE:LINE: what is wrong; exit code 1 if anything is
       check_includes.py --self-test
"""

import pathlib
import re
import sys
import tempfile

# The rows of CONTRIBUTING.md, "Modules". A module may include rows below its own only.
ROWS = {
    "base": 0,
    "packet": 1, "pcapng": 1, "option_value": 1,
    "dhcp4": 2, "dhcp6": 2, "nd": 2, "lease": 2,
    "model": 3,
    "engine": 4, "journal/codec": 4, "peer/protocol": 4,
    "io/xsk": 5, "io/packet": 5, "io/udp": 5, "io/memory": 5,
    "host": 5, "journal": 5, "peer": 5, "config": 5, "lease_files": 5, "metrics": 5,
    "worker": 6,
    "control": 7,
    "daemon": 8, "tools": 8, "tools/xdhcpctl": 8, "tools/xdhcpgun": 8,
}  # fmt: skip
ABI_HEADER = "bpf/xdhcpd_abi.h"  # between the XDP program and its loader
ABI_MODULES = {"io/xsk", "metrics"}
PURE_ROWS = range(1, 5)  # under the purity line; base holds the mailbox and the assertion for the rows above it
# What these headers offer touches the system.
IMPURE_HEADERS = re.compile(
    r"^(sys/|net/|netinet/|linux/|arpa/|bpf/|xdp/|unistd\.h|fcntl\.h|poll\.h|pthread\.h|signal\.h|time\.h|dirent\.h|"
    r"fstream|iostream|cstdio|thread|mutex|condition_variable|filesystem|random|ctime|yaml-cpp/|nlohmann/|spdlog/)"
)
# Memory of the lease store is mapped, not allocated: the one system call below the line, and deliberate.
IMPURE_EXCEPTIONS = {("lease/virtual_array.cc", "sys/mman.h")}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def module_of(path):
    """Module of a path below userspace/, the longest that fits; None where there is none."""
    parts = path.split("/")
    for length in (2, 1):
        name = "/".join(parts[:length])
        if len(parts) > length and name in ROWS:
            return name
    return None


def depends_of(cmake_text):
    """{module: names it DEPENDS on} of one CMakeLists.txt; other targets count by the xdhcpd:: names they link."""
    found = {}
    text = re.sub(r"#[^\n]*", "", cmake_text)
    for body in re.findall(r"xdhcpd_module\s*\(([^)]*)\)", text):
        words, current, values = body.split(), None, {}
        for word in words:
            if word in ("NAME", "SOURCES", "HEADERS", "DEPENDS", "LIBRARIES"):
                current = word
            elif current is not None:
                values.setdefault(current, []).append(word)
        found.setdefault(values["NAME"][0], set()).update(values.get("DEPENDS", []))
    linked = set()
    for body in re.findall(r"target_link_libraries\s*\(([^)]*)\)", text):
        linked.update(re.findall(r"xdhcpd::(\w+)", body))
    return found, {name for name in ROWS if name.replace("/", "_") in linked}


def check(root):
    """Sentences about what is wrong, with file and line."""
    userspace = root / "userspace"
    problems, depends = [], {}
    for cmake in sorted(userspace.glob("**/CMakeLists.txt")):
        directory = cmake.parent.relative_to(userspace).as_posix()
        module = module_of(directory + "/CMakeLists.txt")
        if module is None:
            continue
        declared, linked = depends_of(cmake.read_text(encoding="utf-8"))
        for name in declared:
            if name not in ROWS:
                problems.append(f"{cmake}:1: module {name} has no row")
        names = set().union(*declared.values()) | linked
        depends.setdefault(module, set()).update(names - {module})

    used = {module: set() for module in depends}
    for source in sorted(userspace.glob("**/*")):
        if source.suffix not in (".h", ".cc") or not source.is_file():
            continue
        relative = source.relative_to(userspace).as_posix()
        module = module_of(relative)
        if module is None:
            problems.append(f"{source}:1: belongs to no known module")
            continue
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, system = match.groups()
            place = f"{source}:{number}"
            if system is not None:
                if ROWS[module] in PURE_ROWS and IMPURE_HEADERS.match(system):
                    if (relative, system) not in IMPURE_EXCEPTIONS:
                        problems.append(f"{place}: {module} is pure and must not include <{system}>")
                continue
            if quoted == ABI_HEADER:
                if module not in ABI_MODULES:
                    problems.append(f"{place}: only {', '.join(sorted(ABI_MODULES))} may know the BPF ABI")
                continue
            other = module_of(quoted)
            if other is None or not (userspace / quoted).is_file():
                problems.append(f'{place}: "{quoted}" is not a header "module/file.h" of userspace')
            elif other != module:
                used.setdefault(module, set()).add(other)
                if ROWS[other] >= ROWS[module]:
                    problems.append(f"{place}: {module} (row {ROWS[module]}) includes {other} (row {ROWS[other]})")
                elif other not in depends.get(module, set()):
                    problems.append(f"{place}: {module} does not name {other} in the DEPENDS of its CMakeLists.txt")

    for module, names in sorted(depends.items()):
        cmake = userspace / module / "CMakeLists.txt"
        for name in sorted(names):
            if name in ROWS and ROWS[name] >= ROWS[module]:
                problems.append(f"{cmake}:1: {module} (row {ROWS[module]}) depends on {name} (row {ROWS[name]})")
            elif name not in used.get(module, set()):
                problems.append(f"{cmake}:1: {module} names {name} in DEPENDS and includes nothing of it")
    return problems


def self_test():
    """The checker must find each kind of mistake, and only those."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)

        def write(path, text):
            path = root / "userspace" / path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

        write("base/CMakeLists.txt", "xdhcpd_module(NAME base HEADERS a.h)")
        write("base/a.h", "#pragma once\n")
        write("packet/CMakeLists.txt", "xdhcpd_module(NAME packet SOURCES p.cc DEPENDS base)")
        write("packet/p.cc", '#include "base/a.h"\n')
        assert check(root) == [], check(root)

        def finds(path, text, what):
            old = (root / "userspace" / path).read_text(encoding="utf-8")
            write(path, text)
            assert any(what in problem for problem in check(root)), (text, check(root))
            write(path, old)

        finds("base/a.h", '#include "packet/p.h"\n', "is not a header")
        write("packet/p.h", "")
        finds("base/a.h", '#include "packet/p.h"\n', "base (row 0) includes packet (row 1)")
        finds("packet/p.cc", '#include "base/a.h"\n#include <sys/socket.h>\n', "pure")
        finds("base/a.h", '#include "bpf/xdhcpd_abi.h"\n', "BPF ABI")
        finds("packet/CMakeLists.txt", "xdhcpd_module(NAME packet SOURCES p.cc)", "does not name base")
        finds("packet/p.cc", "\n", "includes nothing of it")
        finds("base/CMakeLists.txt", "xdhcpd_module(NAME base DEPENDS packet)", "depends on packet")
        assert check(root) == []
    return 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parents[2]
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
