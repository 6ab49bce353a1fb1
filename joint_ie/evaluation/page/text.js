// The text of a document with both layers, and what is selected in it.

// A predicted entity has the colour of the gold entity with which it shares most, which no other has then.
function hues(record) {
  const sets = Object.fromEntries(SIDES.map((side) => [side, record[side].entities.map((e) => distinct(e[2]))]));
  const owners = new Map();
  sets.gold.forEach((spans, i) => spans.forEach((span) => owners.set(span, [...(owners.get(span) ?? []), i])));
  const shared = [];
  sets.predicted.forEach((spans, j) => {
    const counts = new Map();
    for (const i of spans.flatMap((span) => owners.get(span) ?? [])) counts.set(i, (counts.get(i) ?? 0) + 1);
    for (const [i, count] of counts) shared.push([count / Math.max(spans.length, sets.gold[i].length), i, j]);
  });
  shared.sort((one, other) => other[0] - one[0]);
  const taken = new Set();
  const predicted = [];
  for (const [, i, j] of shared) {
    if (taken.has(i) || predicted[j] !== undefined) continue;
    taken.add(i);
    predicted[j] = hue(i);
  }
  return {
    gold: sets.gold.map((_, i) => hue(i)),
    predicted: sets.predicted.map((_, j) => predicted[j] ?? hue(sets.gold.length + j)),
  };
}

// The bars of a layer: every mention in the lowest lane that is free.
function bars(record, side) {
  const seen = new Set();
  const all = record[side].entities.flatMap(([, , spans], entity) =>
    spans.filter((span) => !seen.has(`${entity} ${key(span)}`) && seen.add(`${entity} ${key(span)}`))
      .map(([start, end]) => ({ start, end, entity, hue: record.hues[side][entity] })));
  all.sort((one, other) => one.start - other.start || other.end - one.end);
  const ends = [];
  for (const bar of all) {
    const free = ends.findIndex((end) => end <= bar.start);
    bar.lane = free < 0 ? ends.length : free;
    ends[bar.lane] = bar.end;
  }
  const byToken = new Map();
  for (const bar of all) {
    for (let token = bar.start; token < bar.end; token++) byToken.set(token, [...(byToken.get(token) ?? []), bar]);
  }
  return { byToken, lanes: ends.length };
}

function showText(record) {
  const layers = Object.fromEntries(SIDES.map((side) => [side, bars(record, side)]));
  const shown = (side) => byId(`show-${side}`).checked;
  const lanes = Object.fromEntries(SIDES.map((side) => [side, shown(side) ? layers[side].lanes : 0]));
  const box = byId("text");
  box.style.setProperty("--above", lanes.gold);
  box.style.setProperty("--below", lanes.predicted);
  words = [];
  marks = [];
  byId("selected").textContent = "";

  function piece(text, covering) {
    const element = make("span", text, "word");
    const drawn = SIDES.filter(shown).flatMap((side) => covering[side].map((bar) => [side, bar]));
    element.style.backgroundImage = drawn
      .map(([, bar]) => `linear-gradient(hsl(${bar.hue} 70% var(--entity-light)) 0 0)`).join(",");
    element.style.backgroundSize = drawn.map(() => "100% 3px").join(",");
    element.style.backgroundPosition = drawn
      .map(([side, bar]) => `left 0 ${side === "gold" ? "top" : "bottom"} ${(lanes[side] - 1 - bar.lane) * 5}px`).join(",");
    return element;
  }

  function title(covering) {
    return SIDES.filter((side) => covering[side].length).map((side) =>
      `${side}: ${covering[side].map((bar) => record[side].entities[bar.entity]).map(([type, text]) => `${text} (${type})`).join(", ")}`
    ).join("\n");
  }

  box.replaceChildren(...record.sentences.map(([start, end], i) => {
    const sentence = make("p", undefined, "sentence");
    sentence.dir = "auto";
    sentence.dataset.number = i + 1;
    for (let token = start; token < end; token++) {
      const here = Object.fromEntries(SIDES.map((side) => [side, layers[side].byToken.get(token) ?? []]));
      const after = token + 1 < end ? gap(record, token) : "";
      if (!here.gold.length && !here.predicted.length) {
        sentence.append(record.words[token] + after);
        continue;
      }
      const word = piece(record.words[token], here);
      word.title = title(here);
      sentence.append(word);
      words[token] = [word];
      const across = Object.fromEntries(SIDES.map((side) => [side, here[side].filter((bar) => bar.end > token + 1)]));
      if (after && (across.gold.length || across.predicted.length)) {
        words[token].push(piece(after, across));
        sentence.append(words[token][1]);
      } else sentence.append(after);
    }
    return sentence;
  }));
}

// Marks mentions and sentences, and says what they are; the pressed button a second time takes it back.
function select(button, message, head, tail, evidence) {
  for (const [element, className] of marks) element.classList.remove(className);
  marks = [];
  const on = button.getAttribute("aria-pressed") !== "true";
  for (const other of byId("document").querySelectorAll(".columns [aria-pressed=true]")) {
    other.setAttribute("aria-pressed", "false");
  }
  byId("selected").textContent = on ? message : "";
  if (!on) return;
  button.setAttribute("aria-pressed", "true");
  for (const [className, spans] of [["head", head], ["tail", tail]]) {
    for (const [start, end] of spans) {
      for (let token = start; token < end; token++) {
        const [word, gapAfter] = words[token];
        marks.push([word, className]);
        if (gapAfter && token + 1 < end) marks.push([gapAfter, className]);
      }
    }
  }
  const sentences = byId("text").children;
  for (const i of evidence) if (sentences[i]) marks.push([sentences[i], "evidence"]);
  for (const [element, className] of marks) element.classList.add(className);
  reveal(byId("reading"), marks.map(([element]) => element));
}
