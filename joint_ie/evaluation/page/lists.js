// Relations and entities of a document, both layers side by side.

function toggle() {
  const button = make("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  return button;
}

function dot(record, side, entity) {
  const element = make("span", "●\u00a0", "dot"); // stays on the line of the name
  element.ariaHidden = "true";
  element.style.setProperty("--hue", record.hues[side][entity]);
  return element;
}

function column(heading, items, empty) {
  const box = make("section");
  box.append(make("h4", heading));
  const list = make("ul");
  for (const button of items) {
    const item = make("li");
    item.append(button);
    list.append(item);
  }
  box.append(items.length ? list : make("p", empty, "note"));
  return box;
}

function relations(record, side) {
  const shown = matching(record, side);
  const all = record[side].relations.length;
  const items = shown.map(([head, tail, type, error, evidence, score]) => {
    const [one, other] = [record[side].entities[head], record[side].entities[tail]];
    const label = labels.get(type) ?? type;
    const button = toggle();
    const arrow = () => make("span", " → ", "arrow");
    button.append(dot(record, side, head), name(one[1]), arrow(), make("bdi", label), arrow());
    button.append(dot(record, side, tail), name(other[1]), " ");
    if (error === null) button.append(make("span", "not scored", "mark plain"));
    else button.append(make("span", data.classes[side][error].meaning, error === "correct" ? "mark good" : "mark"));
    if (score !== null) button.append(make("small", ` ${score.toFixed(2)}`));
    button.title = `${type}: ${one[1]} (${one[0]}), ${other[1]} (${other[0]})`;
    const where = evidence.length ? `evidence: ${evidence.map((i) => i + 1).join(", ")}` : "no evidence given";
    const message = `${side}: ${one[1]} → ${label} → ${other[1]}; ${where}`;
    button.addEventListener("click", () => select(button, message, one[2], other[2], evidence));
    return button;
  });
  const heading = shown.length < all ? `${side}: ${shown.length} of ${all}` : `${side}: ${all}`;
  const nobody = side === "gold" && !record.annotated;
  return column(heading, items, nobody ? "nobody looked for relations here: nothing is counted" : "none");
}

function entities(record, side) {
  const others = record[side === "gold" ? "predicted" : "gold"].entities;
  const types = new Map();
  for (const [type, , spans] of others) {
    const cluster = distinct(spans).join();
    types.set(cluster, [...(types.get(cluster) ?? []), type]);
  }
  const known = new Set(others.flatMap((entity) => entity[2].map(key)));
  const items = record[side].entities.map(([type, text, spans], i) => {
    const own = distinct(spans);
    const same = types.get(own.join());
    let status = side === "gold" ? "not found" : "not in gold";
    if (same) status = same.includes(type) ? "same on both sides" : `here ${type}, there ${same.join(", ")}`;
    else if (own.every((span) => known.has(span))) status = "clustered differently";
    else if (own.some((span) => known.has(span))) status = side === "gold" ? "some mentions not found" : "some mentions not in gold";
    const button = toggle();
    const mentions = spans.map(([start, end]) => textOf(record, start, end));
    button.append(dot(record, side, i), name(text), ` ${type} `);
    button.append(make("span", status, same?.includes(type) ? "mark good" : "mark"));
    if (mentions.length > 1) {
      const listed = make("small");
      listed.append(make("br"), ...mentions.flatMap((mention, k) => [k ? " · " : "", make("bdi", mention)]));
      button.append(listed);
    }
    const message = `${side}: ${text} (${type}), ${spans.length} ${spans.length === 1 ? "mention" : "mentions"}`;
    button.addEventListener("click", () => select(button, message, spans, [], []));
    return button;
  });
  return column(`${side}: ${items.length}`, items, "none");
}
