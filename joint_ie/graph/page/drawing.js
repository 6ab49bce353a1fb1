// How a graph is drawn (by Cytoscape.js), on the pages of documents and of graphs.
let graph = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function graphStyle() {
  const [ink, soft, card, accent, line] = ["--ink", "--soft", "--card", "--accent", "--edge"].map(colour);
  const font = getComputedStyle(document.body).fontFamily;
  const fill = (node) => `hsl(${node.data("hue")}, 65%, ${colour("--bar")})`;
  return [
    { selector: "node", style: { width: 18, height: 18, "background-color": fill, label: "data(label)", color: ink,
      "font-size": 12, "font-family": font, "text-valign": "bottom", "text-margin-y": 3, "text-wrap": "wrap",
      "text-max-width": 110, "text-background-color": card, "text-background-opacity": 0.8,
      "text-background-padding": 1, "overlay-opacity": 0 } },
    { selector: "edge", style: { width: "data(width)", "curve-style": "bezier", "line-color": line,
      "target-arrow-color": line, "target-arrow-shape": "triangle", "arrow-scale": 0.9, "overlay-opacity": 0,
      color: soft, "font-size": 10, "font-family": font, "text-rotation": "autorotate",
      "text-background-color": card, "text-background-opacity": 0.9, "text-background-padding": 1 } },
    { selector: "edge.labelled", style: { label: "data(label)", "text-wrap": "ellipsis", "text-max-width": "data(room)" } },
    { selector: ".low", style: { display: "none" } },
    { selector: ".faded", style: { opacity: 0.25 } },
    { selector: "node.lit", style: { "border-width": 3, "border-color": accent, "font-weight": "bold" } },
    { selector: "edge.chosen", style: { "line-color": accent, "target-arrow-color": accent, width: 3.5, color: ink,
      "font-weight": "bold" } },
    { selector: "edge.pointed", style: { label: "data(label)", "text-wrap": "wrap", "text-max-width": 140, color: ink,
      "font-size": 12, "text-rotation": "none", "text-background-opacity": 1, "z-compound-depth": "top" } },
  ];
}

// A new drawing in place of the one before; nodes are where their positions say.
function draw(elements) {
  graph?.destroy();
  graph = cytoscape({
    container: byId("graph"), elements, style: graphStyle(), layout: { name: "preset", fit: false }, minZoom: 0.1,
    maxZoom: 3, boxSelectionEnabled: false, autounselectify: true,
  });
  graph.on("mouseover", "edge", (event) => event.target.addClass("pointed")); // its whole name
  graph.on("mouseout", "edge", (event) => event.target.removeClass("pointed"));
  graph.on("free", "node", label); // after it was moved
  graph.on("mouseover", "node, edge", () => { byId("graph").style.cursor = "pointer"; });
  graph.on("mouseout", "node, edge", () => { byId("graph").style.cursor = ""; });
}

// From there to where they can be read
function arrange(rounds) {
  graph.layout({ name: "cose", animate: false, randomize: false, fit: false, nodeRepulsion: () => 60000, nodeOverlap: 40,
    idealEdgeLength: () => 90, edgeElasticity: () => 60, gravity: 0.6, componentSpacing: 70, numIter: rounds }).run();
  spread();
  whole();
}

// Makes the drawing as wide and high as its frame, so that names can be read without zooming; a large one larger.
function spread() {
  const { width, height } = byId("graph").getBoundingClientRect();
  const more = Math.max(1, Math.sqrt(graph.nodes().length / 25));
  const box = graph.nodes().boundingBox({ includeLabels: false });
  const across = Math.min((width * more - 110) / box.w, 2.5);
  const down = Math.min((height * more - 60) / box.h, 2.5);
  const places = graph.nodes().map((node) => ({ x: node.position("x") * across, y: node.position("y") * down }));
  part(places);
  graph.nodes().positions((_, i) => places[i]);
}

// Moves nodes apart until none stands on another's name, or for long enough.
function part(places) {
  for (let round = 0, moved = true; moved && round < 60; round++) {
    moved = false;
    for (let i = 0; i < places.length; i++) {
      for (let k = 0; k < i; k++) {
        const [one, other] = [places[i], places[k]];
        const [x, y] = [one.x - other.x, one.y - other.y];
        const [wide, high] = [95 - Math.abs(x), 50 - Math.abs(y)];
        if (wide <= 0.5 || high <= 0.5) continue;
        moved = true;
        const [axis, by] = high < wide ? ["y", (y < 0 ? -high : high) / 2] : ["x", (x < 0 ? -wide : wide) / 2];
        one[axis] += by;
        other[axis] -= by;
      }
    }
  }
}

// Not ":visible", which Cytoscape answers from a cache until it has drawn again.
const shown = () => graph.elements().not(".low");

function whole() {
  graph.resize();
  graph.fit(shown(), 12);
  if (graph.zoom() > 1) {
    graph.zoom(1);
    graph.center(shown());
  }
}

function zoom(by) {
  const box = byId("graph").getBoundingClientRect();
  graph.zoom({ level: graph.zoom() * by, renderedPosition: { x: box.width / 2, y: box.height / 2 } });
}

// Fades all but an edge with its ends, or a node with its neighbours; only these edges are named.
function highlight(id) {
  graph.batch(() => {
    graph.elements().removeClass("chosen faded near");
    const element = graph.getElementById(id ?? "");
    if (!element.length) return; // nothing is chosen, or it is not drawn
    const near = element.isEdge() ? element.union(element.connectedNodes()) : element.closedNeighborhood();
    graph.elements().not(near).addClass("faded");
    near.edges().addClass("near");
    if (element.isEdge()) element.addClass("chosen");
  });
  label();
}

function watchFrame() {
  byId("closer").addEventListener("click", () => zoom(1.3));
  byId("farther").addEventListener("click", () => zoom(1 / 1.3));
  byId("whole").addEventListener("click", whole);
  byId("graph").addEventListener("pointerleave", () => graph?.edges().removeClass("pointed"));
  // The wheel scrolls the page, and zooms with the control key only.
  byId("frame").addEventListener("wheel", (event) => event.ctrlKey || event.stopPropagation(), { capture: true });
  addEventListener("resize", () => graph?.nodes().length && whole());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => graph?.style(graphStyle()));
}
