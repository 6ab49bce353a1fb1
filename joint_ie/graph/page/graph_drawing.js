// The part of the graph that is drawn: nodes that were opened, their neighbours, and the edges between both.
const NEIGHBOURS = 60; // of an opened node at most, the most supported first
const DRAWN = 150; // nodes at most; more are neither readable nor quick
const TURN = 2.399963; // golden angle: points at equal steps of it fill a disc evenly
let opened = []; // the latest last

function wanted() {
  const nodes = new Set(opened.slice(-DRAWN));
  const left = new Set();
  if (chosen) [data.edges[chosen.edge][0], data.edges[chosen.edge][2]].forEach((end) => nodes.add(end));
  for (const node of opened.toReversed()) {
    neighbours(node).forEach((end, i) => (i < NEIGHBOURS && nodes.size < DRAWN ? nodes : left).add(end));
  }
  const touching = new Set(opened.flatMap(passing));
  if (chosen) touching.add(chosen.edge);
  const edges = [...touching].filter((edge) => nodes.has(data.edges[edge][0]) && nodes.has(data.edges[edge][2]));
  return { nodes: [...nodes], edges, left: [...left].filter((node) => !nodes.has(node)).length };
}

// What was drawn before stays where it was; the rest starts around the node that was opened last.
function positions(nodes) {
  const before = new Map(graph?.nodes().map((node) => [node.data("node"), { ...node.position() }]));
  const centre = before.get(opened.at(-1)) ?? { x: 0, y: 0 };
  let placed = 0;
  return nodes.map((node) => {
    if (before.has(node)) return before.get(node);
    const away = 45 * Math.sqrt(placed);
    const angle = TURN * placed++;
    return { x: centre.x + 1.4 * away * Math.cos(angle), y: centre.y + away * Math.sin(angle) };
  });
}

// Draws what is wanted; `again` after another node was opened, when everything may move.
function redraw(again) {
  const { nodes, edges, left } = wanted();
  if (again && opened.length === 1) {
    graph?.destroy();
    graph = null;
  }
  const places = positions(nodes);
  draw({
    nodes: nodes.map((node, i) => ({
      data: { id: `n${node}`, node, label: short(data.nodes[node][1], 60), hue: hue(data.nodes[node][0]) },
      position: places[i],
    })),
    edges: edges.map((edge) => ({
      data: { id: `e${edge}`, edge, source: `n${data.edges[edge][0]}`, target: `n${data.edges[edge][2]}`,
        label: short(relationOf(edge), 60), width: 1 + 1.5 * (data.edges[edge][3] ?? 0.5) },
    })),
  });
  graph.on("tap", "node", (event) => open([...opened, event.target.data("node")]));
  graph.on("tap", "edge", (event) => choose({ edge: event.target.data("edge") }));
  graph.on("tap", (event) => event.target === graph && choose(null));
  if (again && opened.length > 1) arrange(nodes.length > 80 ? 300 : 800);
  else {
    spread();
    whole();
  }
  byId("shown").textContent = `Drawn: ${count(nodes.length, "node", "nodes")}, ${count(edges.length, "edge", "edges")}.`
    + (left ? ` ${count(left, "more neighbour is", "more neighbours are")} not drawn (of a node the ${NEIGHBOURS} best supported are).` : "");
  mark();
}

function mark() {
  const node = opened.length > 1 ? `n${opened.at(-1)}` : null;
  highlight(chosen ? `e${chosen.edge}` : node);
  graph.nodes().forEach((of) => { of.toggleClass("lit", of.data("node") === opened.at(-1)); });
}
