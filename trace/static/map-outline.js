// A boundary in hand: pieces of rings of [lat, lon], as text, as GeoJSON, measured, and with every step undoable. No map, no page.

const POINT = /^\s*([+-]?\d{1,9}(?:[.,]\d{1,15})?)°?\s*[;,\t ]\s*([+-]?\d{1,9}(?:[.,]\d{1,15})?)°?\s*[;,]?\s*$/;
const EARTH = 6378137;
const MOST_STEPS = 200;

export const readNumber = (text) => {
  const plain = text.trim().replace(",", ".");
  return /^[+-]?\d{1,9}(\.\d{1,15})?$/.test(plain) ? Number(plain) : null;
};

const read = (text) => {
  const pieces = [];
  let fresh = true;
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim()) fresh = true;
    else if (/^\s*[-–—]+\s*$/.test(line) && pieces.length) {
      pieces.at(-1).push([]);
      fresh = false;
    } else {
      const found = POINT.exec(line);
      if (!found) return null;
      if (fresh) pieces.push([[]]);
      fresh = false;
      pieces.at(-1).at(-1).push([readNumber(found[1]), readNumber(found[2])]);
    }
  }
  for (const ring of pieces.flat()) {
    const [first, last] = [ring[0], ring.at(-1)];
    if (ring.length > 1 && first[0] === last[0] && first[1] === last[1]) ring.pop();
  }
  return pieces;
};

const line = ([lat, lon]) => `${lat.toFixed(6)}, ${lon.toFixed(6)}`;

// Spherical excess; within a third of a percent of what the server measures, which has the last word.
const squareMetres = (ring) => {
  let sum = 0;
  ring.forEach(([lat, lon], place) => {
    const [nextLat, nextLon] = ring[(place + 1) % ring.length];
    sum += (nextLon - lon) * Math.PI / 180 * (2 + Math.sin(lat * Math.PI / 180) + Math.sin(nextLat * Math.PI / 180));
  });
  return Math.abs(sum * EARTH * EARTH / 2);
};

export const metres = (one, other) => {
  const across = (one[1] - other[1]) * Math.cos(one[0] * Math.PI / 180);
  return Math.hypot(across, one[0] - other[0]) * Math.PI / 180 * EARTH;
};

export class Outline extends EventTarget {
  pieces = [];
  chosen = null; // {piece, ring, point}
  #steps = [];

  get count() { return this.pieces.flat(2).length; }
  get undoable() { return this.#steps.length > 0; }
  get complete() { return this.pieces.length > 0 && this.pieces.every((piece) => piece[0].length > 2); }

  get text() {
    return this.pieces.filter((piece) => piece.flat().length)
      .map((piece) => piece.filter((ring) => ring.length).map((ring) => ring.map(line).join("\n")).join("\n-\n")).join("\n\n");
  }

  get shape() {
    const closed = (ring) => [...ring, ring[0]].map(([lat, lon]) => [Number(lon.toFixed(7)), Number(lat.toFixed(7))]);
    const coordinates = this.pieces.filter((piece) => piece[0].length).map((piece) => piece.filter((ring) => ring.length).map(closed));
    return { type: "MultiPolygon", coordinates };
  }

  get hectares() {
    return this.pieces.reduce((sum, [outer, ...holes]) =>
      sum + squareMetres(outer) - holes.reduce((less, hole) => less + squareMetres(hole), 0), 0) / 10000;
  }

  // False if the text cannot be read; the boundary stays as it is then.
  readText(text, { remember = true } = {}) {
    const pieces = read(text);
    if (!pieces) return false;
    this.change(() => { this.pieces = pieces; this.chosen = null; }, { remember });
    return true;
  }

  // What stands now can be come back to.
  remember() {
    this.#steps.push(JSON.stringify(this.pieces));
    if (this.#steps.length > MOST_STEPS) this.#steps.shift();
  }

  change(work, { remember = true } = {}) {
    if (remember) this.remember();
    work();
    this.dispatchEvent(new Event("change"));
  }

  undo() {
    if (!this.undoable) return;
    this.pieces = JSON.parse(this.#steps.pop());
    this.chosen = null;
    this.dispatchEvent(new Event("change"));
  }

  choose(place) {
    this.chosen = place;
    this.dispatchEvent(new Event("choose"));
  }

  at({ piece, ring, point }) { return this.pieces[piece]?.[ring]?.[point]; }

  // A new point behind the chosen one, or at the end of the last piece.
  add(point) {
    this.change(() => {
      if (!this.pieces.length) this.pieces.push([[]]);
      const last = this.pieces.length - 1;
      const place = this.chosen && this.at(this.chosen)
        ? { ...this.chosen, point: this.chosen.point + 1 }
        : { piece: last, ring: 0, point: this.pieces[last][0].length };
      this.pieces[place.piece][place.ring].splice(place.point, 0, point);
      this.chosen = place;
    });
  }

  insertAfter({ piece, ring, point }) {
    const line = this.pieces[piece][ring];
    const [one, other] = [line[point], line[(point + 1) % line.length]];
    this.choose({ piece, ring, point });
    this.add([(one[0] + other[0]) / 2, (one[1] + other[1]) / 2]);
  }

  move({ piece, ring, point }, to, options) {
    this.change(() => { this.pieces[piece][ring][point] = to; }, options);
  }

  remove({ piece, ring, point }) {
    this.change(() => {
      const line = this.pieces[piece][ring];
      line.splice(point, 1);
      if (!line.length) this.pieces[piece].splice(ring, 1);
      if (!this.pieces[piece].length) this.pieces.splice(piece, 1);
      this.chosen = line.length ? { piece, ring, point: Math.max(0, point - 1) } : null;
    });
  }

  startPiece() {
    if (!this.pieces.length || !this.pieces.at(-1)[0].length) return;
    this.change(() => { this.pieces.push([[]]); this.chosen = null; });
  }

  clear() { this.change(() => { this.pieces = []; this.chosen = null; }); }
}
