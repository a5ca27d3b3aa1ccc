"""The seccomp filter, as the kernel would run it."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path
from typing import Final

import pytest

from clipset.lib import seccomp
from clipset.lib.seccomp import ARCHITECTURES, REFUSED, UNCOUNTED, filter_program

HEADERS: Final = {
    "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), 0),
    "aarch64": (Path("/usr/include/asm-generic/unistd.h"), 1),
}


def decide(
    machine: str,
    number: int,
    argument: int = 0,
    audited: int | None = None,
    *,
    fourth: int = 0,
    for_devices: bool = False,
) -> int:
    """Runs the instructions. Returns the action for a call."""
    program = filter_program(machine, for_devices=for_devices)
    assert program is not None
    steps = list(struct.iter_unpack("=HBBI", program))
    words = {
        seccomp.NUMBER_AT: number,
        seccomp.ARCHITECTURE_AT: audited or ARCHITECTURES[machine][0],
        seccomp.FIRST_ARGUMENT_AT: argument,
        seccomp.FOURTH_ARGUMENT_AT: fourth,
    }
    at, value = 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == seccomp.RETURN:
            return int(operand)
        if code == seccomp.LOAD:
            value = words[operand]
            continue
        is_true = {
            seccomp.EQUAL: value == operand,
            seccomp.AT_LEAST: value >= operand,
            seccomp.HAS_BIT: bool(value & operand),
        }[code]
        at += if_true if is_true else if_false


NOT_PERMITTED = seccomp.ERROR | errno.EPERM
NOT_THERE = seccomp.ERROR | errno.ENOSYS


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_are_refused_by_number_and_argument(machine: str) -> None:
    place = ARCHITECTURES[machine][1]
    for numbers in REFUSED.values():
        if (number := numbers[place]) is not None:
            assert decide(machine, number) == NOT_PERMITTED
    assert decide(machine, seccomp.CLONE3[place]) == NOT_THERE
    assert decide(machine, seccomp.CLONE[place], 0x3D0F00) == seccomp.ALLOW  # a thread
    assert decide(machine, seccomp.CLONE[place], 17) == NOT_PERMITTED  # a process
    assert decide(machine, seccomp.SOCKET[place], seccomp.AF_UNIX) == seccomp.ALLOW
    for family in (2, 10, 16, 17):
        assert decide(machine, seccomp.SOCKET[place], family) == NOT_PERMITTED
    assert decide(machine, 0 if machine == "x86_64" else 63) == seccomp.ALLOW  # read
    assert decide(machine, 0, audited=0x40000003) == seccomp.KILL  # calls of 32 bits


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_memory_that_no_limit_counts_is_for_drivers_alone(machine: str) -> None:
    place = ARCHITECTURES[machine][1]
    for numbers in UNCOUNTED.values():
        number = numbers[place]
        assert number is not None
        assert decide(machine, number) == NOT_PERMITTED
        assert decide(machine, number, for_devices=True) == seccomp.ALLOW
    mmap = seccomp.MMAP[place]
    for flags in (0x21, 0x23, 0x4021):  # shared and anonymous
        assert decide(machine, mmap, fourth=flags) == NOT_PERMITTED
        assert decide(machine, mmap, fourth=flags, for_devices=True) == seccomp.ALLOW
    for flags in (0x22, 0x01, 0x02, 0x20022, 0x812):  # private, or of a file
        assert decide(machine, mmap, fourth=flags) == seccomp.ALLOW


def test_the_second_numbers_of_calls_are_refused() -> None:
    assert decide("x86_64", seccomp.X32_BIT | 57) == NOT_THERE


def test_there_is_none_for_an_unknown_processor() -> None:
    assert filter_program("riscv64") is None


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_kernel(machine: str) -> None:
    header, place = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    pattern = re.compile(r"#define __NR(?:3264)?_(\w+) (\d+)\n")
    known = {name: int(number) for name, number in pattern.findall(header.read_text())}
    ours = {**REFUSED, **UNCOUNTED, "clone": seccomp.CLONE, "clone3": seccomp.CLONE3}
    ours |= {"socket": seccomp.SOCKET, "mmap": seccomp.MMAP}
    for name, numbers in ours.items():
        if name in known:  # some are newer than the headers, or written otherwise there
            assert numbers[place] == known[name], name
    assert len(known.keys() & ours.keys()) > 40
