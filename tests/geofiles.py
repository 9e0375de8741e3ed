"""Files of boundaries made on the spot, as the programs that people use would write them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import shapefile
import xlsxwriter

Ring = list[tuple[float, float]]
WGS84_PRJ = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]]'
)


def vn2000_prj(meridian: float) -> str:
    """As QGIS writes it for a plane of three degrees."""
    return (
        f'PROJCS["VN_2000_TM_3",GEOGCS["GCS_VN_2000",DATUM["D_Vietnam_2000",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
        f'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
        f'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",{meridian}],'
        f'PARAMETER["Scale_Factor",0.9999],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
    )


def square(lon: float = 106.43, lat: float = 20.91, side: float = 0.002) -> Ring:
    """A closed square, counter-clockwise, from its south-west corner."""
    return [(lon, lat), (lon + side, lat), (lon + side, lat + side), (lon, lat + side), (lon, lat)]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(point) for point in ring] for ring in rings]}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def geojson(*features: Any, **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", **members, "features": list(features)}, ensure_ascii=False).encode()


def archive(**files: bytes | str) -> bytes:
    """A zip; a double underscore in a name stands for a dot."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name.replace("__", "."), content)
    return packed.getvalue()


def shape(
    rows: list[tuple[list[Ring], str, float]],
    *,
    prj: str | None = WGS84_PRJ,
    cpg: str | None = "UTF-8",
    encoding: str = "utf-8",
) -> bytes:
    """A zipped Shapefile with the columns TEN and DT_HA. Outlines are turned clockwise, as they must be."""
    parts = {"shp": io.BytesIO(), "shx": io.BytesIO(), "dbf": io.BytesIO()}
    with shapefile.Writer(**parts, shapeType=shapefile.POLYGON, encoding=encoding, encodingErrors="strict") as writer:
        writer.field("TEN", "C", size=60)
        writer.field("DT_HA", "N", size=12, decimal=4)
        for rings, name, hectares in rows:
            writer.poly([list(reversed(rings[0])), *rings[1:]])
            writer.record(name, hectares)
    files: dict[str, bytes | str] = {f"vung__{ending}": part.getvalue() for ending, part in parts.items()}
    if prj is not None:
        files["vung__prj"] = prj
    if cpg is not None:
        files["vung__cpg"] = cpg
    return archive(**files)


def kml(*placemarks: str, head: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        + "".join(placemarks)
        + "</Document></kml>"
    ).encode()


def placemark(name: str, ring: Ring, *holes: Ring, data: str = "") -> str:
    def line(points: Ring) -> str:
        return " ".join(f"{lon},{lat},0" for lon, lat in points)

    inner = "".join(
        f"<innerBoundaryIs><LinearRing><coordinates>{line(hole)}</coordinates></LinearRing></innerBoundaryIs>"
        for hole in holes
    )
    return (
        f"<Placemark><name>{name}</name>{data}<Polygon><outerBoundaryIs><LinearRing><coordinates>{line(ring)}</coordinates>"
        f"</LinearRing></outerBoundaryIs>{inner}</Polygon></Placemark>"
    )


def gpx(name: str, points: Ring, kind: str = "trk") -> bytes:
    tag = "trkpt" if kind == "trk" else "rtept"
    written = "".join(f'<{tag} lat="{lat}" lon="{lon}"><ele>2</ele></{tag}>' for lon, lat in points)
    body = f"<trkseg>{written}</trkseg>" if kind == "trk" else written
    return (
        f'<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><{kind}><name>{name}</name>'
        f"{body}</{kind}></gpx>"
    ).encode()


def xlsx(rows: list[list[Any]]) -> bytes:
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return packed.getvalue()
