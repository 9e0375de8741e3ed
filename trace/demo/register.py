"""The register of the sample data: titles with their parties and rules, products, areas, sites, certificates, seasons and volumes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from trace.clock import CITY
from trace.demo import plots, shapes, signs
from trace.demo.facts import CERTIFICATES, FIELDS, GOODS, SITES, TITLES, Goods
from trace.demo.people import FOUNDED
from trace.models.areas import AreaCodeStatus, GrowingArea, GrowingAreaCode, ProductionSite
from trace.models.lots import EligibleBalance
from trace.models.parties import Commune
from trace.models.titles import (
    ComparisonPoint,
    Product,
    ProtectionTitle,
    Season,
    SourceKind,
    TitleKind,
    TitleRole,
    TitleRoleKind,
    UseRegulation,
)  # fmt: skip
from trace.services import certificates, scanning, volumes
from trace.services.reach import Reach

if TYPE_CHECKING:
    from trace.demo.story import Story

SCHEME = "mẫu"
SUSPENDED_FOR_ONE_MARKET = ("thanhha-1", "AU", 40)
"""An area, a market, and since how many days its code is suspended there; it stays good for the others."""
EARLIER_BODY = 420
"""So many days ago another body managed the GI: successors are recorded, never overwritten."""


def make(story: Story) -> None:
    """Everything that stands before the first lot."""
    scanning.first_copy_rule(story.session)
    for key in TITLES:
        _title(story, key)
    signs.amend(story)
    for key in GOODS:
        _product(story, key)
    for key in FIELDS:
        _field(story, key)
    for key in SITES:
        _site(story, key)
    story.session.flush()
    plots.make(story)
    for number, key in enumerate(CERTIFICATES, start=1):
        _certificate(story, key, number)


def season(story: Story, product: str, harvested: date, holder: str) -> Season:
    """The season of a harvest, with the holder's eligible volume; both are made when first asked for."""
    goods = GOODS[product]
    start = goods.season_start(harvested)
    found = story.seasons.get((product, start))
    if found is None:
        found = Season(
            product_id=story.products[product].id, name=goods.season_name(start), runs_during=Range(start, goods.season_end(start)),
            yield_cap_kg_per_ha=goods.yield_kg_per_ha,
        )  # fmt: skip
        story.session.add(found)
        story.session.flush()
        story.seasons[product, start] = found
    holder_id = story.parties[holder].id
    known = select(EligibleBalance.id).where(
        EligibleBalance.holder_id == holder_id, EligibleBalance.season_id == found.id
    )
    if story.session.scalar(known) is None:
        _confirm(story, goods, found, holder)
    return found


def _confirm(story: Story, goods: Goods, opened: Season, holder: str) -> None:
    """The managing body confirms a holder's volume, as it was when the season was opened."""
    session, holder_id, least = story.session, story.parties[holder].id, _eligible(goods, holder)
    line = next((line for line in volumes.lines(session, opened) if line.holder.id == holder_id), None)
    if line is None:
        session.add(EligibleBalance(holder_id=holder_id, season_id=opened.id, eligible_g=least, issued_g=0))
        session.flush()
        return
    grams = min(least, line.computed_g)
    began = datetime.combine(opened.runs_during.lower or story.today, time(8), CITY)
    volumes.confirm(
        session, opened.id, holder_id, grams=grams, seen_g=line.computed_g,
        reason=None if grams == line.computed_g else "Đất trồng hai sản phẩm, tính theo phần của mỗi sản phẩm (dữ liệu mẫu)",
        by=story.people[TITLES[goods.title].manager].id, at=min(began, story.moment(0)), reach=Reach(everything=True),
    )  # fmt: skip


def _eligible(goods: Goods, holder: str) -> int:
    """What land or site of a holder yields in a season at most, g."""
    if goods.source is SourceKind.SITE:
        return (
            sum(site.capacity_kg for site in SITES.values() if (site.title, site.holder) == (goods.title, holder))
            * 1000
        )
    hectares = sum(area.hectares for area in FIELDS.values() if (area.title, area.holder) == (goods.title, holder))
    # Land that grows two products is counted half for each.
    share = 2 if sum(other.title == goods.title and other.source is goods.source for other in GOODS.values()) > 1 else 1
    return int(hectares * (goods.yield_kg_per_ha or 0) / share) * 1000


def _title(story: Story, key: str) -> None:
    facts, session = TITLES[key], story.session
    codes = [story.communes[name] for name in facts.communes]
    territory = select(func.ST_Multi(func.ST_Union(Commune.boundary))).where(Commune.code.in_(codes)).scalar_subquery()
    title = ProtectionTitle(kind=facts.kind, name=facts.name, area_in_words=facts.words, area=territory, is_sample=True)
    session.add(title)
    session.flush()
    story.titles[key] = title
    began = story.day(FOUNDED)
    roles = [(facts.owner, TitleRoleKind.OWNER, began), ("controls", TitleRoleKind.CONTROL_BODY, began)]
    roles += [("certifiers", TitleRoleKind.CONTROL_BODY, began)]
    if facts.kind is TitleKind.GI:
        roles += [
            ("city", TitleRoleKind.REGISTRANT, began),
            (facts.body, TitleRoleKind.MANAGING_BODY, story.day(EARLIER_BODY)),
        ]
        _role(story, key, "science", TitleRoleKind.MANAGING_BODY, Range(began, story.day(EARLIER_BODY)))
    else:
        roles += [(facts.body, TitleRoleKind.REGISTRANT, began), (facts.body, TitleRoleKind.MANAGING_BODY, began)]
    for party, role, since in roles:
        _role(story, key, party, role, Range(since, None))
    changed = story.day(EARLIER_BODY)
    session.add(
        UseRegulation(
            title_id=title.id, version=1, summary=f"{facts.summary} (bản đầu)", valid_during=Range(began, changed),
            requires_area_code=facts.coded, pack_weights_g=list(facts.weights_g[:2]), rules=signs.rules_of(key),
            deciding_document="Quyết định mẫu số 60/QĐ-MẪU",
        )
    )  # fmt: skip
    session.add(
        UseRegulation(
            title_id=title.id, version=2, summary=facts.summary, valid_during=Range(changed, None),
            requires_area_code=facts.coded, pack_weights_g=list(facts.weights_g), rules=signs.rules_of(key),
            deciding_document="Quyết định mẫu số 61/QĐ-MẪU",
        )
    )  # fmt: skip
    session.flush()
    signs.dress(story, key, codes)


def _role(story: Story, key: str, party: str, role: TitleRoleKind, during: Range[date]) -> None:
    number = len(TITLES) * list(TitleRoleKind).index(role) + list(TITLES).index(key) + 1
    story.session.add(
        TitleRole(
            title_id=story.titles[key].id, party_id=story.parties[party].id, role=role, valid_during=during,
            deciding_document=f"Quyết định mẫu số {number:02d}/QĐ-MẪU",
        )
    )  # fmt: skip


def _product(story: Story, key: str) -> None:
    facts = GOODS[key]
    product = Product(
        title_id=story.titles[facts.title].id, name=facts.name, name_en=facts.name_en, description=f"{facts.description} Dữ liệu mẫu.",
        source_kind=facts.source,
    )  # fmt: skip
    story.session.add(product)
    story.session.flush()
    story.products[key] = product
    for position, (text_vi, text_en, hard) in enumerate(facts.points, start=1):
        story.session.add(
            ComparisonPoint(
                product_id=product.id, position=position, text_vi=text_vi, text_en=text_en, hard_to_copy=hard
            )
        )


def _field(story: Story, key: str) -> None:
    facts, session = FIELDS[key], story.session
    boundary = shapes.field_in(session, story.rng, story.communes[facts.commune], facts.hectares)
    area = GrowingArea(
        title_id=story.titles[facts.title].id, holder_id=story.parties[facts.holder].id, name=facts.name,
        commune_code=story.communes[facts.commune], boundary=func.ST_GeomFromText(boundary, 4326),
        declared_ha=Decimal(str(round(facts.hectares * facts.declared, 2))), is_sample=True,
    )  # fmt: skip
    session.add(area)
    session.flush()
    story.sources[key] = area
    began = story.day(FOUNDED)
    for market in facts.markets:
        code = f"MẪU-HD-{list(FIELDS).index(key) + 1:04d}" + ("" if market == "VN" else f"-{market}")
        if (key, market) == SUSPENDED_FOR_ONE_MARKET[:2]:
            since = story.day(SUSPENDED_FOR_ONE_MARKET[2])
            spans = [(AreaCodeStatus.ACTIVE, Range(began, since)), (AreaCodeStatus.SUSPENDED, Range(since, None))]
        else:
            spans = [(AreaCodeStatus.ACTIVE, Range(began, None))]
        for status, during in spans:
            session.add(
                GrowingAreaCode(
                    area_id=area.id,
                    code=code,
                    scheme=SCHEME,
                    market=market,
                    status=status,
                    valid_during=during,
                    reason=None
                    if status is AreaCodeStatus.ACTIVE
                    else "Dư lượng vượt mức của thị trường này (dữ liệu mẫu)",
                )
            )
    session.flush()


def _site(story: Story, key: str) -> None:
    facts = SITES[key]
    place = shapes.point_in(story.session, story.rng, story.communes[facts.commune], facts.near)
    site = ProductionSite(
        title_id=story.titles[facts.title].id, holder_id=story.parties[facts.holder].id, name=facts.name, kind=facts.kind,
        commune_code=story.communes[facts.commune], location=func.ST_GeomFromText(place, 4326), capacity_g=facts.capacity_kg * 1000,
        is_sample=True,
    )  # fmt: skip
    story.session.add(site)
    story.session.flush()
    story.sources[key] = site


def _certificate(story: Story, key: str, number: int) -> None:
    holder, title, left, age = CERTIFICATES[key]
    areas = [story.sources[name].id for name, area in FIELDS.items() if (area.holder, area.title) == (holder, title)]
    sites = [story.sources[name].id for name, site in SITES.items() if (site.holder, site.title) == (holder, title)]
    granted = min(age, FOUNDED - 10)
    story.certificates[key] = certificates.grant(
        story.session, title_id=story.titles[title].id, holder_id=story.parties[holder].id, number=f"GCN-MẪU-{number:04d}",
        valid_from=story.day(granted), valid_until=story.day(0) + timedelta(days=left), area_ids=areas, site_ids=sites,
        document_number=f"Quyết định mẫu số {100 + number}/QĐ-MẪU", by=story.people[TITLES[title].manager].id, at=story.moment(granted, 10),
        is_sample=True,
    )  # fmt: skip


def suspend(story: Story, key: str, *, ago: int, reason: str, document: str) -> None:
    """Plan that a manager suspends a certificate."""
    certificate, title = story.certificates[key], CERTIFICATES[key][1]
    story.plan(
        story.moment(ago, 14),
        lambda at: certificates.decide(
            story.session, certificate.id, certificates.Decision.SUSPEND, reason=reason, document_number=document,
            by=story.people[TITLES[title].manager].id, at=at, reach=Reach(titles=frozenset({story.titles[title].id})),
        ),
    )  # fmt: skip
