"""Reads members of a zip. Its directory is checked against the header of each member, and one member is inflated at a
time, in bounded memory. Nothing is extracted."""

import os
import struct
import zlib
from collections.abc import Sequence
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from sepcalc.errors import Invalid, printable, quoted

MAX_MEMBERS = 10_000
BOMB_RATIO, BOMB_SIZE = 200, 2**24  # a bomb exceeds both; deflated zeros reach a ratio of 1032


def members(file: IO[bytes]) -> Sequence[ZipInfo]:
    """The members of a zip. Raises Invalid for a damaged or inconsistent one."""
    try:
        with ZipFile(file) as archive:
            found = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError, OverflowError, EOFError, struct.error) as error:
        raise Invalid(f"this zip file cannot be read: {printable(str(error))[:200]}") from error
    if len(found) > MAX_MEMBERS:
        raise Invalid(f"this zip file has {len(found):,} members: expected at most {MAX_MEMBERS:,}")
    size = file.seek(0, os.SEEK_END)
    names = set[str]()
    for member in found:
        _check_member(member, names)
        _check_header(file, member, size)
        names.add(member.filename)
    return found


def _check_member(member: ZipInfo, names: set[str]) -> None:
    name = quoted(member.filename)
    parts = member.filename.replace("\\", "/").split("/")
    if ".." in parts or not parts[0] or ":" in parts[0]:
        raise Invalid(f"this zip file has a member outside of it: {name}")
    if member.filename in names:
        raise Invalid(f"this zip file has two members {name}")
    if member.flag_bits & 0x1:
        raise Invalid(f"{name} in this zip file is encrypted")
    if member.file_size > BOMB_SIZE and member.file_size > BOMB_RATIO * member.compress_size:
        raise Invalid(f"{name} in this zip file is a bomb: {member.compress_size:,} bytes become {member.file_size:,}")


def _check_header(file: IO[bytes], member: ZipInfo, size: int) -> None:
    """Raises Invalid if a member's own header contradicts the directory, or if it ends after the file."""
    name = quoted(member.filename)
    file.seek(member.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise Invalid(f"{name} is not at the offset that this zip file states")
    flags, method, _, _, _, packed, unpacked, name_length, extra_length = struct.unpack("<HHHHLLLHH", header[6:])
    wide = 0xFFFFFFFF in (packed, unpacked)  # 64-bit sizes are stored elsewhere
    later = flags & 0x8  # and sizes that were unknown at first follow the data
    stored = member.compress_type == 0 and member.compress_size != member.file_size
    differs = not wide and not later and (packed, unpacked) != (member.compress_size, member.file_size)
    start = member.header_offset + 30 + name_length + extra_length
    if stored or differs or method != member.compress_type or start + member.compress_size > size:
        raise Invalid(f"this zip file states a wrong size for {name}")


def inflated(file: IO[bytes], member: ZipInfo, most: int) -> bytes:
    """The contents of a member of at most this many bytes. Raises Invalid."""
    name = printable(member.filename)
    if member.file_size > most or member.compress_size > most:
        raise Invalid(f"{name} is larger than {most >> 20} MiB")
    file.seek(member.header_offset + 26)
    start = sum(struct.unpack("<HH", file.read(4)))
    file.seek(member.header_offset + 30 + start)
    data = file.read(member.compress_size)
    if member.compress_type == 8:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflate.decompress(data, member.file_size + 1)
        except zlib.error as error:
            raise Invalid(f"{name} in this zip file is damaged") from error
        if not inflate.eof and len(data) == member.file_size:
            data += inflate.decompress(inflate.unconsumed_tail, 1)
        if not inflate.eof or inflate.unused_data:
            raise Invalid(f"this zip file states a wrong size for {quoted(member.filename)}")
    elif member.compress_type != 0:
        raise Invalid(f"{name} in this zip file is packed by a method other than deflate")
    if len(data) != member.file_size:
        raise Invalid(f"this zip file states a wrong size for {quoted(member.filename)}")
    if zlib.crc32(data) != member.CRC:
        raise Invalid(f"{name} in this zip file is damaged: its checksum differs")
    return data
