"""KIEM-TRA.py – kiểm tra một gói hồ sơ vụ việc. Chỉ cần Python 3.8 trở lên, không cài thêm gì.

    python3 KIEM-TRA.py                  kiểm tra thư mục đã giải nén, nơi có tệp này
    python3 KIEM-TRA.py goi.zip          kiểm tra cả tệp ZIP, từng byte
    python3 KIEM-TRA.py --so <64 ký tự>  so thêm với số kiểm tra in trên biên nhận của gói

Kết quả nêu tên tệp bị sửa, thiếu, thừa; bước giao nhận, sự kiện, bút lục bị hụt. Mã trả về: 0 đạt, 1 không đạt, 2 chưa kiểm tra gì.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any, BinaryIO

# fmt: off
SUMS, DATA = "SHA256SUMS", "du-lieu/ho-so.json"
ZIP_END, LOCAL, MOST = "(phần cuối của tệp ZIP)", b"PK\3\4", 0xFFFFFFFF

def local(name: bytes, crc: int, size: int) -> bytes:
    """The header before a file: stored, names in UTF-8, 1/1/1980, nothing else. A bundle knows no other."""
    return struct.pack("<4s5H3L2H", LOCAL, 45, 0x800, 0, 0, 33, crc, size, size, len(name), 0) + name

def central(name: bytes, crc: int, size: int, offset: int) -> bytes:
    """The line of a file in the table at the end."""
    extra = struct.pack("<HHQ", 1, 8, offset) if offset >= MOST else b""
    numbers = (45, 45, 0x800, 0, 0, 33, crc, size, size, len(name), len(extra), 0, 0, 0, 0, min(offset, MOST))
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", *numbers) + name + extra

def ending(count: int, size: int, start: int) -> bytes:
    """What closes the ZIP; beyond 4 GB or 65535 files with the longer form before it."""
    few, big = min(count, 0xFFFF), start + size >= MOST or count >= 0xFFFF
    longer = struct.pack("<4sQ2H2L4Q4sLQL", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start, b"PK\6\7", 0, start + size, 1)
    return longer * big + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, few, few, min(size, MOST), min(start, MOST), 0)

def walk(file: BinaryIO) -> tuple[list[Any], int]:
    """The files of a ZIP one after the other, by their own headers; and where they end."""
    found, place = [], 0
    while len(head := file.read(30)) == 30 and head[:4] == LOCAL:
        crc, size, _, length, extra = struct.unpack("<3L2H", head[14:])
        found.append((file.read(length), crc, size, place))
        place = file.seek(place + 30 + length + extra + size)
    return found, place

def _table(file: BinaryIO, total: int) -> tuple[list[Any], int]:
    """The files of a ZIP by the table at its end."""
    file.seek(max(0, total - 98))
    tail, found = file.read(), []
    count, size, start = struct.unpack("<H2L", tail[-12:-2])
    if tail[:4] == b"PK\6\6":
        count, size, start = struct.unpack("<3Q", tail[32:56])
    file.seek(start)
    rest = file.read(min(size, total))
    for _ in range(count):
        crc, small, _, length, extra = struct.unpack("<3L2H", rest[16:32])
        offset = struct.unpack("<Q", rest[50 + length : 58 + length])[0] if extra >= 12 else struct.unpack("<L", rest[42:46])[0]
        found.append((rest[46 : 46 + length], crc, small, offset))
        rest = rest[46 + length + extra :]
    return found, start

def _shape(file: BinaryIO, total: int) -> tuple[list[Any], list[tuple[Any, str]]]:
    """What is in a ZIP, and where it is not built as a bundle is: each file once, in order, without gaps; a fault names one, or two of which one is meant."""
    entries, start = walk(file)
    table, place = sum(len(central(*entry)) for entry in entries), 0
    faults: list[tuple[Any, str]] = []
    if start + table + len(ending(len(entries), table, start)) != total:
        try:
            entries, start = _table(file, total)
        except (struct.error, OSError, OverflowError):
            return [], [({ZIP_END.encode()}, "không đọc được cấu trúc ZIP")]
    for name, _, size, offset in entries:
        faults += [({name}, "không nằm ngay sau tệp đứng trước trong ZIP")] * (offset != place)
        place = offset + 30 + len(name) + size
    faults += [({ZIP_END.encode()}, "trước mục lục có phần không thuộc tệp nào")] * (place != start)
    lines, place = [central(*entry) for entry in entries], start
    for (name, crc, size, offset), line in zip(entries, lines):  # noqa: B905  Python 3.8 knows no strict
        file.seek(offset)
        there = file.read(30 + len(name))
        if there != local(name, crc, size):
            faults.append(({name, there[30:]}, "phần đầu của tệp trong ZIP bị sửa"))
        file.seek(place)
        there, place = file.read(len(line)), place + len(line)
        if there != line:
            faults.append(({name, there[46 : 46 + len(name)]}, "dòng mục lục của tệp trong ZIP bị sửa"))
    file.seek(place)
    if file.read() != ending(len(entries), place - start, start):
        faults.append(({ZIP_END.encode()}, "bị sửa"))
    names, last = [entry[0] for entry in entries], SUMS.encode()
    due = [*sorted({*names} - {last}), last]
    wrong = [name for place, name in enumerate(names) if due[place : place + 1] != [name]][: not faults]
    return entries, faults + [({name}, "có hai lần hoặc đứng sai chỗ trong ZIP") for name in wrong]

def _hash(file: BinaryIO, left: int, name: str) -> tuple[str, int, bytes]:
    """Hash and CRC of what comes next, and the text itself of the two files that are read."""
    digest, crc, text = hashlib.sha256(), 0, b""
    while left > 0 and (piece := file.read(min(left, 1 << 20))):
        left -= len(piece)
        digest.update(piece)
        crc = zlib.crc32(piece, crc)
        text += piece if name in {SUMS, DATA} else b""
    return digest.hexdigest(), crc, text

def check_zip(path: Path, number: str = "") -> list[tuple[str, str]]:
    """What is wrong with a bundle as it was handed over: (file, reason)."""
    with path.open("rb") as file:
        entries, shape = _shape(file, path.stat().st_size)
        hashes, wrong, texts = {}, [], {}
        for raw, crc, size, offset in entries:
            file.seek(offset + 30 + len(raw))
            name = raw.decode("utf-8", "replace")
            hashes[name], now, texts[name] = _hash(file, size, name)
            if now != crc and not any(raw in names for names, _ in shape):
                wrong.append((name, "nội dung bị sửa"))
    listed = _sums(texts.get(SUMS, b""))[0]
    for names, reason in shape:
        words = {name.decode("utf-8", "replace") for name in names}
        wrong += [(name, reason) for name in words & {*listed, SUMS} or words]
    if shape:  # a file of which only the name in the ZIP was changed is not missing as well
        hashes = {name: digest for name, digest in hashes.items() if name in {*listed, SUMS}}
        hashes.update({name: listed[name] for name, _ in wrong if name in listed})
    return _judge(hashes, texts, number, wrong)

def check_folder(folder: Path, number: str = "") -> list[tuple[str, str]]:
    """The same for an unpacked bundle."""
    hashes, texts = {}, {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            hashes[name], _, texts[name] = _hash(file, path.stat().st_size, name)
    return _judge(hashes, texts, number, [])

def _sums(text: bytes) -> tuple[dict[str, str], bool]:
    """The list of hashes, and whether its last line, which is the hash of all the others, is right."""
    body, _, last = text.rpartition(b"# ")
    lines = body.decode("utf-8", "replace").splitlines()
    return {line[66:]: line[:64] for line in lines}, last == hashlib.sha256(body).hexdigest().encode() + b"\n"

def _judge(hashes: dict[str, str], texts: dict[str, bytes], number: str, wrong: list[tuple[str, str]]) -> list[tuple[str, str]]:
    (listed, whole), known = _sums(texts.get(SUMS, b"")), {name for name, _ in wrong}
    if SUMS not in hashes or not whole:
        return wrong if SUMS in known else [*wrong, (SUMS, "thiếu" if SUMS not in hashes else "bị sửa")]
    if number and hashes[SUMS] != number.lower():
        wrong.append((SUMS, "không phải danh sách của biên nhận này"))
    differ = [name for name in sorted({*listed, *hashes} - known - {SUMS}) if hashes.get(name) != listed.get(name)]
    wrong += [(name, "thiếu" if name not in hashes else "nội dung bị sửa" if name in listed else "thừa") for name in differ]
    if DATA in texts and hashes.get(DATA) == listed.get(DATA):
        wrong += _record(json.loads(texts[DATA]), listed)
    return wrong

def _record(record: dict[str, Any], listed: dict[str, str]) -> list[tuple[str, str]]:
    """The record of the case: events and folios without gaps, custody link by link, every file under its own hash."""
    wrong = []
    for case in record["cases"]:
        for what, key, name, last in (("sự kiện", "events", "seq", None), ("bút lục", "evidence", "folio", case.get("last_folio"))):
            numbers = [each[name] for each in case[key]]
            due = list(range(1, 1 + (len(numbers) if last is None else last)))
            wrong += [(DATA, f"{case['number']}: {what} không liên tục hoặc bị hụt")] * (numbers != due)
        for piece in case["evidence"]:
            where = f"{case['number']}, bút lục {piece['folio']}"
            named = [kept for kept in [piece, piece["shown"], *piece["redactions"]] if kept and kept["file"]]
            wrong += [(kept["file"], f"{where}: không phải tệp đã ghi trong hồ sơ") for kept in named if listed.get(kept["file"]) != kept["sha256"]]
            before, keeper, time, offered = "", piece["custody"][0]["by"] if piece["custody"] else None, "", None
            for place, step in enumerate(piece["custody"], 1):
                parts = [piece["id"], *(step[key] for key in ("seq", "deed", "at", "by", "other", "keeper", "place", "sha256_seen", "note"))]
                digest = hashlib.sha256(json.dumps([*parts, before], ensure_ascii=False).encode()).hexdigest()
                follows = (step["seq"], step["prev_digest"], step["digest"]) == (place, before, digest) and step["at"] >= time
                deed, by, other = step["deed"], step["by"], step["other"]
                right = {"offered": by == keeper, "reassigned": keeper not in {by, other} and bool(step["note"])}.get(deed, True)
                if deed == "received":
                    right, keeper = (by, other) == (offered, keeper), by
                if not follows or not right or step["keeper"] != keeper:
                    wrong.append((DATA, f"{where}: chuỗi giao nhận đứt ở bước {place}"))
                    break
                before, time = digest, step["at"]
                offered = other if deed in {"offered", "reassigned"} else offered if other is None else None
            if [step["sha256_seen"] for step in piece["custody"][:1]] != [piece["sha256"]]:
                wrong.append((DATA, f"{where}: không có bước thu nhận đúng tệp này"))
    return wrong

def main(words: list[str]) -> int:
    """The command. What it does not understand it does not guess: nothing else is judged in place of what was meant."""
    place = words.index("--so") if "--so" in words else len(words)
    number, rest = "".join(words[place + 1 : place + 2]), words[:place] + words[place + 2 :]
    given = Path(rest[0]) if rest else Path(__file__).resolve().parent
    if len(number) != (64 if place < len(words) else 0) or len(rest) > 1 or not given.exists():
        sys.stdout.buffer.write(f"CHƯA KIỂM TRA  Không hiểu lệnh hoặc không có tệp này.\n\n{__doc__}".encode())
        return 2
    wrong = check_folder(given, number) if given.is_dir() else check_zip(given, number)
    said = [f"KHÔNG ĐẠT  {name}: {reason}" for name, reason in wrong]
    said = said or ["ĐẠT  Mọi tệp đúng như khi lập gói; sự kiện, bút lục và giao nhận liên tục."]
    said += [] if number else ["Hãy so thêm với số kiểm tra in trên biên nhận của gói: --so <số>"]
    sys.stdout.buffer.write(("\n".join(said) + "\n").encode())
    return 1 if wrong else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
