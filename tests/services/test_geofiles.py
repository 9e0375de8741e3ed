"""Files of boundaries: every kind is read, and what is broken, hostile or too large is refused early and in words."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest

from tests import geofiles as make
from trace.errors import TemThatError
from trace.services import boundary_faults, coordinates, geofile_archives, geofile_faults, geofile_forms, geofiles
from trace.services.geofile_forms import GeoFile

SQUARE = make.square()


def outline(file: GeoFile, number: int = 0) -> list[tuple[float, float]]:
    return [tuple(point) for point in file.features[number].shape.polygons[0][0].round(9).tolist()]


# ---------------------------------------------------------------------------------------------------------------- kinds


def test_geojson() -> None:
    file = geofiles.read(make.geojson(make.feature(make.polygon(SQUARE), Tên="Vùng 1", ha=4.6)), "a.geojson")
    assert outline(file) == SQUARE
    assert file.features[0].attributes == {"Tên": "Vùng 1", "ha": 4.6}
    assert file.srid == coordinates.WGS84


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_geojson_in_other_clothes(encoding: str) -> None:
    raw = make.geojson(make.feature(make.polygon(SQUARE), name="Vùng")).decode().encode(encoding)
    assert geofiles.read(raw, "a.json").features[0].attributes == {"name": "Vùng"}


def test_geojson_names_its_system() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::9210"}}
    assert geofiles.read(make.geojson(make.feature(make.polygon(SQUARE)), crs=crs), "a.geojson").srid == 9210


def test_kml_with_a_hole_and_data() -> None:
    hole = make.square(106.4305, 20.9105, 0.0005)
    data = '<ExtendedData><Data name="Diện tích"><value>1,5</value></Data></ExtendedData>'
    file = geofiles.read(make.kml(make.placemark("Vườn A", SQUARE, hole, data=data)), "a.kml")
    assert outline(file) == SQUARE
    assert len(file.features[0].shape.polygons[0]) == 2
    assert file.features[0].attributes == {"name": "Vườn A", "Diện tích": "1,5"}


def test_kmz() -> None:
    file = geofiles.read(make.archive(doc__kml=make.kml(make.placemark("A", SQUARE))), "a.kmz")
    assert outline(file) == SQUARE


@pytest.mark.parametrize("kind", ["trk", "rte"])
def test_a_walk_that_comes_back_is_an_outline(kind: str) -> None:
    walked = [*SQUARE[:-1], (106.4302, 20.91)]
    file = geofiles.read(make.gpx("Đi bộ", walked, kind), "a.gpx")
    assert outline(file) == [*walked, walked[0]]
    assert file.features[0].attributes["name"] == "Đi bộ"


def test_a_walk_that_ends_elsewhere_stays_open_unless_closing_is_asked_for() -> None:
    walked = SQUARE[:-1]
    assert outline(geofiles.read(make.gpx("a", walked), "a.gpx")) == walked
    assert outline(geofiles.read(make.gpx("a", walked), "a.gpx", close=True)) == SQUARE


def test_shapefile_with_holes_and_several_parts() -> None:
    hole = make.square(106.4305, 20.9105, 0.0005)
    file = geofiles.read(
        make.shape([([SQUARE, hole], "Vùng vải số một", 4.6), ([make.square(106.44)], "Hai", 4)]), "a.zip"
    )
    assert sorted(outline(file)) == sorted(SQUARE)
    assert len(file.features[0].shape.polygons[0]) == 2
    assert file.features[0].attributes == {"TEN": "Vùng vải số một", "DT_HA": 4.6}
    assert file.srid == coordinates.WGS84


def test_a_cell_cut_off_in_the_middle_of_a_letter_is_still_unicode() -> None:
    raw = bytearray(make.shape([([SQUARE], "x", 1)]))
    name = "Vùng trồng vải thiều của hợp tác xã Thanh Hà ở thôn ẵẵẵẵẵẵẵẵẵẵ"
    cut = name.encode()[:60]
    assert cut.decode("utf-8", "ignore").encode() != cut
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        files = {each.replace(".", "__"): packed.read(each) for each in packed.namelist()}
    table = bytearray(files["vung__dbf"])
    start = struct.unpack_from("<H", table, 8)[0]
    table[start + 1 : start + 61] = cut
    files["vung__dbf"] = bytes(table)
    read = geofiles.read(make.archive(**files), "a.zip").features[0].attributes["TEN"]
    assert name.startswith(read)
    assert len(read) > 30


def test_a_table_of_corners() -> None:
    rows = [["Tên vùng", "STT", "Vĩ độ", "Kinh độ", "Diện tích (ha)"]]
    rows += [
        ["Vùng 1", str(n), str(lat).replace(".", ","), str(lon).replace(".", ","), "4,6"]
        for n, (lon, lat) in enumerate(SQUARE[:-1], 1)
    ]
    written = "\r\n".join(";".join(row) for row in rows)
    for raw in (written.encode("utf-8-sig"), written.encode("utf-16"), written.replace(";", "\t").encode("utf-16")):
        file = geofiles.read(raw, "a.csv")
        assert outline(file) == SQUARE
        assert file.features[0].attributes == {"Tên vùng": "Vùng 1", "Diện tích (ha)": "4,6"}


def test_a_workbook_of_corners_out_of_order_and_of_two_areas() -> None:
    corners = [["Tên", "Thứ tự", "Lat", "Lon"]]
    corners += [["A", n, lat, lon] for n, (lon, lat) in sorted(enumerate(SQUARE[:-1], 1), key=lambda each: -each[0])]
    corners += [["B", n, lat, lon] for n, (lon, lat) in enumerate(make.square(106.45)[:-1], 1)]
    file = geofiles.read(make.xlsx(corners), "a.xlsx")
    assert [feature.attributes["Tên"] for feature in file.features] == ["A", "B"]
    assert outline(file) == SQUARE


def test_metres_of_vn2000_need_their_zone(session: Any) -> None:
    rows = [
        ["Tên", "X", "Y"],
        *[["A", 2312000 + dy, 571000 + dx] for dx, dy in ((0, 0), (100, 0), (100, 100), (0, 100))],
    ]
    file = geofiles.read(make.xlsx(rows), "a.xlsx")
    with pytest.raises(geofile_faults.ZoneMissing):
        geofiles.place(session, file)
    geofiles.place(session, file, srid=9210)
    lon, lat = outline(file)[0]
    assert (106.4 < lon < 106.5, 20.8 < lat < 21.0) == (True, True)


def test_a_column_may_say_the_zone(session: Any) -> None:
    rows = [
        ["Tên", "X", "Y", "Kinh tuyến trục"],
        *[["A", 2312000 + dy, 571000 + dx, "105°45'"] for dx, dy in ((0, 0), (9, 0), (9, 9))],
    ]
    assert geofiles.read(make.xlsx(rows), "a.xlsx").srid == 9210


# ----------------------------------------------------------------------------------------------------------- coordinates


@pytest.mark.parametrize(
    ("srid", "east", "north", "lon", "lat"),
    [
        # Pairs that converters of this country publish, for Thành phố Hồ Chí Minh (105°45′) and Đồng Tháp (105°00′).
        (9210, 600997.0, 1189964.0, 106.67523783, 10.75909134),
        (5897, 557975.802, 1142228.861, 105.53115606, 10.32843706),
    ],
)
def test_vn2000_agrees_with_published_pairs_to_a_metre(
    session: Any, srid: int, east: float, north: float, lon: float, lat: float
) -> None:
    """Without the seven parameters it would be two hundred metres off."""
    ((found_lon, found_lat),) = coordinates.to_wgs84(session, np.array([[east, north]]), srid)
    assert abs(found_lon - lon) * 109_000 < 1
    assert abs(found_lat - lat) * 111_000 < 1


def test_vn2000_follows_the_formula_of_the_ministry_to_a_centimetre(session: Any) -> None:
    """Meridian arc, cone of the plane and the seven parameters worked out here by hand, without PROJ."""
    east, north, meridian = 571234.56, 2312345.67, 105.75
    ((lon, lat),) = coordinates.to_wgs84(session, np.array([[east, north]]), 9210)
    expected_lon, expected_lat = by_hand(east, north, meridian)
    assert abs(lon - expected_lon) * 104_000 < 0.01
    assert abs(lat - expected_lat) * 111_000 < 0.01


def by_hand(east: float, north: float, meridian: float) -> tuple[float, float]:
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    n = f / (2 - f)
    radius = a / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    xi, eta = north / (0.9999 * radius), (east - 500000) / (0.9999 * radius)
    beta = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    for k, b in enumerate(beta, 1):
        xi, eta = (
            xi
            - b * np.sin(2 * k * (north / (0.9999 * radius))) * np.cosh(2 * k * ((east - 500000) / (0.9999 * radius))),
            eta
            - b * np.cos(2 * k * (north / (0.9999 * radius))) * np.sinh(2 * k * ((east - 500000) / (0.9999 * radius))),
        )
    chi = np.arcsin(np.sin(xi) / np.cosh(eta))
    delta = (2 * n - 2 * n**2 / 3 - 2 * n**3, 7 * n**2 / 3 - 8 * n**3 / 5, 56 * n**3 / 15)
    phi = chi + sum(d * np.sin(2 * k * chi) for k, d in enumerate(delta, 1))
    lam = np.radians(meridian) + np.arctan2(np.sinh(eta), np.cos(xi))
    v = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    x, y, z = v * np.cos(phi) * np.cos(lam), v * np.cos(phi) * np.sin(lam), v * (1 - e2) * np.sin(phi)
    # The Ministry's rotations turn the frame: -0.00928836″, 0.01975479″, -0.00427372″.
    rx, ry, rz = np.radians(np.array([-0.00928836, 0.01975479, -0.00427372]) / 3600)
    scale = 1 + 0.252906278e-6
    moved = np.array([-191.90441429, -39.30318279, -111.45032835]) + scale * np.array(
        [[1, rz, -ry], [-rz, 1, rx], [ry, -rx, 1]]
    ) @ np.array([x, y, z])
    p = np.hypot(moved[0], moved[1])
    latitude = np.arctan2(moved[2], p * (1 - e2))
    for _ in range(8):
        v = a / np.sqrt(1 - e2 * np.sin(latitude) ** 2)
        latitude = np.arctan2(moved[2] + e2 * v * np.sin(latitude), p)
    return float(np.degrees(np.arctan2(moved[1], moved[0]))), float(np.degrees(latitude))


@pytest.mark.parametrize("zone", coordinates.ZONES, ids=lambda zone: f"{zone.srid}")
def test_every_zone_is_known_to_the_database(session: Any, zone: coordinates.Zone) -> None:
    """On its own meridian a plane's false easting leads back to the meridian, but for the shift of the datum."""
    ((lon, _),) = coordinates.to_wgs84(session, np.array([[500000.0, 2312000.0]]), zone.srid)
    assert abs(lon - zone.meridian) * 104_000 < 250


@pytest.mark.parametrize(
    ("definition", "srid"),
    [
        (make.WGS84_PRJ, 4326), (make.vn2000_prj(105.75), 9210), (make.vn2000_prj(105.5), 9209), (make.vn2000_prj(105.0), 5897),
        ('PROJCS["Pulkovo",GEOGCS["Pulkovo 1942"],PROJECTION["Transverse_Mercator"],PARAMETER["central_meridian",105],PARAMETER["scale_factor",1]]', None),
    ],
)  # fmt: skip
def test_projections_are_told_from_their_definition(definition: str, srid: int | None) -> None:
    assert coordinates.from_wkt(definition) == srid


@pytest.mark.parametrize(
    ("given", "srid"),
    [
        ("105°45'", 9210),
        ("105-45", 9210),
        ("105.75", 9210),
        ("10545", 9210),
        ("105°30′", 9209),
        ("105", 5897),
        ("90", None),
    ],
)
def test_meridians_as_people_write_them(given: str, srid: int | None) -> None:
    assert coordinates.from_meridian(given) == srid


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("106,41234", 106.41234), ("106.41234", 106.41234), ("2.312.345,67", 2312345.67), ("2,312,345.67", 2312345.67), ("-1", -1.0),
        ("20°54'30\"", 20 + 54 / 60 + 30 / 3600), ("", None), ("abc", None), (True, None), (3, 3.0), ("1.2.3,4,5", None),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(given: object, value: float | None) -> None:
    assert coordinates.number(given) == (pytest.approx(value) if value is not None else None)


def test_days_day_first() -> None:
    assert str(coordinates.day("05/09/2025")) == "2025-09-05"
    assert str(coordinates.day("20250905")) == "2025-09-05"
    assert coordinates.day("31/02/2025") is None


def test_a_shapefile_in_vn2000_lands_in_the_city(session: Any) -> None:
    ring = [
        (571000.0, 2312000.0),
        (571100.0, 2312000.0),
        (571100.0, 2312100.0),
        (571000.0, 2312100.0),
        (571000.0, 2312000.0),
    ]
    file = geofiles.read(make.shape([([ring], "A", 1)], prj=make.vn2000_prj(105.75)), "a.zip")
    assert geofiles.place(session, file) == 9210
    assert all(106.4 < lon < 106.5 and 20.8 < lat < 21.0 for lon, lat in outline(file))


# -------------------------------------------------------------------------------------------------------------- bad input


def bomb(name: str, megabytes: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out, out.open(name, "w", force_zip64=True) as member:
        for _ in range(megabytes):
            member.write(bytes(2**20))
    return packed.getvalue()


LAUGHS = '<!DOCTYPE kml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
ENTRY = make.archive(doc__kml=make.kml(make.placemark("A", SQUARE)))


def claiming(points: int) -> bytes:
    """A Shapefile whose one record claims so many points."""
    body = struct.pack("<i4d2i", 5, 0, 0, 0, 0, 1, points) + struct.pack("<i", 0) + bytes(64)
    record = struct.pack(">2i", 1, len(body) // 2) + body
    head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(record)) // 2) + struct.pack("<2i8d", 1000, 5, *[0.0] * 8)
    with zipfile.ZipFile(io.BytesIO(make.shape([([SQUARE], "A", 1)]))) as packed:
        return make.archive(vung__shp=head + record, vung__dbf=packed.read("vung.dbf"), vung__prj=make.WGS84_PRJ)


REFUSED: dict[str, tuple[Any, str, type[TemThatError]]] = {
    "nothing": (b"", "a.geojson", geofile_faults.UnknownGeoFile),
    "no json": (b'{"type": "FeatureCollection", "features": [', "a.geojson", geofile_faults.GeoFileBroken),
    "json of something else": (b'{"a": 1}', "a.json", geofile_faults.GeoFileBroken),
    "no areas": (make.geojson(), "a.geojson", geofile_faults.NothingInside),
    "deep json": (b'{"type":"FeatureCollection","features":' + b"[" * 100_000, "a.geojson", geofile_faults.GeoFileBroken),
    "json of a million points": (lambda: json.dumps({"type": "Polygon", "coordinates": [[[106.4, 20.9]] * 1_000_000]}).encode(), "a.json", geofile_faults.TooManyCorners),
    "json of a million areas": (lambda: b'{"type":"FeatureCollection","features":[' + b'{},' * 1_000_000 + b"{}]}", "a.json", geofile_faults.TooManyAreas),
    "more areas than can be": (lambda: make.geojson(*[make.feature(None)] * (geofile_forms.MOST_AREAS + 1)), "a.json", geofile_faults.TooManyAreas),
    "laughs": (make.kml("<Placemark><name>&c;</name></Placemark>", head=LAUGHS), "a.kml", geofile_faults.XmlWithEntities),
    "entities from outside": (make.kml("<Placemark><name>&x;</name></Placemark>", head=OUTSIDE), "a.kml", geofile_faults.XmlWithEntities),
    "half a kml": (make.kml(make.placemark("A", SQUARE))[:-40], "a.kml", geofile_faults.GeoFileBroken),
    "deep kml": (make.kml("<Folder>" * 200 + "</Folder>" * 200), "a.kml", geofile_faults.GeoFileBroken),
    "kml of a million points": (lambda: make.kml(make.placemark("A", [(1.0, 2.0)] * 1_000_000)), "a.kml", geofile_faults.TooManyCorners),
    "other xml": (b"<html></html>", "a.html", geofile_faults.UnknownGeoFile),
    "bomb": (lambda: bomb("doc.kml", 200), "a.kmz", geofile_faults.GeoFileTooLarge),
    "200 MB shapefile": (lambda: bomb("a.shp", 200), "a.zip", geofile_faults.GeoFileTooLarge),
    "nested": (make.archive(inner__zip=ENTRY), "a.zip", geofile_faults.ArchiveInArchive),
    "empty archive": (make.archive(readme__txt="x"), "a.zip", geofile_faults.UnknownGeoFile),
    "half an archive": (ENTRY[:100], "a.kmz", geofile_faults.GeoFileBroken),
    "too many files": (make.archive(**{f"f{n}__txt": "" for n in range(geofile_archives.MOST_MEMBERS + 1)}), "a.zip", geofile_faults.TooManyFiles),
    "points of billions": (claiming(2**31 - 1), "a.zip", geofile_faults.GeoFileBroken),
    "points of less than none": (claiming(-5), "a.zip", geofile_faults.GeoFileBroken),
    "a lone .shp": (b"\0\0\x27\x0a", "a.shp", geofile_faults.ShapefileIncomplete),
    "shp without dbf": (make.archive(a__shp=b"x" * 200), "a.zip", geofile_faults.ShapefileIncomplete),
    "dbf without shp": (make.archive(a__dbf=b"x" * 200), "a.zip", geofile_faults.ShapefileIncomplete),
    "two layers": (make.archive(a__shp=b"x", b__shp=b"x"), "a.zip", geofile_faults.SeveralLayers),
    "shp of rubbish": (make.archive(a__shp=b"x" * 200, a__dbf=b"x" * 200), "a.zip", geofile_faults.GeoFileBroken),
    "tcvn3 table": (make.shape([([SQUARE], "Vïng trång v¶i", 1)], cpg=None, encoding="latin-1"), "a.zip", geofile_faults.TextInTcvn3),
    "vni csv": ("Teân;Vó ñoä;Kinh ñoä\nVuøng troàng vaûi;20,9;106,4\n".encode("latin-1"), "a.csv", geofile_faults.TextInVni),
    "tcvn3 in json": (make.geojson(make.feature(make.polygon(SQUARE), name="Vïng trång v¶i thiÒu")), "a.geojson", geofile_faults.TextInTcvn3),
    "csv without coordinates": (b"a;b\n1;2", "a.csv", geofile_faults.ColumnsMissing),
    "cells far apart": (make.xlsx([["Tên", "Lat", "Lon"], *[[]] * 700_000, [*[None] * 190, 1]]), "a.xlsx", geofile_faults.GeoFileBroken),
    "too large": (lambda: bytes(26 * 2**20), "a.json", geofile_faults.GeoFileTooLarge),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_words_and_in_bounded_memory(what: str) -> None:
    sent, name, kind = REFUSED[what]
    raw = sent() if callable(sent) else sent
    tracemalloc.start()
    try:
        with pytest.raises(kind) as refusal:
            geofiles.read(raw, name)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refusal.value.message_id() % refusal.value.facts
    assert refusal.value.way_out_id()
    assert most < 160 * 2**20


def test_points_and_lines_are_no_areas() -> None:
    file = geofiles.read(make.geojson(make.feature({"type": "Point", "coordinates": [106.4, 20.9]})), "a.geojson")
    assert [type(fault) for fault in file.features[0].shape.faults] == [boundary_faults.NotAPolygon]


def test_a_locked_archive_is_named() -> None:
    raw = bytearray(ENTRY)
    raw[6] |= 1
    directory = raw.index(b"PK\x01\x02")
    raw[directory + 8] |= 1
    with pytest.raises(geofile_faults.ArchiveLocked):
        geofiles.read(bytes(raw), "a.kmz")
