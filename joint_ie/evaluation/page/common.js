// The pieces of this script are joined in the order of error_page.py.
// Everything from documents gets onto the page as text (textContent, title), never as HTML.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const labels = new Map(Object.entries(data.labels)); // types may be called "constructor"
const SIDES = ["gold", "predicted"];
const chosen = { gold: new Set(), predicted: new Set() };
let visible = []; // numbers of the documents that filter and search leave
let current = 0;
let marks = []; // elements that a selection has marked
let words = []; // by token: its element and that of the gap after it, where it stands in a mention

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

const name = (text) => make("bdi", text, "name"); // its direction of writing stays its own

// Spans as text, so that they can be compared.
const key = (span) => span.join("-");
const distinct = (spans) => [...new Set(spans.map(key))].sort();
const hue = (i) => Math.round(i * 137.508) % 360; // golden angle: neighbours differ

// Scrolls a box, and never the page, so that it shows the first of what stands at these places.
function reveal(box, places) {
  const { top, height } = box.getBoundingClientRect();
  const first = Math.min(...places.map((place) => place.top)) - top;
  const last = Math.max(...places.map((place) => place.bottom)) - top;
  if (first < 0 || last > height - 30) box.scrollTop += first - 20;
}
