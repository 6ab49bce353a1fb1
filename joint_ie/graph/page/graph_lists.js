// Lists: nodes, the edges of the open one, and where the chosen edge is said.
const LISTED = 100; // nodes
const ROWS = 300; // edges of a node

function showNodes() {
  const query = folded(byId("search").value.trim());
  const found = data.nodes.map((_, node) => [node, query ? match(node, query) : 0])
    .filter(([node, rank]) => rank < 3 && !hiddenTypes.has(data.nodes[node][0]));
  found.sort(([, one], [, other]) => one - other); // nodes stay in their order, the best connected first
  byId("found").textContent = count(found.length, "node", "nodes")
    + (found.length > LISTED ? `; these are the first ${LISTED}` : "");
  byId("list").replaceChildren(...found.slice(0, LISTED).map(([node]) => {
    const button = makeButton();
    const edges = passing(node).length;
    button.dataset.node = node;
    button.append(dot(data.nodes[node]), name(data.nodes[node][1]),
      make("small", `${count(edges, "edge", "edges")} · ${count(data.nodes[node][4], "document", "documents")}`));
    button.addEventListener("click", () => {
      open([node]);
      if (matchMedia("(max-width: 46rem)").matches) byId("side").scrollIntoView(); // it is below the list there
    });
    const item = make("li");
    item.append(button);
    return item;
  }));
  markNodes();
}

function markNodes() {
  for (const button of byId("list").querySelectorAll("button")) {
    if (Number(button.dataset.node) === opened.at(-1)) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function showTypes() {
  const counts = data.types.map(() => 0);
  for (const [type] of data.nodes) counts[type]++;
  byId("types").replaceChildren(...data.types.map((text, type) => {
    const button = makeButton();
    button.append(dot([type]), make("bdi", text), make("small", ` ${counts[type].toLocaleString("en")}`));
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hiddenTypes.delete(type)) hiddenTypes.add(type);
      button.setAttribute("aria-pressed", String(!hiddenTypes.has(type)));
      filter();
    });
    const item = make("li");
    item.append(button);
    return item;
  }));
}

function showRelations() {
  const counts = data.relations.map(() => 0);
  for (const [, relation] of data.edges) counts[relation]++;
  byId("relation").append(...data.relations.map(([id, label], relation) => {
    const option = make("option", `${label === id ? id : `${label} (${id})`}: ${counts[relation].toLocaleString("en")}`);
    option.value = relation;
    return option;
  }));
}

function showNode() {
  const node = opened.at(-1);
  const [type, text, others, members, documents, id, concept] = data.nodes[node];
  byId("name").textContent = text;
  const facts = make("p", undefined, "note");
  facts.append(dot([type]), make("bdi", data.types[type]), ` · ${count(members, "entity", "entities")} in `,
    count(documents, "document", "documents"), " · ", make("bdi", id), ...(concept === null ? [] : [" · ", make("bdi", concept)]));
  const also = make("p", others.length ? "also " : undefined, "note");
  also.append(...others.flatMap((other, i) => [i ? " · " : "", make("bdi", other)]));
  byId("facts").replaceChildren(facts, also);
  const edges = passing(node);
  byId("relations-title").textContent = `Edges: ${edges.length.toLocaleString("en")}`
    + (edges.length < edgesOf[node].length ? ` of ${edgesOf[node].length.toLocaleString("en")}` : "")
    + (edges.length > ROWS ? `; these are the ${ROWS} best supported` : "");
  byId("relations").replaceChildren(...edges.slice(0, ROWS).map((edge) => {
    const [head, , tail, confidence, support] = data.edges[edge];
    const button = makeButton();
    button.dataset.edge = edge;
    button.append(...sentence(data.nodes[head], relationOf(edge), data.nodes[tail]),
      make("small", ` ${confidence === null ? "" : confidence.toFixed(2)}${support > 1 ? ` · ${support.toLocaleString("en")} documents` : ""}`));
    button.addEventListener("click", () => choose({ edge }));
    const item = make("li");
    item.append(button);
    return item;
  }));
}

function showChosen() {
  byId("detail").replaceChildren();
  if (chosen) showDetail(); // first, since it takes place from the list
  for (const button of byId("relations").querySelectorAll("button")) {
    const pressed = Number(button.dataset.edge) === chosen?.edge;
    button.setAttribute("aria-pressed", String(pressed));
    if (pressed) revealRow(button);
  }
}

function showDetail() {
  const [head, relation, tail, confidence, support, origins, more] = data.edges[chosen.edge];
  const [id, label] = data.relations[relation];
  const line = make("p");
  line.append(end(head), arrow(), make("bdi", label), arrow(), end(tail));
  const facts = [label === id ? "" : id, confidence === null ? "no score" : `confidence ${confidence.toFixed(3)}`,
    count(support, "document", "documents")];
  byId("detail").append(line, make("p", facts.filter(Boolean).join(" · "), "note"), ...origins.flatMap(origin));
  if (more) byId("detail").append(make("p", `${more.toLocaleString("en")} more with lower scores are not in this page.`, "note"));
}

// A node that can be opened
function end(node) {
  const button = makeButton("end");
  button.append(dot(data.nodes[node]), name(data.nodes[node][1]));
  button.addEventListener("click", () => open([...opened, node]));
  return button;
}

function origin([place, score, kind, ...sentences]) {
  const head = make("p", undefined, "origin");
  head.append(name(data.documents[place]), score === null ? "" : ` · score ${score.toFixed(3)}`);
  const why = KINDS.get(data.kinds[kind]) ?? data.kinds[kind];
  if (why && sentences.length) head.title = why;
  return [head, ...(sentences.length ? sentences.map(quote) : [make("p", "no evidence given", "note")])];
}

// A sentence in which the mentions of both ends are marked; they may overlap.
function quote(number) {
  const [, text, ...places] = data.sentences[number];
  const [head, , tail] = data.edges[chosen.edge];
  const spans = [];
  for (let i = 0; i < places.length; i += 3) {
    if (places[i] === head || places[i] === tail) spans.push(places.slice(i, i + 3));
  }
  const cuts = [...new Set([0, text.length, ...spans.flatMap(([, start, stop]) => [start, stop])])].sort((one, other) => one - other);
  const box = make("blockquote");
  box.dir = "auto";
  cuts.slice(0, -1).forEach((start, i) => {
    const inside = spans.filter(([, from, to]) => from <= start && start < to).map(([node]) => node);
    const piece = make(inside.length ? "mark" : "span", text.slice(start, cuts[i + 1]));
    if (inside.length) piece.style.setProperty("--hue", hue(data.nodes[inside[0]][0]));
    piece.classList.toggle("head", inside.includes(head));
    piece.classList.toggle("tail", inside.includes(tail));
    box.append(piece);
  });
  return box;
}

// Opens the last of these nodes, and shows the others, too.
function open(nodes) {
  const last = nodes.at(-1);
  opened = [...nodes.slice(0, -1).filter((node) => node !== last), last];
  chosen = null;
  markNodes();
  showNode();
  showChosen();
  byId("only").disabled = opened.length < 2;
  redraw(true);
}

// Marks an edge everywhere; chosen a second time, it is given up.
function choose(what) {
  chosen = what && what.edge === chosen?.edge ? null : what;
  showChosen();
  if (chosen && graph.getElementById(`e${chosen.edge}`).empty()) redraw(false);
  else mark();
}

// After another threshold, type or relation
function filter() {
  if (chosen && !passes(chosen.edge)) chosen = null;
  const left = data.edges.reduce((sum, _, edge) => sum + passes(edge), 0);
  byId("passing").textContent = `${left.toLocaleString("en")} of ${count(data.edges.length, "edge passes", "edges pass")} the filters.`;
  showNodes();
  showNode();
  showChosen();
  redraw(false);
}
