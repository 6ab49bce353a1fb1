// Lists: documents, entities and relations; and what is chosen in them.
let current = 0; // number of the open document, of which `chosen` is {relation: i} or {entity: i}
let visible = []; // numbers of the documents that the search leaves

const record = () => data.documents[current];
const passes = (relation) => reaches(relation[4]);
const shownRelations = (of) => (of.relations ?? []).filter(passes);

function searchable(of) {
  of.searchable ??= [of.id, of.text, ...of.entities.map((entity) => entity[1]),
    ...(of.relations ?? []).flatMap((relation) => [relation[2], relation[3]])].join("\n").toLowerCase();
  return of.searchable;
}

function showDocuments() {
  const query = byId("search").value.trim().toLowerCase();
  visible = [...data.documents.keys()].filter((number) => !query || searchable(data.documents[number]).includes(query));
  byId("found").textContent = `${visible.length} of ${count(data.documents.length, "document", "documents")}`;
  byId("list").replaceChildren(...visible.map((number) => {
    const of = data.documents[number];
    const button = makeButton();
    button.dataset.number = number;
    button.append(make("bdi", of.id), make("small", counted(of)));
    button.addEventListener("click", () => {
      open(number);
      if (matchMedia("(max-width: 46rem)").matches) byId("document").scrollIntoView(); // it is below the list there
    });
    const item = make("li");
    item.append(button);
    return item;
  }));
  if (visible.length && !visible.includes(current)) open(visible[0]);
  else markDocuments();
}

function counted(of) {
  return of.relations === null ? "nobody looked for relations" : count(shownRelations(of).length, "relation", "relations");
}

function markDocuments() {
  for (const button of byId("list").querySelectorAll("button")) {
    const here = Number(button.dataset.number) === current;
    if (here) {
      button.setAttribute("aria-current", "true");
      reveal(byId("list"), [button]);
    } else button.removeAttribute("aria-current");
  }
  byId("previous").disabled = !visible.some((number) => number < current);
  byId("next").disabled = !visible.some((number) => number > current);
}

function step(by) {
  const next = by > 0 ? visible.find((number) => number > current) : visible.findLast((number) => number < current);
  if (next !== undefined) open(next);
}

function row(button, what) {
  button.dataset.what = JSON.stringify(what);
  button.addEventListener("click", () => choose(what));
  const item = make("li");
  item.append(button);
  return item;
}

function showRelations() {
  const of = record();
  const numbered = (of.relations ?? []).map((relation, i) => [relation, i]).filter(([relation]) => passes(relation));
  numbered.sort(([one], [other]) => (other[4] ?? 1) - (one[4] ?? 1));
  byId("relations").replaceChildren(...numbered.map(([[head, tail, label, type, score], i]) => {
    const button = makeButton();
    button.append(...sentence(of.entities[head], label, of.entities[tail]));
    if (score !== null) button.append(make("small", ` ${score.toFixed(2)}`));
    button.title = type;
    return row(button, { relation: i });
  }));
  const all = of.relations?.length ?? 0;
  byId("shown").textContent = of.relations === null ? "Nobody looked for relations in this document."
    : all ? `${numbered.length} of ${count(all, "relation", "relations")} of this document` : "No relations in this document.";
  byId("relations-title").hidden = !numbered.length;
}

function showEntities() {
  const of = record();
  byId("entities-title").textContent = `Entities: ${of.entities.length}`;
  byId("entities").replaceChildren(...of.entities.map((entity, i) => {
    const [type, text, score, spans] = entity;
    const button = makeButton();
    button.append(dot(entity), name(text), ` ${data.types[type]} `);
    if (score !== null) button.append(make("small", score.toFixed(2)));
    if (spans.length > 1) {
      const listed = make("small", undefined, "mentions");
      listed.append(...spans.flatMap(([start, end], k) => [k ? " · " : "", make("bdi", of.text.slice(start, end))]));
      button.append(listed);
    }
    for (const [start, end] of [["pointerenter", "pointerleave"], ["focus", "blur"]]) {
      button.addEventListener(start, () => light(i));
      button.addEventListener(end, () => light(null));
    }
    return row(button, { entity: i });
  }));
  const types = [...new Set(of.entities.map((entity) => entity[0]))].sort((one, other) => one - other);
  byId("types").replaceChildren(...types.map((type) => {
    const item = make("li");
    item.append(dot([type]), make("bdi", data.types[type]));
    return item;
  }));
}

function showDetail() {
  const of = record();
  const box = byId("detail");
  box.replaceChildren();
  if (chosen?.relation !== undefined) {
    const [head, tail, label, type, score, evidence, kind] = of.relations[chosen.relation];
    const line = make("p");
    line.append(...sentence(of.entities[head], label, of.entities[tail]));
    const facts = [label === type ? "" : type, score === null ? "no score" : `score ${score.toFixed(3)}`,
      evidence.length ? `evidence: ${KINDS.get(kind) ?? kind ?? count(evidence.length, "sentence", "sentences")}` : "no evidence given"];
    box.append(line, make("p", facts.filter(Boolean).join(" · "), "note"));
    for (const i of evidence) {
      const quote = make("blockquote", of.text.slice(...of.sentences[i]));
      quote.dir = "auto";
      box.append(quote);
    }
  } else if (chosen) box.append(make("p", describe(of.entities[chosen.entity])));
}

// Marks a relation or an entity everywhere; chosen a second time, it is given up.
function choose(what) {
  const same = what && chosen && JSON.stringify(what) === JSON.stringify(chosen);
  chosen = same ? null : what;
  showChosen();
}

function showChosen() {
  showDetail(); // first, since it takes place from the list
  for (const button of document.querySelectorAll(".rows button")) {
    const pressed = chosen !== null && button.dataset.what === JSON.stringify(chosen);
    button.setAttribute("aria-pressed", String(pressed));
    if (pressed) revealRow(button);
  }
  markText();
  markGraph();
}

function open(number) {
  current = number;
  chosen = null;
  markDocuments();
  byId("name").textContent = record().id;
  showText(record());
  showGraph(record());
  showEntities();
  filter();
}

// After another threshold, or in another document
function filter() {
  showRelations();
  filterGraph();
  if (chosen?.relation !== undefined && !passes(record().relations[chosen.relation])) chosen = null;
  showChosen();
}
