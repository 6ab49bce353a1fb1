// The graph of a document: its entities that stand in relations, and these.
const DRAWN = 150; // relations at most; more are neither readable nor quick

function showGraph(document) {
  const numbered = (document.relations ?? []).map((relation, i) => [relation, i]);
  const best = numbered.sort(([one], [other]) => (other[4] ?? 1) - (one[4] ?? 1)).slice(0, DRAWN);
  const ends = [...new Set(best.flatMap(([[head, tail]]) => [head, tail]))].sort((one, other) => one - other);
  const nodes = ends.map((entity, i) => ({
    data: { id: `n${entity}`, entity, label: short(document.entities[entity][1], 60), hue: hue(document.entities[entity][0]) },
    // Where the layout starts, so that it ends the same every time.
    position: { x: 300 * Math.cos((2 * Math.PI * i) / ends.length), y: 200 * Math.sin((2 * Math.PI * i) / ends.length) },
  }));
  const edges = best.map(([[head, tail, label, , score], i]) => ({
    data: { id: `e${i}`, relation: i, source: `n${head}`, target: `n${tail}`, label: short(label, 60),
      width: 1 + 1.5 * (score ?? 0.5) },
  }));
  byId("frame").hidden = !edges.length;
  byId("drawn").hidden = numbered.length <= DRAWN;
  byId("drawn").textContent = `The graph holds the ${DRAWN} best relations, the list all.`;
  draw({ nodes, edges });
  graph.on("tap", "edge", (event) => choose({ relation: event.target.data("relation") }));
  graph.on("tap", "node", (event) => choose({ entity: event.target.data("entity") }));
  graph.on("tap", (event) => event.target === graph && choose(null));
  graph.on("mouseover", "node", (event) => light(event.target.data("entity")));
  graph.on("mouseout", "node", () => light(null));
  arrange(1500);
}

function filterGraph() {
  graph.batch(() => {
    graph.edges().forEach((edge) => { edge.toggleClass("low", !passes(record().relations[edge.data("relation")])); });
    graph.nodes().forEach((node) => { node.toggleClass("low", !node.connectedEdges().not(".low").length); });
  });
  label();
}

function lightNode(entity) {
  graph.nodes().forEach((node) => { node.toggleClass("lit", node.data("entity") === entity); });
}

function markGraph() {
  highlight(chosen && (chosen.relation === undefined ? `n${chosen.entity}` : `e${chosen.relation}`));
}
