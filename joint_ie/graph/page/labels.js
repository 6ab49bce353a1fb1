// Names of edges in the drawing: on every edge that has room for one, and no longer than its room.
const HALF = 7; // of the height of a name, with some air
const LEAST = 34; // room in which the start of a name can be read
const STEP = 4;
const pen = make("canvas").getContext("2d");

function widthOf(text) {
  pen.font = `10px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width + 6;
}

// Names all edges, or those near what is chosen, the best supported first; later names keep clear of earlier ones.
function label() {
  const near = graph.edges(".near");
  const edges = (near.length ? near : graph.edges()).not(".low").sort((one, other) => other.data("width") - one.data("width"));
  const boxes = shown().nodes().map(boxesOf).flat();
  const named = []; // points
  const free = ([x, y]) => !boxes.some((box) => x > box.x1 - HALF && x < box.x2 + HALF && y > box.y1 - HALF && y < box.y2 + HALF)
    && !named.some((point) => Math.hypot(point[0] - x, point[1] - y) < 2 * HALF);
  const rooms = edges.map((edge) => {
    const width = widthOf(edge.data("label"));
    const points = along(edge, width, free);
    const room = STEP * points.length;
    if (room < Math.min(width, LEAST)) return 0;
    named.push(...points);
    return room;
  });
  graph.batch(() => {
    graph.edges().removeClass("labelled");
    edges.forEach((edge, i) => { if (rooms[i]) edge.data("room", rooms[i]).addClass("labelled"); });
  });
}

// A node and its name below
function boxesOf(node) {
  const body = node.boundingBox({ includeLabels: false });
  return [body, { ...node.boundingBox(), y1: body.y2 }];
}

// Points where the name of an edge can stand, from its middle to both sides, as far as these are free
function along(edge, width, free) {
  const [from, to, middle] = [edge.source().position(), edge.target().position(), edge.midpoint()];
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const [x, y] = length ? [(to.x - from.x) / length, (to.y - from.y) / length] : [1, 0]; // a loop has a level name
  const most = Math.min(width + 2 * STEP, length ? length - 30 : 80) / 2;
  const points = [];
  for (let away = STEP / 2; away < most; away += STEP) {
    const pair = [1, -1].map((side) => [middle.x + side * away * x, middle.y + side * away * y]);
    if (!pair.every(free)) break;
    points.push(...pair);
  }
  return points;
}
