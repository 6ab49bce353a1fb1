// Overview, filters, and the list of documents

function table(content) {
  const box = make("div", undefined, "table");
  box.tabIndex = 0;
  const element = make("table");
  const caption = element.createCaption();
  caption.textContent = content.title;
  if (content.note) caption.append(make("span", content.note, "note"));
  const isText = content.columns.map((_, i) => !i || content.rows.some((cells) => !/^[\d.,% -]*$/.test(cells[i])));
  function fill(row, cells, heads) {
    cells.forEach((cell, i) => {
      const element = make(heads(i) ? "th" : "td", cell, isText[i] ? "text" : "");
      if (heads(i)) element.scope = heads(i);
      row.append(element);
    });
  }
  fill(element.createTHead().insertRow(), content.columns, () => "col");
  const body = element.createTBody();
  for (const cells of content.rows) fill(body.insertRow(), cells, (i) => (i ? "" : "row"));
  box.append(element);
  return box;
}

const filtered = () => SIDES.some((side) => chosen[side].size);

function matching(record, side) {
  const all = record[side].relations;
  return chosen[side].size ? all.filter((relation) => chosen[side].has(relation[3])) : all;
}

function chips(side) {
  for (const [error, { count, meaning }] of Object.entries(data.classes[side])) {
    const button = make("button", `${meaning}: ${count.toLocaleString("en")}`);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      if (!chosen[side].delete(error)) chosen[side].add(error);
      button.setAttribute("aria-pressed", String(chosen[side].has(error)));
      refresh();
    });
    byId(`classes-${side}`).append(button);
  }
}

function textOf(record, start, end) {
  let text = "";
  for (let i = start; i < end; i++) text += record.words[i] + (i + 1 < end ? gap(record, i) : "");
  return text;
}

function gap(record, token) {
  return record.gaps ? record.gaps[token] : " ";
}

function searchable(record) {
  record.searchable ??= [
    record.id,
    textOf(record, 0, record.words.length),
    ...SIDES.flatMap((side) => record[side].entities.map((entity) => entity[1])),
  ].join("\n").toLowerCase();
  return record.searchable;
}

function describe(record) {
  if (filtered()) {
    const count = SIDES.reduce((sum, side) => sum + (chosen[side].size ? matching(record, side).length : 0), 0);
    return `${count} of the chosen`;
  }
  if (!record.annotated) return "no relation annotation";
  const right = record.gold.relations.filter((relation) => relation[3] === "correct").length;
  return `${right} of ${record.gold.relations.length} found, ${record.predicted.relations.length} predicted`;
}

function refresh() {
  const query = byId("search").value.trim().toLowerCase();
  visible = [];
  data.documents.forEach((record, number) => {
    const some = SIDES.some((side) => chosen[side].size && matching(record, side).length);
    if ((!filtered() || some) && (!query || searchable(record).includes(query))) visible.push(number);
  });
  byId("found").textContent = `${visible.length} of ${data.documents.length} documents`;
  byId("list").replaceChildren(...visible.map((number) => {
    const record = data.documents[number];
    const button = make("button");
    button.type = "button";
    button.dataset.number = number;
    button.append(make("bdi", record.id), make("small", describe(record)));
    button.addEventListener("click", () => {
      open(number);
      if (matchMedia("(max-width: 46rem)").matches) byId("document").scrollIntoView(); // it is below the list there
    });
    const item = make("li");
    item.append(button);
    return item;
  }));
  open(visible.includes(current) || !visible.length ? current : visible[0]);
}

function step(by) {
  const next = by > 0 ? visible.find((n) => n > current) : visible.findLast((n) => n < current);
  if (next !== undefined) open(next);
}

function open(number) {
  const record = data.documents[number];
  if (!record) return;
  current = number;
  record.hues ??= hues(record);
  for (const button of byId("list").querySelectorAll("button")) {
    const here = Number(button.dataset.number) === number;
    button.tabIndex = here ? 0 : -1;
    if (here) {
      button.setAttribute("aria-current", "true");
      reveal(byId("list"), [button]);
    } else button.removeAttribute("aria-current");
  }
  const first = byId("list").querySelector("button");
  if (first && !visible.includes(number)) first.tabIndex = 0;
  byId("previous").disabled = !visible.some((n) => n < number);
  byId("next").disabled = !visible.some((n) => n > number);
  byId("name").textContent = record.id;
  showText(record);
  byId("relations").replaceChildren(...SIDES.map((side) => relations(record, side)));
  byId("entities").replaceChildren(...SIDES.map((side) => entities(record, side)));
}
