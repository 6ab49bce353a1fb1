// The text of a document: sentences, and in them pieces that no boundary of a mention cuts.
let pieces = []; // [element, its entities, the shortest mention first]
let sentences = []; // by number: its elements

// Every mention in the lowest lane that is free, so that overlapping and nested ones all show.
function mentionsOf(document) {
  const all = document.entities.flatMap(([type, , , spans], entity) =>
    spans.map(([start, end]) => ({ start, end, entity, hue: hue(type) })));
  all.sort((one, other) => one.start - other.start || other.end - one.end);
  const ends = [];
  for (const mention of all) {
    const free = ends.findIndex((end) => end <= mention.start);
    mention.lane = free < 0 ? ends.length : free;
    ends[mention.lane] = mention.end;
  }
  return { all, lanes: ends.length };
}

function paint(element, position, covering, lanes) {
  const inner = covering[0];
  element.style.setProperty("--hue", inner.hue);
  element.style.backgroundImage = covering
    .map((mention) => `linear-gradient(hsl(${mention.hue} 70% var(--bar)) 0 0)`).join(",");
  // Two pixels are left where a mention starts, so that neighbours of one type stay two.
  element.style.backgroundSize = covering
    .map((mention) => `${mention.start === position ? "calc(100% - 2px)" : "100%"} 3px`).join(",");
  element.style.backgroundPosition = covering
    .map((mention) => `right 0 bottom ${(lanes - 1 - mention.lane) * 4}px`).join(",");
}

function showText(document) {
  const { all, lanes } = mentionsOf(document);
  const box = byId("text");
  box.style.setProperty("--lanes", lanes);
  pieces = [];
  sentences = document.sentences.map(() => []);
  const cuts = new Set([0, document.text.length]);
  for (const mention of all) cuts.add(mention.start).add(mention.end);
  for (const [start, end] of document.sentences) cuts.add(start).add(end);
  const places = [...cuts].sort((one, other) => one - other);

  const content = [];
  let open = []; // mentions that go on
  let upcoming = 0;
  let number = 0; // of the sentence
  places.slice(0, -1).forEach((position, i) => {
    const end = places[i + 1];
    open = open.filter((mention) => mention.end > position);
    while (upcoming < all.length && all[upcoming].start <= position) open.push(all[upcoming++]);
    while (number < document.sentences.length && document.sentences[number][1] <= position) number++;
    const piece = make("span", document.text.slice(position, end));
    if (number < document.sentences.length && document.sentences[number][0] <= position) sentences[number].push(piece);
    if (open.length) {
      const covering = [...open].sort((one, other) => one.end - one.start - (other.end - other.start));
      piece.className = "mention";
      paint(piece, position, covering, lanes);
      const inside = [...new Set(covering.map((mention) => mention.entity))];
      piece.title = inside.map((entity) => describe(document.entities[entity])).join("\n");
      pieces.push([piece, inside]);
      piece.addEventListener("pointerenter", () => light(inside[0]));
      piece.addEventListener("pointerleave", () => light(null));
      piece.addEventListener("click", () => choose({ entity: inside[0] }));
    }
    content.push(piece);
  });
  box.replaceChildren(...content);
  if (!document.text) box.append(make("p", "The text is empty.", "note"));
  byId("reading").scrollTop = 0;
}

function describe([type, text, score, spans]) {
  const scored = score === null ? "" : `, score ${score.toFixed(2)}`;
  return `${text} (${data.types[type]}), ${count(spans.length, "mention", "mentions")}${scored}`;
}

const mark = (elements, className, on) => elements.forEach((element) => element.classList.toggle(className, on));
const piecesOf = (entity) => pieces.filter(([, inside]) => inside.includes(entity)).map(([element]) => element);

// All mentions of an entity, and its node, while the pointer or the focus is on one of them.
function light(entity) {
  for (const [element, inside] of pieces) element.classList.toggle("lit", inside.includes(entity));
  lightNode(entity);
}

function markText() {
  const [head, tail, , , , evidence] = chosen?.relation === undefined ? [] : record().relations[chosen.relation];
  for (const [element, inside] of pieces) {
    element.classList.toggle("head", inside.includes(head));
    element.classList.toggle("tail", inside.includes(tail));
    element.classList.toggle("chosen", inside.includes(chosen?.entity));
  }
  sentences.forEach((elements, i) => mark(elements, "evidence", evidence?.includes(i) ?? false));
  const first = evidence?.length ? evidence.flatMap((i) => sentences[i]) : piecesOf(chosen?.entity ?? head).slice(0, 1);
  reveal(byId("reading"), first);
}
