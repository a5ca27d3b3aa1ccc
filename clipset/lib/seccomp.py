"""A seccomp filter for programs that only decode: what they never need, the kernel refuses them.

Written here as the few instructions that it is (classic BPF, see seccomp(2)), because Debian's
python3-seccomp is for the system's Python only, and its copy on PyPI is not maintained. It names
what is refused, not what is allowed, so that another version of FFmpeg or libc needs no new list.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import Final

# From linux/bpf_common.h, linux/seccomp.h, linux/audit.h, linux/sched.h.
LOAD, EQUAL, AT_LEAST, HAS_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER_AT, ARCHITECTURE_AT = 0, 4
FIRST_ARGUMENT_AT, FOURTH_ARGUMENT_AT = 16, 40  # the low half, in little endian
ARCHITECTURES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
X32_BIT: Final = 0x40000000
CLONE_THREAD: Final = 0x00010000
MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20  # the bit is in MAP_SHARED_VALIDATE, too
AF_UNIX: Final = 1

# Numbers on x86_64 and on aarch64, where some do not exist.
CLONE: Final = (56, 220)
CLONE3: Final = (435, 435)
SOCKET: Final = (41, 198)
MMAP: Final = (9, 222)
REFUSED: Final[dict[str, tuple[int | None, int | None]]] = {
    # other processes
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # mounts and name spaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    # parts of the kernel that had many faults
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "vmsplice": (278, 75),
    "modify_ldt": (154, None),
    # links that would lead the site's own processes elsewhere, folders in a file's place, devices,
    # setuid bits
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "link": (86, None),
    "linkat": (265, 37),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # the machine
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "iopl": (172, None),
    "ioperm": (173, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
}
# Memory that no limit of a process counts. Drivers of graphics hardware may need it.
UNCOUNTED: Final[dict[str, tuple[int | None, int | None]]] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}


def filter_program(machine: str | None = None, *, for_devices: bool = False) -> bytes | None:
    """Returns the filter as instructions for the kernel; None for an unknown kind of processor.

    No new processes, but threads; no sockets, but of the kind that stays on the machine; no memory
    that the limits do not count.

    Args:
        for_devices: for a program that uses graphics hardware, which may have such memory.
    """
    known = ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    audited, place = known
    words = [
        _step(LOAD, ARCHITECTURE_AT),
        _step(EQUAL, audited, 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER_AT),
        # x86_64 has the same calls again with other numbers.
        *((_step(AT_LEAST, X32_BIT, 0, 1), _refuse(errno.ENOSYS)) if place == 0 else ()),
        # libc then uses clone, whose flags a filter can read.
        *(_step(EQUAL, CLONE3[place], 0, 1), _refuse(errno.ENOSYS)),
    ]
    refused = REFUSED if for_devices else {**REFUSED, **UNCOUNTED}
    for numbers in refused.values():
        if (number := numbers[place]) is not None:
            words += [_step(EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    words += _only_with(CLONE[place], _step(HAS_BIT, CLONE_THREAD, 1, 0))
    words += _only_with(SOCKET[place], _step(EQUAL, AF_UNIX, 1, 0))
    if not for_devices:
        words += _without_shared_memory(MMAP[place])
    return b"".join([*words, _step(RETURN, ALLOW)])


def _only_with(number: int, condition: bytes) -> list[bytes]:
    """Refuses a call unless a condition on its first argument skips that."""
    return [
        _step(EQUAL, number, 0, 4),
        _step(LOAD, FIRST_ARGUMENT_AT),
        condition,
        _refuse(errno.EPERM),
        _step(RETURN, ALLOW),
    ]


def _without_shared_memory(number: int) -> list[bytes]:
    """Refuses mmap of memory that is shared and belongs to no file."""
    return [
        _step(EQUAL, number, 0, 5),
        _step(LOAD, FOURTH_ARGUMENT_AT),
        _step(HAS_BIT, MAP_ANONYMOUS, 0, 2),
        _step(HAS_BIT, MAP_SHARED, 0, 1),
        _refuse(errno.EPERM),
        _step(RETURN, ALLOW),
    ]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(number: int) -> bytes:
    return _step(RETURN, ERROR | number)
