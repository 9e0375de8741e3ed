"""What hangs on the signals and cases of `bench.desk_queue`: reports, photos, observations, clocks, deeds, papers, scans. Made by SQL, all synthetic.

Like signals say like things and show like photos, each a little different; the flood of ten thousand says one thing of one shop and shows
one photo.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from bench.desk_queue import FLOOD, at_once
from tests.enforcement import desk
from trace import clock

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from tests.factories import World

SPOKEN = """
CREATE TEMP TABLE spoken AS SELECT (row_number() OVER ())::int AS k, w FROM unnest(string_to_array(
 'tôi mua ở sạp này hôm qua thấy tem mờ quét lên báo mã lạ người bán nói hàng thật nhưng quả nhỏ vỏ sần mùi khác giá rẻ hơn mọi khi '
 || 'bao bì cũ chữ nhòe màu nhạt dán lệch không có niêm phong túi nylon trắng xe tải biển số lạ đỗ trước cổng chợ lúc sáng sớm bốc hàng '
 || 'nhiều thùng giấy in tên hợp tác xã mẫu địa chỉ ghi tay số điện thoại không gọi được chủ quán bảo lấy từ đầu mối bên sông gửi đi '
 || 'tỉnh ngoài kiểm tra giúp nghi ngờ nguồn gốc xuất xứ chỉ dẫn địa lý đóng gói lại ban đêm kho sau nhà văn hóa phường cạnh trường học '
 || 'khách du lịch phàn nàn uống đau bụng nước mắm nhạt rươi ướp đá bánh mốc mật ong loãng cam sành trộn lẫn ổi chín ép vải héo lá khô', ' ')) w
"""
SAID = """
CREATE TEMP TABLE said AS
SELECT t AS k, string_agg(w.w, ' ' ORDER BY i) AS words
  FROM generate_series(0, :texts - 1) t CROSS JOIN generate_series(1, 24) i
  JOIN spoken w ON w.k = 1 + (hashint4(i * 7919 + t * 131) & 2147483647) % (SELECT count(*) FROM spoken)
 GROUP BY t
"""
# The four signals of a cluster share a text but for its end; ten thousand share one whole.
TIPS = """
INSERT INTO tip (id, number, received_at, serial, reason, description, commune_code, place, cell, listing_url, state, follow_hash)
SELECT s.source_ref::uuid, 'TB-' || n, s.received_at, s.serial, 'label_looks_wrong',
       said.words || CASE WHEN n < :flood THEN '' ELSE ' lần ' || n % 100 END, s.commune_code, s.place,
       CASE WHEN n % 3 = 0 THEN 'o-' || n / 12 % 4000 END, CASE WHEN n % 10 = 0 THEN 'https://shop.mau/sp/' || n / 40 END, 'received',
       sha256(convert_to('t' || n, 'UTF8'))
  FROM generate_series(0, :signals - 1) n JOIN enforcement.signal s ON s.source = 'tip' AND s.source_ref = md5('s' || n)::uuid::text
  JOIN said ON said.k = CASE WHEN n < :flood THEN 0 ELSE n / 4 % :texts END
"""
SEEN = """
INSERT INTO enforcement.observation (id, number, serial, seen_at, recorded_at, inspector_id, commune_code, place, location, note)
SELECT s.source_ref::uuid, 'QS-' || n, s.serial, s.received_at, s.received_at, :by, s.commune_code, s.place, s.location, said.words || ' ' || n % 100
  FROM generate_series(0, :signals - 1) n JOIN enforcement.signal s ON s.source = 'observation' AND s.source_ref = md5('s' || n)::uuid::text
  JOIN said ON said.k = CASE WHEN n < :flood THEN 0 ELSE n / 4 % :texts END
"""
# A hash a cluster, of which each photo differs in a few bits.
PHOTOS = """
INSERT INTO stored_file (id, sha256, size, media_type, name, copy_sha256, likeness, received_at)
SELECT md5('f' || n)::uuid, encode(sha256(convert_to('f' || n, 'UTF8')), 'hex'), 1000, 'image/jpeg', 'anh.jpg',
       encode(sha256(convert_to('k' || n, 'UTF8')), 'hex'),
       (('x' || substr(md5('p' || CASE WHEN n < :flood THEN 0 ELSE n / 4 END), 1, 16))::bit(64)::bigint & 9223372036854775807)
         # (1::bigint << n % 60) # (1::bigint << n / 7 % 60), :at - n * interval '1 minute'
  FROM generate_series(0, :signals - 1, 2) n WHERE n / 4 % 5 < 3
"""
ON_TIPS = "INSERT INTO tip_photo (tip_id, file_id) SELECT md5('s' || n)::uuid, md5('f' || n)::uuid FROM generate_series(0, :signals - 1, 2) n WHERE n / 4 % 5 < 2"
ON_SEEN = (
    "INSERT INTO enforcement.observation_photo (observation_id, file_id) "
    "SELECT md5('s' || n)::uuid, md5('f' || n)::uuid FROM generate_series(0, :signals - 1, 2) n WHERE n / 4 % 5 = 2"
)
# An open case has a clock that runs, a closed one a clock that was met.
CLOCKS = """
INSERT INTO enforcement.deadline (id, case_id, kind, basis, rule_version, needs_verification, started_at, due_at, met_at, ended_as)
SELECT md5('d' || c.number)::uuid, c.id, r.kind, r.basis, r.version, false, c.opened_at,
       date_trunc('day', coalesce(c.next_due_at, c.opened_at + interval '30 days')) + interval '16:59:59', c.closed_at,
       CASE WHEN c.closed_at > date_trunc('day', c.opened_at + interval '30 days') + interval '16:59:59' THEN 'late' WHEN c.closed_at IS NOT NULL THEN 'fulfilled' END
  FROM (SELECT *, row_number() OVER (ORDER BY number) AS k FROM enforcement.case_file) c
  JOIN (SELECT *, row_number() OVER (ORDER BY kind) - 1 AS k FROM (VALUES :rules) v (kind, version, basis)) r ON r.k = c.k % :kinds
 WHERE date_trunc('day', coalesce(c.next_due_at, c.opened_at + interval '30 days')) + interval '16:59:59' > c.opened_at
"""
EVENTS = """
INSERT INTO enforcement.case_event (case_id, seq, at, by, deed, move, was, becomes, facts)
SELECT c.id, i, c.opened_at + i * interval '1 hour', c.opened_by, (ARRAY['open', 'assign', 'note', 'move', 'note'])[i],
       CASE WHEN i = 4 THEN 'start_inspection' END, CASE WHEN i = 4 THEN 'verifying' END, CASE WHEN i = 4 THEN 'inspecting' END, jsonb_build_object('number', c.number, 'officer', 'Người mẫu')
  FROM enforcement.case_file c, generate_series(1, 5) i
"""
PAPERS = """
INSERT INTO enforcement.case_paper (case_id, kind, number, signed_on, signer_name, added_at, added_by)
SELECT id, 'violation_record', number, (opened_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, 'Người mẫu', opened_at, opened_by
  FROM enforcement.case_file WHERE state IN ('closed', 'archived')
"""
# A week of looks at labels, of which a flood of ten thousand was answered with a warning during the last day.
SCANS = """
INSERT INTO scan (at, serial, verdict, kind, channel, device)
SELECT :at - n * interval '1 second' * 600000 / :scans, 1 + n % 9000, CASE WHEN n < :flood THEN 'suspected_copy' ELSE 'valid' END, 'real', 'qr',
       substr(sha256(convert_to('m' || n % 50000, 'UTF8')), 1, 12)
  FROM generate_series(0, :scans - 1) n
"""
# The flood is about one shop: whatever two signals can share they all share.
ONE_SHOP = """
UPDATE enforcement.signal s
   SET commune_code = (SELECT min(code) FROM commune), place = 'Chợ Sắt số 11, sạp 4', shop_phone = '02257654321', code = '7K4M92QDXJ3P', holder_id = :holder,
       location = CASE WHEN source = 'observation' THEN ST_SetSRID(ST_MakePoint(106.3, 20.7), 4326) END
 WHERE cluster_id = (SELECT id FROM enforcement.signal_cluster ORDER BY signals DESC LIMIT 1)
"""
ONE_CELL = """
UPDATE tip SET cell = 'o-1'
 WHERE id IN (SELECT source_ref::uuid FROM enforcement.signal
               WHERE source = 'tip' AND cluster_id = (SELECT id FROM enforcement.signal_cluster ORDER BY signals DESC LIMIT 1))
"""
BIG = """
WITH big AS (SELECT id FROM enforcement.case_file WHERE state = 'verifying' AND officer_id IS NOT NULL ORDER BY number LIMIT 1),
     moved AS (UPDATE enforcement.signal SET state = 'in_case', case_id = (SELECT id FROM big), reason = NULL, outcome = NULL, wait_until = NULL,
                       decided_at = :at, decided_by = :by
                WHERE source_ref IN (SELECT md5('s' || n)::uuid::text FROM generate_series(:flood, :flood + 59) n)),
     told AS (INSERT INTO enforcement.case_event (case_id, seq, at, by, deed, note, facts)
              SELECT (SELECT id FROM big), i, CAST(:at AS timestamptz) - (300 - i) * interval '1 hour', :by, 'note', 'Ghi chép mẫu ' || i, '{}'
                FROM generate_series(6, 205) i)
SELECT id FROM big
"""
BIG_EVIDENCE = """
INSERT INTO enforcement.evidence (id, case_id, folio, file_id, sha256, title, origin, taken_at, added_at, added_by)
SELECT md5('e' || i)::uuid, :big, i, f.id, f.sha256, 'Ảnh mẫu ' || i, 'Máy ảnh mẫu', :at, :at, :by
  FROM (SELECT *, row_number() OVER (ORDER BY received_at) AS i FROM (SELECT * FROM stored_file ORDER BY received_at LIMIT 40) x) f ORDER BY i
"""
HELD = """
INSERT INTO enforcement.custody_event (evidence_id, seq, deed, at, by, sha256_seen)
SELECT md5('e' || i)::uuid, 1, 'taken', e.added_at, e.added_by, e.sha256
  FROM generate_series(1, 40) i JOIN enforcement.evidence e ON e.id = md5('e' || i)::uuid
"""
KINDS = ("report_up", "violation_record", "penalty_decision", "seizure", "execution", "limitation_ip")


def fill(session: Session, world: World, signals: int) -> UUID:
    """Write what hangs on the signals and cases. Returns the case that has much in it."""
    at, flood = clock.now(), min(FLOOD, signals // 10)
    facts: dict[str, Any] = {
        "at": at, "by": world.officer.id, "signals": signals, "flood": flood, "texts": max(10, signals // 40), "scans": signals // 2, "kinds": len(KINDS),
    }  # fmt: skip
    desk.labels(session, world, 1, 9_000)
    session.execute(
        text("SELECT make_scan_months(CAST(:first AS date), CAST(:last AS date))"),
        {"first": at - timedelta(days=8), "last": at},
    )
    rules = session.execute(
        text("SELECT DISTINCT ON (kind) kind, version, basis FROM enforcement.deadline_rule WHERE kind = ANY (:kinds) ORDER BY kind, version"),
        {"kinds": list(KINDS)},
    ).all()  # fmt: skip
    listed = ", ".join("('{}', '{}', '{}')".format(*(str(each).replace("'", "''") for each in rule)) for rule in rules)
    facts["kinds"] = len(rules)
    with at_once(
        session, "tip", "tip_photo", "observation", "observation_photo", "stored_file", "deadline", "case_event", "case_paper"
    ):  # fmt: skip
        for statement in (
            SPOKEN, SAID, TIPS, SEEN, PHOTOS, ON_TIPS, ON_SEEN, CLOCKS.replace(":rules", listed), EVENTS, PAPERS, SCANS,
        ):  # fmt: skip
            session.execute(text(statement), facts)
    for statement in (ONE_SHOP, ONE_CELL):
        session.execute(text(statement), {**facts, "holder": world.cooperative.id})
    big: UUID = session.execute(text(BIG), facts).scalar_one()
    session.execute(text(BIG_EVIDENCE), {**facts, "big": big})
    session.execute(text(HELD))
    return big
