// The pieces of this script are joined in the order of document_page.py.
// Everything from documents gets onto the page as text (textContent, title, canvas), never as HTML.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
let current = 0; // number of the open document
let chosen = null; // {relation: i} or {entity: i} of the open document
let least = 0; // relations with a lower score are not shown

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function makeButton(className) {
  const button = make("button", undefined, className);
  button.type = "button";
  return button;
}

const name = (text) => make("bdi", text, "name"); // its direction of writing stays its own
const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
const hue = (type) => Math.round(212 + type * 137.508) % 360; // golden angle: neighbours differ

const record = () => data.documents[current];
const passes = (relation) => relation[4] === null || relation[4] >= least;
const shownRelations = (of) => (of.relations ?? []).filter(passes);

// Scrolls a box, and never the page, so that it shows the first of these elements.
function reveal(box, elements) {
  if (!elements.length) return;
  const { top, height } = box.getBoundingClientRect();
  const places = elements.map((element) => element.getBoundingClientRect());
  const first = Math.min(...places.map((place) => place.top)) - top;
  const last = Math.max(...places.map((place) => place.bottom)) - top;
  if (first < 0 || last > height) box.scrollTop += first - 24;
}
