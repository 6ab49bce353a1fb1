// The graph of this page, and what of it passes the filters; graph_data in graph_page.py says what the fields are.
const edgesOf = data.nodes.map(() => []); // numbers of the edges of every node, the most supported first
data.edges.forEach(([head, , tail], edge) => {
  edgesOf[head].push(edge);
  if (tail !== head) edgesOf[tail].push(edge);
});
const hiddenTypes = new Set();
let wantedRelation = null;

function passes(edge) {
  const [head, relation, tail, confidence] = data.edges[edge];
  return reaches(confidence) && (wantedRelation === null || relation === wantedRelation)
    && !hiddenTypes.has(data.nodes[head][0]) && !hiddenTypes.has(data.nodes[tail][0]);
}

const passing = (node) => edgesOf[node].filter(passes);
const relationOf = (edge) => data.relations[data.edges[edge][1]][1];

// The other ends of its edges, the most supported first; a node may be its own neighbour, and is left out.
function neighbours(node) {
  const ends = passing(node).map((edge) => (data.edges[edge][0] === node ? data.edges[edge][2] : data.edges[edge][0]));
  return [...new Set(ends)].filter((end) => end !== node);
}

// Without case and accents
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const searchable = []; // by node, made when it is first asked for

// 0: a name is what is searched, 1: one begins with it, 2: one, or the id, holds it, 3: none does
function match(node, query) {
  const [, first, others, , , id, concept] = data.nodes[node];
  searchable[node] ??= [first, ...others, id, concept ?? ""].map(folded);
  const names = searchable[node];
  if (names.includes(query)) return 0;
  if (names.some((text) => text.startsWith(query))) return 1;
  return names.some((text) => text.includes(query)) ? 2 : 3;
}
