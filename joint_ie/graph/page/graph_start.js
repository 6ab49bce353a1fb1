const confidences = data.edges.map((edge) => edge[3]).filter((confidence) => confidence !== null);
const slider = byId("threshold");
slider.min = least = Math.floor(100 * confidences.reduce((one, other) => Math.min(one, other), 1)) / 100;
slider.max = 1;
slider.value = least;
byId("threshold-box").hidden = !confidences.length;
const showLeast = () => { byId("least").textContent = least.toFixed(2); };
let waiting = 0;
slider.addEventListener("input", () => {
  least = Number(slider.value);
  showLeast();
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(filter);
});
showLeast();

byId("relation").addEventListener("change", (event) => {
  wantedRelation = event.target.value === "" ? null : Number(event.target.value);
  filter();
});
byId("search").addEventListener("input", showNodes);
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") byId("list").querySelector("button")?.click();
});
for (const id of ["list", "relations"]) byId(id).addEventListener("keydown", listKeys);
byId("only").addEventListener("click", () => open(opened.slice(-1)));
document.addEventListener("keydown", (event) => event.key === "Escape" && chosen && choose(null));
watchFrame();

const { documents, nodes, edges } = data.counts;
byId("summary").textContent = [count(documents, "document", "documents"), count(nodes, "node", "nodes"),
  count(edges, "edge", "edges")].join(" · ");
byId("left-out").hidden = !data.leftOut.nodes && !data.leftOut.edges;
byId("left-out").textContent = `This page holds a part: the ${count(data.edges.length, "edge", "edges")} in most documents, and `
  + `${count(data.nodes.length, "node", "nodes")}. ${count(data.leftOut.edges, "edge", "edges")} and `
  + `${count(data.leftOut.nodes, "node", "nodes")} are left out.`;

if (data.nodes.length) {
  document.querySelector("main").hidden = false;
  showTypes();
  showRelations();
  opened = [0];
  byId("only").disabled = true;
  filter();
}
