"""Archives that people send: opened within bounds, so that a small file cannot unfold into a large one.

What must not live here: what the files inside mean.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from trace.services import geofile_faults as faults

MOST_MEMBERS = 500
MOST_UNPACKED = 96 * 2**20
MOST_MEMBER = 64 * 2**20
_CHUNK = 2**20
_ARCHIVES = {".zip", ".kmz", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz"}


def members(data: bytes, *, kind: str) -> dict[str, zipfile.ZipInfo]:
    """What an archive holds, by path; refuses what is locked, nested, or says that it is too large. Nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = [each for each in archive.infolist() if not each.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error) as exc:
        raise faults.GeoFileBroken(kind=kind, where="zip") from exc
    if len(listed) > MOST_MEMBERS:
        raise faults.TooManyFiles(files=len(listed), most=MOST_MEMBERS)
    kept = {
        each.filename: each
        for each in listed
        if not each.filename.startswith("__MACOSX/") and not PurePosixPath(each.filename).name.startswith(".")
    }
    for name, each in kept.items():
        if PurePosixPath(name).suffix.lower() in _ARCHIVES:
            raise faults.ArchiveInArchive(name=PurePosixPath(name).name[:80])
        if each.flag_bits & 0x1:
            raise faults.ArchiveLocked
        if each.file_size > MOST_MEMBER:
            raise faults.GeoFileTooLarge(megabytes=each.file_size // 2**20, most=MOST_MEMBER // 2**20)
    total = sum(each.file_size for each in kept.values())
    if total > MOST_UNPACKED:
        raise faults.GeoFileTooLarge(megabytes=total // 2**20, most=MOST_UNPACKED // 2**20)
    return kept


def unpack(data: bytes, member: zipfile.ZipInfo, *, kind: str) -> bytes:
    """One file of an archive, never more of it than the archive said that there is."""
    parts, size = [], 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > MOST_MEMBER:
                    raise faults.GeoFileTooLarge(megabytes=size // 2**20, most=MOST_MEMBER // 2**20)
                parts.append(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError, RuntimeError) as exc:
        raise faults.GeoFileBroken(kind=kind, where=PurePosixPath(member.filename).name[:80]) from exc
    return b"".join(parts)
