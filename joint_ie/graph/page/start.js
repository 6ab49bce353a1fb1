const scores = data.documents.flatMap((of) => (of.relations ?? []).map((relation) => relation[4]).filter((score) => score !== null));
const slider = byId("threshold");
slider.min = least = Math.floor(100 * scores.reduce((one, other) => Math.min(one, other), 1)) / 100;
slider.max = 1;
slider.value = least;
byId("threshold-box").hidden = !scores.length;
const showLeast = () => { byId("least").textContent = least.toFixed(2); };
slider.addEventListener("input", () => {
  least = Number(slider.value);
  showLeast();
  filter();
  for (const button of byId("list").querySelectorAll("button")) {
    button.querySelector("small").textContent = counted(data.documents[button.dataset.number]);
  }
});
showLeast();

const total = (each) => data.documents.reduce((sum, of) => sum + each(of), 0);
byId("summary").textContent = [
  count(data.documents.length, "document", "documents"),
  count(total((of) => of.entities.length), "entity", "entities"),
  count(total((of) => of.relations?.length ?? 0), "relation", "relations"),
].join(" · ");

byId("search").addEventListener("input", showDocuments);
for (const id of ["list", "relations", "entities"]) byId(id).addEventListener("keydown", listKeys);
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
document.addEventListener("keydown", (event) => event.key === "Escape" && chosen && choose(null));
watchFrame();

if (data.documents.length) {
  const several = data.documents.length > 1;
  document.querySelector("nav").hidden = byId("steps").hidden = !several;
  document.querySelector("main").hidden = false;
  document.querySelector("main").classList.toggle("several", several);
  open(0);
  showDocuments();
}
